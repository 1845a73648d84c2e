// Package bandit finds security problems in Python with Bandit (https://bandit.readthedocs.io).
//
// Nothing in the tree configures Bandit: it does not see .bandit, setup.cfg, tox.ini and the other files
// that it could read its configuration from, and the comment nosec has no effect.
//
// The severity is Bandit's own, but at most low if its confidence is low, and low if the rule only asks
// for a second look.
package bandit

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

//go:embed rules.yaml
var rules []byte

// New returns the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:   "bandit",
			Gate:   scanners.Code,
			About:  "Security problems in Python, such as shells, unsafe formats and weak cryptography",
			URL:    "https://bandit.readthedocs.io",
			Files:  []string{"**/*.{py,pyw}"},
			Config: []string{"**/.bandit", "**/bandit.{yaml,yml,toml}", "**/setup.cfg", "**/tox.ini", "**/pyproject.toml"},

			Suppressions: scanners.Suppressions{
				Markers: []scanners.Marker{{ // https://bandit.readthedocs.io/en/latest/config.html#suppressing-individual-lines
					Words: []string{"nosec"}, Files: []string{"**/*.py"}, Pattern: `(?i)(#)\s*#?(nosec)\b(.*)`,
					Rules: `^[\s:]*B\d+([\s,]+B\d+)*`, Form: " %s", Join: ", ", Why: "  # ", Exact: true,
				}},
				Files: []string{"**/.bandit"},
			},
		},
		Oldest:   "1.6.0",
		Install:  "Install Bandit: https://bandit.readthedocs.io/en/latest/start.html#installation",
		OwnFiles: map[string]string{"bandit.ini": "[bandit]\n"}, // so that it does not search for one
		Args: func(r tool.Run) []string {
			// The gate for secrets finds passwords, and does not repeat them. An assertion, a swallowed
			// exception, the import of a module whose use is checked, or a program started without a
			// shell is not a problem by itself.
			return append([]string{
				"--quiet", "--format=json", "--ignore-nosec",
				"--skip=B105,B106,B107,B101,B110,B112,B403,B404,B405,B406,B407,B408,B409,B410,B411,B603,B607",
				"--ini=" + r.Own + "/bandit.ini",
				"--exclude=", // by default it leaves out files with .git, CVS or the like anywhere in their names
			}, r.Files...)
		},
		Found: []int{1},
		Parse: tool.JSON(parse),
		Rules: tool.ReadRules(rules),
	})
}

type report struct {
	Errors  []struct{ Filename string }
	Results []struct {
		Filename   string
		Severity   string           `json:"issue_severity"`
		Confidence string           `json:"issue_confidence"`
		Text       string           `json:"issue_text"`
		Line       int              `json:"line_number"`
		Range      []int            `json:"line_range"`
		Test       string           `json:"test_id"`
		Name       string           `json:"test_name"`
		More       string           `json:"more_info"`
		CWE        struct{ ID int } `json:"issue_cwe"` // since 1.7.3
	}
}

func parse(out *tool.Report, r report) {
	for _, r := range r.Results {
		out.Add(scanners.Finding{
			Rule: r.Test, Severity: tool.Sure(r.Severity, r.Confidence), CWE: tool.CWE(r.CWE.ID),
			Path: r.Filename, Line: r.Line, EndLine: slices.Max(append(r.Range, r.Line)),
			Title: strings.ReplaceAll(r.Name, "_", " "), Message: r.Text, HelpURL: r.More,
		})
	}
	for _, e := range r.Errors {
		out.Unread("Python", e.Filename, 0)
	}
}
