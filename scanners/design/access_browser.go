package design

import (
	"go/ast"
	"strings"
	"sync"
)

const (
	corsPolicy      = "cors-policy"
	securityHeaders = "security-headers"
)

// A corsRule is a way to say which origins may read answers. The first group of its pattern is their list.
type corsRule struct {
	in      []language
	re      *lazyRegexp
	imports *lazyRegexp // of the code; nil for no condition
	origins string      // for a pattern without a group
}

var corsRules = sync.OnceValue(func() []corsRule {
	script := rex(`['"](?:cors|@koa/cors|@fastify/cors|hono/cors|@elysiajs/cors|fastify-cors|micro-cors)['"]|\benableCors\b`)
	code := langs(golang, javascript, python, java, csharp, ruby, php, rust)
	return []corsRule{
		{in: langs(javascript), imports: script, re: rex(`\b(?:cors|enableCors)\(\s*\)`), origins: "*"},
		{in: langs(javascript), imports: script, re: rex(`\b(?:cors|enableCors|register\(\s*(?:cors|fastifyCors)\s*,)\s*\(?\s*\{(?:[^{}]|\{[^{}]*\})*?\borigins?\s*:\s*(\[[^\]]*\]|[^,}\n]+)`)},
		{in: langs(javascript), imports: script, re: rex(`(?m)^\s*(?:const|let|export const)\s+\w*[cC]ors\w*(?:\s*:\s*[\w.]+)?\s*=\s*\{(?:[^{}]|\{[^{}]*\})*?\borigins?\s*:\s*(\[[^\]]*\]|[^,}\n]+)`)},
		{in: code, re: rex(`(?i)['"]Access-Control-Allow-Origin['"]\]?[ \t]*(?:,|:|=>|=)[ \t]*(\[[^\]]*\]|[^,)}\n;]+)`)},
		{in: code, re: rex(`(?i)['"]Access-Control-Allow-Credentials['"]\]?\s*(?:,|:|=>|=)\s*['"]?true`), origins: "credentials"},
		{in: langs(python), re: rex(`\bCORS_(?:ORIGIN_ALLOW_ALL|ALLOW_ALL_ORIGINS)\s*=\s*True`), origins: "*"},
		{in: langs(python), re: rex(`\bCORS_(?:ORIGIN_WHITELIST|ALLOWED_ORIGINS|ALLOWED_ORIGIN_REGEXES|ORIGIN_REGEX_WHITELIST)\s*\+?=\s*(\[[^\]]*\]|\([^)]*\)|[^\n]+)`)},
		{in: langs(python), re: rex(`\bCORS_ALLOW_CREDENTIALS\s*=\s*True|\ballow_credentials\s*=\s*True`), origins: "credentials"},
		{in: langs(python), re: rex(`\ballow_origin(?:s|_regex)\s*=\s*(\[[^\]]*\]|[^,)\n]+)`)},
		{in: langs(python), imports: rex(`flask_cors`), re: rex(`(?:^|[^\w])(?:CORS|cross_origin)\(\s*(?:app)?\s*\)`), origins: "*"},
		{in: langs(java), re: rex(`@CrossOrigin\b\s*(?:\((?:[^()]*\b(?:origins|value|originPatterns)\s*=\s*)?(\{[^}]*\}|"[^"]*")?)?`)},
		{in: langs(java), re: rex(`\b(?:allowedOrigins|allowedOriginPatterns|addAllowedOrigin|addAllowedOriginPattern|setAllowedOrigins|setAllowedOriginPatterns)\(\s*((?:[^()\n]|\([^()\n]*\))+)\)`)},
		{in: langs(csharp), re: rex(`\bAllowAnyOrigin\(\)`), origins: "*"},
		{in: langs(csharp), re: rex(`\.WithOrigins\(([^)]*)\)`)},
		{in: langs(csharp), re: rex(`\bSetIsOriginAllowed\(([^\n]*)`)},
		{in: langs(ruby), imports: rex(`Rack::Cors`), re: rex(`(?m)^\s*origins[ (]\s*([^\n]+)`)},
		{in: langs(php), re: rex(`['"]allowed_origins(?:_patterns)?['"]\s*=>\s*(\[[^\]]*\])`)},
		{in: langs(rust), re: rex(`\bCorsLayer::(?:very_)?permissive\(|\ballow_any_origin\(|\ballow_origin\(\s*Any\b|\bCors::permissive\(`), origins: "*"},
	}
})

