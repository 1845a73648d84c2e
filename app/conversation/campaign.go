package conversation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/command"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

// This file executes the commands about campaigns.

const (
	// maxCampaigns is how many campaigns of commands run in a repository at once: each is compared with the old findings
	// of every changed file.
	maxCampaigns = 20

	// maxOwnedFiles is for how many files of a campaign the owners are looked up, and maxOwners for how many owners the
	// members.
	maxOwnedFiles = 5000
	maxOwners     = 20
)

// campaign lists campaigns, starts one, or stops one.
func (t *execution) campaign(ctx context.Context, line string, c command.Command) error {
	running, err := t.runningCampaigns(ctx)
	if err != nil {
		return err
	}
	switch {
	case c.Stop:
		return t.stopCampaign(ctx, line, c, running)
	case c.Until.IsZero():
		return t.listCampaigns(ctx)
	}
	team, problem, err := t.campaignTeam(ctx, c)
	switch {
	case err != nil:
		return err
	case problem == "" && len(running) >= maxCampaigns:
		problem = fmt.Sprintf("%d campaigns run here, and no more can: stop one first.", len(running))
	}
	if problem != "" {
		t.say(line, problem, "")
		return nil
	}
	one := record.Campaign{
		ID:   record.CampaignID(t.e.RepoID, strings.ToLower(t.e.Owner+"/"+t.e.Repo), t.request.Comment, t.line),
		Team: team, Rule: c.Rule, Path: c.Path, Until: c.Until, Text: c.Reason, Who: t.who.Login, Source: t.key,
	}
	if c.Code != "" {
		if err := one.Severity.UnmarshalText([]byte(c.Code)); err != nil {
			return fmt.Errorf("read the severity of a campaign: %w", err)
		}
	}
	for _, r := range running {
		if r.Team == one.Team && r.Rule == one.Rule && r.Path == one.Path && r.Severity == one.Severity {
			t.say(line, fmt.Sprintf("Campaign %s is about the same findings: stop it first if it should have another last day.", r.ID), command.Command{Verb: command.Campaign, Stop: true, Campaign: r.ID}.Line())
			return nil
		}
	}
	if err := t.record(record.CampaignStarted, one); err != nil {
		return err
	}
	t.started = append(t.started, one)
	t.reason = orRescan(t.reason, "campaign started")
	t.done(publish.Done, "Campaign `%s` of %s runs until %s. Pull requests that change the files show their old findings, which never count in the verdict. %s ends it.",
		one.ID, checks.Code(one.Team), one.Until.Format(time.DateOnly), checks.Code(command.Command{Verb: command.Campaign, Stop: true, Campaign: one.ID}.Line()))
	return nil
}

// campaignTeam returns the team that a campaign is of, or the reason why the person cannot start it: a plain sentence. A
// person starts campaigns for what their own team owns, or they themselves.
func (t *execution) campaignTeam(ctx context.Context, c command.Command) (team, problem string, err error) {
	if !t.who.Write {
		return "", "Only people who may write to this repository, and own the files, start a campaign.", nil
	}
	for _, glob := range []struct{ name, problem string }{{"rule", ruleProblem(c.Rule)}, {"path", pathProblem(c.Path)}} {
		if glob.problem != "" {
			return "", fmt.Sprintf("The %s cannot be used: %s.", glob.name, glob.problem), nil
		}
	}
	owners, some, err := t.ownersOfCampaign(ctx, c.Path)
	if err != nil {
		return "", "", err
	}
	named := owners
	if c.Team != "" {
		named = slices.DeleteFunc(slices.Clone(owners), func(o string) bool { return !strings.EqualFold(o, c.Team) })
	}
	switch {
	case !some:
		return "", "No file of the base branch matches this path.", nil
	case len(owners) == 0:
		return "", "Nobody owns these files, and a campaign is started by their owners: name them in CODEOWNERS first.", nil
	case len(named) == 0:
		return "", fmt.Sprintf("%s owns none of these files; their owners are %s.", c.Team, someOf(owners)), nil
	case len(named) > maxOwners:
		return "", fmt.Sprintf("These files have %d owners: name the team that starts the campaign, as in campaign @org/team.", len(named)), nil
	}
	who, err := people.Owns(ctx, t.gh, t.e.Owner, t.who, named)
	if err != nil {
		return "", "", err
	}
	mine := slices.DeleteFunc(slices.Clone(named), func(o string) bool {
		return !slices.Contains(who.Teams, strings.ToLower(o)) && !strings.EqualFold(o, "@"+who.Login)
	})
	switch len(mine) {
	case 0:
		return "", fmt.Sprintf("These files are owned by %s: a member of the owning team starts a campaign about them.", someOf(named)), nil
	case 1:
		return mine[0], "", nil
	}
	return "", fmt.Sprintf("You own these files as %s: name one of them, as in campaign %s.", someOf(mine), mine[0]), nil
}

