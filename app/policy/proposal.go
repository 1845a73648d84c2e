package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// CodeQL is the name of CodeQL here. It runs in a workflow, which sends its findings.
const CodeQL = "codeql"

// A Proposal is a policy file that a change brings in.
type Proposal struct {
	File    strictyaml.Document // unless it is removed
	Removed bool                // the change removes the file

	Before Policy
	With   func(Layer) Policy // the effective policy with the file
	Open   []Subject          // open findings that it may affect
	Known  []string           // names of scanners, see [KnownScanners]
}

// A Remark is a message to the author of a policy at one of its lines.
type Remark struct {
	strictyaml.Problem
	Level, Title string // as of an annotation
}

// Review checks the file, so that a mistake is shown on the line that makes it, and previews its effect. It decides
// nothing about the change that brings the file in. The notices are plain text.
func (p Proposal) Review() (remarks []Remark, notices []string, err error) {
	var layer Layer
	if !p.Removed {
		layer, err = Read(p.File)
	}
	var problems strictyaml.Problems
	switch {
	case errors.As(err, &problems):
		for _, problem := range problems {
			remarks = append(remarks, Remark{problem, "failure", "Not a valid policy"})
		}
		return remarks, []string{fmt.Sprintf("This pull request makes %s invalid: %s", File, problems[0])}, nil
	case err != nil:
		return nil, nil, err
	}
	says := "removes"
	if !p.Removed {
		says = "changes"
		for _, problem := range UnknownScanners(p.File, p.Known) {
			remarks = append(remarks, Remark{problem, "warning", "A scanner that is not known here"})
		}
	}
	after := p.With(layer)
	notices = append(notices, fmt.Sprintf("This pull request %s %s. The change takes effect when it is merged; this review follows the policy of the base. %s",
		says, File, Compare(p.Before, after, p.Open).sentences(len(p.Open))))
	most := len(notices) + maxNamed
	for _, one := range after.Refused {
		if one.Origin.File != File {
			continue // of the organisation
		}
		remarks = append(remarks, Remark{strictyaml.Problem{File: one.Origin.File, Line: one.Origin.Line, Column: one.Origin.Column, Message: one.Key.String() + ": " + one.Because}, "warning", "Refused by a guardrail"})
		same := func(other Refusal) bool {
			return other.Origin.Layer == Repository && slices.Equal(other.Key, one.Key) && other.Because == one.Because
		}
		if len(notices) < most && !slices.ContainsFunc(p.Before.Refused, same) { // see [Policy.RefusalNotices]
			notices = append(notices, "Not taken: "+one.String()+".")
		}
	}
	return remarks, notices, nil
}

// UnreadableProposal is the notice about a file that cannot be read.
const UnreadableProposal = "This pull request makes " + File + " unreadable: it has to be a regular file of less than 256 KiB."

// KnownScanners returns the sorted names of scanners that a policy may name, including CodeQL.
func KnownScanners(names ...string) []string {
	names = append(slices.Clone(names), CodeQL)
	slices.Sort(names)
	return slices.Compact(names)
}

// UnknownScanners finds the places where a valid policy names unknown scanners. These are not mistakes, since a
// workflow may send results of any scanner.
func UnknownScanners(file strictyaml.Document, known []string) (list strictyaml.Problems) {
	_, err := Read(file, known...)
	_ = errors.As(err, &list) // since the file is valid, no other problem is possible
	return list
}

// RequiredElsewhere lists the scanners that the policy requires and that are not in here.
func (p Policy) RequiredElsewhere(here ...string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(p.Scanners)) {
		if p.Scanners[name] && !slices.Contains(here, name) {
			names = append(names, name)
		}
	}
	return names
}

// RefusalNotices lists in one plain-text notice the values of a repository's policy at the base that a guardrail
// refuses; it returns none if there are none. Refused values of an organisation's own file do not concern the readers
// of a repository.
func (p Policy) RefusalNotices() []string {
	var list []string
	for _, one := range p.Refused {
		if one.Origin.Layer == Repository {
			list = append(list, one.String()+".")
		}
	}
	if len(list) == 0 {
		return nil
	}
	if more := len(list) - maxRefused; more > 0 {
		list = append(list[:maxRefused], fmt.Sprintf("And %d more: secbydesign config explain has all.", more))
	}
	return []string{"Refused at the base: " + strings.Join(list, " ")}
}

// maxRefused is small, because every review says it.
const maxRefused = 3

// maxNamed bounds how many things of one kind are named; the annotations and config explain list all.
const maxNamed = 10

// sentences describes the changes for users; open is how many findings were compared.
func (v Preview) sentences(open int) string {
	said := "It would change nothing for this repository."
	if len(v.Changed) > 0 {
		said = "It would change " + v.keys() + "."
	}
	if open == 0 {
		return said + " No finding is open that it would concern."
	}
	var parts []string
	for _, one := range []struct {
		ids  []string
		what string
	}{{v.Appear, "appear"}, {v.Vanish, "vanish"}, {v.Block, "begin to fail the check"}, {v.Relent, "fail the check no more"}} {
		if n := len(one.ids); n > 0 {
			ids := strings.Join(one.ids[:min(n, maxNamed)], ", ")
			if n > maxNamed {
				ids += ", …"
			}
			parts = append(parts, fmt.Sprintf("%d would %s (%s)", n, one.what, ids))
		}
	}
	if len(parts) == 0 {
		parts = []string{"none would appear, vanish or begin to fail the check"}
	}
	return fmt.Sprintf("%s Of %d findings that are open in pull requests here, %s.", said, open, strings.Join(parts, ", "))
}

func (v Preview) keys() string {
	var parts []string
	for i, c := range v.Changed {
		if i == maxNamed {
			parts = append(parts, fmt.Sprintf("and %d more", len(v.Changed)-i))
			break
		}
		from, to := c.From, c.To
		if from == "" {
			from = "nothing"
		}
		if to == "" {
			to = "nothing"
		}
		parts = append(parts, fmt.Sprintf("%s from %s to %s", c.Key, from, to))
	}
	return strings.Join(parts, ", ")
}
