package installation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-github/v60/github"
)

// A table stands for the database of several processes.
type table struct {
	mu     sync.Mutex
	limits map[string]Limit
	reads  int
	next   time.Time
	made   int
	away   bool
}

var errAway = errors.New("the database is away")

func (b *table) shared() *Shared {
	return &Shared{
		Limits: func(context.Context, int64) (list []Limit, err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.reads++
			if b.away {
				return nil, errAway
			}
			for _, l := range b.limits {
				list = append(list, l)
			}
			return list, nil
		},
		Keep: func(_ context.Context, _ int64, l Limit) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.away {
				return errAway
			}
			if b.limits == nil {
				b.limits = map[string]Limit{}
			}
			b.limits[l.Resource] = l
			return nil
		},
		Reserve: func(_ context.Context, _ int64, pace time.Duration, content bool, perHour int) (time.Duration, bool, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.away {
				return 0, false, errAway
			}
			if content {
				if b.made >= perHour {
					return 10 * time.Minute, false, nil
				}
				b.made++
			}
			at := time.Now()
			if b.next.After(at) {
				at = b.next
			}
			b.next = at.Add(pace)
			return time.Until(at), true, nil
		},
	}
}

// TestLimitsAreShared has two processes, of which one meets a limit. The other does not ask GitHub either until the limit
// has ended, and reads what is known at most once a second.
func TestLimitsAreShared(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		header map[string]string
		body   string
		other  func(*Client) error
		blocks bool
	}{
		"secondary blocks everything": {403, map[string]string{"Retry-After": "90"}, secondaryText, query, true},
		"secondary without an end":    {403, nil, secondaryText, get, true},
		"primary":                     {403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+90s"}, primaryText, get, true},
		"the last request":            {200, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+90s"}, "{}", get, true},
		"primary of REST, by GraphQL": {403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+90s"}, primaryText, query, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var limiting bool
				h := &hub{}
				h.api = func(w http.ResponseWriter, r *http.Request) {
					if !limiting {
						fmt.Fprint(w, `{"data":{}}`)
						return
					}
					for k, v := range tt.header {
						if v == "+90s" {
							v = in(90 * time.Second)
						}
						w.Header().Set(k, v)
					}
					w.WriteHeader(tt.status)
					fmt.Fprint(w, tt.body)
				}
				b := &table{}
				_, first := open(t, h, func(o *Options) { o.Shared = b.shared() })
				_, second := open(t, h, func(o *Options) { o.Shared = b.shared() })
				if err := errors.Join(tt.other(first), tt.other(second)); err != nil {
					t.Fatal(err)
				}
				limiting = true
				_ = get(first)
				limiting = false
				time.Sleep(sharedAge)
				asked, reads := len(h.seen), b.reads
				var limit *RateLimited
				for range 100 {
					err := tt.other(second)
					if got := errors.As(err, &limit); got != tt.blocks {
						t.Fatalf("blocked %v: %v", got, err)
					}
				}
				if got := len(h.seen) - asked; tt.blocks && got != 0 {
					t.Errorf("GitHub was asked %d times", got)
				}
				if b.reads-reads > 1 {
					t.Errorf("the table was read %d times in no time", b.reads-reads)
				}
				time.Sleep(2 * time.Minute)
				if err := tt.other(second); err != nil {
					t.Errorf("after the limit: %v", err)
				}
			})
		})
	}
}

// TestPaceIsShared has three processes that write for one installation: GitHub gets one write a second.
func TestPaceIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, b := &hub{}, &table{}
		var wg sync.WaitGroup
		for range 3 {
			_, c := open(t, h, func(o *Options) { o.WritePace, o.Shared = WritePace, b.shared() })
			for range 10 {
				wg.Go(func() {
					if err := comment(c, "x"); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		var times []time.Time
		for _, s := range h.seen {
			times = append(times, s.at)
		}
		slices.SortFunc(times, time.Time.Compare)
		for i := 1; i < len(times); i++ {
			if d := times[i].Sub(times[i-1]); d < WritePace {
				t.Errorf("write %d came %v after the one before", i, d)
			}
		}
		if len(times) != 30 {
			t.Errorf("%d writes", len(times))
		}
	})
}

// TestContentIsLimited has processes that have made as much content as GitHub allows: no request is sent, and the error
// says when to try again. Other writes go on.
func TestContentIsLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, b := &hub{}, &table{made: contentPerHour - 1}
		_, c := open(t, h, func(o *Options) { o.WritePace, o.Shared = WritePace, b.shared() })
		if err := comment(c, "the last"); err != nil {
			t.Fatal(err)
		}
		sent := len(h.seen)
		var limit *RateLimited
		if err := comment(c, "one more"); !errors.As(err, &limit) || time.Until(limit.Until) < 9*time.Minute || len(h.seen) != sent {
			t.Errorf("%v, %d requests", err, len(h.seen)-sent)
		}
		if _, _, err := c.REST.Checks.UpdateCheckRun(t.Context(), "acme", "shop", 1, github.UpdateCheckRunOptions{Name: "x"}); err != nil {
			t.Errorf("a check: %v", err)
		}
	})
}

// TestWithoutTheTable has a database that is away: the process keeps the limits and the pace that it knows itself.
func TestWithoutTheTable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, b := &hub{}, &table{away: true}
		_, c := open(t, h, func(o *Options) { o.WritePace, o.Shared = WritePace, b.shared() })
		start := time.Now()
		for range 3 {
			if err := comment(c, "x"); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(start) < 2*WritePace {
			t.Errorf("3 writes in %v", time.Since(start))
		}
		h.api = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "90")
			w.WriteHeader(http.StatusTooManyRequests)
		}
		_ = get(c)
		asked := len(h.seen)
		var limit *RateLimited
		if err := get(c); !errors.As(err, &limit) || len(h.seen) != asked {
			t.Errorf("%v, %d requests", err, len(h.seen)-asked)
		}
	})
}

func TestWhatMakesContent(t *testing.T) {
	t.Parallel()
	for request, want := range map[string]bool{
		"POST /api/v3/repos/a/b/issues/1/comments":             true,
		"POST /repositories/12/issues/1/comments":              true,
		"POST /repos/a/b/issues":                               true,
		"POST /repos/a/b/pulls/1/reviews":                      true,
		"POST /repos/a/b/pulls/1/comments":                     true,
		"POST /repos/a/b/pulls/1/comments/5/replies":           true,
		"PATCH /repos/a/b/issues/comments/5":                   false,
		"POST /repos/a/b/check-runs":                           false,
		"POST /repos/a/b/issues/comments/5/reactions":          false,
		"POST /graphql":                                        false,
		"GET /repos/a/b/issues/1/comments":                     false,
		"PUT /repos/a/b/pulls/1/reviews/5/dismissals":          false,
		"POST /app/installations/99/access_tokens":             false,
		"POST /repos/a/b/issues/1/comments/../../x":            false,
		"POST /repos/issues/comments/check-runs":               false,
		"POST /repos/a/b/git/refs/heads/pulls/1/reviews/draft": false,
	} {
		var method, path string
		if _, err := fmt.Sscan(request, &method, &path); err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "https://api.github.com"+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if got := makesContent(r); got != want {
			t.Errorf("%s: %v", request, got)
		}
	}
}
