package installation

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxCached is the size of the longest body that is cached, in bytes.
const maxCached = 1 << 20

// answers caches GitHub's answers for conditional requests: a request that GitHub answers with 304 does not count
// against the rate limit. A cached answer is used only if GitHub has just confirmed it, to a token of the same
// scope.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
type answers struct {
	max int // bytes

	mu   sync.Mutex
	size int                                   // guarded by mu
	kept *simplelru.LRU[question, *keptAnswer] // guarded by mu
}

// A question is the key of a cached answer: requests with the same question have the same answer. Installations
// do not share answers, because they may read different things.
type question struct {
	installation int64
	scope        scope
	accept, url  string
}

// A keptAnswer is a cached answer. It is immutable.
type keptAnswer struct {
	header http.Header
	body   []byte
}

// cost returns the approximate memory use: GitHub sends 1 to 2 kB of headers.
func (k *keptAnswer) cost() int { return len(k.body) + 2<<10 }

func newAnswers(bytes int) *answers {
	if bytes == 0 {
		bytes = DefaultCacheBytes
	}
	a := &answers{max: bytes}
	kept, err := simplelru.NewLRU(math.MaxInt, func(_ question, k *keptAnswer) { a.size -= k.cost() })
	if err != nil {
		panic(err) // only for a size below 1
	}
	a.kept = kept
	return a
}

func (a *answers) get(q question) *keptAnswer {
	a.mu.Lock()
	defer a.mu.Unlock()
	k, _ := a.kept.Get(q)
	return k
}

func (a *answers) add(q question, k *keptAnswer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept.Remove(q)
	a.kept.Add(q, k)
	a.size += k.cost()
	for a.size > a.max {
		a.kept.RemoveOldest()
	}
}

func (a *answers) forget(installation int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, q := range a.kept.Keys() {
		if q.installation == installation {
			a.kept.Remove(q)
		}
	}
}

// conditional asks GitHub whether its last answer is still valid.
type conditional struct {
	answers      *answers
	installation int64
	scope        scope
	next         http.RoundTripper
}

func (c *conditional) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet || req.Header.Get("If-None-Match") != "" || c.answers.max < 0 {
		return c.next.RoundTrip(req)
	}
	q := question{c.installation, c.scope, req.Header.Get("Accept"), req.URL.String()}
	kept := c.answers.get(q)
	out := req
	if kept != nil {
		out = req.Clone(req.Context())
		out.Header.Set("If-None-Match", kept.header.Get("ETag"))
	}
	resp, err := c.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	resp.Request = req
	switch {
	case kept != nil && resp.StatusCode == http.StatusNotModified:
		return kept.renewed(resp), nil
	case resp.StatusCode == http.StatusOK && resp.Header.Get("ETag") != "":
		if err := c.keep(q, resp); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// keep caches the answer if its body is short enough. In any case the caller can still read the whole body.
func (c *conditional) keep(q question, resp *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxCached+1))
	if err != nil {
		resp.Body.Close()
		return err
	}
	rest := resp.Body
	if len(b) > maxCached {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(b), rest), rest}
		return nil
	}
	rest.Close()
	resp.Body = io.NopCloser(bytes.NewReader(b))
	h := resp.Header.Clone()
	for name := range h {
		if strings.HasPrefix(name, "X-Ratelimit-") {
			delete(h, name) // valid only at that moment
		}
	}
	c.answers.add(q, &keptAnswer{h, b})
	return nil
}

// renewed returns the cached answer with the headers that have changed since, such as those of the rate limit.
func (k *keptAnswer) renewed(resp *http.Response) *http.Response {
	resp.Body.Close()
	h := k.header.Clone()
	for name, values := range resp.Header {
		h[name] = values
	}
	r := *resp
	r.StatusCode, r.Status = http.StatusOK, "200 OK"
	r.Header = h
	r.ContentLength = int64(len(k.body))
	r.Body = io.NopCloser(bytes.NewReader(k.body))
	return &r
}
