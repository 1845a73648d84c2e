package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
)

// A Repo is a repository. ID is GitHub's, which survives renames and transfers; if it is 0, the repository that
// has the name now is meant. Names are compared without case.
type Repo struct {
	ID          int64
	Owner, Name string
}

func (r Repo) String() string {
	if r.Owner == "" {
		return fmt.Sprintf("repository %d", r.ID)
	}
	return r.Owner + "/" + r.Name
}

// A querier is a transaction or the database.
type querier interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// key returns the key under which rows of a repository are stored: its id without a name, or its name in lower
// case if no id is known.
func (r Repo) key(ctx context.Context, from querier) (Repo, error) {
	if r.ID != 0 {
		return Repo{ID: r.ID}, nil
	}
	key := Repo{Owner: strings.ToLower(r.Owner), Name: strings.ToLower(r.Name)}
	err := from.QueryRowContext(ctx, `SELECT repo_id FROM names WHERE owner = $1 AND repo = $2 AND until IS NULL`, key.Owner, key.Name).Scan(&key.ID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return key, nil
	case err != nil:
		return Repo{}, fmt.Errorf("read which repository is %s: %w", r, err)
	}
	return Repo{ID: key.ID}, nil
}

// Name records, as part of tx, that the repository with this GitHub id has this name now. Rows recorded without
// an id under its earlier names count for it, and not for other repositories that had or take those names.
func (l *Ledger) Name(ctx context.Context, tx *sql.Tx, id int64, owner, repo string) error {
	var was struct{ owner, repo string }
	err := tx.QueryRowContext(ctx, `SELECT owner, repo FROM names WHERE repo_id = $1 AND until IS NULL`, id).Scan(&was.owner, &was.repo)
	if err == nil && strings.EqualFold(was.owner, owner) && strings.EqualFold(was.repo, repo) {
		return nil
	}
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		err = rename(ctx, tx, id, owner, repo)
	}
	if err != nil {
		return fmt.Errorf("record the name of repository %d, %s/%s: %w", id, owner, repo, err)
	}
	return nil
}

// Found records what GitHub reports about a repository: its name, and the installation through which the App
// reaches it.
func (l *Ledger) Found(ctx context.Context, r Repo, installation int64) error {
	return l.Tx(ctx, func(tx *sql.Tx) error {
		if err := l.Name(ctx, tx, r.ID, r.Owner, r.Name); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE pulls SET installation = $1 WHERE repo_id = $2`, installation, r.ID); err != nil {
			return fmt.Errorf("record the installation of %s: %w", r, err)
		}
		return nil
	})
}

// rename records the new name of a repository and updates the rows that depend on it.
func rename(ctx context.Context, tx *sql.Tx, id int64, owner, repo string) error {
	lowOwner, lowRepo := strings.ToLower(owner), strings.ToLower(repo)
	var had int // how many repositories had the name
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM names WHERE owner = $1 AND repo = $2`, lowOwner, lowRepo).Scan(&had); err != nil {
		return err
	}
	var last int64
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM events`).Scan(&last); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE names SET until = $1 WHERE until IS NULL AND (repo_id = $2 OR owner = $3 AND repo = $4)`,
		last, id, lowOwner, lowRepo); err != nil {
		return err
	}
	since := last
	if had == 0 { // every event under this name is its own
		since = 0
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO names (owner, repo, repo_id, since) VALUES ($1, $2, $3, $4)`, lowOwner, lowRepo, id, since); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE pulls SET owner = $1, repo = $2 WHERE repo_id = $3`, owner, repo, id); err != nil {
		return err
	}
	return adopt(ctx, tx, id, lowOwner, lowRepo, had == 0)
}

// adopt handles the rows stored under a name, in lower case, before its repository's id was known. If own is
// true, it gives them the id, except where the repository already has such a row. It removes the rest.
func adopt(ctx context.Context, tx *sql.Tx, id int64, owner, repo string, own bool) error {
	if own {
		if _, err := tx.ExecContext(ctx, `
			UPDATE pulls SET repo_id = $1
			WHERE repo_id = 0 AND lower(owner) = $2 AND lower(repo) = $3
				AND NOT EXISTS (SELECT 1 FROM pulls other WHERE other.repo_id = $1 AND other.number = pulls.number)`, id, owner, repo); err != nil {
			return err
		}
		for table, same := range map[string]string{
			"policies": "true",
			"uploads": `other.sha = t.sha AND other.number = t.number AND other.scanner = t.scanner AND other.category = t.category
				AND other.workflow = t.workflow`,
			"awaited": "other.sha = t.sha AND other.number = t.number",
		} {
			if _, err := tx.ExecContext(ctx, `
				UPDATE `+table+` AS t SET repo_id = $1, owner = '', repo = ''
				WHERE repo_id = 0 AND owner = $2 AND repo = $3
					AND NOT EXISTS (SELECT 1 FROM `+table+` other WHERE other.repo_id = $1 AND `+same+`)`, id, owner, repo); err != nil {
				return err
			}
		}
	}
	if err := adoptViews(ctx, tx, id, owner, repo, own); err != nil {
		return err
	}
	for _, table := range []string{"policies", "uploads", "awaited"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE repo_id = 0 AND owner = $1 AND repo = $2`, owner, repo); err != nil {
			return err
		}
	}
	return nil
}

// Now returns the current id and name, in lower case, of a repository where they are known. It finds the
// repository by its id, or else by a name that it has or had last.
func (l Reader) Now(ctx context.Context, r Repo) (Repo, error) {
	if l.schema < namesSchema {
		return r, nil
	}
	return now(ctx, l.read, r)
}

// NowTx is like [Reader.Now] but reads as part of tx.
func (l *Ledger) NowTx(ctx context.Context, tx *sql.Tx, r Repo) (Repo, error) { return now(ctx, tx, r) }

func now(ctx context.Context, from querier, r Repo) (Repo, error) {
	where, args := `repo_id = $1`, []any{r.ID}
	if r.ID == 0 {
		where = `repo_id = (SELECT repo_id FROM names WHERE owner = $1 AND repo = $2 ORDER BY until IS NULL DESC, until DESC LIMIT 1)`
		args = []any{strings.ToLower(r.Owner), strings.ToLower(r.Name)}
	}
	is := r
	err := from.QueryRowContext(ctx, `SELECT repo_id, owner, repo FROM names WHERE `+where+` ORDER BY until IS NULL DESC, until DESC LIMIT 1`, args...).
		Scan(&is.ID, &is.Owner, &is.Name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Repo{}, fmt.Errorf("read what %s is called now: %w", r, err)
	}
	return is, nil
}

// A tenure is the period in which a name, in lower case, belonged to one repository.
type tenure struct {
	owner, repo  string
	since, until int64 // covers the events with since < id <= until
}

// tenures lists the tenures of a repository, given its key. A name without a known id has one tenure that covers
// all events.
func (l Reader) tenures(ctx context.Context, key Repo) ([]tenure, error) {
	if key.ID == 0 {
		return []tenure{{key.Owner, key.Name, 0, math.MaxInt64}}, nil
	}
	rows, err := l.read.QueryContext(ctx, `SELECT owner, repo, since, coalesce(until, $2) FROM names WHERE repo_id = $1`, key.ID, int64(math.MaxInt64))
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
	return list, rows.Err()
}
