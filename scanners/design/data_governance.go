package design

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/hmarr/codeowners"

	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// markers are comments that silence a security scanner. Group m is the marker, group r the rules.
var markers = rex(`(?i)(?:#|//|/\*|--|<!--|\{\{-?\s*/\*|;)\s*(?:[\w' ,.;:()-]{0,60}?\s)?#?` +
	`(?:(?P<m>nosec|nosemgrep|NOSONAR|checkov:skip|tfsec:ignore|trivy:ignore|kics-scan ignore\S*|zizmor:\s*ignore|gitleaks:allow|pragma:\s*allowlist secret|brakeman:ignore|bearer:disable|terrascan:\s*skip|devskim:\s*ignore|codeql\[|lgtm\s*\[|snyk:\s*ignore|semgrep-?ignore|secbydesign:ignore)(?P<r>[^\n]{0,200})` +
	`|nolint:[\w,-]*\b(?P<g>gosec)\b(?P<s>[^\n]{0,200})` +
	`|noqa:\s*(?P<q>S\d{3}(?:\s*,\s*[A-Z]+\d+)*)(?P<t>[^\n]{0,200})` +
	`|eslint-disable(?:-next-line|-line)?\s+(?P<e>(?:[\w@/-]+,\s*)*(?:security|no-unsanitized|xss|no-secrets|sonarjs)/[\w-]+)(?P<u>[^\n]{0,200}))`)

var (
	// marked is a cheap test before the pattern.
	marked = []string{
		"nosec", "NOSEC", "nosemgrep", "NOSONAR", "nosonar", "checkov:", "tfsec:", "trivy:", "kics-scan", "zizmor:", "gitleaks:", "allowlist secret", "brakeman:",
		"bearer:", "terrascan:", "evskim:", "EVSKIM:", "codeql[", "lgtm", "snyk:", "secbydesign:", "gosec", "noqa: S", "noqa:S", "eslint-disable", "semgrepignore", "semgrep-ignore",
	}
	ruleNames  = rex(`^[\s:=\[(]*((?:[A-Za-z]+[_-]?)*[A-Za-z]*[\w./:-]*\d[\w./-]*|[a-z0-9]+(?:[-./][a-zA-Z0-9_]+)+)`)
	endDate    = rex(`\b20[2-9]\d-(0[1-9]|1[0-2])(-[0-3]\d)?\b`)
	reasonWord = rex(`[A-Za-z]{3,}\s+[A-Za-z]{2,}`)
)

// withReason is the evidence that closes an exception where it is written.
const withReason = "the exception has a reason and an end date"

// inlineSuppressions finds comments that silence a security scanner.
func inlineSuppressions(s *source) {
	if s.is(markdown) || !s.has(marked...) {
		return
	}
	names := markers.SubexpNames()
	_, comments := syntaxes[s.language]
	offset := 0
	for line := range bytes.Lines(s.text) {
		if len(line) < 4000 && slices.ContainsFunc(marked, func(w string) bool { return bytes.Contains(line, []byte(w)) }) {
			if at := markers.FindSubmatchIndex(line); at != nil {
				groups := map[string]string{}
				for i, name := range names {
					if name != "" && at[2*i] >= 0 {
						groups[name] = string(line[at[2*i]:at[2*i+1]])
					}
				}
				if !comments || s.inComment(offset+at[0], offset+at[1]) {
					s.addSuppression(groups, s.lineAt(offset))
				}
			}
		}
		offset += len(line)
	}
}

// inComment reports whether the first letter of a part of the text is blank in the code without comments.
func (s *source) inComment(from, to int) bool {
	for i := from; i < to; i++ {
		if isWord(s.text[i]) {
			return s.code()[i] == ' '
		}
	}
	return false
}

func (s *source) addSuppression(groups map[string]string, line int) {
	marker, rest := strings.ToLower(strings.Trim(groups["m"], " [:")), groups["r"]
	rules := ""
	switch {
	case groups["g"] != "":
		marker, rest = "nolint:gosec", groups["s"]
	case groups["q"] != "":
		marker, rules, rest = "noqa", groups["q"], groups["t"]
	case groups["e"] != "":
		marker, rules, rest = "eslint-disable", groups["e"], groups["u"]
	}
	if m := ruleNames.FindStringSubmatch(rest); rules == "" && m != nil && !endDate.MatchString(m[1]) {
		rules = m[1]
	}
	key := strings.Join(strings.Fields(strings.Join(strings.Fields(marker), " ")+" "+rules), " ")
	options := []option{with("marker", marker), with("rules", rules)}
	if endDate.MatchString(rest) && reasonWord.MatchString(endDate.ReplaceAllString(rest, "")) {
		options = append(options, closed(withReason))
	}
	s.add("suppression-added", key, line, options...)
}

