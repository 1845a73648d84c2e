package queue

import (
	"context"
	"database/sql"
	"time"
)

// A process repeats how many jobs it does at one time every few heartbeats, and counts for a while without that. After
// the end of a process that was killed, the others count its workers for so long, and so may give one repository more
// than three quarters of those that are left.
const (
	presenceBeats = 5
	absenceBeats  = 15
)

// present is how long a process counts after its last offer.
func (q *Queue) present() time.Duration { return absenceBeats * q.opts.Heartbeat }

// offer records that this process works.
func (q *Queue) offer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, q.opts.LeaseTTL)
	defer cancel()
	return q.ledger.UnorderedTx(ctx, func(tx *sql.Tx) error {
		return q.ledger.Offer(ctx, tx, q.client.ID(), q.slots, q.present())
	})
}

// withdraw records that this process does not work any more.
func (q *Queue) withdraw(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.opts.Heartbeat)
	defer cancel()
	err := q.ledger.UnorderedTx(ctx, func(tx *sql.Tx) error { return q.ledger.Withdraw(ctx, tx, q.client.ID()) })
	if err != nil {
		q.log.Debug().Err(err).Msg("other processes count the workers of this one for a moment longer")
	}
}
