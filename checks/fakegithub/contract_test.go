package fakegithub

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// These tests compare the stand-in with GitHub's own descriptions of its API. The descriptions
// are too large to be kept here; the files come from two npm packages:
//
//	SECBYDESIGN_GITHUB_OPENAPI          generated/api.github.com.json of @octokit/openapi
//	SECBYDESIGN_GITHUB_WEBHOOK_OPENAPI  generated/api.github.com.json of @octokit/openapi-webhooks
func description(t *testing.T, variable, pkg string) map[string]any {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Skipf("%s is not set: it names generated/api.github.com.json of the npm package %s", variable, pkg)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// trim keeps only the parts of a description to which roots refer, since the whole takes
// seconds to load.
func trim(doc map[string]any, roots ...any) map[string]any {
	kept := map[string]any{}
	var visit func(any)
	visit = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				parts := strings.Split(strings.TrimPrefix(ref, "#/components/"), "/")
				kind, name := parts[0], parts[1]
				section, _ := kept[kind].(map[string]any)
				if section == nil {
					section = map[string]any{}
					kept[kind] = section
				}
				if _, done := section[name]; !done {
					target := doc["components"].(map[string]any)[kind].(map[string]any)[name]
					section[name] = target
					visit(target)
				}
			}
			delete(v, "example") // thousands of them, some not even of the right type
			delete(v, "examples")
			for _, child := range v {
				visit(child)
			}
		case []any:
			for _, child := range v {
				visit(child)
			}
		}
	}
	for _, r := range roots {
		visit(r)
	}
	return kept
}

