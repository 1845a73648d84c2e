package checks

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
)

// sqlLesson is a lesson about [sqlInjection].
func sqlLesson(first ...string) Lesson {
	return Lesson{
		CWE: "CWE-89", Name: "SQL injection", What: "Text from outside becomes part of an SQL statement. With a quote in it, a request reads or changes data of all users.",
		Fix: "Bind parameters or use the ORM's query builder.", Sheet: "SQL Injection Prevention", URL: "https://cheatsheetseries.owasp.org/cheatsheets/SQL_Injection_Prevention_Cheat_Sheet.html",
		Teams: []string{"@acme/payments", "@mona"}, First: first, Fixed: 12, FixedURL: "https://github.example/acme/shop/pull/12",
	}
}

// oldOne is an old finding of a campaign.
func oldOne(path string, line int) Finding {
	f := sqlInjection(path, line)
	f.State = scanners.Unchanged
	return f
}

// taught are inputs with lessons or campaigns.
func taught(t testing.TB) map[string]Input {
	fresh := sqlInjection("a.py", 2)
	with := func(l Lesson, findings ...Finding) Input {
		in := Input{Base: base40, Head: head40, Patch: mustPatch(t, "a.py", "b.py"), Limit: 10, Lessons: map[string]Lesson{fresh.Fingerprint: l}}
		in.Gates = []Gate{{Name: scanners.Code, Findings: findings, Runs: []scanners.Run{{Scanner: "gosec", Gate: scanners.Code, Version: "2.22"}}}}
		return in
	}
	road, nobody := sqlLesson("@acme/payments"), sqlLesson()
	road.Road, road.Fixed = "use package acme/db, see @acme/platform", 0
	nobody.Here, nobody.Teams = true, nil
	until := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	two := Campaign{ID: "C-ABCDEFGH", Until: until, Old: []Finding{oldOne("a.py", 4), oldOne("b.py", 1)}, Fixed: 1, Known: 40, Done: 3}
	campaign := func(in Input, list ...Campaign) Input {
		in.Campaigns = list
		return in
	}
	old := two.Old
	return map[string]Input{
		"first":          with(sqlLesson("@acme/payments"), fresh),
		"again":          with(sqlLesson(), fresh),
		"road":           with(road, fresh),
		"nobody":         with(nobody, fresh),
		"campaign":       campaign(with(sqlLesson(), append(old, fresh)...), two),
		"campaign-clean": campaign(with(Lesson{}, old...), two, Campaign{ID: "C-22222222", Name: "raw sql", Until: until}),
		"campaign-fixed": campaign(with(Lesson{}), Campaign{ID: "C-22222222", Name: "raw sql", Until: until, Fixed: 2, Known: 5, Done: 1}),
		"campaign-none":  campaign(with(Lesson{}, old...), Campaign{ID: "C-22222222", Until: until, Known: 5, Done: 1}),
	}
}

func TestLessonGolden(t *testing.T) {
	t.Parallel()
	for name, in := range taught(t) {
		rep := Compose(in)
		var b strings.Builder
		for _, c := range append([]Check{rep.Check}, rep.Gates...) {
			fmt.Fprintf(&b, "=== check %s: %s: %s\n%s", c.Name, c.Conclusion, c.Title, c.Summary)
			for _, a := range c.Annotations {
				fmt.Fprintf(&b, "--- annotation %+v\n", a)
			}
		}
		fmt.Fprintf(&b, "=== the comment\n%s\n", rep.SummaryText(nil, nil, false))
		for _, c := range rep.Comments {
			fmt.Fprintf(&b, "=== comment at %s:%d\n%s\n", c.Path, c.Line, c.Body)
		}
		golden(t, filepath.Join("testdata", "lesson", name+".md"), b.String())
	}
	golden(t, filepath.Join("testdata", "lesson", "digest.md"), LessonItem(3, sqlLesson())+LessonItem(1, Lesson{CWE: "CWE-22", Name: "Path traversal", Fix: "Use os.Root."}))
}

