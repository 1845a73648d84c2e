package tally

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// Limits, since each subject is a row that one transaction reads and writes.
const (
	maxShown  = 200  // findings of one pull request
	maxMerged = 1000 // findings of one merge
)

// A pull is what concerns a pull request as a whole. Times are in milliseconds; 0 means not.
type pull struct {
	Owners  []string `json:"owners,omitempty"` // of the changed files
	Head    string   `json:"head"`             // of the newest review
	Waiting int64    `json:"waiting,omitempty"`
}

func (pull) about() string      { return "" }
func (p pull) owners() []string { return p.Owners }
func (pull) listed() bool       { return false }

func (p pull) observe() []record.Observation {
	if p.Waiting == 0 {
		return nil
	}
	return observed(0, record.ObsWaiting, "", p.Waiting/1000)
}

// A shown is a finding that was shown in a pull request.
type shown struct {
	Owners   []string          `json:"owners,omitempty"`
	Assigned bool              `json:"assigned,omitempty"` // a person named the owner
	Rule     string            `json:"rule"`
	Severity scanners.Severity `json:"severity"`
	First    int64             `json:"first"`
	Gone     int64             `json:"gone,omitempty"` // the newest complete review does not have it
	Merged   int64             `json:"merged,omitempty"`
	Useless  int64             `json:"useless,omitempty"` // somebody marked it as not useful
	Verb     string            `json:"verb,omitempty"`    // of the decision in force
	Decided  int64             `json:"decided,omitempty"`
}

func (shown) about() string      { return "" }
func (s shown) owners() []string { return s.Owners }
func (shown) listed() bool       { return false }

func (s shown) observe() []record.Observation {
	list := observed(dayOf(s.First), record.ObsOwned, "", truth(len(s.Owners) > 0))
	if s.Merged != 0 {
		list = append(list, observed(dayOf(s.Merged), record.ObsMerged, "", truth(s.Gone != 0))...)
	}
	if s.Gone != 0 {
		list = append(list, observed(dayOf(s.Gone), record.ObsFixed, s.Severity.String(), 0)...)
	}
	switch {
	case s.Useless != 0:
		list = append(list, observed(dayOf(s.Useless), record.ObsVerdict, s.Rule, 1)...)
	case s.Verb == "fp":
		list = append(list, observed(dayOf(s.Decided), record.ObsVerdict, s.Rule, 1)...)
	case promises(s.Verb):
		list = append(list, observed(dayOf(s.Decided), record.ObsVerdict, s.Rule, 0)...)
	case s.Gone != 0:
		list = append(list, observed(dayOf(s.Gone), record.ObsVerdict, s.Rule, 0)...)
	}
	return list
}

// promises reports whether a decision leaves the finding with the team: accepted, or to be fixed later.
func promises(verb string) bool { return verb == "accept" || verb == "defer" }

// reviewed takes the result of a review.
func reviewed(e Event, r record.Review) Change {
	return func(w *work) error {
		if err := reviewedPull(w, e, r); err != nil {
			return err
		}
		if err := reviewedFindings(w, e, r); err != nil {
			return err
		}
		return reviewedDesign(w, e, r)
	}
}

func reviewedPull(w *work, e Event, r record.Review) error {
	key := Key{Pull, e.Number, ""}
	before, known, err := load[pull](w, key)
	if err != nil {
		return err
	}
	after := before
	after.Head, after.Owners = e.Head, ownersOf(r)
	if r.Context != nil && r.Context.Waited > 0 && (!known || before.Head != e.Head) {
		w.count(after.Owners, observed(DayOf(e.At), record.ObsFeedback, "", record.Coarse(r.Context.Waited/1000)), 1)
	}
	if !known {
		return save(w, key, nil, after)
	}
	return save(w, key, &before, after)
}

