// Package shell reads the scripts of workflow steps. It returns what a script appends to the files that
// GitHub reads after the step (GITHUB_ENV, GITHUB_PATH, GITHUB_OUTPUT), and which commands it runs. It
// follows values through variables, pipes, groups, here-documents and functions, and runs nothing.
//
// A value that a script checks against a pattern, or reduces to harmless characters, is [Unknown] from then
// on: nobody can choose its text. In doubt the package takes a value for checked.
package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A Kind is the kind of a [Part].
type Kind int

// The kinds of parts.
const (
	Text       Kind = iota // Text is the text itself
	Variable               // Text is the name of a variable that the script does not set
	Expression             // Text is an expression of GitHub, with its braces
	Content                // what a file holds; Text is its path
	Event                  // a field of the file that GITHUB_EVENT_PATH names; Text is github.event and the field
	Answer                 // a field of a pull request or issue that gh prints, as the API names it; issue.FIELD for issues
	Unknown                // anything else; Text is empty
)

// A Part is a piece of a text that a script makes.
type Part struct {
	Kind    Kind
	Text    string
	At      int  // the byte of the script at which the command or line begins that prints the part
	OneLine bool // the script removed or escaped the line ends
	Escapes bool // the script turns escapes in the part, such as \n, into characters
}

// A Write is a line that a script appends to a file of GitHub.
type Write struct {
	File    string // GITHUB_ENV, GITHUB_PATH or GITHUB_OUTPUT
	Name    string // of the variable or output; empty if it is not a literal
	Key     []Part // what comes before =, or the whole line if it has no =
	Value   []Part
	Guarded bool // the value is between delimiters that nobody can guess
	At      int  // a byte of the line of the script that prints the value
}

// A Command is a command with its words. A word has variables as ${NAME} and expressions as they are.
type Command struct {
	Words    []string
	From, To int // bytes of the script
}

// A Script is what a script does.
type Script struct {
	Writes   []Write
	Commands []Command
}

// Read reads a script. The function env returns the value of an environment variable of the step, or "".
func Read(text string, powershell bool, env func(name string) string) Script {
	masked, expressions := mask(text)
	r := &reader{
		text: text, expressions: expressions, env: env,
		vars: map[string][]Part{}, files: map[string][]Part{}, open: map[string]*block{}, functions: map[string]*syntax.Stmt{}, budget: maxWork,
	}
	if !powershell && simple(masked) {
		if file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(masked), ""); err == nil {
			r.commands(r.stmts(file.Stmts, nil))
			return r.script
		}
	}
	r.lines(masked)
	return r.script
}

// These bound the input of the shell parser, which is recursive, and the work for one script.
const (
	maxScript = 64 << 10
	maxOpen   = 2000
	maxWork   = 20_000
	maxParts  = 500 // of a text
	maxHeld   = 40  // of a variable
	maxLength = 4 << 10
	maxCalls  = 4
)

func simple(text string) bool {
	return len(text) <= maxScript && strings.Count(text, "(")+strings.Count(text, "{")+strings.Count(text, "`") <= maxOpen
}

// A block is a value of several lines that is not closed yet: NAME<<DELIMITER.
type block struct {
	name, end string
	random    bool
}

type reader struct {
	text        string
	expressions tokens
	env         func(string) string

	script    Script
	vars      map[string][]Part // variables that the script sets
	files     map[string][]Part // files that the script writes
	open      map[string]*block // by file of GitHub
	functions map[string]*syntax.Stmt
	output    string // where exec >> FILE sends everything

	branches int // conditions and loops around the statement
	calls    int // functions around it
	budget   int
}

func (r *reader) spend() bool {
	r.budget--
	return r.budget > 0
}

func (r *reader) stmts(list []*syntax.Stmt, in []Part) (out []Part) {
	for _, s := range list {
		out = join(out, r.stmt(s, in))
	}
	return out
}

// join returns both lists, bounded.
func join(a, b []Part) []Part {
	if len(a)+len(b) > maxParts {
		b = b[:max(0, maxParts-len(a))]
	}
	if len(a) == 0 {
		return b
	}
	return append(a[:len(a):len(a)], b...)
}

