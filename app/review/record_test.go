package review

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/rehearsal"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestWhatRanElsewhereIsKept: a tool whose results a workflow sent is not one of the program's own, and a rehearsal has
// it all the same.
func TestWhatRanElsewhereIsKept(t *testing.T) {
	t.Parallel()
	found := scanners.Result{
		Finding: scanners.Finding{Rule: "go/sql-injection", Severity: scanners.High, Path: "a.go", Line: 3},
		Scanner: "codeql", Gate: scanners.Code, Fingerprint: "one:1", State: scanners.New,
	}
	run := scanners.Run{Scanner: "codeql", Gate: scanners.Code, Results: []scanners.Result{found}}
	j, err := judge.Apply(judge.Case{Runs: []scanners.Run{run}, Policy: policy.Default()})
	if err != nil {
		t.Fatal(err)
	}
	rep := checks.Compose(checks.Input{Gates: j.Gates, Limit: 10})
	kept := summary(rep, recordInput{infos: []scanners.Info{{Name: "gosec", Gate: scanners.Code}}})
	want := []record.Scanner{{Name: "gosec", Gate: scanners.Code, State: record.Off}, {Name: "codeql", Gate: scanners.Code, State: record.Ran}}
	if !slices.Equal(kept.Context.Scanners, want) {
		t.Errorf("kept %+v, want %+v", kept.Context.Scanners, want)
	}
	blocks := policy.Default()
	blocks.Gates[scanners.Code] = policy.GatePolicy{Mode: policy.Block}
	again, err := rehearsal.Rehearse(rehearsal.Input{
		Pulls:  []record.Past{{Owner: "acme", Repo: "shop", Number: 1, Reviews: []record.Review{kept}}},
		Before: map[string]policy.Policy{"acme/shop": policy.Default()}, After: map[string]policy.Policy{"acme/shop": blocks},
	})
	if err != nil || again.Blocked.Added != 1 {
		t.Errorf("judged again it is %+v, %v", again, err)
	}
}

// TestAskedAgain checks that no request to run a check again is lost, whenever it comes. The lines are events; a word
// that is no event is the name of a check whose "Re-run" was pressed.
func TestAskedAgain(t *testing.T) {
	t.Parallel()
	for events, want := range map[string]string{
		"":                                        "",
		"started finished":                        "",
		"secrets started":                         "secrets",
		"started finished secrets":                "secrets",
		"started secrets finished":                "secrets", // after the verdict and before the end
		"secrets started finished":                "",
		"secrets started failed started":          "secrets",
		"secrets started failed started finished": "",
		"started finished secrets started code started": "secrets code",
		"started secrets finished started finished":     "",
		"started finished secrets code secrets started": "secrets code",
	} {
		var list []ledger.Event
		for _, name := range strings.Fields(events) {
			switch name {
			case "started":
				list = append(list, ledger.Event{Kind: record.Started})
			case "finished":
				list = append(list, ledger.Event{Kind: record.Finished})
			case "failed":
				list = append(list, ledger.Event{Kind: record.Failed})
			default:
				list = append(list, ledger.Event{Kind: record.RerunAsked, Data: json.RawMessage(`{"check":"` + name + `"}`)})
			}
		}
		got, err := askedAgain(list)
		if strings.Join(got, " ") != want || err != nil {
			t.Errorf("after %q: %q, %v, want %q", events, got, err, want)
		}
	}
	if _, err := askedAgain([]ledger.Event{{Kind: record.RerunAsked, Data: json.RawMessage("no")}}); err == nil {
		t.Error("an event that cannot be read is passed over")
	}
}

