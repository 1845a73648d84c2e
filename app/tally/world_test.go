package tally_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/tally"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// A memory is a store of one repository.
type memory struct {
	subjects map[tally.Key]kept
	lists    map[string]map[tally.Key]bool
	days     map[string]map[record.Observation]int64 // by team; N is 0
}

type kept struct {
	about string
	data  []byte
}

func newMemory() *memory {
	return &memory{map[tally.Key]kept{}, map[string]map[tally.Key]bool{}, map[string]map[record.Observation]int64{}}
}

func (m *memory) Load(key tally.Key) ([]byte, error) { return m.subjects[key].data, nil }

func (m *memory) Of(kind string, number int) (map[tally.Key][]byte, error) {
	return m.find(func(key tally.Key, _ kept) bool { return key.Kind == kind && key.Number == number })
}

func (m *memory) About(kind, about string) (map[tally.Key][]byte, error) {
	return m.find(func(key tally.Key, k kept) bool { return key.Kind == kind && k.about == about })
}

func (m *memory) find(is func(tally.Key, kept) bool) (map[tally.Key][]byte, error) {
	found := map[tally.Key][]byte{}
	for key, k := range m.subjects {
		if is(key, k) {
			found[key] = k.data
		}
	}
	return found, nil
}

func (m *memory) Save(key tally.Key, about string, data []byte, before, teams []string) error {
	m.subjects[key] = kept{about, data}
	for _, team := range before {
		if !m.lists[team][key] {
			return fmt.Errorf("%q has no %v on its list", team, key)
		}
		delete(m.lists[team], key)
	}
	for _, team := range teams {
		if m.lists[team] == nil {
			m.lists[team] = map[tally.Key]bool{}
		}
		m.lists[team][key] = true
	}
	return nil
}

func (m *memory) Add(team string, o record.Observation) error {
	if m.days[team] == nil {
		m.days[team] = map[record.Observation]int64{}
	}
	n := o.N
	o.N = 0
	m.days[team][o] += n
	switch sum := m.days[team][o]; {
	case sum < 0:
		return fmt.Errorf("%+v of %q is counted %d times", o, team, sum)
	case sum == 0:
		delete(m.days[team], o)
	}
	return nil
}

// observations returns those of a team over repositories since a day.
func observations(repos map[int64]*memory, team string, since int64) (list []record.Observation) {
	sums := map[record.Observation]int64{}
	for _, m := range repos {
		for o, n := range m.days[team] {
			if o.Day == 0 || o.Day >= since {
				sums[o] += n
			}
		}
	}
	for _, o := range slices.SortedFunc(maps.Keys(sums), record.Observation.Compare) {
		o.N = sums[o]
		list = append(list, o)
	}
	return list
}

// A happening is an event in a repository.
type happening struct {
	repo int64
	tally.Event
	parsed *any // see as
}

// A history makes random events.
type history struct {
	t      testing.TB
	r      *rand.Rand
	at     time.Time
	events []happening
	made   []decision.Decision
	repos  []int64
	theme  int // what happens more often
}

// accepts is the theme of histories in which acceptances last.
const accepts = 5

func newHistory(t testing.TB, seed uint64, steps int) *history {
	h := &history{t: t, r: rand.New(rand.NewPCG(seed, 13)), at: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), repos: []int64{1, 2}, theme: int(seed % 6)}
	for range steps {
		h.step()
	}
	return h
}

func (h *history) pick(list ...string) string { return list[h.r.IntN(len(list))] }

func (h *history) add(repo int64, number int, head, kind string, data any) {
	b, err := json.Marshal(data)
	if err != nil {
		h.t.Fatal(err)
	}
	h.events = append(h.events, happening{repo, tally.Event{ID: int64(len(h.events) + 1), At: h.at, Kind: kind, Number: number, Head: head, Data: b}, new(any)})
}

// owners are a few, in different cases, and nobody.
func (h *history) owners() []string {
	return [][]string{{"@acme/pay"}, {"@Acme/Pay", "@acme/web"}, {"@acme/web"}, {"@mona"}, nil, {"@acme/pay"}}[h.r.IntN(6)]
}

// finding returns one of a few. The rule, the path and the severity belong to its fingerprint.
func (h *history) finding() record.Finding {
	i := h.r.IntN(6)
	return record.Finding{
		Fingerprint: fmt.Sprintf("%026d:1", i), Rule: []string{"gosec/G1", "osv/CVE-1"}[i%2], Path: []string{"a.go", "b.go", "c.go"}[i%3],
		Title: fmt.Sprint("finding ", i), Severity: scanners.Severity(i % 5), Line: i, State: scanners.State(h.pick("new", "new", "new", "unchanged")),
		Shown: h.r.IntN(4) > 0, Owners: h.owners(),
	}
}

