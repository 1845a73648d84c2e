package requirements

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// Ways to answer.
const (
	byCommand  = "command"
	byBox      = "box"
	byEvidence = "evidence"
	byModel    = "model"
)

// cover sets by what a fact is answered already, if it is.
func (c *asking) cover(f *fact) {
	if f.Fact.Closed != "" {
		f.covered, f.how = f.Fact.Closed, byEvidence
		return
	}
	if proof, says, ok := c.at.prove(f.subject(), c.routes); ok {
		f.covered, f.how, f.proof, f.says = says, byEvidence, proof, says
		return
	}
	if c.answered(f) {
		return
	}
	for _, m := range []struct {
		model *threatmodel.Model
		name  string
	}{{c.in.Model, "the threat model"}, {c.in.Proposed, "the threat model of this change"}} {
		if m.model == nil {
			continue
		}
		name := f.component
		if own, ok := m.model.ComponentOf(f.Path); ok {
			name = own.ID
		}
		if d, ok := decided(m.model, f, name, c.in.Now, c.removedFile); ok {
			f.covered, f.how, f.decision = fmt.Sprintf("%s decides it: %s", m.name, short(oneLine(d.Text))), byModel, d.ID
			return
		}
		if says := lists(m.model, f, name); says != "" {
			f.covered, f.how = m.name+" "+says, byModel
			return
		}
	}
}

// answered looks for a recorded answer of a person.
func (c *asking) answered(f *fact) bool {
	for _, a := range slices.Backward(c.in.Answers) {
		if a.Topic != f.signal.Topic || !c.sameComponent(a.Component, f) || !spoken(a) {
			continue
		}
		if f.signal.EachTime && !slices.Contains(a.Keys, f.id()) {
			continue
		}
		f.covered, f.how, f.decision = said(a), a.How, a.ID
		f.ours = c.here(a)
		return true
	}
	return false
}

// here reports whether an answer was given in this pull request.
func (c *asking) here(a record.Answer) bool {
	if c.in.Number != 0 {
		return a.Number == c.in.Number
	}
	return slices.ContainsFunc(c.in.Asked, func(q record.Question) bool {
		return q.ID == a.Question && q.Topic == a.Topic && q.Component == a.Component
	})
}

// answerTo returns the answer to a topic that the plan names and no fact is about; zero for none.
func (c *asking) answerTo(g *group) record.Answer {
	for _, a := range slices.Backward(c.in.Answers) {
		if a.Topic == g.topic.Name && a.Component == g.component && spoken(a) {
			return a
		}
	}
	for _, m := range []*threatmodel.Model{c.in.Model, c.in.Proposed} {
		if m == nil {
			continue
		}
		for _, d := range m.Decisions {
			if d.Topic == g.topic.Name && d.Component == g.component && holds(d, c.in.Now, c.removedFile) {
				return record.Answer{ID: d.ID, Topic: d.Topic, Component: d.Component, Text: d.Text, How: byModel}
			}
		}
	}
	return record.Answer{}
}

// said says who answered what.
func said(a record.Answer) string {
	text := short(oneLine(a.Text))
	if a.Who == "" {
		return text
	}
	return "@" + strings.TrimPrefix(a.Who, "@") + " answered: " + text
}

// sameComponent reports whether an answer about a component is about that of a fact. A component has another name once
// a model knows it.
func (c *asking) sameComponent(name string, f *fact) bool {
	return name == f.component || name == Component(f.Path)
}

// spoken reports whether an answer is that of a person and has a text of its own: a ticked box alone decides nothing.
func spoken(a record.Answer) bool {
	if a.How != byCommand && a.How != byBox {
		return false
	}
	text := strings.TrimSpace(a.Text)
	return text != "" && (a.How == byCommand || !isBox(a.Topic, text))
}

func isBox(topic, text string) bool {
	for _, t := range design.Topics() {
		if t.Name == topic {
			return slices.Contains(t.Answers, text)
		}
	}
	return false
}

// decided looks for a decision of the model that covers a fact.
func decided(m *threatmodel.Model, f *fact, component string, now time.Time, gone func(string) bool) (threatmodel.Decision, bool) {
	i := slices.IndexFunc(m.Decisions, func(d threatmodel.Decision) bool {
		return d.Topic == f.signal.Topic && d.Component == component && holds(d, now, gone) && covers(d, f)
	})
	if i < 0 {
		return threatmodel.Decision{}, false
	}
	return m.Decisions[i], true
}

// holds reports whether a decision is one, and not stale.
func holds(d threatmodel.Decision, now time.Time, gone func(string) bool) bool {
	stale := !d.ReviewAfter.IsZero() && d.ReviewAfter.Before(now) || slices.ContainsFunc(d.Evidence, func(e string) bool {
		path, _, _ := strings.Cut(e, "#")
		return gone(path)
	})
	return d.Status != "" && d.Status != "open" && !stale
}

// covers reports whether a decision covers a fact. A signal that is decided each time needs the fact's very own key,
// and one about what is public a decision that says so.
func covers(d threatmodel.Decision, f *fact) bool {
	if f.signal.Topic == "public" && f.signal.Slug != "webhook-receiver" && !d.Public {
		return false
	}
	keys := []string{f.id(), strings.TrimPrefix(f.id(), f.signal.ID+" ")}
	if f.signal.EachTime {
		if f.nth == 1 {
			keys = append(keys, f.Fact.Key)
		}
		return slices.ContainsFunc(d.Covers, func(glob string) bool { return slices.Contains(keys, plainGlob(glob)) })
	}
	if keys = append(keys, f.Fact.Key); f.signal.PerFile {
		keys = append(keys, f.Path)
	}
	return len(d.Covers) == 0 || slices.ContainsFunc(d.Covers, func(glob string) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return glob == key || doublestar.MatchUnvalidated(glob, key) })
	})
}

