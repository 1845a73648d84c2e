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
	"syscall"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
)

// A tree is the folder of files that a program scans.
type tree struct {
	dir   string
	files []string // the files that concern the scanner, sorted; of an existing tree, only the changed ones
	mask  []string // absolute paths of the files that could configure the tool
	left  []string // files that concern the scanner but were left out, because their names cannot be used
	loud  []string // files left out because the words that could silence the program could not be replaced

	// content returns one of its regular files, see [untrusted.Tree].
	content func(path string) (content []byte, ok bool)
	close   func() // frees what content holds
}

// withheld reports whether the file could configure the tool.
func withheld(i scanners.Info, path string) bool {
	return slices.ContainsFunc(i.Config, func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, path) })
}

// partial returns an error that names the files that were left out, or nil if there are none.
func (t tree) partial() error {
	not := func(why string, paths []string) error {
		if len(paths) == 0 {
			return nil
		}
		var names []string
		for _, path := range paths {
			names = append(names, untrusted.Quote(path))
		}
		return &scanners.IncompleteError{Reason: "Not scanned, because of " + why + ": " + scanners.Some(names, 3) + ".", Paths: paths}
	}
	return join(not("their names", t.left), not("too many comments that could silence the tool", t.loud))
}

// writeTree writes the files that concern the scanner to a new folder. Their names are untrusted:
// files whose names would leave the folder, or that the file system does not accept, are left out.
// The folder holds no links and no executable files.
func (s *Scanner) writeTree(dir string, files []scanners.File) (tree, error) {
	info := s.adapter.Info
	content := map[string][]byte{}
	t := tree{dir: dir, close: func() {}, content: func(path string) ([]byte, bool) {
		b, ok := content[path]
		return b, ok
	}}
	failed := func(err error) (tree, error) {
		return tree{}, &scanners.IncompleteError{Reason: "The files to scan could not be written to a temporary folder.", Err: err}
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
		if !info.Matches(f.Path) || withheld(info, f.Path) {
			continue
		}
		shown, ok := s.Shown(f.Content)
		if !ok {
			t.loud = append(t.loud, f.Path)
			continue
		}
		switch err := write(root, f.Path, shown); {
		case err == nil:
			content[f.Path] = f.Content
			t.files = append(t.files, f.Path)
		case slices.ContainsFunc(refusals, func(refusal error) bool { return errors.Is(err, refusal) }):
			t.left = append(t.left, f.Path)
		default:
			return failed(err)
		}
	}
	slices.Sort(t.files)
	slices.Sort(t.left)
	slices.Sort(t.loud)
	return t, nil
}

// refusals are the errors that concern only a file's name. fs.ErrExist means that the file system takes
// the name for the same as another, for example because they differ only in case.
var refusals = []error{fs.ErrInvalid, fs.ErrExist, syscall.ENAMETOOLONG, syscall.ENOTDIR, syscall.EINVAL, syscall.EILSEQ}

func write(root *os.Root, path string, content []byte) error {
	// A backslash or a colon is an ordinary character on Linux, but not on other systems. A name that is
	// not UTF-8 would come back changed.
	if !fs.ValidPath(path) || path == "." || strings.ContainsRune(path, 0) || !filepath.IsLocal(path) {
		return fs.ErrInvalid
	}
	name := filepath.FromSlash(path)
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

// Shown returns a file's content as the program sees it: without the words that could silence the program. It
// replaces one letter of each such word, so lines and columns do not change. The new letter is chosen so that
// no two names in the file become the same, because a program would then see only one of them. ok is false if
// no letter is left, or if there are too many different words.
func (s *Scanner) Shown(content []byte) (shown []byte, ok bool) {
	const most = 100 // different words; a person writes one or two
	if s.silence == nil {
		return content, true
	}
	found := s.silence.FindAllSubmatchIndex(content, -1)
	lower, words := bytes.ToLower(content), map[string]bool{}
	for _, at := range found {
		words[string(bytes.ToLower(content[at[2]+1:at[3]]))] = true
	}
	if len(words) > most {
		return nil, false
	}
	for letter := byte('x'); ; letter-- {
		if letter < 'a' {
			return nil, false
		}
		taken := false
		for rest := range words {
			taken = taken || bytes.Contains(lower, []byte(string(letter)+rest))
		}
		if taken {
			continue
		}
		shown = bytes.Clone(content)
		for _, at := range found {
			shown[at[2]] = letter
		}
		return shown, true
	}
}

// openTree opens the existing tree of a ScopeTree target.
func openTree(info scanners.Info, target scanners.Target) (tree, error) {
	dir, err := filepath.EvalSymlinks(target.Dir)
	if err != nil || !filepath.IsAbs(target.Dir) {
		return tree{}, &scanners.IncompleteError{Reason: "The tree to scan is not there.", Err: err}
	}
	t := tree{dir: dir}
	t.content, t.close = untrusted.Content(target)
	for _, f := range target.Files {
		if info.Matches(f.Path) && !withheld(info, f.Path) && fs.ValidPath(f.Path) {
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

// all returns the paths of all regular files of the tree that concern the scanner, sorted.
func (t tree) all(info scanners.Info) (paths []string) {
	if !info.Has(scanners.ScopeTree) {
		return t.files
	}
	// What cannot be listed cannot be scanned, either: the program says so.
	_ = filepath.WalkDir(t.dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if name, err := filepath.Rel(t.dir, file); err == nil && info.Matches(filepath.ToSlash(name)) {
			paths = append(paths, filepath.ToSlash(name))
		}
		return nil
	})
	slices.Sort(paths)
	return paths
}

// masked returns the files of a tree that could configure the tool. The code that makes the tree leaves
// them out already; the sandbox hides them a second time if it can. A symbolic link of such a name
// cannot be hidden, and is an error.
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
		err = &scanners.IncompleteError{Reason: "The tree to scan cannot be read.", Err: err}
	}
	return mask, err
}
