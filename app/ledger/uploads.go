package ledger

import (
	"bytes"
	"compress/flate"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"
)

// An Upload holds the results of one tool at one commit, as sent by a workflow.
type Upload struct {
	RepoID      int64  // 0 for the repository that has the name now
	Owner, Repo string // compared without case
	SHA         string // the scanned commit
	Scanner     string
	Category    string // one of several parts of a tool's results, such as a language; may be empty
	Number      int    // of the pull request whose workflow sent it; 0 if it was a branch's
	Workflow    string
	Ref         string    // on which the workflow ran
	Data        []byte    // the caller defines its form
	At          time.Time // set by the ledger
}

const (
	// uploadsLive is how long uploads are kept: longer than most pull requests that use them as their base stay
	// open.
	uploadsLive = 90 * 24 * time.Hour

	// These bound how much a repository can store and a review reads. GitHub accepts 20 runs in a document and
	// 1,000 uploads an hour.
	// https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
	maxUploads     = 20   // of one commit, for one pull request or for branches
	maxUploadsHour = 1000 // of one repository
)

// ErrTooMany is returned for an upload that exceeds the limits of its commit or its repository.
var ErrTooMany = errors.New("too many uploads")

// SaveUploads stores all or none of the uploads for about three months. Each replaces an earlier one that differs
// only in Data and Ref. It also removes some older uploads.
func (l *Ledger) SaveUploads(ctx context.Context, list []Upload) error {
	now := l.Clock.Now()
	rows := make([][]byte, len(list))
	for i, u := range list {
		var err error
		if rows[i], err = pack(u.Data); err != nil {
			return fmt.Errorf("save uploads: %w", err)
		}
	}
	err := l.Tx(ctx, func(tx *sql.Tx) error {
		for i, u := range list {
			if err := saveUpload(ctx, tx, u, rows[i], now); err != nil {
				return err
			}
		}
		for i, u := range list {
			if last := list[max(i-1, 0)]; i > 0 && u.RepoID == last.RepoID && u.Owner == last.Owner && u.Repo == last.Repo && u.SHA == last.SHA && u.Number == last.Number {
				continue
			}
			if err := bounded(ctx, tx, u, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = errors.Join(l.forget(ctx, "uploads", "saved_at", "sha", now.Add(-uploadsLive)), l.forget(ctx, "awaited", "since", "sha", now.Add(-uploadsLive)))
	}
	if err != nil {
		return fmt.Errorf("save uploads: %w", err)
	}
	return nil
}

func saveUpload(ctx context.Context, tx *sql.Tx, u Upload, packed []byte, now time.Time) error {
	key, err := u.repo().key(ctx, tx)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO uploads (repo_id, owner, repo, sha, scanner, category, number, workflow, ref, data, saved_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (repo_id, owner, repo, sha, number, scanner, category, workflow) DO UPDATE
		SET ref = excluded.ref, data = excluded.data, saved_at = excluded.saved_at`,
		key.ID, key.Owner, key.Name, u.SHA, u.Scanner, u.Category, u.Number, u.Workflow, u.Ref, packed, millis(now))
	return err
}

func (u Upload) repo() Repo { return Repo{u.RepoID, u.Owner, u.Repo} }

// bounded returns [ErrTooMany] if the commit or the repository of u has more uploads than allowed.
func bounded(ctx context.Context, tx *sql.Tx, u Upload, now time.Time) error {
	key, err := u.repo().key(ctx, tx)
	if err != nil {
		return err
	}
	var here, lately int
	err = tx.QueryRowContext(ctx, `
		SELECT (SELECT count(*) FROM uploads WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND sha = $4 AND number = $5),
		       (SELECT count(*) FROM uploads WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND saved_at > $6)`,
		key.ID, key.Owner, key.Name, u.SHA, u.Number, millis(now.Add(-time.Hour))).Scan(&here, &lately)
	if err == nil && (here > maxUploads || lately > maxUploadsHour) {
		err = ErrTooMany
	}
	return err
}

// Uploads returns the uploads for a commit, in no order.
func (l *Ledger) Uploads(ctx context.Context, repo Repo, sha string) ([]Upload, error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return nil, err
	}
	rows, err := l.read.QueryContext(ctx, `
		SELECT scanner, category, number, workflow, ref, data, saved_at FROM uploads
		WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND sha = $4`, key.ID, key.Owner, key.Name, sha)
	if err != nil {
		return nil, fmt.Errorf("read uploads: %w", err)
	}
	defer rows.Close()
	var list []Upload
	for rows.Next() {
		u := Upload{RepoID: key.ID, Owner: repo.Owner, Repo: repo.Name, SHA: sha}
		var packed []byte
		var at int64
		if err := rows.Scan(&u.Scanner, &u.Category, &u.Number, &u.Workflow, &u.Ref, &packed, &at); err != nil {
			return nil, fmt.Errorf("read uploads: %w", err)
		}
		u.At = time.UnixMilli(at).UTC()
		u.Data, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxResult))
		if err != nil {
			return nil, fmt.Errorf("read upload of %s for %.10s: %w", u.Scanner, sha, err)
		}
		list = append(list, u)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read uploads: %w", err)
	}
	return list, nil
}

// Uploaders lists the scanners with results sent for a branch, given its full name, at since or later.
func (l *Ledger) Uploaders(ctx context.Context, repo Repo, ref string, since time.Time) ([]string, error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return nil, err
	}
	rows, err := l.read.QueryContext(ctx, `
		SELECT DISTINCT scanner FROM uploads
		WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND ref = $4 AND number = 0 AND saved_at >= $5 ORDER BY scanner`,
		key.ID, key.Owner, key.Name, ref, millis(since))
	if err != nil {
		return nil, fmt.Errorf("list who uploads: %w", err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list who uploads: %w", err)
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// Await records that a pull request must be reviewed again when an upload for a commit arrives, such as its merge
// base. A caller that reads [Ledger.Uploads] after Await misses none.
func (l *Ledger) Await(ctx context.Context, repo Repo, sha string, number int) error {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return err
	}
	_, err = l.write.ExecContext(ctx, `
		INSERT INTO awaited (repo_id, owner, repo, sha, number, since) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (repo_id, owner, repo, sha, number) DO UPDATE SET since = excluded.since`,
		key.ID, key.Owner, key.Name, sha, number, millis(l.Clock.Now()))
	if err != nil {
		return fmt.Errorf("await uploads: %w", err)
	}
	return nil
}

// Awaiting lists the open pull requests that wait for uploads for a commit, because of [Ledger.Await] or because
// it is their head.
func (l *Ledger) Awaiting(ctx context.Context, repo Repo, sha string) ([]int, error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return nil, err
	}
	rows, err := l.read.QueryContext(ctx, `
		SELECT number FROM pulls
		WHERE `+ofRepo+` AND NOT closed AND (head = $4 OR EXISTS (
			SELECT 1 FROM awaited a WHERE a.repo_id = $1 AND a.owner = $2 AND a.repo = $3 AND a.sha = $4 AND a.number = pulls.number))
		ORDER BY number`, key.ID, key.Owner, key.Name, sha)
	if err != nil {
		return nil, fmt.Errorf("find who awaits %.10s: %w", sha, err)
	}
	return numbers(rows)
}
