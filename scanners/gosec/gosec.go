// Package gosec finds security problems in Go code with gosec (https://github.com/securego/gosec).
//
// It scans the packages of the changed files. It runs the go tool; package golang describes what that may
// do. If a module is neither in the folder vendor nor in the operator's module cache, the rules that need
// its types (those from G600 on and some of those from G100) do not cover the packages that import it. The
// scan still counts as complete, since all other rules ran. Nothing in the tree configures this scanner,
// and the comments nosec and gosec:disable have no effect.
//
// The severity is gosec's own, but at most medium if its confidence is medium, and low if its
// confidence is low or if the rule only asks for a review.
package gosec

import (
	_ "embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/golang"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

//go:embed rules.yaml
var rules []byte

// New returns the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:   "gosec",
			Gate:   scanners.Code,
			Scopes: []scanners.Scope{scanners.ScopeTree},
			About:  "Security problems in Go, with the way of data from a request to a command",
			URL:    "https://github.com/securego/gosec",
			Files:  []string{"**/*.go", "**/go.mod"},

			Suppressions: scanners.Suppressions{Markers: []scanners.Marker{{ // https://github.com/securego/gosec#annotating-code
				Words: []string{"nosec"}, Files: []string{"**/*.go"}, Pattern: `(?i)(//|/\*)\s*(#?nosec)\b(.*)`,
				Rules: `^[\s:]*G\d+([\s,]+G\d+)*`, Form: " %s", Join: " ", Why: " -- ", Block: true, Exact: true,
			}}},
		},
		Oldest:   "2.19.0",
		Install:  "Install gosec, and Go beside it: https://github.com/securego/gosec#install",
		Needs:    []string{"go"},
		Reads:    golang.Reads(),
		Env:      golang.Env(),
		Prepared: golang.Prepared(),
		Inputs:   golang.Packages,
		Args: func(r tool.Run) []string {
			// G101: the gate for secrets finds credentials, without repeating them. G104: an unchecked error is not
			// in itself a security problem. G501 to G507: the use of weak cryptography says more than its import.
			return append([]string{"-fmt=json", "-nosec", "-exclude=G101,G104,G501,G502,G503,G505,G506,G507"}, r.Files...)
		},
		Found: []int{1},
		Parse: tool.JSON(parse),
		Rules: tool.ReadRules(rules),
	})
}

var (
	trailer = regexp.MustCompile(`\s*[(:].*`)                            // the part of the details that the title omits
	aside   = regexp.MustCompile(`(?:^|/)(?:testdata|[_.][^/]+)(?:/|$)`) // folders that go leaves out
)

type report struct {
	Errors map[string]any `json:"Golang errors"`
	Issues []struct {
		Severity, Confidence, Details, File, Line string
		Rule                                      string `json:"rule_id"`
		CWE                                       struct{ ID string }
	}
	Stats struct{ Files int }
}

// unloaded returns the folders that could not be loaded as a package. Type errors have the name of a file
// or no name, so they do not count. gosec also loads the folders of a module that go itself leaves out,
// such as testdata; an error there counts only if the folder has changed files.
func unloaded(out *tool.Report, errors map[string]any) (folders []string) {
	for name := range errors {
		folder := path.Clean(strings.TrimPrefix(name, out.Tree+"/"))
		changed := slices.ContainsFunc(out.Paths, func(file string) bool { return path.Dir(file) == folder })
		if name != "" && path.Ext(name) != ".go" && (changed || !aside.MatchString(folder)) {
			folders = append(folders, folder)
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

func parse(out *tool.Report, r report) {
	switch folders := unloaded(out, r.Errors); {
	case r.Stats.Files == 0 && len(r.Errors) > 0:
		out.Fail(&scanners.IncompleteError{Reason: "gosec could not load any package of Go."})
	case len(folders) > 0:
		out.Fail(&scanners.IncompleteError{Reason: fmt.Sprintf("gosec could not load %d of the packages of Go, such as that in the folder %q.", len(folders), folders[0])})
	}
	for _, i := range r.Issues {
		from, to, _ := strings.Cut(i.Line, "-")
		out.Add(scanners.Finding{
			Rule: i.Rule, Severity: min(tool.Severity(i.Severity), tool.Severity(i.Confidence)), CWE: tool.CWE(i.CWE.ID),
			Path: i.File, Line: out.Number(from), EndLine: out.Number(to),
			Title: trailer.ReplaceAllString(i.Details, ""), Message: i.Details,
		})
	}
}
