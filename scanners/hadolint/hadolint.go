// Package hadolint finds mistakes in Dockerfiles, and in the shell code in them, with hadolint
// (https://github.com/hadolint/hadolint).
//
// Most of its rules are about the quality of image builds. The rules about security have the severities of
// rules.yaml. For the others, the severity is low for an error and note for a warning, and the rest is left
// out. Nothing in the tree configures this scanner, and the comment "hadolint ignore" has no effect.
package hadolint

import (
	_ "embed"
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
		case m.Code == "DL1000": // from the parser, not a rule
			out.Unread("a Dockerfile", m.File, m.Line)
		case bad || out.Knows(m.Code):
			out.Add(f)
		}
	}
}
