// Package publish makes a pull request show a report, and answers people. It is the only place that
// writes to GitHub.
//
// A [Run] reads the state on the pull request (existing.go), has package checks compare it with the wanted
// state, and carries out the fewest writes. It can be started again at any moment, after a crash, a
// redelivery or by two processes at once, and ends in the same state. It reads the state from GitHub alone:
// each thread and each comment of ours carries a hidden marker, so the program's own store may be lost.
//
//   - run.go writes checks, threads, the summary and issues; card.go writes the card of the design; group.go writes the
//     checks of a merge group; digest.go finds the issue with the digest of a team;
//     output.go has what a check shows in the form of GitHub's API.
//   - samehead.go handles several pull requests with the same head, which share one check on GitHub.
//   - reply.go answers one person.
package publish

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/shurcooL/githubv4"

	"github.com/secbydesign/secbydesign/checks"
)

// Limits of GitHub's API.
const (
	// maxAnnotations is how many annotations one request may hold; further ones are appended
	// by updates (https://docs.github.com/rest/checks/runs#update-a-check-run).
	maxAnnotations = 50

	// maxMessage bounds an annotation's message, which GitHub limits to 64 KB.
	maxMessage = 60_000

	// maxTitle is GitHub's limit for an annotation's title. GitHub documents no limit for a check's
	// title.
	maxTitle = 255

	// reviewBatch is our own limit: GitHub documents none for the comments of one review.
	reviewBatch = 30
)

// Clients holds the clients with which a Run calls GitHub.
type Clients struct {
	REST    *github.Client   // required
	GraphQL *githubv4.Client // required

	resolver *githubv4.Client // see ResolveWith
}

// A Head is one head of one pull request.
type Head struct {
	Owner, Repo string
	Number      int
	SHA         string // 40 hex digits
	AppID       int64
	DetailsURL  string // where the check run's "Details" leads; empty for GitHub's default
}

// A Run is the review of one head as GitHub shows it. It is for one goroutine. Its methods
// return GitHub's errors wrapped; after any of them the caller may retry with a new Run.
type Run struct {
	clients Clients
	head    Head
	issue   bool                        // head names an issue that is no pull request, see Checklists
	runs    map[string]*github.CheckRun // ours on this head, newest of each name
	unsure  bool                        // a write failed, but GitHub may have carried it out, so runs may be outdated

	siblings []int                    // see ShareWith
	others   map[int]*github.CheckRun // verdicts of other pull requests on this head, by their numbers

	threads []checks.Thread
	moved   bool            // threads are not those that Start read any more
	stale   bool            // GitHub may have more threads than we know
	opened  map[string]bool // fingerprints whose threads we opened and GitHub does not list yet

	// Commented, if not nil, is called once, after the first comment that this run writes: a thread, the summary or the
	// card.
	Commented func()
}

// commented calls Commented the first time.
func (r *Run) commented() {
	if r.Commented != nil {
		r.Commented()
		r.Commented = nil
	}
}

