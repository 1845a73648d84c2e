package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/tally"
)

// teamSchema is the schema version that introduced the views for teams.
const teamSchema = 10

// errNoTeams is returned for a database without the views for teams.
var errNoTeams = errors.New("the database has no tables for teams yet: start the server of this version once, it makes them")

// team is the change of an event to the views for teams.
type team struct{ tally.Change }

// teamOf returns the change of an event to the views for teams, or nil.
func teamOf(e Event) change {
	if c := tally.Of(tally.Event{ID: e.ID, At: e.At, Kind: e.Kind, Number: e.Number, Head: e.Head, Data: e.Data}); c != nil {
		return team{c}
	}
	return nil
}

func (t team) apply(ctx context.Context, tx *sql.Tx, repo Repo, _ Event) error {
	s := teamStore{ctx, tx, repo, map[string]int64{}}
	if err := t.Apply(s); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.more)) {
		if err := s.weigh(name, s.more[name]); err != nil {
			return err
		}
	}
	return nil
}

// A teamStore is the [tally.Store] of a repository, given by its key, in a transaction.
type teamStore struct {
	ctx  context.Context //nolint:containedctx // it lives as long as one call of apply
	tx   *sql.Tx
	repo Repo
	more map[string]int64 // by how much each team has more in the repository
}

// The queries of this file; a test reads their plans.
const (
	teamLoadQuery = `
		SELECT data FROM view_team_subjects WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND kind = $4 AND number = $5 AND name = $6`

	teamOfQuery = `
		SELECT number, name, data FROM view_team_subjects WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND kind = $4 AND number = $5`

	// A cross join keeps the order of the tables, which SQLite would change
	// (https://www.sqlite.org/optoverview.html#crossjoin).
	teamAboutQuery = `
		SELECT s.number, s.name, s.data FROM view_team_about a CROSS JOIN view_team_subjects s
		WHERE a.repo_id = $1 AND a.owner = $2 AND a.repo = $3 AND a.kind = $4 AND a.about = $5
			AND s.repo_id = $1 AND s.owner = $2 AND s.repo = $3 AND s.kind = $4 AND s.number = a.number AND s.name = a.name AND s.about = $5`

	teamListQuery = `
		SELECT l.repo_id, coalesce(n.owner, l.owner), coalesce(n.repo, l.repo), l.kind, l.number, l.name, s.data
		FROM view_team_lists l
		JOIN view_team_subjects s ON s.repo_id = l.repo_id AND s.owner = l.owner AND s.repo = l.repo
			AND s.kind = l.kind AND s.number = l.number AND s.name = l.name
		LEFT JOIN names n ON n.repo_id = l.repo_id AND n.until IS NULL
		WHERE l.team = $1 AND coalesce(n.owner, l.owner) = $2`

	teamsQuery = `
		SELECT v.team FROM names n JOIN view_teams v ON v.repo_id = n.repo_id WHERE n.owner = $1 AND n.until IS NULL
		UNION SELECT team FROM view_teams WHERE repo_id = 0 AND owner = $1 ORDER BY 1`

	teamDaysFrom = `
		SELECT d.day, d.key, d.about, d.value, d.n
		FROM view_teams t CROSS JOIN view_team_days d LEFT JOIN names n ON n.repo_id = t.repo_id AND n.until IS NULL
		WHERE t.team = $1 AND coalesce(n.owner, t.owner) = $2
			AND d.team = $1 AND d.repo_id = t.repo_id AND d.owner = t.owner AND d.repo = t.repo AND d.day `
	teamDaysQuery = teamDaysFrom + `>= $3 UNION ALL` + teamDaysFrom + `= 0`
)

func (s teamStore) Load(key tally.Key) ([]byte, error) {
	var data []byte
	err := s.tx.QueryRowContext(s.ctx, teamLoadQuery, s.repo.ID, s.repo.Owner, s.repo.Name, key.Kind, key.Number, key.Name).Scan(&data)
	return data, ignoreNoRows(err)
}

