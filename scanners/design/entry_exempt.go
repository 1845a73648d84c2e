package design

import (
	"bytes"
	"strings"
)

var (
	// assets are files that nobody has to protect.
	assets = rex(`(?i)^[\^/]*(css|js|img|images?|fonts?|assets|static|favicon|webjars|public|_next|robots|manifest|icons?|dist|media)(\b|[./*])|\.(css|js|png|jpe?g|svg|ico|gif|webp|woff2?|ttf|map|txt)[*$"]*$`)

	// nearby is the name of the class, function or method that an annotation is on.
	nearby = rex(`\b(?:class|interface|def|fn|fun|func|function|record)\s+(\w+)|(?m:^\s*(?:(?:public|private|protected|internal|static|async|override|virtual|final|export|default|abstract|suspend)\s+)+(?:[\w.]+(?:<[^(){};]*>)?(?:\[\])?\??\s+)?(\w+)\s*(?:<[^(){}]*>)?\()|(?m:^\s*(?:[\w.]+(?:<[^(){};\n]*>)?\s+)?(\w+)\s*\([^;]*\{)`)

	javaExempt  = rex(`@(?P<at>PermitAll|AnonymousAllowed)\b|@Secured\(\s*(?P<secured>SecurityRule\.IS_ANONYMOUS)|\bcsrf\(\)\s*\.(?P<csrf>disable)\(\)|\bcsrf\(\s*(?:\w+::(?P<csrf2>disable)|\(?\w+\)?\s*->\s*\w+\.(?P<csrf3>disable)\(\))|\bcsrf\s*\{\s*(?:it\.)?(?P<csrf4>disable)\(\)`)
	javaMatcher = rex(`\b(?P<call>requestMatchers|antMatchers|mvcMatchers|pathMatchers|regexMatchers|authorize|ignoringRequestMatchers|ignoringAntMatchers|excludePathPatterns)(?P<open>\()|\b(?P<any>anyRequest|anyExchange)\(\)\s*\.permitAll\(\)|\.(?P<ignore>ignoring)\(\)`)
	javaPermit  = rex(`^\s*\.permitAll\(\)`)

	csExempt = rex(`\[(?:[^\]\n]*,\s*)?(?P<at>AllowAnonymous|IgnoreAntiforgeryToken)(?:\(\))?\s*[,\]]|\.(?P<call>AllowAnonymous|DisableAntiforgery)\(\)|(?m:^\s*(?P<fast>AllowAnonymous)\(\);)`)
	csMapped = rex(`\.Map(\w+)\(\s*"([^"\n]*)"`)

	pyExempt  = rex(`(?m)^[ \t]*@(?P<at>csrf_exempt|csrf\.exempt|login_not_required|allow_anonymous|public_endpoint|anonymous_allowed)\b|@method_decorator\(\s*(?P<method>csrf_exempt)|(?P<call>csrf_exempt|csrf\.exempt)\(\s*(?P<what>[\w.]+)|@(?P<deco>permission_classes|authentication_classes)\(\s*[\[(]\s*(?:(?:\w+\.)*(?P<any>AllowAny)\b[^\])]*)?[\])]|(?m:^[ \t]+(?P<attr>permission_classes|authentication_classes)\s*(?::[^=\n]+)?=\s*[\[(]\s*(?:(?:\w+\.)*(?P<any2>AllowAny)\b[^\])]*)?[\])])|["'](?P<setting>rest_framework\.permissions\.AllowAny)["']`)
	pyInClass = rex(`(?m)^[ \t]*class\s+(\w+)`)

	rbExempt = rex(`(?m)^[ \t]*(?P<call>skip_before_action|skip_before_filter|prepend_skip_before_action|skip_forgery_protection|allow_unauthenticated_access|skip_authorization_check|skip_authentication)\b[ (]*(?P<args>[^\n#]*(?:,[ \t]*\n[^\n#]*)*)`)
	rbGuards = rex(`:(\w*authenti\w*[!?]?|verify_authenticity_token|require_\w*(?:login|user|auth|sign)\w*|\w*authoriz\w*[!?]?|login_required|ensure_logged_in\w*|check_\w*auth\w*|doorkeeper_authorize!)`)
	rbOnly   = rex(`\bonly:?\s*(?:=>)?\s*(\[[^\]]*\]|%i\[[^\]]*\]|%w\[[^\]]*\]|:\w+)`)
	rbName   = rex(`\w+[?!]?`)
	rbClass  = rex(`\b(?:class|module)\s+([\w:]+)`)

	jsExempt = rex(`@(?P<at>Public|SkipAuth|AllowAnonymous|IsPublic|NoAuth|PublicRoute|SkipCsrf|SkipAuthentication|AllowUnauthenticated|Unauthenticated|AllowUnauthorizedRequest|OptionalAuth)\(\)|\b(?P<key>skipAuth|allowUnauthenticated|isPublic|skipAuthentication)\s*:\s*true`)
	jsNear   = rex(`\bclass\s+(\w+)|(?m:^\s*(?:public\s+|private\s+|protected\s+)?(?:async\s+)?(\w+)\s*(?:<[^()]*>)?\()`)
	jsHandle = rex(`@\w+\(\s*['"]([^'"\n]*)['"][^@]*$`)

	phpExempt   = rex(`\bwithoutMiddleware\(\s*(?P<what>[^)\n]*)|\bprotected\s+\$(?P<name>except)\s*=\s*(?P<open>\[)|\bvalidateCsrfTokens\(\s*(?:except\s*:\s*)?(?P<list>\[)`)
	phpGuard    = rex(`(?i)auth|csrf|verified|signed|can:`)
	protoExempt = rex(`\b(?P<at>anonymous|no_auth\w*|allow_unauthenticated|skip_auth\w*)\s*[:=]\s*true|\b(?P<off>auth_required|requires_auth\w*)\s*[:=]\s*false`)
	protoRPC    = rex(`\brpc\s+(\w+)`)
)

