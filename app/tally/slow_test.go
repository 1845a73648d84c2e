package tally_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// This file computes lists and figures a second time, from the raw events, as slowly as it likes: each question reads
// the whole history. It shares no code with the package or with package insight.

// A slow is the history of one repository.
type slow []happening

// as returns the data of an event, which it parses once.
func as[T any](e happening) (v T) {
	if *e.parsed == nil {
		if err := json.Unmarshal(e.Data, &v); err != nil {
			panic(err)
		}
		*e.parsed = v
	}
	return (*e.parsed).(T)
}

const dayLength = 24 * time.Hour

func day(t time.Time) int64 { return int64(t.Sub(time.Unix(0, 0)) / dayLength) }

func has(list []record.Finding, fingerprint string) bool {
	return slices.ContainsFunc(list, func(f record.Finding) bool { return f.Fingerprint == fingerprint })
}

// A slowShown is a finding in a pull request.
type slowShown struct {
	number                       int
	fingerprint, rule            string
	severity                     scanners.Severity
	owners                       []string
	assigned                     bool
	first, gone, merged, useless time.Time
}

// shownAt returns a finding as the first n events say; nil if it was not shown yet.
func (s slow) shownAt(number int, fingerprint string, n int) *slowShown {
	var is *slowShown
	for _, e := range s[:n] {
		if e.Number != number {
			continue
		}
		switch e.Kind {
		case record.Finished:
			r := as[record.Review](e)
			var here *record.Finding
			for _, f := range r.Findings {
				if f.Fingerprint == fingerprint && f.State == scanners.New {
					here = &f
				}
			}
			switch {
			case is == nil:
				if here != nil && here.Shown {
					is = &slowShown{number: number, fingerprint: fingerprint, rule: here.Rule, severity: here.Severity, owners: here.Owners, first: e.At}
				}
				continue
			case !is.merged.IsZero():
				continue
			}
			if here == nil && r.Context != nil {
				for _, f := range r.Context.Hidden {
					if f.Fingerprint == fingerprint {
						here = &f
					}
				}
			}
			switch {
			case here != nil:
				is.gone, is.severity = time.Time{}, here.Severity
				if !is.assigned {
					is.owners = here.Owners
				}
			case is.gone.IsZero() && r.Verdict != "incomplete":
				is.gone = e.At
			}
		case record.Merged:
			if is == nil || !is.merged.IsZero() {
				continue
			}
			m := as[record.Merge](e)
			is.merged = e.At
			if has(m.Left, fingerprint) {
				is.gone = time.Time{}
			} else if has(m.Fixed, fingerprint) && is.gone.IsZero() {
				is.gone = e.At
			}
		case record.NotUseful:
			o := as[record.Opinion](e)
			if is != nil && o.Fingerprint == fingerprint && o.Write && !o.Author && is.useless.IsZero() {
				is.useless = e.At
			}
		case record.Assigned:
			if a := as[record.Assignment](e); is != nil && a.Fingerprint == fingerprint {
				is.owners, is.assigned = []string{a.Team}, true
			}
		}
	}
	return is
}

// allShown lists all findings that were shown in pull requests.
func (s slow) allShown() (list []slowShown) {
	seen := map[string]bool{}
	for _, e := range s {
		if e.Kind != record.Finished {
			continue
		}
		for _, f := range as[record.Review](e).Findings {
			name := fmt.Sprint(e.Number, f.Fingerprint)
			if is := s.shownAt(e.Number, f.Fingerprint, len(s)); is != nil && !seen[name] {
				seen[name] = true
				list = append(list, *is)
			}
		}
	}
	return list
}

// A slowDecision is a decision.
type slowDecision struct {
	decision.Decision
	index            int // of the event that made it
	made, from, over time.Time
	owners           []string
	renewals         int
}

func (d slowDecision) promise() bool { return d.Verb == "accept" || d.Verb == "defer" }

func (d slowDecision) mistake() bool { return !d.over.IsZero() && d.over.Sub(d.made) < 24*time.Hour }

// decisionsAt lists the decisions as the first n events say, without owners and renewals.
func (s slow) decisionsAt(n int) (list []*slowDecision) {
	find := func(id string) *slowDecision {
		for _, d := range list {
			if d.ID == id {
				return d
			}
		}
		return nil
	}
	for i, e := range s[:n] {
		switch e.Kind {
		case record.DecisionMade:
			step := as[record.DecisionStep](e)
			if find(step.Decision.ID) != nil {
				continue
			}
			d := &slowDecision{Decision: *step.Decision, index: i, made: e.At}
			if d.Needs == 0 {
				d.from = e.At
			}
			list = append(list, d)
		case record.DecisionConfirmed:
			step := as[record.DecisionStep](e)
			d := find(step.ID)
			if d == nil || !d.over.IsZero() || d.Needs == 0 {
				continue
			}
			already := false
			for _, by := range d.By {
				already = already || strings.EqualFold(by, step.Who)
			}
			if already {
				continue
			}
			d.By = append(append([]string{}, d.By...), step.Who)
			if d.Needs--; d.Needs == 0 {
				d.from = e.At
			}
		case record.DecisionEnded:
			if d := find(as[record.DecisionStep](e).ID); d != nil && d.over.IsZero() {
				d.over = e.At
			}
		}
	}
	return list
}

