package ownership_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/scanners"
)

var update = flag.Bool("update", false, "write the answers of testdata/decisions.txt")

// person makes the person that a word of the table describes, such as "owner+author".
func person(t *testing.T, word string, unowned bool) ownership.Person {
	t.Helper()
	roles := strings.Split(word, "+")
	p := ownership.Person{Login: word, Write: true}
	for _, role := range roles {
		switch role {
		case "reader", "outsider":
			p.Write = false
		case "writer":
		case "lead":
			p.Lead = true
		case "owner":
			p.Owns = true
		case "payments":
			p.Owns, p.Teams = true, []string{"@acme/payments"}
		case "champion":
			p.Champion = true
		case "security":
			p.Security = true
		case "bot":
			p.Agent = true
		case "author":
			p.Author = true
		case "pusher", "starter":
			p.Contributor = true
		default:
			if _, err := strconv.Atoi(role); err != nil { // the second writer, the third
				t.Fatalf("%q is no role", role)
			}
		}
	}
	if unowned && p.Write {
		p.Owns, p.Unowned = true, true
	}
	return p
}

// guardrails are the rules that a word of the table names.
func guardrails(t *testing.T, word string) ownership.Rules {
	t.Helper()
	r := ownership.Default()
	above := func(s scanners.Severity, change func(*ownership.Quorum)) {
		q := r.Above[s]
		change(&q)
		r.Above[s] = q
	}
	for _, w := range strings.Split(word, "+") {
		switch w {
		case "default", "renewed", "too-often": // the last two are about the finding
		case "low":
			r.Default.MaxSeverity = scanners.Low
		case "team-high":
			r.ByTeam = map[string]ownership.Ceiling{"@acme/payments": {MaxSeverity: scanners.High, MaxDays: 60, ReasonMin: 30}}
		case "author-counts":
			for _, s := range []scanners.Severity{scanners.High, scanners.Critical} {
				above(s, func(q *ownership.Quorum) { q.AuthorCounts = true })
			}
		case "high-by-2":
			above(scanners.High, func(q *ownership.Quorum) { q.People = 2 })
		case "twice":
			above(scanners.Critical, func(q *ownership.Quorum) { q.Distinct = false })
		case "agents-2":
			r.Agents.People = 2
		case "self-accept":
			r.Agents.SelfAccept = true
		case "class":
			r.ReasonClass = true
		case "never":
			r.Never = []string{"x/*"}
		default:
			t.Fatalf("%q is no guardrail", w)
		}
	}
	return r
}

// A row is a line of the table, without its answer.
type row struct {
	act, severity, days, asks, second, pull, path, rule string
}

// decide plays a row: somebody asks, and others confirm.
func (r row) decide(t *testing.T) (answer, because string) {
	t.Helper()
	rules, unowned := guardrails(t, r.rule), r.path == "unowned"
	c := ownership.Case{Today: today}
	if !unowned {
		c.Owners = []string{"@acme/payments"}
	}
	days, err := strconv.Atoi(r.days)
	if err != nil {
		t.Fatal(err)
	}
	w := ownership.Request{Rule: "x/y", Reason: "only our own staff can reach this page", Until: today.Truncate(24*time.Hour).AddDate(0, 0, days)}
	switch r.act {
	case "accept":
	case "accept+class":
		w.Class = "deadline"
	case "fp":
		w.Wrong, w.Until = true, time.Time{}
	default:
		t.Fatalf("%q is no act", r.act)
	}
	if err := w.Severity.UnmarshalText([]byte(r.severity)); err != nil {
		t.Fatal(err)
	}
	switch {
	case strings.Contains(r.rule, "too-often"):
		w.Before = 3
	case strings.Contains(r.rule, "renewed"):
		w.Before = 2
	}
	w.Agent = r.pull == "agent" || r.pull == "bot"
	c.Request = w
	a := ownership.May(ownership.Decide, person(t, r.asks, unowned), c, rules)
	if !a.Yes {
		return "no", a.Because
	}
	c.Pending = ownership.Pending{ID: "A-AAAAAAAA", Needs: a.Grant.Needs, From: a.Grant.From, Twice: a.Grant.Twice, Author: a.Grant.Author, Agent: w.Agent, People: []string{r.asks}}
	because = a.Because
	for _, who := range strings.Split(r.second, ",") {
		if who == "-" || c.Pending.Needs == 0 {
			break
		}
		a := ownership.May(ownership.Confirm, person(t, who, unowned), c, rules)
		if because = a.Because; a.Yes {
			c.Pending.Needs--
			c.Pending.People = append(c.Pending.People, who)
		}
	}
	if n := c.Pending.Needs; n > 0 {
		return fmt.Sprintf("waits for %d", n), because
	}
	return "yes", because
}

