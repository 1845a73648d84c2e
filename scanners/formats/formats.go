// Package formats reads reports in formats that many tools can write: SARIF, rdjson and rdjsonl
// (reviewdog's), Checkstyle's XML and GitLab's security reports. A tool that writes one of them
// needs no parser here.
//
// Every format is read the same way: places outside of the tree are refused and reported, lines and
// columns are checked against the files, text becomes plain sentences, and nothing that may contain
// a secret is kept (see package untrusted).
package formats

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
	"github.com/secbydesign/secbydesign/scanners/sarif"
)

// A Format is the name of a report format.
type Format string

// The formats.
const (
	SARIF      Format = "sarif"      // 2.1.0, https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
	RDJSON     Format = "rdjson"     // https://github.com/reviewdog/reviewdog/tree/master/proto/rdf
	RDJSONL    Format = "rdjsonl"    // the same, one diagnostic a line
	Checkstyle Format = "checkstyle" // https://checkstyle.org
	GitLab     Format = "gitlab"     // https://gitlab.com/gitlab-org/security-products/security-report-schemas
)

// All returns the formats in the order in which they are shown.
func All() []Format { return []Format{SARIF, RDJSON, RDJSONL, Checkstyle, GitLab} }

// Options configure [Read]. The zero value trusts the tool's statements about itself.
type Options struct {
	Tool    string // the tool's name, if the format does not state it
	Root    string // absolute path of the folder in which the tool scanned the tree
	Content func(path string) (content []byte, ok bool)
	Secrets bool              // the tool searches for secrets: nothing that may contain one is kept
	Default scanners.Severity // the severity of findings without one; medium unless set
	Limit   int               // findings, 10 000 unless set
}

const (
	defaultLimit = 10_000

	// maxReport is the size in bytes of the largest report that is read, for formats that are not
	// read as a stream.
	maxReport = 64 << 20
)

// Read reads a report. The error, an [*scanners.IncompleteError], says what is wrong with the
// report and where, that the tool failed, or what is left out. The findings returned with an error
// are valid.
func Read(f Format, r io.Reader, o Options) ([]scanners.Finding, error) {
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	o.Default = cmp.Or(o.Default, scanners.Medium)
	if f == SARIF {
		return readSARIF(r, o)
	}
	rep := &report{Options: o, tree: untrusted.Tree{Root: o.Root, Content: o.Content}}
	read := map[Format]func(*report, io.Reader) error{
		RDJSON: readRDJSON, RDJSONL: readRDJSONL, Checkstyle: readCheckstyle, GitLab: readGitLab,
	}[f]
	if read == nil {
		return nil, fmt.Errorf("there is no format %q", f)
	}
	if err := read(rep, r); err != nil {
		rep.wrong = append(rep.wrong, fmt.Sprintf("The %s report cannot be used: %v.", f, err))
	}
	return rep.found, rep.err()
}

func readSARIF(r io.Reader, o Options) ([]scanners.Finding, error) {
	severity := func(_, level string, security float64) (scanners.Severity, bool) {
		return o.Default, level == "" && security == 0
	}
	runs, err := sarif.Read(r, sarif.ReadOptions{Root: o.Root, Content: o.Content, Secrets: o.Secrets, Severity: severity, Limit: o.Limit})
	var found []scanners.Finding
	var errs []error
	var reasons []string
	add := func(err error) {
		if err != nil {
			errs, reasons = append(errs, err), append(reasons, scanners.Reason(err))
		}
	}
	add(err)
	if err == nil && len(runs) == 0 {
		add(&scanners.IncompleteError{Reason: "The SARIF document has no run, so no tool reported that it ran."})
	}
	for _, run := range runs {
		found = append(found, run.Findings...)
		add(run.Err())
	}
	if len(errs) < 2 {
		return found, errors.Join(errs...)
	}
	return found, &scanners.IncompleteError{Reason: strings.Join(slices.Compact(reasons), " "), Err: errors.Join(errs...)}
}

// A report collects the findings and errors of one report.
type report struct {
	Options
	tree    untrusted.Tree
	found   []scanners.Finding
	wrong   []string // sentences shown to users
	errs    []error  // for the operator
	refused int
	full    bool
}

// An item is one problem as the formats of this package describe it.
type item struct {
	rule, name, message, why, help, url string
	cwe                                 string
	aliases                             []string
	severity                            scanners.Severity
	path                                string
	at                                  untrusted.Region
	unit                                untrusted.Unit
	secret                              bool
	flow                                []scanners.Step
	fixes                               []scanners.Fix
}

// add adds the finding for an item. It returns false if the limit is reached.
func (r *report) add(in item) bool {
	if len(r.found) >= r.Limit {
		r.full = true
		return false
	}
	path, err := r.tree.Name(in.path)
	if err != nil {
		if r.refused++; r.refused <= 10 {
			r.errs = append(r.errs, fmt.Errorf("%s: %w", untrusted.Rule(in.rule), err))
		}
		return true
	}
	at := r.tree.Place(path, in.at, in.unit)
	f := scanners.Finding{
		Rule: untrusted.Rule(in.rule), Severity: in.severity, Path: path,
		Line: at.Line, EndLine: at.EndLine, Column: at.Column, EndColumn: at.EndColumn,
		HelpURL: untrusted.Address(in.url), CWE: in.cwe, Aliases: in.aliases,
	}
	f.Title = untrusted.Title(in.name, f.Rule)
	secret := r.Secrets || in.secret || untrusted.Secret(in.cwe, in.rule)
	if secret {
		if in.name == in.message {
			f.Title = f.Rule
		}
		f.Message, f.Why, f.Help = untrusted.Stop(f.Title), untrusted.SecretWhy, untrusted.SecretHelp
	} else {
		f.Message = untrusted.Stop(cmp.Or(untrusted.Sentence(in.message, 1000), f.Title))
		f.Why, f.Help = untrusted.Stop(untrusted.Sentence(in.why, 400)), untrusted.Prose(in.help)
		f.Flow, f.Fixes = in.flow, in.fixes
		if f.Help == "" {
			f.Help = untrusted.Prose("Change the code so that it follows the rule " + f.Rule + " of " + cmp.Or(r.Tool, "the tool") + ".")
		}
	}
	f.Identity = r.tree.Identity(f, secret)
	r.found = append(r.found, f)
	return true
}

func (r *report) err() error {
	if r.full {
		r.wrong = append(r.wrong, fmt.Sprintf("The report holds more than can be shown, so only the first %d findings are.", r.Limit))
	}
	if r.refused > 0 {
		r.wrong = append(r.wrong, fmt.Sprintf("Findings of the report outside the repository's files are left out: %d.", r.refused))
	}
	if len(r.wrong) == 0 {
		return nil
	}
	return &scanners.IncompleteError{Reason: strings.Join(r.wrong, " "), Err: errors.Join(r.errs...)}
}

// bounded is a reader that returns an error after left bytes.
type bounded struct {
	r    io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("it is larger than %d MB", maxReport>>20)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
