package sarif

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
)

// The parts of SARIF 2.1.0 that this package reads, named as in the standard; § is its section.
// Free-form parts may have any type, because tools put anything there.

type readRun struct { // §3.14
	driver     component
	extensions []component
	taxonomies []component
	bases      map[string]readArtifactLocation // originalUriBaseIds
	artifacts  []readArtifactLocation
	columns    string
	levels     map[string]string // by id of rule, where an invocation overrides the rule's own
	results    []readResult
	kept       int // bytes, roughly
	run        Run
}

type component struct { // §3.19, tool component
	name, version, semantic, guid string
	rules                         []readRule
	byID                          map[string]int
	strings                       map[string]readText // globalMessageStrings
	taxa                          []string
}

type readText struct { // §3.12
	Text string `json:"text"`
}

type readRule struct { // §3.49
	ID               string              `json:"id"`
	GUID             string              `json:"guid"`
	Name             string              `json:"name"`
	DeprecatedIDs    []string            `json:"deprecatedIds"`
	ShortDescription readText            `json:"shortDescription"`
	FullDescription  readText            `json:"fullDescription"`
	Help             readText            `json:"help"`
	HelpURI          string              `json:"helpUri"`
	MessageStrings   map[string]readText `json:"messageStrings"`
	Configuration    struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Relationships []struct {
		Target reference `json:"target"`
	} `json:"relationships"`
	Properties bag `json:"properties"`
}

type reference struct { // §3.52
	ID        string             `json:"id"`
	Index     *int               `json:"index"`
	GUID      string             `json:"guid"`
	Component componentReference `json:"toolComponent"`
}

type componentReference struct { // §3.54
	Name  string `json:"name"`
	Index *int   `json:"index"`
	GUID  string `json:"guid"`
}

// A bag is a property bag (§3.8), in which nothing has a type for sure.
type bag struct {
	Tags     []string
	Security string
	CWE      []string
}

func (b *bag) UnmarshalJSON(raw []byte) error {
	var m struct {
		Tags     json.RawMessage `json:"tags"`
		Security json.RawMessage `json:"security-severity"`
		CWE      json.RawMessage `json:"cwe"`
	}
	if json.Unmarshal(raw, &m) != nil {
		return nil // not even an object, which is no error
	}
	b.Tags, b.CWE = words(m.Tags), words(m.CWE)
	if s := words(m.Security); len(s) == 1 {
		b.Security = s[0]
	}
	return nil
}

// words returns the texts and numbers of a list, or a single one that is not in a list.
func words(raw json.RawMessage) []string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	var out []string
	for _, r := range list[:min(len(list), 100)] {
		var s string
		var n json.Number
		switch {
		case json.Unmarshal(r, &s) == nil && s != "":
			out = append(out, untrusted.Sentence(s, 200))
		case json.Unmarshal(r, &n) == nil && n != "":
			out = append(out, n.String())
		}
	}
	return out
}

type readArtifactLocation struct { // §3.4
	URI   string `json:"uri"`
	Base  string `json:"uriBaseId"`
	Index *int   `json:"index"`
}

type readResult struct { // §3.27
	RuleID    string         `json:"ruleId"`
	RuleIndex *int           `json:"ruleIndex"`
	Rule      reference      `json:"rule"`
	Kind      string         `json:"kind"`
	Level     string         `json:"level"`
	Message   readMessage    `json:"message"`
	Locations []readLocation `json:"locations"`
	Related   []readLocation `json:"relatedLocations"`
	CodeFlows []struct {
		ThreadFlows []struct {
			Locations []struct {
				Location readLocation `json:"location"`
			} `json:"locations"`
		} `json:"threadFlows"`
	} `json:"codeFlows"`
	Fixes        []readFix   `json:"fixes"`
	Taxa         []reference `json:"taxa"`
	Suppressions []struct {
		Kind   string `json:"kind"`
		Status string `json:"status"`
	} `json:"suppressions"`
	BaselineState string `json:"baselineState"`
	Properties    bag    `json:"properties"`

	steps []readLocation // of the first code flow
}

