package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Pull is the stored state of one pull request, known without asking GitHub. RepoID and Number identify it, or
// Owner, Repo and Number if the id is not known. Names are compared without case.
type Pull struct {
	ID           int64 // assigned by the ledger
	Installation int64
	RepoID       int64
	Owner, Repo  string
	Number       int
	Head, Base   string // as last received or read; in [Ledger.RecordWebhook], empty means not known
	Reason       string // reason of the last webhook
	Closed       bool

	// Force is true from a request for a review without a change until a review is done.
	Force bool

	Generation int64 // incremented whenever there is something new to review; starts at 1
	Reviewed   int64 // the generation last reviewed; 0 for none
}

// ErrUnknownPull means that no webhook has mentioned the pull request.
var ErrUnknownPull = errors.New("no webhook has named it yet")

// RecordWebhook records, as part of tx, the state of a pull request from a webhook. It increments the generation
// if there is something new: another head, another base, closed or re-opened, or p.Force. The repository's name
// comes from [Ledger.Name] first, because p may be older than a rename.
func (l *Ledger) RecordWebhook(ctx context.Context, tx *sql.Tx, p Pull) error {
	is, err := now(ctx, tx, Repo{p.RepoID, p.Owner, p.Repo})
	if err != nil {
		return err
	}
	if p.RepoID != 0 && strings.EqualFold(is.Owner, p.Owner) && strings.EqualFold(is.Name, p.Repo) {
		err = l.Name(ctx, tx, p.RepoID, p.Owner, p.Repo)
	} else if is.ID != 0 {
		p.RepoID, p.Owner, p.Repo = is.ID, is.Owner, is.Name
	}
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO pulls (installation, repo_id, owner, repo, number, head, base, reason, force, closed, generation, heard_at, pushed_at, pushed_head)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, CAST($11 AS BIGINT), CASE $6 WHEN '' THEN 0 ELSE CAST($11 AS BIGINT) END, $6)
		`+heardAgain,
		p.Installation, p.RepoID, p.Owner, p.Repo, p.Number, p.Head, p.Base, p.Reason, p.Force, p.Closed, millis(time.Now()))
	if err != nil {
		return fmt.Errorf("record webhook for %s/%s#%d: %w", p.Owner, p.Repo, p.Number, err)
	}
	return nil
}

// heardAgain is the end of the SQL that inserts what a webhook says of pull requests, for those that are known.
const heardAgain = `
		ON CONFLICT (repo_id, (CASE WHEN repo_id = 0 THEN lower(owner || '/' || repo) ELSE '' END), number) DO UPDATE SET
			generation = pulls.generation + CASE
				WHEN excluded.force OR excluded.closed <> pulls.closed
					OR excluded.head NOT IN ('', pulls.head)
					OR excluded.base NOT IN ('', pulls.base) THEN 1 ELSE 0 END,
			installation = excluded.installation,
			head = CASE excluded.head WHEN '' THEN pulls.head ELSE excluded.head END,
			base = CASE excluded.base WHEN '' THEN pulls.base ELSE excluded.base END,
			reason = excluded.reason,
			force = pulls.force OR excluded.force,
			closed = excluded.closed,
			heard_at = excluded.heard_at,
			pushed_at = CASE WHEN excluded.head IN ('', pulls.pushed_head) THEN pulls.pushed_at ELSE excluded.heard_at END,
			pushed_head = CASE excluded.head WHEN '' THEN pulls.pushed_head ELSE excluded.head END`

// Refresh records p.Head and p.Closed as GitHub reports them, because webhooks may arrive out of order. It does
// nothing if the generation has grown since p was read: the next review of that generation refreshes them.
func (l *Ledger) Refresh(ctx context.Context, p Pull) error {
	return l.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE pulls SET head = $3, closed = $4 WHERE id = $1 AND generation = $2`,
			p.ID, p.Generation, p.Head, p.Closed)
		if err != nil {
			return fmt.Errorf("record what GitHub says of %s/%s#%d: %w", p.Owner, p.Repo, p.Number, err)
		}
		return nil
	})
}

// PullTx is like [Reader.Pull] but reads as part of tx. Its error wraps [ErrUnknownPull] if no webhook has
// mentioned the pull request.
func (l *Ledger) PullTx(ctx context.Context, tx *sql.Tx, repo Repo, number int) (Pull, error) {
	return readPull(ctx, tx, repo, number)
}

// Pull reads a pull request. Its error wraps [ErrUnknownPull] if no webhook has mentioned it.
func (l Reader) Pull(ctx context.Context, repo Repo, number int) (Pull, error) {
	return readPull(ctx, l.read, repo, number)
}

// ofRepo is the SQL condition for the rows of table pulls of a repository, given its key.
const ofRepo = `repo_id = $1 AND ($1 <> 0 OR lower(owner) = $2 AND lower(repo) = $3)`

