package tool

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/foreign"
)

// A tree is what a program looks at.
type tree struct {
	dir   string
	files []string // that concern the scanner, sorted; all there are, unless it was there before
	mask  []string // absolute paths of those that could configure the tool

	// content gives one of its regular files, see [foreign.Tree].
	content func(path string) (content []byte, ok bool)
	close   func() // frees what content holds
}

// withheld reports whether the file could configure the tool.
func withheld(i scanners.Info, path string) bool {
	return slices.ContainsFunc(i.Config, func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, path) })
}

// writeTree writes the files that concern the scanner to a new folder. Names come from strangers:
// those that would leave the folder are an error of the target, and the folder holds neither
// links nor programs.
func (s *Scanner) writeTree(dir string, files []scanners.File) (tree, error) {
	info := s.adapter.Info
	content := map[string][]byte{}
	t := tree{dir: dir, close: func() {}, content: func(path string) ([]byte, bool) {
		b, ok := content[path]
		return b, ok
	}}
	failed := func(err error) (tree, error) {
		return tree{}, &scanners.IncompleteError{Reason: "The files to look at could not be written to a temporary folder.", Err: err}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return failed(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = root.Close() }()
	for _, f := range files {
		if !info.Looks(f.Path) || withheld(info, f.Path) {
			continue
		}
		// A backslash or a colon is an ordinary character here, and none elsewhere.
		if !fs.ValidPath(f.Path) || f.Path == "." || strings.ContainsRune(f.Path, 0) || !filepath.IsLocal(f.Path) {
			return failed(fmt.Errorf("path %q", f.Path))
		}
		name := filepath.FromSlash(f.Path)
		if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return failed(err)
		}
		// A name that is there already is one that the file system takes for the same, such as
		// another case of it.
		file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return failed(err)
		}
		_, err = file.Write(s.Shown(f.Content))
		if err := errors.Join(err, file.Close()); err != nil {
			return failed(err)
		}
		content[f.Path] = f.Content
		t.files = append(t.files, f.Path)
	}
	slices.Sort(t.files)
	return t, nil
}

// Shown gives what the program is shown of a file: all of it but what could silence the program. Lines
// and columns stay what they are.
func (s *Scanner) Shown(content []byte) []byte {
	if s.silence == nil {
		return content
	}
	shown := bytes.Clone(content)
	for _, at := range s.silence.FindAllSubmatchIndex(content, -1) {
		copy(shown[at[2]:at[3]], bytes.Repeat([]byte("x"), at[3]-at[2]))
	}
	return shown
}

// openTree looks at a tree that is there.
func openTree(info scanners.Info, target scanners.Target) (tree, error) {
	dir, err := filepath.EvalSymlinks(target.Dir)
	if err != nil || !filepath.IsAbs(target.Dir) {
		return tree{}, &scanners.IncompleteError{Reason: "The tree to look at is not there.", Err: err}
	}
	t := tree{dir: dir}
	t.content, t.close = foreign.Content(target)
	for _, f := range target.Files {
		if info.Looks(f.Path) && !withheld(info, f.Path) && fs.ValidPath(f.Path) {
			t.files = append(t.files, f.Path)
		}
	}
	slices.Sort(t.files)
	if t.mask, err = masked(info, dir); err != nil {
		t.close()
		return tree{}, err
	}
	return t, nil
}

// masked finds the files of a tree that could configure the tool. Whoever made the tree has left
// them out; here they are hidden once more, where the sandbox can. A link by that name cannot be
// hidden.
func masked(info scanners.Info, dir string) (mask []string, err error) {
	if len(info.Config) == 0 {
		return nil, nil
	}
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil || !withheld(info, filepath.ToSlash(name)) {
			return err
		}
		if !d.Type().IsRegular() {
			return &scanners.IncompleteError{Reason: fmt.Sprintf("%q could configure the scanner, and is a symbolic link.", filepath.ToSlash(name))}
		}
		mask = append(mask, file)
		return nil
	})
	var incomplete *scanners.IncompleteError
	if err != nil && !errors.As(err, &incomplete) {
		err = &scanners.IncompleteError{Reason: "The tree to look at cannot be read.", Err: err}
	}
	return mask, err
}
