// Package suppress reads everything in the code of a change that silences a scanner: suppressions in secbydesign
// comments, which count as they stand at the base, and the markers and ignore files of the tools, which have no effect
// in a pull request and are shown to its reviewers.
package suppress

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// An Ignore is a secbydesign suppression, in a comment of the code:
//
//	secbydesign:ignore RULE until DATE because TEXT
//
// It covers the findings that begin on its own line or, if nothing but the comment stands on that line, on the next
// one.
type Ignore struct {
	Line   int // of the comment
	Covers int // the line of the findings that it covers
	Rule   string
	Until  time.Time // the last day
	Reason string
	Text   string // the whole suppression, with single spaces

	// Problem says, in one plain sentence, why this is not a valid suppression; it is empty for a valid one. Right is a
	// correct form of it.
	Problem, Right string
}

var (
	ignoreMark = regexp.MustCompile(`(?i)(#|//|/\*|<!--|--|;)[\s#/*!;-]*(secbydesign\s*[:_-]\s*ignore)\b(.*)`)
	aSpan      = regexp.MustCompile(`(?i)^\d+(d|w|m|y|days?|weeks?|months?|years?)$`)
)

// ends maps the openings of comments that do not end with their line to their ends.
var ends = map[string]string{"/*": "*/", "<!--": "-->"}

// Ignores finds the suppressions in a file. today is for the dates in Right.
func Ignores(text string, today time.Time) (list []Ignore) {
	n := 0
	var above []int // the suppressions that stand alone, directly above this line
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
		// Template languages put braces and similar characters around a comment.
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

// readIgnore reads the words after the mark.
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
	// named takes a word and the value after it or after an equals sign.
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

// usualDays is the period that a correct form proposes, unless less is allowed.
const usualDays = 30

// right returns a correct suppression that keeps as much of i as possible.
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
		day = today.AddDate(0, 0, usualDays)
	}
	if reason == "" {
		reason = "…"
	}
	return fmt.Sprintf("secbydesign:ignore %s until %s because %s", rule, day.Format(time.DateOnly), reason)
}

// Over reports whether the last day is over.
func (i Ignore) Over(now time.Time) bool { return !now.Before(i.Until.AddDate(0, 0, 1)) }

// Standing returns the suppressions of the head that stand word for word at the base, about the same line: each was
// left as it is or replaced in its place. before maps a line of the head to the line of the base's file.
//
// If the head has more copies of one wording than the base, the copy cannot be distinguished from the original, and
// none of them stands.
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
