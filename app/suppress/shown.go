package suppress

import (
	"cmp"
	"context"
	"fmt"
	slash "path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// A note describes one suppression for reviewers.
type note struct {
	path        string
	line        int
	ended       bool   // it is not added by the change, and has expired
	part        bool   // it is an entry of a file that has its own note
	message     string // plain text
	write       string // the suppression with a reason; empty if it has one
	inert, wide bool
}

// Review shows the suppressions that the change adds. They have no effect here, and each is a decision for the
// reviewers of the change: it becomes an annotation, which says what to write if there is no reason, what it does not
// match and where it is too broad.
func (s *Set) Review(ctx context.Context, ex examine.Examination) (list []checks.Annotation, notices []string, err error) {
	s.look(ex)
	var notes []note
	for _, file := range ex.Patch.Files() {
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		content, ok := s.head(file.NewPath)
		switch {
		case file.NewPath == "" || !ok && !s.silences(file.NewPath):
		case s.silences(file.NewPath):
			notes = append(notes, s.entries(ctx, file, string(content), len(notes))...)
		default:
			for _, one := range s.markers.Find(ctx, file.NewPath, string(content), file.Adds) {
				notes = append(notes, s.foreign(file.NewPath, one, len(notes) < maxWeighed))
			}
			if ctx.Err() != nil {
				return nil, nil, context.Cause(ctx)
			}
			notes = append(notes, s.added(ctx, ex, file, len(notes))...)
		}
	}
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	slices.SortStableFunc(notes, func(a, b note) int { return cmp.Or(cmp.Compare(a.path, b.path), a.line-b.line) })
	for _, n := range notes[:min(len(notes), maxSuppressions)] {
		title := "A suppression to review"
		switch {
		case n.ended:
			title = "A suppression that has ended"
		case n.write != "":
			title = "A suppression that needs a reason"
		}
		line := max(n.line, 1)
		list = append(list, checks.Annotation{Path: n.path, StartLine: line, EndLine: line, Level: "warning", Title: title, Message: checks.Plain(n.message)})
	}
	return list, summed(notes), nil
}

// silences reports whether a file silences a tool.
func (s *Set) silences(file string) bool {
	if Silences(file) {
		return true
	}
	for _, info := range s.infos {
		if slices.ContainsFunc(info.Suppressions.Files, func(glob string) bool { return doublestar.MatchUnvalidated(glob, file) }) {
			return true
		}
	}
	return false
}

// maxSuppressions bounds the annotations; each 50 are a request to GitHub.
const maxSuppressions = 50

// maxWeighed is how many suppressions of a change are compared with the findings and with the files of the tree. Nobody
// reviews a change with more by its suppressions; the others are only counted.
const maxWeighed = 1000

// maxCompared is how many comparisons of file names with entries of ignore files are made.
const maxCompared = 10_000_000

// summed returns the notice of the summary about all notes together: one paragraph, which names each suppression once.
func summed(notes []note) (notices []string) {
	var places, problems []string
	for _, n := range notes {
		if n.ended {
			continue
		}
		var says []string
		add := func(is bool, what string) {
			if is {
				says = append(says, what)
			}
		}
		add(n.write != "", "give a reason, as in "+checks.Code(n.write))
		add(n.inert, "remove it, since it matches nothing")
		add(n.wide, "narrow it, since it hides findings that nobody has seen yet")
		where := checks.Code(place(n.path, n.line))
		switch {
		case len(says) > 0:
			problems = append(problems, where+" ("+strings.Join(says, "; ")+")")
		case !n.part:
			places = append(places, where)
		}
	}
	if n := len(problems) + len(places); n > 0 {
		s := "This pull request adds a suppression, which silences nothing here and is for its reviewers to judge: "
		if n > 1 {
			s = "This pull request adds suppressions, which silence nothing here and are for its reviewers to judge: "
		}
		all := slices.Compact(slices.Concat(problems, places))
		if len(all) > maxPlaces {
			all = append(all[:maxPlaces], fmt.Sprintf("%d more", len(all)-maxPlaces))
		}
		notices = append(notices, s+strings.Join(all, ", ")+".")
	}
	return notices
}

// maxPlaces bounds the places that one notice names; the annotations have all.
const maxPlaces = 10

func place(path string, line int) string {
	if line == 0 {
		return path
	}
	return fmt.Sprintf("%s:%d", path, line)
}

// foreign returns the note of a suppression for another tool.
func (s *Set) foreign(path string, one Suppression, weigh bool) note {
	n := note{path: path, line: one.Line, wide: one.Wide || one.Broad}
	n.message = fmt.Sprintf("%q silences a scanner here, and nothing in this pull request.", one.Marker)
	if one.Wide {
		n.message += " It is for the whole file; put it on the one line that needs it."
	}
	if one.Broad {
		n.message += " It names no rule, so it hides what nobody has seen yet; name the rule."
	}
	if !one.Reason {
		n.write = one.Write
		n.message += " It gives no reason: write `" + one.Write + "`."
	}
	if !weigh {
		return n
	}
	if found, ok := s.found(path, one.Tools...); ok && !one.Wide {
		n.inert = !slices.ContainsFunc(found, func(r scanners.Result) bool { return silences(one, r) })
	}
	if n.inert {
		n.message += " It matches nothing: " + strings.Join(one.Tools, " and ") + " found nothing"
		if one.Exact && len(one.Rules) > 0 {
			n.message += " of " + strings.Join(one.Rules, ", ")
		}
		if one.Block {
			n.message += " from this line on."
		} else {
			n.message += " on this line or the next."
		}
	}
	return n
}

// silences reports whether a suppression may apply to a result in the same file. In doubt it does.
func silences(s Suppression, r scanners.Result) bool {
	last := max(r.Line, r.EndLine)
	if r.Line > 0 && (last < s.Line || !s.Block && r.Line > s.Line+1) {
		return false
	}
	return !s.Exact || len(s.Rules) == 0 || slices.ContainsFunc(s.Rules, func(rule string) bool { return strings.EqualFold(rule, r.Rule) })
}

// found returns the tools' results at the head for path, or for all files if path is empty. ok is false unless every
// tool completed over them.
func (s *Set) found(path string, tools ...string) (list []scanners.Result, ok bool) {
	for _, tool := range tools {
		if !s.by.looked[tool] || !s.saw(tool, path) {
			return nil, false
		}
		list = append(list, s.by.found[of{tool, path}]...)
	}
	return list, len(tools) > 0
}

// saw reports whether a scanner was given a file, or, if path is empty, all files that it matches.
func (s *Set) saw(tool, path string) bool {
	if saw, known := s.by.saw[of{tool, path}]; known {
		return saw
	}
	info := s.infos[tool]
	shown := func(path string) bool {
		return !s.policy.Ignored(path) && (info.Has(scanners.ScopeTree) || s.by.changed[path])
	}
	saw := false
	if path != "" {
		saw = info.Matches(path) && shown(path)
	} else if tree, ok := s.tree(); ok {
		saw = !slices.ContainsFunc(tree, func(path string) bool { return info.Matches(path) && !shown(path) })
	}
	s.by.saw[of{tool, path}] = saw
	return saw
}

// An of is a scanner and a file, or all files if path is empty.
type of struct{ tool, path string }

// An index is an examination, indexed by lines and files.
type index struct {
	changed map[string]bool
	looked  map[string]bool              // scanners that completed
	failed  map[string]bool              // scanners that failed
	found   map[of][]scanners.Result     // at the head
	at      map[spotOf][]scanners.Result // the same, by the line that they begin on
	saw     map[of]bool                  // see [Set.saw]
}

type spotOf struct {
	path string
	line int
}

// look indexes an examination for the questions that follow.
func (s *Set) look(ex examine.Examination) {
	s.looked, s.compared = ex.Content, 0
	s.by = index{
		changed: map[string]bool{}, looked: map[string]bool{}, failed: map[string]bool{},
		found: map[of][]scanners.Result{}, at: map[spotOf][]scanners.Result{}, saw: map[of]bool{},
	}
	for _, path := range ex.Changed() {
		s.by.changed[path] = true
	}
	for _, run := range ex.Runs {
		if run.Err != nil {
			s.by.failed[run.Scanner] = true
		}
		complete := run.Complete() && !run.Idle
		if complete {
			s.by.looked[run.Scanner] = true
		}
		for _, r := range run.Results {
			if r.State == scanners.Absent || r.Commit != "" {
				continue
			}
			spot := spotOf{r.Path, r.Line}
			s.by.at[spot] = append(s.by.at[spot], r)
			if complete {
				for _, path := range []string{r.Path, ""} {
					s.by.found[of{run.Scanner, path}] = append(s.by.found[of{run.Scanner, path}], r)
				}
			}
		}
	}
}

// entries returns the notes of an ignore file and of the entries that the change adds to it.
func (s *Set) entries(ctx context.Context, file *patch.File, text string, before int) []note {
	path := file.NewPath
	whole := note{path: path, message: "This file makes a scanner skip findings. It has no effect in this pull request; its reviewers decide whether it should have one later."}
	parse := s.Parse
	if parse == nil || len(text) > maxIgnoreFile || !slices.Contains(library, slash.Base(path)) {
		parse = func(_ context.Context, file, text string) ([]Entry, error) { return Entries(file, text) }
	}
	list, err := parse(ctx, path, text)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		whole.message += " As it is, " + err.Error() + "."
	}
	notes := []note{whole}
	for _, e := range list {
		if !file.Adds(e.Line) {
			continue
		}
		if before++; before > maxWeighed {
			notes[0].message += fmt.Sprintf(" Entries after line %d were not checked: the change adds more than %d suppressions.", e.Line-1, maxWeighed)
			break
		}
		if ctx.Err() != nil {
			break
		}
		if n := s.entry(path, e); n.message != "" {
			notes = append(notes, n)
		}
	}
	return notes
}

