package cwe

import (
	"regexp"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	const page = "https://cwe.mitre.org/data/definitions/89.html"
	f := scanners.Finding{CWE: "CWE-89"}
	Explain(&f)
	if !strings.Contains(f.Why, "database") || f.HelpURL != page {
		t.Errorf("SQL injection is explained as %q, %q", f.Why, f.HelpURL)
	}
	own := scanners.Finding{CWE: "CWE-89", Why: "because", HelpURL: "https://example.com"}
	Explain(&own)
	if own.Why != "because" || own.HelpURL != "https://example.com" {
		t.Errorf("what the finding said itself is gone: %+v", own)
	}
	var none scanners.Finding
	Explain(&none)
	if none.Why != "" || none.HelpURL != "" {
		t.Errorf("no weakness is explained: %+v", none)
	}
}

func TestWhys(t *testing.T) {
	t.Parallel()
	number := regexp.MustCompile(`^CWE-[1-9][0-9]*$`)
	for id, why := range whys {
		if !number.MatchString(id) || !strings.HasSuffix(why, ".") || strings.Count(why, ". ") > 0 {
			t.Errorf("%s: %q is not one sentence", id, why)
		}
	}
}
