// Package shellcheck finds dangerous commands in shell scripts with ShellCheck
// (https://www.shellcheck.net).
//
// Only the rules in rules.yaml are enabled: the rest of ShellCheck is about portability and style, and an
// unquoted value (SC2086, SC2046) is nearly always one that the script itself has set.
//
// Nothing in the tree configures this scanner: ShellCheck sees neither a .shellcheckrc nor the
// comments that would silence it. A finding that was silenced at the base is found there too, so it
// is unchanged, while a finding silenced only by the change under review is new.
package shellcheck

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

//go:embed rules.yaml
var rules []byte

// New returns the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	known := tool.ReadRules(rules)
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:   "shellcheck",
			Gate:   scanners.Code,
			About:  "Dangerous commands in shell scripts, such as what removes too much or runs file names",
			URL:    "https://www.shellcheck.net",
			Files:  []string{"**/*.{sh,bash,ksh,dash,bats}"},
			Config: []string{"**/{.,}shellcheckrc"},

			Suppressions: scanners.Suppressions{
				Markers: []scanners.Marker{{ // https://github.com/koalaman/shellcheck/wiki/Directive
					Words: []string{"shellcheck disable"}, Pattern: `(#)\s*(shellcheck disable)=(.*)`,
					Rules: `^SC\d+(,SC\d+)*`, Form: "=%s", Join: ",", Why: "  # ", Block: true, Exact: true,
				}},
				Files: []string{"**/.shellcheckrc"},
			},
		},
		Oldest:  "0.7.0", // --norc, json1 and fixes
		Install: "Install ShellCheck: https://github.com/koalaman/shellcheck#installing",
		Args: func(r tool.Run) []string {
			codes := strings.Join(append(known.Names(), unread), ",")
			return append([]string{"--norc", "--format=json1", "--severity=info", "--include=" + codes, "--"}, r.Files...)
		},
		Found:              []int{1},
		Partial:            []int{2},
		SuppressionPattern: `#[ \t]*(shellcheck)[ \t][^\n]*disable=`,
		Parse:              tool.JSON(parse),
		Rules:              known,
	})
}

// unread is the rule that ShellCheck reports if it cannot parse a file as a shell script.
const unread = "SC1072"

type report struct {
	Comments []struct {
		edit
		File, Message string
		Code          int
		Fix           struct{ Replacements []edit }
	}
}

type edit struct {
	Line, EndLine, Column, EndColumn int
	Replacement                      string
}

func parse(out *tool.Report, r report) {
	for _, c := range r.Comments {
		rule := fmt.Sprintf("SC%d", c.Code)
		if rule == unread {
			// A file that does not begin with "#!" is a template, or a message that contains a
			// script.
			if text, _ := out.Content(c.File); bytes.HasPrefix(text, []byte("#!")) {
				out.Unread("a shell script", c.File, c.Line)
			}
			continue
		}
		fix := scanners.Fix{Title: "As ShellCheck suggests"}
		for _, e := range c.Fix.Replacements {
			fix.Edits = append(fix.Edits, scanners.Edit{
				Path: c.File, Line: e.Line, EndLine: e.EndLine, Column: e.Column, EndColumn: e.EndColumn, Text: e.Replacement,
			})
		}
		out.Add(scanners.Finding{
			Rule: rule, Message: c.Message, Path: c.File, Line: c.Line, EndLine: c.EndLine, Column: c.Column, EndColumn: c.EndColumn,
			HelpURL: "https://www.shellcheck.net/wiki/" + rule, Fixes: []scanners.Fix{fix},
		})
	}
}
