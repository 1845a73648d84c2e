package requirements

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/scanners"
)

// at makes a fact "SLUG PATH:LINE KEY". A part of more is "closed=…", "text=…", "name=…", or data "NAME=…".
func at(t testing.TB, fact string, more ...string) scanners.Finding {
	t.Helper()
	slug, rest, _ := strings.Cut(fact, " ")
	place, key, ok := strings.Cut(rest, " ")
	path, line, _ := strings.Cut(place, ":")
	f := scanners.Finding{Rule: slug, Path: path, Fact: &scanners.Fact{Key: key, Text: "text of " + key, Data: map[string]string{}}}
	if _, err := fmt.Sscan(line, &f.Line); err != nil || !ok {
		t.Fatalf("%q: %v", fact, err)
	}
	f.EndLine = f.Line
	for _, m := range more {
		switch name, value, _ := strings.Cut(m, "="); name {
		case "closed":
			f.Fact.Closed = value
		case "text":
			f.Fact.Text = value
		case "name":
			f.Fact.Name = value
		default:
			f.Fact.Data[name] = value
		}
	}
	return f
}

// changed makes the input of a change of the files that facts are in. A file at both sides is changed, any other
// added or removed; origins are "HEAD<BASE".
func changed(head, base []scanners.Finding, origins ...string) Input {
	in := Input{Head: head, Base: base, Origins: map[string]string{}, Policy: policy.Default(), Now: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)}
	in.KnownAtBase = func([]string) (map[string]bool, bool) { return nil, true }
	in.Removed = func(string) int { return 7 }
	for _, o := range origins {
		h, b, _ := strings.Cut(o, "<")
		in.Origins[h] = b
		in.Changes = append(in.Changes, Change{b, h})
	}
	known := func(path string) bool {
		return slices.ContainsFunc(in.Changes, func(c Change) bool { return c.OldPath == path || c.NewPath == path })
	}
	has := func(list []scanners.Finding, path string) bool {
		return slices.ContainsFunc(list, func(f scanners.Finding) bool { return f.Path == path })
	}
	for _, f := range slices.Concat(head, base) {
		if known(f.Path) {
			continue
		}
		var c Change
		if has(head, f.Path) {
			c.NewPath = f.Path
		}
		if has(base, f.Path) {
			c.OldPath = f.Path
		}
		in.Changes = append(in.Changes, c)
	}
	return in
}

// edited says that files exist at both sides.
func (in Input) edited(paths ...string) Input {
	in.Changes = slices.DeleteFunc(in.Changes, func(c Change) bool { return slices.Contains(paths, c.OldPath) || slices.Contains(paths, c.NewPath) })
	for _, p := range paths {
		in.Changes = append(in.Changes, Change{p, p})
	}
	return in
}

