package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// The kinds of errands.
const (
	Comment = "comment" // with a [Said]
	Button  = "button"  // with a [Said]
	Group   = "group"   // with a [Merge]
	Expiry  = "expiry"  // of a decision

	// Acceptance and Revocation are of a decision too. Whoever decided or revoked it asked for a review
	// where they did.
	Acceptance = "acceptance"
	Revocation = "revocation"
)

// Said is what a person wrote or pressed.
type Said struct {
	Comment int64     `json:"comment,omitempty"` // 0 for a button
	Thread  int64     `json:"thread,omitempty"`  // the first comment of its thread; 0 for the conversation
	Sender  string    `json:"sender"`
	Lines   []string  `json:"lines,omitempty"`  // the commands, see package command
	Button  string    `json:"button,omitempty"` // its identifier
	Check   int64     `json:"check,omitempty"`  // the check run it stands on
	At      time.Time `json:"at"`
}

// The kinds of events that talk leaves in the ledger, beside those of decisions.
const (
	Carried   = "command.carried" // what a comment asked for is done, and what is to be answered
	NotUseful = "finding.not_useful"
	Assigned  = "finding.assigned"
	RerunOf   = "rerun.asked" // a person pressed "Re-run" on one check
)

// carried is what is known once a comment was carried out. The answer is kept, because it may
// have to be given by another process.
type carried struct {
	Key      string   `json:"key"`
	Sender   string   `json:"sender"`
	Lines    []string `json:"lines,omitempty"`
	Reply    string   `json:"reply,omitempty"`    // Markdown; empty where nothing must be said
	Quiet    string   `json:"quiet,omitempty"`    // to be said where no reaction is permitted
	Reaction string   `json:"reaction,omitempty"` // see package checks
}

// Errand does what is not a review. It has the form of [queue.Run].
func (r *Reviewer) Errand(ctx context.Context, e queue.Errand) error {
	var do func(context.Context, queue.Errand) error
	switch e.Kind {
	case Comment, Button:
		do = r.answer
	case Group:
		do = r.group
	case Expiry, Acceptance, Revocation:
		do = r.spread
	default:
		// Left behind by a newer version of this program, which will know it.
		return queue.Snooze{Until: time.Now().Add(time.Hour), Reason: "errand of an unknown kind"}
	}
	at, moved, err := r.elsewhere(ctx, errandRepo(e), e.Installation, do(ctx, e))
	if moved {
		e.Installation, e.Owner, e.Repo = at.Installation, at.Owner, at.Name
		err = do(ctx, e)
	}
	var limited *installation.RateLimited
	switch {
	case err == nil:
		return nil
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case outOfReach(err):
		zerolog.Ctx(ctx).Info().Err(err).Msg("errand given up: out of reach")
		return nil
	case errors.As(err, &limited):
		return queue.Snooze{Until: limited.Until, Reason: "GitHub's rate limit"}
	}
	return err
}

// spread has the pull requests looked at again in which a decision counted that is over, or may count that
// is new. Not only that in which it was made, which may be closed by now.
func (r *Reviewer) spread(ctx context.Context, e queue.Errand) error {
	repo, err := r.Ledger.Now(ctx, errandRepo(e))
	if err != nil {
		return err
	}
	concerns, reason := func(f facts) bool { return f.rely(e.ID) }, "a decision ended"
	if e.Kind == Acceptance {
		list, err := r.decisions(ctx, repo)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(list, func(d decision.Decision) bool { return d.ID == e.ID })
		if at < 0 || list[at].Ended != "" {
			return nil // it was taken back since
		}
		concerns, reason = func(f facts) bool { return f.await(list[at]) }, "decided elsewhere"
	}
	open, err := r.Ledger.OpenPulls(ctx, repo)
	if err != nil {
		return err
	}
	var reviews []queue.Request
	for _, n := range open {
		if n == e.Number && e.Kind != Expiry {
			continue
		}
		// First whether a review runs, which may have read the decision, and then what the last one says.
		known, err := r.Ledger.Heard(ctx, repo, n)
		if err != nil {
			return err
		}
		// The errand may be from before the App was installed anew.
		one := queue.Errand{Installation: known.Installation, RepoID: known.RepoID, Owner: known.Owner, Repo: known.Repo, Number: n}
		last, err := r.facts(ctx, one)
		if err != nil {
			return err
		}
		if n == e.Number || known.Generation != known.Reviewed || concerns(last) {
			reviews = append(reviews, again(one, reason))
		}
	}
	return r.Submit(ctx, ledger.Delivery{}, reviews, nil, nil)
}

