package fakegithub

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
)

// An object is one JSON object of an answer.
type object = map[string]any

// An answer is the answer that a handler returns.
type answer struct {
	status int // 0: 200
	body   any // nil: none
	list   []any
	wrap   func(page []any) any // for lists that come in an object
	paged  bool
	link   string // the Link header, for lists with their own kind of pages
}

func rawJSON(b []byte) any { return json.RawMessage(b) }

func one(body object) (answer, error) { return answer{body: body}, nil }

func created(body object) (answer, error) {
	return answer{status: http.StatusCreated, body: body}, nil
}

// paged answers with the page of the list that the request asks for.
func paged[T any](list []T, shape func(T) object) (answer, error) {
	return answer{paged: true, list: each(list, shape), wrap: func(p []any) any { return p }}, nil
}

func each[T any](list []T, shape func(T) object) []any {
	out := make([]any, 0, len(list))
	for _, v := range list {
		out = append(out, shape(v))
	}
	return out
}

// An apiError is an error as GitHub writes it.
type apiError struct {
	status  int
	Message string `json:"message"`
	URL     string `json:"url,omitempty"` // of a redirect
	Errors  []any  `json:"errors,omitempty"`
	Docs    string `json:"documentation_url"`
	header  http.Header
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s", e.status, e.Message) }

func fail(status int, message string, errs ...any) *apiError {
	return &apiError{status: status, Message: message, Errors: errs, Docs: "https://docs.github.com/rest"}
}

func notFound() *apiError { return fail(http.StatusNotFound, "Not Found") }

// invalid returns GitHub's error for a body that is wrong in form, before its meaning is checked.
func invalid(format string, args ...any) *apiError {
	return fail(http.StatusUnprocessableEntity, "Invalid request.\n\n"+fmt.Sprintf(format, args...))
}

// wrongField returns an error about the meaning of one field.
func wrongField(resource, field, code, message string) *apiError {
	o := object{"resource": resource, "field": field, "code": code}
	if message != "" {
		o["message"] = message
	}
	return fail(http.StatusUnprocessableEntity, "Validation Failed", o)
}

// A call is one request on its way through a handler. Server.mu is held.
type call struct {
	s    *Server
	r    *http.Request
	tok  *token // nil with a JSON web token, or without any
	repo *Repo  // of paths with {owner} and {repo}
	body []byte
}

// path returns the part of the path that the route calls name.
func (c *call) path(name string) string {
	v := chi.URLParam(c.r, name)
	if c.r.URL.RawPath == "" {
		return v
	}
	v, err := url.PathUnescape(v) // chi routes by the escaped path when there is one
	if err != nil {
		return ""
	}
	return v
}

func (c *call) int64(name string) int64 {
	n, err := strconv.ParseInt(c.path(name), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// decode reads a JSON object into v and returns its keys.
func (c *call) decode(v any) (map[string]json.RawMessage, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(c.body, &keys); err != nil {
		var typ *json.UnmarshalTypeError
		if errors.As(err, &typ) {
			return nil, invalid("Not an object.")
		}
		return nil, fail(http.StatusBadRequest, "Problems parsing JSON")
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		var typ *json.UnmarshalTypeError
		if errors.As(err, &typ) {
			return nil, invalid("For 'properties/%s', %s is not of type %s.", strings.ReplaceAll(typ.Field, ".", "/"), typ.Value, typ.Type.Kind())
		}
		return nil, fail(http.StatusBadRequest, "Problems parsing JSON")
	}
	return keys, nil
}

func (c *call) decodeOptional(v any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	_, err := c.decode(v)
	return err
}

// An auth is the kind of key that a route accepts.
type auth int

const (
	withToken auth = iota
	withJWT
)

// rest registers one route. spec is the permission that it needs, see [token.allows].
func (s *Server) rest(mux chi.Router, pattern string, kind auth, spec string, h func(*call) (answer, error)) {
	method, path, _ := strings.Cut(pattern, " ")
	mux.MethodFunc(method, "/api/v3"+path, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 32<<20))
		if err != nil {
			http.Error(w, "read body", http.StatusBadRequest)
			return
		}
		rest := strings.TrimPrefix(r.URL.Path, "/api/v3")
		f := s.fault(r.Method, rest)
		// Note a write before its answer is sent, so that a client with the answer finds the note.
		if f != nil && !f.After {
			if f.answers() {
				s.note(r, rest, f.Status, body, false)
			}
			if f.play(w, r) {
				return
			}
		}
		status, header, out, applied := s.do(f.late(w, r), body, kind, spec, h)
		late := f != nil && f.After
		if late && f.answers() && f.Late == 0 {
			status = f.Status
		}
		s.note(r, rest, status, body, applied)
		if late && f.play(w, r) {
			return
		}
		for k, v := range header {
			w.Header()[k] = v
		}
		f.write(w, status, out)
	})
}

