// Package local reviews a git repository on this machine, without GitHub and without a
// network. It takes the very path that a pull request takes: the same change, the same
// examination, the same report. Only the writing differs.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/plainfile"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/requirements"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/app/suppress"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// Worktree is the head that means the files of the working folder as they are, committed or
// not, without those that git ignores.
const Worktree = "worktree"

// Options say what to review and how to show it.
type Options struct {
	Repo    string // folder of a git repository
	Base    string // revision to compare with; empty for the default branch
	Head    string // revision, or [Worktree]
	Format  string // text, json, sarif or markdown
	FailOn  string // low, medium, high, critical or never
	All     bool   // also show findings of the base and fixed ones
	Version string // of this program

	OrgPolicy string // file of the organisation's policy; empty for none

	Scanners []scanners.Scanner
	Known    []string // names of all scanners that this program can run

	// Progress, if not nil, is called with what the review does now, and at its end with an empty text. It may be
	// called from several goroutines at once.
	Progress func(string)

	// Width and Color are for text. A width of 0 means 80 columns.
	Width int
	Color bool
}

// policyBytes is far more than any policy has.
const policyBytes = 1 << 20

// Exit codes. They are part of the program's contract.
const (
	Passed     = 0 // nothing new at or above the severity of fail-on
	Failed     = 1 // something
	Misused    = 2 // wrong usage or configuration
	Unfinished = 3 // a scanner did not finish, or is required and not here; and nothing failed before
)

// Review writes the review to w and returns the exit code. If it returns an error, it wrote nothing, and the code is
// [Misused] or [Unfinished]. The error is a sentence for the user of the command.
func Review(ctx context.Context, w io.Writer, o Options) (code int, err error) {
	o.FailOn, o.Format = strings.ToLower(o.FailOn), strings.ToLower(o.Format)
	if o.FailOn != "never" {
		var s scanners.Severity
		if err := s.UnmarshalText([]byte(o.FailOn)); err != nil || s == scanners.Note {
			return Misused, fmt.Errorf("--fail-on is %q: write low, medium, high, critical or never", o.FailOn)
		}
	}
	write, ok := formats[o.Format]
	if !ok {
		return Misused, fmt.Errorf("--format is %q: write text, json, sarif or markdown", o.Format)
	}
	repo, err := mirror.OpenLocal(ctx, o.Repo)
	if err != nil {
		return Misused, err
	}
	progress := newProgress(o)
	defer progress.end()
	v, done, err := look(ctx, repo, o)
	defer done()
	if err != nil {
		return Misused, advised(repo, err)
	}
	examiner := examine.Examiner{Scanners: o.Scanners, Program: o.Version, Observe: progress.scanned}
	ex, err := examiner.Examine(ctx, v.change, v.policy, nil, nil)
	if err != nil {
		return Unfinished, advised(repo, err)
	}
	if v.same != "" && len(ex.Diff.Changes) == 0 {
		// On a clean main that is no mistake. In a clone of one commit, as machines make them, no review would ever
		// have anything to compare.
		if o.Base == "" && v.MergeBase == v.Base && repo.Shallow() {
			return Misused, fmt.Errorf("%s, and this shallow clone has no other history: fetch what to compare with, and name it with --base", v.same)
		}
		ex.NotRun = "Nothing is changed: " + v.same + ". Say with --base what to compare with."
	}
	suppressions := suppress.New(ctx, o.Scanners, v.change, v.Base, v.policy, time.Now())
	suppressions.Owners = sync.OnceValue(func() *ownership.Map { return v.readOwners(ctx, repo) })
	j, err := judge.Apply(judge.Case{
		Runs: ex.Runs, Policy: v.policy, Within: ex.Within, Adds: judge.AddedBy(ex.Patch), Now: time.Now(),
		Suppress: func(gates []checks.Gate) error { return suppressions.Decide(ctx, ex, gates) },
	})
	if err != nil {
		return Unfinished, err
	}
	var more []string
	if v.suppressions, more, err = suppressions.Review(ctx, ex); err != nil {
		return Unfinished, err
	}
	v.owners, v.examination, v.gates = suppressions.Owners(), ex, j.Gates
	v.prepareOwners()
	if err := v.askDesign(ctx, repo); err != nil {
		return Unfinished, advised(repo, err)
	}
	if err := v.propose(ctx, o); err != nil {
		return Unfinished, err
	}
	v.notices = append(v.notices, ex.Notices...)
	for _, notice := range v.notices {
		more = append(more, checks.Escape(notice))
	}
	v.report = checks.Compose(checks.Input{
		Base: v.MergeBase, Head: v.Head, Patch: ex.Patch, Gates: v.gates, NotRun: ex.NotRun, Notices: slices.Concat(more, v.blocking()),
		Files: v.change.Read(ctx, ex, checks.Needs(v.gates, ex.Patch)), Unchanged: o.All,
	})
	progress.end()
	if err := write(w, v, o); err != nil {
		return Unfinished, fmt.Errorf("write the report: %w", err)
	}
	return v.code(o.FailOn), nil
}

