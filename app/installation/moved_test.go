package installation

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
)

// TestRedirects checks that reads follow redirects, and that a redirected write is not taken for done: after a
// 301 net/http would send it as a GET.
func TestRedirects(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		h := &hub{}
		h.api = func(w http.ResponseWriter, r *http.Request) {
			if to, ok := strings.CutPrefix(r.URL.Path, "/repos/acme/shop"); ok {
				http.Redirect(w, r, "/repositories/7"+to, status)
				return
			}
			fmt.Fprint(w, `{"id": 7, "full_name": "acme/store", "name": "led on"}`)
		}
		c := openByID(t, h)
		repo, _, err := c.REST.Repositories.Get(t.Context(), "acme", "shop")
		if err != nil || repo.GetName() != "led on" {
			t.Errorf("%d: read %v, %v", status, repo.GetName(), err)
		}
		h.seen = nil
		_, _, create := c.REST.Checks.CreateCheckRun(t.Context(), "acme", "shop", github.CreateCheckRunOptions{Name: "n"})
		_, _, update := c.REST.Checks.UpdateCheckRun(t.Context(), "acme", "shop", 3, github.UpdateCheckRunOptions{Name: "n"})
		_, remove := c.REST.Issues.DeleteComment(t.Context(), "acme", "shop", 3)
		for what, err := range map[string]error{"POST": create, "PATCH": update, "DELETE": remove} {
			if moved := (*Moved)(nil); !errors.As(err, &moved) || moved.Was != "acme/shop" {
				t.Errorf("%d: %s: %v, want that it moved", status, what, err)
			}
		}
		if len(h.seen) != 3 {
			t.Errorf("%d: %d requests for three writes: %+v", status, len(h.seen), h.seen)
		}
	}
}

// openByID opens repository 7 by its id.
func openByID(t *testing.T, h *hub) *Client {
	t.Helper()
	a := newApp(t, h)
	c, err := a.Client(t.Context(), inst, 7, "acme", "shop")
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if last := h.minted[len(h.minted)-1]; !slices.Equal(last.RepositoryIDs, []int64{7}) || len(last.Repositories) > 0 {
		t.Errorf("the token is for %+v, want it for the id", last)
	}
	h.seen = nil
	return c
}

// TestRefusedUnderAnotherName checks the meaning of refusals: either the repository has another name, or the
// refusal means what it says.
func TestRefusedUnderAnotherName(t *testing.T) {
	t.Parallel()
	const acme = `{"id": 7, "full_name": "Acme/SHOP"}`
	for _, tc := range []struct {
		name   string
		at     int // status of GitHub's answer about the repository with that name
		is     string
		status int
		body   string
		moved  bool
	}{
		{"gone", 200, acme, 404, `{"message": "Not Found"}`, false},
		{"renamed", 301, ``, 404, `{"message": "Not Found"}`, true},
		{"another one has the name", 200, `{"id": 8}`, 404, `{"message": "Not Found"}`, true},
		{"another one, that is public", 200, `{"id": 8}`, 403, `{"message": "Resource not accessible by integration"}`, true},
		{"out of reach", 404, `{"message": "Not Found"}`, 404, `{"message": "Not Found"}`, true},
		{"not permitted", 200, acme, 403, `{"message": "Resource not accessible by integration"}`, false},
		{"locked", 200, acme, 403, `{"message": "is locked"}`, false},
		{"GitHub does not say", 200, `{}`, 404, `{"message": "Not Found"}`, false},
		{"refused for what it says", 404, ``, 422, `{"message": "Validation Failed"}`, false},
	} {
		h := &hub{}
		h.api = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/repos/acme/shop" {
				w.WriteHeader(tc.status)
				fmt.Fprint(w, tc.body)
				return
			}
			w.WriteHeader(tc.at)
			fmt.Fprint(w, tc.is)
		}
		c := openByID(t, h)
		_, resp, read := c.REST.Issues.GetComment(t.Context(), "acme", "shop", 3)
		_, _, write := c.REST.Issues.EditComment(t.Context(), "acme", "shop", 3, &github.IssueComment{})
		for what, err := range map[string]error{"read": read, "write": write} {
			if moved := (*Moved)(nil); err == nil || errors.As(err, &moved) != tc.moved {
				t.Errorf("%s, %s: %v", tc.name, what, err)
			}
		}
		if forbidden := (*Forbidden)(nil); !tc.moved && !errors.As(read, &forbidden) && (resp == nil || resp.StatusCode != tc.status) {
			t.Errorf("%s: the answer is %+v, want GitHub's own", tc.name, resp)
		}
	}
}

