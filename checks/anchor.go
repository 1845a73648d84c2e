package checks

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// A cause is the reason why a comment is at its place.
type cause int

const (
	atPlace   cause = iota // the finding is there
	sameBlock              // the change is in the finding's block or function
	onTheWay               // the finding's data passes the change
	nextTo                 // it is the nearest change
	onFile                 // the file has no change that can carry it
)

// anchor finds where the diff can carry a comment about a finding: on its lines, or on the change
// that caused it. ok is false if the diff has no place for it; then the summary lists the finding.
func (in Input) anchor(f Finding) (path string, start, line int, why cause, ok bool) {
	file, inDiff := in.file(f.Path)
	onLine := f.Line > 0 && f.Commit == ""
	if inDiff && onLine {
		if from, to, shown := file.Clamp(patch.Right, f.Line, max(f.Line, f.EndLine)); shown {
			return f.Path, from, to, atPlace, true
		}
		text, _ := in.text(f.Path)
		at, same, changed := file.Cause(f.Line, text)
		if changed && same {
			return f.Path, at, at, sameBlock, true
		}
		if s, ok := in.step(f, func(file *patch.File, line int) (int, bool) { return line, file.Adds(line) }); ok {
			return s.Path, s.Line, s.Line, onTheWay, true
		}
		if changed {
			return f.Path, at, at, nextTo, true
		}
	}
	if inDiff {
		return f.Path, 0, 0, onFile, true
	}
	if !onLine {
		return f.Path, 0, 0, onFile, false
	}
	for _, passes := range []func(*patch.File, int) (int, bool){
		func(file *patch.File, line int) (int, bool) { return line, file.Adds(line) },
		func(file *patch.File, line int) (int, bool) { return line, file.Shows(patch.Right, line) },
		func(file *patch.File, line int) (int, bool) {
			text, _ := in.text(file.NewPath)
			at, _, ok := file.Cause(line, text)
			return at, ok
		},
	} {
		if s, ok := in.step(f, passes); ok {
			return s.Path, s.Line, s.Line, onTheWay, true
		}
	}
	return f.Path, 0, 0, onFile, false
}

// step returns the last step of a finding's flow that passes through a change.
func (in Input) step(f Finding, passes func(file *patch.File, line int) (at int, ok bool)) (Spot, bool) {
	for _, s := range slices.Backward(f.Flow) {
		file, ok := in.file(s.Path)
		if !ok || s.Line < 1 {
			continue
		}
		if at, ok := passes(file, s.Line); ok {
			return Spot{s.Path, at}, true
		}
	}
	return Spot{}, false
}

// file returns the file of the patch at path, if a comment can be put on it.
func (in Input) file(path string) (*patch.File, bool) {
	file, ok := in.Patch.File(path)
	return file, ok && file.NewPath != "" && utf8.ValidString(path) // JSON cannot name other files
}

func (in Input) text(path string) ([]byte, bool) {
	content, ok := in.Files[path]
	return content, ok
}

// comment makes a finding's comment. taken holds the lines that suggestions of worse findings
// change already: of two suggestions for the same line only one could be committed.
func (in Input) comment(b bundle, taken map[string][]suggestion) (c Comment, ok bool) {
	f := b.Finding
	path, start, line, why, ok := in.anchor(f)
	c = Comment{Fingerprint: f.Fingerprint, Scanner: f.Scanner, Path: path, StartLine: start, Line: line, Found: Spot{Path: f.Path}}
	if f.Commit == "" {
		c.Found.Line = f.Line
	}
	for _, other := range b.with {
		c.With = append(c.With, other.Fingerprint)
	}
	button, diff := "", ""
	if len(f.Fixes) > 0 && in.mayQuote(f) {
		fix := f.Fixes[0]
		if s, sure := in.suggestion(f, fix, why, taken); sure {
			c.StartLine, c.Line = s.start, s.end
			button = fence("suggestion", s.text)
		}
		if d := diffOf(fix, in.text); d != "" {
			diff = foldFix(fix, d)
		}
	}
	if c.Found.Line > 0 {
		c.Where = "It is at " + in.linked(f.Path, f.Line) + "."
	} else {
		c.Where = "It is in " + in.linked(f.Path, 0) + "."
	}
	c.Plain = in.commentBody(b, "", diff)
	c.Body = c.Plain
	if place := in.placeText(f, why); place != "" || button != "" {
		c.Body = in.commentBody(b, place, cmp.Or(button, diff))
	}
	return c, ok || in.hasThread(f)
}

// placeText leads from the change that carries the comment to the finding's place.
func (in Input) placeText(f Finding, why cause) string {
	if why == atPlace || f.Commit != "" || f.Line == 0 {
		return ""
	}
	s := "It is at " + in.linked(f.Path, f.Line) + ", outside the diff."
	switch why {
	case sameBlock:
		s += " The change here is in the same block of code."
	case onTheWay:
		s += " Its data passes through this line."
	case nextTo:
		s += " This is the nearest changed line."
	}
	return s
}

// suggestion makes the suggestion of a fix, if it is sure to apply.
func (in Input) suggestion(f Finding, fix scanners.Fix, why cause, taken map[string][]suggestion) (suggestion, bool) {
	text, ok := in.text(f.Path)
	file, shown := in.file(f.Path)
	if !ok || !shown || why != atPlace {
		return suggestion{}, false
	}
	s, ok := suggest(fix, f.Path, file, text)
	// The finding has to be within the lines that the comment then marks.
	if !ok || f.Line > s.end || max(f.Line, f.EndLine) < s.start {
		return suggestion{}, false
	}
	for _, t := range taken[f.Path] {
		if s.start <= t.end && t.start <= s.end {
			return suggestion{}, false
		}
	}
	taken[f.Path] = append(taken[f.Path], s)
	return s, true
}

// mayQuote reports whether the lines that a finding's fixes change may be repeated in a comment. They
// may not if they can hold a secret, since GitHub mails comments.
func (in Input) mayQuote(f Finding) bool {
	if secret(f) {
		return false
	}
	onItsLines := func(other Finding) bool {
		if !secret(other) || other.Commit != "" {
			return false
		}
		for _, fix := range f.Fixes {
			for _, e := range fix.Edits {
				if e.Path == other.Path && e.Line <= max(other.Line, other.EndLine) && other.Line <= max(e.Line, e.EndLine) {
					return true
				}
			}
		}
		return false
	}
	for _, g := range in.Gates {
		if slices.ContainsFunc(g.Findings, onItsLines) {
			return false
		}
	}
	return !slices.ContainsFunc(in.decided, onItsLines)
}

// secret reports whether a finding says that its lines hold a secret. The CWEs are those of hard-coded
// and of openly stored credentials.
func secret(f Finding) bool {
	switch f.CWE {
	case "CWE-256", "CWE-259", "CWE-312", "CWE-321", "CWE-522", "CWE-540", "CWE-798":
		return true
	}
	return f.Gate == scanners.Secrets
}
