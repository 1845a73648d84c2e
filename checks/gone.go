package checks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// A secret that was pushed is never fixed by another push: whoever has seen the commit knows it, and GitHub serves a
// commit by its id also when no branch holds it any more
// (https://docs.github.com/authentication/keeping-your-account-and-data-secure/removing-sensitive-data-from-a-repository).
// So a thread of such a finding ends with what is left to do.

// Pushed reports whether a finding says that the change or its base holds a secret, which has to be revoked even when
// it is gone.
func Pushed(f Finding) bool { return f.Gate == scanners.Secrets || pushedCWE[f.CWE] }

// pushedCWE are the kinds of hard-coded credentials and keys.
var pushedCWE = map[string]bool{"CWE-259": true, "CWE-321": true, "CWE-798": true}

// smallCWE finds the CWE in the last line of a comment, see [smallPrint].
var smallCWE = regexp.MustCompile(`(?m)^<sub>(?:.* · )?(CWE-[0-9]+) · .*</sub>$`)

// pushed reports whether a thread is about a secret that was pushed.
func (in Input) pushed(t Thread) bool {
	if m := smallCWE.FindStringSubmatch(t.Body); m != nil && pushedCWE[m[1]] {
		return true
	}
	return slices.ContainsFunc(in.Gates, func(g Gate) bool {
		return slices.ContainsFunc(g.Runs, func(r scanners.Run) bool { return r.Scanner == t.Scanner && r.Gate == scanners.Secrets })
	})
}

// goneHow is how a thread ends whose secret is not found any more. A scanner of the history knows that no commit of
// the branch holds it.
func (in Input) goneHow(t Thread, head string) string {
	from := "code"
	if in.History[t.Scanner] {
		from = "branch"
	}
	return fmt.Sprintf("Gone from the %s since %s, but not fixed: GitHub keeps the commit that held the secret reachable. Revoke the secret, unless that was done.", from, ShortCode(head))
}

// goneBody matches the text of a thread that ended by [Input.goneHow]: the commit and the headline.
var goneBody = regexp.MustCompile(`\A\*\*Gone from the (?:branch|code) since (\x60[^\x60\n]+\x60), but not fixed: [^*\n]+\*\*` + regexp.QuoteMeta(foldOpen) + `\*\*([^\n]+)\*\*\n`)

// A goneSecret is what the text of a closed thread says about its secret.
type goneSecret struct{ what, scanner, commit, id string }

// goneIn returns the secrets of closed threads that were gone without being fixed.
func goneIn(threads []Thread) (list []goneSecret) {
	for _, t := range threads {
		if m := goneBody.FindStringSubmatch(strings.ReplaceAll(t.Body, "\r\n", "\n")); m != nil {
			list = append(list, goneSecret{m[2] + ", in " + Code(t.Path), t.Scanner, m[1], scanners.ID(t.Fingerprint)})
		}
	}
	return list
}

// gone returns the secrets of the threads that exist, as they are once the threads are reconciled.
func (rep Report) gone(threads []Thread, head string) []goneSecret {
	seen := map[string]bool{}
	var ended []Thread
	for _, t := range threads {
		if seen[t.Fingerprint] || rep.Standing[t.Fingerprint] {
			continue
		}
		seen[t.Fingerprint] = true
		ended = append(ended, rep.unwanted(t, head).After())
	}
	return goneIn(ended)
}

// goneText lists secrets that are gone without being fixed, as lines of Markdown, and says what is left to do.
func goneText(list []goneSecret) string {
	head := "**1 secret is gone from the branch, but not fixed.** GitHub keeps the commit that held it reachable. Revoke the secret, unless that was done:"
	if n := len(list); n > 1 {
		head = fmt.Sprintf("**%d secrets are gone from the branch, but not fixed.** GitHub keeps the commits that held them reachable. Revoke the secrets, unless that was done:", n)
	}
	lines := []string{head, ""}
	for i, s := range list {
		if i == credited {
			lines = append(lines, fmt.Sprintf("- and %d more", len(list)-i))
			break
		}
		lines = append(lines, "- "+s.what+" · gone since "+s.commit+" · `"+s.id+"`")
	}
	return strings.Join(lines, "\n")
}
