// Package tool runs scanners that are programs. It is the only package that starts one.
//
// An [Adapter] describes a program: how to call it, which of its exit codes mean what, and how to
// read what it prints. A [Runner] makes a [Scanner] of it, which does the rest, the same for
// every program. From the bottom up: a program is found on the operator's PATH (program.go) and
// started in a sandbox, under limits (run.go, sandbox.go); it sees a private copy of the files
// that concern it, without those that could configure it (tree.go); and what its parser made of
// its output is held against that tree before anybody believes it (place.go).
//
// Found, failed and died are three things. A program that ends with an exit code that its adapter
// does not know, that is killed, that runs out of time, prints too much, or prints what cannot be
// read, did not finish: the scan ends with a [scanners.IncompleteError], and never with no findings.
package tool

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
)

// An Adapter describes a scanner that is a program.
type Adapter struct {
	Info          scanners.Info // Program and ChangedOnly are filled in; Scopes are each file by itself unless set
	Program       string        // its name on the PATH; that of the scanner unless set
	Alternative   string        // another one that does the same, taken where the first is not there
	Version       []string      // arguments that make it print its version; --version unless set
	Digest        bool          // it is not asked: the digest of its file is its version
	VersionPrefix string        // what stands before its version, where it prints others too
	Oldest        string        // the oldest version whose output is understood; empty for any
	Install       string        // one sentence for those who do not have it: what to install, and where it is found

	// Needs names the other programs that it runs, such as go, which are looked up like itself.
	// The interpreter of a script need not be named.
	Needs []string
	// Reads names files and folders outside the tree that it must be able to read, as absolute
	// paths. What does not exist is left out.
	Reads []string
	// Folder holds what the operator gives to a program that finds nothing without: rules or a
	// database. MissingHint says what is missing, and what to put there, when there is no such folder; it
	// is empty for a program that needs none.
	Folder, MissingHint string
	// Env is set beside PATH, HOME, TMPDIR and LANG, each "NAME=value". Nothing is inherited.
	Env []string
	// Prepared is made once for all runs; it may be nil.
	Prepared *Prepared
	// OwnFiles holds files of ours, by name, for options such as --config: see [Run.Own].
	OwnFiles map[string]string
	// Stdin is what it can read from standard input.
	Stdin string
	// SuppressionPattern matches how a file could silence the program: a regular expression, whose first group
	// is overwritten by as many x in what the program is shown. It is for ScopeFile only.
	SuppressionPattern string

	// Inputs gives what a ScopeTree program looks at, in place of all of the tree, by the files that changed
	// on either side: it becomes [Run.Files]. The program is not started for nothing. It may be nil.
	Inputs func(tree string, files []string) []string
	// Args gives its arguments for one run. It depends on nothing else.
	Args func(Run) []string
	// Found lists the exit codes, besides 0, with which it ends when it ran to its end. Partial
	// lists those which say that it could not scan everything: its findings are kept, and the
	// scan is incomplete.
	Found, Partial []int
	// EmptyOutput is what it says on standard error, and nothing else, when there is nothing for it to
	// look at; empty for a program that then prints an empty report.
	EmptyOutput string

	// Parse reads its output; see also [JSON]. A panic is an error.
	Parse func(*Report)
	// Rules are what we know of its rules.
	Rules Rules
	// State names what else decides what it finds, see [scanners.Ruled].
	State string
}

// name is what sentences call the program.
func (a Adapter) name() string { return filepath.Base(a.Program) }

// A Run is one start of a program.
type Run struct {
	Tree   string   // absolute path of the tree, also the working folder
	Above  string   // ScopeFile: absolute path of the folder that the tree is in, and nothing else
	Files  []string // those of its files that concern the scanner, sorted, each as "./a/b" so that none is taken for an option
	Report string   // absolute path of a file that it may write its results to
	Own    string   // absolute path of the folder with the files of [Adapter.OwnFiles]
	Home   string   // absolute path of a private folder that it may write to; HOME and TMPDIR are in it
}

