package workflows

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

// Synacktiv: "GitHub Actions exploitation: Dependabot". zizmor: bot-conditions.
var botCondition = workflow.Rule{
	ID:    "bot-condition",
	Title: "Check for a bot that others can pass",
	Why:   "The value names who caused the last event, not who wrote the pull request. An attacker can make a bot act on the attacker's own pull request.",
	Help:  "Compare `github.event.pull_request.user.login`, the author, instead.",
	URL:   "https://docs.github.com/en/code-security/dependabot/working-with-dependabot/automating-dependabot-with-github-actions",
	CWE:   "CWE-290",
}

// zizmor: unsound-contains.
var unsoundContains = workflow.Rule{
	ID:    "unsound-contains",
	Title: "Search in a text that should be a list",
	Why:   "contains() finds any part of a text, so a branch or user whose name is a part of it passes as well.",
	Help:  "Use a list: `contains(fromJSON('[\"a\", \"b\"]'), …)`, or compare with `==`.",
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
	const event = "pull_request_target"
	bots := map[actionlint.ExprNode]bool{}
	if j.On(event) && max(j.condGuard(cond, event), j.condGuard(job.If, event)) != closed && !asksAuthor(workflow.Condition(job.If), true) {
		for n, by := range botChecks(node, true) {
			bots[n] = true
			j.bot(by, cond, job)
		}
	}
	workflow.Visit(node, func(n actionlint.ExprNode) {
		call, ok := n.(*actionlint.FuncCallNode)
		if !ok || bots[n] || !strings.EqualFold(call.Callee, "contains") || len(call.Args) != 2 {
			return
		}
		list, ok := call.Args[0].(*actionlint.StringNode)
		if name := workflow.Name(call.Args[1]); ok && strings.ContainsAny(list.Value, " ,;|") && slices.Contains(chosen, name) {
			j.add(unsoundContains, scanners.Medium, j.Place(cond),
				fmt.Sprintf("The condition searches for %s anywhere in a text.", name), job.ID.Value, name, list.Value)
		}
	})
}

// A botCheck is a test whether somebody is a bot: the name of the value that is tested, and what for.
type botCheck struct{ actor, bot string }

// botChecks iterates over the tests by which a bot passes a condition that has to have the value is. It leaves
// out those beside a test of the pull request's author.
func botChecks(n actionlint.ExprNode, is bool) iter.Seq2[actionlint.ExprNode, botCheck] {
	return func(yield func(actionlint.ExprNode, botCheck) bool) { eachBotCheck(n, is, yield) }
}

func eachBotCheck(n actionlint.ExprNode, is bool, yield func(actionlint.ExprNode, botCheck) bool) bool {
	switch n := n.(type) {
	case *actionlint.NotOpNode:
		return eachBotCheck(n.Operand, !is, yield)
	case *actionlint.LogicalOpNode:
		if asksAuthor(n, is) {
			return true
		}
		return eachBotCheck(n.Left, is, yield) && eachBotCheck(n.Right, is, yield)
	case *actionlint.CompareOpNode:
		for _, side := range [][2]actionlint.ExprNode{{n.Left, n.Right}, {n.Right, n.Left}} {
			if b, ok := side[1].(*actionlint.BoolNode); ok {
				return eachBotCheck(side[0], b.Value == equal(n, is), yield)
			}
			if c := (botCheck{workflow.Name(side[0]), literal(side[1])}); equal(n, is) && c.ok() {
				return yield(n, c)
			}
		}
	case *actionlint.FuncCallNode:
		if is && len(n.Args) == 2 {
			if c := calledCheck(strings.ToLower(n.Callee), n.Args[0], n.Args[1]); c.actor != "" {
				return yield(n, c)
			}
		}
	}
	return true
}

