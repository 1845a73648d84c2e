package rehearsal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners/visible"
)

// width is the least width of a terminal; shownPulls bounds how many pull requests anybody reads in one. The page and
// the JSON have all.
const (
	width      = 100
	shownPulls = 20
	shownRows  = 20
)

// JSON writes the result as one object.
func JSON(w io.Writer, r Result) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(r)
	if err == nil {
		_, err = w.Write(visible.JSON(b.Bytes()))
	}
	return err
}

// Text writes the result for a terminal, without colours.
func Text(w io.Writer, r Result) error {
	t := &text{}
	t.wrap("", "Rehearsal of "+strings.Join(r.Proposed, " and "))
	t.wrap("", r.About())
	if r.Pulls > 0 {
		t.line("")
		t.table("", []line{
			{"Blocked pull requests", r.Blocked}, {"  still at the last review", r.AtEnd}, {"Comments", r.Comments},
		})
		t.rows("By team", r.Teams)
		t.line("\nA finding with several owners counts for each of them.")
		t.rows("By rule", r.Rules)
		t.pulls(r)
		t.list("What the proposal changes", r.changes())
		t.list("Refused by guardrails", r.Refused)
		t.list("Enforced by the organisation, and failing no check yet", r.held())
		t.list("Not known", r.Unknown)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// About describes in a few sentences what was rehearsed.
func (r Result) About() string {
	where := ""
	if r.Scope != "" {
		where = " of " + r.Scope
	}
	if r.Pulls == 0 {
		return fmt.Sprintf("No review of a pull request%s is stored, so there is nothing to rehearse on. Let `secbydesign serve` review some, or say with --database-url or --data-dir where the database of the running server is.", where)
	}
	if r.Scope == "" {
		where = " of " + some(r.Repositories)
	}
	period := r.From.Format(time.DateOnly)
	if to := r.To.Format(time.DateOnly); to != period {
		period = "from " + period + " to " + to
	} else {
		period = "on " + period
	}
	last := "The last pull request"
	if r.Pulls > 1 {
		last = fmt.Sprintf("The last %d pull requests", r.Pulls)
	}
	return fmt.Sprintf("%s%s, reviewed %s. Each counts once: it is blocked if its check would have failed at any of its reviews, and it has every comment that it would have had in its life. In force is what holds now.", last, where, period)
}

func some(names []string) string {
	if len(names) > 4 {
		return fmt.Sprintf("%s and %d more repositories", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

// Difference describes the change: "2 more, 1 fewer", or "the same".
func (c Count) Difference() string {
	var parts []string
	if c.Added > 0 {
		parts = append(parts, fmt.Sprintf("%d more", c.Added))
	}
	if c.Gone > 0 {
		parts = append(parts, fmt.Sprintf("%d fewer", c.Gone))
	}
	if len(parts) == 0 {
		return "the same"
	}
	return strings.Join(parts, ", ")
}

func (r Result) held() (list []string) {
	for _, h := range r.Held {
		list = append(list, fmt.Sprintf("%s, in %s: %s.", checks.Plain(h.Rule), many(h.Pulls, "pull request"), h.Because))
	}
	return list
}

// Differs lists the pull requests that differ or would be blocked.
func (r Result) Differs() (list []Pull) {
	for _, p := range r.Each {
		if p.Blocked.Now+p.Blocked.Proposed+p.Comments.Added+p.Comments.Gone > 0 {
			list = append(list, p)
		}
	}
	return list
}

// Says describes in a few words what would happen to the pull request.
func (p Pull) Says() string {
	said := "not blocked"
	switch b := p.Blocked; {
	case b.Added > 0:
		said = "would be blocked"
	case b.Gone > 0:
		said = "would be blocked no more"
	case b.Now > 0:
		said = "blocked as before"
	}
	if p.Blocked.Proposed > 0 && p.AtEnd.Proposed == 0 {
		said += ", and free at its last review"
	}
	return fmt.Sprintf("%s; %s, %s", said, many(p.Comments.Proposed, "comment"), p.Comments.Difference())
}

// String is one sentence without a full stop.
func (r Reason) String() string {
	s := r.Rule
	if r.ID != "" {
		s += " " + r.ID
	}
	if r.Place != "" {
		s += " at " + r.Place
	}
	return checks.Plain(s + " " + r.Because) // the path is untrusted input
}

// changes lists the values that would change, and the repositories if that is not so in all of them.
func (r Result) changes() (list []string) {
	for _, c := range r.Changes {
		said := fmt.Sprintf("%s from %s to %s", c.Key, cmp.Or(c.From, "nothing"), cmp.Or(c.To, "nothing"))
		if len(c.Repositories) < len(r.Repositories) {
			said = some(c.Repositories) + ": " + said
		}
		list = append(list, said)
	}
	if len(list) == 0 {
		list = append(list, "Nothing: it is what is in force.")
	}
	return list
}

type text struct{ strings.Builder }

func (t *text) line(s string) { t.WriteString(s + "\n") }

// wrap writes text that may hold untrusted input.
func (t *text) wrap(indent, s string) {
	for _, part := range visible.Wrap(checks.Plain(s), width-len(indent)) {
		t.line(indent + strings.TrimRight(part, " "))
		indent = strings.Repeat(" ", len(indent))
	}
}

type line struct {
	name  string
	count Count
}

func (t *text) table(title string, lines []line) {
	name := utf8.RuneCountInString(title)
	for _, l := range lines {
		name = max(name, utf8.RuneCountInString(l.name))
	}
	name = min(name, width-44)
	t.line(fmt.Sprintf("%-*s  %8s  %8s", name, title, "in force", "proposed"))
	for _, l := range lines {
		t.line(fmt.Sprintf("%-*s  %8d  %8d  %s", name, cut(l.name, name), l.count.Now, l.count.Proposed, l.count.Difference()))
	}
}

func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func (t *text) rows(title string, rows []Row) {
	if len(rows) == 0 {
		return
	}
	for _, part := range []struct {
		what string
		of   func(Row) Count
	}{{"blocked pull requests", func(r Row) Count { return r.Blocked }}, {"comments", func(r Row) Count { return r.Comments }}} {
		var lines []line
		for _, r := range rows {
			if c := part.of(r); c.Now+c.Proposed > 0 {
				lines = append(lines, line{"  " + checks.Plain(r.Name), c})
			}
		}
		if len(lines) == 0 {
			continue
		}
		more := len(lines) - shownRows
		t.line("")
		t.table(title+", "+part.what, lines[:min(len(lines), shownRows)])
		if more > 0 {
			t.line(fmt.Sprintf("  and %d more", more))
		}
	}
}

func (t *text) pulls(r Result) {
	list := r.Differs()
	if len(list) == 0 {
		return
	}
	t.line("\nPull requests")
	for i, p := range list {
		if i == shownPulls {
			t.line(fmt.Sprintf("  and %d more; --format html and json have them all", len(list)-i))
			break
		}
		t.wrap("  ", p.Name+" "+p.Says())
		why := p.Reasons
		if len(why) == 0 {
			why = p.ReasonsNow
		}
		for n, one := range why {
			if n == 3 {
				t.line(fmt.Sprintf("    and %d more reasons", len(why)-n))
				break
			}
			said := one.String()
			if len(p.Reasons) == 0 {
				said = "in force: " + said
			}
			t.wrap("    ", said)
		}
	}
}

func (t *text) list(title string, list []string) {
	if len(list) == 0 {
		return
	}
	t.line("\n" + title)
	for _, s := range list {
		t.wrap("  ", s)
	}
}
