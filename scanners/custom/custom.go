// Package custom makes a scanner of any program that prints a widely known format. An operator defines the
// scanner in the settings file, so that a new gate needs no Go code.
//
// The definition comes from the operator, never from the tree. But the files that the program scans are
// untrusted, so it runs in the same sandbox, under the same limits, as every other program.
package custom

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/formats"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// A Definition says which program to run, and how to read its output.
type Definition struct {
	Name string
	Gate scanners.Gate
	// Command is the program, a name on the PATH or an absolute path, and its arguments. The
	// argument {files} is replaced by the files that concern it. {tree} stands for the folder that it
	// scans, which is also its working folder, and {report} for a file to which it may write its
	// results.
	Command []string
	Format  formats.Format
	Scope   scanners.Scope // file or tree
	Files   []string       // globs of the files that it scans; empty for every file
	Config  []string       // globs of the files that could configure it; they are withheld from it
	Found   []int          // exit codes, besides 0, that mean that it ran to its end
	Needs   []string       // other programs that it runs
	Reads   []string       // absolute paths, outside of the tree, that it reads

	// Version holds the arguments that make it print its version. If it is empty, the digest of the
	// program's file is the version.
	Version []string

	Severity scanners.Severity // the severity of findings without one; medium unless set
	Timeout  time.Duration     // for one scan; if 0, only the review's timeout applies
	About    string            // one line for the catalogue
	URL      string            // the tool's own page
}

// New returns the scanner that d defines.
func New(d Definition, tools *tool.Runner) scanners.Scanner {
	if d.About == "" {
		d.About = "The operator's own: " + filepath.Base(d.Command[0])
	}
	return &scanner{d, tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name: d.Name, Gate: d.Gate, Scopes: []scanners.Scope{d.Scope}, About: d.About, URL: d.URL, Files: d.Files, Config: d.Config,

			Suppressions: scanners.Suppressions{None: "What silences it, only the operator knows who named it."},
		},
		Program: d.Command[0],
		Version: d.Version,
		Digest:  len(d.Version) == 0,
		Install: fmt.Sprintf("Install %s, or fix the command of the scanner %s in the settings file.", d.Command[0], d.Name),
		Needs:   d.Needs,
		Reads:   d.Reads,
		Args:    func(r tool.Run) []string { return arguments(d.Command[1:], r) },
		Found:   d.Found,
		Parse:   func(out *tool.Report) { parse(d, out) },
		State:   fmt.Sprintf("%+v", d),
	})}
}

func arguments(pattern []string, r tool.Run) []string {
	var args []string
	for _, a := range pattern {
		if a == "{files}" {
			args = append(args, r.Files...)
			continue
		}
		args = append(args, strings.NewReplacer("{tree}", r.Tree, "{report}", r.Report).Replace(a))
	}
	return args
}

func parse(d Definition, out *tool.Report) {
	if out.Exit != 0 && len(bytes.TrimSpace(out.Text)) == 0 {
		// In some formats an empty output would mean that there are no findings.
		out.Fail(&scanners.IncompleteError{Reason: fmt.Sprintf("It ended with exit code %d, which says that it found something, and printed nothing.", out.Exit)})
		return
	}
	found, err := formats.Read(d.Format, bytes.NewReader(out.Text), formats.Options{
		Tool: d.Name, Root: out.Tree, Content: out.Content, Secrets: d.Gate == scanners.Secrets, Default: d.Severity,
	})
	out.Add(found...)
	out.Fail(err)
}

// A scanner is a [tool.Scanner] with a timeout, whose missing program is a failure.
type scanner struct {
	definition Definition
	*tool.Scanner
}

// Version implements [scanners.Scanner]. A program that an operator defined has to be installed: if it is
// missing, that is a failure, and not just a smaller catalogue.
func (s *scanner) Version(ctx context.Context) (string, error) {
	version, err := s.Scanner.Version(ctx)
	var missing *scanners.MissingError
	if errors.As(err, &missing) {
		return "", errors.New(missing.Hint)
	}
	return version, err
}

// Scan implements [scanners.Scanner].
func (s *scanner) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	if d := s.definition.Timeout; d > 0 {
		limited, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		ctx = limited
	}
	return s.Scanner.Scan(ctx, t)
}
