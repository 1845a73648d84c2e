package design

import (
	"strings"
)

var (
	railsFile = rex(`(^|/)config/routes(\.rb$|/)|(^|/)config/.*routes\.rb$`)
	rubyBlock = rex(`\bdo\b(\s*\|[^|]*\|)?\s*$`)
	rubyOpen  = rex(`^\s*(if|unless|case|while|begin|def|class|module)\b`)
	rubyEnd   = rex(`^\s*end\b`)

	railsScope = rex(`^\s*(namespace|scope|resources|resource|member|collection|controller)\b[ (]*(.*)$`)
	railsRoute = rex(`^\s*(get|post|put|patch|delete|match|mount|root|resources|resource|devise_for|use_doorkeeper|draw|mount_devise_token_auth_for)\b[ (]*(.*)$`)
	railsName  = rex(`^:(\w+)|^["']([^"']*)["']|^([\w:]+)`)
	railsNames = rex(`^(?:(?::\w+|["'][^"']*["'])\s*,\s*)*(?::\w+|["'][^"']*["'])`)
	railsPath  = rex(`\bpath:\s*["']([^"']*)["']|:path\s*=>\s*["']([^"']*)["']`)
	railsAt    = rex(`(?:\bat:|=>|:at\s*=>)\s*["']([^"']*)["']`)
	railsVia   = rex(`via:?\s*(?:=>)?\s*(\[[^\]]*\]|:\w+|%i\[[^\]]*\])`)
	railsOn    = rex(`\bon:\s*:(member|collection)|:on\s*=>\s*:(member|collection)`)
	rubyWord   = rex(`\b(get|post|put|patch|delete|all)\b`)

	sinatra      = rex(`\b[sS]inatra\b|Grape::API|Roda\b|Hanami`)
	sinatraRoute = rex(`^\s*(get|post|put|patch|delete)\s*\(?\s*(?:["'](/[^"']*)["']|:(\w+)|$|do\b)`)
	sinatraScope = rex(`^\s*(namespace|resource|resources|route_param|group)\s*\(?\s*(?:["']([^"']*)["']|:(\w+))`)
)

// rubyEntries reads the routes of Rails, Sinatra and Grape.
func rubyEntries(s *source) {
	if s.class != production || s.language != ruby && !phoenixFile.MatchString(s.path) {
		return
	}
	switch {
	case s.language != ruby:
		phoenixRoutes(s)
	case railsFile.MatchString(s.path):
		railsRoutes(s)
	case sinatra.Match(s.code()):
		sinatraRoutes(s)
	}
}

var (
	phoenixFile  = rex(`(^|/)router\.ex$`)
	phoenixRoute = rex(`^\s*(get|post|put|patch|delete|match|resources|live|forward|live_dashboard)\(?\s*(?::\*,\s*)?"(/[^"]*)"\s*,?`)
	phoenixScope = rex(`^\s*(?:scope|resources)\(?\s*"(/[^"]*)"`)
)

// A rubyScope is an open block, with the prefix of routes in it, and the kind of block.
type rubyScope struct{ prefix, kind string }

// blocks calls visit with each line, its number, and the block that it is in. visit returns the block that begins on the
// line, if one does.
func (s *source) blocks(visit func(line string, n int, at rubyScope) (inner rubyScope, begins bool)) {
	var open []rubyScope
	for i, line := range strings.Split(string(s.code()), "\n") {
		if len(line) > maxLine {
			continue
		}
		if rubyEnd.MatchString(line) {
			open = open[:max(0, len(open)-1)]
			continue
		}
		at := rubyScope{}
		if len(open) > 0 {
			at = open[len(open)-1]
		}
		if inner, begins := visit(line, i+1, at); begins {
			open = append(open, inner)
		}
	}
}

// phoenixRoutes reads the router of Phoenix.
func phoenixRoutes(s *source) {
	s.blocks(func(line string, n int, at rubyScope) (rubyScope, bool) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			return at, false
		}
		if m := phoenixRoute.FindStringSubmatch(line); m != nil {
			method := m[1]
			switch method {
			case "match", "resources", "forward":
				method = "any"
			case "live", "live_dashboard":
				method = "get"
			}
			s.route(method, join(at.prefix, m[2]), n)
		}
		block := rubyBlock.MatchString(line)
		if m := phoenixScope.FindStringSubmatch(line); m != nil && block {
			at.prefix = join(at.prefix, m[1])
		}
		return at, block
	})
}

func railsRoutes(s *source) {
	s.blocks(func(line string, n int, at rubyScope) (rubyScope, bool) {
		if m := railsRoute.FindStringSubmatch(line); m != nil {
			railsLine(s, at, m[1], m[2], n)
		}
		if rubyBlock.MatchString(line) {
			return at.enter(line), true
		}
		return at, rubyOpen.MatchString(line)
	})
}

