package installation

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"github.com/google/go-github/v60/github"
)

// tokenMargin is the minimum remaining life of a token that is returned: a fetch by git may take a while, and
// clocks differ. GitHub's tokens live for an hour.
const tokenMargin = 5 * time.Minute

// A purpose is the purpose of a token. Each has the fewest permissions that suffice.
type purpose string

const (
	forReview    purpose = "review"
	forGit       purpose = "git"
	forResolving purpose = "resolve review threads"
	forReacting  purpose = "react to comments"
	forTeams     purpose = "look up members of teams"
	forIssues    purpose = "work on issues"
	forListing   purpose = "list open pull requests"
)

// A scope is what a token gives access to.
type scope struct {
	repo    string // "#" and its id, or "owner/name" in lower case; empty for all repositories of the installation
	purpose purpose
}

func (p purpose) permissions() *github.InstallationPermissions {
	read, write := github.String("read"), github.String("write")
	switch p {
	case forReview:
		return &github.InstallationPermissions{Metadata: read, Contents: read, Checks: write, PullRequests: write}
	case forResolving:
		return &github.InstallationPermissions{Metadata: read, Contents: write, PullRequests: write}
	case forReacting:
		return &github.InstallationPermissions{Metadata: read, Issues: write}
	case forIssues:
		return &github.InstallationPermissions{Metadata: read, Issues: write, PullRequests: read}
	case forTeams:
		return &github.InstallationPermissions{Metadata: read, Members: read}
	case forListing:
		return &github.InstallationPermissions{Metadata: read, PullRequests: read}
	default:
		return &github.InstallationPermissions{Contents: read}
	}
}

// permissionMap returns the permissions with their names in GitHub's API.
func permissionMap(p *github.InstallationPermissions) map[string]string {
	granted := map[string]string{}
	b, err := json.Marshal(p)
	if err != nil {
		return granted
	}
	// The struct contains only strings, so this cannot fail if Marshal did not.
	_ = json.Unmarshal(b, &granted)
	return granted
}

// A secret is a string that cannot be printed by accident. It is stored through a pointer because fmt does not
// call the String method of unexported fields.
type secret struct{ s *string }

func (s secret) String() string   { return "[redacted]" }
func (s secret) GoString() string { return "[redacted]" }
func (s secret) reveal() string   { return *s.s }

// A source keeps one token and renews it. The Transport of ghinstallation is not used for that: it cannot forget
// a token, goroutines waiting for it cannot give up, and the Transports of several installations share fields
// without a lock.
type source struct {
	app          *App
	installation int64
	id           int64  // of the repository; 0 if not known
	repo         string // only the name: the installation determines the owner; empty for all repositories
	purpose      purpose

	minting chan struct{} // holds one value while a goroutine asks GitHub

	mu      sync.Mutex
	token   *secret              // guarded by mu; nil if there is no token
	expires time.Time            // guarded by mu
	granted map[string]string    // guarded by mu
	repos   []*github.Repository // guarded by mu; from the answer with the newest token
	drops   int                  // guarded by mu; counts drop, see get
}

// get returns a token that is valid for at least [tokenMargin]. Concurrent calls share one request to GitHub.
func (s *source) get(ctx context.Context) (*secret, error) {
	if t := s.fresh(); t != nil {
		return t, nil
	}
	select {
	case s.minting <- struct{}{}:
		defer func() { <-s.minting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if t := s.fresh(); t != nil {
		return t, nil
	}
	s.mu.Lock()
	drops := s.drops
	s.mu.Unlock()

	asked := &github.InstallationTokenOptions{Repositories: []string{s.repo}, Permissions: s.purpose.permissions()}
	switch {
	case s.id != 0:
		asked.Repositories, asked.RepositoryIDs = nil, []int64{s.id}
	case s.repo == "":
		asked.Repositories = nil
	}
	got, _, err := s.app.rest.Apps.CreateInstallationToken(ctx, s.installation, asked)
	if err != nil {
		return nil, fmt.Errorf("get a token of installation %d to %s: %w", s.installation, s.purpose, err)
	}
	if got.GetToken() == "" {
		return nil, fmt.Errorf("get a token of installation %d to %s: %w", s.installation, s.purpose,
			errors.New("there is none in the answer"))
	}
	t := &secret{got.Token}
	s.mu.Lock()
	defer s.mu.Unlock()
	// A token requested before a drop may differ from what GitHub would return now.
	if s.drops == drops {
		s.token, s.expires = t, got.GetExpiresAt().Time
	}
	s.granted, s.repos = permissionMap(got.GetPermissions()), got.Repositories
	return t, nil
}

func (s *source) fresh() *secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == nil || time.Until(s.expires) < tokenMargin {
		return nil
	}
	return s.token
}

// reached returns the repository of the newest token, or nil if GitHub did not name it.
func (s *source) reached() *github.Repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.repos) != 1 {
		return nil
	}
	return s.repos[0]
}

// drop forgets the token. A token that is being requested at that moment will not be kept either.
func (s *source) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = nil
	s.drops++
}

// refused forgets t, unless another token has replaced it.
func (s *source) refused(t *secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == t {
		s.token = nil
	}
}

func (s *source) permissions() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.granted)
}

// A signer signs JSON web tokens with the App's key.
type signer struct{ key *rsa.PrivateKey }

// Clocks differ. GitHub recommends to date a token one minute back, and refuses one that expires more than ten
// minutes ahead; ghinstallation's own token is dated half a minute back and expires after one and a half.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
const (
	jwtBack  = time.Minute
	jwtAhead = 8 * time.Minute
)

// Sign replaces the times of the claims and keeps their issuer.
func (s *signer) Sign(claims jwt.Claims) (string, error) {
	c, ok := claims.(*jwt.RegisteredClaims)
	if !ok {
		return "", fmt.Errorf("unexpected claims of type %T", claims)
	}
	now := time.Now().Truncate(time.Second)
	return jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer:    c.Issuer,
		IssuedAt:  jwt.NewNumericDate(now.Add(-jwtBack)),
		ExpiresAt: jwt.NewNumericDate(now.Add(jwtAhead)),
	}).SignedString(s.key)
}
