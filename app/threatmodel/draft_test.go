package threatmodel_test

import (
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/threatmodel"
)

// TestDraft drafts the model of a repository of several services.
func TestDraft(t *testing.T) {
	t.Parallel()
	fact := func(slug, key, path string, data ...string) threatmodel.Fact {
		f := threatmodel.Fact{Slug: slug, Key: key, Path: path, Line: 1, Tier: "A", New: true}
		if len(data) > 0 {
			f.Data = map[string]string{"kind": data[0]}
		}
		return f
	}
	s := threatmodel.Sketch{
		Name: "Shop API",
		Files: []string{
			"services/billing/main.go", "services/billing/Dockerfile", "services/web/Dockerfile", "services/web/src/app.ts", "cmd/migrate/main.go",
			"internal/mail/mail.go", "tools/export-worker/main.py", "docker-compose.yml", "deploy/k8s.yml", "catalog/catalog-info.yaml", ".github/workflows/x.yml",
		},
		Facts: []threatmodel.Fact{
			fact("new-deployable", "services/billing", "services/billing/Dockerfile", "image"),
			fact("new-deployable", "services/web", "services/web/Dockerfile", "image"),
			fact("new-deployable", "migrate", "cmd/migrate/main.go", "command"),
			fact("new-deployable", "export-worker", "deploy/k8s.yml", "deployment"),
			fact("new-deployable", "billing", "deploy/k8s.yml", "deployment"),
			fact("new-deployable", "nowhere", "deploy/k8s.yml", "deployment"),
			fact("datastore", "redis (redis)", "docker-compose.yml", "redis"), fact("datastore", "redis", "deploy/k8s.yml", "redis"),
			fact("datastore", "aws_sqs_queue.orders", "services/billing/q.tf"), fact("datastore", "a\u202eb", "x"),
			fact("outbound-host", "api.stripe.com", "services/billing/main.go"), fact("outbound-host", "api.stripe.com", "services/billing/other.go"),
			fact("outbound-host", "API.sendgrid.com", "internal/mail/mail.go"), fact("outbound-host", "${host}", "internal/mail/mail.go"),
			fact("new-secret", "STRIPE_API_KEY", "services/billing/main.go"), fact("new-secret", "STRIPE_API_KEY", "services/billing/b.go"), fact("new-secret", "CI_TOKEN", ".github/workflows/x.yml"),
			fact("http-route", "GET /", "internal/mail/mail.go"),
		},
		Owner: func(path string) string {
			if strings.HasPrefix(path, "services/billing/") {
				return "@acme/payments"
			}
			return ""
		},
		Catalog: []threatmodel.Entry{{Path: "services/web/catalog-info.yaml", Name: "shop-web", Title: "The shop", Owner: "group:default/web"}, {Path: "gone/catalog-info.yaml", Name: "x"}},
	}
	m := threatmodel.Draft(s)
	golden(t, "draft.yml", m.Format())
	if _, problems := threatmodel.Parse(one(string(m.Format()))); len(problems) > 0 {
		t.Error(lines(problems))
	}
	for _, d := range threatmodel.Compare(m, s.Facts, threatmodel.Code{}) {
		if d.Kind == threatmodel.Unmapped {
			t.Errorf("%+v", d)
		}
	}
}

// TestDraftOfOneDeployable holds that all code belongs to the only thing that is deployed.
func TestDraftOfOneDeployable(t *testing.T) {
	t.Parallel()
	m := threatmodel.Draft(threatmodel.Sketch{
		Name: "notes", Files: []string{"cmd/notes/main.go", "store/db.go", "web/src/notes/x.ts"},
		Facts: []threatmodel.Fact{{Slug: "new-deployable", Key: "notes", Path: "cmd/notes/main.go", Data: map[string]string{"kind": "command"}}, {Slug: "http-route", Key: "GET /", Path: "store/db.go", Tier: "B"}},
	})
	if len(m.Components) != 1 || m.Components[0].ID != "notes" || strings.Join(m.Components[0].Paths, " ") != "**" {
		t.Errorf("%+v", m.Components)
	}
}

// TestDraftOfModules holds that modules with routes are components where nothing says what is deployed.
func TestDraftOfModules(t *testing.T) {
	t.Parallel()
	route := func(path string) threatmodel.Fact {
		return threatmodel.Fact{Slug: "http-route", Key: "GET /", Path: path, Tier: "B", New: true}
	}
	s := threatmodel.Sketch{
		Name: "mall", Files: []string{"pom.xml", "admin/pom.xml", "admin/src/main/java/A.java", "portal/pom.xml", "portal/src/P.java", "common/pom.xml", "common/src/C.java", "Dockerfile"},
		Facts: []threatmodel.Fact{
			{Slug: "new-deployable", Key: ".", Path: "Dockerfile", Data: map[string]string{"kind": "image"}},
			route("admin/src/main/java/A.java"), route("portal/src/P.java"), {Slug: "crypto-use", Key: "AES", Path: "common/src/C.java", Tier: "A"},
		},
	}
	var got []string
	for _, c := range threatmodel.Draft(s).Components {
		got = append(got, c.ID+" "+c.Kind+" "+strings.Join(c.Paths, " "))
	}
	if want := "admin service admin/**, portal service portal/**, common library common/**"; strings.Join(got, ", ") != want {
		t.Errorf("%s, want %s", strings.Join(got, ", "), want)
	}
	s.Facts = s.Facts[:2] // one module is the repository
	if m := threatmodel.Draft(s); len(m.Components) != 1 || m.Components[0].Paths[0] != "**" {
		t.Errorf("%+v", m.Components)
	}
}

// TestDraftOfNothing drafts for repositories that hold little, or strange names.
func TestDraftOfNothing(t *testing.T) {
	t.Parallel()
	for _, s := range []threatmodel.Sketch{
		{},
		{Name: "日本", Files: []string{"a\nb/x.go", "README.md", "[x]/{y}/z.go"}, Facts: []threatmodel.Fact{
			{Slug: "new-deployable", Key: "a\nb", Path: "a\nb/Dockerfile"}, {Slug: "http-route", Key: "GET /", Path: "[x]/{y}/z.go", Tier: "B"}, {Slug: "datastore"}, {Slug: "new-deployable"},
		}},
		{Name: "internet", Files: []string{"Dockerfile", "main.go"}, Facts: []threatmodel.Fact{{Slug: "new-deployable", Key: ".", Path: "Dockerfile", Data: map[string]string{"kind": "image"}}}},
	} {
		m := threatmodel.Draft(s)
		got, problems := threatmodel.Parse(one(threatmodel.DraftHead + string(m.Format())))
		if len(problems) > 0 || len(got.Components) == 0 {
			t.Errorf("%+v:\n%s%s", s, m.Format(), lines(problems))
		}
	}
}
