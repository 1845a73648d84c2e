// Package policy reads .secbydesign.yml: which gates run on a pull request, how loudly they report, and what they
// ignore. It is pure: its input is the content of the files, the organisation's and the repository's at the base of the
// pull request, and it reports every mistake in them at its place.
//
// From the bottom up: package strictyaml parses YAML without trusting it and reports mistakes, parse.go reads one file.
// keys.go is the table of all keys, table.go makes the decoder and the schema from it. layer.go merges layers and keeps
// where each value came from, guard.go applies the guardrails of an organisation, policy.go decides about a finding,
// surprise.go decides when an organisation's rule may fail a check, noise.go what the noise meter may do, campaign.go has campaigns, explain.go shows the policy to people.
package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/scanners"
)

// File is the policy's path in a repository.
const File = ".secbydesign.yml"

// A Mode is how loudly a gate or a rule reports. Each mode includes the milder ones.
type Mode int

// The modes, from the mildest. Observe counts findings and shows them to the operator, Comment also shows them on the
// pull request, Block also fails the check.
const (
	Off Mode = iota
	Observe
	Comment
	Block
)

var modes = []string{"off", "observe", "comment", "block"}

// String returns the word used in .secbydesign.yml.
func (m Mode) String() string {
	if m < Off || m > Block {
		return fmt.Sprintf("mode(%d)", int(m))
	}
	return modes[m]
}

// MarshalText returns the word of [Mode.String].
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText accepts one of the four words, in lower case.
func (m *Mode) UnmarshalText(b []byte) error {
	for i, w := range modes {
		if w == string(b) {
			*m = Mode(i)
			return nil
		}
	}
	return fmt.Errorf("unknown mode %q, want one of off, observe, comment, block", b)
}

// A Policy is the effective policy of one repository. The zero value is not useful: use [Default] or [Merge]. A policy
// must not be changed once several goroutines use it.
type Policy struct {
	// Gates holds the decisions about gates; a gate that is absent is treated as in [Default].
	Gates map[scanners.Gate]GatePolicy

	// Scanners holds false for scanners that must not run. A scanner that is absent runs.
	Scanners map[string]bool

	// Rules are sorted by how exact their patterns are, the most exact last. Of those that match, the last one counts.
	Rules []RulePolicy

	// Sections are parts of the tree with their own decisions, the most exact one last.
	Sections []Section `json:",omitempty"`

	// Ignore holds doublestar globs of whole paths, relative to the root.
	Ignore []string

	// Vendored holds the globs that count while no file sets paths.ignore: code of others, which package managers and
	// minifiers write. Secrets are looked for there all the same, since they have to be revoked wherever they are.
	Vendored []string `json:",omitempty"`

	// CommentLimit is how many inline comments a pull request may carry; 0 is none.
	CommentLimit int

	Champions []string `json:",omitempty"`
	Security  []string `json:",omitempty"` // the security team

	// DefaultOwner, "@person" or "@org/team", owns the files that nothing else gives to somebody; empty for nobody.
	DefaultOwner string `json:",omitempty"`

	// Controls are names of protective controls that the team has written itself, by kind. OwnHosts are host names of its
	// own (a leading "*." stands for any sub-domain), which are no third party. PavedRoads maps a topic of design
	// questions to what the organisation offers for it, in plain text.
	Controls   map[string][]string `json:",omitempty"`
	OwnHosts   []string            `json:",omitempty"`
	PavedRoads map[string]string   `json:",omitempty"`

	Pin       []string   `json:",omitempty"` // globs of rules that the noise meter leaves alone here
	Digests   []Digest   `json:",omitempty"` // by the names of the teams, see [Policy.Digest]
	Campaigns []Campaign `json:",omitempty"` // the organisation's first

	Budget     Budget
	Guardrails Guardrails

	// Refused lists the values of layers that do not count, in the order of their places.
	Refused []Refusal `json:",omitempty"`

	values map[string]Value // by the id of their key
	off    map[string]bool  // scanners that only the repository switched off
}

// A GatePolicy is the decision about a gate.
type GatePolicy struct {
	Mode     Mode
	Severity scanners.Severity // milder findings are only observed
}

// A RulePolicy is the decision about the rules whose name "scanner/rule" matches the pattern, a doublestar glob: "*"
// stops at a slash, "**" does not.
type RulePolicy struct {
	Pattern string
	Mode    Mode
	Reason  string // as written, one line or several; may be empty
}

