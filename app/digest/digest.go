// Package digest keeps one issue for each team, with what the team has to decide next. It writes the texts (team.go and
// security.go, which only compute), and keeps the issues: digest.go chooses the teams that an event concerns, update.go
// writes the issue of one team, and comment.go says there once that a decision ends.
//
// It needs the App's optional permission to write issues; without it, or without an entry in the policy, a team has no
// issue.
package digest

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
)

const (
	// burst is how long changes are collected before an issue is edited. A digest is seen within a minute.
	burst = 20 * time.Second

	// margin is more than the clocks of two processes differ.
	margin = 5 * time.Second

	// recent is how long the queue remembers a task that is done. A warning that is older was handled.
	recent = 24 * time.Hour
)

// A Handler keeps digests. Its fields must not change after its first use; several goroutines may use it at once.
type Handler struct {
	App    *installation.App  // required
	Ledger *ledger.Ledger     // required
	Files  *policyfiles.Files // required
	Clock  *clock.Clock       // nil for the machine's

	// Submit is [queue.Queue.SubmitWith] of the queue that calls Do. Required, and set before the queue starts.
	Submit func(context.Context, ledger.Delivery, []queue.Request, []queue.Task, []ledger.Event) error

	// Teams lists who owns something in an organisation, in lower case, "" for what is unowned. List returns what a
	// team has to decide. Without either there are no digests.
	Teams func(ctx context.Context, org string) ([]string, error)
	List  func(ctx context.Context, org, team string, now time.Time) ([]record.Entry, error)

	// Outcomes returns the figures of a team up to now. Nil for none.
	Outcomes func(ctx context.Context, org, team string, now time.Time) (insight.Outcomes, error)
}

// A Request is the data of a task of the kind [record.Digest]. A task without data is an event in a repository, which
// concerns the teams that own something there. Other packages submit it with a [record.DigestEvent].
type Request struct {
	record.DigestEvent

	Team    string   `json:"team,omitempty"`    // set for the issue of one team in the task's repository
	Comment *Comment `json:"comment,omitempty"` // set for a comment on that issue
}

// Do does a task of the kind [record.Digest]. It may be done again.
func (h *Handler) Do(ctx context.Context, t queue.Task) error {
	if h.Teams == nil || h.List == nil {
		return nil
	}
	var r Request
	if len(t.Data) > 0 {
		if err := json.Unmarshal(t.Data, &r); err != nil {
			return fmt.Errorf("read what a digest is for: %w", err)
		}
	}
	switch {
	case r.Team == "":
		return h.concern(ctx, t, r)
	case r.Comment != nil:
		return h.comment(ctx, t, r.Team, *r.Comment)
	}
	return h.update(ctx, t, r.Team)
}

// concern submits a task for each digest that an event in a repository concerns, and for each comment.
func (h *Handler) concern(ctx context.Context, t queue.Task, r Request) error {
	gh, err := h.App.Client(ctx, t.Installation, t.RepoID, t.Owner, t.Repo)
	if err != nil {
		return err
	}
	pol, _, err := h.Files.Current(ctx, gh)
	if err != nil {
		return err
	}
	if len(pol.Digests) == 0 {
		return nil
	}
	comments, err := h.due(ctx, t, r)
	if err != nil {
		return err
	}
	var tasks []queue.Task
	for _, d := range pol.Digests {
		if problem := Problem(d, t.Owner, t.Repo); d.Repo == policy.NoDigest || problem != "" {
			if problem != "" {
				zerolog.Ctx(ctx).Info().Str("team", d.Team).Str("digest", d.Repo).Msg(problem)
			}
			continue
		}
		if pol.IsSecurity(d.Team) {
			tasks = append(tasks, h.weekly(t, d))
			continue
		}
		concerned, err := h.concerned(ctx, t, r, d)
		if err != nil {
			return err
		}
		if !concerned {
			continue
		}
		task, err := h.soon(ctx, t, d)
		if err != nil {
			return err
		}
		tasks = append(tasks, task)
		for _, c := range comments {
			tasks = append(tasks, h.task(t, d, c.key()+" "+d.Team, time.Time{}, Request{Comment: &c}))
		}
	}
	return h.Submit(ctx, ledger.Delivery{}, nil, tasks, nil)
}

