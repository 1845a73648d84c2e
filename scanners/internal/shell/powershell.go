package shell

import (
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
)

// PowerShell, cmd and scripts that are no valid shell are read line by line.
var (
	psAssign   = lazy.MustCompile(`^\s*\$(\w+)\s*\+?=\s*(.+)$`)
	psFile     = lazy.MustCompile(`(?i)\$(?:\{?env:)?\{?(GITHUB_(?:ENV|PATH|OUTPUT))\b\}?|%(GITHUB_(?:ENV|PATH|OUTPUT))%|\$\{\{\s*github\.(env|path|output)\s*\}\}`)
	psVariable = lazy.MustCompile(`(?i)\$\{?env:(\w+)\}?|%(\w+)%|\$\{?(\w+)\}?`)
	psAppends  = lazy.MustCompile(`(?i)>>|\b(Out-File|Add-Content|Set-Content|AppendAll\w+|Tee-Object|tee)\b`)
	psReplace  = lazy.MustCompile("(?i)-c?replace\\s+(\"[^\"]*\"|'[^']*')(\\s*,\\s*(\"[^\"]*\"|'[^']*'))?")
	psReplaces = lazy.MustCompile(`(?i)-c?replace\s+['"]\[\^|\[int\]|\.Length\b|\.Count\b`)
	psOneLine  = lazy.MustCompile("(?i)-c?replace\\s+['\"][^'\"]*(\\\\r|\\\\n|`n|\\\\s)")
	psMatches  = lazy.MustCompile(`(?i)\$(?:env:)?(\w+)\s+-c?(not)?match\s+['"]([^'"]+)['"]`)
	psString   = lazy.MustCompile("\"(?:[^\"`]|`.)*\"|'[^']*'")
	psFlags    = lazy.MustCompile(`(?i)\s-(FilePath|Path|LiteralPath|Append|Encoding|InputObject|Value|Force|NoNewline)\b(:\S+)?|\butf-?8(NoBOM)?\b`)
	psAround   = lazy.MustCompile(`(?i)^\s*(@?echo\s|Write-(Output|Host)\s|Add-Content\b|Set-Content\b)|(>>?|\|)\s*(Out-File|Add-Content|Tee-Object|tee)?.*$`)
	psHere     = lazy.MustCompile(`(?s)@"\r?\n(.*?)\r?\n"@|@'\r?\n(.*?)\r?\n'@`)
)

// lines reads a script that is not for a shell like bash.
func (r *reader) lines(script string) {
	at := 0
	for _, statement := range statements(script) {
		if !r.spend() {
			return
		}
		from := at + len(statement) - len(strings.TrimLeft(statement, " \t\r\n"))
		at += len(statement)
		trimmed := strings.TrimSpace(statement)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") || strings.HasPrefix(strings.ToLower(trimmed), "rem ") {
			continue
		}
		r.statement(trimmed, from)
	}
}

// statements splits a script at the ends of lines and at semicolons, outside of texts. Nothing is lost.
func statements(script string) (list []string) {
	from, at, here := 0, 0, ""
	cut := func(to int) {
		list = append(list, script[from:to])
		from = to
	}
	for line := range strings.Lines(script) {
		begin := at
		at += len(line)
		trimmed := strings.TrimRight(line, " \t\r\n")
		switch {
		case here != "":
			if !strings.HasPrefix(trimmed, here) {
				continue
			}
			here = ""
		case strings.HasSuffix(trimmed, `@"`), strings.HasSuffix(trimmed, "@'"):
			here = trimmed[len(trimmed)-1:] + "@"
			continue
		default:
			for _, i := range semicolons(trimmed) {
				cut(begin + i + 1)
			}
		}
		if trimmed == "" || !strings.ContainsAny(trimmed[len(trimmed)-1:], "`|\\^") {
			cut(at)
		}
	}
	cut(at)
	return list
}

// semicolons returns where a line has semicolons outside of quotes.
func semicolons(line string) (at []int) {
	quote := byte(0)
	for i := range len(line) {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == ';':
			at = append(at, i)
		}
	}
	return at
}

