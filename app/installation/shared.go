package installation

import (
	"context"
	"net/http"
	"regexp"
	"time"
)

// Shared shares GitHub's limits with the other processes of the same App, because GitHub counts what all of them do. Its
// functions may be called by several goroutines at once. If one fails, this process goes on by what it knows itself.
type Shared struct {
	// Limits returns the limits of an installation that are known. It is called at most once a second for each
	// installation, and only while there are requests.
	Limits func(ctx context.Context, installation int64) ([]Limit, error)

	// Keep makes a limit known.
	Keep func(ctx context.Context, installation int64, limit Limit) error

	// Reserve reserves the next turn to write, pace after the one before, and returns how long to wait for it. If
	// perHour writes that make content were made in an hour, ok is false and wait is until there may be another one.
	Reserve func(ctx context.Context, installation int64, pace time.Duration, content bool, perHour int) (wait time.Duration, ok bool, err error)
}

// A Limit is a limit of GitHub that an installation has reached.
type Limit struct {
	Resource  string // that GitHub counts; empty for a secondary limit, which is of everything
	Secondary bool
	Until     time.Time
}

const (
	// sharedAge is for how long a process does not ask again what the others know.
	sharedAge = time.Second

	// sharedPatience bounds the wait for an answer.
	sharedPatience = 2 * time.Second

	// contentPerHour is how many requests of an hour may make content. With a pause of [WritePace], the other limit,
	// 80 a minute, is never reached.
	// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
	contentPerHour = 500
)

// refresh reads what other processes know, if that is not recent.
func (l *limits) refresh(ctx context.Context) {
	if l.shared == nil {
		return
	}
	l.mu.Lock()
	now := time.Now()
	recent := !l.read.IsZero() && now.Sub(l.read) < sharedAge
	if !recent {
		l.read = now
	}
	l.mu.Unlock()
	if recent {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sharedPatience)
	defer cancel()
	list, err := l.shared.Limits(ctx, l.id)
	if err != nil {
		return
	}
	for _, limit := range list {
		if limit.Until.After(time.Now()) {
			l.keep(limit.Resource, &RateLimited{Until: limit.Until, Secondary: limit.Secondary})
		}
	}
}

// publish makes a limit known to other processes.
func (l *limits) publish(ctx context.Context, resource string, limit RateLimited) {
	if l.shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedPatience)
	defer cancel()
	// Without it, the others find out by themselves.
	_ = l.shared.Keep(ctx, l.id, Limit{Resource: resource, Secondary: limit.Secondary, Until: limit.Until})
}

// reserve waits for the turn of this process to write. Like [limits.admit] it returns a limit that does not end soon.
func (l *limits) reserve(ctx context.Context, req *http.Request) error {
	if l.shared == nil || l.pace <= 0 {
		return nil
	}
	patient, cancel := context.WithTimeout(ctx, sharedPatience)
	wait, ok, err := l.shared.Reserve(patient, l.id, l.pace, makesContent(req), contentPerHour)
	cancel()
	if err != nil {
		return ctx.Err()
	}
	if !ok {
		return &RateLimited{Until: time.Now().Add(wait), Secondary: true}
	}
	return sleep(ctx, wait)
}

// contentPaths match the requests of which GitHub says that they notify people, and that making content too quickly with
// them is limited. Check runs are not among them.
// https://docs.github.com/en/rest/issues/comments#create-an-issue-comment
// https://docs.github.com/en/rest/issues/issues#create-an-issue
// https://docs.github.com/en/rest/pulls/comments#create-a-review-comment-for-a-pull-request
// https://docs.github.com/en/rest/pulls/reviews#create-a-review-for-a-pull-request
var contentPaths = regexp.MustCompile(`/(issues|issues/\d+/comments|pulls|pulls/\d+/comments|pulls/\d+/comments/\d+/replies|pulls/\d+/reviews)$`)

func makesContent(req *http.Request) bool {
	return req.Method == http.MethodPost && contentPaths.MatchString(req.URL.Path)
}
