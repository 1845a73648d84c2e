package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
)

// widest is the largest width up to which columns are aligned. A longer text shifts its own line.
const widest = 44

// Explain shows every effective value with the layer and line that it comes from, and what was refused, as text for a
// terminal, without colours.
func (p Policy) Explain() string {
	type row struct{ key, text, from string }
	var rows []row
	wide := [2]int{}
	for _, v := range p.Values() {
		text, origin := p.effective(v)
		r := row{v.Key[1:].String(), text, origin.String()}
		if origin.File == "" && origin.Layer == "" {
			r.from = "guardrails"
		}
		if p.refuses(v.Key) {
			r.from += ", see refused"
		}
		rows = append(rows, r)
		for i, s := range []string{r.key, r.text} {
			if n := utf8.RuneCountInString(s); n <= widest {
				wide[i] = max(wide[i], n)
			}
		}
	}
	var b strings.Builder
	section := ""
	for i, v := range p.Values() {
		if v.Key[0] != section {
			if section != "" {
				b.WriteByte('\n')
			}
			section = v.Key[0]
			b.WriteString(section + "\n")
		}
		fmt.Fprintf(&b, "  %-*s  %-*s  %s\n", wide[0], rows[i].key, wide[1], rows[i].text, rows[i].from)
	}
	if len(p.Refused) == 0 {
		b.WriteString("\nNothing was refused.\n")
		return b.String()
	}
	b.WriteString("\nrefused\n")
	for _, r := range p.Refused {
		fmt.Fprintf(&b, "  %s:%d:%d  %s\n      %s\n", r.Origin.File, r.Origin.Line, r.Origin.Column, r.Key, r.Because)
		if r.By != (Origin{}) {
			fmt.Fprintf(&b, "      by the guardrail of %s:%d\n", r.By.File, r.By.Line)
		}
	}
	return b.String()
}

func (p Policy) refuses(k Key) bool {
	return slices.ContainsFunc(p.Refused, func(r Refusal) bool { return slices.Equal(r.Key, k) })
}

// effective returns a value after the guardrails, and the origin of that.
func (p Policy) effective(v Value) (string, Origin) {
	k := v.Key
	if k[0] == "paths" && len(k) > 2 {
		k = k[2:]
	}
	switch {
	case k[0] == "gates" && k[2] == "mode":
		g := p.Guardrails.Gates[scanners.Gate(k[1])]
		m, _ := v.Data.(Mode)
		switch {
		case m >= g.Mode:
		case g.Severity <= defaultGate.Severity:
			return g.Mode.String(), p.values[Key{"guardrails", "gates", k[1], "at_least"}.id()].Origin
		default:
			return fmt.Sprintf("%s; %s from %s on", m, g.Mode, g.Severity), v.Origin
		}
	case k[0] == "rules" && k[2] == "mode":
		return strings.Join(append([]string{v.Text()}, p.louder(k[1], v.Data.(Mode))...), "; "), v.Origin
	case k[0] == "scanners" && p.off[k[1]] && p.requires(k[1]):
		return "true", p.values[Key{"guardrails", "scanners", "required"}.id()].Origin
	case k[0] == "paths" && v.Origin.Layer == Repository:
		parts := []Text{}
		for _, s := range p.Ignore {
			parts = append(parts, Text{S: s})
		}
		return Value{Key: v.Key, Data: parts}.Text(), v.Origin
	case len(v.Key) == 3 && v.Key[1] == "ignore" && v.Key[2] == "broadest" && v.Data != p.Guardrails.Broadest:
		return string(p.Guardrails.Broadest), Origin{} // other guardrails make it so
	}
	return v.Text(), v.Origin
}

// louder lists the cases in which the guardrails make findings of a rule louder than its mode m.
func (p Policy) louder(rule string, m Mode) (where []string) {
	for _, gate := range scanners.Gates() {
		g := p.Guardrails.Gates[gate]
		if m >= g.Mode {
			continue
		}
		s := fmt.Sprintf("%s in %s", g.Mode, gate)
		if g.Severity > defaultGate.Severity {
			s += fmt.Sprintf(" from %s on", g.Severity)
		}
		where = append(where, s)
	}
	meets := func(other string) bool { return overlaps(other, rule) }
	if m < Comment && slices.ContainsFunc(p.Guardrails.Enforce, func(e Enforced) bool { return meets(e.Rule) }) {
		where = append(where, Comment.String()+" where enforced")
	}
	if m < Observe && slices.ContainsFunc(p.Guardrails.Required, func(scanner string) bool { return meets(scanner + "/**") }) {
		where = append(where, Observe.String()+" where required")
	}
	return where
}
