// Package eslint finds security problems in JavaScript with ESLint (https://eslint.org) and its
// plug-in eslint-plugin-security.
//
// An eslint.config.js is a program, so one in the tree is never loaded: the rules are in our own file
// (config.mjs), which loads the plug-in installed beside ESLint. Comments that configure ESLint
// or silence it have no effect. We set the severities, because the plug-in has none. None of the rules
// offers a fix. TypeScript needs a parser that is not part of ESLint, see the adapter for Oxlint.
package eslint

import (
	_ "embed"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

//go:embed config.mjs
var config string

//go:embed rules.yaml
var rules []byte

// New returns the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:   "eslint",
			Gate:   scanners.Code,
			About:  "Security problems in JavaScript, such as evaluated text and unsafe patterns",
			URL:    "https://github.com/eslint-community/eslint-plugin-security",
			Files:  []string{"**/*.{js,mjs,cjs,jsx}"},
			Config: []string{"**/eslint.config.*", "**/.eslintrc", "**/.eslintrc.*", "**/.eslintignore", "**/package.json"},

			Suppressions: scanners.Suppressions{Markers: []scanners.Marker{markers.ESLint}, Files: []string{"**/.eslintignore"}},
		},
		Oldest:   "9.0.0", // --no-config-lookup
		Install:  "Install ESLint and its plug-in side by side: npm install --global eslint eslint-plugin-security",
		OwnFiles: map[string]string{"config.mjs": config},
		Args: func(r tool.Run) []string {
			return append([]string{
				"--no-config-lookup", "--config=" + r.Own + "/config.mjs", "--no-inline-config", "--no-warn-ignored", "--format=json", "--",
			}, r.Files...)
		},
		Found: []int{1},
		Parse: tool.JSON(parse),
		Rules: tool.ReadRules(rules),
	})
}

type file struct {
	FilePath string
	Messages []struct {
		RuleID, Message                  string
		Line, EndLine, Column, EndColumn int
		Fatal                            bool
	}
}

func parse(out *tool.Report, files []file) {
	for _, file := range files {
		for _, m := range file.Messages {
			if m.Fatal {
				out.Unread("JavaScript", file.FilePath, m.Line)
				continue
			}
			url := "https://eslint.org/docs/latest/rules/" + m.RuleID
			if name, ok := strings.CutPrefix(m.RuleID, "security/"); ok {
				url = "https://github.com/eslint-community/eslint-plugin-security/blob/main/docs/rules/" + name + ".md"
			}
			out.Add(scanners.Finding{
				Rule: m.RuleID, Message: m.Message, Path: file.FilePath, HelpURL: url,
				Line: m.Line, EndLine: m.EndLine, Column: m.Column, EndColumn: m.EndColumn,
			})
		}
	}
}
