package review

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
)

// Reach is the kind of the event that an installation may reach other repositories than before. It is in the
// ledger since the process that hears of it is not always the one that remembers what was refused.
const Reach = "installation.reach"

// HasPolicy reports whether a repository of this name may hold an organisation's policy.
func HasPolicy(repo string) bool {
	return slices.ContainsFunc(organisationRepos[:], func(name string) bool { return strings.EqualFold(name, repo) })
}

// refusalAge is how long a refusal counts at most, should GitHub's event about its end be lost.
const refusalAge = time.Hour

// maxRefusals bounds the memory for refusals. Beyond it all are forgotten, and asked for again.
const maxRefusals = 10_000

// refusals are the repositories that installations do not reach. Most organisations have none of those that
// a policy may be in, and to ask for each review is two requests that GitHub refuses.
type refusals struct {
	mu   sync.Mutex
	kept map[repository]refusal // guarded by mu
}

type repository struct {
	installation int64
	owner, repo  string
}

type refusal struct {
	at    time.Time
	after int64 // the last event of the kind [Reach] at that time
}

// readable gives a client that reads a repository's content, as [installation.App.Reader] does. That the
// repository is out of reach is remembered until an event says that this may have changed.
func (r *Reviewer) readable(ctx context.Context, installed int64, owner, repo string) (*github.Client, error) {
	last, err := r.Ledger.Events(ctx, ledger.Filter{Kind: Reach, Installation: installed, Last: true})
	if err != nil {
		return nil, err
	}
	var after int64 // before GitHub is asked: what is heard from here on counts
	if len(last) > 0 {
		after = last[0].ID
	}
	key, now := repository{installed, strings.ToLower(owner), strings.ToLower(repo)}, time.Now()
	if was, ok := r.refused.get(key); ok && was.after == after && now.Sub(was.at) < refusalAge {
		return nil, fmt.Errorf("open %s/%s: %w", owner, repo, installation.ErrGone)
	}
	gh, err := r.App.Reader(ctx, installed, owner, repo)
	if errors.Is(err, installation.ErrGone) {
		r.refused.add(key, refusal{now, after})
	}
	return gh, err
}

func (r *refusals) get(key repository) (refusal, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was, ok := r.kept[key]
	return was, ok
}

func (r *refusals) add(key repository, is refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil || len(r.kept) >= maxRefusals {
		r.kept = map[repository]refusal{}
	}
	r.kept[key] = is
}
