package mirror

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// perListing is how many paths one git process gets: they are arguments.
const perListing = 500

// Files returns those of some paths that are regular files in a commit or tree, in no particular order. Its cost
// depends on the number of paths, and not on the size of the tree. It fetches no blobs.
func (r *Repo) Files(ctx context.Context, rev string, paths []string) (files []TreeFile, err error) {
	if err := checkOIDs(rev); err != nil {
		return nil, fmt.Errorf("find files: %w", err)
	}
	paths = slices.DeleteFunc(unique(paths), func(path string) bool { // no tree can contain these
		return path == "" || strings.ContainsRune(path, 0) || checkPath(path) != nil
	})
	if len(paths) == 0 {
		return nil, nil
	}
	asked := make(map[string]bool, len(paths))
	for _, path := range paths {
		asked[path] = true
	}
	err = r.steady(ctx, func(ctx context.Context) error {
		files = nil
		if err := r.need(ctx, rev); err != nil {
			return err
		}
		root, err := r.root(ctx, rev)
		if err != nil {
			return err
		}
		maybe := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return !root.mayHave(path) })
		for some := range slices.Chunk(maybe, perListing) {
			out, err := r.read(ctx, "", append([]string{"ls-tree", "-z", "--full-tree", rev, "--"}, some...)...)
			if err != nil {
				return err
			}
			found, err := parseTree(string(out))
			if err != nil {
				return err
			}
			for _, f := range found {
				if asked[f.Path] { // not what is in a folder of that name
					files = append(files, f)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find files at %.8s: %w", rev, err)
	}
	return files, nil
}
