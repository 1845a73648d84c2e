package publish

import (
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/checks"
)

func runOf(id int64, external, status, conclusion string) *github.CheckRun {
	return &github.CheckRun{ID: &id, Name: github.String(checks.Name), ExternalID: &external, Status: &status, Conclusion: &conclusion}
}

// TestExternalIDs: webhooks bring them back, and a run of another App, or of an older form, is none of ours.
func TestExternalIDs(t *testing.T) {
	t.Parallel()
	head := Head{Number: 12}
	for id, n := range map[string]int{
		head.externalID("", "", ""):                   12,
		head.externalID("part", "0a", ""):             12,
		head.externalID("done", "0a", checks.Failure): 12,
		Head{}.externalID("done", "0a", ""):           0, // of a merge group
		"":                                            0,
		"pr=x":                                        0,
		"pr=-1":                                       0,
		"pr=12 ":                                      0,
		"a pr=12":                                     0,
		"pr=12 done=XYZ":                              0,
		"pr=12 open=0a":                               0,
		"pr=12\npr=13":                                0,
	} {
		if got := PullOf(id); got != n {
			t.Errorf("%q is of #%d, want #%d", id, got, n)
		}
	}
	for name, c := range map[string]struct {
		run        *github.CheckRun
		done, part string
	}{
		"none":                           {nil, "", ""},
		"it has ended":                   {runOf(1, "pr=12 done=0a", "completed", "success"), "0a", ""},
		"it has ended, for two":          {runOf(1, "pr=12 done=0a own=success", "completed", "failure"), "0a", ""},
		"its annotations are on the way": {runOf(1, "pr=12 part=0a", "in_progress", ""), "", "0a"},
		"it was ended by somebody else":  {runOf(1, "pr=12 part=0a", "completed", "cancelled"), "", ""},
		"it was begun again":             {runOf(1, "pr=12 done=0a", "in_progress", ""), "", ""},
		"it was only begun":              {runOf(1, "pr=12", "in_progress", ""), "", ""},
		"of another pull request":        {runOf(1, "pr=13 done=0a", "completed", "success"), "", ""},
	} {
		if got := done(c.run, head); got != c.done {
			t.Errorf("%s: done %q, want %q", name, got, c.done)
		}
		if got := part(c.run, head); got != c.part {
			t.Errorf("%s: part %q, want %q", name, got, c.part)
		}
	}
}

