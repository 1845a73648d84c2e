package requirements

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// TestRoutes holds when a path that a test requests is that of a route.
func TestRoutes(t *testing.T) {
	t.Parallel()
	r := routesOf(findings{at(t, "http-route a.go:1 GET /orders/export"), at(t, "http-route a.go:2 GET /orders/:id")})
	for _, c := range []struct {
		requested, route string
		want             bool
	}{
		{"/orders/7/receipt", "/orders/:id/receipt", true},
		{"/orders/7/receipt", "/orders/{id}/receipt", true},
		{"/orders/7/receipt", "/orders/<int:id>/receipt", true},
		{"/orders/7/receipt", "/orders/[id]/receipt", true},
		{"/orders/7/receipt", "/orders/*/receipt", true},
		{"/orders/7/receipt/", "/orders/{id:int}/receipt", true},
		{"/orders/7/receipt?x=/y", "orders/<id>/receipt", true},
		{"http://localhost:8080/orders/7/receipt", "/orders/:id/receipt", true},
		{"/orders/${id}/receipt", "/orders/:id/receipt", true},
		{"/orders/%d/receipt", "/orders/:id/receipt", true},
		{"/orders/:id/receipt", "/orders/:id/receipt", true},
		{"/files/a/b/c", "/files/*path", true},
		{"/files/a/b/c", "/files/{path...}", true},
		{"/files/a/b/c", "/files/[...path]", true},
		{"/files/a/b/c", "/files/<path:name>", true},
		{"/", "/", true},
		{"/articles/5/", `^articles/(?P<pk>\d+)/$`, true},

		{"/api/v1/users/7/views", "/api/v1/{parent=users/*}/views", true},
		{"/files/a", "/files/*", true},
		{"/~bob/comments.rss", "/~:user/comments.rss", true},
		{"/orders/7.json", "/orders/{id}.json", true},
		{"/orders/7.xml", "/orders/{id}.json", false},
		{"/orders/.json", "/orders/{id}.json", false},
		{"/files/a/b", "/files/*", true},
		{"/api/v1/users/7/hooks/8:secret", "/api/v1/{name=users/*/hooks/*}:other", false},

		{"/orders/7/refund", "/orders/:id/receipt", false},
		{"/orders/7", "/orders/:id/receipt", false},
		{"/v2/orders/7/receipt", "/orders/:id/receipt", false},
		{"/orders/7/receipt/x", "/orders/:id/receipt", false},
		{"/orders//receipt", "/orders/:id/receipt", false},
		{"/orders/${id}", "/orders/export", false},
		{"/orders/export", "/orders/:id", false}, // it is another route
		{"/orders/8", "/orders/:id", true},
		{"/Orders/7", "/orders/:id", false},
		{"/files/a/b", "/files/:name", false},
		{"", "/", false},
		{"/x", "", false},
		{strings.Repeat("/x", 1000), strings.Repeat("/x", 1000), false},
	} {
		if got := r.names(c.requested, c.route); got != c.want {
			t.Errorf("%s for %s: %t", c.requested, c.route, got)
		}
	}
}

func TestSameFolder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, evidence string
		want           bool
	}{
		{"api/hook.go", "api/hook_test.go", true}, {"api/hook.go", "api/verify.go", true}, {"src/hook.ts", "src/__tests__/other.test.ts", true},
		{"src/main/java/a/Hook.java", "src/test/java/a/HookTest.java", true}, {"app/hooks.py", "tests/test_hooks.py", true}, {"app/hooks.py", "tests/app/test_x.py", true},
		{"api/hook.go", "web/hook.go", false}, {"api/hook.go", "api/v2/verify.go", false}, {"app/hooks.py", "tests/test_users.py", false},
	} {
		if got := sameFolder(c.file, c.evidence); got != c.want {
			t.Errorf("%s, %s: %t", c.file, c.evidence, got)
		}
	}
}

