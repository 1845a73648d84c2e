package threatmodel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/threatmodel"
)

const driftModel = `version: 1
zones: [{id: app, trust: 70}]
data: [{id: contact, class: confidential, fields: [users.email, "customers.*"]}]
components:
  - {id: billing, title: Billing, kind: service, paths: [services/billing/**], exposure: internal, owner: "team:payments", zone: app, holds: [contact], resources: [aws_lb.billing]}
  - {id: web, kind: ui, paths: [web], exposure: external}
  - {id: postgres, kind: datastore}
  - {id: orders, kind: queue, resources: [aws_sqs_queue.orders]}
flows: [{id: f1, from: billing, to: web, hosts: [api.stripe.com, "*.example.com"]}]
decisions:
  - {id: D-1, component: billing, topic: access, status: implemented, text: Behind requireUser., evidence: [services/billing/x_test.go#TestX, web/app.ts], at: 2026-01-01, review_after: 2026-06-30}
`

func TestDrift(t *testing.T) {
	t.Parallel()
	m, problems := threatmodel.Parse(one(driftModel))
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	fact := func(slug, key, path string) threatmodel.Fact {
		return threatmodel.Fact{Slug: slug, Key: key, Path: path, Line: 3, New: true, Tier: "A"}
	}
	old := fact("outbound-host", "evil.org", "services/billing/a.go")
	old.New = false
	for name, tt := range map[string]struct {
		facts []threatmodel.Fact
		code  threatmodel.Code
		want  []string
	}{
		"nothing": {},
		"an internal component is opened": {
			facts: []threatmodel.Fact{fact("k8s-exposure", "Ingress/pay", "services/billing/k8s.yml"), fact("iac-public", "aws_lb.billing ingress", "infra/lb.tf")},
			want: []string{
				"contradiction billing infra/lb.tf:3: The model says that Billing is internal, and aws_lb.billing ingress opens it: change one of them. +",
				"unmapped  infra/lb.tf:3: infra is in no component of the model: who owns it, what does it process, and who talks to it? +",
			},
		},
		"an external one is":  {facts: []threatmodel.Fact{fact("k8s-exposure", "Ingress/pay", "web/k8s.yml")}},
		"a host of no flow":   {facts: []threatmodel.Fact{fact("outbound-host", "api.sendgrid.com", "services/billing/a.go"), fact("outbound-host", "API.sendgrid.com", "services/billing/b.go")}, want: []string{"contradiction billing services/billing/a.go:3: The code calls api.sendgrid.com, and no flow of the model goes there: add the flow. +"}},
		"a host of a flow":    {facts: []threatmodel.Fact{fact("outbound-host", "api.stripe.com", "web/a.ts"), fact("outbound-host", "a.b.example.com", "web/a.ts"), fact("outbound-host", "api.stripe.com:443", "web/a.ts")}},
		"the wildcard's host": {facts: []threatmodel.Fact{fact("outbound-host", "example.com", "web/a.ts")}, want: []string{"contradiction web web/a.ts:3: The code calls example.com, and no flow of the model goes there: add the flow. +"}},
		"an old host":         {facts: []threatmodel.Fact{old}},
		"a field of no data": {
			facts: []threatmodel.Fact{fact("pii-field", "users.phone", "web/m.sql"), fact("pii-field", "users.birthday", "web/m.sql")},
			want:  []string{"contradiction web web/m.sql:3: users.birthday holds personal data, and no data of the model has this field: add it with its class. +"},
		},
		"a field of data": {facts: []threatmodel.Fact{fact("pii-field", "users.email", "web/m.sql"), fact("pii-field", "Customers.Phone", "web/m.sql")}},
		"a store of no component": {
			facts: []threatmodel.Fact{fact("datastore", "aws_s3_bucket.exports", "web/m.tf")},
			want:  []string{"contradiction  web/m.tf:3: aws_s3_bucket.exports stores data, and no component of the model is this store: add it. +"},
		},
		"a store of one": {facts: []threatmodel.Fact{fact("datastore", "compose:postgres", "web/c.yml"), fact("datastore", "aws_sqs_queue.orders", "web/m.tf")}},
		"folders of none": {
			facts: []threatmodel.Fact{fact("http-route", "GET /", "services/new/a.go"), fact("http-route", "GET /x", "services/new/deep/b.go"), fact("ci-secret", "X", ".github/workflows/a.yml"), fact("container-base", "x", "Dockerfile")},
			want:  []string{"unmapped  services/new/a.go:3: services/new is in no component of the model: who owns it, what does it process, and who talks to it? +"},
		},
		"an owner of nobody": {
			code: threatmodel.Code{Owner: func(string) bool { return false }},
			want: []string{"contradiction billing .secbydesign/threat-model.yml:5: The owner of Billing, team:payments, cannot be found: name a team or person that exists. -"},
		},
		"stale paths": {
			code: threatmodel.Code{Matches: func(p string) bool { return p == "web" }},
			want: []string{"stale billing .secbydesign/threat-model.yml:5: No file matches services/billing/** of Billing: correct the path or remove it. -"},
		},
		"stale evidence": {
			code: threatmodel.Code{Exists: func(p string) bool { return p == "web/app.ts" }},
			want: []string{"stale billing .secbydesign/threat-model.yml:11: The evidence services/billing/x_test.go#TestX of the decision D-1 is gone: name what proves it now. -"},
		},
		"the last day":       {code: threatmodel.Code{Now: time.Date(2026, 6, 30, 23, 59, 0, 0, time.UTC)}},
		"a day after review": {code: threatmodel.Code{Now: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)}, want: []string{"stale billing .secbydesign/threat-model.yml:11: The decision D-1 was to be reviewed after 2026-06-30: confirm or change it. -"}},
		"a score":            {facts: []threatmodel.Fact{fact("http-route", "GET /", "services/billing/a.go")}, code: threatmodel.Code{Since: map[string]threatmodel.Counts{"billing": {A: 6, Other: 2}}}, want: []string{"score billing .secbydesign/threat-model.yml:5: Billing changed much since its part of the model was edited (drift score 20): read it again. -"}},
		"a score below":      {facts: []threatmodel.Fact{fact("http-route", "GET /", "services/billing/a.go")}, code: threatmodel.Code{Since: map[string]threatmodel.Counts{"billing": {A: 6, Other: 1}}}},
		"another's score":    {facts: []threatmodel.Fact{fact("http-route", "GET /", "web/a.go")}, code: threatmodel.Code{Since: map[string]threatmodel.Counts{"billing": {A: 7}}}},
		"a digest's score":   {code: threatmodel.Code{Digest: true, Since: map[string]threatmodel.Counts{"billing": {A: 3, Other: 1}, "web": {A: 3}}}, want: []string{"score billing .secbydesign/threat-model.yml:5: Billing changed much since its part of the model was edited (drift score 10): read it again. -"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, d := range threatmodel.Compare(m, tt.facts, tt.code) {
				with := "-"
				if d.Snippet != "" {
					with = "+"
				}
				got = append(got, fmt.Sprintf("%s %s %s:%d: %s %s", d.Kind, d.Component, d.Path, d.Line, d.Message, with))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if got := threatmodel.Compare(nil, tt.facts, tt.code); got != nil {
				t.Errorf("without a model: %v", got)
			}
		})
	}
}

