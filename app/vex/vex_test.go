package vex

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openvex/go-vex/pkg/vex"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func at(days int) time.Time { return day.AddDate(0, 0, days) }

func finding(fingerprint string, decided string) record.Finding {
	return record.Finding{
		Fingerprint: fingerprint, Rule: "osv/CVE-2021-44228", Gate: scanners.Dependencies, Severity: scanners.Critical, State: scanners.New, Path: fingerprint + "/pom.xml",
		Aliases: []string{"GHSA-jfh8-c2jp-5v3q", "CVE-2021-44228"}, Purl: "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1", Decided: decided,
	}
}

func review(days int, list ...record.Finding) record.Review {
	return record.Review{At: at(days), Head: fmt.Sprint("head", days), Verdict: checks.Findings, Findings: list}
}

func decided(id, verb string, days int, change func(*decision.Decision)) decision.Decision {
	d := decision.Decision{ID: id, Verb: verb, Fingerprint: "a", Rule: "osv/CVE-2021-44228", Path: "a/pom.xml", Number: 1, At: at(days)}
	if change != nil {
		change(&d)
	}
	return d
}

// readBack writes a document, and reads it with the library as a customer does.
func readBack(t *testing.T, p Product, now time.Time) *vex.VEX {
	t.Helper()
	doc, err := p.Document(now)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := doc.ToJSON(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "vex.json")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := vex.Open(file)
	if err != nil {
		t.Fatalf("go-vex does not read it: %v\n%s", err, b.String())
	}
	if read.Context != "https://openvex.dev/ns/v0.2.0" || read.ID == "" || read.Author == "" {
		t.Errorf("metadata %+v", read.Metadata)
	}
	for i := range read.Statements {
		if err := read.Statements[i].Validate(); err != nil {
			t.Errorf("statement %d: %v", i, err)
		}
	}
	return read
}

// TestStatements follows each state of a finding into the document.
func TestStatements(t *testing.T) {
	t.Parallel()
	until := func(days int) func(*decision.Decision) {
		return func(d *decision.Decision) {
			d.Until, d.Reason, d.Ticket = at(days), "only tests use it", "https://example.com/1"
		}
	}
	code := func(code string) func(*decision.Decision) { return func(d *decision.Decision) { d.Code = code } }
	const accepted = "affected: The risk is accepted until 2026-03-11: only tests use it. Ticket: https://example.com/1"
	for name, tt := range map[string]struct {
		reviews   []record.Review
		decisions []decision.Decision
		now       int
		want      []string
	}{
		"open":                 {[]record.Review{review(0, finding("a", ""))}, nil, 5, []string{"under_investigation"}},
		"open twice":           {[]record.Review{review(0, finding("a", "")), review(1, finding("a", ""))}, nil, 5, []string{"under_investigation"}},
		"without a known name": {[]record.Review{review(0, func() record.Finding { f := finding("a", ""); f.Aliases = []string{"GO-1"}; return f }())}, nil, 5, nil},
		"without a purl":       {[]record.Review{review(0, func() record.Finding { f := finding("a", ""); f.Purl = ""; return f }())}, nil, 5, nil},
		"accepted": {[]record.Review{review(0, finding("a", "")), review(2, finding("a", "A"))}, []decision.Decision{decided("A", "accept", 1, until(10))}, 5,
			[]string{"under_investigation", accepted}},
		"accepted, and over": {[]record.Review{review(0, finding("a", "")), review(2, finding("a", "A"))}, []decision.Decision{decided("A", "accept", 1, until(10))}, 50,
			[]string{"under_investigation", accepted, "under_investigation"}},
		"accepted, and revoked": {[]record.Review{review(0, finding("a", ""))}, []decision.Decision{decided("A", "accept", 1, func(d *decision.Decision) {
			until(10)(d)
			d.Ended, d.EndedAt = "it was revoked", at(3)
		})}, 5, []string{"under_investigation", accepted, "under_investigation"}},
		"accepted, and its facts changed": {[]record.Review{review(0, finding("a", "")), review(4, finding("a", ""))}, []decision.Decision{decided("A", "accept", 1, until(10))}, 5,
			[]string{"under_investigation", accepted, "under_investigation"}},
		"waits for others": {[]record.Review{review(0, finding("a", ""))}, []decision.Decision{decided("A", "accept", 1, func(d *decision.Decision) { d.Needs = 1 })}, 5, []string{"under_investigation"}},
		"deferred": {[]record.Review{review(0, finding("a", ""))}, []decision.Decision{decided("A", "defer", 1, until(10))}, 5,
			[]string{"under_investigation", "affected: A fix is planned until 2026-03-11: only tests use it. Ticket: https://example.com/1"}},
		"not affected": {[]record.Review{review(0, finding("a", ""))}, []decision.Decision{decided("A", "not-affected", 1, code("vulnerable_code_not_in_execute_path"))}, 5,
			[]string{"under_investigation", "not_affected: vulnerable_code_not_in_execute_path"}},
		"false positive":                   {[]record.Review{review(0, finding("a", ""))}, []decision.Decision{decided("A", "fp", 1, nil)}, 5, []string{"under_investigation"}},
		"false positive with a code":       {[]record.Review{review(0, finding("a", ""))}, []decision.Decision{decided("A", "fp", 1, code("component_not_present"))}, 5, []string{"under_investigation", "not_affected: component_not_present"}},
		"false positive with another code": {[]record.Review{review(0, finding("a", ""))}, []decision.Decision{decided("A", "fp", 1, code("inline_mitigations_already_exist"))}, 5, []string{"under_investigation"}},
		"accepted in the code":             {[]record.Review{review(0, finding("a", "pom.xml:3"))}, nil, 5, []string{"affected: The risk is accepted by a comment in the code at pom.xml:3."}},
		"fixed":                            {[]record.Review{review(0, finding("a", "")), review(1)}, nil, 5, []string{"under_investigation", "fixed"}},
		"not scanned to the end":           {[]record.Review{review(0, finding("a", "")), {At: at(1), Verdict: checks.Incomplete}}, nil, 5, []string{"under_investigation"}},
		"fixed, and again":                 {[]record.Review{review(0, finding("a", "")), review(1), review(2, finding("a", ""))}, nil, 5, []string{"under_investigation", "fixed", "under_investigation"}},
		"one of two accepted": {[]record.Review{review(0, finding("a", ""), finding("b", ""))}, []decision.Decision{decided("A", "accept", 1, until(10))}, 5,
			[]string{"under_investigation", accepted}},
		"one of two not affected": {[]record.Review{review(0, finding("a", ""), finding("b", ""))}, []decision.Decision{decided("A", "not-affected", 1, code("component_not_present"))}, 5,
			[]string{"under_investigation"}},
	} {
		p := Product{Owner: "Acme", Repo: "shop", Author: "acme", Tool: "secbydesign", Pulls: []record.Past{{Number: 1, Reviews: tt.reviews}}, Decisions: tt.decisions}
		doc := readBack(t, p, at(tt.now))
		var got []string
		for _, s := range doc.Statements {
			text := string(s.Status)
			if more := string(s.Justification) + s.ActionStatement; more != "" {
				text += ": " + more
			}
			got = append(got, text)
		}
		if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
		if len(tt.want) == 0 {
			continue
		}
		last := tt.want[len(tt.want)-1]
		s := doc.EffectiveStatement("pkg:github/acme/shop", "CVE-2021-44228")
		if s == nil || !strings.HasPrefix(last, string(s.Status)) {
			t.Errorf("%s: the statement that counts is %+v, want %s", name, s, last)
		} else if !s.MatchesProduct("pkg:github/acme/shop", "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1") || !s.Vulnerability.Matches("GHSA-jfh8-c2jp-5v3q") {
			t.Errorf("%s: it is not about the package, or not under its other name: %+v", name, s)
		}
	}
}

