// Package trivy finds insecure infrastructure as code with Trivy (https://trivy.dev).
//
// It uses the checks built into the program and fetches none. Trivy scans the changed files without the
// rest of the tree, so values of variables in unchanged files are unknown. The severities are Trivy's
// own. Its low findings are left out: they are advice, such as on probes and labels, of which every
// manifest lacks a dozen. Trivy sees neither a trivy.yaml nor a .trivyignore of the tree, and the
// comments that ignore a check are removed. Helm charts are not scanned, since their templates can
// generate such comments.
package trivy

import (
	"path/filepath"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// New returns the scanner.
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
				"--quiet", "--format=json", r.Above, // in its argument, Trivy skips the folders dev, proc and sys
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
				Aliases: []string{"AVD-" + strings.TrimPrefix(m.ID, "AVD-")}, // the same in all versions, and in tfsec
			})
		}
	}
}
