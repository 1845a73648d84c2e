package threatmodel

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// A Drift is a difference between the model and the code.
type Drift struct {
	Kind      string // [Unmapped], [Contradiction], [Score] or [Stale]
	Component string
	Path      string
	Line      int
	Message   string // one plain sentence
	Snippet   string // the change of the model, as YAML; may be empty
}

// The kinds of drift, the most severe first.
const (
	Contradiction = "contradiction"
	Unmapped      = "unmapped"
	Score         = "score"
	Stale         = "stale"
)

// A Fact is what drift needs to know about a fact of the code.
type Fact struct {
	Signal, Slug, Tier string
	Key                string
	Path               string
	Line               int
	Data               map[string]string
	New                bool // the change adds it
}

// A Code is what else drift compares the model with. What is nil is not known, and makes no drift.
type Code struct {
	Matches func(pattern string) bool // whether a file matches a pattern of a component
	Exists  func(path string) bool    // whether there is a file or folder
	Owner   func(owner string) bool   // whether a component's owner can be found

	// Since counts, by component, the facts that were added since its block in the model last changed.
	Since map[string]Counts

	// Digest asks for what a weekly digest shows: a score from 10. A pull request shows one from 20, and only for a
	// component to which it adds a fact.
	Digest bool

	Now time.Time
}

// Counts are numbers of facts by the tier of their signals.
type Counts struct{ A, Other int }

// Score weighs the facts.
func (c Counts) Score() int { return 3*c.A + c.Other }

// Scores from which drift is shown.
const (
	digestScore = 10
	changeScore = 20
)

// Compare returns how code differs from its model, the most severe kind first. Only new facts count: a pull request is
// not asked about what was there before.
func Compare(m *Model, facts []Fact, code Code) (list []Drift) {
	if m == nil {
		return nil
	}
	facts = slices.Clone(facts)
	facts = slices.DeleteFunc(facts, func(f Fact) bool { return !f.New })
	slices.SortStableFunc(facts, func(a, b Fact) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Signal, b.Signal), cmp.Compare(a.Key, b.Key))
	})
	d := &drifts{model: m, taken: m.taken(), seen: map[string]bool{}}
	for _, f := range facts {
		d.contradictions(f)
	}
	d.owners(code)
	for _, f := range facts {
		d.unmapped(f)
	}
	d.scores(facts, code)
	d.stale(code)
	return d.list
}

type drifts struct {
	model *Model
	list  []Drift
	taken map[string]bool // ids of zones and components
	seen  map[string]bool // what was reported already
}

// taken returns the ids of the model's zones and components.
func (m *Model) taken() map[string]bool {
	taken := map[string]bool{}
	if m == nil {
		return taken
	}
	for _, z := range m.Zones {
		taken[z.ID] = true
	}
	for _, c := range m.Components {
		taken[c.ID] = true
	}
	return taken
}

func (d *drifts) add(one Drift) {
	one.Message = visible(one.Message)
	d.list = append(d.list, one)
}

// once reports whether something is reported for the first time.
func (d *drifts) once(what ...string) bool {
	key := strings.Join(what, "\x00")
	first := !d.seen[key]
	d.seen[key] = true
	return first
}

func (d *drifts) contradictions(f Fact) {
	switch f.Slug {
	case "iac-public", "k8s-exposure", "iac-entrypoint":
		d.opened(f)
	case "outbound-host":
		d.host(f)
	case "pii-field":
		d.field(f)
	case "datastore":
		d.store(f)
	}
}

// component returns the component that a fact is about: the one with its resource, else the one with its file.
func (d *drifts) component(f Fact) (Component, bool) {
	for _, c := range d.model.Components {
		if slices.ContainsFunc(c.Resources, func(r string) bool { return resource(r, f.Key) }) {
			return c, true
		}
	}
	return d.model.ComponentOf(f.Path)
}

// resource reports whether a key is a resource of the model or a part of it: "aws_lb.main ingress" of "aws_lb.main", and
// "redis (redis)" of "compose:redis".
func resource(pattern, key string) bool {
	if _, name, ok := strings.Cut(pattern, ":"); ok && (name == key || strings.HasPrefix(key, name+" ")) {
		return true
	}
	return pattern == key || strings.HasPrefix(key, pattern+" ") || strings.HasPrefix(key, pattern+":") || matches(pattern, key)
}

func (d *drifts) opened(f Fact) {
	c, ok := d.component(f)
	if !ok || c.Exposure != "internal" || !d.once("opened", c.ID) {
		return
	}
	changed := c
	changed.Exposure = "external"
	d.add(Drift{
		Contradiction, c.ID, f.Path, f.Line,
		fmt.Sprintf("The model says that %s is internal, and %s opens it: change one of them.", c.name(), f.Key),
		snippet("In place of the component "+c.ID, func(w *writer) { section(w, "components", []Component{changed}, componentPairs) }),
	})
}

