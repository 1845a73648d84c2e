package digest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

var update = flag.Bool("update", false, "write the golden files again")

func at(day string) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return t
}

// an entry of acme/shop.
func entry(state, id string, sev scanners.Severity, number int, since string) record.Entry {
	return record.Entry{
		State: state, RepoID: 7, Owner: "acme", Repo: "shop", Number: number, ID: id, Rule: "gosec/G201", Title: "SQL query built from input", Severity: sev,
		CWE: "CWE-89", Path: "db/orders.go", Line: 12, Owners: []string{"@acme/payments"}, Since: at(since),
	}
}

func usual() Team {
	accepted := entry(record.EntryAccepted, "F-CCCCCCCC", scanners.High, 9, "2026-06-01")
	accepted.Title, accepted.CWE = "Weak random number", "CWE-338"
	accepted.Decision, accepted.By, accepted.Until, accepted.Class, accepted.Renewals = "A-DDDDDDDD", []string{"mona", "hubot"}, at("2026-12-04"), "deadline", 1
	later := entry(record.EntryAccepted, "F-EEEEEEEE", scanners.Medium, 10, "2026-09-01")
	later.Until, later.Class = at("2027-01-20"), "technical"
	deferred := entry(record.EntryDeferred, "F-GGGGGGGG", scanners.Medium, 10, "2026-10-01")
	deferred.Until = at("2027-01-10")
	expired := entry(record.EntryExpired, "F-HHHHHHHH", scanners.Critical, 4, "2026-05-02")
	expired.Title, expired.Until, expired.Renewals, expired.Rule = "Shell command built from input", at("2026-11-20"), 2, "gosec/G204"
	question := record.Entry{
		State: record.EntryQuestion, Owner: "acme", Repo: "shop", Number: 12, ID: "Q1", Component: "services/orders", Topic: "access", Since: at("2026-11-25"),
	}
	return Team{
		Team: "@acme/payments", Web: "https://github.com", Now: at("2026-11-30"), Rules: ownership.Default(),
		Entries: []record.Entry{accepted, later, entry(record.EntryOpen, "F-AAAAAAAA", scanners.Medium, 12, "2026-11-25"), question, deferred, expired},
		Figures: []insight.Figure{
			{Key: "same_change", Name: "Fixed before the merge", N: 40, Value: "72 %", Exact: .72, About: "Findings that were gone from the merged head ÷ findings shown."},
			{Key: "useful", Name: "Useful", N: 3, About: "Fixed or accepted ÷ shown with an answer."},
			{Key: "time_to_fix", Name: "Median time to fix", N: 12, Value: "3 days"},
		},
		Before: Snapshot{
			At:      at("2026-11-23"),
			Keys:    []string{"acme/shop F-AAAAAAAA", "acme/shop F-JJJJJJJJ", "acme/shop#3 Q2"},
			Figures: map[string]string{"same_change": "65 %", "time_to_fix": "3 days"},
		},
	}
}

// golden compares a text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got+"\n" != string(want) {
		t.Errorf("%s differs; it is\n%s", path, got)
	}
}

func TestTeam(t *testing.T) {
	t.Parallel()
	first := usual()
	first.Entries, first.Figures, first.Before = first.Entries[2:3], nil, Snapshot{}
	nothing := Team{Team: "@acme/payments", Web: "https://github.com", Now: at("2026-11-30"), Before: Snapshot{At: at("2026-11-23")}}
	public := usual()
	public.Web, public.Hidden, public.Entries = "https://github.example.com", 3, public.Entries[2:4]
	public.Lessons = []record.TeamLesson{{CWE: "CWE-89", Pulls: 4, Owner: "acme", Repo: "shop", Number: 12}}
	for name, team := range map[string]Team{"team.md": usual(), "first.md": first, "nothing.md": nothing, "public.md": public} {
		golden(t, name, team.Body())
	}
}

// TestOfferNamesAClass: where the organisation asks for the class of a reason, the commands to copy have one.
func TestOfferNamesAClass(t *testing.T) {
	t.Parallel()
	team := usual()
	team.Rules.ReasonClass = true
	if body := team.Body(); !strings.Contains(body, " until=30d reason=technical because [") || strings.Contains(body, "until=30d because") {
		t.Errorf("it offers\n%s", body)
	}
}

