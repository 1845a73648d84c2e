package design

import (
	"strings"
)

var (
	javaClass = rex(`^(?:\s|public\b|protected\b|private\b|static\b|abstract\b|final\b|open\b|internal\b|sealed\b|data\b)*(?:class|interface|@?interface|record|object)\s+(\w+)`)
	javaSkip  = rex(`^\s*@[\w.]+(?::\w+)?\s*(?P<open>\()?`)

	javaRoute = rex(`@(?P<name>GetMapping|PostMapping|PutMapping|PatchMapping|DeleteMapping|RequestMapping|Path|Controller|Get|Post|Put|Patch|Delete|GET|POST|PUT|PATCH|DELETE|HEAD)\b(?P<open>\()?`)

	// javaClients declare calls of other services by the same annotations.
	javaClients = rex(`@(FeignClient|HttpExchange|RegisterRestClient|ReactiveFeignClient|Client\b|RetrofitClient)|import\s+retrofit2\.`)
	javaServers = rex(`org\.springframework|(javax|jakarta)\.ws\.rs|io\.micronaut|io\.quarkus`)

	javaConstant = rex(`(?:String\s+|const\s+val\s+|val\s+)(?P<name>\w+)(?:\s*:\s*String)?\s*=\s*"(?P<text>[^"\n]*)"`)
	javaMethods  = rex(`\b(?:RequestMethod\.)?(GET|POST|PUT|PATCH|DELETE|HEAD)\b`)
	javaNamed    = rex(`^(\w+)\s*=[^=]`)

	javaFunctional = rex(`\b(?P<method>GET|POST|PUT|PATCH|DELETE)\(\s*"(?P<path>/[^"\n]*)"`)
	javaLambda     = rex(`\b(?P<on>app|router|server|Spark|javalin|routes?)?\.?\b(?P<method>get|post|put|patch|delete)\(\s*"(?P<path>/[^"\n]*)"\s*[,)]`)
	javaServlet    = rex(`@WebServlet(?P<open>\()`)
	javaPaths      = rex(`\b(?:urlPatterns|value)\s*=\s*(\{[^}]*\}|"[^"\n]*")`)

	ktorScope = rex(`\broute\(\s*"(?P<path>[^"\n]*)"[^)\n]*\)\s*(?P<open>\{)`)
	ktorRoute = rex(`(?m)^\s*(?P<method>get|post|put|patch|delete)(?:<[^>\n]*>)?\s*(?:\(\s*"(?P<path>[^"\n]*)"[^)\n]*\))?\s*\{`)

	playRoute = rex(`(?m)^(?P<method>GET|POST|PUT|PATCH|DELETE)\s+(?P<path>/\S*)\s+[\w@.]+\.\w+`)
	playFile  = rex(`(^|/)conf/(\w+\.)?routes$`)
)

// javaEntries reads the routes of files of Java, Kotlin and Scala.
func javaEntries(s *source) {
	if s.class != production {
		return
	}
	if playFile.MatchString(s.path) {
		for _, h := range s.hits(playRoute) {
			s.route(h.group("method"), h.group("path"), h.line())
		}
	}
	if s.language != java || javaClients.Match(s.code()) {
		return
	}
	code := string(s.code())
	if javaServers.MatchString(code) {
		annotations(s)
	}
	if strings.Contains(code, "RouterFunction") || strings.Contains(code, "outer {") {
		s.textRoutes(javaFunctional)
	}
	if strings.Contains(code, "io.javalin") || strings.Contains(code, "spark.Spark") || strings.Contains(code, "io.vertx.ext.web.Router") {
		s.textRoutes(javaLambda)
	}
	for _, h := range s.hits(javaServlet) {
		text, _ := s.inner(h.offset("open"))
		if m := javaPaths.FindStringSubmatch(text); m != nil {
			text = m[1]
		} else if strings.Contains(text, "=") {
			continue
		}
		for _, p := range literals(text) {
			s.route("ANY", p, h.line())
		}
	}
	if strings.Contains(code, "io.ktor.server") || strings.Contains(code, "io.ktor.routing") {
		ktor(s)
	}
}

// textRoutes adds the matches of a pattern with the groups method and path.
func (s *source) textRoutes(re *lazyRegexp) {
	for _, h := range s.hits(re) {
		s.route(h.group("method"), h.group("path"), h.line())
	}
}

func ktor(s *source) {
	var scopes []prefix
	for _, h := range s.hits(ktorScope) {
		if _, end := s.inner(h.offset("open")); end > h.end() {
			scopes = append(scopes, prefix{h.group("path"), h.end(), end})
		}
	}
	for _, h := range s.hits(ktorRoute) {
		base := prefixAt(scopes, h.begin())
		if base == "" && h.group("path") == "" {
			continue
		}
		s.route(h.group("method"), join(base, h.group("path")), h.line())
	}
}

