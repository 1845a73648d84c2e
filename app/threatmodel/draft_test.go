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
		if d.Kind == threatmodel.Unmapped && !strings.HasPrefix(d.Path, "deploy/") {
			t.Errorf("%+v", d)
		}
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
