package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

// A Measure decides whether the state of a rule changes, see package insight. version is that of the scanner, or empty
// if it is not known. count counts the verdicts on that version since a time.
type Measure func(s record.RuleState, version string, count func(since time.Time) (record.Verdicts, error)) (c record.RuleChange, kind string, err error)

// The queries of this file; a test reads their plans.
const (
	noiseCountQuery = `
		SELECT count(*), coalesce(sum(not_useful), 0), count(DISTINCT CASE WHEN not_useful = 1 THEN who END),
			count(DISTINCT CASE WHEN not_useful = 1 THEN number END)
		FROM view_noise_verdicts
		WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND rule = $4 AND at >= $5 AND (version = $6 OR version = '' OR $6 = '')`

	noiseColumns = `v.rule, v.state, v.since, v.counted, v.times, v.version, v.verdicts, v.not_useful, v.people, v.pulls, v.why`

	noiseStateQuery = `SELECT ` + noiseColumns + ` FROM view_noise_states v WHERE v.repo_id = $1 AND v.owner = $2 AND v.repo = $3 AND v.rule = $4`

	noiseListQuery = `
		SELECT ` + noiseColumns + `, v.repo_id, coalesce(n.owner, v.owner), coalesce(n.repo, v.repo)
		FROM view_noise_states v LEFT JOIN names n ON n.repo_id = v.repo_id AND n.until IS NULL
		WHERE v.state IN ('` + record.NoiseObserved + `', '` + record.NoiseSilent + `')
			AND ($1 = '' OR coalesce(n.owner, v.owner) = $1) AND ($2 = '' OR coalesce(n.repo, v.repo) = $2)
		ORDER BY 13, 14, 1`

	// It reads all verdicts, so it is for people who ask, and not for reviews.
	noiseRulesQuery = `
		SELECT v.rule, count(*), sum(v.not_useful), count(DISTINCT CASE WHEN v.not_useful = 1 THEN v.who END),
			count(DISTINCT CASE WHEN v.not_useful = 1 THEN v.repo_id || '/' || v.owner || '/' || v.repo || '#' || v.number END),
			count(DISTINCT v.repo_id || '/' || v.owner || '/' || v.repo)
		FROM view_noise_verdicts v LEFT JOIN names n ON n.repo_id = v.repo_id AND n.until IS NULL
		WHERE v.at >= $1 AND ($2 = '' OR coalesce(n.owner, v.owner) = $2)
		GROUP BY v.rule ORDER BY v.rule`
)

// MeasureRule returns the state of a rule, "scanner/rule", in the repository of an event, after measure has decided about
// it. A change is recorded as an event with the time and pull request of at, once, however many processes measure at the
// same time. If version is empty, it is that of the newest review.
func (l *Ledger) MeasureRule(ctx context.Context, at Event, rule, version string, measure Measure) (record.RuleState, error) {
	at = l.whole(at)
	repo := Repo{at.RepoID, at.Owner, at.Repo}
	s, _, kind, err := measured(ctx, l.read, repo, rule, version, measure)
	if err != nil || kind == "" {
		return s, err
	}
	err = l.Tx(ctx, func(tx *sql.Tx) error {
		var c record.RuleChange
		if s, c, kind, err = measured(ctx, tx, repo, rule, version, measure); err != nil || kind == "" {
			return err // another process was first
		}
		e := at
		if e.Data, err = json.Marshal(c); err != nil {
			return fmt.Errorf("record the state of %s: %w", rule, err)
		}
		e.Kind = kind
		s = s.After(kind, c, at.At)
		return appendEvent(ctx, tx, e, changeOf(e))
	})
	return s, err
}

