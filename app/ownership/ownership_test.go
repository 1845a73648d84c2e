package ownership_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/scanners"
)

func TestOwners(t *testing.T) {
	t.Parallel()
	o, problems := ownership.Parse("# who owns what\r\n* @acme/everybody\n" +
		"docs/*  writer@example.com @mona\n" +
		"/pay/ @acme/payments @hubot # money\n" +
		"/pay/free/\n" + // nobody
		"bad.go  a@b.c\n" +
		"half.go not-an-owner @mona\n" +
		"[abc].go @mona\n" +
		"!not.go @mona\n" +
		"with\\ space.go @mona\n")
	if len(problems) != 3 || !strings.HasPrefix(problems[0], "line 6: ") || !strings.HasPrefix(problems[1], "line 8: ") || !strings.HasPrefix(problems[2], "line 9: ") {
		t.Errorf("problems: %q", problems)
	}
	for path, want := range map[string]string{
		"main.go":       "@acme/everybody",
		"docs/a.md":     "@mona",
		"docs/deep/a":   "@acme/everybody",
		"pay/a.go":      "@acme/payments @hubot",
		"pay/free/a.go": "",
		"bad.go":        "@acme/everybody",
		"half.go":       "@mona",
		"a.go":          "@acme/everybody",
		"with space.go": "@mona",
	} {
		if got := strings.Join(o.Of(path), " "); got != want {
			t.Errorf("%s is owned by %q, want %q", path, got, want)
		}
	}
	if got := (ownership.Owners{}).Of("x"); got != nil {
		t.Errorf("without a file: %q", got)
	}
}

// TestAMarkIsNoPattern reads files of editors for Windows, which begin with a byte order mark.
func TestAMarkIsNoPattern(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"UTF-8":  "\ufeff*\t@acme/all\r\n/docs/ @acme/docs\r\n",
		"UTF-16": "\xff\xfe*\x00 \x00@\x00a\x00c\x00m\x00e\x00/\x00a\x00l\x00l\x00\n\x00",
	} {
		o, problems := ownership.Parse(text)
		if got := o.Of("main.go"); !slices.Equal(got, []string{"@acme/all"}) || len(problems) > 0 {
			t.Errorf("%s: %q, problems %q", name, got, problems)
		}
	}
}

func FuzzOwners(f *testing.F) {
	f.Add("* @a\n/x/**/y @o/t a@b.cd\n\\# z\n[ @a", "x/y")
	f.Add("a\\", "a")
	f.Add("**/** @a\n/ @b\n// @c", "")
	f.Fuzz(func(t *testing.T, text, path string) {
		o, _ := ownership.Parse(text)
		for _, owner := range o.Of(path) {
			if !strings.HasPrefix(owner, "@") || strings.ContainsAny(owner, " \n\t") {
				t.Errorf("%q owns %q", owner, path)
			}
		}
		for _, b := range []byte{0, 0xfe, 0xff} { // it may be text in UTF-16 or UTF-32, to which no ASCII can be added
			if strings.IndexByte(text, b) >= 0 {
				return
			}
		}
		// A mistake in one line does not affect another.
		more, _ := ownership.Parse(text + "\n* @last")
		if path != "" && !strings.ContainsAny(path, "\n\x00") && !strings.HasSuffix(path, "/") && !strings.HasPrefix(path, "/") {
			if got := more.Of(path); !slices.Equal(got, []string{"@last"}) {
				t.Errorf("%q is owned by %q", path, got)
			}
		}
	})
}

var today = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

