package installation

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

const (
	appID = 4711
	inst  = 99
)

var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func pkcs1() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key())})
}

func pkcs8() []byte {
	b, err := x509.MarshalPKCS8PrivateKey(key())
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})
}

// A hub answers like GitHub: it issues tokens itself, and calls a function for all else.
type hub struct {
	t   *testing.T
	api http.HandlerFunc // called for everything but tokens; nil means {}

	mint     http.HandlerFunc  // instead of the hub's own tokens, if it returns a status
	granted  map[string]string // answer to GET /app/installations/N
	lifetime time.Duration     // of a token; 0 means one hour

	mu     sync.Mutex
	minted []mintRequest // guarded by mu
	jwts   []string      // guarded by mu
	seen   []seen        // guarded by mu: all requests but those for tokens
}

type mintRequest struct {
	Repositories  []string          `json:"repositories"`
	Permissions   map[string]string `json:"permissions"`
	RepositoryIDs []int64           `json:"repository_ids"`
}

type seen struct {
	method, path, auth string
	at                 time.Time
	body               string
}

// token returns the nth token of the hub, of the long kind that GitHub issues since 2026.
func token(n int) string {
	t := fmt.Sprintf("ghs_%d_secret%d.", appID, n)
	return t + strings.Repeat("x", 300) + "." + strings.Repeat("y", 519-300-len(t))
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/api/v3")
	if path == fmt.Sprintf("/app/installations/%d/access_tokens", inst) {
		h.serveToken(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	h.seen = append(h.seen, seen{r.Method, path, r.Header.Get("Authorization"), time.Now(), string(body)})
	h.mu.Unlock()
	switch {
	case path == fmt.Sprintf("/app/installations/%d", inst) && h.granted != nil:
		h.checkJWT(r)
		_ = json.NewEncoder(w).Encode(map[string]any{"id": inst, "permissions": h.granted})
	case h.api != nil:
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		h.api(w, r)
	default:
		fmt.Fprint(w, "{}")
	}
}

func (h *hub) serveToken(w http.ResponseWriter, r *http.Request) {
	h.checkJWT(r)
	var asked mintRequest
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		h.t.Errorf("token request: %v", err)
	}
	h.mu.Lock()
	h.minted = append(h.minted, asked)
	n := len(h.minted)
	h.mu.Unlock()
	if h.mint != nil {
		h.mint(w, r)
		return
	}
	lifetime := h.lifetime
	if lifetime == 0 {
		lifetime = time.Hour
	}
	granted := maps.Clone(asked.Permissions)
	granted["metadata"] = "read"
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"token": token(n), "expires_at": time.Now().Add(lifetime), "permissions": granted,
	})
}

// checkJWT checks the request against GitHub's rules for the App's signature.
func (h *hub) checkJWT(r *http.Request) {
	h.t.Helper()
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		h.t.Errorf("%s %s: want a JWT, got %q", r.Method, r.URL.Path, r.Header.Get("Authorization"))
		return
	}
	h.mu.Lock()
	h.jwts = append(h.jwts, raw)
	h.mu.Unlock()
	var c jwt.RegisteredClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}))
	if _, err := parser.ParseWithClaims(raw, &c, func(*jwt.Token) (any, error) { return &key().PublicKey, nil }); err != nil {
		h.t.Errorf("JWT: %v", err)
		return
	}
	if c.Issuer != fmt.Sprint(appID) {
		h.t.Errorf("iss is %q, want %d", c.Issuer, appID)
	}
	now := time.Now()
	if back := now.Sub(c.IssuedAt.Time); back < 50*time.Second {
		h.t.Errorf("iat is only %v back", back)
	}
	if ahead := c.ExpiresAt.Sub(now); ahead <= time.Minute || ahead > 9*time.Minute {
		h.t.Errorf("exp is %v ahead", ahead)
	}
}

func (h *hub) calls() []seen {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]seen(nil), h.seen...)
}

func (h *hub) mints() []mintRequest {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]mintRequest(nil), h.minted...)
}

// inMemory passes requests to a handler without a network, which a synctest bubble needs. A handler that panics
// with http.ErrAbortHandler simulates a broken connection.
type inMemory struct{ handler http.Handler }

func (m inMemory) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	defer req.Body.Close()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			if cut, ok := p.(error); !ok || !errors.Is(cut, http.ErrAbortHandler) {
				panic(p)
			}
			resp, err = nil, errors.New("connection reset by peer")
		}
	}()
	rec := httptest.NewRecorder()
	m.handler.ServeHTTP(rec, req)
	return rec.Result(), req.Context().Err()
}

// open returns an App and a client for acme/shop that use h as GitHub, without a network.
func open(t *testing.T, h *hub, change ...func(*Options)) (*App, *Client) {
	t.Helper()
	a := newApp(t, h, change...)
	c, err := a.Client(t.Context(), inst, 0, "acme", "shop")
	if err != nil {
		t.Fatal(err)
	}
	return a, c
}

func newApp(t *testing.T, h *hub, change ...func(*Options)) *App {
	t.Helper()
	h.t = t
	o := Options{AppID: appID, Key: pkcs1(), Transport: inMemory{h}}
	for _, f := range change {
		f(&o)
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
