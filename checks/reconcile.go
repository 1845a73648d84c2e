package checks

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// A Thread is one of our threads as it is on the pull request.
type Thread struct {
	ID          string // GraphQL id of the thread
	CommentID   int64  // REST id of our first comment in it
	CommentNode string // GraphQL id of that comment
	Fingerprint string
	Scanner     string // empty if the comment does not name it
	Path        string
	StartLine   int // 0 for one line
	Line        int // the last line; 0 when outdated or on the file
	Body        string
	Resolved    bool
	Minimized   bool
}

// Open reports whether the thread's text says that its finding is still there.
func (t Thread) Open() bool { return !isClosed(t.Body) }

// A Change holds the writes to one thread that exists.
type Change struct {
	Thread Thread
	Body   string // the new text; empty to leave it
	Close  bool   // resolve the thread if the App may, otherwise minimise its comment as resolved
	Reopen bool   // undo that
}

// After returns the thread as it is once the change is carried out.
func (ch Change) After() Thread {
	t := ch.Thread
	if ch.Body != "" {
		t.Body = ch.Body
	}
	if ch.Reopen {
		t.Minimized, t.Resolved = false, false
	}
	if ch.Close {
		t.Minimized = true
	}
	return t
}

// A Plan holds the fewest writes that turn the threads that exist into those that should.
type Plan struct {
	Create  []Comment // in order, worst first
	Changes []Change  // in order of the comments' ids
}

// Empty reports whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Create) == 0 && len(p.Changes) == 0 }

// Reconcile compares the threads that the report wants with those that exist. head is the
// commit that a thread whose finding is fixed names. Reconcile is pure, and once its plan is carried
// out, the next plan for the same report is empty.
//
// A thread whose scanner did not finish is left as it is, because its finding may still
// be there. While the report is partial, a thread whose scanner is not known to have finished is
// left as well. Of two threads for the same finding the older is kept. have must not contain threads
// of people or threads without a marker of ours.
func Reconcile(rep Report, have []Thread, head string) Plan {
	have = slices.Clone(have)
	slices.SortFunc(have, func(a, b Thread) int { return cmp.Compare(a.CommentID, b.CommentID) })
	first := map[string]Thread{}
	for _, t := range have {
		if _, ok := first[t.Fingerprint]; !ok {
			first[t.Fingerprint] = t
		}
	}
	var plan Plan
	want := map[string]Comment{}
	for _, c := range rep.Comments {
		want[c.Fingerprint] = c
		if _, ok := first[c.Fingerprint]; !ok {
			plan.Create = append(plan.Create, c)
		}
	}
	for _, t := range have {
		var ch Change
		c, wanted := want[t.Fingerprint]
		switch {
		case first[t.Fingerprint].CommentID != t.CommentID:
			ch = shut(t, "Already shown in another thread.")
		case wanted && rep.Partial && t.Open():
			continue // an edit now may have to be undone when the report is complete
		case wanted:
			ch = open(t, c)
		default:
			ch = rep.unwanted(t, head)
		}
		if ch.Body != "" || ch.Close || ch.Reopen {
			plan.Changes = append(plan.Changes, ch)
		}
	}
	return plan
}

// unwanted returns what becomes of a thread whose finding the report does not show. It is zero where the
// finding may still stand.
func (rep Report) unwanted(t Thread, head string) Change {
	switch {
	case rep.Decided[t.Fingerprint] != "":
		return closeAsDecided(t, rep.Decided[t.Fingerprint])
	case rep.Standing[t.Fingerprint]:
		return shut(t, "No longer shown: the policy only observes this now.")
	case rep.Aside[t.Fingerprint] != "" && rep.Partial:
		return Change{}
	case rep.Aside[t.Fingerprint] != "":
		return shut(t, rep.Aside[t.Fingerprint])
	case rep.Unfinished[t.Scanner], t.Scanner == "" && len(rep.Unfinished) > 0, rep.Partial && !rep.Finished[t.Scanner]:
		return Change{}
	case rep.Verdict == NotRun:
		return shut(t, rep.input.NotRun)
	case t.Scanner != "" && !rep.Finished[t.Scanner]:
		return shut(t, "No longer scanned: the policy switches the scanner off.")
	case rep.input.unseen(t.Path):
		return shut(t, "No longer scanned: the policy ignores the file.")
	}
	if rep.input.pushed(t) {
		return shut(t, rep.input.goneHow(t, head))
	}
	return shut(t, "Fixed in "+ShortCode(head)+left(t.Body, rep.Standing)+".")
}

