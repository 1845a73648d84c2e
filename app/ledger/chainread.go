package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/audit"
	"github.com/secbydesign/secbydesign/app/decision"
)

// ErrNoChain is returned for a database from before there was a chain. The next start of the server makes it.
var ErrNoChain = errors.New("the database has no chain of decisions yet")

// VerifyChain checks the chains of all organisations, or of one, against the events and the heads. It reads one state of
// the database, which may be in use.
//
// kept is a hash that somebody kept, which must be in one of the chains; empty for none. The error is [ErrNoChain] if the
// database is too old.
func (l Reader) VerifyChain(ctx context.Context, org, kept string) (*audit.Checker, error) {
	if l.schema < chainSchema {
		return nil, ErrNoChain
	}
	c := &audit.Checker{Kept: kept}
	tx, err := l.read.BeginTx(ctx, l.snapshot)
	if err != nil {
		return nil, fmt.Errorf("verify the chain: %w", err)
	}
	defer tx.Rollback() // it has written nothing
	org = strings.ToLower(org)
	if err := chainRows(ctx, tx, c, org); err != nil {
		return nil, fmt.Errorf("verify the chain: %w", err)
	}
	if err := chainHeads(ctx, tx, c, org); err != nil {
		return nil, fmt.Errorf("verify the chain: %w", err)
	}
	if err := chainMissing(ctx, tx, c, org); err != nil {
		return nil, fmt.Errorf("verify the chain: %w", err)
	}
	c.Finish()
	return c, nil
}

// chainRows checks each line with its event.
func chainRows(ctx context.Context, tx *sql.Tx, c *audit.Checker, org string) error {
	rows, err := tx.QueryContext(ctx, `
		SELECT c.org, c.seq, c.event, c.prev_hash, c.hash, c.line,
			e.id, e.at, e.kind, e.installation, e.repo_id, e.owner, e.repo, e.number, e.head, e.data
		FROM chain c LEFT JOIN events e ON e.id = c.event
		WHERE $1 = '' OR c.org = $1 ORDER BY c.org, c.seq`, org)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var row audit.Row
		var line string
		var id, at, installation, repoID, number sql.NullInt64
		var kind, owner, repo, head, data sql.NullString
		if err := rows.Scan(&row.Org, &row.Seq, &row.Event, &row.Prev, &row.Hash, &line,
			&id, &at, &kind, &installation, &repoID, &owner, &repo, &number, &head, &data); err != nil {
			return err
		}
		row.Text = []byte(line)
		var stored *audit.Event
		if id.Valid {
			stored = &audit.Event{
				ID: id.Int64, At: time.UnixMilli(at.Int64), Kind: kind.String, Installation: installation.Int64, RepoID: repoID.Int64,
				Owner: owner.String, Repo: repo.String, Number: int(number.Int64), Head: head.String, Data: json.RawMessage(data.String),
			}
		}
		c.Row(row, stored, true, 0)
	}
	return rows.Err()
}

// chainHeads compares the ends of the chains with the heads.
func chainHeads(ctx context.Context, tx *sql.Tx, c *audit.Checker, org string) error {
	rows, err := tx.QueryContext(ctx, `SELECT org, length, hash FROM chain_heads WHERE $1 = '' OR org = $1 ORDER BY org`, org)
	if err != nil {
		return err
	}
	defer rows.Close()
	known := map[string]bool{}
	for rows.Next() {
		var of, hash string
		var length int64
		if err := rows.Scan(&of, &length, &hash); err != nil {
			return err
		}
		known[of] = true
		c.Head(of, length, hash)
	}
	for _, s := range c.States() {
		if !known[s.Org] {
			c.Problems = append(c.Problems, audit.Problem{Org: s.Org, What: "the head of the chain was removed"})
		}
	}
	return rows.Err()
}

// chainMissing reports the events that are not in the chain.
func chainMissing(ctx context.Context, tx *sql.Tx, c *audit.Checker, org string) error {
	ids, err := unchained(ctx, tx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		e, err := scanEvent(tx.QueryRowContext(ctx, `SELECT `+eventColumns+` FROM events e WHERE e.id = $1`, id).Scan)
		if err != nil {
			return err
		}
		if of := strings.ToLower(e.Owner); org == "" || of == org {
			c.Problems = append(c.Problems, audit.Problem{Org: of, Event: id, What: fmt.Sprintf(
				"the event (%s) is not in the chain: another version of this program, or somebody by hand, wrote it, or its entry was removed; the next start of the server adopts it", e.Kind)})
		}
	}
	return nil
}

// A ChainFilter selects lines of the chain. Its zero value selects all.
type ChainFilter struct {
	Org   string    // in any case
	Repo  string    // "owner/name" as it was called, in any case
	Since time.Time // at this time or later
}

// ChainLines calls each with the lines of the chain as they are exported, by organisation and in their order. The bytes
// are valid during the call.
func (l Reader) ChainLines(ctx context.Context, f ChainFilter, each func(line []byte) error) error {
	if l.schema < chainSchema {
		return ErrNoChain
	}
	rows, err := l.read.QueryContext(ctx, `SELECT hash, line FROM chain WHERE $1 = '' OR org = $1 ORDER BY org, seq`, strings.ToLower(f.Org))
	if err != nil {
		return fmt.Errorf("read the chain: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var hash, text string
		if err := rows.Scan(&hash, &text); err != nil {
			return fmt.Errorf("read the chain: %w", err)
		}
		if f.Repo != "" || !f.Since.IsZero() {
			var l audit.Line
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				return fmt.Errorf("read the chain: a line cannot be read; see `secbydesign audit verify`: %w", err)
			}
			if f.Repo != "" && !strings.EqualFold(f.Repo, l.Repo) || l.TS.Before(f.Since) {
				continue
			}
		}
		if err := each(audit.Export([]byte(text), hash)); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the chain: %w", err)
	}
	return nil
}

// AllDecisions lists the decisions of a repository, in the order in which they were made. The error is [ErrNoChain] if
// the database is too old.
func (l Reader) AllDecisions(ctx context.Context, repo Repo) (list []decision.Decision, err error) {
	if l.schema < chainSchema {
		return nil, ErrNoChain
	}
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return nil, err
	}
	rows, err := l.read.QueryContext(ctx, `
		SELECT `+decisionColumns+` FROM view_decisions WHERE repo_id = $1 AND owner = $2 AND repo = $3 ORDER BY made`, key.ID, key.Owner, key.Name)
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		d, err := scanDecision(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	return list, nil
}
