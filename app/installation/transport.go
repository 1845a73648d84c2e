package installation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// apiVersion is the version of GitHub's REST API that go-github v60 uses.
	// https://docs.github.com/en/rest/about-the-rest-api/api-versions
	apiVersion = "2022-11-28"

	// exchangeTimeout bounds one exchange, from the request to the end of the answer. GitHub needs at most [RequestTime]
	// of it; the rest is for large answers on slow lines.
	exchangeTimeout = time.Minute

	// maxAnswer bounds an answer in bytes. The largest answers are trees, of which GitHub sends 7 MB at most, and
	// lists of a hundred comments.
	maxAnswer = 50 << 20

	tries     = 3
	firstWait = 250 * time.Millisecond // before the second try; doubles
)

// RequestTime is the time after which GitHub abandons a request. Until then it may carry out a write whose sender is gone.
// https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts
const RequestTime = 10 * time.Second

// An Exchange is one request to GitHub and its answer.
type Exchange struct {
	Installation int64 // 0 for requests of the App itself
	Method, Path string
	Kind         string // [REST] or [GraphQL]
	Operation    string // the method and the template of the route, or query or mutation; one of few values
	Status       int    // 0 if there was no answer
	Quota        Quota
	Duration     time.Duration // until the answer's header
	Err          error         // reason why there was no answer
}

func defaultTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 30 * time.Second
	// A connection whose other end is gone without a word would fail each request on it after its time.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second}
	t.MaxIdleConnsPerHost = 16
	return t
}

// A Quota is what an answer says about the rate limit that the request counted for.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit
type Quota struct {
	Resource  string    // as GitHub calls it, such as core; empty if GitHub does not report it
	Limit     int       // requests in each period; 0 if GitHub does not report it
	Remaining int       // of them; -1 if GitHub does not report it
	Reset     time.Time // the end of the period; zero if GitHub does not report it
}

func quotaIn(h http.Header) Quota {
	q := Quota{Resource: h.Get("X-RateLimit-Resource"), Remaining: -1}
	if n, err := strconv.Atoi(h.Get("X-RateLimit-Remaining")); err == nil {
		q.Remaining = n
	}
	if n, err := strconv.Atoi(h.Get("X-RateLimit-Limit")); err == nil {
		q.Limit = n
	}
	if s, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		q.Reset = time.Unix(s, 0)
	}
	return q
}

// exchange sends a request once, with the headers that GitHub requires and with bounds on time and size.
type exchange struct {
	next         http.RoundTripper
	agent        string
	api          string // the path of the API, with a slash at the end
	installation int64
	observe      func(Exchange)
}

func (e *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		closeBody(req)
		return nil, err
	}
	kind, operation, template := call(e.api, req)
	ctx, span := spanOf(req, operation, template)
	var sent atomic.Bool
	if writes(req) {
		// GitHub carries it out even if nobody waits for the answer any more, and then nobody knows of it.
		ctx = httptrace.WithClientTrace(context.WithoutCancel(ctx), &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	out := req.Clone(ctx)
	out.Header.Set("User-Agent", e.agent)
	out.Header.Set("X-GitHub-Api-Version", apiVersion)
	start := time.Now()
	resp, err := e.next.RoundTrip(out)
	if e.observe != nil {
		seen := Exchange{Installation: e.installation, Method: req.Method, Path: req.URL.Path, Kind: kind, Operation: operation,
			Quota: Quota{Remaining: -1}, Duration: time.Since(start), Err: err}
		if resp != nil {
			seen.Status = resp.StatusCode
			seen.Quota = quotaIn(resp.Header)
		}
		e.observe(seen)
	}
	endSpan(ctx, span, resp, err)
	if err != nil {
		cancel()
		if sent.Load() {
			err = &unansweredError{start, err}
		}
		return nil, err
	}
	resp.Body = &answer{ReadCloser: resp.Body, left: maxAnswer, done: cancel}
	return resp, nil
}

// An unansweredError is the error of a write that GitHub may still carry out.
type unansweredError struct {
	since time.Time
	error
}

func (e *unansweredError) Unwrap() error { return e.error }

// settled returns from an unanswered write only when GitHub has carried it out or abandoned it, so that what is read
// afterwards is final.
type settled struct {
	within time.Duration
	next   http.RoundTripper
}

func (s *settled) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(req)
	var unanswered *unansweredError
	if errors.As(err, &unanswered) {
		time.Sleep(s.within - time.Since(unanswered.since))
	}
	return resp, err
}

