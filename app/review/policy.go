package review

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/upload"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
)

// policy puts together what holds for a repository: the organisation's file, and the repository's
// at the base, where the author of the pull request cannot have changed it. The notices tell what
// of it is not in order.
func (r *Reviewer) policy(ctx context.Context, installation int64, p pull.Pull, read reader) (policy.Policy, layers, []string, error) {
	org, home, told, err := r.organisation(ctx, installation, p.Owner)
	if err != nil {
		return policy.Policy{}, layers{}, nil, err
	}
	l := layers{organisation: org, home: home}
	var notices []string
	for _, notice := range told {
		notices = append(notices, checks.Escape(notice))
	}
	if !l.at(p.Repo, p.Fork) {
		notice := ""
		if l.repository, notice, err = r.repository(ctx, p, read); err != nil {
			return policy.Policy{}, layers{}, nil, err
		}
		if notice != "" {
			notices = append(notices, checks.Escape(notice))
		}
	}
	pol := l.merge()
	for _, notice := range Refusals(pol) {
		notices = append(notices, checks.Escape(notice))
	}
	return pol, l, notices, nil
}

// A reader reads the policy of a repository at the base. Not ok is: there is none.
type reader func(context.Context) (text []byte, ok bool, err error)

func atBase(repo *mirror.Repo, p pull.Pull) reader {
	return func(ctx context.Context) ([]byte, bool, error) { return repo.ReadFile(ctx, p.Base, policy.File) }
}

// layers are what the policy of a repository is made of.
type layers struct {
	organisation, repository policy.Layer
	home                     string // the repository of the organisation's; empty for none
}

// at reports whether the file of a repository is the organisation's, and not its own: it is, or
// would be.
func (l layers) at(repo string, fork bool) bool {
	second := strings.EqualFold(repo, organisationRepos[1]) && !fork
	return strings.EqualFold(repo, organisationRepos[0]) || strings.EqualFold(repo, l.home) || l.home == "" && second
}

func (l layers) merge() policy.Policy { return policy.Merge(l.organisation, l.repository) }

// repository reads the repository's own policy. Absent, unreadable and invalid are three things:
// the first says nothing, the others leave the last valid policy in force and are reported. Where that is
// not known either, a file that is away is [errNoPolicy].
func (r *Reviewer) repository(ctx context.Context, p pull.Pull, read reader) (policy.Layer, string, error) {
	text, ok, err := read(ctx)
	var problem string
	switch {
	case errors.Is(err, mirror.ErrTooLarge):
		problem = "is too large to be read"
	case errors.Is(err, mirror.ErrNotFile):
		problem = "is not a file"
	case errors.Is(err, errAway):
		// An earlier one counts, also that there was none.
		if _, _, had, err := r.Ledger.ValidPolicy(ctx, repoOf(p)); err != nil || !had {
			return policy.Layer{}, "", errors.Join(err, errNoPolicy)
		}
		problem = "could not be read"
	case err != nil:
		return policy.Layer{}, "", fmt.Errorf("read policy: %w", err)
	case !ok:
		return policy.Layer{}, "", r.forget(ctx, repoOf(p), p.Base)
	default:
		parsed, err := policy.Parse(policy.File, text)
		if err == nil {
			return parsed, "", r.Ledger.SaveValidPolicy(ctx, repoOf(p), p.Base, text)
		}
		if problem, err = invalid(err); err != nil {
			return policy.Layer{}, "", err
		}
	}
	in, force, err := lastLayer(ctx, r.Ledger.Reader, repoOf(p), false)
	if err != nil {
		return policy.Layer{}, "", err
	}
	if force == "" {
		force = "the built-in defaults and the organisation's guardrails are"
	}
	return in, fmt.Sprintf("%s at the base %s. Until it is mended, %s in force.", policy.File, problem, force), nil
}

// forget notes that there is no file: whoever deletes it says that it is over.
func (r *Reviewer) forget(ctx context.Context, repo ledger.Repo, sha string) error {
	if _, last, had, err := r.Ledger.ValidPolicy(ctx, repo); err != nil || had && len(last) == 0 {
		return err
	}
	return r.Ledger.SaveValidPolicy(ctx, repo, sha, nil)
}

