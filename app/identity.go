package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/secbydesign/secbydesign/app/installation"
)

const (
	// firstAnswer bounds the first try to reach GitHub, before which no request is answered. GitHub waits ten seconds
	// for an answer to a delivery.
	firstAnswer  = 3 * time.Second
	laterAnswer  = 10 * time.Second
	confirmPause = time.Minute // between two tries
)

// An identity is what is known of the App's credentials. It may be used by several goroutines at once. The zero value
// means that they were not tried.
type identity struct {
	mu        sync.Mutex
	tried     bool   // guarded by mu; set before the first request is answered
	refused   string // guarded by mu; GitHub's refusal as a sentence
	confirmed bool   // guarded by mu
}

// state returns a sentence if the credentials are known to be wrong.
func (i *identity) state() (sentence string, confirmed bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
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

// confirm asks GitHub whether it knows the App by these credentials: once before it returns, and if that was not
// answered with yes, again and again. It closes the channel when it is done. A server whose GitHub cannot be reached is
// ready nevertheless: it can store deliveries.
func (a *app) confirm(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	if a.askGitHub(ctx, firstAnswer) {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(confirmPause):
			}
			if a.askGitHub(ctx, laterAnswer) {
				return
			}
		}
	}()
	return done
}

// askGitHub asks once, and reports whether there is nothing more to ask.
func (a *app) askGitHub(ctx context.Context, patience time.Duration) (done bool) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	slug, id, err := a.github.Self(bounded)
	if ctx.Err() != nil {
		return true
	}
	news := a.identity.learn(err)
	var refused *installation.Refused
	switch {
	case err == nil:
		a.log.Info().Str("slug", slug).Int64("app", id).Msg("GitHub knows the App")
	case news && errors.As(err, &refused):
		a.log.Error().Msg(refused.Sentence)
	case news:
		a.log.Warn().Err(err).Msg("GitHub cannot be reached, so the App's credentials are not confirmed; trying again every minute")
	}
	return err == nil
}
