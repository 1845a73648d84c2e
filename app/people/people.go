// Package people finds out the role of a person in a repository: permissions, teams, and ownership.
package people

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/pull"
)

// Find returns what a person may do in the repository of a pull request, according to GitHub. mayRead is false if
// the login may not read the repository.
func Find(ctx context.Context, gh *installation.Client, p pull.Pull, login string) (who ownership.Person, mayRead bool, err error) {
	who = ownership.Person{Login: login, Author: strings.EqualFold(login, p.Author)}
	level, resp, err := gh.REST.Repositories.GetPermissionLevel(ctx, p.Owner, p.Repo, login)
	if resp != nil && resp.StatusCode == http.StatusNotFound && IsAnswer(err) {
		return who, false, nil
	}
	if err != nil {
		return who, false, fmt.Errorf("read what %s may do: %w", login, err)
	}
	switch level.GetPermission() {
	case "admin", "write":
		who.Write = true
	case "read":
	default:
		return who, false, nil
	}
	switch level.GetUser().GetRoleName() {
	case "admin", "maintain":
		who.Lead = true
	}
	return who, true, nil
}

// IsAnswer reports whether err is an answer from GitHub, as opposed to a failure to get one.
func IsAnswer(err error) bool {
	var e *github.ErrorResponse
	return errors.As(err, &e)
}

// isForbidden reports whether the App lacks a permission.
func isForbidden(err error) bool {
	var forbidden *installation.Forbidden
	return errors.As(err, &forbidden)
}

// Owns sets whether a person is one of the owners, directly or as a member of a team or of a team in it, as GitHub says
// now. Without owners, everybody who may write counts as one. Teams whose members the App may not read, for which it
// needs the permission members: read, are in the field Unread; nobody counts as a member of them.
func Owns(ctx context.Context, gh *installation.Client, org string, who ownership.Person, owners []string) (ownership.Person, error) {
	who.Owns, who.Unowned, who.Teams, who.Unread = len(owners) == 0, len(owners) == 0, nil, nil
	for _, owner := range owners {
		name, slug, isTeam := strings.Cut(strings.TrimPrefix(owner, "@"), "/")
		if !isTeam {
			who.Owns = who.Owns || strings.EqualFold(name, who.Login)
			continue
		}
		if !strings.EqualFold(name, org) {
			continue // GitHub does not accept such an owner
		}
		teams, err := gh.Teams(ctx)
		if isForbidden(err) {
			who.Unread = append(who.Unread, owner)
			continue // membership is unknown, which counts as no
		}
		if err != nil {
			return who, err
		}
		m, resp, err := teams.Teams.GetTeamMembershipBySlug(ctx, org, slug, who.Login)
		switch {
		case isForbidden(err): // the permission was taken away in the meantime
			who.Unread = append(who.Unread, owner)
		case resp != nil && resp.StatusCode == http.StatusNotFound && IsAnswer(err):
		case err != nil:
			return who, fmt.Errorf("look up %s in %s: %w", who.Login, owner, err)
		case m.GetState() == "active":
			who.Owns = true
			who.Teams = append(who.Teams, strings.ToLower(owner))
		}
	}
	return who, nil
}
