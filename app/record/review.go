package record

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// Version is the version of [Review]. It increases when the meaning of a field changes; adding fields does not
// increase it. 0 stands for data from before there was a number, and means the same as 1.
const Version = 1

// A Review is the result of one review of a pull request: what it found and showed.
type Review struct {
	Version    int               `json:"version,omitempty"`
	Verdict    checks.Verdict    `json:"verdict"`
	Conclusion checks.Conclusion `json:"conclusion"`
	Findings   []Finding         `json:"findings"`

	// Silent means that nothing of it was shown: the pull request had been merged before the review began.
	Silent bool `json:"silent,omitempty"`

	// Context is nil in data from older versions of this program.
	Context *Context `json:"seen,omitempty"`

	// Requirements is nil in data from older versions of this program, and if nothing is new about the design.
	Requirements *Requirements `json:"requirements,omitempty"`

	// At and Head come from the event.
	At   time.Time `json:"-"`
	Head string    `json:"-"`
}

// A Finding is the result of a review for one finding.
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
	Decided     string            `json:"decided,omitempty"` // "A-…", or the place of a suppression comment in the code
	Why         string            `json:"why,omitempty"`
	Thread      string            `json:"thread,omitempty"` // fingerprint of another finding, in whose thread this one is listed
	Quiet       string            `json:"quiet,omitempty"`  // why it is quieter than the policy says: [QuietNoise], [QuietUpgrade] or empty

	// Campaigns are the ids of the campaigns that an old finding belongs to, in a file that the change touches.
	Campaigns []string `json:"campaigns,omitempty"`

	// The fields below are for a rehearsal, and set only for new findings. CWE and Owners are also set for findings that
	// the change removes.
	EndLine int               `json:"end_line,omitempty"`
	CWE     string            `json:"cwe,omitempty"`
	Package string            `json:"package,omitempty"`
	Aliases []string          `json:"aliases,omitempty"`
	Purl    string            `json:"purl,omitempty"` // of the vulnerable package, see [scanners.Finding]
	Commit  string            `json:"commit,omitempty"`
	Extents []scanners.Extent `json:"extents,omitempty"`
	Adds    bool              `json:"adds,omitempty"`   // the change adds one of its lines
	Place   bool              `json:"place,omitempty"`  // the diff has a line for a comment on it
	Owners  []string          `json:"owners,omitempty"` // at the base

	// OwnedBy is the line that says whose the finding is, or that nobody's it is: plain text. Unowned means that nobody
	// owns it. If it is false and there are no owners, they are not known, or an older version recorded the finding; see
	// [Review.Unowned].
	OwnedBy string `json:"owned_by,omitempty"`
	Unowned bool   `json:"unowned,omitempty"`
}

// A Context holds what is needed, besides the findings, to judge the change by another policy without scanning it
// again.
type Context struct {
	Base     string    `json:"base"` // the merge base
	Into     string    `json:"into"` // the branch into which it would be merged; empty in data from older versions
	Draft    bool      `json:"draft,omitempty"`
	NotRun   bool      `json:"not_run,omitempty"` // there was nothing to scan
	Scanners []Scanner `json:"scanners"`          // all scanners of the program, in their order

	// Hidden are new findings that the policy hides completely, or that were merged into another finding.
	Hidden []Finding `json:"hidden,omitempty"`

	// Ignored lists changed files that the policy ignores, at most [MaxIgnored] of the IgnoredFiles.
	Ignored      []string `json:"ignored,omitempty"`
	IgnoredFiles int      `json:"ignored_files,omitempty"`

	NoOwners bool `json:"no_owners,omitempty"` // who owns what could not be read

	// Owners own the changed files, each once, sorted, at most [MaxIgnored] of them; nil in data from older versions.
	Owners []string `json:"owners,omitempty"`

	// Waited is how many milliseconds after the webhook about the head its result was shown; 0 if that is not known.
	Waited int64 `json:"waited,omitempty"`
}

// MaxIgnored bounds the number of ignored files that are stored for a change.
const MaxIgnored = 50

// A Scanner records the part of one scanner in a review.
type Scanner struct {
	Name  string        `json:"name"`
	Gate  scanners.Gate `json:"gate"`
	State ScannerState  `json:"state"`

	// Version is that of the scanner, without its database of advisories and an operator's own rules. It is empty if
	// the scanner did not run, and in data from older versions.
	Version string `json:"version,omitempty"`
}

// A ScannerState is the state in which a scanner ended; its values are those of the stored JSON.
type ScannerState string

// The states.
const (
	Ran        ScannerState = "looked"
	Idle       ScannerState = "idle" // it had nothing to scan in the change
	Unfinished ScannerState = "unfinished"
	Missing    ScannerState = "missing" // its program is not installed
	Off        ScannerState = "off"
)

// ReadReview parses the data of an event of the kind [Finished].
func ReadReview(id int64, at time.Time, head string, data []byte) (Review, error) {
	r := Review{At: at, Head: head}
	if err := json.Unmarshal(data, &r); err != nil {
		return Review{}, fmt.Errorf("read the review of event %d: %w", id, err)
	}
	if r.Version > Version {
		return Review{}, fmt.Errorf("read the review of event %d: its format version is %d, and this program reads up to %d: use the version of the server", id, r.Version, Version)
	}
	return r, nil
}

// Unowned reports whether nobody owns a new finding of the review. It is false if that is not known.
func (r Review) Unowned(f Finding) bool {
	return f.Unowned || f.State == scanners.New && len(f.Owners) == 0 && r.Context != nil && !r.Context.NoOwners
}

// ID returns the short id that people write.
func (f Finding) ID() string { return scanners.ID(f.Fingerprint) }

// AcceptedInCode reports whether the decision on the finding is a comment in the code, and not a person's
// command.
func (f Finding) AcceptedInCode() bool { return strings.Contains(f.Decided, ":") }

// Spot returns the place of the finding for display: "path:line", or only the path.
func (f Finding) Spot() string {
	if f.Line == 0 {
		return f.Path
	}
	return fmt.Sprintf("%s:%d", f.Path, f.Line)
}

// IDsOfThread returns the short ids of the findings that a thread lists, beginning with the thread's own finding.
func (r Review) IDsOfThread(thread string) []string {
	ids := []string{scanners.ID(thread)}
	for _, f := range r.Findings {
		if f.Thread == thread && f.State == scanners.New {
			ids = append(ids, f.ID())
		}
	}
	return ids
}

// Find returns the new finding with a short id in this pull request.
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

// Awaits reports whether a decision from another pull request may apply to one of the findings without a
// decision. In the next review, [decision.Rule] decides whether it does.
func (r Review) Awaits(d decision.Decision) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return f.State == scanners.New && f.Decided == "" && f.Rule == d.Rule && f.Fingerprint == d.Fingerprint && f.Path == d.Path
	})
}

// Open lists the findings that are new, shown, and have no decision, in the order of [checks.WorstFirst].
func (r Review) Open() []Finding {
	open := slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool {
		return f.State != scanners.New || !f.Shown || f.Decided != ""
	})
	slices.SortStableFunc(open, func(a, b Finding) int {
		blocks := func(f Finding) int {
			if f.Block {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(blocks(a), blocks(b)), cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	return open
}

// A Past holds all reviews of one pull request.
type Past struct {
	RepoID      int64  // 0 if only the name is known
	Owner, Repo string // its current name
	Number      int
	Reviews     []Review // the oldest first; at least one
}
