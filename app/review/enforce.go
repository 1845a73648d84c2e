package review

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// answersAge is how far back answers count.
const answersAge = 90 * 24 * time.Hour

// A judge says which findings fail the check, by the repository's word or by the organisation's,
// and names the lines of the policy that say so. It is for one repository.
type judge struct {
	policy policy.Policy
	repo   string // as of [shownIn]
	now    time.Time

	// shown gives what the rules did so far. It is asked only where a finding of an enforced rule is
	// there.
	shown func() (Shown, error)
}

func (r *Reviewer) judge(ctx context.Context, pol policy.Policy, p pull.Pull) *judge {
	j := &judge{policy: pol, repo: shownIn(p.RepoID, p.Repo), now: time.Now()}
	var known Shown
	j.shown = func() (Shown, error) {
		if known != nil {
			return known, nil
		}
		var err error
		known, err = ReadShown(ctx, r.Ledger.Reader, p.Owner, j.now, pol)
		return known, err
	}
	return j
}

// A Failure is why a check fails: one plain sentence about a finding, or about a scanner that did
// not finish.
type Failure struct {
	Rule        string // "scanner/rule", or the scanner
	Fingerprint string // empty for a scanner
	Why         string // with the line of the policy, without a full stop
}

// rulings are what a judge said of the gates of one review.
type rulings struct {
	fails  []Failure
	held   []Failure // findings of an enforced rule, and why they do not fail
	coming []Failure // those of them that will, once what is missing is there
}

// lines gives the sentences of failures as Markdown, each once.
func lines(list []Failure) (lines []string) {
	said := map[string]bool{}
	for _, f := range list {
		if s := checks.Escape(f.Rule + " " + f.Why + "."); !said[s] {
			said[s] = true
			lines = append(lines, s)
		}
	}
	if more := len(lines) - maxTold; more > 0 {
		lines = append(lines[:maxTold], fmt.Sprintf("%d more lines are like these.", more))
	}
	return lines
}

// judge marks the new findings that an organisation's rule lets fail the check. adds reports whether
// the change adds a line of a finding.
func (j *judge) judge(gates []checks.Gate, adds func(scanners.Result) bool) ([]checks.Gate, rulings, error) {
	gates = slices.Clone(gates)
	var out rulings
	for at := range gates {
		g := &gates[at]
		g.Findings = slices.Clone(g.Findings)
		for i := range g.Findings {
			f := &g.Findings[i]
			if f.State != scanners.New || !f.Comment || f.Decided != nil {
				continue
			}
			if f.Block {
				out.fails = append(out.fails, Failure{f.RuleID(), f.Fingerprint, "fails the check: " + Because(j.policy, *f)})
				continue
			}
			v, ok, err := j.enforced(g, f, adds)
			if err != nil {
				return nil, rulings{}, err
			}
			switch f.Block = v.Fails; {
			case v.Fails:
				out.fails = append(out.fails, Failure{f.RuleID(), f.Fingerprint, fmt.Sprintf("fails the check: %s (%s)", v.Because, v.Origin)})
			case ok:
				if v.Yet {
					out.coming = append(out.coming, Failure{f.RuleID(), f.Fingerprint, fmt.Sprintf("does not fail the check yet: %s (%s)", v.Because, v.Origin)})
				}
				out.held = append(out.held, Failure{f.RuleID(), f.Fingerprint, fmt.Sprintf("%s (%s)", v.Because, v.Origin)})
			}
		}
		g.Blocking = maps.Clone(g.Blocking)
		for _, run := range g.Runs {
			if run.Err == nil {
				continue
			}
			why := g.Blocking[run.Scanner]
			if why == "" {
				v, ok, err := j.enforces(run.Scanner)
				if err != nil {
					return nil, rulings{}, err
				}
				if !ok {
					continue
				}
				why = fmt.Sprintf("%s (%s)", v.Because, v.Origin)
				if g.Blocking == nil {
					g.Blocking = map[string]string{}
				}
				g.Blocking[run.Scanner] = why
			}
			out.fails = append(out.fails, Failure{run.Scanner, "", "did not finish, and that fails the check: " + why})
		}
	}
	return gates, out, nil
}

// Because names the line of the policy that says how loud a finding is.
func Because(p policy.Policy, f checks.Finding) string {
	d := p.Decide(f.Gate, f.Scanner, f.Rule, f.Severity, f.Path)
	return fmt.Sprintf("%s is %s (%s)", d.Key, d.Mode, d.Origin)
}

// enforced applies the no-surprise rule; ok is false for a rule that is not enforced.
func (j *judge) enforced(g *checks.Gate, f *checks.Finding, adds func(scanners.Result) bool) (v policy.Verdict, ok bool, err error) {
	e := policy.Evidence{Now: j.now, New: f.Commit == "" && adds(f.Result), Complete: true}
	if v, ok = j.policy.Fails(f.Scanner, f.Rule, e); !ok {
		return v, false, nil
	}
	for _, run := range g.Runs {
		e.Complete = e.Complete && (run.Scanner != f.Scanner || run.Err == nil)
	}
	shown, err := j.shown()
	if err != nil {
		return v, true, err
	}
	shown.of(f.RuleID(), j.repo, &e)
	v, _ = j.policy.Fails(f.Scanner, f.Rule, e)
	return v, true, nil
}

