package checks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
)

// A Decided is a decision of people about a finding that is still there, such as a risk acceptance. The
// finding is not open any more, but it stays counted and listed, with the people who decided and the last
// day of the decision.
type Decided struct {
	ID             string // "A-…"; empty for a suppression by a comment in the code
	Path           string // of that comment
	Line           int
	How            string    // "accepted", "deferred", "not affected", "marked as a false positive"
	By             []string  // logins
	Until          time.Time // the last day; zero for no end
	Class          string    // of the reason, such as "technical"; empty for none
	Reason, Ticket string    // as written by people
}

// Place returns the place of the comment in the code; empty for a decision of another kind.
func (d Decided) Place() string {
	if d.Path == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", d.Path, d.Line)
}

// sentence describes the decision, as Markdown without the full stop.
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

// why returns the reason and the ticket that people gave, as the rest of a line.
func (d Decided) why() string {
	s := ""
	if d.Class != "" {
		s += ", " + Escape(d.Class)
	}
	if d.Reason != "" {
		s += ": " + Escape(d.Reason)
	}
	if d.Ticket != "" {
		if link, ok := webLink(d.Ticket); ok {
			s += " · <" + link + ">"
		} else {
			s += " · " + Escape(d.Ticket)
		}
	}
	return s
}

// withoutDecided moves the findings with a decision from the gates to in.decided, so that nothing counts
// them as open.
func (in Input) withoutDecided() Input {
	in.decided = slices.Clone(in.decided)
	for i, g := range in.Gates {
		var left []Finding
		for _, f := range g.Findings {
			switch {
			case f.Decided != nil && f.State == scanners.New && f.Comment:
				f.Block = false // a decided finding does not block
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

// only returns the decided findings of one gate.
func (in Input) only(gate scanners.Gate) []Finding {
	return slices.DeleteFunc(slices.Clone(in.decided), func(f Finding) bool { return f.Gate != gate })
}

// decisions counts the decided findings by decision: "2 accepted, 1 deferred". It is empty if there are
// none.
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

// decidedItem is one decided finding in a list.
func (in Input) decidedItem(f Finding) string {
	return strings.TrimSuffix(in.item(f, false), "\n") + " · " + f.Decided.sentence() + f.Decided.why() + "\n"
}

// lapsedText says why a finding is open although there was a decision about it.
func lapsedText(f Finding) string {
	if f.Lapsed == "" {
		return ""
	}
	return " · *" + Escape(f.Lapsed) + "*"
}

// closeAsDecided closes the thread of a decided finding. Unlike [shut] it also updates the text of a
// thread that is closed already, since another decision may be in force now.
func closeAsDecided(t Thread, how string) Change {
	ch := shut(t, how)
	if first, rest, ok := strings.Cut(t.Body, foldOpen); isClosed(t.Body) && ok && first != "**"+how+"**" {
		ch.Body = "**" + how + "**" + foldOpen + rest
	}
	return ch
}

// An Action is a button of a check run.
type Action struct {
	Label       string // at most 20 characters, GitHub's limit
	Description string // at most 40
	Identifier  string // at most 20; [webhook.Button] returns it
}

// The identifiers of the buttons.
const (
	Rescan    = "rescan"
	Accept    = "accept"
	NotUseful = "not-useful"
)

// buttons returns the buttons of the verdict's check run: at most three
// (https://docs.github.com/rest/checks/runs#create-a-check-run), and none if v leaves nothing to do.
func (in Input) buttons(v Verdict) []Action {
	again := Action{"Scan again", "Runs all scanners once more", Rescan}
	switch v {
	case Incomplete:
		return []Action{again}
	case Findings:
		actions := []Action{again, {"Accept a risk", "Shows the command that accepts it", Accept}, {"Not useful", "Reports it as noise to the rule's owners", NotUseful}}
		if !slices.ContainsFunc(in.findings(scanners.New), func(f Finding) bool { return in.allowed(f).Refused == "" }) {
			actions = slices.Delete(actions, 1, 2)
		}
		return actions
	}
	return nil
}
