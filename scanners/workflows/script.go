package workflows

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
	"github.com/secbydesign/secbydesign/scanners/internal/shell"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

// GitHub Security Lab: "Untrusted input". zizmor: template-injection. Injections that actionlint
// finds are left to it.
var templateInjection = workflow.Rule{
	ID:    "template-injection",
	Title: "Untrusted input in code",
	Why:   "GitHub inserts the text into the code before the code runs. An attacker who controls the text can run commands in this job.",
	Help:  "Put the expression into an environment variable of the step (`env:`), and use the variable in the code: in double quotes in a shell, as `process.env.NAME` in JavaScript.",
	URL:   "https://securitylab.github.com/resources/github-actions-untrusted-input/",
	CWE:   "CWE-94",
}

// zizmor: github-env. CodeQL: actions/envvar-injection, actions/envpath-injection.
var environmentInjection = workflow.Rule{
	ID:    "environment-injection",
	Title: "Untrusted input in the environment of later steps",
	Why:   "An attacker who puts a line end into the input can set more variables, such as LD_PRELOAD, NODE_OPTIONS or BASH_ENV. With these, the next step runs the attacker's code.",
	Help:  "Pass the value through `$GITHUB_OUTPUT`, and check first that it is what you expect, such as a number. Read it in later steps through `env:`.",
	URL:   "https://securitylab.github.com/resources/github-actions-building-blocks/",
	CWE:   "CWE-77",
}

// GitHub changelog of 2020-10-01, CVE-2020-15228. zizmor: insecure-commands.
var unsecure = workflow.Rule{
	ID:    "unsecure-commands",
	Title: "Unsafe workflow commands enabled",
	Why:   "With these commands, any text that a step prints can set variables and the search path of later steps (CVE-2020-15228).",
	Help:  "Remove the variable, and append to the files `$GITHUB_ENV` and `$GITHUB_PATH` instead of printing `::set-env` and `::add-path`.",
	URL:   "https://github.blog/changelog/2020-10-01-github-actions-deprecating-set-env-and-add-path-commands/",
	CWE:   "CWE-77",
}

// Scorecard: Pinned-Dependencies, downloadThenRun. zizmor: insecure-url-scheme.
var insecureDownload = workflow.Rule{
	ID:    "insecure-download",
	Title: "Script downloaded without encryption",
	Why:   "An attacker on the network between the runner and that server can change the script that runs.",
	Help:  "Use https. Save the file, compare its digest with a known one, and only then run it.",
	URL:   "https://github.com/ossf/scorecard/blob/main/docs/checks.md#pinned-dependencies",
	CWE:   "CWE-494",
}

// more returns the inputs that an outsider can write and that actionlint's list lacks.
func more() actionlint.UntrustedInputSearchRoots {
	leaf := actionlint.NewUntrustedInputMap
	author := func(name string) *actionlint.UntrustedInputMap { return leaf(name, leaf("email"), leaf("name")) }
	roots := actionlint.UntrustedInputSearchRoots{}
	roots.AddRoot(leaf("github", leaf("event",
		leaf("workflow_run",
			leaf("head_branch"), leaf("display_title"), leaf("head_repository", leaf("description")),
			leaf("head_commit", leaf("message"), author("author"), author("committer")),
			leaf("pull_requests", leaf("*", leaf("head", leaf("ref"))))),
		leaf("changes", leaf("title", leaf("from")), leaf("body", leaf("from"))),
		leaf("pull_request", leaf("head", leaf("repo", leaf("description"), leaf("homepage")))),
		leaf("head_commit", author("committer")), leaf("commits", leaf("*", author("committer"))),
		leaf("check_suite", leaf("head_branch")),
		leaf("check_run", leaf("check_suite", leaf("head_branch"))))))
	return roots
}

var moreInputs = sync.OnceValue(more)

// whole are objects that contain such inputs. A script may insert a whole object as JSON.
var whole = []string{
	"github", "github.event", "github.event.pull_request", "github.event.pull_request.head", "github.event.issue",
	"github.event.comment", "github.event.review", "github.event.discussion", "github.event.commits", "github.event.head_commit",
	"github.event.workflow_run", "github.event.workflow_run.head_commit",
}

// sinks maps an action to the input that it runs as code.
var sinks = map[string]string{
	"actions/github-script":                  "script",
	"azure/powershell":                       "inlinescript",
	"azure/cli":                              "inlinescript",
	"appleboy/ssh-action":                    "script",
	"jannekem/run-python-script-action":      "script",
	"cardinalby/js-eval-action":              "expression",
	"addnab/docker-run-action":               "run",
	"nick-fields/retry":                      "command",
	"nick-invision/retry":                    "command",
	"gacts/run-and-post-run":                 "run",
	"ruby/setup-ruby/run":                    "run",
	"mathiasvr/command-output":               "run",
	"cloudflare/wrangler-action":             "command",
	"vmactions/freebsd-vm":                   "run",
	"reactivecircus/android-emulator-runner": "script",
}