// enforces reports whether a finding of a scanner, if it had finished, could fail the check by the
// organisation's word: one of its rules is ripe for that. Whoever keeps a scanner from its end would pass
// otherwise.
func (j *judge) enforces(scanner string) (policy.Verdict, bool, error) {
	if !j.policy.Enforces(scanner) {
		return policy.Verdict{}, false, nil
	}
	shown, err := j.shown()
	if err != nil {
		return policy.Verdict{}, false, err
	}
	for _, id := range slices.Sorted(maps.Keys(shown)) {
		name, rule, _ := strings.Cut(id, "/")
		if name != scanner {
			continue
		}
		e := policy.Evidence{Now: j.now, New: true, Complete: true}
		shown.of(id, j.repo, &e)
		if v, ok := j.policy.Fails(scanner, rule, e); ok && v.Fails {
			return v, true, nil
		}
	}
	return policy.Verdict{}, false, nil
}

// addedBy reports whether a change adds a line of a finding.
func addedBy(set patch.Set) func(scanners.Result) bool {
	return func(f scanners.Result) bool {
		file, ok := set.File(f.Path)
		if !ok {
			return false
		}
		return file.AddsAny(f.Line, max(f.Line, f.EndLine))
	}
}

// An opinion is that a finding is of no use, as the ledger keeps it.
type opinion struct {
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"` // "scanner/rule"
	Reason      string `json:"reason"`
	Text        string `json:"text"`
	Who         string `json:"who"`
	Write       bool   `json:"write"`  // who says it may write to the repository
	Author      bool   `json:"author"` // and is the author of the pull request
	Source      string `json:"source"`
}

// counts reports whether an opinion is held against its rule. No pull request decides its own gate,
// and nobody from outside does. Older versions of this program did not keep who spoke: what they kept
// may be the word of either and does not count, so that in doubt a gate holds.
func (o opinion) counts() bool { return o.Write && !o.Author }

// Shown is what the ledger knows of the rules ("scanner/rule") in an organisation.
type Shown map[string]*shownRule

// of adds what is known of a rule in a repository to what is known of a finding.
func (s Shown) of(rule, repo string, e *policy.Evidence) {
	if known := s[rule]; known != nil {
		e.Pulls, e.First = len(known.pulls), known.first[repo]
		e.Here, e.Everywhere = known.answers(repo), known.answers("")
	}
}

type shownRule struct {
	pulls map[string]bool           // "repo#1"
	first map[string]time.Time      // by repository
	shown map[string]map[string]int // findings by repository, in the last 90 days: 1, or 2 when of no use
}

func (s *shownRule) answers(repo string) (a policy.Answers) {
	for name, findings := range s.shown {
		if repo != "" && name != repo {
			continue
		}
		for _, opinion := range findings {
			a.Shown++
			if opinion == 2 {
				a.NotUseful++
			}
		}
	}
	return a
}

// ReadShown reads what was shown in an organisation, as far back as one of the policies asks.
func ReadShown(ctx context.Context, l ledger.Reader, owner string, now time.Time, policies ...policy.Policy) (Shown, error) {
	rules := Shown{}
	days := int(answersAge / (24 * time.Hour))
	for _, p := range policies {
		days = max(days, p.Guardrails.NoSurprise.MinDays+1)
	}
	reviews, err := l.Events(ctx, ledger.Filter{Owner: owner, Kind: Finished, Since: now.AddDate(0, 0, -days)})
	if err != nil {
		return nil, fmt.Errorf("read what was shown: %w", err)
	}
	recent := now.Add(-answersAge)
	for _, e := range reviews {
		review, err := factsOf(e)
		if err != nil {
			return nil, err
		}
		rules.add(e, review, recent)
	}
	opinions, err := l.Events(ctx, ledger.Filter{Owner: owner, Kind: NotUseful, Since: recent})
	if err != nil {
		return nil, fmt.Errorf("read opinions: %w", err)
	}
	for _, e := range opinions {
		var said opinion
		if err := json.Unmarshal(e.Data, &said); err != nil {
			return nil, fmt.Errorf("read the opinion of event %d: %w", e.ID, err)
		}
		if r := rules[said.Rule]; said.counts() && r != nil && r.shown[shownIn(e.RepoID, e.Repo)][said.Fingerprint] > 0 {
			r.shown[shownIn(e.RepoID, e.Repo)][said.Fingerprint] = 2
		}
	}
	return rules, nil
}

// shownIn names a repository by its id, where that is known: a rename makes no second one of it.
func shownIn(id int64, name string) string {
	if id != 0 {
		return fmt.Sprint(id)
	}
	return strings.ToLower(name)
}

func (s Shown) add(e ledger.Event, review facts, recent time.Time) {
	for _, f := range review.Findings {
		if f.State != scanners.New || !f.Shown {
			continue
		}
		r := s[f.Rule]
		if r == nil {
			r = &shownRule{pulls: map[string]bool{}, first: map[string]time.Time{}, shown: map[string]map[string]int{}}
			s[f.Rule] = r
		}
		repo := shownIn(e.RepoID, e.Repo)
		r.pulls[fmt.Sprintf("%s#%d", repo, e.Number)] = true
		if first, known := r.first[repo]; !known || e.At.Before(first) {
			r.first[repo] = e.At
		}
		if e.At.Before(recent) {
			continue
		}
		if r.shown[repo] == nil {
			r.shown[repo] = map[string]int{}
		}
		r.shown[repo][f.Fingerprint] = max(r.shown[repo][f.Fingerprint], 1)
	}
}
