package installation_test

import (
	"errors"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/installation/installationtest"
)

// TestIssues has clients for issues if the installation grants that, and with no more than that.
func TestIssues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		granted string
		ok      bool
	}{{"", false}, {"read", false}, {"write", true}} {
		gh, app := installationtest.New(t, installation.Options{})
		permissions := map[string]string{"metadata": "read", "contents": "read", "checks": "write", "pull_requests": "write"}
		if c.granted != "" {
			permissions["issues"] = c.granted
		}
		gh.SetPermissions(permissions)
		repo := gh.CreateRepo("acme", "shop", false)
		client, err := app.Client(t.Context(), gh.Install("acme"), repo.ID(), "acme", "shop")
		if err != nil {
			t.Fatal(err)
		}
		issue := repo.OpenIssue("Help", "", "mona")
		rest, graphql, err := client.Issues(t.Context())
		var forbidden *installation.Forbidden
		if !c.ok {
			if !errors.As(err, &forbidden) || forbidden.Accepted != "issues=write" {
				t.Errorf("%q is granted: %v", c.granted, err)
			}
			continue
		}
		if err != nil || graphql == nil {
			t.Fatal(err)
		}
		if _, _, err := rest.Issues.CreateComment(t.Context(), "acme", "shop", issue, &github.IssueComment{Body: github.String("hello")}); err != nil {
			t.Error(err)
		}
		if _, _, err := rest.Checks.CreateCheckRun(t.Context(), "acme", "shop", github.CreateCheckRunOptions{Name: "x", HeadSHA: "x"}); !errors.As(err, &forbidden) {
			t.Errorf("a check run: %v", err)
		}
	}
}
