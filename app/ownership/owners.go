// Package ownership decides who owns a path and who may decide what. It is pure: its inputs are the CODEOWNERS file at
// the base of the pull request, and GitHub's information about a person.
//
// owners.go answers the first question. May, in may.go, answers the second, by the rules of rules.go and agents.go; offer.go
// says what texts may offer.
package ownership

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hmarr/codeowners"

	"github.com/secbydesign/secbydesign/scanners"
)

// Files returns the possible places of a CODEOWNERS file. The first one that exists counts.
// https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#codeowners-file-location
func Files() []string { return []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} }

// Owners holds the rules of a CODEOWNERS file. The zero value has none.
type Owners struct{ rules codeowners.Ruleset }

// maxProblems bounds how many problems are reported, for a file that is not a CODEOWNERS file at all.
const maxProblems = 20

// GitHub ignores a larger file
// (https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#codeowners-file-size),
// and each line takes some kilobytes here and is compared with each path.
const (
	maxSize  = 3 << 20 // bytes
	maxLines = 20_000
)

// unknown stands for an owner that is neither a person nor a team, such as a misspelled address. The library would
// refuse the whole file because of it.
const unknown = "unknown"

// Parse reads a CODEOWNERS file. A wrong line is left out, as GitHub does, and reported in one sentence; the others
// count. A file that is too large has no rules.
func Parse(text string) (Owners, []string) {
	text = string(scanners.Decode([]byte(text)))
	if lines := strings.Count(text, "\n"); len(text) > maxSize || lines > maxLines {
		return Owners{}, []string{fmt.Sprintf("it has %d KB and %d lines, and with more than %d KB or %d lines it is not read", len(text)>>10, lines, maxSize>>10, maxLines)}
	}
	var o Owners
	var problems []string
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		rule, err := parseLine(line)
		if err == nil && rule == nil {
			continue
		}
		if err == nil {
			rule.LineNumber = i + 1
			o.rules = append(o.rules, *rule)
			continue
		}
		if len(problems) < maxProblems {
			problems = append(problems, fmt.Sprintf("line %d: %v", i+1, err))
		}
	}
	return o, problems
}

// parseLine returns nil for a line that holds no rule.
func parseLine(line string) (rule *codeowners.Rule, err error) {
	defer func() {
		if recover() != nil { // a panic of the library: anybody who can push to the base writes the file
			rule, err = nil, fmt.Errorf("the line cannot be read")
		}
	}()
	if strings.ContainsRune(line, 0) || len(line) > 10_000 {
		return nil, fmt.Errorf("this is no line of text")
	}
	matchers := append(slices.Clone(codeowners.DefaultOwnerMatchers), codeowners.OwnerMatchFunc(func(s string) (codeowners.Owner, error) {
		return codeowners.Owner{Value: s, Type: unknown}, nil
	}))
	rules, err := codeowners.ParseFile(strings.NewReader(line), codeowners.WithOwnerMatchers(matchers))
	if err != nil {
		return nil, fmt.Errorf("the line is not understood")
	}
	if len(rules) == 0 {
		return nil, nil
	}
	r := rules[0]
	written := len(r.Owners)
	r.Owners = slices.DeleteFunc(r.Owners, func(o codeowners.Owner) bool { return o.Type == unknown })
	if written > 0 && len(r.Owners) == 0 {
		return nil, fmt.Errorf("no owner is a person, a team or an e-mail address")
	}
	if _, err := r.Match("a"); err != nil {
		return nil, fmt.Errorf("the pattern is not understood")
	}
	return &r, nil
}

// Of returns the owners of a path, "@person" and "@org/team", in the order of the file. Of the lines that match, the
// last one counts; if it has no owners, the path has none. E-mail addresses are left out: nobody knows here whose they
// are.
func (o Owners) Of(path string) (owners []string) {
	defer func() {
		if recover() != nil {
			owners = nil
		}
	}()
	rule, err := o.rules.Match(path)
	if err != nil || rule == nil {
		return nil
	}
	for _, owner := range rule.Owners {
		if owner.Type != codeowners.EmailOwner {
			owners = append(owners, "@"+owner.Value)
		}
	}
	return owners
}