func (h *history) findings(most int) (list []record.Finding) {
	for range h.r.IntN(most + 1) {
		f := h.finding()
		if !slices.ContainsFunc(list, func(old record.Finding) bool { return old.Fingerprint == f.Fingerprint }) {
			list = append(list, f)
		}
	}
	return list
}

func (h *history) question() record.Question {
	return record.Question{
		ID: h.pick("Q1", "Q2"), Topic: h.pick("access", "public"), Component: h.pick("api", "web"), Owners: h.owners(),
		Stage: h.pick("plan", "document", "draft", "ready"), State: h.pick(record.Open, record.Answered, record.Covered, record.Recorded),
		Author: "mona",
	}
}

func (h *history) step() {
	pace := 4 * 24 * 60
	if h.theme%2 == 1 {
		pace /= 5
	}
	h.at = h.at.Add(time.Duration(h.r.IntN(pace)) * time.Minute).Add(time.Duration(h.r.IntN(60_000)) * time.Millisecond)
	repo, number, head := h.repos[h.r.IntN(len(h.repos))], 1+h.r.IntN(3), h.pick("h1", "h2", "h3")
	n := h.r.IntN(24)
	if h.r.IntN(2) == 0 {
		n = [...]int{n, 9, 15, 19, 0, 15}[h.theme] // merges, decisions, the design, reviews, acceptances
	}
	switch {
	case n < 9:
		h.review(repo, number, head)
	case n < 11:
		h.merge(repo, number, head)
	case n < 13:
		open := record.OpenMerge{}
		for _, f := range h.findings(3) {
			open.Findings = append(open.Findings, record.OpenFinding{
				ID: f.ID(), Fingerprint: f.Fingerprint, Rule: f.Rule, Title: f.Title, Severity: f.Severity, Path: f.Path, Line: f.Line, Owners: f.Owners,
			})
		}
		if q := h.question(); h.r.IntN(2) == 0 {
			open.Questions = append(open.Questions, record.OpenQuestion{ID: q.ID, Component: q.Component, Topic: q.Topic, Owners: q.Owners})
		}
		h.add(repo, number, head, record.MergedOpen, open)
	case n < 14:
		f := h.finding()
		h.add(repo, number, head, record.NotUseful, record.Opinion{Fingerprint: f.Fingerprint, Rule: f.Rule, Who: "eve", Write: h.r.IntN(3) > 0, Author: h.r.IntN(4) == 0})
	case n < 15:
		f := h.finding()
		h.add(repo, number, head, record.Assigned, record.Assignment{Fingerprint: f.Fingerprint, Rule: f.Rule, Team: h.pick("@acme/Web", "@acme/ops"), Who: "mona"})
	case n < 17:
		h.decide(repo, number, head)
	case n < 19:
		if len(h.made) > 0 {
			d := h.made[h.r.IntN(len(h.made))]
			kind := h.pick(record.DecisionConfirmed, record.DecisionConfirmed, record.DecisionEnded)
			h.add(repo, number, head, kind, record.DecisionStep{ID: d.ID, Who: h.pick("ted", "eve", "Mona"), Why: h.pick("", "it was revoked by @eve")})
		}
	default:
		h.design(repo, number, head)
	}
}

func (h *history) review(repo int64, number int, head string) {
	r := record.Review{Verdict: checks.Verdict(h.pick("findings", "clean", string(checks.Incomplete))), Findings: h.findings(4)}
	if h.r.IntN(4) > 0 {
		r.Context = &record.Context{Waited: int64(h.r.IntN(5)) * int64(h.r.IntN(20_000_000)), Hidden: h.findings(1)}
		if h.r.IntN(2) == 0 {
			r.Context.Owners = h.owners()
		}
	}
	if h.r.IntN(3) == 0 {
		r.Requirements = &record.Requirements{Questions: []record.Question{h.question()}}
	}
	h.add(repo, number, head, record.Finished, r)
}

func (h *history) merge(repo int64, number int, head string) {
	m := record.Merge{Into: h.pick("main", "next"), Reviewed: h.r.IntN(4) > 0, Fixed: h.findings(2), Left: h.findings(4), Gone: h.findings(4)}
	m.Default = m.Into == "main"
	if h.theme == accepts {
		m.Into, m.Default, m.Gone = "main", true, nil
	}
	for i := range m.Left {
		m.Left[i].Decided = h.pick("", "", "A-1", "a.go:3")
	}
	h.add(repo, number, head, record.Merged, m)
}

