package requirements

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// Ask decides what a change has to answer.
func Ask(in Input) Outcome {
	if !in.Policy.Wants(scanner, scanners.Requirements) {
		return Outcome{Off: true}
	}
	c := &asking{comparison: compare(in), places: newPlaces(in)}
	c.at, c.was, c.routes = evidenceOf(c.head), evidenceOf(c.base), routesOf(c.head)
	facts := c.facts()
	for _, f := range facts {
		c.cover(f)
	}
	reopened := c.reopened()
	groups := groupsOf(facts, reopened, c.planned(facts))
	for _, g := range groups {
		if g.planned {
			g.answered = c.answerTo(g)
		}
	}
	out := c.questions(groups)
	out.Drift = c.drift(facts)
	out.Unread = in.Unread
	out.Answered = c.proofs(facts, out.Questions)
	for _, r := range reopened {
		out.Reopened = append(out.Reopened, r.answer.ID)
		out.Facts = append(out.Facts, r.fact())
	}
	out.Reopened = slices.Compact(slices.Sorted(slices.Values(out.Reopened)))
	for _, f := range collapse(facts) {
		out.Facts = append(out.Facts, f.recorded())
	}
	return out
}

// drift compares the facts with the model that will hold after the merge. What is stale is said where the change adds
// something to the component, so that no other change repeats it.
func (c *asking) drift(facts []*fact) []threatmodel.Drift {
	model := cmp.Or(c.in.Proposed, c.in.Model)
	if model == nil {
		return nil
	}
	var list []threatmodel.Fact
	touched := map[string]bool{}
	for _, f := range facts {
		touched[f.component] = true
		list = append(list, threatmodel.Fact{
			Signal: f.signal.ID, Slug: f.signal.Slug, Tier: f.signal.Tier, Key: f.Fact.Key, Path: f.Path, Line: f.Line, Data: f.Fact.Data, New: true,
		})
	}
	return filter(threatmodel.Compare(model, list, threatmodel.Code{Now: c.in.Now}), func(d threatmodel.Drift) bool {
		return d.Kind != threatmodel.Stale || touched[d.Component]
	})
}

// asking is the work of one call of [Ask].
type asking struct {
	*comparison
	*places
	at, was evidence // at the head, and at the base
	routes  routes
}

// facts returns the new facts with their components and modes.
func (c *asking) facts() (list []*fact) {
	taken := map[[2]string]bool{}     // routes that a more exact signal names
	public := map[record.Place]bool{} // where something is taken out of authentication
	all := append(c.removed(), c.fresh()...)
	for _, f := range all {
		switch f.Rule {
		case "admin-endpoint", "webhook-receiver":
			taken[[2]string{f.Path, f.Fact.Key}] = true
		case "auth-exemption":
			public[record.Place{Path: f.Path, Line: f.Line}] = c.modeOf(f) == ask
		}
	}
	for _, f := range all {
		if f.Rule == "http-route" && (taken[[2]string{f.Path, f.Fact.Key}] || public[record.Place{Path: f.Path, Line: f.Line}]) {
			continue
		}
		if f.mode = c.modeOf(f); f.mode != "" {
			f.component = c.component(f.Path)
			list = append(list, f)
		}
	}
	list = c.firstUses(list)
	list = list[:min(len(list), maxFacts)]
	slices.SortStableFunc(list, func(a, b *fact) int { return byPlace(a.Finding, b.Finding) })
	return list
}

// modeOf returns the mode of a fact. An administrative endpoint is a route, too: where its own signal only runs in the
// shadow, it is asked about like one.
func (c *asking) modeOf(f *fact) string {
	mode := c.mode(f.signal, f.Path)
	if f.Rule == "admin-endpoint" && mode == shadow && f.signal.Launch == shadow {
		route, _ := design.Of("http-route")
		if asked := c.mode(route, f.Path); asked == ask {
			return ask
		}
	}
	return mode
}

// maxSearched is how many texts the base is searched for.
const maxSearched = 100

