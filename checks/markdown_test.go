package checks

import (
	"strings"
	"testing"
)

// TestCodeIsNeverOpen: whatever is in it, the span ends where it should.
func TestCodeIsNeverOpen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":       "` `", // two backticks alone would begin a span
		"a":      "`a`",
		"`":      "`` ` ``",
		"a``b`c": "``` a``b`c ```",
	} {
		if got := Code(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestOnlyAddressesThatCanBeFollowedAreLinks: a tool may send anything as the address of its help.
func TestOnlyAddressesThatCanBeFollowedAreLinks(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://example.com/a?b=c#d": true,
		"http://example.com":          true,
		"":                            false,
		"javascript:alert(1)":         false,
		"ftp://example.com/a":         false,
		"/a/b":                        false,
		"https:///a":                  false,
		"https://example.com/%zz":     false, // no URL at all
		"https://example.com/a b":     false,
		"https://example.com/ä":       false,
		"https://example.com/(a)":     false,
		"https://example.com/" + strings.Repeat("a", 480): true,
		"https://example.com/" + strings.Repeat("a", 481): false,
	} {
		if got, ok := webLink(address); ok != want || ok && got != address {
			t.Errorf("%.60q: %q, %v", address, got, ok)
		}
	}
}