// ownersOf returns the owners of the files of a review, or of its findings if the others were not recorded.
func ownersOf(r record.Review) []string {
	if r.Context != nil && r.Context.Owners != nil {
		return r.Context.Owners
	}
	var list []string
	for _, f := range r.Findings {
		list = append(list, f.Owners...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func reviewedFindings(w *work, e Event, r record.Review) error {
	old, err := all[shown](w.store.Of(Shown, e.Number))
	if err != nil {
		return err
	}
	now := map[string]record.Finding{}
	if r.Context != nil {
		for _, f := range r.Context.Hidden {
			now[f.Fingerprint] = f
		}
	}
	for _, f := range r.Findings {
		if f.State == scanners.New {
			now[f.Fingerprint] = f
		}
	}
	known := map[string]bool{}
	for _, k := range old {
		known[k.key.Name] = true
		after := k.is
		f, present := now[k.key.Name]
		switch {
		case k.is.Merged != 0:
			continue // what was merged does not change any more
		case present:
			after.Gone, after.Rule, after.Severity = 0, f.Rule, f.Severity
			if !k.is.Assigned {
				after.Owners = f.Owners
			}
		case k.is.Gone == 0 && r.Verdict != checks.Incomplete:
			after.Gone = e.At.UnixMilli()
		}
		if err := save(w, k.key, &k.is, after); err != nil {
			return err
		}
	}
	for _, f := range r.Findings {
		if f.State != scanners.New || !f.Shown || known[f.Fingerprint] || len(known) >= maxShown {
			continue
		}
		known[f.Fingerprint] = true
		key := Key{Shown, e.Number, f.Fingerprint}
		one := shown{Owners: f.Owners, Rule: f.Rule, Severity: f.Severity, First: e.At.UnixMilli()}
		if err := one.rule(w, key); err != nil {
			return err
		}
		if err := save(w, key, nil, one); err != nil {
			return err
		}
	}
	return nil
}

// notUseful takes the opinion of a person.
func notUseful(e Event, o record.Opinion) Change {
	return func(w *work) error {
		return change(w, Key{Shown, e.Number, o.Fingerprint}, func(s *shown) {
			s.Useless = cmp.Or(s.Useless, e.At.UnixMilli())
		})
	}
}

// assigned gives a finding another owner.
func assigned(w *work, e Event, a record.Assignment) error {
	owners := []string{a.Team}
	err := change(w, Key{Shown, e.Number, a.Fingerprint}, func(s *shown) { s.Owners, s.Assigned = owners, true })
	if err != nil {
		return err
	}
	return change(w, Key{Debt, 0, a.Fingerprint}, func(d *debt) { d.Owners, d.Assigned = owners, true })
}

// change changes a subject if there is one.
func change[T subject](w *work, key Key, do func(*T)) error {
	before, ok, err := load[T](w, key)
	if err != nil || !ok {
		return err
	}
	after := before
	do(&after)
	return save(w, key, &before, after)
}

// A debt is a finding that was merged. Several pull requests may bring the same one.
type debt struct {
	Number   int               `json:"number"` // of the pull request that brought it
	Into     string            `json:"into,omitempty"`
	Default  bool              `json:"default,omitempty"` // it is on the default branch
	Rule     string            `json:"rule"`
	Title    string            `json:"title"`
	Severity scanners.Severity `json:"severity"`
	CWE      string            `json:"cwe,omitempty"`
	Path     string            `json:"path"`
	Line     int               `json:"line"`
	Owners   []string          `json:"owners,omitempty"`
	Assigned bool              `json:"assigned,omitempty"`

	First  int64   `json:"first,omitempty"`  // when it was shown first; 0 for never
	Since  int64   `json:"since"`            // when it was merged
	Open   bool    `json:"open,omitempty"`   // it was shown, and nothing was decided
	Unseen bool    `json:"unseen,omitempty"` // it was neither shown nor decided, though the head was reviewed
	Gone   int64   `json:"gone,omitempty"`
	Ruling *ruling `json:"ruling,omitempty"`
}

func (debt) about() string      { return "" }
func (d debt) owners() []string { return d.Owners }

// listed is also true for a decision whose last day may have passed since: the reader of the list decides by the day.
func (d debt) listed() bool { return d.Gone == 0 && d.matters() }

// matters reports whether the team has something to fix or to decide.
func (d debt) matters() bool {
	if d.Ruling == nil {
		return d.Open
	}
	return promises(d.Ruling.Verb) || d.Ruling.Ended != 0
}

func (d debt) observe() (list []record.Observation) {
	if d.Unseen {
		list = observed(dayOf(d.Since), record.ObsEscaped, "", 1)
	}
	if !d.Default || !d.matters() {
		return list
	}
	if d.Gone != 0 {
		day := dayOf(d.Gone)
		list = append(list, observed(day, record.ObsFixTime, "", max(0, day-dayOf(d.Since)))...)
		return append(list, observed(day, record.ObsFixed, d.Severity.String(), 0)...)
	}
	list = append(list, observed(0, record.ObsOpen, "", dayOf(d.Since))...)
	if d.Ruling != nil && d.Ruling.Verb == "accept" {
		list = append(list, observed(0, record.ObsCarried, d.Severity.String(), d.Ruling.lastDay())...)
	}
	return list
}

// merged takes what a merge brought, and what it ended.
func merged(w *work, e Event, m record.Merge) error {
	gone := map[string]bool{}
	for _, f := range m.Fixed {
		gone[f.Fingerprint] = true
	}
	left := map[string]bool{}
	for _, f := range m.Left {
		left[f.Fingerprint] = true
	}
	seen, err := all[shown](w.store.Of(Shown, e.Number))
	if err != nil {
		return err
	}
	here := map[string]shown{}
	for _, k := range seen {
		here[k.key.Name] = k.is
		if k.is.Merged != 0 {
			continue
		}
		after := k.is
		after.Merged = e.At.UnixMilli()
		switch {
		case left[k.key.Name]:
			after.Gone = 0
		case gone[k.key.Name]:
			after.Gone = cmp.Or(after.Gone, after.Merged)
		}
		if err := save(w, k.key, &k.is, after); err != nil {
			return err
		}
	}
	for _, f := range m.Left[:min(len(m.Left), maxMerged)] {
		if err := bring(w, e, m, f, here); err != nil {
			return err
		}
	}
	for _, f := range m.Gone[:min(len(m.Gone), maxMerged)] {
		if err := change(w, Key{Debt, 0, f.Fingerprint}, func(d *debt) {
			if d.Gone == 0 && (m.Default || strings.EqualFold(d.Into, m.Into)) {
				d.Gone = e.At.UnixMilli()
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

// bring takes a finding that a merge left.
func bring(w *work, e Event, m record.Merge, f record.Finding, here map[string]shown) error {
	s, was := here[f.Fingerprint]
	owners, assigned := f.Owners, false
	if s.Assigned {
		owners, assigned = s.Owners, true
	}
	return carry(w, e, f.Fingerprint, func(d *debt, fresh bool) {
		if fresh {
			d.Rule, d.Title, d.Severity, d.CWE, d.Path, d.Line = f.Rule, f.Title, f.Severity, f.CWE, f.Path, f.Line
			d.Owners, d.Assigned, d.First = owners, assigned, s.First
			d.Unseen = m.Reviewed && m.Default && !was && !f.Shown && f.Decided == ""
		}
		if fresh || m.Default {
			d.Into, d.Default = m.Into, m.Default
		}
	})
}

// mergedOpen takes what was open at a merge.
func mergedOpen(w *work, e Event, m record.OpenMerge) error {
	for _, f := range m.Findings[:min(len(m.Findings), maxMerged)] {
		s, _, err := load[shown](w, Key{Shown, e.Number, f.Fingerprint})
		if err != nil {
			return err
		}
		if err := carry(w, e, f.Fingerprint, func(d *debt, fresh bool) {
			if fresh || d.Number == e.Number {
				d.Rule, d.Title, d.Severity, d.CWE, d.Path, d.Line = f.Rule, f.Title, f.Severity, f.CWE, f.Path, f.Line
				d.First = s.First
				if d.Owners = f.Owners; s.Assigned {
					d.Owners, d.Assigned = s.Owners, true
				}
			}
			d.Open, d.Unseen = true, false
		}); err != nil {
			return err
		}
	}
	for _, q := range m.Questions {
		if err := leave(w, e, q.ID, q.Component, q.Topic, q.Owners); err != nil {
			return err
		}
	}
	return nil
}

// carry changes the debt of a finding. It is fresh if it is not on a branch yet; one that had gone begins again.
func carry(w *work, e Event, fingerprint string, do func(d *debt, fresh bool)) error {
	key := Key{Debt, 0, fingerprint}
	before, known, err := load[debt](w, key)
	if err != nil {
		return err
	}
	again := known && before.Gone != 0
	after, fresh := before, !known || again
	if fresh {
		after = debt{Number: e.Number, Since: e.At.UnixMilli()}
	}
	do(&after, fresh)
	if err := after.rule(w, fingerprint); err != nil {
		return err
	}
	switch {
	case again:
		return renew(w, key, before, after)
	case known:
		return save(w, key, &before, after)
	}
	return save(w, key, nil, after)
}
