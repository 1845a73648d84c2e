package policy

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/scanners"
)

// The layers, from the bottom. A layer changes single keys of the layers below it; a list is one key.
const (
	Defaults     = "defaults"
	Organisation = "organisation"
	Repository   = "repository"
)

// A Layer holds the values that one file sets. The zero value sets nothing.
type Layer struct{ values []Value }

// A Value is the value of one key.
type Value struct {
	Key    Key
	Data   any // Mode, scanners.Severity, bool, int, float64, string, time.Duration, time.Time, Breadth or []Text
	Origin Origin
}

// Text returns the value in the form in which a file would have it.
func (v Value) Text() string {
	switch d := v.Data.(type) {
	case []Text:
		parts := make([]string, len(d))
		for i, t := range d {
			parts[i] = `"` + strictyaml.Printable(t.S, 60) + `"`
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case time.Time:
		return d.Format(time.DateOnly)
	case time.Duration:
		s := strings.TrimSuffix(d.String(), "m0s")
		if s != d.String() {
			s += "m"
		}
		if trimmed := strings.TrimSuffix(s, "h0m"); trimmed != s {
			s = trimmed + "h"
		}
		return s
	case string:
		if v.Key[len(v.Key)-1] == "reason" || strings.ContainsAny(d, "*?[]{}:#@ \n") {
			return `"` + strictyaml.Printable(d, 60) + `"`
		}
		return strictyaml.Printable(d, 60)
	}
	return fmt.Sprint(v.Data)
}

// A Refusal is a value of a layer that does not count, and the reason: one plain sentence without a full stop.
type Refusal struct {
	Key     Key
	Origin  Origin // of the refused value
	Because string
	By      Origin // of the guardrail; zero if there is none
}

// String returns "file:line:column: key: why".
func (r Refusal) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s: %s", r.Origin.File, r.Origin.Line, r.Origin.Column, r.Key, r.Because)
	if r.By != (Origin{}) {
		s += " (" + r.By.String() + ")"
	}
	return s
}

// vendored is the default of paths.ignore. Each pattern matches what a program writes and nobody edits: a folder that is
// called vendor somewhere in the tree, or third_party, may hold the repository's own code.
var vendored = []string{
	"vendor/**",
	"**/vendor/*.[a-z][a-z]*/*/**", // modules of Go, by their host
	"**/vendor/bundle/**",          // Bundler
	"**/{node_modules,bower_components,site-packages}/**",
	"**/.yarn/{cache,releases,plugins,sdks,unplugged}/**",
	"**/*.min.{js,css}",
	"**/*.{js,css}.map",
}

// defaults is the layer below all files.
func defaults() (list []Value) {
	say := func(data any, key ...string) {
		list = append(list, Value{Key: key, Data: data, Origin: Origin{Layer: Defaults}})
	}
	for _, g := range scanners.Gates() {
		say(defaultGate.Mode, "gates", string(g), "mode")
		say(defaultGate.Severity, "gates", string(g), "severity")
	}
	var ignore []Text
	for _, pattern := range vendored {
		ignore = append(ignore, Text{pattern, Origin{Layer: Defaults}})
	}
	say(ignore, "paths", "ignore")
	say(10, "comments", "limit")
	say(time.Minute, "budget", "first")
	say(5*time.Minute, "budget", "scanner")
	say(All, "guardrails", "ignore", "broadest")
	accept := ownership.Default()
	say(accept.Default.MaxSeverity, "guardrails", "accept", "default", "max_severity")
	say(accept.Default.MaxDays, "guardrails", "accept", "default", "max_days")
	say(accept.Default.ReasonMin, "guardrails", "accept", "default", "reason_min")
	for s, q := range accept.Above {
		say(q.People, "guardrails", "accept", "above", s.String(), "people")
		say(q.From, "guardrails", "accept", "above", s.String(), "from")
		say(q.MaxDays, "guardrails", "accept", "above", s.String(), "max_days")
		say(q.Distinct, "guardrails", "accept", "above", s.String(), "distinct")
		say(q.AuthorCounts, "guardrails", "accept", "above", s.String(), "author_counts")
	}
	say(accept.MaxRenewals, "guardrails", "accept", "max_renewals")
	never := []Text{}
	for _, rule := range accept.Never {
		never = append(never, Text{rule, Origin{Layer: Defaults}})
	}
	say(never, "guardrails", "accept", "never")
	say(reasonOptional, "guardrails", "accept", "reason_class")
	say(accept.Agents.SelfAccept, "guardrails", "agents", "self_accept")
	say(accept.Agents.People, "guardrails", "agents", "people")
	say([]Text{}, "guardrails", "agents", "list")
	say(20, "guardrails", "no_surprise", "min_prs_shown")
	say(30, "guardrails", "no_surprise", "min_days")
	say(0.05, "guardrails", "no_surprise", "max_not_useful")
	say(14, "guardrails", "no_surprise", "grace_days")
	return list
}

