package app_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openvex/go-vex/pkg/vex"
	_ "modernc.org/sqlite" // to tamper with a database

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/decisionfile"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/scanners"
)

// verify runs the command and returns its text.
func (s *stage) verify(o app.Audit) (bool, string) {
	s.t.Helper()
	var b bytes.Buffer
	o.DataDir = s.Settings.DataDir
	whole, err := app.VerifyAudit(s.t.Context(), &b, o)
	if err != nil {
		s.t.Fatal(err)
	}
	return whole, b.String()
}

// lines runs the export and returns its objects.
func (s *stage) lines(o app.Audit) (list []map[string]any, text string) {
	s.t.Helper()
	var b bytes.Buffer
	o.DataDir = s.Settings.DataDir
	if err := app.ExportAudit(s.t.Context(), &b, o); err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			s.t.Fatal(err)
		}
		list = append(list, one)
	}
	return list, b.String()
}

// TestProofOfDecisions: an auditor sees who decided what, when, why, on which facts, and by which line of the policy; and
// finds what was removed from the database.
func TestProofOfDecisions(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	s.organisation("version: 1\nguardrails:\n  accept:\n    default:\n      max_severity: medium\n")
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "failure", "1 new finding")
	id := s.id(n)
	if whole, text := s.verify(app.Audit{}); !whole || text != "Nothing was decided yet.\n" {
		t.Errorf("before any decision: %v %q", whole, text)
	}
	reply := s.said(n, "hubot", "/secbydesign accept "+id+" until=30d"+because, "is accepted until")
	aid := decisionIn(reply)
	s.becomes(n, "success", "1 accepted")
	s.say(n, "hubot", "/secbydesign revoke "+aid)

	whole, text := s.verify(app.Audit{})
	head := text[strings.LastIndex(text, " ")+1 : len(text)-1]
	if !whole || !strings.HasPrefix(text, "acme: whole, 2 entries, head ") || len(head) != 64 {
		t.Errorf("beside the running server: %v %q", whole, text)
	}
	lines, exported := s.lines(app.Audit{Repo: "acme/shop"})
	if len(lines) != 2 {
		t.Fatalf("exported %s", exported)
	}
	made := lines[0]
	for _, key := range strings.Fields("id prev_hash hash ts actor actor_source_event repo finding_fingerprint component topic verb severity_at_time reason until ticket policy_sha ceiling_applied state") {
		if _, ok := made[key]; !ok {
			t.Errorf("the key %s is missing in %v", key, made)
		}
	}
	for key, want := range map[string]any{
		"actor": "hubot", "repo": "acme/shop", "verb": "accept", "severity_at_time": "medium", "reason": strings.TrimPrefix(because, " because "),
		"until": time.Now().UTC().AddDate(0, 0, 30).Format(time.DateOnly), "policy_sha": s.base, "ceiling_applied": "medium", "state": "active",
		"decision": aid, "policy_line": "acme/.github:.secbydesign.yml:5", "number": float64(n), "prev_hash": strings.Repeat("0", 64),
	} {
		if made[key] != want {
			t.Errorf("%s is %v, want %v", key, made[key], want)
		}
	}
	if sha, _ := made["policy_line_sha"].(string); len(sha) != 40 || lines[1]["prev_hash"] != made["hash"] || lines[1]["state"] != "ended" || lines[1]["hash"] != head {
		t.Errorf("lines %v", lines)
	}
	if facts, _ := json.Marshal(made["facts"]); !strings.Contains(string(facts), `"path":"a.py"`) || !strings.Contains(string(facts), `"rule":"gitleaks/`) {
		t.Errorf("facts %s", facts)
	}
	if later, _ := s.lines(app.Audit{Since: "2099-01-01"}); len(later) != 0 {
		t.Errorf("since a day to come: %v", later)
	}

	file := filepath.Join(t.TempDir(), "export.jsonl")
	for name, tt := range map[string]struct {
		text string
		o    app.Audit
		want string
	}{
		"whole":            {exported, app.Audit{Head: head}, "acme: whole, 2 entries, head " + head},
		"without the last": {exported[:strings.Index(exported, "\n")+1], app.Audit{Head: head}, "the kept head"},
		"edited":           {strings.Replace(exported, "hubot", "mona", 1), app.Audit{}, "line 1, acme, entry 1, event "},
	} {
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		tt.o.File = file
		whole, text := s.verify(tt.o)
		if whole != (name == "whole") || !strings.Contains(text, tt.want) {
			t.Errorf("%s: %v %q, want %q", name, whole, text, tt.want)
		}
	}

	s.restart(func() {
		db, err := sql.Open("sqlite", filepath.Join(s.Settings.DataDir, "secbydesign.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, statement := range []string{`DROP TRIGGER events_never_vanish`, `DELETE FROM events WHERE kind = 'decision.ended'`} {
			if _, err := db.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		if whole, text := s.verify(app.Audit{}); whole || !strings.Contains(text, "acme, entry 2, event ") || !strings.Contains(text, "the event was removed.\nThe record is not whole.") {
			t.Errorf("after an event was removed: %v %q", whole, text)
		}
	})
	s.quiet(n)
}

// fingerprint returns the whole fingerprint of the first thread of a pull request.
func (s *stage) fingerprint(n int) string {
	s.t.Helper()
	f, _, ok := checks.Mark(s.GitHub.Threads("acme", "shop", n)[0].Comments[0].Body)
	if !ok {
		s.t.Fatal("the thread has no marker")
	}
	return f
}

// file commits the file of a decision to the default branch.
func (s *stage) file(login string, f decisionfile.File) {
	s.t.Helper()
	s.repo.CommitAs(login, "main", "", "decide", map[string]string{decisionfile.Folder + "/" + decisionfile.Name(f.ID): string(f.Write())})
}

// TestDecisionFiles: a file on the default branch makes a decision, shortens and ends one, if its commit's author may do
// that, and on a pull request's own branch it does nothing.
func TestDecisionFiles(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.restart(func() { s.Clock = clock.At(0) })
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "failure", "1 new finding")
	rule := "gitleaks/generic-api-key"
	until := time.Now().UTC().AddDate(0, 0, 30).Truncate(24 * time.Hour)
	f := decisionfile.File{
		ID: "A-ABCDEFGH", Verb: "accept", Fingerprint: s.fingerprint(n), Rule: rule, Path: "a.py", Severity: scanners.Medium,
		Until: until, Reason: "only our own staff can reach this page, see the plan",
	}
	again := func() { s.said(n, "mona", "/secbydesign rescan", "Scanning again.") }

	s.push(n, "change", map[string]string{decisionfile.Folder + "/" + decisionfile.Name(f.ID): string(f.Write())})
	s.becomes(n, "failure", "1 new finding")
	s.push(n, "change", map[string]string{decisionfile.Folder + "/" + decisionfile.Name(f.ID): fakegithub.Delete})

	for _, tt := range []struct{ login, want string }{
		{"ted", "decides nothing: Only people who may write to this repository decide that."},
		{"nobody", "decides nothing: Only people who may write to this repository decide that."},
	} {
		s.file(tt.login, f)
		again()
		s.until(tt.want, func() bool { return strings.Contains(strings.ReplaceAll(s.verdict(n).Summary, "\\", ""), tt.want) })
		f.Reason += "." // the next commit changes the file
	}

	s.file("hubot", f)
	again()
	s.becomes(n, "success", "1 accepted")
	lines, text := s.lines(app.Audit{})
	if len(lines) != 1 || lines[0]["actor"] != "hubot" || lines[0]["decision"] != f.ID || !strings.HasPrefix(fmt.Sprint(lines[0]["actor_source_event"]), "file .secbydesign/decisions/A-ABCDEFGH.yml@") {
		t.Errorf("recorded %s", text)
	}

	longer := f
	longer.Until, longer.Severity = until.AddDate(1, 0, 0), scanners.Critical
	s.file("hubot", longer)
	again()
	s.quiet(n)
	if lines, text := s.lines(app.Audit{}); len(lines) != 1 {
		t.Errorf("a looser file changed something: %s", text)
	}

	f.Until = until.AddDate(0, 0, -9)
	s.file("ted", f) // anybody who is let in may be stricter
	again()
	s.until("the shorter day", func() bool {
		return strings.Contains(s.verdict(n).Summary, "Accepted until "+f.Until.Format(time.DateOnly))
	})
	s.quiet(n)
	s.Clock.Move(8 * 24 * time.Hour)
	s.until("the warning before the shorter day", func() bool { return slices.Equal(s.warned(), []string{f.ID + " 14"}) })

	f.Ended = "the page is public now"
	s.file("ted", f)
	again()
	s.becomes(n, "failure", "1 new finding")
	lines, text = s.lines(app.Audit{})
	if len(lines) != 4 || lines[1]["verb"] != "tighten" || lines[2]["verb"] != "warn" || lines[3]["verb"] != "end" || lines[3]["reason"] != "its file says that it ended: the page is public now" {
		t.Errorf("recorded %s", text)
	}
	if whole, text := s.verify(app.Audit{}); !whole {
		t.Error(text)
	}
}

