package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	slash "path"
	"slices"
	"strings"
	"syscall"
)

// A TreeFile is one regular file of a tree.
type TreeFile struct {
	Path string // slash separated, relative to the root, the exact bytes of git
	Blob string
}

// Names returns the names of what is in a folder of a commit or tree; an empty folder is the root. It returns none if
// there is no such folder.
func (r *Repo) Names(ctx context.Context, rev, folder string) (names []string, err error) {
	if err := checkOIDs(rev); err != nil {
		return nil, fmt.Errorf("list folder: %w", err)
	}
	if folder != "" && checkPath(folder) != nil {
		return nil, nil // no tree can contain it
	}
	err = r.steady(ctx, func(ctx context.Context) error {
		names = nil
		if err := r.need(ctx, rev); err != nil {
			return err
		}
		root, err := r.root(ctx, rev)
		if err != nil {
			return err
		}
		if folder == "" {
			names = slices.Sorted(maps.Keys(root))
			return nil
		}
		if !root.mayHave(folder + "/") {
			return nil
		}
		out, err := r.read(ctx, "", "ls-tree", "-z", "--name-only", "--full-tree", rev, "--", folder+"/")
		for name := range strings.SplitSeq(string(out), "\x00") {
			if name != "" {
				names = append(names, slash.Base(name))
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list folder of %.8s: %w", rev, err)
	}
	return names, nil
}

// Tree returns the id of the tree of a commit or tree, and its regular files in git's order. It omits symlinks
// and submodules. It fetches no blobs.
func (r *Repo) Tree(ctx context.Context, rev string) (oid string, files []TreeFile, err error) {
	if err := checkOIDs(rev); err != nil {
		return "", nil, fmt.Errorf("read tree: %w", err)
	}
	err = r.steady(ctx, func(ctx context.Context) error {
		if err := r.need(ctx, rev); err != nil {
			return err
		}
		out, err := r.read(ctx, "", "rev-parse", "--verify", "--end-of-options", rev+"^{tree}")
		if err != nil {
			return err
		}
		oid = strings.TrimSpace(string(out))
		if out, err = r.read(ctx, "", "ls-tree", "-r", "-z", "--full-tree", oid); err != nil {
			return err
		}
		files, err = parseTree(string(out))
		return err
	})
	if err != nil {
		return "", nil, fmt.Errorf("read tree of %.8s: %w", rev, err)
	}
	return oid, files, nil
}

// parseTree parses the output of git ls-tree -r -z.
func parseTree(out string) (files []TreeFile, err error) {
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		if entry == "" {
			continue
		}
		meta, path, ok := strings.Cut(entry, "\t")
		f := strings.Fields(meta)
		if !ok || len(f) != 3 {
			return nil, fmt.Errorf("git ls-tree answered %q", entry)
		}
		if err := checkPath(path); err != nil {
			return nil, err
		}
		if regular(f[0]) {
			files = append(files, TreeFile{path, f[2]})
		}
	}
	return files, nil
}

// Export writes files below dir, which must exist, with the exact bytes from git: no filter, hook, line end
// conversion or LFS applies, nothing becomes a link and nothing is executable. Missing content is fetched in one
// request. The error is [ErrTooLarge] if the files exceed Limits.ExportBytes. Single files over Limits.BlobBytes,
// and names that the file system does not accept, are omitted and returned in left.
func (r *Repo) Export(ctx context.Context, files []TreeFile, dir string) (left []string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("export tree: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	paths := map[string][]string{}
	var oids []string
	for _, f := range files {
		if err := checkPath(f.Path); err != nil {
			return nil, fmt.Errorf("export tree: %w", err)
		}
		oids = append(oids, f.Blob)
		paths[f.Blob] = append(paths[f.Blob], f.Path)
	}
	var total int64
	err = r.Blobs(ctx, oids, func(oid string, size int64, content []byte) error {
		for _, path := range paths[oid] {
			if content == nil && size != 0 {
				left = append(left, path)
				continue
			}
			if total += size; total > r.git.limits.ExportBytes {
				return fmt.Errorf("%w: a tree of more than %d bytes", ErrTooLarge, r.git.limits.ExportBytes)
			}
			switch err := write(root, path, content); {
			case errors.Is(err, syscall.ENAMETOOLONG):
				left = append(left, path)
			case err != nil:
				return err
			}
		}
		return nil
	})
	if err != nil {
		return left, fmt.Errorf("export tree: %w", err)
	}
	return left, nil
}

func write(root *os.Root, path string, content []byte) error {
	if folder := slash.Dir(path); folder != "." {
		if err := root.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	f, err := root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(0o644))
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
