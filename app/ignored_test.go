package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// ignoring is a comment that accepts findings of generic-api-key for some days.
func ignoring(days int) string {
	return "# secbydesign:ignore gitleaks/generic-api-key until " + time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) +
		" because the sandbox knows this key and opens nothing\n"
}

// notes are the annotations of the verdict, as "path:line message".
func notes(run fakegithub.CheckRun) string {
	var b strings.Builder
	for _, a := range run.Annotations {
		fmt.Fprintf(&b, "%s:%d %s\n", a.Path, a.StartLine, a.Message)
	}
	return b.String()
}

// TestACommentOfTheBaseAccepts follows a suppression from the pull request that brings it, in which it does not count,
// to a later pull request.
func TestACommentOfTheBaseAccepts(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\nb = 2\n"})
	s.people()
	one := s.open("one", map[string]string{"a.py": "a = 1\n" + ignoring(30) + mild(1) + "b = 2\n"})
	s.want(one, "neutral", "a.py:3 open")
	if got := notes(s.verdict(one)); !strings.Contains(got, "a.py:2 It silences nothing in this pull request. Once it is merged, findings of gitleaks/generic-api-key that later pull requests bring to line 3 are accepted until ") || strings.Contains(got, "matches nothing") {
		t.Errorf("the comment is not reported:\n%s", got)
	}
	s.base = s.repo.Commit("main", "", "merged", map[string]string{"a.py": "a = 1\n" + ignoring(30) + "key = None\nb = 2\n"})

	two := s.open("two", map[string]string{"a.py": "a = 1\n" + ignoring(30) + mild(2) + "b = 2\n"})
	s.want(two, "success")
	run := s.verdict(two)
	until := time.Now().UTC().AddDate(0, 0, 30).Format(time.DateOnly)
	if !strings.Contains(run.Summary, "Accepted until "+until+" by the comment at `a.py:2`: the sandbox knows this key") {
		t.Errorf("it is not counted with its place:\n%s", run.Summary)
	}
	if got := notes(run); got != "" {
		t.Errorf("a comment that was there is reported:\n%s", got)
	}
	id := s.ids(two)[0]
	s.said(two, "hubot", "/secbydesign why "+id, "Accepted by the comment at `a.py:2`")
	s.said(two, "hubot", "/secbydesign reopen "+id, "is accepted by the comment at a.py:2")

	copied := s.open("copied", map[string]string{"a.py": "a = 1\n" + ignoring(30) + "key = None\nb = 2\n" + ignoring(30) + mild(3)})
	s.want(copied, "neutral", "a.py:6 open")
	if got := notes(s.verdict(copied)); !strings.Contains(got, "a.py:5 ") || !strings.Contains(got, "It is a copy of one that is on the base") {
		t.Errorf("the copy is not reported:\n%s", got)
	}
	elsewhere := s.open("elsewhere", map[string]string{"b.py": ignoring(30) + mild(4)})
	s.want(elsewhere, "neutral", "b.py:2 open")
	worse := s.open("worse", map[string]string{"a.py": "a = 1\n" + ignoring(30) + leak(5) + "b = 2\n"})
	s.want(worse, "neutral", "a.py:3 open")
}

// TestACommentThatCountsNoMore has suppressions that have expired, exceed the organisation's limit, or were removed on
// the branch.
func TestACommentThatCountsNoMore(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": ignoring(-1) + "a = 1\n", "b.py": ignoring(30) + "b = 1\n", "c.py": ignoring(5) + "c = 1\n"})
	s.organisation("version: 1\nguardrails: {accept: {default: {max_days: 7}}}\n")
	n := s.open("change", map[string]string{"a.py": ignoring(-1) + mild(1), "b.py": ignoring(30) + mild(2), "c.py": ignoring(5) + mild(3)})
	s.want(n, "neutral", "a.py:2 open", "b.py:2 open")
	run := s.verdict(n)
	text := strings.ReplaceAll(run.Summary, "\\", "")
	for _, want := range []string{"The comment at a.py:1 does not accept it. It ended on ", "The comment at b.py:1 does not accept it. A medium finding is accepted for at most 7 days", "by the comment at `c.py:1`"} {
		if !strings.Contains(text, want) {
			t.Errorf("the summary does not say %q:\n%s", want, text)
		}
	}
	if got := notes(run); !strings.Contains(got, "a.py:1 This accepted findings of gitleaks/generic-api-key until ") || strings.Contains(got, "b.py") {
		t.Errorf("annotations:\n%s", got)
	}

	s.repo.Commit("main", "", "taken back", map[string]string{"c.py": "c = 1\n"})
	s.push(n, "change", map[string]string{"d.py": "d = 1\n"})
	s.want(n, "neutral", "a.py:2 open", "b.py:2 open", "c.py:2 open")
}

// TestACommentThatIsNone checks the annotations on comments that suppress nothing: each says why.
func TestACommentThatIsNone(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" +
		"b = 1  # secbydesign:ignore gitleaks/generic-api-key until 30d because it opens nothing but the sandbox\n" +
		"c = 1  # secbydesign:ignore gitleeks/x until 2036-01-01 because it opens nothing but the sandbox\n" +
		"d = 1  # secbydesign:ignore gitleaks/* until 2026-01-01 because it opens nothing but the sandbox\n" +
		"e = 1  # secbydesign:ignore gitleaks/aws-access-token until 2036-01-01 because it opens nothing but the sandbox\n" +
		"g = 1  # secbydesign:ignore gitleaks/** until " + time.Now().UTC().AddDate(0, 0, 30).Format(time.DateOnly) + " because it opens nothing but the sandbox\n" +
		"f = 1  # secbydesign:ignore osv/malicious-package until 2036-01-01 because it opens nothing but the sandbox\n"})
	s.want(n, "success")
	run := s.verdict(n)
	got := notes(run)
	for _, want := range []string{
		`a.py:2 This is no suppression, and silences nothing. A file has no day from which "30d" could be counted: write the last day itself. This would be one: secbydesign:ignore gitleaks/generic-api-key until `,
		`a.py:3 This is no suppression, and silences nothing: unknown scanner "gitleeks", did you mean "gitleaks".`,
		`a.py:4 It silences nothing, neither in this pull request nor once it is merged. It ended on 2026-01-01.`,
		`a.py:5 It silences nothing, neither in this pull request nor once it is merged. A note finding is accepted for at most 90 days`,
		`It matches nothing: no finding of gitleaks/aws-access-token begins on line 5.`,
		`a.py:6 It silences nothing, neither in this pull request nor once it is merged. "gitleaks/**" names no rule, so it would also hide findings that nobody has seen yet; name the rule.`,
		`a.py:7 It silences nothing, neither in this pull request nor once it is merged. Findings of this rule cannot be accepted`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("not reported: %s\n%s", want, got)
		}
	}
}
