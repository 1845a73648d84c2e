package policy

import (
	"fmt"
	"strings"

	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/scanners"
)

// AllowedBy returns the key of the guardrail that allowed a decision: that of the people above the ceiling if it needed
// them, else that of the ceiling of the person or of their team.
func (p Policy) AllowedBy(w ownership.Request, who ownership.Person, g ownership.Grant) Key {
	rules := p.Guardrails.Accept
	if g.From != "" {
		level := w.Severity
		if !w.Wrong && w.Before > rules.MaxRenewals { // as [ownership.Rules.Weigh] raises it
			level = max(level, g.Ceiling) + 1
		}
		return p.firstOf("guardrails", "accept", "above", min(level, scanners.Critical).String())
	}
	if team := rules.CeilingTeam(who); team != "" {
		for _, v := range p.values {
			if k := v.Key; len(k) == 5 && k[0] == "guardrails" && k[2] == "by_team" && strings.EqualFold(k[3], team) {
				return p.firstOf(k[:4]...)
			}
		}
	}
	return p.firstOf("guardrails", "accept", "default")
}

// firstOf returns the first of the keys in a section that some file sets, in the order in which they matter here; else
// the first that has a value.
func (p Policy) firstOf(section ...string) Key {
	var fallback Key
	for _, field := range []string{"max_severity", "people", "from", "max_days", "reason_min"} {
		k := append(append(Key{}, section...), field)
		v, ok := p.values[k.id()]
		if ok && v.Origin.Layer != Defaults {
			return k
		}
		if ok && fallback == nil {
			fallback = k
		}
	}
	if fallback == nil {
		return section
	}
	return fallback
}

// Place names the line on which the value of a key was written: "acme/.github:.secbydesign.yml:12" for a file of an
// organisation, or "defaults:" and the key for a built-in value.
func (p Policy) Place(k Key) string {
	o := p.Origin(k)
	if o.File == "" {
		return "defaults:" + k.String()
	}
	file := o.File
	if repo, ok := strings.CutSuffix(file, "/"+File); ok {
		file = repo + ":" + File
	}
	return fmt.Sprintf("%s:%d", file, o.Line)
}
