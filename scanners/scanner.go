// Package scanners defines what a scanner is, what it scans and what it finds. It
// imports no other package of this module, and every package that handles findings
// imports it.
//
// A scan is a pure function of content: the same scanner, version, rules and bytes give
// the same findings. That is why a [Target] holds bytes and names, but no clock, no
// network and no place to write.
//
// A [Finding] is one problem that one scanner reports at one place. A [Result] is a
// finding with its place in the history of a pull request (SARIF 2.1.0 uses the same two
// ideas: §3.27 result, §3.27.24 baselineState). A [Run] is everything that one scanner
// did in one review.
//
// The Go API of this module carries no promise of compatibility; the commands, settings
// and formats do.
package scanners

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// A Scanner inspects source code. Its methods may be called from several goroutines at
// once.
type Scanner interface {
	// Info describes the scanner. The description never changes. Info must be cheap.
	Info() Info

	// Version returns the version that would run. An error means that the scanner is not
	// ready; its text is one sentence that says what to install.
	Version(ctx context.Context) (string, error)

	// Scan returns the problems in the target. No findings and no error means that
	// the scanner ran to its end and found nothing. A scanner that could not finish
	// returns an error, preferably an [*IncompleteError]; findings returned with it are kept.
	Scan(ctx context.Context, t Target) ([]Finding, error)
}

// An Info describes a scanner.
type Info struct {
	Name   string  // the word used in .secbydesign.yml, and the folder's name
	Gate   Gate    // the gate it works for
	Scopes []Scope // what it can scan, at least one
	About  string  // one line for the catalogue
	URL    string  // the tool's own page

	// Program names the program that it runs; empty for a scanner that is built in. Documented says
	// that the program was not available for the tests, which follow its documentation only.
	Program    string
	Documented bool

	// Files names the files that it scans (doublestar globs, relative to the root); empty for
	// every file. A change that touches none of them does not concern it.
	Files []string

	// Inputs names the files of the tree that a ScopeTree scanner has to see (doublestar globs); empty
	// for all files. The others are left out of the tree, and need not be fetched.
	Inputs []string

	// ChangedOnly says that a ScopeTree scanner scans only what the changed files touch, so that
	// its findings depend on their names too.
	ChangedOnly bool

	// Once says that the scanner reports each problem of a tree once, at the first of its places. So
	// a finding is the same problem even when that place changes.
	Once bool

	// CrossFile says that the findings of a ScopeFile scanner in one file depend on the other files
	// that it is shown.
	CrossFile bool

	// Facts says that its findings are facts about the architecture and no problems, see [Fact].
	Facts bool

	// Config names the files (doublestar globs, relative to the root) with which the tree
	// under test could configure the tool. The tool does not see them, neither at the head nor
	// at the base.
	Config []string

	// Suppressions say how the tree under test could silence the tool. They have no effect in a scan.
	Suppressions Suppressions
}

// Has reports whether the scanner supports the scope s.
func (i Info) Has(s Scope) bool {
	for _, have := range i.Scopes {
		if have == s {
			return true
		}
	}
	return false
}

// Matches reports whether the scanner scans files of this name.
func (i Info) Matches(path string) bool { return len(i.Files) == 0 || matches(i.Files, path) }

// Reads reports whether a ScopeTree scanner sees the file of this name: the scanner needs the file, and
// the file does not configure the tool.
func (i Info) Reads(path string) bool {
	return (len(i.Inputs) == 0 || matches(i.Inputs, path)) && !matches(i.Config, path)
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return doublestar.MatchUnvalidated(p, path) })
}

// A Ruled is a scanner whose findings depend on something besides its version, such as a database
// of advisories or an operator's own rules.
type Ruled interface {
	Scanner
	// Rules returns a name for the state of that: as long as the name is the same, the same
	// content gives the same findings. An error means that the scanner is not ready; its text
	// is one sentence that says what to do.
	Rules(ctx context.Context) (string, error)
}

// A Noticer is a scanner that may know too little about some files although its scan finishes.
type Noticer interface {
	Scanner
	// Notices returns sentences about the files at the head for [Run.Notices]. They depend on the files and
	// on [Ruled.Rules] only.
	Notices(ctx context.Context, files []File) []string
}

// A Preparer is a scanner whose first run on a machine is slow.
type Preparer interface {
	Scanner
	// Prepare does, once, the work that every run would otherwise have to do. It does nothing if
	// that is done already or cannot be done. The first scan does the work if Prepare did not.
	Prepare(ctx context.Context)
}

// A Gate is one kind of security requirement that an organisation checks. The names
// are those of .secbydesign.yml.
type Gate string

// The gates, in the order in which they are shown.
const (
	Secrets        Gate = "secrets"
	Code           Gate = "code"
	Dependencies   Gate = "dependencies"
	Infrastructure Gate = "infrastructure"
	Pipeline       Gate = "pipeline"
	Requirements   Gate = "requirements"
)

// Gates lists every gate in the order in which they are shown.
func Gates() []Gate {
	return []Gate{Secrets, Code, Dependencies, Infrastructure, Pipeline, Requirements}
}

