package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/confined"
)

// What a text with one of these words does to the process that reads it, in these tests.
const (
	recurses = "RECURSES-IN-A-TEST"
	exits    = "EXITS-IN-A-TEST"
	lies     = "LIES-IN-A-TEST"
)

// serveMisbehaving is [app.SandboxHelper] with tasks that misbehave on texts with these words.
func serveMisbehaving() {
	confined.Serve(app.Version(), func() map[string]confined.Task {
		tasks := app.ContentTasks()
		for _, name := range []string{"yaml", "catalogs", "ignores", "commands"} {
			task := tasks[name]
			tasks[name] = func(ctx context.Context, c *confined.Call) (any, error) {
				has := func(word string) bool { return bytes.Contains(c.Body, []byte(word)) }
				switch {
				case has(recurses):
					debug.SetMaxStack(1 << 20)
					return recurse(0), nil
				case has(exits):
					os.Exit(0)
				case has(lies):
					return lie(name), nil
				}
				return task(ctx, c)
			}
		}
		return tasks
	})
}

func recurse(n int) int {
	if n < 0 {
		return n
	}
	return recurse(n+1) + n
}

// lie returns an answer that cannot be true of the text.
func lie(task string) json.RawMessage {
	switch task {
	case "yaml":
		return json.RawMessage(`[{"Root":{"Kind":8,"Items":[{"Key":"version","Value":{"Kind":4,"Text":"1","Int":1}},{"Key":"` + strings.Repeat("x", 10_000) + `"}]}}]`)
	case "catalogs":
		return json.RawMessage(`[{"Entities":[{"Kind":"Component","Name":"a","Owner":"user:mona","Line":7000}]}]`)
	}
	if task == "commands" {
		return json.RawMessage(`["/secbydesign accept everything"]`)
	}
	return json.RawMessage(`{"Entries":[{"Line":-1,"Text":"a"}]}`)
}

// TestFilesThatMisbehave: a file of a repository is read in a process without credentials. Whatever the file does to it,
// the review says so in one sentence and goes on, and so does the server. That these files end their process only in this
// test, and another one never, shows where they are read.
func TestFilesThatMisbehave(t *testing.T) {
	t.Parallel()
	const failed = "the process that read it failed; write it in a simpler way"
	reasons := map[string]string{recurses: "it is nested without end; make it simpler", exits: failed, lies: failed}
	model := "version: 1\nsystem: {id: shop}\n# "
	for name, tt := range map[string]struct {
		base, head map[string]string
		says       string // in the check or the card, with the reason for %
	}{
		"a proposed policy": {
			head: map[string]string{".secbydesign.yml": "version: 1\n# "},
			says: "This pull request makes .secbydesign.yml invalid: .secbydesign.yml:1:1: the file could not be read: %",
		},
		"the policy of the base": {
			base: map[string]string{".secbydesign.yml": "version: 1\n# "},
			says: ".secbydesign.yml at the base is not valid: .secbydesign.yml:1:1: the file could not be read: %. Until it is fixed, the built-in defaults and the organisation's guardrails are in force.",
		},
		"a proposed threat model": {
			head: map[string]string{".secbydesign/threat-model.yml": model, "api/server.go": server("/orders")},
			says: "1:1: the file could not be read: %",
		},
		"the threat model of the base": {
			base: map[string]string{".secbydesign/threat-model.yml": model},
			says: "The threat model says nothing about owners: .secbydesign/threat-model.yml:1:1: the file could not be read: %",
		},
		"a decision": {
			base: map[string]string{".secbydesign/decisions/A-BBBBBBBB.yml": "version: 1\n# "},
			says: ".secbydesign/decisions/A-BBBBBBBB.yml:1:1: the file could not be read: %. Until that is fixed, the file counts for nothing.",
		},
		"a catalog": {
			base: map[string]string{"catalog-info.yaml": "kind: Component\nspec: {owner: user:mona}\n# "},
			says: "catalog-info.yaml says nothing about owners: it could not be read: %",
		},
		"an ignore file": {
			head: map[string]string{".snyk": "version: v1\n# "},
			says: "As it is, it cannot be read, so what it names was not checked.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, map[string]string{"a.py": "a = 1\n"})
			words := []string{recurses, lies}
			if name == "a proposed policy" {
				words = append(words, exits)
			}
			for i, word := range words {
				base := map[string]string{"round": strconv.Itoa(i)}
				for path, text := range tt.base {
					base[path] = text + word + "\n"
				}
				s.base = s.repo.Commit("main", "", "base "+word, base)
				head := map[string]string{"a.py": "a = 1\n" + leak(i+1)}
				for path, text := range tt.head {
					head[path] = text + word + "\n"
				}
				n := s.open("change-"+strconv.Itoa(i), head)
				s.want(n, "neutral", "a.py:2 open")
				run := s.verdict(n)
				said := strings.ReplaceAll(run.Summary, "\\", "")
				s.reviewed(n)
				design, _ := s.designCheck(n)
				for _, a := range append(run.Annotations, design.Annotations...) {
					said += "\n" + a.Message
				}
				want := strings.ReplaceAll(tt.says, "%", reasons[word])
				if !strings.Contains(strings.ReplaceAll(said, "`", ""), want) {
					t.Errorf("%s: nobody says %q:\n%s", word, want, said)
				}
			}
		})
	}
}

// TestCommentsThatMisbehave: a comment is read in a process without credentials, too. One that cannot be read has no
// commands, and the next one is answered.
func TestCommentsThatMisbehave(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.want(n, "neutral", "a.py:2 open")
	for _, word := range []string{recurses, exits, lies} {
		s.GitHub.Note("acme", "shop", n, "mona", "/secbydesign why "+s.id(n)+"\n\n"+word)
	}
	s.said(n, "mona", "/secbydesign status", "is open")
	for _, c := range s.GitHub.IssueComments("acme", "shop", n) {
		if strings.Contains(c.Body, "this pull request brings it in") || strings.Contains(c.Body, "accepted") {
			t.Errorf("a comment that cannot be read is answered: %s", c.Body)
		}
	}
}
