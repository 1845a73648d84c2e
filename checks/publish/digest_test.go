package publish_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
)

func digestBench(t *testing.T) (*bench, func(publish.DigestIssue) int) {
	t.Helper()
	b := newBench(t, map[string]string{"metadata": "read", "issues": "write", "pull_requests": "write", "contents": "read", "checks": "write"})
	return b, func(d publish.DigestIssue) int {
		t.Helper()
		d.Owner, d.Repo, d.Self = "acme", "shop", "secbydesign[bot]"
		if d.Team == "" {
			d.Team = "@acme/payments"
		}
		n, err := publish.KeepDigest(t.Context(), b.clients, d)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

func TestKeepDigest(t *testing.T) {
	t.Parallel()
	b, keep := digestBench(t)
	want := publish.DigestIssue{Title: "Digest", Body: "one", Create: true}
	if n := keep(publish.DigestIssue{Title: "Digest", Body: "nothing"}); n != 0 || len(b.repo.Issues()) != 0 {
		t.Fatalf("created for nothing: %d", n)
	}
	n := keep(want)
	if got := b.repo.Issue(n); got.Title != "Digest" || got.Body != "one\n\n<!-- secbydesign:v1 digest=@acme/payments -->" || len(got.Labels) != 0 {
		t.Fatalf("created as %+v", got)
	}
	for _, known := range []int{n, 0, n + 50, b.number} { // also if the number was forgotten, or is another's
		want.Known = known
		if again := keep(want); again != n || b.repo.Issue(n).Edits != 0 {
			t.Errorf("known as %d: issue %d, %d edits", known, again, b.repo.Issue(n).Edits)
		}
	}
	want.Known, want.Body, want.Create = n, "two", false
	if keep(want); b.repo.Issue(n).Edits != 1 || !strings.HasPrefix(b.repo.Issue(n).Body, "two\n") {
		t.Errorf("edited to %+v", b.repo.Issue(n))
	}
	if other := keep(publish.DigestIssue{Team: "@acme/core", Title: "Digest", Body: "one", Create: true}); other == n {
		t.Error("another team has the same issue")
	}
	if len(b.repo.Issues()) != 2 {
		t.Errorf("%d issues", len(b.repo.Issues()))
	}
}

// TestDigestAndPeople holds that people may close and edit the issue, and delete it.
func TestDigestAndPeople(t *testing.T) {
	t.Parallel()
	b, keep := digestBench(t)
	want := publish.DigestIssue{Title: "Digest", Body: "one", Create: true}
	want.Known = keep(want)
	b.repo.CloseIssue(want.Known, "mona")
	want.Body = "two"
	if n := keep(want); n != want.Known || b.repo.Issue(n).State != "closed" || !strings.HasPrefix(b.repo.Issue(n).Body, "two") {
		t.Errorf("after it was closed: %d %+v", n, b.repo.Issue(n))
	}
	b.repo.EditIssue(want.Known, "mona", "all is well") // also without the marker it is the App's own
	if n := keep(want); n != want.Known || checks.DigestTeam(b.repo.Issue(n).Body) != "@acme/payments" {
		t.Errorf("after an edit: %d %+v", n, b.repo.Issue(n))
	}
	b.repo.DeleteIssue(want.Known, "mona")
	if n := keep(want); n == want.Known || b.repo.Issue(n).State != "open" {
		t.Errorf("after it was deleted: %d", n)
	}
}

// TestForgedDigest holds that the marker in the issue of a person is nothing.
func TestForgedDigest(t *testing.T) {
	t.Parallel()
	b, keep := digestBench(t)
	forged := b.repo.OpenIssue("Digest", "mine\n\n"+checks.DigestMarker("@acme/payments"), "mallory")
	n := keep(publish.DigestIssue{Title: "Digest", Body: "one", Create: true, Known: forged})
	if n == forged || b.repo.Issue(forged).Edits != 0 {
		t.Errorf("the issue is %d, the forged one is %+v", n, b.repo.Issue(forged))
	}
}

// TestTwoDigests holds that the oldest of several issues stays.
func TestTwoDigests(t *testing.T) {
	t.Parallel()
	b, keep := digestBench(t)
	want := publish.DigestIssue{Title: "Digest", Body: "one", Create: true}
	first := keep(want)
	b.repo.EditIssue(first, "mona", "hidden")
	second := keep(want)
	b.repo.EditIssue(first, "mona", "one\n\n"+checks.DigestMarker("@acme/payments"))
	if second == first {
		t.Fatal("there is only one")
	}
	for range 2 {
		if n := keep(want); n != first || b.repo.Issue(first).State != "open" || b.repo.Issue(second).State != "closed" || b.repo.Issue(second).Edits != 1 {
			t.Errorf("kept %d: %+v and %+v", n, b.repo.Issue(first), b.repo.Issue(second))
		}
	}
}

// gone answers requests about issues as GitHub does if they are switched off.
type gone struct{ http.RoundTripper }

func (g gone) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := g.RoundTripper.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/issues") && r.Method == http.MethodPost {
		resp.StatusCode = http.StatusGone
	}
	return resp, err
}

func TestDigestWithoutIssues(t *testing.T) {
	t.Parallel()
	b, _ := digestBench(t)
	b.through(gone{bearer{b.gh.Token("acme", nil)}})
	_, err := publish.KeepDigest(t.Context(), b.clients, publish.DigestIssue{Owner: "acme", Repo: "shop", Team: "@acme/payments", Self: "secbydesign[bot]", Title: "x", Body: "y", Create: true})
	if !errors.Is(err, publish.ErrNoIssues) {
		t.Errorf("the error is %v", err)
	}
}
