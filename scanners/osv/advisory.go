package osv

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/google/osv-scalibr/semantic"
	gocvss20 "github.com/pandatix/go-cvss/20"
	gocvss30 "github.com/pandatix/go-cvss/30"
	gocvss31 "github.com/pandatix/go-cvss/31"
	gocvss40 "github.com/pandatix/go-cvss/40"

	"github.com/secbydesign/secbydesign/scanners"
)

// An advisory holds the fields of an OSV record (https://ossf.github.io/osv-schema/) that this
// package uses. It is shared between scans and must not be changed.
type advisory struct {
	ID        string     `json:"id"`
	Withdrawn string     `json:"withdrawn"`
	Aliases   []string   `json:"aliases"`
	Summary   string     `json:"summary"`
	Details   string     `json:"details"`
	Severity  []score    `json:"severity"`
	Affected  []affected `json:"affected"`
	// The schema lets each database put anything here.
	DatabaseSpecific json.RawMessage `json:"database_specific"`
}

type affected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
	} `json:"package"`
	Ranges   []span   `json:"ranges"`
	Versions []string `json:"versions"`
	Severity []score  `json:"severity"`

	// GitHub writes a range that no version ends yet here as well, with the newest affected version it knows.
	DatabaseSpecific lastKnown `json:"database_specific"`
}

// lastKnown is a range such as "<= 1.2.3", or empty.
type lastKnown string

// UnmarshalJSON reads the one field of an object of which the schema lets each database put anything into.
func (l *lastKnown) UnmarshalJSON(text []byte) error {
	var object struct {
		Range string `json:"last_known_affected_version_range"`
	}
	if json.Unmarshal(text, &object) == nil {
		*l = lastKnown(object.Range)
	}
	return nil
}

// ends reports whether the version is above the range.
func (l lastKnown) ends(v semantic.Version) bool {
	rest, below := strings.CutPrefix(strings.TrimSpace(string(l)), "<")
	if !below {
		return false
	}
	last, inclusive := strings.CutPrefix(rest, "=")
	last = strings.TrimSpace(last)
	if last == "" || strings.ContainsAny(last, " ,<>=") {
		return false
	}
	order, err := v.CompareStr(last)
	return err == nil && (order > 0 || order == 0 && !inclusive)
}

type span struct {
	Type   string  `json:"type"`
	Events []event `json:"events"`
}

type event struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
	Limit        string `json:"limit"`
}

type score struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

// maxDetails is how many bytes of an advisory's text are kept; only its first sentence is shown.
const maxDetails = 500

func parseAdvisory(text []byte) (*advisory, error) {
	a := &advisory{}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, err
	}
	if a.ID == "" {
		return nil, errors.New("an advisory without an id")
	}
	a.Details = strings.Clone(cut(a.Details, maxDetails))
	return a, nil
}

// cut returns at most the first n bytes of s, without a partial character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

func (a *advisory) malicious() bool { return strings.HasPrefix(a.ID, "MAL-") }

// names returns the id and all aliases.
func (a *advisory) names() []string { return append([]string{a.ID}, a.Aliases...) }

// about returns the parts of the advisory that are about the package.
func (a *advisory) about(p pkg) (out []affected) {
	if a.Withdrawn != "" {
		return nil
	}
	for _, one := range a.Affected {
		// "Maven:https://…" names a registry, "Debian:12" a release. The scanned file names
		// neither, so the advisory applies to all of them.
		ecosystem, _, _ := strings.Cut(one.Package.Ecosystem, ":")
		if ecosystem == p.ecosystem && canonical(ecosystem, one.Package.Name) == p.name {
			out = append(out, one)
		}
	}
	return out
}

// affects reports whether the package's version is affected.
//
// osv-scalibr has a matcher, too, but it reports a package without a version as affected, stops at
// the first range of commits, sorts the shared advisory in place, panics on odd versions and does
// not support GitHub Actions. So only a test uses it, for comparison.
func (a *advisory) affects(p pkg) bool {
	parts := a.about(p)
	if p.version == "" {
		// Any version may get installed, so the package counts only if all versions are malicious.
		return a.malicious() && slices.ContainsFunc(parts, affected.always)
	}
	return slices.ContainsFunc(parts, func(part affected) bool { return part.holds(p.ecosystem, p.version) })
}

