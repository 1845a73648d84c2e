package infra

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/secbydesign/secbydesign/scanners"
)

// A PlaceError reports where a file cannot be read, and why.
type PlaceError struct {
	Line int    // from 1; 0 for the whole file
	Why  string // one clause, without any of the file's text
}

func (e *PlaceError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Why) }

// Files calls check for every file of the target that the scanner is for. Findings are sorted
// by path, line, column and rule. A file that check fails or panics on, or that is too large,
// makes the scan incomplete, but other files are still checked; findings that check returns with an
// error are kept. Binary files are skipped. The limit is in megabytes.
func Files(ctx context.Context, info scanners.Info, limit int, t scanners.Target, check func(context.Context, scanners.File) ([]scanners.Finding, error)) ([]scanners.Finding, error) {
	if !info.Has(t.Scope) {
		return nil, fmt.Errorf("scan with %s: it has no scope %q", info.Name, t.Scope)
	}
	var found []scanners.Finding
	var gaps, paths []string
	var errs []error
	for _, f := range t.Files {
		if ctx.Err() != nil {
			break
		}
		if !info.Matches(f.Path) || bytes.IndexByte(f.Content[:min(len(f.Content), sniff)], 0) >= 0 {
			continue
		}
		in, err := checkOne(ctx, f, limit, check)
		for i := range in {
			in[i].Commit = f.Commit
		}
		found = append(found, in...)
		if err != nil && ctx.Err() == nil {
			gaps, paths = append(gaps, gap(f.Path, err)), append(paths, f.Path)
			errs = append(errs, fmt.Errorf("check %q: %w", f.Path, err))
		}
	}
	slices.SortStableFunc(found, func(a, b scanners.Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Identity, b.Identity))
	})
	if ctx.Err() != nil {
		return found, ctx.Err()
	}
	return found, incomplete(gaps, paths, errs)
}

// sniff is how many bytes git searches for a NUL to distinguish binary from text
// (https://git-scm.com/docs/gitattributes, "diff").
const sniff = 8000

func checkOne(ctx context.Context, f scanners.File, limit int, check func(context.Context, scanners.File) ([]scanners.Finding, error)) (found []scanners.Finding, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if len(f.Content) > limit<<20 {
		return nil, &PlaceError{Why: fmt.Sprintf("larger than %d MB", limit)}
	}
	found, err = check(ctx, f)
	found, more := first(found)
	if more && err == nil {
		err = &PlaceError{Why: fmt.Sprintf("more than %d findings, the first %d are reported", MaxFindings, MaxFindings)}
	}
	return found, err
}

// MaxFindings is how many findings of one file are reported. A reader has seen enough by then. A check
// may stop when it has one more.
const MaxFindings = 1000

// first returns the first problems, and whether there are more. It returns as many findings about protections, most of
// which nobody sees.
func first(found []scanners.Finding) (list []scanners.Finding, more bool) {
	problems, protections := 0, 0
	list = slices.DeleteFunc(found, func(f scanners.Finding) bool {
		if f.Protection != scanners.Problem {
			protections++
			return protections > MaxFindings
		}
		problems++
		return problems > MaxFindings
	})
	return list, problems > MaxFindings
}

// TooMuch returns the error for a file that is not read from this line on, because it is too much.
func TooMuch(line int) *PlaceError {
	return &PlaceError{Line: line, Why: "too much for one file to be read"}
}

func gap(path string, err error) string {
	var at *PlaceError
	switch {
	case !errors.As(err, &at):
		return fmt.Sprintf("%q (the scanner failed on it)", path)
	case at.Line == 0:
		return fmt.Sprintf("%q (%s)", path, at.Why)
	default:
		return fmt.Sprintf("%q (line %d: %s)", path, at.Line, at.Why)
	}
}

func incomplete(gaps, paths []string, errs []error) error {
	if len(gaps) == 0 {
		return nil
	}
	slices.Sort(gaps)
	return &scanners.IncompleteError{
		Reason: "Not checked: " + scanners.Some(gaps, 3) + "; fix what is named, and the next push checks it.",
		Err:    errors.Join(errs...),
		Paths:  paths,
	}
}
