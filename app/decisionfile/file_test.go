package decisionfile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/scanners"
)

var day = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func some(r *rand.Rand) decision.Decision {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	d := decision.Decision{
		ID: "A-ABCDEFGH", Verb: pick(verbs...), Fingerprint: "abcdefghijklmnopqrstuvwxyz:1", Rule: "gosec/G401", Path: pick("a.go", "d: e/#f.go", "ü'\".go"),
		Severity: scanners.Severity(r.IntN(5)), Code: codes[0], Class: pick("", "deadline"), Ticket: pick("", "https://example.com/1"),
		Reason: pick("", "because", "a: b # c", "line\nbreak", "- <b>&amp;", "\u2028 \x07 {[*&!|>'\"%@`", "yes", "12"), At: day,
	}
	if r.IntN(4) > 0 || d.Verb == "accept" || d.Verb == "defer" {
		d.Until = day.AddDate(0, 0, r.IntN(90))
	}
	if r.IntN(3) == 0 {
		d.Ended = "it was revoked by @mona: why?"
	}
	return d
}

// TestWhatIsWrittenIsRead: over random decisions.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		f := Of(some(r))
		got, err := Parse(Folder+"/"+Name(f.ID), f.Write())
		if err != nil || got != f {
			t.Fatalf("%v\n%+v\nwant %+v\n%s", err, got, f, f.Write())
		}
	}
}

// TestAFileNeverLoosens: whatever a file says, a finding that the decision with the file covers is covered without it,
// and one that the file does not cover alone is not covered.
func TestAFileNeverLoosens(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	tightened, covered := 0, 0
	for range 20_000 {
		d := some(r)
		f := Of(some(r))
		if r.IntN(10) > 0 { // usually about the same decision
			f.Verb, f.Path = d.Verb, d.Path
		}
		change, err := f.Compare(d)
		if err != nil && !change.None() {
			t.Fatalf("a file about something else changes %+v", change)
		}
		with := d
		if !change.None() {
			tightened++
			steps := []decision.Step{{Kind: decision.Tightened, ID: d.ID, Until: change.Until, Severity: change.Severity}}
			if change.Ended != "" {
				steps = append(steps, decision.Step{Kind: decision.Ended, ID: d.ID, Why: change.Ended, At: day})
			}
			for _, s := range steps {
				with, _ = decision.Take(&with, s)
			}
		}
		if again, _ := f.Compare(with); !again.None() {
			t.Fatalf("a second time it changes %+v", again)
		}
		result := scanners.Result{Scanner: "gosec", State: scanners.New, Finding: scanners.Finding{Rule: "G401", Severity: scanners.Severity(r.IntN(5))}}
		now := day.AddDate(0, 0, r.IntN(100))
		if with.Lapse(result, now) != "" {
			continue
		}
		covered++
		if d.Lapse(result, now) != "" {
			t.Fatalf("with %+v it covers what it did not: %+v", f, d)
		}
		alone := decision.Decision{Verb: f.Verb, Severity: f.Severity, Until: f.Until, Ended: f.Ended}
		if err == nil && alone.Lapse(result, now) != "" {
			t.Fatalf("it covers what the file does not: %+v, %+v", f, d)
		}
	}
	if tightened < 1000 || covered < 1000 {
		t.Errorf("only %d files were stricter, and %d findings covered", tightened, covered)
	}
}

const valid = `version: 1
id: A-ABCDEFGH
verb: accept
finding: "abc:1"
rule: gosec/G401
path: a.go
severity: medium
until: 2026-12-31
`

func TestMistakes(t *testing.T) {
	t.Parallel()
	replace := func(old, new string) string { return strings.Replace(valid, old, new, 1) }
	for text, want := range map[string]string{
		"":                                    "1:1: the file is empty",
		"[]":                                  "1:1: a decision must be a mapping",
		"version: 1\n":                        "1:1: id is missing; add it",
		replace("version: 1", "version: 2"):   "1:10: version 2 is not known here",
		replace("A-ABCDEFGH", "A-1"):          `2:5: id must be such as A-ABCDEFGH, not "A-1"`,
		replace("A-ABCDEFGH", "A-ABCDEFGG"):   "2:5: the id is not that of the file; name the file A-ABCDEFGG.yml",
		replace("accept", "allow"):            `3:7: unknown verb "allow"`,
		replace("until: 2026-12-31", ""):      "1:1: until is missing",
		replace("2026-12-31", "tomorrow"):     `8:8: until must be a day such as 2026-12-31, not "tomorrow"`,
		replace("medium", "huge"):             `7:11: severity must be note, low, medium, high or critical, not "huge"`,
		replace("gosec/G401", "G401"):         "5:7: rule must be such as gosec/G401",
		replace("path: a.go", "path: ''"):     "6:7: path is empty",
		replace("accept", "not-affected"):     "1:1: code is missing",
		valid + "unit: 3\n":                   `9:1: unknown key "unit", did you mean "until"?`,
		valid + "id: A-ABCDEFGH\n":            `9:1: "id" is there already in line 2`,
		valid + "reason: &a text\n":           "9:9: put quotes around text that begins with &",
		valid + strings.Repeat("# x\n", 9000): "1:1: the file is larger than 32 KiB",
	} {
		_, err := Parse("A-ABCDEFGH.yml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "A-ABCDEFGH.yml:"+want) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
	if _, err := Parse("A-ABCDEFGH.yml", []byte(valid)); err != nil {
		t.Error(err)
	}
}

// FuzzFile: a hostile file ends in an answer, and what is read is bounded and written the same.
func FuzzFile(f *testing.F) {
	f.Add([]byte(valid))
	r := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		f.Add(Of(some(r)).Write())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Parse("A-ABCDEFGH.yml", text)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a word")
			}
			return
		}
		if again, err := Parse("A-ABCDEFGH.yml", got.Write()); err != nil || again != got {
			t.Errorf("written and read again it is %+v, was %+v: %v", again, got, err)
		}
		d := decision.Decision{ID: got.ID, Verb: got.Verb, Fingerprint: got.Fingerprint, Rule: got.Rule, Path: got.Path, Severity: scanners.Low, Until: day}
		if change, err := got.Compare(d); err != nil || change.Until.After(d.Until) || change.Severity != nil && *change.Severity > d.Severity {
			t.Errorf("it loosens: %+v, %v", change, err)
		}
	})
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"A-ABCDEFGH.yml": "A-ABCDEFGH true", "A-abcdefgh.yml": "false", "README.md": "false", "A-ABCDEFGH.yaml": "false", "x/A-ABCDEFGH.yml": "false"} {
		id, ok := IDOf(name)
		if got := fmt.Sprint(id, " ", ok); !ok && want != "false" || ok && got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
