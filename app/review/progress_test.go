package review

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/shurcooL/githubv4"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/suppress"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// A finder is a scanner that finds a line.
type finder struct {
	info scanners.Info
	line string
	wait chan struct{} // Scan returns when it is closed; nil for at once
}

func (f finder) Info() scanners.Info                     { return f.info }
func (f finder) Version(context.Context) (string, error) { return "1", nil }

func (f finder) Scan(_ context.Context, t scanners.Target) (found []scanners.Finding, err error) {
	if f.wait != nil {
		<-f.wait
	}
	for _, file := range t.Files {
		if string(file.Content) == f.line+"\n" {
			found = append(found, scanners.Finding{
				Rule: "word", Severity: scanners.High, Path: file.Path, Line: 1, EndLine: 1, Title: "A word", Message: "It is here.", Help: "Take it out.", Identity: f.line,
			})
		}
	}
	return found, nil
}

// TestAGateIsShownWhileAnotherRuns holds the slow scanner back until the pull request shows the findings of the
// quick one, once within the first patience and once after it.
func TestAGateIsShownWhileAnotherRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		patience    time.Duration
		first, last []string
	}{
		"within the first patience": {
			time.Hour,
			[]string{"a:1", "secbydesign in_progress: Scanning the change", "secbydesign/code completed: 1 new finding (1 high)"},
			[]string{"a:1", "b:1", "secbydesign completed: 2 new findings (2 high)", "secbydesign/code completed: 1 new finding (1 high)", "secbydesign/infrastructure completed: 1 new finding (1 high)"},
		},
		"after it": {
			0,
			[]string{"a:1", "secbydesign completed: 1 new finding (1 high); incomplete: slow did not finish", "secbydesign/code completed: 1 new finding (1 high)", "secbydesign/infrastructure completed: Incomplete: slow did not finish"},
			[]string{"a:1", "b:1", "secbydesign completed: 2 new findings (2 high)", "secbydesign/code completed: 1 new finding (1 high)", "secbydesign/infrastructure completed: 1 new finding (1 high)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, head := map[string]string{"a": "x\n", "b": "x\n"}, map[string]string{"a": "bad\n", "b": "worse\n"}
			gh, err := fakegithub.New(fakegithub.Options{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			if err := gh.Start(""); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(gh.Close)
			gh.CreateOrg("acme")
			repo := gh.CreateRepo("acme", "shop", true)
			gh.Install("acme")
			sha := repo.Commit("change", repo.Commit("main", "", "base", base), "change", head)
			n := repo.OpenPull("Change", "", "main", "change", "mona", false)
			client := &http.Client{Transport: bearer(gh.Token("acme", nil))}
			rest, err := github.NewClient(client).WithEnterpriseURLs(gh.URL(), gh.URL())
			if err != nil {
				t.Fatal(err)
			}
			clients := publish.Clients{REST: rest, GraphQL: githubv4.NewEnterpriseClient(gh.URL()+"/api/graphql", client)}
			run, err := publish.Start(t.Context(), clients, publish.Head{Owner: "acme", Repo: "shop", Number: n, SHA: sha, AppID: 1}, false)
			if err != nil {
				t.Fatal(err)
			}
			show := func() (lines []string) {
				for _, k := range gh.CheckRuns("acme", "shop", sha) {
					lines = append(lines, fmt.Sprintf("%s %s: %s", k.Name, k.Status, k.Title))
				}
				for _, th := range gh.Threads("acme", "shop", n) {
					if th.Comments[0].Minimized != "" {
						t.Errorf("%s is settled", th.Path)
					}
					lines = append(lines, fmt.Sprint(th.Path, ":", th.Line))
				}
				slices.Sort(lines)
				return slices.Compact(lines)
			}

			reported := make(chan struct{})
			quick := finder{scanners.Info{Name: "quick", Gate: scanners.Code, Scopes: []scanners.Scope{scanners.ScopeFile}}, "bad", nil}
			slow := finder{scanners.Info{Name: "slow", Gate: scanners.Infrastructure, Scopes: []scanners.Scope{scanners.ScopeFile}}, "worse", reported}
			git, err := mirror.OpenLocal(t.Context(), repo.GitDir())
			if err != nil {
				t.Fatal(err)
			}
			change := examine.Change{Repo: git, Base: repo.Tip("main"), Head: sha}
			pol := policy.Default()
			pol.Budget.First = c.patience
			compose := composer{
				pull: pull.Pull{Head: sha}, change: change, policy: pol, link: func(string, int) string { return "" },
				decided:      func(context.Context, []scanners.Run) ([]decision.Decision, error) { return nil, nil },
				suppressions: suppress.New(t.Context(), nil, change, change.Base, pol, time.Now()),
			}
			tell := compose.progress(context.Background(), run)
			first := true
			e := examine.Examiner{Scanners: []scanners.Scanner{slow, quick}}
			ex, err := e.Examine(t.Context(), change, policy.Default(), nil, func(ex examine.Examination) {
				tell(ex)
				if first {
					if got := show(); !slices.Equal(got, c.first) {
						t.Errorf("so far: got %q, want %q", got, c.first)
					}
					first = false
					close(reported)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			rep, err := compose.compose(t.Context(), ex, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := run.Finish(t.Context(), rep); err != nil {
				t.Fatal(err)
			}
			var last []string
			for _, line := range show() {
				if !strings.Contains(line, "Incomplete: slow") { // the newer run of the same name hides it
					last = append(last, line)
				}
			}
			if !slices.Equal(last, c.last) {
				t.Errorf("in the end: got %q, want %q", last, c.last)
			}
		})
	}
}
