package requirements

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// States of a question.
const (
	open          = "open"
	stateAnswered = "answered" // in this pull request, by a person, evidence or the model
	stateCovered  = "covered"  // by an earlier decision
	stateRecorded = "recorded" // it is open, and nobody is asked
)

// maxPlaces bounds the places of a question.
const maxPlaces = 20

// question makes the question of a group, or updates the one that was asked.
func (c *asking) question(g *group, was record.Question) Question {
	q := Question{Question: was, Severity: g.severity, PavedRoad: c.in.Policy.PavedRoads[g.topic.Name], Ticked: c.in.Ticked[was.ID]}
	q.Topic, q.Component, q.Owners = g.topic.Name, g.component, c.owners(g)
	q.Because, q.Decision, q.Reopens = "", "", ""
	for _, a := range c.in.Advice {
		if a.Question == was.ID && was.ID != "" {
			q.Advice = append(q.Advice, a)
		}
	}
	if !g.asks() {
		c.close(g, &q)
		if was.ID != "" { // it is as it was shown
			return q
		}
		q.describe(g, g.closed)
		return q
	}
	q.State = open
	q.describe(g, g.open)
	if len(g.reopened) > 0 {
		q.reopen(g.reopened)
	}
	q.Snippet = c.snippet(g, q)
	return q
}

// snippet returns the decision that would answer a question, for the model. One about facts that are decided each time
// names them; any other covers its topic.
func (c *asking) snippet(g *group, q Question) string {
	var covers []string
	for _, f := range g.open {
		if f.signal.EachTime {
			covers = add(covers, strings.TrimPrefix(f.id(), f.signal.ID+" "))
		}
	}
	return threatmodel.Snippet(cmp.Or(c.in.Proposed, c.in.Model), threatmodel.Answer{
		Component: q.Component, Topic: q.Topic, Question: strings.ReplaceAll(q.Text, "`", ""), ASVS: q.ASVS[:min(1, len(q.ASVS))], Covers: covers,
	})
}

// describe sets what the question is about.
func (q *Question) describe(g *group, facts []*fact) {
	q.Signals, q.Keys, q.Places, q.ASVS, q.Answers = nil, nil, nil, nil, g.topic.Answers
	lead := leadOf(facts)
	for _, f := range facts {
		if f.signal.ID == lead.ID { // it is named first
			q.Signals = add(q.Signals, f.signal.ID)
			q.ASVS = addASVS(q.ASVS, f.signal.ASVS)
		}
	}
	for _, f := range facts {
		q.Signals = add(q.Signals, f.signal.ID)
		q.Keys = add(q.Keys, f.id())
		q.ASVS = addASVS(q.ASVS, f.signal.ASVS)
		if p := (record.Place{Path: f.Path, Line: f.Line}); len(q.Places) < maxPlaces && !slices.Contains(q.Places, p) {
			q.Places = append(q.Places, p)
		}
	}
	if lead.Question == "" { // no fact, or only some that are recorded and not asked about
		q.ASVS = addASVS(nil, g.topic.ASVS)
		q.Text = fmt.Sprintf("The plan marks the topic %s: what is decided about it?", g.topic.Name)
		lead = leadSignal(g.topic.Name)
	} else {
		q.Text = text(lead, facts)
	}
	q.link(lead)
}

func (q *Question) link(lead design.Signal) {
	if lead.Sheet != "" {
		q.Link, q.LinkName = lead.Link(), strings.ReplaceAll(lead.Sheet, "_", " ")
	}
}

func addASVS(list, numbers []string) []string {
	for _, n := range numbers {
		list = add(list, "v5.0.0-"+n)
	}
	return list
}

// leadOf returns the signal whose question is asked for all: the most severe one.
func leadOf(facts []*fact) (lead design.Signal) {
	for i, f := range facts {
		if s := f.signal; i == 0 || cmp.Or(cmp.Compare(s.Tier, lead.Tier), cmp.Compare(s.ID, lead.ID)) < 0 {
			lead = s
		}
	}
	return lead
}

func leadSignal(topic string) design.Signal {
	for _, s := range design.Signals() {
		if s.Topic == topic && s.Question != "" {
			return s
		}
	}
	return design.Signal{}
}

