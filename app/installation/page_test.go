package installation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/google/go-github/v60/github"
)

func TestAll(t *testing.T) {
	t.Parallel()
	errHere := errors.New("page 2 is broken")
	tests := map[string]struct {
		next  func(page int) int
		fail  int // the page that fails
		items int
		err   string
	}{
		"one page":       {next: func(int) int { return 0 }, items: 1},
		"three pages":    {next: func(p int) int { return (p + 1) % 4 }, items: 3},
		"as many as may": {next: func(p int) int { return (p + 1) % (maxPages + 1) }, items: maxPages},
		"one too many":   {next: func(p int) int { return p + 1 }, err: "a list is longer than 100 pages of 100"},
		"a circle":       {next: func(int) int { return 2 }, err: "page 2 of a list is followed by page 2"},
		"a broken page":  {next: func(p int) int { return p + 1 }, fail: 2, err: errHere.Error()},
	}
	for name, tt := range tests {
		all, err := All(t.Context(), func(o *github.ListOptions) ([]int, *github.Response, error) {
			if o.PerPage != 100 {
				t.Errorf("%s: %d per page", name, o.PerPage)
			}
			if o.Page == tt.fail {
				return []int{-1}, nil, errHere
			}
			return []int{o.Page}, &github.Response{NextPage: tt.next(o.Page)}, nil
		})
		if tt.err != "" {
			if err == nil || err.Error() != tt.err || all != nil {
				t.Errorf("%s: got %d items and error %v, want %q", name, len(all), err, tt.err)
			}
			continue
		}
		if err != nil || len(all) != tt.items || all[len(all)-1] != tt.items {
			t.Errorf("%s: got %v, %v", name, all, err)
		}
	}
}

func TestAllStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := All(ctx, func(o *github.ListOptions) ([]int, *github.Response, error) {
		cancel()
		return nil, &github.Response{NextPage: o.Page + 1}, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAllReadsGitHubsLists(t *testing.T) {
	t.Parallel()
	h := &hub{}
	h.api = func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		if page < 3 {
			w.Header().Set("Link", fmt.Sprintf(`<https://api.github.com/x?page=%d>; rel="next"`, page+1))
		}
		fmt.Fprintf(w, `[{"filename":"%d"}]`, page)
	}
	_, c := open(t, h)
	files, err := All(t.Context(), func(o *github.ListOptions) ([]*github.CommitFile, *github.Response, error) {
		return c.REST.PullRequests.ListFiles(t.Context(), c.Owner, c.Repo, 7, o)
	})
	if err != nil || len(files) != 3 || files[2].GetFilename() != "3" {
		t.Errorf("got %v, %v", files, err)
	}
}
