package design

import (
	"strings"
)

var (
	csAttribute = rex(`[\[,]\s*(?:Http(?P<method>Get|Post|Put|Patch|Delete|Head)|(?P<route>Route)|(?P<class>ApiController|Controller))\b(?P<open>\()?`)
	csClass     = rex(`\bclass\s+(?P<name>\w+)`)
	csMap       = rex(`(?P<on>[\w.]+)?\s*\.Map(?P<method>Get|Post|Put|Patch|Delete|Methods|HealthChecks|Fallback|Group)(?P<open>\()`)
	csGroup     = rex(`\b(?P<name>\w+)\s*=\s*(?P<on>\w+)(?:\s*\.\w+\([^;()]*(?:\([^()]*\)[^;()]*)*\))*?\s*\.MapGroup\(\s*"(?P<path>[^"\n]*)"`)
	csFast      = rex(`(?m)^\s*(?P<method>Get|Post|Put|Patch|Delete)\(\s*"(?P<path>[^"\n]+)"\s*\);`)
	csVersion   = rex(`\bv\{[^}]*apiVersion[^}]*\}`)
)

// csharpEntries reads the routes of ASP.NET.
func csharpEntries(s *source) {
	if s.language != csharp || s.class != production {
		return
	}
	csControllers(s)
	csMinimal(s)
	if strings.Contains(string(s.code()), "FastEndpoints") {
		s.textRoutes(csFast)
	}
}

// csControllers reads [Route("p")] of classes and [HttpGet("q")] of methods.
func csControllers(s *source) {
	if !strings.Contains(string(s.code()), "[Http") && !strings.Contains(string(s.code()), ", Http") {
		return
	}
	classes, class, base, pending := s.hits(csClass), "", "", ""
	for _, h := range s.hits(csAttribute) {
		for len(classes) > 0 && classes[0].begin() < h.begin() {
			class, base, pending = classes[0].group("name"), pending, ""
			classes = classes[1:]
		}
		text := ""
		if at := h.offset("open"); at >= 0 {
			text, _ = s.inner(at)
		}
		p := csPath(text)
		switch {
		case h.group("route") != "":
			if csOfClass(s, h) {
				pending = p
			}
		case h.group("method") != "" && class != "":
			full := p
			if !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "~/") {
				full = join("/"+strings.TrimPrefix(base, "/"), p)
			}
			if p == "" {
				full = join(full, csRouteBeside(s, h))
			}
			s.route(h.group("method"), csNames(strings.TrimPrefix(full, "~"), class), h.line())
		}
	}
}

// csOfClass reports whether the attribute at a match is on a class.
func csOfClass(s *source, h hit) bool {
	rest := s.code()[h.end():min(len(s.code()), h.end()+600)]
	for line := range strings.SplitSeq(string(rest), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case csClass.MatchString(line) && !strings.HasPrefix(line, "["):
			return true
		case strings.HasPrefix(line, "public ") || strings.HasPrefix(line, "{") || strings.HasPrefix(line, "async "):
			return false
		}
	}
	return false
}

// csRouteBeside returns the path of a [Route("p")] on the lines next to [HttpGet].
func csRouteBeside(s *source, h hit) string {
	line := h.line()
	for _, n := range []int{line - 1, line, line + 1, line + 2} {
		if m := csRouteOnly.FindStringSubmatch(s.line(n)); m != nil {
			return m[1]
		}
	}
	return ""
}

var csRouteOnly = rex(`^\s*\[(?:Http\w+\s*,\s*)?Route\(\s*"([^"\n]*)"`)

func csPath(args string) string {
	for _, part := range splitTop(args) {
		if p, ok := literalOf(strings.TrimPrefix(part, "@")); ok {
			return p
		}
		if m := csTemplate.FindStringSubmatch(part); m != nil {
			return m[1]
		}
	}
	return ""
}

var csTemplate = rex(`^(?:template\s*:|Template\s*=)\s*"([^"\n]*)"`)

// csNames replaces the tokens of ASP.NET in a path.
func csNames(p, class string) string {
	p = strings.NewReplacer("[controller]", strings.TrimSuffix(class, "Controller"), "[area]", "area").Replace(p)
	return csVersion.ReplaceAllString(p, "v{version}")
}

// csMinimal reads app.MapGet("p", …), with the groups of the file.
func csMinimal(s *source) {
	groups := map[string]string{}
	for _, h := range s.hits(csGroup) {
		groups[h.group("name")] = join(groups[h.group("on")], h.group("path"))
	}
	for _, h := range s.hits(csMap) {
		text, _ := s.inner(h.offset("open"))
		parts := splitTop(text)
		if len(parts) == 0 {
			continue
		}
		p, ok := literalOf(parts[0])
		method := strings.ToUpper(h.group("method"))
		switch method {
		case "GROUP":
			continue
		case "METHODS":
			method = "ANY"
		case "HEALTHCHECKS":
			method = "GET"
		case "FALLBACK":
			method = "ANY"
		}
		if !ok || len(parts) < 2 && h.group("method") != "HealthChecks" {
			continue
		}
		s.route(method, join(groups[h.group("on")], p), h.line())
	}
}