// always reports whether every version is affected.
func (a affected) always() bool {
	return slices.ContainsFunc(a.Ranges, func(r span) bool {
		return r.comparable() && len(r.Events) == 1 && r.Events[0].Introduced == "0"
	})
}

func (a affected) holds(ecosystem, version string) bool {
	if slices.Contains(a.Versions, version) {
		return true
	}
	v, err := parseVersion(ecosystem, version)
	if err != nil {
		return a.always()
	}
	return slices.ContainsFunc(a.Ranges, func(r span) bool {
		return r.holds(ecosystem, v) && (!r.open() || !a.DatabaseSpecific.ends(v))
	})
}

// open reports whether no event ends the range.
func (r span) open() bool {
	return !slices.ContainsFunc(r.Events, func(e event) bool { return e.Introduced == "" })
}

// comparable reports whether the range is one of versions, not of commits.
func (r span) comparable() bool { return r.Type == "SEMVER" || r.Type == "ECOSYSTEM" }

// holds follows the schema's own algorithm (https://ossf.github.io/osv-schema/#evaluation).
func (r span) holds(ecosystem string, v semantic.Version) bool {
	if !r.comparable() {
		return false
	}
	// If one range ends and another begins at the same version, the end comes first.
	rank := func(e event) int {
		if e.Introduced != "" {
			return 1
		}
		return 0
	}
	events := slices.Clone(r.Events)
	slices.SortStableFunc(events, func(a, b event) int {
		return cmp.Or(compareVersions(ecosystem, a.version(), b.version()), cmp.Compare(rank(a), rank(b)))
	})
	inside, limited, below := false, false, false
	for _, e := range events {
		switch {
		case e.Introduced == "0":
			inside = true
		case e.Introduced != "":
			inside = inside || compareTo(v, e.Introduced) >= 0
		case e.Fixed != "":
			inside = inside && compareTo(v, e.Fixed) < 0
		case e.LastAffected != "":
			inside = inside && compareTo(v, e.LastAffected) <= 0
		case e.Limit != "":
			limited = true
			below = below || e.Limit == "*" || compareTo(v, e.Limit) < 0
		}
	}
	return inside && (!limited || below)
}

func (e event) version() string { return cmp.Or(e.Introduced, e.Fixed, e.LastAffected, e.Limit) }

// compareTo compares v with the version in text. A text that cannot be parsed sorts after all
// versions.
func compareTo(v semantic.Version, text string) int {
	order, err := v.CompareStr(text)
	if err != nil {
		return -1
	}
	return order
}

func compareVersions(ecosystem, a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "0":
		return -1
	case b == "0":
		return 1
	}
	v, err := parseVersion(ecosystem, a)
	if err != nil {
		return cmp.Compare(a, b)
	}
	return compareTo(v, b)
}

func parseVersion(ecosystem, version string) (semantic.Version, error) {
	if ecosystem == actions {
		ecosystem = "npm" // semantic versions, too
	}
	return semantic.Parse(version, ecosystem)
}

// fixes returns the versions of the package that fix the advisory, unsorted.
func (a *advisory) fixes(p pkg) (out []string) {
	for _, part := range a.about(p) {
		for _, r := range part.Ranges {
			if !r.comparable() {
				continue
			}
			for _, e := range r.Events {
				if e.Fixed != "" {
					out = append(out, e.Fixed)
				}
			}
		}
	}
	return out
}

// A problem is one or more advisories that are about the same thing according to their aliases.
type problem struct {
	advisories []*advisory // at least one, sorted by id
	aliases    []string    // all names, sorted
}

// group joins advisories that share a name. All advisories that call a package malicious are one
// problem, so that it is reported once.
func group(list []*advisory) (out []problem) {
	byName := map[string]*problem{}
	slices.SortFunc(list, func(a, b *advisory) int { return cmp.Compare(a.ID, b.ID) })
	for _, a := range list {
		names := a.names()
		if a.malicious() {
			names = append(names, "MAL-")
		}
		joined := &problem{advisories: []*advisory{a}, aliases: names}
		for _, name := range names {
			if other := byName[name]; other != nil && other != joined {
				joined.advisories = append(joined.advisories, other.advisories...)
				joined.aliases = append(joined.aliases, other.aliases...)
				for _, n := range other.aliases {
					byName[n] = joined
				}
			}
		}
		for _, name := range names {
			byName[name] = joined
		}
	}
	seen := map[*problem]bool{}
	for _, a := range list {
		p := byName[a.ID]
		if seen[p] {
			continue
		}
		seen[p] = true
		slices.SortFunc(p.advisories, func(a, b *advisory) int { return cmp.Compare(a.ID, b.ID) })
		p.aliases = slices.DeleteFunc(p.aliases, func(n string) bool { return n == "MAL-" || n == "" })
		slices.Sort(p.aliases)
		p.aliases = slices.Compact(p.aliases)
		out = append(out, *p)
	}
	return out
}