// exemptions reads what takes an endpoint out of authentication, or out of a check of the sender's origin.
func exemptions(s *source) {
	if s.class != production {
		return
	}
	switch s.language {
	case java:
		javaExemptions(s)
	case csharp:
		csExemptions(s)
	case python:
		pyExemptions(s)
	case ruby:
		rbExemptions(s)
	case javascript:
		jsExemptions(s)
	case php:
		phpExemptions(s)
	case protobuf:
		for _, h := range s.hits(protoExempt) {
			name := ""
			for _, m := range protoRPC.FindAllSubmatch(s.code()[max(0, h.begin()-1500):h.begin()], -1) {
				name = string(m[1])
			}
			s.exempt(first(h, "at", "off"), name, h.line())
		}
	case yaml:
		symfonySecurity(s)
	}
}

func (s *source) exempt(marker, what string, line int) {
	s.add("auth-exemption", strings.TrimSpace(marker+" "+what), line)
}

// near returns the name of what an annotation before an offset is on.
func (s *source) near(re *lazyRegexp, at int) string {
	const most = 1500
	m := re.FindSubmatch(s.code()[at:min(len(s.code()), at+most)])
	if m == nil {
		return ""
	}
	return string(bytes.Join(m[1:], nil))
}

// above returns the last name before an offset that a pattern finds.
func (s *source) above(re *lazyRegexp, at int) string {
	const most = 20_000
	all := re.FindAllSubmatch(s.code()[max(0, at-most):at], -1)
	if len(all) == 0 {
		return ""
	}
	return string(all[len(all)-1][1])
}

func javaExemptions(s *source) {
	for _, h := range s.hits(javaExempt) {
		if marker := first(h, "at", "secured"); marker != "" {
			s.exempt(marker, s.near(nearby, h.end()), h.line())
		} else {
			s.exempt("csrf disabled", s.above(rbClass, h.begin()), h.line())
		}
	}
	code := s.code()
	if !bytes.Contains(code, []byte("springframework")) {
		return
	}
	ignoring := 0 // the end of the statement that begins with ignoring()
	for _, h := range s.hits(javaMatcher) {
		switch {
		case h.group("any") != "":
			s.exempt("permitAll", h.group("any"), h.line())
			continue
		case h.group("ignore") != "":
			ignoring = h.end() + max(0, bytes.IndexByte(code[h.end():], ';'))
			continue
		}
		text, after := s.inner(h.offset("open"))
		marker := ""
		switch call := h.group("call"); {
		case strings.HasPrefix(call, "ignoring"):
			marker = "csrf ignored"
		case h.begin() < ignoring:
			marker = "ignoring"
		case call == "authorize" && strings.Contains(text, "permitAll"), javaPermit.Match(code[after:min(len(code), after+200)]):
			marker = "permitAll"
		}
		if marker == "" {
			continue
		}
		s.paths(marker, text, h.line())
	}
}

// paths adds an exemption for each path in arguments, or one for the arguments if they name no path.
func (s *source) paths(marker, args string, line int) {
	all := literals(args)
	for _, p := range all {
		if !assets.MatchString(p) {
			s.exempt(marker, p, line)
		}
	}
	if len(all) == 0 && strings.TrimSpace(args) != "" && !strings.Contains(args, "PathRequest.toStatic") {
		s.exempt(marker, args, line)
	}
}

