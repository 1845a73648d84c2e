// Package untrusted turns the output of other tools into findings of ours: places that are in the
// tree, columns that count characters, plain sentences, and no secrets. The packages that read
// a format (sarif, formats) and adapters of single tools use it; it knows no format.
//
// The output of a tool is untrusted input, because the tree under test may have made the tool
// print it.
package untrusted

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// A Tree is the tree that a tool scanned. The zero value knows no files: it accepts only relative
// paths, and leaves out everything that needs the text of the files. A Tree is for one report.
type Tree struct {
	// Root is the absolute path at which the tool saw the tree. Absolute paths are accepted only
	// if they are below it.
	Root string

	// Content returns the content of the file at a path in the tree. ok is false if there is no
	// such file. If ok is true and content is nil, the file exists but its text is not known.
	Content func(path string) (content []byte, ok bool)

	texts map[string]*text // the texts of files that were read
	held  int              // bytes in texts
	work  int              // bytes that were processed
}

// maxContent is the size of the largest file whose text is read.
const maxContent = 10 << 20

// Content returns the files of a target, for [Tree]. Files of a tree are read when they are needed;
// links do not count as files. The function done frees what was opened.
func Content(t scanners.Target) (content func(path string) ([]byte, bool), done func()) {
	if t.Scope == scanners.ScopeTree {
		root, err := os.OpenRoot(t.Dir)
		if err != nil {
			return func(string) ([]byte, bool) { return nil, false }, func() {}
		}
		return func(name string) ([]byte, bool) { return readFile(root, name) }, func() { _ = root.Close() }
	}
	files := make(map[string][]byte, len(t.Files))
	for _, f := range t.Files {
		files[f.Path] = f.Content
	}
	return func(name string) ([]byte, bool) {
		b, ok := files[name]
		return b, ok
	}, func() {}
}

func readFile(root *os.Root, name string) ([]byte, bool) {
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, false
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, true
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxContent+1))
	if err != nil || len(b) > maxContent {
		return nil, true
	}
	return b, true
}

// Name returns the path in the tree of a file that a tool names by a path: relative, absolute
// below the root, or either with the backslashes of Windows. The error says in a few words why
// there is no such file.
func (t *Tree) Name(name string) (string, error) {
	slashes := strings.ReplaceAll(name, `\`, "/")
	if t.Content == nil {
		return t.find([]string{slashes}, nil)
	}
	return t.find([]string{name, slashes, unescape(name)}, nil)
}

// URI is like [Tree.Name] for a URI reference, whether it follows RFC 3986 or is written as tools write
// it in spite of the RFC. A relative reference is relative to base; an empty base is the root.
func (t *Tree) URI(ref, base string) (string, error) {
	var folder *place
	if base != "" {
		b, err := parse(unescape(base))
		if err != nil {
			return "", err
		}
		folder = &b
	}
	return t.find([]string{unescape(ref), ref}, folder)
}

// find returns the path of the first spelling that names a file of the tree.
func (t *Tree) find(spellings []string, base *place) (string, error) {
	var first error
	for _, s := range spellings {
		name, err := t.resolve(s, base)
		if err == nil && t.Content != nil {
			if !t.text(name).there {
				err = fmt.Errorf("%s is not a file of the tree", Quote(name))
			}
		}
		if err == nil {
			return name, nil
		}
		if first == nil {
			first = err
		}
	}
	return "", first
}

// A place is a path with forward slashes.
type place struct {
	path     string
	absolute bool
}

var (
	drive  = regexp.MustCompile(`^/?[A-Za-z]:/`)
	scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+://`)
)

func parse(s string) (place, error) {
	if len(s) > 5 && strings.EqualFold(s[:5], "file:") {
		s = s[5:]
		if strings.HasPrefix(s, "//") {
			// Some tools write file://main.go: then the part in the place of the host belongs to the path.
			s = strings.TrimPrefix(s[2:], "localhost")
		}
	}
	switch {
	case drive.MatchString(s):
		s = strings.TrimPrefix(s, "/")
		return place{strings.ToUpper(s[:1]) + path.Clean(s)[1:], true}, nil
	case strings.HasPrefix(s, "/"):
		return place{path.Clean("/" + s), true}, nil
	case scheme.MatchString(s):
		return place{}, errors.New("it is an address and not a file")
	}
	return place{path.Clean(s), false}, nil
}

func (t *Tree) resolve(s string, base *place) (string, error) {
	if s == "" {
		return "", errors.New("no file is named")
	}
	p, err := parse(s)
	if err != nil {
		return "", err
	}
	if base != nil && !p.absolute {
		switch {
		case !base.absolute:
			p.path = path.Join(base.path, p.path)
		case t.Root != "" && base.path != "/": // trivy writes file:/// and means its folder
			p = place{path.Join(base.path, p.path), true}
		}
	}
	if !p.absolute && t.Root != "" && strings.HasPrefix(p.path, "../") {
		p = place{path.Join(strings.ReplaceAll(t.Root, `\`, "/"), p.path), true} // ../tree/a means a
	}
	if p.absolute {
		root, err := parse(strings.ReplaceAll(t.Root, `\`, "/"))
		rest, in := strings.CutPrefix(p.path, strings.TrimSuffix(root.path, "/")+"/")
		if err != nil || t.Root == "" || !root.absolute || !in {
			return "", fmt.Errorf("%s is outside of the tree", Quote(p.path))
		}
		p.path = rest
	}
	if err := checkName(p.path); err != nil {
		return "", err
	}
	return p.path, nil
}

// checkName returns an error if a clean relative path cannot be that of a file of the tree.
func checkName(name string) error {
	switch {
	case name == "." || name == "":
		return errors.New("it is the tree itself and not a file")
	case name == ".." || strings.HasPrefix(name, "../"):
		return fmt.Errorf("%s is outside of the tree", Quote(name))
	case len(name) > 4096 || strings.ContainsRune(name, 0):
		return errors.New("it cannot be the name of a file")
	case !fs.ValidPath(name) && !validBytes(name):
		return fmt.Errorf("%s cannot be the name of a file", Quote(name))
	}
	return nil
}

// validBytes is [fs.ValidPath] for names that are not UTF-8, which git allows.
func validBytes(name string) bool { return fs.ValidPath(strings.ToValidUTF8(name, "x")) }

// unescape decodes a URI reference. A URI reference holds no backslashes, so any in it are those of
// Windows, but only before decoding: %5C is part of a name.
func unescape(ref string) string {
	ref = strings.ReplaceAll(ref, `\`, "/")
	if name, err := url.PathUnescape(ref); err == nil {
		return name
	}
	return ref
}
