package digest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// maxLessons is how many weaknesses a digest names.
const maxLessons = 3

// atMost bounds the work on one digest. It is shorter than a claim lasts.
const atMost = time.Minute

// A desk is the place of a digest: the repository that the policy names for it.
type desk struct {
	digest  policy.Digest
	policy  policy.Policy
	public  bool // everybody can read it
	gh      *installation.Client
	clients publish.Clients // with the permission for issues
	repo    ledger.Repo
	self    string
}

// desk opens the place of a team's digest in the repository of a task; ok is false if the policy names it no more, or without
// the permission.
func (h *Handler) desk(ctx context.Context, t queue.Task, team string) (d desk, ok bool, err error) {
	if d.gh, err = h.App.Client(ctx, t.Installation, t.RepoID, t.Owner, t.Repo); err != nil {
		return d, false, err
	}
	rest, graphql, err := d.gh.Issues(ctx)
	if forbidden := (*installation.Forbidden)(nil); errors.As(err, &forbidden) {
		zerolog.Ctx(ctx).Debug().Err(err).Msg("no digest without the permission to write issues")
		return d, false, nil
	}
	if err != nil {
		return d, false, err
	}
	d.clients, d.repo = publish.Clients{REST: rest, GraphQL: graphql}, t.Repository()
	if d.policy, d.public, err = h.Files.Current(ctx, d.gh); err != nil {
		return d, false, err
	}
	d.digest, ok = d.policy.Digest(team)
	if !ok || !strings.EqualFold(d.digest.Repo, t.Owner+"/"+t.Repo) || Problem(d.digest, t.Owner, t.Repo) != "" {
		return d, false, nil // the policy has changed
	}
	slug, _, err := h.App.Self(ctx)
	d.self = slug + "[bot]"
	return d, true, err
}

// update makes the issue of a team show its digest.
func (h *Handler) update(ctx context.Context, t queue.Task, team string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	d, ok, err := h.desk(ctx, t, team)
	if err != nil || !ok {
		return err
	}
	claim, err := h.Ledger.ClaimDigest(ctx, keyIn(d.digest))
	if errors.Is(err, ledger.ErrBusy) {
		return queue.Snooze{Until: time.Now().Add(3 * time.Second), Reason: "another task writes this digest"}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, claim.Release(context.WithoutCancel(ctx))) }()
	m, err := readMemory(claim.Data)
	if err != nil {
		return err
	}
	want := publish.DigestIssue{Owner: t.Owner, Repo: t.Repo, Team: team, Self: d.self, Known: claim.Issue}
	if d.policy.IsSecurity(team) {
		err = h.security(ctx, t, &want)
	} else {
		m, err = h.team(ctx, d, m, &want)
	}
	if err != nil {
		return err
	}
	number, err := publish.KeepDigest(ctx, d.clients, want)
	switch {
	case errors.Is(err, publish.ErrNoIssues):
		zerolog.Ctx(ctx).Info().Str("team", team).Msg("no digest: issues are switched off in its repository")
		return nil
	case err != nil:
		return err
	case number == 0:
		return nil
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if number != claim.Issue || string(data) != string(claim.Data) {
		if err := claim.Save(ctx, ledger.Digest{Issue: number, Data: data}); err != nil {
			return err
		}
	}
	return h.Submit(ctx, ledger.Delivery{}, nil, []queue.Task{h.next(t, d.digest)}, nil)
}

// team makes the text for a team. It returns what the next digest is compared with.
func (h *Handler) team(ctx context.Context, d desk, m memory, want *publish.DigestIssue) (memory, error) {
	now := h.Clock.Now()
	entries, err := h.List(ctx, d.repo.Owner, d.digest.Team, now)
	if err != nil {
		return m, err
	}
	text := Team{Team: d.digest.Team, Web: h.App.WebURL(), Now: now, Rules: d.policy.Guardrails.Accept}
	text.Entries, text.Hidden = d.scope(entries)
	if h.Outcomes != nil {
		outcomes, err := h.Outcomes(ctx, d.repo.Owner, d.digest.Team, now)
		if err != nil {
			return m, fmt.Errorf("read the figures of %s: %w", d.digest.Team, err)
		}
		text.Figures = outcomes.Figures
	}
	if text.Lessons, err = h.Ledger.Lessons(ctx, d.repo.Owner, d.digest.Team, now.Add(-insight.Period), maxLessons); err != nil {
		return m, err
	}
	text.Roads = d.policy.PavedRoads
	for i, l := range text.Lessons {
		if elsewhere := !strings.EqualFold(l.Owner, d.repo.Owner) || !strings.EqualFold(l.Repo, d.repo.Name); elsewhere && (d.public || d.digest.Own) {
			text.Lessons[i].Number = 0 // not everybody who reads this issue can read that repository
		}
	}
	s := text.snapshot()
	first := m.Week == ""
	m = m.turn(now, s)
	if !first {
		text.Before = m.base()
		if m.Before.At.IsZero() && len(text.gone()) == 0 {
			text.Before.At = time.Time{} // in the first week nothing is said of nothing
		}
	}
	want.Title, want.Body, want.Create = text.Title(), text.Body(), len(text.Entries) > 0
	return m.with(s), nil
}

// scope returns the entries that may be shown at the desk, and how many others there are. A digest that a repository's own
// file names is about that repository. Where everybody can read it, findings of other repositories are not shown.
func (d desk) scope(entries []record.Entry) (shown []record.Entry, hidden int) {
	if !d.digest.Own && !d.public {
		return entries, 0
	}
	shown = slices.DeleteFunc(slices.Clone(entries), func(e record.Entry) bool { return !of(e, d.repo) })
	if d.digest.Own {
		return shown, 0
	}
	return shown, len(entries) - len(shown)
}

// security makes the text for the security team.
func (h *Handler) security(ctx context.Context, t queue.Task, want *publish.DigestIssue) error {
	since := h.Clock.Now().AddDate(0, 0, -healthDays)
	var events []ledger.Event
	for _, kind := range healthKinds {
		list, err := h.Ledger.Events(ctx, ledger.Filter{Owner: t.Owner, Kind: kind, Since: since})
		if err != nil {
			return err
		}
		events = append(events, list...)
	}
	slices.SortFunc(events, func(a, b ledger.Event) int { return int(a.ID - b.ID) })
	health, err := HealthOf(events)
	if err != nil {
		return err
	}
	teams, err := h.Teams(ctx, t.Owner)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, team := range teams {
		list, err := h.List(ctx, t.Owner, team, h.Clock.Now())
		if err != nil {
			return err
		}
		for _, e := range list {
			if !seen[keyOf(e)] {
				seen[keyOf(e)] = true
				health.Entries++
				if team == "" {
					health.Unowned++
				}
			}
		}
	}
	want.Title, want.Body, want.Create = SecurityTitle(want.Team), health.Body(want.Team), true
	return nil
}
