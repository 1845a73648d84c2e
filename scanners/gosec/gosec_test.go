package gosec

import (
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// A folder that go's own patterns leave out counts only if one of its files changed.
func TestUnloaded(t *testing.T) {
	t.Parallel()
	errors := map[string][]struct{ Error string }{
		"": nil, "/tree/app/app.go": nil, ".": nil, "./sub/": nil, "/tree/other": nil,
		"testdata/broken": nil, "a/_old": nil, "./a/testdata/changed/": nil,
	}
	out := &tool.Report{Output: tool.Output{Tree: "/tree"}, Paths: []string{"a/testdata/changed/x.go", "testdata/go.mod"}}
	want := []string{".", "a/testdata/changed", "other", "sub"}
	if got := (report{Errors: errors}).unloaded(out); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