// Merge merges the layers, key by key: the repository takes precedence over the organisation, and the organisation over
// the defaults, as far as the guardrails of the organisation allow. Values that they do not allow are in
// [Policy.Refused].
func Merge(organisation, repository Layer) Policy {
	p := Policy{values: map[string]Value{}}
	for _, v := range defaults() {
		p.values[v.Key.id()] = v
	}
	theirs := map[string]Value{}
	for _, v := range organisation.values {
		v = v.in(Organisation)
		if v.Data == Block {
			p.refuse(v, "an organisation makes a check fail only by `enforce`; this counts as comment", Origin{})
			v.Data = Comment
		}
		p.values[v.Key.id()] = v
		theirs[v.Key.id()] = v
	}
	said, taken := false, Value{}
	for _, v := range repository.values {
		v = apart(organisation.values, v.in(Repository))
		if v.Key[0] == "guardrails" {
			if !said {
				p.refuse(Value{Key: v.Key[:1], Origin: v.Origin}, "guardrails count only in the file of the organisation", Origin{})
			}
			said = true
			continue
		}
		if _, ok := theirs[v.Key.id()]; ok && isDefaultOwner(v.Key) {
			taken = v
			continue
		}
		if below, ok := theirs[v.Key.id()]; ok && united(v.Key) {
			v.Data = union(below.Data.([]Text), v.Data.([]Text))
		}
		p.values[v.Key.id()] = v
	}
	p.guardDefaultOwner(theirs, taken)
	p.guardDigests(theirs)
	p.compile()
	// Those whom the organisation names stay out of the approvals, whatever the repository names.
	if security, ok := theirs[Key{"ownership", "security"}.id()]; ok {
		p.Guardrails.Accept.Security = plain(security.Data)
	}
	for name, enabled := range p.Scanners {
		org, ok := theirs[Key{"scanners", name, "enabled"}.id()]
		if !enabled && (!ok || org.Data == true) {
			p.off[name] = true
		}
	}
	p.guard()
	slices.SortStableFunc(p.Refused, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(a.Origin.Layer, b.Origin.Layer), cmp.Compare(a.Origin.Line, b.Origin.Line), cmp.Compare(a.Origin.Column, b.Origin.Column))
	})
	return p
}

// in returns the value as one of the layer.
func (v Value) in(layer string) Value {
	v.Origin.Layer = layer
	if list, ok := v.Data.([]Text); ok {
		list = slices.Clone(list)
		for i := range list {
			list[i].At.Layer = layer
		}
		v.Data = list
	}
	return v
}

func (p *Policy) refuse(v Value, because string, by Origin) {
	p.Refused = append(p.Refused, Refusal{Key: v.Key, Origin: v.Origin, Because: because, By: by})
}

// Values lists every effective value in the order of the file's sections.
func (p Policy) Values() []Value {
	sections := []string{"gates", "scanners", "rules", "paths", "comments", "ownership", "budget", "controls", "own_hosts", "paved_roads", "noise", "digest", "campaigns", "guardrails"}
	list := slices.DeleteFunc(slices.Collect(maps.Values(p.values)), func(v Value) bool { return v.Key[0] == "version" })
	slices.SortFunc(list, func(a, b Value) int {
		return cmp.Or(cmp.Compare(slices.Index(sections, a.Key[0]), slices.Index(sections, b.Key[0])), compareKeys(a.Key, b.Key))
	})
	return list
}

// Origin returns where the effective value of a key comes from; zero for a key without a value.
func (p Policy) Origin(k Key) Origin { return p.values[k.id()].Origin }