func (r *reader) statement(s string, at int) {
	if m := psMatches.FindStringSubmatch(s); m != nil && checks(m[3], false) {
		r.vars[strings.ToLower(m[1])] = unknown()
	}
	var words []string
	for _, w := range strings.Fields(s) {
		words = append(words, text(r.interpolated(strings.Trim(w, `"'`))))
	}
	r.script.Commands = append(r.script.Commands, Command{Words: words, From: at, To: at + len(s)})
	if m := psAssign.FindStringSubmatch(s); m != nil && !psAppends.MatchString(s) {
		value := r.texts(strings.TrimSuffix(m[2], ";"))
		switch {
		case psReplaces.MatchString(m[2]):
			value = unknown()
		case psOneLine.MatchString(m[2]):
			value = oneLine(value)
		}
		if f := psFile.FindString(m[2]); f != "" {
			value = []Part{{Kind: Variable, Text: fileName(f)}}
		}
		r.set(strings.ToLower(m[1]), value)
		return
	}
	if !psAppends.MatchString(s) {
		return
	}
	file, rest := r.psTarget(s)
	if file == "" {
		return
	}
	value := r.at(r.texts(rest), at)
	if psReplaces.MatchString(rest) {
		value = unknown()
	}
	r.emit(file, value)
}

// psTarget returns the file of GitHub that a statement names, and the statement without that name.
func (r *reader) psTarget(s string) (file, rest string) {
	if f := psFile.FindString(s); f != "" {
		return fileName(f), strings.Replace(s, f, "", 1)
	}
	for _, m := range psVariable.FindAllStringSubmatch(s, -1) {
		if value := r.vars[strings.ToLower(m[3])]; len(value) == 1 && value[0].Kind == Variable {
			if file := r.github("${" + value[0].Text + "}"); file != "" {
				return file, strings.Replace(s, m[0], "", 1)
			}
		}
	}
	return "", s
}

// fileName returns the name in a mention of a file of GitHub.
func fileName(mention string) string {
	m := psFile.FindStringSubmatch(mention)
	return strings.ToUpper(m[1] + m[2] + strings.TrimSuffix("GITHUB_"+m[3], "GITHUB_"))
}

// texts returns the texts of a statement: here-strings, quoted texts, or else its words.
func (r *reader) texts(s string) (parts []Part) {
	if m := psHere.FindStringSubmatch(s); m != nil {
		if m[1] != "" {
			return r.interpolated(m[1])
		}
		return r.literal(m[2])
	}
	s = psFlags.ReplaceAllString(psReplace.ReplaceAllString(s, " "), " ")
	found := psString.FindAllString(s, -1)
	if len(strings.Join(found, "")) <= 2*len(found) { // no quotes, or only empty ones
		s = psAround.ReplaceAllString(s, "")
		return r.interpolated(strings.TrimSpace(s))
	}
	for _, t := range found {
		if t[0] == '\'' {
			parts = join(parts, r.literal(t[1:len(t)-1]))
		} else {
			parts = join(parts, r.interpolated(strings.NewReplacer("`n", "\n", "`\"", `"`, "`$", "$").Replace(t[1:len(t)-1])))
		}
	}
	bare := psString.ReplaceAllString(s, " ")
	for _, m := range psVariable.FindAllStringSubmatch(bare, -1) { // "T=" + $title
		parts = join(parts, r.interpolated(m[0]))
	}
	return parts
}

// interpolated returns the parts of a text in double quotes.
func (r *reader) interpolated(s string) (parts []Part) {
	at := 0
	for _, m := range psVariable.FindAllStringSubmatchIndex(s, -1) {
		parts = join(parts, r.literal(s[at:m[0]]))
		at = m[1]
		switch {
		case m[2] >= 0:
			parts = join(parts, r.lower(s[m[2]:m[3]]))
		case m[4] >= 0:
			parts = join(parts, r.lower(s[m[4]:m[5]]))
		default:
			parts = join(parts, r.lower(s[m[6]:m[7]]))
		}
	}
	return join(parts, r.literal(s[at:]))
}

// lower returns the value of a variable whose case does not matter.
func (r *reader) lower(name string) []Part {
	if value, ok := r.vars[strings.ToLower(name)]; ok {
		return value
	}
	return []Part{{Kind: Variable, Text: name}}
}
