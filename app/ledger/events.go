package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Delivery is one webhook event delivered by GitHub.
type Delivery struct {
	GUID    string // X-GitHub-Delivery, which a redelivery repeats; required
	Event   string
	Action  string // empty for events without an action
	Outcome string // one word for the result; empty means "accepted"

	// The repository that the event concerns, for [Ledger.Name]; RepoID is 0 if there is none.
	RepoID      int64
	Owner, Repo string
}

// Accept records a delivery as part of tx. So the delivery is known exactly if the other work of that transaction
// is committed. The error is [ErrDuplicate] if the delivery was recorded before.
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

// Deliveries counts the recorded deliveries.
func (l Reader) Deliveries(ctx context.Context) (n int, err error) {
	if err := l.read.QueryRowContext(ctx, `SELECT count(*) FROM deliveries`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count deliveries: %w", err)
	}
	return n, nil
}

// An Event is one thing that happened. It is never changed or removed.
type Event struct {
	ID           int64     // assigned by the ledger; later events have higher ones
	At           time.Time // to the millisecond; zero means now by [Ledger].Clock
	Kind         string    // required
	Installation int64
	RepoID       int64           // 0 for none or unknown; when read, set if the name resolves to an id
	Owner, Repo  string          // the name at the time of the event
	Number       int             // of the pull request; 0 if the event concerns none
	Head         string          // the commit that the event concerns; may be empty
	Data         json.RawMessage // its form depends on Kind; empty means {}; stored byte by byte, with U+FFFD for what is not UTF-8

	// Once, if not empty, names what happens at most once: if one of this name was recorded before, the error is
	// [ErrDuplicate], and nothing of the transaction is recorded. It is not stored with the event.
	Once string
}

// Record appends an event.
func (l *Ledger) Record(ctx context.Context, e Event) error {
	e = l.whole(e)
	c := changeOf(e)
	return l.Tx(ctx, func(tx *sql.Tx) error { return appendEvent(ctx, tx, e, c) })
}

// RecordTx appends an event as part of tx.
func (l *Ledger) RecordTx(ctx context.Context, tx *sql.Tx, e Event) error {
	e = l.whole(e)
	return appendEvent(ctx, tx, e, changeOf(e))
}

// whole fills in the defaults of omitted fields.
func (l *Ledger) whole(e Event) Event {
	if e.At.IsZero() {
		e.At = l.Clock.Now()
	}
	if len(e.Data) == 0 {
		e.Data = json.RawMessage("{}")
	}
	// The chain holds a hash of what is stored, so it must be stored as it is.
	for _, text := range []*string{&e.Kind, &e.Owner, &e.Repo, &e.Head, &e.Once} {
		*text = Storable(*text)
	}
	e.Data = bytes.ToValidUTF8(e.Data, []byte("\uFFFD"))
	return e
}

// appendEvent appends an event, applies its change c to the views, and appends its line to the chain.
func appendEvent(ctx context.Context, tx *sql.Tx, e Event, c change) error {
	if e.Once != "" {
		res, err := tx.ExecContext(ctx, `INSERT INTO once (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`, e.Once)
		switch first, err := one(res, err); {
		case err != nil:
			return fmt.Errorf("record event %q: %w", e.Kind, err)
		case !first:
			return fmt.Errorf("record event %q of %s: %w", e.Kind, e.Once, ErrDuplicate)
		}
	}
	err := tx.QueryRowContext(ctx, `
		INSERT INTO events (at, kind, installation, repo_id, owner, repo, number, head, data)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`,
		millis(e.At), e.Kind, e.Installation, e.RepoID, e.Owner, e.Repo, e.Number, e.Head, string(e.Data)).Scan(&e.ID)
	if err != nil {
		return fmt.Errorf("record event %q: %w", e.Kind, err)
	}
	if c != nil {
		if err := view(ctx, tx, e, c); err != nil {
			return err
		}
	}
	return chainEvent(ctx, tx, e, false)
}

// A Filter selects events. Its zero value selects all of them.
type Filter struct {
	RepoID      int64  // a repository, under all its former and present names
	Owner, Repo string // compared without case; both mean the repository with the name now, Owner alone all its repositories
	Number      int
	Kind        string
	Head        string

	Installation int64

	Since time.Time // at this time or later
	After int64     // with a higher ID
	Limit int       // at most so many; 0 means no limit
	Last  bool      // only the selected event with the highest ID
}