func load(t *testing.T, doc map[string]any) *openapi3.T {
	t.Helper()
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatalf("load the trimmed description: %v", err)
	}
	return loaded
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	doc := description(t, "SECBYDESIGN_GITHUB_OPENAPI", "@octokit/openapi")
	w := scene(t)
	w.CreateTeam("acme", "payments", "alice")
	w.repo.Commit("owned", w.base, "Owners", map[string]string{"CODEOWNERS": "* @acme/gone\n"})
	w.Settle()
	app, token := w.jwt(), w.Token("acme", nil)
	threads := w.Threads("acme", "shop", 1)
	comment, note := threads[0].Comments[0].ID, w.IssueComments("acme", "shop", 1)[1].ID
	kept := threads[1].Comments[0].ID
	able := w.Token("acme", map[string]string{"issues": "write"})
	run := w.CheckRuns("acme", "shop", w.head)
	first := run[len(run)-1].ID
	var install int64
	for install = range w.installs {
	}
	delivery := w.Deliveries()[0].ID
	const repo = "/repos/{owner}/{repo}"
	calls := []struct {
		auth, method, template string
		args                   []any // for the braces after {owner}/{repo}
		query, body            string
		status                 int
	}{
		{app, "GET", "/app", nil, "", "", 200},
		{app, "GET", "/app/installations/{installation_id}", []any{install}, "", "", 200},
		{app, "POST", "/app/installations/{installation_id}/access_tokens", []any{install}, "", `{"repositories":["shop"],"permissions":{"checks":"write"}}`, 201},
		{app, "GET", repo + "/installation", nil, "", "", 200},
		{app, "GET", "/app/hook/deliveries", nil, "?per_page=5", "", 200},
		{app, "GET", "/app/hook/deliveries/{delivery_id}", []any{delivery}, "", "", 200},
		{app, "POST", "/app/hook/deliveries/{delivery_id}/attempts", []any{delivery}, "", "", 202},
		{token, "GET", "/installation/repositories", nil, "", "", 200},
		{token, "GET", "/rate_limit", nil, "", "", 200},
		{token, "GET", repo, nil, "", "", 200},
		{token, "GET", repo + "/collaborators/{username}/permission", []any{"alice"}, "", "", 200},
		{token, "GET", repo + "/contents/{path}", []any{"shop.go"}, "", "", 200},
		{token, "GET", repo + "/commits", nil, "?sha=main&path=shop.go&per_page=1", "", 200},
		{token, "GET", repo + "/commits/{ref}", []any{w.head}, "", "", 200},
		{token, "GET", repo + "/commits/{commit_sha}/pulls", []any{w.head}, "", "", 200},
		{token, "GET", repo + "/compare/{basehead}", []any{"main...feature"}, "", "", 200},
		{token, "GET", repo + "/pulls", nil, "?state=all", "", 200},
		{token, "GET", repo + "/pulls/{pull_number}", []any{1}, "", "", 200},
		{token, "GET", repo + "/pulls/{pull_number}", []any{99}, "", "", 404},
		{token, "GET", repo + "/pulls/{pull_number}/files", []any{1}, "", "", 200},
		{token, "GET", repo + "/pulls/{pull_number}/commits", []any{1}, "", "", 200},
		{token, "POST", repo + "/pulls/{pull_number}/reviews", []any{1}, "", `{"event":"COMMENT","body":"x","comments":[{"path":"shop.go","line":20,"side":"RIGHT","body":"x"}]}`, 200},
		{token, "POST", repo + "/pulls/{pull_number}/reviews", []any{1}, "", `{"event":"COMMENT","body":"x","comments":[{"path":"shop.go","line":40,"body":"x"}]}`, 422},
		{token, "GET", repo + "/pulls/{pull_number}/reviews", []any{1}, "", "", 200},
		{token, "GET", repo + "/pulls/{pull_number}/comments", []any{1}, "", "", 200},
		{token, "POST", repo + "/pulls/{pull_number}/comments", []any{1}, "", `{"commit_id":"` + w.head + `","path":"shop.go","subject_type":"file","body":"x"}`, 201},
		{token, "POST", repo + "/pulls/{pull_number}/comments", []any{1}, "", `{"commit_id":"` + w.head + `","path":"shop.go","line":40,"body":"x"}`, 422},
		{token, "POST", repo + "/pulls/{pull_number}/comments/{comment_id}/replies", []any{1, comment}, "", `{"body":"x"}`, 201},
		{token, "GET", repo + "/pulls/comments/{comment_id}", []any{comment}, "", "", 200},
		{token, "PATCH", repo + "/pulls/comments/{comment_id}", []any{comment}, "", `{"body":"y"}`, 200},
		{token, "DELETE", repo + "/pulls/comments/{comment_id}", []any{comment}, "", "", 204},
		{token, "GET", repo + "/issues/{issue_number}/comments", []any{1}, "", "", 200},
		{token, "POST", repo + "/issues/{issue_number}/comments", []any{1}, "", `{"body":"x"}`, 201},
		{token, "POST", repo + "/issues/{issue_number}/comments", []any{1}, "", `{"body":" "}`, 422},
		{token, "POST", repo + "/pulls/comments/{comment_id}/reactions", []any{kept}, "", `{"content":"rocket"}`, 201},
		{token, "POST", repo + "/pulls/comments/{comment_id}/reactions", []any{kept}, "", `{"content":"rocket"}`, 200},
		{token, "GET", repo + "/pulls/comments/{comment_id}/reactions", []any{kept}, "", "", 200},
		{able, "POST", repo + "/issues/comments/{comment_id}/reactions", []any{note}, "", `{"content":"eyes"}`, 201},
		{able, "POST", repo + "/issues/comments/{comment_id}/reactions", []any{note}, "", `{"content":"wink"}`, 422},
		{able, "GET", repo + "/issues/comments/{comment_id}/reactions", []any{note}, "?content=eyes", "", 200},
		{token, "PATCH", repo + "/issues/comments/{comment_id}", []any{note}, "", `{"body":"y"}`, 200},
		{token, "DELETE", repo + "/issues/comments/{comment_id}", []any{note}, "", "", 204},
		{token, "POST", repo + "/check-runs", nil, "", `{"name":"n","head_sha":"` + w.head + `"}`, 201},
		{token, "POST", repo + "/check-runs", nil, "", `{"name":"n","head_sha":"` + w.head + `","conclusion":"neutral","output":{"title":"t","summary":"s"}}`, 201},
		{token, "PATCH", repo + "/check-runs/{check_run_id}", []any{first}, "", `{"status":"completed","conclusion":"success"}`, 200},
		{token, "GET", repo + "/check-runs/{check_run_id}", []any{first}, "", "", 200},
		{token, "GET", repo + "/check-runs/{check_run_id}/annotations", []any{first}, "", "", 200},
		{token, "GET", repo + "/commits/{ref}/check-runs", []any{w.head}, "?filter=all", "", 200},
		{token, "GET", repo + "/codeowners/errors", nil, "?ref=owned", "", 200},
		{token, "GET", "/orgs/{org}/teams/{team_slug}/members", []any{"acme", "payments"}, "", "", 200},
		{token, "GET", "/orgs/{org}/teams/{team_slug}/memberships/{username}", []any{"acme", "payments", "alice"}, "", "", 200},
		{w.Token("acme", nil), "DELETE", "/installation/token", nil, "", "", 204},
	}
	paths := map[string]any{}
	for _, k := range calls {
		item, ok := doc["paths"].(map[string]any)[k.template]
		if !ok {
			t.Fatalf("GitHub describes no %s", k.template)
		}
		paths[k.template] = item
	}
	// Not nullable there, and null all the same for outdated and file-level comments; the
	// description of webhooks has it right.
	props := doc["components"].(map[string]any)["schemas"].(map[string]any)["pull-request-review-comment"].(map[string]any)["properties"].(map[string]any)
	for _, name := range []string{"line", "original_line", "position"} {
		props[name].(map[string]any)["nullable"] = true
	}
	api := load(t, map[string]any{"openapi": "3.0.3", "info": doc["info"], "paths": paths, "components": trim(doc, paths)})

	for _, k := range calls {
		name := fmt.Sprintf("%s %s %d", k.method, k.template, k.status)
		path := strings.NewReplacer("{owner}", "acme", "{repo}", "shop").Replace(k.template)
		for _, a := range k.args {
			i, j := strings.IndexByte(path, '{'), strings.IndexByte(path, '}')
			path = path[:i] + fmt.Sprint(a) + path[j+1:]
		}
		req, err := http.NewRequest(k.method, w.URL()+"/api/v3"+path+k.query, strings.NewReader(k.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+k.auth)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body any
		derr := json.NewDecoder(res.Body).Decode(&body)
		res.Body.Close()
		if res.StatusCode != k.status {
			t.Errorf("%s: answered %d: %v", name, res.StatusCode, body)
			continue
		}
		op := api.Paths.Value(k.template).GetOperation(k.method)
		if k.body != "" {
			var sent any
			if err := json.Unmarshal([]byte(k.body), &sent); err != nil {
				t.Fatal(err)
			}
			// Some refused requests violate the description on purpose.
			if err := op.RequestBody.Value.Content.Get("application/json").Schema.Value.VisitJSON(sent); err != nil && k.status < 400 {
				t.Errorf("%s: this test's own request: %v", name, err)
			}
		}
		described := op.Responses.Status(k.status)
		if described == nil {
			t.Errorf("%s: GitHub describes no such answer", name)
			continue
		}
		content := described.Value.Content.Get("application/json")
		if content == nil {
			if derr == nil && body != nil {
				t.Errorf("%s: has a body %v, GitHub describes none", name, body)
			}
			continue
		}
		if err := content.Schema.Value.VisitJSON(body, openapi3.MultiErrors()); err != nil {
			t.Errorf("%s: %v", name, shorten(err))
		}
	}
}