// names maps an action to its outputs that contain names of branches or files as an outsider chose
// them.
var names = map[string]*lazy.Regexp{
	"tj-actions/branch-names":               lazy.MustCompile(`^(current_branch|head_ref_branch|ref_branch)$`),
	"xt0rted/pull-request-comment-branch":   lazy.MustCompile(`^head_ref$`),
	"alessbell/pull-request-comment-branch": lazy.MustCompile(`^head_ref$`),
	"jitterbit/get-changed-files":           lazy.MustCompile(`.`),
	"ana06/get-changed-files":               lazy.MustCompile(`.`),
}

// unescaped reports whether an output of a step contains names chosen by an outsider, in a form
// that a shell interprets. Actions that list files escape the names unless configured not to.
func unescaped(s *actionlint.Step, output string, shell bool) bool {
	switch uses, version := workflow.Uses(s); uses {
	case "tj-actions/changed-files":
		return strings.HasSuffix(output, "_files") && (workflow.Is(s, "safe_output", "false") || escapesNot.MatchString(version))
	case "dorny/paths-filter":
		return strings.HasSuffix(output, "_files") && shell && workflow.Is(s, "list-files", "json")
	default:
		return names[uses] != nil && names[uses].MatchString(output)
	}
}

// escapesNot matches versions of tj-actions/changed-files before the fix for CVE-2023-51664.
var escapesNot = lazy.MustCompile(`^v([0-9]|[123][0-9]|40)(\.|$)`)

// injection reports untrusted input in code that actionlint does not find.
func (j *judgement) injection(s *actionlint.Step, job *actionlint.Job) {
	code := workflow.Run(s)
	if name, _ := workflow.Uses(s); code == nil && sinks[name] != "" {
		code = workflow.Input(s, sinks[name])
	}
	if code == nil {
		return
	}
	actionlints := !j.Action && workflow.Script(s) == code
	for e := range workflow.Expressions(code) {
		if workflow.Run(s) == nil && workflow.Literal(code, e) {
			continue
		}
		found := slices.Concat(workflow.Untrusted(e.Node, moreInputs()), objects(e.Node))
		if !actionlints {
			found = append(found, workflow.Untrusted(e.Node, actionlint.BuiltinUntrustedInputs)...)
		}
		through, message := j.through(e.Node, s, job, len(found) > 0)
		if found = append(found, through.names...); len(found) == 0 {
			continue
		}
		severity := scanners.Medium
		if j.Outsiders(found) {
			severity = scanners.High
		}
		slices.Sort(found)
		at := j.Part(code, e.From, e.To)
		f := j.add(templateInjection, severity, at, fmt.Sprintf(message, strings.Join(slices.Compact(found), ", ")), job.ID.Value, e.Text)
		f.Extents = j.Token(job, e.Text)
		if len(through.via) > 0 {
			f.Flow = append(slices.Clone(through.via), scanners.Step{Path: j.Path, Line: at.Line, Message: "The code contains it."})
		}
	}
}

// through returns the taint that an expression gets from other values, and the message about it.
func (j *judgement) through(n actionlint.ExprNode, s *actionlint.Step, job *actionlint.Job, directly bool) (through taint, message string) {
	message = "The code contains %s, which anybody can write."
	for _, v := range workflow.Values(n) {
		t := j.indirect(v, s, job)
		if name := workflow.Name(v); len(t.names) > 0 && !directly && !strings.HasPrefix(name, "env.") {
			message = "The code contains " + name + ", which holds %s, and anybody can write that."
		}
		through = through.with(t)
	}
	return through, message
}

// objects returns the objects with untrusted input that an expression converts to JSON. Without
// toJSON, an object becomes just the word Object.
func objects(n actionlint.ExprNode) []string {
	var found []string
	workflow.Visit(n, func(n actionlint.ExprNode) {
		if call, ok := n.(*actionlint.FuncCallNode); ok && strings.EqualFold(call.Callee, "toJSON") && len(call.Args) > 0 {
			if name := workflow.Name(call.Args[0]); slices.Contains(whole, name) {
				found = append(found, name)
			}
		}
	})
	return found
}

// lines matches inputs that can have several lines. A title or a branch has only one.
var lines = lazy.MustCompile(`\.(body|message)$|\.from$|description$|^the body of`)

// noEscapes matches inputs that cannot hold the escape of a line end: git refuses a backslash in a branch.
var noEscapes = lazy.MustCompile(`(head_ref|\.ref|branch|\.label)$|^the branch of`)

// fromFile matches a command that prints a whole file, with all its lines.
var fromFile = lazy.MustCompile(`\$\(\s*(cat\s|<)|(^|[;&|{(]\s*)cat\s+[^|\n]*>>`)

