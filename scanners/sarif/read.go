package sarif

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/jsonstream"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
)

// ReadOptions say how to read. The zero value takes what the document says of itself.
type ReadOptions struct {
	// Root is the absolute folder under which the tool saw the tree. Absolute paths and
	// file:// addresses are taken only below it.
	Root string

	// Content gives a file of the tree, see [untrusted.Content]. With it findings are inside
	// files that exist, columns are characters whatever the tool counts, the identity of a
	// finding is the text of its lines, and fixes are read. Without it columns are left out
	// where they cannot be known, and so are fixes; the identity of a finding on lines is empty,
	// for the caller to fill in.
	Content func(path string) (content []byte, ok bool)

	// Columns is what the tool counts columns in, whatever the document says: oxlint says
	// characters and counts bytes. Unless it is set, the document is believed; where that says
	// nothing, columns are left out on lines on which it would make a difference, because tools
	// do not know that the standard then has UTF-16.
	Columns *untrusted.Unit

	// Secrets tells that the tool looks for secrets. Then no message, no fix and no step of it
	// is taken over, only what it says of its rules. For single rules it is found out by
	// itself, from their weakness and their names.
	Secrets bool

	// Severity, if set, may answer for a rule; not ok takes what the document says. Level is
	// error, warning, note or none, security a number up to 10; empty and 0 where nothing is said.
	Severity func(rule, level string, security float64) (s scanners.Severity, ok bool)

	// Limit is how many results are read, 10 000 unless set. With more, the run is incomplete.
	Limit int
}

// A Run is what one tool did, by its own word.
type Run struct {
	Tool, Version string

	// Category tells apart several analyses of one tool, such as of several languages (§3.17.3). It
	// is the id of the run without its last part, which names the single run.
	Category string

	// Findings are the results that say that something is wrong, in the order of the document.
	// Those that a comment in the code suppresses are among them, since a change must not judge
	// itself: what was suppressed at the base is found there too, and is not new.
	Findings []scanners.Finding

	// InSource are the indexes of the findings that the code itself suppresses.
	InSource []int

	// Suppressed are the results that were accepted elsewhere, such as in a baseline of the
	// operator's.
	Suppressed []scanners.Finding

	// Failed says what the tool reports of its own failure, for the operator. It may quote the
	// tree.
	Failed []string

	// Refused says which results are not told and why, at most ten of them; Dropped is how many
	// there are. They name files that are not in the tree.
	Refused []string
	Dropped int

	// NoResults tells that there is no list of results, not even an empty one. It stands for a tool
	// that did not begin to look (§3.14.23).
	NoResults bool

	// Truncated tells that there were more results than the limit.
	Truncated bool
}

// Err is nil when the run is complete: the tool says that it ran to its end, and all that it
// found is told. Else it is an [*scanners.IncompleteError].
func (r Run) Err() error {
	var reasons []string
	tool := untrusted.Quote(r.Tool)
	if len(r.Failed) > 0 {
		reasons = append(reasons, fmt.Sprintf("The tool %s says that it did not finish; the operator's log has its words.", tool))
	}
	if r.NoResults && len(r.Failed) == 0 {
		reasons = append(reasons, fmt.Sprintf("The tool %s wrote no list of results, not even an empty one, so it did not look.", tool))
	}
	if r.Truncated {
		reasons = append(reasons, fmt.Sprintf("The tool %s found more than can be shown, so only the first %d are.", tool, len(r.Findings)+len(r.Suppressed)))
	}
	if r.Dropped > 0 {
		reasons = append(reasons, fmt.Sprintf("The tool %s reported %d places that are not in files of the repository; they are left out.", tool, r.Dropped))
	}
	if len(reasons) == 0 {
		return nil
	}
	var errs []error
	for _, s := range append(r.Failed, r.Refused...) {
		errs = append(errs, errors.New(s))
	}
	return &scanners.IncompleteError{Reason: strings.Join(reasons, " "), Err: errors.Join(errs...)}
}

const (
	defaultLimit = 10_000

	// maxKept bounds what is held in memory until a run is at its end, in bytes.
	maxKept = 64 << 20

	// maxRuns is more than any tool writes; GitHub takes 20.
	maxRuns = 1000
)

// Read reads a SARIF 2.1.0 document, however long it is: it holds one result at a time and
// what it makes of it. Rules, files and taxonomies may stand behind the results that speak of
// them.
//
// With an error, an [*scanners.IncompleteError] that says in one sentence what is wrong with
// the document and where, the runs hold what was read before.
func Read(r io.Reader, o ReadOptions) ([]Run, error) {
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	d := document{options: o, tree: untrusted.Tree{Root: o.Root, Content: o.Content}}
	err := d.read(r)
	if err != nil {
		err = &scanners.IncompleteError{Reason: "The SARIF document cannot be used: " + err.Error() + "."}
	}
	return d.runs, err
}

type document struct {
	*jsonstream.Stream
	options ReadOptions
	tree    untrusted.Tree
	runs    []Run
	results int // of all runs
	version string
}

func (d *document) read(r io.Reader) (err error) {
	if d.Stream, err = jsonstream.New(r); err != nil {
		return err
	}
	listed := false
	err = d.Object(func(key string) error {
		switch key {
		case "version":
			if err := d.Decode(&d.version); err != nil {
				return err
			}
			return d.checkVersion()
		case "runs":
			listed, err = d.List(func(i int) error {
				if i >= maxRuns {
					return d.Wrong(fmt.Sprintf("is one run more than the %d that are read", maxRuns))
				}
				return d.run()
			})
			return err
		}
		return d.Skip()
	})
	switch {
	case err != nil:
		return err
	case d.version == "":
		return jsonstream.InvalidError(`it has no "version", so it is not SARIF 2.1.0`)
	case !listed:
		return jsonstream.InvalidError("it has no list of runs, so it does not say that any tool looked") // §3.13.4
	}
	return d.End()
}

func (d *document) checkVersion() error {
	if d.version != "2.1.0" && !strings.HasPrefix(d.version, "2.1.0-") {
		return jsonstream.InvalidError("its version is " + untrusted.Quote(d.version) + ", and only 2.1.0 is read; have the tool write that")
	}
	return nil
}
