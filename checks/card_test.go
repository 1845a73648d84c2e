package checks

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func openQuestion(id, topic string) CardQuestion {
	return CardQuestion{
		ID: id, Topic: topic, Component: "services/billing", Open: true,
		Text:   "Who may call `POST /invoices/{id}/pay` and `GET /pay/*`, and which single check refuses everyone else?",
		Places: []Spot{{"services/billing/api.go", 41}, {"services/billing/api.go", 77}},
		Boxes:  []CardBox{{Text: "the rule of an earlier decision applies: …"}, {Text: "a new rule: …", Ticked: true}},
		ASVS:   []string{"v5.0.0-8.1.1", "v5.0.0-8.2.1"}, LinkName: "Authorization Cheat Sheet",
		Link: "https://cheatsheetseries.owasp.org/cheatsheets/Authorization_Cheat_Sheet.html",
	}
}

var commandsOfQ1 = []string{
	"/secbydesign answer Q1 [explain in one sentence what is decided]", "/secbydesign not-useful Q1 noise",
	"/secbydesign ask champion", "/secbydesign why Q1",
}

func cards() map[string]Card {
	link := func(path string, line int) string {
		return fmt.Sprintf("https://github.com/o/r/blob/abc/%s#L%d", path, line)
	}
	closed := CardQuestion{ID: "Q1", Topic: "access", Component: "services/billing", Closed: WithCode("a test expects `/invoices/7/pay` to be refused")}
	again := openQuestion("Q2", "control")
	again.Component, again.PavedRoad = ".", "wrap the router in x/authn, see go/authn"
	again.Notes = []string{"Asked again: the change removes the evidence of D-ABCDEFGH."}
	fact := Annotation{Path: "services/billing/api.go", StartLine: 41, EndLine: 41, Title: "DS-01 New HTTP route", Message: "POST /invoices/{id}/pay in services/billing"}
	return map[string]Card{
		"open":   {Questions: []CardQuestion{openQuestion("Q1", "access")}, Link: link, Commands: commandsOfQ1, Facts: []Annotation{fact}},
		"closed": {Questions: []CardQuestion{closed}, Link: link},
		"mixed": {
			Questions: []CardQuestion{closed, again, openQuestion("Q3", "external")}, Commands: commandsOfQ1, Facts: []Annotation{fact},
			Covered: []string{"`GET /v1/x` in `a.go:1`: `D-0007`"}, Notes: []string{"The model says that billing is internal."},
			Mention: "@anna, as champion: your advice is welcome.", Snippet: "decisions:\n  - id: D-1\n", Unread: []string{"big.sql"},
		},
		"covered": {Covered: []string{"`GET /v1/x` in `a.go:1`: `D-0007`"}, Why: "What is new is answered by an earlier decision."},
		"nothing": {},
		"off":     {Off: true, Questions: []CardQuestion{closed}},
		"hostile": {Questions: []CardQuestion{{
			ID: "Q1", Topic: "access", Open: true, Component: "a**b/<!-- x --> @acme/team",
			Text:   "Who may call `x` ` <!-- secbydesign:v1 card=requirements --> @mona\n**Q9** · access · x\n- [x] forged #12?",
			Places: []Spot{{"a`b](https://evil.example)\n.go", 1}},
			Boxes:  []CardBox{{Text: "</details>\n- [x] all"}}, ASVS: []string{"v5.0.0-8.1.1"},
			Link: "javascript:alert(1)", LinkName: "x", PavedRoad: "[here](https://evil.example) @mona",
		}}, Commands: []string{"/secbydesign answer Q1 ```\n<b>"}, Unread: []string{"a`\n@mona.go"}},
	}
}

// TestCard compares the card and its check with testdata/card.
func TestCard(t *testing.T) {
	t.Parallel()
	for name, c := range cards() {
		check := c.Check()
		got := fmt.Sprintf("%s\n=====\n%s\n%s\n%s\n%s", c.Body(), check.Name, check.Conclusion, check.Title, check.Summary)
		for _, a := range check.Annotations {
			got += fmt.Sprintf("%s %s:%d-%d %s: %s\n", a.Level, a.Path, a.StartLine, a.EndLine, a.Title, a.Message)
		}
		file := filepath.Join("testdata", "card", name+".md")
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		if again := c.Body(); again != c.Body() {
			t.Errorf("%s: two texts of one card", name)
		}
	}
}

// codeSpan matches code in a line, in which nothing acts.
var codeSpan = regexp.MustCompile("``[^\n]*?``|`[^`\n]*`")

// TestCardForm holds what programs and people rely on: the marker at the end, a question at the beginning of a line, no
// box in a closed one, and nothing from the tree that acts.
func TestCardForm(t *testing.T) {
	t.Parallel()
	for name, c := range cards() {
		body := c.Body()
		if c.Off || len(c.Questions) == 0 {
			if body != "" {
				t.Errorf("%s: there is a card", name)
			}
			continue
		}
		inert := codeSpan.ReplaceAllString(body, "")
		if StickyName(body) != CardName || strings.Count(inert, "<!--") != 1 {
			t.Errorf("%s: the marker is not the only one, at the end:\n%s", name, body)
		}
		var heads []string
		boxes := 0
		for line := range strings.Lines(body) {
			if cardHead.MatchString(line) {
				heads = append(heads, line)
			}
			if strings.HasPrefix(line, "- [") {
				boxes++
			}
		}
		want := 0
		for i, q := range c.Questions {
			if i < len(heads) && !strings.HasPrefix(heads[i], "**"+q.ID+"** · "+q.Topic+" · ") {
				t.Errorf("%s: question %d begins with %q", name, i, heads[i])
			}
			if q.Open {
				want += len(q.Boxes)
			}
		}
		if len(heads) != len(c.Questions) || boxes != want {
			t.Errorf("%s: %d questions with %d boxes, want %d with %d:\n%s", name, len(heads), boxes, len(c.Questions), want, body)
		}
		if strings.Contains(inert, "@mona") || strings.Contains(inert, "](https://evil") {
			t.Errorf("%s: text of the tree acts:\n%s", name, body)
		}
		if c := c.Check().Conclusion; c == Failure {
			t.Errorf("%s: a question fails the check", name)
		}
	}
}

func TestCardIsShortEnough(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("`é<@", 30_000)
	q := openQuestion("Q1", "access")
	q.Text, q.Component, q.PavedRoad, q.Notes = long, long, long, []string{long}
	q.Places, q.Boxes = nil, nil
	for range 500 {
		q.Places = append(q.Places, Spot{long, 1})
		q.Boxes = append(q.Boxes, CardBox{Text: "x"})
	}
	c := Card{Questions: []CardQuestion{q, q, q}, Snippet: long, Mention: long, Unread: []string{long}, Commands: []string{long, long}}
	for range 3000 {
		c.Covered = append(c.Covered, long[:1000])
	}
	if body := c.Body(); len(body) > MaxNote || StickyName(body) != CardName {
		t.Errorf("%d bytes, name %q", len(body), StickyName(body))
	}
	if s := c.Check().Summary; len(s) > MaxSummary {
		t.Errorf("the summary has %d bytes", len(s))
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	got := Ticks(cards()["mixed"].Body())
	if len(got) != 2 || !slices.Equal(got["Q2"], []int{1}) || !slices.Equal(got["Q3"], []int{1}) {
		t.Errorf("ticks %v", got)
	}
	if got := Ticks(strings.ReplaceAll(cards()["open"].Body(), "- [ ] ", "- [X] ")); !slices.Equal(got["Q1"], []int{0, 1}) {
		t.Errorf("ticks %v", got)
	}
}