func TestWeigh(t *testing.T) {
	t.Parallel()
	const good = "only our own staff can reach this page"
	author := ownership.Person{Login: "mona", Write: true, Author: true, Owns: true, Lead: true}
	writer := ownership.Person{Login: "hubot", Write: true}
	lead := ownership.Person{Login: "lea", Write: true, Lead: true}
	owner := ownership.Person{Login: "olga", Write: true, Owns: true}
	reader := ownership.Person{Login: "stranger", Owns: true}
	member := ownership.Person{Login: "pat", Write: true, Owns: true, Teams: []string{"@acme/payments"}}
	rules := ownership.Default()
	rules.ByTeam = map[string]ownership.Ceiling{"@acme/payments": {MaxSeverity: scanners.High, MaxDays: 60}}
	for _, tt := range []struct {
		name     string
		who      ownership.Person
		severity scanners.Severity
		days     int
		reason   string
		rule     string
		wrong    bool
		needs    int
		counts   bool
		problem  string
	}{
		{"medium, by the author", author, scanners.Medium, 90, good, "x/y", false, 0, false, ""},
		{"medium, by anybody who writes", writer, scanners.Medium, 90, good, "x/y", false, 0, false, ""},
		{"medium, too long", writer, scanners.Medium, 91, good, "x/y", false, 0, false, "at most 90 days, until 2027-02-23"},
		{"medium, reason too short", writer, scanners.Medium, 30, "it is fine", "x/y", false, 0, false, "has 10 characters, and at least 30"},
		{"low, by a reader", reader, scanners.Low, 30, good, "x/y", false, 0, false, "may write"},
		{"high, by the author", author, scanners.High, 30, good, "x/y", false, 1, false, ""},
		{"high, by a writer", writer, scanners.High, 30, good, "x/y", false, 1, false, ""},
		{"high, by an owner", owner, scanners.High, 30, good, "x/y", false, 0, true, ""},
		{"high, by a lead", lead, scanners.High, 30, good, "x/y", false, 0, true, ""},
		{"high, too long", owner, scanners.High, 31, good, "x/y", false, 0, false, "at most 30 days"},
		{"high, by the owning team, which may", member, scanners.High, 60, good, "x/y", false, 0, false, ""},
		{"high, by the owning team, too long", member, scanners.High, 61, good, "x/y", false, 0, false, "at most 60 days"},
		{"critical, by an owner", owner, scanners.Critical, 14, good, "x/y", false, 1, true, ""},
		{"critical, by a lead who owns nothing", lead, scanners.Critical, 14, good, "x/y", false, 2, false, ""},
		{"critical, by the author", author, scanners.Critical, 14, good, "x/y", false, 2, false, ""},
		{"never", owner, scanners.Low, 1, good, "osv/malicious-package", false, 0, false, "cannot be accepted"},
		{"never, but wrong", owner, scanners.Low, 0, good, "osv/malicious-package", true, 0, false, ""},
		{"wrong, high, by the author", author, scanners.High, 0, good, "x/y", true, 1, false, ""},
	} {
		w := ownership.Request{Rule: tt.rule, Severity: tt.severity, Reason: tt.reason, Wrong: tt.wrong}
		if tt.days > 0 {
			w.Until = today.Truncate(24*time.Hour).AddDate(0, 0, tt.days)
		}
		g, err := rules.Weigh(w, tt.who, today)
		var refused *ownership.Refusal
		switch {
		case tt.problem != "":
			if !errors.As(err, &refused) || !strings.Contains(refused.Problem, tt.problem) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.problem)
			}
		case err != nil || g.Needs != tt.needs || g.Counts != tt.counts:
			t.Errorf("%s: %+v, %v", tt.name, g, err)
		}
	}
}

// TestTeamCeilings checks that the ceilings of teams count in place of the default, wider or narrower.
func TestTeamCeilings(t *testing.T) {
	t.Parallel()
	rules := ownership.Default()
	rules.ByTeam = map[string]ownership.Ceiling{
		"@acme/temps":    {MaxSeverity: scanners.Low, MaxDays: 14, ReasonMin: 30},
		"@acme/web":      {MaxSeverity: scanners.Medium, MaxDays: 180, ReasonMin: 0},
		"@acme/docs":     {MaxSeverity: scanners.Medium, MaxDays: 7, ReasonMin: 60},
		"@acme/payments": {MaxSeverity: scanners.High, MaxDays: 60, ReasonMin: 30},
		"@acme/brief":    {MaxSeverity: scanners.Medium, MaxDays: 180, ReasonMin: 4},
		"@acme/wordy":    {MaxSeverity: scanners.Medium, MaxDays: 180, ReasonMin: 60},
	}
	const good = "only our own staff can reach this page"
	for _, tt := range []struct {
		name     string
		teams    string
		severity scanners.Severity
		days     int
		reason   string
		needs    int
		problem  string
	}{
		{"lower", "@acme/temps", scanners.Low, 14, good, 0, ""},
		{"lower, above it", "@acme/temps", scanners.Medium, 14, good, 1, ""},
		{"lower, above it, too long", "@acme/temps", scanners.Medium, 90, good, 0, "at most 14 days"},
		{"longer", "@acme/web", scanners.Medium, 150, good, 0, ""},
		{"shorter reason", "@acme/web", scanners.Medium, 90, "fine", 0, ""},
		{"shorter", "@acme/docs", scanners.Medium, 90, strings.Repeat("x", 60), 0, "at most 7 days"},
		{"longer reason", "@acme/docs", scanners.Medium, 7, good, 0, "at least 60 are required"},
		{"higher, for less long", "@acme/payments", scanners.Medium, 90, good, 0, "at most 60 days"},
		{"none of its own", "@acme/core", scanners.Medium, 90, good, 0, ""},
		{"one has none of its own", "@acme/core @Acme/Temps", scanners.Medium, 14, good, 1, ""},
		{"several, the highest", "@acme/web @acme/payments @acme/temps", scanners.High, 60, good, 0, ""},
		{"several, the shortest reason of equals", "@acme/wordy @acme/brief", scanners.Medium, 180, "fine", 0, ""},
		{"several, the longest", "@acme/docs @acme/web", scanners.Medium, 150, good, 0, ""},
	} {
		who := ownership.Person{Login: "mona", Write: true, Owns: true, Author: true, Teams: strings.Fields(tt.teams)}
		w := ownership.Request{Rule: "x/y", Severity: tt.severity, Reason: tt.reason, Until: today.Truncate(24*time.Hour).AddDate(0, 0, tt.days)}
		g, err := rules.Weigh(w, who, today)
		if tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem)) || tt.problem == "" && (err != nil || g.Needs != tt.needs) {
			t.Errorf("%s: %+v, %v", tt.name, g, err)
		}
	}
}

