package threatmodel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxImport bounds an imported file, in bytes, and maxElements its elements.
const (
	maxImport   = 4 << 20
	maxElements = 5000
)

// ImportOTM reads an Open Threat Model 0.1 or 0.2 in JSON or YAML. Losses say, in one sentence each, what a model has no
// place for. An error says what to change in the file. The import of what [Model.ExportOTM] wrote gives the same model.
func ImportOTM(text []byte) (m *Model, losses []string, err error) {
	file, err := readOTM(text)
	if err != nil {
		return nil, nil, err
	}
	i := &otmImport{in: file, model: &Model{}, ids: map[string]string{}, zones: map[string]bool{}, taken: map[string]bool{}, lost: map[string]int{}}
	if a := file.Project.Attributes; a != nil && a.Made == made {
		i.ours = true
	}
	i.project()
	i.assets()
	i.nodes()
	i.flows()
	i.decisions()
	i.count("representations", len(file.Representations))
	if _, problems := Parse(map[string][]byte{"model": i.model.Format()}); len(problems) > 0 {
		return nil, nil, fmt.Errorf("read the Open Threat Model: what it describes is no valid model: %s", problems[0].Message)
	}
	return i.model, i.losses(), nil
}

func readOTM(text []byte) (*otm, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	switch {
	case len(text) > maxImport:
		return nil, errors.New("read the Open Threat Model: the file is larger than 4 MiB; export less")
	case encoding(text) != "":
		return nil, errors.New("read the Open Threat Model: " + encoding(text))
	}
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		var value any
		if err := yaml.Unmarshal(text, &value); err != nil {
			return nil, fmt.Errorf("read the Open Threat Model: it is neither JSON nor YAML: %s", oneLine(err.Error()))
		}
		asJSON, err := json.Marshal(value)
		if err != nil || len(asJSON) > 4*maxImport {
			return nil, errors.New("read the Open Threat Model: the file cannot be read; write it as JSON")
		}
		text = asJSON
	}
	var file otm
	var wrong *json.UnmarshalTypeError
	switch err := json.Unmarshal(text, &file); {
	case errors.As(err, &wrong):
		return nil, fmt.Errorf("read the Open Threat Model: %s must not be a %s", wrong.Field, wrong.Value)
	case err != nil:
		return nil, fmt.Errorf("read the Open Threat Model: %w", err)
	case file.Version == "":
		return nil, errors.New("read the Open Threat Model: the file has no otmVersion; name a file in the Open Threat Model format")
	case !strings.HasPrefix(file.Version, "0.1.") && !strings.HasPrefix(file.Version, "0.2."):
		return nil, fmt.Errorf("read the Open Threat Model: version %q is not known here; export it as 0.2.0", cut(file.Version, 20))
	case len(file.Components)+len(file.Dataflows)+len(file.TrustZones)+len(file.Assets) > maxElements:
		return nil, fmt.Errorf("read the Open Threat Model: it has more than %d elements; export less", maxElements)
	}
	return &file, nil
}

// UnmarshalJSON reads the attributes that are known, and leaves out those of another type: every tool has its own.
func (a *otmAttributes) UnmarshalJSON(text []byte) error {
	var all map[string]json.RawMessage
	if json.Unmarshal(text, &all) != nil {
		return nil // a list, for example
	}
	type plain otmAttributes
	for _, key := range slices.Sorted(maps.Keys(all)) {
		var one plain
		pair, err := json.Marshal(map[string]json.RawMessage{key: all[key]})
		if err != nil || json.Unmarshal(pair, &one) != nil {
			continue
		}
		_ = json.Unmarshal(pair, (*plain)(a)) // it did work just now
	}
	return nil
}

type otmImport struct {
	in    *otm
	ours  bool // this program wrote it, so attributes mean what they say
	model *Model

	ids   map[string]string // of zones and components, by those of the file; empty for no zone
	zones map[string]bool   // ids of the file that are zones
	data  map[string]string
	taken map[string]bool

	lost map[string]int
}

func (i *otmImport) count(what string, n int) { i.lost[what] += n }

// attributes returns those of an element if this program wrote them.
func (i *otmImport) attributes(a *otmAttributes) otmAttributes {
	if a == nil {
		return otmAttributes{}
	}
	if !i.ours {
		i.count("attributes", 1)
		return otmAttributes{}
	}
	return *a
}

