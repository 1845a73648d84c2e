package confined

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/scanners/osv"
)

// The scanner of packages needs what a process of the pool cannot have: an OSV service on the network, and a folder to
// keep indexes in. It asks for both, and may ask for nothing else.

// A question is one of the two.
type question struct {
	Fetch *fetch `json:",omitempty"`
	Index string `json:",omitempty"` // an ecosystem
}

// A fetch is a request to the operator's OSV service.
type fetch struct {
	Method, Path string
	Body         []byte
}

// A fetched is its answer.
type fetched struct {
	Status     int
	RetryAfter string
	Body       []byte
}

// Bounds on what is sent to the service and received from it, in bytes.
const (
	maxFetchSent     = 16 << 20
	maxFetchReceived = 32<<20 + 1 // package osv refuses a longer answer
)

// single matches the path of one advisory (https://google.github.io/osv.dev/get-v1-vulns/).
var single = regexp.MustCompile(`^/v1/vulns/[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$`)

// allowed reports whether a request is one that asks for advisories. Nothing else of the service can be reached.
func (f fetch) allowed() bool {
	switch f.Method {
	case http.MethodPost:
		return f.Path == "/v1/querybatch" && len(f.Body) <= maxFetchSent
	case http.MethodGet:
		return single.MatchString(f.Path) && len(f.Body) == 0
	}
	return false
}

// advisories answers the questions of the scanner of packages.
type advisories struct {
	options osv.Options
	client  *http.Client
	scanner osv.Scanner
}

func newAdvisories(o osv.Options) *advisories {
	a := &advisories{options: o, client: o.Client, scanner: osv.New(o)}
	if a.client == nil {
		a.client = osv.Client()
	}
	return a
}

func (a *advisories) answer(ctx context.Context, text json.RawMessage) (any, error) {
	var q question
	if err := json.Unmarshal(text, &q); err != nil {
		return nil, errors.New("not a question")
	}
	switch {
	case q.Fetch != nil && a.options.URL != "" && a.options.Dir == "" && q.Fetch.allowed():
		return a.fetch(ctx, *q.Fetch)
	case q.Index != "" && a.options.Dir != "":
		return struct{}{}, a.scanner.Index(ctx, q.Index)
	}
	return nil, errors.New("this may not be asked")
}

func (a *advisories) fetch(ctx context.Context, f fetch) (out fetched, err error) {
	var body io.Reader
	if f.Method == http.MethodPost {
		body = bytes.NewReader(f.Body)
	}
	req, err := http.NewRequestWithContext(ctx, f.Method, a.options.URL+f.Path, body)
	if err != nil {
		return out, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "secbydesign")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := a.client.Do(req)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	out.Status, out.RetryAfter = res.StatusCode, res.Header.Get("Retry-After")
	out.Body, err = io.ReadAll(io.LimitReader(res.Body, maxFetchReceived))
	return out, err
}

type callKey struct{}

// client returns an HTTP client for a service, in the process. It sends its requests through the process that made the
// call of the request's context.
func client(service string) *http.Client {
	return &http.Client{Timeout: 40 * time.Second, Transport: through{service}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type through struct{ service string }

// RoundTrip implements [http.RoundTripper].
func (t through) RoundTrip(req *http.Request) (*http.Response, error) {
	c, ok := req.Context().Value(callKey{}).(*Call)
	path, ours := strings.CutPrefix(req.URL.String(), t.service)
	if !ok || !ours {
		return nil, fmt.Errorf("%s cannot be reached from here", req.URL.Host)
	}
	f := fetch{Method: req.Method, Path: path}
	if req.Body != nil {
		defer req.Body.Close()
		var err error
		if f.Body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	var got fetched
	if err := c.Ask(req.Context(), question{Fetch: &f}, &got); err != nil {
		return nil, err
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", got.Status, http.StatusText(got.Status)), StatusCode: got.Status, Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(got.Body)),
		Header: http.Header{"Retry-After": {got.RetryAfter}}, Body: io.NopCloser(bytes.NewReader(got.Body)),
	}, nil
}

// asker has the process that made a call make an index.
type asker struct{}

// Index implements [osv.Indexer].
func (asker) Index(ctx context.Context, ecosystem string) error {
	c, ok := ctx.Value(callKey{}).(*Call)
	if !ok {
		return errors.New("nobody can be asked for an index")
	}
	return c.Ask(ctx, question{Index: ecosystem}, &struct{}{})
}
