// Package checkov finds insecure infrastructure as code with Checkov (https://www.checkov.io).
//
// Checkov sees only the changed files, so the value of a variable in another file is not known. The
// severity is Checkov's own if it reports one, which it does not do without its makers' service, and
// otherwise medium. Checkov does not see a .checkov.yml of the tree, and markers that skip a check within a
// file are removed. If Checkov still counts skipped checks, for example because of a key that YAML spells
// with escapes, the scan is incomplete.
package checkov

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// makers matches the names that Checkov's makers and their successors used in markers.
const makers = `(?:checkov|bridgecrew|cortex|prisma)`

// New returns the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:       "checkov",
			Gate:       scanners.Infrastructure,
			About:      "Insecure infrastructure in Terraform, CloudFormation, Kubernetes and other formats",
			URL:        "https://www.checkov.io",
			CrossFile:  true,
			Documented: true,
			Files: []string{
				"**/*.{tf,hcl,yaml,yml,json,bicep,template}",
				"**/{Dockerfile,Containerfile}", "**/{Dockerfile,Containerfile}.*", "**/*.dockerfile",
			},
			Config: []string{"**/.checkov.{yml,yaml}", "**/.checkov.baseline"},

			Suppressions: scanners.Suppressions{
				// https://www.checkov.io/2.Basics/Suppressing%20and%20Skipping%20Policies.html
				Markers: []scanners.Marker{
					{
						Words: []string{"skip"}, Pattern: `(?i)(?:(#|//|/\*)[^#/]*?)?\b(` + makers + `:skip)\b=?(.*)`,
						Prose: `(?i)(#|//|/\*)\s*(` + makers + `:skip)\b=?(.*)`, Rules: `^ *\w+`, Form: "=%s", Why: ":", Block: true,
					},
					{
						Words: []string{"skip"}, Pattern: `(?i)()(` + makers + `\.io/skip\d*)["']?\s*[:=](.*)`,
						Rules: `^\s*["']?\w+`, Form: ": %s", Why: "=", Block: true, Plain: true,
					},
					{
						Words: []string{"skip"}, Pattern: `(?i)()\b(` + makers + `["']?\s*:\s*\{?\s*["']?skip)["']?\s*:(.*)`,
						Rules: `^`, Apart: "checkov: skip", Block: true,
					},
				},
				Files: []string{"**/.checkov.{yaml,yml}"},
			},
		},
		Oldest:             "3.0.0",
		Install:            "Install Checkov: https://www.checkov.io/2.Basics/Installing%20Checkov.html",
		Env:                []string{"BC_SKIP_MAPPING=TRUE", "CKV_IGNORE_HIDDEN_DIRECTORIES=FALSE"},
		SuppressionPattern: `(?i)(checkov|bridgecrew|cortex|prisma)(?:\.io|["']?\s*:)`, // in an annotation, a mapping, a comment
		Args: func(r tool.Run) []string {
			// Other scanners cover secrets and packages.
			return append([]string{
				"--output=json", "--compact", "--quiet", "--soft-fail", "--skip-download", "--download-external-modules=false",
				"--skip-framework", "secrets", "sca_package", "sca_image", "--file",
			}, r.Files...)
		},
		Parse: tool.JSON(parse),
	})
}

type report struct {
	Results struct {
		Failed []struct {
			ID        string `json:"check_id"`
			Name      string `json:"check_name"`
			Path      string `json:"file_path"`
			Absolute  string `json:"file_abs_path"`
			Lines     [2]int `json:"file_line_range"`
			Resource  string
			Guideline string
			Severity  string
		} `json:"failed_checks"`
	}
	Summary struct {
		Skipped int
		Broken  int `json:"parsing_errors"`
	}
}

func parse(out *tool.Report, reports tool.List[report]) { // one report for each kind of file
	skipped, broken := 0, 0
	for _, r := range reports {
		skipped, broken = skipped+r.Summary.Skipped, broken+r.Summary.Broken
		for _, c := range r.Results.Failed {
			out.Add(scanners.Finding{
				Rule: c.ID, Severity: tool.Severity(c.Severity), Title: "Insecure infrastructure", Message: c.Resource + ": " + c.Name,
				Path: cmp.Or(c.Absolute, strings.TrimPrefix(c.Path, "/")), Line: c.Lines[0], EndLine: c.Lines[1],
				HelpURL: c.Guideline, Identity: c.Resource, Aliases: []string{c.ID},
				Help: "Change the resource so that it passes this check: " + c.Name + ".",
			})
		}
	}
	if skipped > 0 {
		out.Fail(&scanners.IncompleteError{Reason: fmt.Sprintf("Checkov skipped checks in %d places because of markers in the files. The scan could not remove these markers; delete them.", skipped)})
	}
	if broken > 0 {
		out.Fail(&scanners.IncompleteError{Reason: fmt.Sprintf("Checkov could not parse %d of the files. Run Checkov on them to see why.", broken)})
	}
}