// An Output is what a program said.
type Output struct {
	Text   []byte // the report file where it wrote one, else standard output
	Stderr []byte // the beginning of standard error
	Tree   string // absolute path of the tree, as the program saw it
	Exit   int    // its exit code; 0 for recorded output
}

// A Runner makes scanners of adapters and runs them.
type Runner struct {
	sandbox   *sandbox
	cache     string          // absolute path of the folder of what is prepared; empty for none
	preparing chan struct{}   // full while something is
	failed    map[string]bool // what could not be; only for who fills preparing
}

// NewRunner gives a Runner with this sandbox; an empty mode is Auto. What works is found out when it
// is needed first. The folder cache keeps what is prepared for all runs, see [Prepared]; without one
// nothing is.
func NewRunner(m Mode, cache string) *Runner {
	return &Runner{sandbox: newSandbox(m), cache: cache, preparing: make(chan struct{}, 1), failed: map[string]bool{}}
}

// Probe tries out what the sandbox is made of here, and names it.
func (r *Runner) Probe() (string, error) {
	k, err := r.sandbox.choose()
	return string(k), err
}

// A Scanner runs the program of an [Adapter]. It implements [scanners.Scanner] and
// [scanners.Ruled].
type Scanner struct {
	adapter Adapter
	runner  *Runner
	silence *regexp.Regexp // nil for none
	version versions
}

// Scanner makes a scanner of an adapter.
func (r *Runner) Scanner(a Adapter) *Scanner {
	a.Program = cmp.Or(a.Program, a.Info.Name)
	a.Info.Program = a.Program
	a.Info.ChangedOnly = a.Inputs != nil
	if a.Info.Scopes == nil {
		a.Info.Scopes = []scanners.Scope{scanners.ScopeFile}
	}
	if a.Version == nil {
		a.Version = []string{"--version"}
	}
	s := &Scanner{adapter: a, runner: r}
	if a.SuppressionPattern != "" {
		s.silence = regexp.MustCompile(a.SuppressionPattern)
	}
	return s
}

// Info implements [scanners.Scanner].
func (s *Scanner) Info() scanners.Info { return s.adapter.Info }

// Adapter gives what the scanner was made of.
func (s *Scanner) Adapter() Adapter { return s.adapter }