// An ignoreFile is a list of findings that a scanner does not report.
type ignoreFile struct {
	name  *lazyRegexp
	entry *lazyRegexp // its last group is the finding
}

var ignoreLists = []ignoreFile{
	{rex(`(^|/)\.(trivyignore|gitleaksignore|tfsecignore|nancy-ignore|kicsignore)$`), rex(`^\s*([^\s#]+)`)},
	{rex(`(^|/)\.trivyignore\.ya?ml$`), rex(`^\s*-?\s*id:\s*["']?([\w-]+)`)},
	{rex(`(^|/)\.snyk$`), rex(`^\s*["']?((?:SNYK|npm|snyk)[-:][\w:.-]+?)["']?:\s*$`)},
	{rex(`(^|/)brakeman\.ignore$`), rex(`^\s*"fingerprint":\s*"(\w+)"`)},
	{rex(`(^|/)osv-scanner\.toml$`), rex(`^\s*id\s*=\s*["']([\w-]+)["']`)},
	{rex(`(^|/)\.?grype\.ya?ml$`), rex(`^\s*-?\s*vulnerability:\s*["']?([\w-]+)`)},
	{rex(`(^|/)(audit-ci\.jsonc?|\.nsprc|auditconfig\.json)$`), rex(`^\s*"?((?:GHSA|CVE|NSWG)-[\w-]+|\d{4,7}(?:\|[^"]*)?)"`)},
	{rex(`(^|/)(deny\.toml|\.?cargo/audit\.toml|audit\.toml)$`), rex(`["'](RUSTSEC-\d{4}-\d{4})["']`)},
	{rex(`(^|/)\.bundler-audit\.ya?ml$`), rex(`^\s*-\s*["']?((?:CVE|GHSA|OSVDB)-[\w-]+)`)},
	{rex(`(^|/)\.?checkov\.ya?ml$`), rex(`^\s*-\s*["']?(CKV2?_\w+)`)},
	{rex(`(^|/)(dependency-check-?\w*|owasp\w*|\w*suppressions?)\.xml$`), rex(`<(?:cve|vulnerabilityName)[^>]*>\s*([\w-]+)`)},
	{rex(`(^|/)\.secrets\.baseline$`), rex(`^\s*"hashed_secret":\s*"(\w+)"`)},
	{rex(`(^|/)\.?zizmor\.ya?ml$`), rex(`^\s*-\s*["']?([\w.-]+\.ya?ml(?::\d+)*)`)},
}

// ignoreNames is a cheap test before the lists.
var ignoreNames = rex(`ignore|snyk|osv-scanner|grype|audit|nsprc|deny|checkov|suppress|dependency-check|owasp|baseline|zizmor`)

// near is how many lines around an entry may hold its reason and its end.
const near = 4

// ignoreFiles finds entries of files that silence scanners.
func ignoreFiles(s *source) {
	if !ignoreNames.MatchString(path.Base(s.path)) {
		return
	}
	for _, f := range ignoreLists {
		if !f.name.MatchString(s.path) {
			continue
		}
		lines := strings.Split(string(s.text), "\n")
		last := -1
		for i, line := range lines {
			m := f.entry.FindStringSubmatch(line)
			if m == nil || len(line) > 2000 {
				continue
			}
			var options []option
			if around := s.aroundEntry(lines, f.entry, max(last+1, i-near), i); endDate.MatchString(around) && reasonWord.MatchString(endDate.ReplaceAllString(around, "")) {
				options = append(options, closed(withReason))
			}
			s.add("suppression-added", m[len(m)-1], i+1, append(options, with("marker", path.Base(s.path)), with("rules", m[len(m)-1]), with("list", "true"))...)
			last = i
		}
	}
}

// aroundEntry returns the text that belongs to an entry: comments above it, its line, and the lines up to the next one.
func (s *source) aroundEntry(lines []string, entry *lazyRegexp, from, at int) string {
	var text []string
	for i := from; i < at; i++ {
		if t := strings.TrimSpace(lines[i]); strings.HasPrefix(t, "#") || strings.HasPrefix(t, "//") {
			text = append(text, lines[i])
		}
	}
	text = append(text, entry.ReplaceAllString(lines[at], ""))
	for i := at + 1; i < min(len(lines), at+near) && !entry.MatchString(lines[i]) && !strings.HasPrefix(strings.TrimSpace(lines[i]), "#"); i++ {
		text = append(text, lines[i])
	}
	return strings.Join(text, " ")
}

