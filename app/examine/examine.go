// Package examine runs the scanners over both sides of a change, by content: a scanner does not scan again what it has
// scanned before. It is the one path from a patch to findings, for a pull request and for a working folder alike. It
// knows neither GitHub nor a database.
package examine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/blocks"
)

// A Change is the input of a review: the difference between two trees, and the commits in between.
type Change struct {
	Repo *mirror.Repo
	Base string // the merge base: a commit or a tree
	Head string // a commit or a tree

	// Bases are other commits of the base, such as further merge bases, and the tip. What one of them has already is not
	// new. It may be empty.
	Bases []string

	Commits []string // oldest first, for what was added and removed again; may be empty

	// Partial says why Commits are not all commits; it is empty if they are.
	Partial string

	// External holds the results of tools that run elsewhere.
	External []External

	// Parsers read files of both sides that need a library.
	Parsers Parsers
}

// Read returns files at the head, from the examination if it has them. Files that cannot be read are left out: then a
// report shows less, and nothing else depends on it.
func (c Change) Read(ctx context.Context, ex Examination, paths []string) map[string][]byte {
	read := map[string][]byte{}
	for _, path := range paths {
		if content, ok := ex.Content(path); ok {
			read[path] = content
		} else if content, ok, err := c.Repo.ReadFile(ctx, c.Head, path); ok && err == nil {
			read[path] = scanners.Decode(content)
		}
	}
	return read
}

// Text returns a function that reads a file at the head, each file once. It returns false for a file that cannot be
// read.
func (c Change) Text(ctx context.Context) func(path string) ([]byte, bool) {
	type file struct {
		content []byte
		ok      bool
	}
	read := map[string]file{}
	return func(path string) ([]byte, bool) {
		f, known := read[path]
		if !known {
			content, ok, err := c.Repo.ReadFile(ctx, c.Head, path)
			f = file{scanners.Decode(content), ok && err == nil}
			read[path] = f
		}
		return f.content, f.ok
	}
}

// An Examination holds the results of the scanners for a change.
type Examination struct {
	Runs   []scanners.Run // in the order of the scanners, external tools last
	Patch  patch.Set
	NotRun string       // why nothing was scanned
	Diff   *mirror.Diff // what changed
	Facts  Facts        // about the architecture

	// Notices are sentences for the readers of a report, as plain text: what was not scanned although nothing failed.
	Notices []string

	// Limited is set when some of the change, or of its history, was over the limits.
	Limited bool

	// Within reports whether a scanner may find something in the paths that match a pattern of the policy. It is nil if
	// nothing was scanned.
	Within func(scanner, pattern string) bool

	head map[string][]byte // the changed files at the head that were scanned
}

// Content returns a changed file at the head that was scanned.
func (ex Examination) Content(path string) ([]byte, bool) {
	content, ok := ex.head[path]
	return content, ok
}

// ChangesPolicy reports whether the change adds, changes or removes the policy file.
func (ex Examination) ChangesPolicy() bool {
	return ex.Diff != nil && slices.ContainsFunc(ex.Diff.Changes, func(ch mirror.Change) bool { return ch.NewPath == policy.File || ch.OldPath == policy.File })
}

// ErrUnreadable means that the policy file is too large, or not a regular file.
var ErrUnreadable = errors.New("the policy file cannot be read")

// ProposedPolicy reads the policy file at the head. It returns [ErrUnreadable] if the file cannot be judged.
func (c Change) ProposedPolicy(ctx context.Context) (policy.Proposal, error) {
	text, ok, err := c.Repo.ReadFile(ctx, c.Head, policy.File)
	switch {
	case errors.Is(err, mirror.ErrTooLarge), errors.Is(err, mirror.ErrNotFile):
		return policy.Proposal{}, ErrUnreadable
	case err != nil:
		return policy.Proposal{}, fmt.Errorf("read the proposed policy: %w", err)
	}
	if !ok {
		return policy.Proposal{Removed: true}, nil
	}
	read, err := c.Parsers.Read(ctx, strictyaml.Source{File: policy.File, Text: text})
	if err != nil {
		return policy.Proposal{}, fmt.Errorf("read the proposed policy: %w", err)
	}
	return policy.Proposal{File: read[0]}, nil
}

