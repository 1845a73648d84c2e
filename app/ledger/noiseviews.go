package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

// noiseSchema is the schema version that introduced the views of the noise meter.
const noiseSchema = 11

// noiseKinds are the kinds of events from which only the views of the noise meter are derived.
var noiseKinds = []string{record.Merged, record.RuleDemoted, record.RuleRestored}

// noiseOf returns the change of an event to the views of the noise meter.
func noiseOf(e Event) change {
	switch e.Kind {
	case record.Finished:
		if r, err := record.ReadReview(e.ID, e.At, e.Head, e.Data); err == nil {
			return noiseVersionsOf(r)
		}
	case record.NotUseful:
		if o, err := record.ReadOpinion(e.ID, e.Data); err == nil {
			if v, ok := o.Verdict(); ok {
				return noiseVerdicts{list: []record.Verdict{v}}
			}
		}
	case record.DecisionMade, record.DecisionConfirmed, record.DecisionEnded:
		if s, err := record.ReadStep(e.ID, e.Kind, e.At, e.Data); err == nil {
			return noiseDecision{id: s.Of(), ended: e.Kind == record.DecisionEnded, who: s.Who}
		}
	case record.Merged:
		if m, err := record.ReadOwnership[record.Merge](e.ID, e.Data); err == nil {
			var v noiseVerdicts
			for _, f := range m.Fixed[:min(len(m.Fixed), maxUsed)] {
				v.list = append(v.list, record.Verdict{Rule: f.Rule, Fingerprint: f.Fingerprint})
			}
			return v
		}
	case record.RuleDemoted, record.RuleRestored:
		if c, err := record.ReadOwnership[record.RuleChange](e.ID, e.Data); err == nil {
			return noiseState{c}
		}
	}
	return nil
}

// noiseVersions are the versions of the scanners of a review.
type noiseVersions map[string]string

func noiseVersionsOf(r record.Review) change {
	if r.Context == nil {
		return nil
	}
	versions := noiseVersions{}
	for _, s := range r.Context.Scanners {
		if s.State == record.Ran && s.Version != "" {
			versions[s.Name] = s.Version
		}
	}
	if len(versions) == 0 {
		return nil
	}
	return versions
}

func (v noiseVersions) apply(ctx context.Context, tx *sql.Tx, repo Repo, _ Event) error {
	for scanner, version := range v {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO view_noise_versions (repo_id, owner, repo, scanner, version) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (repo_id, owner, repo, scanner) DO UPDATE SET version = excluded.version WHERE view_noise_versions.version <> excluded.version`,
			repo.ID, repo.Owner, repo.Name, scanner, version)
		if err != nil {
			return err
		}
	}
	return nil
}

// noiseVerdicts are the verdicts of one event. Only findings that were shown have one.
type noiseVerdicts struct {
	list     []record.Verdict
	decision string
}

func (v noiseVerdicts) apply(ctx context.Context, tx *sql.Tx, repo Repo, e Event) error {
	for _, one := range v.list {
		if err := v.keep(ctx, tx, repo, e, one); err != nil {
			return err
		}
	}
	return nil
}

// keep stores one verdict in place of the finding's former one. That a finding was fixed says less than what people said.
func (v noiseVerdicts) keep(ctx context.Context, tx *sql.Tx, repo Repo, e Event, one record.Verdict) error {
	var shown bool
	err := tx.QueryRowContext(ctx, `
		SELECT EXISTS (SELECT 1 FROM view_rule_findings WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND rule = $4 AND fingerprint = $5 AND day > 0)`,
		repo.ID, repo.Owner, repo.Name, one.Rule, one.Fingerprint).Scan(&shown)
	if err != nil || !shown {
		return err
	}
	version, err := noiseVersion(ctx, tx, repo, one.Rule)
	if err != nil {
		return err
	}
	replace := `DO NOTHING`
	if one.Who != "" {
		replace = `DO UPDATE SET at = excluded.at, not_useful = excluded.not_useful, who = excluded.who, number = excluded.number,
			decision = excluded.decision, version = excluded.version`
	}
	notUseful := 0
	if one.NotUseful {
		notUseful = 1
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO view_noise_verdicts (repo_id, owner, repo, rule, fingerprint, at, not_useful, who, number, decision, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (repo_id, owner, repo, rule, fingerprint) `+replace,
		repo.ID, repo.Owner, repo.Name, one.Rule, one.Fingerprint, millis(e.At), notUseful, one.Who, e.Number, v.decision, version)
	return err
}

// noiseDecision is the change of a step of a decision: the verdict of one that is in force now, or none for one that a
// person ended. If the program ended it, because its day or its code is gone, what people thought stays.
type noiseDecision struct {
	id    string
	ended bool
	who   string
}

func (n noiseDecision) apply(ctx context.Context, tx *sql.Tx, repo Repo, e Event) error {
	row := tx.QueryRowContext(ctx, `SELECT `+decisionColumns+` FROM view_decisions WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND id = $4`,
		repo.ID, repo.Owner, repo.Name, n.id)
	d, err := scanDecision(row.Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case n.ended && n.who != "" && !strings.HasSuffix(n.who, "[bot]"):
		_, err := tx.ExecContext(ctx, `
			DELETE FROM view_noise_verdicts WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND rule = $4 AND fingerprint = $5 AND decision = $6`,
			repo.ID, repo.Owner, repo.Name, d.Rule, d.Fingerprint, d.ID)
		return err
	case n.ended || d.Ended != "" || d.Needs > 0:
		return nil
	}
	return noiseVerdicts{[]record.Verdict{record.DecisionVerdict(d)}, d.ID}.apply(ctx, tx, repo, e)
}

// noiseState is the change of an event by which the meter changes the state of a rule.
type noiseState struct{ record.RuleChange }

func (n noiseState) apply(ctx context.Context, tx *sql.Tx, repo Repo, e Event) error {
	s, err := readNoiseState(ctx, tx, repo, n.Rule)
	if err != nil {
		return err
	}
	s = s.After(e.Kind, n.RuleChange, time.UnixMilli(millis(e.At)).UTC())
	_, err = tx.ExecContext(ctx, `
		INSERT INTO view_noise_states (repo_id, owner, repo, rule, state, since, counted, times, version, verdicts, not_useful, people, pulls, why)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (repo_id, owner, repo, rule) DO UPDATE SET state = excluded.state, since = excluded.since, counted = excluded.counted,
			times = excluded.times, version = excluded.version, verdicts = excluded.verdicts, not_useful = excluded.not_useful,
			people = excluded.people, pulls = excluded.pulls, why = excluded.why`,
		repo.ID, repo.Owner, repo.Name, n.Rule, s.State, noiseTime(s.Since), noiseTime(s.From), s.Times, s.Version,
		s.Verdicts.All, s.Verdicts.NotUseful, s.Verdicts.People, s.Verdicts.Pulls, s.Why)
	return err
}

// noiseTime converts a time to the form in which it is stored: 0 for none.
func noiseTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return millis(t)
}

// noiseVersion returns the version of the scanner of a rule in the newest review of a repository, or "".
func noiseVersion(ctx context.Context, from querier, key Repo, rule string) (version string, err error) {
	scanner, _, _ := strings.Cut(rule, "/")
	err = from.QueryRowContext(ctx, `SELECT version FROM view_noise_versions WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND scanner = $4`,
		key.ID, key.Owner, key.Name, scanner).Scan(&version)
	if ignoreNoRows(err) != nil {
		return "", fmt.Errorf("read the version of %s: %w", scanner, err)
	}
	return version, nil
}