func (p problem) malicious() bool { return slices.ContainsFunc(p.advisories, (*advisory).malicious) }

// id returns the name used in reports: GitHub's own, which readers of pull requests know best, else
// the CVE, else the id of the first advisory. It is chosen among all names, not only among the
// advisories at hand, so that every copy of the database leads to the same choice.
func (p problem) id() string {
	for _, prefix := range []string{"GHSA-", "CVE-"} {
		for _, name := range p.aliases {
			if strings.HasPrefix(name, prefix) {
				return name
			}
		}
	}
	return p.advisories[0].ID
}

// others returns the names other than id.
func (p problem) others() []string {
	return slices.DeleteFunc(slices.Clone(p.aliases), func(n string) bool { return n == p.id() })
}

func (p problem) severity(of pkg) scanners.Severity {
	if p.malicious() {
		return scanners.Critical
	}
	worst, known := scanners.Note, false
	for _, a := range p.advisories {
		if s, ok := a.severity(of); ok {
			worst, known = max(worst, s), true
		}
	}
	if !known {
		return scanners.Medium
	}
	return worst
}

// severity uses the newest version of CVSS that the advisory has, else the severity that its
// database states.
func (a *advisory) severity(of pkg) (scanners.Severity, bool) {
	scores := slices.Clone(a.Severity)
	for _, part := range a.about(of) {
		scores = append(scores, part.Severity...)
	}
	for _, kind := range []string{"CVSS_V4", "CVSS_V3", "CVSS_V2"} {
		for _, s := range scores {
			if s.Type != kind {
				continue
			}
			if base, err := baseScore(s.Score); err == nil {
				return scanners.CVSS(base), true
			}
		}
	}
	var said struct{ Severity string }
	if json.Unmarshal(a.DatabaseSpecific, &said) != nil {
		return 0, false
	}
	switch strings.ToUpper(said.Severity) {
	case "CRITICAL":
		return scanners.Critical, true
	case "HIGH":
		return scanners.High, true
	case "MODERATE", "MEDIUM":
		return scanners.Medium, true
	case "LOW":
		return scanners.Low, true
	}
	return 0, false
}

func baseScore(vector string) (float64, error) {
	switch {
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		v, err := gocvss40.ParseVector(vector)
		if err != nil {
			return 0, err
		}
		return v.Score(), nil
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		v, err := gocvss31.ParseVector(vector)
		if err != nil {
			return 0, err
		}
		return v.BaseScore(), nil
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		v, err := gocvss30.ParseVector(vector)
		if err != nil {
			return 0, err
		}
		return v.BaseScore(), nil
	}
	v, err := gocvss20.ParseVector(vector)
	if err != nil {
		return 0, err
	}
	return v.BaseScore(), nil
}

// fixedVersion returns the smallest version that is newer than the package's and that no problem of the
// list affects, preferably of the same major version. It returns "" if no such version is known.
func fixedVersion(p pkg, list ...problem) string {
	if p.version == "" {
		return ""
	}
	var all []*advisory
	var versions []string
	for _, one := range list {
		all = append(all, one.advisories...)
		for _, a := range one.advisories {
			versions = append(versions, a.fixes(p)...)
		}
	}
	slices.SortFunc(versions, func(a, b string) int {
		return cmp.Or(compareVersions(p.ecosystem, a, b), cmp.Compare(a, b))
	})
	least := ""
	for _, v := range slices.Compact(versions) {
		after := p
		after.version = v
		if compareVersions(p.ecosystem, v, p.version) <= 0 || slices.ContainsFunc(all, func(a *advisory) bool { return a.affects(after) }) {
			continue
		}
		if major(v) == major(p.version) {
			return v
		}
		least = cmp.Or(least, v)
	}
	return least
}

func major(version string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	return first
}