type readMessage struct { // §3.11
	Text      string   `json:"text"`
	ID        string   `json:"id"`
	Arguments []string `json:"arguments"`
}

type readLocation struct { // §3.28
	Physical struct {
		Artifact readArtifactLocation `json:"artifactLocation"`
		Region   *readRegion          `json:"region"`
	} `json:"physicalLocation"`
	Message readMessage `json:"message"`
}

type readRegion struct { // §3.30
	StartLine   int  `json:"startLine"`
	StartColumn int  `json:"startColumn"`
	EndLine     int  `json:"endLine"`
	EndColumn   int  `json:"endColumn"`
	CharOffset  *int `json:"charOffset"`
	CharLength  int  `json:"charLength"`
	ByteOffset  *int `json:"byteOffset"`
	ByteLength  int  `json:"byteLength"`

	// Snippet is only compared with the file and never shown.
	Snippet readText `json:"snippet"`
}

type readFix struct { // §3.55
	Description readText `json:"description"`
	Changes     []struct {
		Artifact     readArtifactLocation `json:"artifactLocation"`
		Replacements []struct {
			Deleted  readRegion `json:"deletedRegion"`
			Inserted readText   `json:"insertedContent"`
		} `json:"replacements"`
	} `json:"artifactChanges"`
}

type readInvocation struct { // §3.20
	Successful    *bool              `json:"executionSuccessful"`
	Execution     []readNotification `json:"toolExecutionNotifications"`
	Configuration []readNotification `json:"toolConfigurationNotifications"`
	StartFailure  string             `json:"processStartFailureMessage"`
	Overrides     []struct {         // §3.20.5
		Configuration struct {
			Level string `json:"level"`
		} `json:"configuration"`
		Descriptor reference `json:"descriptor"`
	} `json:"ruleConfigurationOverrides"`
}

type readNotification struct { // §3.58
	Level   string      `json:"level"`
	Message readMessage `json:"message"`
}

// run reads one run. It converts the results to findings at the end, when everything that they
// refer to is known.
func (d *document) run() error {
	r := readRun{run: Run{NoResults: true}}
	err := d.Object(func(key string) error {
		switch key {
		case "tool":
			return d.tool(&r)
		case "invocations":
			return d.Array(func(int) error { return d.invocation(&r) })
		case "automationDetails":
			var details automationDetails
			err := d.Decode(&details)
			r.run.Category = untrusted.Sentence(details.ID[:max(strings.LastIndexByte(details.ID, '/'), 0)], 100)
			return err
		case "originalUriBaseIds":
			return d.keep(&r, &r.bases)
		case "columnKind":
			return d.Decode(&r.columns)
		case "artifacts":
			return d.Array(func(int) error {
				var a struct {
					Location readArtifactLocation `json:"location"`
				}
				if err := d.keep(&r, &a); err != nil {
					return err
				}
				r.artifacts = append(r.artifacts, a.Location)
				return nil
			})
		case "taxonomies":
			return d.Array(func(int) error {
				r.taxonomies = append(r.taxonomies, component{})
				return d.component(&r, &r.taxonomies[len(r.taxonomies)-1])
			})
		case "results":
			listed, err := d.List(func(int) error { return d.result(&r) })
			r.run.NoResults = !listed
			return err
		}
		return d.Skip()
	})
	d.convert(&r)
	d.runs = append(d.runs, r.run)
	return err
}

// keep decodes a value that is held until the end of the run. It refuses a run whose tables exceed
// maxKept, since its results could not be interpreted.
func (d *document) keep(r *readRun, v any) error {
	before := d.Offset()
	if err := d.Decode(v); err != nil {
		return err
	}
	if r.kept += int(d.Offset() - before); r.kept > maxKept {
		return d.Wrong(fmt.Sprintf("and what is before it hold more than %d MB about rules and files, which is more than is read", maxKept>>20))
	}
	return nil
}