// firstUses drops the facts that something of the base names already. Where that is not known, the fact is recorded.
func (c *asking) firstUses(list []*fact) []*fact {
	atBase := map[[2]string]bool{}
	for _, f := range c.base {
		atBase[[2]string{f.Rule, f.Fact.Key}] = true
	}
	text := func(f *fact) string { return cmp.Or(f.Fact.Data["search"], f.Fact.Key) }
	list = filter(list, func(f *fact) bool { return !f.signal.FirstUse || !atBase[[2]string{f.Rule, f.Fact.Key}] })
	texts := map[string]bool{}
	for _, f := range list {
		if f.signal.FirstUse {
			texts[text(f)] = true
		}
	}
	if len(texts) == 0 {
		return list
	}
	searched := slices.Sorted(maps.Keys(texts))
	for _, t := range searched[min(len(searched), maxSearched):] {
		texts[t] = false
	}
	known, complete := map[string]bool{}, false
	if c.in.KnownAtBase != nil {
		known, complete = c.in.KnownAtBase(searched[:min(len(searched), maxSearched)])
	}
	return filter(list, func(f *fact) bool {
		if !f.signal.FirstUse {
			return true
		}
		if !complete || !texts[text(f)] {
			f.mode = noted
		}
		return !known[text(f)]
	})
}

// planned returns the topics of the plan that none of the facts is about, with the component that has most of the
// change.
func (c *asking) planned(facts []*fact) map[string]string {
	sum := map[string]int{}
	for _, ch := range c.in.Changes {
		sum[c.component(cmp.Or(ch.NewPath, ch.OldPath))]++
	}
	most := "."
	for _, name := range slices.Sorted(maps.Keys(sum)) {
		if sum[name] > sum[most] {
			most = name
		}
	}
	out := map[string]string{}
	for _, t := range c.in.Planned {
		if _, ok := severityOf(t); !ok {
			continue
		}
		out[t] = most
		for _, q := range c.in.Asked {
			if q.Topic == t && q.Stage == stagePlan && len(q.Keys) == 0 {
				out[t] = q.Component
			}
		}
		for _, f := range facts {
			if f.signal.Topic == t && f.mode != noted {
				f.mode = ask // people say that the change is about this
				delete(out, t)
			}
		}
	}
	return out
}

// severityOf returns the place of a topic among all, 0 for the most severe one.
func severityOf(topic string) (n int, ok bool) {
	n = slices.IndexFunc(design.Topics(), func(t design.Topic) bool { return t.Name == topic })
	return n, n >= 0
}

// A group is a topic of a component: what one question is about.
type group struct {
	topic     design.Topic
	severity  int
	component string
	open      []*fact
	closed    []*fact // only those that would be asked about
	reopened  []reopening
	planned   bool          // without a fact
	answered  record.Answer // of a planned one; zero for none
}

func (g *group) asks() bool {
	return len(g.open)+len(g.reopened) > 0 || g.planned && g.answered.ID == ""
}

func groupsOf(facts []*fact, reopened []reopening, planned map[string]string) []*group {
	byName := map[[2]string]*group{}
	at := func(topic, component string) *group {
		n, ok := severityOf(topic)
		if !ok {
			return &group{}
		}
		k := [2]string{topic, component}
		if byName[k] == nil {
			byName[k] = &group{topic: design.Topics()[n], severity: n, component: component}
		}
		return byName[k]
	}
	for _, f := range facts {
		switch g := at(f.signal.Topic, f.component); {
		case f.open():
			g.open = append(g.open, f)
		case f.mode == ask:
			g.closed = append(g.closed, f)
		}
	}
	for _, r := range reopened {
		g := at(r.answer.Topic, r.answer.Component)
		g.reopened = append(g.reopened, r)
	}
	for topic, component := range planned {
		at(topic, component).planned = true
	}
	list := filter(slices.Collect(maps.Values(byName)), func(g *group) bool { return g.asks() || len(g.closed) > 0 })
	rank := func(g *group) int {
		switch {
		case len(g.reopened) > 0:
			return 0
		case g.planned:
			return 1
		}
		return 2
	}
	slices.SortFunc(list, func(a, b *group) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.severity, b.severity), cmp.Compare(a.component, b.component))
	})
	return list
}

