// Package suppress reads what the code of a change says to silence a scanner: suppressions of ours in
// comments, which count as the base has them, and the markers and ignore files of the tools, which
// count for nothing in a pull request and are shown to its reviewers.
package suppress

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// An Ignore is a suppression of ours, in a comment of the code:
//
//	secbydesign:ignore RULE until DATE because TEXT
//
// It is about the findings that begin on its own line or, where nothing but the comment stands on
// that, on the next one.
type Ignore struct {
	Line   int // of the comment
	Covers int // the line that it is about
	Rule   string
	Until  time.Time // the last day
	Reason string
	Text   string // all of it, white space made one

	// Problem is why it is none: one plain sentence, empty where it is one. Right is what would
	// have been.
	Problem, Right string
}

var (
	ignoreMark = regexp.MustCompile(`(?i)(#|//|/\*|<!--|--|;)[\s#/*!;-]*(secbydesign\s*[:_-]\s*ignore)\b(.*)`)
	aSpan      = regexp.MustCompile(`(?i)^\d+(d|w|m|y|days?|weeks?|months?|years?)$`)
)

// ends are how comments end that do not end with their line.
var ends = map[string]string{"/*": "*/", "<!--": "-->"}

// Ignores finds them in a file. Today is for what would be right.
func Ignores(text string, today time.Time) (list []Ignore) {
	n := 0
	var above []int // those that stand alone, directly above this line
	for line := range strings.Lines(text) {
		n++
		var found []int
		if len(line) <= maxLine && (!isASCII(line) || strings.Contains(strings.ToLower(line), "secbydesign")) { // nearly never
			found = ignoreMark.FindStringSubmatchIndex(line)
		}
		if found == nil {
			for _, i := range above {
				list[i].Covers = n
			}
			above = nil
			continue
		}
		before, opener, mark, rest := line[:found[0]], line[found[2]:found[3]], line[found[4]:found[5]], line[found[6]:]
		after := ""
		if end := ends[opener]; end != "" {
			rest, after, _ = strings.Cut(rest, end)
		}
		one := readIgnore(mark, strings.Fields(strings.ToValidUTF8(rest, "\uFFFD")), today)
		one.Line, one.Covers = n, n
		// Braces and the like are what template languages put around a comment.
		alone := strings.Trim(before+after, "\uFEFF{}%- \t\r\n") == ""
		list = append(list, one)
		if alone {
			above = append(above, len(list)-1)
			continue
		}
		for _, i := range above {
			list[i].Covers = n
		}
		above = nil
	}
	return list
}

// readIgnore reads the words behind the mark.
func readIgnore(mark string, words []string, today time.Time) (i Ignore) {
	i.Text = strings.Join(append([]string{mark}, words...), " ")
	problem := func(format string, args ...any) {
		if i.Problem == "" {
			i.Problem = fmt.Sprintf(format, args...)
		}
	}
	if mark != "secbydesign:ignore" {
		problem("%q is written secbydesign:ignore.", mark)
	}
	next := func() (w string) {
		if len(words) > 0 {
			w, words = words[0], words[1:]
		}
		return w
	}
	// named takes a word and what stands behind it or an equals sign.
	named := func(name string) bool {
		if len(words) == 0 {
			return false
		}
		first, value, joined := strings.Cut(words[0], "=")
		if !joined {
			first, value, joined = strings.Cut(words[0], ":")
		}
		if !strings.EqualFold(first, name) {
			return false
		}
		next()
		if joined && value != "" {
			words = append([]string{value}, words...)
		}
		return true
	}
	date, reason := "", ""
	if !named("until") && !named("because") {
		i.Rule = next()
	} else {
		problem("It does not say which rule it is about.")
	}
	if named("until") {
		date = next()
	} else if len(words) > 0 && !strings.EqualFold(words[0], "because") {
		problem("%q is not understood: one comment names one rule, followed by until.", words[0])
	}
	if named("because") {
		reason = strings.Join(words, " ")
	} else if len(words) > 0 {
		problem("%q is not understood: the word because stands in front of the reason.", words[0])
	}
	var err error
	i.Until, err = time.Parse(time.DateOnly, date)
	switch {
	case i.Rule == "":
		problem("It does not say which rule it is about.")
	case date == "":
		problem("It has no date, and nothing is silenced for ever.")
	case aSpan.MatchString(date):
		problem("A file has no day from which %q could be counted: write the last day itself.", date)
	case err != nil:
		problem("%q is no date: write it as year-month-day.", date)
	case reason == "":
		problem("It gives no reason.")
	}
	i.Reason = reason
	if i.Problem != "" {
		i.Right = right(i, today)
	}
	return i
}

// right is what would have been a suppression, with as much as is there of what is written.
func right(i Ignore, today time.Time) string {
	rule, day, reason := i.Rule, i.Until, i.Reason
	scanner, name, named := strings.Cut(rule, "/")
	switch {
	case !named:
		rule = "SCANNER/RULE"
	case strings.Trim(name, "*?") == "": // it would be for all of them
		rule = scanner + "/RULE"
	}
	if day.IsZero() {
		day = today.AddDate(0, 0, 30)
	}
	if reason == "" {
		reason = "…"
	}
	return fmt.Sprintf("secbydesign:ignore %s until %s because %s", rule, day.Format(time.DateOnly), reason)
}

// Over reports whether its last day is over.
func (i Ignore) Over(now time.Time) bool { return !now.Before(i.Until.AddDate(0, 0, 1)) }

// Standing gives those of the head's that stand at the base, word for word, about the same line:
// one that was left as it is or was replaced in its place. before tells which line of the base's
// file a line was.
//
// Where the head has more of one wording than the base, nobody can tell the copy from the
// original, and none of them stands.
func Standing(head, base []Ignore, before func(line int) (int, bool)) (list []Ignore) {
	copies := map[string]int{}
	at := map[int]Ignore{}
	for _, b := range base {
		copies[b.Text]++
		at[b.Line] = b
	}
	for _, h := range head {
		copies[h.Text]--
	}
	for _, h := range head {
		line, ok := before(h.Line)
		covers, same := before(h.Covers)
		b := at[line]
		if ok && same && h.Problem == "" && copies[h.Text] >= 0 && b.Text == h.Text && b.Covers == covers {
			list = append(list, h)
		}
	}
	return list
}
