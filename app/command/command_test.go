package command_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/app/command"
)

var today = time.Date(2026, 11, 25, 17, 30, 0, 0, time.UTC)

func TestFind(t *testing.T) {
	t.Parallel()
	const rescan = "/secbydesign rescan"
	for name, tt := range map[string]struct {
		body string
		want []string
	}{
		"alone":                        {rescan, []string{rescan}},
		"without a verb":               {"/secbydesign", []string{"/secbydesign"}},
		"without a verb, then text":    {"/secbydesign\nWhat can it do?", []string{"/secbydesign"}},
		"among text":                   {"Thanks!\n\n" + rescan + "\n\nBye", []string{rescan}},
		"in the middle of a paragraph": {"Thanks!\n" + rescan + "\nBye", []string{rescan}},
		"Windows lines":                {"Thanks!\r\n" + rescan + "\r\nBye", []string{rescan}},
		"several":                      {rescan + "\n/secbydesign status", []string{rescan, "/secbydesign status"}},
		"above a rule":                 {rescan + "\n---\nMona, Acme Inc.", []string{rescan}},
		"upper case":                   {"/SecByDesign rescan", []string{"/SecByDesign rescan"}},
		"a tab":                        {"/secbydesign\trescan", []string{"/secbydesign\trescan"}},
		"below a list":                 {"- one\n\n" + rescan, []string{rescan}},
		"code beside it":               {"`x` and\n" + rescan + " `F-ABCDEFGH`", []string{rescan + " `F-ABCDEFGH`"}},
		"an id in backquotes":          {"/secbydesign why `F-ABCDEFGH`", []string{"/secbydesign why `F-ABCDEFGH`"}},
		"behind a closed quotation":    {"<blockquote>x</blockquote>\n\n" + rescan, []string{rescan}},

		"not first":                 {"please " + rescan, nil},
		"indented by one":           {" " + rescan, nil},
		"indented code":             {"x\n\n    " + rescan, nil},
		"fenced":                    {"```\n" + rescan + "\n```", nil},
		"fenced with tildes":        {"~~~sh\n" + rescan + "\n~~~", nil},
		"fence that never ends":     {"```\n" + rescan, nil},
		"inline code":               {"`" + rescan + "`", nil},
		"inline code over lines":    {"`a\n" + rescan + "\nb`", nil},
		"quoted":                    {"> " + rescan, nil},
		"quoted lazily":             {"> please\n" + rescan, nil},
		"quoted in a list":          {"- > please\n" + rescan, nil},
		"listed":                    {"- " + rescan, nil},
		"a suggestion":              {"```suggestion\n" + rescan + "\n```", nil},
		"a comment of HTML":         {"<!--\n" + rescan + "\n-->", nil},
		"a comment inside of text":  {"x <!-- \n" + rescan + "\n--> y", nil},
		"preformatted":              {"<pre>\n" + rescan + "\n</pre>", nil},
		"a quotation of HTML":       {"<blockquote>\n\n" + rescan + "\n\n</blockquote>", nil},
		"a fold that is not parsed": {"<details>\n" + rescan + "\n</details>", nil},
		"a table":                   {rescan + " | x\n--- | ---\n1 | 2", nil},
		"a longer word":             {"/secbydesigner rescan", nil},
		"another slash":             {"//secbydesign rescan", nil},
		"a link":                    {"https://example.com\n/secbydesigns", nil},
		"nothing":                   {"", nil},
	} {
		if got := command.Find(tt.body); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q gives %q, want %q", name, tt.body, got, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	f1, f2 := []string{"F-ABCDEFGH"}, []string{"F-ABCDEFGH", "F-22222222"}
	type c = command.Command
	for line, want := range map[string]c{
		"":                   {Verb: command.Help},
		" help":              {Verb: command.Help},
		" help accept":       {Verb: command.Help},
		" STATUS":            {Verb: command.Status},
		" rescan":            {Verb: command.Rescan},
		" why":               {Verb: command.Why},
		" why f-abcdefgh":    {Verb: command.Why, IDs: f1},
		" why `F-ABCDEFGH`,": {Verb: command.Why, IDs: f1},
		" accept F-ABCDEFGH until=2026-12-31 because it is fine":                   {Verb: command.Accept, IDs: f1, Until: day("2026-12-31"), Reason: "it is fine"},
		" accept F-ABCDEFGH until 2026-12-31 because it is fine":                   {Verb: command.Accept, IDs: f1, Until: day("2026-12-31"), Reason: "it is fine"},
		" accept F-ABCDEFGH, F-22222222 until 30d because it is fine":              {Verb: command.Accept, IDs: f2, Until: day("2026-12-25"), Reason: "it is fine"},
		" accept F-ABCDEFGH,F-22222222,F-ABCDEFGH until=2w because: x":             {Verb: command.Accept, IDs: f2, Until: day("2026-12-09"), Reason: "x"},
		" accept until=30d ticket=https://t.example/1 F-ABCDEFGH because until=1d": {Verb: command.Accept, IDs: f1, Until: day("2026-12-25"), Ticket: "https://t.example/1", Reason: "until=1d"},
		" accept until:30d because x  y":                                           {Verb: command.Accept, Until: day("2026-12-25"), Reason: "x y"},
		" accept UNTIL=30D BECAUSE x":                                              {Verb: command.Accept, Until: day("2026-12-25"), Reason: "x"},
		" confirm a-abcdefgh":                                                      {Verb: command.Confirm, Decision: "A-ABCDEFGH"},
		" fp because it opens nothing":                                             {Verb: command.FP, Reason: "it opens nothing"},
		" not-affected F-ABCDEFGH vulnerable_code_not_present":                     {Verb: command.NotAffected, IDs: f1, Code: "vulnerable_code_not_present"},
		" not-affected vulnerable-code-not-present because x":                      {Verb: command.NotAffected, Code: "vulnerable_code_not_present", Reason: "x"},
		" defer F-ABCDEFGH until=30d ticket=https://t.example/1 reason=deadline":   {Verb: command.Defer, IDs: f1, Until: day("2026-12-25"), Ticket: "https://t.example/1", Class: "deadline"},
		" accept reason=Technical F-ABCDEFGH until=30d because reason=x":           {Verb: command.Accept, IDs: f1, Until: day("2026-12-25"), Class: "technical", Reason: "reason=x"},
		" accept F-ABCDEFGH until 30d reason business, because x":                  {Verb: command.Accept, IDs: f1, Until: day("2026-12-25"), Class: "business", Reason: "x"},
		" defer F-ABCDEFGH until=30d ticket=https://t.example/1":                   {Verb: command.Defer, IDs: f1, Until: day("2026-12-25"), Ticket: "https://t.example/1"},
		" reopen F-ABCDEFGH":                                                       {Verb: command.Reopen, IDs: f1},
		" revoke A-ABCDEFGH because it changed":                                    {Verb: command.Revoke, Decision: "A-ABCDEFGH", Reason: "it changed"},
		" assign F-ABCDEFGH @acme/payments":                                        {Verb: command.Assign, IDs: f1, Team: "@acme/payments"},
		" not-useful F-ABCDEFGH noise":                                             {Verb: command.NotUseful, IDs: f1, Code: "noise"},
		" not-useful F-ABCDEFGH wrong the f-string is a constant":                  {Verb: command.NotUseful, IDs: f1, Code: "wrong", Reason: "the f-string is a constant"},
		" not-useful wrong only a-z is possible here":                              {Verb: command.NotUseful, Code: "wrong", Reason: "only a-z is possible here"},
		" not-useful F-ABCDEFGH noise same as F-22222222 above":                    {Verb: command.NotUseful, IDs: f1, Code: "noise", Reason: "same as F-22222222 above"},
		" not-useful F-ABCDEFGH: noise":                                            {Verb: command.NotUseful, IDs: f1, Code: "noise"},
		" not-useful F-ABCDEFGH, noise: F-22222222 tells it":                       {Verb: command.NotUseful, IDs: f1, Code: "noise", Reason: "F-22222222 tells it"},
		" not-useful F-ABCDEFGH noise because F-22222222 tells it":                 {Verb: command.NotUseful, IDs: f1, Code: "noise", Reason: "F-22222222 tells it"},
		" not-useful F-ABCDEFGH noise the same because of F-22222222":              {Verb: command.NotUseful, IDs: f1, Code: "noise", Reason: "the same because of F-22222222"},
		" not-useful F-ABCDEFGH,F-22222222 unclear, wrong word?":                   {Verb: command.NotUseful, IDs: f2, Code: "unclear", Reason: "wrong word?"},
		" fp F-ABCDEFGH. because the f-string is a constant, as in F-22222222":     {Verb: command.FP, IDs: f1, Reason: "the f-string is a constant, as in F-22222222"},
		" accept F-ABCDEFGH: until 30d, because: x":                                {Verb: command.Accept, IDs: f1, Until: day("2026-12-25"), Reason: "x"},
		" not-affected F-ABCDEFGH vulnerable_code_not_present: because of F-2":     {Verb: command.NotAffected, IDs: f1, Code: "vulnerable_code_not_present", Reason: "of F-2"},
		" answer Q1 the gateway refuses it":                                        {Verb: command.Answer, Questions: []string{"Q1"}, Reason: "the gateway refuses it"},
		" answer q12: because the gateway refuses it":                              {Verb: command.Answer, Questions: []string{"Q12"}, Reason: "the gateway refuses it"},
		" answer `Q1` “the gateway  refuses it”":                                   {Verb: command.Answer, Questions: []string{"Q1"}, Reason: "the gateway refuses it"},
		" answer Q1 Q2 is about the same thing":                                    {Verb: command.Answer, Questions: []string{"Q1"}, Reason: "Q2 is about the same thing"},
		" answer Q1 until=30d ticket=x are only words":                             {Verb: command.Answer, Questions: []string{"Q1"}, Reason: "until=30d ticket=x are only words"},
		" ask Champion": {Verb: command.Ask, Code: "champion"},
		" ask security": {Verb: command.Ask, Code: "security"},
		" voice use the rate limiter of the gateway": {Verb: command.Voice, Reason: "use the rate limiter of the gateway"},
		" voice Q2: use the rate limiter":            {Verb: command.Voice, Questions: []string{"Q2"}, Reason: "use the rate limiter"},
		" voice no":                                  {Verb: command.Voice, Reason: "no"},
		" plan":                                      {Verb: command.Plan},
		" why Q1":                                    {Verb: command.Why, Questions: []string{"Q1"}},
		" why Q1, F-ABCDEFGH,q1":                     {Verb: command.Why, IDs: f1, Questions: []string{"Q1"}},
		" not-useful Q1 noise we know":               {Verb: command.NotUseful, Questions: []string{"Q1"}, Code: "noise", Reason: "we know"},
		" not-useful too-late it was merged":         {Verb: command.NotUseful, Code: "too-late", Reason: "it was merged"},
	} {
		got, err := command.Parse(command.Prefix+line, today)
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if got.Verb != want.Verb || !slices.Equal(got.IDs, want.IDs) || got.Decision != want.Decision || !got.Until.Equal(want.Until) ||
			got.Ticket != want.Ticket || got.Code != want.Code || !slices.Equal(got.Questions, want.Questions) || got.Team != want.Team || got.Reason != want.Reason {
			t.Errorf("%q:\ngot  %+v\nwant %+v", line, got, want)
		}
	}
}

// TestMistakesKeepWhatIsRight: each line has one mistake, and Right is the rest of it.
func TestMistakesKeepWhatIsRight(t *testing.T) {
	t.Parallel()
	const reason = "only our own staff can reach this page"
	many := ""
	for i := range 22 {
		many += "F-BAAAAAA" + string(rune('A'+i)) + ","
	}
	for line, want := range map[string]struct{ problem, right string }{
		" acept F-ABCDEFGH": {"“acept” is not known. Did you mean accept?", " accept F-ABCDEFGH"},
		" ignore F-ABCDEFGH until=30d because " + reason:        {"Did you mean accept?", " accept F-ABCDEFGH until=2026-12-25 because " + reason},
		" accept F-ABCDEFGH until=2w reason=lazy because x":     {"“lazy” is no class of reasons; it is emergency, deadline, technical or business, and the words follow “because”.", " accept F-ABCDEFGH until=2026-12-09 because x"},
		" accept F-ABCDEFGH until=2w reason=tecnical because x": {"“tecnical” is no class of reasons", " accept F-ABCDEFGH until=2026-12-09 reason=technical because x"},
		" accept F-ABCDEFGH until=2w reason":                    {"The class after “reason” is missing: emergency, deadline, technical or business.", " accept F-ABCDEFGH until=2026-12-09"},
		" fp F-ABCDEFGH reason=technical because x":             {"“reason=technical” is not understood", " fp F-ABCDEFGH because x"},
		" snooze F-ABCDEFGH until=2w ticket=https://t.example":  {"Did you mean defer?", " defer F-ABCDEFGH until=2026-12-09 ticket=https://t.example"},
		" lgtm A-ABCDEFGH":  {"Did you mean confirm?", " confirm A-ABCDEFGH"},
		" noise F-ABCDEFGH": {"Did you mean not-useful?", " not-useful F-ABCDEFGH noise"},
		" rerun":            {"Did you mean rescan?", " rescan"},
		" false-positive F-ABCDEFGH because " + reason:          {"Did you mean fp?", " fp F-ABCDEFGH because " + reason},
		" frobnicate F-ABCDEFGH":                                {"“frobnicate” is not known.", " help"},
		" status now":                                           {"“now” is not understood: status takes no more words.", " status"},
		" accept F-ABCDEFGH":                                    {"accept needs a last day after “until” and a reason after “because”.", " accept F-ABCDEFGH"},
		" accept until=30d":                                     {"accept needs a reason after “because”.", " accept until=2026-12-25"},
		" accept F-ABCDEFGH because " + reason:                  {"accept needs a last day", " accept F-ABCDEFGH because " + reason},
		" accept F-ABCDEFGH until=30d it is fine":               {"Put “because” in front of the reason.", " accept F-ABCDEFGH until=2026-12-25 because it is fine"},
		" accept F-ABCDEFGH 30d because x":                      {"Say what 30d is: until=30d.", " accept F-ABCDEFGH until=2026-12-25 because x"},
		" accept F-ABCDEFGH 30d it is fine":                     {"Say what 30d is: until=30d.", " accept F-ABCDEFGH until=2026-12-25 because it is fine"},
		" accept F-ABCDEFGH until=tomorrow because " + reason:   {"“tomorrow” is no date", " accept F-ABCDEFGH because " + reason},
		" accept until=31.12.2026 because x":                    {"“31.12.2026” is no date", " accept because x"},
		" accept F-ABCDEFGH until=2026-02-30 because x":         {"“2026-02-30” is no date", " accept F-ABCDEFGH because x"},
		" accept F-ABCDEFGH until=2026-11-25 because x":         {"2026-11-25 is not in the future.", " accept F-ABCDEFGH because x"},
		" accept F-ABCDEFGH until=0d because x":                 {"is not in the future.", " accept F-ABCDEFGH because x"},
		" accept F-ABCDEFG1,F-ABCDEFGH until=30d because x":     {"“F-ABCDEFG1” is no id", " accept F-ABCDEFGH until=2026-12-25 because x"},
		" accept F-ABCDEFG1 until=30d because x":                {"“F-ABCDEFG1” is no id", " accept until=2026-12-25 because x"},
		" accept A-ABCDEFGH until=30d because x":                {"A-ABCDEFGH is a decision; accept takes findings", " accept until=2026-12-25 because x"},
		" why " + many:                                          {"at most 20 findings", ""},
		" confirm F-ABCDEFGH":                                   {"F-ABCDEFGH is a finding; confirm takes a decision", " confirm"},
		" confirm":                                              {"confirm needs the id of the decision", " confirm"},
		" confirm A-ABCDEFGH A-BBCDEFGH":                        {"One command takes one decision", " confirm A-ABCDEFGH"},
		" revoke A-ABCDEFGH it changed since":                   {"Put “because”", " revoke A-ABCDEFGH because it changed since"},
		" fp F-ABCDEFGH":                                        {"fp needs a reason", " fp F-ABCDEFGH"},
		" fp F-ABCDEFGH it opens nothing":                       {"Put “because”", " fp F-ABCDEFGH because it opens nothing"},
		" not-affected F-ABCDEFGH":                              {"not-affected needs one of component_not_present", " not-affected F-ABCDEFGH"},
		" not-affected F-ABCDEFGH vulnerable_code_not_presant":  {"Did you mean vulnerable_code_not_present?", " not-affected F-ABCDEFGH vulnerable_code_not_present"},
		" not-useful F-ABCDEFGH boring":                         {"“boring” is none of wrong, noise, unclear or too-late.", " not-useful F-ABCDEFGH"},
		" not-useful F-ABCDEFGH nois":                           {"Did you mean noise?", " not-useful F-ABCDEFGH noise"},
		" not-useful F-ABCDEFGH/F-22222222 noise":               {"“F-ABCDEFGH/F-22222222” is none of wrong, noise", " not-useful"},
		" not-useful F-ABCDEFGH utter noise":                    {"“utter” is none of wrong, noise", " not-useful F-ABCDEFGH"},
		" defer F-ABCDEFGH until=30d":                           {"defer needs the address of a ticket", " defer F-ABCDEFGH until=2026-12-25"},
		" defer F-ABCDEFGH until=30d ticket=JIRA-1":             {"“JIRA-1” is no address of a ticket", " defer F-ABCDEFGH until=2026-12-25"},
		" defer until=30d ticket=javascript:alert(1)":           {"is no address of a ticket", " defer until=2026-12-25"},
		" defer until=30d ticket=https://u:p@t.example/1":       {"is no address of a ticket", " defer until=2026-12-25"},
		" assign F-ABCDEFGH payments":                           {"“payments” is no team; write it like @org/team.", " assign F-ABCDEFGH"},
		" answer Q1 yes":                                        {"The text has 3 characters, and at least 15 are required", " answer Q1 yes"},
		" answer Q1":                                            {"answer needs a text of one sentence.", " answer Q1"},
		" answer":                                               {"answer needs the id of a question, such as Q1, and a text of one sentence.", " answer"},
		" answer " + reason:                                     {"answer needs the id of a question", " answer " + reason},
		" answer Q1,Q2 " + reason:                               {"One command takes one question", " answer Q1 " + reason},
		" answer Q0 " + reason:                                  {"“Q0” is no question", " answer " + reason},
		" answer Q100 " + reason:                                {"“Q100” is no question", " answer " + reason},
		" answer 1 " + reason:                                   {"“1” is no question", " answer " + reason},
		" anser Q1 " + reason:                                   {"Did you mean answer?", " answer Q1 " + reason},
		" ask":                                                  {"ask needs one of champion or security.", " ask"},
		" ask champions":                                        {"Did you mean champion?", " ask champion"},
		" ask anna":                                             {"“anna” is none of champion or security.", " ask"},
		" voice":                                                {"voice needs a text of one sentence.", " voice"},
		" plan it":                                              {"“it” is not understood: plan takes no more words.", " plan"},
		" accept Q1 until=30d because " + reason:                {"Q1 is a question about the design: accept takes findings", " accept until=2026-12-25 because " + reason},
		" fixed F-ABCDEFGH":                                     {"push it, and the thread is closed", ""},
		" accept until=5d because " + strings.Repeat("x", 1001): {"longer than 1000 characters", " accept until=2026-11-30 because " + strings.Repeat("x", 1000)},
		" why" + strings.Repeat(" F-ABCDEFGH", 3):               {"", ""}, // the same one
	} {
		_, err := command.Parse(command.Prefix+line, today)
		if want.problem == "" {
			if err != nil {
				t.Errorf("%q: %v", line, err)
			}
			continue
		}
		var m *command.Mistake
		if !errors.As(err, &m) {
			t.Errorf("%q: %v, want a mistake", line, err)
			continue
		}
		right := ""
		if m.Right.Verb != "" {
			right = strings.TrimPrefix(m.Right.Line(), command.Prefix)
		}
		if !strings.Contains(m.Problem, want.problem) || want.right != "" && right != want.right || want.right == "" && len(m.Right.IDs) != 0 && len(m.Right.IDs) != command.MaxIDs {
			t.Errorf("%q: %q, right is %q\nwant %q, %q", line, m.Problem, right, want.problem, want.right)
		}
	}
}

func FuzzComment(f *testing.F) {
	for _, s := range []string{
		"/secbydesign accept F-ABCDEFGH until=30d because x", "> /secbydesign rescan\n/secbydesign rescan", "```\n/secbydesign x\n",
		"`a\n/secbydesign rescan\nb`", "<pre>\n/secbydesign\n\n</pre>\n/secbydesign status", "/secbydesign\r/secbydesign help\r\n- a\n/secbydesign why",
		"| /secbydesign |\n|---|", "<!-- \n/secbydesign rescan", "[a]: /secbydesign\n/secbydesign rescan", "/secbydesign not-useful ,,, noise \xff",
		"/secbydesign defer F-ABCDEFGH until=3d ticket=https://t.example/1 reason=Technical", "/secbydesign accept until=1d reason emergenci because reason=x",
		"/secbydesign answer Q1 because “because: \" Q2 x y z a b c d", "/secbydesign voice \"\" Q2 because x\n/secbydesign ask security\n/secbydesign plan\n/secbydesign why Q1,F-ABCDEFGH",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if found := command.Find(body); !command.Possible(found, command.Candidates(body)) {
			t.Errorf("%q are no candidates of %q", found, body)
		}
		for _, line := range command.Find(body) {
			if !strings.EqualFold(line[:len(command.Prefix)], command.Prefix) || strings.ContainsAny(line, "\n\r") || !utf8.ValidString(line) {
				t.Fatalf("%q is no line of ours", line)
			}
			if quoted := command.Find("> " + line); len(quoted) > 0 {
				t.Fatalf("%q is found in a quotation", quoted)
			}
			if fenced := command.Find("~~~~~~\n" + line + "\n~~~~~~"); len(fenced) > 0 {
				t.Fatalf("%q is found in code", fenced)
			}
			c, err := command.Parse(line, today)
			var m *command.Mistake
			switch {
			case errors.As(err, &m):
				if m.Problem == "" || utf8.RuneCountInString(m.Problem) > 400 {
					t.Fatalf("%q: the problem is %q", line, m.Problem)
				}
			case err != nil:
				t.Fatalf("%q: %v", line, err)
			case !again(t, line, c):
				t.Fatalf("%q is read as %+v, whose line is %q", line, c, c.Line())
			case !c.Until.IsZero() && !c.Until.After(today.AddDate(0, 0, -1)), len(c.IDs) > command.MaxIDs, utf8.RuneCountInString(c.Reason) > command.MaxText:
				t.Fatalf("%q: %+v", line, c)
			}
		}
	})
}

