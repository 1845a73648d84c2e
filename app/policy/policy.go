// Package policy reads .secbydesign.yml: which gates look at a pull request, how loudly
// they speak, and what they leave alone. It is pure: it is given the bytes of the files,
// that of the organisation and that of the repository at the base of the pull request, and
// it tells every mistake in them at its place.
//
// From the bottom up: problem.go is how a mistake is told, parse.go how YAML is taken apart
// without trusting it, read.go how its values are read. keys.go is the table of what may be
// written, table.go makes the decoder and the schema of it. layer.go puts layers together and
// keeps where each value came from, guard.go holds what an organisation does not let go,
// policy.go is what comes of it for a finding, surprise.go when an organisation's rule may fail
// a check, explain.go shows it to people.
package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/scanners"
)

// File is the policy's path in a repository.
const File = ".secbydesign.yml"

// A Mode is how loudly a gate or a rule speaks. Each mode includes the milder ones.
type Mode int

// The modes, from the mildest. Observe counts findings and shows them to the operator,
// Comment also to the pull request, Block also fails the check.
const (
	Off Mode = iota
	Observe
	Comment
	Block
)

var modes = []string{"off", "observe", "comment", "block"}

// String gives the word used in .secbydesign.yml.
func (m Mode) String() string {
	if m < Off || m > Block {
		return fmt.Sprintf("mode(%d)", int(m))
	}
	return modes[m]
}

// MarshalText gives the word of [Mode.String].
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText takes one of the four words, in lower case.
func (m *Mode) UnmarshalText(b []byte) error {
	for i, w := range modes {
		if w == string(b) {
			*m = Mode(i)
			return nil
		}
	}
	return fmt.Errorf("unknown mode %q, want one of off, observe, comment, block", b)
}

// A Policy is what holds for one repository. The zero value means nothing: begin with
// [Default] or [Merge]. A policy must not be changed once several goroutines use it.
type Policy struct {
	// Gates holds what was decided for a gate; a gate that is absent is treated as in
	// [Default].
	Gates map[scanners.Gate]GatePolicy

	// Scanners holds false for those that must not run. An absent one runs.
	Scanners map[string]bool

	// Rules are in the order of how exact their patterns are. Of those that match, the last
	// one counts.
	Rules []RulePolicy

	// Sections are parts of the tree with decisions of their own, the most exact one last.
	Sections []Section `json:",omitempty"`

	// Ignore holds doublestar globs of whole paths, relative to the root.
	Ignore []string

	// CommentLimit is how many inline comments a pull request may carry; 0 is none.
	CommentLimit int

	Champions  []string `json:",omitempty"`
	Budget     Budget
	Guardrails Guardrails

	// Refused is what a layer said that does not count, in the order of its places.
	Refused []Refusal `json:",omitempty"`

	values map[string]Value // by the id of their key
	off    map[string]bool  // scanners that only the repository switched off
}

// A GatePolicy is what was decided for a gate.
type GatePolicy struct {
	Mode     Mode
	Severity scanners.Severity // milder findings are observed only
}

// A RulePolicy is what was decided for the rules whose name "scanner/rule" matches the
// pattern, a doublestar glob: "*" stops at a slash, "**" does not.
type RulePolicy struct {
	Pattern string
	Mode    Mode
	Reason  string // as written, one line or several; may be empty
}

// A Section is a part of the tree with decisions of its own. What it does not say is as
// elsewhere.
type Section struct {
	Pattern    string // a doublestar glob of whole paths
	Modes      map[scanners.Gate]Mode
	Severities map[scanners.Gate]scanners.Severity
	Rules      []RulePolicy // in the order of [Policy.Rules]
}

// A Budget is how long things may take.
type Budget struct{ First, Scanner time.Duration }

var defaultGate = GatePolicy{Mode: Comment, Severity: scanners.Low}

// Default is the policy where nobody has a file: every gate comments on what is worse than a
// note, with at most ten inline comments.
func Default() Policy { return Merge(Layer{}, Layer{}) }

// A Decision is how loudly to speak of a finding, and what says so.
type Decision struct {
	Mode   Mode
	Key    Key
	Origin Origin
}

// Mode is that of [Policy.Decide].
func (p Policy) Mode(gate scanners.Gate, scanner, rule string, sev scanners.Severity, path string) Mode {
	return p.Decide(gate, scanner, rule, sev, path).Mode
}

// Decide tells how loudly to speak of a finding. A gate or scanner that is off stays off. A
// rule that is named in the file has the mode it was given there, whatever the severity:
// whoever names a rule means it. All others have the mode of the gate, or at most Observe
// below the gate's severity. What the most exact section of the path says goes before what
// is said elsewhere. A note never blocks. Guardrails come last and only make it louder.
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

// chosen is the decision without guardrails.
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

// RuleProblem tells, in one sentence without a full stop, why a text is no "scanner/rule" and no
// glob of one; empty where it is. Where the names of scanners are given, another one is a problem.
func RuleProblem(rule string, known ...string) string {
	r := &reader{scanners: known}
	if r.ruleName(strictyaml.Place{}, rule) {
		return ""
	}
	return r.Problems[0].Message
}

// RuleMatches reports whether a rule is one of a glob that has no [RuleProblem].
func RuleMatches(glob, scanner, rule string) bool {
	return doublestar.MatchUnvalidated(glob, scanner+"/"+rule)
}

// NamesRule reports whether a glob of "scanner/rule" says which rules it means, and is not for all
// of a scanner.
func NamesRule(glob string) bool {
	return !slices.ContainsFunc(alternatives(glob), func(s string) bool {
		return !slices.ContainsFunc(segments(s)[1:], segment.speaks)
	})
}

// PathMatches reports whether a path is one of the pattern of a [Section].
func PathMatches(pattern, path string) bool { return doublestar.MatchUnvalidated(pattern, path) }

// match gives the last of the rules that names one, if there is.
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

// MayBlock reports whether the policy lets something that a scanner of the gate may find fail the check,
// and names a line that says so. within reports whether it may find something in the paths of a pattern;
// nil is always.
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

// Ignored reports whether findings in this file (slash separated, relative to the root)
// are left alone.
func (p Policy) Ignored(path string) bool {
	return matches(p.Ignore, path) && !matches(p.Guardrails.Never, path)
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, path) })
}

// Gate gives what was decided for a gate, or the default.
func (p Policy) Gate(g scanners.Gate) GatePolicy {
	if decided, ok := p.Gates[g]; ok {
		return decided
	}
	return defaultGate
}
