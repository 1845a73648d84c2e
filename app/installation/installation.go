// Package installation is the App's identity at GitHub: its key, its tokens and its
// share of GitHub's rate limits.
//
// An [App] signs as itself and hands out a [Client] for one repository of one
// installation. The token behind a client reaches that repository alone and has only the
// permissions that a review needs. Git gets a weaker token of its own, and the one step
// that needs a stronger one asks for it by name ([Client.Resolver]).
//
// What GitHub refuses comes back as an error that says what to do: [ErrGone],
// [ErrSuspended], [*Forbidden], [*RateLimited]. A worker is never put to sleep for a rate
// limit; whoever schedules the work tries again at [RateLimited.Until].
//
// A repository may be renamed or transferred at any moment. Its id stays, and the tokens are for that; see
// [Moved] and [App.Find].
//
// Below a client stand small transports, each with one duty, from the outside in: names, limits,
// cache, authorize, retry, exchange.
package installation

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/golang-jwt/jwt/v4"
	"github.com/google/go-github/v60/github"
	lru "github.com/hashicorp/golang-lru/v2"
)

// WritePace is the pause that GitHub asks for between writes.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
const WritePace = time.Second

// DefaultCacheBytes is how much of GitHub's answers is kept for conditional requests.
const DefaultCacheBytes = 16 << 20

// maxScopes is how many tokens of one installation are kept. A token that falls out is
// asked for again.
const maxScopes = 1024

// Options say who the App is and where GitHub is.
type Options struct {
	AppID int64  // required
	Key   []byte // required: the private key, PEM, PKCS#1 or PKCS#8

	// URL is where people find GitHub. Empty means https://github.com, whose API is
	// https://api.github.com; that of any other host is URL/api/v3. Plain http is accepted
	// for loopback addresses only.
	URL string

	Version   string            // of this program, for the User-Agent; empty means "dev"
	Transport http.RoundTripper // nil means one of net/http's with all timeouts set

	// WritePace is the pause between two writes of one installation. GitHub asks for
	// [WritePace]; 0 is for tests.
	WritePace time.Duration

	// CacheBytes bounds the memory for conditional requests. 0 means [DefaultCacheBytes],
	// a negative number turns them off.
	CacheBytes int

	// Observe, if not nil, is told of every exchange with GitHub, tries that are repeated
	// included. It is called from several goroutines at once and must not block.
	Observe func(Exchange)
}

// An App is the App at GitHub. It may be used by several goroutines at once.
type App struct {
	web     string   // without a slash at the end
	api     *url.URL // with one, as go-github wants it
	graphql string
	pace    time.Duration

	base    http.RoundTripper
	agent   string
	observe func(Exchange)
	cache   *answers
	rest    *github.Client // signed by the App itself

	mu            sync.Mutex
	installations map[int64]*installation // guarded by mu
	slug          string                  // guarded by mu; empty until asked for
	id            int64                   // guarded by mu
}

// An installation is what the clients of one installation share. It outlives
// [App.Forget], so that there is never a second one beside that of a client in use.
type installation struct {
	limits *limits
	scopes *lru.Cache[scope, *source]

	mu      sync.Mutex
	granted map[string]string // guarded by mu; nil until asked for
	asked   time.Time         // guarded by mu
}