// A Section is a part of the tree with its own decisions. Where it sets nothing, the rest of the policy holds.
type Section struct {
	Pattern    string // a doublestar glob of whole paths
	Modes      map[scanners.Gate]Mode
	Severities map[scanners.Gate]scanners.Severity
	Rules      []RulePolicy // in the order of [Policy.Rules]
}

// A Budget limits the time of reviews and scans.
type Budget struct{ First, Scanner time.Duration }

var defaultGate = GatePolicy{Mode: Comment, Severity: scanners.Low}

// Default is the policy without any file: every gate comments on findings above a note, with at most ten inline
// comments.
func Default() Policy { return Merge(Layer{}, Layer{}) }

// A Decision is the mode for a finding, with the key that sets it.
type Decision struct {
	Mode   Mode
	Key    Key
	Origin Origin
}

// Mode returns the mode of [Policy.Decide].
func (p Policy) Mode(gate scanners.Gate, scanner, rule string, sev scanners.Severity, path string) Mode {
	return p.Decide(gate, scanner, rule, sev, path).Mode
}

// Decide returns how loudly to report a finding. A gate or scanner that is off stays off. A rule that the file names
// has the mode that is set there, whatever the severity of the finding: a named rule is meant. All others have the mode
// of the gate, or at most Observe below the gate's severity. The most exact section for the path takes precedence over
// the rest of the policy. A note never blocks. Guardrails come last and can only make it louder.
func (p Policy) Decide(gate scanners.Gate, scanner, rule string, sev scanners.Severity, path string) Decision {
	mode, key := p.chosen(gate, scanner, rule, sev, path)
	if p.Wants(scanner, gate) {
		if floor, by := p.floor(gate, scanner, rule, sev); floor > mode {
			mode, key = floor, by
		}
	} else {
		mode = Off
	}
	return Decision{mode, key, p.values[key.id()].Origin}
}

// chosen returns the decision without guardrails.
func (p Policy) chosen(gate scanners.Gate, scanner, rule string, sev scanners.Severity, path string) (Mode, Key) {
	key := Key{"gates", string(gate), "mode"}
	if enabled, named := p.Scanners[scanner]; named && !enabled && !p.holds(scanner, gate) {
		return Off, Key{"scanners", scanner, "enabled"}
	}
	sections := slices.DeleteFunc(slices.Clone(p.Sections), func(s Section) bool {
		return !doublestar.MatchUnvalidated(s.Pattern, path)
	})
	g := p.Gate(gate)
	severityKey := Key{"gates", string(gate), "severity"}
	for _, s := range sections {
		if m, ok := s.Modes[gate]; ok {
			g.Mode, key = m, Key{"paths", s.Pattern, "gates", string(gate), "mode"}
		}
		if least, ok := s.Severities[gate]; ok {
			g.Severity, severityKey = least, Key{"paths", s.Pattern, "gates", string(gate), "severity"}
		}
	}
	mode := g.Mode
	if mode == Off {
		return Off, key
	}
	if sev < g.Severity && mode > Observe {
		mode, key = Observe, severityKey
	}
	if r, ok := match(p.Rules, scanner, rule); ok {
		mode, key = r.Mode, Key{"rules", r.Pattern, "mode"}
	}
	for _, s := range sections {
		if r, ok := match(s.Rules, scanner, rule); ok {
			mode, key = r.Mode, Key{"paths", s.Pattern, "rules", r.Pattern, "mode"}
		}
	}
	if sev == scanners.Note {
		mode = min(mode, Comment)
	}
	return mode, key
}

// RuleProblem says, in one sentence without a full stop, why a text is not a "scanner/rule" or a glob of it. It returns
// "" if it is one. If the names of scanners are given, any other scanner is a problem.
func RuleProblem(rule string, known ...string) string {
	r := &reader{scanners: known}
	if r.ruleName(strictyaml.Place{}, rule) {
		return ""
	}
	return r.Problems[0].Message
}

// RuleMatches reports whether a rule matches a glob that has no [RuleProblem].
func RuleMatches(glob, scanner, rule string) bool {
	return doublestar.MatchUnvalidated(glob, scanner+"/"+rule)
}

// NamesRule reports whether a glob of "scanner/rule" names rules, rather than all rules of a scanner.
func NamesRule(glob string) bool {
	return !slices.ContainsFunc(alternatives(glob), func(s string) bool {
		return !slices.ContainsFunc(segments(s)[1:], segment.speaks)
	})
}