// stmt returns what a statement prints. The statement may read in.
func (r *reader) stmt(s *syntax.Stmt, in []Part) []Part {
	if !r.spend() {
		return nil
	}
	to, again, in := r.redirected(s.Redirs, in)
	if call, ok := s.Cmd.(*syntax.CallExpr); ok && to != "" && len(call.Args) == 1 && text(r.word(call.Args[0])) == "exec" {
		r.output = to
		return nil
	}
	out := r.command(s.Cmd, in)
	if to == "" && r.output != "" && r.calls == 0 && r.branches == 0 {
		to, again = r.output, true
	}
	if to == "" {
		return out
	}
	r.send(to, again, out)
	return nil
}

// redirected returns the file to which redirections send the output, whether it is appended, and the input.
func (r *reader) redirected(list []*syntax.Redirect, input []Part) (to string, again bool, in []Part) {
	in = input
	for _, d := range list {
		switch d.Op {
		case syntax.AppOut, syntax.RdrOut, syntax.RdrClob, syntax.AppAll, syntax.RdrAll:
			if d.N == nil || d.N.Value == "1" {
				to, again = text(r.word(d.Word)), d.Op == syntax.AppOut || d.Op == syntax.AppAll
			}
		case syntax.RdrIn:
			in = r.file(text(r.word(d.Word)))
		case syntax.WordHdoc:
			in = r.word(d.Word)
		case syntax.Hdoc, syntax.DashHdoc:
			in = r.document(d)
		}
	}
	return to, again, in
}

// document returns the lines of a here-document, each with its place.
func (r *reader) document(d *syntax.Redirect) []Part {
	if d.Hdoc == nil {
		return nil
	}
	var parts []Part
	for _, p := range d.Hdoc.Parts {
		at := int(p.Pos().Offset())
		lit, ok := p.(*syntax.Lit)
		if !ok {
			parts = join(parts, r.at(r.part(p, true), at))
			continue
		}
		for line := range strings.Lines(lit.Value) {
			text := line
			if d.Op == syntax.DashHdoc {
				text = strings.TrimLeft(text, "\t")
			}
			parts = join(parts, r.at(r.literal(text), at))
			at += len(line)
		}
	}
	return parts
}

func (r *reader) at(parts []Part, at int) []Part {
	parts = slices.Clone(parts)
	for i := range parts {
		parts[i].At = at
	}
	return parts
}

// placed gives a place to the parts that have none.
func placed(parts []Part, at int) []Part {
	parts = slices.Clone(parts)
	for i := range parts {
		if parts[i].At == 0 {
			parts[i].At = at
		}
	}
	return parts
}

func (r *reader) command(c syntax.Command, in []Part) []Part {
	switch c := c.(type) {
	case nil: // $(<FILE)
		return in
	case *syntax.CallExpr:
		return r.call(c, in)
	case *syntax.DeclClause: // export NAME=value
		for _, a := range c.Args {
			r.assign(a)
		}
	case *syntax.BinaryCmd:
		return r.binary(c, in)
	case *syntax.Block:
		return r.stmts(c.Stmts, in)
	case *syntax.Subshell:
		return r.stmts(c.Stmts, in)
	case *syntax.TimeClause:
		if c.Stmt != nil {
			return r.stmt(c.Stmt, in)
		}
	case *syntax.TestClause:
		r.test(c.X)
	case *syntax.FuncDecl:
		if c.Name != nil {
			r.functions[c.Name.Value] = c.Body
		}
	default:
		r.branches++
		defer func() { r.branches-- }()
		return r.branch(c, in)
	}
	return nil
}

func (r *reader) binary(c *syntax.BinaryCmd, in []Part) []Part {
	if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
		return r.stmt(c.Y, r.stmt(c.X, in))
	}
	out := r.stmt(c.X, in)
	r.branches++
	defer func() { r.branches-- }()
	return join(out, r.stmt(c.Y, in))
}

