package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/scanners"
)

// Guardrails are the limits that the organisation sets. A repository can be stricter.
type Guardrails struct {
	Gates    map[scanners.Gate]GatePolicy // the mildest mode, for findings of this severity or worse
	Required []string                     // scanners that run everywhere
	Never    []string                     // globs of files that are never ignored
	Broadest Breadth                      // of the patterns in paths.ignore

	Accept     ownership.Rules
	Enforce    []Enforced
	NoSurprise NoSurprise

	Pin []string `json:",omitempty"` // globs of rules that the noise meter leaves alone
}

// An Enforced rule may make a check fail, see [Policy.Fails].
type Enforced struct {
	Rule  string // a glob of "scanner/rule"
	Since time.Time
	key   Key
}

// NoSurprise sets when a rule may begin to make checks fail.
type NoSurprise struct {
	MinPulls, MinDays, GraceDays int
	MaxNotUseful                 float64
}

// A Breadth is how much one pattern of paths.ignore may match.
type Breadth string

// All allows any pattern. Kind requires some text beside wildcards, such as **/*.md. Folder requires the whole name of
// a folder or file.
const (
	All    Breadth = "all"
	Kind   Breadth = "kind"
	Folder Breadth = "folder"
)

// compile sets the fields from the values.
func (g *Guardrails) compile(values map[string]Value) {
	g.Gates = map[scanners.Gate]GatePolicy{}
	enforce := map[int]*Enforced{}
	for _, v := range values {
		if v.Key[0] != "guardrails" {
			continue
		}
		k := v.Key[1:]
		switch k[0] {
		case "gates":
			one, ok := g.Gates[scanners.Gate(k[1])]
			if !ok {
				one.Severity = defaultGate.Severity
			}
			set(&one.Mode, v.Data, k[2] == "at_least")
			set(&one.Severity, v.Data, k[2] == "severity")
			g.Gates[scanners.Gate(k[1])] = one
		case "scanners":
			g.Required = plain(v.Data)
		case "ignore":
			if k[1] == "never" {
				g.Never = plain(v.Data)
			} else {
				g.Broadest = v.Data.(Breadth)
			}
		case "enforce":
			i, _ := strconv.Atoi(k[1]) // the decoder wrote it
			if enforce[i] == nil {
				enforce[i] = &Enforced{key: v.Key[:3]}
			}
			set(&enforce[i].Rule, v.Data, k[2] == "rule")
			set(&enforce[i].Since, v.Data, k[2] == "since")
		case "noise":
			g.Pin = plain(v.Data)
		case "no_surprise":
			set(&g.NoSurprise.MinPulls, v.Data, k[1] == "min_prs_shown")
			set(&g.NoSurprise.MinDays, v.Data, k[1] == "min_days")
			set(&g.NoSurprise.MaxNotUseful, v.Data, k[1] == "max_not_useful")
			set(&g.NoSurprise.GraceDays, v.Data, k[1] == "grace_days")
		}
	}
	g.Accept = acceptRules(values)
	g.Accept.Agents = agentRules(values)
	for _, i := range slices.Sorted(maps.Keys(enforce)) {
		g.Enforce = append(g.Enforce, *enforce[i])
	}
	// A repository that ignores everything has switched every gate off.
	if g.Broadest == All && (len(g.Gates) > 0 || len(g.Enforce) > 0 || len(g.Required) > 0) {
		g.Broadest = Kind
	}
}

