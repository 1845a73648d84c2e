package policy

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/scanners"
)

const (
	// maxCommentLimit keeps a pull request readable; the rest is in the summary.
	maxCommentLimit = 50

	maxReason = 500 // characters; it is shown beside the finding

	maxIgnore = 200 // globs, each of which is compared with every path of every pull request

	// These are compared with every finding.
	maxSections = 50
	maxRules    = 500
)

// table defines everything that a policy file may contain. The decoder ([reader.walk]) and the schema ([Schema]) are
// made from it, so both have every key.
//
// It does not change once it is made.
var table = file()

func file() *spec {
	gates := &spec{
		about: "How loudly each gate speaks.", name: "gates", example: "`code: {mode: comment}`", names: gateNames,
		each: &spec{
			example: "{mode: comment}",
			fields: map[string]*spec{
				"mode":     mode("How loudly the gate speaks: off < observe < comment < block."),
				"severity": severity("Milder findings are only observed."),
			},
		},
	}
	rules := &spec{
		about: "What to do with single rules, by `scanner/rule` or a glob of it. Of those that match, the most exact one counts.",
		name:  "rules", example: "`gosec/G404: {mode: observe}`", names: ruleNames, most: maxRules,
		each: &spec{
			name: "a rule", example: `{mode: observe, reason: "why"}`,
			fields: map[string]*spec{"mode": mode("How loudly the rule speaks, whatever the severity."), "reason": reason()},
			needs:  []need{{"mode", "say what to do with this rule, for example `mode: observe`"}},
		},
	}
	design := designWords()
	return &spec{
		name: "the file", example: "`version: 1`",
		needs: []need{{"version", ""}}, // reported at the first line
		fields: map[string]*spec{
			"version": {about: "Of this format.", read: readVersion, schema: schema{"const": 1}},
			"gates":   gates,
			"scanners": {
				about: "Which scanners run. One that is not named does.", name: "scanners", example: "`semgrep: {enabled: true}`", names: scannerNames,
				each: &spec{
					name: "a scanner", example: "{enabled: true}",
					fields: map[string]*spec{"enabled": boolean("enabled", "Whether it runs. Said to be true, a missing program makes the verdict incomplete.")},
					needs:  []need{{"enabled", "say `enabled: true` or `enabled: false` for this scanner"}},
				},
			},
			"rules": rules,
			"paths": {
				about: "Ignored files, and sections with settings of their own.", name: "paths", example: `{ignore: ["vendor/**"]}`,
				fields: map[string]*spec{"ignore": texts("ignore", `["vendor/**"]`, "Files whose findings are ignored: globs of whole paths. While no file sets it, vendored and minified code is scanned for secrets only; an empty list has every gate scan it.", maxIgnore, globText)},
				names:  sectionNames, most: maxSections,
				each: &spec{
					name: "a section", example: "{gates: {code: {mode: block}}}",
					fields: map[string]*spec{"gates": gates, "rules": rules},
				},
			},
			"comments": {
				about: "On pull requests.", name: "comments", example: "{limit: 10}",
				fields: map[string]*spec{"limit": integer("limit", "How many inline comments a pull request may carry; the worst come first.", 0, maxCommentLimit)},
			},
			"ownership": {
				about: "Who looks after security here.", name: "ownership", example: `{champions: ["@acme/champions"]}`,
				fields: map[string]*spec{
					"champions": texts("champions", `["@acme/champions"]`, "People and teams that are asked first.", maxIgnore, ownerText),
					"default":   {about: "The person or team that owns what no component of the threat model, no catalog-info.yaml and no line of CODEOWNERS gives to somebody. Never the security team. If the organisation's file has one, it counts.", read: readDefaultOwner, schema: schema{"type": "string", "pattern": ownerPattern}},
					"security":  texts("security", `["@acme/security"]`, "The security team: it is asked for advice with /secbydesign ask security, and approves nothing: its members count as owners of a file alone.", maxIgnore, ownerText),
				},
			},
			"budget": {
				about: "Of time.", name: "budget", example: "{first: 60s, scanner: 5m}",
				fields: map[string]*spec{
					"first":   duration("first", "How long a pull request waits for slow scanners before it shows what the others found."),
					"scanner": duration("scanner", "How long one scanner may look."),
				},
			},
			"controls":    design["controls"],
			"own_hosts":   design["own_hosts"],
			"paved_roads": design["paved_roads"],
			"noise":       noiseWords("What the noise meter leaves alone here."),
			"digest":      digests(),
			"campaigns":   campaigns(),
			"guardrails":  guardrails(),
		},
	}
}

