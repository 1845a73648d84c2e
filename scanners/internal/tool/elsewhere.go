package tool

import (
	"context"
	"fmt"
	"slices"

	"github.com/secbydesign/secbydesign/scanners"
)

// An Elsewhere does the parts of a scan that read content of the tree, in a process of its own. The error of a part
// that was done is in its answer; an error of Elsewhere means that it was not done.
type Elsewhere func(ctx context.Context, p Part) (Answer, error)

// A Part is one part of a scan by a program.
type Part struct {
	Scanner  string // its name
	Kind     PartKind
	Scope    scanners.Scope
	Dir      string          // ScopeTree: the tree, as the process that does the part can read it
	Files    []scanners.File // the target's
	Asked    []string        // Read: the files and folders of [Run.Files]
	Fallback bool            // Read: see [Report.Fallback]
	Output   Output          // Read: what the program printed
}

// A PartKind says what is to be done.
type PartKind string

// The parts of a scan that read the tree, or what a program printed about it.
const (
	PartInputs  PartKind = "inputs"  // [Adapter.Inputs]
	PartSources PartKind = "sources" // [Derived.Sources]
	PartRead    PartKind = "read"    // [Adapter.Parse], and the check of the places
)

// An Answer is the result of a part.
type Answer struct {
	Inputs  []string
	Sources map[string]string
	Found   []scanners.Finding
	Again   []string // files for which the program has to run a second time
	Err     error    // why Found is incomplete
}

// Do does one part of a scan.
func (s *Scanner) Do(ctx context.Context, p Part) (Answer, error) {
	switch a := s.adapter; {
	case p.Kind == PartInputs && a.Inputs != nil:
		return Answer{Inputs: a.Inputs(p.Dir, p.Asked)}, nil
	case p.Kind == PartSources && a.Derived != nil:
		return Answer{Sources: a.Derived.Sources(p.Dir, p.Asked)}, nil
	case p.Kind == PartRead:
		t, err := s.seen(p)
		if err != nil {
			return Answer{}, err
		}
		defer t.close()
		var out Answer
		out.Found, out.Again, out.Err = s.read(p.Output, &workplace{tree: t, run: Run{Tree: t.dir, Files: p.Asked}}, p.Fallback)
		return out, nil
	}
	return Answer{}, fmt.Errorf("%s has no part %q", p.Scanner, p.Kind)
}

// seen returns the tree of a part, without writing anything.
func (s *Scanner) seen(p Part) (tree, error) {
	target := scanners.Target{Scope: p.Scope, Dir: p.Dir, Files: p.Files}
	if p.Scope == scanners.ScopeTree {
		return openTree(s.adapter.Info, target)
	}
	t := tree{close: func() {}}
	content := map[string][]byte{}
	for _, f := range p.Files {
		content[f.Path] = f.Content
		t.files = append(t.files, f.Path)
	}
	slices.Sort(t.files)
	t.content = func(path string) ([]byte, bool) {
		b, ok := content[path]
		return b, ok
	}
	return t, nil
}

// inputs, sources and interpret do the parts here, or elsewhere if the runner says so.

func (s *Scanner) inputs(ctx context.Context, w *workplace) ([]string, error) {
	done, err := s.part(ctx, w, Part{Kind: PartInputs, Asked: w.run.Files})
	return done.Inputs, err
}

func (s *Scanner) sources(ctx context.Context, w *workplace) (map[string]string, error) {
	done, err := s.part(ctx, w, Part{Kind: PartSources, Asked: w.run.Files})
	return done.Sources, err
}

func (s *Scanner) interpret(ctx context.Context, out Output, w *workplace, fallback bool) ([]scanners.Finding, []string, error) {
	if s.runner.elsewhere == nil {
		return s.read(out, w, fallback)
	}
	done, err := s.part(ctx, w, Part{Kind: PartRead, Asked: w.run.Files, Fallback: fallback, Output: out})
	if err != nil {
		return nil, nil, join(w.tree.partial(), err)
	}
	return done.Found, done.Again, join(w.tree.partial(), done.Err)
}

func (s *Scanner) part(ctx context.Context, w *workplace, p Part) (Answer, error) {
	p.Scanner, p.Scope, p.Dir, p.Files = s.adapter.Info.Name, w.target.Scope, w.tree.dir, w.target.Files
	if p.Scope != scanners.ScopeTree { // without those that the program did not see
		p.Files = slices.DeleteFunc(slices.Clone(p.Files), func(f scanners.File) bool {
			_, shown := w.tree.content(f.Path)
			return !shown
		})
	}
	if s.runner.elsewhere != nil {
		return s.runner.elsewhere(ctx, p)
	}
	return s.Do(ctx, p)
}
