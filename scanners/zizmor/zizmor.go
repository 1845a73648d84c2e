// Package zizmor finds security problems in GitHub Actions with zizmor (https://docs.zizmor.sh),
// without its audits that need the network.
//
// The severity is zizmor's own, but at most low if its confidence is low. Nothing in the tree
// configures this scanner, and the comment "zizmor: ignore" has no effect.
package zizmor

import (
	"cmp"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// New returns the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:       "zizmor",
			Gate:       scanners.Pipeline,
			About:      "Security problems in workflows, actions and Dependabot's settings",
			URL:        "https://docs.zizmor.sh",
			Documented: true,
			Files:      []string{".github/workflows/*.{yml,yaml}", "**/action.{yml,yaml}", ".github/dependabot.{yml,yaml}"},
			Config:     []string{"**/zizmor.{yml,yaml}", "**/.zizmor.{yml,yaml}"},

			Suppressions: scanners.Suppressions{
				Markers: []scanners.Marker{{
					Words: []string{"zizmor"}, Pattern: `(#)\s*(zizmor:\s*ignore)(.*)`, Rules: `^\[[\w,\s-]+\]`, Form: "[%s]", Join: ",", Why: " ", Exact: true,
				}},
				Files: []string{"**/zizmor.yml"},
			},
		},
		Oldest:  "1.25.0", // --no-ignores
		Install: "Install zizmor: https://docs.zizmor.sh/installation",
		Args: func(r tool.Run) []string {
			return append([]string{
				"--offline", "--no-config", "--no-ignores", "--strict-collection", "--no-exit-codes", "--no-progress", "--quiet",
				"--format=json-v1", "--",
			}, r.Files...)
		},
		Parse: tool.JSON(parse),
	})
}

// A place counts lines and columns from 0; the column of an end is the one after the last
// character.
type place struct{ Row, Column int }

type location struct {
	Symbolic struct {
		Key struct {
			Local struct {
				Path  string `json:"verbatim_path"`
				Given string `json:"given_path"` // before 1.26
			}
		}
		Annotation, Kind string
	}
	Concrete struct {
		Location struct {
			Start place `json:"start_point"`
			End   place `json:"end_point"`
		}
	}
}

func (l location) path() string { return cmp.Or(l.Symbolic.Key.Local.Path, l.Symbolic.Key.Local.Given) }

type audit struct {
	Ident, Desc, URL string
	Determinations   struct{ Confidence, Severity string }
	Locations        []location
}

func parse(out *tool.Report, audits []audit) {
	for _, a := range audits {
		f := scanners.Finding{
			Rule: a.Ident, Severity: tool.Sure(a.Determinations.Severity, a.Determinations.Confidence), Title: a.Desc, HelpURL: a.URL,
			Help: "Fix it as " + a.URL + " shows under Remediation.",
		}
		for _, l := range a.Locations {
			from, to := l.Concrete.Location.Start, l.Concrete.Location.End
			if to.Column == 0 && to.Row > from.Row {
				to.Row--
			}
			switch l.Symbolic.Kind {
			case "Primary":
				f.Path, f.Line, f.EndLine = l.path(), from.Row+1, to.Row+1
				f.Message = a.Desc + ": " + l.Symbolic.Annotation
			case "Related":
				f.Flow = append(f.Flow, scanners.Step{Path: l.path(), Line: from.Row + 1, Message: l.Symbolic.Annotation})
			}
		}
		out.Add(f)
	}
}
