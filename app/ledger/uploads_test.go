package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestUploads(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	one := Upload{Owner: "Acme", Repo: "Shop", SHA: "aaa", Scanner: "codeql", Category: "go", Workflow: "w.yml", Ref: "refs/heads/main", Data: []byte("first")}
	other := one
	other.Category, other.Data = "js", []byte("second")
	if err := l.SaveUploads(t.Context(), []Upload{one, other}); err != nil {
		t.Fatal(err)
	}
	// The newest upload of a part counts; one from a pull request's workflow is stored separately.
	one.Data = []byte("third")
	pull := one
	pull.Number, pull.Ref, pull.Data = 7, "refs/pull/7/merge", nil
	if err := l.SaveUploads(t.Context(), []Upload{one, pull}); err != nil {
		t.Fatal(err)
	}
	list, err := l.Uploads(t.Context(), Repo{Owner: "acme", Name: "SHOP"}, "aaa")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range list {
		if time.Since(u.At) > time.Minute {
			t.Errorf("saved at %v", u.At)
		}
		got = append(got, fmt.Sprintf("%s %s %d %s %s", u.Scanner, u.Category, u.Number, u.Ref, u.Data))
	}
	slices.Sort(got)
	if want := []string{"codeql go 0 refs/heads/main third", "codeql go 7 refs/pull/7/merge ", "codeql js 0 refs/heads/main second"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if list, err := l.Uploads(t.Context(), Repo{Owner: "acme", Name: "shop"}, "bbb"); err != nil || len(list) != 0 {
		t.Errorf("for another commit: %v, %v", list, err)
	}

	who := func(ref string, since time.Time) []string {
		t.Helper()
		names, err := l.Uploaders(t.Context(), Repo{Owner: "acme", Name: "shop"}, ref, since)
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	hour := time.Now().Add(-time.Hour)
	if got := who("refs/heads/main", hour); !slices.Equal(got, []string{"codeql"}) {
		t.Errorf("%q upload for main", got)
	}
	if got := append(who("refs/heads/main", time.Now().Add(time.Hour)), who("refs/pull/7/merge", hour)...); len(got) != 0 {
		t.Errorf("%q upload later, or count although only a pull request's workflow sent it", got)
	}

	// The next save removes old uploads.
	if _, err := l.write.ExecContext(t.Context(), `UPDATE uploads SET saved_at = $1 WHERE category = 'go'`, millis(time.Now().Add(-uploadsLive-time.Hour))); err != nil {
		t.Fatal(err)
	}
	if err := l.SaveUploads(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if list, err = l.Uploads(t.Context(), Repo{Owner: "acme", Name: "shop"}, "aaa"); err != nil || len(list) != 1 {
		t.Errorf("%d are left, %v; want 1", len(list), err)
	}
}

func TestUploadsAreBounded(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	u := Upload{Owner: "acme", Repo: "shop", SHA: "aaa", Scanner: "codeql"}
	var list []Upload
	for i := range maxUploads {
		u.Category = fmt.Sprint(i)
		list = append(list, u)
	}
	if err := l.SaveUploads(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	u.Category = "one more"
	again := list[0]
	if err := l.SaveUploads(t.Context(), []Upload{again, u}); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more for the commit: %v", err)
	}
	if err := l.SaveUploads(t.Context(), []Upload{again}); err != nil {
		t.Errorf("one of those that are there: %v", err)
	}
	// Uploads of pull requests do not use up the limit of branches.
	u.Number = 7
	if err := l.SaveUploads(t.Context(), []Upload{u}); err != nil {
		t.Errorf("for a pull request: %v", err)
	}
	for i := range maxUploadsHour / maxUploads {
		for j := range list {
			list[j].Repo, list[j].SHA = "other", fmt.Sprint(i)
		}
		if err := l.SaveUploads(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.SaveUploads(t.Context(), []Upload{{Owner: "acme", Repo: "other", SHA: "more", Scanner: "codeql"}}); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more in the hour: %v", err)
	}
}

func TestAwaiting(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	for _, p := range []Pull{{Number: 1, Head: "aaa"}, {Number: 2, Head: "bbb"}, {Number: 3, Head: "ccc", Closed: true}, {Number: 4, Head: "ddd"}} {
		p.Owner, p.Repo = "Acme", "shop"
		if err := l.Tx(t.Context(), func(tx *sql.Tx) error { return l.RecordWebhook(t.Context(), tx, p) }); err != nil {
			t.Fatal(err)
		}
	}
	for _, number := range []int{2, 3, 2} {
		if err := l.Await(t.Context(), Repo{Owner: "acme", Name: "Shop"}, "aaa", number); err != nil {
			t.Fatal(err)
		}
	}
	got, err := l.Awaiting(t.Context(), Repo{Owner: "acme", Name: "shop"}, "aaa")
	if err != nil || !slices.Equal(got, []int{1, 2}) {
		t.Errorf("%v await it, %v; want the one whose head it is and the open one that waits", got, err)
	}
}