// compile sets the fields of the policy from its values.
func (p *Policy) compile() {
	p.Gates, p.Scanners, p.off = map[scanners.Gate]GatePolicy{}, map[string]bool{}, map[string]bool{}
	p.Guardrails.compile(p.values)
	rules := map[string]map[string]RulePolicy{} // by section
	sections := map[string]*Section{}
	rule := func(section, pattern, field string, data any) {
		if rules[section] == nil {
			rules[section] = map[string]RulePolicy{}
		}
		r := rules[section][pattern]
		r.Pattern = pattern
		set(&r.Mode, data, field == "mode")
		set(&r.Reason, data, field == "reason")
		rules[section][pattern] = r
	}
	for _, v := range p.values {
		k := v.Key
		switch k[0] {
		case "gates":
			g := p.Gate(scanners.Gate(k[1]))
			set(&g.Mode, v.Data, k[2] == "mode")
			set(&g.Severity, v.Data, k[2] == "severity")
			p.Gates[scanners.Gate(k[1])] = g
		case "scanners":
			p.Scanners[k[1]] = v.Data.(bool)
		case "rules":
			rule("", k[1], k[2], v.Data)
		case "paths":
			if len(k) == 2 {
				if v.Origin.Layer == Defaults {
					p.Vendored = plain(v.Data)
				} else {
					p.Ignore = plain(v.Data)
				}
				continue
			}
			s := sections[k[1]]
			if s == nil {
				s = &Section{Pattern: k[1], Modes: map[scanners.Gate]Mode{}, Severities: map[scanners.Gate]scanners.Severity{}}
				sections[k[1]] = s
			}
			switch gate := scanners.Gate(k[3]); {
			case k[2] == "rules":
				rule(k[1], k[3], k[4], v.Data)
			case k[4] == "mode":
				s.Modes[gate] = v.Data.(Mode)
			default:
				s.Severities[gate] = v.Data.(scanners.Severity)
			}
		case "comments":
			p.CommentLimit = v.Data.(int)
		case "ownership":
			p.owner(v)
		case "noise":
			p.Pin = plain(v.Data)
		case "budget":
			set(&p.Budget.First, v.Data, k[1] == "first")
			set(&p.Budget.Scanner, v.Data, k[1] == "scanner")
		case "digest":
			p.addDigest(v)
		default:
			p.designWord(v)
		}
	}
	p.compileCampaigns()
	p.Rules = inOrder(rules[""])
	for pattern, s := range sections {
		s.Rules = inOrder(rules[pattern])
		p.Sections = append(p.Sections, *s)
	}
	slices.SortFunc(p.Sections, func(a, b Section) int { return byExactness(a.Pattern, b.Pattern) })
}

// set assigns data to a field if yes is true.
func set[T any](to *T, data any, yes bool) {
	if yes {
		*to = data.(T)
	}
}

func plain(data any) (out []string) {
	for _, t := range data.([]Text) {
		out = append(out, t.S)
	}
	return out
}

// inOrder sorts rules by how exact their patterns are, since the order of keys in a file has no meaning in YAML.
func inOrder(rules map[string]RulePolicy) []RulePolicy {
	list := slices.Collect(maps.Values(rules))
	slices.SortFunc(list, func(a, b RulePolicy) int { return byExactness(a.Pattern, b.Pattern) })
	return list
}

// byExactness sorts the more exact pattern last: one without wildcards is more exact, then the one with more letters.
func byExactness(a, b string) int {
	exact := func(s string) int {
		if strings.ContainsAny(s, `*?[{`) {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(exact(a), exact(b)), cmp.Compare(letters(a), letters(b)), cmp.Compare(a, b))
}

// letters counts the characters of a pattern that stand for themselves.
func letters(pattern string) (n int) {
	class := false
	for _, c := range pattern {
		switch c {
		case '[':
			class = true
		case ']':
			class = false
		case '*', '?', '{', '}', ',', '\\':
		default:
			if !class {
				n++
			}
		}
	}
	return n
}

// Equal reports whether two policies decide the same.
func (p Policy) Equal(q Policy) bool {
	p.values, q.values = nil, nil
	return reflect.DeepEqual(p, q)
}
