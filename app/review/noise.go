package review

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// quiet holds what is known for the question which findings of a change should only be observed: those of noisy rules,
// and those that only a new version of a scanner reports. It reads what it needs when it is asked. It must not be used by
// several goroutines at once.
type quiet struct {
	r     *Reviewer
	pull  pull.Pull
	repo  *mirror.Repo
	known []baseline.Known // findings that have a thread

	events []ledger.Event // of the pull request; of a merge group the last reviews of its open pull requests
	read   bool
	past   []record.Review // from events
	shown  map[string]bool // fingerprints that the pull request showed already

	states map[string]record.RuleState
	same   map[string]map[string]bool // by earlier head: the paths that changed since; nil if that is not known
}

// of says whether a finding should only be observed; version is that of its scanner. It has the form of
// [judge.Case.Quiet].
func (q *quiet) of(ctx context.Context) func(version string, f scanners.Result) (judge.Quiet, error) {
	return func(version string, f scanners.Result) (judge.Quiet, error) {
		s, err := q.state(ctx, f.RuleID(), version)
		if err != nil {
			return judge.Quiet{}, err
		}
		if s.State != record.NoiseShown && !q.shownBefore(f.Fingerprint) {
			return judge.Quiet{Kind: record.QuietNoise, Silent: s.State == record.NoiseSilent, Why: insight.NoiseText(s)}, nil
		}
		if f.Path == "" || !q.upgraded(ctx, version, f) {
			return judge.Quiet{}, nil
		}
		why := fmt.Sprintf("%s %s reports findings in files that are unchanged since an earlier version reviewed this pull request and let them pass. They get comments once the file changes.", f.Scanner, version)
		return judge.Quiet{Kind: record.QuietUpgrade, Why: why}, nil
	}
}

// state measures a rule, once.
func (q *quiet) state(ctx context.Context, rule, version string) (record.RuleState, error) {
	if s, ok := q.states[rule]; ok {
		return s, nil
	}
	now := q.r.Clock.Now()
	at := ledger.Event{At: now, RepoID: q.pull.RepoID, Owner: q.pull.Owner, Repo: q.pull.Repo, Number: q.pull.Number, Head: q.pull.Head}
	s, err := q.r.Ledger.MeasureRule(ctx, at, rule, version,
		func(s record.RuleState, version string, count func(time.Time) (record.Verdicts, error)) (record.RuleChange, string, error) {
			return insight.MeasureRule(s, version, now, count)
		})
	if err != nil {
		return s, err
	}
	if q.states == nil {
		q.states = map[string]record.RuleState{}
	}
	q.states[rule] = s
	return s, nil
}

// readPast parses the earlier reviews of the pull request.
func (q *quiet) readPast() {
	if q.read {
		return
	}
	q.read, q.shown = true, map[string]bool{}
	for _, k := range q.known {
		q.shown[k.Fingerprint] = true
	}
	for _, e := range q.events {
		if e.Kind != record.Finished {
			continue
		}
		past, err := record.ReadReview(e.ID, e.At, e.Head, e.Data)
		if err != nil {
			continue // of a newer version of this program: it says nothing about the findings
		}
		q.past = append(q.past, past)
		for _, f := range past.Findings {
			q.shown[f.Fingerprint] = q.shown[f.Fingerprint] || f.State == scanners.New && f.Shown
		}
	}
}

// shownBefore reports whether the pull request showed a finding already. It stays shown: what people say in a pull
// request does not change its own verdict.
func (q *quiet) shownBefore(fingerprint string) bool {
	q.readPast()
	return q.shown[fingerprint]
}

// upgraded reports whether an earlier version of the scanner reviewed the pull request when the finding's file was as it
// is now, and did not report the finding. A scanner of this server that is not in the record of an earlier review is a new
// one. Of a tool whose results are sent, the results had not come yet.
func (q *quiet) upgraded(ctx context.Context, version string, f scanners.Result) bool {
	q.readPast()
	if version == "" {
		return false
	}
	here := slices.Contains(q.r.Externals.Here, f.Scanner)
	for _, past := range q.past {
		if past.Context == nil || past.Context.NotRun || !otherVersion(past.Context.Scanners, f.Scanner, version, here) || reported(past, f.Fingerprint) {
			continue
		}
		if q.unchanged(ctx, past.Head, f) {
			return true
		}
	}
	return false
}

// otherVersion reports whether a scanner scanned in another version, or, if it is one of this server, did not exist.
func otherVersion(list []record.Scanner, name, version string, here bool) bool {
	known := false // versions are in the record
	for _, s := range list {
		if s.Name == name {
			return s.State == record.Ran && s.Version != "" && s.Version != version
		}
		known = known || s.Version != ""
	}
	return known && here
}

func reported(past record.Review, fingerprint string) bool {
	for _, list := range [][]record.Finding{past.Findings, past.Context.Hidden} {
		for _, f := range list {
			if f.Fingerprint == fingerprint {
				return true
			}
		}
	}
	return false
}

// unchanged reports whether the file of a finding is the same as at an earlier head. If that is not known, it is not.
func (q *quiet) unchanged(ctx context.Context, head string, f scanners.Result) bool {
	if head == q.pull.Head {
		return true
	}
	if f.Commit != "" || q.repo == nil { // the history is another one
		return false
	}
	changed, known := q.same[head]
	if !known {
		changes, err := q.repo.Changes(ctx, head, q.pull.Head)
		if err != nil {
			zerolog.Ctx(ctx).Debug().Err(err).Msg("an earlier head cannot be compared")
		} else {
			changed = map[string]bool{}
			for _, c := range changes {
				changed[c.NewPath], changed[c.OldPath] = true, true
			}
		}
		if q.same == nil {
			q.same = map[string]map[string]bool{}
		}
		q.same[head] = changed
	}
	return changed != nil && !changed[f.Path]
}

// groupQuiet returns the same for a merge group: a finding is as quiet as in the last review of one of its pull
// requests, so that a queue has no surprise.
func (r *Reviewer) groupQuiet(ctx context.Context, p pull.Pull, numbers []int) func(string, scanners.Result) (judge.Quiet, error) {
	q := &quiet{r: r, pull: p, read: true}
	noise := q.of(ctx)
	var upgrades map[string]bool // fingerprints; nil until they are needed
	return func(version string, f scanners.Result) (judge.Quiet, error) {
		one, err := noise(version, f)
		if err != nil || one.Kind != "" || f.Path == "" {
			return one, err
		}
		if upgrades == nil {
			upgrades = map[string]bool{}
			for _, n := range numbers {
				last, err := r.Ledger.LastReview(ctx, p.Repository(), n)
				if err != nil {
					return one, err
				}
				for _, f := range last.Findings {
					upgrades[f.Fingerprint] = upgrades[f.Fingerprint] || f.Quiet == record.QuietUpgrade
				}
			}
		}
		if upgrades[f.Fingerprint] {
			one = judge.Quiet{Kind: record.QuietUpgrade, Why: fmt.Sprintf("%s %s reports findings that an earlier version let pass in the pull requests.", f.Scanner, version)}
		}
		return one, nil
	}
}