func shorten(err error) string {
	s := err.Error()
	return s[:min(len(s), 3000)]
}

func TestWebhookShapes(t *testing.T) {
	t.Parallel()
	doc := description(t, "SECBYDESIGN_GITHUB_WEBHOOK_OPENAPI", "@octokit/openapi-webhooks")
	w := scene(t)
	th := w.Threads("acme", "shop", 1)
	run := w.CheckRuns("acme", "shop", w.head)[0].ID
	note := w.Note("acme", "shop", 1, "bob", "- [ ] box")
	w.EditNote(note, "alice", "- [x] box")
	w.EditReviewComment(th[0].Comments[0].ID, "bob", "changed")
	w.UnresolveThread("acme", "shop", 1, th[1].ID, "bob")
	w.DeleteReviewComment(th[3].Comments[0].ID, "bob")
	w.SetDraft("acme", "shop", 1, "alice", true)
	w.SetDraft("acme", "shop", 1, "alice", false)
	w.EditPull("acme", "shop", 1, "alice", "New title", "New body")
	w.repo.Commit("release", w.base, "Release", map[string]string{"r": "r"})
	w.ChangeBase("acme", "shop", 1, "alice", "release")
	w.ClosePull("acme", "shop", 1, "alice", false)
	w.ReopenPull("acme", "shop", 1, "alice")
	w.DeleteNote(note, "alice")
	permissions := w.opts.Permissions
	w.SetPermissions(map[string]string{"merge_queues": "read", "checks": "write"})
	w.repo.Dequeue(w.repo.Enqueue("alice", 1), "dequeued", "alice")
	w.SetPermissions(permissions)
	w.Rerequest(run, "alice")
	w.PressButton(run, "rerun", "alice")
	w.RerequestSuite("acme", "shop", w.head, "alice")
	w.repo.Commit("main", "", "On main", map[string]string{"m": "m"})
	w.repo.AnnouncePush("main", w.base, "alice")
	fork := w.repo.Fork("mallory")
	fork.Commit("patch", w.base, "From outside", map[string]string{"x.txt": "x"})
	n := w.repo.ForkPull(fork, "Fork", "", "main", "patch", "mallory", false)
	// Not after fork.Remove: head.repo is null then, which the description does not know.
	w.ClosePull("acme", "shop", n, "mallory", false)
	w.CreateRepo("umbrella", "one", true)
	w.CreateRepo("umbrella", "two", true)
	id := w.Install("umbrella", "one")
	w.AddRepositories(id, "two")
	w.RemoveRepositories(id, "two")
	w.AcceptPermissions(id, w.opts.Permissions)
	w.Suspend(id)
	w.Unsuspend(id)
	w.Uninstall(id)
	w.Settle()

	hooks := map[string]any{}
	for _, d := range w.Deliveries() {
		name := strings.ReplaceAll(d.Event, "_", "-")
		if d.Action != "" {
			name += "-" + strings.ReplaceAll(d.Action, "_", "-")
		}
		item, ok := doc["webhooks"].(map[string]any)[name]
		if !ok {
			t.Errorf("GitHub describes no webhook %s", name)
			continue
		}
		hooks[name] = item.(map[string]any)["post"].(map[string]any)["requestBody"].(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)["schema"]
	}
	if len(hooks) < 24 {
		t.Errorf("only %d kinds of deliveries: %v", len(hooks), slices.Sorted(maps.Keys(hooks)))
	}
	components := trim(doc, hooks)
	schemas := components["schemas"].(map[string]any)
	for name, schema := range hooks {
		schemas["hook-"+name] = schema
	}
	for _, s := range schemas {
		nullable(s)
	}
	api := load(t, map[string]any{"openapi": "3.0.3", "info": doc["info"], "paths": map[string]any{}, "components": components})
	seen := map[string]bool{}
	for _, d := range w.Deliveries() {
		name := "hook-" + strings.TrimSuffix(strings.ReplaceAll(d.Event+"-"+d.Action, "_", "-"), "-")
		if hooks[strings.TrimPrefix(name, "hook-")] == nil {
			continue
		}
		var payload any
		if err := json.Unmarshal(d.Payload, &payload); err != nil {
			t.Fatal(err)
		}
		if err := api.Components.Schemas[name].Value.VisitJSON(payload, openapi3.MultiErrors()); err != nil && !seen[name] {
			seen[name] = true
			t.Errorf("%s: %s", name, shorten(err))
		}
	}
}

// nullable turns a description in OpenAPI 3.1 into one in 3.0, which the validator supports better: it
// replaces lists of types with "null" in them.
func nullable(v any) {
	switch v := v.(type) {
	case map[string]any:
		if types, ok := v["type"].([]any); ok {
			rest := slices.DeleteFunc(slices.Clone(types), func(t any) bool { return t == "null" })
			if len(rest) < len(types) {
				v["nullable"] = true
			}
			if len(rest) == 1 {
				v["type"] = rest[0]
			} else {
				delete(v, "type")
			}
		}
		for _, list := range []string{"anyOf", "oneOf"} {
			options, _ := v[list].([]any)
			rest := slices.DeleteFunc(slices.Clone(options), func(o any) bool {
				m, _ := o.(map[string]any)
				return m["type"] == "null"
			})
			if len(rest) < len(options) {
				v["nullable"], v[list] = true, rest
			}
		}
		for _, child := range v {
			nullable(child)
		}
	case []any:
		for _, child := range v {
			nullable(child)
		}
	}
}
