package mirror

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestContains searches the base for what a change names, in a mirror that has no content yet.
func TestContains(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	files := []edit{
		put("app/pay.py", "requests.post('https://api.stripe.com/v1')\n"),
		put("docs/guide.md", "We might use api.example.com one day.\n"),
		put("-dash.txt", "--name-only; $(id)\n"),
		put("empty.txt", ""),
		put("big.bin", strings.Repeat("x", 2000)+"api.big.com"),
	}
	for i := range 50 {
		files = append(files, put(fmt.Sprintf("d/f%d.txt", i), fmt.Sprintf("line %d\n", i)))
	}
	base := b.commit(t, "refs/heads/main", nil, files...)
	code := func(path string) bool { return !strings.HasPrefix(path, "docs/") }
	for name, tt := range map[string]struct {
		limits   Limits
		keep     func(string) bool
		texts    []string
		known    []string
		complete bool
	}{
		"some":          {Limits{}, code, []string{"api.stripe.com", "api.example.com", "stripe", "line 49\n", "nowhere"}, []string{"api.stripe.com", "line 49\n", "stripe"}, true},
		"everywhere":    {Limits{}, nil, []string{"api.example.com"}, []string{"api.example.com"}, true},
		"not a pattern": {Limits{}, code, []string{"api.s.*", "--name-only; $(id)"}, []string{"--name-only; $(id)"}, true},
		"none":          {Limits{}, code, nil, nil, true},
		"empty":         {Limits{}, code, []string{""}, []string{""}, true},
		"too large":     {Limits{BlobBytes: 1000}, code, []string{"api.big.com", "stripe"}, []string{"stripe"}, false},
		"found before":  {Limits{BlobBytes: 1000}, func(p string) bool { return p < "b" }, []string{"stripe"}, []string{"stripe"}, true},
		"over the pack": {Limits{FetchBytes: 10}, code, []string{"nowhere"}, nil, false},
		"nothing kept":  {Limits{}, func(string) bool { return false }, []string{"stripe"}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := openMirror(t, s, "r", Limits{})
			fetch(t, r, 1, base)
			r.git.limits = tt.limits.withDefaults()
			requests := s.requests.Load()
			known, complete, err := r.Contains(t.Context(), base, tt.keep, tt.texts)
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Sorted(maps.Keys(known)); !slices.Equal(got, tt.known) || complete != tt.complete {
				t.Errorf("%q, complete: %t; want %q, %t", got, complete, tt.known, tt.complete)
			}
			if n := s.requests.Load() - requests; n > 3 {
				t.Errorf("%d requests, want one fetch", n)
			}
		})
	}
	t.Run("many texts", func(t *testing.T) {
		r := openMirror(t, s, "r", Limits{})
		fetch(t, r, 1, base)
		var texts []string
		for i := range searchTexts + 1 {
			texts = append(texts, fmt.Sprintf("nowhere %d", i))
		}
		if known, complete, err := r.Contains(t.Context(), base, nil, texts); err != nil || complete || len(known) > 0 {
			t.Errorf("%v, complete: %t, %v", known, complete, err)
		}
	})
	t.Run("no commit", func(t *testing.T) {
		r := openMirror(t, s, "r", Limits{})
		if _, _, err := r.Contains(t.Context(), strings.Repeat("1", 40), nil, []string{"x"}); err == nil {
			t.Error("a commit that is not there has no error")
		}
	})
}
