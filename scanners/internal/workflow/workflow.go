// Package workflow reads GitHub Actions workflows and composite actions for the scanners that
// check them. It uses the parser and the expressions of actionlint
// (https://github.com/rhysd/actionlint), which define what a workflow means. It adds what a scanner of
// untrusted files needs: bounds, places in the source, and the steps of composite actions, which
// actionlint does not read.
//
// The package opens no file, starts no program and reads no configuration.
package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
)

const (
	// Actionlint is the version of the library in go.mod.
	Actionlint = "1.7.12"

	// maxText is the size of the largest file that is read. The largest of some 400 workflows of
	// well-known repositories has 60 KB.
	maxText = 512 << 10

	// maxUnfolded is how large a file may be after its aliases are replaced by their values.
	maxUnfolded = 8 << 20

	// maxSteps is how many steps a file may have. The largest of those workflows has some 200.
	maxSteps = 1000

	// maxFindings is how many findings of one file are reported. A reader has seen enough by then.
	maxFindings = 1000
)

// Files returns the globs of the files that this package reads: GitHub runs workflows in this one
// folder only, and actions in any folder.
func Files() []string {
	return []string{".github/workflows/*.{yml,yaml}", "**/action.{yml,yaml}"}
}

// A File is one workflow, or one action in the shape of a workflow.
type File struct {
	Path string
	// Workflow is never nil. An action is a workflow without triggers, whose only job has the name
	// "" and the action's steps.
	Workflow *actionlint.Workflow
	Action   bool
	// Broken says why the file is not valid YAML. Workflow is empty then.
	Broken *actionlint.Error

	text  text
	parts int // the number of calls of Part
	seen  map[partOf]seen
}

// A Rule holds what all findings of a kind have in common.
type Rule struct {
	ID, Title, Why, Help, URL, CWE string
}

// Finding returns a finding of this rule. The identity names what the finding is about; white space
// and the order of fields in the file do not matter.
func (f *File) Finding(r Rule, s scanners.Severity, at Place, message string, identity ...string) scanners.Finding {
	return scanners.Finding{
		Rule: r.ID, Severity: s, Path: f.Path,
		Line: at.Line, EndLine: at.EndLine, Column: at.Column, EndColumn: at.EndColumn,
		Title: r.Title, Message: message, Why: r.Why, Help: r.Help, HelpURL: r.URL, CWE: r.CWE,
		Identity: r.ID + " " + strings.Join(identity, " "),
	}
}

// Scan calls judge for each file of the target that the scanner is for. Findings are in the order of path,
// line, column and rule; equal findings at one place are reported once. A file that cannot be read to its
// end makes the scan incomplete, but other files are still scanned.
func Scan(ctx context.Context, t scanners.Target, info scanners.Info, judge func(*File) []scanners.Finding) ([]scanners.Finding, error) {
	if !info.Has(t.Scope) {
		return nil, fmt.Errorf("scan with %s: it has no scope %q", info.Name, t.Scope)
	}
	var found []scanners.Finding
	var gaps, paths []string
	var errs []error
	for _, file := range t.Files {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		if !info.Matches(file.Path) {
			continue
		}
		in, err := scanFile(file, judge)
		found = append(found, in...)
		if err != nil {
			gaps, errs = append(gaps, fmt.Sprintf("%q (%s)", file.Path, reason(err))), append(errs, err)
			paths = append(paths, file.Path)
		}
	}
	slices.SortStableFunc(found, func(a, b scanners.Finding) int { return cmp.Or(cmp.Compare(a.Path, b.Path), order(a, b)) })
	if len(gaps) == 0 {
		return found, nil
	}
	slices.Sort(gaps)
	return found, &scanners.IncompleteError{
		Reason: "Not checked completely: " + scanners.Some(gaps, 3) + "; split such a file, or make it simpler.",
		Err:    errors.Join(errs...),
		Paths:  paths,
	}
}