// answer is a body that fails if it is too long. It is never cut off silently.
type answer struct {
	io.ReadCloser
	left int64
	done context.CancelFunc
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if a.left -= int64(n); a.left < 0 {
		return 0, fmt.Errorf("GitHub's answer is longer than %d MB", maxAnswer>>20)
	}
	return n, err
}

func (a *answer) Close() error {
	defer a.done()
	return a.ReadCloser.Close()
}

// retry repeats requests after temporary failures. It does not repeat writes, because a write without an answer
// may have been carried out.
type retry struct{ next http.RoundTripper }

func (r *retry) RoundTrip(req *http.Request) (*http.Response, error) {
	write := writes(req)
	for try, wait := 1, firstWait; ; try, wait = try+1, 2*wait {
		resp, err := r.next.RoundTrip(req)
		if try == tries || write || req.Context().Err() != nil || !inPassing(resp, err) {
			return resp, err
		}
		again, ok := rewind(req)
		if !ok {
			return resp, err
		}
		if resp != nil {
			resp.Body.Close()
		}
		if err := sleep(req.Context(), wait/2+rand.N(wait)); err != nil {
			closeBody(again)
			return nil, err
		}
		req = again
	}
}

func inPassing(resp *http.Response, err error) bool {
	if err != nil {
		return true
	}
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// authorize adds the token of the installation.
type authorize struct {
	source *source
	next   http.RoundTripper
}

func (a *authorize) RoundTrip(req *http.Request) (*http.Response, error) {
	for first := true; ; first = false {
		t, err := a.source.get(req.Context())
		if err != nil {
			closeBody(req)
			return nil, err
		}
		out := req.Clone(req.Context())
		out.Header.Set("Authorization", "token "+t.reveal())
		resp, err := a.next.RoundTrip(out)
		if err != nil {
			return nil, err
		}
		resp.Request = req // the request without the token
		if resp.StatusCode != http.StatusUnauthorized {
			return resp, nil
		}
		// GitHub may revoke a token before it expires, as when an installation is suspended or the owner's rules
		// change.
		a.source.refused(t)
		again, ok := rewind(req)
		if !first || !ok {
			return resp, nil
		}
		resp.Body.Close()
		req = again
	}
}

// signed keeps the App's signature, which ghinstallation adds, off the caller's request.
type signed struct{ next http.RoundTripper }

func (s *signed) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(req.Clone(req.Context()))
	if err != nil {
		return nil, err
	}
	resp.Request = req
	return resp, nil
}

// confined sends requests only to GitHub's API, even if a redirect or a link points elsewhere, because the next
// transport adds a credential.
type confined struct {
	api  *url.URL
	next http.RoundTripper
}

func (c *confined) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != c.api.Scheme || !strings.EqualFold(req.URL.Host, c.api.Host) {
		closeBody(req)
		return nil, fmt.Errorf("refused to take credentials for %s to %s", c.api.Host, req.URL.Host)
	}
	return c.next.RoundTrip(req)
}

// graphql reports whether the request is for the GraphQL API.
func graphql(req *http.Request) bool {
	return req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/graphql")
}

// writes reports whether the request may change something that matters.
func writes(req *http.Request) bool {
	switch {
	case req.Method == http.MethodGet, req.Method == http.MethodHead:
		return false
	case strings.HasSuffix(req.URL.Path, "/access_tokens"):
		return false // an unused token is harmless
	case !graphql(req):
		return true
	}
	again, ok := rewind(req)
	if !ok || again.Body == nil {
		return true
	}
	defer again.Body.Close()
	var asked struct{ Query string }
	if err := json.NewDecoder(again.Body).Decode(&asked); err != nil {
		return true
	}
	return !strings.HasPrefix(asked.Query, "query") && !strings.HasPrefix(asked.Query, "{")
}

// rewind returns a copy of the request, if its body can be read again.
func rewind(req *http.Request) (*http.Request, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, false
	}
	again := req.Clone(req.Context())
	again.Body = body
	return again, true
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}