// invalid tells the first mistake of a file.
func invalid(err error) (string, error) {
	var problems policy.Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		return "", fmt.Errorf("parse policy: %w", err)
	}
	return "is not valid: " + strings.TrimSuffix(problems[0].String(), "?"), nil
}

// lastLayer is the last valid file and says which that is, with its verb; empty for none.
func lastLayer(ctx context.Context, l ledger.Reader, repo ledger.Repo, organisation bool) (policy.Layer, string, error) {
	sha, last, ok, err := l.ValidPolicy(ctx, repo)
	if err != nil {
		return policy.Layer{}, "", fmt.Errorf("read the last valid policy: %w", err)
	}
	if !ok || len(last) == 0 {
		return policy.Layer{}, "", nil
	}
	name, kind := policy.File, "commit "
	if organisation {
		name, kind = repo.Owner+"/"+repo.Name+"/"+policy.File, "content "
	}
	parsed, err := policy.Parse(name, last)
	if err != nil { // an older version of this program took it
		return policy.Layer{}, "", nil
	}
	return parsed, "the last valid one, of " + kind + sha[:min(10, len(sha))] + ", is", nil
}

// A Proposal is the files of a policy that somebody wants to bring in; nil is no change.
type Proposal struct{ Organisation, Repository *policy.Layer }

// LastPolicy is what held last in a repository, as far as the ledger knows, or would with a proposal.
func LastPolicy(ctx context.Context, l ledger.Reader, owner, repo string, with Proposal) (policy.Policy, error) {
	var in layers
	var err error
	for _, home := range organisationRepos {
		var force string
		if in.organisation, force, err = lastLayer(ctx, l, ledger.Repo{Owner: owner, Name: home}, true); err != nil {
			return policy.Default(), err
		}
		if force != "" {
			in.home = home
			break
		}
	}
	if with.Organisation != nil {
		in.organisation = *with.Organisation
	}
	if in.at(repo, false) { // its file is the organisation's
		return in.merge(), nil
	}
	if in.repository, _, err = lastLayer(ctx, l, ledger.Repo{Owner: owner, Name: repo}, false); err != nil {
		return policy.Default(), err
	}
	if with.Repository != nil {
		in.repository = *with.Repository
	}
	return in.merge(), nil
}

// proposed is [Change.Proposed] for a pull request.
func (r *Reviewer) proposed(ctx context.Context, c Change, ex Examination, p pull.Pull, l layers) (list []checks.Annotation, notices []string, err error) {
	if !proposes(ex.Diff) {
		return nil, nil, nil
	}
	d := Draft{Before: l.merge(), With: func(layer policy.Layer) policy.Policy {
		next := l
		if l.at(p.Repo, p.Fork) {
			next.organisation = layer
		} else {
			next.repository = layer
		}
		return next.merge()
	}}
	if d.Open, err = r.open(ctx, p, ex.Gates); err != nil {
		return nil, nil, err
	}
	more, err := r.Ledger.Uploaders(ctx, repoOf(p), "refs/heads/"+p.BaseRef, time.Now().Add(-regularUpload))
	if err != nil {
		return nil, nil, err
	}
	for _, t := range c.Sent {
		if t.Version != "" || len(t.Head) > 0 { // it is not only required
			more = append(more, t.Info.Name)
		}
	}
	d.Known = Known(r.Examiner.Scanners, more...)
	remarks, said, err := c.Proposed(ctx, ex.Diff, d)
	for _, one := range remarks {
		list = append(list, checks.Annotation{Path: one.File, StartLine: one.Line, EndLine: one.Line, Level: one.Level, Title: one.Title, Message: checks.Plain(one.Message)})
	}
	for _, notice := range said {
		notices = append(notices, checks.Escape(notice))
	}
	return list, notices, err
}

