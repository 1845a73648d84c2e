package tool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/secbydesign/secbydesign/scanners"
)

// maxHashed is the largest file of an operator's folder that is known by its content. Larger ones
// are databases, and known by size and time, so that no review reads them for that alone.
const maxHashed = 1 << 20

// folder names the state of the operator's folder. Without the folder the scanner is not ready.
func (a Adapter) folder(ctx context.Context) (string, error) {
	if a.Lacks == "" {
		return "", nil
	}
	stat, err := os.Stat(a.Folder)
	if a.Folder == "" || err != nil || !stat.IsDir() {
		return "", &scanners.MissingError{Hint: fmt.Sprintf("%s into the folder %s of your own rules, see SECBYDESIGN_SETTINGS_FILE.", a.Lacks, a.Info.Name)}
	}
	sum, tree := sha256.New(), os.DirFS(a.Folder)
	err = fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%q %d\n", path, info.Size())
		if info.Size() > maxHashed {
			fmt.Fprintln(sum, info.ModTime().UnixNano())
			return ctx.Err()
		}
		content, err := fs.ReadFile(tree, path)
		sum.Write(content)
		return errors.Join(err, ctx.Err())
	})
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", a.Folder, err)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}