// TestDecisionTable plays each row of testdata/decisions.txt, which is for people to read. Its last two columns are the
// answer and its reason.
func TestDecisionTable(t *testing.T) {
	const file = "testdata/decisions.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	rows, answers, seen := 0, map[string]int{}, map[row]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		words := strings.Fields(line)
		if line == "" || line[0] == '#' {
			out.WriteString(line + "\n")
			continue
		}
		if len(words) < 8 {
			t.Fatalf("%q has %d columns", line, len(words))
		}
		r := row{words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7]}
		if seen[r] {
			t.Errorf("twice: %q", line)
		}
		seen[r] = true
		answer, because := r.decide(t)
		got := fmt.Sprintf("%-12s %-8s %3s  %-16s %-21s %-6s %-7s %-25s | %-11s | %s", r.act, r.severity, r.days, r.asks, r.second, r.pull, r.path, r.rule, answer, because)
		if got != line && !*update {
			t.Errorf("got  %s\nwant %s", got, line)
		}
		out.WriteString(got + "\n")
		rows++
		answers[strings.Fields(answer)[0]]++
	}
	if rows < 80 || answers["yes"] < 20 || answers["no"] < 15 || answers["waits"] < 20 {
		t.Errorf("%d rows, with answers %v", rows, answers)
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d rows, %v\n%s", rows, answers, &out)
}

// A die throws random cases.
type die struct{ *rand.Rand }

func (d die) yes() bool { return d.IntN(2) == 0 }

func (d die) person(login string) ownership.Person {
	p := ownership.Person{
		Login: login, Write: d.IntN(5) > 0, Lead: d.yes(), Author: d.IntN(4) == 0, Contributor: d.IntN(4) == 0,
		Owns: d.yes(), Champion: d.yes(), Security: d.yes(), Agent: d.IntN(9) == 0,
	}
	if p.Owns && d.yes() {
		p.Teams = []string{"@acme/payments"}
	}
	return p
}

func (d die) rules() ownership.Rules {
	r := ownership.Default()
	ceiling := func() ownership.Ceiling {
		return ownership.Ceiling{MaxSeverity: scanners.Severity(d.IntN(5)), MaxDays: 1 + d.IntN(90), ReasonMin: d.IntN(40)}
	}
	r.Default, r.ByTeam = ceiling(), map[string]ownership.Ceiling{"@acme/payments": ceiling()}
	for s := range scanners.Critical + 1 {
		if d.IntN(3) > 0 {
			r.Above[s] = ownership.Quorum{People: 1 + d.IntN(3), From: []string{ownership.Lead, ownership.Owner}[d.IntN(2)], MaxDays: 1 + d.IntN(90), Distinct: d.yes(), AuthorCounts: d.yes()}
		}
	}
	r.MaxRenewals, r.ReasonClass = d.IntN(3), d.yes()
	r.Agents = ownership.Agents{SelfAccept: d.yes(), People: 1 + d.IntN(3)}
	return r
}

func (d die) request() ownership.Request {
	return ownership.Request{
		Rule: []string{"x/y", "osv/malicious-package"}[d.IntN(2)], Severity: scanners.Severity(d.IntN(5)), Until: today.AddDate(0, 0, 1+d.IntN(90)),
		Reason: strings.Repeat("x", d.IntN(60)), Wrong: d.IntN(3) == 0, Coded: d.IntN(3) == 0, Class: []string{"", "technical"}[d.IntN(2)],
		Agent: d.yes(), Before: d.IntN(5),
	}
}

// outcome plays a request by the first of some people, whom the others confirm in turn: -1 if it is refused, else how
// many are still needed.
func outcome(r ownership.Rules, w ownership.Request, people ...ownership.Person) int {
	a := ownership.May(ownership.Decide, people[0], ownership.Case{Request: w, Today: today}, r)
	if !a.Yes {
		return -1
	}
	d := ownership.Pending{Needs: a.Grant.Needs, From: a.Grant.From, Twice: a.Grant.Twice, Author: a.Grant.Author, Agent: w.Agent, People: []string{people[0].Login}}
	for _, p := range people[1:] {
		if ownership.May(ownership.Confirm, p, ownership.Case{Pending: d, Today: today}, r).Yes {
			d.Needs--
			d.People = append(d.People, p.Login)
		}
	}
	return d.Needs
}