func (s *Server) note(r *http.Request, path string, status int, body []byte, applied bool) {
	if r.Method == http.MethodGet || strings.Contains(path, "/access_tokens") || path == "/installation/token" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials.note(r.Method, path, body)
	s.writes = append(s.writes, Write{Method: r.Method, Path: path, Status: status, Body: string(body[:min(len(body), 2000)]), Applied: applied})
}

// do carries one request out and returns the answer as bytes.
func (s *Server) do(r *http.Request, body []byte, kind auth, spec string, h func(*call) (answer, error)) (int, http.Header, []byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &call{s: s, r: r, body: body}
	header := http.Header{
		"Content-Type":        {"application/json; charset=utf-8"},
		"Date":                {s.now().Format(http.TimeFormat)},
		"X-Github-Media-Type": {"github.v3; format=json"},
		"X-Github-Request-Id": {requestID()},
	}
	ans, err := s.admit(c, kind, spec, header)
	if err == nil {
		ans, err = h(c)
	}
	if err != nil {
		var ae *apiError
		if !errors.As(err, &ae) {
			ae = fail(http.StatusInternalServerError, "fakegithub: "+err.Error())
		}
		for k, v := range ae.header {
			header[k] = v
		}
		out, _ := json.Marshal(ae)
		return ae.status, header, out, false
	}
	if ans.status == 0 {
		ans.status = http.StatusOK
	}
	if ans.link != "" {
		header.Set("Link", ans.link)
	}
	if ans.paged {
		ans.body = ans.wrap(paginate(r, s.URL()+r.URL.Path, ans.list, header))
	}
	if ans.body == nil {
		return ans.status, header, nil, true
	}
	out, err := json.Marshal(ans.body)
	if err != nil {
		return http.StatusInternalServerError, header, []byte(err.Error()), true
	}
	if r.Method == http.MethodGet {
		sum := sha256.Sum256(append([]byte(header.Get("Link")), out...))
		tag := `"` + hex.EncodeToString(sum[:]) + `"`
		header.Set("ETag", tag)
		header.Set("Cache-Control", "private, max-age=60, s-maxage=60")
		if strings.TrimPrefix(r.Header.Get("If-None-Match"), "W/") == tag {
			if c.tok != nil {
				c.tok.install.used-- // free of the primary limit
				rateHeaders(c.tok.install, s.opts.RateLimit, header)
			}
			return http.StatusNotModified, header, nil, false
		}
	}
	return ans.status, header, out, true
}

