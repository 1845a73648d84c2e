// Package threatmodel reads, checks, draws and converts the threat model of a repository: its components, data, flows
// and decisions. It is pure.
package threatmodel

import (
	"path"
	"slices"
	"strings"
	"time"
)

// File is the model's path in a repository. Files in Folder whose names end in .yml add to it, or stand instead of it.
const (
	File   = ".secbydesign/threat-model.yml"
	Folder = ".secbydesign/threat-model.d"
)

// A Model is a threat model.
type Model struct {
	System     System
	Zones      []Zone
	Data       []Data
	Components []Component
	Flows      []Flow
	Decisions  []Decision
	Roles      []Role
}

// A System is what the model is about.
type System struct {
	ID, Title string
	Exposure  string // internal or external; may be empty
	Tier      string // mission_critical, business_critical, important or non_critical; may be empty
	At        Place
}

// A Zone is a trust zone. A flow between two zones crosses a trust boundary.
type Zone struct {
	ID, Title string
	Trust     int // 0 to 100
	At        Place
}

// A Data is a class of data.
type Data struct {
	ID, Title   string
	Class       string // public, internal, confidential or restricted
	Sensitivity []string
	Retention   string
	Fields      []string // "table.column"
	At          Place
}

// A Component is a part of the system, or something outside of it.
type Component struct {
	ID, Title string
	Kind      string   // service, job, ui, library, function, datastore, queue or external
	Parent    string   // the component that it is a part of; may be empty
	Paths     []string // globs, see [Component.Matches]
	Owner     string
	Zone      string
	Exposure  string // internal or external; may be empty
	Holds     []string
	Authn     []string
	Secrets   []Secret
	Crypto    []Crypto
	Hosts     []string
	Resources []string // addresses of infrastructure: "aws_db_instance.main", "compose:redis"
	Notes     []string
	At        Place
}

// A Secret is a secret that a component uses.
type Secret struct{ Name, Store, Rotate string }

// A Crypto is a use of cryptography.
type Crypto struct{ Use, Alg, Key string }

// A Flow is a data flow. It begins and ends at a component, or at a zone for whatever is there.
type Flow struct {
	ID, From, To   string
	Protocol, Auth string
	Data           []string
	Hosts          []string
	Tools          []string // that a language model may call
	At             Place
}

// A Role is a row of the permission table.
type Role struct {
	Name    string // "Permission.EXPORT"
	Allows  string
	Default string // who has it by default
	At      Place
}

// A Decision is a recorded decision about a topic of a component.
type Decision struct {
	ID, Component, Topic string
	ASVS                 []string // "v5.0.0-8.1.1"
	Status               string   // open, decided, implemented, not_applicable or accepted_risk
	Text                 string
	Public               bool
	Covers               []string // globs over the keys of facts: "* /v1/**"
	Evidence             []string // "path#TestName", or a path
	By                   string
	At                   time.Time
	ReviewAfter          time.Time // zero for never
	Place                Place
}

// A Place is where something stands in the model's files.
type Place struct {
	File         string
	Line, Column int // from 1
}

// A Problem is one mistake, at its place.
type Problem struct {
	File         string
	Line, Column int
	Message      string
}

// IsFile reports whether a path in a repository is a file of the model.
func IsFile(name string) bool {
	return name == File || path.Dir(name) == Folder && path.Ext(name) == ".yml"
}

// ComponentOf returns the component with the longest pattern that matches a path.
func (m *Model) ComponentOf(path string) (best Component, found bool) {
	if m == nil {
		return Component{}, false
	}
	length := -1
	for _, c := range m.Components {
		for _, pattern := range c.Paths {
			if len(pattern) > length && matches(pattern, path) {
				best, found, length = c, true, len(pattern)
			}
		}
	}
	return best, found
}

// Matches reports whether one of the component's patterns matches a path. A pattern without wildcards also matches what
// is in the folder of that name.
func (c Component) Matches(path string) bool {
	return slices.ContainsFunc(c.Paths, func(pattern string) bool { return matches(pattern, path) })
}

// Component returns the component with an id.
func (m *Model) Component(id string) (Component, bool) {
	if m == nil {
		return Component{}, false
	}
	i := slices.IndexFunc(m.Components, func(c Component) bool { return c.ID == id })
	if i < 0 {
		return Component{}, false
	}
	return m.Components[i], true
}

// ZoneOf returns the zone of a component or of the one that it is a part of, or the zone with that id; empty for none.
func (m *Model) ZoneOf(id string) string {
	if slices.ContainsFunc(m.Zones, func(z Zone) bool { return z.ID == id }) {
		return id
	}
	for range m.Components { // there are no cycles, and no more steps than components
		c, ok := m.Component(id)
		if !ok || c.Zone != "" {
			return c.Zone
		}
		id = c.Parent
	}
	return ""
}

// Class returns the highest class of the data that a component holds; empty for none.
func (m *Model) Class(c Component) string {
	best := -1
	for _, d := range m.Data {
		if slices.Contains(c.Holds, d.ID) {
			best = max(best, slices.Index(classes, d.Class))
		}
	}
	if best < 0 {
		return ""
	}
	return classes[best]
}

// CoversKey reports whether the decision covers a fact with this key. A pattern of two words covers routes: a method or
// *, and a glob of the path. In a glob, * matches no slash and ** matches anything.
func (d Decision) CoversKey(key string) bool {
	return slices.ContainsFunc(d.Covers, func(pattern string) bool { return coversKey(pattern, key) })
}

func coversKey(pattern, key string) bool {
	if pattern == key || matches(literalBraces(pattern), key) {
		return true
	}
	method, route, ok := strings.Cut(pattern, " ")
	verb, where, is := strings.Cut(key, " ")
	return ok && is && (method == "*" || strings.EqualFold(method, verb)) &&
		(route == where || matches(literalBraces(strings.TrimSpace(route)), where))
}