// New checks the options and makes an App. It does not talk to GitHub.
func New(o Options) (*App, error) {
	if o.AppID <= 0 {
		return nil, errors.New("the App id must be a positive number")
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(o.Key)
	if err != nil {
		return nil, fmt.Errorf("read the App's private key: %w", err)
	}
	web, api, err := addresses(o.URL)
	if err != nil {
		return nil, fmt.Errorf("read GitHub's URL: %w", err)
	}
	a := &App{
		web:           web,
		api:           mustParse(api + "/"),
		graphql:       strings.TrimSuffix(api, "/v3") + "/graphql",
		pace:          o.WritePace,
		base:          o.Transport,
		agent:         "secbydesign/" + o.Version,
		observe:       o.Observe,
		cache:         newAnswers(o.CacheBytes),
		installations: map[int64]*installation{},
	}
	if o.Version == "" {
		a.agent += "dev"
	}
	if a.base == nil {
		a.base = defaultTransport()
	}
	sign, err := ghinstallation.NewAppsTransportWithOptions(&retry{a.exchange(0)},
		o.AppID, ghinstallation.WithSigner(&signer{key}))
	if err != nil {
		return nil, fmt.Errorf("sign as the App: %w", err)
	}
	a.rest = a.newREST(&http.Client{Transport: &limited{
		limits: newLimits(0),
		next:   &confined{api: a.api, next: &signed{sign}},
	}})
	return a, nil
}

// exchange is the way to GitHub on behalf of an installation, still without credentials.
func (a *App) exchange(installation int64) http.RoundTripper {
	return &exchange{next: a.base, agent: a.agent, installation: installation, observe: a.observe}
}

func (a *App) newREST(c *http.Client) *github.Client {
	r := github.NewClient(c)
	r.BaseURL = mustParse(a.api.String())
	if a.api.Host != "api.github.com" {
		r.UploadURL = mustParse(a.web + "/api/uploads/")
	}
	return r
}

// addresses gives the addresses for people and for the REST API.
func addresses(raw string) (web, api string, err error) {
	if raw == "" {
		raw = "https://github.com"
	}
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	if err != nil {
		return "", "", errors.New("not a URL")
	}
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", "", errors.New("want no user, query or fragment in it")
	case u.Host == "" || u.Opaque != "":
		return "", "", errors.New("want something like https://github.com")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "", "", errors.New("plain http is for loopback addresses only, want https")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", "", fmt.Errorf("want https, not %s", u.Scheme)
	}
	if strings.EqualFold(u.Host, "github.com") {
		return "https://github.com", "https://api.github.com", nil
	}
	return u.String(), u.String() + "/api/v3", nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// mustParse is for addresses that [addresses] made.
func mustParse(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// name is what GitHub lets owners and repositories be called. Names come from payloads
// and end in URLs, where go-github does not quote them.
var name = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

func validName(s string) bool { return name.MatchString(s) && s != "." && s != ".." }

func (a *App) installation(id int64) *installation {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.installations[id]
	if i == nil {
		scopes, err := lru.New[scope, *source](maxScopes)
		if err != nil {
			panic(err) // only for a size below 1
		}
		i = &installation{limits: newLimits(a.pace), scopes: scopes}
		a.installations[id] = i
	}
	return i
}

// Forget drops all that is kept of an installation: call it when GitHub says that it was
// removed, suspended or given other permissions. Clients in use ask for a token again.
func (a *App) Forget(installation int64) {
	a.mu.Lock()
	i := a.installations[installation]
	a.mu.Unlock()
	if i == nil {
		return
	}
	for _, s := range i.scopes.Values() {
		s.drop()
	}
	i.mu.Lock()
	i.granted = nil
	i.mu.Unlock()
	a.cache.forget(installation)
}

// REST gives the client that is signed by the App itself, for the calls under /app.
func (a *App) REST() *github.Client { return a.rest }

// WebURL is where people find GitHub, without a slash at the end.
func (a *App) WebURL() string { return a.web }

// GitURL is where git finds a repository, without credentials.
func (a *App) GitURL(owner, repo string) string {
	return a.web + "/" + url.PathEscape(owner) + "/" + url.PathEscape(repo) + ".git"
}

// String names the App's GitHub, and nothing that is secret.
func (a *App) String() string { return "App at " + a.web }

// Self tells the App's slug and id. GitHub is asked once.
func (a *App) Self(ctx context.Context) (slug string, id int64, err error) {
	a.mu.Lock()
	slug, id = a.slug, a.id
	a.mu.Unlock()
	if slug != "" {
		return slug, id, nil
	}
	self, _, err := a.rest.Apps.Get(ctx, "")
	if err != nil {
		return "", 0, fmt.Errorf("ask GitHub who the App is: %w", err)
	}
	if self.GetSlug() == "" || self.GetID() == 0 {
		return "", 0, errors.New("ask GitHub who the App is: no slug or id in the answer")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.slug, a.id = self.GetSlug(), self.GetID()
	return a.slug, a.id, nil
}