// TestAQuorumIsNoLongerThanTheCeiling: more people do not extend the time.
func TestAQuorumIsNoLongerThanTheCeiling(t *testing.T) {
	t.Parallel()
	rules := ownership.Default()
	rules.Default.MaxDays = 20
	rules.Above[scanners.High] = ownership.Quorum{People: 1, From: ownership.Lead, MaxDays: 300, Distinct: true}
	lead := ownership.Person{Login: "lea", Write: true, Lead: true}
	w := ownership.Request{Rule: "x/y", Severity: scanners.High, Reason: "only our own staff can reach this page"}
	for days, ok := range map[int]bool{20: true, 21: false} {
		w.Until = today.Truncate(24*time.Hour).AddDate(0, 0, days)
		if _, err := rules.Weigh(w, lead, today); (err == nil) != ok {
			t.Errorf("%d days: %v", days, err)
		}
	}
}

// TestRenewals has a finding accepted again and again.
func TestRenewals(t *testing.T) {
	t.Parallel()
	const good = "only our own staff can reach this page"
	writer := ownership.Person{Login: "hubot", Write: true}
	lead := ownership.Person{Login: "lea", Write: true, Lead: true}
	author := ownership.Person{Login: "mona", Write: true, Author: true, Owns: true, Lead: true}
	owner := ownership.Person{Login: "olga", Write: true, Owns: true}
	for _, tt := range []struct {
		name     string
		who      ownership.Person
		severity scanners.Severity
		before   int
		wrong    bool
		needs    int
		problem  string
	}{
		{"the last renewal", writer, scanners.Medium, 2, false, 0, ""},
		{"one too many", writer, scanners.Medium, 3, false, 0, "This finding was accepted before (3), and at most 2 renewals are allowed. Fix it or narrow it, or ask somebody who owns the file or maintains the repository to accept it, as for a high finding."},
		{"one too many, of a low one", writer, scanners.Low, 3, false, 0, "to accept it, as for a high finding"},
		{"one too many, by a lead", lead, scanners.Medium, 3, false, 0, ""},
		{"one too many, by the author", author, scanners.Medium, 3, false, 0, "to accept it, as for a high finding"},
		{"one too many, of a high one, by a lead", lead, scanners.High, 3, false, 0, "ask somebody who owns the file to accept it, as for a critical finding."},
		{"one too many, of a high one, by an owner", owner, scanners.High, 3, false, 1, ""},
		{"one too many, of a critical one", owner, scanners.Critical, 3, false, 0, "Fix it or narrow it."},
		{"wrong", writer, scanners.Medium, 9, true, 0, ""},
	} {
		w := ownership.Request{Rule: "x/y", Severity: tt.severity, Reason: good, Wrong: tt.wrong, Before: tt.before}
		g, err := ownership.Default().Weigh(w, tt.who, today)
		if tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem)) || tt.problem == "" && (err != nil || g.Needs != tt.needs) {
			t.Errorf("%s: %+v, %v", tt.name, g, err)
		}
	}
}