// acceptRules returns guardrails.accept. For fields that a team does not set, the default counts.
func acceptRules(values map[string]Value) ownership.Rules {
	rules := ownership.Rules{ByTeam: map[string]ownership.Ceiling{}, Above: map[scanners.Severity]ownership.Quorum{}}
	teams := map[string]map[string]any{}
	for _, v := range values {
		if v.Key[0] != "guardrails" || v.Key[1] != "accept" {
			continue
		}
		switch k := v.Key[2:]; k[0] {
		case "default":
			setCeiling(&rules.Default, k[1], v.Data)
		case "by_team":
			team := strings.ToLower(k[1])
			if teams[team] == nil {
				teams[team] = map[string]any{}
			}
			teams[team][k[2]] = v.Data
		case "above":
			var s scanners.Severity
			_ = s.UnmarshalText([]byte(k[1])) // the decoder took it
			q, ok := rules.Above[s]
			if !ok {
				q = ownership.Quorum{People: 1, From: ownership.Lead, MaxDays: 30, Distinct: true}
			}
			set(&q.People, v.Data, k[2] == "people")
			set(&q.From, v.Data, k[2] == "from")
			set(&q.MaxDays, v.Data, k[2] == "max_days")
			set(&q.Distinct, v.Data, k[2] == "distinct")
			set(&q.AuthorCounts, v.Data, k[2] == "author_counts")
			rules.Above[s] = q
		case "never":
			rules.Never = plain(v.Data)
		case "reason_class":
			rules.ReasonClass = v.Data == reasonRequired
		case "max_renewals":
			rules.MaxRenewals = v.Data.(int)
		}
	}
	for team, fields := range teams {
		c := rules.Default
		for field, data := range fields {
			setCeiling(&c, field, data)
		}
		rules.ByTeam[team] = c
	}
	return rules
}

func setCeiling(c *ownership.Ceiling, field string, data any) {
	set(&c.MaxSeverity, data, field == "max_severity")
	set(&c.MaxDays, data, field == "max_days")
	set(&c.ReasonMin, data, field == "reason_min")
}

// floor returns the mildest mode that the guardrails allow for a finding, and the key that sets it.
func (p Policy) floor(gate scanners.Gate, scanner, rule string, sev scanners.Severity) (Mode, Key) {
	mode, key := Off, Key(nil)
	if g := p.Guardrails.Gates[gate]; g.Mode > mode && sev >= g.Severity {
		mode, key = g.Mode, Key{"guardrails", "gates", string(gate), "at_least"}
	}
	if mode < Observe && p.requires(scanner) {
		mode, key = Observe, Key{"guardrails", "scanners", "required"}
	}
	if e, ok := p.enforced(scanner, rule); ok && mode < Comment && sev > scanners.Note {
		mode, key = Comment, e.key.with("rule")
	}
	return mode, key
}

func (p Policy) requires(scanner string) bool { return slices.Contains(p.Guardrails.Required, scanner) }

// holds reports whether a scanner runs although the repository switched it off.
func (p Policy) holds(scanner string, gate scanners.Gate) bool {
	return p.requires(scanner) || p.off[scanner] && (p.Guardrails.Gates[gate].Mode > Off || p.Enforces(scanner))
}

// Enforces reports whether some rule of the scanner is enforced.
func (p Policy) Enforces(scanner string) bool {
	return slices.ContainsFunc(p.Guardrails.Enforce, func(e Enforced) bool {
		first, _, _ := strings.Cut(e.Rule, "/")
		return doublestar.MatchUnvalidated(first, scanner) || strings.ContainsAny(first, "{}") // a brace may hold the slash
	})
}

// enforced returns the entry for a rule; if there are several, the one that was announced first.
func (p Policy) enforced(scanner, rule string) (first Enforced, ok bool) {
	for _, e := range p.Guardrails.Enforce {
		if doublestar.MatchUnvalidated(e.Rule, scanner+"/"+rule) && (!ok || e.Since.Before(first.Since)) {
			first, ok = e, true
		}
	}
	return first, ok
}

// guard overrides the values of the repository that the guardrails do not allow, and records them as refused.
func (p *Policy) guard() {
	for _, name := range p.Guardrails.Required {
		if p.off[name] {
			p.refuse(p.values[Key{"scanners", name, "enabled"}.id()], "the organisation requires this scanner, so it runs", p.origin("guardrails", "scanners", "required"))
		}
		p.Scanners[name] = true
	}
	var guarded []string // gates
	for _, gate := range scanners.Gates() {
		if p.Guardrails.Gates[gate].Mode > Off {
			guarded = append(guarded, string(gate))
		}
	}
	for _, v := range p.Values() {
		if v.Origin.Layer != Repository {
			continue
		}
		k := v.Key
		if k[0] == "paths" && len(k) > 2 {
			k = k[2:]
		}
		switch {
		case k[0] == "gates":
			p.guardGate(v, k)
		case k[0] == "rules" && k[2] == "mode":
			p.guardRule(v, k, guarded)
		case k[0] == "scanners" && p.off[k[1]] && !p.requires(k[1]):
			p.guardScanner(v, k, guarded)
		case k[0] == "paths":
			p.guardIgnore(v)
		}
	}
}