// guardrails belong to the organisation's file.
func guardrails() *spec {
	ceiling := map[string]*spec{
		"max_severity": severity("Up to which a person decides alone."),
		"max_days":     integer("max_days", "For how many days.", 1, 3650),
		"reason_min":   integer("reason_min", "How many characters the reason has at least.", 0, maxReason),
	}
	return &spec{
		about: "Limits that no repository can loosen. They count in the organisation's file only.",
		name:  "guardrails", example: "{gates: {secrets: {at_least: comment}}}",
		fields: map[string]*spec{
			"gates": {
				about: "How loudly a gate speaks at least.", name: "gates", example: "{secrets: {at_least: comment}}", names: gateNames,
				each: &spec{
					example: "{at_least: comment}",
					fields: map[string]*spec{
						"at_least": {
							about: "The mildest mode that a repository may choose. Only `enforce` lets an organisation make a check fail.",
							read:  readAtLeast, schema: schema{"enum": []any{"off", "observe", "comment"}},
						},
						"severity": severity("Milder findings are the repository's to decide; low unless said."),
					},
					needs: []need{{"at_least", "say how loudly this gate speaks at least, for example `at_least: comment`"}},
				},
			},
			"scanners": {
				about: "Which scanners run everywhere.", name: "scanners", example: "{required: [gitleaks]}",
				fields: map[string]*spec{"required": texts("required", "[gitleaks]", "Scanners that no repository switches off. Where one cannot run, the verdict is incomplete.", maxIgnore, scannerText)},
			},
			"ignore": {
				about: "What a repository may leave alone.", name: "ignore", example: `{never: ["src/**"]}`,
				fields: map[string]*spec{
					"never": texts("never", `["src/**"]`, "Files that no pattern of a repository leaves alone.", maxIgnore, globText),
					"broadest": {
						about: "How much one pattern may match: all; kind, which needs some text beside wildcards, such as **/*.md; folder, which needs the whole name of a folder or file.",
						read:  readBreadth, schema: schema{"enum": []any{"all", "kind", "folder"}},
					},
				},
			},
			"accept": {
				about: "Who may accept what.", name: "accept", example: "{default: {max_severity: medium}}",
				fields: map[string]*spec{
					"default": {about: "Of everybody who may write.", name: "default", example: "{max_severity: medium, max_days: 90}", fields: ceiling},
					"by_team": {
						about: "Limits for the members of a team on files that the team owns, in place of the default: higher or lower. For missing values the default counts.", name: "by_team", example: `{"@acme/payments": {max_severity: high}}`, names: teamNames,
						each: &spec{name: "a team", example: "{max_severity: high, max_days: 60}", fields: ceiling},
					},
					"above": {
						about: "Above the ceiling.", name: "above", example: "{high: {people: 1, from: lead, max_days: 30}}", names: severityNames,
						each: &spec{
							name: "a severity", example: "{people: 1, from: lead, max_days: 30}",
							fields: map[string]*spec{
								"people":   integer("people", "How many.", 1, 5),
								"from":     {about: "Who counts: lead or owner.", read: readFrom, schema: schema{"enum": []any{ownership.Lead, ownership.Owner}}},
								"max_days": ceiling["max_days"],

								"distinct":      boolean("distinct", "Whether nobody counts twice; true unless said."),
								"author_counts": boolean("author_counts", "Whether the author of the pull request may be one of them; false unless said."),
							},
						},
					},
					"max_renewals": integer("max_renewals", "How often one finding can be accepted again. After that, those who decide one severity higher have to accept it.", 0, 100),

					"never": texts("never", "[malicious-package]", "Rules that take no acceptance.", maxIgnore, globText),

					"reason_class": {
						about: "Whether accept and defer need a class of the reason, such as reason=technical: optional or required.",
						read:  readReasonClass, schema: schema{"enum": []any{reasonOptional, reasonRequired}},
					},
				},
			},
			"agents": agentKeys(),
			"enforce": {
				about: "The only rules that an organisation may make fail a check, under the no-surprise rule.",
				list: &spec{
					name: "an entry of enforce", example: `{rule: "gitleaks/*", since: 2026-09-01}`,
					fields: map[string]*spec{
						"rule":  {about: "A glob of `scanner/rule`.", read: readRule, schema: ruleSchema},
						"since": {about: "The day it was announced.", read: readDay("since", "2026-09-01"), schema: daySchema},
					},
					needs: []need{{"rule", "say which `rule` may make a check fail"}, {"since", "say `since` when, for example `since: 2026-09-01`"}},
				},
				name: "enforce", example: "a list of rules",
			},
			"noise": noiseWords("What the noise meter leaves alone in all repositories."),
			"no_surprise": {
				about: "When a rule may begin to fail checks.", name: "no_surprise", example: "{min_prs_shown: 20, min_days: 30}",
				fields: map[string]*spec{
					"min_prs_shown":  integer("min_prs_shown", "In how many pull requests of the organisation it was shown before.", 1, 100_000),
					"min_days":       integer("min_days", "Or for how many days in this repository.", 1, 3650),
					"max_not_useful": {about: "At which share of not-useful answers, at most.", read: readShare, schema: schema{"type": "number", "minimum": 0, "maximum": 1}},
					"grace_days":     integer("grace_days", "How many days after `since` it begins.", 0, 3650),
				},
			},
		},
	}
}

