package requirements

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// somewhere makes up the facts of a side. Few paths and keys meet often.
func somewhere(r *rand.Rand) (list []scanners.Finding) {
	paths := []string{"a.go", "api/a.go", "api/b.go", "web/a.py", "services/x/y/z.ts", "api/a_test.go", ".github/workflows/ci.yml"}
	keys := []string{"GET /x", "POST /x/:id", "/x", "/x/7", "Role.ADMIN", "export", "u.email", "authn-check requireAuth", "api.stripe.com", "a`b", strings.Repeat("k", 300), "\xff\n<!--"}
	all := []string{"evidence-refusal-test", "evidence-control", "evidence-signature-check", "evidence-guardrail", "evidence-role-test", "evidence-tenant-filter", "unknown"}
	for _, s := range design.Signals() {
		all = append(all, s.Slug)
	}
	for range r.IntN(12) {
		f := scanners.Finding{Rule: pick(r, all), Path: pick(r, paths), Line: r.IntN(30), Fact: &scanners.Fact{Key: pick(r, keys), Text: pick(r, []string{"", "t", "u"}), Data: map[string]string{}}}
		if r.IntN(8) == 0 {
			f.Fact.Closed = "it is closed"
		}
		if r.IntN(8) == 0 {
			f.Fact.Data["added-only"] = "true"
		}
		f.Fact.Data["kind"] = pick(r, []string{"", "authn-check", "csrf"})
		f.Fact.Data["test"] = pick(r, []string{"", "TestX"})
		for range 1 + r.IntN(3)*r.IntN(15) {
			f.Line++
			list = append(list, f)
		}
	}
	return list
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// anything makes up an input.
func anything(r *rand.Rand) Input {
	in := changed(somewhere(r), somewhere(r))
	in.Number = r.IntN(3)
	in.Bot, in.Draft, in.Today = r.IntN(10) == 0, r.IntN(2) == 0, r.IntN(4)*r.IntN(2)
	in.Tired = map[string]bool{"api access": r.IntN(3) == 0}
	if r.IntN(4) == 0 {
		in.Unread = []string{"api/a.go", "web/"}
	}
	if r.IntN(3) == 0 {
		in.Origins = map[string]string{"api/b.go": "api/a.go"}
	}
	switch r.IntN(4) {
	case 0:
		in.KnownAtBase = nil
	case 1:
		in.KnownAtBase = func(texts []string) (map[string]bool, bool) { return map[string]bool{texts[0]: true}, true }
	}
	if r.IntN(3) == 0 {
		in.Planned = []string{pick(r, design.Topics()).Name, "nothing"}
	}
	for range r.IntN(4) {
		s := pick(r, design.Signals())
		in.Answers = append(in.Answers, record.Answer{
			ID: fmt.Sprintf("D-%d", len(in.Answers)), Topic: s.Topic, Component: pick(r, []string{"api", "web", "."}), Signals: []string{s.ID}, Keys: []string{s.ID + " GET /x", "x", ""},
			Text: "some text", How: pick(r, []string{"command", "box", "evidence", "model", ""}), Number: r.IntN(3), Question: "Q1",
			Evidence: []record.Evidence{{Kind: "evidence-refusal-test", Path: "api/a_test.go", Key: "/x"}},
		})
	}
	if r.IntN(3) == 0 {
		in.Model = &threatmodel.Model{
			Components: []threatmodel.Component{{ID: "api"}}, Flows: []threatmodel.Flow{{Hosts: []string{"api.stripe.com"}}},
			Decisions: []threatmodel.Decision{{ID: "D-M", Component: "api", Topic: "access", Status: "decided", Covers: []string{"* /x/**", "[", "{"}, Evidence: []string{"api/a_test.go#TestX", "#", ""}}},
		}
	}
	return in
}

// laws checks what holds for every input.
func laws(t *testing.T, in Input) {
	t.Helper()
	out := Ask(in)
	open := 0
	var ids []string
	about := map[string]bool{}
	for i, q := range out.Questions {
		if q.State == "open" {
			open++
		}
		if about[q.Topic+" "+q.Component] {
			t.Errorf("two questions on %s of %s", q.Topic, q.Component)
		}
		about[q.Topic+" "+q.Component] = true
		if ids = append(ids, q.ID); q.ID != fmt.Sprintf("Q%d", i+1) {
			t.Errorf("ids %q", ids)
		}
		if q.State == "open" && (q.Text == "" || strings.ContainsAny(q.Text, "{\n") && !strings.Contains(q.Text, "`") || len(q.Answers) < 2) {
			t.Errorf("a question without text: %+v", q)
		}
		if q.State != "open" && q.Because == "" {
			t.Errorf("closed without a reason: %+v", q)
		}
	}
	if open > maxQuestions || in.Bot && open > 0 {
		t.Errorf("%d open questions", open)
	}
	if body, check := out.Card().Body(), out.Card().Check(); check.Conclusion == "failure" || (body == "") != (len(out.Questions) == 0) {
		t.Errorf("the check is %s, the card %q", check.Conclusion, body)
	}

	// The order of the facts does not matter.
	shuffled := in
	shuffled.Head, shuffled.Base = slices.Clone(in.Head), slices.Clone(in.Base)
	slices.Reverse(shuffled.Head)
	slices.Reverse(shuffled.Base)
	if again := Ask(shuffled); outline(again) != outline(out) {
		t.Errorf("in another order\n%s\nwant\n%s", outline(again), outline(out))
	}

	// Asked again with its own outcome recorded, it is the same.
	in.Asked = asked(out)
	for _, a := range out.Answered {
		a.Number = in.Number
		in.Answers = append(in.Answers, a)
	}
	next := Ask(in)
	if len(next.Answered) > 0 {
		t.Errorf("it answers again: %+v", next.Answered)
	}
	if a, b := shown(t, out), shown(t, next); a != b {
		t.Errorf("the second time\n%s\nwant\n%s", b, a)
	}

	// On a change of nothing there is nothing.
	same := in
	same.Head, same.Asked, same.Planned, same.Origins, same.Changes = in.Base, nil, nil, nil, nil
	for _, f := range in.Base {
		same.Changes = append(same.Changes, Change{f.Path, f.Path})
	}
	if out := Ask(same); outline(out) != "" {
		t.Errorf("a change of nothing\n%s", outline(out))
	}
}

// shown is what a pull request shows of an outcome.
func shown(t *testing.T, out Outcome) string {
	t.Helper()
	b, err := json.Marshal(out.Questions)
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n" + outline(out) + "\n" + out.Card().Body() + "\n" + out.Card().Check().Summary
}

func TestLaws(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		if laws(t, anything(rand.New(rand.NewPCG(seed, 1)))); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func FuzzAsk(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) { laws(t, anything(rand.New(rand.NewPCG(a, b)))) })
}

// TestLarge holds that a change that nobody wrote by hand takes no long time.
func TestLarge(t *testing.T) {
	t.Parallel()
	var head, base []scanners.Finding
	for i := range 20_000 {
		path := fmt.Sprintf("api/%d.go", i%50)
		head = append(head, at(t, fmt.Sprintf("http-route %s:%d GET /a/b/c/:id/%d", path, i, i), "text=same"))
		base = append(base, at(t, fmt.Sprintf("http-route %s:%d GET /a/b/d/:id/%d", path, i, i), "text=same"))
		if i%10 == 0 {
			head = append(head, at(t, fmt.Sprintf("evidence-refusal-test %s:%d /a/b/c/7/%d", path, i, i)))
		}
	}
	out := Ask(changed(head, base))
	if len(out.Questions) > maxQuestions || len(out.Facts) > maxFacts {
		t.Errorf("%d questions, %d facts", len(out.Questions), len(out.Facts))
	}
	if text := out.Card().Body(); len(text) > 64_000 {
		t.Errorf("%d bytes", len(text))
	}
}
