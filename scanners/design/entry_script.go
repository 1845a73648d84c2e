package design

import (
	"strings"
)

var (
	jsServer = rex(`['"](express|express-promise-router|koa-router|@koa/router|koa-tree-router|hono|@hono/[\w-]+|fastify|@fastify/[\w-]+|fastify-plugin|restify|polka|find-my-way|elysia|@hapi/hapi|hapi|h3|itty-router|@tinyhttp/app|router|oak|@oak/oak|hyper-express|json-server|lambda-api|uWebSockets\.js)['"/]`)

	// jsRouter declares a router: const x = express.Router().
	jsRouter = rex(`\b(?P<name>[A-Za-z_$][\w$]*)(?:\s*:\s*[\w.<>, ]+)?\s*=\s*(?:await\s+)?(?:new\s+)?(?:express\.Router|Router|PromiseRouter|express|fastify|Fastify|Hono|OpenAPIHono|KoaRouter|Koa\.Router|Elysia|polka|restify\.createServer|AutoRouter|IttyRouter|createRouter|Hapi\.server|Application|createApp|app\.route|createHonoApp)\s*(?:<[^()]*>)?\(\s*(?P<options>\{[^}]{0,300})?`)

	// jsParameter is a router as a parameter with its type.
	jsParameter = rex(`\b(?P<name>[A-Za-z_$][\w$]*)\s*:\s*(?:express\.)?(?:Router|Express|Application|FastifyInstance|IRouter|Hono|Koa)\b`)

	jsRoute = rex(`\b(?P<on>[A-Za-z_$][\w$]*)\s*\.(?P<method>get|post|put|patch|delete|del|all|options|head)\s*(?:<[^()\n]*>)?\(\s*(?P<path>'[^'\n]*'|"[^"\n]*"|` + "`[^`\n]*`" + `|\[[^\]\n]*\]|[A-Za-z_$][\w$.]*|/\^[^\n]*?/\w*)\s*,\s*(?P<next>\S)`)

	jsChained = rex(`(?m)(?:^\s*|\))\.(?P<method>get|post|put|patch|delete|all)\s*(?:<[^()\n]*>)?\(\s*(?P<path>'/[^'\n]*'|"/[^"\n]*"|` + "`/[^`\n]*`" + `)\s*,\s*(?P<next>\S)`)
	jsOn      = rex(`\.(?:on)\(\s*\[?\s*(?P<method>['"](?:GET|POST|PUT|PATCH|DELETE)['"][^)\]]{0,60}\]?)\s*,\s*(?P<path>['"]/[^'"\n]*['"])\s*,`)
	jsRouteOf = rex(`\b(?P<on>[A-Za-z_$][\w$]*)\s*\.route\(\s*(?P<path>['"` + "`" + `]/[^'"` + "`" + `\n]*['"` + "`" + `])\s*\)`)
	jsRouteIn = rex(`\b(?P<on>[A-Za-z_$][\w$]*)\s*\.(?:route|openapi)\(\s*(?:createRoute\(\s*)?(?P<open>[\[{])`)
	jsMount   = rex(`\b(?:[A-Za-z_$][\w$]*)\s*\.(?:use|route|register)\(\s*(?P<path>['"]/[^'"\n]*['"])\s*,(?P<rest>[^;\n]*)`)
	jsVerbs   = rex(`^\s*\.(get|post|put|patch|delete|all)\s*\(`)

	jsTable = rex(`\bmethod\s*:\s*\[?\s*['"](?P<method>[A-Za-z*]+)['"](?P<more>[^\]\n}]*)\]?`)
	jsPath  = rex(`\b(?:path|url)\s*:\s*(['"` + "`" + `]/[^'"` + "`" + `\n]*['"` + "`" + `])`)

	jsServerName = rex(`^(app|server|fastify|hono|.*[rR]outer|.*App)$`)
	jsClientPath = rex(`(?i)(^|/)(frontend|client|web-?client|ui|webapp)/(src/)?(app|components|pages|views|hooks|lib|api|services|utils)/.*`)
	jsMocks      = rex(`['"](msw|nock|miragejs|axios-mock-adapter|supertest)['"/]`)
)

var (
	firebase   = rex(`['"](firebase-functions|@google-cloud/functions-framework)[/'"]`)
	jsFunction = rex(`\bexport(?:s\.|\s+const\s+)(?P<name>\w+)\s*=\s*(?:\w+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?\s*\.\s*)*on(?:Request|Call)(?:<[^()]*>)?\(|\bfunctions\.http\(\s*['"](?P<other>\w+)['"]`)
)

