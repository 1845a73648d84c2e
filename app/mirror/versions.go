package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Version is one content of a regular file.
type Version struct {
	Commit string // the first of the given commits that introduced it
	Path   string // exact bytes
	Blob   string
}

// Versions lists every version of a regular file that one of the commits introduced, in the order of the commits,
// and each pair of path and blob once. A merge introduces what differs from all its parents; a root introduces
// its whole tree.
//
// A commit whose parents are not here would seem to introduce its whole tree. Versions skips such commits and
// reports them in a [*ShallowError]; it still returns the versions of all others.
func (r *Repo) Versions(ctx context.Context, commits []string) ([]Version, error) {
	if err := checkOIDs(commits...); err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	var versions []Version
	err := r.steady(ctx, func(ctx context.Context) error {
		ask, short, err := r.withParents(ctx, unique(commits))
		if err != nil {
			return err
		}
		out, err := r.read(ctx, ask, "diff-tree", "--stdin", "-r", "-z", "-c", "--root", "--raw", "--no-renames", "--no-ext-diff")
		if err != nil {
			return err
		}
		if versions, err = parseVersions(string(out)); err != nil {
			return err
		}
		if len(short.Commits) > 0 {
			return short
		}
		return nil
	})
	if err != nil {
		return versions, fmt.Errorf("list versions: %w", err)
	}
	return versions, nil
}

// withParents formats each commit with its parents on a line. This makes diff-tree use these parents instead of
// the ones that git would assume.
func (r *Repo) withParents(ctx context.Context, commits []string) (lines string, short *ShallowError, err error) {
	var b strings.Builder
	short = &ShallowError{}
	err = r.objects(ctx, func(o *objects) error {
		for _, c := range commits {
			parents, err := o.parents(c)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(parents, func(p string) bool { return !o.has(p) }) {
				short.Commits = append(short.Commits, c)
				continue
			}
			b.WriteString(strings.Join(append([]string{c}, parents...), " ") + "\n")
		}
		return o.err
	})
	return b.String(), short, err
}

// parseVersions parses the raw format of diff-tree --stdin -c -z: the id of a commit, then its changes. The
// changes of a merge have one colon, and one old side, for each parent.
func parseVersions(out string) ([]Version, error) {
	bad := errors.New("git diff-tree printed something unexpected")
	var versions []Version
	seen := map[[2]string]bool{}
	commit := ""
	for out != "" {
		word, rest, ok := strings.Cut(out, "\x00")
		if !ok {
			return nil, bad
		}
		out = rest
		parents := len(word) - len(strings.TrimLeft(word, ":"))
		if parents == 0 {
			commit = word
			continue
		}
		f := strings.Fields(word[parents:])
		path, rest, ok := strings.Cut(out, "\x00")
		if !ok || len(f) != 2*(parents+1)+1 || commit == "" {
			return nil, bad
		}
		out = rest
		if err := checkPath(path); err != nil {
			return nil, err
		}
		v := Version{Commit: commit, Path: path, Blob: f[2*parents+1]}
		if at := [2]string{path, v.Blob}; regular(f[parents]) && !seen[at] {
			seen[at] = true
			versions = append(versions, v)
		}
	}
	return versions, nil
}
