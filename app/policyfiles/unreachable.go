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

// refusalAge is how long a refusal counts at most, in case GitHub's event about its end is lost.
const refusalAge = time.Hour

// maxRefusals bounds the memory for refusals. Beyond it all are dropped, and GitHub is asked again.
const maxRefusals = 10_000

// unreachable holds the repositories that installations cannot reach. Most organisations have none of the repositories
// that may hold a policy, and asking for each review would cost two requests that GitHub refuses.
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

// readable returns a client that reads a repository's content, as [installation.App.Reader] does. It remembers that a
// repository is out of reach until an event says that this may have changed.
func (f *Files) readable(ctx context.Context, installed int64, owner, repo string) (*github.Client, error) {
	last, err := f.Ledger.Events(ctx, ledger.Filter{Kind: record.Reach, Installation: installed, Last: true})
	if err != nil {
		return nil, err
	}
	var after int64 // read before asking GitHub: any later event counts
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