// plainGlob returns the text that a glob without wildcards matches.
func plainGlob(glob string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		if glob[i] == '\\' && i+1 < len(glob) {
			i++
		}
		b.WriteByte(glob[i])
	}
	return b.String()
}

// lists returns in which list of the model a fact stands, as the end of a sentence; empty for none.
func lists(m *threatmodel.Model, f *fact, component string) string {
	if at := inventories[f.signal.Slug]; at != nil {
		var own threatmodel.Component
		if i := slices.IndexFunc(m.Components, func(c threatmodel.Component) bool { return c.ID == component }); i >= 0 {
			own = m.Components[i]
		}
		return at(m, own, f)
	}
	return ""
}

// inventories are the lists of a model that answer the questions of signals.
var inventories = map[string]func(m *threatmodel.Model, own threatmodel.Component, f *fact) string{
	"pii-field": func(m *threatmodel.Model, _ threatmodel.Component, f *fact) string {
		for _, d := range m.Data {
			if d.Class != "" && d.Retention != "" && slices.Contains(d.Fields, f.Fact.Key) {
				return fmt.Sprintf("lists %s as %s with a retention of %s", quoted(f.Fact.Key), d.Class, d.Retention)
			}
		}
		return ""
	},
	"new-deployable": func(_ *threatmodel.Model, own threatmodel.Component, f *fact) string {
		if own.ID == "" {
			return ""
		}
		return "has the component " + own.ID
	},
	"datastore": func(m *threatmodel.Model, _ threatmodel.Component, f *fact) string {
		for _, c := range m.Components {
			store := c.Kind == "datastore" || c.Kind == "queue"
			if store && len(c.Holds) > 0 && (slices.Contains(c.Resources, f.Fact.Key) || c.ID == f.Fact.Key) {
				return "says what " + c.ID + " holds"
			}
		}
		return ""
	},
	"k8s-exposure": func(_ *threatmodel.Model, own threatmodel.Component, _ *fact) string {
		if own.Exposure != "external" {
			return ""
		}
		return "says that " + own.ID + " is external"
	},
	"outbound-host":           flowTo,
	"dep-third-party-service": external,
	"llm-call": func(m *threatmodel.Model, _ threatmodel.Component, f *fact) string {
		for _, flow := range m.Flows {
			to := slices.Contains(flow.Hosts, hostOf(f)) || slices.Contains(words(f.Fact.Key), flow.To)
			if to && len(flow.Data) > 0 && len(flow.Tools) > 0 {
				return "has a flow to " + flow.To + " with its data and tools"
			}
		}
		return ""
	},
	"message-consumer": func(m *threatmodel.Model, own threatmodel.Component, _ *fact) string {
		for _, flow := range m.Flows {
			if own.ID == "" || flow.Auth == "" || flow.To != own.ID && flow.From != own.ID {
				continue
			}
			other := flow.From
			if other == own.ID {
				other = flow.To
			}
			if slices.ContainsFunc(m.Components, func(c threatmodel.Component) bool { return c.ID == other && c.Kind == "queue" }) {
				return "says how the flow with " + other + " is authenticated"
			}
		}
		return ""
	},
	"new-secret": func(m *threatmodel.Model, _ threatmodel.Component, f *fact) string {
		for _, c := range m.Components {
			for _, s := range c.Secrets {
				if s.Name == f.Fact.Key && s.Store != "" {
					return fmt.Sprintf("says that %s keeps it in %s", c.ID, s.Store)
				}
			}
		}
		return ""
	},
	"crypto-use": func(_ *threatmodel.Model, own threatmodel.Component, f *fact) string {
		used := words(f.Fact.Key)
		for _, c := range own.Crypto {
			if slices.ContainsFunc(words(c.Alg), func(w string) bool { return slices.Contains(used, w) }) {
				return "lists " + c.Alg + " of " + own.ID
			}
		}
		return ""
	},
	"identity-provider": func(_ *threatmodel.Model, own threatmodel.Component, f *fact) string {
		for _, a := range own.Authn {
			_, name, ok := strings.Cut(a, ":")
			if strings.EqualFold(a, f.Fact.Key) || ok && strings.EqualFold(name, f.Fact.Key) {
				return "lists " + a + " for " + own.ID
			}
		}
		return ""
	},
	"role-permission": func(m *threatmodel.Model, _ threatmodel.Component, f *fact) string {
		for _, r := range m.Roles {
			if r.Name == f.Fact.Key && r.Allows != "" {
				return "says what " + quoted(r.Name) + " allows"
			}
		}
		return ""
	},
}

func hostOf(f *fact) string {
	if h := f.Fact.Data["host"]; h != "" {
		return h
	}
	return f.Fact.Key
}

func flowTo(m *threatmodel.Model, _ threatmodel.Component, f *fact) string {
	for _, flow := range m.Flows {
		if slices.Contains(flow.Hosts, hostOf(f)) {
			return "has a flow to " + hostOf(f)
		}
	}
	for _, c := range m.Components {
		if c.Kind == "external" && slices.Contains(c.Hosts, hostOf(f)) {
			return "has " + hostOf(f) + " as a host of " + c.ID
		}
	}
	return ""
}

func external(m *threatmodel.Model, _ threatmodel.Component, f *fact) string {
	for _, c := range m.Components {
		if c.Kind == "external" && slices.Contains(words(f.Fact.Key), c.ID) {
			return "has the external component " + c.ID
		}
	}
	return ""
}

// words splits a name into its parts in lower case.
func words(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
}
