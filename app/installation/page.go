package installation

import (
	"context"
	"fmt"

	"github.com/google/go-github/v60/github"
)

const (
	// perPage is the largest page that GitHub returns; it silently reduces larger values.
	// https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api#changing-the-number-of-items-per-page
	perPage = 100

	// maxPages bounds a list at 10,000 items, three times the files of the largest pull
	// request that GitHub lists.
	maxPages = 100
)

// All reads every page of a list. It calls list with the page to read, which list passes on to go-github. It
// returns the whole list or an error, never a part.
func All[T any](ctx context.Context, list func(*github.ListOptions) ([]T, *github.Response, error)) ([]T, error) {
	var all []T
	opt := github.ListOptions{Page: 1, PerPage: perPage}
	for range maxPages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		page := opt
		items, resp, err := list(&page)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if resp.NextPage == 0 {
			return all, nil
		}
		if resp.NextPage <= opt.Page {
			return nil, fmt.Errorf("page %d of a list is followed by page %d", opt.Page, resp.NextPage)
		}
		opt.Page = resp.NextPage
	}
	return nil, fmt.Errorf("a list is longer than %d pages of %d", maxPages, perPage)
}
