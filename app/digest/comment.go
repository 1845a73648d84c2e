package digest

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// patience is how long a comment waits for the issue to be created.
const patience = 2 * time.Minute

// A Comment says on the issue of a team that a decision ends in some days, or has ended. It is written once.
type Comment struct {
	Decision string    `json:"decision"` // "A-…"
	Days     int       `json:"days"`     // until its end; 0 if its last day has passed
	RepoID   int64     `json:"repo_id,omitempty"`
	Owner    string    `json:"owner"`
	Repo     string    `json:"repo"`
	At       time.Time `json:"at"` // when it was recorded
}

// key names the comment. It is a part of its marker.
func (c Comment) key() string {
	if c.Days == 0 {
		return "over-" + strings.ToLower(c.Decision)
	}
	return fmt.Sprintf("ends-%s-%d", strings.ToLower(c.Decision), c.Days)
}

// due lists the comments for which there is a reason: the warnings that were recorded for the repository lately, and a
// decision that is over.
func (h *Handler) due(ctx context.Context, t queue.Task, r Request) (list []Comment, err error) {
	base := Comment{RepoID: t.RepoID, Owner: t.Owner, Repo: t.Repo}
	if r.Over != "" {
		c := base
		c.Decision, c.At = r.Over, time.Now()
		list = append(list, c)
	}
	// The time of an event may be that of a clock that was moved.
	since := time.Now()
	if now := h.Clock.Now(); now.Before(since) {
		since = now
	}
	warned, err := h.Ledger.Events(ctx, ledger.Filter{
		RepoID: t.RepoID, Owner: t.Owner, Repo: t.Repo, Number: t.Number, Kind: record.DecisionWarned, Since: since.Add(-recent),
	})
	if err != nil {
		return nil, fmt.Errorf("read warnings: %w", err)
	}
	for _, e := range warned {
		w, err := record.ReadOwnership[record.Warning](e.ID, e.Data)
		if err != nil {
			return nil, err
		}
		if w.Days <= 0 {
			continue
		}
		c := base
		c.Decision, c.Days, c.At = w.ID, w.Days, e.At
		list = append(list, c)
	}
	return list, nil
}

// comment writes a comment on the issue of a team, once. Without an issue it writes nothing.
func (h *Handler) comment(ctx context.Context, t queue.Task, team string, c Comment) error {
	d, ok, err := h.desk(ctx, t, team)
	if err != nil || !ok {
		return err
	}
	known, err := h.Ledger.Digest(ctx, keyIn(d.digest))
	if err != nil {
		return err
	}
	if known.Issue == 0 {
		if age := time.Since(c.At); age >= 0 && age < patience {
			return queue.Snooze{Until: time.Now().Add(10 * time.Second), Reason: "the issue of the digest is not there yet"}
		}
		return nil
	}
	found, err := h.Ledger.Decisions(ctx, ledger.Repo{ID: c.RepoID, Owner: c.Owner, Name: c.Repo}, ledger.Which{IDs: []string{c.Decision}})
	if err != nil || len(found) == 0 {
		return err
	}
	entries, err := h.List(ctx, t.Owner, team, h.Clock.Now())
	if err != nil {
		return err
	}
	entries, _ = d.scope(entries)
	i := slices.IndexFunc(entries, func(e record.Entry) bool { return concerns(e, found[0], c) })
	if i < 0 || c.Days > 0 && found[0].Ended != "" {
		return nil // another team's, or something else was decided
	}
	mention, err := h.mention(ctx, d, found[0])
	if err != nil {
		return err
	}
	asked := time.Now()
	if c.At.Before(asked) {
		asked = c.At
	}
	text := Team{Team: d.digest.Team, Web: h.App.WebURL(), Now: h.Clock.Now(), Rules: d.policy.Guardrails.Accept}
	q := publish.Question{Owner: t.Owner, Repo: t.Repo, Number: known.Issue, Key: c.key(), Asked: asked}
	return publish.Answer(ctx, d.clients, q, mention+", "+text.ends(entries[i], found[0], c.Days))
}

// concerns reports whether an entry is about a decision.
func concerns(e record.Entry, d decision.Decision, c Comment) bool {
	if !of(e, ledger.Repo{ID: c.RepoID, Owner: c.Owner, Name: c.Repo}) {
		return false
	}
	if c.Days == 0 {
		return e.State == record.EntryExpired && (e.Decision == d.ID || e.Fingerprint == d.Fingerprint)
	}
	return e.Decision == d.ID && (e.State == record.EntryAccepted || e.State == record.EntryDeferred)
}

var loginPattern = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$`)

// mention mentions the owner of a decision: who asked for it, or the team if they may not read the issue any more.
func (h *Handler) mention(ctx context.Context, d desk, made decision.Decision) (string, error) {
	if loginPattern.MatchString(made.Asked) {
		_, reads, err := people.Find(ctx, d.gh, pull.Pull{Owner: d.repo.Owner, Repo: d.repo.Name}, made.Asked)
		if err != nil {
			return "", err
		}
		if reads {
			return "@" + made.Asked, nil
		}
	}
	return d.digest.Team, nil
}

// ends is the text of a comment, after the mention.
func (t Team) ends(e record.Entry, d decision.Decision, days int) string {
	what := fmt.Sprintf("`%s` on `%s` in %s, **%s** %s", plainID(d.ID), plainID(e.ID), t.link(e), e.Severity, title(e.Title))
	if days == 0 {
		return "the decision " + what + ", has ended: its last day was " + day(d.Until) + ".\n\nThe finding is on the list above again. That alone fails no check.\n\n" + t.commands([]record.Entry{e})
	}
	return fmt.Sprintf("the decision %s, ends in %s, on %s.\n\nFix it by then, or decide again in that pull request.\n\n%s",
		what, count(days, "day", "days"), day(d.Until), t.commands([]record.Entry{e}))
}