// TestAnUnsignedFileTakesOneDecision: the committer chooses the author of a commit that nobody signed, so a file with a
// lead as author waits for others where one person alone cannot decide.
func TestAnUnsignedFileTakesOneDecision(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	run := s.becomes(n, "failure", "1 new finding")
	f := decisionfile.File{
		ID: "A-ABCDEFGH", Verb: "accept", Fingerprint: s.fingerprint(n), Rule: "gitleaks/github-pat", Path: "a.py", Severity: scanners.Critical,
		Until: time.Now().UTC().AddDate(0, 0, 9), Reason: "only our own staff can reach this page, see the plan",
	}
	s.file("lea", f)
	s.file("lea", decisionfile.File{ID: "A-BBBBBBBB", Verb: "accept", Severity: scanners.High}) // invalid
	s.GitHub.Note("acme", "shop", n, "mona", "/secbydesign rescan")
	s.until("a notice", func() bool {
		return strings.Contains(s.verdict(n).Summary, "more must confirm it with `/secbydesign confirm A-ABCDEFGH`")
	})
	if now := s.verdict(n); now.Conclusion != "failure" || !strings.Contains(strings.ReplaceAll(now.Summary, "\\", ""), ".secbydesign/decisions/A-BBBBBBBB.yml:1:1: finding is missing") {
		t.Errorf("was %s, is %s:\n%s", run.Conclusion, now.Conclusion, now.Summary)
	}
}

