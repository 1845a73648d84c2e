package policyfiles

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/go-github/v60/github"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
)

// ErrNoPolicy means that the policy of the base could not be read, and no earlier one is known.
var ErrNoPolicy = errors.New("the policy of the base is not known")

// errAway means that a file could not be read for a reason outside the file.
var errAway = errors.New("could not be read")

// FromAnywhere returns a source that reads the policy at the base of a pull request whose head may be out of reach, see
// readBase.
func (f *Files) FromAnywhere(gh *installation.Client, p pull.Pull) Source {
	return func(ctx context.Context) ([]byte, bool, error) { return f.readBase(ctx, gh, p) }
}

// readBase reads the policy at the base of a pull request whose head may be out of reach: by git without the head, or
// by GitHub's API. If neither works, the error is [errAway].
func (f *Files) readBase(ctx context.Context, gh *installation.Client, p pull.Pull) ([]byte, bool, error) {
	text, ok, err := f.baseByGit(ctx, gh, p)
	if err == nil || errors.Is(err, mirror.ErrNotFile) {
		return text, ok, err
	}
	byGit := err
	text, ok, err = fileAt(ctx, gh, p)
	var limited *installation.RateLimited
	switch {
	case err == nil, errors.Is(err, mirror.ErrNotFile), errors.Is(err, mirror.ErrTooLarge):
		return text, ok, err
	case context.Cause(ctx) != nil:
		return nil, false, context.Cause(ctx)
	case errors.As(err, &limited), installation.OutOfReach(err):
		return nil, false, err
	}
	err = errors.Join(byGit, err)
	zerolog.Ctx(ctx).Warn().Err(err).Msg("the policy of the base could not be read")
	return nil, false, fmt.Errorf("%w: %w", errAway, err)
}

func (f *Files) baseByGit(ctx context.Context, gh *installation.Client, p pull.Pull) ([]byte, bool, error) {
	if p.Base == "" {
		return nil, false, errAway
	}
	repo, err := f.Mirrors.Open(ctx, gh.Mirror(), mirror.Remote{URL: f.App.GitURL(p.Owner, p.Repo), Token: gh.GitToken})
	if err != nil {
		return nil, false, fmt.Errorf("open mirror: %w", err)
	}
	if err := repo.Fetch(ctx, mirror.Want{SHAs: []string{p.Base}}); err != nil {
		return nil, false, fmt.Errorf("fetch %s: %w", p.Base, err)
	}
	return repo.ReadFile(ctx, p.Base, policy.File)
}

// fileAt reads the policy at the base by GitHub's API. ok is false if the commit exists and the file does not.
func fileAt(ctx context.Context, gh *installation.Client, p pull.Pull) ([]byte, bool, error) {
	ref := p.Base
	if ref == "" {
		ref = "refs/heads/" + p.BaseRef // a tag may have the same name
	}
	file, _, _, err := gh.REST.Repositories.GetContents(ctx, p.Owner, p.Repo, policy.File, &github.RepositoryContentGetOptions{Ref: ref})
	if installation.NotFound(err) { // the file, or the commit
		_, _, err := gh.REST.Repositories.GetCommit(ctx, p.Owner, p.Repo, url.PathEscape(strings.TrimPrefix(ref, "refs/")), &github.ListOptions{PerPage: 1})
		return nil, false, err
	}
	if err != nil {
		return nil, false, err
	}
	if file.GetType() != "file" {
		return nil, false, mirror.ErrNotFile
	}
	content, err := file.GetContent()
	if err != nil || content == "" && file.GetSize() > 0 { // GitHub leaves the content of large files out
		return nil, false, errors.Join(mirror.ErrTooLarge, err)
	}
	return []byte(content), true, nil
}
