package ownership

import "time"

// usualClass is the class that an offer proposes where one is needed.
const usualClass = "technical"

// An Offer is what people may ask for about a finding: a text that offers a decision stays within it.
type Offer struct {
	Days   int    // the longest risk acceptance; 0 if there can be none
	Reason int    // the least number of characters of a reason
	Needs  int    // the most further people that have to confirm a decision
	From   string // who they are

	// Refused says, in one plain sentence, why there can be no acceptance; empty if there can be one.
	Refused string
	Never   bool // since nobody may accept findings of the rule, which can still be wrong

	Class string // of the reason, which the organisation asks for; empty if it does not
}

// Readers returns the people who may read a text about a file and answer it, as far as the rules distinguish them:
// somebody with write permission, and a member of each of the owning teams. started says that a person started the agent
// that opened the pull request.
func Readers(owners []string, started bool) []Person {
	people := []Person{{Write: true, Contributor: started}}
	for _, owner := range owners {
		people = append(people, Person{Write: true, Teams: []string{owner}})
	}
	return people
}

// Offer returns what each of the people may ask for. The reason and the last day of the request do not count.
func (r Rules) Offer(w Request, people ...Person) Offer {
	var o Offer
	if r.ReasonClass && !w.Wrong {
		o.Class = usualClass
	}
	for i, p := range people {
		o.Reason = max(o.Reason, r.ceiling(p).ReasonMin)
		a := May(Propose, p, Case{Request: w}, r)
		switch {
		case !a.Yes:
			o.Days, o.Refused, o.Never = 0, a.Because, !w.Wrong && r.never(w.Rule)
		case o.Refused != "":
		case i == 0:
			o.Days = a.Days
		default:
			o.Days = min(o.Days, a.Days)
		}
		if g := a.Grant; g.Needs > o.Needs {
			o.Needs, o.From = g.Needs, g.From
		}
	}
	return o
}

// Last returns the last day of the longest acceptance that is asked for on a day.
func (o Offer) Last(today time.Time) time.Time { return last(today, o.Days) }

// last returns the last day of a period.
func last(today time.Time, days int) time.Time {
	return today.UTC().Truncate(24*time.Hour).AddDate(0, 0, days)
}
