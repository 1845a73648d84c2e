// Package govulncheck finds vulnerable functions of dependencies that Go code actually calls, with
// govulncheck (https://go.dev/security/vuln), using the operator's copy of the Go vulnerability
// database (https://vuln.go.dev/vulndb.zip).
//
// It runs the go tool; package golang describes what that may do. It scans the module at the root. It
// cannot finish if a dependency is neither in the folder vendor nor in the operator's module cache.
// Vulnerable packages that are imported but not called are left to the scanners of manifests, and so is
// Go's standard library, because the version seen here is that of this machine. The severity of
// reachable functions is high, since the database has no severities.
package govulncheck

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/golang"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// New returns the scanner for the database in a folder.
func New(tools *tool.Runner, database string) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:   "govulncheck",
			Gate:   scanners.Dependencies,
			Scopes: []scanners.Scope{scanners.ScopeTree},
			Once:   true, // an advisory counts once for the whole tree
			About:  "Vulnerable functions of dependencies that Go code really calls",
			URL:    "https://go.dev/security/vuln",
			Files:  []string{"**/*.go", "**/go.{mod,sum,work}"},

			Suppressions: scanners.Suppressions{None: "It has none."},
		},
		Version:       []string{"-version"},
		VersionPrefix: "govulncheck@v",
		Oldest:        "1.0.0",
		Install:       "Install govulncheck, and Go beside it: go install golang.org/x/vuln/cmd/govulncheck@latest",
		Needs:         []string{"go"},
		Reads:         golang.Reads(),
		Env:           golang.Env(),
		Prepared:      golang.Prepared(),
		Folder:        database,
		MissingHint:   "govulncheck has no database: unpack https://vuln.go.dev/vulndb.zip",
		Args:          func(tool.Run) []string { return []string{"-db=file://" + database, "-format=json", "./..."} },
		Parse:         parse,
	})
}

type advisory struct {
	ID, Summary string
	Aliases     []string
	Database    struct{ URL string } `json:"database_specific"`
}

// A frame is one call on the path from the tree to the vulnerable function. The first frame of a
// trace is the vulnerable function.
type frame struct {
	Module, Version, Package, Receiver, Function string
	Position                                     struct {
		Filename string
		Line     int
	}
}

func (f frame) name() string {
	return f.Package + "." + strings.TrimPrefix(f.Receiver+"."+f.Function, ".")
}

type message struct {
	OSV     *advisory
	Finding *struct {
		OSV   string
		Fixed string `json:"fixed_version"`
		Trace []frame
	}
}

func parse(out *tool.Report) {
	advisories, found := map[string]advisory{}, []scanners.Finding{}
	for in := json.NewDecoder(bytes.NewReader(out.Text)); in.More(); {
		var m message
		if err := in.Decode(&m); err != nil {
			out.Fail(err)
			return
		}
		if m.OSV != nil {
			advisories[m.OSV.ID] = *m.OSV
		}
		if f := m.Finding; f != nil && len(f.Trace) > 1 && f.Trace[0].Module != "stdlib" {
			found = append(found, finding(f.OSV, advisories[f.OSV], f.Fixed, f.Trace))
		}
	}
	// Report each advisory once, at its first place in the order of paths and lines.
	slices.SortFunc(found, func(a, b scanners.Finding) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Message, b.Message))
	})
	out.Add(slices.CompactFunc(found, func(a, b scanners.Finding) bool { return a.Rule == b.Rule })...)
}

func finding(id string, a advisory, fixed string, trace []frame) scanners.Finding {
	weak, call := trace[0], trace[len(trace)-1]
	f := scanners.Finding{
		Rule: id, Severity: scanners.High, Path: call.Position.Filename, Line: call.Position.Line, Title: "Vulnerable function of " + weak.Module + " is called",
		Message: fmt.Sprintf("%s leads to %s of %s %s: %s", call.name(), weak.name(), weak.Module, weak.Version, a.Summary),
		Why:     "This code reaches the function that the advisory is about, so an attacker may reach it, too.", Help: "Upgrade " + weak.Module + " to " + fixed + " or newer.",
		HelpURL: a.Database.URL, Identity: weak.Module, Aliases: slices.Sorted(slices.Values(append(a.Aliases, id))),
	}
	if fixed == "" {
		f.Help = "No version of " + weak.Module + " is known that fixes it. Remove the call, or replace the module."
	}
	for _, step := range slices.Backward(trace) {
		f.Flow = append(f.Flow, scanners.Step{Path: step.Position.Filename, Line: step.Position.Line, Message: step.name()})
	}
	return f
}
