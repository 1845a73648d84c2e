package app

import (
	"context"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners/visible"
)

// ExplainOwner writes who owns a file of the git repository around a folder, and by which line. It reads the files
// of the work tree, committed or not, so that a change of them can be tried; a pull request is judged by those of its
// base branch. GitHub is not asked whether the owners exist. The error is one sentence for the user of the command.
func ExplainOwner(ctx context.Context, w io.Writer, folder, file string, f PolicyFiles) error {
	pol, err := f.merged()
	if err != nil {
		return err
	}
	repo, err := mirror.OpenLocal(ctx, folder)
	if err != nil {
		return err
	}
	tree, done, err := repo.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer done()
	if file, err = pathIn(ctx, repo, tree, folder, file); err != nil {
		return err
	}
	org, _ := repo.Origin(ctx)
	owners, err := examine.Owners(ctx, repo, tree, org, pol, nil, examine.Parsers{})
	if err != nil {
		return err
	}
	a := owners.Explain(file)
	if err := owners.Err(); err != nil {
		return err
	}
	_, err = io.WriteString(w, visible.Text(ownerText(file, a, owners.Problems())))
	return err
}

// merged returns the policy of the files. A repository without a file has a policy, too.
func (f PolicyFiles) merged() (policy.Policy, error) {
	repository, err := f.read(f.File)
	if err != nil && !f.absent(err) {
		return policy.Policy{}, err
	}
	organisation, err := f.read(f.Organisation)
	return policy.Merge(organisation, repository), err
}

// pathIn returns the path of a file from the root of the repository. The user may have written it from there, from the
// folder, or from the root of the file system.
func pathIn(ctx context.Context, repo *mirror.Repo, tree, folder, file string) (string, error) {
	root, err := rootOf(folder)
	if err != nil {
		return "", err
	}
	guesses := []string{path.Clean(filepath.ToSlash(file))}
	at := file
	if !filepath.IsAbs(at) {
		at = filepath.Join(folder, file)
	}
	if at, err = filepath.Abs(at); err == nil {
		if below, err := filepath.Rel(root, at); err == nil {
			guesses = append([]string{filepath.ToSlash(below)}, guesses...)
		}
	}
	found, err := repo.Files(ctx, tree, guesses)
	if err != nil {
		return "", err
	}
	for _, guess := range guesses {
		for _, f := range found {
			if f.Path == guess {
				return guess, nil
			}
		}
	}
	if names, err := repo.Names(ctx, tree, strings.TrimPrefix(guesses[0], "./")); err == nil && len(names) > 0 {
		return "", fmt.Errorf("--path: %s is a folder: name a file in it", file)
	}
	return "", fmt.Errorf("--path: there is no file %s in this repository: check its path, and whether git ignores it", file)
}

// ownerText is the answer, as text for a terminal.
func ownerText(file string, a ownership.Owned, problems []string) string {
	var b strings.Builder
	if why := a.Unowned(); why != "" {
		fmt.Fprintf(&b, "Nobody owns %s: %s.\n", file, why)
	} else {
		fmt.Fprintf(&b, "%s belongs to %s, by %s.\n", file, strings.Join(a.Owners, " and "), a.Where)
		for _, why := range a.Passed {
			fmt.Fprintf(&b, "  Passed: %s.\n", why)
		}
	}
	for _, problem := range problems {
		if name, _, _ := strings.Cut(problem, " says nothing"); !strings.Contains(b.String(), name) {
			fmt.Fprintf(&b, "  %s\n", problem)
		}
	}
	if len(a.Owners) > 0 && !ownership.IsOwner(a.Owners[0]) {
		b.WriteString("  The organisation is not known without a remote \"origin\", so the group is shown as it is written.\n")
	}
	return b.String()
}
