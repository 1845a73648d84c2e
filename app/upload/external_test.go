package upload

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestWhatUploadsAreWorth checks which uploads for the two sides of a change count, and when they are complete.
func TestWhatUploadsAreWorth(t *testing.T) {
	t.Parallel()
	// An upload by "category workflow: rules", each rule a finding; "!" is a workflow that is not the base's.
	up := func(text string) uploaded {
		who, rules, _ := strings.Cut(text, ":")
		category, workflow, _ := strings.Cut(who, " ")
		u := uploaded{Upload: ledger.Upload{Scanner: "codeql", Category: category, Workflow: workflow, At: time.Unix(1, 0)}, Results: Results{Version: "2"}}
		for _, rule := range strings.Fields(rules) {
			switch rule {
			case "missing":
				u.Missing = "Something was left out."
			case "partial":
				u.Missing, u.Partial = "It was cut off.", true
			default:
				u.Findings = append(u.Findings, scanners.Finding{Rule: rule, Path: "a.js", Line: 1})
			}
		}
		return u
	}
	const base = "0123456789abcdef0123456789abcdef01234567"
	const notYet, own, noBase = "not sent results", "a finding that is missing proves nothing", "There are no results"
	for name, c := range map[string]struct {
		head, base []string
		noBase     bool // no common history
		required   bool
		wantHead   string
		wantBase   string
		waits, err string // substrings of the messages; empty for none
	}{
		"both ends":                    {head: []string{"js w: a b"}, base: []string{"js w: a"}, wantHead: "a b", wantBase: "a"},
		"nothing found":                {head: []string{"js w:"}, base: []string{"js w: a"}, wantBase: "a"},
		"nothing yet":                  {base: []string{"js w: a"}, waits: notYet},
		"nothing yet, but required":    {base: []string{"js w: a"}, required: true, err: notYet},
		"never anything, but required": {required: true, err: notYet},
		"no base":                      {head: []string{"js w: a"}, err: noBase + " of js of the base, commit 0123456789,"},
		"no common history":            {head: []string{"js w: a"}, noBase: true, wantHead: "a"},
		"edited":                       {head: []string{"js w!: a b"}, base: []string{"js w: a"}, wantHead: "a b", wantBase: "a", err: own},
		"edited, finds nothing":        {head: []string{"js w!:"}, base: []string{"js w: a"}, wantBase: "a", err: own},
		"another one beside it":        {head: []string{"js w: a b", "js w!: c"}, base: []string{"js w: a"}, wantHead: "a b c", wantBase: "a"},
		"another one takes nothing":    {head: []string{"js w!:", "js w: a b"}, base: []string{"js w: a"}, wantHead: "a b", wantBase: "a"},
		"another one fails":            {head: []string{"js w!: missing", "js w: a"}, base: []string{"js w: a"}, wantHead: "a", wantBase: "a"},
		"twice the same":               {head: []string{"js w: a a", "js v: a"}, base: []string{"js w: a", "js v: a"}, wantHead: "a a", wantBase: "a"},
		"one of two languages":         {head: []string{"js w: a b"}, base: []string{"js w: a", "go w: c"}, wantHead: "a b", wantBase: "a", err: notYet + " of go"},
		"a language more":              {head: []string{"js w: a", "go w: b"}, base: []string{"js w: a"}, wantHead: "a", wantBase: "a", err: noBase + " of go"},
		"one language edited":          {head: []string{"js w: a", "go w!: b"}, base: []string{"js w: a", "go w: b"}, wantHead: "b a", wantBase: "b a", err: own},
		"left out at the head":         {head: []string{"js w: a missing"}, base: []string{"js w: a"}, wantHead: "a", wantBase: "a", err: "Something was left out."},
		"left out at the base":         {head: []string{"js w: a"}, base: []string{"js w: a missing"}, wantHead: "a", wantBase: "a"},
		"cut off at the base":          {head: []string{"js w: a"}, base: []string{"js w: b partial"}, err: "are not complete"},
		"cut off, and whole":           {head: []string{"js w: a"}, base: []string{"js w: b partial", "js v: a"}, wantHead: "a", wantBase: "a"},
		"no category":                  {head: []string{" w: a"}, base: []string{" w: a"}, wantHead: "a", wantBase: "a"},
		"no category, no base":         {head: []string{" w: a"}, err: noBase + " of the base"},
	} {
		e := sides{base: base, trusted: map[string]bool{"w": true, "v": true}}
		if c.noBase {
			e.base = ""
		}
		for _, text := range c.head {
			e.head = append(e.head, up(text))
		}
		for _, text := range c.base {
			e.bases = append(e.bases, up(text))
		}
		e.head = append(e.head, uploaded{Upload: ledger.Upload{Scanner: "another", Category: "js", Workflow: "w"}})
		got := e.tool(scanners.Info{Name: "codeql", Gate: scanners.Code}, c.required)
		if rules(got.Head) != c.wantHead || rules(got.Base) != c.wantBase {
			t.Errorf("%s: head %q, base %q; want %q and %q", name, rules(got.Head), rules(got.Base), c.wantHead, c.wantBase)
		}
		said := scanners.Reason(got.Err)
		if (said == "") != (c.err == "") || !strings.Contains(said, c.err) || (got.Missing == "") != (c.waits == "") || !strings.Contains(got.Missing, c.waits) {
			t.Errorf("%s: waits %q, incomplete %q; want %q and %q", name, got.Missing, said, c.waits, c.err)
		}
		if run := (scanners.Run{Skipped: got.Missing, Err: got.Err}); run.Complete() && !slices.ContainsFunc(e.head, func(u uploaded) bool { return e.trusted[u.Workflow] && u.Scanner == "codeql" }) {
			t.Errorf("%s: it is complete, and nobody but the change says so", name)
		}
	}
}

func rules(list []scanners.Finding) string {
	var out []string
	for _, f := range list {
		out = append(out, f.Rule)
	}
	return strings.Join(out, " ")
}
