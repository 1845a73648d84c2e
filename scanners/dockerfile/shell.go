package dockerfile

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

// wrapping maps programs that only run another command to their short options that take a value.
var wrapping = map[string]string{
	"sudo": "ughpCrtDRTU", "doas": "uC", "env": "uCS", "exec": "a", "nice": "n", "time": "fo", "command": "", "nohup": "", "timeout": "ks", "busybox": "", "stdbuf": "ioe",
	"gosu": "", "su-exec": "",
}

// wrappers returns how many of the first words only say how to run the command after them.
func wrappers(words []string) int {
	i := 0
	for i < len(words) {
		name := path.Base(words[i])
		valued, ok := wrapping[name]
		if !ok {
			return i
		}
		i++
		for i < len(words) && (strings.HasPrefix(words[i], "-") || strings.Contains(words[i], "=")) {
			if w := words[i]; len(w) == 2 && w[0] == '-' && strings.Contains(valued, w[1:]) {
				i++ // its value
			}
			i++
		}
		if (name == "timeout" || name == "gosu" || name == "su-exec") && i < len(words) {
			i++ // the duration, or the user
		}
	}
	return len(words)
}

// valuedOptions maps interpreters to their short options that take a value.
var valuedOptions = map[string]string{"python": "WX", "python3": "WX", "perl": "I", "ruby": "rI", "node": "r"}

// readsInput reports whether an interpreter with these arguments runs what it reads from its standard input.
func readsInput(name string, args []string) bool {
	shell := shells.MatchString(name) || name == "zsh"
	text := "cm" // the options after which comes a script, or a module
	switch name {
	case "perl":
		text = "eE"
	case "ruby":
		text = "e"
	case "node":
		text = "ep"
	}
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case isInput(arg):
			return true
		case arg == "--":
		case strings.HasPrefix(arg, "--"):
			if arg == "--eval" || arg == "--print" || arg == "--version" || arg == "--help" {
				return false
			}
			if shell && (arg == "--rcfile" || arg == "--init-file") {
				i++
			}
		case shell && len(arg) > 1 && (arg[0] == '-' || arg[0] == '+'):
			switch {
			case strings.Contains(arg, "c"):
				return false
			case strings.Contains(arg, "s"):
				return true // what follows are the arguments of the script
			case strings.HasSuffix(arg, "o") || strings.HasSuffix(arg, "O"):
				i++ // the name of the option
			}
		case len(arg) > 1 && arg[0] == '-':
			if strings.ContainsAny(arg, text) {
				return false
			}
			if len(arg) == 2 && strings.Contains(valuedOptions[name], arg[1:]) {
				i++
			}
		default:
			return false // the name of a script
		}
	}
	return true
}

// input checks a command for a shell that reads a download from its standard input, as in bash < <(curl …) and
// bash <<< "$(curl …)".
func (r reader) input(s *syntax.Stmt) {
	call, ok := s.Cmd.(*syntax.CallExpr)
	if !ok || len(s.Redirs) == 0 {
		return
	}
	words := command(call)
	if len(words) == 0 {
		return
	}
	name := path.Base(words[0])
	if !interpreters[name] || !readsInput(name, words[1:]) {
		return
	}
	for _, redirection := range s.Redirs {
		if redirection.Word == nil || redirection.Op != syntax.RdrIn && redirection.Op != syntax.WordHdoc {
			continue
		}
		for _, part := range inner(redirection.Word) {
			if where, ok := downloads(part); ok {
				r.downloaded(s, name, where)
				return
			}
		}
	}
}

// interpreters are the programs that run a script from their standard input.
var interpreters = map[string]bool{"sh": true, "bash": true, "ash": true, "dash": true, "zsh": true, "python": true, "python3": true, "perl": true, "ruby": true, "node": true}

// downloaded adds the finding that a program runs what comes from a host.
func (r reader) downloaded(at syntax.Node, name, where string) {
	r.add(piped, at, infra.Name(name)+" runs what is downloaded, without a check.", name, where)
}

// isInput reports whether a file is the standard input of the program that opens it.
func isInput(name string) bool {
	return name == "-" || name == "/dev/stdin" || name == "/dev/fd/0" || name == "/proc/self/fd/0"
}

// nested checks the script in the arguments of a command that runs one, such as sh -c.
func (r reader) nested(call *syntax.CallExpr, name string, args []string) {
	if r.s.depth >= maxDepth {
		return
	}
	inner := ""
	switch name {
	case "eval":
		inner = strings.Join(args, " ")
	case "su", "runuser":
		inner = commandOption(args)
	case "sh", "bash", "ash", "dash", "zsh":
		inner = commandText(args)
	}
	if len(inner) > maxScript || !strings.ContainsAny(inner, " \t\n") {
		return
	}
	line, end := r.lines(call)
	r.c.script(script{text: inner, line: line, end: end, fixed: true, depth: r.s.depth + 1})
}

// commandText returns the script after the option -c of a shell, or "".
func commandText(args []string) string {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if len(arg) < 2 || arg[0] != '-' && arg[0] != '+' {
			return "" // the name of a script
		}
		if strings.HasPrefix(arg, "--") {
			continue
		}
		if strings.HasSuffix(arg, "o") || strings.HasSuffix(arg, "O") {
			i++ // the name of the option
		}
		if arg[0] == '-' && strings.Contains(arg, "c") {
			if i+1 < len(args) {
				return args[i+1]
			}
			return ""
		}
	}
	return ""
}

// commandOption returns the script in the option -c of su, which may be anywhere, or "".
func commandOption(args []string) string {
	for _, arg := range args {
		if inner, ok := strings.CutPrefix(arg, "--command="); ok {
			return inner
		}
	}
	i := slices.IndexFunc(args, func(arg string) bool {
		return arg == "--command" || strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && strings.HasSuffix(arg, "c")
	})
	if i < 0 || i+1 >= len(args) {
		return ""
	}
	return args[i+1]
}
