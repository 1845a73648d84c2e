package design

import (
	"bytes"
	"strings"
)

var (
	pyServer = rex(`\b(flask\w*|fastapi|starlette|sanic|aiohttp|quart|bottle|litestar|robyn|APIRouter|Blueprint|apiflask|ninja|falcon|connexion|chalice|blacksheep|azure\.functions)\b|\w*Router\(`)

	pyPrefix = rex(`(?m)^\s*(?P<name>[\w.]+)\s*(?::\s*[\w.]+\s*)?=\s*[\w.]*(?:Router|Blueprint|RouteTableDef|Namespace|APIBlueprint|Controller)\w*(?P<open>\()`)
	pyKey    = rex(`\b(?:url_)?prefix\s*=\s*[rf]?(?:"([^"]*)"|'([^']*)')`)

	pyRoute   = rex(`(?m)^[ \t]*@(?P<on>\w+(?:\.\w+)*)\.(?P<method>route|get|post|put|patch|delete|head|options|api_route|function_route)(?P<open>\()`)
	pyMethods = rex(`methods\s*=\s*[\[({]([^\])}]*)[\])}]`)
	pyPathArg = rex(`^\s*(?:(?:path|rule)\s*=\s*)?[rfb]?(?:"([^"\n]*)"|'([^'\n]*)')`)
	pyPathSym = rex(`^\s*(?:(?:path|rule)\s*=\s*)?([A-Za-z_][\w.]*)\s*(?:,|$)`)

	pyAdd      = rex(`\.(?P<method>add_url_rule|add_api_route|add_route|add_get|add_post|add_put|add_patch|add_delete|add_resource)(?P<open>\()`)
	pyList     = rex(`\b(?P<method>Route|web\.get|web\.post|web\.put|web\.patch|web\.delete|web\.view)(?P<open>\()\s*f?["']/`)
	pyTornado  = rex(`\(\s*r?f?(?:"(?P<one>/?[^"\n]*)"|'(?P<two>/?[^'\n]*)')\s*,\s*(?:[\w.]*\.)?\w*Handler\b`)
	pyTornado2 = rex(`\b(tornado|jupyter_server|ExtensionHandlerMixin|APIHandler)\b`)

	djPath     = rex(`\b(?P<method>path|re_path|url)\(\s*(?:r|f|rf|fr)?(?:"(?P<one>[^"\n]*)"|'(?P<two>[^'\n]*)')(?:\s*(?:r|f|rf)?(?:"[^"\n]*"|'[^'\n]*'))*\s*,\s*(?P<next>\w+)?`)
	djImports  = rex(`django\.urls|django\.conf\.urls`)
	djRouter   = rex(`(?m)^[ \t]*(?P<name>\w+)[ \t]*(?::[^=\n]{1,80})?=[ \t]*(?:\w+\.)*\w*Router\(`)
	djRegister = rex(`\b(?P<on>\w+)\.register\(\s*(?:prefix\s*=\s*)?r?(?:"(?P<one>[^"\n]*)"|'(?P<two>[^'\n]*)')\s*,`)
	djAction   = rex(`(?m)^[ \t]*@(?:action|detail_route|list_route)(?P<open>\()`)
	djURLPath  = rex(`url_path\s*=\s*r?(?:"([^"]*)"|'([^']*)')`)
	djGroup    = rex(`\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)`)
	pyDef      = rex(`^(?:\s*@[^\n]*\n|\s*\n|[ \t]+[^\n]*\n|\)\s*\n)*?\s*(?:async\s+)?def\s+(\w+)`)
	pyClass    = rex(`(?m)^\s*class\s+(?P<name>\w+)`)
)

// pyBare is a route of Litestar: @post("/p").
var pyBare = rex(`(?m)^[ \t]*@(?P<method>get|post|put|patch|delete)\(\s*(?:path\s*=\s*)?(?:"(?P<one>/[^"\n]*)"|'(?P<two>/[^'\n]*)')`)

// pyEntries reads the routes of files of Python.
func pyEntries(s *source) {
	if s.language != python || s.class != production {
		return
	}
	if bytes.Contains(s.code(), []byte("litestar")) {
		for _, h := range s.hits(pyBare) {
			s.route(h.group("method"), h.group("one")+h.group("two"), h.line())
		}
	}
	if pyServer.Match(s.code()) {
		pyDecorators(s)
		pyCalls(s)
	}
	djangoRoutes(s)
	if pyTornado2.Match(s.code()) {
		for _, h := range s.hits(pyTornado) {
			s.route("ANY", djangoPath(h.group("one")+h.group("two")), h.line())
		}
	}
}

