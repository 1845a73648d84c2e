// Package tool runs scanners that are programs. No other package starts one.
//
// An [Adapter] describes a program: how to call it, what its exit codes mean, and how to
// read its output. A [Runner] turns it into a [Scanner], which does the rest in the same way for
// every program. From the bottom up: the Scanner finds the program on the operator's PATH
// (program.go) and starts it in a sandbox, under limits (run.go, sandbox.go); the program sees a
// private copy of the files that concern it, without those that could configure it (tree.go); and
// the findings that the parser read from its output are checked against that tree before they are
// used (place.go).
//
// A program can end with findings, fail, or be killed. If it ends with an exit code that its adapter
// does not know, is killed, runs out of time, prints too much, or prints output that cannot be
// read, it did not finish: the scan ends with a [scanners.IncompleteError], never with an empty list
// of findings and no error.
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
	"sync"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
)

// An Adapter describes a scanner that is a program.
type Adapter struct {
	Info          scanners.Info // Runner.Scanner sets Program and ChangedOnly, and Scopes to ScopeFile if it is nil
	Program       string        // its name on the PATH; the scanner's name if empty
	Alternative   string        // another program that does the same, used if Program is not installed
	Version       []string      // arguments that make it print its version; --version if nil
	Digest        bool          // use the digest of its file as its version, instead of asking it
	VersionPrefix string        // the text before its version, if it prints other versions too
	Oldest        string        // the oldest version whose output is understood; empty for any
	Install       string        // one sentence for users who do not have it: what to install, and where to find it

	// Needs names the other programs that it runs, such as go. They are found on the PATH too.
	// The interpreter of a script need not be named.
	Needs []string
	// Reads names files and folders outside the tree that it must be able to read, as absolute
	// paths. Those that do not exist are left out.
	Reads []string
	// Folder holds the operator's rules or database for a program that finds nothing without them.
	// MissingHint is the message for a missing folder: what is missing, and what to put there. It is
	// empty for a program that needs no folder.
	Folder, MissingHint string
	// Env is set in addition to PATH, HOME, TMPDIR and LANG, each "NAME=value". Nothing is inherited.
	Env []string
	// Prepared describes a folder that is made once for all runs; it may be nil.
	Prepared *Prepared
	// Derived describes a folder that is made once for all trees that need the same; it may be nil. It needs
	// Prepared.
	Derived *Derived
	// OwnFiles holds our own files, by name, for options such as --config: see [Run.Own].
	OwnFiles map[string]string
	// Stdin is its standard input.
	Stdin string
	// SuppressionPattern matches the words with which a file could silence the program: a regular expression. In
	// the copy that the program sees, the first letter of its first group is replaced, see [Scanner.Shown]. It
	// is for ScopeFile only.
	SuppressionPattern string

	// Inputs returns the files that a ScopeTree program scans instead of the whole tree, given the files that
	// changed on either side. The result becomes [Run.Files]. If it is empty, the program is not started.
	// Inputs may be nil.
	Inputs func(tree string, files []string) []string
	// Args returns the program's arguments for one run. They depend on the Run alone.
	Args func(Run) []string
	// Found lists the exit codes, besides 0, that mean that the program ran to its end. Partial
	// lists those that mean that it could not scan everything: its findings are kept, and the
	// scan is incomplete.
	Found, Partial []int
	// EmptyOutput is the message that the program prints to standard error, without any other output, when
	// it has nothing to scan; empty for a program that then prints an empty report.
	EmptyOutput string

	// Fallback takes the place of variables of Env when the program runs a second time, over the files for which the parser
	// called [Report.Again]. The parser gets the output of that run, too.
	Fallback []string

	// Parse reads the program's output; see also [JSON]. A panic counts as an error.
	Parse func(*Report)
	// Rules hold what we know about the program's rules.
	Rules Rules
	// State names anything else that its findings depend on, see [scanners.Ruled].
	State string
}

// name is the program's name in messages.
func (a Adapter) name() string { return filepath.Base(a.Program) }

// A Run is one start of a program.
type Run struct {
	Tree  string   // absolute path of the tree, also the working folder
	Above string   // ScopeFile: absolute path of the folder that holds the tree and nothing else
	Files []string // the tree's files that concern the scanner, sorted, each as "./a/b" so that none is taken for an option
	// Report is the absolute path of a file that does not exist yet. A program that cannot print its results to
	// standard output, or prints other things there too, writes them to this file; if it exists after the run and is
	// not empty, it becomes [Output.Text] instead of standard output.
	Report string
	Own    string // absolute path of the folder with the files of [Adapter.OwnFiles]
	Home   string // absolute path of a private folder that it may write to; HOME and TMPDIR are in it
}