// Guardrail is a rule that protects the repository: an owner of a path, a job that scans, a gate of the policy. Key: the
// kind and the entry, such as "owner /api/ @org/team", "scan codeql-action/analyze" or "gate code block". A guardrail
// that is at the base and not at the head is a fact guardrail-changed.
const Guardrail = "evidence-guardrail"

var (
	ownersFile    = rex(`^(\.github/|docs/)?CODEOWNERS$`)
	guardrailFile = rex(`^(\.github/)?\.secbydesign\.ya?ml$`)
	workflows     = rex(`^\.github/workflows/[^/]+\.ya?ml$`)

	// scanSteps are actions and commands that scan for security.
	scanActions  = rex(`(?i)^(github/codeql-action/(analyze|upload-sarif)|aquasecurity/(trivy|tfsec)[\w-]*|actions/dependency-review-action|gitleaks/gitleaks-action|trufflesecurity/trufflehog|(returntocorp|semgrep)/semgrep[\w-]*|snyk/actions[\w/-]*|bridgecrewio/checkov-action|securego/gosec|golang/govulncheck-action|google/osv-scanner[\w/.-]*|anchore/scan-action|ossf/scorecard-action|step-security/harden-runner|sonarsource/[\w-]+|zizmorcore/zizmor-action|woodruffw/zizmor[\w-]*|checkmarx/[\w-]+|hadolint/hadolint-action|docker/scout-action|zaproxy/action-[\w-]+|bearer/bearer-action|presidentbeef/[\w-]+|pyupio/safety[\w-]*|pypa/gh-action-pip-audit|rustsec/audit-check|actions-rs/audit-check|EmbarkStudios/cargo-deny-action)(/[\w./-]+)?@`)
	scanCommands = rex(`(?m)(^|[\s;&|(])(gosec|govulncheck|semgrep (?:ci|scan|--)|trivy (?:fs|image|config|repo)|gitleaks (?:detect|protect|git|dir)|bandit -|brakeman\b|bundle(?:r)?[ -]audit|npm audit|pnpm audit|yarn (?:npm )?audit|pip-audit|safety (?:check|scan)|cargo (?:audit|deny)|checkov -|tfsec\b|snyk (?:test|code|container|iac)|osv-scanner|grype \S|zizmor\b|detect-secrets|trufflehog )`)
)

// guardrails finds what protects the repository, and what weakens it in place.
func guardrails(s *source) {
	switch {
	case ownersFile.MatchString(s.path):
		s.owners()
	case guardrailFile.MatchString(s.path):
		for _, doc := range s.yaml() {
			s.policyModes(doc)
		}
	case workflows.MatchString(s.path):
		for _, doc := range s.yaml() {
			s.scanJobs(doc)
		}
	}
}

func (s *source) owners() {
	for i, line := range strings.Split(string(s.text), "\n") {
		if len(line) > 2000 || strings.HasPrefix(strings.TrimSpace(line), "[") {
			continue
		}
		rules, err := codeowners.ParseFile(strings.NewReader(line))
		if err != nil {
			continue
		}
		for _, r := range rules {
			if len(r.Owners) == 0 {
				s.add("guardrail-changed", "no owner for "+r.RawPattern(), i+1, with("entry", r.RawPattern()))
			}
			for _, o := range r.Owners {
				s.add(Guardrail, "owner "+r.RawPattern()+" "+o.String(), i+1, with("kind", "owner"))
			}
		}
	}
}

// policyModes finds gates and rules of our own policy, and those that are silent.
func (s *source) policyModes(doc *yamlpos.Node) {
	for _, section := range []string{"gates", "rules"} {
		for _, e := range doc.Get(section).Pairs() {
			mode := e.Value.Get("mode").String()
			entry := strings.TrimSuffix(section, "s") + " " + e.Key
			switch {
			case mode == "off" || mode == "observe" && section == "rules":
				s.add("guardrail-changed", entry+" "+mode, e.Line, with("entry", entry))
			case mode != "":
				s.add(Guardrail, entry+" "+mode, e.Line, with("kind", "policy"))
			}
		}
	}
}