// enter returns the scope of a block that begins on a line.
func (at rubyScope) enter(line string) rubyScope {
	m := railsScope.FindStringSubmatch(line)
	if m == nil {
		return rubyScope{at.prefix, at.kind}
	}
	name := railsFirst(m[2])
	if p := railsPath.FindStringSubmatch(m[2]); p != nil {
		name = p[1] + p[2]
	}
	next := rubyScope{at.prefix, m[1]}
	switch m[1] {
	case "namespace":
		next.prefix = join(at.inside(), name)
	case "scope":
		next = rubyScope{at.inside(), "scope"}
		if strings.HasPrefix(m[2], `"`) || strings.HasPrefix(m[2], `'`) || strings.HasPrefix(m[2], ":") && !strings.HasPrefix(m[2], ":module") || railsPath.MatchString(m[2]) {
			next.prefix = join(next.prefix, name)
		}
	case "resources", "resource":
		next.prefix = join(at.inside(), name)
	case "controller":
		next = at
	}
	if next.prefix != "" && !strings.HasPrefix(next.prefix, "/") {
		next.prefix = "/" + next.prefix
	}
	return next
}

// inside returns the prefix of routes in the scope: those of resources are about one of them.
func (at rubyScope) inside() string {
	if len(at.prefix) > maxKey {
		return at.prefix
	}
	switch at.kind {
	case "resources":
		last := at.prefix[strings.LastIndexByte(at.prefix, '/')+1:]
		return at.prefix + "/:" + strings.TrimSuffix(last, "s") + "_id"
	case "member":
		return at.prefix + "/:id"
	}
	return at.prefix
}

// railsFirst returns the first argument, a symbol or string.
func railsFirst(args string) string {
	m := railsName.FindStringSubmatch(args)
	if m == nil {
		return ""
	}
	return m[1] + m[2] + m[3]
}

// railsLine adds the routes of one line.
func railsLine(s *source, at rubyScope, kind, args string, line int) {
	prefix := at.inside()
	if on := railsOn.FindStringSubmatch(args); on != nil {
		prefix = rubyScope{at.prefix, on[1] + on[2]}.inside()
	}
	switch kind {
	case "draw":
	case "root":
		s.route("GET", join(prefix, "/"), line)
	case "mount", "mount_devise_token_auth_for":
		if m := railsAt.FindStringSubmatch(args); m != nil {
			s.route("ANY", join(prefix, m[1])+"/*", line)
		}
	case "use_doorkeeper":
		s.route("ANY", join(prefix, "/oauth")+"/*", line)
	case "resources", "resource", "devise_for":
		for _, name := range strings.Split(railsNames.FindString(args), ",") {
			name = strings.Trim(strings.TrimSpace(name), `:"'`)
			if p := railsPath.FindStringSubmatch(args); p != nil {
				name = p[1] + p[2]
			}
			if name != "" {
				s.resource(join(prefix, name), line)
			}
		}
	default:
		if strings.Contains(args, "redirect(") {
			return
		}
		railsVerb(s, prefix, kind, args, line)
	}
}

// railsVerb adds the routes of get "x", to: "c#a", and of match with its methods.
func railsVerb(s *source, prefix, kind, args string, line int) {
	methods := []string{kind}
	if kind == "match" {
		methods = []string{"any"}
		if m := railsVia.FindStringSubmatch(args); m != nil {
			methods = rubyWord.FindAllString(m[1], -1)
		}
	}
	names := []string{railsFirst(args)}
	if all := railsNames.FindString(args); strings.HasPrefix(all, ":") {
		names = nil
		for n := range strings.SplitSeq(all, ",") {
			names = append(names, strings.Trim(strings.TrimSpace(n), `:"'`))
		}
	}
	for _, m := range methods {
		for _, n := range names {
			if n != "" {
				s.route(strings.Replace(m, "all", "any", 1), join(prefix, strings.TrimSuffix(n, "(.:format)")), line)
			}
		}
	}
}

func sinatraRoutes(s *source) {
	s.blocks(func(line string, n int, at rubyScope) (rubyScope, bool) {
		if !rubyBlock.MatchString(line) {
			return at, rubyOpen.MatchString(line)
		}
		if m := sinatraRoute.FindStringSubmatch(line); m != nil {
			if p := m[2] + m[3]; p != "" || at.prefix != "" {
				s.route(m[1], join(at.prefix, p), n)
			}
		}
		if m := sinatraScope.FindStringSubmatch(line); m != nil {
			name := m[2] + m[3]
			if m[1] == "route_param" {
				name = ":" + name
			}
			at.prefix = join("/"+strings.Trim(at.prefix, "/"), name)
		}
		return at, true
	})
}
