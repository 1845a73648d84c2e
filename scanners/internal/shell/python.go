package shell

import (
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
)

var (
	pyFile   = lazy.MustCompile(`\bGITHUB_(ENV|PATH|OUTPUT)\b`)
	pyAssign = lazy.MustCompile(`^\s*(\w+)\s*=\s*([^=].*)$`)
	pyWrite  = lazy.MustCompile(`(?:\.write|\bprint)\(\s*[rf]*['"]([\w-]+)=(.*)$`)
	pyName   = lazy.MustCompile(`\{(\w+)[^}]*\}|[+,]\s*(\w+)`)
)

// ReadPython reads a script of Python that writes lines NAME=VALUE to one file of GitHub. It follows
// variables that hold an environment variable, and expressions.
func ReadPython(text string) Script {
	masked, expressions := mask(text)
	r := &reader{text: text, expressions: expressions, vars: map[string][]Part{}, budget: maxWork}
	file := ""
	for _, name := range pyFile.FindAllString(masked, maxHeld) {
		if file != "" && file != name {
			return Script{} // which line goes where is not known
		}
		file = name
	}
	at := 0
	for line := range strings.Lines(masked) {
		begin := at + len(line) - len(strings.TrimLeft(line, " \t"))
		at += len(line)
		line = strings.TrimRight(line, "\r\n")
		if m := pyWrite.FindStringSubmatch(line); m != nil && file != "" {
			r.write(Write{File: file, Name: m[1], Key: []Part{{Kind: Text, Text: m[1], At: begin}}, Value: r.at(r.python(m[2]), begin)})
		} else if m := pyAssign.FindStringSubmatch(line); m != nil {
			r.vars[m[1]] = r.python(m[2])
		}
	}
	return r.script
}

// python returns the variables and expressions in a piece of Python.
func (r *reader) python(code string) (parts []Part) {
	if toHarmless.MatchString(code) {
		return unknown()
	}
	for _, m := range ofEnvironment.FindAllStringSubmatch(code, maxHeld) {
		parts = join(parts, []Part{{Kind: Variable, Text: m[1]}})
	}
	for _, m := range pyName.FindAllStringSubmatch(code, maxHeld) {
		parts = join(parts, r.vars[m[1]+m[2]])
	}
	for _, p := range r.literal(code) {
		if p.Kind == Expression {
			parts = join(parts, []Part{p})
		}
	}
	return parts
}
