package design

import (
	"path"
	"slices"
	"strings"
)

// entryDetectors read the entry points: what a caller outside can reach. The last one adds the collected routes.
var entryDetectors = []detector{
	goEntries, jsEntries, fileRoutes, pyEntries, javaEntries, rubyEntries, csharpEntries, phpEntries, rustEntries,
	openAPI, mutations, procedures, sockets, queues, exemptions, exemptLists, refusals, signatures,
	(*source).addRoutes,
}

// A route is what an HTTP server answers.
type route struct {
	method, path string // "POST", "/invoices"; ANY for every method
	line         int
	records      bool // it stands for all routes of the records of one kind
}

// route notes a route. The path may lack its first slash. A path of an expression that is not known stays as it is.
func (s *source) route(method, full string, line int) {
	full = strings.TrimSpace(full)
	if strings.Contains(full, "://") || strings.ContainsAny(full, "\n\r\"") {
		return
	}
	if i := strings.IndexByte(full, '?'); i >= 0 && strings.ContainsAny(full[i:], "=&") {
		full = full[:i]
	}
	if !strings.HasPrefix(full, "/") && !strings.HasPrefix(full, "*") && !isUnknown(full) {
		full = "/" + full
	}
	s.routes = append(s.routes, route{method: strings.ToUpper(method), path: full, line: line})
}

// resource notes the routes of the records of one kind.
func (s *source) resource(full string, line int) {
	before := len(s.routes)
	s.route("ANY", full, line)
	for i := range s.routes[before:] {
		s.routes[before+i].records = true
	}
}

// isUnknown reports whether a path is an expression in place of one: "login.RouteInit".
func isUnknown(p string) bool {
	return expression.MatchString(p) && pathName.MatchString(lastPart(p)) && p != strings.ToLower(p)
}

var expression = rex(`^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$`)

// join puts a prefix before a path. A prefix longer than a key stays as it is, so that nested ones stay small.
func join(prefix, p string) string {
	if prefix == "" {
		return p
	}
	if len(prefix) > maxKey {
		return prefix
	}
	prefix = strings.TrimSuffix(prefix, "/")
	switch {
	case p == "" || p == "/":
		return prefix
	case strings.HasPrefix(p, "/"):
		return prefix + p
	}
	return prefix + "/" + p
}

var (
	adminPath   = rex(`(?i)(^|/)(admin|administration|administrator|internal|debug|actuator|pprof|superuser|sudo|impersonat\w*|manage|management)(/|$)`)
	webhookPath = rex(`(?i)webhooks?(/|$|\?|[-_.]?(receiv|handl|event|endpoint|incoming|inbound|callback|listen|github|gitlab|stripe|slack|paypal))|/hooks?(/|$)|/callbacks?(/|$)|/ipn(/|$)|github/events`)
	// managed is a path to a record of a webhook: webhooks/{id}.
	managed = rex(`(?i)(web)?hooks/?(\{[^/]*\}|:[^/]+|<[^/]*>|\[[^/]*\])?(/(test|deliveries|rotate\w*|secret|enable|disable|logs))?$`)
)

// changes is a path of a form about one record.
var changes = rex(`(?i)webhooks?/(\{[^/]*\}|:[^/]+|<[^/]*>)/(edit|delete|update|toggle|test|enable|disable)/?$|webhooks?/(add|new|create|list)/?$`)

// signal returns which of the signals of routes takes a route. crud says that the file manages records of webhooks.
func (r route) signal(crud bool) string {
	switch {
	case adminPath.MatchString(r.path):
		return "admin-endpoint"
	case !webhookPath.MatchString(r.path):
		return "http-route"
	case r.records, changes.MatchString(r.path), r.method == "PUT" || r.method == "PATCH" || r.method == "DELETE" || crud && managed.MatchString(r.path):
		return "http-route"
	case r.method == "GET" && !strings.Contains(strings.ToLower(r.path), "callback"):
		return "http-route"
	}
	return "webhook-receiver"
}

// addRoutes adds the collected routes as facts.
func (s *source) addRoutes() {
	crud := slices.ContainsFunc(s.routes, func(r route) bool {
		return managed.MatchString(r.path) && (r.method == "DELETE" || r.method == "PUT" || r.method == "PATCH")
	})
	for _, r := range s.routes {
		s.add(r.signal(crud), r.method+" "+r.path, r.line, with("method", r.method), with("path", r.path))
	}
	s.routes = nil
}

// inString marks an offset inside of a string, see brackets.
const inString = -1

