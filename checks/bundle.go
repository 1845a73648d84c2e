package checks

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// A bundle holds the findings that one thread describes: a finding, and others about the same package at
// the same place. A fix of the first most often fixes the others as well. The thread has the fingerprint
// of the first.
type bundle struct {
	Finding
	with []Finding // worst first
}

// bundles groups findings into bundles, worst first. A finding that has a thread keeps it, and the
// others join the finding whose thread is open, so that a thread stays in use while its finding is there.
func (in Input) bundles(shown []Finding) (list []bundle) {
	type about struct {
		scanner, path, name string
		line                int
	}
	packages := map[about][]Finding{}
	for _, f := range shown {
		if f.Package == "" || f.Commit != "" {
			list = append(list, bundle{Finding: f})
			continue
		}
		key := about{f.Scanner, f.Path, f.Package, f.Line}
		packages[key] = append(packages[key], f)
	}
	for _, all := range packages {
		slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(in.standing(a), in.standing(b)) })
		first := bundle{Finding: all[0]}
		for _, f := range all[1:] {
			if in.hasThread(f) {
				list = append(list, bundle{Finding: f})
			} else {
				first.with = append(first.with, f)
			}
		}
		list = append(list, first)
	}
	slices.SortStableFunc(list, func(a, b bundle) int {
		return cmp.Or(WorstFirst(a.worst(), b.worst()), WorstFirst(a.Finding, b.Finding))
	})
	return list
}

// standing orders findings by the state of their threads: open, closed, none.
func (in Input) standing(f Finding) int {
	switch open, ok := in.Threads[f.Fingerprint]; {
	case open:
		return 0
	case ok:
		return 1
	}
	return 2
}

func (b bundle) worst() Finding {
	if len(b.with) > 0 && WorstFirst(b.with[0], b.Finding) < 0 {
		return b.with[0]
	}
	return b.Finding
}

func (b bundle) headline() string {
	what := title(b.Finding)
	if len(b.with) > 0 {
		what = fmt.Sprintf("%d known vulnerabilities in %s", 1+len(b.with), Cut(Plain(b.Package), 80))
	}
	return fmt.Sprintf("**%s: %s**", severityWord(b.worst()), Escape(what))
}

// maxWith is how many of its other findings a thread names. The check lists all of them.
const maxWith = 50

// others lists the bundle's other findings in a fold. It is empty if there are none.
func (b bundle) others() string {
	if len(b.with) == 0 {
		return ""
	}
	var lines []string
	for i, f := range b.with {
		if i == maxWith {
			lines = append(lines, fmt.Sprintf("- … and %d more, listed in the check", len(b.with)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("- **%s** %s %s · `%s`%s", severityWord(f), Escape(Cut(f.Message, maxWhy)), Code(f.RuleID()), f.ID(), lapsedText(f)))
	}
	return fold(fmt.Sprintf("%d more: %s", len(b.with), bySeverity(b.with)), strings.Join(lines, "\n"))
}

// left says how many of the other findings that a thread describes are still there once its own is fixed.
// It is empty if there are none.
func left(body string, standing map[string]bool) string {
	named := map[string]bool{}
	for _, id := range ids.FindAllString(body, -1) {
		named[strings.Trim(id, "`")] = true
	}
	n := 0
	for fingerprint := range standing {
		if named[scanners.ID(fingerprint)] {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return "; " + plural(n, "more of these stands, and has a thread of its own", "more of these stand, and have a thread of their own")
}

// more reports whether the new text names findings that the text before does not name.
func more(before, now string) bool {
	named := ids.FindAllString(before, -1)
	return slices.ContainsFunc(ids.FindAllString(now, -1), func(id string) bool { return !slices.Contains(named, id) })
}

var ids = regexp.MustCompile("`F-[A-Z2-7]{8}`")

// findingsIn returns the number of findings that the headline of a thread mentions.
func findingsIn(headline string) int {
	if m := several.FindStringSubmatch(headline); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return n
		}
	}
	return 1
}

var several = regexp.MustCompile(`^[A-Z][a-z]+(?:, blocking)?: ([0-9]{1,4}) known vulnerabilities in `)
