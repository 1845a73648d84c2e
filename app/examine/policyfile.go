package examine

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
)

// Misplaced returns a notice for each file at a revision that looks like the policy of the repository and is not read:
// with another ending, in other letters, or in the folder .github.
func Misplaced(ctx context.Context, repo *mirror.Repo, rev string) (notices []string, err error) {
	for _, folder := range []string{"", ".github"} {
		names, err := repo.Names(ctx, rev, folder)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if file := path.Join(folder, name); looksLikePolicy(file) {
				notices = append(notices, fmt.Sprintf("%.200q is not read: the policy of a repository is the file %s in its root. Move it there.", file, policy.File))
			}
		}
	}
	return notices, nil
}

func looksLikePolicy(file string) bool {
	name := strings.TrimPrefix(strings.ToLower(path.Base(file)), ".")
	return file != policy.File && slices.Contains([]string{"secbydesign.yml", "secbydesign.yaml"}, name)
}

// PlainFolders returns the patterns of the repository's paths.ignore that are the plain name of a folder at a revision:
// they match nothing in it, see [policy.FolderProblems].
func PlainFolders(ctx context.Context, repo *mirror.Repo, rev string, p policy.Policy) (folders []policy.Text, err error) {
	for _, pattern := range p.PlainIgnores() {
		names, err := repo.Names(ctx, rev, pattern.S)
		if err != nil {
			return nil, err
		}
		if len(names) > 0 {
			folders = append(folders, pattern)
		}
	}
	return folders, nil
}

// PolicyNotices returns the notices of [Misplaced] and [PlainFolders], for a review that goes on.
func PolicyNotices(ctx context.Context, repo *mirror.Repo, rev string, p policy.Policy) ([]string, error) {
	notices, err := Misplaced(ctx, repo, rev)
	if err != nil {
		return nil, fmt.Errorf("look for misplaced policies: %w", err)
	}
	folders, err := PlainFolders(ctx, repo, rev, p)
	if err != nil {
		return nil, fmt.Errorf("compare paths.ignore with folders: %w", err)
	}
	for _, problem := range policy.FolderProblems(folders) {
		notices = append(notices, problem.String()+".")
	}
	return notices, nil
}

// vendored returns a notice about the changed files that only the gate for secrets scans.
func vendored(diff *mirror.Diff, p policy.Policy) []string {
	var names []string
	for _, ch := range diff.Changes {
		if regular(ch.NewMode) && p.Ignored(ch.NewPath) && !p.SkipsAll(ch.NewPath) {
			names = append(names, fmt.Sprintf("%.200q", ch.NewPath))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Scanned for secrets only, as vendored or minified code: %s. That is the policy's default; `paths: {ignore: []}` in %s has every gate scan it.", scanners.Some(names, 1), policy.File)}
}