// The limits of a pull request, and of an author's other pull requests on one day.
const (
	maxQuestions = 3
	maxToday     = 2
)

// Reasons why nobody is asked.
const (
	overLimit = "a pull request has at most three questions"
	overToday = "its author was asked two questions today"
	tired     = "two merges of its author left this topic open"
	ofBot     = "a bot made the change"
)

// questions keeps the questions that were asked and adds new ones, within the limits.
func (c *asking) questions(groups []*group) (out Outcome) {
	in := c.in
	used := map[*group]bool{}
	room := maxQuestions
	last := 0
	asked := slices.Clone(in.Asked)
	slices.SortStableFunc(asked, func(a, b record.Question) int { return cmp.Compare(number(a.ID), number(b.ID)) })
	for _, q := range asked {
		last = max(last, number(q.ID))
		g := find(groups, used, q)
		if g == nil {
			out.Questions = append(out.Questions, withdrawn(q, in.Bot))
			continue
		}
		used[g] = true
		next := c.question(g, q)
		if room--; room < 0 && next.State == open {
			next.State, next.Because = stateRecorded, overLimit
		}
		out.Questions = append(out.Questions, next)
	}
	room = max(room, 0)
	today := room
	if in.Today > 0 {
		today = max(0, maxToday-in.Today-len(asked))
	}
	for _, g := range groups {
		if used[g] {
			continue
		}
		q := c.question(g, record.Question{Stage: c.stage(g)})
		why := ""
		switch exempt := len(g.reopened) > 0 || g.planned; {
		case q.State != open:
		case in.Bot:
			why = ofBot
		case in.Tired[g.component+" "+g.topic.Name] && !exempt:
			why = tired
		case room == 0:
			why = overLimit
		case today == 0 && !exempt:
			why = overToday
		}
		if q.State != open || why != "" {
			if why != "" {
				q.State, q.Because = stateRecorded, why
			}
			out.Others = append(out.Others, q)
			continue
		}
		last++
		room--
		today = max(0, today-1)
		q.ID = "Q" + strconv.Itoa(last)
		out.Questions = append(out.Questions, q)
	}
	return out
}

var questionID = regexp.MustCompile(`^Q([1-9][0-9]{0,6})$`)

