package workflow

import (
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"
)

// maxExpression is how long an expression may be: GitHub does not evaluate longer ones
// ("Exceeded max expression length 21000"), and the parser is recursive.
const maxExpression = 21000

// An Expression is one ${{ … }} of a value.
type Expression struct {
	Node     actionlint.ExprNode
	From, To int    // its range of bytes in the value, braces included
	Text     string // the text of these bytes
}

// Expressions iterates over the expressions of a value. It leaves out those that do not parse: GitHub
// refuses them too.
func Expressions(s *actionlint.String) iter.Seq[Expression] {
	return func(yield func(Expression) bool) {
		if s == nil {
			return
		}
		for at := 0; ; {
			i := strings.Index(s.Value[at:], "${{")
			if i < 0 {
				return
			}
			from := at + i
			at = from + len("${{")
			src := s.Value[at:min(len(s.Value), at+maxExpression)]
			lexer := actionlint.NewExprLexer(src)
			node, err := actionlint.NewExprParser().Parse(lexer)
			if err != nil {
				continue
			}
			at += lexer.Offset()
			if !yield(Expression{Node: node, From: from, To: at, Text: s.Value[from:at]}) {
				return
			}
		}
	}
}

// Condition returns the expression of an if, which needs no braces. It returns nil if s is nil, too long, or
// does not parse.
func Condition(s *actionlint.String) actionlint.ExprNode {
	if s == nil || len(s.Value) > maxExpression {
		return nil
	}
	src := strings.TrimSpace(s.Value)
	if inner, ok := strings.CutPrefix(src, "${{"); ok {
		src = strings.TrimSuffix(inner, "}}")
	}
	node, err := actionlint.NewExprParser().Parse(actionlint.NewExprLexer(src + "}}"))
	if err != nil {
		return nil
	}
	return node
}

// Visit calls f for n and all nodes below it.
func Visit(n actionlint.ExprNode, f func(actionlint.ExprNode)) {
	actionlint.VisitExprNode(n, func(node, _ actionlint.ExprNode, entering bool) {
		if entering {
			f(node)
		}
	})
}

// Name returns the dotted name of a context or of a context's property, such as github.event.number,
// or "".
func Name(n actionlint.ExprNode) string {
	switch n := n.(type) {
	case *actionlint.VariableNode:
		return n.Name
	case *actionlint.ObjectDerefNode:
		return dotted(n.Receiver, n.Property)
	case *actionlint.ArrayDerefNode:
		return dotted(n.Receiver, "*")
	case *actionlint.IndexAccessNode:
		if key, ok := n.Index.(*actionlint.StringNode); ok {
			return dotted(n.Operand, strings.ToLower(key.Value))
		}
		return dotted(n.Operand, "*")
	}
	return ""
}

func dotted(n actionlint.ExprNode, property string) string {
	if name := Name(n); name != "" {
		return name + "." + property
	}
	return ""
}

// Values returns the parts of an expression whose text can be in its result. It leaves out parts that are
// only compared or tested.
func Values(n actionlint.ExprNode) []actionlint.ExprNode {
	switch n := n.(type) {
	case *actionlint.LogicalOpNode:
		if n.Kind == actionlint.LogicalOpNodeKindAnd {
			return Values(n.Right) // the left one is the result only if it is false or empty
		}
		return append(Values(n.Left), Values(n.Right)...)
	case *actionlint.FuncCallNode:
		var values []actionlint.ExprNode
		switch strings.ToLower(n.Callee) {
		case "format", "join", "tojson", "fromjson", "case":
			for _, arg := range n.Args {
				values = append(values, Values(arg)...)
			}
		}
		return values
	case *actionlint.VariableNode, *actionlint.ObjectDerefNode, *actionlint.ArrayDerefNode, *actionlint.IndexAccessNode:
		return []actionlint.ExprNode{n}
	}
	return nil
}

// Literal reports whether an expression writes JSON into JavaScript where a value is expected.
// JSON is JavaScript, so that is safe whatever the JSON holds; between quotes it is not safe.
func Literal(code *actionlint.String, e Expression) bool {
	call, ok := e.Node.(*actionlint.FuncCallNode)
	before := strings.TrimRight(code.Value[:e.From], " \t")
	return ok && strings.EqualFold(call.Callee, "toJSON") && before != "" && strings.ContainsAny(before[len(before)-1:], "=(,[:?")
}

var quotedName = regexp.MustCompile(`"([^"]+)"`)

// Untrusted returns the names of the inputs that an outsider can write and that can be in the result of an
// expression, sorted. The roots define which inputs an outsider can write.
func Untrusted(n actionlint.ExprNode, roots actionlint.UntrustedInputSearchRoots) []string {
	var names []string
	for _, v := range Values(n) {
		checker := actionlint.NewUntrustedInputChecker(roots)
		checker.Init()
		actionlint.VisitExprNode(v, func(node, _ actionlint.ExprNode, entering bool) {
			if entering {
				checker.OnVisitNodeEnter(node)
			} else {
				checker.OnVisitNodeLeave(node)
			}
		})
		checker.OnVisitEnd()
		for _, err := range checker.Errs() {
			said, _, _ := strings.Cut(err.Message, ". ")
			for _, m := range quotedName.FindAllStringSubmatch(said, -1) {
				names = append(names, m[1])
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Outsiders reports whether somebody without any rights in the repository can set one of these
// inputs while the workflow runs with the repository's token and secrets. A pull request of a
// fork runs without them
// (https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflows-in-forked-repositories),
// except with pull_request_target. The callers of a reusable workflow, and the users of an action, are not known.
func (f *File) Outsiders(inputs []string) bool {
	return slices.ContainsFunc(inputs, func(name string) bool {
		switch {
		case name == "github.head_ref", strings.HasPrefix(name, "github.event.pull_request."), strings.HasPrefix(name, "github.event.changes."):
			return f.On("pull_request_target", "workflow_call")
		case strings.HasPrefix(name, "github.event.review"):
			return false
		case !strings.HasPrefix(name, "github."):
			return f.On("pull_request_target", "workflow_call", "issue_comment", "workflow_run")
		}
		return !f.Action
	})
}
