package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-github/v60/github"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/suppress"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// Group is the kind of the tasks for [Reviewer.MergeGroup]. Their data is a [Merge].
const Group = "group"

// Merge describes the merge group that a merge queue asks about.
type Merge struct {
	Head    string `json:"head"`
	Branch  string `json:"branch"`   // the queue's
	BaseRef string `json:"base_ref"` // the branch that is merged into
	Again   bool   `json:"again,omitempty"`
}

// MergeGroup reports the verdict on what a merge queue is about to merge: on all that it brings to the base branch,
// whatever base the queue's branch names. The content was scanned in the pull requests, so little of it is scanned
// again, and what was decided there holds here.
//
// A queue waits for its checks, so this ends: after three failures the check reports the group as incomplete, and the
// policy decides whether that lets the queue go on.
func (r *Reviewer) MergeGroup(ctx context.Context, e queue.Task) error {
	var m Merge
	if err := json.Unmarshal(e.Data, &m); err != nil {
		return fmt.Errorf("read the merge group: %w", err)
	}
	// The head of a pull request is judged there, with its history.
	if numbers, err := r.Ledger.PullsAt(ctx, e.Repository(), m.Head); err != nil || len(numbers) > 0 {
		return err
	}
	gh, err := r.App.Client(ctx, e.Installation, e.RepoID, e.Owner, e.Repo)
	if err != nil {
		return err
	}
	// At first GitHub may not know the group yet, which is a moment old.
	dropped := func(err error) bool { return e.Attempt >= patience && installation.NotFound(err) }
	place := publish.Head{Owner: e.Owner, Repo: e.Repo, SHA: m.Head, AppID: r.AppID}
	g, err := publish.StartGroup(ctx, publish.Clients{REST: gh.REST, GraphQL: gh.GraphQL}, place, m.Again)
	if dropped(err) {
		zerolog.Ctx(ctx).Info().Err(err).Msg("the merge group is gone")
		return nil
	}
	if err != nil {
		return err
	}
	rep, p, err := r.groupReport(ctx, gh, e, m)
	var limited *installation.RateLimited
	switch {
	case err == nil:
	case dropped(err):
		rep, err = r.unread(ctx, gh, p, "The merge group is not there any more.")
	case context.Cause(ctx) != nil, errors.As(err, &limited), errors.Is(err, installation.ErrGone), errors.Is(err, installation.ErrSuspended):
		return err
	case e.Attempt < patience && !errors.Is(err, mirror.ErrTooLarge):
		return err
	default:
		zerolog.Ctx(ctx).Error().Err(err).Msg("merge group given up")
		reason := "The merge group could not be read; the operator's log says why."
		if errors.Is(err, mirror.ErrTooLarge) {
			reason = reasonOf(err)
		}
		rep, err = r.unread(ctx, gh, p, reason)
	}
	if err != nil {
		return err
	}
	if err := g.Finish(ctx, rep); err != nil && !dropped(err) {
		return err
	}
	zerolog.Ctx(ctx).Info().Str("head", m.Head).Str("verdict", string(rep.Verdict)).Msg("merge group reviewed")
	return nil
}

// groupReport examines a group. With an error it returns the parts that are known by then.
func (r *Reviewer) groupReport(ctx context.Context, gh *installation.Client, e queue.Task, m Merge) (checks.Report, pull.Pull, error) {
	p := pull.Pull{RepoID: e.RepoID, Owner: e.Owner, Repo: e.Repo, Head: m.Head, BaseRef: m.BaseRef, Open: true}
	cmp, _, err := gh.REST.Repositories.CompareCommits(ctx, e.Owner, e.Repo, m.BaseRef, m.Head, &github.ListOptions{PerPage: 1})
	if err != nil {
		return checks.Report{}, p, fmt.Errorf("compare the group with its base: %w", err)
	}
	p.Base, p.MergeBase = cmp.GetBaseCommit().GetSHA(), cmp.GetMergeBaseCommit().GetSHA()
	repo, err := r.mirror(ctx, gh, p)
	if err != nil {
		return checks.Report{}, p, fmt.Errorf("open mirror: %w", err)
	}
	c := examine.Change{Repo: repo, Base: p.MergeBase, Head: p.Head, Parsers: r.Parsers}
	want := mirror.Want{SHAs: []string{p.Head, p.Base}, Refs: []string{"refs/heads/" + m.Branch}, Depth: 1}
	if c.Base == "" {
		c.Base = repo.EmptyTree()
	} else {
		want.SHAs = append(want.SHAs, c.Base)
	}
	if err := repo.Fetch(ctx, want); err != nil {
		return checks.Report{}, p, fmt.Errorf("fetch %s: %w", p.Head, err)
	}
	pol, _, notices, err := r.Files.Policy(ctx, gh.Installation, p, policyfiles.AtBase(repo, p))
	if err != nil {
		return checks.Report{}, p, err
	}
	ex, err := r.Examiner.Examine(ctx, c, pol, nil, nil)
	if err != nil {
		return checks.Report{}, p, err
	}
	numbers, err := r.Ledger.OpenPulls(ctx, p.Repository())
	if err != nil {
		return checks.Report{}, p, err
	}
	scope := decision.Scope{Pulls: map[int]bool{}, Group: true}
	for _, n := range numbers {
		scope.Pulls[n] = true
	}
	decisions, err := r.decisions(ctx, p, ex.Runs)
	if err != nil {
		return checks.Report{}, p, err
	}
	suppressions := suppress.New(ctx, r.Examiner.Scanners, c, p.Base, pol, r.Clock.Now())
	suppressions.Parse, suppressions.Owners = r.Ignores, r.owners(ctx, gh, c, p, pol)
	j, err := judge.Apply(judge.Case{
		Runs: ex.Runs, Policy: pol, Within: ex.Within, Decisions: decisions, Scope: scope,
		Suppress: func(gates []checks.Gate) error { return suppressions.Decide(ctx, ex, gates) },
		Adds:     judge.AddedBy(ex.Patch), Quiet: r.groupQuiet(ctx, p, numbers), Evidence: r.evidence(ctx, pol, p), Now: r.Clock.Now(),
	})
	if err != nil {
		return checks.Report{}, p, err
	}
	return checks.Compose(checks.Input{
		Base: c.Base, Head: p.Head, Patch: ex.Patch, Gates: j.Gates, NotRun: ex.NotRun, Notices: slices.Concat(notices, escaped(ex.Notices), judge.Lines(j.Fails), j.Quiet),
		Link: func(path string, line int) string { return link(r.App.WebURL(), p, path, line) },
	}), p, nil
}