// source returns the FROM clause for reading events, and the SQL expression for the repository id of an event.
func (l Reader) source() (from, id string) {
	switch {
	case l.schema < namesSchema:
		return `events e`, `0`
	case l.schema < idsSchema:
		id = `coalesce(had.repo_id, 0)`
	default:
		id = `coalesce(nullif(e.repo_id, 0), had.repo_id, 0)`
	}
	own := ``
	if l.schema >= idsSchema {
		own = `e.repo_id = 0 AND `
	}
	return `events e LEFT JOIN names had ON ` + own + `had.owner = lower(e.owner) AND had.repo = lower(e.repo)
		AND e.id > had.since AND (had.until IS NULL OR e.id <= had.until)`, id
}

// of returns the SQL condition for events of a repository, and its arguments, which are numbered from n.
func (l Reader) of(ctx context.Context, r Repo, n int) (condition string, args []any, err error) {
	key := Repo{Owner: strings.ToLower(r.Owner), Name: strings.ToLower(r.Name)}
	if l.schema >= namesSchema {
		if key, err = r.key(ctx, l.read); err != nil {
			return "", nil, err
		}
	}
	list, err := l.tenures(ctx, key)
	if err != nil {
		return "", nil, fmt.Errorf("read names of %s: %w", r, err)
	}
	unsaid := "" // condition that the event itself has no repository id
	if l.schema >= idsSchema {
		unsaid = "+e.repo_id = 0 AND " // the + keeps SQLite from using the index to read all such events first
	}
	var under []string
	for _, t := range list {
		at := n + len(args)
		under = append(under, fmt.Sprintf("%slower(e.owner) = $%d AND lower(e.repo) = $%d AND e.id > $%d AND e.id <= $%d", unsaid, at, at+1, at+2, at+3))
		args = append(args, t.owner, t.repo, t.since, t.until)
	}
	if l.schema >= idsSchema && key.ID != 0 {
		under = append(under, fmt.Sprintf("e.repo_id <> 0 AND e.repo_id = $%d", n+len(args)))
		args = append(args, key.ID)
	}
	if len(under) == 0 {
		return "FALSE", nil, nil
	}
	return "(" + strings.Join(under, " OR ") + ")", args, nil
}