// entry returns the problems of one entry; the message is empty if there are none.
func (s *Set) entry(path string, e Entry) note {
	n := note{path: path, line: e.Line, part: true}
	var says []string
	tree, _ := s.tree()
	if s.compared += len(tree); s.compared > maxCompared {
		return note{path: path, line: e.Line, part: true, message: fmt.Sprintf("%q was not compared with the files of the tree: the change adds too many entries for so many files.", e.Text)}
	}
	if why := e.Broad(tree); why != "" {
		n.wide = true
		says = append(says, "It hides what nobody has seen yet: "+why+".")
	}
	if e.End != "" {
		n.wide = true
		says = append(says, fmt.Sprintf("%q has no last day, and every suppression needs one: write `%s`.", e.Text, e.End))
	}
	if !e.Reason {
		n.write = e.Write
		says = append(says, fmt.Sprintf("%q gives no reason: write `%s` with it.", e.Text, n.write))
	}
	if why := s.inert(e); why != "" {
		n.inert = true
		says = append(says, "It matches nothing: "+why+".")
	}
	n.message = strings.Join(says, " ")
	return n
}

// inert says why an entry has no effect; empty if it has one, or if that is not known.
func (s *Set) inert(e Entry) string {
	tree, listed := s.tree()
	switch {
	case !listed:
		return ""
	case e.ID == "" && e.Path != "":
		match, ok := e.Files()
		if !ok || slices.ContainsFunc(tree, match) {
			return ""
		}
		return fmt.Sprintf("no file of the tree is %q", e.Path)
	case e.Path != "" && e.Tool != "" && !slices.Contains(tree, e.Path):
		return fmt.Sprintf("there is no file %q", e.Path)
	case e.ID == "" || e.Tool == "" || strings.Contains(e.ID, "*"):
		return ""
	}
	// If several scanners find the same, it is enough that one of them completed and none failed.
	looked := ""
	for _, tool := range append([]string{e.Tool}, e.Also...) {
		if s.by.failed[tool] {
			return ""
		}
		found, ok := s.found(e.Path, tool)
		if !ok {
			continue
		}
		looked = tool
		if slices.ContainsFunc(found, func(r scanners.Result) bool { return called(r, e.ID) && (e.At == 0 || r.Line == e.At) }) {
			return ""
		}
	}
	if looked == "" {
		return ""
	}
	return fmt.Sprintf("%s found no %q", looked, e.Text)
}

// called reports whether id names the rule or an alias of a result. Trivy's ids once began with AVD-.
func called(r scanners.Result, id string) bool {
	id = strings.TrimPrefix(id, "AVD-")
	return slices.ContainsFunc(append([]string{r.Rule}, r.Aliases...), func(name string) bool {
		return strings.EqualFold(strings.TrimPrefix(name, "AVD-"), id)
	})
}