// TestDecisionsOnTheCommandLine exports decisions to a clone, has one ended there, and imports that.
func TestDecisionsOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "failure", "1 new finding")
	aid := decisionIn(s.said(n, "hubot", "/secbydesign accept "+s.id(n)+" until=30d"+because, "is accepted until"))
	s.becomes(n, "success", "1 accepted")

	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	o := app.DecisionsAsked{DataDir: s.Settings.DataDir, Repo: "acme/shop", Format: "files", Dir: dir}
	var b bytes.Buffer
	if err := app.ExportDecisions(t.Context(), &b, o); err != nil || !strings.Contains(b.String(), "1 files written") {
		t.Fatal(err, b.String())
	}
	name := filepath.Join(dir, ".secbydesign", "decisions", aid+".yml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := decisionfile.Parse(name, text)
	if err != nil || f.Verb != "accept" || f.Fingerprint != s.fingerprint(n) {
		t.Errorf("%+v, %v", f, err)
	}

	f.Ended = "the page is public now"
	unknown := f
	unknown.ID = "A-BBBBBBBB"
	for _, one := range []decisionfile.File{f, unknown} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(name), decisionfile.Name(one.ID)), one.Write(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "decide")
	o.Rev, o.DryRun = "", true
	if _, err := app.ImportDecisions(t.Context(), &b, o); err == nil || !strings.Contains(err.Error(), "name it with --rev") {
		t.Errorf("without a default branch: %v", err)
	}
	o.Rev = "HEAD"
	for i, want := range []string{"1 changes found; nothing was recorded.", "1 changes recorded.", "0 changes recorded."} {
		o.DryRun = i == 0
		b.Reset()
		ok, err := app.ImportDecisions(t.Context(), &b, o)
		if err != nil || !ok || !strings.Contains(b.String(), want) || !strings.Contains(b.String(), "A-BBBBBBBB: the record does not know it.") {
			t.Errorf("import %d: %v, %v\n%s", i, ok, err, b.String())
		}
	}
	s.GitHub.Note("acme", "shop", n, "mona", "/secbydesign rescan")
	s.becomes(n, "failure", "1 new finding")
	if whole, text := s.verify(app.Audit{}); !whole || !strings.Contains(text, "2 entries") {
		t.Error(whole, text)
	}

	b.Reset()
	o.Format = "jsonl"
	if err := app.ExportDecisions(t.Context(), &b, o); err != nil || strings.Count(b.String(), "\n") != 2 {
		t.Errorf("%v\n%s", err, b.String())
	}
	for _, wrong := range []app.DecisionsAsked{{Format: "xml"}, {Format: "openvex"}, {Format: "files", Repo: "shop"}} {
		wrong.DataDir = o.DataDir
		if err := app.ExportDecisions(t.Context(), &b, wrong); err == nil {
			t.Errorf("%+v was taken", wrong)
		}
	}
}

// TestVEXOfARepository follows a vulnerable package into the document that customers read.
func TestVEXOfARepository(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"requirements.txt": "six==1.16.0\n"})
	s.restart(func() {
		s.Content = nil // the shared processes cannot read the folder
		s.Settings.OSVURL, s.Settings.OSVDir = "", advisories(t, map[string]string{"GHSA-aaaa-aaaa-aaaa": "1.24.2"})
	})
	s.people()
	n := s.open("change", map[string]string{"requirements.txt": "six==1.16.0\nurllib3==1.24.1\n"})
	s.want(n, "neutral", "requirements.txt:2 open")
	says := func(status vex.Status, more string) {
		t.Helper()
		s.until(string(status), func() bool {
			var b bytes.Buffer
			o := app.DecisionsAsked{DataDir: s.Settings.DataDir, Repo: "acme/shop", Format: "openvex"}
			if err := app.ExportDecisions(t.Context(), &b, o); err != nil {
				t.Fatal(err)
			}
			var doc vex.VEX
			if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
				t.Fatal(err)
			}
			one := doc.EffectiveStatement("pkg:github/acme/shop", "GHSA-aaaa-aaaa-aaaa")
			return one != nil && one.Status == status && strings.Contains(b.String(), more) && one.MatchesProduct("pkg:github/acme/shop", "pkg:pypi/urllib3@1.24.1")
		})
	}
	says(vex.StatusUnderInvestigation, `"@context": "https://openvex.dev/ns/v0.2.0"`)
	s.said(n, "lea", "/secbydesign accept "+s.id(n)+" until=9d"+because, "A-")
	says(vex.StatusAffected, "only our own staff can reach this page")
	s.push(n, "change", map[string]string{"requirements.txt": "six==1.16.0\nurllib3==1.24.2\n"})
	says(vex.StatusFixed, "It is gone since ")
}
