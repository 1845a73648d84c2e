// Package trivyfs finds known vulnerabilities of dependencies with Trivy (https://trivy.dev),
// offline, using the operator's copy of its database.
//
// The severities are those of the database. Neither a trivy.yaml nor a .trivyignore of the tree has an
// effect. Secrets and infrastructure are left to other scanners.
package trivyfs

import (
	"path/filepath"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
	"github.com/secbydesign/secbydesign/scanners/osv"
)

// New returns the scanner for the database in a folder: db/trivy.db and db/metadata.json, as
// written by trivy image --download-db-only.
func New(tools *tool.Runner, database string) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:       "trivy-fs",
			Gate:       scanners.Dependencies,
			About:      "Known vulnerabilities of dependencies, by Trivy's own database",
			URL:        "https://trivy.dev",
			CrossFile:  true,
			Documented: true,
			Files: []string{
				"**/{go.mod,package-lock.json,yarn.lock,pnpm-lock.yaml,bun.lock,requirements*.txt,Pipfile.lock,poetry.lock,uv.lock}",
				"**/{Gemfile.lock,Cargo.lock,composer.lock,pom.xml,*gradle.lockfile,packages.lock.json,packages.config,*.deps.json}",
				"**/{mix.lock,pubspec.lock,conan.lock,Podfile.lock,Package.resolved}",
			},
			Config: []string{"**/trivy.{yaml,yml}", "**/.trivyignore", "**/.trivyignore.{yaml,yml}"},

			Suppressions: scanners.Suppressions{Files: []string{"**/.trivyignore", "**/.trivyignore.yaml"}},
		},
		Program:     "trivy",
		Oldest:      "0.60.0",
		Install:     "Install Trivy: https://trivy.dev/latest/getting-started/installation",
		OwnFiles:    map[string]string{"trivy.yaml": "{}\n", "ignore": ""},
		Folder:      database,
		MissingHint: "Trivy has no database: put db/trivy.db and db/metadata.json",
		Args: func(r tool.Run) []string {
			return []string{
				"filesystem", "--config=" + r.Own + "/trivy.yaml", "--ignorefile=" + r.Own + "/ignore", "--cache-dir=" + database, "--cache-backend=memory",
				"--scanners=vuln", "--offline-scan", "--skip-db-update", "--skip-java-db-update", "--skip-version-check", "--disable-telemetry",
				"--list-all-pkgs", "--quiet", "--format=json", r.Above, // in its argument, Trivy skips the folders dev, proc and sys
			}
		},
		Parse: tool.JSON(parse),
	})
}

type report struct {
	Results []struct {
		Target   string
		Packages []struct {
			Name, Version string
			Locations     []struct{ StartLine, EndLine int }
		}
		Vulnerabilities []struct {
			ID                                                                   string `json:"VulnerabilityID"`
			PkgName, InstalledVersion, FixedVersion, PrimaryURL, Severity, Title string
			CweIDs                                                               []string
		}
	}
}

func parse(out *tool.Report, r report) {
	for _, file := range r.Results {
		path := filepath.Join(filepath.Dir(out.Tree), file.Target)
		content, _ := out.Content(path)
		foreign := osv.Foreign(filepath.Base(path), content)
		for _, v := range file.Vulnerabilities {
			if foreign(v.PkgName) {
				continue
			}
			f := out.Vulnerable(path, v.PkgName, v.InstalledVersion, v.Title, v.FixedVersion)
			f.Rule, f.Aliases, f.HelpURL = v.ID, []string{v.ID}, v.PrimaryURL
			f.Severity, f.CWE = tool.Severity(v.Severity), tool.CWE(v.CweIDs)
			for _, p := range file.Packages {
				if p.Name == v.PkgName && p.Version == v.InstalledVersion && len(p.Locations) > 0 {
					f.Line, f.EndLine = p.Locations[0].StartLine, p.Locations[0].EndLine
				}
			}
			out.Add(f)
		}
	}
}
