package record_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

var at = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

// Fingerprints of three findings, and their short ids.
const (
	one, two, three = "aaaaaaaaaaaaaaaaaaaaaaaaaa:1", "bbbbbbbbbbbbbbbbbbbbbbbbbb:1", "cccccccccccccccccccccccccc:1"
)

// TestReviewsOfEachVersionStayReadable: what is stored was written by older versions of the program.
func TestReviewsOfEachVersionStayReadable(t *testing.T) {
	t.Parallel()
	const finding = `{"fingerprint":"` + one + `","rule":"gosec/G404","gate":"code","title":"T","severity":"high","state":"new","path":"a.go","line":3,"shown":true,"block":true}`
	read := record.Finding{
		Fingerprint: one, Rule: "gosec/G404", Gate: scanners.Code, Title: "T", Severity: scanners.High, State: scanners.New, Path: "a.go", Line: 3, Shown: true, Block: true,
	}
	for name, tt := range map[string]struct {
		data string
		want record.Review
	}{
		"before there was a number": {
			`{"verdict":"findings","conclusion":"failure","findings":[` + finding + `]}`,
			record.Review{Verdict: "findings", Conclusion: "failure", Findings: []record.Finding{read}},
		},
		"version 1, with its context": {
			`{"version":1,"verdict":"findings","conclusion":"failure","findings":[` + finding + `],` +
				`"seen":{"base":"b","into":"main","draft":true,"scanners":[{"name":"gosec","gate":"code","state":"looked"},{"name":"osv","gate":"dependencies","state":"missing"}],` +
				`"hidden":[` + finding + `],"ignored":["v/a.go"],"ignored_files":7,"no_owners":true}}`,
			record.Review{Version: 1, Verdict: "findings", Conclusion: "failure", Findings: []record.Finding{read}, Context: &record.Context{
				Base: "b", Into: "main", Draft: true, Hidden: []record.Finding{read}, Ignored: []string{"v/a.go"}, IgnoredFiles: 7, NoOwners: true,
				Scanners: []record.Scanner{{Name: "gosec", Gate: scanners.Code, State: record.Ran}, {Name: "osv", Gate: scanners.Dependencies, State: record.Missing}},
			}},
		},
		"with a name that is not known yet": {
			`{"version":1,"verdict":"passed","conclusion":"success","findings":null,"weather":"fine"}`,
			record.Review{Version: 1, Verdict: "passed", Conclusion: "success"},
		},
	} {
		tt.want.At, tt.want.Head = at, "head"
		got, err := record.ReadReview(5, at, "head", []byte(tt.data))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v\nwant %+v", name, got, err, tt.want)
		}
	}
}

