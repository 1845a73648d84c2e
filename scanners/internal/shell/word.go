package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
)

// The expressions of GitHub are no shell. mask replaces each by a name of the same length.
type tokens struct {
	mark  string // how each name begins
	texts []string
}

const digits = 2 // of the number in a name, in base 36

func mask(script string) (string, tokens) {
	t := tokens{mark: "gX"}
	for i := 0; strings.Contains(script, t.mark) && i < 26; i++ {
		t.mark = "g" + string(rune('A'+i))
	}
	var b strings.Builder
	for at := 0; ; {
		i := strings.Index(script[at:], "${{")
		if i < 0 || len(t.texts) == 36*36 {
			b.WriteString(script[at:])
			return b.String(), t
		}
		end := strings.Index(script[at+i:], "}}")
		if end < 0 {
			b.WriteString(script[at:])
			return b.String(), t
		}
		from, to := at+i, at+i+end+len("}}")
		b.WriteString(script[at:from])
		name := fmt.Sprintf("%s%02s", t.mark, strconv.FormatInt(int64(len(t.texts)), 36))
		b.WriteString(name + strings.Repeat("_", to-from-len(name)))
		t.texts = append(t.texts, script[from:to])
		at = to
	}
}

// literal returns the parts of a literal text: its expressions, and the text between.
func (r *reader) literal(s string) (parts []Part) {
	t := r.expressions
	for {
		i := strings.Index(s, t.mark)
		if i < 0 || len(s) < i+len(t.mark)+digits {
			break
		}
		n, err := strconv.ParseInt(s[i+len(t.mark):i+len(t.mark)+digits], 36, 32)
		if err != nil || int(n) >= len(t.texts) || len(s)-i < len(t.texts[n]) {
			break
		}
		if i > 0 {
			parts = append(parts, Part{Kind: Text, Text: s[:i]})
		}
		parts = append(parts, Part{Kind: Expression, Text: t.texts[n]})
		s = s[i+len(t.texts[n]):]
	}
	if s != "" {
		parts = append(parts, Part{Kind: Text, Text: s})
	}
	return parts
}

func (r *reader) word(w *syntax.Word) (parts []Part) {
	if w == nil {
		return nil
	}
	for _, p := range w.Parts {
		parts = join(parts, r.part(p, false))
	}
	return parts
}

var (
	escaped   = lazy.MustCompile(`\\(\n|.)`)
	escapedIn = lazy.MustCompile("\\\\([$`\"\\\\\n])")
	ansi      = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "\r", `\\`, `\`, `\'`, "'")
)

func (r *reader) part(p syntax.WordPart, quoted bool) []Part {
	switch p := p.(type) {
	case *syntax.Lit:
		if quoted {
			return r.literal(escapedIn.ReplaceAllString(p.Value, "$1"))
		}
		return r.literal(escaped.ReplaceAllString(p.Value, "$1"))
	case *syntax.SglQuoted:
		if p.Dollar {
			return r.literal(ansi.Replace(p.Value))
		}
		return r.literal(p.Value)
	case *syntax.DblQuoted:
		var parts []Part
		for _, in := range p.Parts {
			parts = join(parts, r.part(in, true))
		}
		return parts
	case *syntax.ParamExp:
		return r.param(p)
	case *syntax.CmdSubst:
		return trimEnd(r.stmts(p.Stmts, nil))
	}
	return unknown()
}

// trimEnd removes the line ends after a text.
func trimEnd(parts []Part) []Part {
	if n := len(parts); n > 0 && parts[n-1].Kind == Text {
		last := parts[n-1]
		last.Text = strings.TrimRight(last.Text, "\n")
		return append(parts[:n-1:n-1], last)
	}
	return parts
}

// param returns the value of a variable in a word.
func (r *reader) param(p *syntax.ParamExp) []Part {
	if p.Param == nil || p.Length || p.Width || p.Excl {
		return unknown()
	}
	value := r.value(p.Param.Value)
	switch {
	case p.Repl != nil && p.Repl.All:
		return replaced(value, text(r.word(p.Repl.Orig)))
	case p.Exp != nil:
		switch p.Exp.Op {
		case syntax.AlternateUnset, syntax.AlternateUnsetOrNull: // ${NAME:+text}
			return r.word(p.Exp.Word)
		case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
			return either(value, r.word(p.Exp.Word))
		case syntax.OtherParamOps:
			return oneLine(value) // ${NAME@Q}
		}
	}
	return value
}

