package suppress

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// A Set holds the suppressions in the code of a change: our own, see [Ignore], which count only as they stand at the
// base. It is for one review, and for one goroutine at a time.
type Set struct {
	head, base, tip func(path string) ([]byte, bool)
	looked          func(string) ([]byte, bool) // files at the head that need not be read again; may be nil
	Owners          func() *ownership.Map       // of the files, at the tip; those of a review know more than New
	Parse           Parser                      // reads ignore files that need a library; nil for [Entries]
	rules           ownership.Rules
	policy          policy.Policy
	names           []string // of all scanners
	infos           map[string]scanners.Info
	markers         *Markers
	tree            func() ([]string, bool) // all files at the head
	now             time.Time
	by              index // see look
	compared        int   // how many comparisons of entries with files were made
}

// New makes the set of a change, which reads files as they are needed. here are the scanners of the program. tip is the
// commit of the base branch whose policy is pol: suppressions that were removed there since the change began do not
// count.
func New(ctx context.Context, here []scanners.Scanner, c examine.Change, tip string, pol policy.Policy, now time.Time) *Set {
	base := c
	base.Head = c.Base
	last := c
	last.Head = tip
	s := &Set{base: base.Text(ctx), tip: last.Text(ctx), rules: pol.Guardrails.Accept, policy: pol, infos: map[string]scanners.Info{}, now: now}
	rest := c.Text(ctx)
	s.head = func(path string) ([]byte, bool) {
		if s.looked != nil {
			if content, ok := s.looked(path); ok {
				return content, true
			}
		}
		return rest(path)
	}
	var infos []scanners.Info
	for _, sc := range here {
		info := sc.Info()
		infos = append(infos, info)
		s.names, s.infos[info.Name] = append(s.names, info.Name), info
	}
	s.markers = NewMarkers(infos)
	s.tree = sync.OnceValues(func() (paths []string, ok bool) {
		_, files, err := c.Repo.Tree(ctx, c.Head)
		for _, f := range files {
			paths = append(paths, f.Path)
		}
		return paths, err == nil
	})
	s.Owners = sync.OnceValue(func() *ownership.Map {
		// Without owners fewer suppressions count, not more.
		o, _ := examine.Owners(ctx, c.Repo, tip, "", pol, nil, c.Parsers)
		return o
	})
	return s
}

// at returns the suppressions in a file at one side.
func (s *Set) at(side func(string) ([]byte, bool), path string) []Ignore {
	text, ok := side(path)
	if !ok || !strings.Contains(strings.ToLower(string(text)), "secbydesign") { // nearly always
		return nil
	}
	return Ignores(string(text), s.now)
}

// standing returns the suppressions in a file that count. In a renamed file none counts: another owner may have written
// them.
func (s *Set) standing(ex examine.Examination, path string) []Ignore {
	before := func(line int) (int, bool) { return line, true }
	if file, changed := ex.Patch.File(path); changed {
		if file.OldPath != file.NewPath {
			return nil
		}
		before = file.Before
	} else if s.by.changed[path] {
		return nil // its patch is not available
	}
	head := s.at(s.head, path)
	if len(head) == 0 {
		return nil
	}
	last := texts(s.at(s.tip, path))
	return slices.DeleteFunc(Standing(head, s.at(s.base, path), before), func(i Ignore) bool { return !last[i.Text] })
}

// texts returns the set of the texts of suppressions.
func texts(list []Ignore) map[string]bool {
	said := map[string]bool{}
	for _, i := range list {
		said[i.Text] = true
	}
	return said
}