// advised adds to an error, if something is missing in a partial clone, how to get it.
func advised(repo *mirror.Repo, err error) error {
	if repo.Partial() && mirror.Lacking(err) {
		return fmt.Errorf("%w\n%s", err, repo.Advice())
	}
	return err
}

// A view holds everything that the writers show.
type view struct {
	Base, Head, MergeBase string
	base                  string // the name of the base
	same                  string // why no commit is new, if so; a sentence without a full stop
	change                examine.Change
	policy                policy.Policy
	organisation          policy.Layer // of the policy
	notices               []string     // about the policy; plain text
	examination           examine.Examination
	gates                 []checks.Gate // judged
	suppressions          []checks.Annotation
	owners                *ownership.Map // nil if they cannot be read
	report                checks.Report
	asked                 requirements.Outcome // about the design
}

// look resolves the revisions to compare. done is never nil; the caller must call it when it no longer uses the view.
func look(ctx context.Context, repo *mirror.Repo, o Options) (v view, done func(), err error) {
	done = func() {}
	if v.Base, v.base, err = baseRevision(ctx, repo, o.Base); err != nil {
		return v, done, err
	}
	tip := "HEAD"
	if o.Head != Worktree {
		tip = o.Head
	}
	head, err := repo.Resolve(ctx, tip)
	if err != nil {
		return v, done, fmt.Errorf("--head: there is no revision %q in %s", tip, o.Repo)
	}
	bases, err := repo.MergeBases(ctx, v.Base, head)
	switch none := errors.Is(err, mirror.ErrNoMergeBase); {
	case none && repo.Shallow():
		return v, done, fmt.Errorf("%s and %q have no common history in this shallow clone: git fetch --unshallow brings the rest", v.base, tip)
	case none:
		return v, done, fmt.Errorf("%s and %q have no common history: choose another --base", v.base, tip)
	case err != nil:
		return v, done, err
	}
	v.MergeBase = bases[0]
	switch head {
	case v.Base:
		v.same = fmt.Sprintf("%q is %s itself", tip, v.base)
	case v.MergeBase:
		v.same = fmt.Sprintf("%s has %q already", v.base, tip)
	}
	v.change = examine.Change{Repo: repo, Base: v.MergeBase, Head: head, Bases: append(bases[1:], v.Base)}
	if v.change.Commits, err = repo.Commits(ctx, v.Base, head); err != nil {
		return v, done, err
	}
	if err := repo.Complete(ctx, append(v.change.Commits, v.MergeBase, head)...); err != nil {
		return v, done, err
	}
	v.Head = head
	if o.Head == Worktree {
		v.Head = Worktree
		var tree string
		if tree, done, err = repo.Snapshot(ctx); err != nil {
			return v, func() {}, err
		}
		v.change.Head = tree
	}
	err = v.readPolicy(ctx, repo, o)
	return v, done, err
}

// readPolicy reads the policy at the base, and above it the organisation's, if there is one.
func (v *view) readPolicy(ctx context.Context, repo *mirror.Repo, o Options) error {
	known := o.known()
	parse := func(name string, text []byte) (policy.Layer, error) {
		file := strictyaml.Parse(strictyaml.Source{File: name, Text: text})
		layer, err := policy.Read(file)
		if err == nil {
			for _, unknown := range policy.UnknownScanners(file, known) {
				v.notices = append(v.notices, unknown.String())
			}
		}
		return layer, err
	}
	text, ok, err := repo.ReadFile(ctx, v.Base, policy.File)
	if err != nil {
		return err
	}
	var repository policy.Layer
	if ok {
		if repository, err = parse(policy.File, text); err != nil {
			return fmt.Errorf("the policy at the base is not valid:\n%w", err)
		}
	}
	if o.OrgPolicy != "" {
		if text, err = plainfile.Read(o.OrgPolicy, policyBytes); err != nil {
			return fmt.Errorf("--org-policy: %w", err)
		}
		if v.organisation, err = parse(o.OrgPolicy, text); err != nil {
			return fmt.Errorf("the policy of the organisation is not valid:\n%w", err)
		}
	}
	v.policy = policy.Merge(v.organisation, repository)
	folders, err := examine.PlainFolders(ctx, repo, v.Base, v.policy)
	if err != nil {
		return err
	}
	if len(folders) > 0 {
		return fmt.Errorf("the policy at the base is not valid:\n%w", policy.FolderProblems(folders))
	}
	misplaced, err := examine.Misplaced(ctx, repo, v.Base)
	if err != nil {
		return err
	}
	v.notices = append(v.notices, misplaced...)
	v.notices = append(v.notices, v.policy.RefusalNotices()...)
	v.change.External = missing(v.policy, o.Scanners)
	return nil
}

