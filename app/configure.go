package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/secbydesign/secbydesign/app/plainfile"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners/catalog"
	"github.com/secbydesign/secbydesign/scanners/visible"
)

// PolicyFiles are the files of a policy on this machine.
type PolicyFiles struct {
	File         string // of the repository
	Organisation string // empty for none

	// Scanners are names that a policy may use beside those of the catalogue.
	Scanners []string
}

// CheckPolicy writes that the files are valid, or returns an error that shows every mistake at its place. An
// organisation's file may be checked outside a repository.
func CheckPolicy(w io.Writer, f PolicyFiles) error {
	_, err := f.read(f.File)
	if f.Organisation != "" && f.absent(err) {
		fmt.Fprint(w, noneHere)
		f.File, err = "", nil
	}
	if err != nil {
		return err
	}
	if _, err := f.read(f.Organisation); err != nil {
		return err
	}
	for _, name := range []string{f.File, f.Organisation} {
		if name != "" {
			fmt.Fprintln(w, visible.Text(name)+" is valid.")
		}
	}
	return nil
}

const noneHere = "There is no " + policy.File + " here, so the layers below it hold.\n"

// absent reports whether the repository has no policy file and no other file was named.
func (f PolicyFiles) absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) && f.File == policy.File
}

// ExplainPolicy shows each effective value and where it comes from. A repository without a file
// has a policy, too.
func ExplainPolicy(w io.Writer, f PolicyFiles) error {
	repository, err := f.read(f.File)
	if f.absent(err) {
		fmt.Fprint(w, noneHere+"\n")
		err = nil
	}
	if err != nil {
		return err
	}
	organisation, err := f.read(f.Organisation)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, visible.Text(policy.Merge(organisation, repository).Explain()))
	return err
}

func (f PolicyFiles) read(name string) (policy.Layer, error) {
	if name == "" {
		return policy.Layer{}, nil
	}
	text, err := plainfile.Read(name, settingsBytes)
	if err != nil {
		return policy.Layer{}, err
	}
	return policy.Parse(name, text, policy.KnownScanners(append(catalog.Names(), f.Scanners...)...)...)
}

// Shown returns the text of an error for a terminal: it can quote a file or a program that somebody else wrote.
func Shown(err error) string { return visible.Text(err.Error()) }
