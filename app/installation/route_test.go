package installation

import (
	"net/http"
	"slices"
	"testing"
)

func TestRoutes(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/api/v3/app":                                      "/app",
		"/api/v3/repos/a/b":                                "/repos/{owner}/{repo}",
		"/api/v3/repos/a/b/":                               "/repos/{owner}/{repo}",
		"/api/v3/repositories/42":                          "/repos/{owner}/{repo}",
		"/api/v3/repositories/42/pulls/7":                  "/repos/{owner}/{repo}/pulls/{pull_number}",
		"/api/v3/repos/a/b/pulls/7/files":                  "/repos/{owner}/{repo}/pulls/{pull_number}/files",
		"/api/v3/repos/a/b/pulls/comments/7":               "/repos/{owner}/{repo}/pulls/comments/{comment_id}",
		"/api/v3/repos/a/b/issues/comments/7/reactions":    "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
		"/api/v3/repos/a/b/contents/src/deep/private.py":   "/repos/{owner}/{repo}/contents/{path...}",
		"/api/v3/repos/a/b/compare/x/y...feature/of-a-day": "/repos/{owner}/{repo}/compare/{basehead...}",
		"/api/v3/repos/pulls/comments/pulls/7":             "/repos/{owner}/{repo}/pulls/{pull_number}",
		"/api/v3/repos/a/b/secrets":                        OtherRoute,
		"/api/v3/repos/a":                                  OtherRoute,
		"/api/v3/repositories":                             OtherRoute,
		"/api/v3/":                                         OtherRoute,
		"/elsewhere/repos/a/b":                             OtherRoute,
		"":                                                 OtherRoute,
	} {
		if got := route("/api/v3/", path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := route("/", "/repos/a/b/pulls"); got != "/repos/{owner}/{repo}/pulls" {
		t.Errorf("at api.github.com: %s", got)
	}
	if len(slices.Compact(slices.Sorted(slices.Values(routes)))) != len(routes) {
		t.Error("a route is listed twice")
	}
}

// FuzzRoute checks that nothing of a path gets into the template: each is one of the list.
func FuzzRoute(f *testing.F) {
	for _, path := range []string{"/api/v3/repos/a/b/pulls/7", "/api/v3/repositories/1", "//", "/api/v3/repos//b/contents/"} {
		f.Add("GET", path)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		template := route("/api/v3/", path)
		if template != OtherRoute && !slices.Contains(routes, template) {
			t.Errorf("%q has the template %q", path, template)
		}
		req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Method, req.URL.Path = method, path
		if kind, operation, _ := call("/api/v3/", req); kind == REST && operation != OtherRoute && (!known(method) || operation != method+" "+template) {
			t.Errorf("%q %q is the operation %q", method, path, operation)
		}
	})
}
