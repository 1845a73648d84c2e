package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Delivery is one event that GitHub handed over.
type Delivery struct {
	GUID    string // X-GitHub-Delivery, the same for a redelivery; required
	Event   string
	Action  string // empty for events without
	Outcome string // one word for what came of it; empty means "accepted"

	// The repository that it is about, for [Ledger.Name]; RepoID is 0 for none.
	RepoID      int64
	Owner, Repo string
}

// Accept records a delivery as part of tx, so that it is known if and only if what is done
// about it in the same transaction is done. [ErrDuplicate] says that it was recorded before.
func (l *Ledger) Accept(ctx context.Context, tx *sql.Tx, d Delivery) error {
	if d.GUID == "" {
		return errors.New("record delivery: it has no GUID")
	}
	if d.Outcome == "" {
		d.Outcome = "accepted"
	}
	res, err := tx.ExecContext(ctx, `
		INSERT INTO deliveries (guid, event, action, outcome, received_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (guid) DO NOTHING`,
		d.GUID, d.Event, d.Action, d.Outcome, millis(time.Now()))
	switch new, err := one(res, err); {
	case err != nil:
		return fmt.Errorf("record delivery: %w", err)
	case !new:
		return fmt.Errorf("record delivery %s: %w", d.GUID, ErrDuplicate)
	case d.RepoID == 0:
		return nil
	}
	return l.Name(ctx, tx, d.RepoID, d.Owner, d.Repo)
}

// An Event is one thing that happened. It is never changed or removed.
type Event struct {
	ID           int64     // given by the ledger; later events have higher ones
	At           time.Time // to the millisecond; zero means now
	Kind         string    // required
	Installation int64
	Owner, Repo  string
	Number       int             // of the pull request; 0 if it is about none
	Head         string          // the commit it is about; may be empty
	Data         json.RawMessage // of the kind's own; empty means {}
}

// Record appends an event.
func (l *Ledger) Record(ctx context.Context, e Event) error {
	return l.Tx(ctx, func(tx *sql.Tx) error { return l.RecordTx(ctx, tx, e) })
}

// RecordTx appends an event as part of tx.
func (l *Ledger) RecordTx(ctx context.Context, tx *sql.Tx, e Event) error {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if len(e.Data) == 0 {
		e.Data = json.RawMessage("{}")
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO events (at, kind, installation, owner, repo, number, head, data)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		millis(e.At), e.Kind, e.Installation, e.Owner, e.Repo, e.Number, e.Head, string(e.Data))
	if err != nil {
		return fmt.Errorf("record event %q: %w", e.Kind, err)
	}
	return nil
}

// A Filter says which events are wanted. Its zero value wants all of them.
type Filter struct {
	Owner, Repo string // compared without case; both mean the repository, whatever its name was
	Number      int
	Kind        string
	Head        string
	Since       time.Time // those at this time or later
	After       int64     // those with a higher ID
	Limit       int       // at most so many; 0 for no limit
	Last        bool      // of all these the one with the highest ID
}

