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

// A Note is a comment of ours in the conversation that carries the summary's marker.
type Note struct {
	ID        int64  // REST id
	Node      string // GraphQL id
	Body      string
	Minimized bool
}

// The format is frozen, as that of a thread's marker.
const summaryMarker = "<!-- secbydesign:v1 summary -->"

// IsSummary reports whether a comment carries the summary's marker in its last line. Who wrote it
// is for the caller to check.
func IsSummary(body string) bool {
	body = strings.TrimRight(strings.ReplaceAll(body, "\r\n", "\n"), " \n")
	return body == summaryMarker || strings.HasSuffix(body, "\n"+summaryMarker)
}

const (
	// MaxNote is below GitHub's limit for a comment, 65,536 characters ("Body is too long"), with room
	// for the sentence that says that it is settled. We count bytes, since they are never fewer.
	MaxNote = 64_000

	// shownFirst is how many findings of the summary's list are outside of its fold.
	shownFirst = 10

	// credited is how many of the mended findings are named.
	credited = 10
)

// A NotePlan is what to do so that there is one summary, or none.
type NotePlan struct {
	Create string // text of a new one
	Edit   Note   // the one that is there
	Body   string // its new text; empty to leave it
	Hide   []Note // others of ours, which two processes at once may leave behind
}

// Empty reports whether there is nothing to do.
func (p NotePlan) Empty() bool { return p.Create == "" && p.Body == "" && len(p.Hide) == 0 }