var (
	anOrigin   = rex(`["'\x60]((?:https?|capacitor|ionic|app)://[\w.:*\[\]-]+)/?["'\x60]`)
	anyOrigin  = rex(`["'\x60]\*["'\x60]|^\s*\*\s*$|\.\*`)
	emptyList  = rex(`^[\[({]?\s*[\])}]?$`)
	reflecting = rex(`^\s*(?:true|\([^)]*\)\s*=>\s*(?:true|origin)\b|_\s*=>\s*true|origin\s*=>\s*true|origin|req\.headers?\.origin|r\.Header\.Get\("Origin"\))`)
)

// browser adds what other sites may do with the answers and the pages of this one.
func (v *sinkView) browser() {
	if sinkScripts.MatchString(v.path) || v.class != production {
		return
	}
	if holdsAny(v.text, []string{"rigin", "ors(", "cors", "CORS"}) {
		for _, rule := range corsRules() {
			v.cors(&rule)
		}
	}
	v.headers()
}

func (v *sinkView) cors(rule *corsRule) {
	if !v.is(rule.in...) || rule.imports != nil && !rule.imports.Match(v.code()) {
		return
	}
	for _, m := range findAll(rule.re, v.code()) {
		line, ok := v.at(m[0])
		if !ok {
			continue
		}
		origins := rule.origins
		if len(m) > 2 && m[2] >= 0 {
			origins = string(v.code()[m[2]:m[3]])
		} else if origins == "" {
			origins = "*"
		}
		v.origins(origins, line)
	}
}

// origins adds facts for a list of origins, as the code writes it.
func (s *source) origins(list string, line int) {
	list = strings.TrimSpace(list)
	exact := anOrigin.FindAllStringSubmatch(list, maxSinks)
	switch {
	case list == "credentials":
		s.add(corsPolicy, "credentials", line)
	case list == "*" || anyOrigin.MatchString(list):
		s.add(corsPolicy, "all origins", line)
	case reflecting.MatchString(list):
		s.add(corsPolicy, "each origin that asks", line)
	case len(exact) > 0:
		for _, m := range exact {
			if strings.Contains(m[1], "*") {
				s.add(corsPolicy, m[1], line)
				continue
			}
			s.add(corsPolicy, m[1], line, closed("the origin is exact"))
		}
	case emptyList.MatchString(list), strings.EqualFold(list, "false"), strings.EqualFold(list, "null"):
	default:
		s.add(corsPolicy, "origins from "+strings.Trim(list, "[]({ ,"), line)
	}
}

// cors adds what a literal of a CORS library's options allows.
func (r *goReader) cors(l *ast.CompositeLit) {
	all := fields(l)
	line := r.g.line(l.Pos())
	if len(r.line(line)) > maxSinkLine {
		return
	}
	for _, name := range []string{"AllowedOrigins", "AllowOrigins", "AllowOriginFunc", "AllowOriginVaryRequestFunc"} {
		if e := all[name]; e != nil {
			at := r.g.line(e.Pos())
			if len(r.line(at)) > maxSinkLine {
				continue
			}
			if strings.HasSuffix(name, "Func") {
				r.origins("a function", at)
				continue
			}
			start, end := r.g.set.Position(e.Pos()).Offset, r.g.set.Position(e.End()).Offset
			r.origins(strings.TrimPrefix(string(r.text[start:min(end, len(r.text))]), "[]string"), at)
		}
	}
	if id, ok := all["AllowAllOrigins"].(*ast.Ident); ok && id.Name == "true" {
		r.origins("*", line)
	}
	if id, ok := all["AllowCredentials"].(*ast.Ident); ok && id.Name == "true" {
		r.origins("credentials", line)
	}
}

