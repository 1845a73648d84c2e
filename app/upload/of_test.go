package upload

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestWhichToolsSendResults follows a pull request, whose workflows send one after the other.
func TestWhichToolsSendResults(t *testing.T) {
	t.Parallel()
	gh, err := fakegithub.New(fakegithub.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gh.Close)
	gh.CreateOrg("acme")
	from := gh.CreateRepo("acme", "shop", true)
	const workflow = ".github/workflows/scan.yml"
	base := from.Commit("main", "", "base", map[string]string{workflow: "1\n"})
	head := from.Commit("change", base, "change", map[string]string{"a.go": "1\n"})
	edits := from.Commit("edits", base, "edits", map[string]string{workflow: "2\n"})
	repo, err := mirror.OpenLocal(t.Context(), from.GitDir())
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "l.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	heard := ledger.Pull{RepoID: 7, Owner: "acme", Repo: "shop", Number: 3, Head: head}
	if err := l.Tx(t.Context(), func(tx *sql.Tx) error { return l.RecordWebhook(t.Context(), tx, heard) }); err != nil {
		t.Fatal(err)
	}
	x := Externals{Ledger: l, Here: []string{"gitleaks"}, Known: []string{"gitleaks", "gosec"}}
	sent := func(sha, scanner string, number int, ref string) {
		t.Helper()
		recipe, err := Recipe(t.Context(), repo, sha, []string{workflow})
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(Results{Recipe: recipe, Files: []string{workflow}, Version: "1", Findings: []scanners.Finding{{Rule: "r", Path: "a.go", Line: 1}}})
		if err != nil {
			t.Fatal(err)
		}
		u := ledger.Upload{RepoID: 7, Owner: "acme", Repo: "shop", SHA: sha, Scanner: scanner, Number: number, Workflow: workflow + " " + recipe, Ref: ref, Data: data}
		if err := l.SaveUploads(t.Context(), []ledger.Upload{u}); err != nil {
			t.Fatal(err)
		}
	}
	parsed := func(text string) policy.Policy {
		t.Helper()
		layer, err := policy.Parse(".secbydesign.yml", []byte("version: 1\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		return policy.Merge(policy.Layer{}, layer)
	}
	said := func(list []examine.External) (lines []string) {
		for _, e := range list {
			line := e.Info.Name
			if len(e.Head) > 0 {
				line += " head"
			}
			if len(e.Base) > 0 {
				line += " base"
			}
			for _, text := range []string{e.Missing, scanners.Reason(e.Err)} {
				switch {
				case strings.Contains(text, "not sent results"):
					line += " not-yet"
				case strings.Contains(text, "a finding that is missing proves nothing"):
					line += " own-word"
				case strings.Contains(text, "There are no results"):
					line += " no-base"
				}
			}
			if e.Err != nil {
				line += " incomplete"
			}
			lines = append(lines, line)
		}
		return lines
	}
	at := pull.Pull{RepoID: 7, Owner: "acme", Repo: "shop", Number: 3, Head: head, Base: base, MergeBase: base, BaseRef: "main"}
	other, apart := at, at
	other.Head = edits
	apart.MergeBase = ""
	nothing := func() {}
	const main, merge = "refs/heads/main", "refs/pull/3/merge"
	for _, step := range []struct {
		name   string
		do     func()
		policy string
		of     pull.Pull
		want   string
	}{
		{"nobody ever sent anything", nothing, "", at, ""},
		{"the policy requires one", nothing, "scanners: {codeql: {enabled: true}}\n", at, "codeql not-yet incomplete"},
		{"the policy requires one that runs here", nothing, "scanners: {gitleaks: {enabled: true}}\n", at, ""},
		{"and one that this program can run", nothing, "scanners: {gosec: {enabled: true}}\n", at, ""},
		{"of another branch", func() { sent(head, "codeql", 0, "refs/heads/release") }, "", other, ""},
		{"of the head, by a branch of it", nothing, "", at, "codeql no-base incomplete"},
		{"of the base as well", func() { sent(base, "codeql", 0, main) }, "", at, "codeql head base"},
		{"of another pull request's head", func() { sent(head, "semgrep", 4, "refs/pull/4/merge") }, "", at, "codeql head base"},
		{"of its own", func() { sent(head, "semgrep", 3, merge) }, "", at, "codeql head base; semgrep no-base incomplete"},
		{"the base has more", func() { sent(base, "trivy", 0, main) }, "", at, "codeql head base; semgrep no-base incomplete; trivy not-yet"},
		{"the policy switches one off", nothing, "scanners: {trivy: {enabled: false}}\n", at, "codeql head base; semgrep no-base incomplete"},
		{"the change edits the workflow", func() { sent(edits, "codeql", 3, merge) }, "", other, "codeql head base own-word incomplete; trivy not-yet"},
		{"no history in common", nothing, "scanners: {trivy: {enabled: false}}\n", apart, "codeql head own-word incomplete; semgrep head own-word incomplete"},
	} {
		step.do()
		list, err := x.Of(t.Context(), repo, step.of, parsed(step.policy))
		if got := strings.Join(said(list), "; "); got != step.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", step.name, got, err, step.want)
		}
		for _, notice := range MissingNotices(list) {
			if !strings.HasPrefix(notice, "trivy: Its workflow has not sent") {
				t.Errorf("%s: %q", step.name, notice)
			}
		}
	}
	if waits, err := l.Awaiting(t.Context(), at.Repository(), base); err != nil || !slices.Contains(waits, 3) {
		t.Errorf("results of the base are awaited by %v, %v", waits, err)
	}
	broken := ledger.Upload{RepoID: 7, Owner: "acme", Repo: "shop", SHA: head, Scanner: "broken", Workflow: "w", Ref: main, Data: []byte("no")}
	if err := l.SaveUploads(t.Context(), []ledger.Upload{broken}); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Of(t.Context(), repo, at, parsed("")); err == nil {
		t.Error("what cannot be read is passed over")
	}
}
