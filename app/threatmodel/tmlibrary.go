package threatmodel

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The OWASP Threat Model Library, version 1.0.2 (https://github.com/OWASP/www-project-threat-model-library, MIT).
const libraryURL = "https://github.com/OWASP/www-project-threat-model-library/blob/v1.0.2/threat-model.schema.json"

type (
	library struct {
		Schema     string            `json:"$schema"`
		Version    string            `json:"version"`
		Scope      libraryScope      `json:"scope"`
		Zones      []libraryThing    `json:"trust_zones"`
		Boundaries []libraryBoundary `json:"trust_boundaries"`
		Actors     []libraryThing    `json:"actors"`
		Components []libraryThing    `json:"components"`
		Stores     []libraryThing    `json:"data_stores"`
		Sets       []librarySet      `json:"data_sets"`
		Flows      []libraryFlow     `json:"data_flows"`
		Controls   []libraryControl  `json:"controls,omitempty"`
	}
	libraryScope struct {
		Title       string   `json:"title"`
		Description string   `json:"description"`
		Criticality string   `json:"business_criticality"`
		Sensitivity []string `json:"data_sensitivity"`
		Exposure    string   `json:"exposure"`
		Tier        string   `json:"tier"`
	}
	libraryThing struct {
		Name        string `json:"symbolic_name"`
		Title       string `json:"title"`
		Description string `json:"description"`
		Parent      string `json:"parent_component,omitempty"`
		Type        string `json:"type,omitempty"`
		Zone        string `json:"trust_zone,omitempty"`
	}
	libraryBoundary struct {
		A string `json:"trust_zone_a"`
		B string `json:"trust_zone_b"`
	}
	librarySet struct {
		Name        string             `json:"symbolic_name"`
		Title       string             `json:"title"`
		Description string             `json:"description"`
		Placements  []libraryPlacement `json:"placements"`
		Sensitivity []string           `json:"data_sensitivity"`
	}
	libraryPlacement struct {
		Store string `json:"data_store"`
	}
	libraryEnd struct {
		Type   string `json:"type"`
		Object string `json:"object"`
	}
	libraryFlow struct {
		Name        string     `json:"symbolic_name"`
		Title       string     `json:"title"`
		Description string     `json:"description"`
		Source      libraryEnd `json:"source"`
		Destination libraryEnd `json:"destination"`
		Sensitive   bool       `json:"has_sensitive_data"`
		Encrypted   bool       `json:"encrypted"`
	}
	libraryControl struct {
		Name        string   `json:"symbolic_name"`
		Title       string   `json:"title"`
		Description string   `json:"description"`
		Threats     []string `json:"threats"`
		Status      string   `json:"status"`
		Priority    string   `json:"priority"`
	}
)

// controlStatus is the state of a control by the status of a decision.
var controlStatus = map[string]string{Open: "under_review", Decided: "approved", Implemented: "active", NotApplicable: "retired", AcceptedRisk: "wont_do"}

var criticality = map[string]string{"mission_critical": "maximal", "business_critical": "high", "important": "moderate", "non_critical": "low"}

// ExportTMLibrary writes a model in the format of the OWASP Threat Model Library. Losses say what it has no place for.
func (m *Model) ExportTMLibrary() (text []byte, losses []string) {
	e := &libraryExport{model: m, zones: zonesOf(m), taken: m.taken(), kinds: map[string]libraryEnd{}}
	e.scope()
	e.nodes()
	e.flows()
	e.sets()
	e.controls()
	text, err := json.MarshalIndent(e.out, "", "  ")
	if err != nil {
		panic(err) // it is made of texts and booleans
	}
	return append(text, '\n'), e.losses()
}

type libraryExport struct {
	model *Model
	out   library
	zones map[string]string
	taken map[string]bool
	kinds map[string]libraryEnd // of zones and components
	lone  string
}

func (e *libraryExport) scope() {
	s := e.model.System
	e.out = library{
		Schema: libraryURL, Version: "1.0",
		Zones: []libraryThing{}, Boundaries: []libraryBoundary{}, Actors: []libraryThing{}, Components: []libraryThing{}, Stores: []libraryThing{},
		Sets: []librarySet{}, Flows: []libraryFlow{},
	}
	scope := libraryScope{
		Title: s.name(), Description: s.name(), Exposure: s.Exposure, Tier: s.Tier, Criticality: criticality[s.Tier], Sensitivity: []string{},
	}
	if scope.Exposure == "" {
		scope.Exposure = "internal"
	}
	if scope.Tier == "" {
		scope.Tier, scope.Criticality = "important", "moderate"
	}
	for _, word := range sensitivities {
		if slices.ContainsFunc(e.model.Data, func(d Data) bool { return slices.Contains(d.Sensitivity, word) }) {
			scope.Sensitivity = append(scope.Sensitivity, word)
		}
	}
	e.out.Scope = scope
}

// zone returns the zone of a component; the format asks for one.
func (e *libraryExport) zone(id string) string {
	if zone := e.zones[id]; zone != "" {
		return zone
	}
	if e.lone == "" {
		e.lone = slug(noZone, e.taken)
		e.out.Zones = append(e.out.Zones, libraryThing{Name: e.lone, Title: "Outside of all zones", Description: "What is in no trust zone of the model."})
	}
	return e.lone
}

func (e *libraryExport) nodes() {
	for _, z := range e.model.Zones {
		e.out.Zones = append(e.out.Zones, libraryThing{Name: z.ID, Title: z.name(), Description: fmt.Sprintf("Trust %d of 100.", z.Trust)})
	}
	for _, c := range e.model.Components {
		thing := libraryThing{Name: c.ID, Title: c.name(), Description: describe(c), Zone: e.zone(c.ID)}
		switch c.Kind {
		case "datastore":
			thing.Type = "sql"
			e.out.Stores = append(e.out.Stores, thing)
			e.kinds[c.ID] = libraryEnd{"data-store", c.ID}
		case "external":
			thing.Type = "third_party"
			e.out.Actors = append(e.out.Actors, thing)
			e.kinds[c.ID] = libraryEnd{"actor", c.ID}
		default:
			if parent, ok := e.model.Component(c.Parent); ok && parent.Kind != "datastore" && parent.Kind != "external" {
				thing.Parent = c.Parent
			}
			e.out.Components = append(e.out.Components, thing)
			e.kinds[c.ID] = libraryEnd{"component", c.ID}
		}
	}
	for _, z := range e.model.Zones {
		if slices.ContainsFunc(e.model.Flows, func(f Flow) bool { return f.From == z.ID || f.To == z.ID }) {
			id := slug(anyoneIn+z.ID, e.taken)
			e.out.Actors = append(e.out.Actors, libraryThing{Name: id, Title: "Anyone in " + z.name(), Description: "Whatever is in this zone.", Type: "user", Zone: z.ID})
			e.kinds[z.ID] = libraryEnd{"actor", id}
			e.zones[z.ID] = z.ID
		}
	}
}

// describe lists in words what the formats have no field for.
func describe(c Component) string {
	list := []string{c.Kind}
	for _, one := range []struct{ name, text string }{
		{"exposure", c.Exposure}, {"owner", c.Owner}, {"paths", strings.Join(c.Paths, ", ")}, {"authentication", strings.Join(c.Authn, ", ")},
		{"hosts", strings.Join(c.Hosts, ", ")}, {"resources", strings.Join(c.Resources, ", ")},
	} {
		if one.text != "" {
			list = append(list, one.name+" "+one.text)
		}
	}
	return strings.Join(append(list, c.Notes...), "; ")
}

func (e *libraryExport) flows() {
	for _, f := range e.model.Flows {
		from, to := e.zone(f.From), e.zone(f.To)
		boundary := libraryBoundary{min(from, to), max(from, to)}
		if from != to && !slices.Contains(e.out.Boundaries, boundary) {
			e.out.Boundaries = append(e.out.Boundaries, boundary)
		}
		sensitive := slices.ContainsFunc(e.model.Data, func(d Data) bool {
			return slices.Contains(f.Data, d.ID) && (len(d.Sensitivity) > 0 || d.Class == "confidential" || d.Class == "restricted")
		})
		e.out.Flows = append(e.out.Flows, libraryFlow{
			Name: f.ID, Title: f.From + " to " + f.To, Description: strings.Join(f.facts(), "; "), Source: e.kinds[f.From], Destination: e.kinds[f.To],
			Sensitive: sensitive, Encrypted: encrypted(f.Protocol),
		})
	}
}

// encrypted reports whether a protocol is one that encrypts.
func encrypted(protocol string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(strings.ToLower(protocol), notLetter), func(word string) bool {
		return slices.Contains([]string{"https", "tls", "mtls", "wss", "ssh", "sftp", "ftps", "ldaps", "grpcs", "amqps", "mqtts", "rediss", "smtps", "imaps", "h2"}, word)
	})
}

