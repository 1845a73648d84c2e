// Package baseline finds out which findings a change brings: it compares the findings at the head of a pull request with
// those at its merge base, and gives each a fingerprint that stays. It is pure.
//
// # Fingerprints
//
// Two findings are the same problem when scanner, rule and identity are equal. The content key is made of these three:
//
//	first 26 characters of lower-case base32(sha256("v1\0" scanner "\0" rule "\0" identity))
//
// where the identity is normalised: carriage returns are removed, every run of white space (line ends, tabs and
// no-break spaces too) becomes one space, both ends are trimmed. There is no path and no line number in it, so it
// survives moved lines, renamed files, other indentation, CRLF, squash and rebase. In place of a text of the tree, a
// review passes the hex SHA-256 of the normalised text, since findings are stored and their text may hold a secret: the
// fingerprints that people see are made of that.
//
// The fingerprint is the key, a colon and an ordinal from 1, in the manner of GitHub's primaryLocationLineHash. The
// ordinal distinguishes findings of one pull request that are equal in rule and text. It stays because the caller
// passes the fingerprints that are already shown there, see [Known].
//
// The format is frozen: it is in the comments of pull requests and in the ledger.
//
// # States
//
// Findings of one key are matched as a multiset. First, head and base are paired in the same block (a resource, a
// stage, an object, a service, a job, a function; else the file) of the same file (under its other name, if it was
// renamed), the nearest lines first. Then findings are paired whose block moved, see [Change]: it is no longer in the
// one file, was not in the other before, and its text is alike. A secret is the same wherever it is, and in any
// text: its value decides, see value.go. A pair is
// unchanged and has the head's place; a finding without a partner is new at the head, and absent at the base. So a
// second copy of an old problem is one new finding, a moved problem is none, and a problem that is fixed in one place
// does not make up for a similar one in another.
//
// What is left is compared once more, by its lines: an identity often holds the name of the thing that a finding is in,
// or whole lines of code. Findings of one rule in one file are a pair if they are in the same thing, which may have got
// another name, and if their lines say the same, whatever their comments, quotes and white space. The same lines in a
// thing of the same name are no pair: what differs there is the reason.
//
// A pair is new as well if the head goes further than the base did, see [scanners.Worse]: it has a higher severity, or
// more ports, rights or people. If it goes less far, it is unchanged.
//
// A finding in a version in between, which neither head nor base has, is new too: it is gone from the tree but not from
// the history. If several versions hold it, it is one result.
//
// A finding about a protection is a result only where the change removed the protection, see [scanners.Protection]. It
// is new then, and an ordinary finding for all who see the result.
package baseline

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// Input holds the findings of one scanner. The zero value is a pull request without findings.
type Input struct {
	Head    []scanners.Finding // at the head
	Base    []scanners.Finding // at the merge base
	History []scanners.Finding // in versions in between, oldest commit first

	Renames map[string]string // from the path at the head to the path at the base
	Change  *Change           // the texts of the changed files; nil if they are not known
	Known   []Known           // in any order

	// Versions holds the texts of the versions in between.
	Versions map[Version][]byte

	// Regraded says that different versions of the scanner scanned head and base, so that their severities cannot be
	// compared.
	Regraded bool

	// Apart says that neither end was made from the other, so that nothing moved to another block or got another name
	// between them. A secret is the same in its file.
	Apart bool
}

// Known is a finding that is already shown on the pull request, as new.
type Known struct {
	Fingerprint string // ignored if this package did not make it
	Path        string // at the head at which it was last shown
	Line        int
}

