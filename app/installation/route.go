package installation

import (
	"net/http"
	"strings"
)

// Kinds of calls, see [Exchange.Kind].
const (
	REST    = "rest"
	GraphQL = "graphql"
)

// OtherRoute stands for every call whose route is not in the list of known ones.
const OtherRoute = "other"

// routes lists the templates of GitHub's routes that this program calls, without the method. A part in braces stands
// for one segment of a path, or for the rest of it where it ends in "...".
var routes = []string{
	"/app",
	"/app/hook/config",
	"/app/hook/deliveries",
	"/app/hook/deliveries/{delivery_id}",
	"/app/hook/deliveries/{delivery_id}/attempts",
	"/app/installations",
	"/app/installations/{installation_id}",
	"/app/installations/{installation_id}/access_tokens",
	"/installation/repositories",
	"/rate_limit",
	"/orgs/{org}/members/{username}",
	"/orgs/{org}/teams/{team_slug}/members",
	"/orgs/{org}/teams/{team_slug}/memberships/{username}",
	"/users/{username}",
	"/repos/{owner}/{repo}",
	"/repos/{owner}/{repo}/branches/{branch}",
	"/repos/{owner}/{repo}/check-runs",
	"/repos/{owner}/{repo}/check-runs/{check_run_id}",
	"/repos/{owner}/{repo}/codeowners/errors",
	"/repos/{owner}/{repo}/collaborators/{username}/permission",
	"/repos/{owner}/{repo}/commits",
	"/repos/{owner}/{repo}/commits/{ref}",
	"/repos/{owner}/{repo}/commits/{ref}/check-runs",
	"/repos/{owner}/{repo}/commits/{ref}/pulls",
	"/repos/{owner}/{repo}/compare/{basehead...}",
	"/repos/{owner}/{repo}/contents/{path...}",
	"/repos/{owner}/{repo}/installation",
	"/repos/{owner}/{repo}/issues",
	"/repos/{owner}/{repo}/issues/comments/{comment_id}",
	"/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
	"/repos/{owner}/{repo}/issues/{issue_number}",
	"/repos/{owner}/{repo}/issues/{issue_number}/comments",
	"/repos/{owner}/{repo}/pulls",
	"/repos/{owner}/{repo}/pulls/comments/{comment_id}",
	"/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions",
	"/repos/{owner}/{repo}/pulls/{pull_number}",
	"/repos/{owner}/{repo}/pulls/{pull_number}/comments",
	"/repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies",
	"/repos/{owner}/{repo}/pulls/{pull_number}/commits",
	"/repos/{owner}/{repo}/pulls/{pull_number}/files",
	"/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
}

// route returns the template of the route that a path belongs to, or [OtherRoute]. api is the path of the API, which
// ends in a slash. There are only as many results as there are known routes, whatever the path holds, so they may
// label a metric, and they name no file, branch or person.
func route(api, path string) string {
	path, ok := strings.CutPrefix(path, strings.TrimSuffix(api, "/"))
	if !ok {
		return OtherRoute
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) > 1 && parts[0] == "repositories" { // a repository by its id
		parts = append([]string{"repos", "", ""}, parts[2:]...)
	}
	for _, template := range routes {
		if fits(strings.Split(template[1:], "/"), parts) {
			return template
		}
	}
	return OtherRoute
}

func fits(template, parts []string) bool {
	for i, t := range template {
		switch {
		case i >= len(parts):
			return false
		case strings.HasSuffix(t, "...}"):
			return true
		case t[0] != '{' && t != parts[i]:
			return false
		}
	}
	return len(template) == len(parts)
}

// call returns the kind of a request and its operation: for REST the method and the route, for GraphQL whether it is a
// query or a mutation.
func call(api string, req *http.Request) (kind, operation, template string) {
	if graphql(req) {
		if writes(req) {
			return GraphQL, "mutation", ""
		}
		return GraphQL, "query", ""
	}
	template = route(api, req.URL.Path)
	if !known(req.Method) {
		return REST, OtherRoute, template
	}
	return REST, req.Method + " " + template, template
}

func known(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	}
	return false
}
