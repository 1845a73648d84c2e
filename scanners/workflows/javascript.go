package workflows

import (
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

// settings returns what the JavaScript of a step sets.
func (j *judgement) settings(s *actionlint.Step) []setting {
	list, ok := j.flows.sets[s]
	if script := workflow.Script(s); !ok && script != nil && workflow.Run(s) == nil {
		list = javaScript(script.Value)
		j.flows.sets[s] = list
	}
	return list
}

// A setting is an output or a variable that JavaScript sets, with the text of its value.
type setting struct{ file, name, value string }

var (
	jsSets    = lazy.MustCompile(`(?m)core\s*\.\s*(setOutput|exportVariable)\(\s*['"` + "`" + `]([\w-]+)['"` + "`" + `]\s*,\s*(.*)$`)
	jsReturns = lazy.MustCompile(`(?m)^\s*return\s+(.*)$`)
	jsAssigns = lazy.MustCompile(`(?m)\b(?:const|let|var)\s+([\w$]+)\s*=\s*(.*)$`)
	jsPicks   = lazy.MustCompile(`\b(?:const|let|var)\s+\{([^}=]*)\}\s*=\s*([^;\n]*)`)
	jsName    = lazy.MustCompile(`(^|[^\w$.'"])([a-zA-Z_$][\w$]*)`)
	jsPayload = lazy.MustCompile(`\bcontext\??\.payload((?:\??\.\w+(?:\[\d+\])?)+)`)
	jsEnv     = lazy.MustCompile(`\bprocess\.env(?:\.(\w+)|\[['"](\w+)['"]\])`)
	jsAnswer  = lazy.MustCompile(`\b(pulls|issues)\.get\(.*\.(title|body|head\.ref)\b`)
	// jsChecked matches code that checks a value or reduces it to harmless characters.
	jsChecked = lazy.MustCompile(`\.replace(All)?\(\s*/\[\^|\bparseInt\(|\bNumber\(|\.length\b|[!=]==?|\.(includes|startsWith|endsWith|test|match|some|every|find|findIndex|indexOf|search)\(|\bencodeURIComponent\(|^\s*!`)
)

// javaScript returns what the script of actions/github-script sets.
func javaScript(script string) (list []setting) {
	values := map[string]string{}
	for _, m := range jsAssigns.FindAllStringSubmatch(script, maxSettings) {
		values[m[1]] = m[2]
	}
	for _, m := range jsPicks.FindAllStringSubmatch(script, maxSettings) {
		for name := range strings.SplitSeq(m[1], ",") {
			from, to, renamed := strings.Cut(strings.TrimSpace(name), ":")
			if !renamed {
				to = from
			}
			values[strings.TrimSpace(to)] = strings.TrimSpace(m[2]) + "." + strings.TrimSpace(from)
		}
	}
	for _, m := range jsSets.FindAllStringSubmatch(script, maxSettings) {
		file := "GITHUB_OUTPUT"
		if m[1] == "exportVariable" {
			file = "GITHUB_ENV"
		}
		list = append(list, setting{file, m[2], resolved(m[3], values)})
	}
	for _, m := range jsReturns.FindAllStringSubmatch(script, maxSettings) {
		list = append(list, setting{"GITHUB_OUTPUT", "result", resolved(m[1], values)})
	}
	return list
}

// maxSettings bounds the work for one script.
const maxSettings = 200

// resolved returns JavaScript with variables replaced by what they were set to.
func resolved(code string, values map[string]string) string {
	for range 3 {
		if len(code) > maxResolved {
			break
		}
		code = jsName.ReplaceAllStringFunc(code, func(use string) string {
			m := jsName.FindStringSubmatch(use)
			value, ok := values[m[2]]
			if !ok || len(value) > maxValue || strings.Contains(value, m[2]) && !strings.Contains(value, "."+m[2]) {
				return use
			}
			return m[1] + strings.TrimRight(strings.TrimSpace(value), ";")
		})
	}
	return code
}

const (
	maxResolved = 4 << 10
	maxValue    = 1 << 10 // of a value that is put into another
)

// javaScript returns the taint of a JavaScript value.
func (j *judgement) javaScript(code string, s *actionlint.Step, job *actionlint.Job) (all taint) {
	if jsChecked.MatchString(code) {
		return taint{}
	}
	for _, m := range jsPayload.FindAllStringSubmatch(code, maxSettings) {
		for path := strings.ReplaceAll(m[1], "?", ""); path != ""; path = path[:strings.LastIndexByte(path, '.')] { // without methods such as .trim()
			if t := j.expressionText("${{ github.event"+path+" }}", s, job); len(t.names) > 0 {
				all = all.with(t)
				break
			}
		}
	}
	if strings.Contains(code, "readFileSync(") && j.ofArtifact(code, s, job) {
		all = all.with(taint{names: []string{artifactFile}})
	}
	if m := jsAnswer.FindStringSubmatch(code); m != nil {
		field := m[2]
		if m[1] == "issues" {
			field = "issue." + field
		}
		if name := answers[field]; name != "" {
			all = all.with(taint{names: []string{name}})
		}
	}
	for _, m := range jsEnv.FindAllStringSubmatch(code, maxSettings) {
		all = all.with(j.variable(m[1]+m[2], s, job))
	}
	return all.with(j.expressionText(code, s, job))
}
