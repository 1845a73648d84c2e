package ownership

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
)

// An Act is what somebody wants to do about a finding.
type Act string

// The acts.
const (
	Decide   Act = "decide"   // accept or defer it, or say that it is wrong: the [Request] of the case
	Propose  Act = "propose"  // as Decide, but what a text offers: the reason, its class and the last day do not count
	InCode   Act = "in code"  // accept it by a comment in the code
	Confirm  Act = "confirm"  // confirm the [Pending] decision of the case
	Withdraw Act = "withdraw" // revoke a decision, or open a finding again
	Assign   Act = "assign"   // give the finding to a team or person, who decide no more than before
)

// A Case is what an [Act] is about, beside the person.
type Case struct {
	Request Request // of Decide, Propose and InCode
	Pending Pending // of Confirm
	Owners  []string
	Today   time.Time
}

// A Pending is a decision that others have to confirm.
type Pending struct {
	ID     string
	Ended  string   // why it does not count any more; empty while it does
	Needs  int      // how many more have to confirm it
	From   string   // who they are: Lead, Owner or Writer
	Twice  bool     // one person may count more than once
	Author bool     // the author of the pull request may be one of them
	Agent  bool     // no person opened the pull request
	People []string // logins: who asked for it, and who confirmed it
	Pull   int      // the pull request in which it was made, if that is another one; else 0
}

// A Grant is what is needed for a decision that is allowed.
type Grant struct {
	Needs   int    // number of further people who have to confirm
	From    string // who they must be
	Twice   bool   // one of them may count more than once
	Author  bool   // the author of the pull request may be one of them
	Counts  bool   // the person who asks counts as one of the people needed
	Ceiling scanners.Severity
}

// An Answer says whether an act is allowed.
type Answer struct {
	Yes     bool
	Because string // one plain sentence: what allows it; or why not, and what would be allowed
	Grant   Grant  // of an allowed Decide, Propose or InCode
	Days    int    // the longest acceptance, of the same
}

// A Refusal is an [Answer] that is no, as an error.
type Refusal struct{ Problem string }

func (r *Refusal) Error() string { return r.Problem }

// May decides whether a person may do something about a finding. It is the only place where that is decided. Nobody of
// the security team is ever needed, and none of them counts unless they own the file.
func May(a Act, p Person, c Case, r Rules) Answer {
	switch {
	case p.Agent:
		return no("An agent decides nothing; a person with write permission does.")
	case !p.Write:
		return no(notWriting(p))
	}
	switch a {
	case Withdraw, Assign:
		return Answer{Yes: true, Because: "Everybody who may write to this repository may do that."}
	case Confirm:
		return mayConfirm(p, c)
	case Decide, Propose, InCode:
		return r.mayDecide(a, p, c)
	}
	return no(fmt.Sprintf("There is nothing to %s.", a))
}

func no(because string) Answer { return Answer{Because: because} }

// OnlyWriters refuses somebody who may not write.
const OnlyWriters = "Only people who may write to this repository decide that"

func notWriting(p Person) string {
	switch {
	case p.Champion:
		return OnlyWriters + "; a champion gives advice with /secbydesign voice."
	case p.Security:
		return OnlyWriters + "; the security team gives advice with /secbydesign voice."
	}
	return OnlyWriters + "."
}

// mayDecide answers about a decision that a person asks for.
func (r Rules) mayDecide(a Act, p Person, c Case) Answer {
	w := c.Request
	answer := r.terms(w, p)
	if !answer.Yes || a == Propose {
		return answer
	}
	if n, least := utf8.RuneCountInString(w.Reason), r.ceiling(p).ReasonMin; n < least && !w.Coded {
		what := "why the risk is acceptable here"
		if w.Wrong {
			what = "why this is no problem here"
		}
		return no(fmt.Sprintf("The reason has %s, and at least %d are required: explain %s.", plural(n, "character"), least, what))
	}
	if r.ReasonClass && !w.Wrong && w.Class == "" && a == Decide {
		return no(fmt.Sprintf("The organisation asks for the class of the reason: write reason=%s, or %s, before “because”.",
			Classes()[0], strings.Join(Classes()[1:], ", ")))
	}
	if latest := last(c.Today, answer.Days); w.Until.After(latest) {
		return no(fmt.Sprintf("A %s finding is accepted for at most %s, until %s.", w.Severity, plural(answer.Days, "day"), latest.Format(time.DateOnly)))
	}
	if a == InCode && answer.Grant.Needs > 0 {
		return no(fmt.Sprintf("A comment in the code accepts findings of at most %s severity, and this one is %s: other people have to confirm it, so accept it by a command in the pull request that brings it.", answer.Grant.Ceiling, w.Severity))
	}
	return answer
}