// TestLawsOfDeciding holds 20,000 random cases against the laws: nobody of security is needed, guardrails only
// tighten, and more people never make it worse.
func TestLawsOfDeciding(t *testing.T) {
	t.Parallel()
	d := die{rand.New(rand.NewPCG(13, 1))}
	worse := func(a, b int) bool { return a >= 0 && (b < 0 || b > a) } // b than a
	decided, waiting := 0, 0
	for n := range 20_000 {
		rules, w := d.rules(), d.request()
		var people []ownership.Person
		for i := range 1 + d.IntN(4) {
			people = append(people, d.person(fmt.Sprint("p", i)))
		}
		before := outcome(rules, w, people...)
		decided, waiting = decided+count(before == 0), waiting+count(before > 0)
		about := func() string { return fmt.Sprintf("case %d: %+v\n%+v\n%+v\nends with %d", n, rules, w, people, before) }

		// The same people, of whom nobody is of security.
		plain := slices.Clone(people)
		for i := range plain {
			plain[i].Security = false
		}
		if got := outcome(rules, w, plain...); worse(before, got) {
			t.Fatalf("%s, and without security with %d", about(), got)
		}
		// Those of security who do not own the file do not matter, unless they ask.
		others := slices.DeleteFunc(slices.Clone(people), func(p ownership.Person) bool { return p.Security && !p.Owns && p.Login != "p0" })
		if got := outcome(rules, w, others...); got != before {
			t.Fatalf("%s, and without those of security with %d", about(), got)
		}
		// One more person.
		if got := outcome(rules, w, append(slices.Clone(people), d.person("more"))...); worse(before, got) {
			t.Fatalf("%s, and with one more person with %d", about(), got)
		}
		// One of them has more to say.
		i := d.IntN(len(people))
		higher := slices.Clone(people)
		higher[i].Write, higher[i].Lead, higher[i].Owns, higher[i].Champion = true, true, true, true
		if got := outcome(rules, w, higher...); worse(before, got) {
			t.Fatalf("%s, and with more rights of %d with %d", about(), i, got)
		}
		// Tighter guardrails.
		tight := tighter(d, rules)
		if got := outcome(tight, w, people...); worse(got, before) {
			t.Fatalf("%s, and under tighter rules %+v with %d", about(), tight, got)
		}
	}
	if decided < 800 || waiting < 800 {
		t.Errorf("%d were decided, %d wait", decided, waiting)
	}
}

// tighter returns rules of which one is tighter.
func tighter(d die, r ownership.Rules) ownership.Rules {
	above := map[scanners.Severity]ownership.Quorum{}
	for s, q := range r.Above {
		above[s] = q
	}
	s := scanners.Severity(d.IntN(5))
	q, ok := above[s]
	change := func(f func()) {
		if f(); ok {
			above[s] = q
		}
	}
	switch d.IntN(9) {
	case 0:
		change(func() { q.People++ })
	case 1:
		change(func() { q.AuthorCounts = false })
	case 2:
		change(func() { q.Distinct = true })
	case 3:
		change(func() { q.MaxDays = max(1, q.MaxDays/2) })
	case 4:
		r.Agents.People++
	case 5:
		r.Agents.SelfAccept = false
	case 6:
		r.ReasonClass = true
	case 7:
		r.Never = append(slices.Clone(r.Never), "x/*")
	case 8:
		r.Default.ReasonMin += 10
	}
	r.Above = above
	return r
}

func TestAgents(t *testing.T) {
	t.Parallel()
	a := ownership.Agents{List: []string{"my-agent", "@Build-Bot[bot]"}}
	for _, tt := range []struct {
		login             string
		bot               bool
		coding, automated bool
		starter           string
	}{
		{"mona", false, false, false, ""},
		{"claude", false, false, false, ""}, // a person of that name
		{"Copilot", true, true, true, "ted"},
		{"copilot-swe-agent[bot]", true, true, true, "ted"},
		{"renovate[bot]", true, false, true, ""},
		{"my-agent[bot]", true, true, true, "ted"},
		{"My-Agent", false, true, true, "ted"}, // the account of a person, which the policy lists
		{"build-bot", false, true, true, "ted"},
	} {
		if got := a.Coding(tt.login, tt.bot); got != tt.coding {
			t.Errorf("%s is a coding agent: %v", tt.login, got)
		}
		if got := a.Automated(tt.login, tt.bot); got != tt.automated {
			t.Errorf("%s is automated: %v", tt.login, got)
		}
		if got := a.Starter(tt.login, tt.bot, "ted"); got != tt.starter {
			t.Errorf("%s was started by %q", tt.login, got)
		}
	}
	if got := a.Starter("Copilot", true, "my-agent"); got != "" {
		t.Errorf("an agent was started by %q", got)
	}
}

// TestWhatNeedsNoQuorum: everybody who may write assigns and withdraws, and nobody else.
func TestWhatNeedsNoQuorum(t *testing.T) {
	t.Parallel()
	for _, act := range []ownership.Act{ownership.Withdraw, ownership.Assign} {
		for who, yes := range map[string]bool{"writer": true, "security": true, "owner+author": true, "reader": false, "reader+champion": false, "bot": false} {
			if a := ownership.May(act, person(t, who, false), ownership.Case{Today: today}, ownership.Default()); a.Yes != yes || a.Because == "" {
				t.Errorf("%s by %s: %+v", act, who, a)
			}
		}
	}
	if a := ownership.May("sing", person(t, "lead", false), ownership.Case{}, ownership.Default()); a.Yes {
		t.Errorf("%+v", a)
	}
}
