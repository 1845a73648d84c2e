package design

import (
	"bytes"
	"strings"
)

var (
	laravelRoute = rex(`\bRoute::(?P<chain>(?:\w+\([^;{}]*?\)\s*->\s*)*)(?P<method>get|post|put|patch|delete|options|any|match|resource|resources|apiResource|apiResources|view|livewire|singleton)(?P<open>\()`)
	laravelGroup = rex(`\bRoute::(?P<chain>(?:\w+\([^;{}]*?\)\s*->\s*)*)group(?P<open>\()`)
	laravelPre   = rex(`\bprefix\(\s*['"]([^'"]*)['"]|['"]prefix['"]\s*=>\s*['"]([^'"]*)['"]`)

	phpRouter = rex(`\$(?P<on>app|router|group|r|routes|route|this->router|api)->(?P<method>get|post|put|patch|delete|any|map|group|prefix|resource)(?P<open>\()`)
	phpMicro  = rex(`Slim\\|Lumen|RouteCollectorProxy|Mezzio|FastRoute|\$router->|League\\Route`)

	symfonyRoute = rex(`#\[(?:\w+\\)*Route(?P<open>\()`)
	symfonyOld   = rex(`(?m)^\s*\*\s*@(?:Route|\w+\\Route)\(\s*(?:path\s*=\s*)?"(?P<path>[^"\n]*)"(?P<rest>[^\n]*)`)
	symfonyPath  = rex(`^(?:path\s*:\s*)?['"]([^'"]*)['"]`)
	symfonyMeth  = rex(`methods\s*[:=]\s*(?:\[([^\]]*)\]|\{([^}]*)\}|(['"]\w+['"]))`)
	phpClass     = rex(`^(?:\s|#\[[^\n]*\]|final\b|abstract\b|readonly\b|\*[^\n]*\n|\*/|/)*class\s+\w`)
	symfonyYAML  = rex(`(^|/)(config|Resources/config)/.*rout(es?|ing)[^/]*(/[^/]*)?\.ya?ml$`)
)

// phpEntries reads the routes of Laravel, Symfony, Slim and Lumen.
func phpEntries(s *source) {
	if s.class != production {
		return
	}
	if s.language == yaml && symfonyYAML.MatchString(s.path) {
		symfonyConfig(s)
	}
	if s.language != php {
		return
	}
	groups := laravelGroups(s)
	for _, h := range s.hits(laravelRoute) {
		text, _ := s.inner(h.offset("open"))
		base := prefixAt(groups, h.begin())
		for _, m := range laravelPre.FindAllStringSubmatch(h.group("chain"), -1) {
			base = join(base, m[1]+m[2])
		}
		s.phpRoute(h.group("method"), base, text, h.line())
	}
	if phpMicro.Match(s.code()) {
		s.phpCalls()
	}
	symfony(s)
	wordPress(s)
}

var (
	wordPressRoute = rex(`\bregister_rest_route(?P<open>\()`)
	wordPressOpen  = rex(`['"]permission_callback['"]\s*=>\s*['"]__return_true['"]`)
	wordPressVerbs = rex(`['"]methods['"]\s*=>\s*(?:['"](\w+)['"]|\\?WP_REST_Server::(\w+))`)
	wordPressAnon  = rex(`\badd_action\(\s*['"](?P<hook>wp_ajax_nopriv_\w+)['"]`)
)

// wordPress reads register_rest_route("ns/v1", "/p", …), and calls that need no login.
func wordPress(s *source) {
	for _, h := range s.hits(wordPressRoute) {
		text, _ := s.inner(h.offset("open"))
		parts := splitTop(text)
		if len(parts) < 3 {
			continue
		}
		space, _ := literalOf(parts[0])
		p, ok := literalOf(parts[1])
		if !ok {
			continue
		}
		full := djangoPath(join("wp-json/"+space, p))
		method := "ANY"
		if m := wordPressVerbs.FindStringSubmatch(text); m != nil {
			method = map[string]string{"READABLE": "GET", "CREATABLE": "POST", "EDITABLE": "PUT", "DELETABLE": "DELETE"}[m[2]]
			if method == "" {
				method = strings.Replace(m[1]+m[2], "ALLMETHODS", "ANY", 1)
			}
		}
		s.route(method, full, h.line())
		if wordPressOpen.MatchString(text) {
			s.exempt("permission_callback __return_true", full, h.line())
		}
	}
	for _, h := range s.hits(wordPressAnon) {
		s.exempt("", h.group("hook"), h.line())
	}
}

