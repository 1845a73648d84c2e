package policyfiles

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/policy"
)

// organisationRepos are the repositories that may hold an organisation's policy, at the default branch. The first that
// has one counts.
var organisationRepos = [2]string{".github", "secbydesign"}

// errFork is for the second of them: a fork of this program's own repository is not meant as a policy.
var errFork = errors.New("the repository is a fork")

// organisation reads the organisation's policy and returns the repository that holds it; empty for none. The notices
// are plain text.
func (f *Files) organisation(ctx context.Context, installed int64, owner string) (in policy.Layer, home string, notices []string, err error) {
	for i, repo := range organisationRepos {
		layer, there, notice, err := f.organisationAt(ctx, installed, owner, repo)
		if err != nil {
			return policy.Layer{}, "", nil, err
		}
		if !there {
			continue
		}
		if notice != "" {
			notices = append(notices, notice)
		}
		for _, other := range organisationRepos[i+1:] {
			// A file that cannot be read is not in force, and misleads nobody.
			if _, _, also, err := f.readOrganisation(ctx, installed, owner, other); err == nil && also {
				notices = append(notices, fmt.Sprintf("%s/%s/%s is not the organisation's policy, because there is one in %[1]s/%[4]s.", owner, other, policy.File, repo))
			}
		}
		return layer, repo, notices, nil
	}
	return policy.Layer{}, "", nil, nil
}

// organisationAt reads the organisation's policy in one repository by GitHub's API, always the current version, since
// the client revalidates its cache each time. Absent, unreadable and invalid are three different cases here, too; there
// is false only if the file is absent. A repository that the App is not installed on cannot be distinguished from one
// that does not exist, so its file is absent, unless the policy was read before: moving guardrails out of sight does
// not remove them.
func (f *Files) organisationAt(ctx context.Context, installed int64, owner, repo string) (in policy.Layer, there bool, notice string, err error) {
	name, of := owner+"/"+repo+"/"+policy.File, ledger.Repo{Owner: owner, Name: repo}
	text, sha, ok, err := f.readOrganisation(ctx, installed, owner, repo)
	var limited *installation.RateLimited
	var problem string
	switch {
	case context.Cause(ctx) != nil, errors.As(err, &limited), errors.Is(err, installation.ErrSuspended):
		return policy.Layer{}, false, "", errors.Join(context.Cause(ctx), err)
	case errors.Is(err, errFork):
		return policy.Layer{}, false, "", nil // the policy that is stored under its name is its own
	case errors.Is(err, installation.ErrGone):
		problem = "cannot be reached any more: the App has to be installed on " + owner + "/" + repo
	case err != nil:
		zerolog.Ctx(ctx).Warn().Err(err).Msg("the organisation's policy could not be read")
		problem = "could not be read"
	case !ok:
		return policy.Layer{}, false, "", f.forget(ctx, of, "")
	default:
		parsed, err := parse(ctx, f.YAML, name, text)
		if err == nil {
			// Store it only if it has changed: every review reads it.
			if before, _, had, err := f.Ledger.ValidPolicy(ctx, of); err != nil || had && before == sha {
				return parsed, true, "", err
			}
			return parsed, true, "", f.Ledger.SaveValidPolicy(ctx, of, sha, text)
		}
		if problem, err = invalid(err); err != nil {
			return policy.Layer{}, false, "", err
		}
	}
	in, force, lastErr := lastLayer(ctx, f.Ledger.Reader, f.YAML, of, true)
	switch {
	case lastErr != nil:
		return policy.Layer{}, false, "", lastErr
	case force == "" && errors.Is(err, installation.ErrGone):
		return policy.Layer{}, false, "", nil
	case force == "":
		force = "none of it is"
	}
	return in, true, fmt.Sprintf("The organisation's policy %s %s. Until it is fixed, %s in force.", name, problem, force), nil
}

// readOrganisation returns the text of the organisation's file and GitHub's SHA of this version. ok is false if the
// repository exists and the file does not.
func (f *Files) readOrganisation(ctx context.Context, installed int64, owner, repo string) (text []byte, sha string, ok bool, err error) {
	gh, err := f.readable(ctx, installed, owner, repo)
	if err != nil {
		return nil, "", false, err
	}
	file, _, _, err := gh.Repositories.GetContents(ctx, owner, repo, policy.File, nil)
	if installation.NotFound(err) { // the file, or the whole repository
		_, _, err := gh.Repositories.Get(ctx, owner, repo)
		if installation.NotFound(err) {
			err = installation.ErrGone
		}
		return nil, "", false, err
	}
	if err != nil {
		return nil, "", false, fmt.Errorf("read the organisation's policy: %w", err)
	}
	if repo == organisationRepos[1] {
		switch r, _, err := gh.Repositories.Get(ctx, owner, repo); {
		case err != nil:
			return nil, "", false, fmt.Errorf("read the organisation's policy: %w", err)
		case r.GetFork():
			return nil, "", false, errFork
		}
	}
	if file.GetType() != "file" {
		return nil, "", false, errors.New("read the organisation's policy: it is not a file")
	}
	content, err := file.GetContent()
	if err != nil {
		return nil, "", false, fmt.Errorf("read the organisation's policy: %w", err)
	}
	return []byte(content), file.GetSHA(), true, nil
}

// Guardrails returns the organisation's guardrails, as its policy sets them now.
func (f *Files) Guardrails(ctx context.Context, installed int64, owner string) (policy.Guardrails, error) {
	org, _, err := f.Organisation(ctx, installed, owner)
	return org.Guardrails, err
}

// Organisation returns the policy of the organisation alone, as it is now, and GitHub's SHA of the content of its file;
// empty if there is no file.
func (f *Files) Organisation(ctx context.Context, installed int64, owner string) (policy.Policy, string, error) {
	org, home, _, err := f.organisation(ctx, installed, owner)
	if err != nil {
		return policy.Policy{}, "", err
	}
	sha := ""
	if home != "" { // the version in force, which may be older than an invalid file
		if sha, _, _, err = f.Ledger.ValidPolicy(ctx, ledger.Repo{Owner: owner, Name: home}); err != nil {
			return policy.Policy{}, "", err
		}
	}
	return policy.Merge(org, policy.Layer{}), sha, nil
}

// HasPolicy reports whether a repository of this name may hold an organisation's policy.
func HasPolicy(repo string) bool {
	return slices.ContainsFunc(organisationRepos[:], func(name string) bool { return strings.EqualFold(name, repo) })
}
