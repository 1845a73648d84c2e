package policy

import (
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// defaultOwner is the key of the person or team that owns what nothing else gives to somebody.
//
// An organisation's value counts, whatever a repository says: on files of a team its ceiling counts, see
// guardrails.accept.by_team, so a repository must not choose another team for what the organisation has given to one.
// Where the organisation has none, the repository's counts. It gives no more than a line "*" at the top of CODEOWNERS,
// which is in the repository as well.
var defaultOwner = Key{"ownership", "default"}

var securityTeam = Key{"ownership", "security"}

func isDefaultOwner(k Key) bool { return slices.Equal(k, defaultOwner) }

// ownerPattern matches a person or a team as GitHub names them.
const ownerPattern = `^@[A-Za-z0-9][A-Za-z0-9_-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99})?$`

func readDefaultOwner(r *reader, v strictyaml.Value) (any, bool) {
	s, ok := r.Text(v, "default", `"@acme/platform"`)
	if ok && !ownership.IsOwner(s) {
		r.Problem(v.Place, "%s is not a person or a team; write it like @acme/platform", strictyaml.Quote(s))
		return nil, false
	}
	return s, ok
}

// owner sets the field of a value of ownership.
func (p *Policy) owner(v Value) {
	switch v.Key[1] {
	case "security":
		p.Security = plain(v.Data)
	case "default":
		p.DefaultOwner = v.Data.(string)
	default:
		p.Champions = plain(v.Data)
	}
}

// advises is why the security team is no default.
const advises = "the security team advises, and owns nothing by default; name a team that can change the code"

// listed returns the element of a list that names an owner.
func listed(list any, owner any) (Text, bool) {
	texts, _ := list.([]Text)
	name, _ := owner.(string)
	i := slices.IndexFunc(texts, func(t Text) bool { return strings.EqualFold(t.S, name) })
	if i < 0 {
		return Text{}, false
	}
	return texts[i], true
}

// checkDefaultOwner reports a file whose default is its security team.
func (r *reader) checkDefaultOwner() {
	values := map[string]Value{}
	for _, v := range r.values {
		values[v.Key.id()] = v
	}
	v := values[defaultOwner.id()]
	if _, ok := listed(values[securityTeam.id()].Data, v.Data); ok {
		r.Problem(strictyaml.Place{Line: v.Origin.Line, Column: v.Origin.Column}, "%s is the security team here: %s", strictyaml.Quote(v.Data.(string)), advises)
	}
}

// guardDefaultOwner refuses the security team as the owner of everything else: it would be asked about all that nobody
// wants. theirs are the values of the organisation, whose security team a repository cannot rename. taken is the value of
// a repository, if the organisation has one.
func (p *Policy) guardDefaultOwner(theirs map[string]Value, taken Value) {
	v := p.values[defaultOwner.id()]
	if taken.Data != nil && taken.Data != v.Data {
		p.refuse(taken, "the organisation says who owns what nobody else owns", v.Origin)
	}
	for _, security := range []Value{theirs[securityTeam.id()], p.values[securityTeam.id()]} {
		if t, ok := listed(security.Data, v.Data); ok {
			p.refuse(v, advises, t.At)
			delete(p.values, defaultOwner.id())
			return
		}
	}
}
