// Package hadolint looks for mistakes in Dockerfiles, and in the shell code in them, with hadolint
// (https://github.com/hadolint/hadolint).
//
// Most of its rules are about images that build well. Those about security have the severity of
// rules.yaml; of the others an error is low, a warning a note, and the rest is left out. Nothing in the tree
// configures it, and the comment "hadolint ignore" counts for nothing.
package hadolint

import (
	_ "embed"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

//go:embed rules.yaml
var rules []byte

// New gives the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:       "hadolint",
			Gate:       scanners.Infrastructure,
			About:      "Mistakes in Dockerfiles and in the shell code in them",
			URL:        "https://github.com/hadolint/hadolint",
			Documented: true,
			Files:      []string{"**/{Dockerfile,Containerfile}", "**/{Dockerfile,Containerfile}.*", "**/*.{dockerfile,Dockerfile}"},
			Config:     []string{"**/.hadolint.{yaml,yml}"},

			Suppressions: scanners.Suppressions{
				Markers: []scanners.Marker{{ // https://github.com/hadolint/hadolint/pull/1059
					Words: []string{"hadolint"}, Pattern: `(#)\s*(hadolint (?:global )?ignore)=(.*)`,
					Rules: `^\w+(,\w+)*`, Wide: `global`, Form: "=%s", Join: ",", Why: "  # ", Exact: true,
				}},
				Files: []string{"**/.hadolint.yaml"},
			},
		},
		Oldest:  "2.9.0", // --disable-ignore-pragma
		Install: "Install hadolint: https://github.com/hadolint/hadolint#install",
		Args: func(r tool.Run) []string {
			return append([]string{"--no-color", "--no-fail", "--disable-ignore-pragma", "--format=json", "--"}, r.Files...)
		},
		Parse: tool.JSON(parse),
		Rules: tool.ReadRules(rules),
	})
}

var severities = map[string]scanners.Severity{"error": scanners.Low, "warning": scanners.Note}

type mistake struct {
	Code, File, Level, Message string
	Line                       int
}

func parse(out *tool.Report, mistakes []mistake) {
	for _, m := range mistakes {
		severity, bad := severities[m.Level]
		f := scanners.Finding{Rule: m.Code, Severity: severity, Path: m.File, Line: m.Line, Message: m.Message}
		f.HelpURL = "https://github.com/hadolint/hadolint/wiki/" + m.Code
		if strings.HasPrefix(m.Code, "SC") {
			f.HelpURL = "https://www.shellcheck.net/wiki/" + m.Code
		}
		switch {
		case m.Code == "DL1000": // no rule, but the parser
			out.Unread("a Dockerfile", m.File, m.Line)
		case bad || out.Knows(m.Code):
			out.Add(f)
		}
	}
}
