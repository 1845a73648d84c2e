// Package infra holds what the scanners of infrastructure files have in common: the form of a rule, the
// loop over the files, and what counts as a secret or as an image without a version.
package infra

import (
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// A Rule holds what all findings of one kind have in common.
type Rule struct {
	ID       string
	Severity scanners.Severity
	Title    string
	Why      string
	Help     string
	URL      string // guidance by the makers of the technology
	CWE      string
	Source   string   // the section of a benchmark, or empty
	Aliases  []string // the ids of the same rule in Trivy (AVD-…) and Checkov (CKV…), sorted
}

// At returns a finding of the rule. The identity consists of the given parts, which name what is wrong but
// never its place.
func (r Rule) At(path string, line, endLine int, message string, identity ...string) scanners.Finding {
	help := r.Help
	if r.Source != "" {
		help += " (" + r.Source + ")"
	}
	return scanners.Finding{
		Rule:     r.ID,
		Severity: r.Severity,
		Path:     path,
		Line:     line,
		EndLine:  max(line, endLine),
		Title:    r.Title,
		Message:  message,
		Why:      r.Why,
		Help:     help,
		HelpURL:  r.URL,
		CWE:      r.CWE,
		Aliases:  r.Aliases,
		Identity: strings.Join(identity, " "),
	}
}

// Kept returns what the rule says about a setting that protects an object: whether a line sets it. The texts of
// the rule say that it was removed.
func (r Rule) Kept(is bool, path string, line int, message string, identity ...string) scanners.Finding {
	f := r.At(path, line, line, message, identity...)
	f.Protection = scanners.Missing
	if is {
		f.Protection = scanners.Kept
	}
	return f
}

// Replace returns the fix that writes text over the characters from column to end of one line.
func Replace(path string, line, column, end int, text string) []scanners.Fix {
	return []scanners.Fix{{
		Title: "Write " + text,
		Edits: []scanners.Edit{{Path: path, Line: line, EndLine: line, Column: column, EndColumn: end, Text: text}},
	}}
}

// Name makes a name from the tree fit for a message: one short line of plain characters, because it is
// untrusted.
func Name(s string) string {
	const longest = 80
	var b strings.Builder
	for _, r := range s {
		switch {
		case b.Len() >= longest:
			return b.String() + "…"
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_-./:*@+=,", r):
			b.WriteRune(r)
		default:
			b.WriteRune('?')
		}
	}
	return b.String()
}
