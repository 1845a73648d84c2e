package tool

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
)

// maxFindings is how many findings of one run are kept. Nobody reads more, and the cost of all later
// steps grows with their number.
const maxFindings = 10_000

// place checks the findings against the tree. It refuses findings whose place does not exist there: the
// error says how many, and the other findings are returned, in the order of their places.
func (r *Report) place() (placed []scanners.Finding, err error) {
	var refused []error
	for _, f := range r.found {
		if err := r.placeOne(&f); err != nil {
			refused = append(refused, err)
			continue
		}
		placed = append(placed, f)
	}
	slices.SortStableFunc(placed, order)
	placed = slices.CompactFunc(placed, func(a, b scanners.Finding) bool { return reflect.DeepEqual(a, b) })
	if len(refused) > 0 {
		err = &scanners.IncompleteError{
			Reason: fmt.Sprintf("It reported %d places that are not in the files it scanned; they are left out.", len(refused)),
			Err:    fmt.Errorf("the first of them: %w", refused[0]),
		}
	}
	if len(placed) > maxFindings {
		err = join(err, &scanners.IncompleteError{Reason: fmt.Sprintf("It reported %d findings; the first %d are kept.", len(placed), maxFindings)})
		placed = placed[:maxFindings]
	}
	return placed, err
}

// order compares findings by their places.
func order(a, b scanners.Finding) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.EndLine, b.EndLine), cmp.Compare(a.EndColumn, b.EndColumn),
		cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
}

// placeOne corrects a finding's places and texts. It returns an error if the finding's place is wrong.
func (r *Report) placeOne(f *scanners.Finding) error {
	name, err := r.files.Name(f.Path)
	if err != nil {
		return err
	}
	f.Path, f.EndLine = name, max(f.EndLine, f.Line)
	lines, known := r.files.Count(name)
	behind := f.EndLine == lines+1 && f.Line <= lines && f.EndColumn <= 1 // the last line end, as SARIF has it
	if f.Line < 0 || known && f.EndLine > lines && !behind {
		return fmt.Errorf("lines %d to %d of %d in %s", f.Line, f.EndLine, lines, untrusted.Quote(name))
	}
	at := r.files.Place(name, untrusted.Region{Line: f.Line, EndLine: f.EndLine, Column: f.Column, EndColumn: f.EndColumn}, untrusted.Characters)
	f.Line, f.EndLine, f.Column, f.EndColumn = at.Line, at.EndLine, at.Column, at.EndColumn
	f.Flow, f.Fixes = r.steps(f.Flow), r.fixes(f.Fixes)
	f.Identity = cmp.Or(f.Identity, r.files.Lines(name, f.Line, f.EndLine), f.Message)
	for _, s := range []*string{&f.Rule, &f.Title, &f.Message, &f.Why, &f.Help, &f.Identity} {
		*s = r.clean(*s)
	}
	f.Message = strings.Join(strings.Fields(f.Message), " ")
	return nil
}

// steps returns the steps that are in the tree.
func (r *Report) steps(all []scanners.Step) (steps []scanners.Step) {
	for _, s := range all {
		name, err := r.files.Name(s.Path)
		if lines, known := r.files.Count(name); err == nil && s.Line >= 0 && (s.Line <= lines || !known) {
			steps = append(steps, scanners.Step{Path: name, Line: s.Line, Message: r.clean(s.Message)})
		}
	}
	return steps
}

// fixes returns the fixes whose edits are all in this tree, with the tree's paths.
func (r *Report) fixes(all []scanners.Fix) (fixes []scanners.Fix) {
	for _, x := range all {
		x.Edits = slices.Clone(x.Edits)
		wrong := func(e scanners.Edit) bool {
			lines, known := r.files.Count(e.Path)
			return !known || e.Line < 1 || e.EndLine < e.Line || e.EndLine > max(lines, 1) || !utf8.ValidString(e.Text)
		}
		for i, e := range x.Edits {
			x.Edits[i].Path, _ = r.files.Name(e.Path) // no file has an empty name
		}
		if len(x.Edits) > 0 && !slices.ContainsFunc(x.Edits, wrong) {
			fixes = append(fixes, x)
		}
	}
	return fixes
}

// clean makes a text from the program fit to be shown: it removes the names of temporary folders and
// invalid characters.
func (r *Report) clean(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if root := r.Tree; root != "" && root != "/" {
		for strings.Contains(s, root+"/") { // removing two may leave a third
			s = strings.ReplaceAll(s, root+"/", "")
		}
		s = strings.ReplaceAll(s, root, ".")
	}
	return s
}