func (d *drifts) host(f Fact) {
	known := false
	for _, list := range d.model.hosts() {
		known = true
		if slices.ContainsFunc(list, func(pattern string) bool { return sameHost(pattern, f.Key) }) {
			return
		}
	}
	if !known || !d.once("host", strings.ToLower(f.Key)) { // a model without hosts says nothing about them
		return
	}
	c, ok := d.model.ComponentOf(f.Path)
	change := ""
	if ok && hosts.MatchString(f.Key) {
		to := Component{ID: slug(f.Key, d.taken), Kind: "external"}
		flow := Flow{ID: slug(c.ID+"-to-"+to.ID, d.flows()), From: c.ID, To: to.ID, Protocol: "https", Hosts: []string{f.Key}}
		change = snippet("Add to the model", func(w *writer) {
			section(w, "components", []Component{to}, componentPairs)
			section(w, "flows", []Flow{flow}, flowPairs)
		})
	}
	d.add(Drift{Contradiction, c.ID, f.Path, f.Line, fmt.Sprintf("The code calls %s, and no flow of the model goes there: add the flow.", f.Key), change})
}

func (d *drifts) flows() map[string]bool {
	taken := map[string]bool{}
	for _, f := range d.model.Flows {
		taken[f.ID] = true
	}
	return taken
}

// hosts returns all lists of hosts of a model.
func (m *Model) hosts() (lists [][]string) {
	for _, f := range m.Flows {
		if len(f.Hosts) > 0 {
			lists = append(lists, f.Hosts)
		}
	}
	for _, c := range m.Components {
		if len(c.Hosts) > 0 {
			lists = append(lists, c.Hosts)
		}
	}
	return lists
}

// HasHost reports whether a flow or a component of the model names a host, or a wildcard above it.
func (m *Model) HasHost(host string) bool {
	return m != nil && slices.ContainsFunc(m.hosts(), func(list []string) bool {
		return slices.ContainsFunc(list, func(pattern string) bool { return sameHost(pattern, host) })
	})
}

func sameHost(pattern, host string) bool {
	pattern, host = strings.ToLower(pattern), strings.ToLower(host)
	if !strings.Contains(pattern, ":") {
		host, _, _ = strings.Cut(host, ":")
	}
	if rest, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(host, rest) && len(host) > len(rest)
	}
	return pattern == host
}

// HasField reports whether the model has a field, "table.column", in a class of data.
func (m *Model) HasField(field string) bool {
	return m != nil && slices.ContainsFunc(m.Data, func(data Data) bool {
		return slices.ContainsFunc(data.Fields, func(pattern string) bool { return matches(strings.ToLower(pattern), strings.ToLower(field)) })
	})
}

func (d *drifts) field(f Fact) {
	some := slices.ContainsFunc(d.model.Data, func(data Data) bool { return len(data.Fields) > 0 })
	if !some || d.model.HasField(f.Key) {
		return
	}
	table, _, _ := strings.Cut(f.Key, ".")
	if !d.once("field", table) {
		return
	}
	c, _ := d.model.ComponentOf(f.Path)
	change := ""
	if fields.MatchString(f.Key) {
		taken := map[string]bool{}
		for _, data := range d.model.Data {
			taken[data.ID] = true
		}
		data := Data{ID: slug(table, taken), Class: "confidential", Sensitivity: []string{"pii"}, Fields: []string{f.Key}}
		change = snippet("Add to the model, with the right class", func(w *writer) {
			section(w, "data", []Data{data}, func(d Data) pairs {
				return pairs{{"id", d.ID}, {"class", d.Class}, {"sensitivity", d.Sensitivity}, {"fields", d.Fields}}
			})
		})
	}
	d.add(Drift{Contradiction, c.ID, f.Path, f.Line, fmt.Sprintf("%s holds personal data, and no data of the model has this field: add it with its class.", f.Key), change})
}

// HasStore reports whether a data store or queue of the model is a resource: one with its address, or whose id is a word
// of it.
func (m *Model) HasStore(key, kind string) bool {
	if m == nil {
		return false
	}
	words := strings.FieldsFunc(strings.ToLower(key+" "+kind), notLetter)
	return slices.ContainsFunc(m.Components, func(c Component) bool {
		if slices.ContainsFunc(c.Resources, func(r string) bool { return resource(r, key) }) {
			return true
		}
		return (c.Kind == "datastore" || c.Kind == "queue") && len(c.Resources) == 0 && slices.Contains(words, c.ID)
	})
}

