package design

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// routers are packages with routers.
var routers = rex(`go-chi/chi|gin-gonic/gin|labstack/echo|gofiber/fiber|gorilla/mux|julienschmidt/httprouter|dimfeld/httptreemux|uptrace/bunrouter|kataras/iris|beego|danielgtaylor/huma|macaron|flamego|zeromicro/go-zero|emicklei/go-restful|common/route$|bmizerany/pat|goji\.io|cloudwego/hertz|valyala/fasthttp|fasthttp/router|urfave/negroni|go-kit|httpserver$|routing$|/web$|pocketbase|gogf/gf|encore\.dev|fuego`)

var (
	routerName = rex(`(?i)(router|mux|engine|echo|fiber|group|grp|api|routes?|admin|public|private|auth|srv|server|web|app|v\d+)$|^(r|e|g|m|rg|rt|s)$`)
	routerType = rex(`(?i)(router|routes|mux|engine|echo|group|fiber\.App|\bApp|web|Macaron|Flame)\w*$`)
	clientName = rex(`(?i)client|resty|request|^(c|ctx|cache|store|db|http|headers?|req|resp|cfg|conf\w*|kv|viper)$`)
	pathName   = rex(`(?i)(route|path|url|endpoint|pattern|uri)`)
)

// verbs are the methods of routers that are named after methods of HTTP.
var verbs = map[string]string{
	"Get": "GET", "Post": "POST", "Put": "PUT", "Patch": "PATCH", "Delete": "DELETE", "Head": "HEAD", "Options": "OPTIONS",
	"GET": "GET", "POST": "POST", "PUT": "PUT", "PATCH": "PATCH", "DELETE": "DELETE", "HEAD": "HEAD", "OPTIONS": "OPTIONS",
	"Any": "ANY", "ANY": "ANY", "All": "ANY", "Del": "DELETE",
}

// adders are those that take the method as an argument, or take every method.
var adders = map[string]bool{
	"Handle": true, "HandleFunc": true, "Handler": true, "HandlerFunc": true, "Method": true, "MethodFunc": true,
	"Add": true, "Match": true, "HandleContext": true, "Route": true, "Mount": true, "HandlePath": true, "Register": true,
}

// goEntries reads the routes of a file of Go.
func goEntries(s *source) {
	g := s.goFile()
	if g == nil || s.class != production {
		return
	}
	w := &goWalk{s: s, g: g, constants: goConstants(g.file), types: map[string]string{}, used: map[ast.Node]bool{}}
	for _, i := range g.file.Imports {
		full := strings.Trim(i.Path.Value, "`\"")
		w.router = w.router || routers.MatchString(majorOf.ReplaceAllString(full, ""))
		w.http = w.http || full == "net/http"
		if full == "net/http/pprof" && i.Name != nil && i.Name.Name == "_" {
			s.route("ANY", "/debug/pprof", g.line(i.Pos()))
		}
	}
	w.noteTypes()
	for _, d := range g.file.Decls {
		ast.Walk(goVisitor{w, map[string]string{}}, d)
	}
}

var majorOf = rex(`/v\d+$`)

// A goWalk is what is known about a file while its calls are read.
type goWalk struct {
	s            *source
	g            *goSource
	constants    map[string]string
	types        map[string]string // of parameters, fields and variables, by name
	used         map[ast.Node]bool // calls whose result is a response, or which are read already
	router, http bool              // the file imports a router; net/http
}

// goConstants returns the texts of constants and variables that the file sets to one.
func goConstants(f *ast.File) map[string]string {
	all := map[string]string{}
	for _, d := range f.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, sp := range decl.Specs {
			v, ok := sp.(*ast.ValueSpec)
			if !ok {
				continue
			}
			for i, name := range v.Names {
				if i < len(v.Values) {
					if text, ok := goText(v.Values[i], all); ok {
						all[name.Name] = text
					}
				}
			}
		}
	}
	return all
}

