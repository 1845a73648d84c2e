// Package vex writes what is known and decided about vulnerable dependencies as an OpenVEX 0.2.0 document
// (https://github.com/openvex/spec). It is pure.
//
// Customers act on such a document, so it never says that a vulnerability does not affect a product while somebody
// accepts its risk. A document holds a statement for each change; of several statements the newest counts.
package vex

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/openvex/go-vex/pkg/vex"
	"github.com/package-url/packageurl-go"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// A Product is what a document is about: a repository, with all reviews and decisions of it.
type Product struct {
	Owner, Repo string
	Pulls       []record.Past // the reviews of each pull request, the oldest first
	Decisions   []decision.Decision
	Author      string // of the document
	Tool        string // the program and its version
}

// Document returns the document at a time.
func (p Product) Document(now time.Time) (vex.VEX, error) {
	var all []moment
	for _, past := range p.Pulls {
		all = append(all, p.moments(past, now)...)
	}
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	product := packageurl.NewPackageURL("github", strings.ToLower(p.Owner), strings.ToLower(p.Repo), "", nil, "").ToString()
	states, said := map[string]map[string]instance{}, map[string]instance{}
	statements := []vex.Statement{}
	for i, m := range all {
		if states[m.vulnerability] == nil {
			states[m.vulnerability] = map[string]instance{}
		}
		states[m.vulnerability][m.key] = m.instance
		if i+1 < len(all) && all[i+1].at.Equal(m.at) && all[i+1].vulnerability == m.vulnerability {
			continue // what happens at once is said at once
		}
		is, packages := worst(states[m.vulnerability])
		before, any := said[m.vulnerability]
		if is.state == silent || any && before.same(is) {
			continue
		}
		said[m.vulnerability] = is
		statements = append(statements, is.statement(m.vulnerability, product, packages, m.at))
	}
	return p.document(statements, now)
}

// document makes the document of its statements.
func (p Product) document(statements []vex.Statement, now time.Time) (vex.VEX, error) {
	doc := vex.VEX{
		Metadata: vex.Metadata{
			Context: vex.ContextLocator(), Author: p.Author, Timestamp: &now,
			Version: max(1, len(statements)), // statements are only added
			Tooling: p.Tool,
		},
		Statements: statements,
	}
	for i := range statements {
		if err := statements[i].Validate(); err != nil {
			return vex.VEX{}, fmt.Errorf("write the statement about %s: %w", statements[i].Vulnerability.Name, err)
		}
	}
	if _, err := doc.GenerateCanonicalID(); err != nil {
		return vex.VEX{}, fmt.Errorf("name the document: %w", err)
	}
	return doc, nil
}

// A state is what is said about one vulnerability, from the mildest.
type state int

const (
	silent      state = iota // nothing is said
	fixed                    // it is gone
	notAffected              // with a justification
	open                     // nobody decided
	affected                 // somebody accepts or defers it
)

// An instance is one finding of a vulnerability, in its state.
type instance struct {
	state         state
	justification vex.Justification
	action        string // of affected
	note          string
	aliases       []string
	purl          string
}

func (i instance) same(j instance) bool {
	return i.state == j.state && i.justification == j.justification && i.action == j.action && i.note == j.note
}

// A moment is when the state of one instance changes.
type moment struct {
	at            time.Time
	vulnerability string
	key           string // of the instance
	instance
}

// moments lists the changes that the reviews of one pull request, and the decisions about its findings, make.
func (p Product) moments(past record.Past, now time.Time) (list []moment) {
	present := map[string]moment{} // by fingerprint
	for i, r := range past.Reviews {
		until := now
		if i+1 < len(past.Reviews) {
			until = past.Reviews[i+1].At
		}
		here := map[string]bool{}
		for _, f := range findings(r) {
			name := Name(f.Aliases)
			if name == "" || f.Purl == "" || f.State != scanners.New {
				continue
			}
			here[f.Fingerprint] = true
			m := moment{at: r.At, vulnerability: name, key: fmt.Sprintf("%d %s", past.Number, f.Fingerprint), instance: instance{aliases: f.Aliases, purl: f.Purl}}
			for _, m.at = range p.changes(f, past.Number, r.At, until) {
				m.instance = p.at(m.instance, f, past.Number, r, m.at)
				list = append(list, m)
			}
			present[f.Fingerprint] = m
		}
		if r.Verdict == checks.Incomplete {
			continue // what it did not find may be there
		}
		for fingerprint, m := range present {
			if here[fingerprint] {
				continue
			}
			m.at, m.instance = r.At, instance{state: fixed, aliases: m.aliases, purl: m.purl, note: "It is gone since " + r.Head + "."}
			list = append(list, m)
			delete(present, fingerprint)
		}
	}
	return list
}

// findings lists all findings of a review, also those that the policy hides.
func findings(r record.Review) []record.Finding {
	if r.Context == nil {
		return r.Findings
	}
	return slices.Concat(r.Findings, r.Context.Hidden)
}