// TestRefusedWhileAway lets GitHub refuse, and then fail to say whether the repository is there. No refusal may
// then count as one about something in the repository: a comment is not gone because of it.
func TestRefusedWhileAway(t *testing.T) {
	t.Parallel()
	h := &hub{}
	h.api = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/repos/acme/shop" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message": "Not Found"}`)
	}
	c := openByID(t, h)
	_, _, read := c.REST.Issues.GetComment(t.Context(), "acme", "shop", 3)
	_, _, write := c.REST.Issues.EditComment(t.Context(), "acme", "shop", 3, &github.IssueComment{})
	for what, err := range map[string]error{"read": read, "write": write} {
		moved, refused := (*Moved)(nil), (*github.ErrorResponse)(nil)
		if err == nil || errors.As(err, &moved) || errors.As(err, &refused) {
			t.Errorf("%s: %v, want that GitHub does not say", what, err)
		}
	}
}

// TestRefusedWithoutAToken drops the token together with the refusal, as when GitHub's event about a transfer
// arrives at that moment: finding out the meaning of the refusal needs another token.
func TestRefusedWithoutAToken(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, body string
		status     int // of the next token
		moved      bool
	}{
		{"out of reach", `{"message": "There is at least one repository that does not exist or is not accessible to the parent installation."}`, 422, true},
		{"GitHub is away", ``, 500, false},
	} {
		h := &hub{}
		a := newApp(t, h)
		c, err := a.Client(t.Context(), inst, 7, "acme", "shop")
		if err != nil {
			t.Fatal(err)
		}
		h.mint = func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			fmt.Fprint(w, tc.body)
		}
		h.api = func(w http.ResponseWriter, _ *http.Request) {
			a.Forget(inst)
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"message": "Not Found"}`)
		}
		_, resp, err := c.REST.Issues.CreateComment(t.Context(), "acme", "shop", 3, &github.IssueComment{})
		if moved := (*Moved)(nil); errors.As(err, &moved) != tc.moved {
			t.Errorf("%s: %v", tc.name, err)
		}
		if refused := (*github.ErrorResponse)(nil); errors.As(err, &refused) && resp != nil && resp.StatusCode == http.StatusNotFound {
			t.Errorf("%s: %v, which looks as if the comment were gone", tc.name, err)
		}
	}
}

// TestFind checks where Find locates a repository.
func TestFind(t *testing.T) {
	t.Parallel()
	installed, repo := fmt.Sprintf(`{"id": %d}`, inst), `{"id": 7, "name": "Store", "owner": {"login": "Globex"}}`
	const elsewhere = inst + 1 // the wrong installation
	for _, tc := range []struct {
		name  string
		from  int64
		token string // the repository in the answer with the token
		at    map[string]string
		gone  bool
		err   bool
	}{
		{"renamed", inst, repo, nil, false, false},
		{"on a server that does not say with the token", inst, "", map[string]string{"/repositories/7": repo}, false, false},
		{"transferred, by its id", elsewhere, repo, map[string]string{"/repositories/7/installation": installed}, false, false},
		{"transferred, by a former name", elsewhere, repo, map[string]string{"/repos/acme/shop/installation": installed}, false, false},
		{"nowhere", elsewhere, repo, nil, true, true},
		{"another one", inst, `{"id": 8, "name": "x", "owner": {"login": "y"}}`, nil, false, true},
		{"out of sight", inst, "", nil, false, true},
		{"a strange name", inst, `{"id": 7, "name": "../x", "owner": {"login": "y"}}`, nil, false, true},
	} {
		h := &hub{}
		h.mint = func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token": "t", "expires_at": "2999-01-01T00:00:00Z", "repositories": [%s]}`, tc.token)
		}
		h.api = func(w http.ResponseWriter, r *http.Request) {
			body, ok := tc.at[r.URL.Path]
			if !ok {
				w.WriteHeader(http.StatusNotFound)
				body = `{"message": "Not Found"}`
			}
			fmt.Fprint(w, body)
		}
		at, err := newApp(t, h).Find(t.Context(), tc.from, 7, "acme", "shop")
		switch {
		case tc.err != (err != nil), tc.gone != errors.Is(err, ErrGone):
			t.Errorf("%s: %+v, %v", tc.name, at, err)
		case err == nil && at != Location{inst, "Globex", "Store"}:
			t.Errorf("%s: at %+v", tc.name, at)
		}
	}
}