// terms answers what a person may ask for, and for how many days.
func (r Rules) terms(w Request, p Person) Answer {
	if !w.Wrong && r.never(w.Rule) {
		return no("Findings of this rule cannot be accepted: fix the finding, or report a false positive with fp.")
	}
	c := r.ceiling(p)
	q, days, level := Quorum{}, c.MaxDays, w.Severity
	raised := !w.Wrong && w.Before > r.MaxRenewals
	if raised {
		level = max(w.Severity, c.MaxSeverity) + 1
	}
	if level > c.MaxSeverity {
		above, ok := r.Above[level]
		if !ok {
			above = Quorum{People: 1, From: Lead, MaxDays: c.MaxDays, Distinct: true}
		}
		q, days = above, min(days, above.MaxDays)
	}
	if w.Agent {
		q = r.Agents.quorum(q)
	}
	g := Grant{Ceiling: c.MaxSeverity}
	if q.People > 0 {
		g.Needs, g.From, g.Twice, g.Author = q.People, q.From, !q.Distinct, q.AuthorCounts
		if g.Counts = p.counts(q.From, q.AuthorCounts); g.Counts {
			g.Needs--
		}
	}
	if raised && (level > scanners.Critical || !g.Counts) {
		return no(r.renewalRefused(w, level, g.From))
	}
	return Answer{Yes: true, Grant: g, Days: days, Because: granted(w, g, days)}
}

// quorum returns the people who are needed in the pull request of an agent, where a person's pull request needs q.
func (a Agents) quorum(q Quorum) Quorum {
	if q.People == 0 {
		return Quorum{People: a.People, From: Writer, Distinct: true, AuthorCounts: a.SelfAccept}
	}
	if a.People > 1 {
		q.Distinct = true
	}
	q.People = max(q.People, a.People)
	q.AuthorCounts = q.AuthorCounts && a.SelfAccept
	return q
}

// granted describes what allows a decision.
func granted(w Request, g Grant, days int) string {
	limit := fmt.Sprintf(", for at most %s.", plural(days, "day"))
	if w.Wrong {
		limit = "."
	}
	one, more := "owner", "owners"
	switch g.From {
	case Lead:
		one, more = "owner or lead", "owners or leads"
	case Writer:
		one, more = "person who may write", "people who may write"
	}
	switch {
	case g.Needs == 1 && g.Counts:
		return "It counts once one more " + one + " has confirmed it" + limit
	case g.Needs == 1:
		return "It counts once one " + one + " has confirmed it" + limit
	case g.Needs > 1 && g.Counts:
		return fmt.Sprintf("It counts once %d more %s have confirmed it%s", g.Needs, more, limit)
	case g.Needs > 1:
		return fmt.Sprintf("It counts once %d %s have confirmed it%s", g.Needs, more, limit)
	case g.Counts:
		return "One " + one + " decides that" + limit
	}
	return fmt.Sprintf("Up to %s severity one person who may write decides alone%s", g.Ceiling, limit)
}

// renewalRefused refuses a finding that was accepted too often.
func (r Rules) renewalRefused(w Request, level scanners.Severity, from string) string {
	how := "Fix it or narrow it"
	if level <= scanners.Critical {
		who := "owns the file"
		if from == Lead {
			who += " or maintains the repository"
		}
		how += fmt.Sprintf(", or ask somebody who %s to accept it, as for a %s finding", who, level)
	}
	return fmt.Sprintf("This finding was accepted before (%d), and at most %s allowed. %s.", w.Before, map[bool]string{true: "1 renewal is", false: fmt.Sprintf("%d renewals are", r.MaxRenewals)}[r.MaxRenewals == 1], how)
}