// Problem says, in one plain sentence, why an entry of the policy cannot count for a repository; it is empty if it does.
func Problem(d policy.Digest, owner, repo string) string {
	target, _, _ := strings.Cut(d.Repo, "/")
	switch {
	case d.Repo == policy.NoDigest:
		return ""
	case !strings.EqualFold(target, owner):
		return "The digest of " + d.Team + " would be in another organisation, so it is not written."
	case d.Own && !strings.EqualFold(d.Repo, owner+"/"+repo):
		return "A repository's own file names only itself for a digest, so the one of " + d.Team + " is not written."
	}
	return ""
}

// concerned reports whether an event in a repository concerns the digest of a team.
func (h *Handler) concerned(ctx context.Context, t queue.Task, r Request, d policy.Digest) (bool, error) {
	if len(r.Teams) > 0 {
		return slices.ContainsFunc(r.Teams, func(team string) bool { return strings.EqualFold(team, d.Team) }), nil
	}
	entries, err := h.List(ctx, t.Owner, d.Team, h.Clock.Now())
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(entries, func(e record.Entry) bool { return of(e, t.Repository()) }) {
		return true, nil
	}
	// The last entry of the repository may be gone.
	known, err := h.Ledger.Digest(ctx, keyIn(d))
	if err != nil || known.Data == nil {
		return false, err
	}
	m, err := readMemory(known.Data)
	return m.has(t.Owner + "/" + t.Repo), err
}

// of reports whether an entry is of a repository.
func of(e record.Entry, repo ledger.Repo) bool {
	if e.RepoID != 0 && repo.ID != 0 {
		return e.RepoID == repo.ID
	}
	return strings.EqualFold(e.Owner, repo.Owner) && strings.EqualFold(e.Repo, repo.Name)
}

func keyIn(d policy.Digest) ledger.DigestKey {
	owner, repo, _ := strings.Cut(d.Repo, "/")
	return ledger.DigestKey{Owner: owner, Repo: repo, Team: d.Team}
}

// task returns a task for the digest of a team. It belongs to the repository with the issue.
func (h *Handler) task(from queue.Task, d policy.Digest, id string, at time.Time, r Request) queue.Task {
	owner, repo, _ := strings.Cut(d.Repo, "/")
	r.Team = d.Team
	t := queue.Task{Installation: from.Installation, Owner: owner, Repo: repo, Kind: record.Digest, ID: id, At: at, Data: encode(r)}
	if strings.EqualFold(owner, from.Owner) && strings.EqualFold(repo, from.Repo) {
		t.RepoID = from.RepoID
	}
	return t
}

// encode encodes a value of this package, which JSON can always represent.
func encode(r Request) json.RawMessage {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return b
}

// soon returns the task that writes a team's digest: at once if there is no issue, else together with what else happens
// in some seconds. The event of t is in the ledger already, so that the task reads it, even if another one made the task.
func (h *Handler) soon(ctx context.Context, t queue.Task, d policy.Digest) (queue.Task, error) {
	known, err := h.Ledger.Digest(ctx, keyIn(d))
	if err != nil {
		return queue.Task{}, err
	}
	if known.Issue == 0 {
		return h.task(t, d, d.Team+" first "+t.ID, time.Time{}, Request{}), nil
	}
	end := h.Clock.Now().Truncate(burst).Add(burst)
	return h.task(t, d, d.Team+" "+strconv.FormatInt(end.Unix(), 10), end.Add(margin), Request{}), nil
}

// weekly returns the task that writes a digest in this week: at once, unless this was done.
func (h *Handler) weekly(t queue.Task, d policy.Digest) queue.Task {
	return h.task(t, d, d.Team+" "+week(h.Clock.Now()), time.Time{}, Request{})
}

// next returns the task that writes a digest in the next week. The teams take turns in the first hours of Monday, UTC.
func (h *Handler) next(t queue.Task, d policy.Digest) queue.Task {
	monday := mondayOf(h.Clock.Now()).AddDate(0, 0, 7)
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(strings.ToLower(d.Team + " " + d.Repo)))
	at := monday.Add(4*time.Hour + time.Duration(sum.Sum32()%7200)*time.Second)
	return h.task(t, d, d.Team+" "+week(monday), at, Request{})
}

// mondayOf returns the first moment of the week of a time, in UTC.
func mondayOf(t time.Time) time.Time {
	d := date(t)
	return d.AddDate(0, 0, -(int(d.Weekday())+6)%7)
}

func week(t time.Time) string {
	year, n := t.UTC().ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, n)
}
