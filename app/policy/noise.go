package policy

import (
	"slices"

	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/scanners"
)

// noiseWords is the key with the rules that the noise meter leaves alone. It is the same for an organisation's guardrails
// and for a repository.
func noiseWords(about string) *spec {
	return &spec{
		about: about, name: "noise", example: `{pin: ["gitleaks/*"]}`,
		fields: map[string]*spec{
			"pin": texts("pin", `["gitleaks/*"]`, "Rules, by `scanner/rule` or a glob of it, that stay as loud as the policy says however noisy they are. The organisation's count, too.", maxIgnore, pinText),
		},
	}
}

var pinText = text{func(r *reader, at strictyaml.Place, s string) bool { return r.ruleName(at, s) }, ruleSchema}

// Pinned reports whether the noise meter leaves a rule alone: the organisation or the repository pins it.
func (p Policy) Pinned(scanner, rule string) bool {
	return slices.ContainsFunc(slices.Concat(p.Guardrails.Pin, p.Pin), func(glob string) bool { return RuleMatches(glob, scanner, rule) })
}

// AtMost returns the mode of [Policy.Decide] for a finding that should not be louder than most. It stays as loud as the
// guardrails want it at least, and a pinned rule stays as loud as it is.
func (p Policy) AtMost(most Mode, gate scanners.Gate, scanner, rule string, sev scanners.Severity, path string) Mode {
	mode := p.Mode(gate, scanner, rule, sev, path)
	if mode <= most || p.Pinned(scanner, rule) {
		return mode
	}
	floor, _ := p.floor(gate, scanner, rule, sev)
	return min(mode, max(most, floor))
}
