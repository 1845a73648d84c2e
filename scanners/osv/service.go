package osv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"

	"github.com/secbydesign/secbydesign/scanners"
)

const (
	// batch is the most packages that one query may name
	// (https://google.github.io/osv.dev/post-v1-querybatch/).
	batch = 1000
	// maxPages is the most pages of one answer that are requested.
	maxPages = 20
	// maxAnswer bounds the body of an answer, and maxAdvisory that of one advisory.
	maxAnswer   = 32 << 20
	maxAdvisory = 8 << 20
	// maxAsked is the most advisories that this program requests for one file.
	maxAsked = 5000
	// attempts is how often a request is tried before the service counts as unreachable.
	attempts = 3
	// maxPause is the longest wait that a service may ask for.
	maxPause = 30 * time.Second
	// fresh is how long an answer is reused.
	fresh = time.Hour
)

// A service answers questions about packages over HTTP (https://google.github.io/osv.dev/api/).
// It receives the names and versions of packages and nothing else.
type service struct {
	url    string
	client *http.Client
	now    func() time.Time
	pause  func(context.Context, time.Duration) error

	answers    *lru.Cache[question, answer]
	advisories *lru.Cache[reference, *advisory] // never changed under the same reference
}

type question struct{ ecosystem, name, version string }

type answer struct {
	at   time.Time
	list []reference
}

// A reference identifies one edition of an advisory.
type reference struct {
	ID       string `json:"id"`
	Modified string `json:"modified"`
}

func newService(address string, client *http.Client) *service {
	if client == nil {
		client = Client()
	}
	s := &service{url: address, client: client, now: time.Now, pause: pause}
	s.answers, _ = lru.New[question, answer](200_000) // fails for sizes below 1 only
	s.advisories, _ = lru.New[reference, *advisory](10_000)
	return s
}

