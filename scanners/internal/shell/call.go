package shell

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
)

// A call is one command with the values of its words.
type call struct {
	name string
	args [][]Part
	in   []Part
	at   int
}

// runs lists programs that run the command in their arguments.
var runs = map[string]bool{"sudo": true, "env": true, "exec": true, "nice": true, "time": true, "command": true, "nohup": true, "builtin": true, "stdbuf": true}

func (r *reader) call(n *syntax.CallExpr, in []Part) []Part {
	for _, a := range n.Assigns {
		r.assign(a)
	}
	if len(n.Args) == 0 || !r.spend() {
		return nil
	}
	args := make([][]Part, 0, len(n.Args))
	words := make([]string, 0, len(n.Args))
	for _, w := range n.Args {
		value := r.word(w)
		args, words = append(args, value), append(words, text(value))
	}
	for len(words) > 1 && runs[path.Base(words[0])] {
		args, words = args[1:], words[1:]
		for len(words) > 1 && (strings.HasPrefix(words[0], "-") || strings.Contains(words[0], "=")) {
			args, words = args[1:], words[1:]
		}
	}
	r.script.Commands = append(r.script.Commands, Command{Words: words, From: int(n.Pos().Offset()), To: int(n.End().Offset())})
	c := call{name: path.Base(words[0]), args: args[1:], in: in, at: int(n.Pos().Offset())}
	if body := r.functions[words[0]]; body != nil && r.calls < maxCalls {
		return r.function(body, c)
	}
	out := r.print(c)
	if c.name == "echo" || c.name == "printf" {
		return r.at(out, c.at)
	}
	return placed(out, c.at)
}

// function reads the body of a function with the arguments of a call.
func (r *reader) function(body *syntax.Stmt, c call) []Part {
	before := map[string][]Part{}
	var all []Part
	names := []string{"@", "*"}
	for i, arg := range c.args[:min(len(c.args), 9)] {
		name := string(rune('1' + i))
		names = append(names, name)
		all = join(all, arg)
		before[name] = r.vars[name]
		r.vars[name] = r.at(arg, c.at)
	}
	before["@"], before["*"] = r.vars["@"], r.vars["*"]
	r.vars["@"], r.vars["*"] = all, all
	r.calls++
	from := len(r.script.Writes)
	out := r.stmt(body, c.in)
	r.calls--
	for i := range r.script.Writes[from:] {
		r.script.Writes[from+i].At = c.at
	}
	for _, name := range names {
		if before[name] == nil {
			delete(r.vars, name)
		} else {
			r.vars[name] = before[name]
		}
	}
	return r.at(out, c.at)
}

// print returns what a program prints.
func (r *reader) print(c call) []Part {
	switch c.name {
	case "echo":
		return r.echo(c)
	case "printf":
		return r.printf(c)
	case "cat", "tac", "nl", "rev", "fold", "sort", "uniq", "expand", "column", "iconv", "dos2unix":
		return r.input(c, c.args)
	case "tee":
		again := slices.ContainsFunc(c.args, func(a []Part) bool { return text(a) == "-a" || text(a) == "--append" })
		for _, a := range c.args {
			if to := text(a); !strings.HasPrefix(to, "-") {
				r.send(to, again, placed(c.in, c.at))
			}
		}
		return c.in
	case "read", "mapfile", "readarray":
		for _, a := range c.args {
			if name := text(a); !strings.HasPrefix(name, "-") {
				r.set(name, oneLine(c.in))
			}
		}
		return nil
	case "basename", "dirname", "realpath", "readlink":
		return oneLine(slices.Concat(c.args...))
	case "true", "false", "exit", "cd", "set", "shopt", ":", "mkdir", "rm", "sleep", "test", "[", "unset", "shift", "return", "trap", "chmod":
		return nil
	}
	return r.filter(c)
}

func (r *reader) echo(c call) (out []Part) {
	args, end, escapes := c.args, "\n", false
	for len(args) > 0 {
		option := text(args[0])
		if option != "-n" && option != "-e" && option != "-ne" && option != "-en" && option != "-E" {
			break
		}
		if strings.Contains(option, "n") {
			end = ""
		}
		escapes = escapes || strings.Contains(option, "e")
		args = args[1:]
	}
	for i, a := range args {
		if i > 0 {
			out = join(out, []Part{{Kind: Text, Text: " "}})
		}
		if escapes {
			a = escapesIn(a)
		}
		out = join(out, a)
	}
	return join(out, []Part{{Kind: Text, Text: end}})
}

