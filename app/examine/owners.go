package examine

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
)

// Owners reads the code owners at a commit that is in the mirror.
func Owners(ctx context.Context, repo *mirror.Repo, commit string) (ownership.Owners, error) {
	for _, path := range ownership.Files() {
		text, ok, err := repo.ReadFile(ctx, commit, path)
		switch {
		case errors.Is(err, mirror.ErrNotFile):
		case errors.Is(err, mirror.ErrTooLarge):
			return ownership.Owners{}, nil // GitHub ignores it too
		case err != nil:
			return ownership.Owners{}, fmt.Errorf("read %s: %w", path, err)
		case ok:
			owners, problems := ownership.Parse(string(text))
			if len(problems) > 0 {
				zerolog.Ctx(ctx).Info().Str("file", path).Strs("problems", problems).Msg("lines of CODEOWNERS are left out")
			}
			return owners, nil
		}
	}
	return ownership.Owners{}, nil
}