func (d *document) tool(r *readRun) error {
	return d.Object(func(key string) error {
		switch key {
		case "driver":
			return d.component(r, &r.driver)
		case "extensions":
			return d.Array(func(int) error {
				r.extensions = append(r.extensions, component{})
				return d.component(r, &r.extensions[len(r.extensions)-1])
			})
		}
		return d.Skip()
	})
}

func (d *document) component(r *readRun, c *component) error {
	c.byID = map[string]int{}
	return d.Object(func(key string) error {
		switch key {
		case "name":
			return d.Decode(&c.name)
		case "version":
			return d.Decode(&c.version)
		case "semanticVersion":
			return d.Decode(&c.semantic)
		case "guid":
			return d.Decode(&c.guid)
		case "globalMessageStrings":
			err := d.keep(r, &c.strings)
			for id, m := range c.strings {
				cut(&m.Text, 8<<10)
				c.strings[id] = m
			}
			return err
		case "rules":
			return d.Array(func(i int) error {
				var rule readRule
				if err := d.keep(r, &rule); err != nil {
					return err
				}
				if _, ok := c.byID[rule.ID]; !ok {
					c.byID[rule.ID] = i
				}
				rule.trim()
				c.rules = append(c.rules, rule)
				return nil
			})
		case "taxa":
			return d.Array(func(int) error {
				var taxon struct {
					ID string `json:"id"`
				}
				if err := d.keep(r, &taxon); err != nil {
					return err
				}
				c.taxa = append(c.taxa, taxon.ID)
				return nil
			})
		}
		return d.Skip()
	})
}

func (d *document) invocation(r *readRun) error {
	var in readInvocation
	if err := d.keep(r, &in); err != nil {
		return err
	}
	for _, o := range in.Overrides {
		if r.levels == nil {
			r.levels = map[string]string{}
		}
		r.levels[o.Descriptor.ID] = o.Configuration.Level
	}
	fail := func(s string) {
		if len(r.run.Failed) < 20 {
			r.run.Failed = append(r.run.Failed, untrusted.Sentence(s, 500))
		}
	}
	for _, n := range append(in.Execution, in.Configuration...) {
		if n.Level == "error" {
			fail("notification: " + n.Message.Text)
		}
	}
	if in.StartFailure != "" {
		fail("it did not start: " + in.StartFailure)
	}
	if in.Successful != nil && !*in.Successful {
		fail("executionSuccessful is false")
	}
	return nil
}

// Limits of what is kept of one result. Nobody reads more.
const (
	maxSteps     = 50
	maxFixes     = 5
	maxEdits     = 50
	maxInserted  = 16 << 10
	maxLocations = 20
)

func (d *document) result(r *readRun) error {
	if d.results >= d.options.Limit || r.kept > maxKept {
		r.run.Truncated = true
		return d.Pass()
	}
	var res readResult
	if err := d.Decode(&res); err != nil {
		return err
	}
	switch res.Kind {
	case "pass", "notApplicable", "informational":
		return nil
	}
	if res.BaselineState == "absent" {
		return nil
	}
	res.trim()
	r.kept += res.size()
	d.results++
	r.results = append(r.results, res)
	return nil
}

