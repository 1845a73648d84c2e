package threatmodel_test

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/scanners/design"
)

func one(text string) map[string][]byte { return map[string][]byte{threatmodel.File: []byte(text)} }

// sample reads the model of testdata.
func sample(t testing.TB) *threatmodel.Model {
	t.Helper()
	text, err := os.ReadFile("testdata/shop.yml")
	if err != nil {
		t.Fatal(err)
	}
	m, problems := threatmodel.Parse(one(string(text)))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return m
}

func TestParseReadsEverything(t *testing.T) {
	t.Parallel()
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	want := &threatmodel.Model{
		System: threatmodel.System{ID: "shop", Title: "Shop", Exposure: "external", Tier: "business_critical"},
		Zones:  []threatmodel.Zone{{ID: "internet"}, {ID: "app", Trust: 70}, {ID: "data", Trust: 90}},
		Data:   []threatmodel.Data{{ID: "contact", Class: "confidential", Sensitivity: []string{"pii"}, Retention: "24mo", Fields: []string{"users.email", "users.phone"}}},
		Components: []threatmodel.Component{
			{
				ID: "billing", Title: "Billing service", Kind: "service", Paths: []string{"services/billing/**", "proto/billing/**"}, Owner: "team:payments",
				Zone: "app", Exposure: "external", Holds: []string{"contact"}, Authn: []string{"session", "oidc:corp"},
				Secrets: []threatmodel.Secret{{Name: "STRIPE_API_KEY", Store: "vault", Rotate: "90d"}},
				Crypto:  []threatmodel.Crypto{{Use: "webhook-hmac", Alg: "HMAC-SHA256", Key: "STRIPE_WEBHOOK_SECRET"}},
			},
			{ID: "orders-db", Kind: "datastore", Zone: "data", Holds: []string{"contact"}, Resources: []string{"aws_db_instance.main", "compose:postgres"}},
			{ID: "stripe", Kind: "external", Zone: "internet"},
		},
		Flows: []threatmodel.Flow{
			{ID: "f1", From: "internet", To: "billing", Protocol: "https", Auth: "session", Data: []string{"contact"}},
			{ID: "f2", From: "billing", To: "stripe", Protocol: "https", Auth: "api-key", Data: []string{"contact"}, Hosts: []string{"api.stripe.com"}},
			{ID: "f3", From: "billing", To: "orders-db", Protocol: "postgres", Auth: "password", Data: []string{"contact"}},
		},
		Decisions: []threatmodel.Decision{
			{
				ID: "D-0007", Component: "billing", Topic: "access", ASVS: []string{"v5.0.0-8.1.1"}, Status: "implemented",
				Text:   "Every /v1 route sits behind requireUser; admin routes behind requireRole(admin).",
				Covers: []string{"* /v1/**"}, Evidence: []string{"services/billing/router_test.go#TestRefusesAnonymous"}, By: "@anna",
				At: day("2026-08-20"), ReviewAfter: day("2027-02-20"),
			},
			{ID: "D-0008", Component: "billing", Topic: "external", Status: "open"},
		},
		Roles: []threatmodel.Role{{Name: "Permission.EXPORT", Allows: "Export all invoices.", Default: "nobody"}},
	}
	if got := bare(sample(t)); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseOfNothing(t *testing.T) {
	t.Parallel()
	if m, problems := threatmodel.Parse(nil); m != nil || problems != nil {
		t.Errorf("%v, %v", m, problems)
	}
	m, problems := threatmodel.Parse(one("version: 1\n"))
	if m == nil || len(problems) > 0 {
		t.Errorf("%v, %v", m, problems)
	}
}

// TestFilesMerge reads a model with one file for each component, which name parts of each other.
func TestFilesMerge(t *testing.T) {
	t.Parallel()
	folder := threatmodel.Folder + "/"
	files := map[string][]byte{
		threatmodel.File:       []byte("version: 1\nsystem: {id: shop}\nzones: [{id: app, trust: 70}]\n"),
		folder + "billing.yml": []byte("version: 1\ncomponents: [{id: billing, kind: service, zone: app, holds: [contact]}]\nflows: [{id: f1, from: web, to: billing}]\n"),
		folder + "web.yml":     []byte("version: 1\ncomponents: [{id: web, kind: ui, zone: app}]\ndata: [{id: contact, class: internal}]\n"),
	}
	m, problems := threatmodel.Parse(files)
	if len(problems) > 0 || len(m.Components) != 2 || m.Components[0].ID != "billing" || m.Components[1].At != (threatmodel.Place{File: folder + "web.yml", Line: 2, Column: 14}) {
		t.Errorf("%+v, %v", m, problems)
	}
	files[folder+"again.yml"] = []byte("version: 1\ncomponents:\n  - {id: web, kind: ui}\n  - {id: x, kind: ui, zone: ap}\nsystem: {id: x}\n")
	_, problems = threatmodel.Parse(files)
	got := lines(problems)
	want := folder + "again.yml:4:29: there is no zone \"ap\", did you mean \"app\"?\n" +
		folder + "again.yml:5:9: the system is described in " + threatmodel.File + ", line 2 already; remove one of them\n" +
		folder + "web.yml:2:19: the component \"web\" is there already in " + folder + "again.yml, line 3; take another id\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func lines(problems []threatmodel.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s:%d:%d: %s\n", p.File, p.Line, p.Column, p.Message)
	}
	return b.String()
}

