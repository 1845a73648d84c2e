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

// A DigestKey names the digest of a team in a repository. Names are compared without case.
type DigestKey struct {
	Owner, Repo string
	Team        string // "@org/team" or "@person"
}

func (k DigestKey) args(more ...any) []any {
	return append([]any{strings.ToLower(k.Owner), strings.ToLower(k.Repo), strings.ToLower(k.Team)}, more...)
}

// A Digest is what is known of a digest that was written.
type Digest struct {
	Issue int             // 0 before it was created
	Data  json.RawMessage // what the writer keeps for the next time; nil if there is nothing
}

// digestAge is how long a claim on a digest lasts if its holder dies. It is longer than a holder may work on it.
const digestAge = 2 * time.Minute

const (
	claimDigest = `
		INSERT INTO digests (owner, repo, team, issue, claimed, data) VALUES ($1, $2, $3, 0, $4, '')
		ON CONFLICT (owner, repo, team) DO UPDATE SET claimed = excluded.claimed WHERE digests.claimed <= $5`
	readDigest    = `SELECT issue, data FROM digests WHERE owner = $1 AND repo = $2 AND team = $3`
	releaseDigest = `UPDATE digests SET claimed = 0 WHERE owner = $1 AND repo = $2 AND team = $3 AND claimed = $4`
	saveDigest    = `UPDATE digests SET issue = $5, data = $6 WHERE owner = $1 AND repo = $2 AND team = $3 AND claimed = $4`
)

// ErrBusy means that another task works on it.
var ErrBusy = errors.New("another task works on it")

// A DigestClaim is the right to write a digest. One task at a time has it, so that a team has one issue. It ends with
// Release, or after two minutes if its holder dies.
type DigestClaim struct {
	Digest
	ledger *Ledger
	key    DigestKey
	since  int64
}

// ClaimDigest claims a digest. The error is [ErrBusy] if another task has it.
func (l *Ledger) ClaimDigest(ctx context.Context, k DigestKey) (*DigestClaim, error) {
	now := time.Now()
	c := &DigestClaim{ledger: l, key: k, since: millis(now)}
	err := l.Tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, claimDigest, k.args(c.since, millis(now.Add(-digestAge)))...)
		mine, err := one(res, err)
		if err != nil {
			return err
		}
		if !mine {
			return ErrBusy
		}
		var data string
		if err := tx.QueryRowContext(ctx, readDigest, k.args()...).Scan(&c.Issue, &data); err != nil {
			return err
		}
		if data != "" {
			c.Data = json.RawMessage(data)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim the digest of %s in %s/%s: %w", k.Team, k.Owner, k.Repo, err)
	}
	return c, nil
}

// Save stores what is known of the digest now. The error is [ErrBusy] if the claim has ended.
func (c *DigestClaim) Save(ctx context.Context, d Digest) error {
	res, err := c.ledger.write.ExecContext(ctx, saveDigest, c.key.args(c.since, d.Issue, string(d.Data))...)
	mine, err := one(res, err)
	if err == nil && !mine {
		err = ErrBusy
	}
	if err != nil {
		return fmt.Errorf("save the digest of %s: %w", c.key.Team, err)
	}
	c.Digest = d
	return nil
}

// Release ends the claim. A claim that has ended stays so.
func (c *DigestClaim) Release(ctx context.Context) error {
	if _, err := c.ledger.write.ExecContext(ctx, releaseDigest, c.key.args(c.since)...); err != nil {
		return fmt.Errorf("release the digest of %s: %w", c.key.Team, err)
	}
	return nil
}

// Digest returns what is known of a digest; it is empty if none was written.
func (l Reader) Digest(ctx context.Context, k DigestKey) (d Digest, err error) {
	var data string
	err = l.read.QueryRowContext(ctx, readDigest, k.args()...).Scan(&d.Issue, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return Digest{}, nil
	}
	if err != nil {
		return Digest{}, fmt.Errorf("read the digest of %s: %w", k.Team, err)
	}
	if data != "" {
		d.Data = json.RawMessage(data)
	}
	return d, nil
}
