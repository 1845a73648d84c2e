package threatmodel

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// A tree is a mapping of Threagile's format (https://github.com/Threagile/threagile). It is written in the order of its
// keys.
type tree map[string]any

// threagileTechnology is the technology of a kind of component.
var threagileTechnology = map[string]string{
	"service": "web-service-rest", "job": "task", "ui": "web-application", "library": "library", "function": "function", "datastore": "database",
	"queue": "message-queue", "external": "web-service-rest",
}

var threagileClass = map[string]string{"public": "public", "internal": "internal", "confidential": "confidential", "restricted": "strictly-confidential"}

var threagileCriticality = map[string]string{"mission_critical": "mission-critical", "business_critical": "critical", "important": "important", "non_critical": "operational"}

// ExportThreagile writes a model as input for Threagile. The caller gives the day, which the format asks for. Losses say
// what Threagile has no place for, and what it asks for and the model does not know.
func (m *Model) ExportThreagile(day time.Time) (text []byte, losses []string) {
	e := &threagileExport{model: m, zones: zonesOf(m), taken: m.taken(), titles: map[string]bool{}, anyone: map[string]string{}}
	rating := threagileCriticality[m.System.Tier]
	if rating == "" {
		rating = "important"
	}
	out := tree{
		"threagile_version": "1.0.0", "title": m.System.name(), "date": day.Format(time.DateOnly), "author": tree{"name": "secbydesign", "homepage": ""},
		"business_criticality": rating, "management_summary_comment": "", "tags_available": []string{}, "shared_runtimes": tree{},
		"data_assets": e.data(), "technical_assets": e.assets(rating), "trust_boundaries": e.boundaries(), "individual_risk_categories": tree{}, "risk_tracking": tree{},
	}
	questions, decided := tree{}, tree{}
	for _, d := range m.Decisions {
		name := fmt.Sprintf("%s: %s of %s", d.ID, d.Topic, d.Component)
		if d.Status == Open {
			questions[name] = "" // Threagile's sign for unanswered
			continue
		}
		decided[name] = d.Text + " (" + strings.ReplaceAll(d.Status, "_", " ") + ")"
	}
	out["questions"], out["security_requirements"], out["abuse_cases"] = questions, decided, tree{}
	text, err := yaml.Marshal(out)
	if err != nil {
		panic(err) // it is made of texts, lists and mappings
	}
	return text, e.losses()
}

type threagileExport struct {
	model  *Model
	zones  map[string]string
	taken  map[string]bool
	titles map[string]bool
	anyone map[string]string // ids of what stands for a zone
	found  []string          // zones that have it
}

// title returns a title that no other element of the format has: titles are its keys.
func (e *threagileExport) title(name, id string) string {
	if e.titles[name] {
		name += " (" + id + ")"
	}
	e.titles[name] = true
	return name
}

func (e *threagileExport) data() tree {
	all := tree{}
	taken := map[string]bool{}
	for _, d := range e.model.Data {
		name := d.name()
		if taken[name] {
			name += " (" + d.ID + ")"
		}
		taken[name] = true
		all[name] = tree{
			"id": d.ID, "description": describeData(d), "usage": "business", "tags": []string{}, "origin": "", "owner": "", "quantity": "many",
			"confidentiality": threagileClass[d.Class], "integrity": "important", "availability": "important", "justification_cia_rating": "",
		}
	}
	return all
}

func describeData(d Data) string {
	list := []string{d.name()}
	if len(d.Sensitivity) > 0 {
		list = append(list, "sensitivity "+strings.Join(d.Sensitivity, ", "))
	}
	if d.Retention != "" {
		list = append(list, "kept for "+d.Retention)
	}
	if len(d.Fields) > 0 {
		list = append(list, "fields "+strings.Join(d.Fields, ", "))
	}
	return strings.Join(list, "; ")
}

func (e *threagileExport) assets(rating string) tree {
	all := tree{}
	for _, z := range e.model.Zones {
		if slices.ContainsFunc(e.model.Flows, func(f Flow) bool { return f.From == z.ID || f.To == z.ID }) {
			e.anyone[z.ID] = slug(anyoneIn+z.ID, e.taken)
			e.found = append(e.found, z.ID)
		}
	}
	for _, id := range e.found {
		i := slices.IndexFunc(e.model.Zones, func(z Zone) bool { return z.ID == id })
		z := e.model.Zones[i]
		all[e.title("Anyone in "+z.name(), id)] = e.asset(Component{ID: id, Kind: "actor", Exposure: "external"}, e.anyone[id], rating)
	}
	for _, c := range e.model.Components {
		all[e.title(c.name(), c.ID)] = e.asset(c, c.ID, rating)
	}
	return all
}

