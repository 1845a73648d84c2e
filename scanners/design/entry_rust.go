package design

import (
	"strings"
)

var (
	rustServer    = rex(`\b(axum|actix_web|rocket|poem|salvo|utoipa_axum)\b|#\[macro_use\]`)
	rustAttribute = rex(`#\[(?P<method>get|post|put|patch|delete|head)\(\s*"(?P<path>[^"\n]*)"`)
	rustRoute     = rex(`\.route(?:_service|_with_tsr)?(?P<open>\()\s*(?:&format!\(\s*)?"`)
	rustVerb      = rex(`\b(get|post|put|patch|delete|any|head)(?:_service)?\s*\(|Method::(GET|POST|PUT|PATCH|DELETE)`)
	rustResource  = rex(`web::resource(?P<open>\()\s*"(?P<path>[^"\n]*)"\s*\)`)
	rustScope     = rex(`(?:web::scope\(\s*"(?P<path>[^"\n]*)"\s*\)|\.nest(?P<nest>\()\s*"(?P<under>[^"\n]*)")`)
)

// rustEntries reads the routes of axum, actix-web, Rocket and poem.
func rustEntries(s *source) {
	if s.language != rust || s.class != production || !rustServer.Match(s.code()) {
		return
	}
	s.textRoutes(rustAttribute)
	var scopes []prefix
	for _, h := range s.hits(rustScope) {
		if at := h.offset("nest"); at >= 0 {
			scopes = append(scopes, prefix{h.group("under"), h.begin(), s.past(at)})
			continue
		}
		scopes = append(scopes, prefix{h.group("path"), h.begin(), rustChain(s, h.end())})
	}
	for _, h := range s.hits(rustRoute) {
		text, _ := s.inner(h.offset("open"))
		parts := splitTop(text)
		if len(parts) < 2 {
			continue
		}
		p, ok := literalOf(parts[0])
		if !ok {
			continue
		}
		rustAdd(s, join(prefixAt(scopes, h.begin()), p), strings.Join(parts[1:], ","), h.line())
	}
	for _, h := range s.hits(rustResource) {
		end := rustChain(s, h.end())
		rustAdd(s, join(prefixAt(scopes, h.begin()), h.group("path")), string(s.code()[h.end():end]), h.line())
	}
}

func rustAdd(s *source, full, handlers string, line int) {
	found := map[string]bool{}
	for _, m := range rustVerb.FindAllStringSubmatch(handlers, -1) {
		if method := strings.ToUpper(m[1] + m[2]); !found[method] {
			found[method] = true
			s.route(method, full, line)
		}
	}
	if len(found) == 0 {
		s.route("ANY", full, line)
	}
}

// rustChain returns the offset after the calls .x(…).y(…) that follow an offset.
func rustChain(s *source, at int) int {
	for {
		m := rustCall.FindIndex(s.code()[at:])
		if m == nil {
			return at
		}
		at = s.past(at + m[1] - 1)
	}
}

var rustCall = rex(`^\s*\.\s*\w+\s*\(`)
