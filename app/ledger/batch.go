package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The functions of this file do for many rows, in one statement each, what [Ledger.Accept] and [Ledger.RecordWebhook] do
// for one.

// AcceptMany records deliveries as part of tx; their GUIDs must differ. It returns those that are new, by GUID. Unlike
// [Ledger.Accept] it records no names.
func (l *Ledger) AcceptMany(ctx context.Context, tx *sql.Tx, list []Delivery) (fresh map[string]bool, err error) {
	type row struct {
		GUID, Event, Action, Outcome string
	}
	rows := make([]row, len(list))
	for i, d := range list {
		rows[i] = row{d.GUID, d.Event, d.Action, d.Outcome}
		if d.Outcome == "" {
			rows[i].Outcome = "accepted"
		}
	}
	guids, err := queryTx(ctx, tx, func(rows *sql.Rows, guid *string) error { return rows.Scan(guid) }, `
		INSERT INTO deliveries (guid, event, action, outcome, received_at)
		SELECT "GUID", "Event", "Action", "Outcome", CAST($2 AS BIGINT)
		FROM `+l.engine.sql().rows(column{"GUID", "TEXT"}, column{"Event", "TEXT"}, column{"Action", "TEXT"}, column{"Outcome", "TEXT"})+` WHERE TRUE
		ON CONFLICT (guid) DO NOTHING RETURNING guid`, encoded(rows), millis(time.Now()))
	if err != nil {
		return nil, fmt.Errorf("record deliveries: %w", err)
	}
	fresh = map[string]bool{}
	for _, guid := range guids {
		fresh[guid] = true
	}
	return fresh, nil
}

// NamedTx reads, as part of tx, which of the repositories have the names in list now, according to what is recorded.
func (l *Ledger) NamedTx(ctx context.Context, tx *sql.Tx, list []Repo) (named map[Repo]bool, err error) {
	current, err := queryTx(ctx, tx, func(rows *sql.Rows, r *Repo) error { return rows.Scan(&r.ID, &r.Owner, &r.Name) }, `
		SELECT repo_id, owner, repo FROM names
		WHERE until IS NULL AND repo_id IN (SELECT "ID" FROM `+l.engine.sql().rows(column{"ID", "BIGINT"})+`)`, encoded(list))
	if err != nil {
		return nil, fmt.Errorf("read the names of repositories: %w", err)
	}
	names := map[int64]Repo{}
	for _, r := range current {
		names[r.ID] = r
	}
	named = map[Repo]bool{}
	for _, r := range list {
		is, known := names[r.ID]
		named[r] = known && strings.EqualFold(is.Owner, r.Owner) && strings.EqualFold(is.Name, r.Name)
	}
	return named, nil
}

// RecordWebhooks is [Ledger.RecordWebhook] for pull requests that differ, and whose repositories have the ids and names
// that are recorded, see [Ledger.NamedTx].
func (l *Ledger) RecordWebhooks(ctx context.Context, tx *sql.Tx, list []Pull) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO pulls (installation, repo_id, owner, repo, number, head, base, reason, force, closed, generation, heard_at, pushed_at, pushed_head)
		SELECT "Installation", "RepoID", "Owner", "Repo", "Number", "Head", "Base", "Reason", "Force", "Closed",
			1, CAST($2 AS BIGINT), CASE "Head" WHEN '' THEN 0 ELSE CAST($2 AS BIGINT) END, "Head"
		FROM `+l.engine.sql().rows(column{"Installation", "BIGINT"}, column{"RepoID", "BIGINT"}, column{"Owner", "TEXT"}, column{"Repo", "TEXT"},
		column{"Number", "BIGINT"}, column{"Head", "TEXT"}, column{"Base", "TEXT"}, column{"Reason", "TEXT"}, column{"Force", "BOOLEAN"},
		column{"Closed", "BOOLEAN"})+` WHERE TRUE `+heardAgain, encoded(list), millis(time.Now()))
	if err != nil {
		return fmt.Errorf("record webhooks: %w", err)
	}
	return nil
}

// encoded encodes rows for [dialect].rows. Text, numbers and booleans can always be encoded.
func encoded(rows any) string {
	b, err := json.Marshal(rows)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// queryTx runs a query as part of tx, and scans each row.
func queryTx[T any](ctx context.Context, tx *sql.Tx, scan func(*sql.Rows, *T) error, query string, args ...any) (list []T, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one T
		if err := scan(rows, &one); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, rows.Err()
}
