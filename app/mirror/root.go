package mirror

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// A listing has what git lists of a tree, by path.
type listing map[string]struct{ mode, oid string }

// mayHave reports whether a tree with this root may have a path. A folder's path ends with a slash.
func (l listing) mayHave(path string) bool {
	first, _, deeper := strings.Cut(path, "/")
	entry, ok := l[first]
	return ok && (!deeper || entry.mode == "040000")
}

// roots are the listings of the roots that a Repo has read. Each review reads a dozen files of the same two commits,
// most of which no repository has, and would start a process for each of them. It is safe for concurrent use.
type roots struct {
	mu    sync.Mutex
	known map[string]listing // by commit or tree; objects never change
}

// maxRoots is how many a Repo keeps: more than a review has commits of which it reads files.
const maxRoots = 8

// root returns the listing of the root of a commit or tree, which must be here. Do not change it.
func (r *Repo) root(ctx context.Context, rev string) (listing, error) {
	r.roots.mu.Lock()
	list, ok := r.roots.known[rev]
	r.roots.mu.Unlock()
	if ok {
		return list, nil
	}
	out, err := r.read(ctx, "", "ls-tree", "-z", "--full-tree", rev)
	if err != nil {
		return nil, err
	}
	if list, err = parseListing(string(out)); err != nil {
		return nil, err
	}
	r.roots.mu.Lock()
	defer r.roots.mu.Unlock()
	if r.roots.known == nil || len(r.roots.known) >= maxRoots {
		r.roots.known = map[string]listing{}
	}
	r.roots.known[rev] = list
	return list, nil
}

// parseListing parses the output of git ls-tree -z.
func parseListing(out string) (listing, error) {
	list := listing{}
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		if entry == "" {
			continue
		}
		meta, path, ok := strings.Cut(entry, "\t")
		f := strings.Fields(meta)
		if !ok || len(f) != 3 {
			return nil, fmt.Errorf("git ls-tree answered %q", entry)
		}
		list[path] = struct{ mode, oid string }{f[0], f[2]}
	}
	return list, nil
}