func readVersion(r *reader, v strictyaml.Value) (any, bool) {
	before := len(r.Problems)
	r.saidVersion = true
	r.Version(v)
	return 1, len(r.Problems) == before
}

// The functions that follow make entries of the table.

func mode(about string) *spec {
	return &spec{about: about, schema: schema{"enum": words(modes)}, read: func(r *reader, v strictyaml.Value) (any, bool) {
		before := len(r.Problems)
		var m Mode
		r.mode(v, &m)
		return m, len(r.Problems) == before
	}}
}

func severity(about string) *spec {
	return &spec{about: about, schema: schema{"enum": words(severities())}, read: func(r *reader, v strictyaml.Value) (any, bool) {
		before := len(r.Problems)
		var s scanners.Severity
		r.severity(v, &s)
		return s, len(r.Problems) == before
	}}
}

func integer(name, about string, least, most int) *spec {
	return &spec{about: about, schema: schema{"type": "integer", "minimum": least, "maximum": most}, read: func(r *reader, v strictyaml.Value) (any, bool) {
		before := len(r.Problems)
		i := r.Integer(v, name, least, most)
		return i, len(r.Problems) == before
	}}
}

func boolean(name, about string) *spec {
	return &spec{about: about, schema: schema{"type": "boolean"}, read: func(r *reader, v strictyaml.Value) (any, bool) {
		before := len(r.Problems)
		b := r.Boolean(v, name)
		return b, len(r.Problems) == before
	}}
}

func reason() *spec {
	return &spec{
		about: "Why; it is shown beside the finding.", schema: schema{"type": "string", "maxLength": maxReason, "pattern": `\S`},
		read: func(r *reader, v strictyaml.Value) (any, bool) {
			before := len(r.Problems)
			s := r.reason(v)
			return s, len(r.Problems) == before
		},
	}
}

// durationPattern matches 10s, since no scan gets far in less, to 8m: a review may take 10.
var durationPattern = regexp.MustCompile(`^([1-9][0-9]s|[1-4][0-9]{2}s|[1-8]m)$`)

func duration(name, about string) *spec {
	return &spec{about: about, schema: schema{"type": "string", "pattern": durationPattern.String()}, read: func(r *reader, v strictyaml.Value) (any, bool) {
		s, ok := r.Text(v, name, "60s")
		if !ok {
			return nil, false
		}
		d, err := time.ParseDuration(s)
		if err != nil || !durationPattern.MatchString(s) {
			r.Problem(v.Place, "%s must be a time from 10s to 8m such as 60s, not %s", name, strictyaml.Quote(s))
			return nil, false
		}
		return d, true
	}}
}

// A Text is one element of a list, with its place.
type Text struct {
	S  string
	At Origin
}

