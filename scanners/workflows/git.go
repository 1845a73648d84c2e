package workflows

import (
	"slices"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
	"github.com/secbydesign/secbydesign/scanners/internal/shell"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

// A bringing is a command of a script that puts code of a fork into the working folder.
type bringing struct {
	brought
	gh bool // gh pr checkout, which needs an event with a pull request
}

// A forkState is what the git repository of a job has of a fork.
type forkState struct {
	remotes map[string]bool
	refs    map[string]fetched
	patch   bool // the step has read the changes of a pull request
}

// A fetched is the commit that a name stands for. Its place is set if the command that fetched it names the
// pull request.
type fetched struct {
	commit string
	at     *brought
}

// bringings returns by step what the scripts of a job bring.
func (j *judgement) bringings(job *actionlint.Job) map[*actionlint.Step][]bringing {
	if list, ok := j.brings[job]; ok {
		return list
	}
	list := map[*actionlint.Step][]bringing{}
	state := &forkState{remotes: map[string]bool{}, refs: map[string]fetched{}}
	for _, s := range job.Steps {
		run := workflow.Run(s)
		if run == nil {
			continue
		}
		state.patch = false
		for _, c := range j.script(s, job).Commands {
			if !slices.Contains(bringers, program(c.Words[0])) {
				continue
			}
			words := make([]string, len(c.Words))
			for i, w := range c.Words {
				words[i] = j.unfoldText(w, s, job)
			}
			b := brought{ref: commandText(run.Value[c.From:], c.To-c.From), commit: strings.Join(words, " "), end: c.To}
			b.at = j.Part(run, c.From, c.From+len(b.ref))
			from, ok := state.command(words, b)
			if ok {
				list[s] = append(list[s], bringing{from, program(words[0]) == "gh" && words[1] == "pr"})
			}
		}
	}
	j.brings[job] = list
	return list
}

// bringers lists the programs that can bring code.
var bringers = []string{"git", "gh", "hub", "curl", "wget", "patch"}

// diffs matches commands that print the changes of a pull request.
var diffs = lazy.MustCompile(`\bgh pr diff\b|pull_request\.(diff|patch)_url|/pull/[^/]+\.(diff|patch)\b`)

// commandText returns the text of a command that names it in reports: up to the pull request, if the
// command names one.
func commandText(script string, length int) string {
	for _, r := range []*lazy.Regexp{headCommand, gitMove} {
		if m := r.FindStringIndex(script); m != nil && m[0] == 0 {
			return script[:m[1]]
		}
	}
	return script[:length]
}

// command follows a command, and returns what it brings into the working folder.
func (f *forkState) command(words []string, b brought) (brought, bool) {
	if len(words) < 2 {
		return brought{}, false
	}
	f.patch = f.patch || diffs.MatchString(strings.Join(words, " "))
	switch program(words[0]) {
	case "patch":
		return b, f.patch
	case "gh", "hub":
		pr := words[1] == "pr" && len(words) > 2 && words[2] == "checkout"
		clone := words[1] == "repo" && len(words) > 3 && words[2] == "clone" && headRepo.MatchString(words[3])
		return b, pr || clone || archive(words)
	case "curl", "wget":
		return b, archive(words)
	}
	return f.git(afterOptions(words[1:]), b)
}

// afterOptions returns the arguments of git from its command on: git -C FOLDER fetch.
func afterOptions(args []string) []string {
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		if args[0] == "-C" || args[0] == "-c" {
			args = args[1:]
		}
		args = args[1:]
	}
	return args
}

// git follows a command of git.
func (f *forkState) git(args []string, b brought) (brought, bool) {
	if len(args) == 0 {
		return brought{}, false
	}
	switch verb, args := args[0], args[1:]; verb {
	case "clone":
		args = withoutOptions(args, "-b", "--branch", "-o", "--origin", "--depth", "-c", "--config", "-j", "--jobs", "--reference", "-u", "--filter")
		return b, len(args) > 0 && headRepo.MatchString(args[0])
	case "remote":
		f.remote(withoutOptions(args, "-t", "-m"))
	case "branch", "tag":
		if args = withoutOptions(args, "-u"); len(args) > 1 {
			if from, ok := f.names(args[1]); ok {
				f.refs[args[0]] = from
			}
		}
	case "fetch":
		f.fetch(withoutOptions(args, "--depth", "-j", "--filter", "--deepen", "--shallow-since", "-o"), b)
	case "pull":
		args = withoutOptions(args, "--depth", "-s", "-X", "-j")
		return b, len(args) > 0 && (f.forks(args[0]) || slices.ContainsFunc(args[1:], ofPull))
	case "apply", "am":
		return b, f.patch
	case "checkout", "switch", "reset", "merge", "rebase", "cherry-pick", "worktree", "restore", "read-tree", "checkout-index":
		return f.move(args, b)
	}
	return brought{}, false
}

