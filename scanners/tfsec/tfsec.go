// Package tfsec finds insecure infrastructure in Terraform configuration with tfsec
// (https://github.com/aquasecurity/tfsec). Its authors now work on Trivy, which has the same rules.
//
// Remote modules are not fetched, so their configuration is not scanned. A file that is not valid Terraform is left out,
// and named. tfsec checks a module each time it is used; a
// finding of one rule at one place is reported once. The severities are the tool's own, but low for outgoing traffic to
// any address. Nothing in the tree configures this scanner: tfsec does not see .tfsec, its configuration file is an
// empty one of ours, and the comment tfsec:ignore has no effect.
package tfsec

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
	"github.com/secbydesign/secbydesign/scanners/terraform"
)

// New returns the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:   "tfsec",
			Gate:   scanners.Infrastructure,
			Scopes: []scanners.Scope{scanners.ScopeTree},
			About:  "Insecure infrastructure in Terraform, including the modules of the repository",
			URL:    "https://github.com/aquasecurity/tfsec",
			Files:  []string{"**/*.{tf,tfvars}", "**/*.{tf,tfvars}.json"},
			Inputs: []string{"**/*.{tf,tfvars,hcl,json,yaml,yml,tpl,tmpl,tftpl,sh,txt,pub}"}, // Terraform's functions read some
			Config: []string{"**/.tfsec/**"},

			Suppressions: scanners.Suppressions{Markers: []scanners.Marker{markers.TFSec}, Files: []string{"**/.tfsecignore"}},
		},
		Install:  "Install tfsec: https://github.com/aquasecurity/tfsec#installation",
		OwnFiles: map[string]string{"tfsec.json": "{}", "none.json": `{"checks": []}`},
		Args: func(r tool.Run) []string {
			return []string{
				"--format=json", "--no-colour", "--no-code", "--no-ignores", "--no-module-downloads", "--force-all-dirs", "--ignore-hcl-errors",
				"--config-file=" + r.Own + "/tfsec.json", "--custom-check-dir=" + r.Own, r.Tree,
			}
		},
		Found: []int{1},
		Parse: parse,
	})
}

// within matches the parts of a resource's name that identify a use of its module or one of its
// copies.
var within = regexp.MustCompile(`module\.[^.\[]+(\[[^\]]*\])?\.|\[[^\]]*\]`)

// unread reports the files that tfsec leaves out in silence, because they are not valid Terraform.
func unread(out *tool.Report) {
	var files []scanners.File
	for path, content := range out.All() {
		switch {
		case strings.HasSuffix(path, ".tf"):
			files = append(files, scanners.File{Path: path, Content: content})
		case strings.HasSuffix(path, ".tf.json") && !json.Valid(content):
			out.Unread("Terraform", path, 0)
		}
	}
	_, err := terraform.Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: files})
	for _, path := range scanners.Unread(err) {
		out.Unread("Terraform", path, 0)
	}
}

// failed matches the message that tfsec prints instead of results if it cannot leave out a file that it cannot parse.
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
		out.Unread("Terraform", "/"+string(m[1]), out.Number(string(m[2]))) // tfsec leaves out the first slash
		return
	}
	unread(out)
	tool.JSON(func(out *tool.Report, r report) {
		// The order of a module's uses is random, so sort them.
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