// TestTheStoredNamesOfAReview holds the JSON of a whole review: its names are stored for years and never change.
func TestTheStoredNamesOfAReview(t *testing.T) {
	t.Parallel()
	whole := record.Finding{
		Fingerprint: one, Rule: "gosec/G404", Gate: scanners.Code, Title: "T", Severity: scanners.High, State: scanners.New, Path: "a.go", Line: 3,
		Shown: true, Block: true, Fixable: true, HelpURL: "https://example.com", Decided: "A-2", Why: "w", Thread: two,
		EndLine: 4, CWE: "CWE-1", Package: "p", Aliases: []string{"CVE-1"}, Commit: "c", Extents: []scanners.Extent{{Of: "tcp", From: 22, To: 23}},
		Adds: true, Place: true, Owners: []string{"@a"},
	}
	stored := `{"fingerprint":"` + one + `","rule":"gosec/G404","gate":"code","title":"T","severity":"high","state":"new","path":"a.go","line":3,` +
		`"shown":true,"block":true,"fixable":true,"help_url":"https://example.com","decided":"A-2","why":"w","thread":"` + two + `",` +
		`"end_line":4,"cwe":"CWE-1","package":"p","aliases":["CVE-1"],"commit":"c","extents":[` + written(t, whole.Extents[0]) + `],"adds":true,"place":true,"owners":["@a"]}`
	for want, v := range map[string]any{
		stored: whole,
		`{"version":1,"verdict":"findings","conclusion":"neutral","findings":[],"seen":{"base":"b","into":"i","draft":true,"not_run":true,` +
			`"scanners":[{"name":"n","gate":"code","state":"idle"}],"ignored":["x"],"ignored_files":1,"no_owners":true}}`: record.Review{
			Version: record.Version, Verdict: "findings", Conclusion: "neutral", Findings: []record.Finding{}, At: at, Head: "head",
			Context: &record.Context{Base: "b", Into: "i", Draft: true, NotRun: true, Scanners: []record.Scanner{{Name: "n", Gate: scanners.Code, State: record.Idle}}, Ignored: []string{"x"}, IgnoredFiles: 1, NoOwners: true},
		},
		`["looked","idle","unfinished","missing","off"]`: []record.ScannerState{record.Ran, record.Idle, record.Unfinished, record.Missing, record.Off},
		`{"fingerprint":"f","rule":"r","reason":"why","text":"t","who":"w","write":true,"author":true,"source":"s"}`: record.Opinion{
			Fingerprint: "f", Rule: "r", Reason: "why", Text: "t", Who: "w", Write: true, Author: true, Source: "s",
		},
		`{"fingerprint":"f","rule":"r","source":"s","team":"t","who":"w"}`:              record.Assignment{Fingerprint: "f", Rule: "r", Source: "s", Team: "t", Who: "w"},
		`{"key":"k","sender":"s","lines":["l"],"reply":"r","quiet":"q","reaction":"x"}`: record.Executed{Key: "k", Sender: "s", Lines: []string{"l"}, Reply: "r", Quiet: "q", Reaction: "x"},
		`{"id":"A-1","who":"w","why":"y","source":"s"}`:                                 record.DecisionStep{ID: "A-1", Who: "w", Why: "y", Source: "s"},
		`{"limits":"l"}`: record.Limits{Limits: "l"},
		`{"check":"c"}`:  record.Rerun{Check: "c"},
		`["review.started","review.finished","review.superseded","review.failed"]`:              []string{record.Started, record.Finished, record.Superseded, record.Failed},
		`["review.too_large","decision.made","decision.confirmed","decision.ended"]`:            []string{record.TooLarge, record.DecisionMade, record.DecisionConfirmed, record.DecisionEnded},
		`["command.carried","finding.not_useful","finding.assigned"]`:                           []string{record.CommandExecuted, record.NotUseful, record.Assigned},
		`["rerun.asked","installation.reach","expiry","acceptance","revocation","rerequested"]`: []string{record.RerunAsked, record.Reach, record.Expiry, record.Acceptance, record.Revocation, record.Rerequested},
	} {
		if got := written(t, v); got != want {
			t.Errorf("%T is stored as\n%s\nwant\n%s", v, got, want)
		}
	}
}

func written(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAReviewOfANewerVersionIsRefused: its words may mean something else.
func TestAReviewOfANewerVersionIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ data, want string }{
		"a newer version": {`{"version":2,"verdict":"passed","findings":[]}`, "event 5: its format version is 2, and this program reads up to 1: use the version of the server"},
		"cut off":         {`{"version":1,"verd`, "read the review of event 5: "},
		"no finding":      {`{"findings":{}}`, "read the review of event 5: "},
	} {
		got, err := record.ReadReview(5, at, "head", []byte(tt.data))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !reflect.DeepEqual(got, record.Review{}) {
			t.Errorf("%s: %+v, %v, want %q", name, got, err, tt.want)
		}
	}
}

func TestStepsOfADecisionAreRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind, data string
		want       decision.Step
	}{
		"made": {
			record.DecisionMade, `{"decision":{"id":"A-1","verb":"accept","rule":"s/r"},"who":"mona","source":"c1"}`,
			decision.Step{Kind: decision.Made, At: at, Decision: decision.Decision{ID: "A-1", Verb: "accept", Rule: "s/r"}, Who: "mona"},
		},
		"confirmed": {
			record.DecisionConfirmed, `{"id":"A-1","who":"lea","source":"c2"}`,
			decision.Step{Kind: decision.Confirmed, At: at, ID: "A-1", Who: "lea"},
		},
		"ended": {
			record.DecisionEnded, `{"id":"A-1","who":"lea","why":"it was revoked by @lea","source":"c3"}`,
			decision.Step{Kind: decision.Ended, At: at, ID: "A-1", Who: "lea", Why: "it was revoked by @lea"},
		},
	} {
		got, err := record.ReadStep(5, tt.kind, at, []byte(tt.data))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, tt.want)
		}
	}
	if got, err := record.ReadStep(5, record.DecisionMade, at, []byte(`{"id":`)); err == nil || !strings.HasPrefix(err.Error(), "read the decision of event 5: ") || !reflect.DeepEqual(got, decision.Step{}) {
		t.Errorf("cut off: %+v, %v", got, err)
	}
}