// TestWhatASiblingsVerdictIsByItself: what it shows may be another's.
func TestWhatASiblingsVerdictIsByItself(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run  *github.CheckRun
		want checks.Conclusion
	}{
		"none":                       {nil, ""},
		"it has not ended":           {runOf(1, "pr=12 done=0a own=success", "in_progress", "failure"), ""},
		"its own":                    {runOf(1, "pr=12 done=0a", "completed", "neutral"), checks.Neutral},
		"it shows another's":         {runOf(1, "pr=12 done=0a own=success", "completed", "failure"), checks.Success},
		"it has no id of this form":  {runOf(1, "something", "completed", "failure"), checks.Failure},
		"it was cancelled":           {runOf(1, "pr=12", "completed", "cancelled"), checks.Cancelled},
		"it shows another's mistake": {runOf(1, "pr=12 done=0a own=failure", "completed", "neutral"), checks.Failure},
	} {
		if got := own(c.run); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestTheWorstOfSeveralSiblings: one that blocks counts more than one that is not clean, and equals change nothing.
func TestTheWorstOfSeveralSiblings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		here     checks.Conclusion
		siblings []checks.Conclusion // of #1, #2 and so on; empty for one that is not known
		want     checks.Conclusion
		names    string
	}{
		"all clean":                  {checks.Success, []checks.Conclusion{checks.Success, checks.Skipped}, checks.Success, ""},
		"one is not known yet":       {checks.Success, []checks.Conclusion{""}, checks.Success, ""},
		"one was cancelled":          {checks.Success, []checks.Conclusion{checks.Cancelled}, checks.Success, ""},
		"one is not clean":           {checks.Success, []checks.Conclusion{checks.Success, checks.Neutral}, checks.Neutral, "#2,"},
		"one blocks":                 {checks.Neutral, []checks.Conclusion{checks.Neutral, checks.Failure}, checks.Failure, "#2,"},
		"the first of two":           {checks.Neutral, []checks.Conclusion{checks.Failure, checks.Failure}, checks.Failure, "#1,"},
		"one is worse than another":  {checks.Success, []checks.Conclusion{checks.Neutral, checks.Failure}, checks.Failure, "#2,"},
		"one is milder than another": {checks.Success, []checks.Conclusion{checks.Failure, checks.Neutral}, checks.Failure, "#1,"},
		"here it is the worst":       {checks.Failure, []checks.Conclusion{checks.Neutral, checks.Failure}, checks.Failure, ""},
	} {
		r := &Run{others: map[int]*github.CheckRun{99: runOf(99, "pr=99", "completed", "failure")}} // no sibling: it is closed
		for i, conclusion := range c.siblings {
			r.siblings = append(r.siblings, i+1)
			if conclusion != "" {
				r.others[i+1] = runOf(int64(i+1), "something", "completed", string(conclusion))
			}
		}
		was := checks.Check{Conclusion: c.here, Title: "The title", Summary: "The summary"}
		got := r.worst(was)
		if got.Conclusion != c.want || !strings.HasPrefix(got.Title, c.names) || !strings.HasSuffix(got.Title, was.Title) || !strings.HasSuffix(got.Summary, was.Summary) {
			t.Errorf("%s: %+v", name, got)
		}
		if c.names == "" && (got.Own != "" || got.Title != was.Title || got.Summary != was.Summary) || c.names != "" && got.Own != c.here {
			t.Errorf("%s: its own is %q: %q", name, got.Own, got.Title)
		}
	}
}

// TestTheRunThatGitHubShowsInstead: the newest of a name counts, also that of another pull request.
func TestTheRunThatGitHubShowsInstead(t *testing.T) {
	t.Parallel()
	of := func(id int64, status string) *github.CheckRun { return runOf(id, "", status, "") }
	for name, c := range map[string]struct {
		check    string
		ours     *github.CheckRun
		siblings []int
		others   map[int]*github.CheckRun
		want     int64 // 0 for ours
	}{
		"ours is the newest":                    {checks.Name, of(5, "completed"), nil, map[int]*github.CheckRun{2: of(4, "completed")}, 0},
		"another's is newer":                    {checks.Name, of(5, "completed"), nil, map[int]*github.CheckRun{2: of(6, "completed")}, 6},
		"the newest of several":                 {checks.Name, of(5, "completed"), nil, map[int]*github.CheckRun{2: of(6, "completed"), 3: of(8, "completed"), 4: of(7, "completed")}, 8},
		"there is none of ours":                 {checks.Name, nil, nil, map[int]*github.CheckRun{2: of(4, "completed")}, 4},
		"a sibling still scans":                 {checks.Name, of(5, "completed"), []int{2}, map[int]*github.CheckRun{2: of(6, "in_progress")}, 0},
		"a sibling has ended":                   {checks.Name, of(5, "completed"), []int{2}, map[int]*github.CheckRun{2: of(6, "completed")}, 6},
		"a closed one was left behind":          {checks.Name, of(5, "completed"), []int{3}, map[int]*github.CheckRun{2: of(6, "in_progress")}, 6},
		"a gate is shown by each of themselves": {checks.Name + "/code", of(5, "completed"), nil, map[int]*github.CheckRun{2: of(6, "completed")}, 0},
	} {
		r := &Run{runs: map[string]*github.CheckRun{c.check: c.ours}, siblings: c.siblings, others: c.others}
		if got := r.hiding(c.check).GetID(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