// goText returns the text of an expression of literals and constants.
func goText(e ast.Expr, constants map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.Ident:
		text, ok := constants[e.Name]
		return text, ok
	case *ast.SelectorExpr:
		if m, ok := strings.CutPrefix(e.Sel.Name, "Method"); ok && m != "" {
			return strings.ToUpper(m), true
		}
	case *ast.ParenExpr:
		return goText(e.X, constants)
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, ok := goText(e.X, constants)
		right, also := goText(e.Y, constants)
		if !ok && also && strings.HasPrefix(right, "/") { // a base path of the configuration
			return right, true
		}
		return left + right, ok && also
	}
	return "", false
}

// goName returns how an expression is written, if it is a name.
func goName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x := goName(e.X); x != "" {
			return x + "." + e.Sel.Name
		}
	case *ast.StarExpr:
		return goName(e.X)
	case *ast.IndexExpr:
		return goName(e.X)
	}
	return ""
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// noteTypes notes the types of names, and the calls whose result is a response and not a route.
func (w *goWalk) noteTypes() {
	ast.Inspect(w.g.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, name := range n.Names {
				w.types[name.Name] = goName(n.Type)
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				w.types[name.Name] = goName(n.Type)
			}
		case *ast.AssignStmt:
			if len(n.Lhs) > 1 && len(n.Rhs) == 1 || len(n.Lhs) == 1 && strings.Contains(strings.ToLower(goName(n.Lhs[0])), "err") {
				w.used[n.Rhs[0]] = true
			}
		case *ast.ReturnStmt:
			for _, r := range n.Results {
				w.used[r] = true
			}
		}
		return true
	})
}

// A goVisitor reads calls where routers have prefixes, by name.
type goVisitor struct {
	*goWalk
	prefixes map[string]string
}

// Visit implements [ast.Visitor].
func (v goVisitor) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if len(n.Lhs) == len(n.Rhs) {
			for i, r := range n.Rhs {
				v.noteGroup(goName(n.Lhs[i]), r)
			}
		}
	case *ast.CompositeLit:
		v.table(n)
	case *ast.CallExpr:
		if v.used[n] && len(n.Args) < 2 {
			return v
		}
		if inner, body := v.group(n); body != nil {
			for _, a := range n.Args {
				if a != ast.Expr(body) {
					ast.Walk(v, a)
				}
			}
			ast.Walk(inner, body.Body)
			return nil
		}
		v.call(n)
	}
	return v
}

// noteGroup notes the prefix of a variable that is set to a group of routes: v1 := r.Group("/v1").
func (v goVisitor) noteGroup(name string, e ast.Expr) {
	call, ok := e.(*ast.CallExpr)
	if !ok || name == "" {
		return
	}
	if p, ok := v.prefixOf(call); ok {
		v.prefixes[name] = p
	}
}

// prefixOf returns the prefix of an expression that is a router.
func (v goVisitor) prefixOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.Ident, *ast.SelectorExpr:
		p, ok := v.prefixes[goName(e)]
		return p, ok
	case *ast.CallExpr:
		sel, ok := e.Fun.(*ast.SelectorExpr)
		if !ok {
			return "", false
		}
		base, known := v.prefixOf(sel.X)
		switch sel.Sel.Name {
		case "Group", "Route", "PathPrefix", "Party", "Path":
			if len(e.Args) > 0 {
				if p, ok := goText(e.Args[0], v.constants); ok {
					return join(base, p), true
				}
			}
		case "NewGroup":
			if len(e.Args) > 1 {
				if p, ok := goText(e.Args[1], v.constants); ok {
					return join(base, p), true
				}
			}
		}
		return base, known
	}
	return "", false
}