// again reports whether the line of a command is read as the same command.
func again(t *testing.T, line string, c command.Command) bool {
	t.Helper()
	if _, err := command.Parse(line, today); err != nil || slices.Contains([]command.Verb{command.Fixed}, c.Verb) {
		return true
	}
	got, err := command.Parse(c.Line(), today)
	return err == nil && reflect.DeepEqual(got, c) && slices.Equal(command.Find(c.Line()), []string{c.Line()})
}

// TestPossible: of what another process says about a comment, only its own lines in their order are taken.
func TestPossible(t *testing.T) {
	t.Parallel()
	candidates := command.Candidates("/secbydesign status\nno\n/secbydesign rescan\r\n /secbydesign help\n/secbydesign status")
	if want := []string{"/secbydesign status", "/secbydesign rescan", "/secbydesign status"}; !slices.Equal(candidates, want) {
		t.Fatalf("got %q", candidates)
	}
	for _, tt := range []struct {
		lines []string
		want  bool
	}{
		{nil, true}, {candidates, true}, {candidates[1:], true}, {candidates[:1], true}, {[]string{candidates[0], candidates[0]}, true},
		{[]string{candidates[0], candidates[0], candidates[0]}, false}, {[]string{candidates[1], candidates[1]}, false},
		{[]string{"/secbydesign accept everything"}, false}, {[]string{""}, false},
	} {
		if got := command.Possible(tt.lines, candidates); got != tt.want {
			t.Errorf("%q: %v", tt.lines, got)
		}
	}
}
