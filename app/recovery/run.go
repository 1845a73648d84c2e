package recovery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/ledger"
)

const (
	every     = time.Hour
	retryWait = 5 * time.Minute // after a run that failed, for a reason that is not a rate limit

	beatPause = 5 * time.Second
	pollPause = 5 * time.Second

	// deadAfter is the silence after which the process that runs the recovery counts as dead, by the clock of the one
	// that waits. If it is not, both run, which costs requests and nothing else.
	deadAfter = 30 * time.Second
)

// Run searches for lost deliveries at once and then every hour, until ctx ends. Of several processes that share the
// ledger one does so at a time: the others wait for it, and skip their turn if a run that began after they asked for one
// was completed. So each start is followed by a run, and each hour has one, however many processes there are.
func (r *Recoverer) Run(ctx context.Context) {
	log := zerolog.Ctx(ctx)
	holder := fmt.Sprintf("%016x", rand.Uint64())
	after := int64(-1) // a run with a higher number will do; -1 is not known yet
	for ctx.Err() == nil {
		number, err := r.turn(ctx, holder, &after)
		wait := r.pause()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			after = number
		default:
			wait = min(wait, retryWait)
			if limit := limited(err); limit != nil {
				wait = min(r.pause(), max(time.Until(limit.Until), time.Second))
			}
			log.Warn().Err(err).Stringer("again_in", wait.Round(time.Second)).Msg("the search for lost deliveries was not completed")
		}
		sleep(ctx, wait)
	}
}

// pause is the time to the next run. Processes that were started together spread.
func (r *Recoverer) pause() time.Duration {
	d := r.Every
	if d == 0 {
		d = every
	}
	return d + rand.N(d/20+1)
}

// turn waits until a run with a number above after is completed, by another process or this one, and returns the number
// of the newest run.
func (r *Recoverer) turn(ctx context.Context, holder string, after *int64) (number int64, err error) {
	poll, silence := r.poll, r.silence
	if poll == 0 {
		poll, silence = pollPause, deadAfter
	}
	var seen ledger.RecoveryRun
	changed := time.Now()
	for {
		now, err := r.Ledger.RecoveryRun(ctx)
		if err != nil {
			return 0, err
		}
		if *after < 0 {
			*after = now.Begun
		}
		if now.Done > *after {
			return now.Begun, nil
		}
		if now != seen {
			seen, changed = now, time.Now()
		}
		if now.Holder == "" || time.Since(changed) > silence {
			number, err := r.Ledger.BeginRecovery(ctx, holder, now)
			if err != nil {
				return 0, err
			}
			if number != 0 {
				return number, r.hold(ctx, holder, number)
			}
		}
		if !sleep(ctx, poll) {
			return 0, ctx.Err()
		}
	}
}

// errOvertaken ends a run that another process believed dead.
var errOvertaken = errors.New("another process searches for lost deliveries")

// hold does a run, and shows meanwhile that it is alive.
func (r *Recoverer) hold(ctx context.Context, holder string, number int64) (err error) {
	run, cancel := context.WithCancelCause(ctx)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		for sleep(run, beatPause) {
			if held, err := r.Ledger.BeatRecovery(run, holder, number); err == nil && !held {
				cancel(errOvertaken)
			}
		}
	}()
	err = r.Once(run)
	if cause := context.Cause(run); cause != nil {
		err = cause
	}
	cancel(nil)
	<-beating
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), beatPause)
	defer stop()
	return errors.Join(err, r.Ledger.EndRecovery(end, holder, number, err == nil))
}

// Once does one run, whatever other processes do; [Recoverer.Run] calls it in one process at a time. An error means that a
// part of the run is not done, such as [*installation.RateLimited] if only the reserve of a limit is left: the next run
// goes on from there.
func (r *Recoverer) Once(ctx context.Context) error {
	began := time.Now()
	// Pull requests first: their search is short, and people wait for verdicts. What keeps one of the two from being done
	// does not keep the other.
	listed, err := r.pulls(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err = errors.Join(err, r.deliveries(ctx, listed))
	if err == nil {
		zerolog.Ctx(ctx).Debug().Stringer("took", time.Since(began).Round(time.Millisecond)).Msg("searched for lost deliveries")
	}
	return err
}

// sleep waits for d, and returns false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
