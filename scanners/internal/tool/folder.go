package tool

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
)

// maxHashed is the size of the largest file in an operator's folder that is identified by its content.
// Larger files are databases. They are identified by size and time, so that no review has to read them
// just for that.
const maxHashed = 1 << 20

// folder returns a name for the state of the operator's folder. It returns an error if the scanner needs
// the folder and there is none.
func (a Adapter) folder(ctx context.Context) (string, error) {
	if a.MissingHint == "" {
		return "", nil
	}
	stat, err := os.Stat(a.Folder)
	if a.Folder == "" || err != nil || !stat.IsDir() {
		return "", &scanners.MissingError{Hint: fmt.Sprintf("%s into the folder %s of the rules folder that SECBYDESIGN_SETTINGS_FILE names.", a.MissingHint, a.Info.Name)}
	}
	sum := sha256.New()
	err = addFolder(ctx, sum, a.Folder, "", map[string]string{})
	var away *leadsAway
	switch {
	case errors.As(err, &away):
		return "", &scanners.IncompleteError{
			Reason: fmt.Sprintf("In the operator's rules folder %s, the link %s leads out of the folder, where the sandbox cannot read. Nothing was scanned. Replace the link by a copy of what it leads to.",
				a.Info.Name, untrusted.Quote(away.name)),
		}
	case err != nil:
		return "", &scanners.IncompleteError{
			Reason: fmt.Sprintf("The operator's rules folder %s cannot be read. Nothing was scanned. The operator's log says why.", a.Info.Name), Err: err,
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// leadsAway is the error for a link in a folder that leads out of the folder.
type leadsAway struct{ name string }

func (e *leadsAway) Error() string { return e.name + " leads out of the folder" }

// addFolder adds the contents of a folder to the sum, and follows its links. Each folder is added
// once, under the first of its names; seen maps real paths to these names. seen[""] is the real path of
// the outermost folder.
func addFolder(ctx context.Context, sum io.Writer, dir, name string, seen map[string]string) error {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	if name == "" {
		seen[""] = dir
	}
	if first, ok := seen[dir]; ok {
		fmt.Fprintf(sum, "%q is %q\n", name, first)
		return nil
	}
	seen[dir] = name
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	// Kubernetes mounts a ConfigMap as links that lead through ..data to a folder named after the time at
	// which the pod got it. Only the links are added, so that the same rules have the same state in each pod.
	data, _ := os.Readlink(filepath.Join(dir, "..data"))
	for _, e := range entries {
		if data != "" && (e.Name() == "..data" || e.Name() == data) {
			continue
		}
		file, name := filepath.Join(dir, e.Name()), path.Join(name, e.Name())
		stat, err := os.Stat(file)
		switch {
		case err != nil && e.Type() == fs.ModeSymlink:
			to, _ := os.Readlink(file)
			fmt.Fprintf(sum, "%q leads to %q\n", name, to) // nowhere
			err = nil
		case err != nil:
		case e.Type() == fs.ModeSymlink && !within(seen[""], file):
			err = &leadsAway{name}
		case stat.IsDir():
			err = addFolder(ctx, sum, file, name, seen)
		case !stat.Mode().IsRegular():
			fmt.Fprintf(sum, "%q is %s\n", name, stat.Mode().Type())
		default:
			err = addFile(sum, file, name, stat)
		}
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

// within reports whether a file, with its links followed, is in dir, which must be a path without links.
func within(dir, file string) bool {
	real, err := filepath.EvalSymlinks(file)
	return err == nil && (real == dir || strings.HasPrefix(real, strings.TrimSuffix(dir, "/")+"/"))
}

func addFile(sum io.Writer, file, name string, stat fs.FileInfo) error {
	fmt.Fprintf(sum, "%q %d\n", name, stat.Size())
	if stat.Size() > maxHashed {
		fmt.Fprintln(sum, stat.ModTime().UnixNano())
		return nil
	}
	content, err := os.ReadFile(file)
	_, _ = sum.Write(content)
	return err
}
