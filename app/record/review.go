package record

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// Version is that of a [Review]. It rises when a field gets another meaning; new fields alone do not
// raise it. 0 is what was written before there was a number, and means the same as 1.
const Version = 1

// A Review is what one review of a pull request found and showed.
type Review struct {
	Version    int               `json:"version,omitempty"`
	Verdict    checks.Verdict    `json:"verdict"`
	Conclusion checks.Conclusion `json:"conclusion"`
	Findings   []Finding         `json:"findings"`

	// Context is nil in what older versions of this program kept.
	Context *Context `json:"seen,omitempty"`

	// These are of the event.
	At   time.Time `json:"-"`
	Head string    `json:"-"`
}

// A Finding is what a review said of one finding.
type Finding struct {
	Fingerprint string            `json:"fingerprint"`
	Rule        string            `json:"rule"` // "scanner/rule"
	Gate        scanners.Gate     `json:"gate"`
	Title       string            `json:"title"`
	Severity    scanners.Severity `json:"severity"`
	State       scanners.State    `json:"state"`
	Path        string            `json:"path"`
	Line        int               `json:"line"` // 0 for the whole file
	Shown       bool              `json:"shown"`
	Block       bool              `json:"block"`
	Fixable     bool              `json:"fixable,omitempty"`
	HelpURL     string            `json:"help_url,omitempty"`
	Decided     string            `json:"decided,omitempty"` // "A-…", or the place of a comment in the code
	Why         string            `json:"why,omitempty"`
	Thread      string            `json:"thread,omitempty"` // fingerprint of another finding, whose thread names this one

	// These are for a rehearsal, and only of new findings.
	EndLine int               `json:"end_line,omitempty"`
	CWE     string            `json:"cwe,omitempty"`
	Package string            `json:"package,omitempty"`
	Aliases []string          `json:"aliases,omitempty"`
	Commit  string            `json:"commit,omitempty"`
	Extents []scanners.Extent `json:"extents,omitempty"`
	Adds    bool              `json:"adds,omitempty"`   // the change adds a line of it
	Place   bool              `json:"place,omitempty"`  // the diff has a place for a comment on it
	Owners  []string          `json:"owners,omitempty"` // by CODEOWNERS at the base
}

// A Context is what it takes beside the findings to judge the change by another policy, without scanning
// it again.
type Context struct {
	Base     string    `json:"base"` // the merge base
	Into     string    `json:"into"` // the branch that it would be merged into; empty in what older versions kept
	Draft    bool      `json:"draft,omitempty"`
	NotRun   bool      `json:"not_run,omitempty"` // there was nothing to scan
	Scanners []Scanner `json:"scanners"`          // all that the program had, in their order

	// Hidden are new findings that the policy hid altogether, or that were merged into another.
	Hidden []Finding `json:"hidden,omitempty"`

	// Ignored are changed files that the policy ignored, at most [MaxIgnored] of IgnoredFiles.
	Ignored      []string `json:"ignored,omitempty"`
	IgnoredFiles int      `json:"ignored_files,omitempty"`

	NoOwners bool `json:"no_owners,omitempty"` // CODEOWNERS could not be read
}

// MaxIgnored bounds what is kept of a change that the policy ignores.
const MaxIgnored = 50

// A Scanner is what one scanner did in a review.
type Scanner struct {
	Name  string        `json:"name"`
	Gate  scanners.Gate `json:"gate"`
	State ScannerState  `json:"state"`
}

// A ScannerState is how far a scanner came; the words are those of the stored JSON.
type ScannerState string

// The states.
const (
	Ran        ScannerState = "looked"
	Idle       ScannerState = "idle" // the change has nothing for it
	Unfinished ScannerState = "unfinished"
	Missing    ScannerState = "missing" // its program is not there
	Off        ScannerState = "off"
)

// ReadReview reads the data of an event of the kind [Finished].
func ReadReview(id int64, at time.Time, head string, data []byte) (Review, error) {
	r := Review{At: at, Head: head}
	if err := json.Unmarshal(data, &r); err != nil {
		return Review{}, fmt.Errorf("read the review of event %d: %w", id, err)
	}
	if r.Version > Version {
		return Review{}, fmt.Errorf("read the review of event %d: it is of version %d, and this program knows up to %d: use the version that serves", id, r.Version, Version)
	}
	return r, nil
}

// ID is the short id that people write.
func (f Finding) ID() string { return scanners.ID(f.Fingerprint) }

// AcceptedInCode reports whether a comment in the code decided about it, and no person by a command.
func (f Finding) AcceptedInCode() bool { return strings.Contains(f.Decided, ":") }

// Spot is where the finding is, for people: "path:line", or the path alone.
func (f Finding) Spot() string {
	if f.Line == 0 {
		return f.Path
	}
	return fmt.Sprintf("%s:%d", f.Path, f.Line)
}

// IDsOfThread gives the short ids of the findings that a thread names, that of its own finding first.
func (r Review) IDsOfThread(thread string) []string {
	ids := []string{scanners.ID(thread)}
	for _, f := range r.Findings {
		if f.Thread == thread && f.State == scanners.New {
			ids = append(ids, f.ID())
		}
	}
	return ids
}

// Find gives the finding with a short id, where it is new in this pull request.
func (r Review) Find(id string) (Finding, bool) {
	for _, f := range r.Findings {
		if f.State == scanners.New && f.ID() == id {
			return f, true
		}
	}
	return Finding{}, false
}

// DependsOn reports whether a decision counts for one of the findings.
func (r Review) DependsOn(decision string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Decided == decision })
}

// Awaits reports whether a decision from another pull request may count for one of the findings about
// which nothing is decided yet. Whether it does is for [decision.Rule] in the next review.
func (r Review) Awaits(d decision.Decision) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return f.State == scanners.New && f.Decided == "" && f.Rule == d.Rule && f.Fingerprint == d.Fingerprint && f.Path == d.Path
	})
}

// Open lists the findings that are new, shown, and not decided.
func (r Review) Open() []Finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool {
		return f.State != scanners.New || !f.Shown || f.Decided != ""
	})
}

// A Past is all reviews of one pull request.
type Past struct {
	RepoID      int64  // 0 where only the name is known
	Owner, Repo string // as it is called now
	Number      int
	Reviews     []Review // the oldest first; at least one
}
