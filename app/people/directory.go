package people

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/pull"
)

// directoryAge is for how long an answer of GitHub about owners is used, and directorySize how many are kept.
const (
	directoryAge  = 10 * time.Minute
	directorySize = 10_000
)

// A Directory knows which owners exist, and which GitHub ignores. It keeps what GitHub answers for ten minutes: that is
// good enough to show whose a file is. For a decision use a new one. The zero value is ready. Several goroutines may use
// it at once.
type Directory struct {
	mu      sync.Mutex
	answers map[string]directoryAnswer
	now     func() time.Time // nil for the machine's
}

type directoryAnswer struct {
	why     string
	unknown map[spot]bool // of CODEOWNERS: what GitHub does not know
	at      time.Time
}

// A spot is an owner in a line of CODEOWNERS.
type spot struct {
	line  int
	owner string // in lower case
}

// Ignored returns the field Ignored of the map of owners at the base of a pull request. What GitHub does not answer
// counts as an owner: then only members of it can decide, and not everybody.
//
// Of CODEOWNERS it asks GitHub which owners it does not know, because they are gone or cannot write to the repository.
// Owners from elsewhere have to exist, and a person has to have write permission.
func (d *Directory) Ignored(ctx context.Context, gh *installation.Client, p pull.Pull) func(ownership.Claim) string {
	return func(c ownership.Claim) string {
		name, slug, isTeam := strings.Cut(strings.TrimPrefix(c.Owner, "@"), "/")
		answer := func(key string, ask func() (directoryAnswer, error)) directoryAnswer {
			a, err := d.cached(key, ask)
			if err != nil {
				zerolog.Ctx(ctx).Info().Err(err).Str("owner", c.Owner).Msg("GitHub does not say whether the owner exists; it counts as one")
			}
			return a
		}
		switch {
		case c.Source == ownership.ByCodeowners:
			key := fmt.Sprintf("codeowners %d %s", p.RepoID, p.Base)
			a := answer(key, func() (directoryAnswer, error) { return unknownOwners(ctx, gh, p) })
			if a.unknown[spot{c.Line, strings.ToLower(c.Owner)}] {
				return c.Owner + " does not exist, or cannot write to this repository, so GitHub ignores it"
			}
			return ""
		case isTeam:
			key := strings.ToLower(fmt.Sprintf("team %d %s", gh.Installation, c.Owner))
			return answer(key, func() (directoryAnswer, error) { return teamGone(ctx, gh, name, slug) }).why
		default:
			key := strings.ToLower(fmt.Sprintf("person %d %s", p.RepoID, name))
			return answer(key, func() (directoryAnswer, error) { return personGone(ctx, gh, p, name) }).why
		}
	}
}

// cached returns a recent answer, or asks. It does not keep errors.
func (d *Directory) cached(key string, ask func() (directoryAnswer, error)) (directoryAnswer, error) {
	now := time.Now
	if d.now != nil {
		now = d.now
	}
	d.mu.Lock()
	a, ok := d.answers[key]
	d.mu.Unlock()
	if ok && now().Sub(a.at) < directoryAge {
		return a, nil
	}
	a, err := ask()
	if err != nil {
		return directoryAnswer{}, err
	}
	a.at = now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.answers == nil || len(d.answers) >= directorySize {
		d.answers = map[string]directoryAnswer{}
	}
	d.answers[key] = a
	return a, nil
}

// unknownOwners asks GitHub which owners in CODEOWNERS at the base it does not know.
// https://docs.github.com/en/rest/repos/repos#list-codeowners-errors
func unknownOwners(ctx context.Context, gh *installation.Client, p pull.Pull) (a directoryAnswer, err error) {
	found, resp, err := gh.REST.Repositories.GetCodeownersErrors(ctx, p.Owner, p.Repo, &github.GetCodeownersErrorsOptions{Ref: p.Base})
	if resp != nil && resp.StatusCode == http.StatusNotFound && IsAnswer(err) {
		return a, nil // there is no such file
	}
	if err != nil {
		return a, fmt.Errorf("read the errors of CODEOWNERS: %w", err)
	}
	a.unknown = map[spot]bool{}
	for _, e := range found.Errors {
		if owner := ownerAt(e.Source, e.Column); e.Kind == "Unknown owner" && owner != "" {
			a.unknown[spot{e.Line, strings.ToLower(owner)}] = true
		}
	}
	return a, nil
}

// ownerAt returns the owner that begins in a column of a line, from 1.
func ownerAt(line string, column int) string {
	for i := range line {
		if column--; column == 0 {
			fields := strings.Fields(line[i:])
			if len(fields) > 0 && ownership.IsOwner(fields[0]) {
				return fields[0]
			}
			return ""
		}
	}
	return ""
}

// teamGone says that a team does not exist, if so. Without the permission to read members that is not known.
// https://docs.github.com/en/rest/teams/members#list-team-members
func teamGone(ctx context.Context, gh *installation.Client, org, slug string) (a directoryAnswer, err error) {
	teams, err := gh.Teams(ctx)
	if isForbidden(err) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	_, resp, err := teams.Teams.ListTeamMembersBySlug(ctx, org, slug, &github.TeamListTeamMembersOptions{ListOptions: github.ListOptions{PerPage: 1}})
	switch {
	case err == nil, isForbidden(err):
		return a, nil
	case resp != nil && resp.StatusCode == http.StatusNotFound && IsAnswer(err):
		return directoryAnswer{why: fmt.Sprintf("the team @%s/%s does not exist", org, slug)}, nil
	}
	return a, fmt.Errorf("look up the team @%s/%s: %w", org, slug, err)
}

// personGone says that a person cannot write to the repository, if so.
func personGone(ctx context.Context, gh *installation.Client, p pull.Pull, login string) (a directoryAnswer, err error) {
	who, _, err := Find(ctx, gh, p, login)
	if err == nil && !who.Write {
		a.why = "@" + login + " does not exist, or cannot write to this repository"
	}
	return a, err
}