// branch reads the statements of conditions and loops as if all of them were run.
func (r *reader) branch(c syntax.Command, in []Part) (out []Part) {
	switch c := c.(type) {
	case *syntax.IfClause:
		for ; c != nil; c = c.Else {
			out = join(out, r.stmts(c.Cond, in))
			out = join(out, r.stmts(c.Then, in))
		}
	case *syntax.WhileClause:
		out = join(r.stmts(c.Cond, in), r.stmts(c.Do, in))
	case *syntax.ForClause:
		if loop, ok := c.Loop.(*syntax.WordIter); ok && loop.Name != nil {
			for _, w := range loop.Items {
				r.set(loop.Name.Value, oneLine(r.word(w)))
			}
		}
		out = r.stmts(c.Do, in)
	case *syntax.CaseClause:
		out = r.cases(c, in)
	}
	return out
}

// cases reads the branches of a case. A branch for literal texts knows the value.
func (r *reader) cases(c *syntax.CaseClause, in []Part) (out []Part) {
	name := variable(c.Word)
	for _, item := range c.Items {
		literal := !slices.ContainsFunc(item.Patterns, func(w *syntax.Word) bool { return strings.ContainsAny(text(r.word(w)), "*?[$") })
		before, had := r.vars[name]
		if literal && name != "" {
			r.vars[name] = unknown()
		}
		out = join(out, r.stmts(item.Stmts, in))
		switch {
		case !literal || name == "":
		case had:
			r.vars[name] = before
		default:
			delete(r.vars, name)
		}
	}
	return out
}

// variable returns the name of the variable that a word consists of, or "".
func variable(w *syntax.Word) string {
	if w == nil || len(w.Parts) != 1 {
		return ""
	}
	p := w.Parts[0]
	if q, ok := p.(*syntax.DblQuoted); ok && len(q.Parts) == 1 {
		p = q.Parts[0]
	}
	if e, ok := p.(*syntax.ParamExp); ok && e.Param != nil && e.Exp == nil && e.Repl == nil && e.Slice == nil && !e.Length {
		return e.Param.Value
	}
	return ""
}

func (r *reader) assign(a *syntax.Assign) {
	if a.Name == nil {
		return
	}
	var value []Part
	switch {
	case a.Value != nil:
		value = r.word(a.Value)
	case a.Array != nil:
		for _, e := range a.Array.Elems {
			if e.Value != nil {
				value = join(value, r.word(e.Value))
			}
		}
	case a.Naked:
		return // export NAME
	}
	if a.Append {
		value = join(r.vars[a.Name.Value], value)
	}
	r.set(a.Name.Value, value)
}

// set sets a variable. In a branch the variable may keep its value, too.
func (r *reader) set(name string, value []Part) {
	if before, ok := r.vars[name]; ok && r.branches > 0 {
		for _, p := range value {
			if !slices.Contains(before, p) {
				before = join(before, []Part{p})
			}
		}
		value = before
	}
	if value == nil {
		value = []Part{}
	}
	if len(value) > maxHeld {
		value = value[:maxHeld]
	}
	r.vars[name] = value
}

// send sends a text to a file.
func (r *reader) send(path string, again bool, parts []Part) {
	if again {
		parts = join(r.files[path], parts)
	}
	if file := r.github(path); file != "" {
		if again {
			parts = parts[min(len(r.files[path]), len(parts)):]
		}
		r.emit(file, parts)
		return
	}
	r.files[path] = parts
}

// file returns what a file holds.
func (r *reader) file(path string) []Part {
	if parts, ok := r.files[path]; ok {
		return parts
	}
	if path == "/dev/null" || strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/sys/") {
		return unknown()
	}
	return []Part{{Kind: Content, Text: path}}
}

func unknown() []Part { return []Part{{Kind: Unknown}} }

// String returns parts as a text, with variables as ${NAME} and $ for what is not known.
func String(parts []Part) string { return text(parts) }

// text returns parts as a text, with variables as ${NAME} and $ for what is not known.
func text(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		switch {
		case b.Len() > maxLength:
			return b.String()
		case p.Kind == Text, p.Kind == Expression:
			b.WriteString(p.Text)
		case p.Kind == Variable:
			b.WriteString("${" + p.Text + "}")
		case p.Kind == Answer && strings.HasPrefix(p.Text, "head."):
			b.WriteString("${{ github.event.pull_request." + p.Text + " }}")
		case p.Kind == Event:
			b.WriteString("${{ " + p.Text + " }}")
		default:
			b.WriteByte('$')
		}
	}
	return b.String()
}
