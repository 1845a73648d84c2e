package dockerfile

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"mvdan.cc/sh/v3/syntax"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

// These bound the input of the shell parser, because it is recursive and a Go
// program does not survive a stack overflow. Docker itself allows lines of 64 KB.
const (
	maxScript = 64 << 10
	maxOpen   = 2000
	maxFlags  = 20 // flags of a RUN instruction; any more are read as commands
	maxDepth  = 4  // scripts in scripts, as in sh -c "sh -c …"
)

// A script is shell code with its place in the file. Its first line is at line; if fixed is set, all its
// findings are placed at line to end.
type script struct {
	text      string
	line, end int
	fixed     bool
	depth     int // how many scripts it is in
}

// run checks the commands of a RUN instruction, if they are for a shell that shells matches.
func (c *checker) run(node, top *parser.Node) {
	if c.stage != nil && c.stage.shell {
		return
	}
	for _, s := range c.scripts(node, top) {
		if len(s.text) > maxScript || strings.Count(s.text, "(")+strings.Count(s.text, "{")+strings.Count(s.text, "`") > maxOpen {
			c.failed = &infra.PlaceError{Line: top.StartLine, Why: "a RUN instruction too long to be checked"}
			return
		}
		c.script(s)
	}
}

// script checks the commands of a script.
func (c *checker) script(s script) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(s.text), "")
	if err != nil {
		return // PowerShell, a template, or an error that Docker refuses too
	}
	r := reader{c, s}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			r.call(n)
		case *syntax.Stmt:
			r.input(n)
		case *syntax.DeclClause: // export NAME=value
			for _, a := range n.Args {
				r.assign(a)
			}
		case *syntax.BinaryCmd:
			if n.Op == syntax.Pipe || n.Op == syntax.PipeAll {
				r.pipe(n)
			}
		}
		return true
	})
}

// interpreter matches a first line that names the interpreter of a script.
var interpreter = regexp.MustCompile(`^\s*#!.*`)