func readPull(ctx context.Context, from querier, repo Repo, number int) (p Pull, err error) {
	key, err := repo.key(ctx, from)
	if err != nil {
		return Pull{}, err
	}
	err = from.QueryRowContext(ctx, `
		SELECT id, installation, repo_id, owner, repo, number, head, base, reason, force, closed, generation, reviewed
		FROM pulls WHERE `+ofRepo+` AND number = $4`, key.ID, key.Owner, key.Name, number).
		Scan(&p.ID, &p.Installation, &p.RepoID, &p.Owner, &p.Repo, &p.Number, &p.Head, &p.Base,
			&p.Reason, &p.Force, &p.Closed, &p.Generation, &p.Reviewed)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrUnknownPull
	}
	if err != nil {
		return Pull{}, fmt.Errorf("read pull request %s#%d: %w", repo, number, err)
	}
	return p, nil
}

// Pushed returns when the first webhook about a head of a pull request was received; zero if that is not known, as for a
// head that is not the one of the newest webhook.
func (l *Ledger) Pushed(ctx context.Context, repo Repo, number int, head string) (time.Time, error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return time.Time{}, err
	}
	var at int64
	err = l.read.QueryRowContext(ctx, `SELECT pushed_at FROM pulls WHERE `+ofRepo+` AND number = $4 AND pushed_head = $5 AND pushed_at <> 0`,
		key.ID, key.Owner, key.Name, number, head).Scan(&at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, fmt.Errorf("read when %s of %s#%d was pushed: %w", head, repo, number, err)
	}
	return time.UnixMilli(at).UTC(), nil
}

// OpenPulls lists the numbers of the pull requests that are open according to the webhooks received.
func (l *Ledger) OpenPulls(ctx context.Context, repo Repo) ([]int, error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return nil, err
	}
	rows, err := l.read.QueryContext(ctx, `
		SELECT number FROM pulls WHERE `+ofRepo+` AND NOT closed ORDER BY number`, key.ID, key.Owner, key.Name)
	if err != nil {
		return nil, fmt.Errorf("list open pull requests: %w", err)
	}
	return numbers(rows)
}

// FirstHeard returns about when a webhook first mentioned a pull request of a repository: when the push was heard of that
// is the oldest among the last ones of all its pull requests. It is zero if none was ever mentioned.
func (l *Ledger) FirstHeard(ctx context.Context, repo Repo) (time.Time, error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return time.Time{}, err
	}
	var at int64
	err = l.read.QueryRowContext(ctx, `
		SELECT coalesce(min(CASE pushed_at WHEN 0 THEN heard_at ELSE pushed_at END), 0) FROM pulls WHERE `+ofRepo, key.ID, key.Owner, key.Name).Scan(&at)
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("read since when pull requests of %s are known: %w", repo, err)
	case at == 0:
		return time.Time{}, nil
	}
	return time.UnixMilli(at).UTC(), nil
}

// Generation reads the generation of the pull request with this [Pull.ID]. It is cheap.
func (l *Ledger) Generation(ctx context.Context, id int64) (generation int64, err error) {
	return readGeneration(ctx, l.read, id)
}

// GenerationTx is like [Ledger.Generation] but reads as part of tx.
func (l *Ledger) GenerationTx(ctx context.Context, tx *sql.Tx, id int64) (generation int64, err error) {
	return readGeneration(ctx, tx, id)
}

func readGeneration(ctx context.Context, from querier, id int64) (generation int64, err error) {
	if err := from.QueryRowContext(ctx, `SELECT generation FROM pulls WHERE id = $1`, id).Scan(&generation); err != nil {
		return 0, fmt.Errorf("read generation: %w", err)
	}
	return generation, nil
}

// SetReviewed records, as part of tx, that p was reviewed at p.Generation. It does nothing and returns false if
// the generation has grown since p was read.
func (l *Ledger) SetReviewed(ctx context.Context, tx *sql.Tx, p Pull) (bool, error) {
	res, err := tx.ExecContext(ctx, `
		UPDATE pulls SET reviewed = generation, reviewed_at = $3, force = FALSE
		WHERE id = $1 AND generation = $2`, p.ID, p.Generation, millis(time.Now()))
	ok, err := one(res, err)
	if err != nil {
		return false, fmt.Errorf("note review: %w", err)
	}
	return ok, nil
}

// PullsAt lists the numbers of the open pull requests whose head, according to the webhooks received, is the
// commit head.
func (l *Ledger) PullsAt(ctx context.Context, repo Repo, head string) ([]int, error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return nil, err
	}
	rows, err := l.read.QueryContext(ctx, `
		SELECT number FROM pulls WHERE `+ofRepo+` AND head = $4 AND NOT closed ORDER BY number`, key.ID, key.Owner, key.Name, head)
	if err != nil {
		return nil, fmt.Errorf("find pull requests of %.10s: %w", head, err)
	}
	return numbers(rows)
}

func numbers(rows *sql.Rows) ([]int, error) {
	defer rows.Close()
	var list []int
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, fmt.Errorf("list pull requests: %w", err)
		}
		list = append(list, n)
	}
	return list, rows.Err()
}
