// Package infra is what the scanners of infrastructure files have in common: the form of a rule,
// going through files one by one, and what counts as a secret or as an image without a version.
package infra

import (
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// A Rule is what is the same for all findings of one kind.
type Rule struct {
	ID       string
	Severity scanners.Severity
	Title    string
	Why      string
	Help     string
	URL      string // the guidance of those who make the thing
	CWE      string
	Source   string   // the section of a benchmark, or empty
	Aliases  []string // the ids of the same rule in Trivy (AVD-…) and Checkov (CKV…), sorted
}

// At makes a finding of the rule. The identity is made of the parts: names of what is wrong, never
// its place.
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

// Replace makes the fix that writes text over the characters from column to end of one line.
func Replace(path string, line, column, end int, text string) []scanners.Fix {
	return []scanners.Fix{{
		Title: "Write " + text,
		Edits: []scanners.Edit{{Path: path, Line: line, EndLine: line, Column: column, EndColumn: end, Text: text}},
	}}
}

// Name makes a name of the tree fit for a message: one short line of plain characters, since a
// stranger wrote it.
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
