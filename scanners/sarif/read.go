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

// ReadOptions configure [Read]. The zero value trusts the document's statements about itself.
type ReadOptions struct {
	// Root is the absolute path of the folder in which the tool scanned the tree. Absolute paths
	// and file:// URLs are accepted only below it.
	Root string

	// Content returns a file of the tree, see [untrusted.Content]. With it, findings are inside
	// files that exist, columns count characters regardless of the tool's unit, the identity of a
	// finding is the text of its lines, and fixes are read. Without it, fixes and columns of
	// unknown unit are left out, and the identity of a finding on lines is empty, for the caller to
	// fill in.
	Content func(path string) (content []byte, ok bool)

	// Columns is the unit of the tool's columns. It overrides the document: oxlint states
	// characters and counts bytes. If Columns is nil, the document's unit is used. If the document
	// states none, the standard's default is UTF-16, which tools do not know; so columns are left
	// out on lines on which the unit makes a difference.
	Columns *untrusted.Unit

	// Secrets says that the tool searches for secrets. Then its messages, fixes and steps are
	// ignored, and only its descriptions of rules are used. For other tools, rules about secrets
	// are recognized by their weakness and their names.
	Secrets bool

	// Severity, if set, may return the severity of a rule; if ok is false, the document's is used.
	// Level is error, warning, note, none, or "" if the document has none; security is a number up
	// to 10, or 0 if the document has none.
	Severity func(rule, level string, security float64) (s scanners.Severity, ok bool)

	// Limit is the most results to read; 0 means 10 000. If there are more, the run is incomplete.
	Limit int
}

// A Run is what one tool reports about one run.
type Run struct {
	Tool, Version string

	// Category distinguishes several analyses by one tool, such as of several languages (§3.17.3).
	// It is the id of the run without its last part, which names the single run.
	Category string

	// Findings are the results that report a problem, in the order of the document. They include
	// those that a comment in the code suppresses, since a change must not judge itself: a finding
	// that was suppressed at the base is found there too, and is not new.
	Findings []scanners.Finding

	// InSource are the indexes in Findings of those that the code itself suppresses.
	InSource []int

	// Suppressed are the results accepted elsewhere, such as in a baseline of the operator's.
	Suppressed []scanners.Finding

	// Failed holds the tool's reports of its own failure, for the operator. They may quote the
	// tree.
	Failed []string

	// Dropped is the number of results left out because they name files that are not in the tree.
	// Refused describes at most ten of them, with the reason.
	Refused []string
	Dropped int

	// NoResults says that there is no list of results, not even an empty one, which means that the
	// tool did not begin to scan (§3.14.23).
	NoResults bool

	// Truncated says that there were more results than the limit.
	Truncated bool
}

// Err returns nil if the run is complete: the tool reports that it finished, and r holds all its
// findings. Otherwise it returns an [*scanners.IncompleteError].
func (r Run) Err() error {
	var reasons []string
	tool := untrusted.Quote(r.Tool)
	if len(r.Failed) > 0 {
		reasons = append(reasons, fmt.Sprintf("The tool %s says that it did not finish; the operator's log has its words.", tool))
	}
	if r.NoResults && len(r.Failed) == 0 {
		reasons = append(reasons, fmt.Sprintf("The tool %s wrote no list of results, not even an empty one, so it did not scan.", tool))
	}
	if r.Truncated {
		reasons = append(reasons, fmt.Sprintf("The tool %s found more than can be shown, so only the first %d are.", tool, len(r.Findings)+len(r.Suppressed)))
	}
	if r.Dropped > 0 {
		reasons = append(reasons, fmt.Sprintf("Findings of the tool %s outside the repository's files are left out: %d.", tool, r.Dropped))
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

	// maxKept bounds the bytes held in memory until a run has been read.
	maxKept = 64 << 20

	// maxRuns is more than any tool writes; GitHub takes 20.
	maxRuns = 1000
)

// Read reads a SARIF 2.1.0 document of any length: it decodes one result at a time and keeps a
// bounded part of it. Rules, files and taxonomies may follow the results that refer to them.
//
// An error is an [*scanners.IncompleteError] that says in one sentence what is wrong with the
// document and where. The runs then hold what was read before it.
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
		return jsonstream.InvalidError("it has no list of runs, so no tool reported that it ran") // §3.13.4
	}
	return d.End()
}

func (d *document) checkVersion() error {
	if d.version != "2.1.0" && !strings.HasPrefix(d.version, "2.1.0-") {
		return jsonstream.InvalidError("its version is " + untrusted.Quote(d.version) + ", and only 2.1.0 is read; have the tool write that")
	}
	return nil
}