// TestEvidence holds what evidence in the change answers, and its near twins that do not.
func TestEvidence(t *testing.T) {
	t.Parallel()
	route := at(t, "http-route api/a.go:3 GET /orders/:id/receipt", "path=/orders/:id/receipt")
	const asks = "Q1 open access@api DS-01 GET /orders/:id/receipt\nask DS-01 api/a.go:3 GET /orders/:id/receipt"
	const says = "a test expects `/orders/7/receipt` to be refused"
	out := check(t, "a test", changed(findings{route, at(t, "evidence-refusal-test api/a_test.go:9 /orders/7/receipt", "test=TestRefuses")}, nil),
		"- answered access@api: "+says+"\nask DS-01 api/a.go:3 GET /orders/:id/receipt ("+says+")")
	if len(out.Answered) != 1 {
		t.Fatalf("%d answers", len(out.Answered))
	}
	a := out.Answered[0]
	if a.How != "evidence" || a.Topic != "access" || a.Component != "api" || !slices.Equal(a.Keys, []string{"DS-01 GET /orders/:id/receipt"}) || !slices.Equal(a.Signals, []string{"DS-01"}) ||
		!strings.HasPrefix(a.ID, "D-") || len(a.ID) != 10 || len(a.Evidence) != 1 || a.Evidence[0] != (record.Evidence{Kind: "evidence-refusal-test", Path: "api/a_test.go", Key: "/orders/7/receipt", Test: "TestRefuses", Says: says}) {
		t.Errorf("%+v", a)
	}
	check(t, "a test of another path", changed(findings{route, at(t, "evidence-refusal-test api/a_test.go:9 /orders/7/refund")}, nil), asks)
	check(t, "a test that goes", changed(findings{route}, findings{at(t, "evidence-refusal-test api/a_test.go:9 /orders/7/receipt")}), asks)

	secured := at(t, "evidence-operation-security api/openapi.yaml:9 /orders/7/receipt", "method=get")
	post := at(t, "http-route api/a.go:3 POST /orders/:id/receipt")
	for _, c := range []struct {
		route scanners.Finding
		want  bool
	}{{route, true}, {post, false}} {
		s := (&fact{Finding: c.route}).subject()
		if got := reaches(design.SamePath, s, secured, routesOf(nil)); got != c.want {
			t.Errorf("%s: an operation of another method answers: %t", c.route.Fact.Key, got)
		}
	}

	hook, exemption := at(t, "webhook-receiver api/a.go:3 POST /hook"), at(t, "auth-exemption api/a.go:3 csrf_exempt hook")
	signed := func(path string) scanners.Finding {
		return at(t, "evidence-signature-check "+path+":9 hmac.Equal")
	}
	check(t, "the same folder", changed(findings{hook, signed("api/b.go")}, nil), "- answered public@api: `hmac.Equal` checks the sender in the same package\nask DS-04 api/a.go:3 POST /hook (`hmac.Equal` checks the sender in the same package)")
	check(t, "another folder", changed(findings{hook, signed("web/b.go")}, nil), "Q1 open public@api DS-04 POST /hook\nask DS-04 api/a.go:3 POST /hook")
	check(t, "the same file", changed(findings{exemption, signed("api/a.go")}, nil), "- answered public@api: `hmac.Equal` checks the sender in the same file\nask DS-02 api/a.go:3 csrf_exempt hook (`hmac.Equal` checks the sender in the same file)")
	check(t, "another file", changed(findings{exemption, signed("api/b.go")}, nil), "Q1 open public@api DS-02 csrf_exempt hook\nask DS-02 api/a.go:3 csrf_exempt hook")
	check(t, "a role", changed(findings{at(t, "role-permission api/a.go:3 Permission.EXPORT"), at(t, "evidence-role-test api/a_test.go:3 export")}, nil),
		"- answered roles@api: a test expects another role than `export` to be refused\nask DS-20 api/a.go:3 Permission.EXPORT (a test expects another role than `export` to be refused)")
	check(t, "another role", changed(findings{at(t, "role-permission api/a.go:3 Permission.EXPORT"), at(t, "evidence-role-test api/a_test.go:3 import")}, nil),
		"Q1 open roles@api DS-20 Permission.EXPORT\nask DS-20 api/a.go:3 Permission.EXPORT")
}