// Changed lists the paths at the head of the files that changed.
func (ex Examination) Changed() (paths []string) {
	if ex.Diff != nil {
		for _, c := range ex.Diff.Changes {
			paths = append(paths, c.NewPath)
		}
	}
	return paths
}

// An Examiner runs scanners over changes. Its fields must not change after its first use; several goroutines may use it
// at once.
type Examiner struct {
	// Scanners run in this order. If two found the same problem, the finding of the first is kept.
	Scanners []scanners.Scanner

	// Known returns stored results by keys that name a content, and Keep stores results. If both are nil, everything is
	// scanned.
	Known func(ctx context.Context, keys []string) (map[string][]byte, error)
	Keep  func(ctx context.Context, found map[string][]byte) error

	// Program is the version of this program. Results of another version are not reused, since its adapters may have
	// read the same output differently.
	Program string

	// Divide divides a file into blocks; nil for [blocks.Divide]. A file that it cannot divide is one of kind Whole.
	Divide func(ctx context.Context, name string, content []byte) blocks.Division

	// Observe is called with every run, from several goroutines, in the context of the run; nil for nobody.
	Observe func(context.Context, scanners.Run)
}

// Examine runs the scanners over both sides of a change. The same change, policy and scanners give the same
// examination: it is the one path from a patch to findings, for a pull request and for a working folder alike. known
// are the findings that the pull request shows already.
//
// Content that a scanner has scanned before is not scanned again. Unless show is nil, Examine calls it with the results
// so far each time that there are more: the runs of scanners that have not finished have the error [ErrRunning]. It
// does not call show with the last state, which it returns.
//
// A scanner that fails has its error in its run. An error of Examine itself means that the change could not be read.
func (e *Examiner) Examine(ctx context.Context, c Change, p policy.Policy, known []baseline.Known, show func(Examination)) (Examination, error) {
	diff, err := c.Repo.Diff(ctx, c.Base, c.Head)
	if err != nil {
		return Examination{}, fmt.Errorf("read the change: %w", err)
	}
	// Comments cannot be placed in a file whose hunks cannot be read. It is scanned all the same: the contents to scan
	// come from the trees.
	set, err := patch.Parse(diff.Patch)
	var long *patch.TooLongError
	if errors.As(err, &long) && diff.Truncated == "" {
		var files []string
		for _, header := range long.Headers {
			files = append(files, fmt.Sprintf("%.200q", strings.TrimPrefix(header, "diff --git ")))
		}
		diff.Truncated = "The patch has too many lines to be read, so these files were not searched for new suppressions: " + scanners.Some(files, 3) + "."
	}
	if ctx.Err() != nil {
		return Examination{}, context.Cause(ctx)
	}
	ex := Examination{Patch: set, Diff: diff}
	s, err := gather(ctx, c, diff, p, known)
	if err != nil {
		return Examination{}, err
	}
	if e.Divide != nil {
		s.divide = func(name string, content []byte) blocks.Division { return e.Divide(ctx, name, content) }
		s.texts.Divide = s.divide
	}
	ex.Limited = s.partial != "" || s.truncated != "" || len(s.large) > 0
	ex.head = map[string][]byte{}
	for _, f := range s.head.files {
		ex.head[f.Path] = f.Content
	}
	if len(s.head.files)+len(s.base.files)+len(s.between.files)+len(s.large) == 0 && s.partial == "" {
		ex.NotRun = Nothing
		return ex, nil
	}

	var wanted []scanners.Scanner
	var factual scanners.Scanner
	for _, sc := range e.Scanners {
		switch info := sc.Info(); {
		case !p.Wants(info.Name, info.Gate):
		case info.Facts:
			factual = sc
		default:
			wanted = append(wanted, sc)
		}
	}
	if len(wanted)+len(c.External) == 0 && factual == nil {
		ex.NotRun = AllOff
		return ex, nil
	}
	var external []scanners.Run
	for _, t := range c.External {
		external = append(external, t.run(s, p, known))
	}
	ex.Within = e.within(s, diff)
	ex.Notices = vendored(diff, p)
	facts := make(chan Facts, 1)
	go func() {
		var f Facts
		if factual != nil {
			f = e.facts(ctx, factual, s, p)
		}
		facts <- f
	}()
	runs, err := e.ask(ctx, wanted, s, p, known, func(runs []scanners.Run) {
		if show != nil {
			partial := ex
			partial.Runs = slices.Concat(runs, external)
			show(partial)
		}
	})
	ex.Facts = <-facts
	if err != nil {
		return Examination{}, err
	}
	if ctx.Err() != nil {
		return Examination{}, context.Cause(ctx)
	}
	ex.Runs = slices.Concat(runs, external)
	for _, run := range ex.Runs {
		ex.Notices = append(ex.Notices, run.Notices...)
	}
	return ex, nil
}

