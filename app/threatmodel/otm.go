package threatmodel

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The Open Threat Model, version 0.2.0 (https://github.com/iriusrisk/OpenThreatModel). These types hold what is written
// and read here.
type (
	otm struct {
		Version         string              `json:"otmVersion"`
		Project         otmProject          `json:"project"`
		Representations []otmRepresentation `json:"representations,omitempty"`
		Assets          []otmAsset          `json:"assets,omitempty"`
		TrustZones      []otmZone           `json:"trustZones"`
		Components      []otmComponent      `json:"components"`
		Dataflows       []otmFlow           `json:"dataflows"`
		Threats         []otmThreat         `json:"threats,omitempty"`
		Mitigations     []otmMitigation     `json:"mitigations,omitempty"`
	}
	otmProject struct {
		Name        string         `json:"name"`
		ID          string         `json:"id"`
		Description string         `json:"description,omitempty"`
		Owner       string         `json:"owner,omitempty"`
		Attributes  *otmAttributes `json:"attributes,omitempty"`
	}
	otmRepresentation struct {
		Name string   `json:"name"`
		ID   string   `json:"id"`
		Type string   `json:"type"`
		Size *otmSize `json:"size,omitempty"`
	}
	otmSize struct {
		Width  float64 `json:"width"`
		Height float64 `json:"height"`
	}
	otmPosition struct {
		X float64 `json:"x"`
		Y float64 `json:"y"`
	}
	otmBox struct {
		Representation string       `json:"representation"`
		ID             string       `json:"id"`
		Position       *otmPosition `json:"position,omitempty"`
		Size           *otmSize     `json:"size,omitempty"`
	}
	otmParent struct {
		TrustZone string `json:"trustZone,omitempty"`
		Component string `json:"component,omitempty"`
	}
	otmAsset struct {
		Name        string         `json:"name"`
		ID          string         `json:"id"`
		Description string         `json:"description,omitempty"`
		Risk        otmAssetRisk   `json:"risk"`
		Attributes  *otmAttributes `json:"attributes,omitempty"`
	}
	otmAssetRisk struct {
		Confidentiality float64 `json:"confidentiality"`
		Integrity       float64 `json:"integrity"`
		Availability    float64 `json:"availability"`
	}
	otmZone struct {
		ID          string         `json:"id"`
		Name        string         `json:"name"`
		Description string         `json:"description,omitempty"`
		Risk        otmZoneRisk    `json:"risk"`
		Parent      *otmParent     `json:"parent,omitempty"`
		Boxes       []otmBox       `json:"representations,omitempty"`
		Attributes  *otmAttributes `json:"attributes,omitempty"`
	}
	otmZoneRisk struct {
		TrustRating float64 `json:"trustRating"`
	}
	otmComponent struct {
		ID          string         `json:"id"`
		Name        string         `json:"name"`
		Type        string         `json:"type"`
		Description string         `json:"description,omitempty"`
		Parent      otmParent      `json:"parent"`
		Boxes       []otmBox       `json:"representations,omitempty"`
		Assets      *otmHeld       `json:"assets,omitempty"`
		Threats     []otmThreatOf  `json:"threats,omitempty"`
		Tags        []string       `json:"tags,omitempty"`
		Attributes  *otmAttributes `json:"attributes,omitempty"`
	}
	otmHeld struct {
		Processed []string `json:"processed,omitempty"`
		Stored    []string `json:"stored,omitempty"`
	}
	otmThreatOf struct {
		Threat      string            `json:"threat"`
		State       string            `json:"state"`
		Mitigations []otmMitigationOf `json:"mitigations,omitempty"`
	}
	otmMitigationOf struct {
		Mitigation string `json:"mitigation"`
		State      string `json:"state"`
	}
	otmFlow struct {
		ID            string         `json:"id"`
		Name          string         `json:"name"`
		Description   string         `json:"description,omitempty"`
		Bidirectional bool           `json:"bidirectional,omitempty"`
		Source        string         `json:"source"`
		Destination   string         `json:"destination"`
		Assets        []string       `json:"assets,omitempty"`
		Threats       []otmThreatOf  `json:"threats,omitempty"`
		Tags          []string       `json:"tags,omitempty"`
		Attributes    *otmAttributes `json:"attributes,omitempty"`
	}
	otmThreat struct {
		ID          string        `json:"id"`
		Name        string        `json:"name"`
		Description string        `json:"description,omitempty"`
		Categories  []string      `json:"categories,omitempty"`
		Risk        otmThreatRisk `json:"risk"`
	}
	otmThreatRisk struct {
		Likelihood float64 `json:"likelihood"`
		Impact     float64 `json:"impact"`
	}
	otmMitigation struct {
		ID            string  `json:"id"`
		Name          string  `json:"name"`
		Description   string  `json:"description,omitempty"`
		RiskReduction float64 `json:"riskReduction"`
	}
)

// otmAttributes hold what OTM has no place for. Other tools keep them, or drop them.
type otmAttributes struct {
	Made        string        `json:"secbydesign:model,omitempty"`   // by this program, in its version 1
	Standin     string        `json:"secbydesign:standin,omitempty"` // is no part of the model: it stands for what OTM asks for
	Kind        string        `json:"kind,omitempty"`
	Zone        string        `json:"zone,omitempty"`
	Paths       []string      `json:"paths,omitempty"`
	Owner       string        `json:"owner,omitempty"`
	Exposure    string        `json:"exposure,omitempty"`
	Tier        string        `json:"tier,omitempty"`
	Authn       []string      `json:"authn,omitempty"`
	Secrets     []otmSecret   `json:"secrets,omitempty"`
	Crypto      []otmCrypto   `json:"crypto,omitempty"`
	Hosts       []string      `json:"hosts,omitempty"`
	Resources   []string      `json:"resources,omitempty"`
	Notes       []string      `json:"notes,omitempty"`
	Class       string        `json:"class,omitempty"`
	Sensitivity []string      `json:"sensitivity,omitempty"`
	Retention   string        `json:"retention,omitempty"`
	Fields      []string      `json:"fields,omitempty"`
	Protocol    string        `json:"protocol,omitempty"`
	Auth        string        `json:"auth,omitempty"`
	Tools       []string      `json:"tools,omitempty"`
	Decisions   []otmDecision `json:"decisions,omitempty"`
	Roles       []otmRole     `json:"roles,omitempty"`
}

type (
	otmSecret struct {
		Name   string `json:"name"`
		Store  string `json:"store,omitempty"`
		Rotate string `json:"rotate,omitempty"`
	}
	otmCrypto struct {
		Use string `json:"use"`
		Alg string `json:"alg,omitempty"`
		Key string `json:"key,omitempty"`
	}
	otmRole struct {
		Name    string `json:"name"`
		Allows  string `json:"allows,omitempty"`
		Default string `json:"default,omitempty"`
	}
	otmDecision struct {
		ID          string   `json:"id"`
		Component   string   `json:"component"`
		Topic       string   `json:"topic"`
		ASVS        []string `json:"asvs,omitempty"`
		Status      string   `json:"status"`
		Text        string   `json:"text,omitempty"`
		Public      bool     `json:"public,omitempty"`
		Covers      []string `json:"covers,omitempty"`
		Evidence    []string `json:"evidence,omitempty"`
		By          string   `json:"by,omitempty"`
		At          string   `json:"at,omitempty"`
		ReviewAfter string   `json:"review_after,omitempty"`
	}
)

// made says that attributes are those of this program.
const made = "1"

// Stand-ins for what OTM asks for and a model need not have.
const (
	noProject  = "threat-model"
	noZone     = "outside-of-all-zones"
	anyoneIn   = "anyone-in-"
	otmDiagram = "data-flow-diagram"
)

// confidentiality of the classes, from 0 to 100.
var confidentiality = map[string]float64{"public": 0, "internal": 30, "confidential": 70, "restricted": 100}

// The types of components that the format's users know; Threat Dragon draws a store for a database, a process for a
// service and an actor for all else.
var otmTypes = map[string]string{
	"service": "service", "job": "job-service", "ui": "web-ui-service", "library": "library-service", "function": "function-service",
	"datastore": "database", "queue": "queue-database", "external": "external-entity",
}

// ExportOTM writes a model as Open Threat Model 0.2.0 in JSON. Losses say what other tools may drop: OTM has no place
// for it but free attributes.
func (m *Model) ExportOTM() (text []byte, losses []string) {
	e := &otmExport{model: m, layout: layOut(m), taken: map[string]bool{}}
	e.out = otm{Version: "0.2.0", TrustZones: []otmZone{}, Components: []otmComponent{}, Dataflows: []otmFlow{}}
	e.project()
	e.assets()
	e.zones()
	e.components()
	e.flows()
	e.decisions()
	text, err := json.MarshalIndent(e.out, "", "  ")
	if err != nil {
		panic(err) // it is made of texts and numbers
	}
	return append(text, '\n'), e.losses()
}

type otmExport struct {
	model  *Model
	layout *layout
	out    otm
	taken  map[string]bool // ids of zones and components
	lone   string          // the zone for components that have none

	anyone map[string]string // the component that stands for what is in a zone
}

func (e *otmExport) project() {
	s := e.model.System
	p := otmProject{ID: s.ID, Name: s.name(), Attributes: &otmAttributes{Made: made, Exposure: s.Exposure, Tier: s.Tier}}
	if s.ID == "" {
		p.ID, p.Name, p.Attributes.Standin = noProject, "Threat model", "project"
	}
	for _, r := range e.model.Roles {
		p.Attributes.Roles = append(p.Attributes.Roles, otmRole(r.plain()))
	}
	for _, d := range e.model.Decisions {
		p.Attributes.Decisions = append(p.Attributes.Decisions, d.plain())
	}
	e.out.Project = p
	e.out.Representations = []otmRepresentation{{
		Name: "Data flow diagram", ID: otmDiagram, Type: "diagram", Size: &otmSize{drawingWidth, float64(e.layout.height)},
	}}
}

func (r Role) plain() otmRole { return otmRole{r.Name, r.Allows, r.Default} }

func (d Decision) plain() otmDecision {
	at, _ := value(d.At)
	review, _ := value(d.ReviewAfter)
	if d.At.IsZero() {
		at = ""
	}
	if d.ReviewAfter.IsZero() {
		review = ""
	}
	return otmDecision{d.ID, d.Component, d.Topic, d.ASVS, d.Status, d.Text, d.Public, d.Covers, d.Evidence, d.By, at, review}
}

func (e *otmExport) assets() {
	for _, d := range e.model.Data {
		e.out.Assets = append(e.out.Assets, otmAsset{
			ID: d.ID, Name: d.name(), Risk: otmAssetRisk{Confidentiality: confidentiality[d.Class], Integrity: 50, Availability: 50},
			Attributes: &otmAttributes{Class: d.Class, Sensitivity: d.Sensitivity, Retention: d.Retention, Fields: d.Fields},
		})
	}
}

func (e *otmExport) zones() {
	for _, z := range e.model.Zones {
		e.taken[z.ID] = true
	}
	for _, c := range e.model.Components {
		e.taken[c.ID] = true
	}
	for _, z := range e.model.Zones {
		e.out.TrustZones = append(e.out.TrustZones, otmZone{
			ID: z.ID, Name: z.name(), Risk: otmZoneRisk{float64(z.Trust)}, Boxes: e.band(z.ID),
		})
	}
	if slices.ContainsFunc(e.model.Components, func(c Component) bool { return c.Zone == "" && c.Parent == "" }) {
		e.lone = e.free(noZone)
		e.out.TrustZones = append(e.out.TrustZones, otmZone{
			ID: e.lone, Name: "Outside of all zones", Attributes: &otmAttributes{Standin: "zone"}, Boxes: e.band(""),
		})
	}
}

// free returns an id that nothing in the model has.
func (e *otmExport) free(id string) string {
	for n := 2; e.taken[id]; n++ {
		id = fmt.Sprintf("%s-%d", strings.TrimSuffix(id, fmt.Sprintf("-%d", n-1)), n)
	}
	e.taken[id] = true
	return id
}

// band returns the box of a zone in the diagram.
func (e *otmExport) band(zone string) []otmBox {
	for _, b := range e.layout.bands {
		if b.zone == nil && zone == "" || b.zone != nil && b.zone.ID == zone {
			return []otmBox{{otmDiagram, "zone-box-" + zone, &otmPosition{6, float64(b.y)}, &otmSize{drawingWidth - 12, float64(b.h)}}}
		}
	}
	return nil
}

// box returns the box of a component in the diagram.
func (e *otmExport) box(id, kind string) []otmBox {
	n := e.layout.nodes[id]
	return []otmBox{{otmDiagram, kind + "-box-" + id, &otmPosition{float64(n.x), float64(n.y)}, &otmSize{nodeWidth, nodeHeight}}}
}

func (e *otmExport) components() {
	for _, c := range e.model.Components {
		parent := otmParent{TrustZone: c.Zone}
		zone := ""
		switch {
		case c.Parent != "":
			parent, zone = otmParent{Component: c.Parent}, c.Zone
		case c.Zone == "":
			parent.TrustZone = e.lone
		}
		out := otmComponent{
			ID: c.ID, Name: c.name(), Type: otmTypes[c.Kind], Parent: parent, Boxes: e.box(c.ID, otmTypes[c.Kind]),
			Attributes: &otmAttributes{
				Kind: c.Kind, Zone: zone, Paths: c.Paths, Owner: c.Owner, Exposure: c.Exposure, Authn: c.Authn, Hosts: c.Hosts, Resources: c.Resources,
				Notes: c.Notes,
			},
		}
		for _, s := range c.Secrets {
			out.Attributes.Secrets = append(out.Attributes.Secrets, otmSecret(s))
		}
		for _, k := range c.Crypto {
			out.Attributes.Crypto = append(out.Attributes.Crypto, otmCrypto(k))
		}
		if len(c.Holds) > 0 {
			out.Assets = &otmHeld{Stored: c.Holds}
		}
		e.out.Components = append(e.out.Components, out)
	}
	e.anyone = map[string]string{}
	for _, b := range e.layout.bands {
		for _, n := range b.nodes {
			if n.zone == nil {
				continue
			}
			id := e.free(anyoneIn + n.id)
			e.anyone[n.id] = id
			e.out.Components = append(e.out.Components, otmComponent{
				ID: id, Name: "Anyone in " + n.zone.name(), Type: "actor", Parent: otmParent{TrustZone: n.id}, Boxes: e.box(n.id, "actor"),
				Attributes: &otmAttributes{Standin: "actor", Zone: n.id},
			})
		}
	}
}

func (e *otmExport) flows() {
	end := func(id string) string {
		if anyone, ok := e.anyone[id]; ok {
			return anyone
		}
		return id
	}
	for _, f := range e.model.Flows {
		name := strings.Join(f.facts(), ", ")
		if name == "" {
			name = f.ID
		}
		e.out.Dataflows = append(e.out.Dataflows, otmFlow{
			ID: f.ID, Name: name, Source: end(f.From), Destination: end(f.To), Assets: f.Data,
			Attributes: &otmAttributes{Protocol: f.Protocol, Auth: f.Auth, Hosts: f.Hosts, Tools: f.Tools},
		})
	}
}

// States of a threat and of its mitigation, by the status of a decision.
var otmStates = map[string]struct {
	threat, mitigation string
	reduction          float64
}{
	Open:          {"exposed", "", 0},
	Decided:       {"partly-mitigated", "required", 50},
	Implemented:   {"mitigated", "implemented", 100},
	NotApplicable: {"not-applicable", "rejected", 0},
	AcceptedRisk:  {"accepted", "rejected", 0},
}

// decisions makes a threat of each decision, and a mitigation of each that is answered.
func (e *otmExport) decisions() {
	for _, d := range e.model.Decisions {
		state := otmStates[d.Status]
		i := slices.IndexFunc(e.out.Components, func(c otmComponent) bool { return c.ID == d.Component })
		if i < 0 {
			continue
		}
		c := &e.out.Components[i]
		threat := otmThreat{
			ID: "threat-" + d.ID, Name: "Undecided " + d.Topic + " of " + c.Name, Categories: stride(d.Topic), Risk: otmThreatRisk{50, 100},
			Description: strings.Join(d.ASVS, ", "),
		}
		of := otmThreatOf{Threat: threat.ID, State: state.threat}
		if state.mitigation != "" {
			e.out.Mitigations = append(e.out.Mitigations, otmMitigation{ID: d.ID, Name: cut(d.Text, 80), Description: d.Text, RiskReduction: state.reduction})
			of.Mitigations = []otmMitigationOf{{d.ID, state.mitigation}}
		}
		e.out.Threats = append(e.out.Threats, threat)
		c.Threats = append(c.Threats, of)
	}
}

// losses names what is kept in free attributes alone.
func (e *otmExport) losses() (list []string) {
	kept := map[string]int{}
	count := func(name string, n int) {
		if n > 0 {
			kept[name]++
		}
	}
	for _, c := range e.model.Components {
		count("paths", len(c.Paths))
		count("owners", len(c.Owner))
		count("authentication", len(c.Authn))
		count("secrets", len(c.Secrets))
		count("cryptography", len(c.Crypto))
		count("hosts", len(c.Hosts))
		count("resources", len(c.Resources))
		count("notes", len(c.Notes))
	}
	for _, d := range e.model.Data {
		count("sensitivity and retention", len(d.Sensitivity)+len(d.Retention))
		count("fields", len(d.Fields))
	}
	for _, f := range e.model.Flows {
		count("protocols", len(f.Protocol)+len(f.Auth))
		count("hosts", len(f.Hosts))
		count("tools", len(f.Tools))
	}
	count("roles", len(e.model.Roles))
	for _, d := range e.model.Decisions {
		count("what decisions cover and prove", len(d.Covers)+len(d.Evidence))
	}
	for _, name := range []string{
		"paths", "owners", "authentication", "secrets", "cryptography", "hosts", "resources", "notes", "sensitivity and retention", "fields", "protocols",
		"tools", "roles", "what decisions cover and prove",
	} {
		if kept[name] > 0 {
			list = append(list, name)
		}
	}
	if len(list) > 0 {
		list = []string{"OTM has no place for " + strings.Join(list, ", ") + ": they are kept as attributes, which other tools may drop."}
	}
	return list
}