func ruleProblem(glob string) string {
	if glob == "" {
		return ""
	}
	return policy.RuleProblem(glob)
}

func pathProblem(glob string) string {
	if glob == "" {
		return ""
	}
	return policy.PathProblem(glob)
}

// someOf names the first of a list.
func someOf(list []string) string { return scanners.Some(list, 5) }

// ownersOfCampaign returns the owners of the files of the base that match a path, each once, in the order of the files;
// some is false if none matches. Of very many files it reads the first ones.
func (t *execution) ownersOfCampaign(ctx context.Context, glob string) (owners []string, some bool, err error) {
	if t.owners == nil { // reading them also fetches the base
		if t.owners, err = t.ownerMap(ctx); err != nil {
			return nil, false, err
		}
	}
	paths, err := t.h.pathsAtBase(ctx, t.gh, t.pull)
	if err != nil {
		return nil, false, err
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return glob != "" && !policy.PathMatches(glob, path) })
	some = len(paths) > 0
	paths = paths[:min(len(paths), maxOwnedFiles)]
	t.owners.Prepare(paths)
	for _, path := range paths {
		for _, o := range t.owners.Of(path) {
			if !slices.ContainsFunc(owners, func(have string) bool { return strings.EqualFold(have, o) }) {
				owners = append(owners, o)
			}
		}
	}
	return owners, some, t.owners.Err()
}

// pathsAtBase lists the files of the base, which was fetched before.
func (h *Handler) pathsAtBase(ctx context.Context, gh *installation.Client, p pull.Pull) (paths []string, err error) {
	repo, err := h.Mirrors.Open(ctx, gh.Mirror(), mirror.Remote{URL: h.App.GitURL(p.Owner, p.Repo), Token: gh.GitToken})
	if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	_, files, err := repo.Tree(ctx, p.Base)
	if err != nil {
		return nil, fmt.Errorf("list the files of the base: %w", err)
	}
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	return paths, nil
}

// stopCampaign ends a campaign of the person's team.
func (t *execution) stopCampaign(ctx context.Context, line string, c command.Command, running []record.Campaign) error {
	i := slices.IndexFunc(running, func(r record.Campaign) bool { return r.ID == c.Campaign })
	if i < 0 {
		problem := c.Campaign + " is no campaign that runs here."
		if named, err := t.namedCampaigns(ctx); err != nil {
			return err
		} else if j := slices.IndexFunc(named, func(r record.Campaign) bool { return r.ID == c.Campaign }); j >= 0 {
			problem = fmt.Sprintf("Campaign %s is in the policy: remove it from %s.", named[j].Name, policy.File)
		}
		t.say(line, problem, "")
		return nil
	}
	who, err := people.Owns(ctx, t.gh, t.e.Owner, ownership.Person{Login: t.who.Login}, []string{running[i].Team})
	switch {
	case err != nil:
		return err
	case !t.who.Write || !who.Owns:
		t.say(line, fmt.Sprintf("Campaign %s is of %s: its members who may write to this repository stop it.", c.Campaign, running[i].Team), "")
		return nil
	}
	if err := t.record(record.CampaignEnded, record.CampaignEnd{ID: c.Campaign, Who: t.who.Login, Why: c.Reason, Source: t.key}); err != nil {
		return err
	}
	t.stopped = append(t.stopped, c.Campaign)
	t.reason = orRescan(t.reason, "campaign stopped")
	t.done(publish.Done, "Campaign `%s` is over.", c.Campaign)
	return nil
}

