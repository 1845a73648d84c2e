// Package installation manages the App's identity at GitHub: its key, its tokens and its share of GitHub's rate
// limits.
//
// An [App] authenticates as itself and returns a [Client] for one repository of one installation. The token of a
// client gives access only to that repository and has only the permissions that a review needs. Git uses a
// separate, weaker token, and the one step that needs a stronger token requests it explicitly
// ([Client.Resolver]).
//
// Refusals by GitHub are returned as errors that say what to do: [ErrGone], [ErrSuspended], [*Forbidden],
// [*RateLimited]. A rate limit never makes a worker sleep; the scheduler tries again at [RateLimited.Until].
//
// A repository may be renamed or transferred at any moment. Its id stays the same, and the tokens are for the id;
// see [Moved] and [App.Find].
//
// A client consists of small transports, each with one duty, from the outside in: named, limited, conditional,
// confined, authorize, retry, exchange.
package installation

import (
	"cmp"
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
	"github.com/google/go-github/v60/github"
	lru "github.com/hashicorp/golang-lru/v2"
)

// WritePace is the pause that GitHub asks for between writes.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
const WritePace = time.Second

// DefaultCacheBytes is the size of the cache of GitHub's answers for conditional requests.
const DefaultCacheBytes = 16 << 20

// maxScopes is how many tokens are kept per installation. A token that is evicted is requested again when needed.
const maxScopes = 1024

// Options describe the App and the location of GitHub.
type Options struct {
	AppID int64  // required
	Key   []byte // required: the private key, PEM, PKCS#1 or PKCS#8

	// URL is the web address of GitHub. Empty means https://github.com, whose API is https://api.github.com; for
	// any other host the API is URL/api/v3. Plain http is accepted for loopback addresses only.
	URL string

	Version   string            // of this program, for the User-Agent; empty means "dev"
	Transport http.RoundTripper // nil means a transport of net/http with all timeouts set

	// WritePace is the pause between two writes of one installation. GitHub asks for the constant [WritePace]; 0
	// is for tests.
	WritePace time.Duration

	// Shared shares limits with the other processes of the App; nil if there are none.
	Shared *Shared

	// LimitWait is the first wait after a secondary limit for which GitHub names no duration; 0 means the minute that
	// GitHub asks for. Other values are for tests.
	LimitWait time.Duration

	// RequestTime is how long GitHub may work on a request until it abandons it; 0 means [RequestTime]. Other values are
	// for tests.
	RequestTime time.Duration

	// CacheBytes bounds the memory for conditional requests. 0 means [DefaultCacheBytes], and a negative number
	// disables them.
	CacheBytes int

	// Observe, if not nil, is called after every exchange with GitHub, including retries. It is called from
	// several goroutines at once and must not block.
	Observe func(Exchange)
}

// An App represents the App at GitHub. It may be used by several goroutines at once.
type App struct {
	appID   int64
	web     string   // without a slash at the end
	api     *url.URL // with a slash at the end, as go-github requires
	graphql string
	pace    time.Duration
	shared  *Shared
	wait    time.Duration
	settle  time.Duration

	base    http.RoundTripper
	agent   string
	observe func(Exchange)
	cache   *answers
	rest    *github.Client // signed by the App itself

	mu            sync.Mutex
	installations map[int64]*installation // guarded by mu
	slug          string                  // guarded by mu; empty until first requested
	id            int64                   // guarded by mu
}

// An installation is the state shared by the clients of one installation. It survives [App.Forget], so that there
// is never a second one while a client uses the first.
type installation struct {
	limits *limits
	scopes *lru.Cache[scope, *source]

	mu      sync.Mutex
	granted map[string]string // guarded by mu; nil until first requested
	asked   time.Time         // guarded by mu
}

// New checks the options and returns an App. It does not connect to GitHub.
func New(o Options) (*App, error) {
	if o.AppID <= 0 {
		return nil, errors.New("the App id must be a positive number")
	}
	key, err := ParseKey(o.Key)
	if err != nil {
		return nil, fmt.Errorf("the App's private key %w", err)
	}
	web, api, err := addresses(o.URL)
	if err != nil {
		return nil, fmt.Errorf("read GitHub's URL: %w", err)
	}
	a := &App{
		appID:         o.AppID,
		web:           web,
		api:           mustParse(api + "/"),
		graphql:       strings.TrimSuffix(api, "/v3") + "/graphql",
		pace:          o.WritePace,
		shared:        o.Shared,
		wait:          o.LimitWait,
		settle:        cmp.Or(o.RequestTime, RequestTime),
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
		limits: newLimits(0, 0, o.LimitWait, nil),
		next:   &confined{api: a.api, next: &signed{sign}},
	}})
	return a, nil
}

// exchange returns the transport to GitHub on behalf of an installation, without credentials.
func (a *App) exchange(installation int64) http.RoundTripper {
	return &exchange{next: a.base, agent: a.agent, api: a.api.Path, installation: installation, observe: a.observe}
}

func (a *App) newREST(c *http.Client) *github.Client {
	r := github.NewClient(c)
	r.BaseURL = mustParse(a.api.String())
	if a.api.Host != "api.github.com" {
		r.UploadURL = mustParse(a.web + "/api/uploads/")
	}
	return r
}

// addresses returns the web address and the address of the REST API.
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

// mustParse parses an address made by [addresses].
func mustParse(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// name matches the names that GitHub allows for owners and repositories. Names come from payloads and become
// parts of URLs, where go-github does not escape them.
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
		i = &installation{limits: newLimits(id, a.pace, a.wait, a.shared), scopes: scopes}
		a.installations[id] = i
	}
	return i
}

// Forget drops everything cached for an installation: call it when GitHub reports that the installation was
// removed, suspended or given other permissions. Clients in use request a new token.
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

// REST returns the client that authenticates as the App itself, for the calls under /app.
func (a *App) REST() *github.Client { return a.rest }

// WebURL returns the web address of GitHub, without a slash at the end.
func (a *App) WebURL() string { return a.web }

// GitURL returns the address of a repository for git, without credentials.
func (a *App) GitURL(owner, repo string) string {
	return a.web + "/" + url.PathEscape(owner) + "/" + url.PathEscape(repo) + ".git"
}

// String returns the address of the App's GitHub. It contains no secret.
func (a *App) String() string { return "App at " + a.web }
