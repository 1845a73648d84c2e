package ownership

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A Source is where the owners of a file are named.
type Source string

// The sources, in the order in which they count: the first one that names an owner does.
const (
	ByComponent  Source = "component"  // of the threat model
	ByCatalog    Source = "catalog"    // the nearest catalog file of Backstage
	ByCodeowners Source = "codeowners" // a line of CODEOWNERS
	ByDefault    Source = "default"    // ownership.default of the policy
)

// A Claim is one owner that a source names.
type Claim struct {
	Owner  string // as the source writes it; "@person" or "@org/team" in a claim that is asked about
	Source Source
	What   string // what the source describes, in plain text, such as a component; may be empty
	File   string
	Line   int // from 1; 0 if it is not known
}

// where returns the place of the claim in plain text.
func (c Claim) where() string {
	at := c.File
	if c.Line > 0 {
		at = fmt.Sprintf("%s:%d", c.File, c.Line)
	}
	switch {
	case c.Source == ByDefault:
		return "ownership.default (" + at + ")"
	case c.What != "":
		return c.What + " in " + at
	}
	return at
}

// Owned says who owns a file.
type Owned struct {
	Owners []string // "@person" and "@org/team"; empty if nobody owns the file
	Source Source   // empty if nobody does
	Where  string   // which line says so: plain text

	// Passed says of each source that named somebody who does not count why that is so: one sentence each, in plain
	// text without a full stop.
	Passed []string
}

// Unowned returns why nobody owns the file: one sentence in plain text without a full stop. It is empty if somebody
// does.
func (a Owned) Unowned() string {
	switch {
	case len(a.Owners) > 0:
		return ""
	case a.Where != "":
		return a.Where + " clears it: the line has no owners"
	case len(a.Passed) > 0:
		return strings.Join(a.Passed, "; ")
	}
	return "no component of the threat model, no catalog file and no line of CODEOWNERS names an owner, and ownership.default is not set"
}

// A Map says who owns which file of a repository, at one commit of the base. Nil and the zero value are the map of a
// repository without owners. The fields must not change after the first use; several goroutines may use a map at once.
type Map struct {
	// Org is the login of the repository's owner, whose teams can own files. While it is not known, it is empty; then
	// groups of a catalog are shown as they are written.
	Org string

	Component  func(path string) (Claim, bool) // of the threat model; nil for none
	Codeowners Owners
	File       string // the path of CODEOWNERS; empty for none
	Default    Claim  // without an owner for none

	// Catalogs reads the catalog files with some paths, of which those that do not exist are left out. It is called once
	// for each path at most. Nil for none.
	Catalogs func(paths []string) (map[string]Catalog, error)

	// Ignored says why an owner does not count although a source names it, such as a team that is gone: one clause in
	// plain text about it; empty if it counts. Nil if all do.
	Ignored func(Claim) string

	// Broken lists the sources that could not be read: one sentence each, in plain text.
	Broken []string

	mu       sync.Mutex
	read     map[string]bool
	catalogs map[string]Catalog
	answers  map[string]Owned
	problems []string
	err      error
}

// Of returns the owners of a file, "@person" and "@org/team"; none if nobody owns it.
func (m *Map) Of(path string) []string { return m.Explain(path).Owners }

// Named returns whom the name of an owner in the threat model means, "@person" or "@org/team"; empty for nobody.
func (m *Map) Named(name string) string {
	if m == nil {
		return ""
	}
	owner, _ := Named(name, m.Org)
	return owner
}