// A Scope is the kind of input that a scanner needs.
type Scope string

// The scopes. File and Range targets hold bytes in memory; a Tree target is a folder.
const (
	ScopeFile  Scope = "file"  // each changed file by itself
	ScopeRange Scope = "range" // file versions that existed only between base and head, see [File.Commit]
	ScopeTree  Scope = "tree"  // the whole tree at one commit
)

// A Target is what a scanner has to scan.
type Target struct {
	Scope Scope
	Files []File // ScopeFile and ScopeRange: all of it. ScopeTree: the names of the changed files, on either side
	Dir   string // ScopeTree: absolute path of a tree that must not be written to
}

// A File is one version of one file.
type File struct {
	Path    string // slash separated, relative to the root, never leaving it
	Blob    string // git's object id of the content; empty for content that git does not know
	Content []byte // as [Decode] returns it; must not be changed

	// Commit is set for ScopeRange only: the commit (40 hex digits) of the pull request
	// that holds this version. Neither its head nor its base does.
	Commit string
}

// A Finding is one problem at one place. It never holds a secret, nor a part of a secret.
type Finding struct {
	Rule     string // the scanner's own id of the rule, without the scanner's name
	Severity Severity
	Path     string // slash separated, relative to the root

	// Lines and columns count from 1, columns in characters (Unicode code points). Line 0
	// means the whole file; column 0 means the whole line. EndLine is at least Line;
	// EndColumn is one after the last character, as in SARIF (§3.30.8).
	Line, EndLine     int
	Column, EndColumn int

	Title   string // what kind of problem, a few words, no full stop
	Message string // what is wrong here, one plain sentence
	Why     string // why that matters, one plain sentence; may be empty
	Help    string // how to fix it, plain text or our own Markdown, never Markdown from the tree
	HelpURL string // where to learn more
	CWE     string // "CWE-798", or empty

	// Identity stays the same when the finding moves: it is usually the text of the finding's
	// lines. White space in it does not count. It is never a secret: an adapter that reports
	// secrets puts at most 16 bits of digest in the secret's place, see DESIGN.md.
	Identity string

	// Extents say how far the problem goes, if another finding of the same identity can go
	// further, see [Worse]; empty if none can.
	Extents []Extent `json:",omitempty"`

	// Protection is zero for a problem. Otherwise the finding is about a setting that protects its
	// object, and is a problem only in comparison with the base, see [Protection].
	Protection Protection `json:",omitempty"`

	// Package is the name of the package that a vulnerability is in, and empty otherwise. Findings
	// about one package at one place are most often fixed together, and are shown together.
	Package string

	// Purl is the package URL of that package with its version, such as pkg:npm/lodash@4.17.20; empty if it is not known
	// (https://github.com/package-url/purl-spec).
	Purl string `json:",omitempty"`

	// Aliases are names of the same problem that all scanners share, such as advisory ids
	// (CVE-…, GHSA-…, GO-…), sorted. Two findings at one place that share a name are one problem.
	Aliases []string
	Flow    []Step // how the problem comes about, step by step; may be empty
	Fixes   []Fix  // ways to fix it, the best first; may be empty
	// Commit is set for a finding in a file version that is neither at the head nor at
	// the base: the commit (40 hex digits) that holds it.
	Commit string

	// Fact is nil for a problem. Otherwise the finding states something about the architecture, see [Fact].
	Fact *Fact `json:",omitempty"`
}

// A Protection says whether an object has a setting that protects it. A scanner that knows such
// settings reports, with one rule and one identity for the object and the setting, either Kept or Missing,
// and an ordinary finding where a line turns the setting off. The identity names the object.
//
// Missing at the head is a new problem if the base has Kept of the same rule and identity: the
// change removed the line that protected the object. In every other case neither is shown.
type Protection int

// What is known about a setting that protects its object.
const (
	Problem Protection = iota // the finding is an ordinary one
	Kept                      // a line sets it
	Missing                   // no line sets it; the finding's texts say that the protection was removed
)

// A Step is one place in the data flow that leads to a problem (SARIF 2.1.0 §3.38).
type Step struct {
	Path    string // slash separated, relative to the root
	Line    int    // from 1; 0 for the whole file
	Message string // what happens there, plain text; may be empty
}

// A Fix is one way to fix a finding (SARIF 2.1.0 §3.55). All its edits belong together.
type Fix struct {
	Title string // what it does, plain text
	Edits []Edit // in any order, not overlapping
}

// An Edit replaces one region of a file by a text (SARIF 2.1.0 §3.57).
type Edit struct {
	Path string // slash separated, relative to the root
	// Lines and columns count from 1, columns in characters; EndColumn is one after the last
	// character. Columns 0 mean whole lines, from Line to EndLine, and Text then ends with a line
	// end or is empty. An empty region at Column inserts.
	Line, EndLine     int
	Column, EndColumn int
	Text              string
}

// A Severity is how bad a finding is. The zero value is the mildest.
type Severity int

// The severities. Note is information and never fails a check by itself.
const (
	Note Severity = iota
	Low
	Medium
	High
	Critical
)

