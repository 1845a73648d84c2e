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

const (
	// MaxNote is below GitHub's limit for a comment, 65,536 characters ("Body is too long"), with room
	// for the sentence that says how it was closed. We count bytes, since they are never fewer.
	MaxNote = 64_000

	// shownFirst is how many findings the summary lists above its fold.
	shownFirst = 10

	// credited is how many threads with fixed findings the summary names.
	credited = 10
)

// SummaryText returns the text of the summary: how many findings are open, which of them have no open thread of
// their own, what a push fixed, and which scanners did not finish. threads are our threads as they are once the
// plan for them is carried out, unplaced names the comments that found no place, and exists reports whether the
// summary exists already. The text is empty if there is nothing to say: a pull request that was clean from the
// start has no comment.
func (r Report) SummaryText(threads []Thread, unplaced map[string]bool, exists bool) string {
	s := r.standing(threads, unplaced)
	open := len(s.fresh) + s.unknown
	foot := r.input.unfinishedText()
	if decided := r.input.decisions(); decided != "" {
		foot = append(foot, "**Decided:** "+decided+". The check lists by whom and until when.")
	}
	fixed := credit(threads)
	if gone := goneIn(threads); len(gone) > 0 {
		foot = append(foot, goneText(gone))
	}
	foot = append(foot, r.input.campaignNotes()...)
	switch {
	case open == 0 && !exists:
		return ""
	case open == 0:
		return r.input.nothingOpen(fixed, foot)
	}
	if len(fixed) > 0 {
		foot = append(foot, fixedText(fixed))
	}
	if absent, pushed := r.input.fixed(); len(absent)+len(pushed) > 0 {
		foot = append(foot, fixedInBase(len(absent), len(pushed)))
	}
	if line := r.input.unownedText(s.fresh); line != "" {
		foot = append(foot, line)
	}
	if len(s.listed) > 0 {
		foot = append(foot, "Use the ids in commands: `/secbydesign why "+s.listed[0].ID()+"`.")
	}
	return r.input.openText(s, append(foot, markerOf(Summary)))
}

// fixedInBase says how many findings of the base the change fixes, and how many secrets it only takes out of the code.
func fixedInBase(fixed, pushed int) string {
	var parts []string
	if fixed > 0 {
		parts = append(parts, fmt.Sprintf("This change also fixes %s of the base.", count(fixed, "finding")))
	}
	if pushed > 0 {
		parts = append(parts, fmt.Sprintf("This change also takes %s of the base out of the code. The history still holds %s: revoke what is not revoked yet.", count(pushed, "secret"), map[bool]string{true: "it", false: "them"}[pushed == 1]))
	}
	return strings.Join(parts, " ")
}

// A standing holds the open findings and where each is shown.
type standing struct {
	fresh    []Finding       // the open findings, worst first
	listed   []Finding       // those of them that have no open thread of their own
	resolved map[string]bool // whether a person resolved the finding's thread, which hides it
	unknown  int             // open threads of scanners that did not finish
	joined   int             // findings that are shown in the thread of another one
}

func (r Report) standing(threads []Thread, unplaced map[string]bool) standing {
	s := standing{resolved: map[string]bool{}}
	for _, t := range threads {
		if t.Open() {
			s.resolved[t.Fingerprint] = t.Resolved
		}
	}
	placed := map[string]bool{}
	for _, c := range r.Comments { // GitHub may take a moment to list a thread that was just opened
		for _, f := range append([]string{c.Fingerprint}, c.With...) {
			s.resolved[f] = s.resolved[c.Fingerprint]
			placed[f] = !unplaced[c.Fingerprint] && !s.resolved[f]
		}
		s.joined += len(c.With)
	}
	for _, t := range threads {
		placed[t.Fingerprint] = placed[t.Fingerprint] || t.Open() && !t.Resolved
		if t.Open() && !r.Standing[t.Fingerprint] {
			s.unknown++
		}
	}
	s.fresh = r.input.findings(scanners.New)
	for _, f := range s.fresh {
		if !placed[f.Fingerprint] {
			s.listed = append(s.listed, f)
		}
	}
	return s
}

