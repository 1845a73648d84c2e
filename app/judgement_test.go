package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/local"
	"github.com/secbydesign/secbydesign/checks"
)

// annotated lists the findings that the checks of the gates show on a commit, as "path:line", with "fails" where they
// fail the check.
func (s *stage) annotated(sha string) (list []string) {
	seen := map[string]bool{checks.Name: true, checks.RequirementsCheck: true}
	for _, run := range s.GitHub.CheckRuns("acme", "shop", sha) {
		if seen[run.Name] {
			continue // an older one
		}
		seen[run.Name] = true
		for _, a := range run.Annotations {
			list = append(list, judged(a.Path, a.StartLine, a.Level == "failure"))
		}
	}
	slices.Sort(list)
	return list
}

func judged(path string, line int, fails bool) string {
	if fails {
		return fmt.Sprintf("%s:%d fails", path, line)
	}
	return fmt.Sprintf("%s:%d", path, line)
}

// TestOneJudgement has a pull request, its merge group, a review on a local clone and a rehearsal say the same of the
// same findings: some fail the check by a gate, some by a rule, some are only shown or observed, one is raised by
// a guardrail, one is accepted by a comment of the base, one by a command.
func TestOneJudgement(t *testing.T) {
	t.Parallel()
	const org = "version: 1\nguardrails:\n  gates: {secrets: {at_least: comment, severity: high}}\n"
	const pol = "version: 1\ngates: {secrets: {mode: block, severity: low}, infrastructure: {mode: comment, severity: high}}\n" +
		"rules:\n  gitleaks/github-pat: {mode: \"off\"}\n  dockerfile/*: {mode: observe}\n" +
		"paths: {ignore: [\"vendor/**\"], \"quiet/**\": {gates: {secrets: {mode: comment}}}}\n"
	files := map[string]string{"a.py": "a = 1\nb = 2\n", "c.py": ignoring(30) + "c = 1\n", ".secbydesign.yml": pol, ".github/CODEOWNERS": ""}
	s := newStage(t, files)
	s.queues()
	s.organisation(org)
	s.people()
	n := s.open("change", map[string]string{
		"a.py": "a = 1\n" + mild(1) + leak(2) + "b = 2\n", "c.py": ignoring(30) + mild(3), "d.py": mild(4), "quiet/e.py": mild(5), "vendor/f.py": mild(6),
		"Dockerfile": "FROM node:latest\nCOPY a /a\n",
	})
	s.reviewed(n)
	want := []string{"a.py:2 fails", "a.py:3", "d.py:1 fails", "quiet/e.py:1"}
	head := s.repo.Tip("change")
	if got := s.annotated(head); !slices.Equal(got, want) {
		t.Errorf("the pull request shows %q, want %q", got, want)
	}
	group := s.repo.Enqueue("mona", n)
	s.group(group)
	if got := s.annotated(group.HeadSHA); !slices.Equal(got, want) {
		t.Errorf("the merge group shows %q, want %q", got, want)
	}

	orgFile := filepath.Join(t.TempDir(), "org.yml")
	if err := os.WriteFile(orgFile, []byte(org), 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := app.Local(local.Options{Repo: s.repo.GitDir(), Base: "main", Head: "change", Format: "json", FailOn: "never", OrgPolicy: orgFile}, app.ScannerSettings{Sandbox: "auto"}, os.Stdout, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := local.Review(t.Context(), &b, options); err != nil {
		t.Fatal(err)
	}
	var report struct {
		Findings []struct {
			Path     string
			Line     int
			Blocking bool
			Decided  any
		}
	}
	if err := json.Unmarshal(b.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range report.Findings {
		if f.Decided == nil {
			got = append(got, judged(f.Path, f.Line, f.Blocking))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the local review shows %q, want %q", got, want)
	}

	fails := slices.DeleteFunc(slices.Clone(want), func(s string) bool { return !strings.HasSuffix(s, " fails") })
	rehearsed := func() (got []string) {
		r := s.rehearse(app.Rehearsal{PolicyFiles: app.PolicyFiles{File: proposal(t, pol)}, Repo: "acme/shop"})
		if r.Comments.Now != len(want) || r.Comments.Proposed != len(want) {
			t.Errorf("the rehearsal counts %+v comments, want %d", r.Comments, len(want))
		}
		for _, reason := range r.Each[0].Reasons {
			got = append(got, reason.Place+" fails")
		}
		slices.Sort(got)
		return got
	}
	if got := rehearsed(); !slices.Equal(got, fails) {
		t.Errorf("the rehearsal fails by %q, want %q", got, fails)
	}

	// What people decide counts in all that know of it.
	s.said(n, "hubot", "/secbydesign accept "+s.ids(n)[0]+" until=30d"+because, "is accepted until")
	s.becomes(n, "failure", "2 accepted")
	left := s.annotated(s.repo.Tip("change"))
	s.repo.Commit("main", s.base, "more", map[string]string{"more.py": "x = 1\n"})
	again := s.repo.Enqueue("mona", n)
	s.group(again)
	if got := s.annotated(again.HeadSHA); len(left) != len(want)-1 || !slices.Equal(got, left) {
		t.Errorf("once one is accepted, the merge group shows %q, the pull request %q", got, left)
	}
}
