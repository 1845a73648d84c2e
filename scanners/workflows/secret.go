package workflows

import (
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

// zizmor: overprovisioned-secrets.
var allSecrets = workflow.Rule{
	ID:    "all-secrets",
	Title: "All secrets at once",
	Why:   "Each step of the job can read every secret of the repository and its organisation, also those added later.",
	Help:  "Name each secret that is needed: `${{ secrets.NAME }}`.",
	URL:   "https://docs.github.com/en/actions/reference/security/secure-use#use-secrets-for-sensitive-information",
	CWE:   "CWE-200",
}

// zizmor: unredacted-secrets.
var unredacted = workflow.Rule{
	ID:    "unredacted-secret",
	Title: "Part of a secret that logs can show",
	Why:   "GitHub hides only the whole text of a secret in logs. A part of its JSON stays readable.",
	Help:  "Store each part as a secret of its own, or print `::add-mask::` with the part before anything can log it.",
	URL:   "https://docs.github.com/en/actions/reference/security/secure-use#use-secrets-for-sensitive-information",
	CWE:   "CWE-532",
}

func (j *judgement) secretContexts(job *actionlint.Job) {
	for _, v := range values(job) {
		for e := range workflow.Expressions(v) {
			dump, part := false, false
			workflow.Visit(e.Node, func(n actionlint.ExprNode) {
				if call, ok := n.(*actionlint.FuncCallNode); ok && strings.EqualFold(call.Callee, "toJSON") && len(call.Args) == 1 {
					dump = dump || workflow.Name(call.Args[0]) == "secrets"
				}
				if deref, ok := n.(*actionlint.ObjectDerefNode); ok {
					call, ok := root(deref).(*actionlint.FuncCallNode)
					part = part || ok && strings.EqualFold(call.Callee, "fromJSON") && len(call.Args) == 1 && strings.HasPrefix(workflow.Name(call.Args[0]), "secrets.")
				}
			})
			if dump {
				j.add(allSecrets, scanners.Medium, j.Part(v, e.From, e.To), "This passes on every secret of the repository, as JSON.", job.ID.Value, e.Text)
			}
			if part {
				j.add(unredacted, scanners.Low, j.Part(v, e.From, e.To), "This takes a part out of a secret that is JSON, and logs hide only the whole secret.", job.ID.Value, e.Text)
			}
		}
	}
}

// root returns the expression that a chain of properties begins with.
func root(n actionlint.ExprNode) actionlint.ExprNode {
	for {
		switch x := n.(type) {
		case *actionlint.ObjectDerefNode:
			n = x.Receiver
		case *actionlint.IndexAccessNode:
			n = x.Operand
		case *actionlint.ArrayDerefNode:
			n = x.Receiver
		default:
			return n
		}
	}
}

// Palo Alto Unit 42: ArtiPACKED. zizmor: artipacked.
var uploadedCredentials = workflow.Rule{
	ID:    "uploaded-credentials",
	Title: "Token in an uploaded artifact",
	Why:   "The checkout leaves the job's token in .git/config. Anybody who can read the repository can download the artifact while the token is valid.",
	Help:  "Upload only the files that are needed, or check out with `persist-credentials: false`.",
	URL:   "https://unit42.paloaltonetworks.com/github-repo-artifacts-leak-tokens/",
	CWE:   "CWE-522",
}

// oldUpload matches versions of actions/upload-artifact that upload hidden files.
var oldUpload = lazy.MustCompile(`^v[123](\.|$)`)

// newCheckout matches versions of actions/checkout that keep the token outside the workspace.
var newCheckout = lazy.MustCompile(`^v?([6-9]|[1-9][0-9]+)(\.|$)`)

func (j *judgement) uploadedCredentials(job *actionlint.Job) {
	kept := false
	for _, s := range job.Steps {
		name, ref := workflow.Uses(s)
		switch name {
		case "actions/checkout":
			rest, _ := j.Rest(workflow.Action(s))
			isNew := newCheckout.MatchString(ref) || newCheckout.MatchString(strings.TrimSpace(strings.TrimPrefix(rest, "#")))
			kept = kept || !isNew && !workflow.Is(s, "persist-credentials", "false") && workflow.Input(s, "path") == nil
		case "actions/upload-artifact":
			path := workflow.Input(s, "path")
			hidden := workflow.Is(s, "include-hidden-files", "true") || oldUpload.MatchString(ref)
			if kept && hidden && path != nil && everything(path.Value) {
				j.add(uploadedCredentials, scanners.Medium, j.Place(path),
					"This uploads the whole working folder with its hidden files, and so the token that the checkout left in .git/config.", job.ID.Value).Extents = j.Token(job, "")
			}
		}
	}
}

func everything(path string) bool {
	for line := range strings.Lines(path) {
		switch strings.TrimSuffix(strings.TrimSpace(line), "/") {
		case ".", "*", "**", "./*", "./**", "**/*", "${{ github.workspace }}", "${{github.workspace}}":
			return !strings.Contains(path, "!")
		}
	}
	return false
}