var (
	contentPolicy = []string{"Content-Security-Policy", "content-security-policy", "contentSecurityPolicy", "content_security_policy", "CSP_"}

	// A policy as one text, as an object of lists, and as calls with lists.
	policyText = rex(`\b(default|script|style|connect|frame|object|worker|child|script-src-elem|frame-ancestors|base-uri|form-action)(?:-src)?((?:[ \t]+(?:'[\w-]+'|[\w*][\w*.:/-]*\.[\w*.:/-]+|\*|https?:|data:|blob:|wss?:))+)`)
	policyList = rex(`\b(default|script|style|connect|frame|object|worker|child)_?[sS][rR][cC]['"]?\s*[:=(,]\s*[\[(]([^\])]*)[\])]|\bframe_?[aA]ncestors['"]?\s*[:=(,]\s*[\[(]([^\])]*)[\])]|\bCSP_(\w+)_SRC\s*=\s*[\[(]([^\])]*)[\])]|\bpolicy\.(\w+)_src\s+([^\n]*)`)
	aSource    = rex(`'unsafe-[\w-]+'|unsafe_\w+|https?://[\w*.:/-]+|[\w*-]+(?:\.[\w*-]+)+(?::\d+)?|(?:^|[\s"'])(?:\*|https?:|data:|blob:)(?:$|[\s"',;])`)

	weakHeaders = rex(`(?i)\b(?:remove|removeHeader|del|delete|unset)\w*\(\s*['"](?:X-Frame-Options|Content-Security-Policy|Strict-Transport-Security)['"]|\bxframe_options_exempt\b|\bframeOptions\(\)\s*\.disable|\bframeOptions\(\s*\w+\s*->\s*\w+\.disable|FrameOptionsConfig::disable|\bcontentSecurityPolicy\s*:\s*false|\bframeguard\s*:\s*false|\bhsts\s*:\s*false|\bSECURE_HSTS_SECONDS\s*=\s*0\b|['"]X-Frame-Options['"]\]?\s*[,:=]>?\s*['"]ALLOW[\w-]*|\bX_FRAME_OPTIONS\s*=\s*['"]ALLOW\w*`)
)

// headers adds what weakens the headers that protect a page: each source of a policy, so that a narrower policy has
// nothing new, and each protection that is switched off.
func (v *sinkView) headers() {
	if !v.is(golang, javascript, python, java, csharp, ruby, php, rust) {
		return
	}
	if holdsAny(v.text, contentPolicy) {
		for _, m := range findAll(policyText, v.code()) {
			v.sources(string(v.code()[m[2]:m[3]]), string(v.code()[m[4]:m[5]]), m[0])
		}
		for _, m := range findAll(policyList, v.code()) {
			var groups []string
			for i := 2; i < len(m); i += 2 {
				if m[i] >= 0 {
					groups = append(groups, string(v.code()[m[i]:m[i+1]]))
				}
			}
			if len(groups) == 1 {
				groups = append([]string{"frame-ancestors"}, groups...)
			}
			v.sources(groups[0], groups[1], m[0])
		}
	}
	if !holdsAny(v.text, []string{"X-Frame-Options", "xframe", "X_FRAME", "rameOptions", "contentSecurityPolicy", "Content-Security-Policy", "frameguard", "hsts", "HSTS", "Strict-Transport"}) {
		return
	}
	for _, m := range findAll(weakHeaders, v.code()) {
		if line, ok := v.at(m[0]); ok && !devFile.MatchString(v.path) {
			v.add(securityHeaders, string(v.code()[m[0]:m[1]]), line)
		}
	}
}

var devFile = rex(`(?i)(^|[/._-])(dev|development|local)([/._-]|$)`)

func (v *sinkView) sources(directive, list string, offset int) {
	line, ok := v.at(offset)
	if !ok {
		return
	}
	directive = strings.ToLower(strings.ReplaceAll(directive, "_", "-"))
	if !strings.Contains(directive, "-") {
		directive += "-src"
	}
	for _, src := range aSource.FindAllString(list, maxSinks) {
		if src = strings.Trim(src, "\"' \t,;"); src == "data" || strings.HasPrefix(src, "process.") || strings.HasPrefix(src, "settings.") {
			continue
		}
		v.add(securityHeaders, directive+" "+src, line)
	}
}
