package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/secbydesign/secbydesign/app/installation"
)

// firstAnswer bounds the first try to reach GitHub; until it ends, the program is not ready.
const firstAnswer = 10 * time.Second

// confirmPause is the time between two tries.
const confirmPause = time.Minute

// An identity is what is known of the App's credentials. It may be used by several goroutines at once. The zero value
// means that they were not tried.
type identity struct {
	mu        sync.Mutex
	tried     bool   // guarded by mu
	refused   string // guarded by mu; GitHub's refusal as a sentence
	confirmed bool   // guarded by mu
}

// state returns a sentence if the credentials are known to be wrong, or were not tried.
func (i *identity) state() (sentence string, confirmed bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.tried {
		return "GitHub has not been asked yet whether it knows the App.", false
	}
	return i.refused, i.confirmed
}

// learn records the outcome of one try, and reports whether it differs from that of the last.
func (i *identity) learn(err error) (news bool) {
	var refused *installation.Refused
	sentence := ""
	if errors.As(err, &refused) {
		sentence = refused.Sentence
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	news = !i.tried || sentence != i.refused || (err == nil) != i.confirmed
	i.tried, i.refused, i.confirmed = true, sentence, err == nil
	return news
}

// confirm asks GitHub, until it answers yes, whether it knows the App by these credentials. It closes the channel when
// it is done. A server whose GitHub cannot be reached is ready nevertheless: it can store deliveries.
func (a *app) confirm(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			bounded, cancel := context.WithTimeout(ctx, firstAnswer)
			slug, id, err := a.github.Self(bounded)
			cancel()
			if ctx.Err() != nil {
				return
			}
			news := a.identity.learn(err)
			var refused *installation.Refused
			switch {
			case err == nil:
				a.log.Info().Str("slug", slug).Int64("app", id).Msg("GitHub knows the App")
				return
			case news && errors.As(err, &refused):
				a.log.Error().Msg(refused.Sentence)
			case news:
				a.log.Warn().Err(err).Msg("GitHub cannot be reached, so the App's credentials are not confirmed; trying again every minute")
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(confirmPause):
			}
		}
	}()
	return done
}
