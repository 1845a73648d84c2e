package workflows

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

// Scorecard: Pinned-Dependencies. zizmor: unpinned-uses.
var unpinnedAction = workflow.Rule{
	ID:    "unpinned-action",
	Title: "Action that is not pinned to a commit",
	Why:   "A tag or branch can move. An attacker who takes over the action's repository runs code in this workflow at once, as with tj-actions/changed-files in March 2025 (CVE-2025-30066).",
	Help: "Name the full commit, and keep the version as a comment: `uses: OWNER/REPO@COMMIT # TAG`. The commit is what " +
		"`gh api repos/OWNER/REPO/commits/TAG --jq .sha` prints, or the last line of `git ls-remote https://github.com/OWNER/REPO TAG 'TAG^{}'`. Tools that do it for all: pinact, ratchet, zizmor --fix. Dependabot and Renovate keep such pins up to date.",
	URL: "https://docs.github.com/en/actions/reference/security/secure-use#using-third-party-actions",
	CWE: "CWE-829",
}

// Scorecard: Pinned-Dependencies. zizmor: unpinned-images.
var unpinnedImage = workflow.Rule{
	ID:    "unpinned-image",
	Title: "Container image that is not pinned",
	Why:   "A tag can move, so tomorrow the job can run in another image than the one that you reviewed.",
	Help:  "Name the image by digest: `IMAGE:TAG@sha256:…`. `docker buildx imagetools inspect IMAGE:TAG` or `crane digest IMAGE:TAG` prints it.",
	URL:   "https://github.com/ossf/scorecard/blob/main/docs/checks.md#pinned-dependencies",
	CWE:   "CWE-829",
}

// GitHub: reusing workflows. zizmor: secrets-inherit.
var inheritedSecrets = workflow.Rule{
	ID:    "inherited-secrets",
	Title: "All secrets for a workflow that can change",
	Why:   "Anybody with write access to the other repository can read every secret of this repository and its organisation, also those added later.",
	Help:  "Name the secrets that the called workflow needs, one by one, under `secrets:`, and name the workflow by commit.",
	URL:   "https://docs.github.com/en/actions/how-tos/reuse-automations/reuse-workflows#passing-inputs-and-secrets-to-a-reusable-workflow",
	CWE:   "CWE-200",
}

var (
	commit    = lazy.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	reference = lazy.MustCompile(`^([\w.-]{1,100})/([\w.-]{1,100})(/[\w./-]{1,200})?@([\w./+-]{1,100})$`)
	branch    = lazy.MustCompile(`^(main|master|trunk|dev|devel|develop|development|head|HEAD|next|latest|nightly|stable|unstable|edge|release)$`)
	// provenance matches a workflow that must be named by tag, because it signs its own name
	// (https://github.com/slsa-framework/slsa-github-generator#referencing-slsa-builders-and-generators).
	provenance = lazy.MustCompile(`^slsa-framework/slsa-github-generator/\.github/workflows/[\w.-]+@v[0-9]+\.[0-9]+\.[0-9]+$`)
	ownerIs    = lazy.MustCompile(`github\.repository(?:_owner)?\s*[!=]=\s*["']([\w.-]+)`)
	image      = lazy.MustCompile(`^[\w.:/@-]{1,200}$`)
)

// owners returns the owners of this repository that the workflow's conditions name, in lower case.
func (j *judgement) owners() []string {
	var names []string
	look := func(s *actionlint.String) {
		for _, m := range ownerIs.FindAllStringSubmatch(text(s), -1) {
			names = append(names, strings.ToLower(m[1]))
		}
	}
	for _, job := range j.Jobs() {
		look(job.If)
		for _, s := range job.Steps {
			look(s.If)
		}
	}
	return names
}

// first reports whether an action is GitHub's own. GitHub can harm the workflow anyway.
func first(owner string) bool {
	return strings.EqualFold(owner, "actions") || strings.EqualFold(owner, "github")
}

// pinned reports a used action or reusable workflow that is not pinned.
func (j *judgement) pinned(uses *actionlint.String, job *actionlint.Job) {
	if uses == nil {
		return
	}
	if name, ok := strings.CutPrefix(uses.Value, "docker://"); ok {
		j.pinnedImage(uses, name, job)
		return
	}
	m := reference.FindStringSubmatch(uses.Value)
	if m == nil || commit.MatchString(m[4]) {
		return
	}
	name, ref := strings.TrimSuffix(uses.Value, "@"+m[4]), m[4]
	kind := "tag or branch"
	if branch.MatchString(ref) {
		kind = "branch"
	}
	called := strings.HasPrefix(m[3], "/.github/workflows/")
	if first(m[1]) && kind != "branch" || called && provenance.MatchString(uses.Value) {
		return
	}
	what, level := "action", 1
	if called {
		what = "workflow"
	}
	if kind == "branch" {
		level = 2
	}
	f := j.add(unpinnedAction, j.pinSeverity(m[1], m[3]), j.Place(uses),
		fmt.Sprintf("The %s %q is pinned to a %s, %q, which its owner can move.", what, name, kind, ref), job.ID.Value, strings.ToLower(name), kind)
	f.Help = strings.NewReplacer("OWNER/REPO@COMMIT", name+"@COMMIT", "OWNER/REPO", m[1]+"/"+m[2], "TAG", ref).Replace(f.Help)
	f.Extents = []scanners.Extent{{Of: "reference of " + strings.ToLower(name), To: level}}
	rest, ok := j.Rest(uses)
	if sha := j.commits[strings.ToLower(m[1]+"/"+m[2])+"@"+ref]; ok && rest == "" && sha != "" && !uses.Quoted {
		fix(f, "Use the commit that this file uses for the same version elsewhere", j.Place(uses), fmt.Sprintf("%s@%s # %s", name, sha, ref))
	}
}