// about lists the decisions about a finding, the newest first.
func (p Product) about(f record.Finding, number int) (list []decision.Decision) {
	for _, d := range p.Decisions {
		if d.Fingerprint == f.Fingerprint && d.Rule == f.Rule && (d.Number == number || d.Path == f.Path) && d.Needs == 0 {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b decision.Decision) int { return b.At.Compare(a.At) })
	return list
}

// changes lists the times, from one to before another, at which the state of a finding may change.
func (p Product) changes(f record.Finding, number int, from, until time.Time) []time.Time {
	times := []time.Time{from}
	for _, d := range p.about(f, number) {
		for _, at := range []time.Time{d.At, d.EndedAt, over(d)} {
			if at.After(from) && at.Before(until) {
				times = append(times, at)
			}
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return slices.CompactFunc(times, time.Time.Equal)
}

// over returns when the last day of a decision has passed; zero for never.
func over(d decision.Decision) time.Time {
	if d.Until.IsZero() {
		return time.Time{}
	}
	return d.Until.AddDate(0, 0, 1)
}

// at returns the state of a finding at a time after a review of it.
func (p Product) at(i instance, f record.Finding, number int, r record.Review, at time.Time) instance {
	i.state, i.justification, i.action, i.note = open, "", "", ""
	for _, d := range p.about(f, number) {
		switch {
		case d.At.After(at), d.Ended != "" && !d.EndedAt.After(at), !over(d).IsZero() && !over(d).After(at):
			continue
		case !d.At.After(r.At) && f.Decided != d.ID:
			continue // the review knew it and did not let it count: its facts have changed
		}
		return i.decided(d)
	}
	if f.AcceptedInCode() {
		i.state, i.action = affected, "The risk is accepted by a comment in the code at "+f.Decided+"."
	}
	return i
}

// decided returns the instance under a decision.
func (i instance) decided(d decision.Decision) instance {
	switch d.Verb {
	case "accept", "defer":
		i.state, i.action = affected, action(d)
	case "not-affected", "fp":
		i.state, i.justification = notAffected, vex.Justification(d.Code)
		absent := i.justification == vex.ComponentNotPresent || i.justification == vex.VulnerableCodeNotPresent
		if !i.justification.Valid() || d.Verb == "fp" && !absent {
			i.state, i.justification = silent, ""
		}
		i.note = d.Reason
	default:
		i.state = open
	}
	return i
}

// action describes what a decision says will be done.
func action(d decision.Decision) string {
	s := "The risk is accepted"
	if d.Verb == "defer" {
		s = "A fix is planned"
	}
	if !d.Until.IsZero() {
		s += " until " + d.Until.Format(time.DateOnly)
	}
	if d.Class != "" {
		s += " (" + d.Class + ")"
	}
	if d.Reason != "" {
		s += ": " + strings.TrimSuffix(d.Reason, ".")
	}
	s += "."
	if d.Ticket != "" {
		s += " Ticket: " + d.Ticket
	}
	return s
}

// worst returns the instance that counts for the whole product, and the packages that are in its state. Somebody may ask
// for the product alone, so its worst package decides.
func worst(list map[string]instance) (w instance, packages []string) {
	keys := make([]string, 0, len(list))
	for key := range list {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if i := list[key]; i.state > w.state {
			w = i
		}
	}
	for _, key := range keys {
		if i := list[key]; i.state == w.state {
			packages = append(packages, i.purl)
			w.aliases = append(slices.Clone(w.aliases), i.aliases...)
		}
	}
	slices.Sort(packages)
	return w, slices.Compact(packages)
}

// statuses are the words of OpenVEX.
var statuses = map[state]vex.Status{
	fixed: vex.StatusFixed, notAffected: vex.StatusNotAffected, open: vex.StatusUnderInvestigation, affected: vex.StatusAffected,
}

func (i instance) statement(name, product string, packages []string, at time.Time) vex.Statement {
	at = at.UTC()
	s := vex.Statement{
		Vulnerability: vex.Vulnerability{Name: vex.VulnerabilityID(name)}, Timestamp: &at,
		Status: statuses[i.state], Justification: i.justification, ActionStatement: i.action, StatusNotes: i.note,
	}
	if i.action != "" {
		s.ActionStatementTimestamp = &at
	}
	slices.Sort(i.aliases)
	for _, alias := range slices.Compact(i.aliases) {
		if alias != name {
			s.Vulnerability.Aliases = append(s.Vulnerability.Aliases, vex.VulnerabilityID(alias))
		}
	}
	p := vex.Product{Component: component(product)}
	for _, purl := range packages {
		p.Subcomponents = append(p.Subcomponents, vex.Subcomponent{Component: component(purl)})
	}
	s.Products = []vex.Product{p}
	return s
}

func component(purl string) vex.Component {
	return vex.Component{ID: purl, Identifiers: map[vex.IdentifierType]string{vex.PURL: purl}}
}

// Name returns the name by which a vulnerability is exported: its CVE id, else its GHSA id; empty if it has neither.
func Name(aliases []string) string {
	name := ""
	for _, prefix := range []string{"CVE-", "GHSA-"} {
		for _, alias := range aliases {
			if strings.HasPrefix(alias, prefix) && (name == "" || alias < name) {
				name = alias
			}
		}
		if name != "" {
			return name
		}
	}
	return ""
}