// group returns the function of a group of routes, r.Route("/p", func(r chi.Router) {…}), and its visitor.
func (v goVisitor) group(call *ast.CallExpr) (goVisitor, *ast.FuncLit) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Route" && sel.Sel.Name != "Group" && sel.Sel.Name != "PartyFunc" || len(call.Args) == 0 {
		return v, nil
	}
	var body *ast.FuncLit
	for _, a := range call.Args {
		if f, ok := a.(*ast.FuncLit); ok {
			body = f
			break
		}
	}
	if body == nil || body.Type.Params != nil && len(body.Type.Params.List) > 1 {
		return v, nil
	}
	base, _ := v.prefixOf(sel.X)
	p, _ := goText(call.Args[0], v.constants)
	inner := goVisitor{v.goWalk, map[string]string{}}
	for name, value := range v.prefixes {
		inner.prefixes[name] = value
	}
	names := []string{goName(sel.X)} // without a parameter the router itself has the prefix: macaron
	if body.Type.Params != nil && len(body.Type.Params.List) == 1 {
		names = nil
		for _, n := range body.Type.Params.List[0].Names {
			names = append(names, n.Name)
		}
	}
	for _, name := range names {
		inner.prefixes[name] = join(base, p)
	}
	return inner, body
}

// call reads one call, which may add a route.
func (v goVisitor) call(call *ast.CallExpr) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	name := ""
	if ok {
		name = sel.Sel.Name
	} else if id, isName := call.Fun.(*ast.Ident); isName && (id.Name == "HandleFunc" || id.Name == "handleFunc") {
		v.adder(call, nil, "HandleFunc") // a closure that wraps a router
		return
	}
	if !ok || v.used[call] {
		return
	}
	switch {
	case name == "Methods" || name == "To" || name == "Schemes" || name == "Name":
		v.chain(call, sel)
	case (name == "HandlerFunc" || name == "Handler") && len(call.Args) == 1 && v.router:
		v.built(call, sel)
	case verbs[name] != "":
		v.verb(call, sel)
	case name == "Register" && goName(sel.X) == "huma", adders[name] && name != "Register":
		v.adder(call, sel.X, name)
	}
}

// chain reads gorilla's X.HandleFunc("/p", h).Methods("GET", "POST"), and go-restful's ws.GET("/p").To(h).
func (v goVisitor) chain(call *ast.CallExpr, sel *ast.SelectorExpr) {
	inner, ok := sel.X.(*ast.CallExpr)
	if !ok {
		return
	}
	x, ok := inner.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	switch {
	case sel.Sel.Name == "Methods" && (x.Sel.Name == "HandleFunc" || x.Sel.Name == "Handle" || x.Sel.Name == "HandlerFunc" || x.Sel.Name == "Handler"):
		v.used[inner] = true
		v.methods(call, inner, x)
	case sel.Sel.Name == "To" && verbs[x.Sel.Name] != "" && len(inner.Args) == 1:
		if p, ok := v.path(inner.Args[0]); ok {
			base, _ := v.prefixOf(x.X)
			v.s.route(verbs[x.Sel.Name], join(base, p), v.g.line(x.Sel.Pos()))
		}
	}
}

// built reads gorilla's r.Path("/p").Methods("GET").HandlerFunc(h), in each order.
func (v goVisitor) built(call *ast.CallExpr, sel *ast.SelectorExpr) {
	path, methods := false, []string(nil)
	for e := sel.X; ; {
		inner, ok := e.(*ast.CallExpr)
		if !ok {
			break
		}
		x, ok := inner.Fun.(*ast.SelectorExpr)
		if !ok {
			break
		}
		path = path || x.Sel.Name == "Path" || x.Sel.Name == "PathPrefix"
		for _, a := range inner.Args {
			if m, ok := goText(a, v.constants); ok && x.Sel.Name == "Methods" {
				methods = append(methods, m)
			}
		}
		e = x.X
	}
	if !path || !handlers(call.Args) {
		return
	}
	if methods == nil {
		methods = []string{"ANY"}
	}
	for _, m := range methods {
		if full, ok := v.prefixOf(sel.X); ok {
			v.s.route(m, full, v.g.line(call.Pos()))
		}
	}
}