// texts is the entry of a list of texts that pass a check.
func texts(name, example, about string, most int, check text) *spec {
	return &spec{
		about: about, schema: schema{"type": "array", "maxItems": most, "items": check.schema},
		read: func(r *reader, v strictyaml.Value) (any, bool) {
			before := len(r.Problems)
			list := []Text{}
			r.Texts(v, name, example, func(at strictyaml.Place, s string) {
				if !check.check(r, at, s) {
					return
				}
				if list = append(list, Text{s, r.origin(at)}); len(list) == most+1 {
					r.Problem(at, "there are more than %d patterns; let fewer match more", most)
				}
			})
			return list, len(r.Problems) == before
		},
	}
}

// A text is a check of one text, and as much of it as a schema can express.
type text struct {
	check  func(r *reader, at strictyaml.Place, s string) bool
	schema schema
}

var (
	globText  = text{func(r *reader, at strictyaml.Place, s string) bool { return r.Glob(at, s) }, globSchema}
	ownerText = text{
		func(r *reader, at strictyaml.Place, s string) bool {
			if !strings.HasPrefix(s, "@") || len(s) < 2 {
				r.Problem(at, "%s is not a person or a team; write it like @acme/champions", strictyaml.Quote(s))
				return false
			}
			return true
		},
		schema{"type": "string", "pattern": `^@[\s\S]`},
	}
	scannerText = text{
		func(r *reader, at strictyaml.Place, s string) bool {
			before := len(r.Problems)
			if s == "" {
				r.Problem(at, "the name of a scanner is empty; remove it")
			} else {
				r.scannerName(at, s)
			}
			return len(r.Problems) == before
		},
		schema{"type": "string", "minLength": 1},
	}
)

// globSchema expresses as much of [reader.glob] as a pattern can: only the decoder sees brackets that are not closed.
var globSchema = schema{
	"type": "string", "minLength": 1, "maxLength": strictyaml.MaxGlob,
	"not": schema{"anyOf": []any{
		schema{"pattern": `^[!/]|^\./|/$|(^|/)\.\.?(/|$)`},
		schema{"pattern": `(\{[\s\S]*){4}`},
		schema{"allOf": []any{schema{"pattern": `\{`}, schema{"pattern": `(,[\s\S]*){31}`}}},
	}},
}

var ruleSchema = schema{"allOf": []any{globSchema, schema{"pattern": `/`}}}

func readRule(r *reader, v strictyaml.Value) (any, bool) {
	s, ok := r.Text(v, "rule", "gitleaks/*")
	return s, ok && r.ruleName(v.Place, s)
}

func readAtLeast(r *reader, v strictyaml.Value) (any, bool) {
	before := len(r.Problems)
	var m Mode
	if r.mode(v, &m); len(r.Problems) == before && m == Block {
		r.Problem(v.Place, "an organisation makes a check fail only by `enforce`; write `at_least: comment` here")
	}
	return m, len(r.Problems) == before
}

func readBreadth(r *reader, v strictyaml.Value) (any, bool) {
	before := len(r.Problems)
	b := strictyaml.OneOf(&r.Reader, v, "broadest", []Breadth{All, Kind, Folder})
	return b, len(r.Problems) == before
}

func readFrom(r *reader, v strictyaml.Value) (any, bool) {
	before := len(r.Problems)
	type from string
	s := strictyaml.OneOf(&r.Reader, v, "from", []from{ownership.Lead, ownership.Owner})
	return string(s), len(r.Problems) == before
}

func readShare(r *reader, v strictyaml.Value) (any, bool) {
	var share float64
	switch {
	case v.Is(strictyaml.Float):
		share = v.Node.Float
	case v.Is(strictyaml.Integer):
		share = float64(v.Node.Int)
	default:
		r.Problem(v.Place, "max_not_useful must be a share from 0 to 1%s", v.Instead())
		return nil, false
	}
	if !(share >= 0 && share <= 1) {
		r.Problem(v.Place, "max_not_useful must be from 0 to 1, not %s", strictyaml.Printable(v.Node.Text, 40))
		return nil, false
	}
	return share, true
}

// names are the keys of a mapping whose keys are not fixed.
type names struct {
	check  func(r *reader, e strictyaml.Entry) bool
	schema schema
}

