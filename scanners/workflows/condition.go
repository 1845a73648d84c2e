package workflows

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

// Synacktiv: "GitHub Actions exploitation: Dependabot". zizmor: bot-conditions.
var botCondition = workflow.Rule{
	ID:    "bot-condition",
	Title: "Check for a bot that others can pass",
	Why:   "github.actor is whoever caused the last event, and not the author: an outsider can make a bot act on a pull request of his own.",
	Help:  "Compare `github.event.pull_request.user.login`, the author, instead.",
	URL:   "https://docs.github.com/en/code-security/dependabot/working-with-dependabot/automating-dependabot-with-github-actions",
	CWE:   "CWE-290",
}

// zizmor: unsound-contains.
var unsoundContains = workflow.Rule{
	ID:    "unsound-contains",
	Title: "Search in a text that should be a list",
	Why:   "contains() finds any piece of a text, so a branch or a user with a name that is a piece of it passes as well.",
	Help:  "Give a list: `contains(fromJSON('[\"a\", \"b\"]'), …)`, or compare with `==`.",
	URL:   "https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#contains",
	CWE:   "CWE-697",
}

// chosen are the names of values that others choose.
var chosen = []string{"github.actor", "github.triggering_actor", "github.ref", "github.ref_name", "github.head_ref", "github.base_ref",
	"github.event.sender.login", "github.event.pull_request.user.login", "github.event.comment.user.login", "github.event.pull_request.head.ref"}

func (j *judgement) condition(cond *actionlint.String, job *actionlint.Job) {
	node := workflow.Condition(cond)
	if node == nil {
		return
	}
	workflow.Visit(node, func(n actionlint.ExprNode) {
		switch n := n.(type) {
		case *actionlint.CompareOpNode:
			j.bot(n, cond, job)
		case *actionlint.FuncCallNode:
			if !strings.EqualFold(n.Callee, "contains") || len(n.Args) != 2 {
				return
			}
			list, ok := n.Args[0].(*actionlint.StringNode)
			if name := workflow.Name(n.Args[1]); ok && strings.ContainsAny(list.Value, " ,;|") && slices.Contains(chosen, name) {
				j.add(unsoundContains, scanners.Medium, j.Place(cond),
					fmt.Sprintf("The condition looks for %s anywhere in a text.", name), job.ID.Value, name, list.Value)
			}
		}
	})
}

// bot reports a comparison that lets a bot pass in a workflow that outsiders can trigger.
func (j *judgement) bot(n *actionlint.CompareOpNode, cond *actionlint.String, job *actionlint.Job) {
	if !j.On("pull_request_target") || n.Kind != actionlint.CompareOpNodeKindEq {
		return
	}
	actor, who := n.Left, n.Right
	if _, ok := actor.(*actionlint.StringNode); ok {
		actor, who = who, actor
	}
	name, ok := who.(*actionlint.StringNode)
	if !ok || !strings.HasSuffix(name.Value, "[bot]") || workflow.Name(actor) != "github.actor" {
		return
	}
	f := j.add(botCondition, scanners.Medium, j.Place(cond), "The condition takes github.actor for the author of the pull request.", job.ID.Value, name.Value)
	if from := strings.Index(cond.Value, "github.actor"); len(j.Workflow.On) == 1 && strings.Count(cond.Value, "github.actor") == 1 {
		fix(f, "Compare the author of the pull request", j.Part(cond, from, from+len("github.actor")), "github.event.pull_request.user.login")
	}
}
