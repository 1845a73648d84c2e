package app_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// code matches inline code, in which nothing counts.
var code = regexp.MustCompile("`[^`\n]*`")

// TestCampaign follows a campaign of a team: who may start it, what it shows where, and how it ends.
func TestCampaign(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{
		"pay/a.py": "a = 1\n" + mild(1), "core/c.py": "c = 1\n" + mild(2), "docs/d.py": "d = 1\n" + mild(3),
		".github/CODEOWNERS": "/pay/ @acme/payments\n/core/ @acme/core\n/both/ @acme/payments @acme/core\n", "both/b.py": "b = 1\n",
	})
	s.people()
	s.GitHub.CreateTeam("acme", "payments", "olga", "lea")
	s.GitHub.CreateTeam("acme", "core", "hubot", "lea")
	n := s.open("change", map[string]string{"pay/a.py": "a = 1\nb = 2\n" + mild(1), "core/c.py": "c = 1\nd = 2\n" + mild(2)})
	s.becomes(n, "success", "No new findings")

	for _, refused := range []struct{ who, words, want string }{
		{"ted", "path=pay/** until=90d", "Only people who may write to this repository, and own the files"},
		{"mona", "path=pay/** until=90d", "These files are owned by @&#8203;acme/payments: a member of the owning team"},
		{"olga", "path=core/** until=90d", "These files are owned by @&#8203;acme/core"},
		{"olga", "@acme/core severity=low until=90d", "These files are owned by @&#8203;acme/core"},
		{"olga", "@acme/nobody severity=low until=90d", "@&#8203;acme/nobody owns none of these files"},
		{"olga", "path=docs/** until=90d", "Nobody owns these files"},
		{"olga", "path=nothing/** until=90d", "No file of the base branch matches this path."},
		{"olga", "path=" + strings.Repeat("{a,", 20) + " until=90d", "The path cannot be used: the pattern has too many alternatives"},
		{"olga", "rule=G101 until=90d", "The rule cannot be used: write the rule with its scanner"},
		{"olga", "path=[ until=90d", "The path cannot be used"},
		{"olga", "path=pay/** until=2020-01-01", "2020-01-01 is not in the future."},
		{"olga", "path=pay/** until=400d", "lasts at most 365 days"},
		{"olga", "until=90d because @acme/security <img src=x> says so", "Say which old findings the campaign is about"},
		{"lea", "path=both/** until=90d", "You own these files as @&#8203;acme/payments, @&#8203;acme/core: name one"},
		{"olga", "stop C-AAAAAAAA", "C-AAAAAAAA is no campaign that runs here."},
		{"olga", "", "No campaign runs here."},
	} {
		reply := s.said(n, refused.who, "/secbydesign campaign "+refused.words, refused.want)
		if plain := code.ReplaceAllString(reply, ""); strings.Contains(plain, "<img") || strings.Contains(plain, "@acme") {
			t.Errorf("%s: %s", refused.words, reply)
		}
	}
	s.becomes(n, "success", "No new findings")

	day := time.Now().UTC().AddDate(0, 0, 90).Format(time.DateOnly)
	reply := s.said(n, "olga", "/secbydesign campaign severity=low until=90d because we rotate @acme/security <b>all</b>", "of `@acme/payments` runs until "+day)
	id := regexp.MustCompile("C-[A-Z2-7]{8}").FindString(reply)
	run := s.becomes(n, "success", "No new findings; 1 old finding of a campaign")
	if want := "### Campaign `" + id + "` until " + day + ": 1 old finding in files that you change"; !strings.Contains(run.Summary, want) || !strings.Contains(run.Summary, "`pay/a.py:3`") || strings.Contains(run.Summary, "core/c.py") {
		t.Errorf("the summary is\n%s\nwant %q in it", run.Summary, want)
	}
	if len(run.Annotations) != 1 || run.Annotations[0].Level != "notice" || run.Annotations[0].Path != "pay/a.py" || run.Annotations[0].StartLine != 3 {
		t.Errorf("annotations %+v", run.Annotations)
	}
	if threads := s.threads(n); len(threads) != 0 {
		t.Errorf("old findings have threads: %q", threads)
	}
	s.said(n, "lea", "/secbydesign campaign @acme/payments severity=low until=30d", "Campaign "+id+" is about the same findings")

	// Another team's campaign, at the same time.
	reply = s.said(n, "hubot", "/secbydesign campaign rule=gitleaks/** path=core/** until=1w", "of `@acme/core` runs until")
	second := regexp.MustCompile("C-[A-Z2-7]{8}").FindString(reply)
	s.becomes(n, "success", "2 old findings of a campaign")
	away := s.open("away", map[string]string{"docs/d.py": "d = 2\n" + mild(3)})
	run = s.becomes(away, "success", "No new findings")
	if strings.Contains(run.Title+run.Summary, "ampaign") {
		t.Errorf("a pull request elsewhere speaks of the campaign:\n%s\n%s", run.Title, run.Summary)
	}

	// A new finding counts, old ones do not, and the comment says both apart.
	mixed := s.open("mixed", map[string]string{"pay/a.py": "a = 1\n" + mild(1) + mild(7)})
	run = s.becomes(mixed, "neutral", "1 new finding (1 medium); 1 old finding of a campaign")
	s.reviewed(mixed)
	if len(s.threads(mixed)) != 1 {
		t.Errorf("threads %q", s.threads(mixed))
	}
	fixing := s.open("fixing", map[string]string{"pay/a.py": "a = 1\n"})
	s.becomes(fixing, "success", "No new findings")
	if run = s.verdict(fixing); !strings.Contains(run.Summary, "Campaign `"+id+"`: This change fixes 1.") {
		t.Errorf("the fix is not counted:\n%s", run.Summary)
	}
	s.merges(fixing)
	list := s.said(n, "ted", "/secbydesign campaign", "These campaigns run here:")
	for _, want := range []string{"`" + id + "` of `@acme/payments`, at least low, until " + day + ": 1 of 1 fixed. we rotate @&#8203;acme/security &lt;b>all", "`" + second + "` of `@acme/core`, rule `gitleaks/**`, path `core/**`"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list is\n%s\nwant %q in it", list, want)
		}
	}

	s.said(n, "ted", "/secbydesign status", "**Campaigns**\n\n- `"+id+"` of `@acme/payments`")
	s.said(n, "hubot", "/secbydesign campaign stop "+id, "is of @&#8203;acme/payments: its members")
	s.said(n, "hubot", "/secbydesign campaign stop "+second+" because it is enough", "Campaign `"+second+"` is over.")
	s.becomes(n, "success", "No new findings; 1 old finding of a campaign")
	s.said(n, "olga", "/secbydesign campaign stop "+id, "Campaign `"+id+"` is over.")
	s.until("the campaign is gone", func() bool { return s.verdict(n).Title == "No new findings" })
}