// brackets returns for the offset of each bracket in code the offset of its partner plus one, inString for bytes of
// strings, and 0 for all others. It reads the text once.
func (s *source) brackets() []int32 {
	if s.pairs != nil {
		return s.pairs
	}
	code, rule := s.code(), syntaxes[s.language]
	s.pairs = make([]int32, len(code))
	var open []int
	for i := 0; i < len(code); {
		end, _ := rule.token(code, i)
		for j := i + 1; j < end; j++ {
			s.pairs[j] = inString
		}
		if end == i+1 {
			open = s.pair(open, code[i], i)
		}
		i = end
	}
	return s.pairs
}

// pair notes one byte that may be a bracket, and returns the open brackets.
func (s *source) pair(open []int, b byte, at int) []int {
	switch b {
	case '(', '[', '{':
		return append(open, at)
	case ')', ']', '}':
		const most = 8 // brackets that are left open by mistake before this one
		for n := len(open) - 1; n >= 0 && n >= len(open)-most; n-- {
			if partners[s.code()[open[n]]] == b {
				s.pairs[open[n]], s.pairs[at] = int32(at+1), int32(open[n]+1)
				return open[:n]
			}
		}
	}
	return open
}

var partners = map[byte]byte{'(': ')', '[': ']', '{': '}'}

// past returns the offset after the partner of the bracket at an offset, or after the bracket if there is none.
func (s *source) past(open int) int {
	if open < 0 || open >= len(s.brackets()) || s.pairs[open] <= int32(open) {
		return open + 1
	}
	return int(s.pairs[open])
}

// inner returns the text between the bracket at an offset and its partner, and the offset after the partner. It returns
// "" and the next offset if there is none.
func (s *source) inner(open int) (text string, after int) {
	after = s.past(open)
	end := after - 1
	if end <= open {
		return "", after
	}
	const most = 20_000 // of what somebody wrote by hand
	return string(s.code()[open+1 : min(end, open+1+most)]), after
}

// A hit is one match of a pattern in code, outside of strings.
type hit struct {
	s   *source
	re  *lazyRegexp
	loc []int
}

// mostHits is how many matches of one pattern a file that somebody wrote by hand may have.
const mostHits = 5000

// hits returns the matches of a pattern that begin outside of strings, as many as mostHits.
func (s *source) hits(re *lazyRegexp) (all []hit) {
	pairs := s.brackets()
	for _, loc := range re.FindAllSubmatchIndex(s.code(), mostHits) {
		if loc[0] < len(pairs) && pairs[loc[0]] == inString {
			continue
		}
		all = append(all, hit{s, re, loc})
	}
	return all
}

// group returns the text of a named group, "" if it did not match.
func (h hit) group(name string) string {
	if at := h.offset(name); at >= 0 {
		return string(h.s.code()[at:h.loc[2*h.re.SubexpIndex(name)+1]])
	}
	return ""
}

// offset returns where a named group begins; -1 for none.
func (h hit) offset(name string) int {
	i := h.re.SubexpIndex(name)
	if i < 0 {
		return -1
	}
	return h.loc[2*i]
}

func (h hit) begin() int { return h.loc[0] }
func (h hit) end() int   { return h.loc[1] }

// line returns the line on which the match begins, after blanks.
func (h hit) line() int {
	at := h.begin()
	for at < h.end() && strings.IndexByte(" \t\r\n", h.s.code()[at]) >= 0 {
		at++
	}
	return h.s.lineAt(at)
}

// A prefix is a path that counts for the routes in a part of the file.
type prefix struct {
	path       string
	begin, end int
}

// prefixAt joins the prefixes of all parts around an offset. Parts are in the order of their beginnings.
func prefixAt(parts []prefix, at int) string {
	const most = 1000 // parts that somebody wrote by hand
	full := ""
	for _, p := range parts[:min(len(parts), most)] {
		if p.begin > at {
			break
		}
		if at < p.end {
			full = join(full, p.path)
		}
	}
	return full
}

// splitTop splits a text at commas outside of brackets and strings.
func splitTop(text string) (parts []string) {
	depth, start := 0, 0
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	if last := strings.TrimSpace(text[min(start, len(text)):]); last != "" {
		parts = append(parts, last)
	}
	return parts
}

// literals returns the strings in a text.
func literals(text string) (all []string) {
	for _, m := range literal.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1]+m[2]+m[3])
	}
	return all
}

var literal = rex(`"([^"\n]*)"|'([^'\n]*)'|` + "`([^`]*)`")

// literalOf returns the only content of a text that is one string.
func literalOf(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if len(text) < 2 || text[0] != text[len(text)-1] || strings.IndexByte("\"'`", text[0]) < 0 || strings.IndexByte(text[1:len(text)-1], text[0]) >= 0 {
		return "", false
	}
	return text[1 : len(text)-1], true
}

// stem returns the name of a file without its extension.
func stem(name string) string { return strings.TrimSuffix(path.Base(name), path.Ext(name)) }