// laravelGroups returns the parts of the file in which routes have a prefix.
func laravelGroups(s *source) (groups []prefix) {
	for _, h := range s.hits(laravelGroup) {
		text, end := s.inner(h.offset("open"))
		p := ""
		for _, m := range laravelPre.FindAllStringSubmatch(h.group("chain")+text[:min(len(text), 300)], -1) {
			p = join(p, m[1]+m[2])
			if strings.Contains(h.group("chain"), "prefix") {
				break
			}
		}
		if p != "" {
			groups = append(groups, prefix{p, h.begin(), end})
		}
	}
	return groups
}

// phpRoute adds the routes of a call of a router.
func (s *source) phpRoute(method, base, args string, line int) {
	parts := splitTop(args)
	if len(parts) == 0 {
		return
	}
	methods := []string{method}
	switch method {
	case "match", "map":
		methods, parts = literals(parts[0]), parts[1:]
	case "resource", "apiResource", "singleton":
		if p, ok := literalOf(parts[0]); ok && len(parts) > 1 {
			s.resource(join(base, p), line)
		}
		return
	case "livewire":
		methods = []string{"any"}
	case "resources", "apiResources":
		for _, name := range literals(parts[0]) {
			if !strings.Contains(name, "\\") {
				s.route("any", join(base, name), line)
			}
		}
		return
	case "view":
		methods = []string{"get"}
	}
	if len(parts) < 2 {
		return
	}
	p, ok := literalOf(parts[0])
	if !ok {
		return
	}
	for _, m := range methods {
		s.route(m, join(base, p), line)
	}
}

// phpCalls reads $app->get("/p", …), in groups.
func (s *source) phpCalls() {
	hits := s.hits(phpRouter)
	var groups []prefix
	for _, h := range hits {
		if h.group("method") != "group" {
			continue
		}
		text, end := s.inner(h.offset("open"))
		parts := splitTop(text)
		if len(parts) == 0 {
			continue
		}
		p, ok := literalOf(parts[0])
		if m := laravelPre.FindStringSubmatch(parts[0]); !ok && m != nil {
			p = m[1] + m[2]
		}
		groups = append(groups, prefix{p, h.begin(), end})
	}
	for _, h := range hits {
		if m := h.group("method"); m == "group" || m == "prefix" {
			continue
		}
		text, _ := s.inner(h.offset("open"))
		if parts := splitTop(text); len(parts) < 2 || strings.HasPrefix(parts[1], "[") && !strings.Contains(parts[1], "::class") && !strings.Contains(parts[1], "uses") {
			continue
		}
		s.phpRoute(h.group("method"), prefixAt(groups, h.begin()), text, h.line())
	}
}

// symfony reads #[Route("/p", methods: ["GET"])] of classes and methods, and the same as an annotation in a comment.
func symfony(s *source) {
	text := string(s.text)
	if !strings.Contains(text, "Route(") || !strings.Contains(text, "Symfony\\") && !strings.Contains(text, "use Sensio\\") {
		return
	}
	base := ""
	add := func(p, rest string, end, line int) {
		code := s.code()
		if phpClass.Match(code[end:min(len(code), end+600)]) {
			base = p
			return
		}
		methods := []string{"any"}
		if m := symfonyMeth.FindStringSubmatch(rest); m != nil {
			methods = literals(m[1] + m[2] + m[3])
		}
		for _, m := range methods {
			s.route(m, join(base, p), line)
		}
	}
	for _, h := range s.hits(symfonyRoute) {
		args, end := s.inner(h.offset("open"))
		p := ""
		for _, part := range splitTop(args) {
			if m := symfonyPath.FindStringSubmatch(part); m != nil {
				p = m[1]
				break
			}
		}
		if i := bytes.IndexByte(s.code()[end:min(len(s.code()), end+200)], ']'); i >= 0 {
			end += i + 1
		}
		add(p, args, end, h.line())
	}
	for _, m := range symfonyOld.FindAllStringSubmatchIndex(text, -1) {
		add(text[m[2]:m[3]], text[m[4]:m[5]], m[1], s.lineAt(m[2]))
	}
}

// symfonyConfig reads config/routes.yaml: name: {path: /p, controller: …}.
func symfonyConfig(s *source) {
	for _, doc := range s.yaml() {
		for _, e := range doc.Pairs() {
			p := e.Value.Get("path")
			if p == nil || e.Value.Get("controller") == nil && e.Value.Get("defaults", "_controller") == nil {
				continue
			}
			methods := []string{"ANY"}
			if list := e.Value.Get("methods"); list != nil {
				if methods = nil; list.String() != "" {
					methods = []string{list.String()}
				}
				for _, m := range list.List() {
					methods = append(methods, m.String())
				}
			}
			for _, m := range methods {
				s.route(m, p.String(), p.Line)
			}
		}
	}
}
