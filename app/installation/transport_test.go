package installation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-github/v60/github"
)

// overHTTP returns a client that uses h as GitHub through a real server.
func overHTTP(t *testing.T, h *hub) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	_, c := open(t, h, func(o *Options) { o.URL, o.Transport = srv.URL, nil })
	return c
}

func TestHeadersOfEveryRequest(t *testing.T) {
	t.Parallel()
	h := &hub{}
	h.api = func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("User-Agent"); got != "secbydesign/1.2.3" {
			t.Errorf("%s: User-Agent %q", r.URL.Path, got)
		}
		if got := r.Header.Get("X-GitHub-Api-Version"); got != "2022-11-28" {
			t.Errorf("%s: API version %q", r.URL.Path, got)
		}
		fmt.Fprint(w, `{"id":1,"slug":"x","data":{}}`)
	}
	a, c := open(t, h, func(o *Options) { o.Version = "1.2.3" })
	if err := get(c); err != nil {
		t.Error(err)
	}
	if err := query(c); err != nil {
		t.Error(err)
	}
	if _, _, err := a.Self(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(h.calls()); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

func TestTokenStaysWithGitHub(t *testing.T) {
	t.Parallel()
	var strayed atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	defer elsewhere.Close()
	h := &hub{}
	h.api = func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/repos/acme/shop"): // renamed: GitHub names it by its id
			http.Redirect(w, r, "/api/v3/repositories/7", http.StatusMovedPermanently)
		case strings.HasSuffix(r.URL.Path, "/repositories/7"):
			fmt.Fprint(w, `{"name":"new"}`)
		default:
			http.Redirect(w, r, elsewhere.URL+"/steal", http.StatusTemporaryRedirect)
		}
	}
	c := overHTTP(t, h)
	r, _, err := c.REST.Repositories.Get(t.Context(), "acme", "shop")
	if err != nil || r.GetName() != "new" {
		t.Errorf("a redirect within GitHub: %v, %v", r, err)
	}
	if _, _, err := c.REST.Repositories.Get(t.Context(), "acme", "elsewhere"); err == nil || !strings.Contains(err.Error(), "refused to take credentials") {
		t.Errorf("a redirect away: %v", err)
	}
	if _, err := c.HTTP.Get(elsewhere.URL); err == nil {
		t.Error("took a request for another host")
	}
	if err := comment(c, "x"); err == nil {
		t.Error("took a write to another host")
	}
	if n := strayed.Load(); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	h := &hub{}
	size := 0
	h.api = func(w http.ResponseWriter, r *http.Request) {
		chunk := make([]byte, 1<<20)
		for sent := 0; sent < size; sent += len(chunk) {
			if _, err := w.Write(chunk[:min(len(chunk), size-sent)]); err != nil {
				return
			}
		}
	}
	c := overHTTP(t, h)
	for _, over := range []int{0, 1} {
		size = maxAnswer + over
		resp, err := c.HTTP.Get(c.REST.BaseURL.String() + "big")
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if (err != nil) != (over > 0) {
			t.Errorf("%d bytes over the bound: read %d, %v", over, n, err)
		}
	}
}

func TestAnExchangeEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hub{}
		h.api = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		_, c := open(t, h)
		start := time.Now()
		if err := comment(c, "x"); err == nil || time.Since(start) != exchangeTimeout {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

// A write that was sent is carried out even if its sender has gone, so nobody goes on before that is over.
func TestUnansweredWriteIsOver(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fails unanswered
		want  time.Duration
	}{
		"cut after a second":   {unanswered{sent: true, after: time.Second}, RequestTime},
		"cut after a minute":   {unanswered{sent: true, after: 50 * time.Second}, 50 * time.Second},
		"it was not sent":      {unanswered{}, 0},
		"it took long to fail": {unanswered{after: 20 * time.Second}, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, c := open(t, &hub{}, func(o *Options) { tc.fails.RoundTripper = o.Transport; o.Transport = tc.fails })
				began := time.Now()
				if err := comment(c, "x"); !errors.Is(err, syscall.ECONNRESET) || time.Since(began) != tc.want {
					t.Errorf("got %v after %s, want it after %s", err, time.Since(began), tc.want)
				}
			})
		})
	}
}

// unanswered gives no answer to comments.
type unanswered struct {
	http.RoundTripper
	sent  bool
	after time.Duration
}

func (u unanswered) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/comments") {
		return u.RoundTripper.RoundTrip(r)
	}
	if trace := httptrace.ContextClientTrace(r.Context()); u.sent {
		trace.WroteHeaders()
	}
	time.Sleep(u.after)
	return nil, syscall.ECONNRESET
}

func TestWriteIsNotInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	h := &hub{}
	h.api = func(w http.ResponseWriter, r *http.Request) {
		cancel() // such as a newer push
		if err := r.Context().Err(); err != nil {
			t.Errorf("the write is interrupted: %v", err)
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":1}`)
	}
	_, c := open(t, h)
	body := "x"
	note, _, err := c.REST.Issues.CreateComment(ctx, "acme", "shop", 1, &github.IssueComment{Body: &body})
	if err != nil || note.GetID() != 1 {
		t.Errorf("interrupted: %v, %v", note, err)
	}
	if _, _, err := c.REST.Issues.CreateComment(ctx, "acme", "shop", 1, &github.IssueComment{Body: &body}); err == nil || len(h.calls()) != 1 {
		t.Errorf("a write began after the end of its context: %v", err)
	}
}
