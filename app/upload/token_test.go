package upload

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// TestWhatAJobMaySpeakOf: a job says what the commit that it runs on holds, or the head of its pull request, and
// no one who is started with the rights of the base says anything.
func TestWhatAJobMaySpeakOf(t *testing.T) {
	t.Parallel()
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	for name, c := range map[string]struct {
		event, ref string
		at         request
		number     int
		status     int // 0 where it may
	}{
		"a push":                             {"push", "refs/heads/main", request{Commit: a}, 0, 0},
		"a push, and its ref":                {"push", "refs/heads/main", request{Commit: a, Ref: "refs/heads/main"}, 0, 0},
		"a push, and another ref":            {"push", "refs/heads/main", request{Commit: a, Ref: "refs/heads/other"}, 0, 403},
		"a push, and the head of no pull":    {"push", "refs/heads/main", request{Commit: a, Ref: "refs/pull/0/head"}, 0, 403},
		"a push of another commit":           {"push", "refs/heads/main", request{Commit: b}, 0, 403},
		"a tag":                              {"push", "refs/tags/v1", request{Commit: a}, 0, 403},
		"a schedule":                         {"schedule", "refs/heads/main", request{Commit: a}, 0, 0},
		"by hand":                            {"workflow_dispatch", "refs/heads/main", request{Commit: a}, 0, 0},
		"a merge group":                      {"merge_group", "refs/heads/gh-readonly-queue/main/pr-1", request{Commit: a}, 0, 0},
		"a pull request":                     {"pull_request", "refs/pull/7/merge", request{Commit: b}, 7, 0},
		"a pull request, and its merge":      {"pull_request", "refs/pull/7/merge", request{Commit: b, Ref: "refs/pull/7/merge"}, 7, 0},
		"a pull request, and its head":       {"pull_request", "refs/pull/7/merge", request{Commit: b, Ref: "refs/pull/7/head"}, 7, 0},
		"a pull request, and another's head": {"pull_request", "refs/pull/7/merge", request{Commit: b, Ref: "refs/pull/8/head"}, 0, 403},
		"the merge itself":                   {"pull_request", "refs/pull/7/merge", request{Commit: a}, 0, 400},
		"no number":                          {"pull_request", "refs/pull/x/merge", request{Commit: b}, 0, 403},
		"number 0":                           {"pull_request", "refs/pull/0/merge", request{Commit: b}, 0, 403},
		"a negative number":                  {"pull_request", "refs/pull/-7/merge", request{Commit: b}, 0, 403},
		"a pull request on a branch":         {"pull_request", "refs/heads/main", request{Commit: b}, 0, 403},
		"with the rights of the base":        {"pull_request_target", "refs/heads/main", request{Commit: a}, 0, 403},
		"after another workflow":             {"workflow_run", "refs/heads/main", request{Commit: a}, 0, 403},
		"by a comment":                       {"issue_comment", "refs/heads/main", request{Commit: a}, 0, 403},
	} {
		number, err := Claims{Event: c.event, Ref: c.ref, SHA: a}.speaksOf(c.at)
		var refused *refusal
		status := 0
		if errors.As(err, &refused) {
			status = refused.status
		}
		if number != c.number || status != c.status || (err == nil) != (c.status == 0) {
			t.Errorf("%s: #%d, %v", name, number, err)
		}
	}
}