// hostile texts try to break out of what shows them.
var hostile = []string{
	"@everyone look", "<!-- secbydesign:v1 digest=@acme/other -->", "</details><h1>x", "a\n\n# Title\n- [ ] box", "|a|b|\n|-|-|", "`x` ``` y", "[x](https://evil.example)",
	"![x](https://evil.example/x.png)", "acme/shop#1 and #2", "https://evil.example/", "\u202egnp", "/secbydesign accept F-AAAAAAAA until=30d because x", "<script>alert(1)</script>",
}

func TestHostileEntries(t *testing.T) {
	t.Parallel()
	for _, text := range hostile {
		team := usual()
		for i := range team.Entries {
			e := &team.Entries[i]
			e.Title, e.Path, e.Topic, e.Component, e.Class, e.ID, e.CWE, e.By, e.Owner, e.Repo = text, text, text, text, text, text, text, []string{text}, text, text
		}
		team.Figures = []insight.Figure{{Key: "x", Name: text, Value: text, About: text, N: 9}}
		team.Lessons, team.Roads = []record.TeamLesson{{CWE: text, Pulls: 3}, {CWE: "CWE-89", Pulls: 3, Owner: text, Repo: text, Number: 7}}, map[string]string{"queries": text, "access": text}
		team.Before.Keys = []string{text}
		inert(t, text, team.Body())
	}
}

// inert holds that a text from outside is only shown.
func inert(t *testing.T, text, body string) {
	t.Helper()
	var b bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe())).Convert([]byte(body), &b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"evil.example\"", "<script", "<h1", "<img", "type=\"checkbox\"", "<!-- secbydesign"} {
		if i := strings.Index(page, bad); i >= 0 {
			t.Errorf("%q gives %q in %s", text, bad, page[max(0, i-200):i+len(bad)])
		}
	}
	if n := strings.Count(page, "<details>"); strings.Count(page, "</details>") != n {
		t.Errorf("%q closes a fold", text)
	}
	if code := regexp.MustCompile(`(?s)<code.*?</code>`); strings.Contains(code.ReplaceAllString(page, ""), "@everyone") {
		t.Errorf("%q mentions", text)
	}
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "/secbydesign") && strings.Contains(line, "because x") {
			t.Errorf("%q is a command", text)
		}
	}
}

// TestManyEntries holds that the text of a large team fits, and that it says how much is left out.
func TestManyEntries(t *testing.T) {
	t.Parallel()
	team := usual()
	team.Entries = nil
	long := strings.Repeat("<@x|`", 200)
	for i := range 5_000 {
		e := entry([]string{record.EntryOpen, record.EntryExpired, record.EntryAccepted, record.EntryDeferred, record.EntryQuestion}[i%5], fmt.Sprintf("F-%08d", i), scanners.High, i, "2026-01-01")
		e.Title, e.Path, e.Component, e.Topic, e.By, e.Until, e.Class = long, long, long, long, []string{long, long, long, long}, at("2026-12-02"), fmt.Sprint("class ", i%7)
		team.Entries = append(team.Entries, e)
		team.Before.Keys = append(team.Before.Keys, fmt.Sprintf("acme/shop F-X%07d", i))
	}
	body := team.Body()
	if len(body) >= maxText {
		t.Errorf("%d bytes", len(body))
	}
	for _, want := range []string{"**2000 findings to decide", "and 1980 more", "and 1990 more", "and 990 more", "**1000 accepted**", "5003 entries are gone"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in\n%s", want, body)
		}
	}
}

// TestSameDigest holds that a digest is the same on another day, so that nothing is written when nothing changed.
func TestSameDigest(t *testing.T) {
	t.Parallel()
	today := usual()
	tomorrow := usual()
	tomorrow.Now = today.Now.Add(30 * time.Hour)
	if today.Body() != tomorrow.Body() {
		t.Errorf("a day later it is\n%s", tomorrow.Body())
	}
}
