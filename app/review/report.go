package review

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/suppress"
	"github.com/secbydesign/secbydesign/app/upload"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

// report examines the change and composes the report that the pull request should show. Before the end it shows partial
// results. events are those of the pull request.
func (r *Reviewer) report(ctx context.Context, gh *installation.Client, p pull.Pull, run *publish.Run, events []ledger.Event) (checks.Report, recordInput, error) {
	change, err := r.fetch(ctx, gh, p)
	if err != nil {
		return checks.Report{}, recordInput{}, err
	}
	pol, layers, notices, err := r.Files.Policy(ctx, gh.Installation, p, policyfiles.AtBase(change.Repo, p))
	if err != nil {
		return checks.Report{}, recordInput{}, err
	}
	if change.External, err = r.Externals.Of(ctx, change.Repo, p, pol); err != nil {
		return checks.Report{}, recordInput{}, err
	}
	about, err := examine.PolicyNotices(ctx, change.Repo, p.Base, pol)
	if err != nil {
		return checks.Report{}, recordInput{}, err
	}
	c := composer{
		pull: p, change: change, policy: pol, layers: layers, notices: slices.Concat(notices, escaped(about), upload.MissingNotices(change.External)),
		link: func(path string, line int) string { return link(r.App.WebURL(), p, path, line) },
		decided: func(ctx context.Context, runs []scanners.Run) ([]decision.Decision, error) {
			return r.decisions(ctx, p, runs)
		},
		nearby: func(ctx context.Context) (*neighbours, error) { return r.neighbours(ctx, p, change.External) },
	}
	c.posted, c.history = run.Threads(), map[string]bool{}
	for _, info := range r.infos() {
		c.history[info.Name] = info.Has(scanners.ScopeRange)
	}
	c.known, c.open = shown(c.posted)
	c.evidence = r.evidence(ctx, pol, p)
	c.web, c.taught, c.teach = r.App.WebURL(), map[record.Lesson]record.Taught{}, r.teacher(p, gh.Installation)
	if c.campaigns, err = r.campaignsOf(ctx, p, pol); err != nil {
		return checks.Report{}, recordInput{}, err
	}
	c.suppressions = suppress.New(ctx, r.Examiner.Scanners, change, p.Base, pol, time.Now())
	ex, err := r.Examiner.Examine(ctx, change, pol, c.known, c.progress(ctx, run))
	if err != nil {
		return checks.Report{}, recordInput{}, err
	}
	rep, err := c.compose(ctx, ex, nil)
	if err != nil {
		return checks.Report{}, recordInput{}, err
	}
	input := r.recordInput(ctx, change, p, pol, ex)
	input.campaigns = c.campaigns.of
	input.design, err = r.design(ctx, gh, p, change, pol, ex, events)
	return rep, input, err
}

// decisions reads the decisions about findings like the new ones of runs.
func (r *Reviewer) decisions(ctx context.Context, p pull.Pull, runs []scanners.Run) ([]decision.Decision, error) {
	var which ledger.Which
	for _, run := range runs {
		for _, f := range run.Results {
			if f.State == scanners.New {
				which.Contents = append(which.Contents, decision.Content(f.Fingerprint))
			}
		}
	}
	slices.Sort(which.Contents)
	which.Contents = slices.Compact(which.Contents)
	return r.Ledger.Decisions(ctx, p.Repository(), which)
}

// evidence returns what the ledger's records say about the rules in the repository of a pull request.
func (r *Reviewer) evidence(ctx context.Context, pol policy.Policy, p pull.Pull) judge.Evidence {
	return &insight.Evidence{
		Repo: record.RepoKey(p.RepoID, p.Repo), Window: insight.WindowOf(time.Now(), pol),
		Use: func(rule string, w insight.Window) (record.RuleUse, error) {
			return r.Ledger.RuleUse(ctx, p.Owner, rule, w.Since, w.Recent)
		},
		Names: func(scanner string, w insight.Window) ([]string, error) {
			return r.Ledger.RulesShown(ctx, p.Owner, scanner, w.Since)
		},
	}
}

// A composer makes the reports of one review. All but the last report partial results.
type composer struct {
	link         func(path string, line int) string // of a line at the head; 0 for the file
	nearby       func(context.Context) (*neighbours, error)
	pull         pull.Pull
	change       examine.Change
	policy       policy.Policy
	layers       policyfiles.Layers
	notices      []string
	decided      func(context.Context, []scanners.Run) ([]decision.Decision, error) // about the findings of runs
	evidence     judge.Evidence
	suppressions *suppress.Set
	known        []baseline.Known // findings that have a thread
	open         map[string]bool  // fingerprints that have a thread; true where it is open
	posted       []checks.Thread
	history      map[string]bool // scanners that scan the history
	neighbours   *neighbours     // nil until they are needed

	web       string // the address of GitHub
	campaigns *campaigns
	teach     func(context.Context, []record.Lesson) ([]record.Taught, error) // records lessons; nil to teach nothing
	taught    map[record.Lesson]record.Taught                                 // the lessons so far
}

// escaped returns plain sentences as Markdown.
func escaped(plain []string) (list []string) {
	for _, s := range plain {
		list = append(list, checks.Escape(s))
	}
	return list
}

