// Package tfsec looks for insecure infrastructure in Terraform with tfsec
// (https://github.com/aquasecurity/tfsec). Its makers now work on Trivy, which has its rules too.
//
// Modules from elsewhere are not fetched, so what only they say is not looked at. A module that is
// used several times is judged each time: what is said of one place by one rule is told once. The
// severities are the tool's own, but low for traffic that goes out to anywhere. Nothing in the tree configures it: .tfsec is not shown to it, its own file
// is empty, and the comment tfsec:ignore counts for nothing.
package tfsec

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// New gives the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:   "tfsec",
			Gate:   scanners.Infrastructure,
			Scopes: []scanners.Scope{scanners.ScopeTree},
			About:  "Insecure infrastructure in Terraform, modules of the repository followed",
			URL:    "https://github.com/aquasecurity/tfsec",
			Files:  []string{"**/*.{tf,tfvars}", "**/*.{tf,tfvars}.json"},
			Inputs: []string{"**/*.{tf,tfvars,hcl,json,yaml,yml,tpl,tmpl,tftpl,sh,txt,pub}"}, // what Terraform's functions read, too
			Config: []string{"**/.tfsec/**"},

			Suppressions: scanners.Suppressions{Markers: []scanners.Marker{markers.TFSec}, Files: []string{"**/.tfsecignore"}},
		},
		Install:  "Install tfsec: https://github.com/aquasecurity/tfsec#installation",
		OwnFiles: map[string]string{"tfsec.json": "{}", "none.json": `{"checks": []}`},
		Args: func(r tool.Run) []string {
			return []string{
				"--format=json", "--no-colour", "--no-code", "--no-ignores", "--no-module-downloads", "--force-all-dirs",
				"--config-file=" + r.Own + "/tfsec.json", "--custom-check-dir=" + r.Own, r.Tree,
			}
		},
		Found: []int{1},
		Parse: parse,
	})
}

// within matches what a resource's name says of the use of its module, and of its copies.
var within = regexp.MustCompile(`module\.[^.\[]+(\[[^\]]*\])?\.|\[[^\]]*\]`)

// failed matches what it prints instead of results when one file cannot be parsed.
var failed = regexp.MustCompile(`(?m)^Error: scan failed: (.+?):(\d+),`)

type report struct {
	Results []result
}

type result struct {
	ID                                        string `json:"long_id"`
	Short                                     string `json:"rule_id"`
	Rule                                      string `json:"rule_description"`
	Impact, Resolution, Description, Severity string
	Resource                                  string
	Links                                     []string
	Location                                  struct {
		Filename string
		Start    int `json:"start_line"`
		End      int `json:"end_line"`
	}
}

func (r result) key() string {
	return fmt.Sprintf("%s %s:%d", r.ID, r.Location.Filename, r.Location.Start)
}

func parse(out *tool.Report) {
	if m := failed.FindSubmatch(out.Text); m != nil {
		out.Unread("Terraform", "/"+string(m[1]), out.Number(string(m[2]))) // it leaves out the slash
		return
	}
	tool.JSON(func(out *tool.Report, r report) {
		// Which use of a module comes first is chance.
		slices.SortFunc(r.Results, func(a, b result) int {
			return cmp.Or(cmp.Compare(a.key(), b.key()), cmp.Compare(a.Description, b.Description))
		})
		for _, r := range slices.CompactFunc(r.Results, func(a, b result) bool { return a.key() == b.key() }) {
			f := scanners.Finding{
				Rule: r.ID, Severity: tool.Severity(r.Severity), Path: r.Location.Filename, Line: r.Location.Start, EndLine: r.Location.End,
				Title: r.Rule, Message: r.Description, Why: r.Impact + ".", Help: r.Resolution + ".", HelpURL: append(r.Links, "")[0],
				Identity: within.ReplaceAllString(r.Resource, ""), Aliases: []string{r.Short},
			}
			if strings.Contains(r.ID, "no-public-egress") {
				f.Severity = scanners.Low
			}
			out.Add(f)
		}
	})(out)
}