// within returns a function that reports whether a scanner may find something in the paths that match a pattern, given
// what the change touches. A scanner of whole trees may find something anywhere. So may every scanner of the history,
// if not all of the history is known.
func (e *Examiner) within(s *source, diff *mirror.Diff) func(scanner, pattern string) bool {
	touched := map[string]bool{} // by pattern
	touches := func(pattern string) bool {
		yes, known := touched[pattern]
		if known {
			return yes
		}
		yes = slices.ContainsFunc(diff.Changes, func(ch mirror.Change) bool {
			return policy.PathMatches(pattern, ch.NewPath) || policy.PathMatches(pattern, ch.OldPath)
		}) || slices.ContainsFunc(s.between.files, func(f scanners.File) bool { return policy.PathMatches(pattern, f.Path) }) ||
			slices.ContainsFunc(s.large, func(f largeFile) bool { return policy.PathMatches(pattern, f.path) })
		touched[pattern] = yes
		return yes
	}
	return func(scanner, pattern string) bool {
		for _, sc := range e.Scanners {
			if info := sc.Info(); info.Name == scanner && !info.Has(scanners.ScopeTree) && (s.partial == "" || !info.Has(scanners.ScopeRange)) {
				return touches(pattern)
			}
		}
		return true
	}
}

// The reasons why nothing is scanned.
const (
	Nothing = "There is nothing to scan: the change has no file with content, or the policy ignores all of them."
	AllOff  = "The policy switches every gate off."
)