// TestNothingTaughtChangesTheVerdict compares every report with the one without lessons and campaigns.
func TestNothingTaughtChangesTheVerdict(t *testing.T) {
	t.Parallel()
	all := inputs(t)
	maps.Copy(all, taught(t))
	until := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	for name, in := range all {
		in.Lessons, in.Campaigns = nil, nil
		without := Compose(in)
		in.Lessons, in.Campaigns = map[string]Lesson{}, []Campaign{{ID: "C-ABCDEFGH", Until: until, Old: []Finding{oldOne("a.py", 4)}, Fixed: 1}}
		for _, g := range in.Gates {
			for _, f := range g.Findings {
				in.Lessons[f.Fingerprint] = sqlLesson("@acme/payments")
			}
		}
		with := Compose(in)
		if with.Verdict != without.Verdict || with.Check.Conclusion != without.Check.Conclusion || len(with.Check.Actions) != len(without.Check.Actions) {
			t.Errorf("%s: %s, %s became %s, %s", name, without.Verdict, without.Check.Conclusion, with.Verdict, with.Check.Conclusion)
		}
		if len(with.Comments) != len(without.Comments) || len(with.Gates) != len(without.Gates) {
			t.Errorf("%s: %d comments became %d", name, len(without.Comments), len(with.Comments))
		}
		for i, g := range with.Gates {
			if g.Digest() != without.Gates[i].Digest() {
				t.Errorf("%s: the check of %s is another", name, g.Name)
			}
		}
		for i, c := range with.Comments {
			if c.Fingerprint != without.Comments[i].Fingerprint {
				t.Errorf("%s: comment %d is about another finding", name, i)
			}
		}
	}
}

// TestCleanIsQuiet holds that neither lessons nor campaigns make a comment on a pull request without new findings.
func TestCleanIsQuiet(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"campaign-clean", "campaign-fixed", "campaign-none"} {
		rep := Compose(taught(t)[name])
		if text := rep.SummaryText(nil, nil, false); text != "" || len(rep.Comments) != 0 {
			t.Errorf("%s: %q, %d comments", name, text, len(rep.Comments))
		}
		if text := rep.SummaryText(nil, nil, true); strings.Contains(text, "ampaign") == (name == "campaign-none") {
			t.Errorf("%s: the comment that exists says %q", name, text)
		}
	}
}

// TestLessonsAreShort bounds what a lesson adds to a comment.
func TestLessonsAreShort(t *testing.T) {
	t.Parallel()
	for name, in := range taught(t) {
		bare := in
		bare.Lessons = nil
		for i, c := range Compose(in).Comments {
			above := func(s string) int { return len(folds.ReplaceAllString(s, "")) }
			was := Compose(bare).Comments[i].Body
			if added := above(c.Body) - above(was); added > 400 {
				t.Errorf("%s: %d bytes more above the folds", name, added)
			}
			if added := len(c.Body) - len(was); added > 1500 {
				t.Errorf("%s: %d bytes more", name, added)
			}
		}
	}
}

// TestManyOldFindings bounds the annotations and the summary of a campaign.
func TestManyOldFindings(t *testing.T) {
	t.Parallel()
	c := Campaign{ID: "C-ABCDEFGH", Until: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}
	for i := range 3000 {
		c.Old = append(c.Old, oldOne("a.py", i+1))
	}
	in := Input{Base: base40, Head: head40, Patch: mustPatch(t, "a.py"), Limit: 10, Gates: []Gate{{Name: scanners.Code}}, Campaigns: []Campaign{c}}
	rep := Compose(in)
	if n := len(rep.Check.Annotations); n != maxCampaignAnnotations {
		t.Errorf("%d annotations", n)
	}
	if n := len(rep.Check.Summary); n > MaxSummary {
		t.Errorf("the summary has %d bytes", n)
	}
}