func (s teamStore) Of(kind string, number int) (map[tally.Key][]byte, error) {
	return s.find(teamOfQuery, kind, number)
}

func (s teamStore) About(kind, about string) (map[tally.Key][]byte, error) {
	return s.find(teamAboutQuery, kind, about)
}

func (s teamStore) find(query, kind string, arg any) (map[tally.Key][]byte, error) {
	rows, err := s.tx.QueryContext(s.ctx, query, s.repo.ID, s.repo.Owner, s.repo.Name, kind, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[tally.Key][]byte{}
	for rows.Next() {
		key := tally.Key{Kind: kind}
		var data []byte
		if err := rows.Scan(&key.Number, &key.Name, &data); err != nil {
			return nil, err
		}
		found[key] = data
	}
	return found, rows.Err()
}

func (s teamStore) Save(key tally.Key, about string, data []byte, before, teams []string) error {
	_, err := s.tx.ExecContext(s.ctx, `
		INSERT INTO view_team_subjects (repo_id, owner, repo, kind, number, name, about, data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (repo_id, owner, repo, kind, number, name) DO UPDATE SET about = excluded.about, data = excluded.data`,
		s.repo.ID, s.repo.Owner, s.repo.Name, key.Kind, key.Number, key.Name, about, string(data))
	if err == nil && about != "" {
		_, err = s.tx.ExecContext(s.ctx, `
			INSERT INTO view_team_about (repo_id, owner, repo, kind, about, number, name) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
			s.repo.ID, s.repo.Owner, s.repo.Name, key.Kind, about, key.Number, key.Name)
	}
	if err != nil {
		return err
	}
	for _, name := range before {
		if slices.Contains(teams, name) {
			continue
		}
		if _, err := s.tx.ExecContext(s.ctx, `
			DELETE FROM view_team_lists WHERE team = $1 AND repo_id = $2 AND owner = $3 AND repo = $4 AND kind = $5 AND number = $6 AND name = $7`,
			name, s.repo.ID, s.repo.Owner, s.repo.Name, key.Kind, key.Number, key.Name); err != nil {
			return err
		}
		s.more[name]--
	}
	for _, name := range teams {
		if slices.Contains(before, name) {
			continue
		}
		if _, err := s.tx.ExecContext(s.ctx, `
			INSERT INTO view_team_lists (team, repo_id, owner, repo, kind, number, name) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			name, s.repo.ID, s.repo.Owner, s.repo.Name, key.Kind, key.Number, key.Name); err != nil {
			return err
		}
		s.more[name]++
	}
	return nil
}

func (s teamStore) Add(name string, o record.Observation) error {
	var n int64
	err := s.tx.QueryRowContext(s.ctx, `
		INSERT INTO view_team_days (team, repo_id, owner, repo, day, key, about, value, n) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (team, repo_id, owner, repo, day, key, about, value) DO UPDATE SET n = view_team_days.n + excluded.n
		RETURNING n`,
		name, s.repo.ID, s.repo.Owner, s.repo.Name, o.Day, o.Key, o.About, o.Value, o.N).Scan(&n)
	if err == nil && n == 0 {
		_, err = s.tx.ExecContext(s.ctx, `
			DELETE FROM view_team_days
			WHERE team = $1 AND repo_id = $2 AND owner = $3 AND repo = $4 AND day = $5 AND key = $6 AND about = $7 AND value = $8`,
			name, s.repo.ID, s.repo.Owner, s.repo.Name, o.Day, o.Key, o.About, o.Value)
	}
	s.more[name] += o.N
	return err
}

// weigh adds to how much a team has in the repository, and removes the row when that is nothing.
func (s teamStore) weigh(name string, by int64) error {
	if by == 0 {
		return nil
	}
	var n int64
	err := s.tx.QueryRowContext(s.ctx, `
		INSERT INTO view_teams (team, repo_id, owner, repo, n) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (team, repo_id, owner, repo) DO UPDATE SET n = view_teams.n + excluded.n
		RETURNING n`, name, s.repo.ID, s.repo.Owner, s.repo.Name, by).Scan(&n)
	if err == nil && n == 0 {
		_, err = s.tx.ExecContext(s.ctx, `DELETE FROM view_teams WHERE team = $1 AND repo_id = $2 AND owner = $3 AND repo = $4`,
			name, s.repo.ID, s.repo.Owner, s.repo.Name)
	}
	return err
}

// Teams lists the owners that have findings or questions in the repositories of an organisation or a person, in lower
// case and sorted: "@org/team", "@person", and "" if something is unowned.
func (l Reader) Teams(ctx context.Context, org string) (list []string, err error) {
	if l.schema < teamSchema {
		return nil, errNoTeams
	}
	rows, err := l.read.QueryContext(ctx, teamsQuery, strings.ToLower(org))
	if err != nil {
		return nil, fmt.Errorf("list teams: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list teams: %w", err)
		}
		if name != record.Everyone {
			list = append(list, name)
		}
	}
	return list, rows.Err()
}