// ask runs every scanner, several at a time. Each time that the last scanner of a gate has finished, and when the
// policy's first budget has run out, it passes the runs so far to report, with the error [ErrRunning] for scanners that
// still run.
func (e *Examiner) ask(ctx context.Context, wanted []scanners.Scanner, s *source, p policy.Policy, known []baseline.Known, report func([]scanners.Run)) ([]scanners.Run, error) {
	runs := make([]scanners.Run, len(wanted))
	left := map[scanners.Gate]int{}
	for i, sc := range wanted {
		info := sc.Info()
		runs[i] = scanners.Run{Scanner: info.Name, Gate: info.Gate, Err: ErrRunning}
		left[info.Gate]++
	}
	type ready struct {
		index int
		run   scanners.Run
	}
	done := make(chan ready, len(wanted))
	var group errgroup.Group
	group.SetLimit(cap(s.cores))
	go func() {
		for i, sc := range wanted {
			group.Go(func() error {
				done <- ready{i, e.run(ctx, sc, s, p, known)}
				return nil
			})
		}
		_ = group.Wait()
		close(done)
	}()
	first := time.NewTimer(p.Budget.First)
	defer first.Stop()
	for open := len(wanted); open > 0; {
		select {
		case r := <-done:
			open--
			runs[r.index] = r.run
			if left[r.run.Gate]--; left[r.run.Gate] == 0 && open > 0 && ctx.Err() == nil && !r.run.Idle {
				report(runs)
			}
		case <-first.C:
			report(runs)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return runs, nil
}

// ErrRunning is the error of a run that has not finished yet, see [Examiner.Examine].
var ErrRunning = &scanners.IncompleteError{Reason: "It is still running; what it finds is added when it is ready."}

// A side holds the changed files of one tree. Files of the same content share it.
type side struct{ files []scanners.File }

// A source holds everything that scanners are given.
type source struct {
	change              Change
	head, base, between side
	renames             map[string]string // head path to base path
	large               []largeFile       // at the head, or in between
	largeBase           []string          // at the base
	partial             string            // what of the history is missing
	truncated           string            // what of the change is missing
	order               map[string]int    // of the commits, from the oldest
	texts               *baseline.Change
	divide              blocks.Divider // nil for [blocks.Divide]
	bases               []*otherBase
	cores               chan struct{} // as many scans run at one time as there are cores
}

// A largeFile is too large to be read, or absent.
type largeFile struct {
	path string
	size int64 // in bytes; [mirror.Absent] for one that is not in the repository on this machine
}

// gather reads the content of every changed file, on both sides, and the versions that only existed in between. It
// reads the base versions of all changed files, not only of those with findings, so that a finding that moves from one
// file to another is recognised as moved, and a fixed one as fixed.
//
// It also reads the files of known findings that the change does not touch any more: a finding that is in the base by
// now is not fixed.
func gather(ctx context.Context, c Change, diff *mirror.Diff, p policy.Policy, known []baseline.Known) (*source, error) {
	s := &source{change: c, renames: map[string]string{}, partial: c.Partial, truncated: diff.Truncated, order: map[string]int{}, cores: make(chan struct{}, max(runtime.NumCPU(), 2))}
	blobs := map[string][]placed{}
	add := func(to *side, f scanners.File) {
		if !p.SkipsAll(f.Path) {
			blobs[f.Blob] = append(blobs[f.Blob], placed{to, f})
		}
	}
	ends := map[string]bool{}
	for _, ch := range diff.Changes {
		if regular(ch.NewMode) && ch.NewBlob != "" {
			add(&s.head, scanners.File{Path: ch.NewPath, Blob: ch.NewBlob})
			ends[ch.NewBlob] = true
		}
		if regular(ch.OldMode) && ch.OldBlob != "" {
			add(&s.base, scanners.File{Path: ch.OldPath, Blob: ch.OldBlob})
			ends[ch.OldBlob] = true
			if ch.NewPath != "" && ch.NewPath != ch.OldPath {
				s.renames[ch.NewPath] = ch.OldPath
			}
		}
	}
	var untouched []string
	for _, k := range known {
		untouched = append(untouched, k.Path)
	}
	if len(c.Commits) > 0 {
		versions, err := c.Repo.Versions(ctx, c.Commits)
		var short *mirror.ShallowError
		switch {
		case errors.As(err, &short):
			s.miss(fmt.Sprintf("The history of %d commits is not available, so it was not scanned.", len(short.Commits)))
		case errors.Is(err, mirror.ErrTooLarge):
			versions = nil
			s.miss(historyTooLarge)
		case err != nil:
			return nil, fmt.Errorf("read the commits in between: %w", err)
		}
		for _, v := range versions {
			if !ends[v.Blob] {
				add(&s.between, scanners.File{Path: v.Path, Blob: v.Blob, Commit: v.Commit})
			}
			// A file that was changed and changed back has nothing new in between.
			untouched = append(untouched, v.Path)
		}
	}
	if err := s.addUntouched(ctx, c, diff, untouched, p); err != nil {
		return nil, err
	}
	if err := s.read(ctx, blobs); err != nil {
		return nil, fmt.Errorf("read the changed files: %w", err)
	}
	for _, to := range []*side{&s.head, &s.base} {
		slices.SortFunc(to.files, func(a, b scanners.File) int { return strings.Compare(a.Path, b.Path) })
	}
	// In between, the order of the commits counts, since the earliest commit of a finding is the one to name.
	for i, sha := range c.Commits {
		s.order[sha] = i
	}
	slices.SortFunc(s.large, func(a, b largeFile) int { return strings.Compare(a.path, b.path) })
	s.large = slices.Compact(s.large)
	s.leaveAbsent()
	s.texts = textsOf(diff, s)
	s.bases = otherBases(c)
	return s, nil
}

// leaveAbsent leaves out the files of which one side is absent: without it, nobody could say what is new in them.
func (s *source) leaveAbsent() {
	absent := map[string]bool{}
	for _, f := range s.large {
		absent[f.path] = f.size == mirror.Absent
	}
	s.head.files = slices.DeleteFunc(s.head.files, func(f scanners.File) bool {
		was := cmp.Or(s.renames[f.Path], f.Path)
		return absent[f.Path] || absent[was]
	})
	s.base.files = slices.DeleteFunc(s.base.files, func(f scanners.File) bool { return absent[f.Path] })
}

// A placed file is a file whose content is still to be read, and the side that it belongs to.
type placed struct {
	to   *side
	file scanners.File
}

// maxBetween bounds, in bytes, the content of all versions that only existed in between: it is in memory at one time.
const maxBetween = 256 << 20

const historyTooLarge = "The history of the pull request is too large to be read, so not all of it was scanned."

// miss records that some of the history is missing.
func (s *source) miss(why string) {
	if !strings.Contains(s.partial, why) {
		s.partial = strings.TrimSpace(s.partial + " " + why)
	}
}

// read reads the content of files, by blob. If the versions in between are too large, it still reads both ends.
func (s *source) read(ctx context.Context, blobs map[string][]placed) error {
	oids := slices.Sorted(maps.Keys(blobs))
	room := int64(maxBetween)
	take := func(oid string, size int64, content []byte) error {
		text := scanners.Decode(content)
		for _, w := range blobs[oid] {
			if content == nil && size != 0 {
				if w.to == &s.base && size != mirror.Absent {
					s.largeBase = append(s.largeBase, w.file.Path)
				} else {
					s.large = append(s.large, largeFile{w.file.Path, size})
				}
				continue
			}
			if w.to == &s.between {
				if size > room {
					s.miss(historyTooLarge)
					continue
				}
				room -= size
			}
			w.file.Content = text
			w.to.files = append(w.to.files, w.file)
		}
		return nil
	}
	err := s.change.Repo.Blobs(ctx, oids, take)
	if !errors.Is(err, mirror.ErrTooLarge) {
		return err
	}
	ends := slices.DeleteFunc(oids, func(oid string) bool {
		return !slices.ContainsFunc(blobs[oid], func(w placed) bool { return w.to != &s.between })
	})
	if len(ends) == len(blobs) {
		return err
	}
	s.miss(historyTooLarge)
	return s.change.Repo.Blobs(ctx, ends, take)
}

// textsOf returns the texts that triage compares beside the findings, and corrects the renames. Files that are not
// scanned have no text.
func textsOf(diff *mirror.Diff, s *source) *baseline.Change {
	head, base := map[string][]byte{}, map[string][]byte{}
	for _, ch := range diff.Changes {
		if ch.NewPath != "" {
			head[ch.NewPath] = nil
		}
		if ch.OldPath != "" {
			base[ch.OldPath] = nil
		}
	}
	known := func(to map[string][]byte, list []scanners.File) {
		for _, f := range list {
			if to[f.Path] = f.Content; f.Content == nil { // it is empty
				to[f.Path] = []byte{}
			}
		}
	}
	known(head, s.head.files)
	known(base, s.base.files)
	s.renames = baseline.Origins(head, base, s.renames)
	return baseline.NewChange(head, base, s.renames)
}

// versions returns the texts of the versions in between that have findings, for a scanner of secrets.
func (s *source) versions(info scanners.Info, found []scanners.Finding) map[baseline.Version][]byte {
	if info.Gate != scanners.Secrets || len(found) == 0 {
		return nil
	}
	texts := map[baseline.Version][]byte{}
	for _, f := range found {
		texts[baseline.Version{Path: f.Path, Commit: f.Commit}] = nil
	}
	for _, f := range s.between.files {
		at := baseline.Version{Path: f.Path, Commit: f.Commit}
		if _, ok := texts[at]; ok {
			texts[at] = f.Content
		}
	}
	return texts
}

// addUntouched adds, on both sides, those of the files that the change does not touch.
func (s *source) addUntouched(ctx context.Context, c Change, diff *mirror.Diff, paths []string, p policy.Policy) error {
	seen := map[string]bool{}
	for _, ch := range diff.Changes {
		seen[ch.OldPath], seen[ch.NewPath] = true, true
	}
	if c.Base == c.Repo.EmptyTree() {
		return nil
	}
	for _, name := range paths {
		if seen[name] || p.SkipsAll(name) {
			continue
		}
		seen[name] = true
		content, ok, err := c.Repo.ReadFile(ctx, c.Base, name)
		switch {
		case errors.Is(err, mirror.ErrNotFile), errors.Is(err, mirror.ErrTooLarge), err == nil && !ok:
			continue
		case err != nil:
			return fmt.Errorf("read the base of %q: %w", name, err)
		}
		f := scanners.File{Path: name, Content: scanners.Decode(content)}
		s.head.files, s.base.files = append(s.head.files, f), append(s.base.files, f)
	}
	return nil
}

// regular reports whether a git mode is that of a file with content, not of a symbolic link or a submodule.
func regular(mode string) bool { return mode == "100644" || mode == "100755" || mode == "100664" }
