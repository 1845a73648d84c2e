package requirements

import (
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// A reopening is a decision whose evidence the change removes.
type reopening struct {
	answer record.Answer
	lost   record.Evidence
	place  record.Place
	keys   []string // of the facts that are still there
}

// reopened lists the decisions whose evidence the change removes. Evidence that has moved to another file, or for
// which there is other evidence, is not removed; a decision about what the change removes, too, is not needed any more.
func (c *asking) reopened() (out []reopening) {
	for i, a := range c.in.Answers {
		if a.Number != 0 && a.Number == c.in.Number && a.How == byEvidence || c.superseded(a, c.in.Answers[i+1:]) {
			continue
		}
		for _, e := range a.Evidence {
			if r, ok := c.reopening(a, e); ok {
				out = append(out, r)
				break
			}
		}
	}
	if c.in.Model != nil {
		for _, d := range c.in.Model.Decisions {
			if r, ok := c.reopenedModel(d); ok {
				out = append(out, r)
			}
		}
	}
	return out
}

// superseded reports whether a later answer of a person stands in place of an answer.
func (c *asking) superseded(a record.Answer, later []record.Answer) bool {
	return slices.ContainsFunc(later, func(l record.Answer) bool {
		return l.Topic == a.Topic && l.Component == a.Component && spoken(l) && (len(a.Keys) == 0 || !eachTime(a.Signals) || slices.ContainsFunc(a.Keys, func(k string) bool { return slices.Contains(l.Keys, k) }))
	})
}

func eachTime(ids []string) bool {
	return slices.ContainsFunc(design.Signals(), func(s design.Signal) bool { return s.EachTime && slices.Contains(ids, s.ID) })
}

func (c *asking) reopening(a record.Answer, e record.Evidence) (reopening, bool) {
	same := func(f scanners.Finding) bool { return f.Fact.Key == e.Key }
	was := slices.ContainsFunc(c.was[e.Kind], func(f scanners.Finding) bool { return same(f) && f.Path == e.Path })
	if !was || slices.ContainsFunc(c.at[e.Kind], same) {
		return reopening{}, false
	}
	keys := filter(a.Keys, func(k string) bool { return c.remains(k) && !c.proven(k, e) })
	if len(keys) == 0 {
		return reopening{}, false
	}
	return reopening{a, e, c.removedAt(e.Path), keys}, true
}

// removedAt returns the first line at the head where lines of a file of the base went.
func (c *asking) removedAt(path string) record.Place {
	for _, ch := range c.in.Changes {
		if ch.OldPath == path && ch.NewPath != "" {
			path = ch.NewPath
		}
	}
	p := record.Place{Path: path}
	if c.in.Removed != nil {
		p.Line = c.in.Removed(path)
	}
	return p
}

// signalOf splits the name that [fact.id] makes.
func signalOf(id string) (s design.Signal, file, key string, ok bool) {
	name, key, _ := strings.Cut(id, " ")
	i := slices.IndexFunc(design.Signals(), func(s design.Signal) bool { return s.ID == name })
	if i < 0 {
		return s, "", "", false
	}
	if s = design.Signals()[i]; s.PerFile {
		file, key, _ = strings.Cut(key, ":")
	}
	return s, file, key, true
}

// remains reports whether the fact of an answer is still there: the change does not remove it.
func (c *asking) remains(id string) bool {
	s, file, key, ok := signalOf(id)
	if !ok {
		return false
	}
	is := func(f scanners.Finding) bool {
		return f.Rule == s.Slug && f.Fact.Key == key && (file == "" || f.Path == file || c.origin(f.Path) == file)
	}
	return !slices.ContainsFunc(c.base, is) || slices.ContainsFunc(c.head, is)
}

// proven reports whether other evidence of the same kind at the head answers for the fact of an answer.
func (c *asking) proven(id string, e record.Evidence) bool {
	s, file, key, ok := signalOf(id)
	if !ok {
		return false
	}
	if file == "" {
		file = e.Path
	}
	_, _, ok = c.at.prove(subject{slug: s.Slug, key: key, path: file, route: routeIn(key)}, c.routes)
	return ok
}

// reopenedModel is for a decision of the model with a test "path#TestName", or a file, that the change removes.
func (c *asking) reopenedModel(d threatmodel.Decision) (reopening, bool) {
	if d.Status == "" || d.Status == "open" {
		return reopening{}, false
	}
	for _, text := range d.Evidence {
		path, test, named := strings.Cut(text, "#")
		lost := c.removedFile(path)
		if named && !lost {
			is := func(f scanners.Finding) bool { return f.Fact.Data["test"] == test }
			lost = slices.ContainsFunc(c.base, func(f scanners.Finding) bool { return is(f) && f.Path == path }) && !slices.ContainsFunc(c.head, is)
		}
		if !lost {
			continue
		}
		a := record.Answer{ID: d.ID, Topic: d.Topic, Component: d.Component, Text: d.Text, How: byModel}
		e := record.Evidence{Path: path, Test: test, Says: "the threat model names " + quoted(text) + " as its evidence"}
		if !c.superseded(a, ours(c.in)) {
			return reopening{a, e, c.removedAt(path), nil}, true
		}
	}
	return reopening{}, false
}

// ours lists the answers in this pull request; all of them if its number is not known.
func ours(in Input) []record.Answer {
	return filter(in.Answers, func(a record.Answer) bool { return in.Number == 0 || a.Number == in.Number })
}

// removedFile reports whether the change removes a file.
func (c *asking) removedFile(path string) bool {
	there := false
	gone := false
	for _, ch := range c.in.Changes {
		gone = gone || ch.OldPath == path && ch.NewPath == ""
		there = there || ch.NewPath == path
	}
	return gone && !there
}