// jsEntries reads the routes of servers in JavaScript and TypeScript.
func jsEntries(s *source) {
	if s.language != javascript || s.class != production || jsMocks.Match(s.code()) {
		return
	}
	nestRoutes(s)
	trpcRoutes(s)
	if firebase.Match(s.code()) {
		for _, h := range s.hits(jsFunction) {
			s.route("ANY", "/"+first(h, "name", "other"), h.line())
		}
	}
	imports := jsServer.Match(s.code())
	if !imports && jsClientPath.MatchString(s.path) {
		return
	}
	j := jsFile{s: s, imports: imports, declared: map[string]string{}}
	for _, h := range s.hits(jsRouter) {
		p := ""
		if m := jsPrefix.FindStringSubmatch(h.group("options")); m != nil {
			p = m[1]
		}
		j.declared[h.group("name")] = p
	}
	for _, h := range s.hits(jsParameter) {
		j.declared[h.group("name")] = ""
	}
	for _, h := range s.hits(jsMount) {
		p, _ := literalOf(h.group("path"))
		for _, word := range words.FindAllString(h.group("rest"), -1) {
			if old, ok := j.declared[word]; ok && old == "" {
				j.declared[word] = p
			}
		}
	}
	j.calls()
	j.objects()
}

var (
	words    = rex(`[A-Za-z_$][\w$]*`)
	jsPrefix = rex(`prefix\s*:\s*['"]([^'"]*)['"]`)
)

// A jsFile is what is known about a file of a server.
type jsFile struct {
	s        *source
	imports  bool              // it imports a server
	declared map[string]string // its routers, and where it mounts them
}

// serves reports whether a name is a router, and where it is mounted.
func (j jsFile) serves(name string) (prefix string, ok bool) {
	if p, ok := j.declared[name]; ok {
		return p, true
	}
	return "", jsServerName.MatchString(name)
}