func csExemptions(s *source) {
	for _, h := range s.hits(csExempt) {
		if marker := h.group("at"); marker != "" {
			s.exempt(marker, s.near(nearby, h.end()), h.line())
			continue
		}
		// .MapGet("/p", …).AllowAnonymous()
		before := s.code()[max(0, h.begin()-4000):h.begin()]
		what := ""
		if all := csMapped.FindAllSubmatch(before, -1); len(all) > 0 && h.group("call") != "" {
			what = string(all[len(all)-1][2])
		} else {
			what = s.above(csClass, h.begin())
		}
		s.exempt(first(h, "call", "fast"), what, h.line())
	}
}

func pyExemptions(s *source) {
	for _, h := range s.hits(pyExempt) {
		switch {
		case h.group("at") != "" || h.group("method") != "":
			s.exempt(first(h, "at", "method"), s.near(nearby, h.end()), h.line())
		case h.group("call") != "":
			if !strings.HasPrefix(strings.TrimSpace(s.line(h.line())), "def ") {
				s.exempt(h.group("call"), h.group("what"), h.line())
			}
		case h.group("deco") != "":
			s.exempt(h.group("deco")+" "+pyAny(h.group("any")), s.near(nearby, h.end()), h.line())
		case h.group("attr") != "":
			s.exempt(h.group("attr")+" "+pyAny(h.group("any2")), s.above(pyInClass, h.begin()), h.line())
		case h.group("setting") != "":
			s.exempt("AllowAny", "as the default", h.line())
		}
	}
	// hits leaves out what is in strings, and the setting is one
	for _, loc := range pySetting.FindAllIndex(s.code(), -1) {
		s.exempt("AllowAny", "as the default", s.lineAt(loc[0]))
	}
}

var pySetting = rex(`["']rest_framework\.permissions\.AllowAny["']`)

func pyAny(any string) string {
	if any == "" {
		return "empty"
	}
	return any
}

func rbExemptions(s *source) {
	for _, h := range s.hits(rbExempt) {
		call, args, class := h.group("call"), h.group("args"), s.above(rbClass, h.begin())
		markers := []string{call}
		if strings.Contains(call, "before") {
			markers = nil
			for _, m := range rbGuards.FindAllStringSubmatch(args, -1) {
				markers = append(markers, "skip "+m[1])
			}
		}
		actions := []string{""}
		if m := rbOnly.FindStringSubmatch(args); m != nil {
			actions = rbName.FindAllString(strings.TrimPrefix(strings.TrimPrefix(m[1], "%i"), "%w"), -1)
		}
		for _, m := range markers {
			for _, a := range actions {
				if a != "" {
					a = "#" + a
				}
				s.exempt(m, class+a, h.line())
			}
		}
	}
}

func jsExemptions(s *source) {
	for _, h := range s.hits(jsExempt) {
		if h.group("at") != "" {
			if strings.HasPrefix(strings.TrimSpace(s.line(h.line())), "export const") {
				continue
			}
			s.exempt("@"+h.group("at"), s.near(jsNear, s.skipDecorators(h.end())), h.line())
			continue
		}
		what := ""
		if m := jsHandle.FindSubmatch(s.code()[max(0, h.begin()-500):h.begin()]); m != nil {
			what = string(m[1])
		}
		if what != "" {
			s.exempt(h.group("key"), what, h.line())
		}
	}
}

// skipDecorators returns the offset after the decorators that follow an offset.
func (s *source) skipDecorators(at int) int {
	for range 20 {
		m := jsDecorator.FindIndex(s.code()[at:])
		if m == nil {
			return at
		}
		at = s.past(at + m[1] - 1)
	}
	return at
}

var jsDecorator = rex(`^\s*@[\w.]+\(`)

func phpExemptions(s *source) {
	for _, h := range s.hits(phpExempt) {
		if what := h.group("what"); what != "" {
			if phpGuard.MatchString(what) {
				s.exempt("withoutMiddleware", what+" "+s.above(phpPath, h.begin()), h.line())
			}
			continue
		}
		if h.group("name") != "" && !strings.Contains(s.path, "Csrf") {
			continue
		}
		at := max(h.offset("open"), h.offset("list"))
		text, _ := s.inner(at)
		s.members(csrfExcept, text, at+1)
	}
}

// csrfExcept marks what Laravel takes out of the check for CSRF: paths without their first slash.
const csrfExcept = "csrf except"

var phpPath = rex(`Route::\w+\(\s*['"]([^'"\n]*)`)