// A Draft is what is to be known of a policy that a change brings in.
type Draft struct {
	Before policy.Policy
	With   func(policy.Layer) policy.Policy // what would hold with the file
	Open   []policy.Subject                 // findings that it may concern
	Known  []string                         // names of scanners, see [Known]
}

// A Remark is what the reader of a policy is told at a line of it.
type Remark struct {
	policy.Problem
	Level, Title string // as of an annotation
}

// Proposed checks the policy that a change itself would bring in, so that a mistake is shown on
// the line that makes it, and previews what it would change. It decides nothing about this change.
// The notices are plain text.
func (c Change) Proposed(ctx context.Context, diff *mirror.Diff, d Draft) (remarks []Remark, notices []string, err error) {
	if !proposes(diff) {
		return nil, nil, nil
	}
	text, ok, err := c.Repo.ReadFile(ctx, c.Head, policy.File)
	switch {
	case errors.Is(err, mirror.ErrTooLarge), errors.Is(err, mirror.ErrNotFile):
		return nil, []string{"This pull request makes " + policy.File + " unreadable: it has to be a regular file of less than 256 KiB."}, nil
	case err != nil:
		return nil, nil, fmt.Errorf("read the proposed policy: %w", err)
	}
	var layer policy.Layer
	if ok {
		layer, err = policy.Parse(policy.File, text)
	}
	var problems policy.Problems
	if errors.As(err, &problems) {
		for _, problem := range problems {
			remarks = append(remarks, Remark{problem, "failure", "Not a valid policy"})
		}
		return remarks, []string{fmt.Sprintf("This pull request makes %s invalid: %s", policy.File, problems[0])}, nil
	}
	if ok {
		for _, problem := range Strangers(policy.File, text, d.Known) {
			remarks = append(remarks, Remark{problem, "warning", "A scanner that is not known here"})
		}
	}
	after := d.With(layer)
	says := "changes"
	if !ok {
		says = "removes"
	}
	notices = append(notices, fmt.Sprintf("This pull request %s %s. The change takes effect when it is merged; this review follows the policy of the base. %s", says, policy.File, preview(policy.Compare(d.Before, after, d.Open), len(d.Open))))
	told := len(notices) + maxTold
	for _, one := range after.Refused {
		if one.Origin.File != policy.File {
			continue // of the organisation
		}
		remarks = append(remarks, Remark{policy.Problem{File: one.Origin.File, Line: one.Origin.Line, Column: one.Origin.Column, Message: one.Key.String() + ": " + one.Because}, "warning", "Refused by a guardrail"})
		same := func(other policy.Refusal) bool {
			return other.Origin.Layer == policy.Repository && slices.Equal(other.Key, one.Key) && other.Because == one.Because
		}
		if len(notices) < told && !slices.ContainsFunc(d.Before.Refused, same) { // see [Refusals]
			notices = append(notices, "Not taken: "+one.String()+".")
		}
	}
	return remarks, notices, nil
}

// proposes reports whether a change brings in another policy.
func proposes(diff *mirror.Diff) bool {
	return slices.ContainsFunc(diff.Changes, func(ch mirror.Change) bool { return ch.NewPath == policy.File || ch.OldPath == policy.File })
}