var (
	gateNames = &names{
		func(r *reader, e strictyaml.Entry) bool { _, ok := r.gateName(e); return ok },
		schema{"enum": words(scanners.Gates())},
	}
	scannerNames = &names{
		func(r *reader, e strictyaml.Entry) bool {
			before := len(r.Problems)
			r.scannerName(e.Place, e.Key)
			return len(r.Problems) == before
		},
		schema{},
	}
	ruleNames     = &names{func(r *reader, e strictyaml.Entry) bool { return r.ruleName(e.Place, e.Key) }, ruleSchema}
	severityNames = &names{
		func(r *reader, e strictyaml.Entry) bool {
			if !slices.Contains(severities()[1:], e.Key) {
				r.Unknown(e.Place, "severity", e.Key, severities()[1:])
				return false
			}
			return true
		},
		schema{"enum": words(severities()[1:])},
	}
	teamNames = &names{
		func(r *reader, e strictyaml.Entry) bool {
			if !teamPattern.MatchString(e.Key) {
				r.Problem(e.Place, "%s is not a team; write it like @acme/payments", strictyaml.Quote(e.Key))
				return false
			}
			return true
		},
		schema{"pattern": teamPattern.String()},
	}
	sectionNames = &names{
		func(r *reader, e strictyaml.Entry) bool {
			if !strings.ContainsAny(e.Key, "/*") {
				hint := strictyaml.DidYouMean(e.Key, []string{"ignore"})
				if hint == "" {
					hint = "; write `ignore`, or a glob such as services/payments/**"
				}
				r.Problem(e.Place, "unknown key %s%s", strictyaml.Quote(e.Key), hint)
				return false
			}
			return r.Glob(e.Place, e.Key)
		},
		schema{"allOf": []any{globSchema, schema{"pattern": "[/*]"}}},
	}
	teamPattern = regexp.MustCompile(`^@[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$`)
)

func severities() (list []string) {
	for s := scanners.Note; s <= scanners.Critical; s++ {
		list = append(list, s.String())
	}
	return list
}

// ruleName reports whether s can be a "scanner/rule", or a glob of it.
func (r *reader) ruleName(at strictyaml.Place, s string) bool {
	scanner, _, named := strings.Cut(s, "/")
	before := len(r.Problems)
	switch {
	case !named:
		r.Problem(at, "write the rule with its scanner, for example gosec/G404 instead of %s", strictyaml.Quote(s))
	case r.Glob(at, s) && !strings.ContainsAny(scanner, `*?[]{}\`):
		r.scannerName(at, scanner)
	}
	return len(r.Problems) == before
}

func (r *reader) gateName(e strictyaml.Entry) (scanners.Gate, bool) {
	if slices.Contains(scanners.Gates(), scanners.Gate(e.Key)) {
		return scanners.Gate(e.Key), true
	}
	var names []string
	for _, g := range scanners.Gates() {
		names = append(names, string(g))
	}
	r.Unknown(e.Place, "gate", e.Key, names)
	return "", false
}

func (r *reader) scannerName(at strictyaml.Place, name string) {
	if len(r.scanners) > 0 && !slices.Contains(r.scanners, name) {
		r.Unknown(at, "scanner", name, r.scanners)
	}
}

func (r *reader) mode(v strictyaml.Value, into *Mode) {
	const what = "mode must be one of off, observe, comment and block"
	if !v.Is(strictyaml.Text) {
		r.Problem(v.Place, "%s%s", what, v.Instead())
	} else if into.UnmarshalText([]byte(v.Node.Text)) != nil {
		r.Unknown(v.Place, "mode", v.Node.Text, modes)
	}
}

func (r *reader) severity(v strictyaml.Value, into *scanners.Severity) {
	words := severities()
	if !v.Is(strictyaml.Text) {
		r.Problem(v.Place, "severity must be one of %s%s", strictyaml.List(words, "and"), v.Instead())
	} else if into.UnmarshalText([]byte(v.Node.Text)) != nil {
		r.Unknown(v.Place, "severity", v.Node.Text, words)
	}
}

func (r *reader) reason(v strictyaml.Value) string {
	s, ok := r.Text(v, "reason", `"not used for security here"`)
	switch {
	case !ok:
	case strings.TrimSpace(s) == "":
		r.Problem(v.Place, "the reason is empty; write one or remove the key")
	case utf8.RuneCountInString(s) > maxReason:
		r.Problem(v.Place, "the reason is longer than %d characters; make it shorter", maxReason)
	}
	return s
}