// Explain returns the owners of a file, and why they are.
func (m *Map) Explain(path string) Owned {
	if m == nil {
		return Owned{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.answers[path]
	if !ok {
		m.prepare([]string{path})
		a = m.explain(path)
		if m.answers == nil {
			m.answers = map[string]Owned{}
		}
		m.answers[path] = a
	}
	a.Owners, a.Passed = slices.Clone(a.Owners), slices.Clone(a.Passed)
	return a
}

// Prepare reads in one go what is needed to explain some files. It is never necessary.
func (m *Map) Prepare(paths []string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.prepare(paths)
}

// Problems returns the sources that could not be read, as far as they were needed: one sentence each, in plain text.
func (m *Map) Problems() []string {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Concat(m.Broken, m.problems)
}

// Err returns the first error of Catalogs. After one, answers leave out catalog files: nobody may decide by them.
func (m *Map) Err() error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// prepare reads the catalog files above some files. The caller holds m.mu.
func (m *Map) prepare(paths []string) {
	if m.Catalogs == nil {
		return
	}
	if m.read == nil {
		m.read, m.catalogs = map[string]bool{}, map[string]Catalog{}
	}
	var files []string
	for _, path := range paths {
		for _, file := range CatalogFiles(path) {
			if !m.read[file] {
				m.read[file] = true
				files = append(files, file)
			}
		}
	}
	if len(files) == 0 {
		return
	}
	found, err := m.Catalogs(files)
	if err != nil && m.err == nil {
		m.err = fmt.Errorf("read catalog files: %w", err)
		m.problems = append(m.problems, "The catalog files (catalog-info.yaml) could not be read.")
	}
	for _, file := range files { // in order, so that problems are
		c, ok := found[file]
		if !ok {
			continue
		}
		m.catalogs[file] = c
		if c.Problem != "" {
			m.problems = append(m.problems, fmt.Sprintf("%s says nothing about owners: %s.", file, c.Problem))
		}
	}
}

// explain asks the sources, in their order. The caller holds m.mu.
func (m *Map) explain(path string) (a Owned) {
	for _, ask := range []func(string, *Owned) (done bool){m.byComponent, m.byCatalog, m.byCodeowners, m.byDefault} {
		if ask(path, &a) {
			break
		}
	}
	return a
}

func (m *Map) byComponent(path string, a *Owned) bool {
	if m.Component == nil {
		return false
	}
	claim, ok := m.Component(path)
	if !ok || claim.Owner == "" {
		return false
	}
	claim.Source = ByComponent
	return m.take(a, claim, nil)
}

// byCatalog asks the nearest catalog file with a component.
func (m *Map) byCatalog(path string, a *Owned) bool {
	if m.Catalogs == nil {
		return false
	}
	files := slices.DeleteFunc(CatalogFiles(path), func(file string) bool { _, ok := m.catalogs[file]; return !ok })
	var above []Catalog
	for _, file := range files {
		above = append(above, m.catalogs[file])
	}
	for i, file := range files {
		if above[i].Problem != "" {
			a.Passed = append(a.Passed, file+": "+above[i].Problem)
			return false
		}
		var component *Entity
		for _, e := range above[i].Entities {
			if e.is("component") && (component == nil || component.Owner == "" && e.Owner != "") {
				component = &e
			}
		}
		switch {
		case component == nil: // it describes something else
		case component.Owner == "":
			a.Passed = append(a.Passed, fmt.Sprintf("%s:%d names no owner", file, component.Line))
			return false
		default:
			return m.take(a, Claim{Owner: component.Owner, Source: ByCatalog, File: file, Line: component.Line}, above[i:])
		}
	}
	return false
}

func (m *Map) byCodeowners(path string, a *Owned) bool {
	r, ok := m.Codeowners.rule(path)
	if !ok {
		return false
	}
	claim := Claim{Source: ByCodeowners, File: m.File, Line: r.line}
	if len(r.owners) == 0 && r.mails == 0 {
		a.Where = claim.where()
		return true
	}
	if len(r.owners) == 0 {
		a.Passed = append(a.Passed, claim.where()+" names e-mail addresses only, of which nobody knows here whose they are")
		return false
	}
	return m.take(a, claim, nil, r.owners...)
}

func (m *Map) byDefault(_ string, a *Owned) bool {
	claim := m.Default
	if claim.Owner == "" {
		return false
	}
	claim.Source = ByDefault
	return m.take(a, claim, nil)
}

// take answers with the owners of a claim that count, or says in a why none does. Without a list, the owner of the claim
// is meant, and catalogs are where its reference is followed.
func (m *Map) take(a *Owned, claim Claim, catalogs []Catalog, owners ...string) bool {
	if owners == nil {
		owner, problem := named(claim.Owner, m.Org, catalogs)
		if problem != "" {
			a.Passed = append(a.Passed, claim.where()+": "+problem)
			return false
		}
		owners = []string{owner}
	}
	var counting []string
	for _, owner := range owners {
		claim.Owner = owner
		if why := m.ignored(claim); why != "" {
			a.Passed = append(a.Passed, claim.where()+": "+why)
			continue
		}
		counting = append(counting, owner)
	}
	if len(counting) == 0 {
		return false
	}
	a.Owners, a.Source, a.Where = counting, claim.Source, claim.where()
	return true
}

// ignored says why an owner does not count; empty if it does.
func (m *Map) ignored(c Claim) string {
	org, _, isTeam := strings.Cut(strings.TrimPrefix(c.Owner, "@"), "/")
	if isTeam && m.Org != "" && !strings.EqualFold(org, m.Org) && strings.HasPrefix(c.Owner, "@") {
		return c.Owner + " is a team of another organisation"
	}
	if m.Ignored == nil {
		return ""
	}
	return m.Ignored(c)
}