// Rules implements [scanners.Ruled]: everything beside the program's version that decides what it finds.
func (s *Scanner) Rules(ctx context.Context) (string, error) {
	a, sum := s.adapter, sha256.New()
	folder, err := a.folder(ctx)
	if err != nil {
		return "", err
	}
	p, _ := s.find() // Version says why it is not there
	p.stat(sum, a.Reads)
	run := Run{Tree: "above/tree", Above: "above", Files: []string{"file"}, Report: "report", Own: "own", Home: "home"}
	fmt.Fprintf(sum, "%q\n%q\n%q\n%q\n%q\n", folder, a.State, a.Args(run), a.Env, a.Stdin)
	for _, name := range slices.Sorted(maps.Keys(a.OwnFiles)) {
		fmt.Fprintf(sum, "%q\n%q\n", name, a.OwnFiles[name])
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// Scan implements [scanners.Scanner].
func (s *Scanner) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	found, _, err := s.Record(ctx, t)
	return found, err
}

// Record is [Scanner.Scan], and gives the program's output too, for the tests of adapters: see
// package scannertest.
func (s *Scanner) Record(ctx context.Context, t scanners.Target) ([]scanners.Finding, Output, error) {
	info := s.adapter.Info
	if !info.Has(t.Scope) || t.Scope == scanners.ScopeRange {
		return nil, Output{}, fmt.Errorf("scan with %s: scope %q is not one of its own", info.Name, t.Scope)
	}
	p, err := s.find()
	if err != nil {
		return nil, Output{}, err
	}
	w, err := s.newWorkplace("", t)
	if err != nil {
		return nil, Output{}, err
	}
	defer w.remove()
	if w.idle {
		return nil, Output{}, w.tree.partial()
	}
	w.prepared = s.prepared(ctx)
	out, partial, err := s.start(ctx, p, w)
	if err != nil {
		return nil, Output{}, err
	}
	found, err := s.read(out, w.tree)
	return found, out, join(partial, err)
}

// Read makes findings of an output that was recorded. The tree holds the files that the program
// saw.
func (s *Scanner) Read(out Output, t scanners.Target) ([]scanners.Finding, error) {
	w, err := s.newWorkplace("", t)
	if err != nil {
		return nil, err
	}
	defer w.remove()
	return s.read(out, w.tree)
}

// read parses an output and holds the findings against the tree.
func (s *Scanner) read(out Output, t tree) ([]scanners.Finding, error) {
	out.Text = bytes.TrimPrefix(out.Text, []byte("\xef\xbb\xbf"))
	r := &Report{Output: out, Paths: t.files, adapter: s.adapter, files: &untrusted.Tree{Root: out.Tree, Content: t.content}}
	r.parse()
	placed, misplaced := r.place()
	for i := range placed {
		s.adapter.complete(&placed[i])
	}
	return placed, join(t.partial(), join(r.err(), misplaced))
}

// join makes one error of two, of which either may be nil.
func join(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	both := &scanners.IncompleteError{Reason: scanners.Reason(a) + " " + scanners.Reason(b), Err: errors.Join(a, b)}
	if paths, more := scanners.Unread(a), scanners.Unread(b); len(paths) > 0 && len(more) > 0 {
		both.Paths = slices.Concat(paths, more)
	}
	return both
}

// emptyFile lies beside an adapter's own files, and is shown in place of files that are withheld.
const emptyFile = ".empty"

// workplace is what one run needs on disk.
type workplace struct {
	base     string // of all but a tree that was given
	tree     tree
	run      Run
	prepared string // the folder of what is, or empty
	idle     bool   // there is nothing to scan
}

// newWorkplace makes one in a folder, empty for that of temporary files.
func (s *Scanner) newWorkplace(in string, t scanners.Target) (w *workplace, err error) {
	a := s.adapter
	base, err := os.MkdirTemp(in, "secbydesign-")
	if err != nil {
		return nil, &scanners.IncompleteError{Reason: "There is no place for temporary files.", Err: err}
	}
	// What the system's temporary folder is a link to would not be recognised in the output.
	if base, err = filepath.EvalSymlinks(base); err != nil {
		return nil, err
	}
	w = &workplace{base: base}
	defer func() {
		if err != nil {
			os.RemoveAll(base)
		}
	}()
	w.run = Run{Own: filepath.Join(base, "own"), Home: filepath.Join(base, "home")}
	w.run.Report = filepath.Join(w.run.Home, "report")
	above := filepath.Join(base, "above")
	for _, dir := range []string{w.run.Own, w.run.Home, above} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, &scanners.IncompleteError{Reason: "There is no place for temporary files.", Err: err}
		}
	}
	own := maps.Clone(a.OwnFiles)
	if own == nil {
		own = map[string]string{}
	}
	own[emptyFile] = ""
	for name, text := range own {
		if err := os.WriteFile(filepath.Join(w.run.Own, name), []byte(text), 0o600); err != nil {
			return nil, &scanners.IncompleteError{Reason: "There is no place for temporary files.", Err: err}
		}
	}
	if t.Scope == scanners.ScopeTree {
		w.tree, err = openTree(a.Info, t)
	} else {
		w.run.Above = above
		w.tree, err = s.writeTree(filepath.Join(above, "tree"), t.Files)
	}
	if err != nil {
		return nil, err
	}
	w.run.Tree = w.tree.dir
	for _, path := range w.tree.files {
		w.run.Files = append(w.run.Files, "./"+path)
	}
	if a.Inputs != nil {
		w.run.Files = a.Inputs(w.run.Tree, w.run.Files)
	}
	w.idle = len(w.run.Files) == 0 && (t.Scope == scanners.ScopeFile || a.Inputs != nil)
	return w, nil
}

func (w *workplace) remove() {
	w.tree.close()
	_ = removeAll(w.base)
}

// removeAll removes a folder even where a program has made folders in it that cannot be listed.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && err == nil {
			return os.Chmod(path, 0o700) // before it is listed
		}
		return nil
	})
	return os.RemoveAll(dir)
}