// TestTheOrganisationLetsTheAuthorCount, and one person twice.
func TestTheOrganisationLetsTheAuthorCount(t *testing.T) {
	t.Parallel()
	rules := ownership.Default()
	rules.Above = map[scanners.Severity]ownership.Quorum{scanners.High: {People: 2, From: ownership.Lead, MaxDays: 30, AuthorCounts: true}}
	author := ownership.Person{Login: "mona", Write: true, Author: true, Lead: true}
	g, err := rules.Weigh(ownership.Request{Severity: scanners.High, Reason: strings.Repeat("x", 30)}, author, today)
	if err != nil || g.Needs != 1 || !g.Counts || !g.Author || !g.Twice || !confirms(author, g.From, g.Author) || confirms(author, g.From, false) {
		t.Errorf("%+v %v", g, err)
	}
	if outsider := (ownership.Person{Write: true, Author: true}); confirms(outsider, g.From, true) {
		t.Error("an author who neither owns nor leads counts")
	}
}

// confirms reports whether a person may confirm what somebody else asked for.
func confirms(p ownership.Person, from string, author bool) bool {
	d := ownership.Pending{ID: "A-AAAAAAAA", Needs: 1, From: from, Author: author, People: []string{"somebody"}}
	return ownership.May(ownership.Confirm, p, ownership.Case{Pending: d, Today: today}, ownership.Default()).Yes
}

// TestNobodyDecidesAloneAboveTheCeiling tries every kind of author.
func TestNobodyDecidesAloneAboveTheCeiling(t *testing.T) {
	t.Parallel()
	for bits := range 8 {
		p := ownership.Person{Author: true, Write: true, Lead: bits&1 > 0, Owns: bits&2 > 0}
		if bits&4 > 0 {
			p.Teams = []string{"@acme/payments"}
		}
		for _, s := range []scanners.Severity{scanners.High, scanners.Critical} {
			g, err := ownership.Default().Weigh(ownership.Request{Severity: s, Reason: strings.Repeat("x", 30)}, p, today)
			if err != nil || g.Needs < 1 || g.Counts {
				t.Errorf("%+v %s: %+v %v", p, s, g, err)
			}
		}
	}
}

func TestWeighComment(t *testing.T) {
	t.Parallel()
	const good = "only our own staff can reach this page"
	rules := ownership.Default()
	rules.ByTeam = map[string]ownership.Ceiling{"@acme/payments": {MaxSeverity: scanners.High, MaxDays: 60}}
	rules.Above = map[scanners.Severity]ownership.Quorum{scanners.High: {People: 1, From: ownership.Lead, MaxDays: 30}}
	for _, tt := range []struct {
		name     string
		severity scanners.Severity
		days     int
		reason   string
		rule     string
		owners   []string
		problem  string
	}{
		{"medium", scanners.Medium, 90, good, "x/y", nil, ""},
		{"too long", scanners.Medium, 91, good, "x/y", nil, "at most 90 days, until 2027-02-23"},
		{"reason too short", scanners.Medium, 30, "fine", "x/y", nil, "has 4 characters, and at least 30"},
		{"never", scanners.Low, 1, good, "osv/malicious-package", nil, "cannot be accepted"},
		{"high", scanners.High, 1, good, "x/y", nil, "at most medium severity, and this one is high"},
		{"high, of a person", scanners.High, 1, good, "x/y", []string{"@mona"}, "A comment in the code accepts findings of at most"},
		{"high, of the team that may", scanners.High, 60, good, "x/y", []string{"@mona", "@Acme/Payments"}, ""},
		{"high, of the team that may, too long", scanners.High, 61, good, "x/y", []string{"@acme/payments"}, "at most 60 days"},
		{"critical, of the team that may not", scanners.Critical, 1, good, "x/y", []string{"@acme/payments"}, "findings of at most high severity"},
	} {
		w := ownership.Request{Rule: tt.rule, Severity: tt.severity, Reason: tt.reason, Until: today.Truncate(24*time.Hour).AddDate(0, 0, tt.days)}
		err := rules.WeighComment(w, tt.owners, today)
		if err == nil && tt.problem != "" || err != nil && (tt.problem == "" || !strings.Contains(err.Error(), tt.problem)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.problem)
		}
	}
}