// TestAsked holds how a question that was asked closes.
func TestAsked(t *testing.T) {
	t.Parallel()
	route := at(t, "http-route api/a.go:3 GET /x")
	first := changed(findings{route}, nil)
	again := func(answers ...record.Answer) Input {
		in := first
		in.Number, in.Asked, in.Answers = 5, asked(Ask(first)), answers
		return in
	}
	answer := record.Answer{ID: "D-AAAAAAAA", Question: "Q1", Topic: "access", Component: "api", Signals: []string{"DS-01"}, Keys: []string{"DS-01 GET /x"}, Text: "Only signed-in users, by requireUser.", How: "command", Who: "anna", Number: 5}
	out := check(t, "a command", again(answer), "Q1 answered access@api DS-01 GET /x\nask DS-01 api/a.go:3 GET /x (D-AAAAAAAA)")
	if q := out.Questions[0]; q.Because != "@anna answered: Only signed-in users, by requireUser." || q.Decision != "D-AAAAAAAA" {
		t.Errorf("%+v", q.Question)
	}
	elsewhere := answer
	elsewhere.Number = 4
	check(t, "an earlier decision", again(elsewhere), "Q1 covered access@api DS-01 GET /x\nask DS-01 api/a.go:3 GET /x (D-AAAAAAAA)")
	for name, change := range map[string]func(*record.Answer){
		"another topic":     func(a *record.Answer) { a.Topic = "public" },
		"another component": func(a *record.Answer) { a.Component = "web" },
		"a box alone":       func(a *record.Answer) { a.How, a.Text = "box", "no change for any caller, because …" },
		"no text":           func(a *record.Answer) { a.How, a.Text = "box", " " },
		"old evidence":      func(a *record.Answer) { a.How, a.Number = "evidence", 4 },
	} {
		a := answer
		change(&a)
		check(t, name, again(a), "Q1 open access@api DS-01 GET /x\nask DS-01 api/a.go:3 GET /x")
	}
	box := answer
	box.How, box.Text = "box", "no change for any caller, because only the job runner reaches it"
	check(t, "a box and a sentence", again(box), "Q1 answered access@api DS-01 GET /x\nask DS-01 api/a.go:3 GET /x (D-AAAAAAAA)")

	in := again()
	in.Head = append(in.Head, at(t, "evidence-refusal-test api/a_test.go:9 /x"))
	out = check(t, "a test", in, "Q1 answered access@api DS-01 GET /x\nask DS-01 api/a.go:3 GET /x (a test expects `/x` to be refused)")
	if len(out.Answered) != 1 || out.Answered[0].Question != "Q1" {
		t.Errorf("answered: %+v", out.Answered)
	}
	in.Answers = out.Answered
	if again := Ask(in); len(again.Answered) != 0 || outline(again) != outline(out) {
		t.Errorf("the second time: %+v", again)
	}
}

// TestMemory holds that nobody is asked twice, except where each fact is a decision of its own.
func TestMemory(t *testing.T) {
	t.Parallel()
	answers := []record.Answer{
		{ID: "D-A", Topic: "access", Component: "api", Keys: []string{"DS-01 GET /x"}, Text: "Behind requireUser.", How: "command", Number: 1},
		{ID: "D-B", Topic: "public", Component: "api", Keys: []string{"DS-02 AllowAny Pay"}, Text: "Limited by a token.", How: "command", Number: 1},
		{ID: "D-C", Topic: "tls", Component: "api", Keys: []string{"DS-37 api/a.go:InsecureSkipVerify"}, Text: "Until June.", How: "command", Number: 1},
	}
	in := changed(findings{at(t, "http-route api/b.go:3 GET /y")}, nil)
	in.Number, in.Answers = 9, answers
	check(t, "another route", in, "- covered access@api: Behind requireUser.\nask DS-01 api/b.go:3 GET /y (D-A)")
	in = changed(findings{at(t, "auth-exemption api/b.go:3 AllowAny Refund")}, nil)
	in.Answers = answers
	check(t, "another exemption", in, "Q1 open public@api DS-02 AllowAny Refund\nask DS-02 api/b.go:3 AllowAny Refund")
	in = changed(findings{at(t, "auth-exemption api/b.go:3 AllowAny Pay")}, nil)
	in.Answers = answers
	check(t, "the very same", in, "- covered public@api: Limited by a token.\nask DS-02 api/b.go:3 AllowAny Pay (D-B)")
	tls := func(line string) scanners.Finding { return at(t, "tls-weakened api/a.go:"+line+" InsecureSkipVerify") }
	in = changed(findings{tls("3"), tls("9")}, findings{tls("3")})
	in.Answers, in.Policy = answers, policyOf(t, "rules: {design/tls-weakened: {mode: comment}}")
	check(t, "the second of two", in, "Q1 open tls@api DS-37 api/a.go:InsecureSkipVerify (2)\nask DS-37 api/a.go:9 InsecureSkipVerify")
}

