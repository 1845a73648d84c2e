package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/decisionfile"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// filed holds the decisions that the default branch has as files, see package decisionfile. It is for one review.
type filed struct {
	r      *Reviewer
	gh     *installation.Client
	pull   pull.Pull
	repo   *mirror.Repo
	policy policy.Policy
	ids    map[string]bool                // of the decisions that have a file
	read   map[string]*decisionfile.File  // nil for a file that does not count
	open   map[string][]decisionfile.File // that the ledger does not know, by the fingerprint of their finding
	notice func(string)                   // with Markdown
}

// maxUnknownFiles bounds how many files that the ledger does not know one review reads.
const maxUnknownFiles = 100

// filed lists the decisions that the base has as files. They count on the default branch only: others may have fewer
// people who watch them. notice is called with what is wrong with a file.
func (r *Reviewer) filed(ctx context.Context, gh *installation.Client, p pull.Pull, repo *mirror.Repo, pol policy.Policy, notice func(string)) (*filed, error) {
	f := &filed{r: r, gh: gh, pull: p, repo: repo, policy: pol, ids: map[string]bool{}, read: map[string]*decisionfile.File{}, open: map[string][]decisionfile.File{}, notice: notice}
	if !p.Default {
		return f, nil
	}
	names, err := repo.Names(ctx, p.Base, decisionfile.Folder)
	if err != nil {
		return nil, fmt.Errorf("list decisions: %w", err)
	}
	var ids []string
	for _, name := range names {
		if id, ok := decisionfile.IDOf(name); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if n := len(ids); n > decisionfile.MaxFiles {
		notice(fmt.Sprintf("%s has %d decisions, and the first %d count. Remove those that are over.", checks.Code(decisionfile.Folder), n, decisionfile.MaxFiles))
		ids = ids[:decisionfile.MaxFiles]
	}
	for _, id := range ids {
		f.ids[id] = true
	}
	if len(ids) == 0 {
		return f, nil
	}
	known, err := r.Ledger.Decisions(ctx, p.Repository(), ledger.Which{IDs: ids})
	if err != nil {
		return nil, err
	}
	return f, f.unknown(ctx, ids, known)
}

// unknown reads the files of decisions that the ledger does not know.
func (f *filed) unknown(ctx context.Context, ids []string, known []decision.Decision) error {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return slices.ContainsFunc(known, func(d decision.Decision) bool { return d.ID == id })
	})
	for _, id := range ids[:min(len(ids), maxUnknownFiles)] {
		file, err := f.file(ctx, id)
		if err != nil {
			return err
		}
		if file != nil && file.Ended == "" {
			f.open[file.Fingerprint] = append(f.open[file.Fingerprint], *file)
		}
	}
	return nil
}

// file reads the file of a decision; nil for one that does not count.
func (f *filed) file(ctx context.Context, id string) (*decisionfile.File, error) {
	if file, done := f.read[id]; done {
		return file, nil
	}
	path := decisionfile.Folder + "/" + decisionfile.Name(id)
	text, ok, err := f.repo.ReadFile(ctx, f.pull.Base, path)
	var problems strictyaml.Problems
	switch {
	case errors.Is(err, mirror.ErrTooLarge), errors.Is(err, mirror.ErrNotFile):
		f.notice(checks.Code(path) + " is not a file that can be read, so it counts for nothing.")
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", path, err)
	case ok:
		read, err := f.r.Parsers.Read(ctx, strictyaml.Source{File: path, Text: text})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		file, err := decisionfile.Read(read[0])
		if errors.As(err, &problems) {
			f.notice(checks.Escape(problems[0].String() + ". Until that is fixed, the file counts for nothing."))
			break
		}
		f.read[id] = &file
		return &file, nil
	}
	f.read[id] = nil
	return nil, nil
}

// apply returns the decisions with what their files change, and those that only a file has. Each change is recorded
// before it counts.
func (f *filed) apply(ctx context.Context, list []decision.Decision, runs []scanners.Run) ([]decision.Decision, error) {
	for i, d := range list {
		if !f.ids[d.ID] || d.Ended != "" {
			continue
		}
		file, err := f.file(ctx, d.ID)
		if err != nil || file == nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		change, err := file.Compare(d)
		if err != nil {
			f.notice(checks.Code(decisionfile.Folder+"/"+decisionfile.Name(d.ID)) + ": " + checks.Escape(err.Error()) + ".")
			f.ids[d.ID] = false // said once
			continue
		}
		if list[i], err = f.tighten(ctx, d, change); err != nil {
			return nil, err
		}
	}
	for _, run := range runs {
		for _, result := range run.Results {
			if result.State != scanners.New {
				continue
			}
			for _, file := range f.open[result.Fingerprint] {
				d, ok, err := f.imported(ctx, file, result, list)
				if err != nil {
					return nil, err
				}
				if ok {
					list = append(list, d)
				}
			}
			delete(f.open, result.Fingerprint) // each is tried once
		}
	}
	return list, nil
}

