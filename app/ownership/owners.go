// Package ownership decides who owns a path and who may decide what. It is pure: its inputs are files at the base of the
// pull request, and GitHub's information about a person.
//
// From the bottom up: owners.go reads CODEOWNERS, catalog.go the catalog files of Backstage, and map.go answers who owns
// a path. rules.go decides who may decide what.
package ownership

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/scanners"
)

// Files returns the possible places of a CODEOWNERS file. The first one that exists counts.
// https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#codeowners-file-location
func Files() []string { return []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} }

// Owners holds the rules of a CODEOWNERS file. The zero value has none.
type Owners struct {
	rules []rule
	large bool
}

// TooLarge reports whether the file has no rules because of its size.
func (o Owners) TooLarge() bool { return o.large }

// A rule is one line of a CODEOWNERS file.
type rule struct {
	globs  []string // of doublestar; any of them
	owners []string
	mails  int // e-mail addresses, of which nobody knows here whose they are
	line   int // from 1
}

// maxProblems bounds how many problems are reported, for a file that is not a CODEOWNERS file at all.
const maxProblems = 20

// GitHub ignores a larger file
// (https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#codeowners-file-size),
// and each line is compared with each path.
const (
	maxSize  = 3 << 20 // bytes
	maxLines = 100_000
	maxLine  = 10_000 // bytes
)

// Parse reads a CODEOWNERS file. A wrong line is left out, as GitHub does, and reported in one sentence; the others
// count. A file that is too large has no rules.
func Parse(text string) (Owners, []string) {
	text = string(scanners.Decode([]byte(text)))
	if lines := strings.Count(text, "\n"); len(text) > maxSize || lines > maxLines {
		return Owners{large: true}, []string{fmt.Sprintf("it has %d KB and %d lines, and with more than %d KB or %d lines it is not read", len(text)>>10, lines, maxSize>>10, maxLines)}
	}
	var o Owners
	var problems []string
	n := 0
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		n++
		r, err := parseLine(line)
		switch {
		case err != nil && len(problems) < maxProblems:
			problems = append(problems, fmt.Sprintf("line %d: %v", n, err))
		case err == nil && len(r.globs) > 0:
			r.line = n
			o.rules = append(o.rules, r)
		}
	}
	return o, problems
}

// The forms of an owner.
var (
	teamForm = regexp.MustCompile(`^@[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$`)
	userForm = regexp.MustCompile(`^@[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)
	mailForm = regexp.MustCompile(`^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$`)
)

// IsOwner reports whether a text names a person or a team: "@person" or "@org/team".
func IsOwner(s string) bool { return teamForm.MatchString(s) || userForm.MatchString(s) }

// parseLine reads one line. The rule of a line without one is zero.
func parseLine(line string) (r rule, err error) {
	if strings.ContainsRune(line, 0) || len(line) > maxLine {
		return r, errors.New("this is no line of text")
	}
	line, _, _ = strings.Cut(line, "#") // GitHub knows no way to write one otherwise
	pattern, rest := cutPattern(strings.Trim(line, " \t"))
	if pattern == "" {
		return r, nil
	}
	if r.globs, err = globsOf(pattern); err != nil {
		return rule{}, err
	}
	written := strings.FieldsFunc(rest, func(c rune) bool { return c == ' ' || c == '\t' })
	for _, name := range written {
		switch {
		case IsOwner(name):
			r.owners = append(r.owners, name)
		case mailForm.MatchString(name):
			r.mails++
		}
	}
	if len(written) > 0 && len(r.owners)+r.mails == 0 {
		return rule{}, errors.New("no owner is a person, a team or an e-mail address")
	}
	return r, nil
}

// cutPattern returns what is before the first space that no backslash escapes, and the rest.
func cutPattern(line string) (pattern, rest string) {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case ' ', '\t':
			return line[:i], line[i+1:]
		}
	}
	return line, ""
}

// globsOf returns the globs that match the files of a pattern.
// https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#codeowners-syntax
// says which of the patterns of gitignore do not work.
func globsOf(pattern string) (globs []string, err error) {
	switch {
	case strings.HasPrefix(pattern, "!"), strings.ContainsAny(pattern, "[]"), strings.Contains(pattern, "***"), trailing(pattern, '\\')%2 == 1:
		return nil, errors.New("the pattern is not understood")
	case pattern == "/":
		return nil, errors.New("the pattern matches nothing; all files are *")
	}
	anchored := strings.Contains(strings.TrimSuffix(pattern, "/"), "/")
	glob := strings.NewReplacer("{", `\{`, "}", `\}`).Replace(strings.TrimPrefix(pattern, "/"))
	if !anchored {
		glob = "**/" + glob
	}
	folder, last := glob[:strings.LastIndex(glob, "/")+1], glob[strings.LastIndex(glob, "/")+1:]
	switch {
	case last == "", last == "**": // what is in the folder
		globs = []string{folder + "*/**"}
	case last == "*" && anchored:
		globs = []string{glob}
	default: // the file, or what is in the folder of that name
		globs = []string{glob, glob + "/*/**"}
	}
	for _, g := range globs {
		if !doublestar.ValidatePattern(g) {
			return nil, errors.New("the pattern is not understood")
		}
	}
	return globs, nil
}

// trailing counts the bytes b at the end of s.
func trailing(s string, b byte) (n int) {
	for n < len(s) && s[len(s)-1-n] == b {
		n++
	}
	return n
}

// Of returns the owners of a path, "@person" and "@org/team", in the order of the file. Of the lines that match, the
// last one counts; if it has no owners, the path has none. E-mail addresses are left out: nobody knows here whose they
// are.
func (o Owners) Of(path string) []string {
	r, _ := o.rule(path)
	return slices.Clone(r.owners)
}

// rule returns the last line that matches a path.
func (o Owners) rule(path string) (rule, bool) {
	for _, r := range slices.Backward(o.rules) {
		if slices.ContainsFunc(r.globs, func(glob string) bool { return doublestar.MatchUnvalidated(glob, path) }) {
			return r, true
		}
	}
	return rule{}, false
}
