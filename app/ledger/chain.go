package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/audit"
	"github.com/secbydesign/secbydesign/app/decision"
)

const (
	// chainSchema is the schema version that introduced the chain.
	chainSchema = 9

	// chainAtOnce is how many events one transaction adopts.
	chainAtOnce = 100
)

// chainedKinds is the SQL condition for events e that belong into the chain.
var chainedKinds = func() string {
	condition := `e.kind IN ('` + strings.Join(audit.Kinds(), `', '`) + `')`
	for _, p := range audit.Prefixes() { // "/" comes after "."
		condition += ` OR e.kind >= '` + p + `' AND e.kind < '` + strings.TrimSuffix(p, ".") + `/'`
	}
	return `(` + condition + `)`
}()

// chainEvent appends the line of an event to the chain of its organisation, if the event belongs there. The views are up
// to date with it. An adopted event was written without its line.
func chainEvent(ctx context.Context, tx *sql.Tx, e Event, adopted bool) error {
	if !audit.Chained(e.Kind) {
		return nil
	}
	about, err := chainDecision(ctx, tx, e)
	if err != nil {
		return fmt.Errorf("chain event %d: %w", e.ID, err)
	}
	l := audit.Of(e.audited(), about)
	l.Adopted = adopted
	length, prev := int64(0), audit.Genesis
	err = tx.QueryRowContext(ctx, `SELECT length, hash FROM chain_heads WHERE org = $1`, l.Org).Scan(&length, &prev)
	if ignoreNoRows(err) != nil {
		return fmt.Errorf("chain event %d: %w", e.ID, err)
	}
	text, hash, err := audit.Seal(l, length+1, prev)
	if err != nil {
		return fmt.Errorf("chain event %d: %w", e.ID, err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO chain (org, seq, event, prev_hash, hash, line) VALUES ($1, $2, $3, $4, $5, $6)`,
		l.Org, length+1, e.ID, prev, hash, string(text)); err != nil {
		return fmt.Errorf("chain event %d: %w", e.ID, err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO chain_heads (org, length, hash) VALUES ($1, $2, $3)
		ON CONFLICT (org) DO UPDATE SET length = excluded.length, hash = excluded.hash`, l.Org, length+1, hash); err != nil {
		return fmt.Errorf("chain event %d: %w", e.ID, err)
	}
	return nil
}

// chainDecision returns the decision that an event is about, as it is now; nil if no decision is meant.
func chainDecision(ctx context.Context, tx *sql.Tx, e Event) (*decision.Decision, error) {
	id := audit.DecisionOf(e.audited())
	if id == "" {
		return nil, nil
	}
	repo, err := Repo{e.RepoID, e.Owner, e.Repo}.key(ctx, tx)
	if err != nil {
		return nil, err
	}
	d, err := scanDecision(tx.QueryRowContext(ctx, `SELECT `+decisionColumns+` FROM view_decisions WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND id = $4`,
		repo.ID, repo.Owner, repo.Name, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &d, err
}

// audited returns the event in the form of package audit, as it will be read.
func (e Event) audited() audit.Event {
	return audit.Event{
		ID: e.ID, At: time.UnixMilli(millis(e.At)).UTC(), Kind: e.Kind, Installation: e.Installation, RepoID: e.RepoID,
		Owner: e.Owner, Repo: e.Repo, Number: e.Number, Head: e.Head, Data: e.Data,
	}
}

// adoptUnchained appends to the chain the events that should be in it and are not: those from before there was a chain,
// and those that an older version of this program has written since. Their lines say so.
func (l *Ledger) adoptUnchained(ctx context.Context) error {
	ids, err := unchained(ctx, l.read)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(ids, chainAtOnce) {
		err := l.Tx(ctx, func(tx *sql.Tx) error {
			for _, id := range some {
				if err := adoptEvent(ctx, tx, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("bring the chain up to date: %w", err)
		}
	}
	return nil
}

// adoptEvent appends one event to the chain unless it is there.
func adoptEvent(ctx context.Context, tx *sql.Tx, id int64) error {
	e, err := scanEvent(tx.QueryRowContext(ctx, `SELECT `+eventColumns+` FROM events e WHERE e.id = $1 AND NOT EXISTS (SELECT 1 FROM chain c WHERE c.event = e.id)`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read event %d: %w", id, err)
	}
	return chainEvent(ctx, tx, e, true)
}

// eventColumns are the columns of an event e as they are stored.
const eventColumns = `e.id, e.at, e.kind, e.installation, e.repo_id, e.owner, e.repo, e.number, e.head, e.data`

func scanEvent(scan scanner) (e Event, err error) {
	var at int64
	var data string
	if err := scan(&e.ID, &at, &e.Kind, &e.Installation, &e.RepoID, &e.Owner, &e.Repo, &e.Number, &e.Head, &data); err != nil {
		return e, err
	}
	e.At, e.Data = time.UnixMilli(at).UTC(), json.RawMessage(data)
	return e, nil
}

// A chainReader is the database or a transaction.
type chainReader interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// unchained lists the ids of the events that should be in the chain and are not, in their order.
func unchained(ctx context.Context, from chainReader) (ids []int64, err error) {
	rows, err := from.QueryContext(ctx, `SELECT e.id FROM events e WHERE `+chainedKinds+` AND NOT EXISTS (SELECT 1 FROM chain c WHERE c.event = e.id)`)
	if err != nil {
		return nil, fmt.Errorf("read which events are not in the chain: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read which events are not in the chain: %w", err)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, rows.Err()
}
