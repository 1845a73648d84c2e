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

// A Report is a program's output together with the findings and errors read from it.
type Report struct {
	Output
	Paths    []string // the paths of the files that concern the scanner, sorted; for ScopeTree, only the changed ones
	Asked    []string // the files and folders of [Run.Files]
	Fallback bool     // this is the output of the run with [Adapter.Fallback]
	again    []string

	adapter Adapter
	files   *untrusted.Tree
	tree    tree
	found   []scanners.Finding
	errs    []error
	unread  []string // places that could not be read
	paths   []string // the files that hold those places; fewer than unread if a file is not known
	wanted  string   // what the program took them for
}

// Add adds findings. Their paths may be absolute, file: URLs, or relative to the tree. An empty Identity
// becomes the text of the lines, and an EndLine of 0 becomes Line.
func (r *Report) Add(found ...scanners.Finding) { r.found = append(r.found, found...) }

// Fail reports that the output is not complete, unless err is nil. The findings are kept.
func (r *Report) Fail(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

// Unread reports that the program could not read a file in the format what, from the given line on.
// Line 0 means that it could not read the file at all.
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

// Again has the program run again over some of the files that it was asked for, see [Adapter.Fallback].
func (r *Report) Again(files ...string) { r.again = append(r.again, files...) }

// Dir returns the folder of the tree on this machine, as an absolute path.
func (r *Report) Dir() string { return r.tree.dir }

// Knows reports whether the adapter has an entry for the rule.
func (r *Report) Knows(rule string) bool {
	_, ok := r.adapter.Rules[rule]
	return ok
}

// Files iterates over Paths and the contents of the files. It leaves out files that are not in the tree.
func (r *Report) Files() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, path := range r.Paths {
			if content, ok := r.files.Content(path); ok && !yield(path, content) {
				return
			}
		}
	}
}

// All iterates over all files of the tree that concern the scanner, changed or not, and their contents. The
// content of a file that is too large is nil.
func (r *Report) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, path := range r.tree.all(r.adapter.Info) {
			if content, ok := r.files.Content(path); ok && !yield(path, content) {
				return
			}
		}
	}
}

// Content returns the content of a file of the tree. The path is written as the program writes it.
func (r *Report) Content(path string) (content []byte, ok bool) {
	name, err := r.files.Name(path)
	if err != nil {
		return nil, false
	}
	return r.files.Content(name)
}

// ASCII reports whether a finding's first and last line are ASCII, so that columns are the same in
// every unit.
func (r *Report) ASCII(f scanners.Finding) bool {
	name, err := r.files.Name(f.Path)
	return err == nil && r.files.ASCII(name, f.Line) && r.files.ASCII(name, f.EndLine)
}

// parse calls the adapter's parser. The parser reads untrusted input, so a panic becomes an error.
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

// err returns nil if the output was understood and covers everything that the program was to scan.
func (r *Report) err() (err error) {
	var broken []error
	for _, one := range r.errs {
		if errors.As(one, new(*scanners.IncompleteError)) {
			err = join(err, one)
		} else {
			broken = append(broken, one)
		}
	}
	if len(broken) > 0 {
		err = join(err, &scanners.IncompleteError{Reason: "What " + r.adapter.name() + " printed could not be parsed.", Err: errors.Join(broken...)})
	}
	if len(r.paths) < len(r.unread) {
		r.paths = nil
	}
	if len(r.unread) > 0 {
		err = join(err, &scanners.IncompleteError{Reason: fmt.Sprintf("%s could not be read as %s.", scanners.Some(r.unread, 3), r.wanted), Paths: r.paths})
	}
	return err
}

// Number parses a number. An empty text is 0.
func (r *Report) Number(text string) int {
	n, err := strconv.Atoi(cmp.Or(text, "0"))
	r.Fail(err)
	return n
}

// JSON returns the [Adapter.Parse] for a program that prints one JSON value.
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

// Severity maps the words that most programs use, in any case, to a severity. It returns Medium for
// any other word.
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

// Sure is [Severity], but at most Low if the program's confidence is low.
func Sure(severity, confidence string) scanners.Severity {
	if strings.EqualFold(confidence, "low") {
		return min(Severity(severity), scanners.Low)
	}
	return Severity(severity)
}

var weakness = regexp.MustCompile(`(?i)(?:CWE-|^\[?)0*([1-9]\d*)`)

// CWE returns the first weakness, such as "CWE-79", in a number, a text, or a list of them.
func CWE(v any) string {
	if m := weakness.FindStringSubmatch(fmt.Sprint(v)); m != nil {
		return "CWE-" + m[1]
	}
	return ""
}

// Rewrite returns the fix that replaces the finding's region by a text.
func Rewrite(f scanners.Finding, text string) []scanners.Fix {
	return []scanners.Fix{{Title: "As the rule says", Edits: []scanners.Edit{{
		Path: f.Path, Line: f.Line, EndLine: f.EndLine, Column: f.Column, EndColumn: f.EndColumn, Text: text,
	}}}}
}

// Vulnerable returns the finding for a package with a known vulnerability that some versions fix. It places
// the finding on the first line of the manifest that names the package with its version, or else on the
// first line that names the package.
func (r *Report) Vulnerable(path, name, version, about string, fixed ...string) scanners.Finding {
	f := scanners.Finding{
		Path: path, Title: "Known vulnerability in " + name + " " + version, Message: name + " " + version + ": " + about, Identity: name, Package: name,
		Help: "Update " + name + " to a version that fixes it: " + strings.Join(fixed, ", ") + " or newer.",
	}
	switch fixed = slices.DeleteFunc(fixed, func(v string) bool { return v == "" }); len(fixed) {
	case 0:
		f.Help = "No version is known that fixes it. Replace " + name + ", or make sure that the vulnerable part is not used."
	case 1:
		f.Help = "Update " + name + " to " + fixed[0] + " or newer."
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

// A List is a list that JSON may also write as its only element, without brackets.
type List[T any] []T

// UnmarshalJSON implements [json.Unmarshaler].
func (l *List[T]) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte("[")) {
		return json.Unmarshal(text, (*[]T)(l))
	}
	*l = make([]T, 1)
	return json.Unmarshal(text, &(*l)[0])
}
