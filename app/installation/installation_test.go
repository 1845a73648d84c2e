package installation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-github/v60/github"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url, api, upload, graphql, git string
		err                            string
	}{
		{url: "", api: "https://api.github.com/", upload: "https://uploads.github.com/", graphql: "https://api.github.com/graphql", git: "https://github.com/acme/shop.git"},
		{url: "https://github.com", api: "https://api.github.com/", upload: "https://uploads.github.com/", graphql: "https://api.github.com/graphql", git: "https://github.com/acme/shop.git"},
		{url: "https://GitHub.com/", api: "https://api.github.com/", upload: "https://uploads.github.com/", graphql: "https://api.github.com/graphql", git: "https://github.com/acme/shop.git"},
		{url: "https://git.corp.example", api: "https://git.corp.example/api/v3/", upload: "https://git.corp.example/api/uploads/", graphql: "https://git.corp.example/api/graphql", git: "https://git.corp.example/acme/shop.git"},
		{url: "http://127.0.0.1:8443/", api: "http://127.0.0.1:8443/api/v3/", upload: "http://127.0.0.1:8443/api/uploads/", graphql: "http://127.0.0.1:8443/api/graphql", git: "http://127.0.0.1:8443/acme/shop.git"},
		{url: "http://[::1]:80", api: "http://[::1]:80/api/v3/", upload: "http://[::1]:80/api/uploads/", graphql: "http://[::1]:80/api/graphql", git: "http://[::1]:80/acme/shop.git"},
		{url: "http://localhost", api: "http://localhost/api/v3/", upload: "http://localhost/api/uploads/", graphql: "http://localhost/api/graphql", git: "http://localhost/acme/shop.git"},
		{url: "http://git.corp.example", err: "plain http"},
		{url: "http://127.0.0.1.evil.example", err: "plain http"},
		{url: "ftp://git.corp.example", err: "want https"},
		{url: "git.corp.example", err: "want something like"},
		{url: "https://me:secret@git.corp.example", err: "no user"},
		{url: "https://git.corp.example?x=1", err: "no user, query"},
		{url: "https://%zz:secret", err: "not a URL"},
	}
	for _, tt := range tests {
		a, err := New(Options{AppID: appID, Key: pkcs1(), URL: tt.url})
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: got error %v, want %q", tt.url, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tt.url, err)
			continue
		}
		got := [...]string{a.REST().BaseURL.String(), a.REST().UploadURL.String(), a.graphql, a.GitURL("acme", "shop")}
		if want := [...]string{tt.api, tt.upload, tt.graphql, tt.git}; got != want {
			t.Errorf("%q:\n got %q\nwant %q", tt.url, got, want)
		}
	}
}

func TestNewRefusesBadOptions(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"App id":      {Key: pkcs1()},
		"private key": {AppID: 1, Key: []byte("not a key, but secret")},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got error %v, want one about the %s", err, want)
		}
	}
}

func TestBothKindsOfKey(t *testing.T) {
	t.Parallel()
	for name, pem := range map[string][]byte{"PKCS#1": pkcs1(), "PKCS#8": pkcs8()} {
		h := &hub{}
		open(t, h, func(o *Options) { o.Key = pem }) // h checks the signature
		if len(h.jwts) != 1 {
			t.Errorf("%s: signed %d times, want once", name, len(h.jwts))
		}
	}
}

func TestTokensAreNarrow(t *testing.T) {
	t.Parallel()
	h := &hub{granted: map[string]string{"contents": "write"}}
	_, c := open(t, h)
	if _, err := c.GitToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := c.Resolver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var q struct{ Viewer struct{ Login string } }
	if err := r.Query(t.Context(), &q, nil); err != nil {
		t.Fatal(err)
	}
	want := []mintRequest{
		{[]string{"shop"}, map[string]string{"metadata": "read", "contents": "read", "checks": "write", "pull_requests": "write"}, nil},
		{[]string{"shop"}, map[string]string{"contents": "read"}, nil},
		{[]string{"shop"}, map[string]string{"metadata": "read", "contents": "write", "pull_requests": "write"}, nil},
	}
	if got := h.mints(); !reflect.DeepEqual(got, want) {
		t.Errorf("asked for\n%v\nwant\n%v", got, want)
	}
	if got := c.Permissions(); !reflect.DeepEqual(got, want[0].Permissions) {
		t.Errorf("Permissions gives %v", got)
	}
	// Each call uses the token for its purpose.
	calls := h.calls()
	if got := calls[len(calls)-1].auth; got != "token "+token(3) {
		t.Errorf("the resolver used %.40q, want the third token", got)
	}
}