// TestReopened holds that evidence which goes away asks again, where its lines went.
func TestReopened(t *testing.T) {
	t.Parallel()
	test := at(t, "evidence-refusal-test api/a_test.go:9 /orders/7", "test=TestRefuses")
	route := at(t, "http-route api/a.go:3 GET /orders/:id")
	evidence := Ask(changed(findings{route, test}, nil)).Answered
	evidence[0].Number = 1
	id := evidence[0].ID
	reopened := "Q1 open access@api DS-01 GET /orders/:id reopens " + id + "\nask DS-01 api/a_test.go:7 GET /orders/:id"
	for name, c := range map[string]struct {
		in   Input
		want string
	}{
		"the test is gone":            {changed(nil, findings{test}).edited("api/a_test.go"), reopened},
		"with its file":               {changed(nil, findings{test}), reopened},
		"the test is there":           {changed(findings{test}, findings{test}), ""},
		"it moved":                    {changed(findings{at(t, "evidence-refusal-test web/b_test.go:1 /orders/7")}, findings{test}).edited("api/a_test.go"), ""},
		"it tests the route by 8":     {changed(findings{at(t, "evidence-refusal-test api/a_test.go:1 /orders/8")}, findings{test}), ""},
		"it tests another route":      {changed(findings{at(t, "evidence-refusal-test api/a_test.go:1 /users/8")}, findings{test}), reopened},
		"the route is gone, too":      {changed(nil, findings{test, route}).edited("api/a_test.go", "api/a.go"), ""},
		"the route moved":             {changed(findings{at(t, "http-route web/a.go:3 GET /orders/:id")}, findings{test, route}).edited("api/a_test.go", "api/a.go"), reopened},
		"another test is gone":        {changed(nil, findings{at(t, "evidence-refusal-test api/a_test.go:9 /users/7")}).edited("api/a_test.go"), ""},
		"the same test, another file": {changed(nil, findings{at(t, "evidence-refusal-test web/a_test.go:9 /orders/7")}).edited("web/a_test.go"), ""},
	} {
		c.in.Answers, c.in.Number = evidence, 3
		out := check(t, name, c.in, c.want)
		if c.want == "" {
			continue
		}
		q := out.Questions[0]
		if !slices.Equal(out.Reopened, []string{id}) || q.Text != "Who may call `GET /orders/:id`, and which single check refuses everyone else?" ||
			q.Because != "the change removes the evidence of "+id+": a test expects `/orders/7` to be refused" || q.Places[0] != (record.Place{Path: "api/a_test.go", Line: 7}) {
			t.Errorf("%s: %+v", name, q)
		}
	}

	in := changed(nil, findings{test}).edited("api/a_test.go")
	in.Number, in.Answers, in.Today, in.Tired = 3, evidence, 2, map[string]bool{"api access": true}
	check(t, "over the day's limit", in, reopened)
	in.Asked = asked(Ask(in))
	check(t, "asked before", in, reopened)
	in.Answers = append(slices.Clone(evidence), record.Answer{ID: "D-NEW", Question: "Q1", Topic: "access", Component: "api", Text: "The gateway refuses them.", How: "command", Who: "anna", Number: 3})
	check(t, "and answered", in, "Q1 answered access@api DS-01 GET /orders/:id")
	in.Answers, in.Head = evidence, findings{test}
	if out := Ask(in); out.Questions[0].State != "answered" || out.Questions[0].Because != "the evidence of "+id+" is back" {
		t.Errorf("the test is back: %+v", out.Questions)
	}

	model := changed(nil, findings{test}).edited("api/a_test.go")
	model.Model = &threatmodel.Model{Decisions: []threatmodel.Decision{{ID: "D-0007", Component: "api", Topic: "access", Status: "implemented", Text: "x", Evidence: []string{"api/a_test.go#TestRefuses"}}}}
	check(t, "of a decision of the model", model, "Q1 open access@api  reopens D-0007\nask DS-01 api/a_test.go:7 D-0007")
	model.Head = findings{at(t, "evidence-refusal-test api/b_test.go:1 /x", "test=TestRefuses")}
	check(t, "of a decision of the model, moved", model, "")
}

