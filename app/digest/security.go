package digest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
)

const (
	// healthDays is the period that the digest of the security team describes.
	healthDays = 90

	// fewest is the number of observations from which a median is shown.
	fewest = 5

	maxRules   = 10
	maxRefused = 5
)

// healthKinds are the kinds of events that [HealthOf] counts.
var healthKinds = []string{
	record.DecisionMade, record.DecisionConfirmed, record.DecisionRefused, record.RuleDemoted, record.RuleRestored, record.VoiceAsked, record.RequirementAdvice,
}

// Health says how the guardrails of an organisation do. It counts decisions and rules, and names no person.
type Health struct {
	Ceilings  map[string]int // decisions of one person alone, by the ceiling that allowed them
	Above     int            // decisions above a ceiling
	Confirmed []time.Duration
	Refused   map[string]int // decisions that were refused, as "accept of critical findings"
	Rules     []RuleState    // that the noise meter changed, the last change of each
	Asked     int            // how often the security team was asked for advice
	Answered  []time.Duration

	Unowned, Entries int // entries of all lists without an owner, and of all lists
}

// A RuleState is what the noise meter made of a rule in a repository.
type RuleState struct {
	record.RuleChange
	Repo    string // "owner/repo"
	Demoted bool
	At      time.Time
}

// HealthOf counts events, in the order of their time. Other kinds count nothing.
func HealthOf(events []ledger.Event) (Health, error) {
	f := healthFold{
		Health: Health{Ceilings: map[string]int{}, Refused: map[string]int{}},
		above:  map[string]*pending{}, asked: map[string]time.Time{}, rules: map[string]RuleState{},
	}
	for _, e := range events {
		if err := f.add(e); err != nil {
			return Health{}, err
		}
	}
	for _, r := range f.rules {
		f.Rules = append(f.Rules, r)
	}
	slices.SortFunc(f.Rules, func(a, b RuleState) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(a.Repo+" "+a.Rule, b.Repo+" "+b.Rule))
	})
	return f.Health, nil
}

type healthFold struct {
	Health
	above map[string]*pending
	asked map[string]time.Time // the first request without an answer, by pull request
	rules map[string]RuleState
}

// A pending decision waits for people.
type pending struct {
	since time.Time
	needs int
}

func (f *healthFold) add(e ledger.Event) error {
	repo := e.Owner + "/" + e.Repo
	pull := fmt.Sprintf("%s#%d", strings.ToLower(repo), e.Number)
	switch e.Kind {
	case record.DecisionMade, record.DecisionConfirmed:
		step, err := record.ReadOwnership[record.DecisionStep](e.ID, e.Data)
		if err != nil {
			return err
		}
		f.decided(strings.ToLower(repo), e, step)
	case record.DecisionRefused:
		r, err := record.ReadOwnership[record.Refused](e.ID, e.Data)
		if err != nil {
			return err
		}
		f.Refused[fmt.Sprintf("%s of %s findings", r.Verb, r.Severity)]++
	case record.RuleDemoted, record.RuleRestored:
		r, err := record.ReadOwnership[record.RuleChange](e.ID, e.Data)
		if err != nil {
			return err
		}
		f.rules[strings.ToLower(repo)+" "+r.Rule] = RuleState{RuleChange: r, Repo: repo, Demoted: e.Kind == record.RuleDemoted, At: e.At}
	case record.VoiceAsked:
		v, err := record.ReadOwnership[record.Voice](e.ID, e.Data)
		if err != nil || v.Role != record.Security {
			return err
		}
		if _, waits := f.asked[pull]; !waits {
			f.asked[pull] = e.At
			f.Asked++
		}
	case record.RequirementAdvice:
		a, err := record.ReadOwnership[record.Advice](e.ID, e.Data)
		if err != nil || a.Role != record.Security {
			return err
		}
		if since, waits := f.asked[pull]; waits {
			f.Answered = append(f.Answered, e.At.Sub(since))
			delete(f.asked, pull)
		}
	}
	return nil
}

func (f *healthFold) decided(repo string, e ledger.Event, s record.DecisionStep) {
	if e.Kind == record.DecisionMade {
		switch d := s.Decision; {
		case d == nil:
		case d.Needs > 0:
			f.Above++
			f.above[repo+" "+d.ID] = &pending{e.At, d.Needs}
		case d.Verb == "accept" || d.Verb == "defer":
			f.Ceilings[cmp.Or(d.Ceiling, "no ceiling")]++
		}
		return
	}
	id := repo + " " + s.ID
	p := f.above[id]
	if p == nil {
		return
	}
	if p.needs--; p.needs == 0 {
		f.Confirmed = append(f.Confirmed, e.At.Sub(p.since))
		delete(f.above, id)
	}
}