// slug returns an id of small letters, digits and hyphens that is not in use.
func slug(id string, taken map[string]bool) string {
	var b strings.Builder
	for _, c := range strings.ToLower(id) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == 60 {
			break
		}
	}
	base := b.String()
	if lower.fits(id) {
		base = id
	} else if base = strings.Trim(base, "-"); base == "" {
		base = "unnamed"
	}
	name := base
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", base[:min(len(base), 58)], n)
	}
	taken[name] = true
	return name
}

// visible returns a text as one line, without characters that cannot be seen.
func visible(s string) string {
	return oneLine(strings.Map(func(c rune) rune {
		if invisible(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "")))
}

// title returns a name as a title, which is empty if the id says the same.
func title(name, id string) string { return other(cut(visible(name), 200), id) }

func (i *otmImport) project() {
	p := i.in.Project
	a := i.attributes(p.Attributes)
	if a.Standin == "" && (p.ID != "" || p.Name != "") {
		id := slug(p.ID, map[string]bool{})
		if p.ID == "" {
			id = slug(p.Name, map[string]bool{})
		}
		i.model.System = System{ID: id, Title: title(p.Name, id), Exposure: a.Exposure, Tier: a.Tier}
	}
	for _, r := range a.Roles {
		i.model.Roles = append(i.model.Roles, Role{Name: r.Name, Allows: r.Allows, Default: r.Default})
	}
	i.count("the project's description and owner", len(p.Description)+len(p.Owner))
}

func (i *otmImport) assets() {
	i.data = map[string]string{}
	taken := map[string]bool{}
	for _, asset := range i.in.Assets {
		a := i.attributes(asset.Attributes)
		id := slug(asset.ID, taken)
		i.data[asset.ID] = id
		d := Data{ID: id, Title: title(asset.Name, id), Class: a.Class, Sensitivity: a.Sensitivity, Retention: a.Retention, Fields: a.Fields}
		if d.Class == "" {
			d.Class = classOf(asset.Risk.Confidentiality)
		}
		i.model.Data = append(i.model.Data, d)
		if !i.ours {
			i.count("the integrity and availability of assets", 1)
		}
		i.count("descriptions of assets", len(asset.Description))
	}
}

func classOf(confidentiality float64) string {
	switch {
	case confidentiality >= 90:
		return "restricted"
	case confidentiality >= 50:
		return "confidential"
	case confidentiality > 0:
		return "internal"
	}
	return "public"
}

// nodes reads zones and components.
func (i *otmImport) nodes() {
	for _, z := range i.in.TrustZones {
		i.zones[z.ID] = true
		a := i.attributes(z.Attributes)
		if a.Standin != "" {
			i.ids[z.ID] = ""
			continue
		}
		id := slug(z.ID, i.taken)
		i.ids[z.ID] = id
		i.model.Zones = append(i.model.Zones, Zone{ID: id, Title: title(z.Name, id), Trust: int(math.Round(min(max(z.Risk.TrustRating, 0), 100)))})
		if z.Parent != nil {
			i.count("parents of trust zones", 1)
		}
		i.count("descriptions of trust zones", len(z.Description))
	}
	var real []otmComponent
	for _, c := range i.in.Components {
		if a := c.Attributes; i.ours && a != nil && a.Standin == "actor" {
			i.ids[c.ID] = i.ids[a.Zone]
			continue
		}
		if _, twice := i.ids[c.ID]; twice {
			i.count("components with the id of another element", 1)
			continue
		}
		i.ids[c.ID] = slug(c.ID, i.taken)
		real = append(real, c)
	}
	for _, c := range real {
		i.component(c)
	}
	for _, circle := range circles(i.model.Components) {
		at := slices.IndexFunc(i.model.Components, func(c Component) bool { return c.ID == circle[0] })
		i.model.Components[at].Parent = ""
		i.count("parents that are parts of their parts", 1)
	}
}

func (i *otmImport) component(in otmComponent) {
	a := i.attributes(in.Attributes)
	id := i.ids[in.ID]
	c := Component{
		ID: id, Title: title(in.Name, id), Kind: a.Kind, Zone: a.Zone, Paths: a.Paths, Owner: a.Owner, Exposure: a.Exposure, Authn: a.Authn,
		Hosts: a.Hosts, Resources: a.Resources, Notes: a.Notes,
	}
	if c.Kind == "" {
		c.Kind = kindOf(in.Type)
		i.count("types of components, which became kinds", 1)
	}
	zone, known := i.ids[in.Parent.TrustZone]
	part, inside := i.ids[in.Parent.Component]
	switch {
	case known && i.zones[in.Parent.TrustZone]:
		c.Zone = zone
	case i.zones[in.Parent.Component]: // the wrong key
		c.Zone = part
	case inside:
		c.Parent = part
	default:
		i.count("parents that are not in the file", 1)
	}
	for _, s := range a.Secrets {
		c.Secrets = append(c.Secrets, Secret(s))
	}
	for _, k := range a.Crypto {
		c.Crypto = append(c.Crypto, Crypto(k))
	}
	if in.Assets != nil {
		c.Holds = i.held(slices.Concat(in.Assets.Stored, in.Assets.Processed))
		i.count("which assets are processed only", len(in.Assets.Processed))
	}
	if text := title(in.Description, ""); text != "" && !i.ours {
		c.Notes = []string{text}
	}
	i.count("tags", len(in.Tags))
	i.model.Components = append(i.model.Components, c)
}

func (i *otmImport) held(assets []string) (list []string) {
	for _, asset := range assets {
		id, ok := i.data[asset]
		switch {
		case !ok:
			i.count("assets that are not in the file", 1)
		case !slices.Contains(list, id) && len(list) < maxList:
			list = append(list, id)
		}
	}
	return list
}

// kindOf guesses a kind from a type, which OTM leaves free.
func kindOf(kind string) string {
	kind = strings.ToLower(kind)
	for _, guess := range []struct{ kind, words string }{
		{"queue", "queue sqs sns kafka topic bus pubsub rabbit broker stream"},
		{"datastore", "database datastore storage bucket s3 rds dynamo sql redis cache mongo elasticsearch"},
		{"function", "function lambda"},
		{"external", "external actor third saas user"},
		{"ui", "client browser mobile ui frontend spa"},
		{"job", "job batch cron scheduler"},
		{"library", "library sdk package"},
	} {
		for word := range strings.SplitSeq(guess.words, " ") {
			if strings.Contains(kind, word) && (len(word) > 2 || slices.Contains(strings.FieldsFunc(kind, notLetter), word)) {
				return guess.kind
			}
		}
	}
	return "service"
}

func notLetter(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') }

func (i *otmImport) flows() {
	taken := map[string]bool{}
	for _, in := range i.in.Dataflows {
		from, to := i.ids[in.Source], i.ids[in.Destination]
		if from == "" || to == "" {
			i.count("data flows whose ends are not in the file", 1)
			continue
		}
		a := i.attributes(in.Attributes)
		i.model.Flows = append(i.model.Flows, Flow{
			ID: slug(in.ID, taken), From: from, To: to, Protocol: a.Protocol, Auth: a.Auth, Data: i.held(in.Assets), Hosts: a.Hosts, Tools: a.Tools,
		})
		if in.Bidirectional {
			i.count("that data flows go both ways", 1)
		}
		if !i.ours {
			i.count("names and descriptions of data flows", 1)
		}
		i.count("tags", len(in.Tags))
		i.count("threats of data flows", len(in.Threats))
	}
}

// decisions reads those that this program wrote. A threat of another tool names no topic.
func (i *otmImport) decisions() {
	if !i.ours {
		i.count("threats and mitigations, which name no topic of a decision", len(i.in.Threats)+len(i.in.Mitigations))
		return
	}
	for _, d := range i.in.Project.Attributes.Decisions {
		at, _ := time.Parse(time.DateOnly, d.At) // zero for none
		review, _ := time.Parse(time.DateOnly, d.ReviewAfter)
		i.model.Decisions = append(i.model.Decisions, Decision{
			ID: d.ID, Component: d.Component, Topic: d.Topic, ASVS: d.ASVS, Status: d.Status, Text: d.Text, Public: d.Public, Covers: d.Covers,
			Evidence: d.Evidence, By: d.By, At: at, ReviewAfter: review,
		})
	}
}

// losses names what was not kept, in a fixed order.
func (i *otmImport) losses() (list []string) {
	if i.ours {
		delete(i.lost, "representations")
		delete(i.lost, "descriptions of assets")
	}
	var names []string
	for name, n := range i.lost {
		if n > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		list = append(list, "Not imported: "+name+".")
	}
	return list
}
