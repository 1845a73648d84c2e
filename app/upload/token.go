package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Issuer is who signs the tokens of jobs on the GitHub at this address.
// https://docs.github.com/en/actions/reference/security/oidc
func Issuer(github string) string {
	if github == "https://github.com" {
		return "https://token.actions.githubusercontent.com"
	}
	return github + "/_services/token"
}

// Claims are what GitHub says of the job that sends results, and what nobody else could say.
type Claims struct {
	Repository   string `json:"repository"`
	RepositoryID string `json:"repository_id"`
	Event        string `json:"event_name"`
	SHA          string `json:"sha"` // for a pull request that of a merge which only GitHub has
	Ref          string `json:"ref"`

	// The file of the workflow, OWNER/REPO/PATH@REF, and the commit that it was taken from. The
	// second pair is the reusable workflow that the job is in, and as the first where it is in none.
	WorkflowRef    string `json:"workflow_ref"`
	WorkflowSHA    string `json:"workflow_sha"`
	JobWorkflowRef string `json:"job_workflow_ref"`
	JobWorkflowSHA string `json:"job_workflow_sha"`
}

// A Verifier tells whether a token is what it says. Several goroutines may use it at once.
type Verifier struct {
	issuer, audience string
	client           *http.Client

	mu   sync.Mutex
	keys *oidc.RemoteKeySet // guarded by mu; nil until asked for
}

// NewVerifier makes one for tokens of the issuer that are meant for the audience. It asks nobody yet.
func NewVerifier(issuer, audience string) *Verifier {
	return &Verifier{issuer: issuer, audience: audience, client: &http.Client{
		Transport: &memory{next: http.DefaultTransport, answers: map[string]answer{}},
		Timeout:   10 * time.Second,
	}}
}

// errAway means that the issuer's keys cannot be had now.
var errAway = errors.New("the issuer's keys cannot be had")

// verify gives the claims of a token. It is [errAway] when that cannot be told.
func (v *Verifier) verify(ctx context.Context, token string) (Claims, error) {
	keys, err := v.keySet(ctx)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %w", errAway, err)
	}
	watched := &watched{KeySet: keys}
	config := &oidc.Config{ClientID: v.audience, SupportedSigningAlgs: []string{oidc.RS256}} // the only one GitHub uses
	verified, err := oidc.NewVerifier(v.issuer, watched, config).Verify(ctx, token)
	if watched.away != nil {
		return Claims{}, fmt.Errorf("%w: %w", errAway, watched.away)
	}
	if err != nil {
		return Claims{}, err
	}
	if ahead := time.Until(verified.IssuedAt); verified.IssuedAt.Unix() <= 0 || ahead > skew {
		return Claims{}, errors.New("it was issued in the future, or does not say when")
	}
	var c Claims
	if err := verified.Claims(&c); err != nil {
		return Claims{}, fmt.Errorf("read claims: %w", err)
	}
	return c, c.check()
}

// skew is how far clocks may be apart.
const skew = 5 * time.Minute

var commit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// id is the number of the repository, and 0 where the token has none.
func (c Claims) id() int64 {
	id, err := strconv.ParseInt(c.RepositoryID, 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// check tells which claim is not there. GitHub has always had these.
func (c Claims) check() error {
	switch {
	case strings.Count(c.Repository, "/") != 1 || c.id() <= 0:
		return errors.New("it names no repository")
	case !commit.MatchString(c.SHA) || !strings.HasPrefix(c.Ref, "refs/") || c.Event == "":
		return errors.New("it names no event, ref and commit")
	}
	return nil
}

func (v *Verifier) keySet(ctx context.Context) (*oidc.RemoteKeySet, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys != nil {
		return v.keys, nil
	}
	ctx = oidc.ClientContext(ctx, v.client)
	provider, err := oidc.NewProvider(ctx, v.issuer)
	if err != nil {
		return nil, err
	}
	var found struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&found); err != nil {
		return nil, err
	}
	v.keys = oidc.NewRemoteKeySet(ctx, found.Keys)
	return v.keys, nil
}

// watched tells whether a signature could not be looked at, which a verifier does not tell from a
// wrong one.
type watched struct {
	oidc.KeySet
	away error
}

func (w *watched) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := w.KeySet.VerifySignature(ctx, token)
	if errors.Unwrap(err) != nil { // only what keeps the keys from coming is wrapped
		w.away = err
	}
	return payload, err
}

// A memory asks for the same address once a minute. A token that is signed with an unknown key has
// the keys asked for again, and anybody can make one up.
type memory struct {
	next http.RoundTripper

	mu      sync.Mutex
	answers map[string]answer // guarded by mu
}

type answer struct {
	status int
	header http.Header
	body   string
	at     time.Time
}

const (
	memoryAge  = time.Minute
	maxAnswer  = 1 << 20
	maxAnswers = 10
)

func (m *memory) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.answers[r.URL.String()]
	if !ok || time.Since(a.at) > memoryAge {
		resp, err := m.next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return nil, err
		}
		a = answer{status: resp.StatusCode, header: resp.Header, body: string(body), at: time.Now()}
		if len(m.answers) >= maxAnswers {
			clear(m.answers)
		}
		if a.status == http.StatusOK {
			m.answers[r.URL.String()] = a
		}
	}
	return &http.Response{
		StatusCode: a.status, Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), Header: a.header.Clone(),
		Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}