// SecurityTitle returns the title of the issue with the digest of the security team.
func SecurityTitle(team string) string { return "Guardrail health for " + team }

// Body returns the text of the issue for the security team.
func (h Health) Body(team string) string {
	parts := []string{
		"How the guardrails do, for " + checks.Code(team) + ": " + fmt.Sprintf("the last %d days, counted once a week. ", healthDays) +
			"The teams decide by themselves; this is what you can improve for them.",
		h.decisions(),
		h.refused(),
		h.noisy(),
		h.response(),
		h.unowned(),
		"<sub>You may close this issue: it stays closed, and is still kept up to date.</sub>",
	}
	return checks.Cut(strings.Join(parts, "\n\n"), maxText)
}

func (h Health) decisions() string {
	lines := []string{"### Decisions", ""}
	alone := 0
	var by []string
	for _, c := range ranked(h.Ceilings) {
		alone += h.Ceilings[c]
		by = append(by, fmt.Sprintf("%d under the ceiling %s", h.Ceilings[c], checks.Escape(c)))
	}
	line := fmt.Sprintf("- **%d within a ceiling**, decided without anybody else", alone)
	if len(by) > 0 {
		line += ": " + strings.Join(by, ", ")
	}
	lines = append(lines, line)
	line = fmt.Sprintf("- **%d above a ceiling**, %d of them confirmed", h.Above, len(h.Confirmed))
	if m, ok := median(h.Confirmed); ok {
		line += "; the median took " + words(m)
	}
	return strings.Join(append(lines, line), "\n")
}

func (h Health) refused() string {
	if len(h.Refused) == 0 {
		return "### Refused by a guardrail\n\nNothing."
	}
	lines := []string{"### Refused by a guardrail", ""}
	list := ranked(h.Refused)
	for _, what := range list[:min(len(list), maxRefused)] {
		lines = append(lines, fmt.Sprintf("- %s: %s", checks.Escape(what), times(h.Refused[what])))
	}
	return strings.Join(append(lines, "", "A guardrail that refuses often is in the way of a team, or unknown to it."), "\n")
}

func (h Health) noisy() string {
	lines := []string{"### Noisy rules", ""}
	if len(h.Rules) == 0 {
		return lines[0] + "\n\nThe noise meter hid no rule, and showed none again."
	}
	for _, r := range h.Rules[:min(len(h.Rules), maxRules)] {
		what := "shown again"
		if r.Demoted {
			what = "**hidden**"
		}
		line := fmt.Sprintf("- %s in %s, %s on %s", checks.Code(cut(r.Rule)), checks.Code(cut(r.Repo)), what, day(r.At))
		if r.Verdicts > 0 {
			line += fmt.Sprintf(": %d of %d verdicts say that it is of no use", r.NotUseful, r.Verdicts)
		}
		lines = append(lines, line)
	}
	if n := len(h.Rules) - maxRules; n > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", n))
	}
	return strings.Join(lines, "\n")
}

func (h Health) response() string {
	s := fmt.Sprintf("### Your own answers\n\nYou were asked for advice in %s, and answered in %d.", count(h.Asked, "pull request", "pull requests"), len(h.Answered))
	if m, ok := median(h.Answered); ok {
		s += " The median answer took " + words(m) + "."
	}
	return s
}

func (h Health) unowned() string {
	s := "### Without an owner\n\n"
	if h.Entries == 0 {
		return s + "Nothing is on any list."
	}
	return s + fmt.Sprintf("%d of %s on the lists: %d %%.", h.Unowned, count(h.Entries, "entry", "entries"), (100*h.Unowned+h.Entries/2)/h.Entries)
}

// ranked returns the names with the highest counts first.
func ranked(counts map[string]int) []string {
	var list []string
	for name := range counts {
		list = append(list, name)
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	return list
}

// median returns the lower median; ok is false if there are too few values to say.
func median(list []time.Duration) (m time.Duration, ok bool) {
	if len(list) < fewest {
		return 0, false
	}
	list = slices.Sorted(slices.Values(list))
	return list[(len(list)-1)/2], true
}

// words rounds a duration to what people say.
func words(d time.Duration) string {
	switch {
	case d < 90*time.Minute:
		return count(max(1, int(d.Round(time.Minute)/time.Minute)), "minute", "minutes")
	case d < 36*time.Hour:
		return count(int(d.Round(time.Hour)/time.Hour), "hour", "hours")
	}
	return count(int(d.Round(24*time.Hour)/(24*time.Hour)), "day", "days")
}
