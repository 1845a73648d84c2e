package design

import (
	"slices"
	"strings"
)

// Frameworks whose routes are files: Next.js, SvelteKit, Nuxt, Astro, Remix.
var (
	nextPages   = rex(`(?:^|/)pages/(api(?:/.+)?)\.[cm]?[jt]sx?$`)
	nextApp     = rex(`(?:^|/)app/((?:.+/)?)route\.[cm]?[jt]sx?$`)
	svelteKit   = rex(`(?:^|/)src/routes/((?:.+/)?)\+server\.[jt]s$`)
	svelteForms = rex(`(?:^|/)src/routes/((?:.+/)?)\+page\.server\.[jt]s$`)
	nitro       = rex(`(?:^|/)server/(api/.+|routes/.+)\.[cm]?[jt]s$`)
	astro       = rex(`(?:^|/)src/pages/(.+)\.[jt]s$`)

	jsDefault   = rex(`(?m)^\s*export\s+default\b|^\s*(?:module\.)?exports\s*=|export\s*\{[^}]*\bas\s+default\b`)
	jsExported  = rex(`(?m)^\s*export\s+(?:async\s+)?(?:function\s*\*?\s*|const\s+|let\s+)(?P<name>GET|POST|PUT|PATCH|DELETE|ALL|actions|fallback)\b`)
	jsDestruct  = rex(`(?m)^\s*export\s+(?:const\s+)?\{(?P<names>[^}]*)\}`)
	jsUpper     = rex(`\b(GET|POST|PUT|PATCH|DELETE)\b`)
	nitroMethod = rex(`^(.*)\.(get|post|put|patch|delete)$`)
	routeGroup  = rex(`^(\(.*\)|@.*)$`)
)

// fileRoutes reads the routes that the place of a file makes.
func fileRoutes(s *source) {
	if s.language != javascript || s.class != production {
		return
	}
	switch {
	case nextPages.MatchString(s.path):
		s.defaultRoute("ANY", fileRoute(nextPages.FindStringSubmatch(s.path)[1]))
	case nextApp.MatchString(s.path):
		s.exportedRoutes(fileRoute(nextApp.FindStringSubmatch(s.path)[1]))
	case svelteKit.MatchString(s.path):
		s.exportedRoutes(fileRoute(svelteKit.FindStringSubmatch(s.path)[1]))
	case svelteForms.MatchString(s.path):
		for _, h := range s.hits(jsExported) {
			if h.group("name") == "actions" {
				s.route("POST", fileRoute(svelteForms.FindStringSubmatch(s.path)[1]), h.line())
			}
		}
	case nitro.MatchString(s.path):
		name := strings.TrimPrefix(nitro.FindStringSubmatch(s.path)[1], "routes/")
		method := "ANY"
		if m := nitroMethod.FindStringSubmatch(name); m != nil {
			name, method = m[1], m[2]
		}
		s.defaultRoute(method, fileRoute(name))
	case astro.MatchString(s.path):
		s.exportedRoutes(fileRoute(astro.FindStringSubmatch(s.path)[1]))
	}
}

// fileRoute returns the path that a file or folder stands for.
func fileRoute(name string) string {
	parts := strings.Split(strings.Trim(name, "/"), "/")
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" || routeGroup.MatchString(p) })
	if n := len(parts); n > 0 && parts[n-1] == "index" {
		parts = parts[:n-1]
	}
	return "/" + strings.Join(parts, "/")
}

func (s *source) defaultRoute(method, full string) {
	if all := s.hits(jsDefault); len(all) > 0 {
		s.route(method, full, all[0].line())
	}
}

func (s *source) exportedRoutes(full string) {
	for _, h := range s.hits(jsExported) {
		if m := h.group("name"); m != "actions" {
			s.route(jsMethod(strings.ReplaceAll(m, "fallback", "ALL")), full, h.line())
		}
	}
	for _, h := range s.hits(jsDestruct) {
		for _, m := range slices.Compact(jsUpper.FindAllString(h.group("names"), -1)) {
			s.route(m, full, h.line())
		}
	}
}