// ReconcileNote compares the wanted summary with those that are there. An empty one is wanted
// where nothing was ever open. The oldest is kept.
func ReconcileNote(want string, have []Note) (p NotePlan) {
	if len(have) == 0 {
		p.Create = want
		return p
	}
	have = slices.Clone(have)
	slices.SortFunc(have, func(a, b Note) int { return cmp.Compare(a.ID, b.ID) })
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

// Note is the text of the one comment in the conversation: what is open, which of it has no open thread
// of its own, what a push mended, and what did not finish. threads are ours as they are after the
// plan for them is carried out, unplaced names the comments that found no place, and exists tells
// that the summary is there already. It is empty where there is nothing to say: a pull request that
// was clean from the start has no comment.
func (r Report) Note(threads []Thread, unplaced map[string]bool, exists bool) string {
	in := r.input
	resolved := map[string]bool{} // by a person, so that it is not seen any more
	for _, t := range threads {
		if t.Open() {
			resolved[t.Fingerprint] = t.Resolved
		}
	}
	placed := map[string]bool{}
	for _, c := range r.Comments { // GitHub may take a moment to list a thread that was just opened
		for _, f := range append([]string{c.Fingerprint}, c.With...) {
			resolved[f] = resolved[c.Fingerprint]
			placed[f] = !unplaced[c.Fingerprint] && !resolved[f]
		}
	}
	standing := 0 // of scanners that did not finish: their threads are left open
	for _, t := range threads {
		placed[t.Fingerprint] = placed[t.Fingerprint] || t.Open() && !t.Resolved
		if t.Open() && !r.Standing[t.Fingerprint] {
			standing++
		}
	}
	var listed []Finding
	fresh := in.findings(scanners.New)
	slices.SortStableFunc(fresh, WorstFirst)
	for _, f := range fresh {
		if !placed[f.Fingerprint] {
			listed = append(listed, f)
		}
	}
	open := len(fresh) + standing
	if open == 0 && !exists {
		return ""
	}
	var foot []string
	for _, run := range in.runs(func(run scanners.Run) bool { return run.Err != nil }) {
		foot = append(foot, fmt.Sprintf("**%s did not finish.** %s", Escape(run.Scanner), Escape(scanners.Reason(run.Err))))
	}
	fixed := credit(threads)
	if decided := in.decisions(); decided != "" {
		foot = append(foot, "**Decided:** "+decided+"; the check says by whom and until when.")
	}
	if open == 0 {
		head := "**Nothing is open any more.**"
		if in.NotRun != "" {
			head += " " + Escape(in.NotRun)
		}
		if n := total(fixed); n > 0 {
			head += fmt.Sprintf(" %s fixed on the way.", plural(n, "finding was", "findings were"))
		}
		return strings.Join(append(append([]string{head}, foot...), summaryMarker), "\n\n")
	}
	head := fmt.Sprintf("**%s open**", plural(open, "finding is", "findings are"))
	if len(fresh) > 0 {
		head += " (" + in.bySeverity() + ")"
	}
	only := " only"
	if slices.ContainsFunc(listed, func(f Finding) bool { return resolved[f.Fingerprint] }) {
		only = ""
	}
	switch with := open - len(listed); {
	case with == open && open == 1:
		head += ". It has a thread at its place."
	case with == open:
		head += ". Each has a thread at its place."
	case with > 0:
		head += fmt.Sprintf(". %s, %s.", plural(with, "has a thread at its place", "have a thread at their place"), plural(len(listed), "is listed here"+only, "are listed here"+only))
	default:
		head += "."
	}
	if standing > 0 {
		head += fmt.Sprintf(" Of %s it is not known whether it is fixed.", count(standing, "thread"))
	}
	if len(fixed) > 0 {
		foot = append(foot, fixedText(fixed))
	}
	if n := len(in.findings(scanners.Absent)); n > 0 {
		foot = append(foot, fmt.Sprintf("This change also mends %s of the base.", count(n, "finding")))
	}
	if len(listed) > 0 {
		foot = append(foot, "Commands take the ids: `/secbydesign why "+listed[0].ID()+"`.")
	}
	foot = append(foot, summaryMarker)
	tail := "\n" + strings.Join(foot, "\n\n")
	var items []string
	size := 0
	for i, f := range listed {
		if size > MaxNote { // there is no room for more
			items = append(items, "")
			continue
		}
		item := in.item(f, false)
		if resolved[f.Fingerprint] {
			item = strings.TrimSuffix(item, "\n") + " · *in a thread that somebody resolved*\n"
		}
		switch i {
		case shownFirst:
			item = "\n<details><summary>" + strconv.Itoa(len(listed)-i) + " more</summary>\n\n" + item
		case 0:
			item = "\n" + item
		}
		size += len(item)
		items = append(items, item)
	}
	if len(listed) > shownFirst {
		tail = "\n</details>\n" + tail
	}
	return fit(head+"\n", items, tail, MaxNote)
}

// A fixedThread is what the text of a settled thread tells.
type fixedThread struct {
	what, commit, id string
	findings         int
}

func total(fixed []fixedThread) (n int) {
	for _, f := range fixed {
		n += f.findings
	}
	return n
}

// credit lists what was fixed, the latest thread first. It is read from the threads themselves, so
// that it needs no memory of ours.
func credit(threads []Thread) (out []fixedThread) {
	threads = slices.Clone(threads)
	slices.SortFunc(threads, func(a, b Thread) int { return cmp.Compare(b.CommentID, a.CommentID) })
	for _, t := range threads {
		m := fixedBody.FindStringSubmatch(strings.ReplaceAll(t.Body, "\r\n", "\n"))
		if m != nil {
			left, _ := strconv.Atoi(m[2]) // 0 where nothing is left
			out = append(out, fixedThread{m[3] + ", in " + Code(t.Path), m[1], scanners.ID(t.Fingerprint), max(told(m[3])-left, 1)})
		}
	}
	return out
}

// fixedBody reads what [closedBody] made of a finding that is fixed: the commit, what [left] says, and
// the headline.
var fixedBody = regexp.MustCompile(`\A\*\*Fixed in (\x60[^\x60\n]+\x60)(?:; ([0-9]+) more of these [^*\n]+)?\.\*\*` + regexp.QuoteMeta(foldOpen) + `\*\*([^\n]+)\*\*\n`)

func fixedText(fixed []fixedThread) string {
	lines := []string{fmt.Sprintf("**%d fixed so far:**", total(fixed)), ""}
	for i, f := range fixed {
		if i == credited {
			lines = append(lines, fmt.Sprintf("- and %d more", len(fixed)-i))
			break
		}
		lines = append(lines, "- "+f.what+" · fixed in "+f.commit+" · `"+f.id+"`")
	}
	return strings.Join(lines, "\n")
}

// plural counts with words of its own for one and for more.
func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}
