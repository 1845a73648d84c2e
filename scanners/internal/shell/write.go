package shell

import (
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
)

var (
	byVariable   = lazy.MustCompile(`(?i)^(?:\$\{|\$env:|\$\{env:|%)GITHUB_(ENV|PATH|OUTPUT)[}%]?$`)
	byExpression = lazy.MustCompile(`^\$\{\{\s*github\.(env|path|output)\s*\}\}$`)
	oneVariable  = lazy.MustCompile(`^\$\{(\w+)\}$`)
)

// github returns the name of the file of GitHub that a path means, or "".
func (r *reader) github(path string) string {
	if m := byVariable.FindStringSubmatch(path); m != nil {
		return "GITHUB_" + strings.ToUpper(m[1])
	}
	if m := oneVariable.FindStringSubmatch(path); m != nil {
		path = r.env(m[1])
	}
	if m := byExpression.FindStringSubmatch(strings.TrimSpace(path)); m != nil {
		return "GITHUB_" + strings.ToUpper(m[1])
	}
	return ""
}

// emit appends a text to a file of GitHub.
func (r *reader) emit(file string, parts []Part) {
	for _, line := range split(parts) {
		if b := r.open[file]; b != nil {
			if text(line) == b.end {
				delete(r.open, file)
			} else {
				r.write(Write{File: file, Name: b.name, Value: line, Guarded: b.random})
			}
			continue
		}
		key, sign, value := cut(line)
		name := ""
		if !slices.ContainsFunc(key, func(p Part) bool { return p.Kind != Text }) {
			name = strings.TrimSpace(text(key))
		}
		switch sign {
		case "<<":
			random := slices.ContainsFunc(value, func(p Part) bool { return p.Kind == Unknown })
			r.open[file] = &block{name: name, end: text(value), random: random}
		case "=":
			r.write(Write{File: file, Name: name, Key: key, Value: value})
		default:
			r.write(Write{File: file, Key: key})
		}
	}
}

// write keeps a write with its place: that of the first part that is no literal.
func (r *reader) write(w Write) {
	all := join(w.Key, w.Value)
	if len(all) == 0 || !r.spend() {
		return
	}
	w.At = all[0].At
	if i := slices.IndexFunc(all, func(p Part) bool { return p.Kind != Text && p.Kind != Unknown }); i >= 0 {
		w.At = all[i].At
	}
	r.script.Writes = append(r.script.Writes, w)
}

// split splits a text into its lines.
func split(parts []Part) (lines [][]Part) {
	var line []Part
	for _, p := range parts {
		if p.Kind != Text {
			line = append(line, p)
			continue
		}
		for {
			before, after, more := strings.Cut(p.Text, "\n")
			if before != "" {
				line = append(line, Part{Kind: Text, Text: strings.TrimSuffix(before, "\r"), At: p.At})
			}
			if !more {
				break
			}
			if lines = append(lines, line); len(lines) > maxParts {
				return lines
			}
			line, p.Text = nil, after
		}
	}
	if len(line) > 0 {
		lines = append(lines, line)
	}
	return slices.DeleteFunc(lines, func(l []Part) bool { return len(l) == 0 })
}

// cut cuts a line at its first = or <<.
func cut(line []Part) (key []Part, sign string, value []Part) {
	for i, p := range line {
		if p.Kind != Text {
			continue
		}
		at, sign := strings.IndexByte(p.Text, '='), "="
		if two := strings.Index(p.Text, "<<"); two >= 0 && (at < 0 || two < at) {
			at, sign = two, "<<"
		}
		if at < 0 {
			continue
		}
		key = slices.Clone(line[:i])
		if at > 0 {
			key = append(key, Part{Kind: Text, Text: p.Text[:at], At: p.At})
		}
		if rest := p.Text[at+len(sign):]; rest != "" {
			value = append(value, Part{Kind: Text, Text: rest, At: p.At})
		}
		return key, sign, append(value, line[i+1:]...)
	}
	return line, "", nil
}

// printed matches a line that the runner reads as a command, although GitHub withdrew it. The runner refuses
// set-env, so that one does not count.
var printed = lazy.MustCompile(`^::set-output name=([\w-]+)::`)

// commands reads what the script prints and does not send to a file.
func (r *reader) commands(parts []Part) {
	for _, line := range split(parts) {
		if len(line) == 0 || line[0].Kind != Text {
			continue
		}
		m := printed.FindStringSubmatch(line[0].Text)
		if m == nil {
			continue
		}
		rest := slices.Clone(line)
		rest[0].Text = rest[0].Text[len(m[0]):]
		r.write(Write{File: "GITHUB_OUTPUT", Name: m[1], Key: []Part{{Kind: Text, Text: m[1], At: rest[0].At}}, Value: rest})
	}
}