// An annotation is one of Java's, with its arguments.
type annotation struct {
	name, args string
	line, at   int
	class      bool // it is on a class
	after      int  // the offset after all annotations of the same element
}

// annotations reads routes by annotations: a class has a prefix, and its methods have verbs and paths.
func annotations(s *source) {
	constants := map[string]string{}
	for _, h := range s.hits(javaConstant) {
		constants[h.group("name")] = h.group("text")
	}
	base := []string{""}
	var verb, where *annotation
	flush := func() {
		if verb != nil {
			s.jaxRoute(*verb, where, base[0])
		}
		verb, where = nil, nil
	}
	for _, h := range s.hits(javaRoute) {
		a := s.annotation(h)
		if (verb != nil && verb.after != a.after) || (where != nil && where.after != a.after) {
			flush()
		}
		paths := javaPathsOf(a.args, constants)
		switch {
		case a.class:
			if base = paths; len(base) == 0 {
				base = []string{""}
			}
		case strings.HasSuffix(a.name, "Mapping"):
			s.springRoute(a, base, paths)
		case a.name == "Path":
			a.args = ""
			if len(paths) > 0 {
				a.args = paths[0]
			}
			where = &a
		case a.name == strings.ToUpper(a.name):
			verb = &a
		case a.name != "Controller" && strings.Contains(string(s.code()), "io.micronaut"):
			s.springRoute(a, base, paths)
		}
	}
	flush()
}

// annotation returns the annotation at a match.
func (s *source) annotation(h hit) annotation {
	a := annotation{name: h.group("name"), line: h.line(), at: h.begin(), after: h.end()}
	if at := h.offset("open"); at >= 0 {
		a.args, a.after = s.inner(at)
	}
	code := s.code()
	for range 20 {
		m := javaSkip.FindSubmatchIndex(code[a.after:])
		if m == nil {
			break
		}
		if m[2] >= 0 {
			a.after = s.past(a.after + m[2])
		} else {
			a.after += m[1]
		}
	}
	a.class = javaClass.Match(code[a.after:min(len(code), a.after+300)])
	return a
}

// springRoute adds the routes of a mapping on a method.
func (s *source) springRoute(a annotation, bases, paths []string) {
	methods := []string{strings.ToUpper(strings.TrimSuffix(a.name, "Mapping"))}
	if a.name == "RequestMapping" {
		methods = nil
		for _, part := range splitTop(a.args) {
			if strings.HasPrefix(part, "method") {
				methods = javaMethods.FindAllString(part, -1)
			}
		}
		if len(methods) == 0 {
			methods = []string{"ANY"}
		}
	}
	if len(paths) == 0 {
		paths = []string{""}
	}
	for _, base := range bases {
		for _, p := range paths {
			for _, m := range methods {
				s.route(strings.TrimPrefix(m, "RequestMethod."), join("/"+strings.Trim(base, "/"), p), a.line)
			}
		}
	}
}

// jaxRoute adds the route of a method with a verb, and maybe a path, of JAX-RS.
func (s *source) jaxRoute(verb annotation, where *annotation, base string) {
	p, line := "", verb.line
	if where != nil {
		p, line = where.args, where.line
	}
	s.route(verb.name, join("/"+strings.Trim(base, "/"), p), line)
}

// javaPathsOf returns the paths in the arguments of an annotation.
func javaPathsOf(args string, constants map[string]string) (all []string) {
	for _, part := range splitTop(args) {
		if m := javaNamed.FindStringSubmatch(part); m != nil {
			if m[1] != "value" && m[1] != "path" {
				continue
			}
			part = strings.TrimSpace(part[strings.IndexByte(part, '=')+1:])
		}
		if strings.HasPrefix(part, "{") || strings.HasPrefix(part, "[") {
			for _, p := range splitTop(strings.Trim(part, "{}[] ")) {
				all = append(all, javaText(p, constants))
			}
			continue
		}
		all = append(all, javaText(part, constants))
	}
	return all
}

// javaText returns the text of an expression of literals and constants; an unknown name stays as it is.
func javaText(e string, constants map[string]string) string {
	full := ""
	for part := range strings.SplitSeq(e, "+") {
		part = strings.TrimSpace(part)
		if text, ok := literalOf(part); ok {
			full += text
		} else if text, ok := constants[lastPart(part)]; ok {
			full += text
		} else {
			full += part
		}
	}
	return full
}