// An Output is what a program printed, and how it exited.
type Output struct {
	Text   []byte // the report file if it wrote one, else standard output
	Stderr []byte // the beginning of standard error
	Tree   string // absolute path of the tree, as the program saw it
	Exit   int    // its exit code; 0 for recorded output

	// Again is the output of the run with [Adapter.Fallback], if there was one.
	Again *Output
}

// A Runner turns adapters into scanners and runs them.
type Runner struct {
	sandbox   *sandbox
	cache     string               // absolute path of the folder for prepared folders; empty for none
	preparing chan struct{}        // a lock, full while a folder is being prepared
	failed    map[string]bool      // the folders that could not be prepared; guarded by preparing
	onDisk    func() (kind, error) // a kind of sandbox in which a program's files stay, see [Derived]
	deriving  chan struct{}        // a lock, full while a folder is being derived
	underived map[string]bool      // the folders that could not be derived; guarded by deriving
	elsewhere Elsewhere            // nil to read content in this process
}

// NewRunner returns a Runner with a sandbox of this mode; an empty mode is Auto. The Runner finds out
// which kind of sandbox works when it first needs one. The folder cache keeps what is prepared for all
// runs, see [Prepared]; if cache is empty, nothing is prepared.
func NewRunner(m Mode, cache string) *Runner {
	r := newRunner(newSandbox(m), cache)
	r.onDisk = sync.OnceValues(func() (kind, error) {
		if k, err := r.sandbox.choose(); err != nil || k == bare {
			return "", errors.Join(errNotOnDisk, err)
		}
		return landlocked, r.sandbox.try(landlocked)
	})
	return r
}

func newRunner(in *sandbox, cache string) *Runner {
	return &Runner{
		sandbox: in, cache: cache, preparing: make(chan struct{}, 1), failed: map[string]bool{},
		deriving: make(chan struct{}, 1), underived: map[string]bool{},
	}
}

var errNotOnDisk = errors.New("no sandbox leaves files")

// With returns a runner with the same sandbox, another cache folder, and another place to read content; e is nil for
// this process.
func (r *Runner) With(cache string, e Elsewhere) *Runner {
	with := newRunner(r.sandbox, cache)
	with.onDisk, with.elsewhere = r.onDisk, e
	return with
}

// Probe tries out which kind of sandbox works on this machine, and returns its name.
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

// Scanner returns a scanner that runs the adapter's program.
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

// Adapter returns the adapter that the scanner was made from.
func (s *Scanner) Adapter() Adapter { return s.adapter }