// TestCampaignOfThePolicy has one that runs and one that is over, and blocks nothing even where the gate does.
func TestCampaignOfThePolicy(t *testing.T) {
	t.Parallel()
	day := time.Now().UTC().AddDate(0, 0, 30).Format(time.DateOnly)
	s := newStage(t, map[string]string{
		"a.py": "a = 1\n" + mild(1), "b.py": "b = 1\n" + mild(2),
		".secbydesign.yml": blocking + "campaigns:\n  - {name: no keys, rule: gitleaks/**, path: a.py, until: " + day + "}\n  - {name: long ago, until: 2026-01-01}\n",
	})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\nb = 2\n" + mild(1), "b.py": "b = 1\nc = 2\n" + mild(2)})
	run := s.becomes(n, "success", "No new findings; 1 old finding of a campaign")
	if !strings.Contains(run.Summary, "### Campaign `no keys` until "+day+": 1 old finding") || strings.Contains(run.Summary, "long ago") {
		t.Errorf("the summary is\n%s", run.Summary)
	}
	reply := s.said(n, "mona", "/secbydesign campaign", "- `no keys` of the policy, rule `gitleaks/**`, path `a.py`, until "+day+": 0 of 1 fixed")
	if strings.Contains(reply, "long ago") {
		t.Error(reply)
	}
}