// TestModel holds what the threat model answers.
func TestModel(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	decision := func(change func(*threatmodel.Decision)) *threatmodel.Model {
		d := threatmodel.Decision{ID: "D-0007", Component: "api", Topic: "access", Status: "implemented", Text: "Every /v1 route sits behind requireUser.", Covers: []string{"* /v1/**"}}
		if change != nil {
			change(&d)
		}
		return &threatmodel.Model{Decisions: []threatmodel.Decision{d}}
	}
	v1, v2 := at(t, "http-route api/a.go:3 POST /v1/orders/{id}"), at(t, "http-route api/a.go:3 POST /v2/orders")
	exemption := at(t, "auth-exemption api/a.go:3 AllowAny Pay")
	for name, c := range map[string]struct {
		fact  scanners.Finding
		model *threatmodel.Model
		want  string // what covers it; empty if it is asked about
	}{
		"covered":            {v1, decision(nil), "D-0007"},
		"not covered":        {v2, decision(nil), ""},
		"without covers":     {v2, decision(func(d *threatmodel.Decision) { d.Covers = nil }), "D-0007"},
		"open":               {v1, decision(func(d *threatmodel.Decision) { d.Status = "open" }), ""},
		"accepted risk":      {v1, decision(func(d *threatmodel.Decision) { d.Status = "accepted_risk" }), "D-0007"},
		"stale":              {v1, decision(func(d *threatmodel.Decision) { d.ReviewAfter = now.AddDate(0, 0, -1) }), ""},
		"not stale":          {v1, decision(func(d *threatmodel.Decision) { d.ReviewAfter = now.AddDate(0, 0, 1) }), "D-0007"},
		"another topic":      {v1, decision(func(d *threatmodel.Decision) { d.Topic = "public" }), ""},
		"another component":  {v1, decision(func(d *threatmodel.Decision) { d.Component = "web" }), ""},
		"public":             {exemption, decision(func(d *threatmodel.Decision) { d.Topic, d.Public, d.Covers = "public", true, []string{"AllowAny Pay"} }), "D-0007"},
		"not public":         {exemption, decision(func(d *threatmodel.Decision) { d.Topic, d.Covers = "public", []string{"AllowAny Pay"} }), ""},
		"each time":          {exemption, decision(func(d *threatmodel.Decision) { d.Topic, d.Public, d.Covers = "public", true, nil }), ""},
		"each time, by glob": {exemption, decision(func(d *threatmodel.Decision) { d.Topic, d.Public, d.Covers = "public", true, []string{"**"} }), ""},
		"a third party": {at(t, "dep-third-party-service api/package.json:3 @stripe/stripe-js"), &threatmodel.Model{Components: []threatmodel.Component{{ID: "stripe", Kind: "external"}}},
			"the threat model has the external component stripe"},
		"another third party": {at(t, "dep-third-party-service api/package.json:3 twilio"), &threatmodel.Model{Components: []threatmodel.Component{{ID: "stripe", Kind: "external"}}}, ""},
		"a model": {at(t, "llm-call api/a.py:3 openai"), &threatmodel.Model{Flows: []threatmodel.Flow{{To: "openai", Data: []string{"contact"}, Tools: []string{"search"}}}},
			"the threat model has a flow to openai with its data and tools"},
		"a model without tools": {at(t, "llm-call api/a.py:3 openai"), &threatmodel.Model{Flows: []threatmodel.Flow{{To: "openai", Data: []string{"contact"}}}}, ""},
		"a role":                {at(t, "role-permission api/a.py:3 Permission.EXPORT"), &threatmodel.Model{Roles: []threatmodel.Role{{Name: "Permission.EXPORT", Allows: "exports"}}}, "the threat model says what `Permission.EXPORT` allows"},
		"another role":          {at(t, "role-permission api/a.py:3 Permission.EXPORT"), &threatmodel.Model{Roles: []threatmodel.Role{{Name: "Permission.IMPORT", Allows: "x"}}}, ""},
	} {
		in := changed(findings{c.fact}, nil)
		in.Model = c.model
		out := Ask(in)
		if out.Facts[0].Covered != c.want || (len(out.Questions) > 0) != (c.want == "") {
			t.Errorf("%s:\n%s", name, outline(out))
		}
		in.Model, in.Proposed = nil, c.model
		proposed := strings.Replace(c.want, "the threat model ", "the threat model of this change ", 1)
		if out := Ask(in); out.Facts[0].Covered != proposed {
			t.Errorf("%s, proposed:\n%s", name, outline(out))
		}
	}

	shadowed := changed(findings{
		at(t, "pii-field db/1.sql:3 users.email"), at(t, "pii-field db/1.sql:4 users.phone"), at(t, "new-secret api/a.go:3 STRIPE_KEY"), at(t, "outbound-host api/a.go:4 api.stripe.com", "host=api.stripe.com"),
		at(t, "datastore infra/m.tf:3 aws_db_instance.main"), at(t, "crypto-use api/a.go:9 crypto/hmac"), at(t, "identity-provider api/a.go:8 corp"),
	}, nil)
	shadowed.Model = &threatmodel.Model{
		Data: []threatmodel.Data{{ID: "contact", Class: "confidential", Retention: "24mo", Fields: []string{"users.email"}}},
		Components: []threatmodel.Component{
			{ID: "api", Secrets: []threatmodel.Secret{{Name: "STRIPE_KEY", Store: "vault"}}, Crypto: []threatmodel.Crypto{{Alg: "HMAC-SHA256"}}, Authn: []string{"oidc:corp"}},
			{ID: "db", Kind: "datastore", Holds: []string{"contact"}, Resources: []string{"aws_db_instance.main"}},
		},
		Flows: []threatmodel.Flow{{From: "api", To: "stripe", Hosts: []string{"api.stripe.com"}}},
	}
	var open []string
	for _, f := range Ask(shadowed).Facts {
		if f.Covered == "" {
			open = append(open, f.Key)
		}
	}
	if !slices.Equal(open, []string{"users.phone"}) {
		t.Errorf("the model does not answer %q", open)
	}
}