// decisions lists all decisions.
func (s slow) decisions() []*slowDecision {
	list := s.decisionsAt(len(s))
	for _, d := range list {
		if is := s.shownAt(d.Number, d.Fingerprint, d.index); is != nil {
			d.owners = is.owners
		} else if lives := s.livesAt(d.Fingerprint, d.index); len(lives) > 0 {
			d.owners = lives[len(lives)-1].owners
		}
		for _, old := range s.decisionsAt(d.index) {
			if old.Fingerprint == d.Fingerprint && old.Rule == d.Rule && (old.Number == d.Number || old.Path == d.Path) &&
				old.promise() && old.Needs == 0 && !old.mistake() {
				d.renewals++
			}
		}
	}
	return list
}

// newest returns the decision that counts among some, or else the newest that did; nil for none.
func newest(list []*slowDecision, among func(*slowDecision) bool) (best *slowDecision) {
	var able []*slowDecision
	for _, d := range list {
		if !d.from.IsZero() && among(d) {
			able = append(able, d)
		}
	}
	sort.Slice(able, func(i, j int) bool {
		if able[i].made.Equal(able[j].made) {
			return able[i].ID < able[j].ID
		}
		return able[i].made.Before(able[j].made)
	})
	for _, d := range able {
		if d.over.IsZero() || best == nil || !best.over.IsZero() {
			best = d
		}
	}
	return best
}

// A life is one stay of a finding on a branch.
type life struct {
	number             int
	fingerprint, into  string
	rule, path         string
	severity           scanners.Severity
	owners             []string
	fixed              bool // the owners are those of an assignment
	standard           bool // it is the default branch
	open, unseen       bool
	first, since, gone time.Time
	until              int // the event with which the next life began
}

// livesAt returns the stays of a finding as the first n events say, the oldest first.
func (s slow) livesAt(fingerprint string, n int) (lives []*life) {
	current := func() *life {
		if len(lives) == 0 {
			return nil
		}
		return lives[len(lives)-1]
	}
	// enter returns the present life and whether it is new.
	enter := func(i int) (*life, bool) {
		if l := current(); l != nil && l.gone.IsZero() {
			return l, false
		}
		if l := current(); l != nil {
			l.until = i
		}
		lives = append(lives, &life{number: s[i].Number, fingerprint: fingerprint, since: s[i].At, until: n})
		return current(), true
	}
	for i, e := range s[:n] {
		switch e.Kind {
		case record.Assigned:
			if a := as[record.Assignment](e); a.Fingerprint == fingerprint && current() != nil {
				current().owners, current().fixed = []string{a.Team}, true
			}
		case record.MergedOpen:
			for _, f := range as[record.OpenMerge](e).Findings {
				if f.Fingerprint != fingerprint {
					continue
				}
				l, began := enter(i)
				if began || l.number == e.Number {
					l.rule, l.path, l.severity, l.owners, l.first = f.Rule, f.Path, f.Severity, f.Owners, time.Time{}
					if is := s.shownAt(e.Number, fingerprint, i); is != nil {
						l.first = is.first
						if is.assigned {
							l.owners = is.owners
						}
					}
				}
				l.open, l.unseen = true, false
			}
		case record.Merged:
			m := as[record.Merge](e)
			for _, f := range m.Left {
				if f.Fingerprint != fingerprint {
					continue
				}
				l, began := enter(i)
				if began {
					is := s.shownAt(e.Number, fingerprint, i)
					l.rule, l.path, l.severity, l.owners = f.Rule, f.Path, f.Severity, f.Owners
					l.unseen = is == nil && m.Reviewed && m.Default && !f.Shown && f.Decided == ""
					if is != nil {
						l.first = is.first
						if is.assigned {
							l.owners = is.owners
						}
					}
				}
				if began || m.Default {
					l.into, l.standard = m.Into, m.Default
				}
			}
			if l := current(); l != nil && l.gone.IsZero() && has(m.Gone, fingerprint) && (m.Default || l.into == m.Into) {
				l.gone = e.At
			}
		}
	}
	return lives
}

// lives lists the stays of all findings.
func (s slow) lives() (list []*life) {
	seen := map[string]bool{}
	note := func(fingerprint string) {
		if !seen[fingerprint] {
			seen[fingerprint] = true
			list = append(list, s.livesAt(fingerprint, len(s))...)
		}
	}
	for _, e := range s {
		switch e.Kind {
		case record.Merged:
			for _, f := range as[record.Merge](e).Left {
				note(f.Fingerprint)
			}
		case record.MergedOpen:
			for _, f := range as[record.OpenMerge](e).Findings {
				note(f.Fingerprint)
			}
		}
	}
	return list
}

