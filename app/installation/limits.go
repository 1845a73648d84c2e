package installation

import (
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
	// patience is how long a caller is held back rather than sent away.
	patience = 2 * time.Second

	// secondaryWait is how long to keep away after a secondary limit that does not say;
	// it doubles with each that follows, up to maxSecondaryWait.
	// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
	secondaryWait    = time.Minute
	maxSecondaryWait = 16 * time.Minute
)

// GitHub counts these apart, per installation. The others, such as search, are so rarely
// asked that only the call that met their limit hears of it.
const (
	coreResource    = "core"
	graphqlResource = "graphql"
	everything      = "" // a secondary limit
)

// limits is what one installation may ask of GitHub, as far as this process knows.
type limits struct {
	pace time.Duration
	turn fair.Turn // to write; whose repository wrote least lately comes first

	mu      sync.Mutex
	blocked map[string]*RateLimited // guarded by mu; by resource
	strikes int                     // guarded by mu; secondary limits in a row that did not say how long
}

func newLimits(pace time.Duration) *limits {
	return &limits{pace: pace, blocked: map[string]*RateLimited{}}
}

// limited sends nothing that GitHub would refuse for a rate limit, and tells one from
// another refusal. One write at a time goes through, at the pace that was asked for.
type limited struct {
	limits *limits
	repo   string // for which it writes
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
			l.limits.passed(resource, resp.Header)
			if err != nil {
				resp.Body.Close()
				return nil, err
			}
			return resp, nil
		}
		resp.Body.Close()
		l.limits.add(resourceIn(resp.Header, resource), limit)
		// Refused means not carried out, so a write may be repeated too.
		again, ok := rewind(req)
		if !first || !ok || time.Until(limit.Until) > patience {
			return nil, limit
		}
		req = again
	}
}

// endWrite gives the turn to the next one when the pause is over. Who is next is decided then: one who
// writes little is often not back before.
func (l *limits) endWrite(wrote bool) {
	if wrote && l.pace > 0 {
		time.AfterFunc(l.pace, l.turn.Give)
		return
	}
	l.turn.Give()
}

// admit waits for a limit that ends soon, and gives one that does not.
func (l *limits) admit(ctx context.Context, resource string) error {
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

// ahead gives the limit that stands in the way of resource for longest, or nil.
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

// add notes a limit that was met, and sets its end if GitHub did not tell.
func (l *limits) add(resource string, limit *RateLimited) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep()
	if limit.Secondary {
		resource = everything
	}
	known := l.blocked[resource]
	if limit.Until.IsZero() {
		if known != nil {
			// Several calls may meet the same limit at once; it counts once.
			limit.Until = known.Until
			return
		}
		wait := secondaryWait << l.strikes
		limit.Until = time.Now().Add(wait)
		if wait < maxSecondaryWait {
			l.strikes++
		}
	}
	if known == nil || known.Until.Before(limit.Until) {
		kept := *limit
		l.blocked[resource] = &kept
	}
}

// sweep drops the limits that are over. The caller holds mu.
func (l *limits) sweep() {
	for key, b := range l.blocked {
		if !b.Until.After(time.Now()) {
			delete(l.blocked, key)
		}
	}
}

// passed notes what an answer that was no refusal says of the limits.
func (l *limits) passed(resource string, h http.Header) {
	if h.Get("X-RateLimit-Remaining") == "0" {
		if limit := limitIn(h, http.StatusOK, refusal{}); limit != nil {
			l.add(resourceIn(h, resource), limit)
		}
		// With it go-github would answer the next call itself, by an error of its own.
		h.Del("X-RateLimit-Reset")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blocked[everything] == nil {
		l.strikes = 0
	}
}

// resourceIn is the resource that an answer counted for.
func resourceIn(h http.Header, asked string) string {
	if r := h.Get("X-RateLimit-Resource"); r != "" {
		return r
	}
	return asked
}

// limitIn gives the rate limit of which an answer speaks, or nil. Until is zero where it
// does not say how long.
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
		// GitHub's clock is the one that counts.
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

// retryAfter reads the header of that name: seconds, or a date.
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

// secondary knows a secondary limit by its text. Some come as 403 and without Retry-After.
func secondary(r refusal) bool {
	return strings.Contains(r.Message, "secondary rate limit") ||
		strings.Contains(r.Message, "abuse detection") ||
		strings.HasSuffix(r.URL, "secondary-rate-limits") ||
		strings.HasSuffix(r.URL, "#abuse-rate-limits")
}

// sleep waits for d, or until ctx ends, which is an error.
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