// Decide marks the new findings that a comment of the base accepts. Except for ctx and ex, it has the form of the field
// Suppress of a case of package judge.
func (s *Set) Decide(ctx context.Context, ex examine.Examination, gates []checks.Gate) error {
	s.look(ex)
	files := map[string]map[int][]Ignore{} // by the line that they cover
	for _, g := range gates {
		for i := range g.Findings {
			f := &g.Findings[i]
			if f.State != scanners.New || !f.Comment || f.Decided != nil || f.Line == 0 || f.Commit != "" {
				continue
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			about, read := files[f.Path]
			if !read {
				about = map[int][]Ignore{}
				for _, i := range s.standing(ex, f.Path) {
					about[i.Covers] = append(about[i.Covers], i)
				}
				files[f.Path] = about
			}
			s.decide(f, about[f.Line])
		}
	}
	return nil
}

func (s *Set) decide(f *checks.Finding, list []Ignore) {
	for _, i := range list {
		if !s.means(i, f.Result) {
			continue
		}
		why := s.refused(i, f.Rule, f.Result)
		if why == "" {
			f.Decided = &checks.Decided{Path: f.Path, Line: i.Line, How: decision.Outcome("accept"), Until: i.Until, Reason: i.Reason}
			f.Lapsed = ""
			return
		}
		if f.Lapsed == "" {
			f.Lapsed = fmt.Sprintf("The comment at %s:%d does not accept it. %s", f.Path, i.Line, why)
		}
	}
}

// means reports whether a comment covers the rule of a finding.
func (s *Set) means(i Ignore, r scanners.Result) bool {
	return policy.RuleProblem(i.Rule, s.names...) == "" && policy.RuleMatches(i.Rule, r.Scanner, r.Rule)
}

// refused says in one sentence why a comment does not accept a finding of a rule; empty if it does.
func (s *Set) refused(i Ignore, rule string, r scanners.Result) string {
	switch {
	case r.Worse:
		return "The finding is worse now than when the comment was written."
	case i.Over(s.now):
		return "It ended on " + i.Until.Format(time.DateOnly) + "."
	case !policy.NamesRule(i.Rule):
		return fmt.Sprintf("%q names no rule, so it would also hide findings that nobody has seen yet; name the rule.", i.Rule)
	}
	wish := ownership.Request{Rule: r.Scanner + "/" + rule, Severity: r.Severity, Until: i.Until, Reason: i.Reason}
	if err := s.rules.WeighComment(wish, s.Owners().Of(r.Path), s.now); err != nil {
		return err.Error()
	}
	return ""
}

// added returns a note for each comment that the change adds to a file, and for each older one that has expired.
func (s *Set) added(ctx context.Context, ex examine.Examination, file *patch.File, before int) (list []note) {
	path := file.NewPath
	head := s.at(s.head, path)
	if len(head) == 0 {
		return nil
	}
	base, standing := texts(s.at(s.base, path)), map[int]bool{}
	for _, i := range s.standing(ex, path) {
		standing[i.Line] = true
	}
	for _, i := range head {
		if ctx.Err() != nil {
			return list
		}
		stands := standing[i.Line]
		switch {
		case (stands || !file.Adds(i.Line)) && i.Problem == "" && i.Over(s.now):
			list = append(list, note{path: path, line: i.Line, ended: true, message: fmt.Sprintf(
				"This accepted findings of %s until %s. That day is over, so it has no effect: fix what it covers, or remove it.", i.Rule, i.Until.Format(time.DateOnly))})
		case !stands && file.Adds(i.Line):
			n := s.proposed(ex, path, i, before+len(list) < maxWeighed)
			if base[i.Text] {
				n.message += " It is a copy of one that is on the base, and as long as both are here neither counts in this pull request."
			}
			list = append(list, n)
		}
	}
	return list
}

// proposed describes the effect of one comment after the merge, and what prevents it.
func (s *Set) proposed(ex examine.Examination, path string, i Ignore, weigh bool) note {
	n := note{path: path, line: i.Line}
	if i.Problem != "" {
		i = s.allowed(path, i)
		n.message = "This is no suppression, and silences nothing. " + i.Problem + " This would be one: " + i.Right
		if i.Reason == "" {
			n.write = i.Right
		}
		return n
	}
	if problem := policy.RuleProblem(i.Rule, s.names...); problem != "" {
		n.message = "This is no suppression, and silences nothing: " + strings.TrimSuffix(problem, "?") + "."
		return n
	}
	n.wide = !policy.NamesRule(i.Rule)
	var met []scanners.Result
	looked, why := false, ""
	if weigh {
		met, looked = s.met(ex, path, i)
	}
	for _, r := range met {
		if why = s.refused(i, r.Rule, r); why != "" {
			break
		}
	}
	scanner, rule, _ := strings.Cut(i.Rule, "/")
	if len(met) == 0 {
		why = s.refused(i, rule, scanners.Result{Scanner: scanner, Finding: scanners.Finding{Path: path}})
	}
	n.message = fmt.Sprintf("It silences nothing in this pull request. Once it is merged, findings of %s that later pull requests bring to line %d are accepted until %s, and stay counted.", i.Rule, i.Covers, i.Until.Format(time.DateOnly))
	if why != "" {
		n.message = "It silences nothing, neither in this pull request nor once it is merged. " + why
	}
	if n.inert = len(met) == 0 && looked; n.inert {
		n.message += fmt.Sprintf(" It matches nothing: no finding of %s begins on line %d.", i.Rule, i.Covers)
	}
	return n
}

// allowed makes the form that a suppression proposes one that the organisation's rules accept: for the rule of the
// finding that is there, within the longest period, and with a reason that is long enough.
func (s *Set) allowed(path string, i Ignore) Ignore {
	w := ownership.Request{Rule: i.Rule, Severity: scanners.Low}
	if found := s.by.at[spotOf{path, i.Covers}]; len(found) > 0 {
		w.Severity = found[0].Severity
		if !strings.Contains(i.Rule, "/") {
			i.Rule, w.Rule = found[0].RuleID(), found[0].RuleID()
		}
	}
	o := s.rules.Offer(w, ownership.Person{Write: true, Teams: s.Owners().Of(path)})
	if latest := o.Last(s.now); o.Days > 0 && (i.Until.IsZero() || i.Until.After(latest)) {
		if usual := s.now.AddDate(0, 0, usualDays); latest.After(usual) && i.Until.IsZero() {
			latest = usual
		}
		i.Until = latest
	}
	reason := i.Reason
	if utf8.RuneCountInString(reason) < max(o.Reason, 1) {
		i.Reason = checks.ReasonFor(checks.WhyAccept, o.Reason)
	}
	i.Right = right(i, s.now)
	i.Reason = reason
	return i
}

// met returns the findings at the head that a comment covers. looked reports whether all scanners that it may name have
// scanned the file.
func (s *Set) met(ex examine.Examination, path string, i Ignore) (met []scanners.Result, looked bool) {
	looked = !s.policy.Ignored(path)
	scanner, _, _ := strings.Cut(i.Rule, "/")
	for _, run := range ex.Runs {
		if !strings.ContainsAny(scanner, "{}") && !policy.RuleMatches(scanner+"/x", run.Scanner, "x") {
			continue // a brace may hold the slash
		}
		looked = looked && run.Complete()
	}
	for _, r := range s.by.at[spotOf{path, i.Covers}] {
		if policy.RuleMatches(i.Rule, r.Scanner, r.Rule) {
			met = append(met, r)
		}
	}
	return met, looked
}