// ruling returns the decision about a stay.
func (s slow) ruling(l *life) *slowDecision {
	return newest(s.decisionsAt(l.until), func(d *slowDecision) bool {
		return d.Fingerprint == l.fingerprint && d.Rule == l.rule && (d.Number == l.number || d.Path == l.path)
	})
}

// concern reports whether the owners have anything to do with a finding, given its ruling.
func (l *life) concern(d *slowDecision) bool {
	if d == nil {
		return l.open
	}
	return d.promise() || !d.over.IsZero()
}

// lastDay is the last day on which a decision counts; very late for no end.
func (d *slowDecision) lastDay() int64 {
	last := int64(1) << 40
	if !d.Until.IsZero() {
		last = day(d.Until)
	}
	if !d.over.IsZero() && day(d.over)-1 < last {
		last = day(d.over) - 1
	}
	return last
}

// A slowQuestion is a question in a pull request.
type slowQuestion struct {
	id, component, topic           string
	number                         int
	owners                         []string
	asked, answered, useless, left time.Time
	early                          bool
}

func (s slow) questionAt(number int, id string, n int) *slowQuestion {
	var is *slowQuestion
	leave := func(e happening, component, topic string, owners []string) {
		if is == nil {
			is = &slowQuestion{id: id, number: number, component: component, topic: topic}
		}
		if is.left.IsZero() {
			is.left = e.At
		}
		if len(owners) > 0 {
			is.owners = owners
		}
	}
	for _, e := range s[:n] {
		switch e.Kind {
		case record.RequirementAsked:
			q := as[record.Question](e)
			if e.Number != number || q.ID != id || is != nil && !is.asked.IsZero() {
				continue
			}
			if is == nil {
				is = &slowQuestion{id: id, number: number}
			}
			is.component, is.topic, is.owners, is.asked = q.Component, q.Topic, q.Owners, e.At
			is.early = q.Stage != "ready"
		case record.RequirementAnswered:
			a := as[record.Answer](e)
			if is == nil {
				continue
			}
			if e.Number == number && a.Question == id && a.Who != "" && is.answered.IsZero() {
				is.answered = e.At
			}
			if a.Component == is.component && a.Topic == is.topic {
				is.left = time.Time{}
			}
		case record.RequirementMerged:
			if q := as[record.Question](e); e.Number == number && q.ID == id {
				leave(e, q.Component, q.Topic, q.Owners)
			}
		case record.MergedOpen:
			for _, q := range as[record.OpenMerge](e).Questions {
				if e.Number == number && q.ID == id {
					leave(e, q.Component, q.Topic, q.Owners)
				}
			}
		case record.RequirementOpinion:
			o := as[record.QuestionOpinion](e)
			if is != nil && e.Number == number && o.Question == id && o.Write && !o.Author && is.useless.IsZero() {
				is.useless = e.At
			}
		}
	}
	return is
}

func (s slow) questions() (list []*slowQuestion) {
	for number := 1; number <= 3; number++ {
		for _, id := range []string{"Q1", "Q2"} {
			if is := s.questionAt(number, id, len(s)); is != nil {
				list = append(list, is)
			}
		}
	}
	return list
}

// topics calls with the last state of each topic of each component.
func (s slow) topics(with func(seen time.Time, covered bool, owners []string)) {
	for _, component := range []string{"api", "web"} {
		for _, topic := range []string{"access", "public"} {
			var seen time.Time
			var covered bool
			var owners []string
			see := func(e happening, by []string, is bool) {
				if seen, covered = e.At, is; len(by) > 0 {
					owners = by
				}
			}
			for i, e := range s {
				switch e.Kind {
				case record.Finished:
					if r := as[record.Review](e); r.Requirements != nil {
						for _, q := range r.Requirements.Questions {
							if q.Component == component && q.Topic == topic && q.State != "recorded" {
								see(e, q.Owners, q.State != "open")
							}
						}
					}
				case record.RequirementReopened:
					if q := as[record.Question](e); q.Component == component && q.Topic == topic {
						see(e, q.Owners, false)
					}
				case record.RequirementAnswered:
					if a := as[record.Answer](e); a.Component == component && a.Topic == topic {
						var by []string
						if q := s.questionAt(e.Number, a.Question, i); a.Question != "" && q != nil {
							by = q.owners
						}
						see(e, by, true)
					}
				}
			}
			if !seen.IsZero() {
				with(seen, covered, owners)
			}
		}
	}
}

// A slowFigure is a figure before it is suppressed; over means that it is larger.
type slowFigure struct {
	n     int
	value float64
	over  bool
}
