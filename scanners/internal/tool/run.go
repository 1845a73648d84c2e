package tool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// start runs the program once. The error partial is not nil if it could not scan everything.
func (s *Scanner) start(ctx context.Context, p program, w *workplace) (out Output, partial, err error) {
	a := s.adapter
	k, err := s.runner.sandbox.choose()
	if err != nil {
		return Output{}, nil, &scanners.IncompleteError{
			Reason: fmt.Sprintf("%s was not started, because no sandbox works on this machine. Run secbydesign scanners to see why.", a.name()),
			Err:    err,
		}
	}
	if len(w.tree.mask) > 0 && !k.masks() {
		return Output{}, nil, &scanners.IncompleteError{Reason: "The repository has a file that could configure " + a.name() + ", and the sandbox on this machine cannot hide it. Install bubblewrap."}
	}
	if w.fallback {
		a.Env = slices.Concat(a.Fallback, a.Env) // the first of a name counts
	}
	l := s.runner.sandbox.limits
	reads := slices.DeleteFunc(slices.Concat([]string{w.run.Tree, w.run.Above, w.run.Own, a.Folder, w.prepared, w.derived}, p.reads, a.Reads), func(path string) bool {
		return !filepath.IsAbs(path)
	})
	run := spec{
		Kind: k, Path: p.real, Args: append([]string{p.path}, a.Args(w.run)...), Dir: w.run.Tree, Stdin: a.Stdin,
		Env: slices.Concat([]string{
			"PATH=" + strings.Join(p.folders, ":"), "LANG=C.UTF-8", "HOME=" + w.run.Home, "TMPDIR=" + w.run.Home, "TERM=dumb",
		}, a.Env),
		Read: reads, Home: w.run.Home, Report: w.run.Report,
		Mask: w.tree.mask, Empty: filepath.Join(w.run.Own, emptyFile),
	}
	if w.prepared != "" && k != bare { // without a sandbox the program could write to it
		run.Prepared, run.Links = cmp.Or(w.derived, w.prepared), filepath.Join(w.run.Home, a.Prepared.Folder)
	}
	res, err := execute(ctx, l, run)
	incomplete := func(format string, args ...any) (Output, error, error) {
		said := errors.New(firstLine(res.stderr))
		return Output{}, nil, &scanners.IncompleteError{Reason: fmt.Sprintf(format, args...), Err: errors.Join(err, said)}
	}
	var left *leftError
	switch {
	case errors.As(err, &left):
		return incomplete("%s was stopped, but some of its processes may still run. The operator's log says more.", a.name())
	case errors.Is(err, errOutput):
		return incomplete("%s printed more than %d MB, and was stopped.", a.name(), l.Output>>20)
	case errors.Is(err, errTime), errors.Is(err, context.DeadlineExceeded):
		return incomplete("%s ran out of time, and was stopped.", a.name())
	case ctx.Err() != nil:
		return Output{}, nil, context.Cause(ctx)
	case err != nil:
		return incomplete("%s could not be started in its sandbox; the operator's log says why.", a.name())
	case res.Over != "":
		return incomplete("%s used too much of %s, and was stopped.", a.name(), res.Over)
	case res.Signal != "":
		return incomplete("%s died (%s).", a.name(), res.Signal)
	case slices.Contains(a.Partial, res.Exit):
		partial = &scanners.IncompleteError{Reason: a.name() + " could not scan everything."}
	case res.Exit != 0 && !slices.Contains(a.Found, res.Exit):
		return incomplete("%s failed (exit code %d).", a.name(), res.Exit)
	}
	out = Output{Text: res.stdout, Stderr: res.stderr, Tree: w.run.Tree, Exit: res.Exit}
	if len(res.report) > 0 {
		out.Text = res.report
	}
	return out, partial, nil
}