// move follows a command that puts a commit into the working folder.
func (f *forkState) move(args []string, b brought) (brought, bool) {
	for _, a := range args {
		if source, ok := strings.CutPrefix(a, "--source="); ok {
			a = source
		} else if strings.HasPrefix(a, "-") {
			continue
		}
		from, ok := f.names(a)
		if !ok {
			continue
		}
		if from.commit != "" {
			b.commit = from.commit
		}
		if from.at != nil {
			b.at, b.ref = from.at.at, from.at.ref
		}
		return b, true
	}
	return brought{}, false
}

// program returns the name of a program without its folder.
func program(word string) string { return word[strings.LastIndexByte(word, '/')+1:] }

var archives = lazy.MustCompile(`/(tarball|zipball|archive|tar\.gz|zip)/|codeload\.`)

// archive reports whether a command downloads an archive of a fork's code.
func archive(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		return archives.MatchString(w) && (headRepo.MatchString(w) || headOnly.MatchString(w))
	})
}

// withoutOptions returns arguments without options and the values of these options.
func withoutOptions(args []string, valued ...string) (rest []string) {
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--":
			return append(rest, args[i+1:]...)
		case slices.Contains(valued, args[i]):
			i++
		case !strings.HasPrefix(args[i], "-"):
			rest = append(rest, args[i])
		}
	}
	return rest
}

// ofPull reports whether a refspec names the commit of a pull request.
func ofPull(refspec string) bool {
	return headCommit.MatchString(refspec) || pullNumber.MatchString(refspec)
}

var pullNumber = lazy.MustCompile(`\bpull/(\$|[0-9*])`)

// forks reports whether a name or address is that of a fork's repository.
func (f *forkState) forks(repository string) bool {
	return f.remotes[repository] || headRepo.MatchString(repository)
}

func (f *forkState) remote(args []string) {
	if len(args) == 3 && (args[0] == "add" || args[0] == "set-url") {
		f.remotes[args[1]] = headRepo.MatchString(args[2])
	}
}

// fetch follows git fetch.
func (f *forkState) fetch(args []string, b brought) {
	fork := len(args) > 0 && f.forks(args[0])
	delete(f.refs, "FETCH_HEAD")
	if fork && len(args) == 1 {
		f.refs["FETCH_HEAD"] = fetched{}
	}
	for i, a := range args {
		if ofPull(a) || fork && i > 0 {
			f.fetched(a, fork, b)
		}
	}
}

// fetched follows what git fetch does with a refspec that names a fork's commit.
func (f *forkState) fetched(refspec string, fork bool, b brought) {
	from := fetched{}
	switch {
	case headOnly.MatchString(refspec):
		from.commit = refspec
	case ofPull(refspec):
		from.commit, from.at = refspec, &b
	}
	f.refs["FETCH_HEAD"] = from
	source, local, renamed := strings.Cut(strings.TrimPrefix(refspec, "+"), ":")
	if !renamed {
		local = source
	}
	local = strings.TrimPrefix(strings.TrimPrefix(local, "refs/heads/"), "refs/remotes/")
	if folder, _, wild := strings.Cut(local, "*"); wild {
		f.remotes[strings.TrimSuffix(folder, "/")] = true
	} else if renamed || fork {
		f.refs[local] = from
	}
}

// names returns the commit of a fork that a name stands for.
func (f *forkState) names(name string) (fetched, bool) {
	if from, ok := f.refs[name]; ok {
		return from, true
	}
	if headOnly.MatchString(name) {
		return fetched{}, true
	}
	for remote, fork := range f.remotes {
		if fork && strings.HasPrefix(name, remote+"/") {
			return fetched{}, true
		}
	}
	return fetched{}, false
}

var (
	envUse    = lazy.MustCompile(`\$\{\{\s*env\.(\w+)\s*\}\}`)
	stepUse   = lazy.MustCompile(`\$\{\{\s*steps\.([\w-]+)\.outputs\.([\w-]+)\s*\}\}`)
	needsUse  = lazy.MustCompile(`\$\{\{\s*needs\.([\w-]+)\.outputs\.([\w-]+)\s*\}\}`)
	shellUse  = lazy.MustCompile(`\$\{(\w+)\}`)
	headField = lazy.MustCompile(`\.head\??\.(sha|ref|label|repo\??\.\w+)\b`)

	// headActions matches actions that return the head of the pull request that a comment is about.
	headActions = lazy.MustCompile(`^[\w-]+/(pull-request-comment-branch|resolve-pr-refs|get-workflow-origin|pr-get-ref-action|pull-request-head)$`)
	headOutput  = lazy.MustCompile(`(?i)^(head_?(sha|ref)|source_?head_?(sha|branch)|sha|ref)$`)
)

