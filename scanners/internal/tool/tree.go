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

// A tree is what a program looks at.
type tree struct {
	dir   string
	files []string // that concern the scanner, sorted; all there are, unless it was there before
	mask  []string // absolute paths of those that could configure the tool
	left  []string // that concern it too, and have names that cannot be used
	loud  []string // the same, in which what could silence the program cannot be taken out

	// content gives one of its regular files, see [untrusted.Tree].
	content func(path string) (content []byte, ok bool)
	close   func() // frees what content holds
}

// withheld reports whether the file could configure the tool.
func withheld(i scanners.Info, path string) bool {
	return slices.ContainsFunc(i.Config, func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, path) })
}

// partial tells what was left out; it is nil for nothing.
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
	return join(not("their names", t.left), not("too many words that could silence the tool", t.loud))
}

// writeTree writes the files that concern the scanner to a new folder. Names come from strangers:
// those that would leave the folder, or that it does not take, are left out, and the folder holds
// neither links nor programs.
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

// refusals are errors that speak of the name of a file and of nothing else. A name that exists is
// one that the file system takes for the same as another, such as another case of it.
var refusals = []error{fs.ErrInvalid, fs.ErrExist, syscall.ENAMETOOLONG, syscall.ENOTDIR, syscall.EINVAL, syscall.EILSEQ}

func write(root *os.Root, path string, content []byte) error {
	// A backslash or a colon is an ordinary character here, and none elsewhere. A name that is no
	// UTF-8 would come back as another one.
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

// Shown gives what the program is shown of a file: all of it but what could silence the program. Lines
// and columns stay what they are. One letter of each word is another one, such that no two names in the
// file become the same, of which a program would only see one; ok is false where none is left for that.
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

// openTree looks at a tree that is there.
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
		err = &scanners.IncompleteError{Reason: "The tree to scan cannot be read.", Err: err}
	}
	return mask, err
}