// TestAnOpinionCountsOfPeopleWhoWriteAndAreNotTheAuthor: in doubt a gate holds.
func TestAnOpinionCountsOfPeopleWhoWriteAndAreNotTheAuthor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		data string
		want bool
	}{
		"somebody who writes":        {`{"who":"lea","write":true}`, true},
		"the author, who writes":     {`{"who":"mona","write":true,"author":true}`, false},
		"somebody from outside":      {`{"who":"eve","write":false,"author":false}`, false},
		"an author from outside":     {`{"who":"eve","author":true}`, false},
		"before it was kept who was": {`{"fingerprint":"f","rule":"s/r","text":"no"}`, false},
	} {
		o, err := record.ReadOpinion(5, []byte(tt.data))
		if err != nil || o.Counts() != tt.want {
			t.Errorf("%s: %+v counts: %v, %v", name, o, o.Counts(), err)
		}
	}
	if got, err := record.ReadOpinion(5, []byte(`{"write":true,"who":`)); err == nil || !strings.HasPrefix(err.Error(), "read the opinion of event 5: ") || got != (record.Opinion{}) {
		t.Errorf("cut off: %+v, %v", got, err)
	}
}

// found is a finding that is new, shown and open, but for changes.
func found(fingerprint string, changes ...func(*record.Finding)) record.Finding {
	f := record.Finding{Fingerprint: fingerprint, Rule: "s/r", Path: "a.go", Line: 3, State: scanners.New, Shown: true}
	for _, change := range changes {
		change(&f)
	}
	return f
}

func unchanged(f *record.Finding) { f.State = scanners.Unchanged }
func quiet(f *record.Finding)     { f.Shown = false }
func decided(by string) func(*record.Finding) {
	return func(f *record.Finding) { f.Decided = by }
}

func review(findings ...record.Finding) record.Review {
	return record.Review{Verdict: checks.Verdict("findings"), Findings: findings}
}

func TestOpenFindingsAreNewAndShownAndNotDecided(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		finding record.Finding
		open    bool
	}{
		"new and shown":            {found(one), true},
		"there before":             {found(one, unchanged), false},
		"not shown":                {found(one, quiet), false},
		"decided":                  {found(one, decided("A-1")), false},
		"there before, not shown":  {found(one, unchanged, quiet), false},
		"not shown, and decided":   {found(one, quiet, decided("A-1")), false},
		"there before and decided": {found(one, unchanged, decided("A-1")), false},
	} {
		r := review(found(two, unchanged), tt.finding, found(three))
		want := []string{three}
		if tt.open {
			want = []string{one, three}
		}
		var got []string
		for _, f := range r.Open() {
			got = append(got, f.Fingerprint)
		}
		if !slices.Equal(got, want) || r.Findings[0].Fingerprint != two {
			t.Errorf("%s: open are %q, want %q; all are %+v", name, got, want, r.Findings)
		}
	}
}