// propose adds the notices about the policy that the change would bring in. A remark that is part of a notice is not
// repeated.
func (v *view) propose(ctx context.Context, o Options) error {
	if !v.examination.ChangesPolicy() {
		return nil
	}
	in, err := v.change.ProposedPolicy(ctx)
	if errors.Is(err, examine.ErrUnreadable) {
		v.notices = append(v.notices, policy.UnreadableProposal)
		return nil
	}
	if err != nil {
		return err
	}
	in.Before, in.Open, in.Known = v.policy, judge.Subjects(v.gates), o.known()
	in.With = func(l policy.Layer) policy.Policy { return policy.Merge(v.organisation, l) }
	remarks, notices, err := in.Review()
	v.notices = append(v.notices, notices...)
	for _, one := range remarks {
		if s := one.String(); !slices.ContainsFunc(v.notices, func(notice string) bool { return strings.Contains(notice, s) }) {
			v.notices = append(v.notices, s)
		}
	}
	return err
}

// missing returns the scanners that the policy requires and that cannot run here, so that nobody takes their silence
// for a verdict. The gate of an unknown scanner is not known; it is taken to be code, as for results that workflows
// send.
func missing(p policy.Policy, here []scanners.Scanner) (list []examine.External) {
	for _, name := range p.RequiredElsewhere(namesOf(here)...) {
		info := scanners.Info{Name: name, Gate: scanners.Code, Scopes: []scanners.Scope{scanners.ScopeTree}}
		if !p.Wants(name, info.Gate) {
			continue
		}
		key := policy.Key{"scanners", name, "enabled"}
		if slices.Contains(p.Guardrails.Required, name) {
			key = policy.Key{"guardrails", "scanners", "required"}
		}
		why := "there is no scanner of this name here: correct the name, or define it in the file of --settings-file. If a workflow sends its results, only the pull request shows them."
		if name == policy.CodeQL {
			why = "its results come from a workflow, so only the pull request has them. To run it here too, define it in the file of --settings-file."
		}
		list = append(list, examine.External{Info: info, Err: &scanners.IncompleteError{
			Reason: fmt.Sprintf("%s (%s) requires it, and %s", key, p.Origin(key), why),
		}})
	}
	return list
}

func namesOf(here []scanners.Scanner) (names []string) {
	for _, s := range here {
		names = append(names, s.Info().Name)
	}
	return names
}

// known returns the names of the scanners that a policy may name.
func (o Options) known() []string {
	return policy.KnownScanners(append(namesOf(o.Scanners), o.Known...)...)
}

// baseRevision resolves the base, or finds the default branch if rev is empty, and returns its name.
func baseRevision(ctx context.Context, repo *mirror.Repo, rev string) (sha, name string, err error) {
	if rev != "" {
		if sha, err = repo.Resolve(ctx, rev); err != nil {
			return "", "", fmt.Errorf("--base: there is no revision %q here", rev)
		}
		return sha, fmt.Sprintf("%q", rev), nil
	}
	if _, err := repo.Resolve(ctx, "HEAD"); err != nil {
		return "", "", errors.New("this repository has no commit yet, so there is nothing to compare with: commit something first")
	}
	for _, guess := range []string{"origin/HEAD", "origin/main", "origin/master", "main", "master"} {
		if sha, err := repo.Resolve(ctx, guess); err == nil {
			return sha, "the default branch (" + guess + ")", nil
		}
	}
	return "", "", errors.New("no default branch was found: say with --base what to compare with")
}

// findings lists the findings that the options ask for, worst first.
func (v view) findings(all bool) []checks.Finding {
	var out []checks.Finding
	for _, g := range v.gates {
		for _, f := range g.Findings {
			if f.Comment && (all || f.State == scanners.New) {
				out = append(out, f)
			}
		}
	}
	slices.SortStableFunc(out, checks.WorstFirst)
	return out
}

// blocking names, as Markdown, the lines of the policy that let findings fail the check.
func (v view) blocking() (lines []string) {
	for _, f := range v.findings(false) {
		if line := checks.Escape(fmt.Sprintf("%s fails the check: %s.", f.RuleID(), judge.Because(v.policy, f))); f.Block && f.Decided == nil && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

func (v view) runs() []scanners.Run {
	var out []scanners.Run
	for _, g := range v.gates {
		out = append(out, g.Runs...)
	}
	if run, _, ok := v.designRun(); ok {
		out = append(out, run)
	}
	return out
}

func (v view) code(failOn string) int {
	if failOn != "never" {
		var least scanners.Severity
		_ = least.UnmarshalText([]byte(failOn)) // Review checked it
		for _, f := range v.findings(false) {
			if f.Severity >= least && f.Decided == nil {
				return Failed
			}
		}
	}
	for _, run := range v.runs() {
		if run.Err != nil {
			return Unfinished
		}
	}
	return Passed
}
