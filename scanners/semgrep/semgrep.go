// Package semgrep finds the operator's own patterns in code with Opengrep (https://www.opengrep.dev)
// or Semgrep (https://semgrep.dev), which accept the same rules and work alike.
//
// The rules are the operator's: a folder of YAML files, such as a copy of
// https://github.com/opengrep/opengrep-rules. Their metadata (cwe, references, confidence) is used in
// findings. The severity is high for ERROR, medium for WARNING and low for INFO, but at most low if
// the confidence is low. The program does not see a .semgrepignore of the tree, files are named one
// by one, and the comments nosem and nosemgrep have no effect.
package semgrep

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// New returns the scanner for the rules in a folder.
func New(tools *tool.Runner, rules string) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:       "semgrep",
			Gate:       scanners.Code,
			About:      "The operator's own patterns, in more than thirty languages",
			URL:        "https://www.opengrep.dev",
			Documented: true,
			Config:     []string{"**/.semgrepignore", "**/.semgrep.{yml,yaml}", "**/.semgrep/**"},

			Suppressions: scanners.Suppressions{
				// https://semgrep.dev/docs/ignoring-files-folders-code, and the code that matches the
				// comment: https://github.com/semgrep/semgrep/blob/develop/src/reporting/Nosemgrep.ml
				Markers: []scanners.Marker{{
					Words: []string{"nosem"}, Pattern: `(?i)(?:(#|//|/\*|<!--|--)(?:[^#/]*\s)?|\s)(nosem(?:grep)?)(.*)`,
					Prose: `(?i)(#|//|/\*|<!--|--)\s*(nosem(?:grep)?)\b(.*)`,
					Rules: `^[:=]\s*[\w.-]+(\s*,\s*[\w.-]+)*`, Form: ": %s", Join: ", ", Why: "  ",
				}},
				Files: []string{"**/.semgrepignore"},
			},
		},
		Program:     "opengrep",
		Alternative: "semgrep",
		Oldest:      "1.0.0",
		Install:     "Install Opengrep (https://github.com/opengrep/opengrep#installation) or Semgrep.",
		Env:         []string{"SEMGREP_SEND_METRICS=off", "SEMGREP_ENABLE_VERSION_CHECK=0"},
		Folder:      rules,
		MissingHint: "Opengrep has no rules: put them",
		Args: func(r tool.Run) []string {
			return append([]string{
				"scan", "--config=" + rules, "--json", "--quiet", "--disable-nosem", "--no-git-ignore", "--no-rewrite-rule-ids", "--max-target-bytes=0", "--",
			}, r.Files...)
		},
		Found: []int{1},
		Parse: tool.JSON(parse),
	})
}

var severities = map[string]scanners.Severity{
	"INFO": scanners.Low, "WARNING": scanners.Medium, "ERROR": scanners.High, // the values in older rules
}

var page = regexp.MustCompile(`https://[^\s\]]+`)

type position struct{ Line, Col int }

type report struct {
	Results []struct {
		ID         string `json:"check_id"`
		Path       string
		Start, End position
		Extra      struct {
			Message, Severity string
			Fix               *string
			Metadata          struct {
				Confidence                         string
				CWE, References, Source, Shortlink any // a string or a list of strings
			}
		}
	}
	Errors []struct {
		Type any // a list if the file was read only in part
		Path string
	}
}

func parse(out *tool.Report, r report) {
	for _, r := range r.Results {
		m := r.Extra.Metadata
		f := scanners.Finding{
			Rule: r.ID, Severity: tool.Severity(r.Extra.Severity), Path: r.Path, Line: r.Start.Line, EndLine: r.End.Line,
			Title: title(r.ID), Message: r.Extra.Message, CWE: tool.CWE(m.CWE),
			HelpURL: page.FindString(fmt.Sprint(m.Shortlink, " ", m.Source, " ", m.References)),
		}
		if old, ok := severities[r.Extra.Severity]; ok {
			f.Severity = old
		}
		if m.Confidence == "LOW" {
			f.Severity = min(f.Severity, scanners.Low)
		}
		if out.ASCII(f) { // otherwise the unit of columns is unknown
			f.Column, f.EndColumn = r.Start.Col, r.End.Col
		}
		if r.Extra.Fix != nil && f.Column > 0 {
			f.Fixes = tool.Rewrite(f, *r.Extra.Fix)
		}
		out.Add(f)
	}
	for _, e := range r.Errors {
		if kind, ok := e.Type.(string); ok && kind != "SemgrepWarning" {
			out.Unread("a file of its kind, or not in time", e.Path, 0)
		}
	}
}

// title returns the last part of a rule's name as words.
func title(id string) string {
	words := strings.ReplaceAll(id[strings.LastIndex(id, ".")+1:], "-", " ")
	return strings.ToUpper(words[:min(1, len(words))]) + words[min(1, len(words)):]
}
