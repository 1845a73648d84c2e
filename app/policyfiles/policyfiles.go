// Package policyfiles reads the policy files of an organisation and of a repository, from GitHub and from git,
// and keeps the last valid one of each in force while the file is unreadable or invalid.
package policyfiles

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/checks"
)

// Files reads policy files. Its fields must not change after its first use; several goroutines may use it at once.
type Files struct {
	App     *installation.App // required
	Mirrors *mirror.Store     // required
	Ledger  *ledger.Ledger    // required
	YAML    strictyaml.Parser // nil for the one of this process

	unreachable unreachable
}

// Policy returns the policy of a repository: the organisation's file merged with the repository's file at the base,
// where the author of the pull request cannot have changed it. The notices are Markdown and describe problems of the
// files. If the repository's file is out of reach and no earlier one is known, the error is [ErrNoPolicy].
func (f *Files) Policy(ctx context.Context, installation int64, p pull.Pull, read Source) (policy.Policy, Layers, []string, error) {
	org, home, plain, err := f.organisation(ctx, installation, p.Owner)
	if err != nil {
		return policy.Policy{}, Layers{}, nil, err
	}
	l := Layers{organisation: org, home: home}
	var notices []string
	for _, notice := range plain {
		notices = append(notices, checks.Escape(notice))
	}
	if !l.holds(p.Repo, p.Fork) {
		notice := ""
		if l.repository, notice, err = f.repository(ctx, p, read); err != nil {
			return policy.Policy{}, Layers{}, nil, err
		}
		if notice != "" {
			notices = append(notices, checks.Escape(notice))
		}
	}
	pol := l.Merge()
	for _, notice := range pol.RefusalNotices() {
		notices = append(notices, checks.Escape(notice))
	}
	return pol, l, notices, nil
}

// A Source reads the policy file of a repository at the base. ok is false if there is none.
type Source func(context.Context) (text []byte, ok bool, err error)

// AtBase reads from a mirror that has the base.
func AtBase(repo *mirror.Repo, p pull.Pull) Source {
	return func(ctx context.Context) ([]byte, bool, error) { return repo.ReadFile(ctx, p.Base, policy.File) }
}

// Layers are the layers of the policy of a repository.
type Layers struct {
	organisation, repository policy.Layer
	home                     string // the repository of the organisation's; empty for none
}

// holds reports whether a repository's file is, or would be, the organisation's policy, rather than the repository's
// own.
func (l Layers) holds(repo string, fork bool) bool {
	second := strings.EqualFold(repo, organisationRepos[1]) && !fork
	return strings.EqualFold(repo, organisationRepos[0]) || strings.EqualFold(repo, l.home) || l.home == "" && second
}

// Merge merges the layers.
func (l Layers) Merge() policy.Policy { return policy.Merge(l.organisation, l.repository) }

// repository reads the repository's own policy. Absent, unreadable and invalid are three different cases: an absent
// file sets nothing; otherwise the last valid policy stays in force and the problem is reported. If that policy is not
// known either and the file is out of reach, the error is [ErrNoPolicy].
func (f *Files) repository(ctx context.Context, p pull.Pull, read Source) (policy.Layer, string, error) {
	text, ok, err := read(ctx)
	var problem string
	switch {
	case errors.Is(err, mirror.ErrTooLarge):
		problem = "is too large to be read"
	case errors.Is(err, mirror.ErrNotFile):
		problem = "is not a file"
	case errors.Is(err, errAway):
		// An earlier result counts, even if it was that there is no file.
		if _, _, had, err := f.Ledger.ValidPolicy(ctx, p.Repository()); err != nil || !had {
			return policy.Layer{}, "", errors.Join(err, ErrNoPolicy)
		}
		problem = "could not be read"
	case err != nil:
		return policy.Layer{}, "", fmt.Errorf("read policy: %w", err)
	case !ok:
		return policy.Layer{}, "", f.forget(ctx, p.Repository(), p.Base)
	default:
		parsed, err := parse(ctx, f.YAML, policy.File, text)
		if err == nil {
			return parsed, "", f.Ledger.SaveValidPolicy(ctx, p.Repository(), p.Base, text)
		}
		if problem, err = invalid(err); err != nil {
			return policy.Layer{}, "", err
		}
	}
	in, force, err := lastLayer(ctx, f.Ledger.Reader, f.YAML, p.Repository(), false)
	if err != nil {
		return policy.Layer{}, "", err
	}
	if force == "" {
		force = "the built-in defaults and the organisation's guardrails are"
	}
	return in, fmt.Sprintf("%s at the base %s. Until it is fixed, %s in force.", policy.File, problem, force), nil
}

// forget records that there is no file: deleting the file ends the policy.
func (f *Files) forget(ctx context.Context, repo ledger.Repo, sha string) error {
	if _, last, had, err := f.Ledger.ValidPolicy(ctx, repo); err != nil || had && len(last) == 0 {
		return err
	}
	return f.Ledger.SaveValidPolicy(ctx, repo, sha, nil)
}

// invalid describes the first mistake of a file.
func invalid(err error) (string, error) {
	var problems strictyaml.Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		return "", err
	}
	return "is not valid: " + strings.TrimSuffix(problems[0].String(), "?"), nil
}

// lastLayer returns the last valid file and a phrase that names it, with its verb; empty for none.
func lastLayer(ctx context.Context, l ledger.Reader, yaml strictyaml.Parser, repo ledger.Repo, organisation bool) (policy.Layer, string, error) {
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
	parsed, err := parse(ctx, yaml, name, last)
	var problems strictyaml.Problems
	if errors.As(err, &problems) { // an older version of this program took it
		return policy.Layer{}, "", nil
	}
	if err != nil {
		return policy.Layer{}, "", err
	}
	return parsed, "the last valid one, of " + kind + sha[:min(10, len(sha))] + ", is", nil
}

// With returns the policy with another layer in place of the layer that a repository's file is.
func (l Layers) With(repo string, fork bool, layer policy.Layer) policy.Policy {
	if l.holds(repo, fork) {
		l.organisation = layer
	} else {
		l.repository = layer
	}
	return l.Merge()
}

// Proposed holds the proposed policy files; nil means no change.
type Proposed struct{ Organisation, Repository *policy.Layer }

// Last returns the policy that, according to the ledger, was last in force in a repository, or that would be with
// proposed files.
func Last(ctx context.Context, l ledger.Reader, owner, repo string, with Proposed) (policy.Policy, error) {
	var in Layers
	var err error
	for _, home := range organisationRepos {
		var force string
		if in.organisation, force, err = lastLayer(ctx, l, nil, ledger.Repo{Owner: owner, Name: home}, true); err != nil {
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
	if in.holds(repo, false) { // its file is the organisation's
		return in.Merge(), nil
	}
	if in.repository, _, err = lastLayer(ctx, l, nil, ledger.Repo{Owner: owner, Name: repo}, false); err != nil {
		return policy.Default(), err
	}
	if with.Repository != nil {
		in.repository = *with.Repository
	}
	return in.Merge(), nil
}
