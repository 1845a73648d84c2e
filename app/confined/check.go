package confined

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
)

// Bounds on what is believed of an answer. A scan that finds more is incomplete.
const (
	maxFindings = 100_000
	maxText     = 256 << 10 // of all texts of one finding
	maxRule     = 1000      // of the name of a rule
	maxNotices  = 1000
	maxLine     = 1 << 31
	maxParts    = 10_000 // steps, edits, aliases and extents of one finding
)

// believed returns the findings that can be true of the target: they name files of it and possible places, and their
// texts are valid and end somewhere. The error says how many were left out.
func believed(all []scanners.Finding, t scanners.Target) (found []scanners.Finding, err error) {
	files := map[[2]string]bool{}
	for _, f := range t.Files {
		files[[2]string{f.Path, f.Commit}] = true
	}
	return believedWhere(all, func(path, commit string) bool {
		if t.Scope == scanners.ScopeTree { // it may also be in a file that did not change
			return commit == "" && inside(path)
		}
		return files[[2]string{path, commit}]
	})
}

// believedWhere is [believed] for files of which there knows whether they were scanned.
func believedWhere(all []scanners.Finding, there func(path, commit string) bool) (found []scanners.Finding, err error) {
	refused := 0
	for _, f := range all {
		if !there(f.Path, f.Commit) || !possible(f, there) || len(found) == maxFindings {
			refused++
			continue
		}
		found = append(found, f)
	}
	if refused > 0 {
		err = &scanners.IncompleteError{Reason: fmt.Sprintf("It reported %d findings that cannot be true of the files that it scanned; they are left out.", refused)}
	}
	return found, err
}

// inside reports whether a path stays in the tree.
func inside(p string) bool { return fs.ValidPath(p) && p != "." && utf8.ValidString(p) }

// possible reports whether a finding may be shown, given the files that were scanned.
func possible(f scanners.Finding, there func(path, commit string) bool) bool {
	here := func(p string) bool { return inside(p) || there(p, f.Commit) }
	if f.Severity < scanners.Note || f.Severity > scanners.Critical || f.Protection < scanners.Problem || f.Protection > scanners.Missing {
		return false
	}
	if !placed(f.Line, f.EndLine, f.Column, f.EndColumn) || f.Line == 0 && f.Column != 0 {
		return false
	}
	if len(f.Flow)+len(f.Fixes)+len(f.Aliases)+len(f.Extents) > maxParts || f.Rule == "" || len(f.Rule) > maxRule || strings.Contains(f.Rule, "\n") {
		return false
	}
	texts := []string{f.Rule, f.Title, f.Message, f.Why, f.Help, f.HelpURL, f.CWE, f.Package, f.Purl}
	texts = append(texts, f.Aliases...)
	for _, s := range f.Flow {
		if !here(s.Path) || !placed(s.Line, s.Line, 0, 0) {
			return false
		}
		texts = append(texts, s.Message)
	}
	edits := 0
	for _, x := range f.Fixes {
		texts = append(texts, x.Title)
		if edits += len(x.Edits); edits > maxParts {
			return false
		}
		for _, e := range x.Edits {
			if !here(e.Path) || e.Line < 1 || !placed(e.Line, e.EndLine, e.Column, e.EndColumn) {
				return false
			}
			texts = append(texts, e.Text)
		}
	}
	if f.Fact != nil {
		texts = append(texts, f.Fact.Name, f.Fact.Text, f.Fact.Closed)
		for key, value := range f.Fact.Data {
			texts = append(texts, key, value)
		}
	}
	return len(f.Identity) <= maxText && valid(texts) && !strings.Contains(f.Help, "<!--") && webAddress(f.HelpURL)
}

func placed(line, end, column, endColumn int) bool {
	return !slices.ContainsFunc([]int{line, end, column, endColumn}, func(n int) bool { return n < 0 || n > maxLine }) && (end == 0 || end >= line)
}

func valid(texts []string) bool {
	size := 0
	for _, s := range texts {
		if size += len(s); size > maxText || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return false
		}
	}
	return true
}

// webAddress reports whether an address may be a link in a comment, or is empty.
func webAddress(address string) bool {
	if address == "" {
		return true
	}
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && path.Clean("/"+u.Host) == "/"+u.Host
}

// plainNotices returns the notices that can be shown.
func plainNotices(all []string) (list []string) {
	for _, one := range all[:min(len(all), maxNotices)] {
		if one = sentence(one); one != "" {
			list = append(list, one)
		}
	}
	return list
}