// calls reads router.get("/p", …), and its chained forms.
func (j jsFile) calls() {
	for _, h := range j.s.hits(jsRoute) {
		base, ok := j.serves(h.group("on"))
		if !ok {
			continue
		}
		_, declared := j.declared[h.group("on")]
		next := h.group("next")
		if strings.ContainsAny(next, "'\"`0123456789-") || next == "{" && !j.imports && !declared {
			continue
		}
		for _, p := range j.paths(h.group("path"), declared) {
			j.s.route(jsMethod(h.group("method")), join(base, p), h.line())
		}
	}
	if j.imports {
		for _, h := range j.s.hits(jsChained) {
			if p, ok := literalOf(h.group("path")); ok && strings.ContainsAny(h.group("next"), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$([") {
				j.s.route(jsMethod(h.group("method")), p, h.line())
			}
		}
		for _, h := range j.s.hits(jsOn) {
			p, _ := literalOf(h.group("path"))
			for _, m := range literals(h.group("method")) {
				j.s.route(m, p, h.line())
			}
		}
	}
	for _, h := range j.s.hits(jsRouteOf) {
		base, ok := j.serves(h.group("on"))
		p, _ := literalOf(h.group("path"))
		if !ok {
			continue
		}
		for at := h.end(); ; {
			m := jsVerbs.FindSubmatchIndex(j.s.code()[at:])
			if m == nil {
				break
			}
			j.s.route(jsMethod(string(j.s.code()[at+m[2]:at+m[3]])), join(base, p), j.s.lineAt(at+m[2]))
			at = j.s.past(at + m[1] - 1)
		}
	}
}

// objects reads server.route({method: "GET", path: "/p", handler}), one or a list.
func (j jsFile) objects() {
	if !j.imports {
		return
	}
	for _, h := range j.s.hits(jsRouteIn) {
		base, ok := j.serves(h.group("on"))
		if !ok {
			continue
		}
		at := h.offset("open")
		text, _ := j.s.inner(at)
		list := []string{text}
		if text != "" && j.s.code()[at] == '[' {
			list = splitTop(text)
		}
		for _, object := range list {
			method, p := jsTable.FindStringSubmatch(object), jsPath.FindStringSubmatch(object)
			if method == nil || p == nil {
				continue
			}
			path, _ := literalOf(p[1])
			line := j.s.lineAt(at + 1 + max(0, strings.Index(text, object)) + max(0, strings.Index(object, p[0])))
			for _, m := range append([]string{method[1]}, literals(method[2])...) {
				if methodList.MatchString(strings.ToUpper(m)) {
					j.s.route(jsMethod(m), join(base, path), line)
				}
			}
		}
	}
}

// paths returns the paths of the first argument of a route. declared says that the receiver is a router for sure.
func (j jsFile) paths(arg string, declared bool) (all []string) {
	switch {
	case strings.HasPrefix(arg, "["):
		return literals(arg)
	case strings.HasPrefix(arg, "/^"):
		return []string{arg}
	}
	if p, ok := literalOf(arg); ok {
		if strings.HasPrefix(p, "/") || p == "*" || strings.HasPrefix(p, "${") || (declared || j.imports) && !strings.Contains(p, " ") && strings.Contains(p, "/") {
			return []string{p}
		}
		return nil
	}
	if (declared || j.imports) && pathName.MatchString(arg) {
		return []string{arg}
	}
	return nil
}

func jsMethod(m string) string {
	switch m = strings.ToUpper(m); m {
	case "DEL":
		return "DELETE"
	case "ALL", "*":
		return "ANY"
	}
	return m
}

var (
	nestController = rex(`@(?:\w*Rest|Json|Api|Internal|RootLevel)?Controller(?P<open>\()`)
	nestRoute      = rex(`@(?P<method>Get|Post|Put|Patch|Delete|All|Sse|Head)(?P<open>\()`)
	nestPath       = rex(`path\s*:\s*(\[[^\]]*\]|['"` + "`" + `][^'"` + "`" + `]*['"` + "`" + `])`)
)

// nestRoutes reads the decorators of classes: @Controller("p") and @Get("q").
func nestRoutes(s *source) {
	controllers := s.hits(nestController)
	if len(controllers) == 0 {
		return
	}
	base, next := "", 0
	for _, h := range s.hits(nestRoute) {
		for next < len(controllers) && controllers[next].begin() < h.begin() {
			base = "/"
			if all := nestPaths(s, controllers[next]); len(all) > 0 {
				base = all[0]
			}
			next++
		}
		if next == 0 {
			continue
		}
		paths := nestPaths(s, h)
		if len(paths) == 0 {
			paths = []string{""}
		}
		for _, p := range paths {
			method := jsMethod(h.group("method"))
			if method == "SSE" {
				method = "GET"
			}
			s.route(method, join("/"+strings.Trim(base, "/"), p), h.line())
		}
	}
}

func nestPaths(s *source, h hit) []string {
	text, _ := s.inner(h.offset("open"))
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		m := nestPath.FindStringSubmatch(text)
		if m == nil {
			return nil
		}
		return literals(m[1])
	}
	parts := splitTop(text)
	if len(parts) == 0 {
		return nil
	}
	if all := literals(parts[0]); len(all) > 0 {
		return all
	}
	return []string{parts[0]}
}

var (
	trpcImport = rex(`@trpc/server|[pP]rocedure\b`)
	trpcRoute  = rex(`(?m)^\s*(?:(?P<name>[A-Za-z_$][\w$]*)\s*:\s*|(?:export\s+)?const\s+(?P<const>[A-Za-z_$][\w$]*)\s*=\s*)(?P<base>[a-zA-Z_$][\w$]*[pP]rocedure\w*|t\.procedure)\b`)
	trpcKind   = rex(`^\s*\.\s*(\w+)\s*\(`)
)

// trpcRoutes reads procedures: name: protectedProcedure.input(…).mutation(…), and const nameRoute = … in a file of its
// own, which a router names.
func trpcRoutes(s *source) {
	if !trpcImport.Match(s.code()) {
		return
	}
	for _, h := range s.hits(trpcRoute) {
		kind := ""
		for at := h.end(); ; {
			m := trpcKind.FindSubmatchIndex(s.code()[at:min(len(s.code()), at+20_000)])
			if m == nil {
				break
			}
			switch name := string(s.code()[at+m[2] : at+m[3]]); name {
			case "query", "mutation", "subscription":
				kind = strings.ToUpper(name)
			}
			at = s.past(at + m[1] - 1)
		}
		if kind == "" {
			continue
		}
		name := trpcName(s.path) + h.group("name")
		if own := h.group("const"); own != "" {
			name = procedureNoise.ReplaceAllString(own, "")
		}
		s.routes = append(s.routes, route{method: kind, path: name, line: h.line()})
		if strings.HasPrefix(strings.ToLower(h.group("base")), "public") || strings.HasPrefix(strings.ToLower(h.group("base")), "unauthed") {
			s.add("auth-exemption", h.group("base")+" "+name, h.line())
		}
	}
}

// trpcName names the router of a file after it: invoices.ts, invoices/router.ts.
func trpcName(file string) string {
	name := jsNoise.ReplaceAllString(stem(file), "")
	if dirs := strings.Split(file, "/"); name == "" && len(dirs) > 1 {
		name = dirs[len(dirs)-2]
	}
	if name == "" {
		return ""
	}
	return name + "."
}

var procedureNoise = rex(`(Route|Procedure|Endpoint)$`)

var jsNoise = rex(`(?i)^(index|router|_router|procedures)$|[.-]?router$`)
