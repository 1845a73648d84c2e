package ledger

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// workChannel is the channel on which commits announce work (https://www.postgresql.org/docs/current/sql-notify.html).
const workChannel = "secbydesign_work"

// listenAgain is the pause before a lost connection for notifications is replaced.
const listenAgain = time.Second

// A pgWatch waits for notifications on a connection of its own. While it has none, or the connection gets none because
// of a pooler, any polls.
type pgWatch struct {
	e     *postgresEngine
	news  chan struct{} // holds one
	heard atomic.Bool   // notifications arrive
	stop  context.CancelFunc
	wait  sync.WaitGroup
}

func (e *postgresEngine) changes(ctx context.Context) (watch, error) {
	w := &pgWatch{e: e, news: make(chan struct{}, 1)}
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	w.wait.Go(func() {
		for ctx.Err() == nil {
			_ = w.listen(ctx) // any reports what lasts
			w.heard.Store(false)
			select {
			case <-ctx.Done():
			case <-time.After(listenAgain):
			}
		}
	})
	return w, nil
}

// listen passes on notifications until the connection is lost.
func (w *pgWatch) listen(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, w.e.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+workChannel); err != nil {
		return err
	}
	// Behind a pooler in transaction mode, LISTEN succeeds and nothing ever arrives. So one notification is sent
	// from another connection.
	test := rand.Text()
	if _, err := w.e.pool.Exec(ctx, "SELECT pg_notify($1, $2)", workChannel, test); err != nil {
		return err
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		w.heard.Store(true)
		if n.Payload != "" && n.Payload != test {
			continue // the test of another process
		}
		select {
		case w.news <- struct{}{}:
		default:
		}
	}
}

func (w *pgWatch) early() <-chan struct{} { return w.news }

// any reports whether there are jobs to begin, unless notifications arrive. Then it does not ask.
func (w *pgWatch) any(ctx context.Context) (found bool, err error) {
	if w.heard.Load() {
		return false, nil
	}
	err = w.e.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM river_job WHERE state = 'available' AND scheduled_at <= now())`).Scan(&found)
	return found, err
}

func (w *pgWatch) close() error {
	w.stop()
	w.wait.Wait()
	return nil
}
