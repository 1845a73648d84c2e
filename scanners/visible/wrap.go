package visible

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Wrap breaks a text for a terminal into lines of at most width columns. Sequences that colour text take no column. It
// breaks at spaces only, and not within a command between backticks: an id, a flag, a path or a command can be copied
// whole, even if its line becomes too long.
func Wrap(s string, width int) (lines []string) {
	for paragraph := range strings.SplitSeq(s, "\n") {
		line := ""
		for _, word := range words(paragraph) {
			switch {
			case line == "":
				line = word
			case ansi.StringWidth(line)+1+ansi.StringWidth(word) > width:
				lines = append(lines, line)
				line = word
			default:
				line += " " + word
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// words splits a text at its spaces. What is between two backticks is part of one word.
func words(s string) (list []string) {
	rest := s
	for rest = strings.TrimLeft(rest, " "); rest != ""; rest = strings.TrimLeft(rest, " ") {
		end := 0
		for end < len(rest) && rest[end] != ' ' {
			if closing := strings.IndexByte(rest[end+1:], '`'); rest[end] == '`' && closing >= 0 {
				end += closing + 1
			}
			end++
		}
		list, rest = append(list, rest[:end]), rest[end:]
	}
	return list
}
