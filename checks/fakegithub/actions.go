package fakegithub

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/golang-jwt/jwt/v4"
)

// The only part of Actions in the stand-in is the issuer that signs the tokens of jobs, at the address of
// a GitHub Enterprise Server: URL/_services/token.
// https://docs.github.com/en/actions/reference/security/oidc

const actionsKeyID = "key-of-actions"

// Claims holds the claims of a token about its job.
type Claims map[string]any

func (s *Server) actionsIssuer() string { return s.URL() + "/_services/token" }

func (s *Server) actionsRoutes(mux chi.Router) {
	serve := func(path string, body func() object) {
		mux.Get("/_services/token/.well-known/"+path, func(w http.ResponseWriter, r *http.Request) {
			if f := s.fault(r.Method, r.URL.Path); f != nil && f.play(w, r) {
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(body())
		})
	}
	serve("openid-configuration", func() object {
		return object{
			"issuer": s.actionsIssuer(), "jwks_uri": s.actionsIssuer() + "/.well-known/jwks", "subject_types_supported": []string{"public", "pairwise"},
			"response_types_supported": []string{"id_token"}, "id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid"},
		}
	})
	serve("jwks", func() object {
		key := s.ActionsKey().PublicKey
		return object{"keys": []object{{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": actionsKeyID,
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}}
	})
}

// ActionsKey returns the key that signs the tokens of jobs.
func (s *Server) ActionsKey() *rsa.PrivateKey {
	s.actionsOnce.Do(func() {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		must(err)
		s.actionsKey = key
	})
	return s.actionsKey
}

// JobToken returns the signed token that a job with the permission id-token: write gets. The claims
// override those that every token has; a nil value removes a claim.
func (s *Server) JobToken(audience string, claims Claims) string {
	now := time.Now().Add(-time.Second)
	all := jwt.MapClaims{
		"iss": s.actionsIssuer(), "aud": audience, "jti": fmt.Sprint("job-", now.UnixNano()), "sub": fmt.Sprintf("repo:%v:ref:%v", claims["repository"], claims["ref"]),
		"iat": now.Unix(), "nbf": now.Unix() - 300, "exp": now.Unix() + 300, "runner_environment": "github-hosted",
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, all)
	token.Header["kid"] = actionsKeyID
	signed, err := token.SignedString(s.ActionsKey())
	must(err)
	s.credentials.add(signed)
	return signed
}

// PushClaims returns the claims of a job that a push to a branch starts, in a workflow given by its path.
// The job runs on the branch's newest commit.
func (r *Repo) PushClaims(branch, workflow string) Claims {
	return r.claims("push", "refs/heads/"+branch, r.Tip(branch), workflow)
}

// PullClaims returns the claims of a job that a pull request starts. The job runs on refs/pull/N/merge,
// which PullClaims merges again from both branches, and its workflow is from there.
func (r *Repo) PullClaims(n int, workflow string) Claims {
	r.s.mu.Lock()
	p := r.s.mustPull(r.owner.login, r.name, n)
	ref := fmt.Sprintf("refs/pull/%d/merge", n)
	sha, err := r.merge(r.tip(p.BaseRef), p.HeadSHA, fmt.Sprintf("Merge %s into %s", p.HeadSHA, p.BaseRef))
	must(err)
	_, err = r.git("update-ref", ref, sha)
	must(err)
	base, head := p.BaseRef, p.HeadRef
	r.s.mu.Unlock()
	c := r.claims("pull_request", ref, sha, workflow)
	c["base_ref"], c["head_ref"] = base, head
	return c
}

func (r *Repo) claims(event, ref, sha, workflow string) Claims {
	file := fmt.Sprintf("%s/%s@%s", r.FullName(), workflow, ref)
	return Claims{
		"repository": r.FullName(), "repository_id": fmt.Sprint(r.id), "repository_owner": r.owner.login, "event_name": event, "ref": ref, "ref_type": "branch",
		"sha": sha, "workflow_ref": file, "workflow_sha": sha, "job_workflow_ref": file, "job_workflow_sha": sha, "base_ref": "", "head_ref": "",
	}
}

// mergeBy makes the commits with which a pull request is merged, and returns the last of them.
func (r *Repo) mergeBy(method, into string, p *Pull) (string, error) {
	message := fmt.Sprintf("%s (#%d)", p.Title, p.Number)
	switch method {
	case "squash":
		tree, err := r.git("merge-tree", "--write-tree", into, p.HeadSHA)
		if err != nil {
			return "", err
		}
		return r.commitTree(tree, into, message)
	case "rebase":
		tip := into
		for _, sha := range p.commitIDs() {
			// With its parent as the base of the merge, only what the commit itself changes is merged.
			as, err := r.commitTree(tip+"^{tree}", sha+"^", "as if made from the same parent")
			if err != nil {
				return "", err
			}
			tree, err := r.git("merge-tree", "--write-tree", as, sha)
			if err != nil {
				return "", err
			}
			if tip, err = r.commitTree(tree, tip, message); err != nil {
				return "", err
			}
		}
		return tip, nil
	}
	return r.merge(into, p.HeadSHA, fmt.Sprintf("Merge pull request #%d from %s", p.Number, p.HeadRef))
}

// commitTree makes a commit of a tree.
func (r *Repo) commitTree(tree, parent, message string) (string, error) {
	sha, err := r.s.git.run(r.dir, "", "-c", "user.name=GitHub", "-c", "user.email=noreply@example.com", "commit-tree", strings.TrimSpace(tree), "-p", parent, "-m", message)
	return strings.TrimSpace(sha), err
}

// merge makes a merge commit of two commits.
func (r *Repo) merge(into, from, message string) (string, error) {
	tree, err := r.git("merge-tree", "--write-tree", into, from)
	if err != nil {
		return "", err
	}
	sha, err := r.s.git.run(r.dir, "", "-c", "user.name=GitHub", "-c", "user.email=noreply@example.com", "commit-tree", strings.TrimSpace(tree),
		"-p", into, "-p", from, "-m", message)
	return strings.TrimSpace(sha), err
}
