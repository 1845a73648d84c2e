// Package fakegithub is a stand-in for GitHub: one server with a memory, over HTTP and
// over git's smart HTTP. Tests drive the App against it, and `secbydesign demo` shows it
// as pull request pages.
//
// It is strict where GitHub is strict (tokens, permissions, lines outside of the diff, 50
// annotations, sizes, pages), because tests against a stand-in that is kinder than GitHub would
// pass wrongly. If only an error text documents a behaviour of GitHub, the stand-in answers with
// that text.
//
// A [Server] has two sides. Programs talk to it over HTTP: REST at URL/api/v3, GraphQL at
// URL/api/graphql, git at URL/OWNER/REPO.git and pages at URL/OWNER/REPO/pull/N, as on a
// GitHub Enterprise Server. Tests act as people through its methods: they create
// repositories, push, open pull requests, answer, resolve threads and order faults.
//
// It does not support merging (except in merge queues), labels, the diff and patch media types, signing
// in, or any part of Actions except the tokens of jobs.
package fakegithub

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options configures the stand-in. For each optional field the comment names the value that a zero value
// stands for.
type Options struct {
	Dir       string         // required; holds the bare repositories, not cleaned up
	AppID     int64          // 0: 1
	AppSlug   string         // empty: "secbydesign"
	PublicKey *rsa.PublicKey // of the App; nil: no JSON web token is accepted

	WebhookURL    string // empty: deliveries are recorded and not sent, see [Server.SetWebhookURL]
	WebhookSecret []byte

	// Permissions of the App; nil: metadata, contents and members read, checks and
	// pull_requests write.
	Permissions map[string]string

	// Events that the App subscribed to; nil: those that it needs. check_run,
	// check_suite, installation and installation_repositories go to every App. The stand-in
	// sends merge_group to an App that has merge_queues: read, since it has no other use for
	// that permission.
	Events []string

	RateLimit int  // requests an hour for each installation; 0: 15,000
	AppLimit  int  // requests an hour of the App itself, with its JSON web tokens; 0: they are not counted, as on an Enterprise Server
	OldTokens bool // 40 character tokens, as before 2026, instead of about 520
	NoEcho    bool // leave out the events about the App's own actions

	Viewer string // login of the person who writes and presses buttons on the pages; empty: the pages only show

	Now func() time.Time // nil: time.Now; see [Server.Advance]
}

// A Server is the stand-in. Its methods may be called from several goroutines at once.
type Server struct {
	opts   Options
	git    gitProgram
	routes http.Handler

	urlMu sync.RWMutex // not mu: pages and payloads ask for the URL while mu is held
	url   string

	http   *http.Server
	ctx    context.Context // of deliveries: ends with Close, so that a dead App cannot hold it up
	cancel context.CancelFunc

	actionsOnce sync.Once
	actionsKey  *rsa.PrivateKey // see ActionsKey

	mu         sync.Mutex // protects all fields below, and the fields of the objects they point to
	shift      time.Duration
	next       *NextStep // see SetNext
	lastID     int64
	accounts   map[string]*account // by lower-case login
	repos      map[string]*Repo    // by lower-case owner/name
	moved      map[string]int64    // earlier names of repositories, to their ids
	made       int                 // repositories so far
	installed  int                 // installations so far
	before     func(*http.Request) // see [Server.Before]
	installs   map[int64]*installation
	own        installation // counts the requests of the App itself
	tokens     map[string]*token
	comments   map[int64]*ReviewComment
	issueNotes map[int64]*IssueComment
	checks     map[int64]*CheckRun
	suites     map[int64]*checkSuite
	nodes      map[string]any // objects by their GraphQL ids
	writes     []Write
	faults     []*Fault
	webhookURL string
	deliveries []*Delivery
	teams      map[string][]string // "org/slug" to logins
	parents    map[string]string   // "org/slug" to the slug of the team that it is in
	kept       map[string]bool     // "org/slug org/repo" of the teams that cannot write to a repository

	credentials credentials

	outbox     chan outgoing // echoes of the App's own writes, sent in order by one goroutine
	outboxDone chan struct{}
	pending    int        // how many of them are not delivered yet
	delivered  *sync.Cond // signalled when pending sinks
	closeOnce  sync.Once
}

type account struct {
	id    int64
	login string
	kind  string // User, Organization, Bot
}

type installation struct {
	id        int64
	account   *account
	suspended bool
	created   time.Time
	all       bool
	repos     map[string]bool // full names when not all

	used  int // requests in the hour that ends at reset
	reset time.Time
}

