package lesson_test

import (
	"testing"

	"github.com/secbydesign/secbydesign/app/lesson"
	"github.com/secbydesign/secbydesign/app/record"
)

func TestDigest(t *testing.T) {
	t.Parallel()
	got := lesson.Digest([]record.TeamLesson{
		{CWE: "CWE-89", Pulls: 4, Owner: "acme", Repo: "shop", Number: 12}, {CWE: "CWE-999999", Pulls: 3}, {CWE: "CWE-434", Pulls: 1},
	}, map[string]string{"files": "use package acme/upload"}, "https://github.com")
	const want = "- **CWE-89** SQL injection, in 4 pull requests: Bind parameters or use the ORM's query builder; allow-list identifiers such as sort columns, which cannot be bound. " +
		"[OWASP: SQL Injection Prevention](https://cheatsheetseries.owasp.org/cheatsheets/SQL_Injection_Prevention_Cheat_Sheet.html) · your own fix: [pull request 12](https://redirect.github.com/acme/shop/pull/12)\n" +
		"- **CWE-434** Unrestricted upload, in 1 pull request: Allow-list type by content, cap the size, rename, store outside the web root and serve as attachment. Here: use package acme/upload\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := lesson.Digest(nil, nil, ""); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	if got := lesson.PullLink("https://git.example/", "acme", "shop", 1); got != "https://git.example/acme/shop/pull/1" {
		t.Error(got)
	}
}