// Start shows that a review has begun, and reads our check runs and threads on the pull request. A head
// that has a verdict keeps it until the next verdict, unless again is set, for example because a
// person pressed "Re-run".
func Start(ctx context.Context, c Clients, p Head, again bool) (*Run, error) {
	r := &Run{clients: c, head: p, opened: map[string]bool{}}
	var err error
	if r.runs, r.others, err = ours(ctx, c, p); err != nil {
		return nil, err
	}
	have := r.runs[checks.Name]
	fresh := have == nil || have.GetStatus() == "completed" && (again || have.GetConclusion() == string(checks.Cancelled))
	if fresh {
		if r.runs[checks.Name], err = r.create(ctx, checks.Check{Name: checks.Name, Title: "Scanning the change", Summary: "Findings appear here and in the diff as soon as they are known.\n"}, "", false); err != nil {
			return nil, err
		}
	}
	if r.threads, err = r.list(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Threads returns our threads on the pull request, open and closed. The slice must not be
// changed.
func (r *Run) Threads() []checks.Thread { return r.threads }

// Publish shows at once what is known so far, see [checks.Gate.Pending]: the gates that are done and their
// findings. It may be called any number of times before [Run.Finish]. It closes no thread of a
// scanner that is still running, and shows no verdict.
func (r *Run) Publish(ctx context.Context, rep checks.Report) error {
	_, _, err := r.gatesAndThreads(ctx, rep)
	return err
}

// Finish makes the pull request show the report: the gates first, then the threads, the summary, and the
// verdict last, so that a verdict never appears before the things that it mentions. If the pull request
// shows the report already, Finish writes nothing. It may be called again, for example when a scanner
// that was over its budget ends after all.
func (r *Run) Finish(ctx context.Context, rep checks.Report) error {
	rep, unplaced, err := r.gatesAndThreads(ctx, rep)
	if err != nil {
		return err
	}
	if err := r.retire(ctx, rep); err != nil {
		return err
	}
	if err := r.summarise(ctx, rep, unplaced); err != nil {
		return err
	}
	verdict := rep.Check
	if len(unplaced) > 0 {
		verdict = rep.Without(unplaced)
	}
	return r.verdict(ctx, verdict, rep.Digest())
}

// retire completes the checks of gates that applied to this head before and do not now, for example
// because the policy changed. The check of the card is not one of a gate, see [Run.Card].
func (r *Run) retire(ctx context.Context, rep checks.Report) error {
	for _, name := range slices.Sorted(maps.Keys(r.runs)) {
		if name == rep.Check.Name || name == checks.RequirementsCheck || slices.ContainsFunc(rep.Gates, func(c checks.Check) bool { return c.Name == name }) {
			continue
		}
		c := checks.Check{Name: name, Conclusion: checks.Skipped, Title: "Not run", Summary: "This gate does not apply to the change any more.\n"}
		if err := r.publish(ctx, c, c.Digest()); err != nil {
			return err
		}
	}
	return nil
}

// gatesAndThreads makes the gates' checks and the threads show the report. It returns the report, made again
// for the threads that exist by now, and the fingerprints of the comments that found no place.
func (r *Run) gatesAndThreads(ctx context.Context, rep checks.Report) (checks.Report, map[string]bool, error) {
	if r.unsure {
		var err error
		if r.runs, r.others, err = ours(ctx, r.clients, r.head); err != nil {
			return rep, nil, err
		}
		r.unsure = false
	}
	if r.stale {
		if err := r.reload(ctx); err != nil {
			return rep, nil, err
		}
	}
	if r.moved {
		rep = rep.At(r.threads, r.opened)
	}
	for _, c := range rep.Gates {
		if err := r.publish(ctx, c, c.Digest()); err != nil {
			return rep, nil, err
		}
	}
	plan := checks.Reconcile(rep, r.threads, r.head.SHA)
	plan.Create = slices.DeleteFunc(plan.Create, func(c checks.Comment) bool { return r.opened[c.Fingerprint] })
	unplaced := map[string]bool{}
	if done(r.runs[checks.Name], r.head) == rep.Digest() {
		// Comments that could not be placed the last time cannot be placed now.
		for _, c := range plan.Create {
			unplaced[c.Fingerprint] = true
		}
		plan.Create = nil
	}
	r.stale = r.stale || len(plan.Create) > 0
	r.moved = r.moved || !plan.Empty()
	if err := r.comment(ctx, plan.Create, unplaced); err != nil {
		return rep, nil, err
	}
	if err := r.changeAll(ctx, plan.Changes); err != nil || len(plan.Create) == 0 {
		return rep, unplaced, err
	}
	// Another process may have opened the same threads in the meantime. The process that lists them last
	// sees them all, and both keep the older ones.
	if err := r.reload(ctx); err != nil {
		return rep, nil, err
	}
	return rep, unplaced, r.changeAll(ctx, checks.Reconcile(rep, r.threads, r.head.SHA).Changes)
}

func (r *Run) reload(ctx context.Context) (err error) {
	if r.threads, err = r.list(ctx); err != nil {
		return err
	}
	for _, t := range r.threads {
		delete(r.opened, t.Fingerprint)
	}
	r.stale = len(r.opened) > 0
	return nil
}

func (r *Run) changeAll(ctx context.Context, changes []checks.Change) error {
	for _, ch := range changes {
		if err := r.change(ctx, ch); err != nil {
			return err
		}
		after := ch.After()
		after.Resolved = after.Resolved || ch.Reopen && ch.Thread.Resolved && r.clients.resolver == nil
		for i, t := range r.threads {
			if t.CommentID == ch.Thread.CommentID {
				r.threads[i] = after
			}
		}
	}
	return nil
}

// summarise brings the summary in the conversation up to date.
func (r *Run) summarise(ctx context.Context, rep checks.Report, unplaced map[string]bool) error {
	have, err := r.stickies(ctx)
	if err != nil {
		return err
	}
	exists := slices.ContainsFunc(have, func(s checks.Sticky) bool { return s.Name == checks.Summary })
	return r.keep(ctx, checks.Summary, rep.SummaryText(r.threads, unplaced, exists), have)
}

// keep creates or edits the sticky comment of a name so that its text is want, and hides duplicates of
// it. have are the sticky comments that exist, of any name.
func (r *Run) keep(ctx context.Context, name, want string, have []checks.Sticky) error {
	plan := checks.ReconcileSticky(name, want, have)
	if plan.Create != "" {
		_, _, err := r.clients.REST.Issues.CreateComment(ctx, r.head.Owner, r.head.Repo, r.head.Number, &github.IssueComment{Body: &plan.Create})
		if refused(err) || locked(err) {
			return nil // the checks say the same
		}
		if err != nil {
			return fmt.Errorf("create the comment %s: %w", name, err)
		}
		r.commented()
		// As with threads: of two processes at once, the one that lists last hides the younger comment.
		if have, err = r.stickies(ctx); err != nil {
			return err
		}
		plan = checks.ReconcileSticky(name, "", have)
	}
	if plan.Body != "" {
		_, resp, err := r.clients.REST.Issues.EditComment(ctx, r.head.Owner, r.head.Repo, plan.Edit.ID, &github.IssueComment{Body: &plan.Body})
		gone := resp != nil && resp.StatusCode == http.StatusNotFound // somebody deleted it after we listed it
		if err != nil && !gone && !locked(err) {
			return fmt.Errorf("edit the comment %s: %w", name, err)
		}
	}
	for _, s := range plan.Hide {
		if err := r.minimise(ctx, s.Node, githubv4.ReportedContentClassifiersDuplicate); err != nil {
			return err
		}
	}
	return nil
}

// createIssue opens the issue with a digest, see [KeepDigest].
func createIssue(ctx context.Context, c Clients, d DigestIssue, body string) (int, error) {
	issue, resp, err := c.REST.Issues.Create(ctx, d.Owner, d.Repo, &github.IssueRequest{Title: &d.Title, Body: &body})
	if off(resp) {
		return 0, ErrNoIssues
	}
	if err != nil {
		return 0, fmt.Errorf("create the issue with the digest: %w", err)
	}
	return issue.GetNumber(), nil
}

// editIssue changes the text of the issue with a digest. It leaves its state and its labels.
func editIssue(ctx context.Context, c Clients, d DigestIssue, number int, body string) error {
	if _, _, err := c.REST.Issues.Edit(ctx, d.Owner, d.Repo, number, &github.IssueRequest{Title: &d.Title, Body: &body}); err != nil {
		return fmt.Errorf("edit the issue with the digest: %w", err)
	}
	return nil
}

// closeIssue closes a second issue with a digest, if it is open.
func closeIssue(ctx context.Context, c Clients, d DigestIssue, i *github.Issue) error {
	if i.GetState() != "open" {
		return nil
	}
	if _, _, err := c.REST.Issues.Edit(ctx, d.Owner, d.Repo, i.GetNumber(), &github.IssueRequest{State: github.String("closed"), StateReason: github.String("not_planned")}); err != nil {
		return fmt.Errorf("close issue %d, which is a second digest: %w", i.GetNumber(), err)
	}
	return nil
}

// ResolveWith gives the run a client that may resolve review threads, for which GitHub requires
// contents: write of an App. Without it, the comment of a closed thread is minimised as resolved instead,
// and a thread that a person resolved gets a reply when it is opened again.
func (r *Run) ResolveWith(resolver *githubv4.Client) { r.clients.resolver = resolver }

// Abandon completes the check runs that the review of a head left unfinished. Their conclusion does not
// pass a required check, in case a branch is set back to that head.
func Abandon(ctx context.Context, c Clients, old Head, why string) error {
	r := &Run{clients: c, head: old}
	var err error
	if r.runs, _, err = ours(ctx, c, old); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(r.runs)) {
		if r.runs[name].GetStatus() == "completed" {
			continue
		}
		if _, err := r.update(ctx, r.runs[name], checks.SupersededCheck(name, why), "", true); err != nil {
			return err
		}
	}
	return nil
}

// publish makes one check run show c. Annotations can be appended and never removed. So if our run has
// other annotations, or if a newer run hides it, publish creates a new run of the same name; GitHub shows
// the newest.
func (r *Run) publish(ctx context.Context, c checks.Check, digest string) error {
	have, hiding := r.runs[c.Name], r.hiding(c.Name)
	shown := have
	if hiding != nil {
		shown = hiding
	}
	if done(have, r.head) == digest && shown.GetConclusion() == string(c.Conclusion) {
		return nil
	}
	rest := c.Annotations
	switch posted := have.GetOutput().GetAnnotationsCount(); {
	case have != nil && hiding == nil && part(have, r.head) == digest && posted <= len(rest):
		rest = rest[posted:]
	case have != nil && (posted > 0 || hiding != nil):
		if have.GetStatus() != "completed" {
			left := checks.Check{Name: c.Name, Conclusion: checks.Cancelled, Title: "Superseded", Summary: "A newer check run replaces it.\n"}
			if _, err := r.update(ctx, have, left, "", true); err != nil {
				return err
			}
		}
		have = nil
	}
	for {
		batch := c
		batch.Annotations = rest[:min(len(rest), maxAnnotations)]
		rest = rest[len(batch.Annotations):]
		last := len(rest) == 0
		var err error
		if have == nil {
			have, err = r.create(ctx, batch, digest, last)
		} else {
			have, err = r.update(ctx, have, batch, digest, last)
		}
		if err != nil {
			r.unsure = true
			return err
		}
		r.runs[c.Name] = have // GitHub's answer says how many annotations it has by now
		if last {
			return nil
		}
	}
}

func (r *Run) create(ctx context.Context, c checks.Check, digest string, last bool) (*github.CheckRun, error) {
	opt := github.CreateCheckRunOptions{
		Name: c.Name, HeadSHA: r.head.SHA, Output: output(c),
		Status:     github.String("in_progress"),
		ExternalID: github.String(r.head.externalID("part", digest, c.Own)),
	}
	if r.head.DetailsURL != "" {
		opt.DetailsURL = &r.head.DetailsURL
	}
	if last {
		opt.Status, opt.Conclusion = github.String("completed"), github.String(string(c.Conclusion))
		opt.CompletedAt = &github.Timestamp{Time: time.Now()}
		opt.ExternalID = github.String(r.head.externalID("done", digest, c.Own))
		opt.Actions = actions(c)
	}
	run, _, err := r.clients.REST.Checks.CreateCheckRun(ctx, r.head.Owner, r.head.Repo, opt)
	if err != nil {
		return nil, fmt.Errorf("create check run %s: %w", c.Name, err)
	}
	return run, nil
}

func (r *Run) update(ctx context.Context, have *github.CheckRun, c checks.Check, digest string, last bool) (*github.CheckRun, error) {
	opt := github.UpdateCheckRunOptions{
		Name: c.Name, Output: output(c),
		Status:     github.String("in_progress"),
		ExternalID: github.String(r.head.externalID("part", digest, c.Own)),
	}
	if last {
		opt.Status, opt.Conclusion = github.String("completed"), github.String(string(c.Conclusion))
		opt.CompletedAt = &github.Timestamp{Time: time.Now()}
		opt.ExternalID = github.String(r.head.externalID("done", digest, c.Own))
		opt.Actions = actions(c)
	}
	run, _, err := r.clients.REST.Checks.UpdateCheckRun(ctx, r.head.Owner, r.head.Repo, have.GetID(), opt)
	if err != nil {
		return nil, fmt.Errorf("update check run %s: %w", c.Name, err)
	}
	return run, nil
}

// comment opens threads, and adds the fingerprints of comments that found no place to unplaced.
func (r *Run) comment(ctx context.Context, comments []checks.Comment, unplaced map[string]bool) error {
	var inline []checks.Comment
	for _, c := range comments {
		if c.Line > 0 {
			inline = append(inline, c)
		}
	}
	for batch := range slices.Chunk(inline, reviewBatch) {
		if err := r.review(ctx, batch, unplaced); err != nil {
			return err
		}
	}
	for _, c := range comments {
		if c.Line == 0 {
			if err := r.onFile(ctx, c, c.Body, unplaced); err != nil {
				return err
			}
		}
	}
	return nil
}

// review opens threads in one request. GitHub accepts all or none, and does not say which comment it
// refuses. Halving the batch finds that comment, so that the others are not lost.
func (r *Run) review(ctx context.Context, batch []checks.Comment, unplaced map[string]bool) error {
	req := &github.PullRequestReviewRequest{CommitID: &r.head.SHA, Event: github.String("COMMENT")}
	for _, c := range batch {
		d := &github.DraftReviewComment{
			Path: github.String(c.Path), Body: github.String(c.Body),
			Line: github.Int(c.Line), Side: github.String("RIGHT"),
		}
		if c.StartLine > 0 && c.StartLine < c.Line { // GitHub refuses a range of one line
			d.StartLine, d.StartSide = github.Int(c.StartLine), github.String("RIGHT")
		}
		req.Comments = append(req.Comments, d)
	}
	_, _, err := r.clients.REST.PullRequests.CreateReview(ctx, r.head.Owner, r.head.Repo, r.head.Number, req)
	switch {
	case err == nil:
		r.commented()
		for _, c := range batch {
			r.opened[c.Fingerprint] = true
		}
		return nil
	case locked(err):
		for _, c := range batch {
			unplaced[c.Fingerprint] = true
		}
		return nil
	case !refused(err):
		return fmt.Errorf("create review: %w", err)
	case len(batch) == 1:
		return r.onFile(ctx, batch[0], batch[0].OnFile(), unplaced)
	}
	half := len(batch) / 2
	if err := r.review(ctx, batch[:half], unplaced); err != nil {
		return err
	}
	return r.review(ctx, batch[half:], unplaced)
}

// onFile opens a thread on a file.
func (r *Run) onFile(ctx context.Context, c checks.Comment, body string, unplaced map[string]bool) error {
	_, _, err := r.clients.REST.PullRequests.CreateComment(ctx, r.head.Owner, r.head.Repo, r.head.Number, &github.PullRequestComment{
		Body: &body, CommitID: &r.head.SHA, Path: &c.Path, SubjectType: github.String("file"),
	})
	if refused(err) || locked(err) {
		unplaced[c.Fingerprint] = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("create comment on a file: %w", err)
	}
	r.commented()
	r.opened[c.Fingerprint] = true
	return nil
}

// change carries out one change of the plan. The order matters if we are stopped in between,
// see [checks.Reconcile]: a thread is made visible before it gets its open text, and it gets its closed
// text before it is hidden.
func (r *Run) change(ctx context.Context, ch checks.Change) error {
	if ch.Reopen {
		if err := r.show(ctx, ch.Thread); err != nil {
			return err
		}
	}
	if ch.Body != "" {
		_, resp, err := r.clients.REST.PullRequests.EditComment(ctx, r.head.Owner, r.head.Repo, ch.Thread.CommentID, &github.PullRequestComment{Body: &ch.Body})
		if resp != nil && resp.StatusCode == http.StatusNotFound {
			return nil // somebody deleted it after we listed it
		}
		if err != nil && !locked(err) {
			return fmt.Errorf("edit comment: %w", err)
		}
	}
	if ch.Close {
		return r.hide(ctx, ch.Thread)
	}
	return nil
}

func (r *Run) show(ctx context.Context, t checks.Thread) error {
	if t.Minimized {
		var m struct {
			UnminimizeComment struct{ ClientMutationID string } `graphql:"unminimizeComment(input: $input)"`
		}
		if err := r.clients.GraphQL.Mutate(ctx, &m, githubv4.UnminimizeCommentInput{SubjectID: t.CommentNode}, nil); err != nil {
			return fmt.Errorf("show comment: %w", err)
		}
	}
	if t.Resolved && r.clients.resolver == nil {
		return r.knock(ctx, t)
	}
	if t.Resolved {
		var m struct {
			UnresolveReviewThread struct{ ClientMutationID string } `graphql:"unresolveReviewThread(input: $input)"`
		}
		if err := r.clients.resolver.Mutate(ctx, &m, githubv4.UnresolveReviewThreadInput{ThreadID: t.ID}, nil); err != nil {
			return fmt.Errorf("unresolve thread: %w", err)
		}
	}
	return nil
}

// knock replies in a resolved thread that it is open again. Without a resolver the thread stays resolved,
// and the reply is the only notice to its participants.
func (r *Run) knock(ctx context.Context, t checks.Thread) error {
	what := "There is more to this finding since"
	if !t.Open() {
		what = "This finding is back, and its thread is open again, in"
	}
	q := Question{Owner: r.head.Owner, Repo: r.head.Repo, Number: r.head.Number, Key: "open-" + r.head.SHA, Thread: t.CommentID}
	return Answer(ctx, r.clients, q, what+" "+checks.ShortCode(r.head.SHA)+".")
}

func (r *Run) hide(ctx context.Context, t checks.Thread) error {
	if r.clients.resolver != nil {
		var m struct {
			ResolveReviewThread struct{ ClientMutationID string } `graphql:"resolveReviewThread(input: $input)"`
		}
		if err := r.clients.resolver.Mutate(ctx, &m, githubv4.ResolveReviewThreadInput{ThreadID: t.ID}, nil); err != nil {
			return fmt.Errorf("resolve thread: %w", err)
		}
		return nil
	}
	return r.minimise(ctx, t.CommentNode, githubv4.ReportedContentClassifiersResolved)
}

func (r *Run) minimise(ctx context.Context, node string, why githubv4.ReportedContentClassifiers) error {
	var m struct {
		MinimizeComment struct{ ClientMutationID string } `graphql:"minimizeComment(input: $input)"`
	}
	in := githubv4.MinimizeCommentInput{SubjectID: node, Classifier: why}
	if err := r.clients.GraphQL.Mutate(ctx, &m, in, nil); err != nil {
		return fmt.Errorf("hide comment: %w", err)
	}
	return nil
}