// text returns the question of a signal about its facts.
func text(s design.Signal, facts []*fact) string {
	about := filter(facts, func(f *fact) bool { return f.signal.ID == s.ID })
	var names, files, kinds []string
	for _, f := range about {
		names, files = add(names, f.name()), add(files, f.Path)
		kinds = add(kinds, cmp.Or(f.Fact.Data["kind"], f.name()))
	}
	// More names than the list keeps are counted by their facts.
	more := 0
	if len(names) == maxKeys {
		more = max(0, len(about)-maxKeys)
	}
	q := s.Question
	if q == "" {
		q = s.Title + ": what is decided about {keys}?"
	}
	return strings.NewReplacer("{keys}", some(names, more), "{kind}", some(kinds, 0), "{file}", some(files, 0)).Replace(q)
}

// some lists up to three names as code.
func some(names []string, more int) string {
	var out []string
	for _, n := range names[:min(3, len(names))] {
		out = append(out, quoted(n))
	}
	if n := len(names) - len(out) + more; n > 0 {
		return strings.Join(out, ", ") + fmt.Sprintf(" and %d more", n)
	}
	if n := len(out); n > 1 {
		return strings.Join(out[:n-1], ", ") + " and " + out[n-1]
	}
	return strings.Join(out, "")
}

// reopen says that the change removes the evidence of decisions.
func (q *Question) reopen(list []reopening) {
	var names []string
	var lead design.Signal
	var says []string
	for _, r := range list {
		for _, k := range r.keys {
			s, _, key, ok := signalOf(k)
			if !ok {
				continue
			}
			if lead.ID == "" || cmp.Or(cmp.Compare(s.Tier, lead.Tier), cmp.Compare(s.ID, lead.ID)) < 0 {
				lead, names = s, nil
			}
			if s.ID == lead.ID {
				names = add(names, key)
			}
			q.Signals, q.Keys, q.ASVS = add(q.Signals, s.ID), add(q.Keys, k), addASVS(q.ASVS, s.ASVS)
		}
		if !slices.Contains(q.Places, r.place) {
			q.Places = slices.Insert(q.Places, 0, r.place)
		}
		says = add(says, fmt.Sprintf("the change removes the evidence of %s: %s", r.answer.ID, r.lost.Says))
		q.Reopens = r.answer.ID
		if !slices.Contains(q.Evidence, r.lost) {
			q.Evidence = append(q.Evidence, r.lost)
		}
	}
	q.Because = strings.Join(says[:min(3, len(says))], "; ")
	if lead.ID == "" {
		lead = leadSignal(q.Topic)
		q.Signals = add(q.Signals, lead.ID)
	}
	q.link(lead)
	if len(names) > 0 && lead.Question != "" {
		q.Text = strings.NewReplacer("{keys}", some(names, 0), "{kind}", some(names, 0), "{file}", quoted(list[0].place.Path)).Replace(lead.Question)
	} else {
		q.Text = fmt.Sprintf("The evidence of %s goes away: what takes its place?", list[0].answer.ID)
	}
}

// close says who or what answered a question.
func (c *asking) close(g *group, q *Question) {
	var says []string
	q.State = stateCovered
	if a := g.answered; a.ID != "" {
		says, q.Decision = add(says, said(a)), a.ID
		if c.here(a) {
			q.State = stateAnswered
		}
	}
	for _, f := range g.closed {
		says = add(says, f.covered)
		if f.decision != "" {
			q.Decision = f.decision
		}
		if f.how == byEvidence || f.ours || f.how == byModel && f.decision == "" {
			q.State = stateAnswered
		}
		if f.proof.Fact == nil || len(q.Evidence) == maxPlaces {
			continue
		}
		if e := recorded(f.proof, f.says); !slices.Contains(q.Evidence, e) {
			q.Evidence = append(q.Evidence, e)
		}
	}
	if n := len(says) - 3; n > 0 {
		says = append(says[:3], fmt.Sprintf("and %d more", n))
	}
	q.Because = strings.Join(says, "; ")
}

// maxOwners bounds the owners of a question.
const maxOwners = 10

// owners returns who owns the component: by the model, else by its files.
func (c *asking) owners(g *group) (list []string) {
	in := c.in
	if in.Model != nil {
		for _, m := range in.Model.Components {
			if m.ID != g.component || m.Owner == "" {
				continue
			}
			if in.Named == nil {
				return []string{m.Owner}
			}
			if owner := in.Named(m.Owner); owner != "" {
				return []string{owner}
			}
		}
	}
	if in.Owners == nil {
		return nil
	}
	for _, f := range slices.Concat(g.open, g.closed) {
		for _, o := range in.Owners(f.Path) {
			if len(list) < maxOwners {
				list = add(list, o)
			}
		}
	}
	return list
}