// tighten records what a file changes about a decision, and returns the decision after it.
func (f *filed) tighten(ctx context.Context, d decision.Decision, change decisionfile.Tightening) (decision.Decision, error) {
	if change.None() {
		return d, nil
	}
	source := f.source(d.ID, f.pull.Base)
	var events []ledger.Event
	var tasks []queue.Task
	take := func(kind decision.StepKind, s record.DecisionStep) error {
		s.ID, s.Source = d.ID, source
		e, err := f.event(string(kind), s)
		if err != nil {
			return err
		}
		events = append(events, e)
		d, _ = decision.Take(&d, decision.Step{Kind: kind, ID: d.ID, At: f.r.Clock.Now(), Why: s.Why, Until: s.Until, Severity: s.Severity})
		if kind == decision.Ended {
			tasks = append(tasks, f.task(record.Revocation, d.ID, time.Time{}))
		} else if !s.Until.IsZero() {
			tasks = append(tasks, f.ends(d)...)
		}
		return nil
	}
	if !change.Until.IsZero() || change.Severity != nil {
		if err := take(decision.Tightened, record.DecisionStep{Until: change.Until, Severity: change.Severity}); err != nil {
			return d, err
		}
	}
	if change.Ended != "" {
		if err := take(decision.Ended, record.DecisionStep{Why: "its file says that it ended: " + change.Ended}); err != nil {
			return d, err
		}
	}
	if err := f.r.Submit(ctx, ledger.Delivery{}, nil, tasks, events); err != nil {
		return d, fmt.Errorf("record what the file of %s changes: %w", d.ID, err)
	}
	return d, nil
}

// imported records a decision that only a file has, if its commit's author may make it.
func (f *filed) imported(ctx context.Context, file decisionfile.File, found scanners.Result, list []decision.Decision) (decision.Decision, bool, error) {
	if file.Rule != found.RuleID() || file.Path != found.Path {
		return decision.Decision{}, false, nil
	}
	path := decisionfile.Folder + "/" + decisionfile.Name(file.ID)
	refuse := func(format string, args ...any) (decision.Decision, bool, error) {
		f.notice(checks.Code(path) + " decides nothing: " + checks.Escape(fmt.Sprintf(format, args...)))
		return decision.Decision{}, false, nil
	}
	commits, _, err := f.gh.REST.Repositories.ListCommits(ctx, f.pull.Owner, f.pull.Repo, &github.CommitsListOptions{
		SHA: f.pull.Base, Path: path, ListOptions: github.ListOptions{PerPage: 1},
	})
	if err != nil {
		return decision.Decision{}, false, fmt.Errorf("read who wrote %s: %w", path, err)
	}
	if len(commits) == 0 || commits[0].GetAuthor().GetLogin() == "" {
		return refuse("GitHub does not know the author of its commit. A person who may accept the finding writes the command in the pull request.")
	}
	author := commits[0].GetAuthor()
	if author.GetType() != "User" || strings.HasSuffix(author.GetLogin(), "[bot]") {
		return refuse("its commit's author, %s, is not a person.", author.GetLogin())
	}
	if found.Severity > file.Severity && file.Verb != "fp" {
		return refuse("it is about a %s finding, and this one is %s.", file.Severity, found.Severity)
	}
	who, _, err := people.Find(ctx, f.gh, f.pull, author.GetLogin())
	if err != nil {
		return decision.Decision{}, false, err
	}
	if who, err = f.owns(ctx, who, file.Path, commits[0]); err != nil {
		return decision.Decision{}, false, err
	}
	d, grant, refused, err := f.weigh(ctx, file, found, who, list)
	if err != nil {
		return decision.Decision{}, false, err
	}
	if refused != "" {
		return refuse("%s", refused)
	}
	if grant.Counts {
		d.By = []string{who.Login}
	}
	if err := f.record(ctx, d, who.Login, commits[0].GetSHA()); err != nil {
		return decision.Decision{}, false, err
	}
	if d.Needs > 0 {
		f.notice(fmt.Sprintf("%s waits as %s: %d more must confirm it with %s.", checks.Code(path), checks.Code(d.ID), d.Needs, checks.Code("/secbydesign confirm "+d.ID)))
	}
	d.At = f.r.Clock.Now()
	return d, true, nil
}

// owns returns a person with all that matters for a decision about a path. The committer chooses the author of a commit
// that nobody signed, so there the person counts as one who may write, and no more.
func (f *filed) owns(ctx context.Context, who ownership.Person, path string, c *github.RepositoryCommit) (ownership.Person, error) {
	contributors, err := f.pull.Contributors(ctx, f.gh.REST)
	if err != nil {
		return who, err
	}
	starter := f.policy.Guardrails.Accept.Agents.Starter(f.pull.Author, f.pull.Bot, f.pull.Assignee)
	who.Contributor = slices.Contains(contributors, strings.ToLower(who.Login)) || strings.EqualFold(starter, who.Login)
	if len(f.policy.Security) > 0 {
		security, err := people.Owns(ctx, f.gh, f.pull.Owner, ownership.Person{Login: who.Login}, f.policy.Security)
		if err != nil {
			return who, err
		}
		who.Security = security.Owns
	}
	if !c.GetCommit().GetVerification().GetVerified() {
		who.Lead, who.Owns, who.Teams = false, false, nil
		return who, nil
	}
	owners, err := examine.Owners(ctx, f.repo, f.pull.Base, f.pull.Owner, f.policy, (&people.Directory{}).Ignored(ctx, f.gh, f.pull), f.r.Parsers)
	if err != nil {
		return who, err
	}
	of := owners.Of(path)
	if err := owners.Err(); err != nil {
		return who, err
	}
	return people.Owns(ctx, f.gh, f.pull.Owner, who, of)
}

