package local

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// stated is a scanner of files in which each line states a fact: its rule, and its key.
type stated struct{}

func (stated) Info() scanners.Info {
	return scanners.Info{Name: "design", Gate: scanners.Requirements, Facts: true, Scopes: []scanners.Scope{scanners.ScopeFile}}
}

func (stated) Version(context.Context) (string, error) { return "1", nil }

func (stated) Scan(_ context.Context, t scanners.Target) (found []scanners.Finding, err error) {
	for _, f := range t.Files {
		n := 0
		for line := range strings.Lines(string(f.Content)) {
			n++
			rule, key, ok := strings.Cut(strings.TrimSpace(line), " ")
			if ok {
				found = append(found, scanners.Finding{
					Rule: rule, Path: f.Path, Line: n, EndLine: n,
					Fact: &scanners.Fact{Key: key, Text: line, Data: map[string]string{"search": key}},
				})
			}
		}
	}
	return found, nil
}

func designed(t *testing.T, base, head map[string]string) folder {
	f := newFolder(t, base)
	f.write(head)
	return f
}

func (f folder) ask(format string, change func(*Options)) string {
	f.t.Helper()
	code, out, err := f.review(func(o *Options) {
		o.Format, o.Scanners = format, []scanners.Scanner{stated{}}
		if change != nil {
			change(o)
		}
	})
	if err != nil || code != Passed {
		f.t.Fatalf("code %d, %v", code, err)
	}
	return out
}

// TestDesignJSON holds the names that programs rely on.
func TestDesignJSON(t *testing.T) {
	t.Parallel()
	f := designed(t, map[string]string{"api/old.txt": "llm-call openai\n", "README.md": "llm-call anthropic\n"}, map[string]string{
		"api/a.txt":      "http-route GET /orders/:id\nhttp-route POST /orders\n",
		"api/a_test.txt": "evidence-refusal-test /orders/7\n",
		"web/b.txt":      "auth-exemption AllowAny Pay\nllm-call openai\niac-encryption-off redis\n",
		"web/c.txt":      "llm-call anthropic\n",
	})
	var got struct {
		Verdict      string
		Scanners     []struct{ Name, State string }
		Requirements map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(f.ask("json", nil)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Verdict != "clean" || len(got.Scanners) != 1 || got.Scanners[0].Name != "design" || got.Scanners[0].State != "complete" {
		t.Errorf("%+v", got)
	}
	var questions []struct {
		ID, Signal, Topic, Component, Text, State, Because string
		ASVS                                               []string
		Places                                             []struct {
			Path string
			Line int
		}
	}
	var facts []struct {
		Signal, Key, Path, Component string
		Line                         int
	}
	for name, into := range map[string]any{"questions": &questions, "facts": &facts} {
		if err := json.Unmarshal(got.Requirements[name], into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	var lines []string
	for _, q := range questions {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s %v %v", q.ID, q.Signal, q.Topic, q.Component, q.State, q.Places, q.ASVS[:1]))
	}
	for _, f := range facts {
		lines = append(lines, fmt.Sprintf("%s %s %s:%d %s", f.Signal, f.Key, f.Path, f.Line, f.Component))
	}
	want := `Q1 DS-02 public web open [{web/b.txt 1}] [v5.0.0-8.1.1]
Q2 DS-01 access api open [{api/a.txt 2}] [v5.0.0-8.1.1]
Q3 DS-13 external web open [{web/c.txt 1}] [v5.0.0-13.1.1]
DS-01 GET /orders/:id api/a.txt:1 api
DS-01 POST /orders api/a.txt:2 api
DS-02 AllowAny Pay web/b.txt:1 web
DS-28 redis web/b.txt:3 web
DS-13 anthropic web/c.txt:1 web`
	if s := strings.Join(lines, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
	if text := "Who may call `POST /orders`, and which single check refuses everyone else?"; questions[1].Text != text {
		t.Errorf("text %q", questions[1].Text)
	}
}

// TestDesignStates holds that the JSON also has what nobody is asked about.
func TestDesignStates(t *testing.T) {
	t.Parallel()
	f := designed(t, map[string]string{"README.md": "x\n"}, map[string]string{
		"api/a.txt": "http-route GET /x\n", "api/a_test.txt": "evidence-refusal-test /x\n",
		"b/b.txt": "http-route GET /b\n", "c/c.txt": "http-route GET /c\n", "d/d.txt": "http-route GET /d\n", "e/e.txt": "http-route GET /e\n",
	})
	var got struct {
		Requirements struct {
			Questions []struct{ ID, Component, State, Because string }
		}
	}
	if err := json.Unmarshal([]byte(f.ask("json", nil)), &got); err != nil {
		t.Fatal(err)
	}
	if s, want := fmt.Sprint(got.Requirements.Questions), "[{Q1 b open } {Q2 c open } {Q3 d open } {Q4 api answered a test expects `/x` to be refused} {Q5 e recorded a pull request has at most three questions}]"; s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
}

func TestDesignFormats(t *testing.T) {
	t.Parallel()
	f := designed(t, map[string]string{"README.md": "x\n"}, map[string]string{
		"api/a.txt": "http-route GET /x\n", "web/a.txt": "http-route GET /y\n", "web/a_test.txt": "evidence-refusal-test /y\n",
	})
	for format, want := range map[string][]string{
		"text": {
			"QUESTION Q1 api/a.txt:1  access of api\n  Who may call GET /x, and which single check refuses everyone else?\n  - the rule of an earlier decision applies: …\n",
			"v5.0.0-8.1.1 https://cheatsheetseries.owasp.org/cheatsheets/Authorization_Cheat_Sheet.html\n",
			"No question on access of web, answered: a test expects /y to be refused.\n", "Scanned by design.",
		},
		"markdown": {"### Design questions\n\n**Q1** · access · api\n\nWho may call `GET /x`, and which single check refuses everyone else?<br>`api/a.txt:1`\n", "- `GET /y` in `web/a.txt:1`: a test expects `/y` to be refused"},
		"sarif":    {`"name": "design"`, `"ruleId": "design/http-route"`, "GET /x is new in api. Who may call GET /x, and which single check refuses everyone else?", "a test expects `/y` to be refused"},
	} {
		out := f.ask(format, nil)
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%s has no\n%s\nbut\n%s", format, w, out)
			}
		}
	}
	quiet := designed(t, map[string]string{"api/a.txt": "http-route GET /x\n"}, map[string]string{"api/a.txt": "\n\nhttp-route GET /x\n"})
	for _, format := range []string{"text", "markdown"} {
		if out := quiet.ask(format, nil); strings.Contains(strings.ToLower(out), "question") {
			t.Errorf("%s asks about a moved line:\n%s", format, out)
		}
	}
}

// TestDesignOff holds that the policy at the base decides, and that a question never fails a review.
func TestDesignOff(t *testing.T) {
	t.Parallel()
	f := designed(t, map[string]string{".secbydesign.yml": "version: 1\nrules: {design/http-route: {mode: \"off\"}}\n"}, map[string]string{"api/a.txt": "http-route GET /x\n"})
	if out := f.ask("json", nil); !strings.Contains(out, `"questions": []`) || !strings.Contains(out, `"facts": []`) {
		t.Errorf("a rule that is off\n%s", out)
	}
	f = designed(t, map[string]string{".secbydesign.yml": "version: 1\ngates: {requirements: {mode: block}}\n"}, map[string]string{"api/a.txt": "http-route GET /x\n"})
	if out := f.ask("json", func(o *Options) { o.FailOn = "low" }); !strings.Contains(out, `"state": "open"`) {
		t.Errorf("block\n%s", out)
	}
}