// TeamList returns what a team has to fix or to decide in the repositories of an organisation or a person at a time:
// the worst first, then the oldest. team is compared without case; "" is for what is unowned.
func (l Reader) TeamList(ctx context.Context, org, team string, now time.Time) (list []record.Entry, err error) {
	if l.schema < teamSchema {
		return nil, errNoTeams
	}
	rows, err := l.read.QueryContext(ctx, teamListQuery, strings.ToLower(team), strings.ToLower(org))
	if err != nil {
		return nil, fmt.Errorf("read the list of %s: %w", cmp.Or(team, "what is unowned"), err)
	}
	defer rows.Close()
	for rows.Next() {
		var repo Repo
		var key tally.Key
		var data []byte
		if err := rows.Scan(&repo.ID, &repo.Owner, &repo.Name, &key.Kind, &key.Number, &key.Name, &data); err != nil {
			return nil, fmt.Errorf("read the list of %s: %w", cmp.Or(team, "what is unowned"), err)
		}
		e, ok, err := tally.Entry(key, data, now)
		if err != nil {
			return nil, err
		}
		if ok {
			e.RepoID, e.Owner, e.Repo = repo.ID, repo.Owner, repo.Name
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b record.Entry) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), a.Since.Compare(b.Since), strings.Compare(a.Repo, b.Repo),
			cmp.Compare(a.Number, b.Number), strings.Compare(a.ID, b.ID), strings.Compare(a.Fingerprint, b.Fingerprint))
	})
	return list, rows.Err()
}

// TeamObservations returns the sums of the observations of a team since the day of a time, and those of day 0, over the
// repositories of an organisation or a person, in a fixed order. The team [record.Everyone] stands for all.
func (l Reader) TeamObservations(ctx context.Context, org, team string, since time.Time) ([]record.Observation, error) {
	if l.schema < teamSchema {
		return nil, errNoTeams
	}
	rows, err := l.read.QueryContext(ctx, teamDaysQuery, strings.ToLower(team), strings.ToLower(org), max(1, dayOf(since)))
	if err != nil {
		return nil, fmt.Errorf("read observations: %w", err)
	}
	defer rows.Close()
	sums := map[record.Observation]int64{}
	for rows.Next() {
		var o record.Observation
		var n int64
		if err := rows.Scan(&o.Day, &o.Key, &o.About, &o.Value, &n); err != nil {
			return nil, fmt.Errorf("read observations: %w", err)
		}
		sums[o] += n
	}
	var list []record.Observation
	for _, o := range slices.SortedFunc(maps.Keys(sums), record.Observation.Compare) {
		o.N = sums[o]
		list = append(list, o)
	}
	return list, rows.Err()
}
