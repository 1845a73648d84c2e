// Package brakeman finds security problems in Ruby on Rails with Brakeman
// (https://brakemanscanner.org).
//
// It scans the application at the root of the tree. The severity is Brakeman's confidence: high, medium, or
// low for weak. It also reports findings that config/brakeman.ignore or config/brakeman.yml of the tree would
// hide.
package brakeman

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// New returns the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:       "brakeman",
			Gate:       scanners.Code,
			Scopes:     []scanners.Scope{scanners.ScopeTree},
			About:      "Security problems in Ruby on Rails, with the way of data from a request",
			URL:        "https://brakemanscanner.org",
			Documented: true,
			Files:      []string{"{app,config,lib}/**", "Gemfile", "Gemfile.lock", "*.gemspec"},
			Config:     []string{"config/brakeman.{yml,yaml,ignore}"},

			Suppressions: scanners.Suppressions{Files: []string{"config/brakeman.ignore"}},
		},
		Oldest:   "5.3.0", // CWE
		Install:  "Install Brakeman: gem install brakeman",
		OwnFiles: map[string]string{"brakeman.yml": "{}\n", "brakeman.ignore": `{"ignored_warnings": []}`},
		Args: func(r tool.Run) []string {
			return []string{
				"--quiet", "--no-pager", "--no-color", "--no-progress", "--no-exit-on-warn", "--no-exit-on-error", "--format=json",
				"--config-file=" + r.Own + "/brakeman.yml", "--ignore-config=" + r.Own + "/brakeman.ignore", "--path=" + r.Tree,
			}
		},
		Found:       []int{4}, // no Rails application
		EmptyOutput: "Please supply the path to a Rails application",
		Parse:       tool.JSON(parse),
	})
}

type warning struct {
	Type                            string `json:"warning_type"`
	Code                            int    `json:"warning_code"`
	Message, File, Link, Confidence string
	Line                            int
	CWEs                            []int      `json:"cwe_id"`
	Render                          []struct { // the path from a controller to a template
		Class, Method, Name, File string
		Line                      int
	} `json:"render_path"`
}

type report struct {
	Warnings []warning
	Ignored  []warning `json:"ignored_warnings"`
	Errors   []struct{ Error string }
}

func parse(out *tool.Report, r report) {
	for _, w := range slices.Concat(r.Warnings, r.Ignored) {
		f := scanners.Finding{
			Rule: fmt.Sprintf("BRAKE%04d", w.Code), Severity: tool.Severity(w.Confidence), Path: w.File, Line: w.Line,
			Title: w.Type, Message: w.Message, HelpURL: w.Link, CWE: tool.CWE(w.CWEs),
		}
		for _, s := range w.Render {
			name := strings.Trim(s.Class+"#"+s.Method+" "+s.Name, "# ")
			f.Flow = append(f.Flow, scanners.Step{Path: s.File, Line: s.Line, Message: name})
		}
		out.Add(f)
	}
	if n := len(r.Errors); n > 0 {
		const reason = "Brakeman could not scan everything: %d errors, such as files that it could not read."
		out.Fail(&scanners.IncompleteError{Reason: fmt.Sprintf(reason, n)})
	}
}
