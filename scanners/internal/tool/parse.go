package tool

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
)

// A Report is an output, and what is made of it.
type Report struct {
	Output
	Paths   []string // of the files that concern the scanner, sorted; of a tree, those that changed
	adapter Adapter
	files   *untrusted.Tree
	found   []scanners.Finding
	errs    []error
	unread  []string // places that could not be read
	paths   []string // the files that they are in; fewer where one is not known
	wanted  string   // as what
}

// Add tells findings. Their paths may be absolute, file: URLs, or relative to the tree. Identity,
// where it is empty, becomes the text of the lines, and EndLine the line.
func (r *Report) Add(found ...scanners.Finding) { r.found = append(r.found, found...) }

// Fail tells that the output is not complete, if there is an error. Findings beside it are kept.
func (r *Report) Fail(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

// Unread tells that the program could not read a file as what it takes it for, from a line on, or
// from 0 at all.
func (r *Report) Unread(what, path string, line int) {
	if name, err := r.files.Name(path); err == nil {
		if _, ok := r.files.Content(name); ok {
			r.paths = append(r.paths, name)
		}
	}
	path = strings.TrimPrefix(strings.TrimPrefix(path, r.Tree+"/"), "./")
	if line > 0 {
		path = fmt.Sprintf("%s:%d", path, line)
	}
	r.unread, r.wanted = append(r.unread, path), what
}

// Knows reports whether the adapter says something of a rule.
func (r *Report) Knows(rule string) bool {
	_, ok := r.adapter.Rules[rule]
	return ok
}

// Files gives those of Paths with what they hold.
func (r *Report) Files() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, path := range r.Paths {
			if content, ok := r.files.Content(path); ok && !yield(path, content) {
				return
			}
		}
	}
}

// Content gives a file of the tree, by a path as the program writes it.
func (r *Report) Content(path string) (content []byte, ok bool) {
	name, err := r.files.Name(path)
	if err != nil {
		return nil, false
	}
	return r.files.Content(name)
}

// ASCII reports whether columns of a finding's lines are the same whatever they count.
func (r *Report) ASCII(f scanners.Finding) bool {
	name, err := r.files.Name(f.Path)
	return err == nil && r.files.ASCII(name, f.Line) && r.files.ASCII(name, f.EndLine)
}

// parse calls the adapter's parser, which reads what strangers can influence.
func (r *Report) parse() {
	defer func() {
		if p := recover(); p != nil {
			r.found, r.errs = nil, []error{fmt.Errorf("panic: %v", p)}
		}
	}()
	if a := r.adapter; a.EmptyOutput != "" && len(r.Text) == 0 && bytes.Contains(r.Stderr, []byte(a.EmptyOutput)) {
		return
	}
	r.adapter.Parse(r)
}

// err is nil when the output was understood, and tells of everything that the program looked at.
func (r *Report) err() (err error) {
	var incomplete *scanners.IncompleteError
	if err = errors.Join(r.errs...); err != nil && !errors.As(err, &incomplete) {
		err = &scanners.IncompleteError{Reason: "What " + r.adapter.name() + " printed could not be understood.", Err: err}
	}
	if len(r.paths) < len(r.unread) {
		r.paths = nil
	}
	switch n := len(r.unread); {
	case n == 1:
		err = join(err, &scanners.IncompleteError{Reason: fmt.Sprintf("%s could not be read as %s.", r.unread[0], r.wanted), Paths: r.paths})
	case n > 1:
		err = join(err, &scanners.IncompleteError{Reason: fmt.Sprintf("%s and %d other places could not be read as %s.", r.unread[0], n-1, r.wanted), Paths: r.paths})
	}
	return err
}

// Number reads a number, 0 of an empty text.
func (r *Report) Number(text string) int {
	n, err := strconv.Atoi(cmp.Or(text, "0"))
	r.Fail(err)
	return n
}

// JSON gives the [Adapter.Parse] for a program that prints one JSON value.
func JSON[T any](read func(*Report, T)) func(*Report) {
	return func(r *Report) {
		var value T
		if err := json.Unmarshal(r.Text, &value); err != nil {
			r.Fail(err)
			return
		}
		read(r, value)
	}
}

// Severity understands the words that most programs use, in any case. Where a program does not
// know how bad it is, it is medium.
func Severity(word string) scanners.Severity {
	switch strings.ToLower(word) {
	case "info", "informational", "note":
		return scanners.Note
	case "low", "weak":
		return scanners.Low
	case "high":
		return scanners.High
	case "critical":
		return scanners.Critical
	}
	return scanners.Medium
}

// Sure is [Severity], at most low where the program is not sure.
func Sure(severity, confidence string) scanners.Severity {
	if strings.EqualFold(confidence, "low") {
		return min(Severity(severity), scanners.Low)
	}
	return Severity(severity)
}

var weakness = regexp.MustCompile(`(?i)(?:CWE-|^\[?)0*([1-9]\d*)`)

// CWE names the first weakness of a number, a text, or a list of them.
func CWE(v any) string {
	if m := weakness.FindStringSubmatch(fmt.Sprint(v)); m != nil {
		return "CWE-" + m[1]
	}
	return ""
}

// Rewrite is the fix that puts a text in place of what a finding is about.
func Rewrite(f scanners.Finding, text string) []scanners.Fix {
	return []scanners.Fix{{Title: "As the rule says", Edits: []scanners.Edit{{
		Path: f.Path, Line: f.Line, EndLine: f.EndLine, Column: f.Column, EndColumn: f.EndColumn, Text: text,
	}}}}
}

// Vulnerable is the finding of a package with a known vulnerability that some versions mend, on the
// first line of the manifest that names it, best with its version.
func (r *Report) Vulnerable(path, name, version, about string, mended ...string) scanners.Finding {
	f := scanners.Finding{
		Path: path, Title: "Vulnerable dependency", Message: name + " " + version + ": " + about, Identity: name, Package: name,
		Help: "Update " + name + " to a version that fixes it: " + strings.Join(mended, ", ") + " or newer.",
	}
	switch mended = slices.DeleteFunc(mended, func(v string) bool { return v == "" }); len(mended) {
	case 0:
		f.Help = "No version is known that fixes it: replace " + name + ", or see to it that the weak part is not used."
	case 1:
		f.Help = "Update " + name + " to " + mended[0] + " or newer."
	}
	content, _ := r.Content(path)
	for i, line := range strings.Split(string(content), "\n") {
		if named := strings.Contains(strings.ToLower(line), strings.ToLower(name)); named && strings.Contains(line, version) {
			f.Line = i + 1
			break
		} else if named && f.Line == 0 {
			f.Line = i + 1
		}
	}
	return f
}

// A List is read from a list, or from its only element.
type List[T any] []T

// UnmarshalJSON implements [json.Unmarshaler].
func (l *List[T]) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte("[")) {
		return json.Unmarshal(text, (*[]T)(l))
	}
	*l = make([]T, 1)
	return json.Unmarshal(text, &(*l)[0])
}
