package design

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// speaks are imports of programs that call others.
var speaks = rex(`^(net/http|net/url|golang\.org/x/oauth2.*|github\.com/go-resty/resty.*|resty\.dev/.*|github\.com/hashicorp/go-(retryablehttp|cleanhttp)|google\.golang\.org/(grpc|api).*|github\.com/(gorilla|coder)/websocket|nhooyr\.io/websocket|github\.com/valyala/fasthttp|github\.com/imroc/req.*|github\.com/dghubble/sling|github\.com/coreos/go-oidc.*|connectrpc\.com/connect|github\.com/machinebox/graphql|github\.com/shurcooL/(githubv4|graphql))$`)

var (
	hostCall = rex(`^(Get|Post|Put|Patch|Delete|Head|PostForm|Do|NewRequest|NewRequestWithContext|Dial\w*|SetBaseURL|SetHostURL|SetEndpoint|WithBaseURL|WithEndpoint|WithHost|BaseURL|Execute|NewProvider|NewClient|NewGraphQLClient|NewEnterpriseClient|R)$`)
	goWrap   = rex(`^(Sprintf|Parse|ParseRequestURI|JoinPath|Must|MustParse|Sprint|String|Join)$`)
	goNone   = rex(`^(Errorf|Error|New|Printf|Println|Print|Fprintf|Fprintln|Fprint|Info\w*|Warn\w*|Debug\w*|Fatal\w*|Log\w*|Contains|HasPrefix|HasSuffix|TrimPrefix|TrimSuffix|Equal|Replace|ReplaceAll|Wrap\w*|Panic\w*|Write\w*|Redirect)$`)
)

// goHosts finds the hosts that programs in Go call.
func goHosts(s *source) {
	g := s.goFile()
	if g == nil || !strings.Contains(string(s.text), "://") {
		return
	}
	calls := false
	for _, i := range g.imports() {
		calls = calls || speaks.MatchString(i)
	}
	h := goHostFinder{s, g, calls}
	ast.Inspect(g.file, h.visit)
}

type goHostFinder struct {
	s     *source
	g     *goSource
	calls bool
}

func (h goHostFinder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		return h.call(n)
	case *ast.ValueSpec:
		for i, v := range n.Values {
			if i < len(n.Names) {
				h.named(n.Names[i].Name, v)
			}
		}
	case *ast.AssignStmt:
		for i, v := range n.Rhs {
			if i < len(n.Lhs) && (n.Tok == token.ASSIGN || n.Tok == token.DEFINE) {
				h.named(lastName(n.Lhs[i]), v)
			}
		}
	case *ast.KeyValueExpr:
		h.named(lastName(n.Key), n.Value)
	}
	return true
}

func (h goHostFinder) named(name string, value ast.Expr) {
	if text, at := goString(value, 0); name != "" {
		h.add(text, at, weigh(name, h.calls))
	}
}

func (h goHostFinder) add(text string, at token.Pos, w weight) {
	if w != linked && text != "" {
		h.s.addHost(hostOf(text), h.g.line(at), w)
	}
}

// call reads the arguments of a call. It returns false for those whose arguments are only texts.
func (h goHostFinder) call(c *ast.CallExpr) bool {
	name := lastName(c.Fun)
	if goNone.MatchString(name) {
		return false
	}
	before := ""
	for _, arg := range c.Args {
		text, at := goString(arg, 0)
		if text == "" {
			continue
		}
		switch {
		case hostCall.MatchString(name) && h.calls:
			h.add(text, at, called)
		case before != "": // flags, settings and variables with a default
			h.add(text, at, weigh(before, true))
		}
		before = ""
		if !strings.Contains(text, " ") && len(text) < 60 {
			before = text
		}
	}
	return true
}

// lastName returns the last name of an expression such as cfg.BaseURL or "base_url"; empty for others.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.BasicLit:
		text, _ := goString(e, 0)
		return text
	case *ast.IndexExpr:
		return lastName(e.X)
	case *ast.StarExpr:
		return lastName(e.X)
	}
	return ""
}

// goString returns the beginning of the text that an expression makes, as far as it is stringAt.
func goString(e ast.Expr, depth int) (text string, at token.Pos) {
	if depth > 20 {
		return "", token.NoPos
	}
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			if t, err := strconv.Unquote(e.Value); err == nil {
				return t, e.Pos()
			}
		}
	case *ast.ParenExpr:
		return goString(e.X, depth+1)
	case *ast.BinaryExpr:
		for depth = 0; depth < 1000; depth++ {
			left, ok := e.X.(*ast.BinaryExpr)
			if !ok {
				break
			}
			e = left
		}
		if e.Op == token.ADD {
			return goString(e.X, 20)
		}
	case *ast.CallExpr:
		if len(e.Args) > 0 && goWrap.MatchString(lastName(e.Fun)) {
			return goString(e.Args[0], depth+1)
		}
	}
	return "", token.NoPos
}
