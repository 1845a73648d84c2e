package policy

import (
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// maxDigests bounds how many issues of the App one event may concern.
const maxDigests = 500

// NoDigest is the value of `digest` for a team that wants no issue.
const NoDigest = "none"

// A Digest says where the digest of a team is.
type Digest struct {
	Team string // "@org/team" or "@person", as written
	Repo string // "owner/repo", or [NoDigest]

	// Own is set if the repository's own file names the issue. Such a digest contains only what this repository
	// has, because the file of one repository does not decide who may read about the others.
	Own bool
}

var (
	digestTeam = regexp.MustCompile(`^@[A-Za-z0-9][A-Za-z0-9-]{0,38}(/[A-Za-z0-9._-]{1,100})?$`)
	digestRepo = regexp.MustCompile(`^(none|[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100})$`)

	digestNames = &names{
		func(r *reader, e strictyaml.Entry) bool {
			if !digestTeam.MatchString(e.Key) {
				r.Problem(e.Place, "%s is not a team; write it like @acme/payments", strictyaml.Quote(e.Key))
				return false
			}
			return sameOwner(r, e)
		},
		schema{"pattern": digestTeam.String()},
	}
)

// sameOwner requires that a team's digest is in a repository of its organisation. The schema cannot compare a key with its
// value.
func sameOwner(r *reader, e strictyaml.Entry) bool {
	org, _, isTeam := strings.Cut(e.Key[1:], "/")
	if !isTeam || !e.Value.Is(strictyaml.Text) {
		return true // the value has its own check
	}
	repo := e.Value.Node.Text
	if repo == NoDigest || !digestRepo.MatchString(repo) {
		return true
	}
	if owner, _, _ := strings.Cut(repo, "/"); !strings.EqualFold(owner, org) {
		r.Problem(e.Value.Place, "the digest of %s must be in a repository of %s, not in %s", e.Key, org, strictyaml.Quote(repo))
		return false
	}
	return true
}

// digests is the entry of the table for the issues of the teams.
func digests() *spec {
	return &spec{
		about: "The repository in which a team has the issue with its digest. A team without an entry has none.",
		name:  "digest", example: `{"@acme/payments": "acme/security"}`, names: digestNames, most: maxDigests,
		each: &spec{about: "Of the same organisation, or none.", read: readDigest, schema: schema{"type": "string", "pattern": digestRepo.String()}},
	}
}

func readDigest(r *reader, v strictyaml.Value) (any, bool) {
	s, ok := r.Text(v, "the repository of a digest", "acme/security")
	if !ok {
		return nil, false
	}
	if !digestRepo.MatchString(s) || strings.HasSuffix(s, "/.") || strings.HasSuffix(s, "/..") {
		r.Problem(v.Place, "%s is not a repository; write it like acme/security, or none", strictyaml.Quote(s))
		return nil, false
	}
	return s, true
}

// guardDigests refuses entries of the repository's file beside those of the organisation's: the organisation decides where
// a digest is that it names. Names are compared without case.
func (p *Policy) guardDigests(theirs map[string]Value) {
	for id, v := range p.values {
		if v.Key[0] != "digest" || v.Origin.Layer != Repository {
			continue
		}
		for _, have := range theirs {
			if have.Key[0] == "digest" && strings.EqualFold(have.Key[1], v.Key[1]) {
				p.refuse(v, "the organisation's file says where this digest is", have.Origin)
				delete(p.values, id)
				p.values[have.Key.id()] = have
				break
			}
		}
	}
}

// addDigest adds the entry of a value. Of a team that is written twice in different cases the first one in the order of the alphabet counts.
func (p *Policy) addDigest(v Value) {
	p.Digests = append(p.Digests, Digest{Team: v.Key[1], Repo: v.Data.(string), Own: v.Origin.Layer == Repository})
	slices.SortFunc(p.Digests, func(a, b Digest) int {
		return strings.Compare(strings.ToLower(a.Team)+"\n"+a.Team, strings.ToLower(b.Team)+"\n"+b.Team)
	})
}

// Digest returns where the digest of a team or person is; ok is false if there is no entry, or if it is [NoDigest].
func (p Policy) Digest(team string) (d Digest, ok bool) {
	for _, d := range p.Digests {
		if strings.EqualFold(d.Team, team) {
			return d, d.Repo != NoDigest
		}
	}
	return Digest{}, false
}

// IsSecurity reports whether a team or person belongs to ownership.security.
func (p Policy) IsSecurity(team string) bool {
	return slices.ContainsFunc(p.Security, func(s string) bool { return strings.EqualFold(s, team) })
}