// origin is where the organisation says a value.
func (p *Policy) origin(key ...string) Origin { return p.values[Key(key).id()].Origin }

// guardGate refuses what makes a gate milder than its guardrail, gates.k[1].
func (p *Policy) guardGate(v Value, k Key) {
	g, ok := p.Guardrails.Gates[scanners.Gate(k[1])]
	by := p.origin("guardrails", "gates", k[1], "at_least")
	if m, isMode := v.Data.(Mode); ok && isMode && m < g.Mode {
		p.refuse(v, fmt.Sprintf("%s is too mild; the organisation wants at least %s for findings of %s severity or worse", m, g.Mode, g.Severity), by)
	}
	if s, isSeverity := v.Data.(scanners.Severity); ok && isSeverity && s > g.Severity && g.Mode > Observe {
		p.refuse(v, fmt.Sprintf("the organisation wants at least %s for findings of %s severity or worse, so this does not silence them", g.Mode, g.Severity), by)
	}
}

// guardRule refuses a mode for rules, rules.k[1], that is milder than the strictest guarded gate, or that
// hides a rule the organisation enforces.
func (p *Policy) guardRule(v Value, k Key, guarded []string) {
	strictest := Off
	for _, gate := range guarded {
		strictest = max(strictest, p.Guardrails.Gates[scanners.Gate(gate)].Mode)
	}
	m := v.Data.(Mode)
	if m < strictest {
		p.refuse(v, fmt.Sprintf("the organisation sets the least mode of a gate (%s), and this is milder", strictyaml.List(guarded, "and")), p.origin("guardrails", "gates", guarded[0], "at_least"))
		return
	}
	for _, e := range p.Guardrails.Enforce {
		if m < Comment && overlaps(e.Rule, k[1]) {
			p.refuse(v, fmt.Sprintf("the organisation enforces %s, so findings of it are shown", strictyaml.Quote(e.Rule)), p.origin(e.key.with("rule")...))
			return
		}
	}
}

// guardScanner refuses to switch off the scanner k[1], where the organisation needs its findings.
func (p *Policy) guardScanner(v Value, k Key, guarded []string) {
	switch {
	case p.Enforces(k[1]):
		p.refuse(v, "the organisation enforces rules of this scanner, so it runs", Origin{})
	case len(guarded) > 0:
		p.refuse(v, fmt.Sprintf("where it works for a gate that the organisation guards (%s), it runs", strictyaml.List(guarded, "and")), p.origin("guardrails", "gates", guarded[0], "at_least"))
	}
}

// guardIgnore drops the patterns that are too broad, and records where others do not count.
func (p *Policy) guardIgnore(v Value) {
	p.Ignore = nil
	for _, t := range v.Data.([]Text) {
		one := Value{Key: v.Key, Origin: t.At}
		if tooBroad(t.S, p.Guardrails.Broadest) {
			want := "some text beside wildcards, such as **/*.md"
			if p.Guardrails.Broadest == Folder {
				want = "the whole name of a folder or file, such as vendor/**"
			}
			by := p.values[Key{"guardrails", "ignore", "broadest"}.id()].Origin
			if by.Layer == Defaults {
				by = Origin{}
			}
			p.refuse(one, fmt.Sprintf("%s is too broad and is ignored; the organisation wants %s", strictyaml.Quote(t.S), want), by)
			continue
		}
		p.Ignore = append(p.Ignore, t.S)
		for _, never := range p.Guardrails.Never {
			if overlaps(never, t.S) {
				p.refuse(one, fmt.Sprintf("%s does not count for files of %s, which are always scanned", strictyaml.Quote(t.S), strictyaml.Quote(never)), p.values[Key{"guardrails", "ignore", "never"}.id()].Origin)
			}
		}
	}
}

