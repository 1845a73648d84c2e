// Package trivy looks for insecure infrastructure as code with Trivy (https://trivy.dev).
//
// It uses the checks that are part of the program, and fetches none. Files are looked at without those
// of the tree that did not change, so what a variable elsewhere says is not known. The severities are its
// own; what it calls low is advice, such as probes and labels, of which every manifest lacks a dozen, and
// is left out. Neither a trivy.yaml nor a .trivyignore of the tree is shown to it, and the comments that
// ignore a check are taken out. Charts of Helm are not looked at: their templates can make such comments.
package trivy

import (
	"path/filepath"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// New gives the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:      "trivy",
			Gate:      scanners.Infrastructure,
			About:     "Insecure infrastructure in Terraform, CloudFormation, Kubernetes and Dockerfiles",
			URL:       "https://trivy.dev",
			CrossFile: true,
			Files: []string{
				"**/*.{tf,tfvars,yaml,yml,json,template,bicep}",
				"**/{Dockerfile,Containerfile}", "**/{Dockerfile,Containerfile}.*", "**/*.{dockerfile,Dockerfile}",
			},
			Config: []string{"**/trivy.{yaml,yml}", "**/.trivyignore", "**/.trivyignore.{yaml,yml}"},

			Suppressions: scanners.Suppressions{
				Markers: []scanners.Marker{markers.TFSec, {
					Words: []string{"trivy:ignore"}, Pattern: `(#|//)\s*#?(trivy:ignore):?(.*)`, Rules: `^[\w-]+`, Form: ":%s", Why: " ", Block: true,
				}},
				Files: []string{"**/.trivyignore", "**/.trivyignore.yaml"},
			},
		},
		Oldest:             "0.60.0",
		Install:            "Install Trivy: https://trivy.dev/latest/getting-started/installation",
		OwnFiles:           map[string]string{"trivy.yaml": "{}\n", "ignore": ""},
		SuppressionPattern: `(trivy|tfsec):(?:[^ \n]*:)?ignore:`, // keys and values in any order, up to the next space
		Args: func(r tool.Run) []string {
			return []string{
				"config", "--config=" + r.Own + "/trivy.yaml", "--ignorefile=" + r.Own + "/ignore", "--cache-dir=" + r.Home + "/cache",
				"--misconfig-scanners=azure-arm,cloudformation,dockerfile,kubernetes,terraform,terraformplan-json",
				"--skip-check-update", "--skip-version-check", "--disable-telemetry", "--severity=MEDIUM,HIGH,CRITICAL",
				"--quiet", "--format=json", r.Above, // of what it is pointed at, it skips the folders dev, proc and sys
			}
		},
		Parse: tool.JSON(parse),
	})
}

type report struct {
	Results []struct {
		Target            string
		Misconfigurations []struct {
			ID, Title, Description, Message, Resolution, Severity, PrimaryURL, Status string
			CauseMetadata                                                             struct {
				Resource           string
				StartLine, EndLine int
			}
		}
	}
}

func parse(out *tool.Report, r report) {
	for _, file := range r.Results {
		for _, m := range file.Misconfigurations {
			if m.Status != "FAIL" {
				continue
			}
			out.Add(scanners.Finding{
				Rule: m.ID, Severity: tool.Severity(m.Severity), Title: m.Title, Message: m.Message, Why: m.Description,
				Path: filepath.Join(filepath.Dir(out.Tree), file.Target), Line: m.CauseMetadata.StartLine, EndLine: m.CauseMetadata.EndLine,
				Help: m.Resolution, HelpURL: m.PrimaryURL, Identity: m.CauseMetadata.Resource,
				Aliases: []string{"AVD-" + strings.TrimPrefix(m.ID, "AVD-")}, // the same in every version, and in tfsec
			})
		}
	}
}