// environmentFile reports untrusted input that is appended to the environment of later steps. An
// expression that inserts the input directly is an injection and is reported as one.
func (j *judgement) environmentFile(s *actionlint.Step, job *actionlint.Job) {
	run := workflow.Run(s)
	if run == nil {
		return
	}
	severity, after := j.afterDownload(s, job)
	for _, w := range j.script(s, job).Writes {
		if w.File == "GITHUB_OUTPUT" || w.Guarded {
			continue
		}
		for _, p := range distinct(w.Key) {
			j.environmentPart(w, p, true, run, s, job)
		}
		for _, p := range distinct(w.Value) {
			j.environmentPart(w, p, w.File == "GITHUB_PATH", run, s, job)
		}
		if after && j.artifactIn(w, run) {
			j.add(environmentInjection, severity, j.lineAt(run, w.At),
				fmt.Sprintf("A file of an artifact, which a pull request from a fork can fill, goes into %s.", w.File), job.ID.Value, w.File, "artifact").Extents = j.Token(job, w.File+" artifact")
		}
	}
}

// distinct returns the parts of a text that can hold input, each once.
func distinct(parts []shell.Part) (once []shell.Part) {
	seen := map[shell.Part]bool{}
	for _, p := range parts {
		if p.At = 0; p.Kind != shell.Text && p.Kind != shell.Unknown && !seen[p] {
			seen[p] = true
			once = append(once, p)
		}
	}
	return once
}

// environmentPart reports a part of a line of such a file. Whole parts decide on the line and not only on
// the value of a variable.
func (j *judgement) environmentPart(w shell.Write, p shell.Part, whole bool, run *actionlint.String, s *actionlint.Step, job *actionlint.Job) {
	if p.Kind != shell.Variable && p.Kind != shell.Event {
		return
	}
	inputs := slices.DeleteFunc(slices.Clone(j.part(p, s, job).names), func(name string) bool {
		return !whole && (p.OneLine || !lines.MatchString(name) && (!p.Escapes || noEscapes.MatchString(name)))
	})
	if len(inputs) == 0 {
		return
	}
	severity := scanners.Medium
	if j.Outsiders(inputs) {
		severity = scanners.High
	}
	j.add(environmentInjection, severity, j.lineAt(run, w.At),
		fmt.Sprintf("%s, which anybody can write, goes into %s.", strings.Join(inputs, ", "), w.File), job.ID.Value, w.File, p.Text).Extents = j.Token(job, w.File+" "+p.Text)
}

// artifactIn reports whether a write holds a file as it is.
func (j *judgement) artifactIn(w shell.Write, run *actionlint.String) bool {
	if !slices.ContainsFunc(slices.Concat(w.Key, w.Value), func(p shell.Part) bool { return p.Kind == shell.Content && !p.OneLine }) {
		return false
	}
	checked := strings.Contains(run.Value, "=~") || strings.Contains(run.Value, "grep")
	line, _, _ := strings.Cut(run.Value[strings.LastIndexByte(run.Value[:w.At], '\n')+1:], "\n")
	return !checked || fromFile.MatchString(line)
}

// afterDownload reports whether an artifact of an untrusted run is on disk at this step, and with
// what severity.
func (j *judgement) afterDownload(s *actionlint.Step, job *actionlint.Job) (scanners.Severity, bool) {
	if !j.On("workflow_run") {
		return 0, false
	}
	for i, other := range job.Steps {
		if j.traitsOf(other).foreign {
			switch j.guard(job, i, "workflow_run") {
			case open:
				return scanners.High, true
			case gated:
				return scanners.Medium, true
			}
		}
		if other == s {
			break
		}
	}
	return 0, false
}

func (j *judgement) unsecureCommands(env *actionlint.Env, job string) {
	if env == nil {
		return
	}
	v := env.Vars["actions_allow_unsecure_commands"]
	if v == nil || v.Value == nil || !strings.EqualFold(strings.TrimSpace(v.Value.Value), "true") {
		return
	}
	at := j.Place(v.Value)
	f := j.add(unsecure, scanners.High, at, "ACTIONS_ALLOW_UNSECURE_COMMANDS enables the commands set-env and add-path.", job)
	text := "false"
	if v.Value.Quoted {
		text = `"false"`
	}
	fix(f, "Disable them", at, text)
}

var piped = lazy.MustCompile(`\b(?:curl|wget)\b[^|;&\n]*?(http://[^\s"'|;&)]+)[^|;&\n]*\|\s*(?:sudo\s+(?:-\S+\s+)*)?(?:ba|z|da)?sh\b` +
	`|\b(?:ba|z|da)?sh\s+(?:-c\s+["']?\$\(|<\()\s*(?:curl|wget)\b[^)\n]*?(http://[^\s"'|;&)]+)`)

func (j *judgement) plainDownload(s *actionlint.Step, job *actionlint.Job) {
	run := workflow.Run(s)
	if run == nil {
		return
	}
	for _, m := range piped.FindAllStringSubmatchIndex(run.Value, -1) {
		from, to := m[2], m[3]
		if from < 0 {
			from, to = m[4], m[5]
		}
		address, err := url.Parse(run.Value[from:to])
		if err != nil || commented(run.Value, m[0]) || slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, address.Hostname()) {
			continue
		}
		j.add(insecureDownload, scanners.High, j.Part(run, from, to),
			"The job downloads a script without encryption, and runs it.", job.ID.Value, address.Hostname(), address.Path)
	}
}