func pyDecorators(s *source) {
	prefixes := map[string]string{}
	for _, h := range s.hits(pyPrefix) {
		text, _ := s.inner(h.offset("open"))
		if m := pyKey.FindStringSubmatch(text); m != nil {
			prefixes[h.group("name")] = m[1] + m[2]
		} else {
			prefixes[h.group("name")] = ""
		}
	}
	for _, h := range s.hits(pyRoute) {
		on := h.group("on")
		base, known := prefixes[on]
		text, _ := s.inner(h.offset("open"))
		p, ok := pyText(pyPathArg, text)
		if !ok {
			m := pyPathSym.FindStringSubmatch(text)
			if m == nil || !known && !pathName.MatchString(m[1]) || !pathName.MatchString(m[1]) {
				continue
			}
			p = m[1]
		} else if p != "" && !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "{") && (!known || strings.Contains(p, " ")) {
			continue
		}
		if on == "mock" || on == "responses" || strings.HasSuffix(on, "mock") || strings.HasSuffix(on, "_client") || on == "respx" {
			continue
		}
		for _, m := range pyMethodsOf(h.group("method"), text) {
			s.route(m, join(base, p), h.line())
		}
	}
}

// pyText returns the text that a pattern with two groups, one for each kind of quote, finds.
func pyText(re *lazyRegexp, text string) (string, bool) {
	m := re.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	return m[1] + m[2], true
}

// pyMethodsOf returns the methods of a route that is added by a function of this name.
func pyMethodsOf(name, args string) []string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "web."), "add_")
	if m := strings.ToUpper(name); methodList.MatchString(m) {
		return []string{m}
	}
	if m := pyMethods.FindStringSubmatch(args); m != nil {
		if all := literals(m[1]); len(all) > 0 {
			return all
		}
	}
	if name == "route" || name == "url_rule" || name == "api_route" || name == "Route" {
		if name != "route" || !strings.Contains(args, "methods") {
			return []string{"GET"}
		}
	}
	return []string{"ANY"}
}

// pyCalls reads app.add_url_rule("/p", …) and lists of routes: Route("/p", endpoint).
func pyCalls(s *source) {
	for _, re := range []*lazyRegexp{pyAdd, pyList} {
		for _, h := range s.hits(re) {
			text, _ := s.inner(h.offset("open"))
			if h.group("method") == "add_resource" {
				for _, part := range splitTop(text) {
					if p, ok := literalOf(part); ok && strings.HasPrefix(p, "/") {
						s.route("ANY", p, h.line())
					}
				}
				continue
			}
			p, ok := pyText(pyPathArg, text)
			if !ok || !strings.HasPrefix(p, "/") {
				continue
			}
			for _, m := range pyMethodsOf(h.group("method"), text) {
				s.route(m, p, h.line())
			}
		}
	}
}

// djangoRoutes reads the URL configuration of Django, and the view sets of its REST framework.
func djangoRoutes(s *source) {
	if djImports.Match(s.code()) || strings.Contains(s.path, "urls") {
		for _, h := range s.hits(djPath) {
			p := djangoPath(h.group("one") + h.group("two"))
			switch next := h.group("next"); {
			case strings.HasPrefix(strings.ToLower(next), "redirect"), next == "include" && p == "/":
				continue
			case next == "include":
				p = join(p, "*")
			}
			s.route("ANY", p, h.line())
		}
	}
	routers := map[string]bool{}
	for _, h := range s.hits(djRouter) {
		routers[h.group("name")] = true
	}
	for _, h := range s.hits(djRegister) {
		if on := h.group("on"); !routers[on] && !strings.Contains(strings.ToLower(on), "router") {
			continue
		}
		s.resource(djangoPath(h.group("one")+h.group("two")), h.line())
	}
	djangoActions(s)
}

// djangoActions reads the further routes of a view set: @action(detail=True, methods=["post"]).
func djangoActions(s *source) {
	classes, class := s.hits(pyClass), ""
	for _, h := range s.hits(djAction) {
		for len(classes) > 0 && classes[0].begin() < h.begin() {
			class, classes = classes[0].group("name"), classes[1:]
		}
		text, after := s.inner(h.offset("open"))
		if class == "" || !strings.Contains(text, "detail") && !strings.Contains(text, "methods") && !strings.Contains(text, "url_path") {
			continue
		}
		name := ""
		if m := pyDef.FindSubmatch(s.code()[after:min(len(s.code()), after+4000)]); m != nil {
			name = string(m[1])
		}
		if p, ok := pyText(djURLPath, text); ok {
			name = djangoPath(p)
		}
		methods := []string{"GET"}
		if m := pyMethods.FindStringSubmatch(text); m != nil && len(literals(m[1])) > 0 {
			methods = literals(m[1])
		}
		for _, m := range methods {
			s.route(m, "/<"+class+">/"+strings.Trim(name, "/"), h.line())
		}
	}
}

// djangoPath returns a path or regular expression of Django as a path: "/users/<pk>".
func djangoPath(p string) string {
	p = djGroup.ReplaceAllString(p, "<$1>")
	p = strings.TrimSuffix(strings.TrimPrefix(p, "^"), "$")
	p = strings.NewReplacer(`\.`, ".", `\/`, "/", "/?", "/", `\Z`, "").Replace(p)
	if p == "" {
		return "/"
	}
	return "/" + strings.TrimPrefix(p, "/")
}