// number returns the number of a question; 0 for a text that is no id.
func number(id string) int {
	m := questionID.FindStringSubmatch(id)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// find returns the group that a question is about: of the same topic and component or, after a component got another
// name, with one of its facts.
func find(groups []*group, used map[*group]bool, q record.Question) *group {
	same := func(is func(*group) bool) *group {
		i := slices.IndexFunc(groups, func(g *group) bool { return !used[g] && g.topic.Name == q.Topic && is(g) })
		if i < 0 {
			return nil
		}
		return groups[i]
	}
	if g := same(func(g *group) bool { return g.component == q.Component }); g != nil {
		return g
	}
	return same(func(g *group) bool {
		has := func(f *fact) bool { return slices.Contains(q.Keys, f.id()) }
		return slices.ContainsFunc(g.open, has) || slices.ContainsFunc(g.closed, has) || q.Stage == stagePlan && len(q.Keys) == 0
	})
}

// withdrawn returns a question about something that the change has no more.
func withdrawn(q record.Question, bot bool) Question {
	was := q.Reopens
	switch {
	case q.State == stateAnswered || q.State == stateCovered: // and stays so
	case bot:
		q.State, q.Because = stateRecorded, ofBot
	case was != "":
		q.State, q.Because = stateAnswered, "the evidence of "+was+" is back"
	default:
		q.State, q.Because = stateAnswered, "the change no longer has it"
	}
	q.Reopens = ""
	n, _ := severityOf(q.Topic)
	return Question{Question: q, Severity: max(n, 0)}
}

func (c *asking) stage(g *group) string {
	switch {
	case slices.Contains(c.in.Planned, g.topic.Name):
		return stagePlan
	case g.topic.Name == "design":
		return "document"
	case c.in.Draft:
		return "draft"
	}
	return "ready"
}

const stagePlan = "plan"

// proofs returns the answers that evidence or the model gives, for the memory of the repository: then the change that
// removes the evidence is asked again.
func (c *asking) proofs(facts []*fact, questions []Question) (answers []record.Answer) {
	known := map[string]bool{}
	for _, a := range c.in.Answers {
		known[a.ID] = true
	}
	byName := map[[3]string]*record.Answer{}
	var order [][3]string
	for _, f := range facts {
		shown := slices.IndexFunc(questions, func(q Question) bool { return q.Topic == f.signal.Topic && q.Component == f.component })
		if f.mode != ask || f.how != byEvidence && f.how != byModel || f.proof.Fact == nil && shown < 0 {
			continue
		}
		k := [3]string{f.signal.Topic, f.component, f.how}
		a := byName[k]
		if a == nil {
			a = &record.Answer{Topic: f.signal.Topic, Component: f.component, How: f.how, Text: f.covered, Source: "the change"}
			if shown >= 0 {
				a.Question, a.Stage = questions[shown].ID, questions[shown].Stage
			}
			byName[k] = a
			order = append(order, k)
		}
		a.Signals = add(a.Signals, f.signal.ID)
		a.Keys = add(a.Keys, f.id())
		if f.proof.Fact != nil && !slices.Contains(a.Evidence, recorded(f.proof, f.says)) && len(a.Evidence) < maxKeys {
			a.Evidence = append(a.Evidence, recorded(f.proof, f.says))
		}
	}
	for _, k := range order {
		a := byName[k]
		a.ID = answerID(*a)
		if !known[a.ID] {
			answers = append(answers, *a)
		}
	}
	return answers
}

// answerID names an answer by its content, so that each review gives the same answer the same id.
func answerID(a record.Answer) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q", a.Topic, a.Component, a.How, a.Keys)
	for _, e := range a.Evidence {
		fmt.Fprintf(h, " %q %q %q", e.Kind, e.Path, e.Key)
	}
	return "D-" + base32.StdEncoding.EncodeToString(h.Sum(nil)[:5])
}

// maxKeys bounds a list that is recorded.
const maxKeys = 100

func add(list []string, s string) []string {
	if len(list) == maxKeys || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// collapse makes one fact of many of one kind in one file.
func collapse(facts []*fact) (out []*fact) {
	type kind struct{ rule, path, covered string }
	many := map[kind][]*fact{}
	for _, f := range facts {
		k := kind{f.Rule, f.Path, f.covered}
		many[k] = append(many[k], f)
	}
	for _, f := range facts {
		list := many[kind{f.Rule, f.Path, f.covered}]
		if len(list) <= maxInFile {
			out = append(out, f)
		} else if list[0] == f {
			one := *f
			shown := *f.Fact
			shown.Name = fmt.Sprintf("%s and %d more", short(f.name()), len(list)-1)
			one.Fact = &shown
			out = append(out, &one)
		}
	}
	return out
}

// maxInFile is how many facts of one kind in one file are facts of their own.
const maxInFile = 20

func (f *fact) recorded() Fact {
	return Fact{
		Fact: record.Fact{
			Signal: f.signal.ID, Key: f.Fact.Key, Path: f.Path, Line: f.Line, Component: f.component, Mode: f.mode,
			Covered: strings.TrimSpace(cmp.Or(f.decision, f.covered)),
		},
		Title: f.signal.Title, Name: f.name(), EndLine: f.EndLine,
	}
}

// fact returns the place where evidence went, as a fact to show.
func (r reopening) fact() Fact {
	signal, key := leadSignal(r.answer.Topic).ID, r.answer.ID
	if len(r.keys) > 0 {
		signal, key, _ = strings.Cut(r.keys[0], " ")
	}
	return Fact{
		Fact:  record.Fact{Signal: signal, Key: key, Path: r.place.Path, Line: r.place.Line, Component: r.answer.Component, Mode: ask},
		Title: "Evidence of " + r.answer.ID + " removed", Name: key, EndLine: r.place.Line,
	}
}