// Events lists events, the oldest first.
func (l Reader) Events(ctx context.Context, f Filter) ([]Event, error) {
	query, args, err := l.query(ctx, f)
	if err != nil {
		return nil, err
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
		if err := rows.Scan(&e.ID, &at, &e.Kind, &e.Installation, &e.RepoID, &e.Owner, &e.Repo, &e.Number, &e.Head, &data); err != nil {
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

// query returns the SQL that selects the events of a filter.
func (l Reader) query(ctx context.Context, f Filter) (string, []any, error) {
	from, repoID := l.source()
	query := `SELECT e.id, e.at, e.kind, e.installation, ` + repoID + `, e.owner, e.repo, e.number, e.head, e.data FROM ` + from
	where := ` WHERE e.id > $1`
	args := []any{f.After}
	want := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(" AND %s $%d", condition, len(args))
	}
	switch {
	case f.RepoID != 0, f.Owner != "" && f.Repo != "":
		condition, more, err := l.of(ctx, Repo{f.RepoID, f.Owner, f.Repo}, len(args)+1)
		if err != nil {
			return "", nil, err
		}
		where += " AND " + condition
		args = append(args, more...)
	case f.Owner != "" && l.schema < namesSchema:
		want("lower(e.owner) =", strings.ToLower(f.Owner))
	case f.Owner != "":
		query += ` LEFT JOIN names now ON now.repo_id = ` + repoID + ` AND now.until IS NULL`
		want("coalesce(now.owner, lower(e.owner)) =", strings.ToLower(f.Owner))
	case f.Repo != "":
		want("lower(e.repo) =", strings.ToLower(f.Repo))
	}
	if f.Number != 0 {
		want("e.number =", f.Number)
	}
	switch {
	case f.Kind == "":
	case f.Number != 0: // an expression keeps SQLite from reading all events of the kind
		want("e.kind || '' =", f.Kind)
	default:
		want("e.kind =", f.Kind)
	}
	if f.Head != "" {
		want("e.head =", f.Head)
	}
	if f.Installation != 0 {
		want("e.installation =", f.Installation)
	}
	if !f.Since.IsZero() {
		want("e.at >=", millis(f.Since))
	}
	query += where + " ORDER BY e.id"
	switch {
	case f.Last:
		query += " DESC LIMIT 1"
	case f.Limit > 0:
		query += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	return query, args, nil
}

// A Subject is a pull request that events concern.
type Subject struct {
	RepoID      int64 // 0 where only the name is known
	Owner, Repo string
	Number      int
}

// Newest lists the pull requests with the newest events of f.Kind, which is required, at most f.Limit of them:
// the one with the newest event first. The filter may also select a repository, or only its Owner or Repo.
func (l Reader) Newest(ctx context.Context, f Filter) ([]Subject, error) {
	from, repoID := l.source()
	where, args := ``, []any{f.Kind, f.Limit}
	switch {
	case f.RepoID != 0, f.Owner != "" && f.Repo != "":
		condition, more, err := l.of(ctx, Repo{f.RepoID, f.Owner, f.Repo}, len(args)+1)
		if err != nil {
			return nil, err
		}
		where, args = " AND "+condition, append(args, more...)
	case f.Owner+f.Repo != "":
		where, args = " AND ($3 = '' OR lower(e.owner) = $3) AND ($4 = '' OR lower(e.repo) = $4)", append(args, strings.ToLower(f.Owner), strings.ToLower(f.Repo))
	}
	rows, err := l.read.QueryContext(ctx, `
		SELECT of, max(owner), max(repo), number FROM (
			SELECT e.id, `+repoID+` AS of, e.owner, e.repo, e.number FROM `+from+` WHERE e.kind = $1 AND e.number > 0`+where+`
		) AS about
		GROUP BY of, CASE of WHEN 0 THEN lower(owner || '/' || repo) ELSE '' END, number ORDER BY max(id) DESC LIMIT $2`, args...)
	if err != nil {
		return nil, fmt.Errorf("list pull requests: %w", err)
	}
	defer rows.Close()
	var list []Subject
	for rows.Next() {
		var s Subject
		if err := rows.Scan(&s.RepoID, &s.Owner, &s.Repo, &s.Number); err != nil {
			return nil, fmt.Errorf("list pull requests: %w", err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// SaveValidPolicy stores the policy of a repository and replaces the previous one. sha is the commit from which
// it was read; text may be empty.
func (l *Ledger) SaveValidPolicy(ctx context.Context, repo Repo, sha string, text []byte) error {
	if text == nil {
		text = []byte{} // nil would be NULL
	}
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return err
	}
	_, err = l.write.ExecContext(ctx, `
		INSERT INTO policies (repo_id, owner, repo, sha, text, read_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (repo_id, owner, repo) DO UPDATE
		SET sha = excluded.sha, text = excluded.text, read_at = excluded.read_at`,
		key.ID, key.Owner, key.Name, sha, text, millis(time.Now()))
	if err != nil {
		return fmt.Errorf("save policy of %s: %w", repo, err)
	}
	return nil
}

// ValidPolicy returns the policy last stored by [Ledger.SaveValidPolicy]; ok is false if there is none.
func (l Reader) ValidPolicy(ctx context.Context, repo Repo) (sha string, text []byte, ok bool, err error) {
	if l.schema < idsSchema {
		err = l.read.QueryRowContext(ctx, `SELECT sha, text FROM policies WHERE owner = $1 AND repo = $2`,
			strings.ToLower(repo.Owner), strings.ToLower(repo.Name)).Scan(&sha, &text)
	} else {
		key, keyErr := repo.key(ctx, l.read)
		if keyErr != nil {
			return "", nil, false, keyErr
		}
		err = l.read.QueryRowContext(ctx, `SELECT sha, text FROM policies WHERE repo_id = $1 AND owner = $2 AND repo = $3`,
			key.ID, key.Owner, key.Name).Scan(&sha, &text)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil, false, nil
	case err != nil:
		return "", nil, false, fmt.Errorf("read last valid policy of %s: %w", repo, err)
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
