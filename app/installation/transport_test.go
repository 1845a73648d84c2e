package installation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
	const settle = 300 * time.Millisecond
	arrived := make(chan struct{}, 10)
	h := &hub{}
	h.api = func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			err = conn.Close()
		}
		if err != nil {
			t.Error(err)
		}
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	_, c := open(t, h, func(o *Options) { o.URL, o.Transport, o.RequestTime = srv.URL, nil, settle })
	began := time.Now()
	if err := comment(c, "x"); err == nil || len(arrived) != 1 {
		t.Errorf("a write was cut: %v after %d requests", err, len(arrived))
	}
	if took := time.Since(began); took < settle {
		t.Errorf("gave up after %s, while GitHub may carry it out for %s", took, settle)
	}
	_, c = open(t, h, func(o *Options) { o.Transport, o.RequestTime = unreachable{o.Transport}, time.Minute })
	began = time.Now()
	if err := comment(c, "x"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a write that is not sent: %v", err)
	}
	if took := time.Since(began); took > 50*time.Second {
		t.Errorf("waited %s, although nothing was sent", took)
	}
}

// unreachable refuses connections for comments.
type unreachable struct{ http.RoundTripper }

func (u unreachable) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/comments") {
		return nil, syscall.ECONNREFUSED
	}
	return u.RoundTripper.RoundTrip(r)
}

func TestWriteIsNotInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	done := false
	h := &hub{}
	h.api = func(w http.ResponseWriter, r *http.Request) {
		cancel() // such as a newer push
		select {
		case <-r.Context().Done():
		case <-time.After(200 * time.Millisecond):
			done = true
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":1}`)
	}
	c := overHTTP(t, h)
	body := "x"
	note, _, err := c.REST.Issues.CreateComment(ctx, "acme", "shop", 1, &github.IssueComment{Body: &body})
	if err != nil || note.GetID() != 1 || !done {
		t.Errorf("interrupted: %v, %v", note, err)
	}
	if _, _, err := c.REST.Issues.CreateComment(ctx, "acme", "shop", 1, &github.IssueComment{Body: &body}); err == nil || len(h.calls()) != 1 {
		t.Errorf("a write began after the end of its context: %v", err)
	}
}