// Events lists events, the oldest first.
func (l Reader) Events(ctx context.Context, f Filter) ([]Event, error) {
	query := `SELECT id, at, kind, installation, owner, repo, number, head, data FROM events WHERE id > $1`
	args := []any{f.After}
	want := func(condition string, arg any) {
		args = append(args, arg)
		query += fmt.Sprintf(" AND %s $%d", condition, len(args))
	}
	switch {
	case f.Owner != "" && f.Repo != "":
		list, err := l.tenures(ctx, f.Owner, f.Repo)
		if err != nil {
			return nil, fmt.Errorf("read names of %s/%s: %w", f.Owner, f.Repo, err)
		}
		var under []string
		for _, t := range list {
			n := len(args)
			under = append(under, fmt.Sprintf("lower(owner) = $%d AND lower(repo) = $%d AND id > $%d AND id <= $%d", n+1, n+2, n+3, n+4))
			args = append(args, t.owner, t.repo, t.since, t.until)
		}
		query += " AND (" + strings.Join(under, " OR ") + ")"
	case f.Owner != "":
		want("lower(owner) =", strings.ToLower(f.Owner))
	case f.Repo != "":
		want("lower(repo) =", strings.ToLower(f.Repo))
	}
	if f.Number != 0 {
		want("number =", f.Number)
	}
	if f.Kind != "" {
		want("kind =", f.Kind)
	}
	if f.Head != "" {
		want("head =", f.Head)
	}
	if !f.Since.IsZero() {
		want("at >=", millis(f.Since))
	}
	query += " ORDER BY id"
	switch {
	case f.Last:
		query += " DESC LIMIT 1"
	case f.Limit > 0:
		query += fmt.Sprintf(" LIMIT %d", f.Limit)
	}

	rows, err := l.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	defer rows.Close()
	var events []Event
	for rows.Next() {
		var e Event
		var at int64
		var data string
		if err := rows.Scan(&e.ID, &at, &e.Kind, &e.Installation, &e.Owner, &e.Repo, &e.Number, &e.Head, &data); err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		e.At, e.Data = time.UnixMilli(at).UTC(), json.RawMessage(data)
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// A Subject is a pull request that events are about.
type Subject struct {
	Owner, Repo string
	Number      int
}

// Newest names the pull requests that the newest events of a kind are about, at most so many: the
// one with the newest event first. Owner and Repo of the filter may narrow them, and its Kind is
// required.
func (l Reader) Newest(ctx context.Context, f Filter) ([]Subject, error) {
	rows, err := l.read.QueryContext(ctx, `
		SELECT max(owner), max(repo), number FROM events
		WHERE kind = $1 AND number > 0 AND ($2 = '' OR lower(owner) = $2) AND ($3 = '' OR lower(repo) = $3)
		GROUP BY lower(owner), lower(repo), number ORDER BY max(id) DESC LIMIT $4`,
		f.Kind, strings.ToLower(f.Owner), strings.ToLower(f.Repo), f.Limit)
	if err != nil {
		return nil, fmt.Errorf("list pull requests: %w", err)
	}
	defer rows.Close()
	var list []Subject
	for rows.Next() {
		var s Subject
		if err := rows.Scan(&s.Owner, &s.Repo, &s.Number); err != nil {
			return nil, fmt.Errorf("list pull requests: %w", err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// SaveValidPolicy keeps the policy of a repository, in the place of the one before. sha is
// the commit that it was read at; text may be empty.
func (l *Ledger) SaveValidPolicy(ctx context.Context, owner, repo, sha string, text []byte) error {
	if text == nil {
		text = []byte{} // nil would be NULL
	}
	_, err := l.write.ExecContext(ctx, `
		INSERT INTO policies (owner, repo, sha, text, read_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (owner, repo) DO UPDATE
		SET sha = excluded.sha, text = excluded.text, read_at = excluded.read_at`,
		strings.ToLower(owner), strings.ToLower(repo), sha, text, millis(time.Now()))
	if err != nil {
		return fmt.Errorf("save policy of %s/%s: %w", owner, repo, err)
	}
	return nil
}

// ValidPolicy gives what [Ledger.SaveValidPolicy] kept last; ok is false if there is none.
func (l Reader) ValidPolicy(ctx context.Context, owner, repo string) (sha string, text []byte, ok bool, err error) {
	err = l.read.QueryRowContext(ctx, `SELECT sha, text FROM policies WHERE owner = $1 AND repo = $2`,
		strings.ToLower(owner), strings.ToLower(repo)).Scan(&sha, &text)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil, false, nil
	case err != nil:
		return "", nil, false, fmt.Errorf("read last valid policy of %s/%s: %w", owner, repo, err)
	}
	return sha, text, true, nil
}

// one reports whether a statement changed a row.
func one(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
