package review

import (
	"context"
	"slices"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/lesson"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
)

// lessons returns the lessons of the findings that get a comment. They are recorded before the comment is shown.
func (c *composer) lessons(ctx context.Context, in checks.Input) (map[string]checks.Lesson, error) {
	if c.teach == nil {
		return nil, nil
	}
	list := checks.Outlined(in, func(checks.Finding) bool { return true }).Comments
	of := map[string][]record.Lesson{}
	var fresh []record.Lesson
	for _, f := range list {
		if _, known := lesson.Of(f.CWE); !known {
			continue
		}
		of[f.Fingerprint] = record.LessonsOf(f.CWE, f.Package, c.pull.Owner, c.suppressions.Owners().Of(f.Path))
		for _, l := range of[f.Fingerprint] {
			if _, known := c.taught[l]; !known && !slices.Contains(fresh, l) {
				fresh = append(fresh, l)
			}
		}
	}
	taught, err := c.teach(ctx, fresh)
	if err != nil {
		return nil, err
	}
	for _, t := range taught {
		c.taught[t.Lesson] = t
	}
	out := map[string]checks.Lesson{}
	for _, f := range list {
		if len(of[f.Fingerprint]) > 0 {
			out[f.Fingerprint] = c.lessonOf(f.CWE, of[f.Fingerprint])
		}
	}
	return out, nil
}

// lessonOf joins what the owners of a file know of a weakness.
func (c *composer) lessonOf(cwe string, list []record.Lesson) checks.Lesson {
	e, _ := lesson.Of(cwe)
	out := e.Lesson(c.policy.PavedRoads)
	for _, l := range list {
		t := c.taught[l]
		switch {
		case l.Team == "":
			out.Here = t.First
		case t.First:
			out.First = append(out.First, l.Team)
		}
		if l.Team != "" {
			out.Teams = append(out.Teams, l.Team)
		}
		if out.Fixed == 0 && t.Fixed > 0 {
			out.Fixed, out.FixedURL = t.Fixed, lesson.PullLink(c.web, c.pull.Owner, c.pull.Repo, t.Fixed)
		}
	}
	return out
}

// teacher returns the function that records lessons of a pull request.
func (r *Reviewer) teacher(p pull.Pull, installation int64) func(context.Context, []record.Lesson) ([]record.Taught, error) {
	return func(ctx context.Context, list []record.Lesson) ([]record.Taught, error) {
		return r.Ledger.Teach(ctx, ledger.Event{
			At: r.Clock.Now(), Installation: installation, RepoID: p.RepoID, Owner: p.Owner, Repo: p.Repo, Number: p.Number, Head: p.Head,
		}, list)
	}
}