// unseen reports whether the policy ignores a file or the place where it may have gone. For a file that is
// not in the patch under its name, that is any ignored file of the patch with the same base name.
func (in Input) unseen(name string) bool {
	if in.Ignored == nil {
		return false
	}
	if in.Ignored(name) {
		return true
	}
	if f, ok := in.Patch.File(name); ok && f.NewPath == name {
		return false
	}
	return slices.ContainsFunc(in.Patch.Files(), func(f *patch.File) bool {
		return f.NewPath != "" && f.NewPath != name && path.Base(f.NewPath) == path.Base(name) && in.Ignored(f.NewPath)
	})
}

// open brings a thread to the state of an open finding. A thread that a person resolved or hid stays so
// while its finding is the same, because they have seen it. It is reopened if the finding got more severe
// or another finding joined it. [Run] makes a thread visible before it gives it an open text, so that
// an interruption in between cannot be mistaken for something that a person did.
func open(t Thread, c Comment) Change {
	body := c.Body
	if !t.hangs(c) {
		body = c.Plain
		if t.Path != c.Found.Path || c.Found.Line > 0 && !t.covers(c.Found.Line) {
			body = awayBody(body, c.Where)
		}
	}
	ch := Change{Thread: t}
	if !same(t.Body, body) {
		ch.Body = body
	}
	if t.Minimized || t.Resolved {
		ch.Reopen = isClosed(t.Body) || ch.Body != "" && (worse(t.Body, body) || more(t.Body, body))
	}
	return ch
}

// hangs reports whether the thread is exactly at the place of the comment.
func (t Thread) hangs(c Comment) bool {
	start, from := t.StartLine, c.StartLine
	if start == 0 {
		start = t.Line
	}
	return t.Path == c.Path && t.Line == c.Line && start == from
}

func (t Thread) covers(line int) bool {
	start := t.StartLine
	if start == 0 {
		start = t.Line
	}
	return start <= line && line <= t.Line
}

// same reports whether two texts are equal but for the commits in their links. A link to the older
// commit still shows the right lines, so a push alone edits no comment.
func same(a, b string) bool {
	return a == b || commitInLink.ReplaceAllString(a, "/blob/_/") == commitInLink.ReplaceAllString(b, "/blob/_/")
}

var commitInLink = regexp.MustCompile(`/blob/[0-9a-f]{40}/`)

// worse reports whether a finding became more severe since a text was written.
func worse(before, now string) bool {
	a, b := severityOf(before), severityOf(now)
	return a >= 0 && b > a
}

// severityOf reads the severity that a text of ours begins with. It returns -1 if the text has no
// severity.
func severityOf(body string) scanners.Severity {
	word, _, _ := strings.Cut(strings.TrimPrefix(body, "**"), ":")
	word, _, _ = strings.Cut(strings.ToLower(word), ",")
	var s scanners.Severity
	if s.UnmarshalText([]byte(word)) != nil {
		return -1
	}
	return s
}

// shut closes a thread. If the thread is closed already, its text stays, since it names the commit that
// fixed the finding.
func shut(t Thread, how string) Change {
	ch := Change{Thread: t}
	if !isClosed(t.Body) {
		ch.Body = closedBody(t.Body, how)
	}
	ch.Close = !t.Minimized && !t.Resolved
	return ch
}