func TestAShortIDFindsWhatIsNew(t *testing.T) {
	t.Parallel()
	r := review(found(one, unchanged), found(two), found(three, quiet, decided("A-1")))
	for name, tt := range map[string]struct {
		id, want string
	}{
		"new":                    {scanners.ID(two), two},
		"decided, and not shown": {scanners.ID(three), three},
		"there before":           {scanners.ID(one), ""},
		"none":                   {"F-ZZZZZZZZ", ""},
	} {
		got, ok := r.Find(tt.id)
		if got.Fingerprint != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}

func TestAThreadNamesItsOwnFindingFirst(t *testing.T) {
	t.Parallel()
	in := func(f *record.Finding) { f.Thread = two }
	elsewhere := func(f *record.Finding) { f.Thread = "dddddddddddddddddddddddddd:1" }
	r := review(found(one, in), found(two), found(three, in, unchanged), found("eeeeeeeeeeeeeeeeeeeeeeeeee:1", elsewhere), found("ffffffffffffffffffffffffff:1", in))
	want := []string{scanners.ID(two), scanners.ID(one), scanners.ID("ffffffffffffffffffffffffff:1")}
	if got := r.IDsOfThread(two); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := r.IDsOfThread(three); !slices.Equal(got, []string{scanners.ID(three)}) {
		t.Errorf("a thread of one finding: %q", got)
	}
}

func TestAReviewDependsOnTheDecisionsThatCount(t *testing.T) {
	t.Parallel()
	r := review(found(one), found(two, decided("A-1")), found(three, decided("a.go:3")))
	for id, want := range map[string]bool{"A-1": true, "A-2": false, "a.go:3": true} {
		if got := r.DependsOn(id); got != want {
			t.Errorf("depends on %s: %v", id, got)
		}
	}
}

// TestADecisionElsewhereIsAwaitedForTheSameFinding: of the same rule and text, in the same file, about which nothing is
// decided yet.
func TestADecisionElsewhereIsAwaitedForTheSameFinding(t *testing.T) {
	t.Parallel()
	d := decision.Decision{Rule: "s/r", Fingerprint: one, Path: "a.go"}
	for name, tt := range map[string]struct {
		finding record.Finding
		want    bool
	}{
		"the same":           {found(one), true},
		"the same, quiet":    {found(one, quiet), true},
		"there before":       {found(one, unchanged), false},
		"decided already":    {found(one, decided("A-1")), false},
		"another text":       {found(two), false},
		"of another rule":    {found(one, func(f *record.Finding) { f.Rule = "s/q" }), false},
		"in another file":    {found(one, func(f *record.Finding) { f.Path = "b.go" }), false},
		"on another line":    {found(one, func(f *record.Finding) { f.Line = 9 }), true},
		"there before, else": {found(two, unchanged, decided("A-1")), false},
	} {
		if got := review(found(three), tt.finding).Awaits(d); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhereAFindingIs(t *testing.T) {
	t.Parallel()
	if got := found(one).Spot(); got != "a.go:3" {
		t.Errorf("with a line: %s", got)
	}
	if got := found(one, func(f *record.Finding) { f.Line = 0 }).Spot(); got != "a.go" {
		t.Errorf("the whole file: %s", got)
	}
	if got := found(one).ID(); got != scanners.ID(one) || got == "" {
		t.Errorf("its id: %s", got)
	}
}

func TestACommentInTheCodeDecidesAtAPlace(t *testing.T) {
	t.Parallel()
	for by, want := range map[string]bool{"": false, "A-ABCDEFGH": false, "a.go:3": true} {
		if got := found(one, decided(by)).AcceptedInCode(); got != want {
			t.Errorf("decided by %q: %v", by, got)
		}
	}
}

// TestARepositoryIsNamedByItsID: a rename makes no second one of it.
func TestARepositoryIsNamedByItsID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id         int64
		name, want string
	}{{7, "acme/shop", "7"}, {7, "acme/store", "7"}, {0, "Acme/Shop", "acme/shop"}} {
		if got := record.RepoKey(tt.id, tt.name); got != tt.want {
			t.Errorf("%d %s: %q, want %q", tt.id, tt.name, got, tt.want)
		}
	}
}

// TestOpenIsWorstFirst: what people are shown of a pull request begins with the worst, whatever the gates.
func TestOpenIsWorstFirst(t *testing.T) {
	t.Parallel()
	found := func(fingerprint string, s scanners.Severity, block bool) record.Finding {
		return record.Finding{Fingerprint: fingerprint, Severity: s, Block: block, State: scanners.New, Shown: true}
	}
	r := record.Review{Findings: []record.Finding{found(one, scanners.Low, false), found(two, scanners.Critical, false), found(three, scanners.Medium, true)}}
	var got []string
	for _, f := range r.Open() {
		got = append(got, f.Fingerprint)
	}
	if !slices.Equal(got, []string{three, two, one}) {
		t.Errorf("the order is %q", got)
	}
}