// unfinishedText names the scanners that did not finish.
func (in Input) unfinishedText() (lines []string) {
	for _, u := range in.notFinished() {
		lines = append(lines, fmt.Sprintf("**%s did not finish.** %s", u.names, u.reason))
	}
	return lines
}

// nothingOpen returns the summary once nothing is open any more.
func (in Input) nothingOpen(fixed []fixedThread, foot []string) string {
	head := "**Nothing is open any more.**"
	if in.NotRun != "" {
		head += " " + Escape(in.NotRun)
	}
	if n := total(fixed); n > 0 {
		head += fmt.Sprintf(" %s fixed on the way.", plural(n, "finding was", "findings were"))
	}
	return strings.Join(append(append([]string{head}, foot...), markerOf(Summary)), "\n\n")
}

// headline counts the open findings, and says where they are shown.
func (in Input) headline(s standing) string {
	open := len(s.fresh) + s.unknown
	head := fmt.Sprintf("**%s open**", plural(open, "finding is", "findings are"))
	if len(s.fresh) > 0 {
		head += " (" + in.bySeverity() + ")"
	}
	only := " only"
	if slices.ContainsFunc(s.listed, func(f Finding) bool { return s.resolved[f.Fingerprint] }) {
		only = ""
	}
	switch with := open - len(s.listed); {
	case with == open && open == 1:
		head += ". It has a thread in the diff."
	case with == open && s.joined > 0:
		head += fmt.Sprintf(". They are in %s in the diff.", plural(open-s.joined, "thread", "threads"))
	case with == open:
		head += ". Each has a thread in the diff."
	case with > 0:
		head += fmt.Sprintf(". %s, %s.", plural(with, "has a thread in the diff", "have a thread in the diff"), plural(len(s.listed), "is listed here"+only, "are listed here"+only))
	default:
		head += "."
	}
	if s.unknown > 0 {
		head += fmt.Sprintf(" Whether %s is fixed is not known, because a scanner did not finish.", count(s.unknown, "thread"))
	}
	return head
}

// openText returns the summary while something is open: the headline, a list of the findings that have no open
// thread of their own, with all after the first [shownFirst] in a fold, and the foot. It fits into a comment.
func (in Input) openText(s standing, foot []string) string {
	tail := "\n" + strings.Join(foot, "\n\n")
	var items []string
	size := 0
	for i, f := range s.listed {
		if size > MaxNote { // there is no room for more
			items = append(items, "")
			continue
		}
		item := in.item(f, false)
		if s.resolved[f.Fingerprint] {
			item = strings.TrimSuffix(item, "\n") + " · *in a thread that somebody resolved*\n"
		}
		switch i {
		case shownFirst:
			item = "\n<details><summary>" + strconv.Itoa(len(s.listed)-i) + " more</summary>\n\n" + item
		case 0:
			item = "\n" + item
		}
		size += len(item)
		items = append(items, item)
	}
	if len(s.listed) > shownFirst {
		tail = "\n</details>\n" + tail
	}
	return fit(in.headline(s)+"\n", items, tail, MaxNote)
}

// A fixedThread holds what the text of a closed thread says about its fix.
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

// credit lists the threads whose findings were fixed, the latest first. It reads the threads' own
// texts, so that nothing needs to be stored.
func credit(threads []Thread) (out []fixedThread) {
	threads = slices.Clone(threads)
	slices.SortFunc(threads, func(a, b Thread) int { return cmp.Compare(b.CommentID, a.CommentID) })
	for _, t := range threads {
		m := fixedBody.FindStringSubmatch(strings.ReplaceAll(t.Body, "\r\n", "\n"))
		if m != nil {
			left, _ := strconv.Atoi(m[2]) // 0 if no others are left
			out = append(out, fixedThread{m[3] + ", in " + Code(t.Path), m[1], scanners.ID(t.Fingerprint), max(findingsIn(m[3])-left, 1)})
		}
	}
	return out
}

// fixedBody matches the text that [closedBody] makes for a fixed finding: the commit, the number from
// [left], and the headline.
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

// plural returns n and the words for one or for more.
func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}