func scanFile(file scanners.File, judge func(*File) []scanners.Finding) (found []scanners.Finding, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("judge %q: panic: %v", file.Path, p)
		}
	}()
	f, err := Parse(file.Path, file.Content)
	if err != nil {
		return nil, err
	}
	found = judge(f)
	slices.SortStableFunc(found, order)
	// An alias puts the same text into several jobs.
	found = slices.CompactFunc(found, func(a, b scanners.Finding) bool {
		return a.Rule == b.Rule && a.Line == b.Line && a.Column == b.Column && a.EndColumn == b.EndColumn && a.Message == b.Message
	})
	if len(found) > maxFindings {
		found, err = found[:maxFindings], errTooMany
	}
	return found, err
}

func order(a, b scanners.Finding) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.EndColumn, b.EndColumn), cmp.Compare(a.Message, b.Message), cmp.Compare(a.Identity, b.Identity))
}

var (
	errTooLarge = errors.New("larger than 512 KB")
	errUnfolded = errors.New("it is larger than 8 MB with its YAML aliases expanded")
	errTooMany  = errors.New("more than 1000 findings, the first 1000 are reported")
	errSteps    = errors.New("more than 1000 steps")
	errEncoding = errors.New("not UTF-8 text")
)

func reason(err error) string {
	for _, known := range []error{errTooLarge, errUnfolded, errSteps, errTooMany, errEncoding} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "the scanner failed on it"
}

// Parse reads a workflow, or an action if the file is not in the workflows folder. Text that is not YAML is
// not an error, see [File].
func Parse(path string, content []byte) (*File, error) {
	switch {
	case len(content) > maxText:
		return nil, fmt.Errorf("read %q: %w", path, errTooLarge)
	case !utf8.Valid(content):
		return nil, fmt.Errorf("read %q: %w", path, errEncoding)
	}
	root, err := tree(content)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	f := &File{Path: path, Workflow: &actionlint.Workflow{}, text: newText(string(content)), seen: map[partOf]seen{}}
	if !strings.Contains("/"+path, "/.github/workflows/") {
		f.Action = true
		if root != nil {
			f.Workflow.Jobs = action(root)
		}
	} else if w, errs := actionlint.Parse(content); w != nil {
		f.Workflow = w
	} else if len(errs) > 0 {
		f.Broken = errs[0]
	}
	steps := 0
	for _, job := range f.Jobs() {
		steps += len(job.Steps)
	}
	if steps > maxSteps {
		return nil, fmt.Errorf("read %q: %w", path, errSteps)
	}
	return f, nil
}

// Jobs returns the jobs in the order of their names.
func (f *File) Jobs() []*actionlint.Job {
	var jobs []*actionlint.Job
	for _, j := range f.Workflow.Jobs {
		if j != nil && j.ID != nil {
			jobs = append(jobs, j)
		}
	}
	slices.SortFunc(jobs, func(a, b *actionlint.Job) int { return cmp.Compare(a.ID.Value, b.ID.Value) })
	return jobs
}

// On reports whether one of the events triggers the workflow.
func (f *File) On(events ...string) bool { return f.Trigger(events...) != nil }

// Trigger returns the first of the workflow's events that is one of these, or nil.
func (f *File) Trigger(events ...string) actionlint.Event {
	for _, e := range f.Workflow.On {
		if slices.Contains(events, e.EventName()) {
			return e
		}
	}
	return nil
}

// Writes returns the scopes that permissions give write access to, sorted. If it is all scopes, the only
// element is "all".
func Writes(p *actionlint.Permissions) []string {
	var scopes []string
	if p == nil {
		return nil
	}
	if p.All != nil && p.All.Value != "read-all" {
		return []string{"all"}
	}
	for name, s := range p.Scopes {
		if s.Value != nil && s.Value.Value == "write" {
			scopes = append(scopes, name)
		}
	}
	slices.Sort(scopes)
	return scopes
}

// Token returns extents that say what an attacker can write with the job's token after taking over the job
// through the text that by names.
func (f *File) Token(job *actionlint.Job, by string) []scanners.Extent {
	p := job.Permissions
	if p == nil {
		p = f.Workflow.Permissions
	}
	list := []scanners.Extent{{Of: "by " + strings.ReplaceAll(by, "/", " ")}}
	if p == nil || p.All != nil && p.All.Value == "write-all" {
		return append(list, scanners.Extent{Of: "write"}) // without permissions in the file, they are set elsewhere
	}
	for _, scope := range Writes(p) {
		list = append(list, scanners.Extent{Of: "write/" + scope})
	}
	return list
}