// These bound the work for one file.
const (
	maxUnfold  = 5 // how many times a value is replaced by the value that it names
	maxUses    = 20
	maxUnfolds = 10_000
)

// unfold returns the text of a value in which environment variables, and outputs that a script visibly
// sets, are replaced by their values.
func (j *judgement) unfold(v *actionlint.String, s *actionlint.Step, job *actionlint.Job) string {
	return j.unfoldText(text(v), s, job)
}

// unfoldText is unfold for a word of a script, which has variables as ${NAME}.
func (j *judgement) unfoldText(all string, s *actionlint.Step, job *actionlint.Job) string {
	for range maxUnfold {
		before := all
		if n := strings.Count(all, "${"); n == 0 || n > maxUses || len(all) > maxResolved || j.flows.unfolds > maxUnfolds {
			break
		}
		j.flows.unfolds++
		all = envUse.ReplaceAllStringFunc(all, func(use string) string {
			return j.setTo(envUse.FindStringSubmatch(use)[1], use, s, job)
		})
		all = shellUse.ReplaceAllStringFunc(all, func(use string) string {
			return j.setTo(shellUse.FindStringSubmatch(use)[1], use, s, job)
		})
		all = stepUse.ReplaceAllStringFunc(all, func(use string) string {
			m := stepUse.FindStringSubmatch(use)
			return j.stepOutput(m[1], m[2], use, job)
		})
		all = needsUse.ReplaceAllStringFunc(all, func(use string) string {
			m := needsUse.FindStringSubmatch(use)
			if other := j.Workflow.Jobs[strings.ToLower(m[1])]; other != nil && other != job {
				if out := other.Outputs[strings.ToLower(m[2])]; out != nil && out.Value != nil {
					return stepUse.ReplaceAllStringFunc(out.Value.Value, func(inner string) string {
						m := stepUse.FindStringSubmatch(inner)
						return j.stepOutput(m[1], m[2], inner, other)
					})
				}
			}
			return use
		})
		if all == before {
			break
		}
	}
	return all
}

// setTo returns what an environment variable is set to, or use if that is not known.
func (j *judgement) setTo(name, use string, s *actionlint.Step, job *actionlint.Job) string {
	if v := j.env(name, s, job); v != nil && len(v.Value) <= maxValue {
		return v.Value
	}
	if name == "GITHUB_HEAD_REF" {
		return "${{ github.head_ref }}"
	}
	for _, other := range job.Steps {
		if other == s {
			break
		}
		if value, ok := j.written(other, job, "GITHUB_ENV", name); ok {
			use = value
		}
	}
	return use
}

// stepOutput returns what a step sets an output to, or use if that is not known.
func (j *judgement) stepOutput(id, output, use string, job *actionlint.Job) string {
	for _, s := range job.Steps {
		if !strings.EqualFold(text(s.ID), id) {
			continue
		}
		if value, ok := j.written(s, job, "GITHUB_OUTPUT", output); ok {
			return value
		}
		if name, _ := workflow.Uses(s); headActions.MatchString(name) && headOutput.MatchString(output) {
			if strings.Contains(strings.ToLower(output), "sha") {
				return "${{ github.event.pull_request.head.sha }}"
			}
			return "${{ github.event.pull_request.head.ref }}"
		}
	}
	return use
}

// written returns what a step writes for a name to a file of GitHub.
func (j *judgement) written(s *actionlint.Step, job *actionlint.Job, file, name string) (value string, ok bool) {
	for _, set := range j.settings(s) {
		if set.file == file && strings.EqualFold(set.name, name) {
			if m := headField.FindStringSubmatch(set.value); m != nil && !jsChecked.MatchString(set.value) {
				return "${{ github.event.pull_request.head." + strings.ReplaceAll(m[1], "?", "") + " }}", true
			}
			return set.value, true
		}
	}
	if workflow.Run(s) == nil {
		return "", false
	}
	for _, w := range j.script(s, job).Writes {
		if w.File == file && strings.EqualFold(w.Name, name) {
			value, ok = shell.String(w.Value), true
		}
	}
	if ok {
		// The variables in it are those of that step.
		value = shellUse.ReplaceAllStringFunc(value, func(use string) string {
			if v := j.env(shellUse.FindStringSubmatch(use)[1], s, job); v != nil && len(v.Value) <= maxValue {
				return v.Value
			}
			return use
		})
	}
	return value, ok
}
