package conversation

import (
	"context"
	"fmt"
	"strings"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/checks"
)

// ownersOf returns the owners of a path at the base, and the person with their ownership of it. Both are read from GitHub
// now: a decision relies on them.
func (t *execution) ownersOf(ctx context.Context, path string) ([]string, ownership.Person, error) {
	if t.owners == nil {
		var err error
		if t.owners, err = t.ownerMap(ctx); err != nil {
			return nil, t.who, err
		}
	}
	owners := t.owners.Of(path)
	if err := t.owners.Err(); err != nil {
		return nil, t.who, err
	}
	who, err := people.Owns(ctx, t.gh, t.e.Owner, t.who, owners)
	return owners, who, err
}

// ownerMap reads who owns what at the base.
func (t *execution) ownerMap(ctx context.Context) (*ownership.Map, error) {
	pol, err := t.policy(ctx)
	if err != nil {
		return nil, err
	}
	repo, err := t.h.Mirrors.Open(ctx, t.gh.Mirror(), mirror.Remote{URL: t.h.App.GitURL(t.pull.Owner, t.pull.Repo), Token: t.gh.GitToken})
	if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	if err := repo.Fetch(ctx, mirror.Want{SHAs: []string{t.pull.Base}, Depth: 1}); err != nil {
		return nil, fmt.Errorf("fetch the base: %w", err)
	}
	return examine.Owners(ctx, repo, t.pull.Base, t.pull.Owner, pol, (&people.Directory{}).Ignored(ctx, t.gh, t.pull), t.h.Parsers)
}

// unread says that the App may not read who is in teams that own a file, and what would help; empty if it may. The App
// counts nobody as a member then, so a refusal may be for that reason alone.
func unread(who ownership.Person) string {
	if len(who.Unread) == 0 {
		return ""
	}
	return " I cannot see who is in " + strings.Join(who.Unread, ", ") + ": an owner of the organisation has to grant the App Organization permissions → Members: read."
}

// ownersText says, as Markdown, who owns a file and by which line, or why nobody does.
func ownersText(owners []string, a ownership.Owned) string {
	if why := a.Unowned(); why != "" {
		return "Nobody owns the file: " + checks.Escape(why) + "."
	}
	var list []string
	for _, o := range owners {
		list = append(list, checks.Code(o))
	}
	return "The file is owned by " + strings.Join(list, ", ") + ". " + checks.Escape(a.Where) + " says so."
}
