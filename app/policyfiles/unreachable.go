package policyfiles

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
)

// refusalAge is how long a refusal counts at most, should GitHub's event about its end be lost.
const refusalAge = time.Hour

// maxRefusals bounds the memory for refusals. Beyond it all are forgotten, and asked for again.
const maxRefusals = 10_000

// unreachable are the repositories that installations do not reach. Most organisations have none of those that
// a policy may be in, and to ask for each review is two requests that GitHub refuses.
type unreachable struct {
	mu   sync.Mutex
	kept map[repository]refusal // guarded by mu
}

type repository struct {
	installation int64
	owner, repo  string
}

type refusal struct {
	at    time.Time
	after int64 // the last event of the kind [record.Reach] at that time
}

// readable gives a client that reads a repository's content, as [installation.App.Reader] does. That the
// repository is out of reach is remembered until an event says that this may have changed.
func (f *Files) readable(ctx context.Context, installed int64, owner, repo string) (*github.Client, error) {
	last, err := f.Ledger.Events(ctx, ledger.Filter{Kind: record.Reach, Installation: installed, Last: true})
	if err != nil {
		return nil, err
	}
	var after int64 // before GitHub is asked: what is heard from here on counts
	if len(last) > 0 {
		after = last[0].ID
	}
	key, now := repository{installed, strings.ToLower(owner), strings.ToLower(repo)}, time.Now()
	if was, ok := f.unreachable.get(key); ok && was.after == after && now.Sub(was.at) < refusalAge {
		return nil, fmt.Errorf("open %s/%s: %w", owner, repo, installation.ErrGone)
	}
	gh, err := f.App.Reader(ctx, installed, owner, repo)
	if errors.Is(err, installation.ErrGone) {
		f.unreachable.add(key, refusal{now, after})
	}
	return gh, err
}

func (r *unreachable) get(key repository) (refusal, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was, ok := r.kept[key]
	return was, ok
}

func (r *unreachable) add(key repository, is refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil || len(r.kept) >= maxRefusals {
		r.kept = map[repository]refusal{}
	}
	r.kept[key] = is
}
