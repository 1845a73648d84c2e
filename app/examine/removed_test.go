package examine

import (
	"testing"

	"github.com/secbydesign/secbydesign/checks/patch"
)

// TestRemoved holds at which line of the head a person sees that lines are gone.
func TestRemoved(t *testing.T) {
	t.Parallel()
	const header = "diff --git a/a.go b/a.go\n--- a/a.go\n+++ b/a.go\n"
	for name, tt := range map[string]struct {
		diff string
		want int
	}{
		"replaced":       {header + "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n", 2},
		"taken out":      {header + "@@ -1,3 +1,2 @@\n one\n-two\n three\n", 2},
		"the first":      {header + "@@ -1,2 +1 @@\n-one\n two\n", 1},
		"the last":       {header + "@@ -1,2 +1 @@\n one\n-two\n", 1},
		"after added":    {header + "@@ -1,3 +1,4 @@\n+zero\n+half\n one\n-two\n three\n", 4},
		"only added":     {header + "@@ -1 +1,2 @@\n one\n+two\n", 0},
		"a second hunk":  {header + "@@ -1 +1,2 @@\n one\n+two\n@@ -10,2 +11,1 @@\n ten\n-eleven\n", 11},
		"all of it":      {header + "@@ -1,2 +0,0 @@\n-one\n-two\n", 1},
		"a file is gone": {"diff --git a/a.go b/a.go\ndeleted file mode 100644\n--- a/a.go\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n", 1},
		"another file":   {"diff --git a/b.go b/b.go\n--- a/b.go\n+++ b/b.go\n@@ -1 +1 @@\n-one\n+two\n", 0},
	} {
		set, err := patch.Parse([]byte(tt.diff))
		if err != nil {
			t.Fatal(err)
		}
		if got := (Examination{Patch: set}).Removed("a.go"); got != tt.want {
			t.Errorf("%s: line %d, want %d", name, got, tt.want)
		}
	}
}
