package design

import (
	"context"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// entryFiles are names of files in each language with entry points.
var entryFiles = []string{
	"a.go", "a.ts", "a.py", "config/routes.rb", "app.rb", "A.java", "A.kt", "A.cs", "a.php", "a.rs", "openapi.yaml", "openapi.json",
	"a.graphql", "a.proto", "conf/routes", "pages/api/a.ts", "app/a/route.ts", "urls.py", "mutations.py", "config/routes.yaml",
	"a_test.go", "a.spec.ts", "test_a.py", "ATest.java", "spec/a_spec.rb", "tests/ATests.cs", "tests/ATest.php", "tests/a.rs",
}

func scanText(t testing.TB, name, text string) []scanners.Finding {
	t.Helper()
	found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: name, Content: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// FuzzEntries holds that no content breaks the detectors, and that each fact is on a line of its file.
func FuzzEntries(f *testing.F) {
	for _, seed := range []string{
		"package a\nimport \"net/http\"\nfunc f(m *http.ServeMux) { m.HandleFunc(\"GET /a\", h) }\n",
		"import express from 'express'\nconst r = express.Router()\nr.route('/a').get(h).post(h)\n",
		"@router.get(\"/a\")\ndef a():\n    assert r.status_code == 403\n",
		"resources :a do\n  get :b\nend\n",
		"@RequestMapping(\"/a\") class A { @GetMapping({\"/b\", \"/c\"}) void b() {} }",
		"openapi: 3.0.0\npaths: {/a: {get: {security: [{}]}}}\n",
		"type Mutation { a(b: [[[Int]]]): C @auth }\n",
		"syntax = \"proto3\"; service S { rpc A(B) returns (C) { option (x.auth) = \"y\"; } }\n",
		"it('a', () => { expect((await get('/a')).status).toBe(401) })\n",
		"publicPaths = [\"/a\", '^/b$', `/c`]\n",
		"Route::prefix('a')->group(function () { Route::get('b', [C::class, 'd']); });",
		"Router::new().route(\"/a\", get(b)).nest(\"/c\", Router::new())",
	} {
		for i := range entryFiles {
			f.Add(i, seed)
		}
	}
	f.Fuzz(func(t *testing.T, name int, text string) {
		path := entryFiles[uint(name)%uint(len(entryFiles))]
		lines := 1 + strings.Count(text, "\n")
		for _, found := range scanText(t, path, text) {
			if found.Line < 1 || found.Line > lines || found.Fact.Key == "" || len(found.Fact.Key) > maxKey {
				t.Errorf("%s: %+v %+v in %d lines", path, found, found.Fact, lines)
			}
		}
	})
}

// TestNestedPrefixes holds that prefixes in prefixes stay small.
func TestNestedPrefixes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"config/routes.rb":       strings.Repeat("resources :orders do\n", 50_000),
		"lib/shop_web/router.ex": strings.Repeat("scope \"/orders\" do\n", 50_000) + "get \"/x\", X, :y\n",
	} {
		if found := scanText(t, name, text); len(found) == 0 {
			t.Errorf("%s: no routes", name)
		}
	}
}

func TestRouteSignals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method, path string
		crud         bool
		want         string
	}{
		{"GET", "/orders/{id}", false, "http-route"},
		{"GET", "/administrative", false, "http-route"},
		{"GET", "/v1/admin/users", false, "admin-endpoint"},
		{"ANY", "/debug/pprof/", false, "admin-endpoint"},
		{"POST", "/users/:id/impersonate", false, "admin-endpoint"},
		{"POST", "/webhooks", false, "webhook-receiver"},
		{"POST", "/webhooks", true, "http-route"},
		{"POST", "/stripe-webhook", false, "webhook-receiver"},
		{"POST", "/webhook-templates", false, "http-route"},
		{"POST", "/webhooks/github", true, "webhook-receiver"},
		{"GET", "/webhooks", false, "http-route"},
		{"DELETE", "/webhooks/{id}", false, "http-route"},
		{"ANY", "/notifications/webhooks/<id>/edit", false, "http-route"},
		{"GET", "/oauth/callback", false, "webhook-receiver"},
		{"GET", "/callbacks-due", false, "http-route"},
		{"POST", "/paypal/ipn", false, "webhook-receiver"},
		{"POST", "/github/events", false, "webhook-receiver"},
	} {
		if got := (route{method: tt.method, path: tt.path}).signal(tt.crud); got != tt.want {
			t.Errorf("%s %s, crud %v: %s, want %s", tt.method, tt.path, tt.crud, got, tt.want)
		}
	}
}