// symfonySecurity reads access_control and firewalls of config/packages/security.yaml.
func symfonySecurity(s *source) {
	if !bytes.Contains(s.text, []byte("access_control")) && !bytes.Contains(s.text, []byte("firewalls")) {
		return
	}
	for _, doc := range s.yaml() {
		for _, rule := range doc.Get("security", "access_control").List() {
			role := rule.Get("roles").String()
			if role == "" && len(rule.Get("roles").List()) == 1 {
				role = rule.Get("roles").List()[0].String()
			}
			if p := rule.Get("path").String(); p != "" && (role == "PUBLIC_ACCESS" || role == "IS_AUTHENTICATED_ANONYMOUSLY") {
				s.exempt(role, p, rule.Line)
			}
		}
		for _, f := range doc.Get("security", "firewalls").Pairs() {
			if f.Value.Get("security").False() && f.Key != "dev" {
				s.exempt("security: false", f.Value.Get("pattern").String(), f.Line)
			}
		}
	}
}

// exemptName is the name of a list of what needs no login. The first group has to be followed by the second.
var (
	exemptName = rex(`(?i)\b(?P<name>\w*(?:public|unauthenticated|unauthorized|no_?auth|skip_?auth|anonymous|auth\w*exempt|exempt\w*auth|csrf_?exempt|login_exempt|auth\w*white_?list|auth\w*allow_?list|unprotected|without_?auth|open_access|exempt|white_?list)\w*?_?(?:methods?|paths?|routes?|endpoints?|urls?|rpcs?|list|prefix(?:es)?|patterns?|operations?|procedures?|uris?)\w{0,12})["']?\]?\s*(?:(?::\s*[^={\n]{0,60})?=|:=|:|=>)\s*(?:new\s+)?(?:[&*%]?[\w.]+\s*(?:<[^>\n]{0,40}>)?\s*)?(?P<rest>[\[({])`)
	pathLike   = rex(`^\^?/[\w/.:{}*$^\\()?+<>\[\]-]*$`)
	rpcLike    = rex(`^/?[\w.]+(/|\.)[A-Z]\w+$`)
)

// exemptWords are a cheap test before exemptName: one of them is in each name.
var exemptWords = []string{
	"public", "unauth", "noauth", "no_auth", "skipauth", "skip_auth", "anonymous", "exempt", "whitelist", "white_list", "allowlist", "allow_list",
	"unprotected", "withoutauth", "without_auth", "open_access",
}

// exemptLists reads the members of lists, maps and sets whose name says that they need no login.
func exemptLists(s *source) {
	if s.class != production || !s.is(golang, javascript, python, ruby, java, csharp, php, rust) || uiFile.MatchString(s.path) || jsClientPath.MatchString(s.path) {
		return
	}
	if !s.hasFold(exemptWords...) {
		return
	}
	done := 0
	for _, h := range s.hits(exemptName) {
		at := h.offset("rest")
		if at < done {
			continue
		}
		text, after := s.inner(at)
		code := s.code()
		// Go: map[string]bool{…}, []string{…}; Java: List.of(…), Set.of(…); JavaScript: new Set([…])
		for range 3 {
			if m := listStart.FindIndex(code[after:min(len(code), after+60)]); m != nil && len(strings.TrimSpace(text)) < 12 && !strings.ContainsAny(text, "\"'") {
				at = after + m[1] - 1
				text, after = s.inner(at)
				continue
			}
			break
		}
		done = after
		s.members(h.group("name"), text, at+1)
	}
}

var (
	listStart = rex(`^\s*(?:[\w.]*(?:\{\})?\s*)?(?:\.\w+)?[{(\[]`)
	uiFile    = rex(`\.(tsx|jsx|vue|svelte)$|(^|/)(web|dashboard|frontend|client|ui|webapp|spa)/src/(constants|components|pages|routes?|router|views|hooks|utils)/`)
)

// members adds an exemption for each member of a list that looks like a path or a method.
func (s *source) members(name, text string, offset int) {
	for _, loc := range literal.FindAllStringSubmatchIndex(text, -1) {
		for g := 1; g <= 3; g++ {
			if loc[2*g] < 0 {
				continue
			}
			m := text[loc[2*g]:loc[2*g+1]]
			if name == csrfExcept && m != "" {
				s.exempt(name, m, s.lineAt(offset+loc[0]))
				continue
			}
			if (pathLike.MatchString(m) || rpcLike.MatchString(m) && !strings.Contains(m, ".com")) && m != "/" && !assets.MatchString(m) {
				s.exempt(name, m, s.lineAt(offset+loc[0]))
			}
		}
	}
}