func TestResolverNeedsTheGrant(t *testing.T) {
	t.Parallel()
	h := &hub{granted: map[string]string{"contents": "read", "pull_requests": "write"}}
	a, c := open(t, h)
	for range 3 {
		_, err := c.Resolver(t.Context())
		var f *Forbidden
		if !errors.As(err, &f) || f.Accepted != "contents=write" {
			t.Fatalf("got %v, want a *Forbidden", err)
		}
	}
	if n := len(h.calls()); n != 1 {
		t.Errorf("asked %d times what is granted, want once", n)
	}
	// An owner grants it, and GitHub reports that by a webhook.
	h.granted = map[string]string{"contents": "write"}
	a.Forget(inst)
	if _, err := c.Resolver(t.Context()); err != nil {
		t.Errorf("after the grant: %v", err)
	}
}

func TestTokenIsKeptUntilNearItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hub{}
		a, c := open(t, h)
		for range 3 {
			if _, _, err := c.REST.Repositories.Get(t.Context(), "acme", "shop"); err != nil {
				t.Fatal(err)
			}
			// Names are compared without case.
			if _, err := a.Client(t.Context(), inst, 0, "Acme", "SHOP"); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(h.mints()); n != 1 {
			t.Errorf("%d tokens, want 1", n)
		}
		time.Sleep(time.Hour - tokenMargin)
		if _, _, err := c.REST.Repositories.Get(t.Context(), "acme", "shop"); err != nil {
			t.Fatal(err)
		}
		if n := len(h.mints()); n != 1 {
			t.Errorf("%d tokens %v before the end, want 1", n, tokenMargin)
		}
		time.Sleep(time.Second)
		if _, _, err := c.REST.Repositories.Get(t.Context(), "acme", "shop"); err != nil {
			t.Fatal(err)
		}
		calls := h.calls()
		if got := calls[len(calls)-1].auth; got != "token "+token(2) {
			t.Errorf("used %.40q near the end of the first token, want the second", got)
		}
	})
}

func TestManyAskOneToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hub{}
		h.mint = func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second) // long enough for all to ask
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":%q,"expires_at":%q}`, token(1), time.Now().Add(time.Hour).Format(time.RFC3339))
		}
		a := newApp(t, h)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := a.Client(t.Context(), inst, 0, "acme", "shop"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if _, err := a.Client(ctx, inst, 0, "acme", "shop"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("one who gives up early got %v", err)
			}
			if _, err := a.Client(ctx, inst, 0, "acme", "shop"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("one who gave up got %v", err)
			}
		})
		wg.Wait()
		// The impatient one may have been the first to ask; then another had to ask again.
		if n := len(h.mints()); n > 2 {
			t.Errorf("asked for %d tokens, want 1 or 2", n)
		}
	})
}

func TestTokenTakenBackEarly(t *testing.T) {
	t.Parallel()
	valid := token(1)
	h := &hub{}
	h.api = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "token "+valid {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"message":"Bad credentials"}`)
			return
		}
		fmt.Fprint(w, "{}")
	}
	_, c := open(t, h)
	valid = token(2)
	if _, _, err := c.REST.Issues.CreateComment(t.Context(), "acme", "shop", 1, &github.IssueComment{Body: github.String("hi")}); err != nil {
		t.Fatal(err)
	}
	calls := h.calls()
	if len(calls) != 2 || calls[1].body != calls[0].body || calls[1].body == "" {
		t.Errorf("want the same request twice, got %d", len(calls))
	}
	// If a new token does not help either, the refusal is the answer.
	valid = "none"
	_, _, err := c.REST.Repositories.Get(t.Context(), "acme", "shop")
	var e *github.ErrorResponse
	if !errors.As(err, &e) || e.Response.StatusCode != http.StatusUnauthorized || len(h.mints()) != 3 {
		t.Errorf("got %v after %d tokens", err, len(h.mints()))
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	gone := false
	h := &hub{}
	h.mint = func(w http.ResponseWriter, r *http.Request) {
		if gone {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"message":"Not Found"}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"token":%q,"expires_at":%q}`, token(1), time.Now().Add(time.Hour).Format(time.RFC3339))
	}
	a, c := open(t, h)
	a.Forget(12345) // unknown installation
	gone = true
	if _, _, err := c.REST.Repositories.Get(t.Context(), "acme", "shop"); err != nil {
		t.Fatalf("the token is still kept: %v", err)
	}
	a.Forget(inst)
	if _, _, err := c.REST.Repositories.Get(t.Context(), "acme", "shop"); !errors.Is(err, ErrGone) {
		t.Errorf("a client in use got %v, want ErrGone", err)
	}
	if n := len(h.calls()); n != 1 {
		t.Errorf("GitHub was asked %d times, want once: the second had no token", n)
	}
}

func TestForgetWhileAskingForAToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hub{}
		h.mint = func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":%q,"expires_at":%q}`, token(1), time.Now().Add(time.Hour).Format(time.RFC3339))
		}
		a := newApp(t, h)
		go func() { _, _ = a.Client(t.Context(), inst, 0, "acme", "shop") }()
		synctest.Wait()
		a.Forget(inst)
		time.Sleep(2 * time.Second)
		if _, err := a.Client(t.Context(), inst, 0, "acme", "shop"); err != nil {
			t.Fatal(err)
		}
		if n := len(h.mints()); n != 2 {
			t.Errorf("%d tokens, want 2: the first was asked for before Forget", n)
		}
	})
}

func TestSelf(t *testing.T) {
	t.Parallel()
	h := &hub{}
	h.api = func(w http.ResponseWriter, r *http.Request) {
		h.checkJWT(r)
		fmt.Fprint(w, `{"id":4711,"slug":"secbydesign-acme"}`)
	}
	a := newApp(t, h)
	for range 2 {
		slug, id, err := a.Self(t.Context())
		if slug != "secbydesign-acme" || id != appID || err != nil {
			t.Fatal(slug, id, err)
		}
	}
	if calls := h.calls(); len(calls) != 1 || calls[0].path != "/app" {
		t.Errorf("asked %v, want /app once", calls)
	}
}

func TestClientRefusesNamesThatAreNone(t *testing.T) {
	t.Parallel()
	h := &hub{}
	a := newApp(t, h)
	for _, name := range []string{"", ".", "..", "a/b", "a b", "a?b", "a%2fb", "a\nb", strings.Repeat("a", 101)} {
		for _, pair := range [][2]string{{name, "shop"}, {"acme", name}} {
			if _, err := a.Client(t.Context(), inst, 0, pair[0], pair[1]); err == nil {
				t.Errorf("took %q", pair)
			}
		}
	}
	if n := len(h.mints()); n != 0 {
		t.Errorf("asked for %d tokens", n)
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	t.Parallel()
	h := &hub{granted: map[string]string{"contents": "write"}}
	h.api = func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/shop") {
			fmt.Fprint(w, `{}`)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"message":"no"}`)
	}
	a, c := open(t, h)
	if _, err := c.GitToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, ok, err := c.REST.Repositories.Get(t.Context(), "acme", "shop")
	if err != nil {
		t.Fatal(err)
	}
	_, _, refused := c.REST.Repositories.Get(t.Context(), "acme", "other")
	_, written, errWritten := c.REST.Issues.CreateComment(t.Context(), "acme", "shop", 1, &github.IssueComment{})
	if errWritten == nil {
		t.Fatal("want an error")
	}
	_, notSelf, errSelf := a.REST().Apps.Get(t.Context(), "")
	if refused == nil || errSelf == nil {
		t.Fatal("want errors")
	}
	h.mint = func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }
	a.Forget(inst)
	_, noToken := c.GitToken(t.Context())
	c.token.token = &secret{github.String(token(1))}

	secrets := append(append([]string(nil), h.jwts...), token(1), token(2), key().D.String(), string(pkcs1()))
	for name, v := range map[string]any{
		"App": a, "Client": c, "source": c.token, "secret": c.token.token, "*secret": *c.token.token,
		"shared": c.shared, "transport": c.HTTP.Transport, "http": c.HTTP,
		"response": ok, "request": ok.Request, "its headers": ok.Request.Header, "the App's": notSelf.Request.Header,
		"of a write": written.Request.Header, "refused": refused, "no token": noToken, "self": errSelf,
	} {
		js, _ := json.Marshal(v)
		for _, text := range []string{fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%s", v), string(js)} {
			for _, s := range secrets {
				if strings.Contains(text, s) {
					t.Errorf("%s prints a secret: %.200s", name, text)
				}
			}
		}
	}
}