// outline is an outcome in short: its questions, and its facts with their modes.
func outline(out Outcome) string {
	var lines []string
	for _, q := range out.Questions {
		line := fmt.Sprintf("%s %s %s@%s %s", q.ID, q.State, q.Topic, q.Component, strings.Join(q.Keys, ", "))
		if q.Reopens != "" {
			line += " reopens " + q.Reopens
		}
		lines = append(lines, line)
	}
	for _, q := range out.Others {
		lines = append(lines, fmt.Sprintf("- %s %s@%s: %s", q.State, q.Topic, q.Component, q.Because))
	}
	for _, f := range out.Facts {
		line := fmt.Sprintf("%s %s %s:%d %s", f.Mode, f.Signal, f.Path, f.Line, f.Key)
		if f.Covered != "" {
			line += " (" + f.Covered + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func check(t *testing.T, name string, in Input, want string) Outcome {
	t.Helper()
	out := Ask(in)
	if got := outline(out); got != strings.TrimSpace(want) {
		t.Errorf("%s:\ngot\n%s\nwant\n%s", name, got, strings.TrimSpace(want))
	}
	return out
}

type findings = []scanners.Finding

// TestNew holds what is new: facts at the head less those at the base, without moves and renames.
func TestNew(t *testing.T) {
	t.Parallel()
	route := at(t, "http-route api/a.go:3 GET /x")
	cookie := func(place string, more ...string) scanners.Finding {
		return at(t, "cookie-set "+place+" http.SetCookie", more...)
	}
	table := func(name string) scanners.Finding { return at(t, "pii-field db/1.sql:3 "+name, "text="+name) }
	for name, c := range map[string]struct {
		in   Input
		want string
	}{
		"a route":         {changed(findings{route}, nil), "Q1 open access@api DS-01 GET /x\nask DS-01 api/a.go:3 GET /x"},
		"the same":        {changed(findings{route}, findings{route}), ""},
		"gone":            {changed(nil, findings{route}), ""},
		"on another line": {changed(findings{at(t, "http-route api/a.go:90 GET /x")}, findings{route}), ""},
		"in another file": {changed(findings{at(t, "http-route web/b.go:3 GET /x")}, findings{route}), ""},
		"twice":           {changed(findings{route, at(t, "http-route api/b.go:9 GET /x", "text=b")}, findings{route}), "Q1 open access@api DS-01 GET /x\nask DS-01 api/b.go:9 GET /x"},
		"same line moved": {changed(findings{at(t, "http-route web/b.go:3 GET /v1/x", "text=r")}, findings{at(t, "http-route api/a.go:3 GET /x", "text=r")}), ""},
		"same line, same file": {changed(findings{at(t, "http-route api/a.go:3 GET /v1/x", "text=r")}, findings{at(t, "http-route api/a.go:3 GET /x", "text=r")}),
			"Q1 open access@api DS-01 GET /v1/x\nask DS-01 api/a.go:3 GET /v1/x"},
		"no text, no move": {changed(findings{at(t, "http-route web/b.go:3 GET /v1/x", "text=")}, findings{at(t, "http-route api/a.go:3 GET /x", "text=")}),
			"Q1 open access@web DS-01 GET /v1/x\nask DS-01 web/b.go:3 GET /v1/x"},
		"an exemption for another": {changed(findings{at(t, "auth-exemption web/b.cs:3 AllowAnonymous Admin", "text=a")}, findings{at(t, "auth-exemption api/a.cs:3 AllowAnonymous Login", "text=a")}),
			"Q1 open public@web DS-02 AllowAnonymous Admin\nask DS-02 web/b.cs:3 AllowAnonymous Admin"},
		"a second call":        {changed(findings{cookie("a/a.go:3"), cookie("a/a.go:9")}, findings{cookie("a/a.go:3")}), "Q1 open token@a DS-18 a/a.go:http.SetCookie\nask DS-18 a/a.go:9 http.SetCookie"},
		"a call in new file":   {changed(findings{cookie("a/a.go:3"), cookie("a/b.go:9")}, findings{cookie("a/a.go:3")}), "Q1 open token@a DS-18 a/b.go:http.SetCookie\nask DS-18 a/b.go:9 http.SetCookie"},
		"a call that moved":    {changed(findings{cookie("a/b.go:9")}, findings{cookie("a/a.go:3")}), ""},
		"a file that moved":    {changed(findings{cookie("b/a.go:9")}, findings{cookie("a/a.go:3")}, "b/a.go<a/a.go"), ""},
		"moved, and one more":  {changed(findings{cookie("b/a.go:9"), cookie("b/a.go:19")}, findings{cookie("a/a.go:3")}, "b/a.go<a/a.go"), "Q1 open token@b DS-18 b/a.go:http.SetCookie\nask DS-18 b/a.go:19 http.SetCookie"},
		"hardening lost":       {changed(findings{cookie("a/a.go:3")}, findings{cookie("a/a.go:3", "closed=all three are set")}), "Q1 open token@a DS-18 a/a.go:http.SetCookie\nask DS-18 a/a.go:3 http.SetCookie"},
		"hardening won":        {changed(findings{cookie("a/a.go:3", "closed=all three are set")}, findings{cookie("a/a.go:3")}), ""},
		"lost while it moved":  {changed(findings{cookie("a/b.go:3")}, findings{cookie("a/a.go:3", "closed=all three are set")}), "Q1 open token@a DS-18 a/b.go:http.SetCookie\nask DS-18 a/b.go:3 http.SetCookie"},
		"hardened at once":     {changed(findings{cookie("a/a.go:3", "closed=all three are set")}, nil), "- answered token@a: all three are set\nask DS-18 a/a.go:3 http.SetCookie (all three are set)"},
		"a column renamed":     {changed(findings{table("u.mail")}, findings{table("u.email")}), ""},
		"renamed, and another": {changed(findings{table("u.mail"), table("u.ssn")}, findings{table("u.email")}), "shadow DS-25 db/1.sql:3 u.mail\nshadow DS-25 db/1.sql:3 u.ssn"},
		"of a test":            {changed(findings{at(t, "evidence-refusal-test api/a_test.go:3 /x")}, nil), ""},
		"no fact":              {changed(findings{{Rule: "http-route", Path: "a.go"}}, nil), ""},
		"a webhook is no route too": {changed(findings{at(t, "http-route api/a.go:3 POST /hooks/x"), at(t, "webhook-receiver api/a.go:3 POST /hooks/x")}, nil),
			"Q1 open public@api DS-04 POST /hooks/x\nask DS-04 api/a.go:3 POST /hooks/x"},
		"an admin endpoint is asked about as a route": {changed(findings{at(t, "admin-endpoint api/a.go:3 GET /admin/x")}, nil),
			"Q1 open access@api DS-03 GET /admin/x\nask DS-03 api/a.go:3 GET /admin/x"},
		"a document":             {changed(findings{at(t, "design-doc-no-security docs/adr/1.md:1 docs/adr/1.md", "added-only=true")}, nil), "Q1 open design@docs/adr DS-65 docs/adr/1.md\nask DS-65 docs/adr/1.md:1 docs/adr/1.md"},
		"a document that was":    {changed(findings{at(t, "design-doc-no-security docs/adr/1.md:1 docs/adr/1.md", "added-only=true")}, nil).edited("docs/adr/1.md"), ""},
		"a document, moved":      {changed(findings{at(t, "design-doc-no-security docs/adr/2.md:1 docs/adr/2.md", "added-only=true")}, nil, "docs/adr/2.md<docs/adr/1.md"), ""},
		"a permission narrowed":  {changed(findings{at(t, "ci-token-write .github/workflows/a.yml:3 contents", "jobs=*")}, findings{at(t, "evidence-default-token .github/workflows/a.yml:1 *")}), ""},
		"a permission of a job":  {changed(findings{at(t, "ci-token-write .github/workflows/a.yml:3 contents", "jobs=a,b")}, findings{at(t, "evidence-default-token .github/workflows/a.yml:1 a")}), "Q1 open pipeline@.github/workflows DS-58 .github/workflows/a.yml:contents\nask DS-58 .github/workflows/a.yml:3 contents"},
		"in the repository root": {changed(findings{at(t, "http-route main.go:3 GET /x")}, nil), "Q1 open access@. DS-01 GET /x\nask DS-01 main.go:3 GET /x"},
		"deep": {changed(findings{at(t, "http-route services/billing/api/v1/a.go:3 GET /x")}, nil),
			"Q1 open access@services/billing DS-01 GET /x\nask DS-01 services/billing/api/v1/a.go:3 GET /x"},
	} {
		check(t, name, c.in, c.want)
	}
}

// TestUnread holds that nothing is known about files that could not be read.
func TestUnread(t *testing.T) {
	t.Parallel()
	in := changed(findings{at(t, "http-route api/a.go:3 GET /x"), at(t, "http-route api/v2/b.go:3 GET /y"), at(t, "http-route web/c.go:3 GET /z")}, nil)
	in.Unread = []string{"web/c.go", "api/v2/"}
	out := check(t, "head", in, "Q1 open access@api DS-01 GET /x\nask DS-01 api/a.go:3 GET /x")
	if !slices.Equal(out.Unread, in.Unread) {
		t.Errorf("unread: %q", out.Unread)
	}
	in = changed(findings{at(t, "http-route api/b.go:3 GET /x")}, findings{at(t, "http-route api/a.go:3 GET /x")}, "api/b.go<api/a.go")
	in.Unread = []string{"api/a.go"}
	check(t, "base", in, "")
	in = changed(nil, findings{at(t, "evidence-control api/a.py:3 authn-check @login_required", "kind=authn-check")}, "api/b.py<api/a.py")
	in.Unread = []string{"api/b.py"}
	check(t, "a control that may have stayed", in, "")
}

func TestFirstUse(t *testing.T) {
	t.Parallel()
	llm := at(t, "llm-call api/a.py:3 openai", "search=openai")
	in := changed(findings{llm}, nil)
	check(t, "first", in, "Q1 open external@api DS-13 openai\nask DS-13 api/a.py:3 openai")
	var asked []string
	in.KnownAtBase = func(texts []string) (map[string]bool, bool) {
		asked = texts
		return map[string]bool{"openai": true}, true
	}
	check(t, "known", in, "")
	if !slices.Equal(asked, []string{"openai"}) {
		t.Errorf("searched for %q", asked)
	}
	in.KnownAtBase = func([]string) (map[string]bool, bool) { return nil, false }
	check(t, "not known", in, "record DS-13 api/a.py:3 openai")
	in.KnownAtBase = nil
	check(t, "no search", in, "record DS-13 api/a.py:3 openai")
	check(t, "a second use", changed(findings{llm, at(t, "llm-call web/b.py:3 openai", "search=openai", "text=b")}, findings{llm}), "")
}

func TestOwnHosts(t *testing.T) {
	t.Parallel()
	in := changed(findings{
		at(t, "outbound-host a/a.go:1 api.acme.com", "host=api.acme.com"), at(t, "outbound-host a/a.go:2 acme.com", "host=acme.com"),
		at(t, "outbound-host a/a.go:3 evil-acme.com", "host=evil-acme.com"), at(t, "third-party-script a/a.html:3 cdn.acme.com"),
	}, nil)
	in.Policy.OwnHosts = []string{"*.acme.com"}
	check(t, "own", in, "Q1 open external@a DS-32 acme.com, DS-32 evil-acme.com\nask DS-32 a/a.go:2 acme.com\nask DS-32 a/a.go:3 evil-acme.com")
}

func TestControlRemoved(t *testing.T) {
	t.Parallel()
	control := func(place, text string) scanners.Finding {
		return at(t, "evidence-control "+place+" authn-check "+text, "kind=authn-check")
	}
	for name, c := range map[string]struct {
		in   Input
		want string
	}{
		"gone":            {changed(nil, findings{control("a/a.py:3", "@login_required")}).edited("a/a.py"), "ask DS-24 a/a.py:7 authn-check"},
		"one of two":      {changed(findings{control("a/a.py:3", "@login_required")}, findings{control("a/a.py:3", "@login_required"), control("a/a.py:9", "@login_required")}), "ask DS-24 a/a.py:7 authn-check"},
		"moved":           {changed(findings{control("b/b.py:3", "@login_required")}, findings{control("a/a.py:3", "@login_required")}).edited("a/a.py"), ""},
		"another kind of": {changed(findings{control("b/b.py:3", "requireAuth")}, findings{control("a/a.py:3", "@login_required")}).edited("a/a.py"), ""},
		"with its file":   {changed(nil, findings{control("a/a.py:3", "@login_required")}), ""},
		"with its route":  {changed(nil, findings{control("a/a.py:3", "@login_required"), at(t, "http-route a/a.py:4 GET /x")}).edited("a/a.py"), ""},
		"of a route that is renamed": {changed(findings{at(t, "http-route a/a.py:4 GET /y", "closed=x")}, findings{control("a/a.py:3", "@login_required"), at(t, "http-route a/a.py:4 GET /x")}).edited("a/a.py"),
			"ask DS-01 a/a.py:4 GET /y (x)\nask DS-24 a/a.py:7 authn-check"},
		"in a file that moved": {changed(nil, findings{control("a/a.py:3", "@login_required")}, "b/b.py<a/a.py"), "ask DS-24 b/b.py:7 authn-check"},
		"added":                {changed(findings{control("a/a.py:3", "@login_required")}, nil).edited("a/a.py"), ""},
		"a guardrail":          {changed(nil, findings{at(t, "evidence-guardrail CODEOWNERS:3 /api @acme/api")}), "ask DS-64 CODEOWNERS:7 /api @acme/api"},
		"a guardrail, moved":   {changed(findings{at(t, "evidence-guardrail .github/CODEOWNERS:3 /api @acme/api")}, findings{at(t, "evidence-guardrail CODEOWNERS:3 /api @acme/api")}), ""},
	} {
		in := c.in
		in.Policy.Rules = []policy.RulePolicy{{Pattern: "design/control-removed", Mode: policy.Comment}, {Pattern: "design/guardrail-changed", Mode: policy.Comment}}
		var facts []string
		for _, f := range Ask(in).Facts {
			line := fmt.Sprintf("%s %s %s:%d %s", f.Mode, f.Signal, f.Path, f.Line, f.Key)
			if f.Covered != "" {
				line += " (" + f.Covered + ")"
			}
			facts = append(facts, line)
		}
		if got := strings.Join(facts, "\n"); got != c.want {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", name, got, c.want)
		}
	}
	in := changed(nil, findings{control("a/a.py:3", "@login_required")}).edited("a/a.py")
	in.Policy.Rules = []policy.RulePolicy{{Pattern: "design/control-removed", Mode: policy.Block}}
	out := check(t, "asked", in, "Q1 open control@a DS-24 a/a.py:authn-check\nask DS-24 a/a.py:7 authn-check")
	if want := "The `authn-check` control in `a/a.py` went away: which control does its work now?"; out.Questions[0].Text != want {
		t.Errorf("got %s", out.Questions[0].Text)
	}
}

// TestModes holds what a policy changes.
func TestModes(t *testing.T) {
	t.Parallel()
	head := findings{at(t, "http-route api/a.go:3 GET /x"), at(t, "iac-encryption-off infra/main.tf:3 aws_db_instance.main"), at(t, "new-table db/1.sql:3 users")}
	all := "ask DS-01 api/a.go:3 GET /x\nrecord DS-26 db/1.sql:3 users\nshadow DS-28 infra/main.tf:3 aws_db_instance.main"
	for name, c := range map[string]struct{ file, want string }{
		"default":      {"", "Q1 open access@api DS-01 GET /x\n" + all},
		"rule comment": {"rules: {design/iac-encryption-off: {mode: comment}}", "Q1 open data@infra DS-28 aws_db_instance.main\nQ2 open access@api DS-01 GET /x\n" + strings.ReplaceAll(all, "shadow", "ask")},
		"rule block":   {"rules: {design/iac-encryption-off: {mode: block}}", "Q1 open data@infra DS-28 aws_db_instance.main\nQ2 open access@api DS-01 GET /x\n" + strings.ReplaceAll(all, "shadow", "ask")},
		"rule observe": {"rules: {design/http-route: {mode: observe}}", strings.ReplaceAll(all, "ask", "shadow")},
		"rule off":     {"rules: {design/http-route: {mode: \"off\"}}", "record DS-26 db/1.sql:3 users\nshadow DS-28 infra/main.tf:3 aws_db_instance.main"},
		"gate observe": {"gates: {requirements: {mode: observe}}", strings.ReplaceAll(all, "ask", "shadow")},
		"gate block":   {"gates: {requirements: {mode: block, severity: critical}}", "Q1 open access@api DS-01 GET /x\n" + all},
		"section":      {"paths: {\"api/**\": {gates: {requirements: {mode: \"off\"}}}}", "record DS-26 db/1.sql:3 users\nshadow DS-28 infra/main.tf:3 aws_db_instance.main"},
		"a record that is asked about": {"rules: {design/new-table: {mode: comment}}",
			"Q1 open data@db DS-26 users\nQ2 open access@api DS-01 GET /x\n" + strings.ReplaceAll(all, "record", "ask")},
	} {
		in := changed(head, nil)
		in.Policy = policyOf(t, c.file)
		check(t, name, in, c.want)
	}
	for _, file := range []string{"gates: {requirements: {mode: \"off\"}}", "scanners: {design: {enabled: false}}"} {
		in := changed(head, nil)
		in.Policy = policyOf(t, file)
		if out := Ask(in); !out.Off || outline(out) != "" {
			t.Errorf("%s: off %t\n%s", file, out.Off, outline(out))
		}
	}
}

func policyOf(t *testing.T, file string) policy.Policy {
	t.Helper()
	layer, err := policy.Parse("p.yml", []byte("version: 1\n"+file+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return policy.Merge(policy.Layer{}, layer)
}

// TestLimits holds that few questions are asked, the most severe first.
func TestLimits(t *testing.T) {
	t.Parallel()
	head := findings{
		at(t, "http-route api/a.go:3 GET /x"), at(t, "file-upload api/a.go:4 FormFile"), at(t, "auth-exemption web/b.go:5 AllowAny Pay"),
		at(t, "role-permission api/c.go:6 Role.ADMIN"), at(t, "http-route web/b.go:7 GET /y"),
	}
	facts := strings.Join([]string{
		"", "ask DS-01 api/a.go:3 GET /x", "ask DS-11 api/a.go:4 FormFile", "ask DS-20 api/c.go:6 Role.ADMIN", "ask DS-02 web/b.go:5 AllowAny Pay", "ask DS-01 web/b.go:7 GET /y",
	}, "\n")
	three := "Q1 open public@web DS-02 AllowAny Pay\nQ2 open roles@api DS-20 Role.ADMIN\nQ3 open access@api DS-01 GET /x"
	in := changed(head, nil)
	over := "\n- recorded access@web: a pull request has at most three questions\n- recorded files@api: a pull request has at most three questions"
	check(t, "three", in, three+over+facts)
	in.Today = 1
	check(t, "one today", in, "Q1 open public@web DS-02 AllowAny Pay\n- recorded roles@api: its author was asked two questions today\n- recorded access@api: its author was asked two questions today\n- recorded access@web: its author was asked two questions today\n- recorded files@api: its author was asked two questions today"+facts)
	in.Today = 2
	if out := Ask(in); len(out.Questions) != 0 {
		t.Errorf("two today: %s", outline(out))
	}
	in.Today, in.Tired = 0, map[string]bool{"web public": true}
	check(t, "tired", in, "Q1 open roles@api DS-20 Role.ADMIN\nQ2 open access@api DS-01 GET /x\nQ3 open access@web DS-01 GET /y\n- recorded public@web: two merges of its author left this topic open\n- recorded files@api: a pull request has at most three questions"+facts)
	in.Tired, in.Bot = nil, true
	out := Ask(in)
	if len(out.Questions) != 0 || len(out.Facts) != len(head) || len(out.Others) != 5 {
		t.Errorf("a bot: %s", outline(out))
	}
}

// TestIDs holds that a question keeps its id while the pull request lives.
func TestIDs(t *testing.T) {
	t.Parallel()
	route, exemption := at(t, "http-route api/a.go:3 GET /x"), at(t, "auth-exemption api/a.go:5 AllowAny Pay")
	first := Ask(changed(findings{route}, nil))
	in := changed(findings{route, exemption}, nil)
	in.Asked = asked(first)
	check(t, "a more severe one later", in, "Q1 open access@api DS-01 GET /x\nQ2 open public@api DS-02 AllowAny Pay\nask DS-01 api/a.go:3 GET /x\nask DS-02 api/a.go:5 AllowAny Pay")
	in = changed(findings{exemption}, nil)
	in.Asked = asked(first)
	out := check(t, "the first is gone", in, "Q1 answered access@api DS-01 GET /x\nQ2 open public@api DS-02 AllowAny Pay\nask DS-02 api/a.go:5 AllowAny Pay")
	if out.Questions[0].Because != "the change no longer has it" {
		t.Errorf("because %q", out.Questions[0].Because)
	}
	in = changed(findings{route}, nil)
	in.Asked = asked(out)
	check(t, "and comes back", in, "Q1 open access@api DS-01 GET /x\nQ2 answered public@api DS-02 AllowAny Pay\nask DS-01 api/a.go:3 GET /x")
}

func asked(out Outcome) (list []record.Question) {
	for _, q := range out.Questions {
		list = append(list, q.Question)
	}
	return list
}

func TestText(t *testing.T) {
	t.Parallel()
	var many findings
	for i := range 5 {
		many = append(many, at(t, fmt.Sprintf("http-route api/a.go:%d GET /x%d", i+1, i)))
	}
	for n, want := range map[int]string{
		1: "Who may call `GET /x0`, and which single check refuses everyone else?",
		2: "Who may call `GET /x0` and `GET /x1`, and which single check refuses everyone else?",
		3: "Who may call `GET /x0`, `GET /x1` and `GET /x2`, and which single check refuses everyone else?",
		5: "Who may call `GET /x0`, `GET /x1`, `GET /x2` and 2 more, and which single check refuses everyone else?",
	} {
		q := Ask(changed(many[:n], nil)).Questions[0]
		if q.Text != want || len(q.Places) != n {
			t.Errorf("%d: %s, %d places", n, q.Text, len(q.Places))
		}
	}
	q := Ask(changed(findings{at(t, "http-route api/a.go:1 GET /x"), at(t, "graphql-mutation api/s.graphql:1 pay"), at(t, "admin-endpoint api/a.go:2 GET /admin")}, nil)).Questions[0]
	if !slices.Equal(q.Signals, []string{"DS-03", "DS-01", "DS-06"}) || q.Text != "Is `GET /admin` reachable from the internet, and what besides the network protects it?" ||
		!slices.Equal(q.ASVS[:2], []string{"v5.0.0-8.4.2", "v5.0.0-13.4.5"}) || q.LinkName != "Authorization Cheat Sheet" || len(q.Answers) != 3 {
		t.Errorf("merged: %+v", q)
	}
	in := changed(many[:1], nil)
	in.Policy.PavedRoads = map[string]string{"access": "use x/authn"}
	in.Ticked = map[string][]int{"Q1": {1}}
	in.Asked = asked(Ask(in))
	if q := Ask(in).Questions[0]; q.PavedRoad != "use x/authn" || q.State != "open" || !slices.Equal(q.Ticked, []int{1}) {
		t.Errorf("a tick alone never closes: %+v", q)
	}
}

func TestCollapse(t *testing.T) {
	t.Parallel()
	var head findings
	for i := range 25 {
		head = append(head, at(t, fmt.Sprintf("http-route api/a.go:%d GET /x%d", i+1, i)))
	}
	out := check(t, "25 in a file", changed(head[:21], nil), "Q1 open access@api "+keysOf(21)+"\nask DS-01 api/a.go:1 GET /x0")
	if out.Facts[0].Name != "GET /x0 and 20 more" {
		t.Errorf("named %q", out.Facts[0].Name)
	}
	if out := Ask(changed(head[:20], nil)); len(out.Facts) != 20 {
		t.Errorf("%d facts", len(out.Facts))
	}
	// A test of one of them answers for that one only.
	head = append(head, at(t, "evidence-refusal-test api/a_test.go:3 /x0", "test=TestX"))
	out = Ask(changed(head, nil))
	if len(out.Facts) != 2 || len(out.Questions) != 1 || len(out.Questions[0].Keys) != 24 {
		t.Errorf("with a test: %s", outline(out))
	}
}

// The fingerprint of a finding in a list of ignored findings changes with the finding's line.
func TestRelisted(t *testing.T) {
	t.Parallel()
	entry := func(key string) findings {
		return findings{at(t, "suppression-added config/brakeman.ignore:3 "+key, "list=true")}
	}
	check(t, "another fingerprint", changed(entry("aa"), entry("bb")), "")
	check(t, "one more", changed(append(entry("aa"), entry("cc")...), entry("bb")), "Q1 open exception@config DS-63 config/brakeman.ignore:aa, DS-63 config/brakeman.ignore:cc\nask DS-63 config/brakeman.ignore:3 aa\nask DS-63 config/brakeman.ignore:3 cc")
	mark := func(key string) findings { return findings{at(t, "suppression-added api/a.go:3 "+key)} }
	check(t, "a comment in the code", changed(mark("nosec G101"), mark("nosec G402")), "Q1 open exception@api DS-63 api/a.go:nosec G101\nask DS-63 api/a.go:3 nosec G101")
}

// A table that is written for several databases is one table.
func TestSameTable(t *testing.T) {
	t.Parallel()
	check(t, "three dialects", changed(findings{
		at(t, "tenant-key db/mysql/1.sql:3 lease.organization_id", "table=lease"), at(t, "tenant-key db/postgres/1.sql:3 lease.organization_id", "table=lease"),
		at(t, "tenant-key orm/lite/1.cs:3 lease.organization_id", "table=lease"),
	}, nil), "Q1 open tenancy@db/mysql DS-22 lease.organization_id\nask DS-22 db/mysql/1.sql:3 lease.organization_id")
}

// One place is asked about once: who may call what everybody may call is no question.
func TestPublicRoutes(t *testing.T) {
	t.Parallel()
	check(t, "public", changed(findings{at(t, "http-route api/a.ts:3 QUERY page.get"), at(t, "auth-exemption api/a.ts:3 page.get"), at(t, "http-route api/a.ts:9 QUERY page.list")}, nil),
		"Q1 open public@api DS-02 page.get\nQ2 open access@api DS-01 QUERY page.list\nask DS-02 api/a.ts:3 page.get\nask DS-01 api/a.ts:9 QUERY page.list")
}

func keysOf(n int) string {
	var keys []string
	for i := range n {
		keys = append(keys, fmt.Sprintf("DS-01 GET /x%d", i))
	}
	return strings.Join(keys, ", ")
}

func TestInternal(t *testing.T) {
	t.Parallel()
	m := threatmodel.Model{System: threatmodel.System{Exposure: "internal"}, Data: []threatmodel.Data{{ID: "pii", Class: "confidential"}, {ID: "log", Class: "internal"}}}
	for _, c := range []struct {
		component threatmodel.Component
		want      bool
	}{
		{threatmodel.Component{Exposure: "external"}, false}, {threatmodel.Component{Exposure: "internal"}, true}, {threatmodel.Component{}, true},
		{threatmodel.Component{Holds: []string{"log", "pii"}}, false}, {threatmodel.Component{Holds: []string{"log"}}, true},
	} {
		if got := internal(&m, c.component); got != c.want {
			t.Errorf("%+v: %t", c.component, got)
		}
	}
	m.System.Exposure = ""
	if internal(&m, threatmodel.Component{}) {
		t.Error("a component of which nothing is said is taken for internal")
	}
	in := changed(findings{at(t, "http-route api/a.go:3 GET /x")}, nil)
	in.Model = &m
	check(t, "not in the model", in, "Q1 open access@api DS-01 GET /x\nask DS-01 api/a.go:3 GET /x")
}

func TestPlanned(t *testing.T) {
	t.Parallel()
	in := changed(findings{at(t, "http-route api/a.go:3 GET /x"), at(t, "iac-encryption-off infra/m.tf:3 aws_db_instance.main")}, nil)
	in.Planned = []string{"data", "crypto", "nonsense"}
	out := check(t, "planned", in, "Q1 open crypto@api \nQ2 open data@infra DS-28 aws_db_instance.main\nQ3 open access@api DS-01 GET /x\nask DS-01 api/a.go:3 GET /x\nask DS-28 infra/m.tf:3 aws_db_instance.main")
	if q := out.Questions[0]; q.Stage != "plan" || q.Text != "The plan marks the topic crypto: what is decided about it?" {
		t.Errorf("%+v", q)
	}
	in.Asked = asked(out)
	in.Answers = []record.Answer{{ID: "D-A", Question: "Q1", Topic: "crypto", Component: "api", How: "command", Text: "no new cryptography is used"}}
	check(t, "answered", in, "Q1 answered crypto@api \nQ2 open data@infra DS-28 aws_db_instance.main\nQ3 open access@api DS-01 GET /x\nask DS-01 api/a.go:3 GET /x\nask DS-28 infra/m.tf:3 aws_db_instance.main")

	// What is only recorded has no question of its own.
	in = changed(findings{at(t, "auth-code-touched api/auth/a.go:3 api/auth")}, nil)
	in.Planned = []string{"authn"}
	if out := Ask(in); len(out.Questions) != 1 || out.Questions[0].Text != "The plan marks the topic authn: what is decided about it?" {
		t.Errorf("planned, and only recorded: %s", outline(out))
	}
}