// compose makes the report of an examination. pending are the scanners that still run.
func (c *composer) compose(ctx context.Context, ex examine.Examination, pending []scanners.Run) (checks.Report, error) {
	decisions, err := c.decided(ctx, ex.Runs)
	if err != nil {
		return checks.Report{}, err
	}
	j, err := judge.Apply(judge.Case{
		Runs: ex.Runs, Pending: pending, Policy: c.policy, Known: c.known, Within: ex.Within,
		Decisions: decisions, Scope: decision.Scope{Pulls: map[int]bool{c.pull.Number: true}},
		Suppress: func(gates []checks.Gate) error { return c.suppressions.Decide(ctx, ex, gates) },
		Adds:     judge.AddedBy(ex.Patch), Evidence: c.evidence, Now: time.Now(),
	})
	if err != nil {
		return checks.Report{}, err
	}
	c.known = append(slices.Clip(c.known), j.News()...) // of two findings of one problem, the one that was shown first keeps its thread
	var fails []string
	if !c.pull.Draft { // nothing of a draft fails
		fails = slices.Concat(judge.Lines(j.Fails), judge.Lines(j.Coming))
	}
	annotations, notices, err := c.propose(ctx, ex, j.Gates)
	if err != nil {
		return checks.Report{}, err
	}
	suppressed, more, err := c.suppressions.Review(ctx, ex)
	if err != nil {
		return checks.Report{}, err
	}
	files := c.change.Read(ctx, ex, checks.Needs(j.Gates, ex.Patch))
	if ctx.Err() != nil {
		return checks.Report{}, context.Cause(ctx)
	}
	in := checks.Input{
		Base: c.change.Base, Head: c.pull.Head, Patch: ex.Patch, Gates: j.Gates, NotRun: ex.NotRun,
		Draft: c.pull.Draft, Limit: c.policy.CommentLimit, Threads: c.open, Posted: c.posted, History: c.history,
		Notices:     slices.Concat(c.notices, escaped(ex.Notices), notices, more, fails),
		Annotations: slices.Concat(annotations, suppressed),
		Link:        c.link,
		Files:       files, Ignored: c.policy.Ignored, Allowed: allowed(c.policy.Guardrails.Accept, c.suppressions.Owners, c.pull.Number, decisions),
	}
	if in.Campaigns, err = c.campaigns.shown(ctx, ex, j.Gates, func(path string) []string { return c.suppressions.Owners().Of(path) }); err != nil {
		return checks.Report{}, err
	}
	if in.Lessons, err = c.lessons(ctx, in); err != nil {
		return checks.Report{}, err
	}
	return checks.Compose(in), nil
}

// allowed returns what everybody who reads a comment on a finding of a pull request may decide about it.
func allowed(rules ownership.Rules, owners func() ownership.Owners, number int, decisions []decision.Decision) func(checks.Finding) checks.Allowed {
	return func(f checks.Finding) checks.Allowed {
		before := decision.Decision{Rule: f.RuleID(), Fingerprint: f.Fingerprint, Path: f.Path, Number: number}.Before(decisions)
		of := owners().Of(f.Path)
		offer := rules.Offer(ownership.Request{Rule: f.RuleID(), Severity: f.Severity, Before: before}, ownership.Readers(of)...)
		return checks.Allowed{Days: offer.Days, Reason: offer.Reason, Confirm: confirmers(offer, len(of) > 0), Refused: offer.Refused}
	}
}

// confirmers describes who has to confirm a decision; empty for nobody.
func confirmers(o ownership.Offer, owned bool) string {
	one, more := "person who may write to this repository", "people who may write to this repository"
	if owned {
		one, more = "person who owns the file", "people who own the file"
		if o.From == ownership.Lead {
			one, more = one+" or maintains the repository", more+" or maintain the repository"
		}
	}
	switch o.Needs {
	case 0:
		return ""
	case 1:
		return "another " + one
	}
	return fmt.Sprintf("%d other %s", o.Needs, more)
}

// progress shows the results so far. While the policy's first budget lasts, the verdict waits for the scanners that
// still run. After it the verdict names them as not finished, and their findings are added when they come.
//
// An error stops progress and is only logged: the final report of the review meets it again.
func (c *composer) progress(ctx context.Context, run *publish.Run) func(examine.Examination) {
	began, ended := time.Now(), false
	return func(ex examine.Examination) {
		if ended {
			return
		}
		show := run.Finish
		var pending []scanners.Run
		if time.Since(began) < c.policy.Budget.First {
			show = run.Publish
			ex.Runs, pending = split(ex.Runs)
		}
		rep, err := c.compose(ctx, ex, pending)
		if err == nil {
			err = show(ctx, rep)
		}
		if err != nil {
			ended = true
			zerolog.Ctx(ctx).Info().Err(err).Msg("what is known so far could not be shown")
		}
	}
}

// split separates the runs that have ended from those that have not.
func split(runs []scanners.Run) (ended, pending []scanners.Run) {
	for _, run := range runs {
		if errors.Is(run.Err, examine.ErrRunning) {
			pending = append(pending, run)
		} else {
			ended = append(ended, run)
		}
	}
	return ended, pending
}

// shown lists the findings that the pull request shows or showed. open holds whether their threads are open.
func shown(threads []checks.Thread) (known []baseline.Known, open map[string]bool) {
	open = map[string]bool{}
	for _, t := range threads {
		known = append(known, baseline.Known{Fingerprint: t.Fingerprint, Path: t.Path, Line: t.Line})
		open[t.Fingerprint] = open[t.Fingerprint] || t.Open()
	}
	return known, open
}

func link(web string, p pull.Pull, path string, line int) string {
	s := web + "/" + p.Owner + "/" + p.Repo + "/blob/" + p.Head + "/" + (&url.URL{Path: path}).EscapedPath()
	// A path may hold characters that end a Markdown link, so these are escaped.
	s = strings.NewReplacer("(", "%28", ")", "%29", " ", "%20", "<", "%3C", ">", "%3E").Replace(s)
	if line > 0 {
		s += fmt.Sprintf("#L%d", line)
	}
	return s
}
