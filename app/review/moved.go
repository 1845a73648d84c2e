package review

import (
	"context"
	"errors"
	"strings"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/pull"
)

// elsewhere looks whether what failed did so because the repository was renamed or transferred, and if so takes
// down where it is. moved is false when it is where it was, or nobody knows; then the error is to be dealt with:
// another one than before where it says more.
//
// A repository can move between any two requests. Requests under the former name are refused, or would reach
// another repository that has it by now, for which our token is not good: so nothing is written but to the right
// one, and what was begun is ended under the new name.
func (r *Reviewer) elsewhere(ctx context.Context, was ledger.Repo, installed int64, failed error) (at installation.Location, moved bool, err error) {
	var limited *installation.RateLimited
	if failed == nil || context.Cause(ctx) != nil || was.ID == 0 || errors.As(failed, &limited) || errors.Is(failed, mirror.ErrTooLarge) {
		return at, false, failed
	}
	at, err = r.App.Find(ctx, installed, was.ID, was.Owner, was.Name)
	switch {
	case errors.As(err, &limited), outOfReach(err):
		return at, false, err
	case err != nil:
		zerolog.Ctx(ctx).Info().Err(err).Msg("where the repository is could not be found out")
		return at, false, failed
	case at.Installation == installed && strings.EqualFold(at.Owner, was.Owner) && strings.EqualFold(at.Name, was.Name):
		return at, false, failed
	}
	zerolog.Ctx(ctx).Info().Err(failed).Str("was", was.String()).Str("now", at.Owner+"/"+at.Name).Msg("the repository was renamed or transferred")
	err = r.Ledger.Found(ctx, ledger.Repo{ID: was.ID, Owner: at.Owner, Name: at.Name}, at.Installation)
	return at, err == nil, err
}

// mirror opens the mirror of the repository of a pull request.
func (r *Reviewer) mirror(ctx context.Context, gh *installation.Client, p pull.Pull) (*mirror.Repo, error) {
	return r.Mirrors.Open(ctx, gh.Mirror(), mirror.Remote{URL: r.App.GitURL(p.Owner, p.Repo), Token: gh.GitToken})
}
