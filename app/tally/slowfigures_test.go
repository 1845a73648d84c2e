package tally_test

import (
	"math/big"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// A slowRepo holds what does not depend on the team.
type slowRepo struct {
	slow
	shown   []slowShown
	stays   []*life
	rulings map[*life]*slowDecision
	decided []*slowDecision
	final   []*slowDecision
	asked   []*slowQuestion
}

func newSlowRepo(s slow) slowRepo {
	r := slowRepo{slow: s, shown: s.allShown(), stays: s.lives(), rulings: map[*life]*slowDecision{}, decided: s.decisions(), final: s.decisionsAt(len(s)), asked: s.questions()}
	for _, l := range r.stays {
		r.rulings[l] = s.ruling(l)
	}
	return r
}

// A slowTeam computes the figures of one team.
type slowTeam struct {
	repos []slowRepo
	team  string
	from  int64 // a day
	since time.Time
	now   time.Time
}

func (t slowTeam) owns(owners []string) bool {
	switch t.team {
	case "*":
		return true
	case "":
		return len(owners) == 0
	}
	return slices.ContainsFunc(owners, func(o string) bool { return strings.EqualFold(o, t.team) })
}

func (t slowTeam) in(at time.Time) bool { return !at.IsZero() && day(at) >= t.from }

// part is a share of what is counted by add.
type part struct{ with, all int }

func (p *part) add(with bool) {
	if p.all++; with {
		p.with++
	}
}

func (p part) figure() slowFigure {
	if p.all == 0 {
		return slowFigure{}
	}
	return slowFigure{n: p.all, value: float64(p.with) / float64(p.all)}
}

func coarse(d time.Duration) float64 {
	switch {
	case d >= 10*time.Hour:
		return float64(d / time.Hour)
	case d >= 10*time.Minute:
		return float64(d/time.Minute) / 60
	}
	return float64(max(0, d)/time.Second) / 3600
}

// figures computes all figures.
func (t slowTeam) figures() map[string]slowFigure {
	out := map[string]slowFigure{}
	t.ofChanges(out)
	t.ofBranch(out)
	t.ofDecisions(out)
	t.ofDesign(out)
	t.ofPulls(out)
	return out
}

func (t slowTeam) ofChanges(out map[string]slowFigure) {
	var same, useful, unowned part
	var escaped, merged int
	rules := map[string]*part{}
	verdict := func(at time.Time, rule string, bad bool) {
		if !t.in(at) {
			return
		}
		useful.add(!bad)
		if rules[rule] == nil {
			rules[rule] = &part{}
		}
		rules[rule].add(bad)
	}
	for _, s := range t.repos {
		for _, f := range s.shown {
			if t.in(f.first) {
				unowned.add(len(f.owners) == 0)
			}
			if !t.owns(f.owners) {
				continue
			}
			if t.in(f.merged) {
				same.add(!f.gone.IsZero())
				merged++
			}
			d := newest(s.final, func(d *slowDecision) bool {
				return d.Fingerprint == f.fingerprint && d.Number == f.number && d.Rule == f.rule
			})
			switch {
			case !f.useless.IsZero():
				verdict(f.useless, f.rule, true)
			case d != nil && d.over.IsZero() && d.Verb == "fp":
				verdict(d.from, f.rule, true)
			case d != nil && d.over.IsZero() && d.promise():
				verdict(d.from, f.rule, false)
			case !f.gone.IsZero():
				verdict(f.gone, f.rule, false)
			}
		}
		for _, l := range s.stays {
			if t.owns(l.owners) && l.unseen && t.in(l.since) {
				escaped++
			}
		}
		for _, q := range s.asked {
			switch {
			case !t.owns(q.owners) || q.asked.IsZero():
			case !q.useless.IsZero():
				verdict(q.useless, "requirements/"+q.topic, true)
			case !q.answered.IsZero():
				verdict(q.answered, "requirements/"+q.topic, false)
			}
		}
	}
	out["same_change_resolution"], out["usefulness"] = same.figure(), useful.figure()
	out["escape_rate"] = part{escaped, escaped + merged}.figure()
	for rule, p := range rules {
		out["not_useful_rate "+rule] = p.figure()
	}
	if t.team == "*" {
		out["unowned_share"] = unowned.figure()
	}
}

func (t slowTeam) ofBranch(out map[string]slowFigure) {
	weights := map[string]int64{"low": 1, "medium": 3, "high": 10, "critical": 30}
	var times []slowTime
	var debt, backlog slowFigure
	for _, s := range t.repos {
		for _, l := range s.stays {
			d := s.rulings[l]
			switch {
			case !t.owns(l.owners) || !l.standard || !l.concern(d):
				continue
			case !l.gone.IsZero():
				if t.in(l.gone) {
					times = append(times, slowTime{float64(24 * (day(l.gone) - day(l.since))), true})
				}
				continue
			}
			times = append(times, slowTime{float64(24 * (day(t.now) - day(l.since))), false})
			if d == nil || d.Verb != "accept" {
				continue
			}
			debt.n++
			if past := day(t.now) - d.lastDay(); past > 0 {
				debt.value += float64(weights[l.severity.String()] * past)
			} else {
				backlog.n++
				backlog.value += float64(weights[l.severity.String()])
			}
		}
	}
	out["median_time_to_fix"] = productLimit(times)
	out["expiry_debt"], out["acceptance_backlog"] = debt, backlog
}

func (t slowTeam) ofDecisions(out map[string]slowFigure) {
	accepted, fixed, classes := map[string]int{}, map[string]int{}, map[string]int{}
	var renewals, acceptances, all int
	for _, s := range t.repos {
		for _, d := range s.decided {
			if !t.owns(d.owners) || !t.in(d.from) || !d.promise() || d.mistake() {
				continue
			}
			all++
			if d.Class == "" {
				classes["none"]++
			}
			classes[d.Class]++
			if d.Verb == "accept" {
				acceptances++
				renewals += d.renewals
				accepted[d.Severity.String()]++
			}
		}
		for _, f := range s.shown {
			if t.owns(f.owners) && t.in(f.gone) {
				fixed[f.severity.String()]++
			}
		}
		for _, l := range s.stays {
			if t.owns(l.owners) && t.in(l.gone) && l.standard && l.concern(s.rulings[l]) {
				fixed[l.severity.String()]++
			}
		}
	}
	for _, severity := range []string{"low", "medium", "high", "critical"} {
		out["acceptance_rate_"+severity] = part{accepted[severity], accepted[severity] + fixed[severity]}.figure()
	}
	for _, class := range []string{"emergency", "deadline", "technical", "business", "none"} {
		out["reason_"+class] = part{classes[class], all}.figure()
	}
	if acceptances > 0 {
		out["renewals_per_acceptance"] = slowFigure{n: acceptances, value: float64(renewals) / float64(acceptances)}
	}
}

func (t slowTeam) ofDesign(out map[string]slowFigure) {
	var lead, coverage part
	for _, s := range t.repos {
		for _, q := range s.asked {
			if t.owns(q.owners) && t.in(q.asked) {
				lead.add(q.early)
			}
		}
		s.topics(func(seen time.Time, covered bool, owners []string) {
			if t.owns(owners) && t.in(seen) {
				coverage.add(covered)
			}
		})
	}
	out["design_lead"], out["decision_coverage"] = lead.figure(), coverage.figure()
}

func (t slowTeam) ofPulls(out map[string]slowFigure) {
	var waits []float64
	var answers []slowTime
	for _, s := range t.repos {
		for number := 1; number <= 3; number++ {
			var head string
			var owners []string
			var waiting time.Time
			for _, e := range s.slow {
				if e.Number != number {
					continue
				}
				switch e.Kind {
				case record.Finished:
					r := as[record.Review](e)
					owners = nil
					for _, f := range r.Findings {
						owners = append(owners, f.Owners...)
					}
					if r.Context != nil && len(r.Context.Owners) > 0 {
						owners = r.Context.Owners
					}
					if r.Context != nil && r.Context.Waited > 0 && head != e.Head && t.owns(owners) && t.in(e.At) {
						waits = append(waits, coarse(time.Duration(r.Context.Waited)*time.Millisecond))
					}
					head = e.Head
				case record.VoiceAsked:
					if as[record.Voice](e).Role == "security" && waiting.IsZero() {
						waiting = e.At
					}
				case record.RequirementAdvice:
					if as[record.Advice](e).Role == "security" && !waiting.IsZero() {
						if t.owns(owners) && t.in(e.At) {
							answers = append(answers, slowTime{coarse(e.At.Sub(waiting).Truncate(time.Millisecond)), true})
						}
						waiting = time.Time{}
					}
				}
			}
			if !waiting.IsZero() && t.owns(owners) && waiting.Unix() >= t.since.Unix() {
				answers = append(answers, slowTime{coarse(time.Duration(t.now.Unix()-waiting.Unix()) * time.Second), false})
			}
		}
	}
	out["security_response_time"] = productLimit(answers)
	if n := len(waits); n > 0 {
		sort.Float64s(waits)
		out["time_to_first_feedback"] = slowFigure{n: n, value: (waits[(n-1)/2] + waits[n/2]) / 2}
		rank := (95*n + 99) / 100
		out["time_to_first_feedback_p95"] = slowFigure{n: n, value: waits[rank-1]}
	}
}

// A slowTime is a time in hours; one that has not ended lasts longer.
type slowTime struct {
	hours float64
	ended bool
}

// productLimit computes the Kaplan-Meier median with fractions.
func productLimit(times []slowTime) slowFigure {
	if len(times) == 0 {
		return slowFigure{}
	}
	sort.Slice(times, func(i, j int) bool { return times[i].hours < times[j].hours })
	for _, at := range times {
		if at.ended && surviving(times, at.hours).Cmp(big.NewRat(1, 2)) <= 0 {
			return slowFigure{n: len(times), value: at.hours}
		}
	}
	return slowFigure{n: len(times), value: times[len(times)-1].hours, over: true}
}

// surviving returns the estimated share of times longer than some hours.
func surviving(times []slowTime, hours float64) *big.Rat {
	share := big.NewRat(1, 1)
	done := map[float64]bool{}
	for _, at := range times {
		if !at.ended || at.hours > hours || done[at.hours] {
			continue
		}
		done[at.hours] = true
		var risk, ended int64
		for _, other := range times {
			if other.hours >= at.hours {
				risk++
			}
			if other.ended && other.hours == at.hours {
				ended++
			}
		}
		share.Mul(share, big.NewRat(risk-ended, risk))
	}
	return share
}

// list returns what the team has to do, as lines.
func (t slowTeam) list() (out []string) {
	for i, s := range t.repos {
		for _, l := range s.stays {
			d := s.rulings[l]
			if !t.owns(l.owners) || !l.gone.IsZero() || !l.concern(d) {
				continue
			}
			e := record.Entry{
				RepoID: int64(i + 1), State: record.EntryOpen, Number: l.number, ID: scanners.ID(l.fingerprint), Fingerprint: l.fingerprint,
				Owners: l.owners, Since: l.since,
			}
			if !l.first.IsZero() && l.first.Before(l.since) {
				e.Since = l.first
			}
			if d != nil && (d.promise()) {
				e.Decision, e.By, e.Until, e.Class = d.ID, d.By, d.Until, d.Class
				for _, all := range s.decided {
					if all.ID == d.ID {
						e.Renewals = all.renewals
					}
				}
				switch {
				case !d.over.IsZero() || d.lastDay() < day(t.now):
					e.State = record.EntryExpired
				case d.Verb == "accept":
					e.State = record.EntryAccepted
				default:
					e.State = record.EntryDeferred
				}
			}
			out = append(out, line(e))
		}
		for _, q := range s.asked {
			if !t.owns(q.owners) || q.left.IsZero() {
				continue
			}
			e := record.Entry{RepoID: int64(i + 1), State: record.EntryQuestion, Number: q.number, ID: q.id, Component: q.component, Topic: q.topic, Owners: q.owners, Since: q.left}
			if !q.asked.IsZero() && q.asked.Before(q.left) {
				e.Since = q.asked
			}
			out = append(out, line(e))
		}
	}
	slices.Sort(out)
	return out
}
