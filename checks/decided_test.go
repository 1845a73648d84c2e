package checks

import "testing"

// TestOnlyACommentInTheCodeHasAPlace: what a command decided has none.
func TestOnlyACommentInTheCodeHasAPlace(t *testing.T) {
	t.Parallel()
	if got := (Decided{Path: "a.go", Line: 7}).Place(); got != "a.go:7" {
		t.Errorf("a comment is at %q", got)
	}
	if got := (Decided{ID: "A-AAAAAAAA", Line: 7}).Place(); got != "" {
		t.Errorf("a command is at %q", got)
	}
}