// TestSnippet holds that what the card offers for the model answers the question.
func TestSnippet(t *testing.T) {
	t.Parallel()
	for _, s := range design.Signals() {
		if s.Question == "" {
			continue
		}
		for _, key := range []string{"POST /v1/x/{id}", "[AllowAnonymous] Pay", "a*b"} {
			in := changed(findings{at(t, s.Slug+" services/api/a.go:3 "+key)}, nil)
			in.Policy = policyOf(t, "rules: {\"design/*\": {mode: comment}}")
			first := Ask(in)
			if len(first.Questions) != 1 || first.Questions[0].Snippet == "" {
				t.Errorf("%s: %s", s.Slug, outline(first))
				continue
			}
			decided := strings.Replace(first.Questions[0].Snippet, "status: open", "status: decided\n    text: It is as it should be.", 1)
			m, problems := threatmodel.Parse(map[string][]byte{threatmodel.File: []byte("version: 1\nsystem: {id: shop, title: Shop, exposure: external}\n"), threatmodel.Folder + "/api.yml": []byte(decided)})
			if len(problems) > 0 {
				t.Errorf("%s: %v\n%s", s.Slug, problems, decided)
				continue
			}
			in.Proposed, in.Asked = m, asked(first)
			if out := Ask(in); out.Questions[0].State == "open" {
				t.Errorf("%s is still open\n%s\n%s", s.Slug, outline(out), decided)
			}
		}
	}
}

// A decision that is to be reviewed is named where the change adds something to its component, and nowhere else.
func TestStaleDecisions(t *testing.T) {
	t.Parallel()
	in := changed(findings{at(t, "http-route api/a.go:3 POST /v1/orders")}, nil)
	in.Model = &threatmodel.Model{Components: []threatmodel.Component{{ID: "api", Kind: "service", Paths: []string{"api/**"}}}, Decisions: []threatmodel.Decision{
		{ID: "D-1", Component: "api", Topic: "access", Status: "implemented", Text: "x", ReviewAfter: in.Now.AddDate(0, 0, -9)},
		{ID: "D-2", Component: "web", Topic: "access", Status: "implemented", Text: "x", ReviewAfter: in.Now.AddDate(0, 0, -9)},
	}}
	if drift := Ask(in).Drift; len(drift) != 1 || drift[0].Kind != threatmodel.Stale || drift[0].Component != "api" {
		t.Errorf("drift %+v", drift)
	}
	in.Head = nil
	if drift := Ask(in).Drift; len(drift) != 0 {
		t.Errorf("of a change without facts: %+v", drift)
	}
}
