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

// tokenMargin is the life that a token must have left to be handed out: a fetch by git
// may take a while, and clocks differ. GitHub's tokens live for an hour.
const tokenMargin = 5 * time.Minute

// A purpose says what a token is for. Each has the least permissions that do.
type purpose string

const (
	forReview    purpose = "review"
	forGit       purpose = "git"
	forResolving purpose = "resolve review threads"
	forReacting  purpose = "react to comments"
	forTeams     purpose = "look up members of teams"
)

// A scope is what a token reaches.
type scope struct {
	repo    string // "#" and its id, or "owner/name" in lower case
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
	case forTeams:
		return &github.InstallationPermissions{Metadata: read, Members: read}
	default:
		return &github.InstallationPermissions{Contents: read}
	}
}

// permissionMap gives the permissions by the names of GitHub's API.
func permissionMap(p *github.InstallationPermissions) map[string]string {
	granted := map[string]string{}
	b, err := json.Marshal(p)
	if err != nil {
		return granted
	}
	// The struct holds strings alone, so this cannot fail where that did not.
	_ = json.Unmarshal(b, &granted)
	return granted
}

// A secret is a string that cannot be printed by accident. The string is behind a
// pointer because fmt does not ask unexported fields for their String method.
type secret struct{ s *string }

func (s secret) String() string   { return "[redacted]" }
func (s secret) GoString() string { return "[redacted]" }
func (s secret) reveal() string   { return *s.s }

// A source keeps one token and renews it. ghinstallation's own Transport is not used
// for that: it cannot forget a token, those who wait for it cannot give up, and those
// of several installations share fields without a lock.
type source struct {
	app          *App
	installation int64
	id           int64  // of the repository; 0 where it is not known
	repo         string // the name alone: GitHub knows the owner by the installation
	purpose      purpose

	minting chan struct{} // holds one value while somebody asks GitHub

	mu      sync.Mutex
	token   *secret              // guarded by mu; nil when there is none
	expires time.Time            // guarded by mu
	granted map[string]string    // guarded by mu
	repos   []*github.Repository // guarded by mu; as of the newest token
	drops   int                  // guarded by mu; counts drop, see get
}

// get gives a token that is good for [tokenMargin] at least. However many ask at once,
// GitHub is asked once.
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
	if s.id != 0 {
		asked.Repositories, asked.RepositoryIDs = nil, []int64{s.id}
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
	// What was asked for before a drop may not be what GitHub would give now.
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

// reached gives the repository that the newest token is for, nil if GitHub did not say.
func (s *source) reached() *github.Repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.repos) != 1 {
		return nil
	}
	return s.repos[0]
}

// drop forgets the token, and keeps one that is on its way from being kept.
func (s *source) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = nil
	s.drops++
}

// refused forgets t, unless another took its place already.
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

// Clocks differ. GitHub advises to date a token one minute back, and refuses one that
// ends more than ten minutes ahead; ghinstallation's own token is dated half a minute
// back and ends after one and a half.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
const (
	jwtBack  = time.Minute
	jwtAhead = 8 * time.Minute
)

// Sign keeps the issuer of the claims and sets their times.
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
