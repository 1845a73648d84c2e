package review

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/go-github/v60/github"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// TooLarge is the kind of the event that a review leaves when the change, or some of it, is over the limits.
const TooLarge = "review.too_large"

// A tooLarge event names the limits, so that others than these have the pull request reviewed again.
type tooLarge struct {
	Limits string `json:"limits"`
}

// limits names what decides whether a change is too large.
func (r *Reviewer) limits() string {
	return r.Examiner.Program + " " + r.Mirrors.Limits.String()
}

// Retry asks for reviews of open pull requests whose head was too large, or some of it, for other limits than
// those that hold now.
func (r *Reviewer) Retry(ctx context.Context) error {
	events, err := r.Ledger.Events(ctx, ledger.Filter{Kind: TooLarge})
	if err != nil {
		return err
	}
	type subject struct {
		repo   ledger.Repo
		number int
	}
	last := map[subject]ledger.Event{}
	for _, e := range events {
		repo := ledger.Repo{ID: e.RepoID}
		if e.RepoID == 0 {
			repo = ledger.Repo{Owner: e.Owner, Name: e.Repo}
		}
		last[subject{repo, e.Number}] = e
	}
	var list []queue.Request
	for s, e := range last {
		var was tooLarge
		if json.Unmarshal(e.Data, &was) == nil && was.Limits == r.limits() {
			continue
		}
		known, err := r.Ledger.Heard(ctx, s.repo, s.number)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		if known.Head != e.Head || known.Closed {
			continue
		}
		list = append(list, queue.Request{
			Key:    queue.Key{Installation: known.Installation, Owner: known.Owner, Repo: known.Repo, Number: known.Number},
			RepoID: known.RepoID, Reason: "it was too large for other limits", Force: true,
		})
	}
	if len(list) == 0 {
		return nil
	}
	return r.Submit(ctx, ledger.Delivery{}, list, nil, nil)
}

// reasonOf says to people why a change could not be read.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, mirror.ErrTooLarge):
		return "The change is too large to be read within this server's limits. Push a smaller one, or ask the operator to raise them."
	case errors.Is(err, context.DeadlineExceeded):
		return "Reading the change took too long. It is tried again; the operator's log says more."
	}
	return "The change could not be read. It is tried again; the operator's log says why."
}

// unread is the report when no scanner could look. It goes by the policy of the base as any other: what
// makes a change unreadable may be what its author put there, and a gate that could not look has not passed.
func (r *Reviewer) unread(ctx context.Context, gh *installation.Client, p pull.Pull, reason string) (checks.Report, error) {
	pol, _, notices, err := r.policy(ctx, gh.Installation, p, func(ctx context.Context) ([]byte, bool, error) { return r.readBase(ctx, gh, p) })
	unknown := errors.Is(err, errNoPolicy)
	if err != nil && !unknown {
		return checks.Report{}, err
	}
	if unknown {
		// Which gates block is not known, so all do. With another conclusion a required check would pass.
		pol = policy.Default()
		notices = append(notices, "The policy of the base could not be read either, so the check fails until it can be.")
	}
	var runs []scanners.Run
	add := func(name string, gate scanners.Gate) {
		if pol.Wants(name, gate) {
			runs = append(runs, scanners.Run{Scanner: name, Gate: gate, Err: &scanners.IncompleteError{Reason: reason}})
		}
	}
	for _, sc := range r.Examiner.Scanners {
		add(sc.Info().Name, sc.Info().Gate)
	}
	for _, name := range r.required(pol) {
		add(name, scanners.Code)
	}
	list := gates(runs, pol, nil, nil)
	for i := range list {
		list[i].Block = list[i].Block || unknown
	}
	list, ruled, err := r.judge(ctx, pol, p).judge(list, nil)
	if err != nil {
		return checks.Report{}, err
	}
	if !p.Draft { // nothing of a draft fails
		notices = append(notices, lines(ruled.fails)...)
	}
	in := checks.Input{Base: p.MergeBase, Head: p.Head, Gates: list, Draft: p.Draft, Notices: notices}
	if len(runs) == 0 {
		in.NotRun = allOff
	}
	return checks.Compose(in), nil
}

// errNoPolicy means that the policy of the base could not be read, and none was before.
var errNoPolicy = errors.New("the policy of the base is not known")

// errAway means that a file could not be read for a reason that is not its own.
var errAway = errors.New("could not be read")

// readBase reads the policy at the base of a pull request whose head may be out of reach: by git without
// the head, or by GitHub's API. Where neither works it is [errAway].
func (r *Reviewer) readBase(ctx context.Context, gh *installation.Client, p pull.Pull) ([]byte, bool, error) {
	text, ok, err := r.baseByGit(ctx, gh, p)
	if err == nil || errors.Is(err, mirror.ErrNotFile) {
		return text, ok, err
	}
	byGit := err
	text, ok, err = fileAt(ctx, gh, p)
	var limited *installation.RateLimited
	switch {
	case err == nil, errors.Is(err, mirror.ErrNotFile), errors.Is(err, mirror.ErrTooLarge):
		return text, ok, err
	case context.Cause(ctx) != nil:
		return nil, false, context.Cause(ctx)
	case errors.As(err, &limited), outOfReach(err):
		return nil, false, err
	}
	err = errors.Join(byGit, err)
	zerolog.Ctx(ctx).Warn().Err(err).Msg("the policy of the base could not be read")
	return nil, false, fmt.Errorf("%w: %w", errAway, err)
}

func (r *Reviewer) baseByGit(ctx context.Context, gh *installation.Client, p pull.Pull) ([]byte, bool, error) {
	if p.Base == "" {
		return nil, false, errAway
	}
	repo, err := r.mirror(ctx, gh, p)
	if err != nil {
		return nil, false, fmt.Errorf("open mirror: %w", err)
	}
	if err := repo.Fetch(ctx, mirror.Want{SHAs: []string{p.Base}}); err != nil {
		return nil, false, fmt.Errorf("fetch %s: %w", p.Base, err)
	}
	return repo.ReadFile(ctx, p.Base, policy.File)
}

// fileAt reads the policy at the base by GitHub's API. Not ok is: the commit is there, and the file is not.
func fileAt(ctx context.Context, gh *installation.Client, p pull.Pull) ([]byte, bool, error) {
	ref := p.Base
	if ref == "" {
		ref = "refs/heads/" + p.BaseRef // a tag may have the same name
	}
	file, _, _, err := gh.REST.Repositories.GetContents(ctx, p.Owner, p.Repo, policy.File, &github.RepositoryContentGetOptions{Ref: ref})
	if gone(err) { // the file, or the commit
		_, _, err := gh.REST.Repositories.GetCommit(ctx, p.Owner, p.Repo, url.PathEscape(strings.TrimPrefix(ref, "refs/")), &github.ListOptions{PerPage: 1})
		return nil, false, err
	}
	if err != nil {
		return nil, false, err
	}
	if file.GetType() != "file" {
		return nil, false, mirror.ErrNotFile
	}
	content, err := file.GetContent()
	if err != nil || content == "" && file.GetSize() > 0 { // GitHub leaves the content of large files out
		return nil, false, errors.Join(mirror.ErrTooLarge, err)
	}
	return []byte(content), true, nil
}