// scripts returns the shell code of a RUN instruction, with the line breaks of the file.
func (c *checker) scripts(node, top *parser.Node) []script {
	if node.Attributes["json"] {
		var words []string
		for n := node.Next; n != nil; n = n.Next {
			words = append(words, n.Value)
		}
		for i, w := range words {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		return []script{{text: strings.Join(words, " "), line: top.StartLine, end: top.EndLine, fixed: true}}
	}
	text := c.shell(top)
	if len(node.Heredocs) == 0 {
		return []script{{text: text, line: top.StartLine}}
	}
	// RUN <<EOF passes the text to the shell, and RUN bash <<EOF says to which.
	first, _, _ := strings.Cut(strings.TrimSpace(text), "<<")
	words := strings.Fields(first)
	body := node.Heredocs[0].Content
	var out []script
	if m := interpreter.FindString(body); len(words) > 0 && !shells.MatchString(words[0]) || m != "" && !strings.HasSuffix(strings.Fields(m)[len(strings.Fields(m))-1], "sh") {
		return []script{{text: text, line: top.StartLine}}
	}
	if len(words) > 0 {
		out = append(out, script{text: text, line: top.StartLine})
	}
	before := top.EndLine - top.StartLine
	for _, h := range node.Heredocs {
		before -= strings.Count(h.Content, "\n") + 1
	}
	return append(out, script{text: body, line: top.StartLine + before + 1})
}

var (
	prefix = regexp.MustCompile(`^\s*(?i:ONBUILD\s+)?(?i:RUN)\s`)
	flag   = regexp.MustCompile(`^(?:\s|\\\n)*(--[a-z]+(?:=\S*)?)(?:\s|$)`)
)

// shell returns the lines of an instruction as a shell reads them: it removes comments between them,
// replaces an escape character other than \, and blanks RUN and its flags.
func (c *checker) shell(top *parser.Node) string {
	var b strings.Builder
	open := false // in a heredoc, whose lines stay as they are
	for i := top.StartLine; i <= min(top.EndLine, len(c.lines)); i++ {
		line := strings.TrimRight(c.lines[i-1], " \t\r")
		trimmed := strings.TrimLeft(line, " \t")
		switch {
		case open:
		case i > top.StartLine && (trimmed == "" || trimmed[0] == '#') && i < top.EndLine:
			line = `\`
		case len(line) > 0 && line[len(line)-1] == c.escape:
			line = line[:len(line)-1] + `\`
		default:
			open = true
		}
		b.WriteString(line + "\n")
	}
	text := b.String()
	text = blank(text, prefix.FindStringIndex(text))
	for range maxFlags {
		m := flag.FindStringSubmatchIndex(text)
		if m == nil {
			break
		}
		text = blank(text, m[2:4])
	}
	return text
}

// blank replaces a part of text by spaces.
func blank(text string, part []int) string {
	if part == nil {
		return text
	}
	return text[:part[0]] + strings.Repeat(" ", part[1]-part[0]) + text[part[1]:]
}

// A reader checks the commands of one script.
type reader struct {
	c *checker
	s script
}

func (r reader) add(rule infra.Rule, at syntax.Node, message string, identity ...string) {
	line, end := r.lines(at)
	r.c.add(rule, line, end, message, identity...)
}

// lines returns the first and the last line of a part of the script.
func (r reader) lines(at syntax.Node) (line, end int) {
	line, end = r.s.line, r.s.end
	if !r.s.fixed {
		line, end = line+int(at.Pos().Line())-1, line+int(at.End().Line())-1
	}
	return line, min(end, len(r.c.lines))
}

// text returns the literal text of a word. A variable or a command in it becomes a $.
func text(w *syntax.Word) string {
	var b strings.Builder
	var parts func([]syntax.WordPart)
	parts = func(list []syntax.WordPart) {
		for _, p := range list {
			switch p := p.(type) {
			case *syntax.Lit:
				b.WriteString(p.Value)
			case *syntax.SglQuoted:
				b.WriteString(p.Value)
			case *syntax.DblQuoted:
				parts(p.Parts)
			default:
				b.WriteByte('$')
			}
		}
	}
	parts(w.Parts)
	return b.String()
}

// command returns the words of a call, without leading programs that only run another command.
func command(call *syntax.CallExpr) []string {
	var words []string
	for _, w := range call.Args {
		words = append(words, text(w))
	}
	return words[wrappers(words):]
}

func (r reader) call(n *syntax.CallExpr) {
	for _, a := range n.Assigns {
		r.assign(a)
	}
	if len(n.Args) == 0 {
		return
	}
	words := command(n)
	if path.Base(text(n.Args[0])) == "sudo" && len(words) > 0 {
		r.add(sudo, n, "The build runs "+infra.Name(path.Base(words[0]))+" with sudo.", path.Base(words[0]))
	}
	if len(words) == 0 {
		return
	}
	name, args := path.Base(words[0]), words[1:]
	if option := insecureOption(name, args); option != "" && !local(args) {
		r.add(insecure, n, infra.Name(name)+" runs with "+option+".", name, option, host(args))
	}
	if option := unsignedOption(name, args); option != "" {
		r.add(unsigned, n, infra.Name(name)+" runs with "+option+".", name, option)
	}
	switch name {
	case "chmod":
		if i := slices.IndexFunc(args, func(s string) bool { return !strings.HasPrefix(s, "-") }); i >= 0 && looseMode(args[i]) {
			r.add(writable, n, "The mode "+infra.Name(args[i])+" lets every user change the files.", args[i:]...)
			r.c.found[len(r.c.found)-1].Extents = modeExtents(args[i], slices.ContainsFunc(args, recursive), args[i+1:])
		}
	case "sh", "bash", "ash", "dash", "zsh", "eval", "source", ".", "python", "python3", "su", "runuser":
		r.nested(n, name, args)
		// bash -c "$(curl …)" and bash <(curl …)
		for _, w := range n.Args[1:] {
			for _, part := range inner(w) {
				if where, ok := downloads(part); ok {
					r.downloaded(n, name, where)
				}
			}
		}
	}
}

// inner returns the statements in the command and process substitutions of a word.
func inner(w *syntax.Word) []*syntax.Stmt {
	var out []*syntax.Stmt
	for _, part := range w.Parts {
		parts := []syntax.WordPart{part}
		if q, ok := part.(*syntax.DblQuoted); ok {
			parts = q.Parts
		}
		for _, p := range parts {
			switch p := p.(type) {
			case *syntax.CmdSubst:
				out = append(out, p.Stmts...)
			case *syntax.ProcSubst:
				out = append(out, p.Stmts...)
			}
		}
	}
	return out
}

// downloads reports whether a statement runs curl or wget, and returns the host that it downloads from.
func downloads(s *syntax.Stmt) (string, bool) {
	call, ok := s.Cmd.(*syntax.CallExpr)
	if !ok {
		return "", false
	}
	words := command(call)
	if len(words) < 2 {
		return "", false
	}
	if name := path.Base(words[0]); name != "curl" && name != "wget" {
		return "", false
	}
	where := host(words[1:])
	return where, where != "localhost"
}

// assign checks whether an assignment switches the check of certificates off.
func (r reader) assign(a *syntax.Assign) {
	if a.Name != nil && a.Value != nil && insecureVariable(a.Name.Value, text(a.Value)) {
		r.add(insecure, a, infra.Name(a.Name.Value)+" switches off the check of certificates.", a.Name.Value)
	}
}

func insecureVariable(name, value string) bool {
	switch name {
	case "NODE_TLS_REJECT_UNAUTHORIZED", "PYTHONHTTPSVERIFY":
		return value == "0"
	case "GIT_SSL_NO_VERIFY":
		return value == "1" || value == "true"
	case "NPM_CONFIG_STRICT_SSL", "npm_config_strict_ssl":
		return value == "false"
	}
	return false
}

// pipe checks a | b for a download that a shell runs, and for a password for chpasswd.
func (r reader) pipe(n *syntax.BinaryCmd) {
	to, ok := n.Y.Cmd.(*syntax.CallExpr)
	if !ok {
		return
	}
	words := command(to)
	if len(words) == 0 {
		return
	}
	from := piecesOf(n.X)
	name, args := path.Base(words[0]), words[1:]
	switch {
	case interpreters[name] && readsInput(name, args):
		for _, s := range from {
			if where, ok := downloads(s); ok {
				r.downloaded(n, name, where)
				return
			}
		}
	case name == "chpasswd":
		if call, ok := from[0].Cmd.(*syntax.CallExpr); ok && !slices.Contains(args, "-e") && !slices.Contains(args, "--encrypted") {
			if echo := command(call); len(echo) > 0 {
				r.chpasswd(n, echo)
			}
		}
	}
}

// piecesOf returns the commands of a pipe, in order.
func piecesOf(s *syntax.Stmt) []*syntax.Stmt {
	const longest = 20 // of a pipe that people write
	pieces := []*syntax.Stmt{s}
	for len(pieces) < longest {
		b, ok := pieces[0].Cmd.(*syntax.BinaryCmd)
		if !ok || b.Op != syntax.Pipe && b.Op != syntax.PipeAll {
			break
		}
		pieces = append([]*syntax.Stmt{b.X, b.Y}, pieces[1:]...)
	}
	return pieces
}

// chpasswd checks the password that a command writes into the pipe n, as echo does.
func (r reader) chpasswd(n *syntax.BinaryCmd, echo []string) {
	user, password, ok := strings.Cut(echo[len(echo)-1], ":")
	if program := path.Base(echo[0]); ok && (program == "echo" || program == "printf") && len(password) > 1 && !strings.Contains(password, "$") {
		r.add(secret, n, "The build sets a literal password for the user "+infra.Name(user)+".", "chpasswd", user)
	}
}

// host returns the host of the first address among words, or "".
func host(words []string) string {
	for _, w := range words {
		if u, err := url.Parse(w); err == nil && (u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "ftp") {
			return u.Hostname()
		}
	}
	return ""
}

func local(words []string) bool {
	h := host(words)
	return h == "localhost" || h == "127.0.0.1"
}

// valued lists the short options of curl that take a value.
const valued = "AbcCdDeEFhHKmoPQrtTuUwxXyYz"

func insecureOption(name string, args []string) string {
	has := func(option string) string {
		if slices.Contains(args, option) {
			return option
		}
		return ""
	}
	all := strings.Join(args, " ")
	switch name {
	case "curl":
		for _, a := range args {
			if !strings.HasPrefix(a, "-") || strings.HasPrefix(a, "--") {
				continue
			}
			if i := strings.IndexAny(a[1:], "k"+valued); i >= 0 && a[1+i] == 'k' {
				return "-k"
			}
		}
		return has("--insecure")
	case "wget":
		return has("--no-check-certificate")
	case "pip", "pip2", "pip3", "python", "python3":
		if slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--trusted-host") }) {
			return "--trusted-host"
		}
	case "npm", "yarn", "pnpm":
		if strings.Contains(all, "strict-ssl false") || strings.Contains(all, "strict-ssl=false") {
			return "strict-ssl false"
		}
	case "git":
		if lower := strings.ToLower(all); strings.Contains(lower, "http.sslverify false") || strings.Contains(lower, "http.sslverify=false") {
			return "http.sslVerify false"
		}
	case "yum", "dnf", "microdnf", "tdnf":
		if strings.Contains(all, "sslverify=false") || strings.Contains(all, "sslverify=0") {
			return "sslverify=false"
		}
	}
	return ""
}

// unsignedOptions maps package managers to their options that skip the check of signatures.
var unsignedOptions = map[string][]string{
	"apt": {"--allow-unauthenticated", "--force-yes"}, "apt-get": {"--allow-unauthenticated", "--force-yes"},
	"apk": {"--allow-untrusted"}, "rpm": {"--nosignature", "--nodigest", "--noverify", "--nofiledigest"},
	"yum": {"--nogpgcheck"}, "dnf": {"--nogpgcheck"}, "tdnf": {"--nogpgcheck"}, "microdnf": {"--nogpgcheck"}, "zypper": {"--no-gpg-checks"},
}

func unsignedOption(name string, args []string) string {
	for _, option := range unsignedOptions[name] {
		if slices.Contains(args, option) {
			return option
		}
	}
	return ""
}

var (
	octal    = regexp.MustCompile(`^[0-7]{3,4}$`)
	symbolic = regexp.MustCompile(`^([ugoa]*[-+=][rwxXst]*,)*[ugo]*[oa][ugo]*[+=][rxX]*w[rwxX]*(,|$)`)
)

// recursive reports whether an option of chmod makes it change everything in a folder.
func recursive(option string) bool {
	return option == "--recursive" || strings.HasPrefix(option, "-") && !strings.HasPrefix(option, "--") && strings.Contains(option, "R")
}

// modeExtents returns the extents of a mode: what it allows, on which files.
func modeExtents(mode string, recursive bool, files []string) (list []scanners.Extent) {
	bits := []string{mode}
	if octal.MatchString(mode) {
		n, _ := strconv.ParseUint(mode, 8, 32) // octal matches, so there is no error
		bits = nil
		for bit := range 12 {
			if n&(1<<bit) != 0 && bit != 9 { // the sticky bit removes rights
				bits = append(bits, strconv.Itoa(bit))
			}
		}
	}
	for _, file := range files {
		if strings.HasPrefix(file, "-") {
			continue
		}
		for _, bit := range bits {
			list = append(list, scanners.Extent{Of: "bit " + bit + " of " + file})
		}
		if recursive {
			list = append(list, scanners.Extent{Of: "all in " + file})
		}
	}
	return list
}

// looseMode reports whether a mode lets everybody write to files, and remove other users' files from folders.
func looseMode(mode string) bool {
	if octal.MatchString(mode) {
		sticky := len(mode) == 4 && (mode[0]-'0')&1 != 0
		return (mode[len(mode)-1]-'0')&2 != 0 && !sticky
	}
	return symbolic.MatchString(mode)
}