func (e *libraryExport) sets() {
	for _, d := range e.model.Data {
		set := librarySet{Name: d.ID, Title: d.name(), Description: "Class " + d.Class + ".", Placements: []libraryPlacement{}, Sensitivity: slices.Clone(d.Sensitivity)}
		if set.Sensitivity == nil {
			set.Sensitivity = []string{}
		}
		if d.Retention != "" {
			set.Description += " Kept for " + d.Retention + "."
		}
		for _, c := range e.model.Components {
			if c.Kind == "datastore" && slices.Contains(c.Holds, d.ID) {
				set.Placements = append(set.Placements, libraryPlacement{c.ID})
			}
		}
		e.out.Sets = append(e.out.Sets, set)
	}
}

func (e *libraryExport) controls() {
	taken := map[string]bool{}
	for _, d := range e.model.Decisions {
		text := d.Text
		if text == "" {
			text = "Not decided yet."
		}
		if len(d.ASVS) > 0 {
			text += " " + strings.Join(d.ASVS, ", ")
		}
		e.out.Controls = append(e.out.Controls, libraryControl{
			Name: slug(d.ID, taken), Title: d.Topic + " of " + d.Component, Description: text, Threats: []string{}, Status: controlStatus[d.Status], Priority: "medium",
		})
	}
}

func (e *libraryExport) losses() (list []string) {
	m := e.model
	for _, loss := range []struct {
		name string
		lost bool
	}{
		{"the trust of zones, but as text", len(m.Zones) > 0},
		{"kinds, exposure, owners, paths, hosts and resources of components, but as text", len(m.Components) > 0},
		{"secrets and cryptography", slices.ContainsFunc(m.Components, func(c Component) bool { return len(c.Secrets)+len(c.Crypto) > 0 })},
		{"data held outside of stores", slices.ContainsFunc(m.Components, func(c Component) bool { return c.Kind != "datastore" && len(c.Holds) > 0 })},
		{"fields of data", slices.ContainsFunc(m.Data, func(d Data) bool { return len(d.Fields) > 0 })},
		{"the class and retention of data, but as text", len(m.Data) > 0},
		{"which data flows, but as text", slices.ContainsFunc(m.Flows, func(f Flow) bool { return len(f.Data) > 0 })},
		{"what decisions cover and prove, who decided, and dates", len(m.Decisions) > 0},
		{"roles", len(m.Roles) > 0},
		{"which database a store is: each is written as sql", len(e.out.Stores) > 0},
	} {
		if loss.lost {
			list = append(list, "The Threat Model Library has no place for "+loss.name+".")
		}
	}
	return list
}