// methods adds the routes of X.HandleFunc("/p", h).Methods(…).
func (v goVisitor) methods(call, inner *ast.CallExpr, x *ast.SelectorExpr) {
	base, known := v.prefixOf(x.X)
	p, ok := "", known
	if len(inner.Args) > 1 {
		if p, ok = v.path(inner.Args[0]); ok {
			p = join(base, p)
		}
	} else {
		p = base
	}
	if !ok {
		return
	}
	found := false
	for _, a := range call.Args {
		if m, ok := goText(a, v.constants); ok && m != "OPTIONS" {
			v.s.route(m, p, v.g.line(inner.Pos()))
			found = true
		}
	}
	if !found {
		v.s.route("ANY", p, v.g.line(inner.Pos()))
	}
}

// verb reads X.Get("/p", h).
func (v goVisitor) verb(call *ast.CallExpr, sel *ast.SelectorExpr) {
	receiver := goName(sel.X)
	if receiver == "http" || !v.isRouter(sel.X) {
		return
	}
	base, known := v.prefixOf(sel.X)
	args := call.Args
	if receiver == "huma" || receiver == "fuego" {
		args, base = args[min(1, len(args)):], ""
	}
	if len(args) == 0 {
		return
	}
	p, ok := v.path(args[0])
	if !ok || len(args) < 2 || !handlers(args[1:]) {
		// macaron: m.Combo("/p").Get(h)
		if combo := v.combo(sel.X); combo != "" && handlers(args) {
			v.s.route(verbs[sel.Sel.Name], combo, v.g.line(sel.Sel.Pos()))
		}
		return
	}
	if p != "" && !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "*") && !known && !isUnknown(p) {
		return
	}
	v.s.route(verbs[sel.Sel.Name], join(base, p), v.g.line(sel.Sel.Pos()))
}

func (v goVisitor) combo(e ast.Expr) string {
	for {
		call, ok := e.(*ast.CallExpr)
		if !ok {
			return ""
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return ""
		}
		if sel.Sel.Name == "Combo" && len(call.Args) > 0 {
			p, _ := goText(call.Args[0], v.constants)
			base, _ := v.prefixOf(sel.X)
			return join(base, p)
		}
		e = sel.X
	}
}

// isRouter reports whether an expression is a router, as far as its name, its type and the imports say.
func (v goVisitor) isRouter(e ast.Expr) bool {
	if _, known := v.prefixOf(e); known {
		return true
	}
	for {
		call, ok := e.(*ast.CallExpr)
		if !ok {
			break
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return v.router
		}
		e = sel.X
	}
	name := lastPart(goName(e))
	if name == "" {
		return false
	}
	if kind := v.types[name]; kind != "" {
		if clientName.MatchString(lastPart(kind)) && !strings.EqualFold(lastPart(kind), "context") {
			return false
		}
		if routerType.MatchString(kind) {
			return true
		}
	}
	return !clientName.MatchString(name) && (v.router || v.http && routerName.MatchString(name))
}

// handlers reports whether each argument can be a handler or middleware.
func handlers(args []ast.Expr) bool {
	for _, a := range args {
		switch a := a.(type) {
		case *ast.BasicLit:
			return false
		case *ast.Ident:
			if a.Name == "nil" || a.Name == "true" || a.Name == "false" {
				return false
			}
		case *ast.CompositeLit:
			if _, isMap := a.Type.(*ast.MapType); isMap {
				return false
			}
		case *ast.UnaryExpr:
			if _, isNew := a.X.(*ast.CompositeLit); a.Op == token.AND && !isNew {
				return false
			}
		}
	}
	return len(args) > 0
}

// path returns the path of an argument: its text, or the name of a constant of another file.
func (v goVisitor) path(e ast.Expr) (string, bool) {
	if text, ok := goText(e, v.constants); ok {
		return text, !strings.ContainsAny(text, " \n") || strings.Contains(text, " /") || strings.Contains(text, "|")
	}
	name := goName(e)
	if _, local := v.types[name]; !local && isUnknown(name) && (v.router || v.http) {
		return name, true
	}
	return "", false
}