// tooBroad reports whether one of the alternatives of a pattern matches more than is allowed.
func tooBroad(pattern string, most Breadth) bool {
	if most == All || most == "" {
		return false
	}
	return slices.ContainsFunc(alternatives(pattern), func(s string) bool {
		return !slices.ContainsFunc(segments(s), func(n segment) bool { return n.whole() || most == Kind && n.speaks() })
	})
}

// A segment of a pattern is the part between two slashes: the text that is in everything that it matches, and whether
// there are wildcards as well.
type segment struct {
	text string
	wild bool
}

func (s segment) whole() bool { return s.text != "" && !s.wild }

// speaks reports whether the text has a letter or a digit. Dots and hyphens are in names of all kinds.
func (s segment) speaks() bool {
	return strings.ContainsFunc(s.text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// segments splits one of the alternatives of a pattern.
func segments(s string) (list []segment) {
	var one segment
	for i := 0; i < len(s); i++ {
		first := s[i]
		i = end(s, i)
		switch {
		case strings.IndexByte("*?[", first) >= 0:
			one.wild = true
		case s[i] == '/':
			list, one = append(list, one), segment{}
		default:
			one.text += s[i : i+1]
		}
	}
	return append(list, one)
}

// end returns the index of the last byte of the element that begins at i: a class, an escaped character, or any other
// character, as doublestar reads them.
func end(s string, i int) int {
	switch s[i] {
	case '\\':
		i++
	case '[':
		for i++; i < len(s) && s[i] != ']'; i++ {
			if s[i] == '\\' {
				i++
			}
		}
	}
	return min(i, len(s)-1)
}

// alternatives expands the braces of a pattern. There are few, see [maxBraces].
func alternatives(pattern string) []string {
	depth, open, from, parts := 0, 0, 0, []string{}
	for i := 0; i < len(pattern); i = end(pattern, i) + 1 {
		switch c := pattern[i]; {
		case c == '{':
			if depth++; depth == 1 {
				open, from = i, i+1
			}
		case depth == 1 && (c == ',' || c == '}'):
			parts, from = append(parts, pattern[from:i]), i+1
			if c == ',' {
				continue
			}
			var out []string
			for _, part := range parts {
				out = append(out, alternatives(pattern[:open]+part+pattern[i+1:])...)
			}
			return out
		case c == '}':
			depth--
		}
	}
	return []string{pattern}
}

// maxPairs bounds the comparison of two patterns, which are untrusted input.
const maxPairs = 400

// overlaps reports whether some path may match both globs. In doubt it does.
func overlaps(a, b string) bool {
	as, bs := alternatives(a), alternatives(b)
	if len(as)*len(bs) > maxPairs {
		return true
	}
	for _, x := range as {
		for _, y := range bs {
			if meet(strings.Split(x, "/"), strings.Split(y, "/")) {
				return true
			}
		}
	}
	return false
}

// meet compares the names of two globs from the end, each pair once.
func meet(a, b []string) bool {
	var below []bool // of i+1, by j
	for i := len(a); i >= 0; i-- {
		row := make([]bool, len(b)+1)
		for j := len(b); j >= 0; j-- {
			anyA, anyB := i < len(a) && a[i] == "**", j < len(b) && b[j] == "**"
			switch {
			case i == len(a) && j == len(b):
				row[j] = true
			case anyA || anyB:
				// ** stands for nothing, or for one more name of the other glob.
				row[j] = i < len(a) && below[j] || j < len(b) && row[j+1]
			case i < len(a) && j < len(b):
				row[j] = below[j+1] && nameMeets(a[i], b[j])
			}
		}
		below = row
	}
	return below[0]
}

// nameMeets compares one name of each glob. Two names with wildcards may always meet.
func nameMeets(x, y string) bool {
	const wild = "*?["
	switch {
	case !strings.ContainsAny(x, wild):
		return doublestar.MatchUnvalidated(y, x)
	case !strings.ContainsAny(y, wild):
		return doublestar.MatchUnvalidated(x, y)
	}
	return true
}