// TestTooLarge ignores a file that GitHub ignores, and one with more lines than people write.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"bytes": "* @a\n" + strings.Repeat("#", 3<<20), "lines": strings.Repeat("* @a\n", 100_001)} {
		o, problems := ownership.Parse(text)
		if owners := o.Of("x"); len(owners) != 0 || len(problems) != 1 {
			t.Errorf("%s: %q, %q", name, owners, problems)
		}
	}
	o, problems := ownership.Parse(strings.Repeat("# x\n", 99_999) + "* @a\n")
	if owners := o.Of("x"); len(owners) != 1 || len(problems) != 0 {
		t.Errorf("%q, %q", owners, problems)
	}
}

// TestALineThatIsNoTextIsLeftOut, and the lines around it count.
func TestALineThatIsNoTextIsLeftOut(t *testing.T) {
	t.Parallel()
	long := "/a/" + strings.Repeat("x", 10_000-len("/a/ @hubot")) + " @hubot"
	for name, tt := range map[string]struct {
		line     string
		problems []string
	}{
		"a zero byte":             {"/a/ @hubot # \x00", []string{"line 2: this is no line of text"}},
		"the longest line":        {long, nil},
		"a longer line":           {"/" + long, []string{"line 2: this is no line of text"}},
		"nobody who can be known": {"/a/ hubot", []string{"line 2: no owner is a person, a team or an e-mail address"}},
	} {
		o, problems := ownership.Parse("* @mona\n" + tt.line + "\n/b/ @lea\n")
		if !slices.Equal(problems, tt.problems) {
			t.Errorf("%s: problems %q, want %q", name, problems, tt.problems)
		}
		if !slices.Equal(o.Of("a/x"), []string{"@mona"}) || !slices.Equal(o.Of("b/x"), []string{"@lea"}) {
			t.Errorf("%s: owners %q and %q", name, o.Of("a/x"), o.Of("b/x"))
		}
	}
}

// TestNotAllProblemsOfAFileAreSaid: a file that is no CODEOWNERS file at all has one in each line.
func TestNotAllProblemsOfAFileAreSaid(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{19: 19, 20: 20, 21: 20, 500: 20} {
		if _, problems := ownership.Parse(strings.Repeat("a b\n", n)); len(problems) != want {
			t.Errorf("%d wrong lines: %d problems", n, len(problems))
		}
	}
}

// TestWhoseWordIsNeededAboveTheCeiling: an owner or, where leads count, who maintains the repository; never somebody who
// may not write, and the author only where the organisation says so.
func TestWhoseWordIsNeededAboveTheCeiling(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		p           ownership.Person
		owner, lead bool
	}{
		"an owner":                  {ownership.Person{Write: true, Owns: true}, true, true},
		"a lead":                    {ownership.Person{Write: true, Lead: true}, false, true},
		"who only writes":           {ownership.Person{Write: true}, false, false},
		"an owner who only reads":   {ownership.Person{Owns: true}, false, false},
		"a lead who only reads":     {ownership.Person{Lead: true, Owns: true}, false, false},
		"the author, who owns it":   {ownership.Person{Write: true, Owns: true, Author: true}, false, false},
		"the author, who leads too": {ownership.Person{Write: true, Lead: true, Author: true}, false, false},
	} {
		if got := confirms(tt.p, ownership.Owner, false); got != tt.owner {
			t.Errorf("%s, where owners count: %v", name, got)
		}
		if got := confirms(tt.p, ownership.Lead, false); got != tt.lead {
			t.Errorf("%s, where leads count: %v", name, got)
		}
	}
}

