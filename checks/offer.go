package checks

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
)

// An Allowed is what everybody who may write to the repository can decide about a finding. A text offers nothing
// else.
type Allowed struct {
	Days   int // the longest risk acceptance
	Reason int // the least number of characters of a reason

	// Class is a class of the reason, which an acceptance has to name; empty if it does not.
	Class string

	// Confirm says who has to confirm a decision: "2 people who own the file"; empty for nobody.
	Confirm string
	// Refused says, in one plain sentence, why the finding cannot be accepted; empty if it can.
	Refused string
}

// usualDays is the period that an offer begins with, unless less is allowed.
const usualDays = 30

// allowed returns what people may decide about a finding.
func (in Input) allowed(f Finding) Allowed {
	if in.Allowed == nil {
		return Allowed{Days: usualDays}
	}
	return in.Allowed(f)
}

// The texts that an offered command has in place of a reason.
const (
	WhyAccept = "why the risk is acceptable here"
	WhyWrong  = "why this is no problem here"
)

// ReasonFor returns a text to be replaced by a reason, for a command that people copy. It is long enough where a
// reason needs a number of characters. why is [WhyAccept] or [WhyWrong].
func ReasonFor(why string, least int) string {
	s := "[explain " + why + "]"
	if least > 1 {
		s = fmt.Sprintf("[explain in at least %d characters %s]", least, why)
	}
	if lacks := least - utf8.RuneCountInString(s); lacks > 0 {
		s = strings.TrimSuffix(s, "]") + strings.Repeat(".", lacks) + "]"
	}
	return s
}

// decideTitle is the title of the fold with the commands.
const decideTitle = "Not a problem, or not now?"

// maxAccepted is how many findings one command names; [command.MaxIDs] is the same.
const maxAccepted = 20

// decide explains how to answer a finding other than by fixing it. The lines are commands that the App understands,
// and executes as they are, when a person who may write to the repository copies them.
func (in Input) decide(b bundle) string {
	all := append([]Finding{b.Finding}, b.with...)
	may := Allowed{Days: usualDays}
	var accept []string
	refused, confirm, severity := "", "", scanners.Note
	for _, f := range all {
		a := in.allowed(f)
		may.Reason = max(may.Reason, a.Reason)
		may.Class = cmp.Or(may.Class, a.Class)
		if a.Confirm != "" && f.Severity >= severity {
			confirm, severity = a.Confirm, f.Severity
		}
		if a.Refused != "" || a.Days < 1 {
			if refused = a.Refused; len(all) > 1 {
				refused = f.ID() + ": " + refused
			}
			continue
		}
		may.Days = min(may.Days, a.Days)
		accept = append(accept, f.ID())
	}

	ids, begin := b.ID()+" ", "Reply with one of these commands, here or in the conversation"
	if n := len(all); n > 1 {
		ids, begin = "", fmt.Sprintf("Reply here with one of these commands, which then counts for all %d. For some of them write their ids after the verb, here or in the conversation", n)
	}
	which := ids
	if len(accept) < len(all) && len(accept) > 0 {
		which = strings.Join(accept[:min(len(accept), maxAccepted)], ",") + " "
	}
	var lines []string
	offer := func(what, format string, args ...any) {
		lines = append(lines, "- "+what+": "+Code("/secbydesign "+fmt.Sprintf(format, args...)))
	}
	if len(accept) > 0 {
		what := "Accept the risk for now"
		if may.Days < usualDays {
			what += ", for at most " + count(may.Days, "day")
		}
		class := ""
		if may.Class != "" {
			class = " reason=" + may.Class
		}
		offer(what, "accept %suntil=%dd%s because %s", which, may.Days, class, ReasonFor(WhyAccept, may.Reason))
	}
	offer("False positive", "fp %sbecause %s", ids, ReasonFor(WhyWrong, may.Reason))
	if b.Gate == scanners.Dependencies {
		offer("The vulnerable code is never reached", "not-affected %svulnerable_code_not_in_execute_path", ids)
	}
	offer("Correct, but not useful to you", "not-useful %snoise", ids)

	foot := "Write your reason in place of the brackets. Only people who may write to this repository decide."
	if confirm != "" {
		foot += fmt.Sprintf(" A decision about a %s finding has to be confirmed by %s.", severity, Escape(confirm))
	}
	if refused != "" {
		foot += " " + Escape(refused)
	}
	return begin + ":\n\n" + strings.Join(lines, "\n") + "\n\n" + foot
}