// trim removes what will not be reported.
func (res *readResult) trim() {
	for _, s := range []*string{&res.RuleID, &res.Kind, &res.Level, &res.Message.ID, &res.Rule.ID, &res.Rule.GUID, &res.Rule.Component.Name, &res.Rule.Component.GUID} {
		cut(s, 1000)
	}
	res.Message.trim()
	res.Locations = trimLocations(res.Locations, maxLocations)
	res.Related = trimLocations(res.Related, maxSteps)
	var steps []readLocation
	for _, f := range res.CodeFlows[:min(len(res.CodeFlows), 1)] {
		for _, t := range f.ThreadFlows[:min(len(f.ThreadFlows), 1)] {
			for i, l := range t.Locations {
				// Keep both ends: the source and the sink matter most.
				if i < maxSteps/2 || i >= len(t.Locations)-maxSteps/2 {
					steps = append(steps, l.Location)
				}
			}
		}
	}
	res.CodeFlows, res.steps = nil, trimLocations(steps, maxSteps)
	res.Taxa = slices.Clone(res.Taxa[:min(len(res.Taxa), 20)])
	for i := range res.Taxa {
		cut(&res.Taxa[i].ID, 100)
		cut(&res.Taxa[i].GUID, 100)
		cut(&res.Taxa[i].Component.Name, 100)
		cut(&res.Taxa[i].Component.GUID, 100)
	}
	if len(res.Suppressions) > 20 {
		res.Suppressions = nil // not plausible, so the result is reported
	}
	for i := range res.Suppressions {
		cut(&res.Suppressions[i].Kind, 20)
		cut(&res.Suppressions[i].Status, 20)
	}
	res.Fixes = slices.Clone(res.Fixes[:min(len(res.Fixes), maxFixes)])
	for i, f := range res.Fixes {
		edits, inserted := 0, 0
		for _, c := range f.Changes {
			edits += 1 + len(c.Replacements)
			for _, p := range c.Replacements {
				inserted += len(p.Inserted.Text) + len(p.Deleted.Snippet.Text)
			}
		}
		if edits > maxEdits || inserted > maxInserted {
			res.Fixes[i] = readFix{}
		}
		cut(&res.Fixes[i].Description.Text, 1000)
	}
}

func trimLocations(list []readLocation, most int) []readLocation {
	list = slices.Clone(list[:min(len(list), most)])
	for i := range list {
		list[i].Message.trim()
		cut(&list[i].Physical.Artifact.Base, 1000)
		if r := list[i].Physical.Region; r != nil && len(r.Snippet.Text) > 1000 {
			r.Snippet.Text = ""
		}
	}
	return list
}

func (m *readMessage) trim() {
	const most = 8 << 10
	cut(&m.Text, most)
	cut(&m.ID, 1000)
	m.Arguments = slices.Clone(m.Arguments[:min(len(m.Arguments), 20)])
	for i := range m.Arguments {
		cut(&m.Arguments[i], most)
	}
}

// trim shortens texts that are longer than anybody reads, and that would be processed for each
// result.
func (r *readRule) trim() {
	for _, s := range []*string{&r.ShortDescription.Text, &r.FullDescription.Text, &r.Help.Text} {
		cut(s, 8<<10)
	}
	for _, s := range []*string{&r.ID, &r.GUID, &r.Name, &r.HelpURI} {
		cut(s, 1000)
	}
	r.DeprecatedIDs = slices.Clone(r.DeprecatedIDs[:min(len(r.DeprecatedIDs), 50)])
	r.Relationships = slices.Clone(r.Relationships[:min(len(r.Relationships), 50)])
	for id, m := range r.MessageStrings {
		cut(&m.Text, 8<<10)
		r.MessageStrings[id] = m
	}
}

// cut shortens a text and frees the memory of the rest.
func cut(s *string, most int) {
	if len(*s) > most {
		*s = strings.Clone((*s)[:most])
	}
}

// size returns roughly the memory, in bytes, that the result takes.
func (res *readResult) size() int {
	n := 1000 + len(res.RuleID)
	for _, list := range [][]readLocation{res.Locations, res.Related, res.steps} {
		for _, l := range list {
			n += 300 + len(l.Physical.Artifact.URI) + l.Message.size()
			if r := l.Physical.Region; r != nil {
				n += len(r.Snippet.Text)
			}
		}
	}
	for _, f := range res.Fixes {
		for _, c := range f.Changes {
			n += 100 + len(c.Artifact.URI)
			for _, p := range c.Replacements {
				n += 200 + len(p.Inserted.Text) + len(p.Deleted.Snippet.Text)
			}
		}
	}
	for _, t := range slices.Concat(res.Properties.Tags, res.Properties.CWE) {
		n += 20 + len(t)
	}
	return n + res.Message.size()
}

func (m *readMessage) size() int {
	n := len(m.Text)
	for _, a := range m.Arguments {
		n += 20 + len(a)
	}
	return n
}
