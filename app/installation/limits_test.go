package installation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/shurcooL/githubv4"
)

// get reads the repository, as an example of any call.
func get(c *Client) error {
	_, _, err := c.REST.Repositories.Get(context.Background(), c.Owner, c.Repo)
	return err
}

func comment(c *Client, text string) error {
	_, _, err := c.REST.Issues.CreateComment(context.Background(), c.Owner, c.Repo, 1, &github.IssueComment{Body: &text})
	return err
}

func query(c *Client) error {
	var q struct{ Viewer struct{ Login string } }
	return c.GraphQL.Query(context.Background(), &q, nil)
}

func mutate(c *Client) error {
	var m struct {
		MinimizeComment struct{ ClientMutationID string } `graphql:"minimizeComment(input: $input)"`
	}
	return c.GraphQL.Mutate(context.Background(), &m, githubv4.MinimizeCommentInput{SubjectID: "x", Classifier: "RESOLVED"}, nil)
}

// in returns the moment d from now, in the seconds of X-RateLimit-Reset.
func in(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }

const (
	secondaryText = `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}`
	contentText   = `{"message":"You have exceeded a secondary rate limit and have been temporarily blocked from content creation. Please retry your request again later.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`
	byURL         = `{"message":"Slow down","documentation_url":"https://docs.github.com/en/rest/overview/resources-in-the-rest-api#secondary-rate-limits"}`
	tooQuick      = `{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","field":"data","message":"was submitted too quickly"}]}`
	primaryText   = `{"message":"API rate limit exceeded for installation ID 99."}`
	limitedQuery  = `{"data":null,"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}`
)