// counts reports whether a person is one of those who are needed. author says whether the author of the pull request
// may be one.
func (p Person) counts(from string, author bool) bool {
	if !author && (p.Author || p.Contributor) {
		return false
	}
	// The security team is in no approval path: its members count as owners alone.
	owns := p.Owns && (!p.Unowned || !p.Security)
	switch from {
	case Writer:
		return owns || !p.Security
	case Lead:
		return owns || p.Lead && !p.Security
	}
	return owns
}

// mayConfirm answers about the confirmation of a decision that waits.
func mayConfirm(p Person, c Case) Answer {
	d := c.Pending
	switch {
	case d.Ended != "":
		return no(d.ID + " does not count any more: " + d.Ended + ".")
	case d.Needs == 0:
		return no(d.ID + " needs no confirmation.")
	case !d.Twice && slices.ContainsFunc(d.People, func(login string) bool { return strings.EqualFold(login, p.Login) }):
		return no("Somebody else has to confirm what you asked for or confirmed yourself.")
	case d.Pull != 0:
		return no(fmt.Sprintf("%s was decided in #%d; confirm it there, where its author is known.", d.ID, d.Pull))
	case p.counts(d.From, d.Author):
		return Answer{Yes: true, Because: "The person is one of those who are needed."}
	}
	by := "this must be confirmed by " + d.Others(c.Owners) + "."
	switch {
	case p.Contributor && p.counts(d.From, true) && d.Agent:
		return no("You started the agent or pushed to its pull request, so you count as its author: " + by)
	case p.Contributor && p.counts(d.From, true):
		return no("You pushed to this pull request, so you count as its author: " + by)
	case p.Security:
		return no("The security team is in no approval path: " + by)
	case p.Champion:
		return no("A champion gives advice with /secbydesign voice: " + by)
	}
	return no(by)
}

// Others describes who has to confirm a decision: plain text, in which names are between backquotes. owners are those of
// the file.
func (d Pending) Others(owners []string) string {
	var who string
	switch {
	case d.From == Writer || len(owners) == 0:
		who = number(d.Needs) + " more person who may write to this repository"
		if d.Needs > 1 {
			who = number(d.Needs) + " more people who may write to this repository"
		}
	default:
		var list []string
		for _, o := range owners {
			list = append(list, "`"+strings.ReplaceAll(o, "`", "")+"`")
		}
		who = number(d.Needs) + " more of those who own the file (" + strings.Join(list, ", ") + ")"
		if d.From == Lead {
			who += ", or of those who maintain the repository"
		}
	}
	switch {
	case d.Author && d.Agent:
		return who + "; the person who started the agent may be one of them"
	case d.Author:
		return who + "; its author may be one of them"
	case d.Agent:
		return who + ", and the person who started the agent does not count"
	}
	return who + ", and the author of the pull request does not count"
}

// number returns a small number as a word.
func number(n int) string {
	if n == 1 {
		return "one"
	}
	return strconv.Itoa(n)
}

// Weigh decides about a request of a person. The error is a [*Refusal].
func (r Rules) Weigh(w Request, p Person, today time.Time) (Grant, error) {
	return May(Decide, p, Case{Request: w, Today: today}, r).grant()
}

// WeighComment says why a comment in the code does not accept a finding; nil if it does. Nobody confirms a comment, so
// it can accept as much as one person can alone. Later it is not known who merged it: it counts as a decision of the
// owners of the file, who let it in.
func (r Rules) WeighComment(w Request, owners []string, today time.Time) error {
	_, err := May(InCode, Person{Write: true, Teams: owners}, Case{Request: w, Today: today}, r).grant()
	return err
}

func (a Answer) grant() (Grant, error) {
	if !a.Yes {
		return Grant{}, &Refusal{Problem: a.Because}
	}
	return a.Grant, nil
}
