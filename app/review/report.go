package review

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/clock"
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
	"github.com/secbydesign/secbydesign/app/tracing"
	"github.com/secbydesign/secbydesign/app/upload"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

// report examines the change and composes the report that the pull request should show, given its threads and events.
// Before the end it shows partial results on run. If that is nil it shows nothing, and asks no questions on the design.
func (r *Reviewer) report(ctx context.Context, gh *installation.Client, p pull.Pull, threads []checks.Thread, run *publish.Run, events []ledger.Event) (checks.Report, recordInput, error) {
	var change examine.Change
	err := tracing.Step(ctx, "fetch", func(ctx context.Context) (err error) {
		change, err = r.fetch(ctx, gh, p)
		return err
	})
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
		link:   func(path string, line int) string { return link(r.App.WebURL(), p, path, line) },
		nearby: func(ctx context.Context) (*neighbours, error) { return r.neighbours(ctx, p, change.External) },
	}
	files, err := r.filed(ctx, gh, p, change.Repo, pol, func(notice string) { c.notices = append(slices.Clip(c.notices), notice) })
	if err != nil {
		return checks.Report{}, recordInput{}, err
	}
	c.decided = func(ctx context.Context, runs []scanners.Run) ([]decision.Decision, error) {
		list, err := r.decisions(ctx, p, runs)
		if err != nil {
			return nil, err
		}
		return files.apply(ctx, list, runs)
	}
	c.clock = r.Clock
	c.posted, c.history = threads, map[string]bool{}
	for _, info := range r.infos() {
		c.history[info.Name] = info.Has(scanners.ScopeRange)
	}
	c.known, c.open = shown(c.posted)
	c.evidence = r.evidence(ctx, pol, p)
	c.quiet = (&quiet{r: r, pull: p, repo: change.Repo, known: c.known, events: events}).of(ctx)
	c.web, c.taught, c.teach = r.App.WebURL(), map[record.Lesson]record.Taught{}, r.teacher(p, gh.Installation)
	if c.campaigns, err = r.campaignsOf(ctx, p, pol); err != nil {
		return checks.Report{}, recordInput{}, err
	}
	c.suppressions = suppress.New(ctx, r.Examiner.Scanners, change, p.Base, pol, r.Clock.Now())
	c.suppressions.Parse, c.suppressions.Owners = r.Ignores, r.owners(ctx, gh, change, p, pol)
	var progress func(examine.Examination)
	if run != nil {
		progress = c.progress(ctx, run)
	}
	examining, span := tracing.Start(ctx, "examine")
	ex, err := r.Examiner.Examine(examining, change, pol, c.known, progress)
	tracing.End(examining, span, err)
	if err != nil {
		return checks.Report{}, recordInput{}, err
	}
	rep, err := c.compose(ctx, ex, nil)
	if err != nil {
		return checks.Report{}, recordInput{}, err
	}
	input := r.recordInput(p, pol, ex, c.suppressions.Owners())
	input.before = findingsOf(events)
	input.campaigns = c.campaigns.of
	if run == nil {
		input.design.unread = true
		return rep, input, nil
	}
	input.design, err = r.design(ctx, gh, p, change, pol, ex, events, c.suppressions.Owners())
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
		Repo: record.RepoKey(p.RepoID, p.Repo), Window: insight.WindowOf(r.Clock.Now(), pol),
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
	quiet        func(string, scanners.Result) (judge.Quiet, error)
	suppressions *suppress.Set
	clock        *clock.Clock
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
func (c *composer) compose(ctx context.Context, ex examine.Examination, pending []scanners.Run) (rep checks.Report, err error) {
	ctx, span := tracing.Start(ctx, "judge")
	defer func() { tracing.End(ctx, span, err) }()
	decisions, err := c.decided(ctx, ex.Runs)
	if err != nil {
		return checks.Report{}, err
	}
	j, err := judge.Apply(judge.Case{
		Runs: ex.Runs, Pending: pending, Policy: c.policy, Known: c.known, Within: ex.Within,
		Decisions: decisions, Scope: decision.Scope{Pulls: map[int]bool{c.pull.Number: true}},
		Suppress: func(gates []checks.Gate) error { return c.suppressions.Decide(ctx, ex, gates) },
		Adds:     judge.AddedBy(ex.Patch), Quiet: c.quiet, Evidence: c.evidence, Now: c.clock.Now(),
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
	nobody, broken := unowned(c.suppressions.Owners(), j.Gates)
	files := c.change.Read(ctx, ex, checks.Needs(j.Gates, ex.Patch))
	if ctx.Err() != nil {
		return checks.Report{}, context.Cause(ctx)
	}
	in := checks.Input{
		Base: c.change.Base, Head: c.pull.Head, Patch: ex.Patch, Gates: j.Gates, NotRun: ex.NotRun,
		Draft: c.pull.Draft, Limit: c.policy.CommentLimit, Threads: c.open, Posted: c.posted, History: c.history,
		Notices:     slices.Concat(c.notices, escaped(ex.Notices), notices, more, broken, fails, j.Quiet),
		Annotations: slices.Concat(annotations, suppressed),
		Link:        c.link, Unowned: nobody,
		Files: files, Ignored: c.policy.Ignored, Allowed: allowed(c.policy.Guardrails.Accept, c.suppressions.Owners, c.pull, decisions),
	}
	if in.Campaigns, err = c.campaigns.shown(ctx, ex, j.Gates, c.suppressions.Owners().Of); err != nil {
		return checks.Report{}, err
	}
	if in.Lessons, err = c.lessons(ctx, in); err != nil {
		return checks.Report{}, err
	}
	return checks.Compose(in), nil
}

// allowed returns what everybody who reads a comment on a finding of a pull request may decide about it.
func allowed(rules ownership.Rules, owners func() *ownership.Map, p pull.Pull, decisions []decision.Decision) func(checks.Finding) checks.Allowed {
	agent := rules.Agents.Automated(p.Author, p.Bot)
	started := rules.Agents.Starter(p.Author, p.Bot, p.Assignee) != ""
	return func(f checks.Finding) checks.Allowed {
		before := decision.Decision{Rule: f.RuleID(), Fingerprint: f.Fingerprint, Path: f.Path, Number: p.Number}.Before(decisions)
		of := owners().Of(f.Path)
		offer := rules.Offer(ownership.Request{Rule: f.RuleID(), Severity: f.Severity, Before: before, Agent: agent}, ownership.Readers(of, started)...)
		return checks.Allowed{Days: offer.Days, Reason: offer.Reason, Class: offer.Class, Confirm: confirmers(offer, len(of) > 0), Refused: offer.Refused}
	}
}

// confirmers describes who has to confirm a decision; empty for nobody.
func confirmers(o ownership.Offer, owned bool) string {
	one, more := "person who may write to this repository", "people who may write to this repository"
	if owned && o.From != ownership.Writer {
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