var severities = [...]string{"note", "low", "medium", "high", "critical"}

// String returns the word used in settings and reports.
func (s Severity) String() string {
	if s < Note || s > Critical {
		return fmt.Sprintf("severity(%d)", int(s))
	}
	return severities[s]
}

// MarshalText returns the word of [Severity.String].
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts one of the five words, in lower case.
func (s *Severity) UnmarshalText(b []byte) error {
	for i, w := range severities {
		if w == string(b) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("unknown severity %q, want one of note, low, medium, high, critical", b)
}

// CVSS returns the severity of a score on CVSS's own scale
// (https://www.first.org/cvss/v4.0/specification-document, 6). The scale serves for version 2 as well,
// which defines no scale.
func CVSS(score float64) Severity {
	switch {
	case score >= 9:
		return Critical
	case score >= 7:
		return High
	case score >= 4:
		return Medium
	case score > 0:
		return Low
	}
	return Note
}

// A State is how a finding at the head compares with the merge base. The words are
// SARIF's (§3.27.24).
type State string

// The states.
const (
	New       State = "new"       // at the head, not at the merge base
	Unchanged State = "unchanged" // at both
	Absent    State = "absent"    // at the merge base, not at the head: this change fixes it
)

// A Result is a finding with its place in the history of a pull request.
type Result struct {
	Finding
	Scanner     string
	Gate        Gate
	Fingerprint string // see package app/baseline; the same on every push for the same problem
	State       State
	Worse       bool // it is New because it goes further than at the merge base, see [Worse]
	Moved       bool // it is Unchanged, and was in another file or block, see package app/baseline
	// Also names the rules ("scanner/rule") of other scanners that found the same problem, sorted.
	Also []string
}

// RuleID is the name of the rule in settings and reports: "scanner/rule".
func (r Result) RuleID() string { return r.Scanner + "/" + r.Rule }

// ID is the short name that commands take: "F-" and eight base-32 characters. It is made
// from the fingerprint alone, and is as stable as the fingerprint.
func (r Result) ID() string { return ID(r.Fingerprint) }

// ID returns the short name of the finding with this fingerprint.
func ID(fingerprint string) string {
	sum := sha256.Sum256([]byte(fingerprint))
	return "F-" + base32.StdEncoding.EncodeToString(sum[:5])
}

// A Run records what one scanner did in one review.
type Run struct {
	Scanner  string
	Gate     Gate
	Version  string
	Duration time.Duration
	Scanned  int // how many files and trees it scanned; results known from earlier reviews do not count
	Results  []Result
	Idle     bool   // the change has no file of its kind, so it has nothing to scan
	Skipped  string // why it did not scan although it should have, for example because its program is missing; empty otherwise
	Err      error  // why it could not finish; show [Reason] of it, never its text

	// Notices are sentences for the readers of a report that are no failure: plain text, with names from the
	// tree quoted.
	Notices []string
}

// Complete reports whether the scanner ran to its end, or had nothing to scan.
func (r Run) Complete() bool { return r.Err == nil && r.Skipped == "" }

// A MissingError reports that a scanner's program is not on this machine. That is not a failure: a
// machine need not have every program. Hint is one sentence that says what to install.
type MissingError struct{ Hint string }

func (e *MissingError) Error() string { return e.Hint }

// An IncompleteError says why a scanner could not finish. Reason may be shown to
// anybody who can see the pull request, Err only to the operator.
type IncompleteError struct {
	Reason string // one sentence: what, where, and what to do
	Err    error  // may be nil

	// Paths names the files that could not be scanned, or not to their end, if it is known that
	// all others were scanned; empty if that is not known. A name with a slash at its end is that of a
	// folder, with all that is below it.
	Paths []string

	// Notice says that this is no failure of the scan: Reason says what this machine lacks, and what the
	// scanner did without. The run is complete, and nothing in Paths counts as fixed.
	Notice bool
}

func (e *IncompleteError) Error() string {
	if e.Err == nil {
		return e.Reason
	}
	return strings.TrimSuffix(e.Reason, ".") + ": " + e.Err.Error()
}

func (e *IncompleteError) Unwrap() error { return e.Err }

// Some lists at most n names, n being 1 or more, and how many there are besides: "a, b and 3 more". It is
// empty for no names.
func Some(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}

// Unread returns the Paths of the [IncompleteError] in err. It returns nil if err has none or they are
// not known.
func Unread(err error) []string {
	var inc *IncompleteError
	if errors.As(err, &inc) {
		return inc.Paths
	}
	return nil
}

// IsNotice reports whether err is an [IncompleteError] that is no failure.
func IsNotice(err error) bool {
	var inc *IncompleteError
	return errors.As(err, &inc) && inc.Notice
}

// Reason returns the sentence about err that people other than the operator may see. It is empty if
// err is nil.
func Reason(err error) string {
	var inc *IncompleteError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &inc):
		return inc.Reason
	case errors.Is(err, context.DeadlineExceeded):
		return "It ran out of time."
	default:
		return "It stopped unexpectedly; the operator's log says why."
	}
}