// weigh makes the decision of a file. refused says why the person may not make it.
func (f *filed) weigh(ctx context.Context, file decisionfile.File, found scanners.Result, who ownership.Person, list []decision.Decision) (d decision.Decision, g ownership.Grant, refused string, err error) {
	org, sha, err := f.r.Files.Organisation(ctx, f.gh.Installation, f.pull.Owner)
	if err != nil {
		return d, g, "", err
	}
	d = decision.Decision{
		ID: file.ID, Verb: file.Verb, Fingerprint: found.Fingerprint, Rule: file.Rule, Path: file.Path, Number: f.pull.Number,
		Severity: min(file.Severity, found.Severity), Fixable: decision.Fixable(found.Finding), Extents: found.Extents,
		Reason: file.Reason, Class: file.Class, Ticket: file.Ticket, Code: file.Code, Until: file.Until, Asked: who.Login, Policy: f.pull.Base,
	}
	if d.Verb == "not-affected" && found.Gate != scanners.Dependencies {
		return d, g, "not-affected is for findings about dependencies.", nil
	}
	w := ownership.Request{
		Rule: d.Rule, Severity: found.Severity, Until: d.Until, Reason: d.Reason,
		Wrong: d.Verb == "fp" || d.Verb == "not-affected", Coded: d.Verb == "not-affected" || d.Verb == "defer", Before: d.Before(list),
		Class: d.Class, Agent: f.policy.Guardrails.Accept.Agents.Automated(f.pull.Author, f.pull.Bot),
	}
	g, err = org.Guardrails.Accept.Weigh(w, who, f.r.Clock.Now())
	var no *ownership.Refusal
	if errors.As(err, &no) {
		return d, g, no.Problem, nil
	}
	d.Needs, d.From, d.Twice, d.Author, d.Agent, d.Ceiling = g.Needs, g.From, g.Twice, g.Author, w.Agent, g.Ceiling.String()
	d.PolicyLine, d.PolicyLineSHA = org.Place(org.AllowedBy(w, who, g)), sha
	return d, g, "", err
}

// record records a decision that comes from a file.
func (f *filed) record(ctx context.Context, d decision.Decision, who, commit string) error {
	e, err := f.event(record.DecisionMade, record.DecisionStep{Decision: &d, Who: who, Source: f.source(d.ID, commit)})
	if err != nil {
		return err
	}
	if err := f.r.Submit(ctx, ledger.Delivery{}, nil, f.ends(d), []ledger.Event{e}); err != nil {
		return fmt.Errorf("import %s: %w", d.ID, err)
	}
	return nil
}

// ends returns the tasks for the end of a decision, and for the warnings before it. The ids name the day, since there may
// be tasks for a later one. Once others have confirmed a decision, the warnings are submitted again.
func (f *filed) ends(d decision.Decision) (tasks []queue.Task) {
	if d.Until.IsZero() {
		return nil
	}
	for _, w := range d.Warnings(f.r.Clock.Now()) {
		data, err := json.Marshal(record.Warning{ID: d.ID, Days: w.Days, Until: d.Until})
		if err != nil {
			panic(err) // text and numbers can always be encoded
		}
		t := f.task(record.Warn, fmt.Sprintf("%s-%d", d.ID, w.Days), w.At)
		t.Number, t.Data = d.Number, data
		tasks = append(tasks, t)
	}
	return append(tasks, f.task(record.Expiry, d.ID, d.Until.AddDate(0, 0, 1)))
}

// source names the file of a decision at a commit, for the record.
func (f *filed) source(id, commit string) string {
	return "file " + decisionfile.Folder + "/" + decisionfile.Name(id) + "@" + commit
}

func (f *filed) event(kind string, s record.DecisionStep) (ledger.Event, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return ledger.Event{}, fmt.Errorf("record a decision: %w", err)
	}
	return ledger.Event{
		Kind: kind, Installation: f.gh.Installation, RepoID: f.pull.RepoID, Owner: f.pull.Owner, Repo: f.pull.Repo,
		Number: f.pull.Number, Head: f.pull.Head, Data: b,
	}, nil
}

func (f *filed) task(kind, id string, at time.Time) queue.Task {
	if !at.IsZero() { // there may be one for a later day
		id += "@" + at.Format(time.DateOnly)
	}
	return queue.Task{
		Installation: f.gh.Installation, RepoID: f.pull.RepoID, Owner: f.pull.Owner, Repo: f.pull.Repo, Number: f.pull.Number, Kind: kind, ID: id, At: at,
	}
}