// escapesIn returns parts whose escapes are turned into characters.
func escapesIn(parts []Part) []Part {
	parts = slices.Clone(parts)
	for i := range parts {
		parts[i].Escapes = true
		if parts[i].Kind == Text {
			parts[i].Text = ansi.Replace(parts[i].Text)
		}
	}
	return parts
}

var conversion = lazy.MustCompile(`%([-+ #0]*[0-9.]*[a-zA-Z%]|\([^)]*\)T)`)

func (r *reader) printf(c call) (out []Part) {
	args := c.args
	if len(args) > 1 && text(args[0]) == "-v" {
		if name := text(args[1]); len(args) > 2 {
			r.set(name, r.printf(call{args: args[2:], at: c.at}))
		}
		return nil
	}
	if len(args) > 0 && text(args[0]) == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return nil
	}
	format, rest := args[0], args[1:]
	for range 20 {
		taken := 0
		for _, p := range escapesIn(format) {
			if p.Kind != Text {
				out = join(out, []Part{p})
				continue
			}
			at := 0
			for _, m := range conversion.FindAllStringIndex(p.Text, -1) {
				out = join(out, []Part{{Kind: Text, Text: p.Text[at:m[0]]}})
				at = m[1]
				verb := p.Text[m[1]-1]
				if verb == '%' {
					out = join(out, []Part{{Kind: Text, Text: "%"}})
					continue
				}
				if taken++; len(rest) > 0 {
					out = join(out, converted(verb, rest[0]))
					rest = rest[1:]
				}
			}
			out = join(out, []Part{{Kind: Text, Text: p.Text[at:]}})
		}
		if taken == 0 || len(rest) == 0 {
			break
		}
	}
	return out
}

func converted(verb byte, value []Part) []Part {
	switch verb {
	case 's', 'c':
		return value
	case 'b':
		return escapesIn(value)
	case 'q':
		return oneLine(value)
	}
	return unknown()
}

// input returns what a filter reads: the files among its arguments, else its standard input.
func (r *reader) input(c call, files [][]Part) (in []Part) {
	named := false
	for _, a := range files {
		name := text(a)
		if name == "-" || name == "/dev/stdin" {
			in, named = join(in, c.in), true
		} else if !strings.HasPrefix(name, "-") && name != "" {
			in, named = join(in, r.file(name)), true
		}
	}
	if named {
		return in
	}
	return c.in
}

// filter returns what a program prints that changes its input.
func (r *reader) filter(c call) []Part {
	options, values := split2(c.args)
	switch c.name {
	case "tr":
		return translated(c.in, options, values)
	case "head", "tail":
		return r.head(c, options, values)
	case "xargs":
		if len(values) == 0 {
			return oneLine(c.in)
		}
		name := text(values[0])
		return r.print(call{name: path.Base(name), args: append(slices.Clone(values[1:]), c.in), at: c.at})
	case "sed", "awk", "gawk", "perl", "cut", "paste":
		return r.edited(c, options, values)
	case "grep", "egrep", "rg":
		return r.grep(c, options, values)
	case "jq", "yq":
		return r.jq(c, options, values)
	case "gh":
		return gh(c.args)
	case "printenv":
		if len(values) == 1 {
			return r.value(text(values[0]))
		}
	case "python", "python3", "node", "ruby", "php":
		return r.program(values)
	}
	return unknown()
}

var (
	// ofEnvironment matches how programs name an environment variable.
	ofEnvironment = lazy.MustCompile(`\b(?:environ(?:\.get\()?|getenv\(|ENV|ENV\.fetch\(|process\.env)[\[{(.]?\s*['"]?(\w+)`)
	toHarmless    = lazy.MustCompile(`\b(int|len|Number|parseInt|re\.\w+|sub|replace|quote|dumps|hexdigest|match)\(|\.length\b`)
)

