package fakegithub

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// A token is the token of an installation: a key to some repositories for one hour.
type token struct {
	secret  string
	install *installation
	repos   map[int64]bool // by id; nil: all repositories of the installation
	perms   map[string]string
	expires time.Time
}

func (t *token) reaches(r *Repo) bool {
	if t == nil || !t.install.reaches(r) {
		return false
	}
	return t.repos == nil || t.repos[r.id]
}

func (i *installation) reaches(r *Repo) bool {
	return r.owner == i.account && (i.all || i.repos[r.key()])
}

var levels = map[string]int{"": 0, "read": 1, "write": 2, "admin": 3}

// allows reads a specification as in the header X-Accepted-GitHub-Permissions: "a=read,b=write; c=write"
// where a comma is "and" and a semicolon "or".
// https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
func (t *token) allows(spec string) bool {
	for alternative := range strings.SplitSeq(spec, ";") {
		ok := true
		for one := range strings.SplitSeq(alternative, ",") {
			name, level, _ := strings.Cut(strings.TrimSpace(one), "=")
			ok = ok && levels[t.perms[name]] >= levels[level]
		}
		if ok {
			return true
		}
	}
	return false
}

const maxJWTLife = 10 * time.Minute // https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app

// checkJWT returns an error in GitHub's words if an App's JSON web token is not valid.
func (s *Server) checkJWT(raw string) *apiError {
	undecodable := fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
	if s.opts.PublicKey == nil {
		return undecodable
	}
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation(), jwt.WithJSONNumber())
	if _, err := parser.ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) { return s.opts.PublicKey, nil }); err != nil {
		return undecodable
	}
	exp, expOK := integer(claims["exp"])
	iat, iatOK := integer(claims["iat"])
	now := s.now()
	switch {
	case !expOK || exp <= now.Unix():
		return fail(http.StatusUnauthorized, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	case exp > now.Add(maxJWTLife).Unix():
		return fail(http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future")
	case !iatOK || iat > now.Unix():
		return fail(http.StatusUnauthorized, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	if fmt.Sprint(claims["iss"]) != strconv.FormatInt(s.opts.AppID, 10) {
		return fail(http.StatusNotFound, "Integration not found")
	}
	s.credentials.add(raw)
	return nil
}

// integer reads a claim as an integer. A date with a fraction is not an integer, and GitHub refuses it.
func integer(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

// Token mints an installation token without a JSON web token. Nil permissions stand for all of the
// App's; no repositories stand for all of the owner's. Token panics if the App is not installed
// there: only tests call it.
func (s *Server) Token(owner string, perms map[string]string, repos ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.installs {
		if strings.EqualFold(in.account.login, owner) {
			var ids map[int64]bool
			for _, name := range repos {
				if ids == nil {
					ids = map[int64]bool{}
				}
				if r, _ := s.find(owner, name); r != nil {
					ids[r.id] = true
				}
			}
			return s.mint(in, ids, perms, false).secret
		}
	}
	panic("fakegithub: the App is not installed on " + owner)
}

func (s *Server) mint(in *installation, repos map[int64]bool, perms map[string]string, old bool) *token {
	if perms == nil {
		perms = s.opts.Permissions
	}
	t := &token{
		secret: s.newSecret(old), install: in, repos: repos,
		perms: maps.Clone(perms), expires: s.now().Add(time.Hour),
	}
	if t.perms["metadata"] == "" {
		t.perms["metadata"] = "read" // every token has it
	}
	s.tokens[t.secret] = t
	s.credentials.add(t.secret)
	return t
}

// newSecret makes a token in the format of 2026, ghs_APPID_JWT with about 520 characters,
// or in the older one. https://github.blog/changelog/2026-05-15
func (s *Server) newSecret(old bool) string {
	random := make([]byte, 360)
	_, _ = rand.Read(random)
	if old {
		return "ghs_" + hex.EncodeToString(random[:18])
	}
	enc := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf("ghs_%d_%s.%s.%s", s.opts.AppID,
		enc([]byte(`{"alg":"ES256","typ":"JWT"}`)), enc(random[:290]), enc(random[290:354]))
}

type tokenRequest struct {
	Repositories  []string          `json:"repositories"`
	RepositoryIDs []int64           `json:"repository_ids"`
	Permissions   map[string]string `json:"permissions"`
}

func (s *Server) createToken(c *call) (answer, error) {
	in := s.installs[c.int64("id")]
	if in == nil {
		return answer{}, notFound()
	}
	if in.suspended {
		return answer{}, fail(http.StatusForbidden, "This installation has been suspended")
	}
	var req tokenRequest
	if err := c.decodeOptional(&req); err != nil {
		return answer{}, err
	}
	for name, level := range req.Permissions {
		if levels[level] == 0 || levels[s.opts.Permissions[name]] < levels[level] {
			return answer{}, fail(http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
		}
	}
	const maxNarrowing = 500
	if len(req.Repositories)+len(req.RepositoryIDs) > maxNarrowing {
		return answer{}, fail(http.StatusUnprocessableEntity, "Too many repositories")
	}
	var ids map[int64]bool
	var list []*Repo
	missing := fail(http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation.")
	add := func(r *Repo) bool {
		if r == nil || !in.reaches(r) {
			return false
		}
		if ids == nil {
			ids = map[int64]bool{}
		}
		ids[r.id] = true
		list = append(list, r)
		return true
	}
	for _, name := range req.Repositories {
		if strings.Contains(name, "/") || !add(s.repos[strings.ToLower(in.account.login+"/"+name)]) {
			return answer{}, missing
		}
	}
	for _, id := range req.RepositoryIDs {
		if !add(s.repoByID(id)) {
			return answer{}, missing
		}
	}
	old := s.opts.OldTokens
	switch c.r.Header.Get("X-GitHub-Stateless-S2S-Token") {
	case "enabled":
		old = false
	case "disabled":
		old = true
	}
	t := s.mint(in, ids, req.Permissions, old)
	body := object{
		"token": t.secret, "expires_at": stamp(t.expires), "permissions": t.perms,
		"repository_selection": "all",
	}
	if ids != nil {
		body["repository_selection"] = "selected"
		body["repositories"] = each(list, s.repoJSON)
	}
	return answer{status: http.StatusCreated, body: body}, nil
}

func (s *Server) revokeToken(c *call) (answer, error) {
	delete(s.tokens, c.tok.secret)
	return answer{status: http.StatusNoContent}, nil
}