func (e *threagileExport) asset(c Component, id, rating string) tree {
	kind, technology, machine := "process", threagileTechnology[c.Kind], "container"
	switch c.Kind {
	case "datastore", "queue":
		kind = "datastore"
	case "external":
		kind = "external-entity"
	case "actor":
		kind, technology = "external-entity", "browser"
	case "function":
		machine = "serverless"
	}
	class := threagileClass[e.model.Class(c)]
	if class == "" {
		class = "internal"
	}
	stored := []string{}
	if kind == "datastore" {
		stored = append(stored, c.Holds...)
	}
	out := kind == "external-entity"
	return tree{
		"id": id, "description": describe(c), "type": kind, "usage": "business", "used_as_client_by_human": c.Kind == "actor" || c.Kind == "ui", "out_of_scope": out,
		"justification_out_of_scope": map[bool]string{true: "It is outside of the system."}[out], "size": "component", "technology": technology, "tags": []string{},
		"internet": c.Exposure == "external", "machine": machine, "encryption": "none", "owner": c.Owner, "confidentiality": class, "integrity": rating,
		"availability": rating, "justification_cia_rating": "", "multi_tenant": false, "redundant": false, "custom_developed_parts": kind == "process",
		"data_assets_processed": append([]string{}, c.Holds...), "data_assets_stored": stored, "data_formats_accepted": []string{}, "communication_links": e.links(c.ID),
	}
}

func (e *threagileExport) links(from string) tree {
	all := tree{}
	for _, f := range e.model.Flows {
		if f.From != from {
			continue
		}
		to := f.To
		if anyone, ok := e.anyone[to]; ok {
			to = anyone
		}
		all[f.ID] = tree{
			"target": to, "description": strings.Join(f.facts(), "; "), "protocol": threagileProtocol(f.Protocol), "authentication": threagileAuth(f.Auth),
			"authorization": "none", "tags": []string{}, "vpn": false, "ip_filtered": false, "readonly": false, "usage": "business",
			"data_assets_sent": append([]string{}, f.Data...), "data_assets_received": []string{},
		}
	}
	return all
}

func threagileProtocol(protocol string) string {
	known := []string{"http", "https", "ws", "wss", "mqtt", "jdbc", "odbc", "ssh", "smtp", "pop3", "imap", "ftp", "ftps", "sftp", "scp", "ldap", "ldaps", "jms", "nfs", "smb", "nrpe", "xmpp", "iiop", "jrmp"}
	word := strings.ToLower(protocol)
	switch {
	case slices.Contains(known, word):
		return word
	case slices.Contains([]string{"postgres", "postgresql", "mysql", "sql", "mssql"}, word):
		return "sql-access-protocol"
	case slices.Contains([]string{"redis", "mongodb", "mongo", "cassandra"}, word):
		return "nosql-access-protocol"
	case slices.Contains([]string{"grpc", "kafka", "amqp", "nats", "tcp"}, word):
		return "binary"
	case encrypted(protocol):
		return "binary-encrypted"
	}
	return "unknown-protocol"
}

func threagileAuth(auth string) string {
	words := strings.FieldsFunc(strings.ToLower(auth), notLetter)
	for _, guess := range []struct{ name, words string }{
		{"client-certificate", "mtls certificate cert"}, {"session-id", "session cookie"}, {"token", "token jwt oidc oauth oauth2 bearer key iam"},
		{"credentials", "password credentials basic"}, {"two-factor", "mfa 2fa webauthn passkey"},
	} {
		if slices.ContainsFunc(strings.Fields(guess.words), func(word string) bool { return slices.Contains(words, word) }) {
			return guess.name
		}
	}
	return "none"
}

func (e *threagileExport) boundaries() tree {
	all := tree{}
	for _, z := range e.model.Zones {
		inside := []string{}
		if id, ok := e.anyone[z.ID]; ok {
			inside = append(inside, id)
		}
		for _, c := range e.model.Components {
			if e.zones[c.ID] == z.ID {
				inside = append(inside, c.ID)
			}
		}
		all[e.title(z.name(), z.ID)] = tree{
			"id": slug("zone-"+z.ID, e.taken), "description": fmt.Sprintf("Trust %d of 100.", z.Trust), "type": "network-cloud-security-group", "tags": []string{},
			"technical_assets_inside": inside, "trust_boundaries_nested": []string{},
		}
	}
	return all
}

func (e *threagileExport) losses() []string {
	list := []string{"Threagile asks for integrity, availability, quantities, encryption and machines, which the model does not know: check them in the result."}
	m := e.model
	for _, loss := range []struct {
		name string
		lost bool
	}{
		{"secrets and cryptography", slices.ContainsFunc(m.Components, func(c Component) bool { return len(c.Secrets)+len(c.Crypto) > 0 })},
		{"parts of components", slices.ContainsFunc(m.Components, func(c Component) bool { return c.Parent != "" })},
		{"paths, hosts and resources, but as text", len(m.Components) > 0},
		{"what decisions cover and prove, who decided, and dates", len(m.Decisions) > 0},
		{"roles", len(m.Roles) > 0},
	} {
		if loss.lost {
			list = append(list, "Threagile has no place for "+loss.name+".")
		}
	}
	return list
}