// TestAnAcceptedRiskIsNeverNotAffected: over random histories of reviews and decisions, the statement that counts at any
// time is affected if at that time an acceptance holds. An independent rule says when one holds.
func TestAnAcceptedRiskIsNeverNotAffected(t *testing.T) {
	t.Parallel()
	accepted := 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 7))
		p := Product{Owner: "acme", Repo: "shop", Author: "acme"}
		for i := range r.IntN(5) {
			d := decided(fmt.Sprint("A", i), []string{"accept", "defer", "fp", "not-affected"}[r.IntN(4)], 1+r.IntN(30), nil)
			d.Fingerprint = []string{"a", "b"}[r.IntN(2)]
			d.Number, d.Path = 1+r.IntN(2), d.Fingerprint+"/pom.xml"
			if d.Verb != "accept" && d.Verb != "defer" {
				d.Code = []string{"", "component_not_present", "vulnerable_code_not_present", "nonsense"}[r.IntN(4)]
			} else if r.IntN(2) == 0 {
				d.Until = at(10 + r.IntN(60))
			}
			if r.IntN(4) == 0 {
				d.Ended, d.EndedAt = "over", d.At.AddDate(0, 0, 1+r.IntN(9))
			}
			d.Needs = r.IntN(8) / 7
			p.Decisions = append(p.Decisions, d)
		}
		for n := 1; n <= 2; n++ {
			p.Pulls = append(p.Pulls, record.Past{Number: n, Reviews: []record.Review{review(0, finding("a", ""), finding("b", ""))}})
		}
		now := at(41 + r.IntN(20)).Add(time.Hour)
		doc, err := p.Document(now)
		if err != nil {
			t.Fatal(err)
		}
		s := doc.EffectiveStatement("pkg:github/acme/shop", "CVE-2021-44228")
		holds := false
		for n := 1; n <= 2; n++ {
			for _, fingerprint := range []string{"a", "b"} {
				var newest *decision.Decision
				for i, d := range p.Decisions {
					over := !d.Until.IsZero() && now.After(d.Until.AddDate(0, 0, 1))
					if d.Fingerprint == fingerprint && d.Needs == 0 && d.Ended == "" && !over && (newest == nil || d.At.After(newest.At)) {
						newest = &p.Decisions[i]
					}
				}
				holds = holds || newest != nil && (newest.Verb == "accept" || newest.Verb == "defer")
			}
		}
		if holds {
			accepted++
		}
		if s == nil || holds && (s.Status != vex.StatusAffected || s.ActionStatement == "") {
			t.Fatalf("seed %d: an acceptance holds, and the statement is %+v of %+v", seed, s, p.Decisions)
		}
	}
	if accepted < 500 {
		t.Errorf("only %d histories had an acceptance", accepted)
	}
}