// scanJobs finds steps of workflows that scan for security. A step that cannot fail is none.
func (s *source) scanJobs(doc *yamlpos.Node) {
	for _, job := range doc.Get("jobs").Pairs() {
		steps := append([]*yamlpos.Node{job.Value}, job.Value.Get("steps").List()...)
		for _, step := range steps {
			uses, run := step.Get("uses").String(), step.Get("run").String()
			name := ""
			if m := scanActions.FindString(uses); m != "" {
				name = strings.TrimSuffix(m, "@")
			} else if m := scanCommands.FindStringSubmatch(run); m != nil {
				name = strings.Fields(m[2])[0]
			}
			if name == "" {
				continue
			}
			if idle(step) || step != job.Value && idle(job.Value) || run != "" && strings.Contains(run, "|| true") {
				s.add("guardrail-changed", name+" cannot fail", step.Line, with("entry", name))
				continue
			}
			s.add(Guardrail, "scan "+name, step.Line, with("kind", "scan"))
		}
	}
}

// idle reports whether a step or job does not run, or its failure counts for nothing.
func idle(n *yamlpos.Node) bool {
	condition := strings.Trim(n.Get("if").String(), "${} ")
	return n.Get("continue-on-error").True() || condition == "false"
}

var (
	designFolders = rex(`(?i)(^|/)(adr|adrs|rfc|rfcs|design|designs|design-docs?|proposals|decisions|kep|keps|enhancements)/`)
	noDesign      = rex(`(?i)(^|/)(readme|index|template|[\w.-]*template[\w.-]*|_index|contributing|changelog|toc|summary|glossary|0+-[\w-]*template[\w-]*)\.\w+$`)
	noticesFolder = rex(`(?i)(^|/)(node_modules|vendor|third_party|tests?|testdata|examples?|templates?|archive[ds]?|rejected|superseded|locales?|i18n)/`)

	headings      = rex(`(?m)^(?:#{1,6}[ \t]+(.+)|={1,6}[ \t]+(.+)|(\S.*)\n(?:={3,}|-{3,}|~{3,})[ \t]*$|\*\*([^*\n]+)\*\*:?[ \t]*$)`)
	securityWords = rex(`(?i)security|threat|privacy|abuse|trust|attack|risk|permission|authori[sz]ation|access control|compliance|data protection|misuse`)
	subjects      = []*lazyRegexp{
		rex(`(?i)\bendpoints?\b`), rex(`(?i)\bapis?\b`), rex(`(?i)\broutes?\b`),
		rex(`(?i)\busers?\b`), rex(`(?i)\broles?\b`), rex(`(?i)\bpermissions?\b`),
		rex(`(?i)\btokens?\b`), rex(`(?i)\bcredentials?\b`), rex(`(?i)\bsecrets?\b`),
		rex(`(?i)\btenants?\b`), rex(`(?i)\buploads?\b`), rex(`(?i)\bexternal\b`),
		rex(`(?i)\bthird[ -]part(y|ies)\b`), rex(`(?i)\bwebhooks?\b`), rex(`(?i)\bpublic\b`),
		rex(`(?i)\binternet\b`), rex(`(?i)\bencrypt\w*`), rex(`(?i)\banonymous\b`),
		rex(`(?i)\bauthenticat\w*`), rex(`(?i)\baccess control\b`), rex(`(?i)\buntrusted\b`),
	}
)

// leastSubjects is how many of the subjects a document names before its security is worth a question.
const leastSubjects = 5

// designDocuments finds documents of a design that say nothing about security. Only an added one is asked about.
func designDocuments(s *source) {
	if !documentation.MatchString(s.path) || !designFolders.MatchString(s.path) || noDesign.MatchString(s.path) || noticesFolder.MatchString(s.path) {
		return
	}
	text := codeBlocks.ReplaceAll(s.text, nil)
	all := headings.FindAllSubmatchIndex(text, -1)
	first := 1
	for i, at := range all {
		end := len(text)
		if i+1 < len(all) {
			end = all[i+1][0]
		}
		title := headingOf(text, at)
		if securityWords.Match(title) && (i == 0 || len(bytes.TrimSpace(text[at[1]:end])) > 0) {
			return
		}
		if i == 0 {
			first = 1 + bytes.Count(s.text[:max(0, bytes.Index(s.text, title))], []byte("\n"))
		}
	}
	named := 0
	for _, subject := range subjects {
		if subject.Match(text) {
			named++
		}
	}
	if named >= leastSubjects {
		s.add(documents, s.path, first, with("added-only", "true"))
	}
}

// headingOf returns the text of a heading that a match of headings found.
func headingOf(text []byte, at []int) []byte {
	for g := 2; g+1 < len(at); g += 2 {
		if at[g] >= 0 {
			return bytes.TrimSpace(text[at[g]:at[g+1]])
		}
	}
	return nil
}

var codeBlocks = rex("(?ms)^```.*?^```[ \t]*$")
