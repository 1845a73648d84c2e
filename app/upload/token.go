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

// Issuer returns the issuer of the tokens for jobs on the GitHub at this address.
// https://docs.github.com/en/actions/reference/security/oidc
func Issuer(github string) string {
	if github == "https://github.com" {
		return "https://token.actions.githubusercontent.com"
	}
	return github + "/_services/token"
}

// Claims are GitHub's statements about the job that sends results. They are signed, so nobody else can make them.
type Claims struct {
	Repository   string `json:"repository"`
	RepositoryID string `json:"repository_id"`
	Event        string `json:"event_name"`
	SHA          string `json:"sha"` // for a pull request, the commit of a merge that exists only at GitHub
	Ref          string `json:"ref"`

	// The file of the workflow, OWNER/REPO/PATH@REF, and the commit from which it was taken. The second pair is
	// the reusable workflow that contains the job; without one, it equals the first.
	WorkflowRef    string `json:"workflow_ref"`
	WorkflowSHA    string `json:"workflow_sha"`
	JobWorkflowRef string `json:"job_workflow_ref"`
	JobWorkflowSHA string `json:"job_workflow_sha"`
}

// A Verifier verifies tokens. Several goroutines may use it at once.
type Verifier struct {
	issuer, audience string
	client           *http.Client

	mu   sync.Mutex
	keys *oidc.RemoteKeySet // guarded by mu; nil until first needed
}

// NewVerifier returns a Verifier for tokens from the issuer for the audience. It sends no request yet.
func NewVerifier(issuer, audience string) *Verifier {
	return &Verifier{issuer: issuer, audience: audience, client: &http.Client{
		Transport: &memory{next: http.DefaultTransport, answers: map[string]answer{}},
		Timeout:   10 * time.Second,
	}}
}

// errAway means that the issuer's keys are not available at the moment.
var errAway = errors.New("the issuer's keys cannot be had")

// verify verifies a token and returns its claims. The error is [errAway] if the token cannot be verified at the
// moment.
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

// skew is the largest accepted difference between clocks.
const skew = 5 * time.Minute

var commit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// id returns the repository's id, or 0 if the token has none.
func (c Claims) id() int64 {
	id, err := strconv.ParseInt(c.RepositoryID, 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// check returns an error if a required claim is missing. GitHub has always sent these.
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

// watched records the error if a signature could not be verified because the keys were unavailable. The verifier
// itself does not distinguish this from a wrong signature.
type watched struct {
	oidc.KeySet
	away error
}

func (w *watched) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := w.KeySet.VerifySignature(ctx, token)
	if errors.Unwrap(err) != nil { // only errors from fetching the keys are wrapped
		w.away = err
	}
	return payload, err
}

// A memory caches answers for a minute. A token signed with an unknown key makes the key set fetch the keys
// again, and anybody can forge such a token.
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
