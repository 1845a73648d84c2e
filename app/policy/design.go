package policy

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// Bounds of the words of a team. Names of controls and hosts are compared with every line of every changed file.
const (
	maxControls  = 100 // of one kind
	maxKinds     = 30
	maxHosts     = 200
	maxName      = 100 // characters of a control's name
	maxPavedRoad = 200 // characters; it is shown in a card
)

// topics are the topics of design questions. A test compares them with those of package scanners/design, which this
// package does not import.
var topics = []string{
	"control", "public", "roles", "exposure", "tenancy", "data", "authn", "token", "access", "external", "files", "secrets",
	"privilege", "dangerous", "crypto", "browser", "tls", "pipeline", "supply", "component", "exception", "design",
}

// designWords are the keys with a team's own names: they make the questions about a design fit.
func designWords() map[string]*spec {
	return map[string]*spec{
		"controls": {
			about: "Names of protective controls of the team's own in code, by their kind: authn-check, rate-limit, csrf, browser-headers, signature-check, workload-hardening, or another one. If one disappears, its change is asked about. The organisation's names count, too.",
			name:  "controls", example: `{authn-check: ["@require_login"]}`, names: kindNames, most: maxKinds,
			each: texts("the names of a control", `["@require_login"]`, "As the code has them.", maxControls, controlText),
		},
		"own_hosts": texts("own_hosts", `["*.example.com"]`, "Host names of your own, which are no third party; `*.` stands for any sub-domain. The organisation's count, too.", maxHosts, hostText),
		"paved_roads": {
			about: "What the organisation offers for a topic of design questions, shown in place of the general link.",
			name:  "paved_roads", example: `{files: "use package x/upload"}`, names: topicNames,
			each: &spec{about: "One plain sentence.", read: readPavedRoad, schema: schema{"type": "string", "maxLength": maxPavedRoad, "pattern": `^[^\n]*\S[^\n]*$`}},
		},
	}
}

var (
	kindPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	hostPattern = regexp.MustCompile(`^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$`)

	kindNames = &names{
		func(r *reader, e strictyaml.Entry) bool {
			if !kindPattern.MatchString(e.Key) {
				r.Problem(e.Place, "%s is not a kind of control; write a word in lower case such as authn-check", strictyaml.Quote(e.Key))
				return false
			}
			return true
		},
		schema{"pattern": kindPattern.String()},
	}
	topicNames = &names{
		func(r *reader, e strictyaml.Entry) bool {
			if !slices.Contains(topics, e.Key) {
				r.Unknown(e.Place, "topic", e.Key, topics)
				return false
			}
			return true
		},
		schema{"enum": words(topics)},
	}
	controlText = text{
		func(r *reader, at strictyaml.Place, s string) bool {
			n := utf8.RuneCountInString(s)
			if n < 3 || n > maxName || strings.TrimSpace(s) != s || strings.Contains(s, "\n") {
				r.Problem(at, "%s is not the name of a control; write it as the code has it, in 3 to %d characters on one line", strictyaml.Quote(s), maxName)
				return false
			}
			return true
		},
		schema{"type": "string", "minLength": 3, "maxLength": maxName, "pattern": `^\S([^\n]*\S)?$`},
	}
	hostText = text{
		func(r *reader, at strictyaml.Place, s string) bool {
			if len(s) > 253 || !hostPattern.MatchString(s) {
				r.Problem(at, "%s is not a host name; write it in lower case without a scheme or path, for example *.example.com", strictyaml.Quote(s))
				return false
			}
			return true
		},
		schema{"type": "string", "maxLength": 253, "pattern": hostPattern.String()},
	}
)

func readPavedRoad(r *reader, v strictyaml.Value) (any, bool) {
	s, ok := r.Text(v, "a paved road", `"use package x/upload"`)
	switch {
	case !ok:
		return nil, false
	case strings.TrimSpace(s) == "" || strings.Contains(s, "\n"):
		r.Problem(v.Place, "a paved road is one sentence on one line; write one or remove the key")
	case utf8.RuneCountInString(s) > maxPavedRoad:
		r.Problem(v.Place, "this paved road is longer than %d characters; make it shorter", maxPavedRoad)
	default:
		return strings.TrimSpace(s), true
	}
	return nil, false
}

// united reports whether the values of all layers count for a key, instead of the highest one only.
func united(k Key) bool { return k[0] == "controls" || k[0] == "own_hosts" || k[0] == "noise" }

// union adds the texts of a list to those of a lower layer.
func union(below, above []Text) []Text {
	out := slices.Clone(below)
	for _, t := range above {
		if !slices.ContainsFunc(out, func(have Text) bool { return have.S == t.S }) {
			out = append(out, t)
		}
	}
	return out
}

// designWord sets the field of one of the words of a team.
func (p *Policy) designWord(v Value) {
	switch v.Key[0] {
	case "controls":
		if p.Controls == nil {
			p.Controls = map[string][]string{}
		}
		p.Controls[v.Key[1]] = plain(v.Data)
	case "own_hosts":
		p.OwnHosts = plain(v.Data)
	case "paved_roads":
		if p.PavedRoads == nil {
			p.PavedRoads = map[string]string{}
		}
		p.PavedRoads[v.Key[1]] = v.Data.(string)
	}
}
