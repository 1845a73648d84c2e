package fakegithub

import (
	"net/http"
	"strings"
	"testing"
)

// TestRenameAndTransfer sends requests under an earlier name of a repository.
func TestRenameAndTransfer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.Subscribe("repository")
	w.Install("globex")
	tok := w.Token("acme", nil, "shop")
	plain := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(method, path, token string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, w.URL()+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		if strings.Contains(path, ".git/") {
			req.SetBasicAuth("x-access-token", token)
		}
		resp, err := plain.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode, strings.TrimPrefix(resp.Header.Get("Location"), w.URL())
	}
	id := "/api/v3/repositories/100000"
	event := func(action string) string {
		t.Helper()
		for {
			h := <-w.hooks
			if h.header.Get("X-GitHub-Event") == "repository" && strings.Contains(string(h.body), `"action":"`+action+`"`) {
				return string(h.body)
			}
		}
	}

	w.repo.Rename("store")
	if body := event("renamed"); !strings.Contains(body, `"changes":{"repository":{"name":{"from":"shop"}}}`) || !strings.Contains(body, `"full_name":"acme/store"`) {
		t.Errorf("renamed: %s", body)
	}
	for _, c := range []struct {
		method, path string
		status       int
		to           string
	}{
		{"GET", "/api/v3/repos/acme/shop", 301, id},
		{"GET", "/api/v3/repos/acme/shop/pulls/1/commits?per_page=1", 301, id + "/pulls/1/commits?per_page=1"},
		{"GET", id + "/pulls/1/commits?per_page=1", 200, ""},
		{"GET", id, 200, ""},
		{"POST", "/api/v3/repos/acme/shop/check-runs", 307, id + "/check-runs"},
		{"POST", id + "/check-runs", 422, ""},
		{"GET", "/api/v3/repos/acme/store/pulls/1", 200, ""},
		{"GET", "/acme/shop.git/info/refs?service=git-upload-pack", 301, "/acme/store.git/info/refs?service=git-upload-pack"},
		{"GET", "/api/v3/repositories/1", 404, ""},
	} {
		if status, to := ask(c.method, c.path, tok); status != c.status || to != c.to {
			t.Errorf("%s %s: %d to %q, want %d to %q", c.method, c.path, status, to, c.status, c.to)
		}
	}

	// Somebody uses the name again: it leads to their repository, to which the token gives no access.
	other := w.CreateRepo("acme", "shop", false)
	for path, want := range map[string]int{"/api/v3/repos/acme/shop": 404, "/api/v3/repos/acme/store": 200, id: 200} {
		if status, _ := ask("GET", path, tok); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	if other.ID() == w.repo.ID() || other.GitDir() == w.repo.GitDir() {
		t.Error("both are one")
	}

	w.repo.Transfer("globex")
	if body := event("transferred"); !strings.Contains(body, `"from":{"organization":{`) || !strings.Contains(body, `"full_name":"globex/store"`) {
		t.Errorf("transferred: %s", body)
	}
	if status, _ := ask("GET", "/api/v3/repos/acme/store", tok); status != 404 {
		t.Errorf("with the token of the account before: %d", status)
	}
	if status, to := ask("GET", "/api/v3/repos/acme/store", w.Token("globex", nil, "store")); status != 301 || to != id {
		t.Errorf("with that of the new one: %d to %q", status, to)
	}
	if status, to := ask("GET", "/api/v3/repos/acme/store/installation", w.jwt()); status != 301 || to != id+"/installation" {
		t.Errorf("the installation is at %d, %q", status, to)
	}
	if status, _ := ask("GET", id+"/installation", w.jwt()); status != 200 {
		t.Errorf("the installation: %d", status)
	}
}
