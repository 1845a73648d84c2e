package review

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// policy puts together what holds for a repository: the organisation's file, and the repository's
// at the base, where the author of the pull request cannot have changed it. The notices tell what
// of it is not in order.
func (r *Reviewer) policy(ctx context.Context, installation int64, repo *mirror.Repo, p pull.Pull) (policy.Policy, layers, []string, error) {
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
		if l.repository, notice, err = r.repository(ctx, repo, p); err != nil {
			return policy.Policy{}, layers{}, nil, err
		}
		if notice != "" {
			notices = append(notices, checks.Escape(notice))
		}
	}
	return l.merge(), l, notices, nil
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
// the first says nothing, the others leave the last valid policy in force and are told.
func (r *Reviewer) repository(ctx context.Context, repo *mirror.Repo, p pull.Pull) (policy.Layer, string, error) {
	text, ok, err := repo.ReadFile(ctx, p.Base, policy.File)
	var problem string
	switch {
	case errors.Is(err, mirror.ErrTooLarge):
		problem = "is too large to be read"
	case errors.Is(err, mirror.ErrNotFile):
		problem = "is not a file"
	case err != nil:
		return policy.Layer{}, "", fmt.Errorf("read policy: %w", err)
	case !ok:
		return policy.Layer{}, "", r.forget(ctx, p.Owner, p.Repo, p.Base)
	default:
		parsed, err := policy.Parse(policy.File, text)
		if err == nil {
			return parsed, "", r.Ledger.SaveValidPolicy(ctx, p.Owner, p.Repo, p.Base, text)
		}
		if problem, err = invalid(err); err != nil {
			return policy.Layer{}, "", err
		}
	}
	in, force, err := lastLayer(ctx, r.Ledger.Reader, p.Owner, p.Repo, false)
	if err != nil {
		return policy.Layer{}, "", err
	}
	if force == "" {
		force = "the built-in defaults and the organisation's guardrails are"
	}
	return in, fmt.Sprintf("%s at the base %s. Until it is mended, %s in force.", policy.File, problem, force), nil
}

// forget notes that a file was deleted: whoever does that says that it is over.
func (r *Reviewer) forget(ctx context.Context, owner, repo, sha string) error {
	if _, last, had, err := r.Ledger.ValidPolicy(ctx, owner, repo); err != nil || !had || len(last) == 0 {
		return err
	}
	return r.Ledger.SaveValidPolicy(ctx, owner, repo, sha, nil)
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
func lastLayer(ctx context.Context, l ledger.Reader, owner, repo string, organisation bool) (policy.Layer, string, error) {
	sha, last, ok, err := l.ValidPolicy(ctx, owner, repo)
	if err != nil {
		return policy.Layer{}, "", fmt.Errorf("read the last valid policy: %w", err)
	}
	if !ok || len(last) == 0 {
		return policy.Layer{}, "", nil
	}
	name, kind := policy.File, "commit "
	if organisation {
		name, kind = owner+"/"+repo+"/"+policy.File, "content "
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
		if in.organisation, force, err = lastLayer(ctx, l, owner, home, true); err != nil {
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
	if in.repository, _, err = lastLayer(ctx, l, owner, repo, false); err != nil {
		return policy.Default(), err
	}
	if with.Repository != nil {
		in.repository = *with.Repository
	}
	return in.merge(), nil
}

// proposed checks the policy that the pull request itself would bring in, so that a mistake is
// shown on the line that makes it, and previews what it would change. It decides nothing about
// this pull request.
func (r *Reviewer) proposed(ctx context.Context, c Change, ex Examination, p pull.Pull, l layers) (list []checks.Annotation, notices []string, err error) {
	kind := mirror.Kind("")
	for _, ch := range ex.Diff.Changes {
		if ch.NewPath == policy.File || ch.OldPath == policy.File {
			kind = ch.Kind
		}
	}
	if kind == "" {
		return nil, nil, nil
	}
	text, ok, err := c.Repo.ReadFile(ctx, c.Head, policy.File)
	switch {
	case errors.Is(err, mirror.ErrTooLarge), errors.Is(err, mirror.ErrNotFile):
		return nil, []string{checks.Escape("This pull request makes " + policy.File + " unreadable: it has to be a regular file of less than 256 KiB.")}, nil
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
			list = append(list, checks.Annotation{
				Path: policy.File, StartLine: problem.Line, EndLine: problem.Line, Level: "failure",
				Title: "Not a valid policy", Message: checks.Plain(problem.Message),
			})
		}
		return list, []string{checks.Escape(fmt.Sprintf("This pull request makes %s invalid: %s", policy.File, problems[0]))}, nil
	}
	before, next := l.merge(), l
	if l.at(p.Repo, p.Fork) {
		next.organisation = layer
	} else {
		next.repository = layer
	}
	after := next.merge()
	open, err := r.open(ctx, p, ex.Gates)
	if err != nil {
		return nil, nil, err
	}
	says := "changes"
	if !ok {
		says = "removes"
	}
	notices = append(notices, checks.Escape(fmt.Sprintf("This pull request %s %s. The change takes effect when it is merged; this review follows the policy of the base. %s", says, policy.File, preview(policy.Compare(before, after, open), len(open)))))
	refused := after.Refused
	for i, one := range refused {
		if one.Origin.File != policy.File {
			continue // of the organisation
		}
		list = append(list, checks.Annotation{
			Path: policy.File, StartLine: one.Origin.Line, EndLine: one.Origin.Line, Level: "warning",
			Title: "Refused by a guardrail", Message: checks.Plain(one.Key.String() + ": " + one.Because),
		})
		if i < maxTold {
			notices = append(notices, checks.Escape("Not taken: "+one.String()+"."))
		}
	}
	return list, notices, nil
}

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
	for _, g := range gates {
		for _, run := range g.Runs {
			for _, f := range run.Results {
				if f.State == scanners.New {
					add(policy.Subject{ID: scanners.ID(f.Fingerprint), Gate: g.Name, Scanner: f.Scanner, Rule: f.Rule, Severity: f.Severity, Path: f.Path})
				}
			}
		}
	}
	numbers, err := r.Ledger.OpenPulls(ctx, p.Owner, p.Repo)
	if err != nil {
		return nil, fmt.Errorf("list open pull requests: %w", err)
	}
	for _, n := range numbers[max(0, len(numbers)-maxPreviewed):] {
		if n == p.Number {
			continue
		}
		last, err := r.facts(ctx, queue.Errand{Owner: p.Owner, Repo: p.Repo, Number: n})
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