// replaced returns a value in which all texts that match a pattern are replaced: ${NAME//PATTERN/TEXT}.
func replaced(value []Part, pattern string) []Part {
	switch {
	case strings.HasPrefix(pattern, "[^"), strings.HasPrefix(pattern, "[!"):
		return unknown()
	case strings.ContainsAny(pattern, "\r\n"):
		return oneLine(value)
	}
	return value
}

// either returns the parts of a text that is one of two.
func either(a, b []Part) []Part {
	if len(a) == 0 {
		return b
	}
	return join(a, b)
}

// digitsOnly matches variables that the shell sets to numbers, and the parameters of a script.
var digitsOnly = lazy.MustCompile(`^([?$!#@*-]|[0-9]+|RANDOM|SECONDS|LINENO|UID|EUID|PPID|EPOCHSECONDS|SRANDOM)$`)

func (r *reader) value(name string) []Part {
	switch parts, ok := r.vars[name]; {
	case ok:
		return parts
	case digitsOnly.MatchString(name):
		return unknown()
	}
	return []Part{{Kind: Variable, Text: name}}
}

// oneLine returns parts whose line ends were removed or escaped.
func oneLine(parts []Part) []Part {
	parts = slices.Clone(parts)
	for i := range parts {
		parts[i].OneLine = true
	}
	return parts
}

var (
	// wild matches pieces of a pattern that accept characters with a meaning in a shell.
	wild = lazy.MustCompile(`(^|[^\\])\.|\\[SWDBs]|\[\^|\[\[:(print|graph|punct|space)|[$;&|<>"'` + "`" + `]`)
	// rejects matches a pattern for anything but harmless characters.
	rejects = lazy.MustCompile(`^\[\^[\w.@/: \\-]*\]$`)
	class   = lazy.MustCompile(`\[\^?\]?(?:\[:\w+:\]|\\.|[^\]])*\]`)
	group   = lazy.MustCompile(`\((?:\?[:<!=]+)?([^()]*)\)`)
	marks   = lazy.MustCompile(`^\(?\^|\$\)?$`)
)

// harmless reports whether a text that matches the whole pattern has no meaning in a shell.
func harmless(pattern string) bool {
	pattern = class.ReplaceAllStringFunc(pattern, func(c string) string {
		if strings.HasPrefix(c, "[^") || strings.ContainsAny(c, "$;&|<>\"'`(){}\n") {
			return c
		}
		return "x"
	})
	alternatives := strings.NewReplacer("(|", "(", "|)", ")", "|", "").Replace(pattern) // a | in a pattern is no pipe
	return alternatives != "" && !wild.MatchString(marks.ReplaceAllString(alternatives, ""))
}

// checks reports whether a test for the pattern, which need not match the whole text, checks a text.
func checks(pattern string, whole bool) bool {
	if rejects.MatchString(pattern) {
		return true
	}
	return (whole || strings.HasPrefix(strings.TrimPrefix(pattern, "("), "^") && strings.HasSuffix(strings.TrimSuffix(pattern, ")"), "$")) && harmless(pattern)
}

// test reads [[ … =~ … ]].
func (r *reader) test(x syntax.TestExpr) {
	switch x := x.(type) {
	case *syntax.UnaryTest:
		r.test(x.X)
	case *syntax.ParenTest:
		r.test(x.X)
	case *syntax.BinaryTest:
		if x.Op != syntax.TsReMatch {
			r.test(x.X)
			r.test(x.Y)
			return
		}
		tested, _ := x.X.(*syntax.Word)
		with, _ := x.Y.(*syntax.Word)
		if tested == nil || with == nil {
			return
		}
		value, pattern := r.word(tested), r.pattern(with)
		r.vars["BASH_REMATCH"] = unknown()
		if slices.ContainsFunc(group.FindAllStringSubmatch(pattern, -1), func(m []string) bool { return !harmless(m[1]) }) {
			r.vars["BASH_REMATCH"] = value
		}
		if name := variable(tested); name != "" && (checks(pattern, false) || strings.Contains(pattern, "${")) {
			r.vars[name] = unknown()
		}
	}
}

// pattern returns the source of a pattern, which has its own escapes.
func (r *reader) pattern(w *syntax.Word) string {
	if name := variable(w); name != "" {
		return text(r.value(name))
	}
	return r.text[w.Pos().Offset():w.End().Offset()]
}