func TestWhatIsARateLimit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status    int
		header    map[string]string // "+30s" for a moment of that kind
		body      string
		call      func(*Client) error
		wait      time.Duration // 0 means that it is no limit
		secondary bool
	}{
		"primary 403":                  {403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+30m"}, primaryText, get, 30 * time.Minute, false},
		"primary 429":                  {429, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+30m"}, primaryText, get, 30 * time.Minute, false},
		"primary without reset":        {403, map[string]string{"X-RateLimit-Remaining": "0"}, primaryText, get, time.Minute, false},
		"GitHub's clock is ahead":      {403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+30m", "Date": "+10m"}, primaryText, get, 20 * time.Minute, false},
		"Retry-After 403":              {403, map[string]string{"Retry-After": "90", "X-RateLimit-Remaining": "4000"}, contentText, get, 90 * time.Second, true},
		"Retry-After 429":              {429, map[string]string{"Retry-After": "90"}, "", get, 90 * time.Second, true},
		"Retry-After is a date":        {429, map[string]string{"Retry-After": "+5m"}, "", get, 5 * time.Minute, true},
		"Retry-After is nonsense":      {429, map[string]string{"Retry-After": "soon"}, "", get, time.Minute, true},
		"both":                         {429, map[string]string{"Retry-After": "90", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+30m"}, primaryText, get, 90 * time.Second, false},
		"by its text":                  {403, nil, secondaryText, get, time.Minute, true},
		"by its page":                  {403, nil, byURL, get, time.Minute, true},
		"on a write":                   {403, nil, contentText, func(c *Client) error { return comment(c, "x") }, time.Minute, true},
		"content as 422":               {422, nil, tooQuick, func(c *Client) error { return comment(c, "x") }, time.Minute, true},
		"bare 429":                     {429, nil, "<html>", get, time.Minute, true},
		"GraphQL primary":              {200, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+7m", "X-RateLimit-Resource": "graphql"}, limitedQuery, query, 7 * time.Minute, false},
		"GraphQL without headers":      {200, nil, limitedQuery, query, time.Minute, false},
		"GraphQL secondary with 200":   {200, nil, `{"errors":[{"message":"You have exceeded a secondary rate limit."}]}`, query, time.Minute, true},
		"GraphQL secondary with 403":   {403, map[string]string{"Retry-After": "60"}, secondaryText, mutate, time.Minute, true},
		"another 403":                  {403, map[string]string{"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": "+30m"}, `{"message":"Must have admin rights"}`, get, 0, false},
		"an answer about limits":       {200, map[string]string{"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": "+30m"}, `{"description":"You have exceeded a secondary rate limit"}`, get, 0, false},
		"GraphQL, another error":       {200, nil, `{"errors":[{"type":"NOT_FOUND","message":"x"}]}`, query, 0, false},
		"a text about limits as a 404": {404, nil, secondaryText, get, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				refuse := true
				h := &hub{}
				h.api = func(w http.ResponseWriter, r *http.Request) {
					if !refuse {
						fmt.Fprint(w, `{"data":{}}`)
						return
					}
					for name, v := range tt.header {
						if d, err := time.ParseDuration(v); err == nil && v[0] == '+' {
							if v = in(d); name != "X-RateLimit-Reset" {
								v = time.Now().Add(d).UTC().Format(http.TimeFormat)
							}
						}
						w.Header().Set(name, v)
					}
					w.WriteHeader(tt.status)
					fmt.Fprint(w, tt.body)
				}
				_, c := open(t, h)
				start := time.Now()
				err := tt.call(c)
				var limit *RateLimited
				if got := errors.As(err, &limit); got != (tt.wait > 0) {
					t.Fatalf("got %v", err)
				}
				if limit == nil {
					refuse = false
					if err := tt.call(c); err != nil {
						t.Errorf("the next call: %v", err)
					}
					return
				}
				if got := limit.Until.Sub(start); got != tt.wait || limit.Secondary != tt.secondary {
					t.Errorf("until %v, secondary %v", got, limit.Secondary)
				}
				if !time.Now().Equal(start) {
					t.Error("the caller was held up")
				}

				// Further calls do not reach GitHub before then.
				refuse = false
				asked := len(h.calls())
				time.Sleep(tt.wait - patience - time.Nanosecond)
				var again *RateLimited
				if err := tt.call(c); !errors.As(err, &again) || !again.Until.Equal(limit.Until) {
					t.Errorf("before the end: %v", err)
				}
				if n := len(h.calls()); n != asked {
					t.Errorf("GitHub was asked %d times more", n-asked)
				}
				// A limit that is nearly over is waited for.
				time.Sleep(time.Nanosecond)
				if err := tt.call(c); err != nil {
					t.Errorf("near the end: %v", err)
				}
				if time.Now().Before(limit.Until) {
					t.Error("asked GitHub too early")
				}
			})
		})
	}
}

func TestPrimaryLimitsAreApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hub{}
		h.api = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/graphql" {
				fmt.Fprint(w, `{"data":{}}`)
				return
			}
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", in(time.Hour))
			w.Header().Set("X-RateLimit-Resource", "core")
			fmt.Fprint(w, `{}`)
		}
		a, c := open(t, h)
		// The last allowed request is answered, and the next is not even sent.
		if err := get(c); err != nil {
			t.Fatal(err)
		}
		other, err := a.Client(t.Context(), inst, 0, "acme", "other")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []*Client{c, other} {
			var limit *RateLimited
			if err := get(c); !errors.As(err, &limit) {
				t.Errorf("%v: got %v", c, err)
			}
			if err := query(c); err != nil {
				t.Errorf("%v: GraphQL: %v", c, err)
			}
		}
	})
}

func TestSecondaryLimitsAreForEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hub{}
		h.api = func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, secondaryText)
		}
		_, c := open(t, h)
		for _, call := range []func(*Client) error{get, query, mutate} {
			if err := call(c); !errors.As(err, new(*RateLimited)) {
				t.Error(err)
			}
		}
		if n := len(h.calls()); n != 1 {
			t.Errorf("GitHub was asked %d times, want once", n)
		}
	})
}

func TestSecondaryLimitsGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refuse := true
		h := &hub{}
		h.api = func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			if refuse {
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w, secondaryText)
			}
		}
		_, c := open(t, h)
		var waits []time.Duration
		for range 7 {
			var wg sync.WaitGroup
			for range 5 { // all meet the same limit, which counts as one
				wg.Go(func() {
					if err := get(c); !errors.As(err, new(*RateLimited)) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			var limit *RateLimited
			if err := get(c); !errors.As(err, &limit) {
				t.Fatal(err)
			}
			waits = append(waits, time.Until(limit.Until).Round(time.Second))
			time.Sleep(time.Until(limit.Until))
		}
		want := []time.Duration{1, 2, 4, 8, 16, 16, 16}
		for i := range want {
			want[i] *= time.Minute
		}
		if !reflect.DeepEqual(waits, want) {
			t.Errorf("waits %v, want %v", waits, want)
		}
		refuse = false
		_ = get(c)
		refuse = true
		var limit *RateLimited
		if err := get(c); !errors.As(err, &limit) || time.Until(limit.Until) != time.Minute {
			t.Errorf("after a success: %v", err)
		}
	})
}

func TestShortLimitsAreWaitedFor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		refusals int
		wait     time.Duration
		wantErr  bool
	}{{1, 0, false}, {2, 0, true}, {1, 2 * time.Second, false}, {2, 2 * time.Second, true}}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			refusals := tt.refusals
			h := &hub{}
			h.api = func(w http.ResponseWriter, r *http.Request) {
				if refusals--; refusals >= 0 {
					w.Header().Set("Retry-After", fmt.Sprint(tt.wait.Seconds()))
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				fmt.Fprint(w, "{}")
			}
			_, c := open(t, h)
			start := time.Now()
			err := comment(c, "hello")
			if errors.As(err, new(*RateLimited)) != tt.wantErr {
				t.Errorf("got %v", err)
			}
			calls := h.calls()
			if len(calls) != 2 || calls[0].body != calls[1].body || calls[1].at.Sub(start) != tt.wait {
				t.Errorf("want the same twice, %v apart: %v", tt.wait, calls)
			}
		})
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hub{}
		h.api = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
		}
		_, c := open(t, h)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, _, err := c.REST.Repositories.Get(ctx, "acme", "shop")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func TestOneLimitDoesNotBindAnotherInstallation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hub{}
		h.api = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == fmt.Sprintf("/app/installations/%d/access_tokens", inst+1) {
				w.WriteHeader(http.StatusCreated)
				fmt.Fprintf(w, `{"token":"ghs_other","expires_at":%q}`, time.Now().Add(time.Hour).Format(time.RFC3339))
				return
			}
			if r.Header.Get("Authorization") != "token ghs_other" {
				w.WriteHeader(http.StatusTooManyRequests)
			}
		}
		a, c := open(t, h)
		if err := get(c); !errors.As(err, new(*RateLimited)) {
			t.Fatal(err)
		}
		other, err := a.Client(t.Context(), inst+1, 0, "acme", "shop")
		if err != nil {
			t.Fatal(err)
		}
		if err := comment(other, "x"); err != nil {
			t.Error(err)
		}
	})
}

func TestWritesArePacedOneByOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const takes = 300 * time.Millisecond
		var mu sync.Mutex
		writing, most := 0, 0
		h := &hub{}
		h.api = func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet || r.URL.Path == "/graphql" {
				fmt.Fprint(w, `{"data":{}}`)
				return
			}
			mu.Lock()
			writing++
			most = max(most, writing)
			mu.Unlock()
			time.Sleep(takes)
			mu.Lock()
			writing--
			mu.Unlock()
			fmt.Fprint(w, "{}")
		}
		a, c := open(t, h, func(o *Options) { o.WritePace = WritePace })
		other, err := a.Client(t.Context(), inst, 0, "acme", "other")
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 5 {
			for _, c := range []*Client{c, other} {
				wg.Go(func() {
					if err := comment(c, fmt.Sprint(i)); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Go(func() {
			if err := mutate(c); err != nil {
				t.Error(err)
			}
		})
		for range 20 { // reads do not wait
			if err := errors.Join(get(c), query(c)); err != nil {
				t.Error(err)
			}
		}
		if !time.Now().Equal(start) {
			t.Errorf("reads took %v", time.Since(start))
		}
		wg.Wait()
		if most != 1 {
			t.Errorf("%d writes at once", most)
		}
		// 11 writes, of which the mutation takes no time, with 10 pauses in between.
		if got, want := time.Since(start), 10*WritePace+10*takes; got != want {
			t.Errorf("took %v, want %v", got, want)
		}
	})
}

// TestWritesAreSharedByRepository has one repository with many writing reviews, and another with one.
func TestWritesAreSharedByRepository(t *testing.T) {
	t.Parallel()
	took := func(busy int) (d time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			a, c := open(t, &hub{}, func(o *Options) { o.WritePace = WritePace })
			quiet, err := a.Client(t.Context(), inst, 0, "acme", "quiet")
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for range busy {
				wg.Go(func() {
					for i := range 30 {
						if err := comment(c, fmt.Sprint(i)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			time.Sleep(30 * WritePace)
			start := time.Now()
			for i := range 12 {
				if err := comment(quiet, fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			}
			d = time.Since(start)
			wg.Wait()
		})
		return d
	}
	alone, beside := took(0), took(3)
	t.Logf("12 writes take %v beside 3 reviews of another repository, and %v alone", beside, alone)
	if beside > alone*3/2 {
		t.Errorf("12 writes take %v beside others, and %v alone", beside, alone)
	}
}

func TestWhoGivesUpWritingHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := open(t, &hub{}, func(o *Options) { o.WritePace = time.Minute })
		if err := comment(c, "first"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		var wg sync.WaitGroup
		for range 2 { // one that paces, and one that waits for its turn
			wg.Go(func() {
				_, _, err := c.REST.Issues.CreateComment(ctx, "acme", "shop", 1, &github.IssueComment{})
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if err := comment(c, "second"); err != nil {
			t.Error(err)
		}
		if got := time.Since(start); got != time.Minute {
			t.Errorf("the second came after %v", got)
		}
	})
}

func TestRefusalsThatMatter(t *testing.T) {
	t.Parallel()
	forbidden := func(accepted string) func(error) bool {
		return func(err error) bool {
			var f *Forbidden
			return errors.As(err, &f) && f.Accepted == accepted
		}
	}
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	other := func(err error) bool {
		var e *github.ErrorResponse
		return errors.As(err, &e) && !errors.Is(err, ErrGone) && !errors.Is(err, ErrSuspended)
	}
	tests := map[string]struct {
		mint    bool // refuse the token request
		call    func(*Client) error
		status  int
		header  map[string]string
		message string
		want    func(error) bool
	}{
		"uninstalled":                {mint: true, status: 404, message: "Not Found", want: is(ErrGone)},
		"the App's id is wrong":      {mint: true, status: 404, message: "Integration not found", want: other},
		"the key is wrong":           {mint: true, status: 401, message: "A JSON web token could not be decoded", want: other},
		"suspended":                  {mint: true, status: 403, message: "This installation has been suspended", want: is(ErrSuspended)},
		"repository gone":            {mint: true, status: 422, message: "There is at least one repository that does not exist or is not accessible to the parent installation.", want: is(ErrGone)},
		"permission not granted":     {mint: true, status: 422, message: "The permissions requested are not granted to this installation.", want: forbidden("")},
		"another 422":                {mint: true, status: 422, message: "Validation Failed", want: other},
		"suspended with a token":     {call: get, status: 403, message: "This installation has been suspended", want: is(ErrSuspended)},
		"a file that is not there":   {call: get, status: 404, message: "Not Found", want: other},
		"permission missing":         {call: get, status: 403, header: map[string]string{"X-Accepted-GitHub-Permissions": "checks=write"}, message: "Resource not accessible by integration", want: forbidden("checks=write")},
		"another 403":                {call: get, status: 403, header: map[string]string{"X-Accepted-GitHub-Permissions": "metadata=read"}, message: "Repository access blocked", want: other},
		"422 with such words":        {call: func(c *Client) error { return comment(c, "x") }, status: 422, message: "not accessible to the parent installation", want: other},
		"GraphQL permission missing": {call: mutate, status: 200, message: "graphql FORBIDDEN", want: forbidden("")},
		"GraphQL not found": {call: mutate, status: 200, message: "graphql NOT_FOUND", want: func(err error) bool {
			var e *GraphQLError
			return errors.As(err, &e) && *e == GraphQLError{"NOT_FOUND", "no"}
		}},
		"GraphQL without a type": {call: query, status: 200, message: "graphql ", want: func(err error) bool {
			var e *GraphQLError
			return errors.As(err, &e) && *e == GraphQLError{"", "no"}
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := func(w http.ResponseWriter, r *http.Request) {
				for k, v := range tt.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tt.status)
				if len(tt.message) > 7 && tt.message[:7] == "graphql" {
					fmt.Fprintf(w, `{"data":null,"errors":[{"type":%q,"message":"no"}]}`, tt.message[8:])
					return
				}
				fmt.Fprintf(w, `{"message":%q}`, tt.message)
			}
			h := &hub{}
			var err error
			if tt.mint {
				h.mint = answer
				_, err = newApp(t, h).Client(t.Context(), inst, 0, "acme", "shop")
			} else {
				h.api = answer
				_, c := open(t, h)
				err = tt.call(c)
			}
			if err == nil || !tt.want(err) {
				t.Errorf("got %T: %v", err, err)
			}
		})
	}
}

func TestReadsAreRepeatedAndWritesAreNot(t *testing.T) {
	t.Parallel()
	calls := map[string]struct {
		call func(*Client) error
		want int // requests when all fail
	}{
		"read":     {get, 3},
		"query":    {query, 3},
		"write":    {func(c *Client) error { return comment(c, "x") }, 1},
		"mutation": {mutate, 1},
		"token":    {func(c *Client) error { c.token.drop(); return get(c) }, 3},
	}
	failures := maps.Collect(func(yield func(string, int) bool) {
		for _, code := range []int{500, 502, 503, 504} {
			if !yield(fmt.Sprint(code), code) {
				return
			}
		}
		yield("broken connection", 0)
	})
	for name, tt := range calls {
		for failure, code := range failures {
			t.Run(name+" "+failure, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					fail := func(w http.ResponseWriter, r *http.Request) {
						if code == 0 {
							panic(http.ErrAbortHandler)
						}
						w.WriteHeader(code)
					}
					h := &hub{api: fail}
					_, c := open(t, h)
					if name == "token" {
						h.mint = fail
					}
					before := len(h.mints())
					if err := tt.call(c); err == nil {
						t.Error("want an error")
					}
					want := tt.want
					if code == 500 { // GitHub did try and would fail again
						want = 1
					}
					got := h.calls()
					if n := len(got) + len(h.mints()) - before; n != want {
						t.Errorf("%d requests, want %d", n, want)
					}
					for _, g := range got {
						if g.body != got[0].body {
							t.Errorf("repeated with another body: %q", g.body)
						}
					}
				})
			})
		}
	}
}

func TestRepeatedUntilItWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		var seen []Exchange
		h := &hub{}
		h.api = func(w http.ResponseWriter, r *http.Request) {
			switch n++; n {
			case 1:
				panic(http.ErrAbortHandler)
			case 2:
				w.WriteHeader(http.StatusBadGateway)
			default:
				w.Header().Set("X-RateLimit-Remaining", "17")
				fmt.Fprint(w, `{"name":"shop"}`)
			}
		}
		_, c := open(t, h, func(o *Options) { o.Observe = func(e Exchange) { seen = append(seen, e) } })
		r, _, err := c.REST.Repositories.Get(t.Context(), "acme", "shop")
		if err != nil || r.GetName() != "shop" {
			t.Errorf("got %v, %v", r, err)
		}
		if len(seen) != 4 {
			t.Fatalf("observed %d exchanges, want one for a token and three tries: %v", len(seen), seen)
		}
		if e := seen[0]; e.Installation != 0 || e.Method != "POST" || e.Status != 201 || e.Quota.Remaining != -1 || e.Operation != "POST /app/installations/{installation_id}/access_tokens" {
			t.Errorf("the token: %+v", e)
		}
		if e := seen[1]; e.Installation != inst || e.Status != 0 || e.Err == nil {
			t.Errorf("the broken connection: %+v", e)
		}
		if e := seen[3]; e.Path != "/repos/acme/shop" || e.Status != 200 || e.Quota.Remaining != 17 || e.Kind != REST || e.Operation != "GET /repos/{owner}/{repo}" || e.Err != nil {
			t.Errorf("the last: %+v", e)
		}
	})
}