// Client returns an HTTP client for an OSV service: it waits for at most 30 seconds, and follows no redirect. The API
// does not redirect, so a redirect would send the names of packages to another service.
func Client() *http.Client {
	return &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// state returns the service's URL and the current hour.
func (s *service) state(context.Context) (string, error) {
	return s.url + " " + s.now().UTC().Format("2006-01-02T15"), nil
}

// knows reports whether the service has advisories for the ecosystem: it has them for all.
func (s *service) knows(string) bool { return true }

func (s *service) about(ctx context.Context, list []pkg) ([][]*advisory, error) {
	out := make([][]*advisory, len(list))
	answers, err := s.references(ctx, list)
	if err != nil {
		return out, err
	}
	wanted := map[reference]*advisory{}
	var order []reference
	for i, p := range list {
		for _, ref := range answers[i] {
			// A package without a version is reported only if it is malicious.
			if _, ok := wanted[ref]; !ok && (p.version != "" || (&advisory{ID: ref.ID}).malicious()) {
				wanted[ref] = nil
				order = append(order, ref)
			}
		}
	}
	var tooMany error
	if len(order) > maxAsked {
		order, tooMany = order[:maxAsked], &scanners.IncompleteError{
			Reason: fmt.Sprintf("There are more than %d advisories about the packages of one file; the rest was not checked.", maxAsked),
		}
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, ref := range order {
		group.Go(func() error {
			a, err := s.advisory(ctx, ref)
			mu.Lock()
			defer mu.Unlock()
			wanted[ref] = a
			return err
		})
	}
	err = group.Wait()
	for i := range list {
		for _, ref := range answers[i] {
			if a := wanted[ref]; a != nil {
				out[i] = append(out[i], a)
			}
		}
	}
	return out, errors.Join(err, tooMany)
}

// references returns the references to advisories for each package, from the answers of the last
// hour or from the service.
func (s *service) references(ctx context.Context, list []pkg) ([][]reference, error) {
	out := make([][]reference, len(list))
	open := map[question][]int{}
	var questions []question
	for i, p := range list {
		q := question{p.ecosystem, p.shown, p.version}
		if p.ecosystem == "PyPI" || p.ecosystem == actions {
			q.name = p.name
		}
		if a, ok := s.answers.Get(q); ok && s.now().Sub(a.at) < fresh {
			out[i] = a.list
			continue
		}
		if open[q] == nil {
			questions = append(questions, q)
		}
		open[q] = append(open[q], i)
	}
	for len(questions) > 0 {
		part := questions[:min(len(questions), batch)]
		questions = questions[len(part):]
		at := s.now()
		answers, err := s.ask(ctx, part)
		if err != nil {
			return nil, err
		}
		for i, q := range part {
			s.answers.Add(q, answer{at, answers[i]})
			for _, j := range open[q] {
				out[j] = answers[i]
			}
		}
	}
	return out, nil
}

type query struct {
	Package struct {
		Name      string `json:"name"`
		Ecosystem string `json:"ecosystem"`
	} `json:"package"`
	Version string `json:"version,omitempty"`
	Page    string `json:"page_token,omitempty"`
}

// ask sends one batch of questions and reads all pages of the answer.
func (s *service) ask(ctx context.Context, list []question) ([][]reference, error) {
	out := make([][]reference, len(list))
	queries, at := make([]query, len(list)), make([]int, len(list))
	for i, q := range list {
		queries[i].Package.Name, queries[i].Package.Ecosystem, queries[i].Version, at[i] = q.name, q.ecosystem, q.version, i
	}
	for page := 0; len(queries) > 0; page++ {
		if page == maxPages {
			return nil, s.wrong(fmt.Errorf("an answer has more than %d pages", maxPages))
		}
		body, err := json.Marshal(map[string]any{"queries": queries})
		if err != nil {
			return nil, s.wrong(err)
		}
		text, err := s.do(ctx, http.MethodPost, "/v1/querybatch", body, maxAnswer)
		if err != nil {
			return nil, err
		}
		var said struct {
			Results []struct {
				Vulns []reference `json:"vulns"`
				Next  string      `json:"next_page_token"`
			} `json:"results"`
		}
		if err := json.Unmarshal(text, &said); err != nil {
			return nil, s.wrong(err)
		}
		if len(said.Results) != len(queries) {
			return nil, s.wrong(fmt.Errorf("%d answers to %d questions", len(said.Results), len(queries)))
		}
		var more []query
		var moreAt []int
		for i, r := range said.Results {
			for _, ref := range r.Vulns {
				if !validID(ref.ID) {
					return nil, s.wrong(fmt.Errorf("an advisory with the id %q", cut(ref.ID, 80)))
				}
				out[at[i]] = append(out[at[i]], ref)
			}
			if r.Next != "" {
				q := queries[i]
				q.Page = r.Next
				more, moreAt = append(more, q), append(moreAt, at[i])
			}
		}
		queries, at = more, moreAt
	}
	return out, nil
}

// validID reports whether id is safe to use in a URL's path.
func validID(id string) bool {
	return id != "" && len(id) < 100 && harmless(id) && id == url.PathEscape(id)
}

func (s *service) advisory(ctx context.Context, ref reference) (*advisory, error) {
	if a, ok := s.advisories.Get(ref); ok {
		return a, nil
	}
	text, err := s.do(ctx, http.MethodGet, "/v1/vulns/"+url.PathEscape(ref.ID), nil, maxAdvisory)
	if err != nil {
		return nil, err
	}
	a, err := parseAdvisory(text)
	if err != nil {
		return nil, s.wrong(fmt.Errorf("read advisory %s: %w", ref.ID, err))
	}
	if a.ID != ref.ID {
		return nil, s.wrong(fmt.Errorf("asked for advisory %s, was given %q", ref.ID, cut(a.ID, 80)))
	}
	s.advisories.Add(ref, a)
	return a, nil
}

// do sends a request, and retries if the service is unreachable or busy.
func (s *service) do(ctx context.Context, method, path string, body []byte, limit int64) ([]byte, error) {
	var last error
	for try := range attempts {
		text, wait, err := s.once(ctx, method, path, body, limit)
		if err == nil {
			return text, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		last = err
		if wait < 0 {
			return nil, s.wrong(err)
		}
		if wait == 0 {
			wait = time.Second << try
		}
		if wait > maxPause || try == attempts-1 {
			break
		}
		if err := s.pause(ctx, wait); err != nil {
			return nil, err
		}
	}
	return nil, &scanners.IncompleteError{
		Reason: "The OSV service could not be reached, so packages were not looked up. Run the review again later.",
		Err:    last,
	}
}

// once sends a request once. On failure it returns how long to wait before retrying: 0 leaves the
// wait to the caller, below 0 means not to retry.
func (s *service) once(ctx context.Context, method, path string, body []byte, limit int64) ([]byte, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, -1, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "secbydesign")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		err := fmt.Errorf("%s %s: %s", method, path, res.Status)
		if res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusRequestTimeout && res.StatusCode < 500 {
			return nil, -1, err
		}
		return nil, s.retryAfter(res.Header.Get("Retry-After")), err
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, 0, err
	}
	if int64(len(text)) > limit {
		return nil, -1, fmt.Errorf("%s %s: the answer has more than %d bytes", method, path, limit)
	}
	return text, 0, nil
}

// retryAfter reads the header (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after).
func (s *service) retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds >= 0 && seconds < 1<<30 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(at.Sub(s.now()), 0)
	}
	return 0
}

// wrong returns the error for a service that is reachable but does not answer as OSV does.
func (s *service) wrong(err error) error {
	return &scanners.IncompleteError{
		Reason: "The OSV service gave an answer in another format than OSV's, so packages were not looked up. The operator should check SECBYDESIGN_OSV_URL.",
		Err:    err,
	}
}
