// Package threatmodel reads, checks, draws and converts the threat model of a repository: its components, data, flows
// and decisions. It is pure.
package threatmodel

import "time"

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
	Exposure  string // internal or external
	Tier      string // mission_critical, business_critical, operational or administrative; may be empty
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
	Paths     []string // globs
	Owner     string
	Zone      string
	Exposure  string // internal or external
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

// A Flow is a data flow.
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

// Parse reads the files of a model, by their paths. It returns nil and no problem if there are no files. A model with
// problems is nil.
func Parse(files map[string][]byte) (*Model, []Problem) { return nil, nil }

// A Problem is one mistake, at its place.
type Problem struct {
	File         string
	Line, Column int
	Message      string
}

// ComponentOf returns the component with the longest pattern that matches a path.
func (m *Model) ComponentOf(path string) (Component, bool) { return Component{}, false }
