package policy

import (
	"regexp"

	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// The values of guardrails.accept.reason_class.
const (
	reasonOptional = "optional"
	reasonRequired = "required"
)

// agentKeys is guardrails.agents.
func agentKeys() *spec {
	return &spec{
		about: "Pull requests that a bot or a coding agent opened. People decide about what they bring.", name: "agents", example: "{people: 2}",
		fields: map[string]*spec{
			"self_accept": boolean("self_accept", "Whether the person who started an agent counts as one of the people who agree; false unless said."),
			"people":      integer("people", "How many people have to agree to each decision there, at least; 1 unless said.", 1, 5),
			"list":        texts("list", "[my-agent]", "Further accounts of coding agents, beside those that are known.", maxIgnore, accountText),
		},
	}
}

var (
	accountPattern = regexp.MustCompile(`^@?[A-Za-z0-9][A-Za-z0-9_-]*(\[bot\])?$`)
	accountText    = text{
		func(r *reader, at strictyaml.Place, s string) bool {
			if !accountPattern.MatchString(s) {
				r.Problem(at, "%s is not an account; write it like my-agent or my-agent[bot]", strictyaml.Quote(s))
				return false
			}
			return true
		},
		schema{"type": "string", "pattern": accountPattern.String()},
	}
)

func readReasonClass(r *reader, v strictyaml.Value) (any, bool) {
	before := len(r.Problems)
	type class string
	s := strictyaml.OneOf(&r.Reader, v, "reason_class", []class{reasonOptional, reasonRequired})
	return string(s), len(r.Problems) == before
}

// agentRules returns guardrails.agents.
func agentRules(values map[string]Value) (a ownership.Agents) {
	for _, v := range values {
		if v.Key[0] != "guardrails" || v.Key[1] != "agents" {
			continue
		}
		set(&a.SelfAccept, v.Data, v.Key[2] == "self_accept")
		set(&a.People, v.Data, v.Key[2] == "people")
		if v.Key[2] == "list" {
			a.List = plain(v.Data)
		}
	}
	return a
}