// program returns what a program in the arguments of an interpreter can print: environment variables that it
// names.
func (r *reader) program(values [][]Part) (out []Part) {
	for _, v := range values {
		code := text(v)
		if toHarmless.MatchString(code) {
			return unknown()
		}
		for _, m := range ofEnvironment.FindAllStringSubmatch(code, maxHeld) {
			out = join(out, r.value(m[1]))
		}
	}
	if len(out) == 0 {
		return unknown()
	}
	return out
}

// fields maps the fields of pull requests and issues that gh knows to their names in the API.
var fields = map[string]string{
	"title": "title", "body": "body", "head.ref": "head.ref", "headRefName": "head.ref", "head.sha": "head.sha", "headRefOid": "head.sha",
	"head.label": "head.label", "head.repo.full_name": "head.repo.full_name", "head.repo.clone_url": "head.repo.clone_url", "head.repo.html_url": "head.repo.html_url",
	"headRepository.nameWithOwner": "head.repo.full_name", "headRepositoryOwner.login": "head.user.login", "head.user.login": "head.user.login",
}

var answering = lazy.MustCompile(`^/?repos/.*/(pulls|issues)/[^/]+$`)

// whole is the [Answer] with all fields of a pull request.
const whole = "*"

// gh returns what gh prints about a pull request or an issue.
func gh(args [][]Part) []Part {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = text(a)
	}
	if len(words) < 2 {
		return unknown()
	}
	issue := words[0] == "issue"
	switch {
	case (issue || words[0] == "pr") && words[1] == "view":
	case words[0] == "api" && slices.ContainsFunc(words, answering.MatchString):
		issue = slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, "/issues/") })
	default:
		return unknown()
	}
	of := Part{Kind: Answer, Text: whole}
	if issue {
		of.Text = "issue." + whole
	}
	for i, w := range words {
		if value, ok := strings.CutPrefix(w, "--jq="); ok {
			return field(of, value)
		}
		if (w == "-q" || w == "--jq") && i+1 < len(words) {
			return field(of, words[i+1])
		}
	}
	return []Part{of}
}

// field returns the part of an answer that a filter of jq selects.
func field(of Part, filter string) []Part {
	m := eventField.FindStringSubmatch(filter)
	if m == nil || toNumber.MatchString(filter) || fields[m[1]] == "" {
		return unknown()
	}
	of.Text = strings.TrimSuffix(of.Text, whole) + fields[m[1]]
	return []Part{of}
}

// head is what head and tail print.
func (r *reader) head(c call, options []string, values [][]Part) []Part {
	if slices.Contains(options, "-1") || slices.Contains(options, "-n1") {
		return oneLine(r.input(c, values))
	}
	if len(values) > 0 && (slices.Contains(options, "-n") || slices.Contains(options, "-c")) {
		in := r.input(c, values[1:])
		if text(values[0]) == "1" {
			return oneLine(in)
		}
		return in
	}
	return r.input(c, values)
}

// split2 splits arguments into options and others.
func split2(args [][]Part) (options []string, values [][]Part) {
	for _, a := range args {
		if t := text(a); strings.HasPrefix(t, "-") && len(t) > 1 {
			options = append(options, t)
		} else {
			values = append(values, a)
		}
	}
	return options, values
}

// has reports whether one of the options is this one: a letter, maybe among others, or a long option.
func has(options []string, letter, long string) bool {
	return slices.ContainsFunc(options, func(o string) bool {
		return o == long || !strings.HasPrefix(o, "--") && strings.Contains(o, letter)
	})
}

// translated is what tr prints.
func translated(in []Part, options []string, values [][]Part) []Part {
	from := ""
	if len(values) > 0 {
		from = text(values[0])
	}
	switch {
	case has(options, "c", "--complement") || has(options, "C", "--complement"):
		return unknown()
	case strings.Contains(from, `\n`), strings.Contains(from, "\n"), strings.Contains(from, `[:space:]`), strings.Contains(from, `[:cntrl:]`), strings.Contains(from, `\012`):
		return oneLine(in)
	}
	return in
}

var (
	// removes matches a command of sed that replaces all but harmless characters.
	removes = lazy.MustCompile(`s([/|,#:@])\[\^[^\]]*\][*+]?.[^;]*g`)
	// ends matches a command of sed or awk that changes line ends.
	ends = lazy.MustCompile(`\\n|%0A`)
)