func TestMistakesAreReportedAtTheirPlace(t *testing.T) {
	t.Parallel()
	const v = "version: 1\n"
	const c = v + "components:\n  - {id: a, kind: service}\n"
	laughs := "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c]\n"
	for name, tt := range map[string]struct{ text, want string }{
		"no version":             {"zones: []", "1:1: the version is missing; begin the file with `version: 1`"},
		"another version":        {"version: 2", "1:10: version 2 is not known here; write `version: 1`"},
		"an empty file":          {"", "1:1: the file is empty; delete it or write `version: 1`"},
		"an unknown key":         {v + "component: []", `2:1: unknown key "component", did you mean "components"?`},
		"a mapping for a list":   {v + "zones: {id: a}", "2:8: zones must be a list such as [{id: app, trust: 70}], not a mapping"},
		"nothing for a list":     {v + "zones:", "2:1: zones must be a list such as [{id: app, trust: 70}]; nothing is written here"},
		"text for a zone":        {v + "zones: [app]", `2:9: a zone must be a mapping such as {id: app, trust: 70}, not the text "app"`},
		"a zone without trust":   {v + "zones: [{id: app}]", "2:9: a zone needs the key `trust`, as in {id: app, trust: 70}"},
		"too much trust":         {v + "zones: [{id: app, trust: 101}]", "2:26: trust must be from 0 to 100, not 101"},
		"a wrong id":             {v + "zones: [{id: My App, trust: 1}]", `2:14: id must be at most 64 small letters, digits and hyphens, such as billing, not "My App"`},
		"a number for an id":     {v + "zones: [{id: 7, trust: 1}]", "2:14: id must be text such as billing, not the number 7"},
		"an id twice":            {v + "zones: [{id: a, trust: 1}, {id: a, trust: 2}]", `2:33: the zone "a" is there already in line 2; take another id`},
		"an id of zone and part": {v + "zones: [{id: a, trust: 1}]\ncomponents: [{id: a, kind: ui}]", `3:19: the component "a" is there already in line 2; take another id`},
		"an unknown kind":        {v + "components: [{id: a, kind: servce}]", `2:28: unknown kind "servce", did you mean "service"?`},
		"an unknown class":       {v + "data: [{id: a, class: secret}]", `2:23: unknown class "secret"; known here: public, internal, confidential and restricted`},
		"an unknown sensitivity": {v + "data: [{id: a, class: public, sensitivity: [ppi]}]", `2:45: unknown sensitivity "ppi", did you mean "pii"?`},
		"a field without table":  {v + "data: [{id: a, class: public, fields: [email]}]", `2:40: write a field as table.column, not "email"`},
		"an unknown zone":        {c + "  - {id: b, kind: ui, zone: app}", `4:29: there is no zone "app"; the model has none`},
		"unknown data":           {c + "data: [{id: contact, class: public}]\nflows: [{id: f, from: a, to: a, data: [contat]}]", `5:40: there is no data "contat", did you mean "contact"?`},
		"an unknown end":         {c + "flows: [{id: f, from: a, to: b}]", `4:30: there is no component or zone "b"; the model has a`},
		"an unknown component":   {c + "decisions: [{id: D-1, component: billing, topic: access, status: open}]", `4:34: there is no component "billing"; the model has a`},
		"an unknown topic":       {c + "decisions: [{id: D-1, component: a, topic: acess, status: open}]", `4:44: unknown topic "acess", did you mean "access"?`},
		"an unknown status":      {c + "decisions: [{id: D-1, component: a, topic: access, status: done}]", `4:60: unknown status "done"; known here: open, decided, implemented, not_applicable and accepted_risk`},
		"a decision of no text":  {c + "decisions: [{id: D-1, component: a, topic: access, status: decided}]", "4:13: a decision that is decided needs a text: write it in one sentence"},
		"an old number":          {c + "decisions: [{id: D-1, component: a, topic: access, status: open, asvs: [8.1.1]}]", `4:73: write the number with the version of the ASVS, such as v5.0.0-8.1.1, not "8.1.1"`},
		"a day that is not":      {c + "decisions: [{id: D-1, component: a, topic: access, status: open, at: 2026-02-30}]", `4:70: there is no day "2026-02-30"; write a day of the calendar`},
		"no day":                 {c + "decisions: [{id: D-1, component: a, topic: access, status: open, at: soon}]", `4:70: at must be a day such as 2026-08-20, not "soon"`},
		"a day of long ago":      {c + "decisions: [{id: D-1, component: a, topic: access, status: open, at: 0001-01-01}]", `4:70: at is the day 0001-01-01; write one from 2000 to 2199`},
		"a review before":        {c + "decisions: [{id: D-1, component: a, topic: access, status: open, at: 2026-08-20, review_after: 2026-08-20}]", "4:96: review_after must be a later day than at, 2026-08-20"},
		"a pattern with a slash": {v + "components: [{id: a, kind: ui, paths: [/src/**]}]", `2:40: write the pattern "/src/**" without the leading /`},
		"a pattern half open":    {c + "decisions: [{id: D-1, component: a, topic: access, status: open, covers: ['* /[a']}]", `4:75: the pattern "* /[a" is not complete; close its brackets or put \ before them`},
		"a URL for a host":       {v + "components: [{id: a, kind: ui, hosts: ['https://x.y']}]", `2:40: write the host alone, such as api.example.com, not "https://x.y"`},
		"evidence from above":    {c + "decisions: [{id: D-1, component: a, topic: access, status: open, evidence: [../x]}]", `4:77: "../x" is not the path of a file in the repository; write it from the root`},
		"a secret's value":       {v + "components: [{id: a, kind: ui, secrets: [{name: 'KEY=abc'}]}]", `2:49: name must be letters, digits and _ . / : -, without its value, such as STRIPE_API_KEY, not "KEY=abc"`},
		"its own parent":         {v + "components: [{id: a, kind: ui, parent: a}]", "2:14: the components a are parts of each other; remove one `parent`"},
		"a circle":               {v + "components:\n  - {id: a, kind: ui, parent: b}\n  - {id: b, kind: ui, parent: c}\n  - {id: c, kind: ui, parent: a}", "3:5: the components a, b and c are parts of each other; remove one `parent`"},
		"the same twice":         {v + "components: [{id: a, kind: ui, authn: [x, x]}]", `2:43: "x" is there already; remove one of them`},
		"empty text":             {v + "system: {id: a, title: ' '}", "2:24: title is empty; write it, or remove the key"},
		"hidden characters":      {v + "system: {id: a, title: \"a\u202eb\"}", "2:24: title holds characters that cannot be seen; remove them"},
		"a billion laughs":       {laughs, "1:4: put quotes around text that begins with &; YAML anchors are not taken here\n2:8: put quotes around text that begins with *; YAML aliases are not taken here"},
		"UTF-16":                 {"\xff\xfev\x00e\x00r\x00", "1:1: this is UTF-16 text; save the file as UTF-8"},
		"UTF-16 without a mark":  {"v\x00e\x00r\x00s\x00", "1:1: this is UTF-16 text; save the file as UTF-8"},
		"a binary file":          {"version: 1\n# \x00\n" + strings.Repeat("# comment\n", 20), "1:1: this is a binary file; save the model as UTF-8 text"},
		"deep nesting":           {v + "zones: " + strings.Repeat("[", 10_000), "2:28: this is nested too deeply; nothing here needs more than a few levels"},
		"2 MB":                   {strings.Repeat("# comment\n", 200_000), "1:1: the file is larger than 256 KiB; make it smaller"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, problems := threatmodel.Parse(one(tt.text))
			want := ""
			for line := range strings.SplitSeq(tt.want, "\n") {
				want += threatmodel.File + ":" + line + "\n"
			}
			if got := lines(problems); got != want || m != nil {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// TestFormatAndParseAgree holds that what Format writes reads as the same model.
func TestFormatAndParseAgree(t *testing.T) {
	t.Parallel()
	for seed := range uint64(1500) {
		m := newChooser(seed).model()
		text := m.Format()
		got, problems := threatmodel.Parse(one(string(text)))
		if len(problems) > 0 || !reflect.DeepEqual(bare(got), m) {
			t.Fatalf("seed %d:\n%s\n%s\ngot  %+v\nwant %+v", seed, text, lines(problems), got, m)
		}
		if again := got.Format(); !bytes.Equal(again, text) {
			t.Fatalf("seed %d: %s\nthen %s", seed, text, again)
		}
	}
}

func TestTopicsAreThoseOfTheSignals(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, topic := range design.Topics() {
		known[topic.Name] = true
		text := "version: 1\ncomponents: [{id: a, kind: ui}]\ndecisions: [{id: D-1, component: a, status: open, topic: " + topic.Name + "}]\n"
		if _, problems := threatmodel.Parse(one(text)); len(problems) > 0 {
			t.Error(lines(problems))
		}
	}
	for _, name := range threatmodel.Topics() {
		if !known[name] {
			t.Errorf("%s is no topic of a signal", name)
		}
	}
}

func TestComponentOf(t *testing.T) {
	t.Parallel()
	m, problems := threatmodel.Parse(one("version: 1\ncomponents:\n  - {id: all, kind: service, paths: ['**']}\n" +
		"  - {id: pay, kind: service, paths: [services/pay, proto/pay/**]}\n  - {id: admin, kind: ui, paths: ['services/pay/admin/**/*.ts']}\n"))
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	for path, want := range map[string]string{
		"services/pay/main.go": "pay", "services/pay": "pay", "services/payments/x.go": "all", "proto/pay/a.proto": "pay",
		"services/pay/admin/x.ts": "admin", "services/pay/admin/x.go": "pay", "README.md": "all",
	} {
		if c, ok := m.ComponentOf(path); !ok || c.ID != want {
			t.Errorf("%s is of %q, want %s", path, c.ID, want)
		}
	}
	var none *threatmodel.Model
	if _, ok := none.ComponentOf("a"); ok {
		t.Error("no model has a component")
	}
}

func TestCoversKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, key string
		want         bool
	}{
		{"* /v1/**", "POST /v1/invoices", true},
		{"* /v1/**", "GET /v1/users/{id}/roles", true},
		{"* /v1/**", "GET /v1", true},
		{"* /v1/**", "GET /v2/invoices", false},
		{"* /v1/*", "GET /v1/a/b", false},
		{"GET /v1/**", "POST /v1/invoices", false},
		{"get /v1/**", "GET /v1/invoices", true},
		{"POST /users/{id}", "POST /users/{id}", true},
		{"* /users/{id}", "POST /users/{id}", true},
		{"* /users/{id}/**", "POST /users/{id}/roles", true},
		{"* /users/{id}/**", "POST /users/id/roles", false},
		{"* /{a,b}/x", "GET /b/x", true},
		{"* /users/[id]", "GET /users/[id]", true},
		{"*.stripe.com", "api.stripe.com", true},
		{"*.stripe.com", "api.stripe.com.evil.org", false},
		{"users.*", "users.email", true},
		{"users.email", "users.email2", false},
		{"**", "GET /a", true},
		{"* **", "GET /a/b", true},
	} {
		d := threatmodel.Decision{Covers: []string{tt.pattern}}
		if got := d.CoversKey(tt.key); got != tt.want {
			t.Errorf("%q covers %q: %v", tt.pattern, tt.key, got)
		}
	}
	if (threatmodel.Decision{}).CoversKey("GET /") {
		t.Error("no pattern covers nothing")
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/shop.yml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("version: 1\ncomponents: [{id: a, kind: ui, parent: a}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, problems := threatmodel.Parse(one(string(text)))
		if (m == nil) != (len(problems) > 0) {
			t.Fatalf("%v and %v", m, problems)
		}
		n := bytes.Count(text, []byte("\n")) + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > n || p.Column < 1 || p.Message == "" {
				t.Fatalf("%+v of %d lines", p, n)
			}
		}
		if m == nil {
			return
		}
		again, problems := threatmodel.Parse(one(string(m.Format())))
		if len(problems) > 0 || !reflect.DeepEqual(bare(again), bare(m)) {
			t.Fatalf("%s\n%s", m.Format(), lines(problems))
		}
	})
}
