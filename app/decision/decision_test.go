package decision

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/scanners"
)

var day = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

func made(id, verb string, change func(*Decision)) Step {
	d := Decision{
		ID: id, Verb: verb, Fingerprint: "aaaaaaaaaaaaaaaaaaaaaaaaaa:1", Rule: "s/r", Path: "a.go", Number: 1,
		Severity: scanners.Medium, Until: day.AddDate(0, 0, 30), Asked: "mona",
	}
	if change != nil {
		change(&d)
	}
	return Step{Kind: Made, At: day, Decision: d}
}

func TestFold(t *testing.T) {
	t.Parallel()
	quorum := func(d *Decision) { d.Needs = 2 }
	confirm := func(id, who string) Step { return Step{Kind: Confirmed, At: day, ID: id, Who: who} }
	end := func(id string) Step {
		return Step{Kind: Ended, At: day, ID: id, Who: "lea", Why: "it was revoked by @lea"}
	}
	for name, tt := range map[string]struct {
		steps []Step
		needs int
		ended string
		by    []string
	}{
		"made":                       {[]Step{made("A", "accept", nil)}, 0, "", nil},
		"made twice":                 {[]Step{made("A", "accept", quorum), confirm("A", "x"), made("A", "accept", quorum)}, 1, "", []string{"x"}},
		"confirmed":                  {[]Step{made("A", "accept", quorum), confirm("A", "x"), confirm("A", "y")}, 0, "", []string{"x", "y"}},
		"confirmed by one twice":     {[]Step{made("A", "accept", quorum), confirm("A", "x"), confirm("A", "X")}, 1, "", []string{"x"}},
		"confirmed more than enough": {[]Step{made("A", "accept", nil), confirm("A", "x")}, 0, "", nil},
		"confirmed before":           {[]Step{confirm("A", "x"), made("A", "accept", quorum)}, 2, "", nil},
		"confirmed by one who may":   {[]Step{made("A", "accept", func(d *Decision) { d.Needs, d.Twice = 2, true }), confirm("A", "x"), confirm("A", "x")}, 0, "", []string{"x", "x"}},
		"ended":                      {[]Step{made("A", "accept", quorum), end("A"), confirm("A", "x")}, 2, "it was revoked by @lea", nil},
		"another one ended":          {[]Step{made("A", "accept", nil), end("B")}, 0, "", nil},
	} {
		got := Fold(tt.steps)
		if len(got) != 1 || got[0].Needs != tt.needs || got[0].Ended != tt.ended || !slices.Equal(got[0].By, tt.by) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestBefore(t *testing.T) {
	t.Parallel()
	at := func(id string, days int, change func(*Decision)) Step {
		s := made(id, "accept", change)
		s.At = day.AddDate(0, 0, days)
		return s
	}
	list := Fold([]Step{
		at("A", 0, nil), // replaced after long
		at("B", 80, nil),
		{Kind: Ended, At: day.AddDate(0, 0, 80), ID: "A"},
		at("C", 80, nil), // replaces B at once
		{Kind: Ended, At: day.AddDate(0, 0, 80).Add(time.Hour), ID: "B"},
		at("D", 90, func(d *Decision) { d.Number = 2 }),                             // in the same file
		at("E", 90, func(d *Decision) { d.Number, d.Path = 2, "b.go" }),             // a copy
		at("F", 90, func(d *Decision) { d.Needs = 1 }),                              // never in force
		at("G", 90, func(d *Decision) { d.Verb = "fp" }),                            // another thing
		at("H", 90, func(d *Decision) { d.Verb = "defer" }),                         // the same
		at("I", 90, func(d *Decision) { d.Rule = "s/other" }),                       // another rule
		at("J", 90, func(d *Decision) { d.Fingerprint = d.Fingerprint[:27] + "2" }), // another of equal ones
	})
	if n := list[0].Before(list); n != 4 { // A, C, D and H
		t.Errorf("%d times before", n)
	}
}

func ports(from, to int) []scanners.Extent { return []scanners.Extent{{Of: "tcp", From: from, To: to}} }

// TestADecisionLastsAsLongAsItsFacts is law 9.
func TestADecisionLastsAsLongAsItsFacts(t *testing.T) {
	t.Parallel()
	fixed := []scanners.Fix{{Title: "update it"}}
	result := func(change func(*scanners.Result)) scanners.Result {
		r := scanners.Result{Scanner: "s", State: scanners.New, Fingerprint: "aaaaaaaaaaaaaaaaaaaaaaaaaa:1",
			Finding: scanners.Finding{Rule: "r", Path: "a.go", Severity: scanners.Medium}}
		if change != nil {
			change(&r)
		}
		return r
	}
	now := day.AddDate(0, 0, 30).Add(23 * time.Hour) // the last hour of the last day
	for name, tt := range map[string]struct {
		decided func(*Decision)
		found   func(*scanners.Result)
		now     time.Time
		want    string // the lapse; "-" when the decision is not about it
	}{
		"as decided":                              {nil, nil, now, ""},
		"the day is over":                         {nil, nil, now.Add(time.Hour), "it ended on 2026-12-25"},
		"the severity rose":                       {nil, func(r *scanners.Result) { r.Severity = scanners.High }, now, "the severity rose from medium to high"},
		"the severity fell":                       {nil, func(r *scanners.Result) { r.Severity = scanners.Low }, now, ""},
		"a fix appeared":                          {nil, func(r *scanners.Result) { r.Fixes = fixed }, now, "a fix has appeared"},
		"a fix was known":                         {func(d *Decision) { d.Fixable = true }, func(r *scanners.Result) { r.Fixes = fixed }, now, ""},
		"the code changed":                        {nil, func(r *scanners.Result) { r.Fingerprint = "bbbbbbbbbbbbbbbbbbbbbbbbbb:1" }, now, "-"},
		"a copy":                                  {nil, func(r *scanners.Result) { r.Fingerprint = "aaaaaaaaaaaaaaaaaaaaaaaaaa:2" }, now, "-"},
		"another rule":                            {nil, func(r *scanners.Result) { r.Rule = "q" }, now, "-"},
		"moved to another file":                   {nil, func(r *scanners.Result) { r.Path = "b.go" }, now, ""},
		"not confirmed":                           {func(d *Decision) { d.Needs = 1 }, nil, now, "1 more must confirm it"},
		"of another pull request":                 {func(d *Decision) { d.Number = 2 }, nil, now, ""},
		"of another, another file":                {func(d *Decision) { d.Number = 2 }, func(r *scanners.Result) { r.Path = "b.go" }, now, "-"},
		"false positive, rose":                    {func(d *Decision) { d.Verb, d.Until = "fp", time.Time{} }, func(r *scanners.Result) { r.Severity = scanners.High }, now, ""},
		"goes further":                            {func(d *Decision) { d.Extents = ports(22, 22) }, func(r *scanners.Result) { r.Extents = ports(22, 60000) }, now, "the finding is worse now than it was then"},
		"goes less far":                           {func(d *Decision) { d.Extents = ports(22, 60000) }, func(r *scanners.Result) { r.Extents = ports(22, 22) }, now, ""},
		"false positive, further":                 {func(d *Decision) { d.Verb, d.Until, d.Extents = "fp", time.Time{}, ports(22, 22) }, func(r *scanners.Result) { r.Extents = ports(22, 60000) }, now, "the finding is worse now than it was then"},
		"how far was not kept":                    {nil, func(r *scanners.Result) { r.Extents = ports(22, 60000) }, now, ""},
		"worse than what it was made for, merged": {func(d *Decision) { d.Number = 2 }, func(r *scanners.Result) { r.Worse = true }, now, "-"},
		"not new":                                 {nil, func(r *scanners.Result) { r.State = scanners.Unchanged }, now, "-"},
	} {
		r := result(tt.found)
		got, ok := Rule([]scanners.Result{r}, Fold([]Step{made("A", "accept", tt.decided)}), Scope{Pulls: map[int]bool{1: true}}, tt.now)[r.Fingerprint]
		switch {
		case !ok && tt.want != "-", ok && got.Lapse != tt.want:
			t.Errorf("%s: %+v %v, want %q", name, got, ok, tt.want)
		case ok && got.Decision.ID != "A":
			t.Errorf("%s: by %s", name, got.Decision.ID)
		}
	}
}

func TestTheNewestDecisionThatCountsIsTaken(t *testing.T) {
	t.Parallel()
	r := scanners.Result{Scanner: "s", State: scanners.New, Fingerprint: "aaaaaaaaaaaaaaaaaaaaaaaaaa:1", Finding: scanners.Finding{Rule: "r", Path: "a.go"}}
	first, second, third := made("A", "accept", nil), made("B", "fp", nil), made("C", "accept", func(d *Decision) { d.Needs = 1 })
	second.At, third.At = day.Add(time.Hour), day.Add(2*time.Hour)
	got := Rule([]scanners.Result{r}, Fold([]Step{first, second, third}), Scope{Pulls: map[int]bool{1: true}}, day)
	if d := got[r.Fingerprint]; d.Decision.ID != "B" || d.Lapse != "" {
		t.Errorf("got %+v", d)
	}
}

// TestTheNewestLapseIsNamed: if no decision counts any more, the newest gives the reason.
func TestTheNewestLapseIsNamed(t *testing.T) {
	t.Parallel()
	r := scanners.Result{Scanner: "s", State: scanners.New, Fingerprint: "aaaaaaaaaaaaaaaaaaaaaaaaaa:1", Finding: scanners.Finding{Rule: "r", Path: "a.go"}}
	first, second := made("A", "accept", nil), made("B", "accept", nil)
	second.At = day.Add(time.Hour)
	for _, steps := range [][]Step{{first, second}, {second, first}} {
		steps = append(steps, Step{Kind: Ended, ID: "A", Why: "older"}, Step{Kind: Ended, ID: "B", Why: "newer"})
		if got := Rule([]scanners.Result{r}, Fold(steps), Scope{Pulls: map[int]bool{1: true}}, day)[r.Fingerprint]; got.Lapse != "newer" {
			t.Errorf("got %+v", got)
		}
	}
}

// TestCopiesOfWhatWasDecided holds that a decision is about one finding, not about its text.
func TestCopiesOfWhatWasDecided(t *testing.T) {
	t.Parallel()
	at := func(path, fingerprint string, s scanners.State) scanners.Result {
		return scanners.Result{Scanner: "s", State: s, Fingerprint: "aaaaaaaaaaaaaaaaaaaaaaaaaa:" + fingerprint, Finding: scanners.Finding{Rule: "r", Path: path}}
	}
	accepted := func(number int) []Decision {
		return Fold([]Step{made("A", "accept", func(d *Decision) { d.Number, d.Severity = number, scanners.High })})
	}
	count := func(results []scanners.Result, list []Decision, scope Scope) (n int) {
		for _, ruling := range Rule(results, list, scope, day) {
			if ruling.Lapse == "" {
				n++
			}
		}
		return n
	}
	merged := []scanners.Result{at("a.go", "1", scanners.New), at("a.go", "2", scanners.Unchanged)}
	if n := count(merged, accepted(1), Scope{Pulls: map[int]bool{9: true}}); n != 0 {
		t.Errorf("what was merged as accepted covers %d copies that are new", n)
	}
	if n := count(merged, accepted(9), Scope{Pulls: map[int]bool{9: true}}); n != 1 {
		t.Errorf("the pull request's own decision covers %d findings, want 1", n)
	}
	group := []scanners.Result{at("b.go", "1", scanners.New), at("a.go", "2", scanners.New)}
	if got := Rule(group, accepted(1), Scope{Pulls: map[int]bool{1: true}, Group: true}, day); len(got) != 1 || got["aaaaaaaaaaaaaaaaaaaaaaaaaa:2"].Decision.ID != "A" {
		t.Errorf("in a merge group it covers %+v, want the copy in its own file", got)
	}
	if n := count(group, accepted(3), Scope{Pulls: map[int]bool{1: true}, Group: true}); n != 1 {
		t.Errorf("the decision of a pull request that is closed covers %d, want the copy in its own file", n)
	}
}

// An acceptance is about a finding in its file. It does not cover a finding that came to another file, even if the
// accepted one was fixed with the same push.
func TestAnAcceptanceStaysInItsFile(t *testing.T) {
	t.Parallel()
	const bad, good = "def one():\n  x\n  bad\n", "def one():\n  x\n"
	before := map[string][]byte{"dev.py": []byte(good), "prod.py": []byte(good)}
	results := func(earlier []scanners.Result, dev, prod string) []scanners.Result {
		in := baseline.Input{Change: baseline.NewChange(map[string][]byte{"dev.py": []byte(dev), "prod.py": []byte(prod)}, before, nil)}
		for path, text := range map[string]string{"dev.py": dev, "prod.py": prod} {
			if at := strings.Index(text, "bad"); at >= 0 {
				line := 1 + strings.Count(text[:at], "\n")
				in.Head = append(in.Head, scanners.Finding{Rule: "r", Path: path, Line: line, EndLine: line, Identity: "bad", Severity: scanners.Medium})
			}
		}
		for _, r := range earlier {
			in.Known = append(in.Known, baseline.Known{Fingerprint: r.Fingerprint, Path: r.Path, Line: r.Line})
		}
		return baseline.Compare(scanners.Info{Name: "grep", Gate: scanners.Code}, in)
	}
	first := results(nil, bad, good)
	d := Decision{ID: "A", Verb: "accept", Fingerprint: first[0].Fingerprint, Rule: "grep/r", Path: "dev.py", Number: 1, Severity: scanners.High}
	second := results(first, good+"# fixed\n", bad)
	if got := Rule(second, []Decision{d}, Scope{Pulls: map[int]bool{1: true}}, day); len(second) != 1 || len(got) != 0 {
		t.Errorf("it covers %+v of %+v", got, second)
	}
	if got := Rule(results(first, "# above\n"+bad, good), []Decision{d}, Scope{Pulls: map[int]bool{1: true}}, day); len(got) != 1 {
		t.Errorf("moved down, it covers %+v", got)
	}
}

// TestADecisionIsNamedByItsComment: a comment that is read twice makes no second decision, and another line, finding,
// comment or repository makes another.
func TestADecisionIsNamedByItsComment(t *testing.T) {
	t.Parallel()
	id := ID("acme/shop", 7, 1, "a:1")
	if len(id) != 10 || !strings.HasPrefix(id, "A-") || id != ID("Acme/Shop", 7, 1, "a:1") {
		t.Errorf("%q, and in other letters %q", id, ID("Acme/Shop", 7, 1, "a:1"))
	}
	all := []string{id, ID("acme/store", 7, 1, "a:1"), ID("acme/shop", 8, 1, "a:1"), ID("acme/shop", 7, 2, "a:1"), ID("acme/shop", 7, 1, "a:2")}
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != 5 {
		t.Errorf("%d names of 5 decisions", n)
	}
}

// TestAStepThatCountsForNothingChangesNothing: the caller hears of it and writes nothing.
func TestAStepThatCountsForNothingChangesNothing(t *testing.T) {
	t.Parallel()
	first, _ := Take(nil, made("A", "accept", func(d *Decision) { d.Needs = 2 }))
	confirmed, _ := Take(&first, Step{Kind: Confirmed, ID: "A", Who: "x"})
	ended, _ := Take(&confirmed, Step{Kind: Ended, ID: "A", At: day.Add(time.Hour)})
	if ended.Ended != "it was revoked" || !ended.EndedAt.Equal(day.Add(time.Hour)) || !first.At.Equal(day) {
		t.Errorf("made %+v, ended %+v", first, ended)
	}
	for name, tt := range map[string]struct {
		before *Decision
		step   Step
		ok     bool
	}{
		"made":                     {nil, made("A", "accept", nil), true},
		"made a second time":       {&first, made("A", "fp", nil), false},
		"made again once it ended": {&ended, made("A", "accept", nil), false},
		"confirmed":                {&first, Step{Kind: Confirmed, ID: "A", Who: "x"}, true},
		"confirmed and never made": {nil, Step{Kind: Confirmed, ID: "A", Who: "x"}, false},
		"confirmed a second time":  {&confirmed, Step{Kind: Confirmed, ID: "A", Who: "X"}, false},
		"confirmed once it ended":  {&ended, Step{Kind: Confirmed, ID: "A", Who: "y"}, false},
		"ended":                    {&confirmed, Step{Kind: Ended, ID: "A"}, true},
		"ended a second time":      {&ended, Step{Kind: Ended, ID: "A", Why: "later"}, false},
	} {
		after, ok := Take(tt.before, tt.step)
		if ok != tt.ok {
			t.Errorf("%s: %v", name, ok)
		}
		if tt.before != nil && !ok && (after.Needs != tt.before.Needs || after.Ended != tt.before.Ended || after.Verb != tt.before.Verb || len(after.By) != len(tt.before.By)) {
			t.Errorf("%s: %+v became %+v", name, *tt.before, after)
		}
	}
}

// TestConfirmingKeepsWhatWasThereBefore: two confirmations of one decision do not write into each other.
func TestConfirmingKeepsWhatWasThereBefore(t *testing.T) {
	t.Parallel()
	before, _ := Take(nil, made("A", "accept", func(d *Decision) { d.Needs, d.By = 2, append(make([]string, 0, 4), "mona") }))
	x, _ := Take(&before, Step{Kind: Confirmed, ID: "A", Who: "x"})
	y, _ := Take(&before, Step{Kind: Confirmed, ID: "A", Who: "y"})
	if !slices.Equal(x.By, []string{"mona", "x"}) || !slices.Equal(y.By, []string{"mona", "y"}) || !slices.Equal(before.By, []string{"mona"}) {
		t.Errorf("%q, %q, before %q", x.By, y.By, before.By)
	}
}

func TestAPendingDecisionWaitsForOthers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		d    Decision
		want bool
	}{
		"it counts":            {Decision{}, false},
		"one is missing":       {Decision{Needs: 1}, true},
		"it ended before":      {Decision{Needs: 1, Ended: "it was revoked"}, false},
		"it counted and ended": {Decision{Ended: "it was revoked"}, false},
	} {
		if got := tt.d.Pending(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestWhatWasCorrectedWithinADayIsNoRenewal: somebody corrected it.
func TestWhatWasCorrectedWithinADayIsNoRenewal(t *testing.T) {
	t.Parallel()
	d := Decision{Rule: "s/r", Fingerprint: "a:1", Path: "a.go", Number: 1, Verb: "accept", At: day}
	for name, tt := range map[string]struct {
		verb  string
		after time.Duration // it ended; 0 for never
		want  int
	}{
		"accepted":                           {"accept", 0, 1},
		"deferred":                           {"defer", 0, 1},
		"said to be wrong":                   {"fp", 0, 0},
		"said to be not affected":            {"not-affected", 0, 0},
		"accepted, and replaced in a day":    {"accept", 24*time.Hour - time.Second, 0},
		"accepted, and replaced a day later": {"accept", 24 * time.Hour, 1},
	} {
		old := d
		if old.Verb = tt.verb; tt.after > 0 {
			old.Ended, old.EndedAt = "replaced", day.Add(tt.after)
		}
		if got := d.Before([]Decision{old}); got != tt.want {
			t.Errorf("%s: %d before, want %d", name, got, tt.want)
		}
	}
}

func TestVerbsHaveAnOutcomeInWords(t *testing.T) {
	t.Parallel()
	for verb, want := range map[string]string{"accept": "accepted", "defer": "deferred", "fp": "marked as a false positive", "not-affected": "not affected"} {
		if got := Outcome(verb); got != want {
			t.Errorf("%s: %q, want %q", verb, got, want)
		}
	}
}