// Compare returns a result for every problem, in the order of path, line, column and rule. Fingerprints are unique
// among the results. A known fingerprint stays with the same problem: it goes to the new finding in the same file on
// the nearest line, else to another new finding, and only if there is none, to an unchanged or an absent one. A known
// finding that matches nothing is not among the results.
//
// The order of the input matters for History alone: of equal findings the first is reported.
func Compare(scanner scanners.Info, in Input) []scanners.Result {
	groups := map[string]*group{}
	at := func(f scanners.Finding) *group {
		k := key(scanner.Name, f)
		if groups[k] == nil {
			groups[k] = &group{key: k, everywhere: scanner.Once || scanner.Gate == scanners.Secrets}
		}
		return groups[k]
	}
	for _, f := range in.Head {
		g := at(f)
		to := choose(f, &g.head, &g.guardedHead)
		*to = append(*to, f)
	}
	for _, f := range in.Base {
		g := at(f)
		to := choose(f, &g.base, &g.guardedBase)
		*to = append(*to, f)
	}
	for _, f := range in.History {
		if f.Protection != scanners.Problem {
			continue // a protection that came and went is no finding
		}
		if g := at(f); len(g.head)+len(g.base)+len(g.history) == 0 {
			g.history = append(g.history, f)
		}
	}
	for _, k := range in.Known {
		name, number, _ := strings.Cut(k.Fingerprint, ":")
		ordinal, err := strconv.Atoi(number)
		if g := groups[name]; g != nil && err == nil && ordinal > 0 && fingerprint(name, ordinal) == k.Fingerprint {
			g.known = append(g.known, known{k, ordinal})
		}
	}

	work := &effort{}
	var matches []*comparison
	for _, k := range slices.Sorted(maps.Keys(groups)) {
		matches = append(matches, groups[k].compare(in, work))
	}
	if scanner.Gate == scanners.Secrets {
		in.sameValues(matches)
	}
	narrow(matches)
	if in.Change != nil && !in.Apart {
		in.retold(matches)
		in.unprotected(matches)
	}
	var results []scanners.Result
	for _, m := range matches {
		for _, r := range m.results(in) {
			r.Scanner, r.Gate = scanner.Name, scanner.Gate
			results = append(results, r)
		}
	}
	slices.SortFunc(results, func(a, b scanners.Result) int {
		return cmp.Or(compare(a.Finding, b.Finding), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return results
}

// compare orders findings by everything that a reader can see, so that the order of the input does not matter.
func compare(a, b scanners.Finding) int {
	c := cmp.Or(
		cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.EndLine, b.EndLine), cmp.Compare(a.EndColumn, b.EndColumn), cmp.Compare(a.Commit, b.Commit),
		cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Title, b.Title), cmp.Compare(a.Message, b.Message), cmp.Compare(a.Why, b.Why),
		cmp.Compare(a.Help, b.Help), cmp.Compare(a.HelpURL, b.HelpURL), cmp.Compare(a.CWE, b.CWE), cmp.Compare(a.Identity, b.Identity),
		cmp.Compare(a.Package, b.Package), cmp.Compare(a.Purl, b.Purl), cmp.Compare(a.Protection, b.Protection), slices.Compare(a.Aliases, b.Aliases),
		slices.CompareFunc(a.Extents, b.Extents, func(a, b scanners.Extent) int {
			return cmp.Or(cmp.Compare(a.Of, b.Of), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
		}), cmp.Compare(len(a.Extents), len(b.Extents)),
	)
	if c == 0 && len(a.Flow)+len(b.Flow)+len(a.Fixes)+len(b.Fixes) > 0 { // rarely, since it is slow
		c = cmp.Compare(fmt.Sprint(a.Flow, a.Fixes), fmt.Sprint(b.Flow, b.Fixes))
	}
	return c
}

// lower is base32 without upper case and padding.
var lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func key(scanner string, f scanners.Finding) string {
	// 26 characters are 130 bits.
	sum := sha256.Sum256([]byte("v1\x00" + scanner + "\x00" + f.Rule + "\x00" + Normalise(f.Identity)))
	return lower.EncodeToString(sum[:])[:26]
}

func fingerprint(key string, ordinal int) string { return key + ":" + strconv.Itoa(ordinal) }

// Normalise returns the part of an identity that is compared.
func Normalise(identity string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(identity, "\r", "")), " ")
}

// Seal replaces identities, and the words of extents, by their digests. The database then holds no text of the tree
// that a scanner took for an identity, in which there may be a secret.
func Seal(found []scanners.Finding) {
	for i := range found {
		sum := sha256.Sum256([]byte(Normalise(found[i].Identity)))
		found[i].Identity = hex.EncodeToString(sum[:])
		found[i].Extents = sealed(found[i].Extents)
	}
}

// sealed returns extents whose words are digests, each step of a path by itself.
func sealed(list []scanners.Extent) (out []scanners.Extent) {
	for _, e := range list {
		steps := strings.Split(e.Of, "/")
		for i, step := range steps {
			sum := sha256.Sum256([]byte(step))
			steps[i] = hex.EncodeToString(sum[:8])
		}
		e.Of = strings.Join(steps, "/")
		out = append(out, e)
	}
	return out
}
