package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"
)

// Bounds of one search: a question that needs it waits, and the answer is only which of several questions to ask.
const (
	searchFiles = 60_000    // in the tree
	searchFetch = 4_000     // of them that a mirror lacks
	searchBytes = 64 << 20  // received for them
	searchRead  = 512 << 20 // content that is searched
	searchTexts = 100
	searchTime  = 30 * time.Second
)

var errSearchBound = fmt.Errorf("%w: the search", ErrTooLarge)

// Contains reports which texts the files of a commit or tree contain. It reads the files whose paths keep accepts; a
// nil keep accepts all. A mirror fetches those that it lacks in one request. complete is false if not all of that could
// be searched, because of the bounds of a search or because a file is over Limits.BlobBytes: then a text that is not
// known may be there all the same. Texts of no length are known.
func (r *Repo) Contains(ctx context.Context, rev string, keep func(path string) bool, texts []string) (known map[string]bool, complete bool, err error) {
	known = map[string]bool{}
	left := slices.DeleteFunc(unique(texts), func(s string) bool { return s == "" })
	if len(left) < len(texts) && slices.Contains(texts, "") {
		known[""] = true
	}
	complete = len(left) <= searchTexts
	left = left[:min(len(left), searchTexts)]
	if len(left) == 0 {
		return known, complete, nil
	}
	bounded, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	blobs, err := r.searched(bounded, rev, keep)
	if err == nil {
		var all bool
		all, err = r.search(bounded, blobs, left, known)
		complete = complete && all
	}
	switch {
	case ctx.Err() != nil:
		return nil, false, context.Cause(ctx)
	case errors.Is(err, ErrTooLarge), err != nil && bounded.Err() != nil:
		zerolog.Ctx(ctx).Info().Err(err).Str("rev", rev).Msg("the base was not searched to its end")
		return known, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("search %.8s: %w", rev, err)
	}
	return known, complete, nil
}

// searched lists the blobs to search.
func (r *Repo) searched(ctx context.Context, rev string, keep func(path string) bool) (blobs []string, err error) {
	_, files, err := r.Tree(ctx, rev)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if keep == nil || keep(f.Path) {
			blobs = append(blobs, f.Blob)
		}
	}
	blobs = unique(blobs)
	if len(blobs) > searchFiles {
		return nil, errSearchBound
	}
	err = r.steady(ctx, func(ctx context.Context) error {
		lacking, err := r.missing(ctx, blobs)
		if err == nil && len(lacking) > searchFetch {
			return errSearchBound
		}
		return err
	})
	return blobs, err
}

// search adds the texts that one of the blobs contains to known. all is false if a blob could not be read.
func (r *Repo) search(ctx context.Context, blobs, texts []string, known map[string]bool) (all bool, err error) {
	left := make([][]byte, len(texts))
	for i, text := range texts {
		left[i] = []byte(text)
	}
	found := errors.New("every text is found")
	small := &Repo{git: r.git, hash: r.hash, remote: r.remote, local: r.local}
	small.git.limits.FetchBytes = min(r.git.limits.FetchBytes, searchBytes)
	total := int64(0)
	all = true
	err = small.Blobs(ctx, blobs, func(_ string, _ int64, content []byte) error {
		if content == nil {
			all = false
			return nil
		}
		if total += int64(len(content)); total > searchRead {
			return errSearchBound
		}
		left = slices.DeleteFunc(left, func(text []byte) bool {
			if !bytes.Contains(content, text) {
				return false
			}
			known[string(text)] = true
			return true
		})
		if len(left) == 0 {
			return found
		}
		return nil
	})
	if errors.Is(err, found) {
		return true, nil
	}
	return all, err
}