// TestWhoseTokensAreTaken has tokens of jobs, and of others.
func TestWhoseTokensAreTaken(t *testing.T) {
	t.Parallel()
	gh, err := fakegithub.New(fakegithub.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := gh.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gh.Close)
	const ours = "https://secbydesign.example.com"
	job := func(change fakegithub.Claims) fakegithub.Claims {
		c := fakegithub.Claims{"repository": "acme/shop", "repository_id": "7", "event_name": "push", "ref": "refs/heads/main", "sha": strings.Repeat("a", 40)}
		for k, v := range change {
			c[k] = v
		}
		return c
	}
	forged := func() string {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		claims := jwt.MapClaims(job(fakegithub.Claims{"iss": Issuer(gh.URL()), "aud": ours, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}))
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
		token.Header["kid"] = "key-of-actions"
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	v := NewVerifier(Issuer(gh.URL()), ours)
	for name, c := range map[string]struct {
		token string
		taken bool
	}{
		"a job's":                      {gh.JobToken(ours, job(nil)), true},
		"for another server":           {gh.JobToken("https://other.example.com", job(nil)), false},
		"of another issuer":            {gh.JobToken(ours, job(fakegithub.Claims{"iss": "https://other.example.com"})), false},
		"signed by another key":        {forged(), false},
		"expired":                      {gh.JobToken(ours, job(fakegithub.Claims{"exp": in(-time.Minute)})), false},
		"from a clock that is ahead":   {gh.JobToken(ours, job(fakegithub.Claims{"iat": in(time.Minute)})), true},
		"from the future":              {gh.JobToken(ours, job(fakegithub.Claims{"iat": in(time.Hour), "exp": in(2 * time.Hour)})), false},
		"it does not say when":         {gh.JobToken(ours, job(fakegithub.Claims{"iat": nil})), false},
		"no repository":                {gh.JobToken(ours, job(fakegithub.Claims{"repository": nil})), false},
		"a repository without a name":  {gh.JobToken(ours, job(fakegithub.Claims{"repository": "acme"})), false},
		"a repository with a path":     {gh.JobToken(ours, job(fakegithub.Claims{"repository": "acme/shop/more"})), false},
		"no id":                        {gh.JobToken(ours, job(fakegithub.Claims{"repository_id": nil})), false},
		"an id of 0":                   {gh.JobToken(ours, job(fakegithub.Claims{"repository_id": "0"})), false},
		"an id that is no number":      {gh.JobToken(ours, job(fakegithub.Claims{"repository_id": "x"})), false},
		"a number in another form":     {gh.JobToken(ours, job(fakegithub.Claims{"sha": 7})), false},
		"no commit":                    {gh.JobToken(ours, job(fakegithub.Claims{"sha": "main"})), false},
		"more than a commit":           {gh.JobToken(ours, job(fakegithub.Claims{"sha": strings.Repeat("a", 41)})), false},
		"no ref":                       {gh.JobToken(ours, job(fakegithub.Claims{"ref": "main"})), false},
		"no event":                     {gh.JobToken(ours, job(fakegithub.Claims{"event_name": nil})), false},
		"nothing of the kind":          {"x", false},
		"a token without a signature.": {strings.TrimRight(gh.JobToken(ours, job(nil)), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"), false},
	} {
		claims, err := v.verify(t.Context(), c.token)
		if (err == nil) != c.taken || errors.Is(err, errAway) {
			t.Errorf("%s: %v", name, err)
		}
		if c.taken && (claims.Repository != "acme/shop" || claims.id() != 7 || claims.Event != "push") {
			t.Errorf("%s: %+v", name, claims)
		}
	}

	// That the keys cannot be had says nothing of a token.
	for _, path := range []string{"openid-configuration", "jwks"} {
		gh.Fail(fakegithub.Fault{Path: "/_services/token/.well-known/" + path, Status: 503, Count: -1})
		v := NewVerifier(Issuer(gh.URL()), ours)
		if _, err := v.verify(t.Context(), gh.JobToken(ours, job(nil))); !errors.Is(err, errAway) {
			t.Errorf("without %s: %v", path, err)
		}
		gh.ClearFaults()
		if _, err := v.verify(t.Context(), gh.JobToken(ours, job(nil))); err != nil {
			t.Errorf("%s is there again: %v", path, err)
		}
	}
}

// TestTheIssuerIsAskedOnceAMinute: anybody can make up a token that has the keys asked for.
func TestTheIssuerIsAskedOnceAMinute(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.Path)
		w.WriteHeader(status)
		fmt.Fprint(w, "answer ", asked.Add(1))
	}))
	t.Cleanup(server.Close)
	m := &memory{next: http.DefaultTransport, answers: map[string]answer{}}
	get := func(path, want string) {
		t.Helper()
		resp, err := (&http.Client{Transport: m}).Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != want || resp.StatusCode != status || resp.Header.Get("X-Path") != path {
			t.Errorf("%s: %s %q, %v, want %q", path, resp.Status, body, err, want)
		}
	}
	get("/a", "answer 1")
	get("/a", "answer 1")
	get("/b", "answer 2")
	old := m.answers[server.URL+"/a"]
	old.at = old.at.Add(-memoryAge - time.Second)
	m.answers[server.URL+"/a"] = old
	get("/a", "answer 3")
	get("/a", "answer 3")
	for i := range maxAnswers {
		get(fmt.Sprint("/more/", i), fmt.Sprint("answer ", 4+i))
	}
	if len(m.answers) > maxAnswers {
		t.Errorf("%d answers are held", len(m.answers))
	}
	status = http.StatusBadGateway // a failure is not kept
	get("/c", "answer 14")
	get("/c", "answer 15")
}

// TestAnAnswerToEveryError names what the sender can do, and nothing of the error itself.
func TestAnAnswerToEveryError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		says   string
	}{
		"a refusal":         {fmt.Errorf("read: %w", refuse(413, "It is too large.").because(errors.New("secret"))), 413, "It is too large."},
		"too many":          {fmt.Errorf("keep: %w", ledger.ErrTooMany), 429, "too many analyses"},
		"not installed":     {fmt.Errorf("open: %w", installation.ErrGone), 404, "not installed"},
		"suspended":         {fmt.Errorf("open: %w", installation.ErrSuspended), 403, "suspended"},
		"the limit":         {fmt.Errorf("ask: %w", &installation.RateLimited{}), 503, "GitHub takes no more requests"},
		"something is away": {errors.New("secret"), 503, "could not be kept just now"},
		"git":               {fmt.Errorf("fetch: %w", mirror.ErrTooLarge), 503, "could not be kept just now"},
	} {
		if got := answerTo(c.err); got.status != c.status || !strings.Contains(got.sentence, c.says) || strings.Contains(got.sentence, "secret") {
			t.Errorf("%s: %d %q", name, got.status, got.sentence)
		}
	}
}