// again asks for a review of a pull request that may be what it was.
func again(e queue.Errand, reason string) queue.Request {
	return queue.Request{
		Key:    queue.Key{Installation: e.Installation, Owner: e.Owner, Repo: e.Repo, Number: e.Number},
		RepoID: e.RepoID, Reason: reason, Force: true,
	}
}

// answer carries out what somebody said, once, and tells them.
func (r *Reviewer) answer(ctx context.Context, e queue.Errand) error {
	var said Said
	if err := json.Unmarshal(e.Data, &said); err != nil {
		return fmt.Errorf("read what was said: %w", err)
	}
	gh, err := r.App.Client(ctx, e.Installation, e.RepoID, e.Owner, e.Repo)
	if err != nil {
		return err
	}
	key := e.Kind + "-" + strings.ToLower(e.ID)
	what, done, err := r.wasCarried(ctx, e, key)
	if err != nil {
		return err
	}
	if !done {
		if what, err = r.carryOut(ctx, gh, e, said, key); err != nil {
			return err
		}
	}
	q := publish.Question{Owner: e.Owner, Repo: e.Repo, Number: e.Number, Key: key, Comment: said.Comment, Thread: said.Thread, Asked: said.At}
	if said.Button != "" {
		// Who presses twice wants to know once.
		q.Key = fmt.Sprintf("check-%d-%s", said.Check, said.Button)
	}
	return r.tell(ctx, gh, q, what)
}

func (r *Reviewer) wasCarried(ctx context.Context, e queue.Errand, key string) (carried, bool, error) {
	events, err := r.Ledger.Events(ctx, ledger.Filter{RepoID: e.RepoID, Owner: e.Owner, Repo: e.Repo, Number: e.Number, Kind: Carried})
	if err != nil {
		return carried{}, false, fmt.Errorf("read what was carried out: %w", err)
	}
	for _, event := range events {
		var c carried
		if err := json.Unmarshal(event.Data, &c); err != nil {
			return carried{}, false, fmt.Errorf("read event %d: %w", event.ID, err)
		}
		if c.Key == key {
			return c, true, nil
		}
	}
	return carried{}, false, nil
}

// tell answers by a reaction where that is enough and permitted, else by one reply.
func (r *Reviewer) tell(ctx context.Context, gh *installation.Client, q publish.Question, what carried) error {
	clients := publish.Clients{REST: gh.REST, GraphQL: gh.GraphQL}
	if what.Reply != "" {
		return publish.Answer(ctx, clients, q, what.Reply)
	}
	if what.Reaction != "" && q.Comment > 0 {
		reactor, err := gh.REST, error(nil)
		if q.Thread == 0 {
			reactor, err = gh.Reactor(ctx)
		}
		if err == nil {
			err = publish.React(ctx, reactor, q, what.Reaction)
		}
		if forbidden := (*installation.Forbidden)(nil); !errors.As(err, &forbidden) {
			return err
		}
	}
	if what.Quiet == "" {
		return nil
	}
	return publish.Answer(ctx, clients, q, what.Quiet)
}