func (h *history) decide(repo int64, number int, head string) {
	f := h.finding()
	d := decision.Decision{
		ID: fmt.Sprint("A-", h.r.IntN(12)), Verb: h.pick("accept", "accept", "accept", "defer", "fp", "not-affected"), Fingerprint: f.Fingerprint, Rule: f.Rule,
		Path: f.Path, Number: number, Severity: f.Severity, Needs: max(0, h.r.IntN(5)-3), Asked: "mona", By: []string{"mona"},
		Class: h.pick("", "emergency", "deadline", "technical", "business"),
	}
	if h.r.IntN(4) > 0 {
		d.Until = h.at.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1+h.r.IntN(40))
	}
	if h.theme == accepts {
		d.ID, d.Verb, d.Needs = fmt.Sprint("A-", len(h.events)), "accept", 0
	} else {
		h.made = append(h.made, d) // it may end
	}
	h.add(repo, number, head, record.DecisionMade, record.DecisionStep{Decision: &d, Who: "mona"})
	if h.theme != accepts && h.r.IntN(5) == 0 { // corrected, or nearly
		h.at = h.at.Add(time.Duration(h.r.IntN(48)) * time.Hour)
		h.add(repo, number, head, record.DecisionEnded, record.DecisionStep{ID: d.ID, Who: "mona", Why: "it was revoked by @mona"})
	}
}

func (h *history) design(repo int64, number int, head string) {
	q := h.question()
	n := h.r.IntN(8)
	if h.theme == 3 && h.r.IntN(2) == 0 {
		n = 6 + h.r.IntN(2)
	}
	switch n {
	case 0, 1:
		h.add(repo, number, head, record.RequirementAsked, q)
	case 2:
		h.add(repo, number, head, record.RequirementAnswered, record.Answer{ID: "D-1", Question: h.pick("", q.ID), Topic: q.Topic, Component: q.Component, Who: h.pick("", "mona")})
	case 3:
		h.add(repo, number, head, record.RequirementReopened, q)
	case 4:
		h.add(repo, number, head, record.RequirementMerged, q)
	case 5:
		h.add(repo, number, head, record.RequirementOpinion, record.QuestionOpinion{Question: q.ID, Topic: q.Topic, Who: "eve", Write: h.r.IntN(3) > 0, Author: h.r.IntN(4) == 0})
	case 6:
		h.add(repo, number, head, record.VoiceAsked, record.Voice{Role: h.pick(record.Security, record.Security, record.Champion), Who: []string{"@acme/sec"}})
	case 7:
		h.add(repo, number, head, record.RequirementAdvice, record.Advice{Text: "t", Who: "sam", Role: h.pick(record.Security, record.Security, record.Champion)})
	}
}

// take applies the events to stores in memory, one for each repository.
func (h *history) take() map[int64]*memory {
	repos := map[int64]*memory{}
	for _, id := range h.repos {
		repos[id] = newMemory()
	}
	for _, e := range h.events {
		if c := tally.Of(e.Event); c != nil {
			if err := c.Apply(repos[e.repo]); err != nil {
				h.t.Fatalf("event %d, %s: %v", e.ID, e.Kind, err)
			}
		}
	}
	return repos
}

// list returns the list of a team.
func list(t testing.TB, repos map[int64]*memory, team string, now time.Time) (out []string) {
	t.Helper()
	for id, m := range repos {
		for key := range m.lists[team] {
			e, ok, err := tally.Entry(key, m.subjects[key].data, now)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				e.RepoID = id
				out = append(out, line(e))
			}
		}
	}
	slices.Sort(out)
	return out
}

// line is an entry in one line, as far as the slow implementation knows it.
func line(e record.Entry) string {
	until := ""
	if !e.Until.IsZero() {
		until = e.Until.Format(time.DateOnly)
	}
	return strings.Join([]string{
		fmt.Sprint(e.RepoID), e.State, fmt.Sprint("#", e.Number), e.ID, e.Fingerprint, e.Component, e.Topic, strings.ToLower(fmt.Sprint(e.Owners)),
		fmt.Sprint(e.Since.UnixMilli()), e.Decision, until, e.Class, fmt.Sprint(e.Renewals), fmt.Sprint(e.By),
	}, " ")
}
