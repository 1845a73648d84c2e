// Package conftest tests configuration against an operator's own Rego policies with Conftest
// (https://www.conftest.dev).
//
// The operator provides the policies: a folder of Rego files whose package is main. The severity of a deny
// or violation is medium, and that of a warn is low. A rule may return an object instead of a text: then its
// msg is the message, and its severity, title, why, help, url, cwe, line and id set the rest of the finding.
// A policy folder, an exception or a conftest.toml of the tree has no effect. Conftest stops at a file that
// it cannot parse, and then the scan is incomplete.
package conftest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// New returns the scanner for the policies in a folder.
func New(tools *tool.Runner, policies string) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:  "conftest",
			Gate:  scanners.Requirements,
			About: "The operator's own policies in Rego, for configuration of all kinds",
			URL:   "https://www.conftest.dev",
			Files: []string{
				"**/*.{yaml,yml,json,toml,tf,hcl,ini,cue,properties}",
				"**/{Dockerfile,Containerfile}", "**/{Dockerfile,Containerfile}.*", "**/*.dockerfile",
			},
			Config: []string{"**/conftest.toml", "**/*.rego"},

			Suppressions: scanners.Suppressions{None: "Exceptions are rules of the operator's own policies."},
		},
		VersionPrefix: "Conftest: ",
		Oldest:        "0.60.0", // Rego version 1
		Install:       "Install Conftest: https://www.conftest.dev/install",
		OwnFiles:      map[string]string{"conftest.toml": ""},
		Folder:        policies,
		MissingHint:   "Conftest has no policies: put them",
		Args: func(r tool.Run) []string {
			return append([]string{
				"test", "--config-file=" + r.Own + "/conftest.toml", "--policy=" + policies, "--no-color", "--no-fail", "--output=json", "--",
			}, r.Files...)
		},
		Parse: tool.JSON(parse),
	})
}

type result struct {
	Msg      string
	Metadata struct {
		Query, ID, Title, Why, Help, URL, CWE string
		Severity                              *scanners.Severity
		Line                                  int
	}
}

type file struct {
	Filename           string
	Warnings, Failures []result
}

func parse(out *tool.Report, files []file) {
	for _, file := range files {
		for i, r := range slices.Concat(file.Failures, file.Warnings) {
			m, severity := r.Metadata, scanners.Medium
			if i >= len(file.Failures) {
				severity = scanners.Low
			}
			if m.Severity != nil {
				severity = *m.Severity
			}
			out.Add(scanners.Finding{
				Rule: cmp.Or(m.ID, strings.TrimPrefix(m.Query, "data.")), Severity: severity, Path: file.Filename, Line: m.Line,
				Title: cmp.Or(m.Title, "Policy of your organisation"), Message: r.Msg, Identity: r.Msg,
				Why: m.Why, Help: m.Help, HelpURL: m.URL, CWE: m.CWE,
			})
		}
	}
}
