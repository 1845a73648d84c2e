package local

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestSuppressions has a comment of the base that accepts, one that the change adds, and a finding that the team's
// policy lets fail.
func TestSuppressions(t *testing.T) {
	t.Parallel()
	until := time.Now().UTC().AddDate(0, 0, 30).Format(time.DateOnly)
	comment := "# secbydesign:ignore gitleaks/generic-api-key until " + until + " because the sandbox knows this key, nobody else\n"
	mild := "api_key = \"" + strings.Repeat("a1B2c3D4e5", 3) + "f6G7h8\"\n"
	f := newFolder(t, map[string]string{
		"a.py": comment + "key = None\n", "b.py": "b = 1\n",
		".secbydesign.yml":   "version: 1\ngates: {secrets: {mode: block}}\n",
		".github/CODEOWNERS": "*.py @acme/shop @mona\n",
	})
	f.commit(map[string]string{"a.py": comment + mild})
	code, out, err := f.review(nil)
	if code != Passed || err != nil {
		t.Errorf("accepted at the base: code %d, %v\n%s", code, err, out)
	}
	f.commit(map[string]string{"b.py": comment + leak})
	code, out, err = f.review(nil)
	if code != Failed || err != nil {
		t.Fatalf("code %d, %v\n%s", code, err, out)
	}
	var got jsonReview
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Findings) != 2 || len(got.Suppressions) != 1 {
		t.Fatalf("%+v", got)
	}
	open, accepted := got.Findings[0], got.Findings[1]
	if open.Path != "b.py" {
		open, accepted = accepted, open
	}
	if !open.Blocking || open.Policy != "gates.secrets.mode is block (repository, .secbydesign.yml:2)" || open.Decided != nil || open.Owner == nil || *open.Owner != "@acme/shop @mona" {
		t.Errorf("open: %+v", open)
	}
	want := jsonDecided{"accepted", until, "the sandbox knows this key, nobody else", "a.py:1"}
	if accepted.Blocking || accepted.Policy != "" || accepted.Decided == nil || *accepted.Decided != want {
		t.Errorf("accepted: %+v", accepted)
	}
	if s := got.Suppressions[0]; s.Path != "b.py" || s.Line != 1 || !strings.HasPrefix(s.Message, "It silences nothing") {
		t.Errorf("suppression: %+v", s)
	}

	for format, want := range map[string][]string{
		"text":     {"Accepted until " + until + " by the comment at a.py:1", "It fails the check: gates.secrets.mode is block", "SUPPRESSION b.py:1\n  It silences nothing"},
		"markdown": {"> This pull request adds a suppression, which silences nothing here", "by the comment at `a.py:1`", "### Suppressions\n\n- `b.py:1`: It silences nothing", "gates.secrets.mode is block"},
		"sarif":    {`"kind": "inSource"`, `"justification": "the sandbox knows this key, nobody else"`, `"suppressions": []`},
	} {
		_, out, err := f.review(func(o *Options) { o.Format, o.Width = format, 200 })
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range want {
			if !strings.Contains(strings.ReplaceAll(out, "\\", ""), s) {
				t.Errorf("%s does not hold %q:\n%s", format, s, out)
			}
		}
	}
}