// TestWhatAReviewKeeps holds what is recorded of findings and scanners in each state.
func TestWhatAReviewKeeps(t *testing.T) {
	t.Parallel()
	result := func(name string, state scanners.State) scanners.Result {
		return scanners.Result{
			Finding: scanners.Finding{
				Rule: "rule", Severity: scanners.High, Path: name + ".go", Line: 3, EndLine: 4, CWE: "CWE-1", Package: "p", Commit: "c", Why: "why", HelpURL: "https://example.com",
				Extents: []scanners.Extent{{Of: "ports", From: 22, To: 22}}, Aliases: []string{"CVE-1"}, Title: name,
			},
			Scanner: "ran", Gate: scanners.Code, Fingerprint: name + ":1", State: state,
		}
	}
	list := []scanners.Result{
		result("shown", scanners.New), result("hidden", scanners.New), result("by command", scanners.New), result("in code", scanners.New), result("old", scanners.Unchanged), result("hidden and old", scanners.Unchanged),
	}
	var findings []checks.Finding
	for _, r := range list {
		f := checks.Finding{Result: r, Comment: true}
		switch r.Title {
		case "hidden", "hidden and old":
			continue
		case "shown":
			f.Block = true
		case "by command":
			f.Decided = &checks.Decided{ID: "A-AAAAAAAA", How: "accepted"}
		case "in code":
			f.Decided = &checks.Decided{Path: "in code.go", Line: 2, How: "accepted"}
		}
		findings = append(findings, f)
	}
	rep := checks.Compose(checks.Input{Gates: []checks.Gate{{Name: scanners.Code, Findings: findings, Runs: []scanners.Run{
		{Scanner: "ran", Gate: scanners.Code, Results: list},
		{Scanner: "idle", Gate: scanners.Code, Idle: true},
		{Scanner: "skipped", Gate: scanners.Code, Skipped: "It is missing."},
		{Scanner: "missing", Gate: scanners.Code, Err: fmt.Errorf("start: %w", &scanners.MissingError{Hint: "Install it."})},
		{Scanner: "failed", Gate: scanners.Code, Err: errAny},
		{Scanner: "elsewhere", Gate: scanners.Secrets, Err: errAny},
	}}}})
	owners, problems := ownership.Parse("shown.go @acme/one\nold.go @acme/two\n")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var infos []scanners.Info
	for _, name := range []string{"off", "failed", "missing", "skipped", "idle", "ran"} {
		infos = append(infos, scanners.Info{Name: name, Gate: scanners.Code})
	}
	in := recordInput{
		pull: pull.Pull{MergeBase: "base", BaseRef: "main", Draft: true}, infos: infos, owners: &ownership.Map{Codeowners: owners, File: "CODEOWNERS"},
		adds: func(r scanners.Result) bool { return r.Title == "shown" }, context: record.Context{NotRun: true},
	}
	kept := summary(rep, in)
	c := *kept.Context
	if kept.Version != record.Version || kept.Verdict != rep.Verdict || kept.Conclusion != rep.Check.Conclusion || c.Base != "base" || c.Into != "main" || !c.Draft || !c.NotRun || c.NoOwners {
		t.Errorf("kept %+v, %+v", kept, c)
	}
	var states []string
	for _, s := range c.Scanners {
		states = append(states, s.Name+"="+string(s.State))
	}
	if got, want := strings.Join(states, " "), "off=off failed=unfinished missing=missing skipped=missing idle=idle ran=looked elsewhere=unfinished"; got != want {
		t.Errorf("the scanners are %q, want %q", got, want)
	}
	if len(c.Hidden) != 1 || c.Hidden[0].Title != "hidden" || c.Hidden[0].Shown {
		t.Errorf("hidden are %+v", c.Hidden)
	}
	find := func(title string) record.Finding {
		i := slices.IndexFunc(kept.Findings, func(f record.Finding) bool { return f.Title == title })
		if i < 0 {
			t.Fatalf("%s is not kept: %+v", title, kept.Findings)
		}
		return kept.Findings[i]
	}
	shown := record.Finding{
		Fingerprint: "shown:1", Rule: "ran/rule", Gate: scanners.Code, Title: "shown", Severity: scanners.High, State: scanners.New, Path: "shown.go", Line: 3,
		Shown: true, Block: true, HelpURL: "https://example.com", Why: "why", EndLine: 4, CWE: "CWE-1", Package: "p", Commit: "c", Aliases: []string{"CVE-1"},
		Extents: list[0].Extents, Adds: true, Owners: []string{"@acme/one"}, OwnedBy: "CODEOWNERS:1",
	}
	if got := find("shown"); !reflect.DeepEqual(got, shown) {
		t.Errorf("kept %+v, want %+v", got, shown)
	}
	if got := find("by command"); got.Decided != "A-AAAAAAAA" || got.Adds || got.Owners != nil || !got.Unowned || !kept.Unowned(got) {
		t.Errorf("decided by a command: %+v", got)
	}
	if got := find("in code"); got.Decided != "in code.go:2" {
		t.Errorf("decided in the code: %+v", got)
	}
	// What a rehearsal needs is kept of new findings alone.
	if got := find("old"); got.EndLine != 0 || got.Extents != nil || got.Owners != nil || got.Unowned || kept.Unowned(got) || got.Line != 3 {
		t.Errorf("of an old one %+v", got)
	}
	in.owners, in.adds = nil, nil
	if kept := summary(rep, in); !kept.Context.NoOwners || kept.Findings[0].Adds || kept.Findings[0].Owners != nil || kept.Findings[0].Unowned || kept.Unowned(kept.Findings[0]) {
		t.Errorf("of a change that could not be read: %+v", kept)
	}
}

// TestWhatAPolicyIgnoresIsKept names the changed files, up to a bound, and counts all.
func TestWhatAPolicyIgnoresIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n", "CODEOWNERS": "* @acme/all\n"})
	repo, err := mirror.OpenLocal(t.Context(), w.repo.GitDir())
	if err != nil {
		t.Fatal(err)
	}
	layer, err := policy.Parse(policyFile, []byte("version: 1\npaths: {ignore: [\"gen/**\"]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	pol := policy.Merge(policy.Layer{}, layer)
	diff := &mirror.Diff{Changes: []mirror.Change{{NewPath: "a"}, {OldPath: "gen/gone"}}}
	for i := range record.MaxIgnored {
		diff.Changes = append(diff.Changes, mirror.Change{OldPath: "gen/x", NewPath: fmt.Sprint("gen/", i)})
	}
	w.github.CreateTeam("acme", "all")
	change, p := examine.Change{Repo: repo}, pull.Pull{Owner: "acme", Repo: "shop", Base: w.base}
	owners := func(p pull.Pull) *ownership.Map { return w.owners(t.Context(), w.client(), change, p, pol)() }
	in := w.recordInput(p, pol, examine.Examination{Diff: diff, NotRun: examine.Nothing, Limited: true}, owners(p))
	c := in.context
	if c.IgnoredFiles != record.MaxIgnored+1 || len(c.Ignored) != record.MaxIgnored || c.Ignored[0] != "gen/gone" || c.Ignored[1] != "gen/0" || !c.NotRun || !in.limited {
		t.Errorf("kept %d of %d, %q, limited %v", len(c.Ignored), c.IgnoredFiles, c.Ignored, in.limited)
	}
	if in.owners == nil || !slices.Equal(in.owners.Of("a"), []string{"@acme/all"}) || len(in.infos) != 1 {
		t.Errorf("the owners are %+v", in.owners)
	}
	// What cannot be read is no reason to fail.
	if in := w.recordInput(p, pol, examine.Examination{NotRun: examine.AllOff}, owners(pull.Pull{Base: strings.Repeat("1", 40)})); in.owners != nil || in.context.NotRun || in.limited || in.context.Ignored != nil {
		t.Errorf("kept %+v", in)
	}
}