// calledCheck returns the test that a function is, or none.
func calledCheck(callee string, a, b actionlint.ExprNode) botCheck {
	switch callee {
	case "startswith", "endswith", "contains":
	default:
		return botCheck{}
	}
	if name := workflow.Name(a); slices.Contains(actors, name) && botWord.MatchString(literal(b)) {
		return botCheck{name, literal(b)}
	}
	list := a
	if call, ok := a.(*actionlint.FuncCallNode); ok && strings.EqualFold(call.Callee, "fromJSON") && len(call.Args) == 1 {
		list = call.Args[0]
	}
	if name := workflow.Name(b); callee == "contains" && slices.Contains(actors, name) && strings.Contains(literal(list), "[bot]") {
		return botCheck{name, literal(list)}
	}
	return botCheck{}
}

func (c botCheck) ok() bool {
	switch {
	case slices.Contains(actors, c.actor):
		return strings.HasSuffix(c.bot, "[bot]")
	case slices.Contains(actorIDs, c.actor):
		return slices.Contains(botIDs, c.bot)
	}
	return c.actor == "github.event.sender.type" && strings.EqualFold(c.bot, "Bot")
}

func literal(n actionlint.ExprNode) string {
	switch n := n.(type) {
	case *actionlint.StringNode:
		return n.Value
	case *actionlint.IntNode:
		return strconv.Itoa(n.Value)
	}
	return ""
}

var (
	// actors and actorIDs are the names of values that say who caused the last event.
	actors   = []string{"github.actor", "github.triggering_actor", "github.event.sender.login", "github.event.pull_request.sender.login"}
	actorIDs = []string{"github.actor_id", "github.event.sender.id", "github.event.pull_request.sender.id"}
	// botIDs are the numbers of Dependabot (the user, its app and its predecessor), Renovate and GitHub Actions.
	botIDs  = []string{"49699333", "29110", "27856297", "29139614", "41898282"}
	botWord = lazy.MustCompile(`(?i)bot\b|\[bot|^renovate|^dependabot`)
	author  = lazy.MustCompile(`^github\.event\.pull_request\.user\.(login|id)$`)
)

// asksAuthor reports whether a condition that has the value is asks for the author of the pull request.
func asksAuthor(n actionlint.ExprNode, is bool) bool {
	switch n := n.(type) {
	case *actionlint.NotOpNode:
		return asksAuthor(n.Operand, !is)
	case *actionlint.LogicalOpNode:
		if (n.Kind == actionlint.LogicalOpNodeKindAnd) == is {
			return asksAuthor(n.Left, is) || asksAuthor(n.Right, is)
		}
		return asksAuthor(n.Left, is) && asksAuthor(n.Right, is)
	case *actionlint.CompareOpNode:
		return equal(n, is) && (isAuthor(n.Left) && literal(n.Right) != "" || isAuthor(n.Right) && literal(n.Left) != "")
	case *actionlint.FuncCallNode:
		return is && slices.ContainsFunc(n.Args, isAuthor)
	}
	return false
}

// equal reports whether both sides of a comparison are equal if it has the value is.
func equal(n *actionlint.CompareOpNode, is bool) bool {
	return n.Kind == actionlint.CompareOpNodeKindEq && is || n.Kind == actionlint.CompareOpNodeKindNotEq && !is
}

func isAuthor(n actionlint.ExprNode) bool { return author.MatchString(workflow.Name(n)) }

// bot reports a test that lets a bot pass in a workflow that outsiders can trigger.
func (j *judgement) bot(by botCheck, cond *actionlint.String, job *actionlint.Job) {
	f := j.add(botCondition, scanners.Medium, j.Place(cond), fmt.Sprintf("The condition uses %s as the author of the pull request.", by.actor), job.ID.Value, by.bot)
	instead := "github.event.pull_request.user.login"
	switch {
	case slices.Contains(actorIDs, by.actor):
		instead = "github.event.pull_request.user.id"
	case !slices.Contains(actors, by.actor):
		instead = "github.event.pull_request.user.type"
	}
	if from := strings.Index(cond.Value, by.actor); len(j.Workflow.On) == 1 && strings.Count(cond.Value, by.actor) == 1 {
		fix(f, "Compare the author of the pull request", j.Part(cond, from, from+len(by.actor)), instead)
	}
}