func (d *drifts) store(f Fact) {
	some := slices.ContainsFunc(d.model.Components, func(c Component) bool { return c.Kind == "datastore" || c.Kind == "queue" })
	if !some || d.model.HasStore(f.Key, f.Data["kind"]) || !d.once("store", f.Key) {
		return
	}
	name := f.Key[strings.LastIndexAny(f.Key, ".:/")+1:]
	c := Component{ID: slug(name, d.taken), Kind: "datastore", Resources: []string{title(f.Key, "")}}
	d.add(Drift{
		Contradiction, "", f.Path, f.Line, fmt.Sprintf("%s stores data, and no component of the model is this store: add it.", f.Key),
		snippet("Add to the model", func(w *writer) { section(w, "components", []Component{c}, componentPairs) }),
	})
}

func (d *drifts) owners(code Code) {
	if code.Owner == nil {
		return
	}
	for _, c := range d.model.Components {
		if c.Owner != "" && !code.Owner(c.Owner) {
			d.add(Drift{Contradiction, c.ID, c.At.File, c.At.Line, fmt.Sprintf("The owner of %s, %s, cannot be found: name a team or person that exists.", c.name(), c.Owner), ""})
		}
	}
}

func (d *drifts) unmapped(f Fact) {
	folder := FolderOf(f.Path)
	if folder == "" || strings.HasPrefix(folder, ".") || !d.once("unmapped", folder) {
		return
	}
	if _, ok := d.model.ComponentOf(f.Path); ok {
		d.seen["unmapped\x00"+folder] = false // another file of the folder may be in none
		return
	}
	d.add(Drift{
		Unmapped, "", f.Path, f.Line, fmt.Sprintf("%s is in no component of the model: who owns it, what does it process, and who talks to it?", folder),
		snippet("Add to the model, with owner, zone and exposure", func(w *writer) {
			section(w, "components", []Component{folderComponent(folder, d.taken)}, componentPairs)
		}),
	})
}

// FolderOf returns the first two folders of a path; empty for a file of the root.
func FolderOf(name string) string {
	dir := path.Dir(name)
	if dir == "." {
		return ""
	}
	parts := strings.SplitN(dir, "/", 3)
	return strings.Join(parts[:min(len(parts), 2)], "/")
}

// folderComponent returns a component for a folder.
func folderComponent(folder string, taken map[string]bool) Component {
	c := Component{ID: slug(strings.ReplaceAll(folder, "/", "-"), taken), Kind: "service"}
	if pattern := folderGlob(folder); pattern != "" {
		c.Paths = []string{pattern}
	}
	return c
}

func (d *drifts) scores(facts []Fact, code Code) {
	for _, c := range d.model.Components {
		score, least := code.Since[c.ID].Score(), changeScore
		if code.Digest {
			least = digestScore
		}
		added := slices.ContainsFunc(facts, func(f Fact) bool { return c.Matches(f.Path) })
		if score < least || !code.Digest && !added {
			continue
		}
		d.add(Drift{Score, c.ID, c.At.File, c.At.Line, fmt.Sprintf("%s changed much since its part of the model was edited (drift score %d): read it again.", c.name(), score), ""})
	}
}

func (d *drifts) stale(code Code) {
	for _, c := range d.model.Components {
		if code.Matches == nil {
			break
		}
		for _, pattern := range c.Paths {
			if !code.Matches(pattern) {
				d.add(Drift{Stale, c.ID, c.At.File, c.At.Line, fmt.Sprintf("No file matches %s of %s: correct the path or remove it.", pattern, c.name()), ""})
			}
		}
	}
	for _, one := range d.model.Decisions {
		if !code.Now.IsZero() && one.Expired(code.Now) {
			d.add(Drift{Stale, one.Component, one.Place.File, one.Place.Line, fmt.Sprintf("The decision %s was to be reviewed after %s: confirm or change it.", one.ID, one.ReviewAfter.Format(time.DateOnly)), ""})
		}
		for _, evidence := range one.Evidence {
			name, _, _ := strings.Cut(evidence, "#")
			if code.Exists != nil && !code.Exists(name) {
				d.add(Drift{Stale, one.Component, one.Place.File, one.Place.Line, fmt.Sprintf("The evidence %s of the decision %s is gone: name what proves it now.", evidence, one.ID), ""})
			}
		}
	}
}

// Expired reports whether the day after which the decision is to be reviewed has passed.
func (d Decision) Expired(now time.Time) bool {
	return !d.ReviewAfter.IsZero() && !now.Before(d.ReviewAfter.AddDate(0, 0, 1))
}
