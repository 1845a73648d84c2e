// Package oxlint finds security problems in JavaScript and TypeScript with Oxlint (https://oxc.rs),
// which is fast and needs no other program.
//
// Only the rules in rules.yaml are enabled; all others of Oxlint are about style and correctness.
// Nothing in the tree configures this scanner: Oxlint sees neither .oxlintrc.json nor nested
// configuration files, and the comments by which a file silences Oxlint or ESLint are removed. The
// severities are ours. There are no fixes, since Oxlint does not print them.
package oxlint

import (
	_ "embed"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

//go:embed rules.yaml
var rules []byte

// New returns the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	known := tool.ReadRules(rules)
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:   "oxlint",
			Gate:   scanners.Code,
			About:  "Security problems in JavaScript and TypeScript, and in React",
			URL:    "https://oxc.rs/docs/guide/usage/linter.html",
			Files:  []string{"**/*.{js,mjs,cjs,jsx,ts,mts,cts,tsx,vue,svelte,astro}"},
			Config: []string{"**/.oxlintrc.*", "**/oxlint.config.*", "**/.eslintignore", "**/tsconfig.json"},

			Suppressions: scanners.Suppressions{
				Markers: []scanners.Marker{markers.ESLint, { // https://oxc.rs/docs/guide/usage/linter/ignore-comments.html
					Words: []string{"oxlint-disable"}, Pattern: `(//|/\*|<!--)\s*(oxlint-disable(?:-next-line|-line)?)\b(.*)`,
					Rules: `^\s+[@\w/-]*\w(\s*,\s*[@\w/-]+)*`, Wide: `^oxlint-disable$`, Form: " %s", Join: ", ", Why: " -- ", Exact: true,
				}},
				Files: []string{"**/.eslintignore"},
			},
		},
		Oldest:             "1.0.0",
		Install:            "Install Oxlint: npm install --global oxlint",
		OwnFiles:           map[string]string{"oxlintrc.json": config},
		SuppressionPattern: `(?:oxlint|eslint)-(disable)`,
		Args: func(r tool.Run) []string {
			args := []string{"--config=" + r.Own + "/oxlintrc.json", "--disable-nested-config", "--no-ignore", "--format=json"}
			for _, rule := range known.Names() {
				args = append(args, "--deny="+rule)
			}
			return append(args, r.Files...)
		},
		Found: []int{1},
		Parse: tool.JSON(parse),
		Rules: known,
	})
}

const config = `{
	"plugins": ["eslint", "react", "unicorn"],
	"categories": {"correctness": "off"},
	"env": {"browser": true, "node": true, "es2024": true}
}`

type report struct {
	Diagnostics []struct {
		Message, Code, URL, Help, Note, Filename string
		Labels                                   []struct{ Span struct{ Line int } }
	}
}

func parse(out *tool.Report, r report) {
	for _, d := range r.Diagnostics {
		line := 0
		if len(d.Labels) > 0 {
			line = d.Labels[0].Span.Line
		}
		if d.Code == "" { // from the parser, not a rule
			out.Unread("JavaScript or TypeScript", d.Filename, line)
			continue
		}
		out.Add(scanners.Finding{
			Rule: strings.NewReplacer("(", "/", ")", "").Replace(d.Code), Path: d.Filename, Line: line,
			Message: d.Message, Why: d.Note, Help: d.Help, HelpURL: d.URL,
		})
	}
}
