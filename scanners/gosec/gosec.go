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
		Derived:  golang.Derived(),
		Inputs:   golang.Packages,
		Fallback: golang.SyntaxEnv(),
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
	Errors map[string][]struct{ Error string } `json:"Golang errors"`
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
func (r report) unloaded(out *tool.Report) (folders []string) {
	for name := range r.Errors {
		folder := path.Clean(strings.TrimPrefix(name, out.Tree+"/"))
		changed := slices.ContainsFunc(out.Paths, func(file string) bool { return path.Dir(file) == folder })
		if name != "" && path.Ext(name) != ".go" && (changed || !aside.MatchString(folder)) {
			folders = append(folders, folder)
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// withoutModules returns the folders with a file whose imports were not found. There the rules that follow data
// through a program found nothing.
func (r report) withoutModules(out *tool.Report) (folders []string) {
	for name, errors := range r.Errors {
		if path.Ext(name) == ".go" && slices.ContainsFunc(errors, func(e struct{ Error string }) bool { return strings.HasPrefix(e.Error, "could not import ") }) {
			folders = append(folders, path.Dir(strings.TrimPrefix(name, out.Tree+"/")))
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// gaps reports what gosec did not load. What it could not load with its modules it loads again without them.
func (r report) gaps(out *tool.Report) {
	folders := r.unloaded(out)
	if !out.Fallback {
		switch {
		case r.Stats.Files < golang.Count(out.Dir(), out.Asked): // it may leave out a package without a word
			out.Again(out.Asked...)
		case len(folders) > 0:
			out.Again(asked(folders)...)
		}
		r.syntaxOnly(out, r.withoutModules(out))
		return
	}
	failed := asked(folders)
	r.syntaxOnly(out, slices.DeleteFunc(slices.Clone(out.Asked), func(folder string) bool { return slices.Contains(failed, folder) }))
	switch {
	case len(folders) > 0:
		out.Fail(&scanners.IncompleteError{
			Reason: fmt.Sprintf("gosec could not load the packages of Go in %s.", scanners.Some(quoted(folders), 3)), Paths: paths(folders),
		})
	case r.Stats.Files == 0:
		out.Fail(&scanners.IncompleteError{Reason: "gosec could not load any package of Go."})
	}
}

// syntaxOnly says where the rules that need the modules did not run.
func (r report) syntaxOnly(out *tool.Report, folders []string) {
	if len(folders) == 0 {
		return
	}
	out.Fail(&scanners.IncompleteError{
		Reason: fmt.Sprintf("gosec ran without the rules that follow data in %s, because Go could not load the modules that go.mod asks for: on the machine that runs gosec, run go mod download, with the version of Go that go.mod names.", scanners.Some(quoted(folders), 3)),
		Paths:  paths(folders), Notice: true,
	})
}

// asked returns folders as gosec is asked for them.
func asked(folders []string) (list []string) {
	for _, folder := range folders {
		list = append(list, "./"+strings.TrimPrefix(strings.TrimSuffix(folder, "/"), "./")+"/")
	}
	return list
}

// paths names the files of packages, or everything in a module.
func paths(folders []string) (list []string) {
	for _, folder := range folders {
		if module, ok := strings.CutSuffix(folder, "..."); ok {
			list = append(list, module)
		} else {
			list = append(list, path.Join(folder, "*.go"))
		}
	}
	return list
}

func quoted(folders []string) (list []string) {
	for _, folder := range folders {
		list = append(list, fmt.Sprintf("%.200q", path.Clean(strings.TrimSuffix(folder, "..."))))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func parse(out *tool.Report, r report) {
	r.gaps(out)
	for _, i := range r.Issues {
		from, to, _ := strings.Cut(i.Line, "-")
		out.Add(scanners.Finding{
			Rule: i.Rule, Severity: min(tool.Severity(i.Severity), tool.Severity(i.Confidence)), CWE: tool.CWE(i.CWE.ID),
			Path: i.File, Line: out.Number(from), EndLine: out.Number(to),
			Title: trailer.ReplaceAllString(i.Details, ""), Message: i.Details,
		})
	}
}