// TestSilentModel holds that a model that says nothing about hosts, fields and stores contradicts none.
func TestSilentModel(t *testing.T) {
	t.Parallel()
	m, _ := threatmodel.Parse(one("version: 1\ncomponents: [{id: a, kind: service, paths: ['**']}]\n"))
	for _, slug := range []string{"outbound-host", "pii-field", "datastore", "iac-public"} {
		if got := threatmodel.Compare(m, []threatmodel.Fact{{Slug: slug, Key: "a.b", Path: "x/y.go", New: true}}, threatmodel.Code{}); got != nil {
			t.Errorf("%s: %v", slug, got)
		}
	}
}

// TestSnippetsAreAccepted adds each snippet as a file of the model, or puts it in place of the block that it names.
func TestSnippetsAreAccepted(t *testing.T) {
	t.Parallel()
	m, _ := threatmodel.Parse(one(driftModel))
	var facts []threatmodel.Fact
	for _, slug := range []string{"outbound-host", "pii-field", "datastore", "k8s-exposure", "http-route"} {
		for _, path := range []string{"services/billing/a.go", "services/new service/[x]/a.go", "a\"b/c'd/x", "-/{y}/x", "é\u2028/x/y"} {
			for _, key := range []string{"api.new.com", "users.phone", "x.y.web", "GET /a/{id}", "}{][", "a\u202eb.c"} {
				facts = append(facts, threatmodel.Fact{Slug: slug, Key: key, Path: path, Line: 1, New: true})
			}
		}
	}
	count := 0
	for _, d := range threatmodel.Compare(m, facts, threatmodel.Code{}) {
		if d.Snippet == "" {
			continue
		}
		count++
		files := map[string][]byte{threatmodel.File: []byte(driftModel), threatmodel.Folder + "/x.yml": []byte(d.Snippet)}
		if strings.HasPrefix(d.Snippet, "# In place of") {
			files[threatmodel.File] = []byte(strings.Replace(driftModel, "  - {id: billing,", "  - {id: before,", 1))
		}
		if _, problems := threatmodel.Parse(files); len(problems) > 0 {
			t.Errorf("%s\n%s\n%s", d.Message, d.Snippet, lines(problems))
		}
	}
	if count < 12 {
		t.Errorf("%d snippets", count)
	}
}

func TestSnippet(t *testing.T) {
	t.Parallel()
	m, _ := threatmodel.Parse(one(driftModel))
	answer := threatmodel.Answer{
		Component: "billing", Topic: "access", Question: "Who may call POST /invoices?", ASVS: []string{"v5.0.0-8.1.1", "nonsense"},
		Covers: []string{"POST /invoices", "POST /invoices", "GET /[", "GET /users/{id}"},
	}
	got := threatmodel.Snippet(m, answer)
	want := "# Save as .secbydesign/threat-model.d/billing-access.yml, add `text: ` with one sentence, and write `status: decided`\n# Who may call POST /invoices?\nversion: 1\n" +
		"decisions:\n  - id: D-6P5DSPE5\n    component: billing\n    topic: access\n    asvs: [v5.0.0-8.1.1]\n    status: open\n    covers: [POST /invoices, \"GET /users/{id}\"]\n"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	answer.Text, answer.By, answer.At = "Members of the tenant:\n# requireTenant refuses all others.", "@anna", time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	for _, component := range []string{"billing", "services/new", "", "app", "a b/[c]\n", strings.Repeat("x", 500)} {
		answer.Component = component
		for _, base := range []*threatmodel.Model{m, nil} {
			files := map[string][]byte{threatmodel.Folder + "/x.yml": []byte(threatmodel.Snippet(base, answer))}
			if base != nil {
				files[threatmodel.File] = []byte(driftModel)
			}
			got, problems := threatmodel.Parse(files)
			if len(problems) > 0 {
				t.Fatalf("%q: %s\n%s", component, files[threatmodel.Folder+"/x.yml"], lines(problems))
			}
			d := got.Decisions[len(got.Decisions)-1]
			if d.Status != "decided" || !d.CoversKey("GET /users/{id}") || d.Text != "Members of the tenant: # requireTenant refuses all others." {
				t.Errorf("%+v", d)
			}
		}
	}
}