// Rules implements [scanners.Ruled]. It covers everything besides the program's version that its findings
// depend on.
func (s *Scanner) Rules(ctx context.Context) (string, error) {
	a, sum := s.adapter, sha256.New()
	folder, err := a.folder(ctx)
	if err != nil {
		return "", err
	}
	p, _ := s.find() // Version reports the error
	p.stat(sum, a.Reads)
	run := Run{Tree: "above/tree", Above: "above", Files: []string{"file"}, Report: "report", Own: "own", Home: "home"}
	fmt.Fprintf(sum, "%q\n%q\n%q\n%q\n%q\n%q\n", folder, a.State, a.Args(run), a.Env, a.Fallback, a.Stdin)
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

// Record is [Scanner.Scan], and also returns the program's output, for the tests of adapters: see
// package scannertest.
func (s *Scanner) Record(ctx context.Context, t scanners.Target) ([]scanners.Finding, Output, error) {
	info := s.adapter.Info
	if !info.Has(t.Scope) || t.Scope == scanners.ScopeRange {
		return nil, Output{}, fmt.Errorf("scan with %s: it has no scope %q", info.Name, t.Scope)
	}
	p, err := s.find()
	if err != nil {
		return nil, Output{}, err
	}
	w, err := s.newWorkplace(ctx, "", t)
	if err != nil {
		return nil, Output{}, err
	}
	defer w.remove()
	if w.idle {
		return nil, Output{}, w.tree.partial()
	}
	w.prepared = s.prepared(ctx)
	w.derived = s.derived(ctx, w)
	out, partial, err := s.start(ctx, p, w)
	if err != nil {
		return nil, Output{}, err
	}
	found, again, err := s.interpret(ctx, out, w, false)
	err = join(partial, err)
	if len(again) > 0 {
		w.run.Files, w.fallback = again, true
		second, partial, failed := s.start(ctx, p, w)
		if failed != nil {
			return found, out, join(err, failed)
		}
		out.Again = &second
		more, _, failed := s.interpret(ctx, second, w, true)
		found, err = merge(found, more), join(err, join(partial, failed))
	}
	return found, out, err
}

// merge adds the findings of a second run to those of a first, without those at the same place.
func merge(first, second []scanners.Finding) []scanners.Finding {
	type spot struct {
		rule, path   string
		line, column int
	}
	seen := map[spot]bool{}
	for _, f := range first {
		seen[spot{f.Rule, f.Path, f.Line, f.Column}] = true
	}
	for _, f := range second {
		if !seen[spot{f.Rule, f.Path, f.Line, f.Column}] {
			first = append(first, f)
		}
	}
	slices.SortStableFunc(first, order)
	return first
}

// Read returns the findings in a recorded output. The target holds the files that the program
// saw.
func (s *Scanner) Read(out Output, t scanners.Target) ([]scanners.Finding, error) {
	w, err := s.newWorkplace(context.Background(), "", t)
	if err != nil {
		return nil, err
	}
	defer w.remove()
	found, again, err := s.read(out, w, false)
	if len(again) == 0 || out.Again == nil {
		return found, err
	}
	w.run.Files = again
	more, _, failed := s.read(*out.Again, w, true)
	return merge(found, more), join(err, failed)
}

// read parses an output and checks the findings against the tree. again names the files for which the program has to
// run a second time; there are none in the fallback.
func (s *Scanner) read(out Output, w *workplace, fallback bool) (found []scanners.Finding, again []string, err error) {
	t := w.tree
	out.Text = bytes.TrimPrefix(out.Text, []byte("\xef\xbb\xbf"))
	r := &Report{Output: out, Paths: t.files, Asked: w.run.Files, Fallback: fallback, adapter: s.adapter, tree: t, files: &untrusted.Tree{Root: out.Tree, Content: t.content}}
	r.parse()
	placed, misplaced := r.place()
	for i := range placed {
		s.adapter.complete(&placed[i])
	}
	if !fallback && s.adapter.Fallback != nil {
		again = r.again
	}
	return placed, again, join(t.partial(), join(r.err(), misplaced))
}

// join combines two errors into one. Either may be nil.
func join(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	both := &scanners.IncompleteError{Reason: scanners.Reason(a) + " " + scanners.Reason(b), Err: errors.Join(a, b), Notice: scanners.IsNotice(a) && scanners.IsNotice(b)}
	if paths, more := scanners.Unread(a), scanners.Unread(b); len(paths) > 0 && len(more) > 0 {
		both.Paths = slices.Concat(paths, more)
	}
	return both
}

// emptyFile lies beside an adapter's own files. The sandbox shows it in place of withheld files.
const emptyFile = ".empty"

// workplace holds the files and folders that one run needs on disk.
type workplace struct {
	target   scanners.Target
	base     string // the temporary folder that holds everything except the tree of a ScopeTree target
	tree     tree
	run      Run
	prepared string // the prepared folder, see [Prepared]; may be empty
	derived  string // the derived folder, which links to files of the prepared one; may be empty
	idle     bool   // there is nothing to scan
	fallback bool   // this is the run with [Adapter.Fallback]
}

// newWorkplace makes a workplace in the folder in; if in is empty, in the system's temporary folder.
func (s *Scanner) newWorkplace(ctx context.Context, in string, t scanners.Target) (w *workplace, err error) {
	a := s.adapter
	base, err := os.MkdirTemp(in, "secbydesign-")
	if err != nil {
		return nil, &scanners.IncompleteError{Reason: "There is no place for temporary files.", Err: err}
	}
	// The program prints real paths. If the system's temporary folder is a link, its own path would not be
	// recognised in the output.
	if base, err = filepath.EvalSymlinks(base); err != nil {
		return nil, err
	}
	w = &workplace{base: base, target: t}
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
		if w.run.Files, err = s.inputs(ctx, w); err != nil {
			w.tree.close()
			return nil, err
		}
	}
	w.idle = len(w.run.Files) == 0 && (t.Scope == scanners.ScopeFile || a.Inputs != nil)
	return w, nil
}

func (w *workplace) remove() {
	w.tree.close()
	_ = removeAll(w.base)
}

// removeAll removes a folder even if a program has made folders in it that cannot be listed.
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
