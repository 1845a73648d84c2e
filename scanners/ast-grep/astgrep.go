// Package astgrep searches code for an operator's own patterns with ast-grep
// (https://ast-grep.github.io).
//
// The operator provides the rules: a folder with a sgconfig.yml. A rule's metadata may hold cwe,
// url and why, its note becomes the help, and its fix becomes a fix of the finding. The rule sets the
// severity: error is high, warning medium, info low, hint a note. ast-grep does not see a sgconfig.yml of
// the tree, and the comment ast-grep-ignore is removed.
package astgrep

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// New returns the scanner for the rules in a folder.
func New(tools *tool.Runner, rules string) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:   "ast-grep",
			Gate:   scanners.Code,
			About:  "The operator's own patterns, in more than twenty languages",
			URL:    "https://ast-grep.github.io",
			Config: []string{"**/sgconfig.{yml,yaml}"},

			Suppressions: scanners.Suppressions{Markers: []scanners.Marker{{ // https://ast-grep.github.io/guide/project/severity.html#ignore-linting-error
				Words: []string{"ast-grep-ignore"}, Pattern: `(#|//|/\*|<!--|--|;)\s*(ast-grep-ignore)\b(.*)`,
				Rules: `^:\s*[\w./-]+(\s*,\s*[\w./-]+)*`, Form: ": %s", Join: ", ", Why: "  ",
			}}},
		},
		Oldest:             "0.30.0", // --include-metadata
		Install:            "Install ast-grep: https://ast-grep.github.io/guide/quick-start.html#installation",
		Folder:             rules,
		MissingHint:        "ast-grep has no rules: put a sgconfig.yml and rules",
		SuppressionPattern: `ast-grep-(ignore)`,
		Args: func(r tool.Run) []string {
			args := []string{"scan", "--config=" + rules + "/sgconfig.yml", "--json=compact", "--include-metadata"}
			for _, kind := range []string{"hidden", "dot", "exclude", "global", "parent", "vcs"} {
				args = append(args, "--no-ignore="+kind)
			}
			return append(append(args, "--"), r.Files...)
		},
		Found: []int{1},
		Parse: tool.JSON(parse),
	})
}

var severities = map[string]scanners.Severity{
	"error": scanners.High, "warning": scanners.Medium, "info": scanners.Low, "hint": scanners.Note,
}

// A place counts lines and columns from 0.
type place struct{ Line, Column int }

type match struct {
	File, RuleID, Severity, Message, Note string
	Range                                 struct {
		Start, End place
		ByteOffset json.RawMessage
	}
	Replacement        *string
	ReplacementOffsets json.RawMessage
	Metadata           struct{ CWE, URL, Why string }
}

func parse(out *tool.Report, matches []match) {
	for _, m := range matches {
		from, to := m.Range.Start, m.Range.End
		f := scanners.Finding{
			Rule: m.RuleID, Severity: severities[m.Severity], Path: m.File, Message: m.Message,
			Line: from.Line + 1, EndLine: to.Line + 1, Column: from.Column + 1, EndColumn: to.Column + 1,
			Why: m.Metadata.Why, Help: strings.TrimSpace(m.Note), HelpURL: m.Metadata.URL, CWE: m.Metadata.CWE,
		}
		if m.Replacement != nil && bytes.Equal(m.ReplacementOffsets, m.Range.ByteOffset) {
			f.Fixes = tool.Rewrite(f, *m.Replacement)
		}
		out.Add(f)
	}
}