// pinSeverity returns how bad it is that an action is not pinned.
func (j *judgement) pinSeverity(owner, folder string) scanners.Severity {
	// The owner of this repository is not known, but the contents of a .github folder nearly always
	// belong to the same organisation. An owner named in a condition only lowers the severity: the
	// pull request may have written the condition.
	if strings.HasPrefix(folder, "/.github/") || first(owner) || slices.Contains(j.own, strings.ToLower(owner)) {
		return scanners.Low
	}
	return scanners.Medium
}

// pinnedImage reports an image that is used as an action and not pinned.
func (j *judgement) pinnedImage(uses *actionlint.String, name string, job *actionlint.Job) {
	if image.MatchString(name) && !strings.Contains(name, "@sha256:") {
		j.floating(uses, name, fmt.Sprintf("This action is the image %q, which is not pinned to a digest.", name), job)
	}
}

// knownCommits returns the commit of each version of an action (OWNER/REPO@VERSION, OWNER/REPO in
// lower case) that the file pins with the version as a comment. The commit is empty if the file has
// several for one version.
func (j *judgement) knownCommits() map[string]string {
	known := map[string]string{}
	look := func(u *actionlint.String) {
		m := reference.FindStringSubmatch(text(u))
		if m == nil || !commit.MatchString(m[4]) {
			return
		}
		rest, _ := j.Rest(u)
		key := strings.ToLower(m[1]+"/"+m[2]) + "@" + strings.TrimSpace(strings.TrimPrefix(rest, "#"))
		if other, ok := known[key]; ok && other != m[4] {
			known[key] = "" // ambiguous
		} else {
			known[key] = m[4]
		}
	}
	for _, job := range j.Jobs() {
		if job.WorkflowCall != nil {
			look(job.WorkflowCall.Uses)
		}
		for _, s := range job.Steps {
			look(workflow.Action(s))
		}
	}
	return known
}

// reusable reports the problems of a job that calls another workflow.
func (j *judgement) reusable(job *actionlint.Job) {
	call := job.WorkflowCall
	if call == nil {
		return
	}
	j.pinned(call.Uses, job)
	m := reference.FindStringSubmatch(text(call.Uses))
	// A workflow pinned to a commit can be reviewed and does not change.
	if !call.InheritSecrets || m == nil || first(m[1]) || commit.MatchString(m[4]) || provenance.MatchString(call.Uses.Value) {
		return
	}
	name := m[1] + "/" + m[2] + m[3]
	j.add(inheritedSecrets, scanners.Low, j.Place(call.Uses),
		fmt.Sprintf("All secrets go to the workflow %q, which is not pinned to a commit.", name), job.ID.Value, strings.ToLower(name))
}

// images reports unpinned images of a job and its services.
func (j *judgement) images(job *actionlint.Job) {
	look := func(c *actionlint.Container, of string) {
		if c == nil || c.Image == nil || !image.MatchString(c.Image.Value) {
			return
		}
		name := c.Image.Value
		if tag := tag(name); strings.Contains(name, "@sha256:") || tag != "" && tag != "latest" {
			return
		}
		j.floating(c.Image, name, fmt.Sprintf("The image %q of %s has no fixed version.", name, of), job)
	}
	look(job.Container, "this job")
	if job.Services != nil {
		for _, s := range job.Services.Value {
			look(s.Container, "this service")
		}
	}
}

// floating reports an image that is not pinned. It is a note, which no default shows in a pull request: nearly
// every workflow with an image has one.
func (j *judgement) floating(at *actionlint.String, name, message string, job *actionlint.Job) {
	f := j.add(unpinnedImage, scanners.Note, j.Place(at), message, job.ID.Value, repository(name))
	f.Help = strings.NewReplacer("IMAGE:TAG@", name+"@", "IMAGE:TAG", name).Replace(f.Help)
}

func tag(name string) string {
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[i+1:]
	}
	return ""
}

func repository(name string) string { return strings.TrimSuffix(name, ":"+tag(name)) }
