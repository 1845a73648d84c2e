package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Name takes down, as part of tx, that the repository with this id of GitHub's has a name now. What is
// recorded under its earlier ones counts for it from now on, and for no other that had or takes them; what
// is known of its pull requests is heard anew.
func (l *Ledger) Name(ctx context.Context, tx *sql.Tx, id int64, owner, repo string) error {
	owner, repo = strings.ToLower(owner), strings.ToLower(repo)
	var was struct{ owner, repo string }
	err := tx.QueryRowContext(ctx, `SELECT owner, repo FROM names WHERE repo_id = $1 AND until IS NULL`, id).Scan(&was.owner, &was.repo)
	if err == nil && was.owner == owner && was.repo == repo {
		return nil
	}
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		err = rename(ctx, tx, id, was.owner, was.repo, owner, repo)
	}
	if err != nil {
		return fmt.Errorf("take down the name of repository %d, %s/%s: %w", id, owner, repo, err)
	}
	return nil
}

// rename does what is to be done for another name. Names are in lower case; the first is empty if there was
// none.
func rename(ctx context.Context, tx *sql.Tx, id int64, wasOwner, wasRepo, owner, repo string) error {
	var had int // how many repositories had the name
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM names WHERE owner = $1 AND repo = $2`, owner, repo).Scan(&had); err != nil {
		return err
	}
	var last int64
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM events`).Scan(&last); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE names SET until = $1 WHERE until IS NULL AND (repo_id = $2 OR owner = $3 AND repo = $4)`,
		last, id, owner, repo); err != nil {
		return err
	}
	since := last
	if had == 0 { // what is there is of this one
		since = 0
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO names (owner, repo, repo_id, since) VALUES ($1, $2, $3, $4)`, owner, repo, id, since); err != nil {
		return err
	}
	if had == 0 && wasOwner == "" {
		return nil
	}
	for _, table := range []string{"policies", "uploads", "awaited"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE owner = $1 AND repo = $2`, owner, repo); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE `+table+` SET owner = $1, repo = $2 WHERE owner = $3 AND repo = $4`, owner, repo, wasOwner, wasRepo); err != nil {
			return err
		}
	}
	return nil
}

// NameNow gives the name, in lower case, of the repository that had a name last.
func (l Reader) NameNow(ctx context.Context, owner, repo string) (string, string, error) {
	owner, repo = strings.ToLower(owner), strings.ToLower(repo)
	err := l.read.QueryRowContext(ctx, `
		SELECT now.owner, now.repo FROM names had JOIN names now ON now.repo_id = had.repo_id AND now.until IS NULL
		WHERE had.owner = $1 AND had.repo = $2 ORDER BY had.until IS NULL DESC, had.until DESC LIMIT 1`, owner, repo).Scan(&owner, &repo)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", "", fmt.Errorf("read what %s/%s is called now: %w", owner, repo, err)
	}
	return owner, repo, nil
}

// A tenure is the time in which a name, in lower case, was that of one repository.
type tenure struct {
	owner, repo  string
	since, until int64 // the events with a higher id than since, up to until
}

// tenures lists those of the repository that has a name now. One that no repository is known to have
// stands for itself.
func (l Reader) tenures(ctx context.Context, owner, repo string) ([]tenure, error) {
	owner, repo = strings.ToLower(owner), strings.ToLower(repo)
	itself := []tenure{{owner, repo, 0, math.MaxInt64}}
	if l.unnamed {
		return itself, nil
	}
	rows, err := l.read.QueryContext(ctx, `
		SELECT had.owner, had.repo, had.since, coalesce(had.until, $3) FROM names now JOIN names had ON had.repo_id = now.repo_id
		WHERE now.owner = $1 AND now.repo = $2 AND now.until IS NULL`, owner, repo, int64(math.MaxInt64))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []tenure
	for rows.Next() {
		var t tenure
		if err := rows.Scan(&t.owner, &t.repo, &t.since, &t.until); err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	if len(list) == 0 {
		list = itself
	}
	return list, rows.Err()
}
