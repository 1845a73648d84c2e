package design

import (
	"go/ast"
	"strings"
)

// A methodList is one argument of methods: "GET", "GET,POST".
var methodList = rex(`^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|\*)(\s*,\s*(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS))*$`)

// adder reads X.Handle("/p", h), and those with a method before or after the path. receiver is nil for a function of
// the file.
func (v goVisitor) adder(call *ast.CallExpr, receiver ast.Expr, name string) {
	args := call.Args
	if name == "Register" || len(args) == 0 { // huma.Register(api, huma.Operation{…}, h): table reads it
		return
	}
	wrapped := receiver == nil
	if _, ok := v.path(args[0]); !ok && len(args) > 2 && (name == "HandleFunc" || name == "Handle") && goName(args[0]) != "" {
		wrapped, args = true, args[1:] // a function around a router: HandleFunc(mux, "/p", h, "GET")
	}
	if len(args) < 2 || !v.adds(receiver, name) {
		return
	}
	method := "ANY"
	if m, ok := goText(args[0], v.constants); ok && methodList.MatchString(m) {
		method, args = m, args[1:]
	} else if name == "Method" || name == "MethodFunc" || name == "HandlePath" || name == "Add" || name == "Match" {
		if name != "Match" {
			return
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return
	}
	p, ok := v.path(args[0])
	if !ok || !strings.Contains(p, "/") && !pathName.MatchString(p) {
		return
	}
	rest := args[1:]
	for len(rest) > 0 && wrapped { // methods at the end, as text
		m, ok := goText(rest[len(rest)-1], v.constants)
		if !ok || !methodList.MatchString(m) {
			break
		}
		method, rest = m, rest[:len(rest)-1]
	}
	if len(rest) > 1 {
		if m, ok := goText(rest[0], v.constants); ok && methodList.MatchString(m) { // macaron: m.Route("/p", "GET,POST", h)
			method, rest = m, rest[1:]
		}
	}
	if !handlers(rest) {
		return
	}
	base := ""
	if receiver != nil {
		base, _ = v.prefixOf(receiver)
	}
	v.addPattern(method, base, p, name, v.g.line(call.Lparen))
}

// adds reports whether a call of this name on the receiver adds a route.
func (v goVisitor) adds(receiver ast.Expr, name string) bool {
	switch name {
	case "Route", "Mount", "Add", "Match", "Method", "Handler":
		return receiver != nil && v.router && v.isRouter(receiver)
	case "Handle":
		return receiver != nil && (v.http || v.router) && !clientName.MatchString(strings.TrimPrefix(lastPart(goName(receiver)), "http"))
	}
	return v.http || v.router
}

// addPattern adds the routes of a pattern of net/http, "GET example.com/p", or of another router.
func (v goVisitor) addPattern(method, base, p, name string, line int) {
	if m, rest, ok := strings.Cut(p, " "); ok && methodList.MatchString(m) {
		method, p = m, strings.TrimSpace(rest)
	}
	if i := strings.IndexByte(p, '/'); i > 0 && !isUnknown(p) {
		p = p[i:] // without the host
	}
	if name == "Mount" {
		p = join(p, "*")
	}
	for m := range strings.SplitSeq(strings.ReplaceAll(method, "*", "ANY"), ",") {
		v.s.route(strings.TrimSpace(m), join(base, strings.TrimSuffix(p, "{$}")), line)
	}
}

// table reads an entry of a table of routes: {Method: "GET", Path: "/p", Handler: h}, and huma.Operation.
func (v goVisitor) table(lit *ast.CompositeLit) {
	kind := goName(lit.Type)
	if strings.Contains(kind, "http.Request") || strings.HasSuffix(kind, "URL") {
		return
	}
	method, p, handler := "ANY", "", kind == "huma.Operation"
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		text, isText := goText(kv.Value, v.constants)
		switch key := goName(kv.Key); {
		case isText && (key == "Method" || key == "method" || key == "HttpMethod" || key == "HTTPMethod"):
			method = text
		case isText && (key == "Path" || key == "path" || key == "Pattern" || key == "pattern" || key == "Endpoint"):
			p = text
		case strings.HasPrefix(key, "Handler") || strings.HasPrefix(key, "handler") || key == "HandleFunc":
			handler = !isText
		}
	}
	if handler && strings.HasPrefix(p, "/") && (method == "ANY" || methodList.MatchString(method)) {
		v.s.route(method, p, v.g.line(lit.Pos()))
	}
}
