package installation

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/secbydesign/secbydesign/app/fair"
)

const (
	// patience is the longest wait for a limit to end; for longer ones the caller gets an error.
	patience = 2 * time.Second

	// secondaryWait is how long to wait after a secondary limit without a given duration. It doubles with each
	// that follows, up to maxSecondaryWait.
	// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
	secondaryWait    = time.Minute
	maxSecondaryWait = 16 * time.Minute
)

// GitHub counts these resources separately, per installation. Other resources, such as search, are used so rarely
// that only the call that met their limit is affected.
const (
	coreResource    = "core"
	graphqlResource = "graphql"
	everything      = "" // a secondary limit
)

// limits is the state of one installation's rate limits, as known to this process; see shared.go for what others know.
type limits struct {
	pace time.Duration
	wait time.Duration // see [Options].LimitWait; not 0
	turn fair.Turn     // to write; the repository with the least recent writes comes first

	id     int64   // of the installation
	shared *Shared // nil for a process that knows no other

	mu      sync.Mutex
	blocked map[string]*RateLimited // guarded by mu; by resource
	strikes int                     // guarded by mu; number of consecutive secondary limits without a duration
	read    time.Time               // guarded by mu; when shared was read last
}

func newLimits(id int64, pace, wait time.Duration, shared *Shared) *limits {
	return &limits{id: id, pace: pace, wait: cmp.Or(wait, secondaryWait), shared: shared, blocked: map[string]*RateLimited{}}
}

// limited does not send requests that GitHub would refuse because of a rate limit, and distinguishes rate limits
// from other refusals. It lets one write through at a time, at the given pace.
type limited struct {
	limits *limits
	repo   string // the repository that its writes count for
	next   http.RoundTripper
}

func (l *limited) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, resource, write := req.Context(), coreResource, writes(req)
	if graphql(req) {
		resource = graphqlResource
	}
	wrote := false
	if write {
		if err := l.limits.turn.Take(ctx, l.repo); err != nil {
			closeBody(req)
			return nil, err
		}
		defer func() { l.limits.endWrite(wrote) }()
		if err := l.limits.reserve(ctx, req); err != nil {
			closeBody(req)
			return nil, err
		}
	}
	for first := true; ; first = false {
		if err := l.limits.admit(ctx, resource); err != nil {
			closeBody(req)
			return nil, err
		}
		resp, err := l.next.RoundTrip(req)
		wrote = true
		if err != nil {
			return nil, err
		}
		err = judge(req, resp)
		var limit *RateLimited
		if !errors.As(err, &limit) {
			l.limits.passed(ctx, resource, resp.Header)
			if err != nil {
				resp.Body.Close()
				return nil, err
			}
			return resp, nil
		}
		resp.Body.Close()
		l.limits.add(ctx, resourceIn(resp.Header, resource), limit)
		// A refused request was not carried out, so even a write may be repeated.
		again, ok := rewind(req)
		if !first || !ok || time.Until(limit.Until) > patience {
			return nil, limit
		}
		req = again
	}
}

// endWrite passes on the turn when the pause is over. Only then is the next repository chosen, because one that
// writes little often comes back only during the pause.
func (l *limits) endWrite(wrote bool) {
	if wrote && l.pace > 0 {
		time.AfterFunc(l.pace, l.turn.Give)
		return
	}
	l.turn.Give()
}

// admit waits if the limit ends soon, and returns the limit if not.
func (l *limits) admit(ctx context.Context, resource string) error {
	l.refresh(ctx)
	limit := l.ahead(resource)
	if limit == nil {
		return nil
	}
	wait := time.Until(limit.Until)
	if wait > patience {
		return limit
	}
	if err := sleep(ctx, wait); err != nil {
		return err
	}
	if limit := l.ahead(resource); limit != nil {
		return limit
	}
	return nil
}

// ahead returns the limit that blocks resource for longest, or nil.
func (l *limits) ahead(resource string) *RateLimited {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep()
	longest := l.blocked[everything]
	if b := l.blocked[resource]; b != nil && (longest == nil || longest.Until.Before(b.Until)) {
		longest = b
	}
	return longest
}

// add records a limit that GitHub reported, here and for other processes, and sets its end if GitHub did not give one.
func (l *limits) add(ctx context.Context, resource string, limit *RateLimited) {
	if limit.Secondary {
		resource = everything
	}
	if l.keep(resource, limit) {
		l.publish(ctx, resource, *limit)
	}
}

// keep returns true if the limit is new here, or longer than the known one.
func (l *limits) keep(resource string, limit *RateLimited) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep()
	known := l.blocked[resource]
	if limit.Until.IsZero() {
		if known != nil {
			// Several calls may meet the same limit at once; it counts once.
			limit.Until = known.Until
			return false
		}
		wait := l.wait << l.strikes
		limit.Until = time.Now().Add(wait)
		if wait < l.wait*(maxSecondaryWait/secondaryWait) {
			l.strikes++
		}
	}
	if known != nil && !known.Until.Before(limit.Until) {
		return false
	}
	kept := *limit
	l.blocked[resource] = &kept
	return true
}

// sweep removes the limits that have ended. The caller holds mu.
func (l *limits) sweep() {
	for key, b := range l.blocked {
		if !b.Until.After(time.Now()) {
			delete(l.blocked, key)
		}
	}
}

// passed updates the limits from a successful answer.
func (l *limits) passed(ctx context.Context, resource string, h http.Header) {
	if h.Get("X-RateLimit-Remaining") == "0" {
		if limit := limitIn(h, http.StatusOK, refusal{}); limit != nil {
			l.add(ctx, resourceIn(h, resource), limit)
		}
		// With this header, go-github would fail the next call by itself, with its own error.
		h.Del("X-RateLimit-Reset")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blocked[everything] == nil {
		l.strikes = 0
	}
}

// resourceIn returns the resource against which an answer counted.
func resourceIn(h http.Header, asked string) string {
	if r := h.Get("X-RateLimit-Resource"); r != "" {
		return r
	}
	return asked
}

// limitIn returns the rate limit that an answer reports, or nil. Until is zero if the answer does not contain the
// duration.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
func limitIn(h http.Header, code int, r refusal) *RateLimited {
	none := h.Get("X-RateLimit-Remaining") == "0"
	if wait, ok := retryAfter(h); ok {
		return &RateLimited{Until: time.Now().Add(wait), Secondary: !none}
	}
	if none {
		reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
		if err != nil {
			return &RateLimited{}
		}
		// Compare with GitHub's clock, not with that of this machine.
		now := time.Now()
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date
		}
		return &RateLimited{Until: time.Now().Add(max(time.Unix(reset, 0).Sub(now), time.Second))}
	}
	if code == http.StatusTooManyRequests || secondary(r) {
		return &RateLimited{Secondary: true}
	}
	return nil
}

// retryAfter parses the Retry-After header: seconds, or a date.
func retryAfter(h http.Header) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if n, err := strconv.Atoi(v); err == nil && n >= 0 && n <= 1e6 {
		return time.Duration(n) * time.Second, true
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(time.Until(t), 0), true
	}
	return 0, false
}

// secondary recognizes a secondary limit by its text. Some arrive as 403 and without Retry-After.
func secondary(r refusal) bool {
	return strings.Contains(r.Message, "secondary rate limit") ||
		strings.Contains(r.Message, "abuse detection") ||
		strings.HasSuffix(r.URL, "secondary-rate-limits") ||
		strings.HasSuffix(r.URL, "#abuse-rate-limits")
}

// sleep waits for d. It returns an error if ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
