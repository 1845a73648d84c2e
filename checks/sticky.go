package checks

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// A Sticky is a comment of ours in the conversation that we edit in place. There is one for each name.
type Sticky struct {
	ID        int64  // REST id
	Node      string // GraphQL id
	Name      string // see [StickyName]
	Body      string
	Minimized bool
}

// Summary is the name of the comment that lists the open findings.
const Summary = "summary"

// The format is frozen, like that of a thread's marker: "summary", or "card=" and a word.
var stickyMarker = regexp.MustCompile(`(?:\A|\n)<!-- secbydesign:v1 (summary|card=[a-z]+) -->\z`)

func markerOf(name string) string { return "<!-- secbydesign:v1 " + name + " -->" }

// StickyMarker returns the last line of a sticky comment of a name.
func StickyMarker(name string) string { return markerOf(name) }

// StickyName returns the name of a sticky comment from the marker in its last line, or "" for any other comment.
// The caller has to check who wrote it.
func StickyName(body string) string {
	m := stickyMarker.FindStringSubmatch(strings.TrimRight(strings.ReplaceAll(body, "\r\n", "\n"), " \n"))
	if m == nil {
		return ""
	}
	return m[1]
}

// A StickyPlan holds the writes after which there is one sticky comment of a name, or none.
type StickyPlan struct {
	Create string   // text of a new comment; empty to create none
	Edit   Sticky   // the comment that exists
	Body   string   // its new text; empty to leave it
	Hide   []Sticky // duplicates of ours, from two processes at once
}

// Empty reports whether there is nothing to do.
func (p StickyPlan) Empty() bool { return p.Create == "" && p.Body == "" && len(p.Hide) == 0 }

// ReconcileSticky compares the wanted text of the sticky comment of a name with the sticky comments that exist, of
// any name. An empty text creates no comment and leaves one that exists. Of several the oldest is kept.
func ReconcileSticky(name, want string, have []Sticky) (p StickyPlan) {
	have = slices.DeleteFunc(slices.Clone(have), func(s Sticky) bool { return s.Name != name })
	if len(have) == 0 {
		p.Create = want
		return p
	}
	slices.SortFunc(have, func(a, b Sticky) int { return cmp.Compare(a.ID, b.ID) })
	p.Edit = have[0]
	if want != "" && !same(p.Edit.Body, want) {
		p.Body = want
	}
	for _, n := range have[1:] {
		if !n.Minimized {
			p.Hide = append(p.Hide, n)
		}
	}
	return p
}
