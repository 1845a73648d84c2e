package checks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
)

// A Decided is what people decided of a finding that is still there. It is not open any more,
// and it is not silent: it stays counted and listed with who decided it and until when.
type Decided struct {
	ID             string // "A-…"; empty where a comment in the code decides
	Path           string // of that comment
	Line           int
	How            string    // "accepted", "deferred", "not affected", "marked as a false positive"
	By             []string  // logins
	Until          time.Time // the last day; zero for no end
	Reason, Ticket string    // as written by people
}

// Place is where the comment stands that decides; empty for a decision of another kind.
func (d Decided) Place() string {
	if d.Path == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", d.Path, d.Line)
}

// sentence says what was decided, as Markdown without the full stop.
func (d Decided) sentence() string {
	s := strings.ToUpper(d.How[:1]) + d.How[1:]
	if !d.Until.IsZero() {
		s += " until " + d.Until.Format(time.DateOnly)
	}
	var by []string
	for _, login := range d.By {
		by = append(by, Escape("@"+login))
	}
	if len(by) > 0 {
		s += " by " + strings.Join(by, " and ")
	}
	if d.Path != "" {
		return s + " by the comment at " + Code(d.Place())
	}
	return s + " (`" + d.ID + "`)"
}

// why is what people gave as a reason, as the rest of a line.
func (d Decided) why() string {
	s := ""
	if d.Reason != "" {
		s += ": " + Escape(d.Reason)
	}
	if d.Ticket != "" {
		s += " · " + Escape(d.Ticket)
	}
	return s
}

// withoutDecided takes the findings that were decided out of the gates, so that nothing takes them for
// open ones.
func (in Input) withoutDecided() Input {
	in.decided = slices.Clone(in.decided)
	for i, g := range in.Gates {
		var left []Finding
		for _, f := range g.Findings {
			switch {
			case f.Decided != nil && f.State == scanners.New && f.Comment:
				f.Block = false // what it would do is not done
				in.decided = append(in.decided, f)
			default:
				left = append(left, f)
			}
		}
		in.Gates[i].Findings = left
	}
	slices.SortStableFunc(in.decided, WorstFirst)
	return in
}

// only gives the findings that were decided of one gate.
func (in Input) only(gate scanners.Gate) []Finding {
	return slices.DeleteFunc(slices.Clone(in.decided), func(f Finding) bool { return f.Gate != gate })
}

// decisions counts what was decided: "2 accepted, 1 deferred"; empty when nothing was.
func (in Input) decisions() string {
	n := map[string]int{}
	var order []string
	for _, f := range in.decided {
		if n[f.Decided.How]++; n[f.Decided.How] == 1 {
			order = append(order, f.Decided.How)
		}
	}
	var parts []string
	for _, how := range order {
		parts = append(parts, fmt.Sprintf("%d %s", n[how], how))
	}
	return strings.Join(parts, ", ")
}

// decidedItem is one finding that was decided, in a list.
func (in Input) decidedItem(f Finding) string {
	return strings.TrimSuffix(in.item(f, false), "\n") + " · " + f.Decided.sentence() + f.Decided.why() + "\n"
}

// lapsedText says why a finding is open although something was decided of it once.
func lapsedText(f Finding) string {
	if f.Lapsed == "" {
		return ""
	}
	return " · *" + Escape(f.Lapsed) + "*"
}

// closeAsDecided is shut for a thread whose finding was decided: the decision is named even where the
// thread was settled before, since another may be in force now.
func closeAsDecided(t Thread, how string) Change {
	ch := shut(t, how)
	if first, rest, ok := strings.Cut(t.Body, foldOpen); isClosed(t.Body) && ok && first != "**"+how+"**" {
		ch.Body = "**" + how + "**" + foldOpen + rest
	}
	return ch
}

// An Action is a button of a check run.
type Action struct {
	Label       string // at most 20 characters, as GitHub has it
	Description string // at most 40
	Identifier  string // at most 20: what [webhook.Button] brings back
}

// What the buttons are called.
const (
	Rescan    = "rescan"
	Accept    = "accept"
	NotUseful = "not-useful"
)

// buttons are those of the verdict's check run: at most three, and none where there is nothing to
// say (https://docs.github.com/rest/checks/runs#create-a-check-run).
func (in Input) buttons(v Verdict) []Action {
	again := Action{"Scan again", "Runs all scanners once more", Rescan}
	switch v {
	case Incomplete:
		return []Action{again}
	case Findings:
		return []Action{again, {"Accept a risk", "Shows what to write, with a reason", Accept}, {"Not useful", "Tells the rule's owners that it is noise", NotUseful}}
	}
	return nil
}