// person finds out who somebody is in this repository: what GitHub lets them do there.
func person(ctx context.Context, gh *installation.Client, p pull.Pull, login string) (who ownership.Person, mayRead bool, err error) {
	who = ownership.Person{Login: login, Author: strings.EqualFold(login, p.Author)}
	level, resp, err := gh.REST.Repositories.GetPermissionLevel(ctx, p.Owner, p.Repo, login)
	if resp != nil && resp.StatusCode == http.StatusNotFound && refusedByGitHub(err) {
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

func refusedByGitHub(err error) bool {
	var e *github.ErrorResponse
	return errors.As(err, &e)
}

// codeowners reads who owns what, at the base.
func (r *Reviewer) codeowners(ctx context.Context, gh *installation.Client, p pull.Pull) (ownership.Owners, error) {
	repo, err := r.mirror(ctx, gh, p)
	if err != nil {
		return ownership.Owners{}, fmt.Errorf("open mirror: %w", err)
	}
	if err := repo.Fetch(ctx, mirror.Want{SHAs: []string{p.Base}, Depth: 1}); err != nil {
		return ownership.Owners{}, fmt.Errorf("fetch the base: %w", err)
	}
	return Owners(ctx, repo, p.Base)
}

// Owners reads who owns what, at a commit that is here.
func Owners(ctx context.Context, repo *mirror.Repo, commit string) (ownership.Owners, error) {
	for _, path := range ownership.Files() {
		text, ok, err := repo.ReadFile(ctx, commit, path)
		switch {
		case errors.Is(err, mirror.ErrNotFile):
		case errors.Is(err, mirror.ErrTooLarge):
			return ownership.Owners{}, nil // GitHub ignores it too
		case err != nil:
			return ownership.Owners{}, fmt.Errorf("read %s: %w", path, err)
		case ok:
			owners, problems := ownership.Parse(string(text))
			if len(problems) > 0 {
				zerolog.Ctx(ctx).Info().Str("file", path).Strs("problems", problems).Msg("lines of CODEOWNERS are left out")
			}
			return owners, nil
		}
	}
	return ownership.Owners{}, nil
}

// owns finds out whether a person is one of the owners. Where there are none, everybody is who
// may write.
func owns(ctx context.Context, gh *installation.Client, org string, who ownership.Person, owners []string) (ownership.Person, error) {
	who.Owns, who.Teams = len(owners) == 0, nil
	for _, owner := range owners {
		name, slug, isTeam := strings.Cut(strings.TrimPrefix(owner, "@"), "/")
		if !isTeam {
			who.Owns = who.Owns || strings.EqualFold(name, who.Login)
			continue
		}
		if !strings.EqualFold(name, org) {
			continue // GitHub knows no such owner
		}
		teams, err := gh.Teams(ctx)
		if forbidden := (*installation.Forbidden)(nil); errors.As(err, &forbidden) {
			continue // without members: read it is not known, and what is not known is no
		}
		if err != nil {
			return who, err
		}
		m, resp, err := teams.Teams.GetTeamMembershipBySlug(ctx, org, slug, who.Login)
		switch {
		case resp != nil && resp.StatusCode == http.StatusNotFound && refusedByGitHub(err):
		case err != nil:
			return who, fmt.Errorf("look up %s in %s: %w", who.Login, owner, err)
		case m.GetState() == "active":
			who.Owns = true
			who.Teams = append(who.Teams, strings.ToLower(owner))
		}
	}
	return who, nil
}

// askedAgain lists the checks that somebody asked to have made again and no review has, from all events
// of a pull request. A review that has finished knew what was asked before it started. What was asked
// while it ran it may have missed, at the latest between its verdict and its end.
func askedAgain(events []ledger.Event) (names []string, err error) {
	var started int // how many events there were when the newest review started
	var after int   // and when the newest that has finished did
	for i, e := range events {
		switch e.Kind {
		case Started:
			started = i
		case Finished:
			after = started
		}
	}
	for _, e := range events[after:] {
		if e.Kind != RerunOf {
			continue
		}
		var data struct{ Check string }
		if err := json.Unmarshal(e.Data, &data); err != nil {
			return nil, fmt.Errorf("read event %d: %w", e.ID, err)
		}
		if !slices.Contains(names, data.Check) {
			names = append(names, data.Check)
		}
	}
	return names, nil
}

// outdated reports whether the head's verdict is that of a draft that is none any more, or was made for
// another base: it may be milder than the one that is due, and must not be merged with meanwhile.
func outdated(events []ledger.Event, p pull.Pull) bool {
	for _, e := range slices.Backward(events) {
		if e.Kind != Finished || e.Head != p.Head {
			continue
		}
		var was facts
		if json.Unmarshal(e.Data, &was) != nil || was.Seen == nil {
			return false // an older version of this program did not keep it
		}
		return was.Seen.Draft && !p.Draft || was.Seen.Into != "" && was.Seen.Into != p.BaseRef
	}
	return false
}