func measured(ctx context.Context, from querier, repo Repo, rule, version string, measure Measure) (s record.RuleState, c record.RuleChange, kind string, err error) {
	key, err := repo.key(ctx, from)
	if err != nil {
		return s, c, "", err
	}
	if s, err = readNoiseState(ctx, from, key, rule); err != nil {
		return s, c, "", err
	}
	if version == "" {
		if version, err = noiseVersion(ctx, from, key, rule); err != nil {
			return s, c, "", err
		}
	}
	c, kind, err = measure(s, version, func(since time.Time) (v record.Verdicts, err error) {
		err = from.QueryRowContext(ctx, noiseCountQuery, key.ID, key.Owner, key.Name, rule, noiseTime(since), version).
			Scan(&v.All, &v.NotUseful, &v.People, &v.Pulls)
		if err != nil {
			return v, fmt.Errorf("count the verdicts on %s: %w", rule, err)
		}
		return v, nil
	})
	return s, c, kind, err
}

// RuleState returns the state of a rule, "scanner/rule", as it was measured last.
func (l Reader) RuleState(ctx context.Context, repo Repo, rule string) (record.RuleState, error) {
	if l.schema < noiseSchema {
		return record.RuleState{Rule: rule}, nil
	}
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return record.RuleState{}, err
	}
	return readNoiseState(ctx, l.read, key, rule)
}

// RuleStates lists the rules that the noise meter keeps quiet in the repositories of an owner, or in one of them, by
// repository and rule. Empty names select all.
func (l Reader) RuleStates(ctx context.Context, owner, repo string) (list []record.RuleState, err error) {
	if l.schema < noiseSchema {
		return nil, nil
	}
	rows, err := l.read.QueryContext(ctx, noiseListQuery, strings.ToLower(owner), strings.ToLower(repo))
	if err != nil {
		return nil, fmt.Errorf("read which rules are quiet: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var owner, repo string
		s, err := scanNoiseState(func(dest ...any) error { return rows.Scan(append(dest, &id, &owner, &repo)...) })
		if err != nil {
			return nil, fmt.Errorf("read which rules are quiet: %w", err)
		}
		s.RepoID, s.Owner, s.Repo = id, owner, repo
		list = append(list, s)
	}
	return list, rows.Err()
}

// RuleNoise lists how noisy the rules were in the repositories of an owner since a time, by rule. An empty owner selects
// all.
func (l Reader) RuleNoise(ctx context.Context, owner string, since time.Time) (list []record.RuleNoise, err error) {
	if l.schema < noiseSchema {
		return nil, nil
	}
	rows, err := l.read.QueryContext(ctx, noiseRulesQuery, millis(since), strings.ToLower(owner))
	if err != nil {
		return nil, fmt.Errorf("read how noisy rules are: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r record.RuleNoise
		if err := rows.Scan(&r.Rule, &r.Verdicts.All, &r.Verdicts.NotUseful, &r.Verdicts.People, &r.Verdicts.Pulls, &r.Repos); err != nil {
			return nil, fmt.Errorf("read how noisy rules are: %w", err)
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

func readNoiseState(ctx context.Context, from querier, key Repo, rule string) (record.RuleState, error) {
	s, err := scanNoiseState(from.QueryRowContext(ctx, noiseStateQuery, key.ID, key.Owner, key.Name, rule).Scan)
	if ignoreNoRows(err) != nil {
		return s, fmt.Errorf("read the state of %s: %w", rule, err)
	}
	s.Rule, s.RepoID, s.Owner, s.Repo = rule, key.ID, key.Owner, key.Name
	return s, nil
}

func scanNoiseState(scan scanner) (s record.RuleState, err error) {
	var since, counted int64
	err = scan(&s.Rule, &s.State, &since, &counted, &s.Times, &s.Version, &s.Verdicts.All, &s.Verdicts.NotUseful, &s.Verdicts.People, &s.Verdicts.Pulls, &s.Why)
	if err != nil {
		return record.RuleState{}, err
	}
	if since != 0 {
		s.Since = time.UnixMilli(since).UTC()
	}
	if counted != 0 {
		s.From = time.UnixMilli(counted).UTC()
	}
	return s, nil
}