// namedCampaigns returns the campaigns of the policy that run.
func (t *execution) namedCampaigns(ctx context.Context) (list []record.Campaign, err error) {
	pol, err := t.policy(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range pol.Campaigns {
		if one := record.NamedCampaign(w.Name, w.Rule, w.Path, w.Severity, w.Until); one.Runs(t.h.Clock.Now()) {
			list = append(list, one)
		}
	}
	return list, nil
}

// runningCampaigns returns the campaigns of commands that run, after the earlier lines of the comment.
func (t *execution) runningCampaigns(ctx context.Context) ([]record.Campaign, error) {
	running, err := t.h.Ledger.Campaigns(ctx, t.e.Repository(), t.h.Clock.Now())
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Concat(running, t.started), func(r record.Campaign) bool { return slices.Contains(t.stopped, r.ID) }), nil
}

// campaigns lists the campaigns that run, and how far they are: a line of Markdown each.
func (t *execution) campaigns(ctx context.Context) (lines []string, err error) {
	running, err := t.runningCampaigns(ctx)
	if err != nil {
		return nil, err
	}
	named, err := t.namedCampaigns(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range slices.Concat(running, named) {
		p, err := t.h.Ledger.CampaignProgress(ctx, t.e.Repository(), one.ID)
		if err != nil {
			return nil, err
		}
		lines = append(lines, campaignItem(one, p))
	}
	return lines, nil
}

// listCampaigns answers with the campaigns that run.
func (t *execution) listCampaigns(ctx context.Context) error {
	lines, err := t.campaigns(ctx)
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		t.replies = append(t.replies, "No campaign runs here. The owners of files start one like this: "+
			checks.Code(command.Prefix+" campaign severity=high until=90d because [why now]"))
		return nil
	}
	t.replies = append(t.replies, "These campaigns run here:\n\n"+strings.Join(lines, "\n"))
	return nil
}

// campaignItem is one campaign in a list.
func campaignItem(c record.Campaign, p record.Progress) string {
	s := "- " + checks.Code(c.Label())
	if c.Team != "" {
		s += " of " + checks.Code(c.Team)
	} else {
		s += " of the policy"
	}
	var about []string
	if c.Rule != "" {
		about = append(about, "rule "+checks.Code(c.Rule))
	}
	if c.Path != "" {
		about = append(about, "path "+checks.Code(c.Path))
	}
	if c.Severity > scanners.Note {
		about = append(about, "at least "+c.Severity.String())
	}
	if len(about) > 0 {
		s += ", " + strings.Join(about, ", ")
	}
	s += fmt.Sprintf(", until %s: %d of %d fixed", c.Until.Format(time.DateOnly), p.Fixed, p.Known)
	if c.Text != "" {
		s += ". " + checks.Escape(c.Text)
	}
	return s
}

// offerCampaign returns a line about campaigns that works for this person: what they meant, if they may, else the list.
func (t *execution) offerCampaign(ctx context.Context, c command.Command) (string, error) {
	list := command.Command{Verb: command.Campaign}
	if c.Stop || c.Rule+c.Path+c.Code+c.Team == "" && c.Until.IsZero() {
		return list.Line(), nil
	}
	if c.Rule+c.Path+c.Code == "" {
		c.Code = scanners.High.String()
	}
	if c.Until.IsZero() {
		c.Until = t.request.At.UTC().Truncate(24*time.Hour).AddDate(0, 0, usualCampaign)
	}
	_, problem, err := t.campaignTeam(ctx, c)
	if err != nil || problem != "" {
		return list.Line(), err
	}
	return c.Line(), nil
}

// usualCampaign is how many days an offered campaign lasts.
const usualCampaign = 90
