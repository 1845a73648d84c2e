package scanners_test

import (
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

func TestSome(t *testing.T) {
	t.Parallel()
	for want, names := range map[string][]string{
		"":                   nil,
		"a":                  {"a"},
		"a, b, c":            {"a", "b", "c"},
		"a, b, c and 1 more": {"a", "b", "c", "d"},
		"a, b, c and 2 more": {"a", "b", "c", "d", "e"},
	} {
		if got := scanners.Some(names, 3); got != want {
			t.Errorf("%q: got %q, want %q", names, got, want)
		}
	}
}