// PathMatches reports whether a path matches the pattern of a [Section].
func PathMatches(pattern, path string) bool { return doublestar.MatchUnvalidated(pattern, path) }

// match returns the last of the rules that matches, if there is one.
func match(rules []RulePolicy, scanner, rule string) (r RulePolicy, ok bool) {
	for i := len(rules) - 1; i >= 0; i-- {
		if doublestar.MatchUnvalidated(rules[i].Pattern, scanner+"/"+rule) {
			return rules[i], true
		}
	}
	return RulePolicy{}, false
}

// Wants reports whether the scanner, which works for the gate, should run at all.
func (p Policy) Wants(scanner string, gate scanners.Gate) bool {
	if p.requires(scanner) {
		return true
	}
	if enabled, named := p.Scanners[scanner]; named && !enabled && !p.holds(scanner, gate) {
		return false
	}
	if p.Gate(gate).Mode != Off || p.Guardrails.Gates[gate].Mode != Off || p.Enforces(scanner) {
		return true
	}
	return slices.ContainsFunc(p.Sections, func(s Section) bool { return s.Modes[gate] != Off })
}

// MayBlock reports whether the policy lets findings of a scanner of the gate fail the check, and returns the key of a
// line that does. within reports whether the scanner may find something in the paths of a pattern; a nil within means
// that it always may.
func (p Policy) MayBlock(gate scanners.Gate, scanner string, within func(pattern string) bool) (key Key, ok bool) {
	if !p.Wants(scanner, gate) {
		return nil, false
	}
	g := p.Gate(gate)
	if g.Mode == Block {
		return Key{"gates", string(gate), "mode"}, true
	}
	on := g.Mode != Off
	var sections []Section
	for _, s := range p.Sections {
		if within != nil && !within(s.Pattern) {
			continue
		}
		sections = append(sections, s)
		mode, named := s.Modes[gate]
		if mode == Block {
			return Key{"paths", s.Pattern, "gates", string(gate), "mode"}, true
		}
		on = on || named && mode != Off
	}
	if !on {
		return nil, false
	}
	for _, r := range p.Rules {
		if r.Mode == Block && overlaps(r.Pattern, scanner+"/**") {
			return Key{"rules", r.Pattern, "mode"}, true
		}
	}
	for _, s := range sections {
		for _, r := range s.Rules {
			if r.Mode == Block && overlaps(r.Pattern, scanner+"/**") {
				return Key{"paths", s.Pattern, "rules", r.Pattern, "mode"}, true
			}
		}
	}
	return nil, false
}

// Ignored reports whether the policy ignores this file (slash separated, relative to the root), for some gates at least.
func (p Policy) Ignored(path string) bool {
	return (matches(p.Ignore, path) || matches(p.Vendored, path)) && !matches(p.Guardrails.Never, path)
}

// PlainIgnores returns the patterns of the repository's paths.ignore that have no wildcard.
func (p Policy) PlainIgnores() (plain []Text) {
	v := p.values[Key{"paths", "ignore"}.id()]
	list, _ := v.Data.([]Text)
	for _, t := range list {
		if v.Origin.Layer == Repository && !strings.ContainsAny(t.S, `*?[]{}\`) {
			plain = append(plain, t)
		}
	}
	return plain
}

// FolderProblems returns a problem for each of some patterns, which are plain names of folders.
func FolderProblems(folders []Text) (list strictyaml.Problems) {
	for _, f := range folders {
		list = append(list, strictyaml.Problem{
			File: f.At.File, Line: f.At.Line, Column: f.At.Column,
			Message: fmt.Sprintf("write %s to match all that is in the folder", strictyaml.Quote(f.S+"/**")),
		})
	}
	return list
}

// Skips reports whether the policy ignores findings of a gate in this file.
func (p Policy) Skips(gate scanners.Gate, path string) bool {
	return p.Ignored(path) && (gate != scanners.Secrets || matches(p.Ignore, path))
}

// SkipsAll reports whether the policy ignores this file for every gate.
func (p Policy) SkipsAll(path string) bool { return p.Skips(scanners.Secrets, path) }

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, path) })
}

// Gate returns the decision about a gate, or the default.
func (p Policy) Gate(g scanners.Gate) GatePolicy {
	if decided, ok := p.Gates[g]; ok {
		return decided
	}
	return defaultGate
}