// TestRulesThatAreNeverAccepted are named whole, or by their second part, and by globs of both.
func TestRulesThatAreNeverAccepted(t *testing.T) {
	t.Parallel()
	writer := ownership.Person{Login: "hubot", Write: true}
	for pattern, never := range map[string]bool{
		"osv/malicious-package": true, "malicious-package": true, "osv/*": true, "malicious-*": true, "*/malicious-package": true,
		"osv": false, "gosec/*": false, "package": false, "osv/malicious": false,
	} {
		rules := ownership.Default()
		rules.Never = []string{pattern}
		_, err := rules.Weigh(ownership.Request{Rule: "osv/malicious-package", Severity: scanners.Low, Reason: strings.Repeat("x", 30)}, writer, today)
		if (err != nil) != never {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

// TestTheDefaultsAboveTheCeiling: nobody counts twice, and the author never does.
func TestTheDefaultsAboveTheCeiling(t *testing.T) {
	t.Parallel()
	owner := ownership.Person{Login: "olga", Write: true, Owns: true}
	for _, s := range []scanners.Severity{scanners.High, scanners.Critical} {
		g, err := ownership.Default().Weigh(ownership.Request{Rule: "x/y", Severity: s, Reason: strings.Repeat("x", 30)}, owner, today)
		if err != nil || g.Twice || g.Author || g.Ceiling != scanners.Medium {
			t.Errorf("%s: %+v, %v", s, g, err)
		}
	}
}

// TestAReasonOfAListNeedsNoWords: it says enough by itself.
func TestAReasonOfAListNeedsNoWords(t *testing.T) {
	t.Parallel()
	writer := ownership.Person{Login: "hubot", Write: true}
	for coded, ok := range map[bool]bool{true: true, false: false} {
		_, err := ownership.Default().Weigh(ownership.Request{Rule: "x/y", Severity: scanners.Low, Coded: coded}, writer, today)
		if (err == nil) != ok {
			t.Errorf("of a list: %v, %v", coded, err)
		}
	}
}

// TestAnOfferIsWhatIsGranted holds an offer against what each of its readers is granted, under rules of all kinds: the
// last day that is offered, the shortest reason, and no more.
func TestAnOfferIsWhatIsGranted(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 7))
	ceiling := func() ownership.Ceiling {
		return ownership.Ceiling{MaxSeverity: scanners.Severity(rng.IntN(5)), MaxDays: 1 + rng.IntN(100), ReasonMin: rng.IntN(60)}
	}
	allowed, refused := 0, 0
	for range 3000 {
		rules := ownership.Default()
		rules.Default, rules.ByTeam = ceiling(), map[string]ownership.Ceiling{"@acme/pay": ceiling(), "@acme/web": ceiling()}
		rules.Above[scanners.High] = ownership.Quorum{People: 1 + rng.IntN(3), From: ownership.Lead, MaxDays: 1 + rng.IntN(100), AuthorCounts: rng.IntN(2) == 0}
		w := ownership.Request{Rule: []string{"x/y", "osv/malicious-package"}[rng.IntN(2)], Severity: scanners.Severity(rng.IntN(5)), Before: rng.IntN(5), Wrong: rng.IntN(4) == 0}
		readers := ownership.Readers([]string{"@acme/pay", "@acme/web", "@mona"}[:rng.IntN(4)], rng.IntN(2) == 0)
		rules.Agents = ownership.Agents{SelfAccept: rng.IntN(2) == 0, People: 1 + rng.IntN(3)}
		w.Agent = rng.IntN(2) == 0
		for i := range readers {
			readers[i].Lead, readers[i].Owns, readers[i].Author = rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(2) == 0
		}
		o := rules.Offer(w, readers...)
		granted, longer, shorter := 0, 0, 0
		for _, p := range readers {
			try := func(days, reason int) bool {
				w.Until, w.Reason = today.Truncate(24*time.Hour).AddDate(0, 0, days), strings.Repeat("x", reason)
				g, err := rules.Weigh(w, p, today)
				if err == nil && g.Needs > o.Needs {
					t.Fatalf("%d more people are needed, and the offer says %d", g.Needs, o.Needs)
				}
				return err == nil
			}
			granted += count(try(max(o.Days, 1), o.Reason))
			longer += count(try(o.Days+1, o.Reason))
			shorter += count(try(max(o.Days, 1), o.Reason-1+count(o.Reason == 0)))
		}
		switch {
		case o.Refused == "" && (granted != len(readers) || longer == len(readers) || o.Reason > 0 && shorter == len(readers)):
			t.Fatalf("%+v of %+v for %+v: granted to %d of %d, a day more to %d, a shorter reason to %d", o, w, rules, granted, len(readers), longer, shorter)
		case o.Refused != "" && (granted == len(readers) || o.Days != 0):
			t.Fatalf("%+v of %+v for %+v is refused to nobody", o, w, rules)
		}
		allowed, refused = allowed+count(o.Refused == ""), refused+count(o.Refused != "")
	}
	if allowed < 500 || refused < 500 {
		t.Errorf("%d were allowed and %d refused", allowed, refused)
	}
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// TestPlacesOfTheFile holds them in the order in which GitHub reads them.
func TestPlacesOfTheFile(t *testing.T) {
	t.Parallel()
	if got := strings.Join(ownership.Files(), " "); got != ".github/CODEOWNERS CODEOWNERS docs/CODEOWNERS" {
		t.Errorf("%s", got)
	}
}
