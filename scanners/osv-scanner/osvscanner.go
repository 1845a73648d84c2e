// Package osvscanner finds known vulnerabilities of dependencies with OSV-Scanner
// (https://google.github.io/osv-scanner), offline, using the operator's copy of the database.
//
// It supports more kinds of manifests than our scanner osv and agrees with it on the others, so that
// a vulnerability that both find is one finding. The severity is that of the CVSS score, medium
// without a score, and critical for a malicious package. Packages that are not the registry's, such as
// members of the workspace, are left out: the program looks them up by name. An osv-scanner.toml in the tree has no
// effect.
package osvscanner

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
	"github.com/secbydesign/secbydesign/scanners/osv"
)

// New returns the scanner for the databases in a folder (osv-scalibr/ECOSYSTEM/all.zip).
func New(tools *tool.Runner, databases string) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:      "osv-scanner",
			Gate:      scanners.Dependencies,
			About:     "Known vulnerabilities of dependencies, in more kinds of manifests than osv",
			URL:       "https://google.github.io/osv-scanner",
			CrossFile: true,
			Files: []string{
				"**/{go.mod,package-lock.json,npm-shrinkwrap.json,yarn.lock,pnpm-lock.yaml,bun.lock,deno.lock}",
				"**/{requirements*.txt,Pipfile.lock,poetry.lock,pdm.lock,pylock.toml,uv.lock,Gemfile.lock,gems.locked,Cargo.lock}",
				"**/{composer.lock,pom.xml,gradle.lockfile,buildscript-gradle.lockfile,verification-metadata.xml,packages.lock.json,packages.config,*.deps.json}",
				"**/{mix.lock,pubspec.lock,conan.lock,renv.lock,cabal.project.freeze,stack.yaml.lock}",
			},
			Config: []string{"**/osv-scanner.toml"},

			Suppressions: scanners.Suppressions{Files: []string{"**/osv-scanner.toml"}},
		},
		Oldest:      "2.0.0", // scan source
		Install:     "Install OSV-Scanner: https://google.github.io/osv-scanner/installation",
		OwnFiles:    map[string]string{"osv-scanner.toml": ""},
		Folder:      databases,
		MissingHint: "OSV-Scanner has no database: put osv-scalibr/ECOSYSTEM/all.zip",
		Args: func(r tool.Run) []string {
			return []string{
				"scan", "source", "--offline", "--local-db-path=" + databases, "--config=" + r.Own + "/osv-scanner.toml", "--no-resolve",
				"--no-call-analysis=all", "--no-ignore", "--allow-no-lockfiles", "--verbosity=error", "--format=json", "--recursive", r.Tree,
			}
		},
		Found: []int{1},
		Parse: tool.JSON(parse),
	})
}

type vulnerability struct {
	ID, Summary, Details string
	Affected             []struct {
		Package struct{ Name string }
		Ranges  []struct{ Events []struct{ Fixed string } }
	}
}

type report struct {
	Results []struct {
		Source   struct{ Path string }
		Packages []struct {
			Package         struct{ Name, Version string }
			Vulnerabilities []vulnerability
			Groups          []struct {
				IDs, Aliases []string
				Max          string `json:"max_severity"`
			}
		}
	}
}

// unread matches the message about a file that OSV-Scanner could not read, which does not change its
// exit code. The path lacks its first slash.
var unread = regexp.MustCompile(`(?m)^Error during extraction: \(extracting as [^)]*\) (.+?): could not extract`)

func parse(out *tool.Report, r report) {
	for _, m := range unread.FindAllSubmatch(out.Stderr, -1) {
		out.Unread("the kind of file that its name says", "/"+string(m[1]), 0)
	}
	for _, file := range r.Results {
		content, _ := out.Content(file.Source.Path)
		foreign := osv.Foreign(path.Base(file.Source.Path), content)
		for _, p := range file.Packages {
			if foreign(p.Package.Name) {
				continue
			}
			for _, g := range p.Groups {
				i := slices.IndexFunc(p.Vulnerabilities, func(v vulnerability) bool { return slices.Contains(g.IDs, v.ID) })
				if i < 0 {
					out.Fail(fmt.Errorf("no vulnerability describes group %v", g.IDs))
					continue
				}
				v := p.Vulnerabilities[i]
				about := cmp.Or(v.Summary, first(v.Details), "a known vulnerability")
				f := out.Vulnerable(file.Source.Path, p.Package.Name, p.Package.Version, about, v.fixedVersions(p.Package.Name)...)
				f.Rule, f.Severity, f.HelpURL = v.ID, severity(v.ID, g.Max), "https://osv.dev/vulnerability/"+v.ID
				f.Why = "The advisory is public, so attackers know how to use the vulnerability if this project reaches the affected code."
				f.Aliases = slices.Compact(slices.Sorted(slices.Values(g.Aliases)))
				if strings.HasPrefix(v.ID, "MAL-") {
					f.Package = "" // so that it is reported on its own
				}
				out.Add(f)
			}
		}
	}
}

func severity(id, score string) scanners.Severity {
	cvss, err := strconv.ParseFloat(score, 64)
	switch {
	case strings.HasPrefix(id, "MAL-"):
		return scanners.Critical
	case err != nil:
		return scanners.Medium
	}
	return max(scanners.CVSS(cvss), scanners.Low)
}

// first returns the first sentence of a text, or "" if it is too long.
func first(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	text, _, _ = strings.Cut(text, ". ")
	if len(text) > 200 {
		return ""
	}
	return text
}

func (v vulnerability) fixedVersions(name string) (versions []string) {
	for _, a := range v.Affected {
		for _, r := range a.Ranges {
			for _, e := range r.Events {
				if a.Package.Name == name && len(e.Fixed) < 40 { // longer ones are commits, not versions
					versions = append(versions, e.Fixed)
				}
			}
		}
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}