// edited is what sed, awk and their kin print.
func (r *reader) edited(c call, options []string, values [][]Part) []Part {
	in := c.in
	program := strings.Join(options, " ")
	if len(values) > 0 {
		program += text(values[0])
		if files := values[1:]; c.name == "sed" && len(files) > 0 || c.name == "cut" {
			if c.name == "cut" {
				files = values
			}
			in = r.input(c, files)
		} else if len(values) > 1 {
			in = r.input(c, values[1:])
		}
	}
	switch {
	case c.name == "sed" && removes.MatchString(program):
		return unknown()
	case c.name == "sed" && has(options, "n", "--quiet"):
		if groups := sedGroups(program); len(groups) > 0 && !slices.ContainsFunc(groups, func(g string) bool { return !harmless(g) }) {
			return unknown()
		}
	case ends.MatchString(program):
		return oneLine(in)
	}
	return in
}

// sedGroups returns what stands in the groups of sed's patterns.
func sedGroups(program string) (groups []string) {
	for _, m := range group.FindAllStringSubmatch(strings.NewReplacer(`\(`, "(", `\)`, ")", `\+`, "+").Replace(program), -1) {
		groups = append(groups, m[1])
	}
	return groups
}

// grep returns what grep prints. A grep that prints nothing checks its input.
func (r *reader) grep(c call, options []string, values [][]Part) []Part {
	if len(values) == 0 {
		return unknown()
	}
	pattern := text(values[0])
	in := r.input(c, values[1:])
	switch {
	case has(options, "c", "--count"), has(options, "l", "--files-with-matches"):
		return unknown()
	case has(options, "q", "--quiet"):
		if checks(pattern, has(options, "x", "--line-regexp")) {
			for _, p := range in {
				if p.Kind == Variable {
					r.vars[p.Text] = unknown()
				}
			}
		}
		return nil
	case has(options, "o", "--only-matching") && harmless(pattern):
		return unknown()
	}
	return in
}

var (
	rawOutput  = lazy.MustCompile(`^(--raw-output|--join-output|-[a-zA-Z]*[rj][a-zA-Z]*)$`)
	eventField = lazy.MustCompile(`^\.(\w+(?:\.\w+|\[\d+\])*)`)
	toNumber   = lazy.MustCompile(`\|\s*(length|tonumber|@base64|@uri)\b`)
)

// jq returns what jq prints: fields of a file, or the values in its arguments.
func (r *reader) jq(c call, options []string, values [][]Part) []Part {
	out, values := jqArguments(c.args, values)
	if len(values) == 0 {
		return unknown()
	}
	filter := text(values[0])
	if toNumber.MatchString(filter) {
		return unknown()
	}
	if !has(options, "n", "--null-input") {
		for _, p := range r.input(c, values[1:]) {
			if p.Kind != Text {
				out = join(out, selected(p, filter))
			}
		}
	}
	if !slices.ContainsFunc(options, rawOutput.MatchString) {
		out = oneLine(out)
	}
	if len(out) == 0 {
		return unknown()
	}
	return out
}

// jqArguments returns the values of --arg, and the arguments without them.
func jqArguments(args, values [][]Part) (named []Part, rest [][]Part) {
	rest = values
	for i, a := range args {
		if option := text(a); (option == "--arg" || option == "--argjson") && i+2 < len(args) {
			named = join(named, args[i+2])
			rest = slices.DeleteFunc(slices.Clone(rest), func(v []Part) bool { return slices.Equal(v, args[i+1]) || slices.Equal(v, args[i+2]) })
		}
	}
	return named, rest
}

// selected returns what a filter selects of an input.
func selected(p Part, filter string) []Part {
	switch m := eventField.FindStringSubmatch(filter); {
	case p.Kind == Content && strings.HasSuffix(p.Text, "GITHUB_EVENT_PATH}") && m != nil:
		return []Part{{Kind: Event, Text: "github.event." + m[1]}}
	case p.Kind == Answer && strings.HasSuffix(p.Text, whole):
		return field(p, filter)
	}
	return []Part{p}
}