// Known names the scanners that a policy may speak of: those of this program, those here, CodeQL, and
// more.
func Known(here []scanners.Scanner, more ...string) []string {
	names := slices.Concat(catalog.Names(), more, []string{upload.CodeQL})
	for _, s := range here {
		names = append(names, s.Info().Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Strangers tells which scanners a valid policy names that are none of those known. That is no mistake,
// since a workflow may send results of any.
func Strangers(name string, text []byte, known []string) (list policy.Problems) {
	_, err := policy.Parse(name, text, known...)
	_ = errors.As(err, &list) // valid as it is, nothing else can be wrong with it
	return list
}

// Refusals tells in one notice, which is plain text, what a repository's policy says at the base and a
// guardrail does not take; none where there is nothing. What an organisation's own file says is not
// for those who read of a repository.
func Refusals(p policy.Policy) []string {
	var list []string
	for _, one := range p.Refused {
		if one.Origin.Layer == policy.Repository {
			list = append(list, one.String()+".")
		}
	}
	if len(list) == 0 {
		return nil
	}
	if more := len(list) - maxRefused; more > 0 {
		list = append(list[:maxRefused], fmt.Sprintf("And %d more: secbydesign config explain has all.", more))
	}
	return []string{"Refused at the base: " + strings.Join(list, " ")}
}

// maxRefused is small, because every review says it.
const maxRefused = 3

// maxTold bounds what is told of one kind; the annotations and config explain have all.
const maxTold = 10

// open lists the findings that are new in an open pull request of the repository: of this one as
// it is now, of others as they were last seen.
func (r *Reviewer) open(ctx context.Context, p pull.Pull, gates []checks.Gate) (list []policy.Subject, err error) {
	seen := map[string]bool{}
	add := func(s policy.Subject) {
		if !seen[s.ID] {
			seen[s.ID] = true
			list = append(list, s)
		}
	}
	for _, one := range Subjects(gates) {
		add(one)
	}
	numbers, err := r.Ledger.OpenPulls(ctx, repoOf(p))
	if err != nil {
		return nil, fmt.Errorf("list open pull requests: %w", err)
	}
	for _, n := range numbers[max(0, len(numbers)-maxPreviewed):] {
		if n == p.Number {
			continue
		}
		last, err := r.facts(ctx, queue.Errand{RepoID: p.RepoID, Owner: p.Owner, Repo: p.Repo, Number: n})
		if err != nil {
			return nil, err
		}
		for _, f := range last.Findings {
			scanner, rule, _ := strings.Cut(f.Rule, "/")
			if f.State == scanners.New && f.Decided == "" {
				add(policy.Subject{ID: f.id(), Gate: f.Gate, Scanner: scanner, Rule: rule, Severity: f.Severity, Path: f.Path})
			}
		}
	}
	return list, nil
}

// Subjects lists what is new in gates, whatever the policy makes of it.
func Subjects(gates []checks.Gate) (list []policy.Subject) {
	for _, g := range gates {
		for _, run := range g.Runs {
			for _, f := range run.Results {
				if f.State == scanners.New {
					list = append(list, policy.Subject{ID: scanners.ID(f.Fingerprint), Gate: g.Name, Scanner: f.Scanner, Rule: f.Rule, Severity: f.Severity, Path: f.Path})
				}
			}
		}
	}
	return list
}

// maxPreviewed is how many open pull requests a preview looks at, the newest.
const maxPreviewed = 50

// preview says what would change, in sentences for people.
func preview(v policy.Preview, open int) string {
	var parts []string
	for i, c := range v.Changed {
		if i == maxTold {
			parts = append(parts, fmt.Sprintf("and %d more", len(v.Changed)-i))
			break
		}
		from, to := c.From, c.To
		if from == "" {
			from = "nothing"
		}
		if to == "" {
			to = "nothing"
		}
		parts = append(parts, fmt.Sprintf("%s from %s to %s", c.Key, from, to))
	}
	said := "It would change nothing for this repository."
	if len(parts) > 0 {
		said = "It would change " + strings.Join(parts, ", ") + "."
	}
	if open == 0 {
		return said + " No finding is open that it would concern."
	}
	parts = nil
	for _, one := range []struct {
		ids  []string
		what string
	}{{v.Appear, "appear"}, {v.Vanish, "vanish"}, {v.Block, "begin to fail the check"}, {v.Relent, "fail the check no more"}} {
		if n := len(one.ids); n > 0 {
			ids := strings.Join(one.ids[:min(n, maxTold)], ", ")
			if n > maxTold {
				ids += ", …"
			}
			parts = append(parts, fmt.Sprintf("%d would %s (%s)", n, one.what, ids))
		}
	}
	if len(parts) == 0 {
		parts = []string{"none would appear, vanish or begin to fail the check"}
	}
	return fmt.Sprintf("%s Of %d findings that are open in pull requests here, %s.", said, open, strings.Join(parts, ", "))
}