// admit checks, in GitHub's order, the caller, the rate limit, the repository and the permission.
func (s *Server) admit(c *call, kind auth, spec string, header http.Header) (answer, error) {
	scheme, secret, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		if _, pw, ok := c.r.BasicAuth(); ok {
			secret = pw
		} else {
			return answer{}, fail(http.StatusUnauthorized, "Requires authentication")
		}
	}
	isToken := strings.HasPrefix(secret, "ghs_")
	if kind == withJWT {
		if isToken {
			return answer{}, fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
		}
		if err := s.checkJWT(secret); err != nil {
			return answer{}, err
		}
		if err := s.spend(&s.own, s.opts.AppLimit, header, s.opts.AppLimit == 0); err != nil {
			return answer{}, err
		}
	} else {
		if c.tok = s.findToken(secret); c.tok == nil {
			return answer{}, fail(http.StatusUnauthorized, "Bad credentials")
		}
		if c.tok.install.suspended {
			return answer{}, fail(http.StatusForbidden, "This installation has been suspended")
		}
		if err := s.spend(c.tok.install, s.opts.RateLimit, header, c.r.URL.Path == "/api/v3/rate_limit"); err != nil {
			return answer{}, err
		}
	}
	if owner := c.path("owner"); owner != "" {
		var moved bool
		if c.repo, moved = s.find(owner, c.path("repo")); c.repo == nil {
			return answer{}, notFound()
		}
		if moved && (c.tok == nil || c.repo.public || c.tok.reaches(c.repo)) {
			return answer{}, s.movedTo(c.repo, c.r)
		}
		if c.tok != nil && !c.tok.reaches(c.repo) {
			if !c.repo.public {
				return answer{}, notFound()
			}
			// Anybody may read a public repository, but nothing else.
			if c.r.Method != http.MethodGet || strings.Contains(c.r.URL.Path, "/collaborators/") {
				return answer{}, forbidden(spec)
			}
			return answer{}, nil
		}
	}
	if c.tok != nil && spec != "" && !c.tok.allows(spec) {
		return answer{}, forbidden(spec)
	}
	return answer{}, nil
}

func forbidden(spec string) *apiError {
	e := fail(http.StatusForbidden, "Resource not accessible by integration")
	e.header = http.Header{"X-Accepted-Github-Permissions": {spec}}
	return e
}

// spend counts one request against the primary limit of an installation, or of the App itself.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
func (s *Server) spend(in *installation, limit int, header http.Header, free bool) error {
	if now := s.now(); !now.Before(in.reset) {
		in.used, in.reset = 0, now.Add(time.Hour)
	}
	if !free && in.used >= limit {
		rateHeaders(in, limit, header)
		e := fail(http.StatusForbidden, fmt.Sprintf("API rate limit exceeded for installation ID %d.", in.id))
		e.Docs = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"
		return e
	}
	if !free {
		in.used++
	}
	if limit > 0 {
		rateHeaders(in, limit, header)
	}
	return nil
}

func rateHeaders(in *installation, limit int, h http.Header) {
	set := func(k string, v int64) { h["X-Ratelimit-"+k] = []string{strconv.FormatInt(v, 10)} }
	set("Limit", int64(limit))
	set("Remaining", int64(max(0, limit-in.used)))
	set("Used", int64(in.used))
	set("Reset", in.reset.Unix())
	h["X-Ratelimit-Resource"] = []string{"core"}
}

// maxPage is the longest page; GitHub reduces larger sizes without an error.
// https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
const maxPage = 100

func paginate(r *http.Request, self string, list []any, header http.Header) []any {
	q := r.URL.Query()
	per := atoi(q.Get("per_page"))
	if per <= 0 {
		per = 30
	}
	per = min(per, maxPage)
	page := max(1, atoi(q.Get("page")))
	last := max(1, (len(list)+per-1)/per)
	var links []string
	link := func(rel string, n int) {
		v := url.Values{}
		for k := range q {
			v.Set(k, q.Get(k))
		}
		v.Set("page", strconv.Itoa(n))
		links = append(links, fmt.Sprintf(`<%s?%s>; rel=%q`, self, v.Encode(), rel))
	}
	if page > 1 {
		link("prev", page-1)
	}
	if page < last {
		link("next", page+1)
		link("last", last)
	}
	if page > 1 {
		link("first", 1)
	}
	if len(links) > 0 {
		header.Set("Link", strings.Join(links, ", "))
	}
	from := min((page-1)*per, len(list))
	return slices.Clip(list[from:min(from+per, len(list))])
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// maybe returns v, or null for the zero value.
func maybe[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func maybeTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}