// New makes a stand-in with no organisation in it. It needs git on the PATH.
func New(opts Options) (*Server, error) {
	if opts.Dir == "" {
		return nil, errors.New("fake GitHub: Options.Dir is empty")
	}
	if opts.AppID == 0 {
		opts.AppID = 1
	}
	if opts.AppSlug == "" {
		opts.AppSlug = "secbydesign"
	}
	if opts.RateLimit == 0 {
		opts.RateLimit = 15_000
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Permissions == nil {
		opts.Permissions = map[string]string{
			"metadata": "read", "contents": "read", "members": "read",
			"checks": "write", "pull_requests": "write",
		}
	}
	if opts.Events == nil {
		opts.Events = []string{
			"issue_comment", "issues", "pull_request", "pull_request_review_comment",
			"pull_request_review_thread", "push",
		}
	}
	if err := os.MkdirAll(opts.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("fake GitHub: %w", err)
	}
	git, err := findGit(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("fake GitHub: %w", err)
	}
	s := &Server{
		opts: opts, git: git, webhookURL: opts.WebhookURL,
		// Above 32 bits, as GitHub's own: a client that cuts them fails here too.
		lastID:   5_000_000_000,
		accounts: map[string]*account{}, repos: map[string]*Repo{}, moved: map[string]int64{},
		installs: map[int64]*installation{}, tokens: map[string]*token{},
		comments: map[int64]*ReviewComment{}, issueNotes: map[int64]*IssueComment{},
		checks: map[int64]*CheckRun{}, suites: map[int64]*checkSuite{},
		nodes: map[string]any{}, teams: map[string][]string{}, parents: map[string]string{}, kept: map[string]bool{},
		outbox: make(chan outgoing, 4096), outboxDone: make(chan struct{}),
	}
	s.delivered = sync.NewCond(&s.mu)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.routes, err = s.handler()
	if err != nil {
		return nil, fmt.Errorf("fake GitHub: %w", err)
	}
	s.account(s.botLogin(), "Bot")
	go s.sendOutbox(s.outbox)
	return s, nil
}

// ServeHTTP makes the stand-in usable with any HTTP server. Without [Server.Start], set its address with
// [Server.SetURL].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// Before makes the server call f at the beginning of each request to the API and of each request of git, so that a
// test can act between two requests. Nil ends that.
func (s *Server) Before(f func(*http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// Start serves on addr ("" is a free port of the loopback interface) until [Server.Close].
func (s *Server) Start(addr string) error {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("fake GitHub: %w", err)
	}
	s.SetURL("http://" + l.Addr().String())
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(l) }()
	return nil
}

// Close stops serving and sending. Repositories stay on disk.
func (s *Server) Close() {
	s.closeOnce.Do(func() {
		s.cancel()
		if s.http != nil {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if s.http.Shutdown(ctx) != nil {
				_ = s.http.Close()
			}
		}
		s.mu.Lock()
		close(s.outbox)
		s.outbox = nil
		s.mu.Unlock()
		<-s.outboxDone
	})
}

// URL returns the address of the stand-in, without a slash at the end, for the App's setting
// SECBYDESIGN_GITHUB_URL.
func (s *Server) URL() string {
	s.urlMu.RLock()
	defer s.urlMu.RUnlock()
	return s.url
}

// SetURL sets the address under which the stand-in is reached.
func (s *Server) SetURL(u string) {
	s.urlMu.Lock()
	defer s.urlMu.Unlock()
	s.url = strings.TrimRight(u, "/")
}

// api returns the address of a REST path, which begins with a slash.
func (s *Server) api(format string, args ...any) string {
	return s.URL() + "/api/v3" + fmt.Sprintf(format, args...)
}

func (s *Server) page(format string, args ...any) string {
	return s.URL() + fmt.Sprintf(format, args...)
}

// Advance moves the stand-in's clock: tokens expire and rate limits are reset.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shift += d
}

func (s *Server) now() time.Time { return s.opts.Now().Add(s.shift).UTC().Truncate(time.Second) }

func (s *Server) id() int64 { s.lastID++; return s.lastID }

func (s *Server) botLogin() string { return s.opts.AppSlug + "[bot]" }

// account returns an account. It creates the account when the login is first used.
func (s *Server) account(login, kind string) *account {
	key := strings.ToLower(login)
	if a := s.accounts[key]; a != nil {
		return a
	}
	if strings.HasSuffix(key, "[bot]") {
		kind = "Bot"
	}
	a := &account{id: int64(1000 + len(s.accounts)), login: login, kind: kind}
	s.accounts[key] = a
	return a
}

func (s *Server) user(login string) *account { return s.account(login, "User") }

// A Write is one request of the App that is meant to change something. Minting and
// revoking tokens does not count.
type Write struct {
	Method  string
	Path    string // without /api/v3; for GraphQL "graphql MUTATION"
	Status  int    // as answered, a fault included
	Body    string // the first 2,000 bytes
	Applied bool   // the stand-in's memory changed
}

// Writes lists the App's writes in order.
func (s *Server) Writes() []Write {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Write(nil), s.writes...)
}

// ResetWrites forgets the writes so far.
func (s *Server) ResetWrites() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = nil
}

// Subscribe subscribes the App to more events from now on.
func (s *Server) Subscribe(events ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Events = slices.Concat(s.opts.Events, events)
}

// SetLimits changes the requests an hour of an installation and of the App itself, see [Options], and begins a new hour.
func (s *Server) SetLimits(installation, app int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.RateLimit, s.opts.AppLimit = installation, app
	s.own.used, s.own.reset = 0, s.now().Add(time.Hour)
	for _, in := range s.installs {
		in.used, in.reset = 0, s.now().Add(time.Hour)
	}
}

// SetPermissions changes the App's permissions, in installations and in tokens minted from
// now on.
func (s *Server) SetPermissions(p map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Permissions = maps.Clone(p)
}
