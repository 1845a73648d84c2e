package patch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const sample = `diff --git a/old name.go b/new name.go
similarity index 90%
rename from old name.go
rename to new name.go
index 1111111..2222222 100644
--- a/old name.go	
+++ b/new name.go	
@@ -3,4 +3,5 @@ func f() {
 context
-removed
+added
+added too
 context
 context
@@ -20,3 +21,2 @@
 context
-removed
 context
diff --git a/gone.txt b/gone.txt
deleted file mode 100644
index 3333333..0000000
--- a/gone.txt
+++ /dev/null
@@ -1,2 +0,0 @@
-diff --git a/not b/a-header
-two
diff --git a/fresh.txt b/fresh.txt
new file mode 100644
index 0000000..4444444
--- /dev/null
+++ b/fresh.txt
@@ -0,0 +1 @@
+one
\ No newline at end of file
diff --git a/pic.png b/pic.png
index 5555555..6666666 100644
Binary files a/pic.png and b/pic.png differ
`

func TestParse(t *testing.T) {
	t.Parallel()
	set, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range set.Files() {
		got = append(got, fmt.Sprintf("%q<-%q binary=%v %v", f.NewPath, f.OldPath, f.Binary, f.Hunks))
	}
	want := []string{
		`"new name.go"<-"old name.go" binary=false [{3 4 3 5 [4 5] [4] [4 5]} {20 3 21 2 [] [21] [22]}]`,
		`""<-"gone.txt" binary=false [{1 2 0 0 [] [1 2] []}]`,
		`"fresh.txt"<-"" binary=false [{0 0 1 1 [1] [] [1]}]`,
		`"pic.png"<-"pic.png" binary=true []`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestClamp(t *testing.T) {
	t.Parallel()
	set, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path       string
		side       Side
		start, end int
		want       string
	}{
		{"new name.go", Right, 2, 2, "no"},
		{"new name.go", Right, 3, 3, "3-3"},
		{"new name.go", Right, 7, 7, "7-7"},
		{"new name.go", Right, 8, 8, "no"},
		{"new name.go", Right, 1, 9, "3-7"},
		{"new name.go", Right, 6, 30, "6-7"},
		{"new name.go", Right, 21, 22, "21-22"},
		{"new name.go", Left, 21, 21, "21-21"},
		{"new name.go", Left, 7, 7, "no"},
		{"gone.txt", Right, 1, 1, "no"},
		{"gone.txt", Left, 1, 2, "1-2"},
		{"fresh.txt", Left, 1, 1, "no"},
		{"fresh.txt", Right, 1, 1, "1-1"},
		{"pic.png", Right, 1, 1, "no"},
	} {
		f, ok := set.File(c.path)
		if !ok {
			t.Fatalf("%s is not in the set", c.path)
		}
		got := "no"
		if from, to, ok := f.Clamp(c.side, c.start, c.end); ok {
			got = fmt.Sprintf("%d-%d", from, to)
		}
		if got != c.want {
			t.Errorf("%s %s %d-%d: got %s, want %s", c.path, c.side, c.start, c.end, got, c.want)
		}
	}
}

func TestOneBrokenFileHidesNoOther(t *testing.T) {
	t.Parallel()
	broken := "diff --git a/bad b/bad\n--- a/bad\n+++ b/bad\n@@ -1,9 +1,9 @@\n+short\n"
	set, err := Parse([]byte(broken + sample))
	if err == nil {
		t.Error("no error for a hunk that is shorter than it says")
	}
	if _, ok := set.File("fresh.txt"); !ok {
		t.Error("fresh.txt is lost")
	}
}

// TestHunksOutOfOrder reads hunks that git never writes.
func TestHunksOutOfOrder(t *testing.T) {
	t.Parallel()
	for hunks, want := range map[string]bool{
		"@@ -0,0 +1 @@\n+a\n":                                          true,
		"@@ -1 +0,0 @@\n-a\n":                                          true,
		"@@ -1 +1,2 @@\n a\n+b\n@@ -2 +3,2 @@\n a\n+b\n":               true,
		"@@ -1,2 +1 @@\n a\n-b\n@@ -3 +1,0 @@\n-c\n":                   true,
		"@@ -0,0 +0 @@\n+a\n":                                          false,
		"@@ -0,0 +-1 @@\n+a\n":                                         false,
		"@@ -1 +1,2 @@\n a\n+b\n@@ -1 +3,2 @@\n a\n+b\n":               false,
		"@@ -1 +1,2 @@\n a\n+b\n@@ -2 +2,2 @@\n a\n+b\n":               false,
		"@@ -5 +5,2 @@\n a\n+b\n@@ -1 +1,2 @@\n a\n+b\n":               false,
		"@@ -0,0 +9223372036854775807 @@\n+a\n":                        false,
		"@@ -0,0 +9223372036854775807,2 @@\n+a\n+b\n":                  false,
		"@@ -1 +1 @@\n-a\n+b\n@@ -3000000000 +3000000000 @@\n-a\n+b\n": false,
	} {
		set, err := Parse([]byte("diff --git a/x b/x\n--- a/x\n+++ b/x\n" + hunks))
		if ok := err == nil && len(set.Files()) == 1; ok != want || !ok && len(set.Files()) > 0 {
			t.Errorf("%q: %v, %d files", hunks, err, len(set.Files()))
		}
	}
}

// TestOddNames reads patches that git wrote for unusual and hostile names.
func TestOddNames(t *testing.T) {
	t.Parallel()
	names := []string{"plain", "with space", "-dash", "quo\"te", "new\nline", "tab\there", "caf\xe9", "日本", "a b/c d", "b/x", "back\\slash"}
	dir := t.TempDir()
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "base")
	for _, n := range names {
		p := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("x\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git("add", "-A")
	git("commit", "-q", "-m", "head")
	set, err := Parse([]byte(git("diff", "HEAD~", "HEAD")))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if f, ok := set.File(n); !ok || !f.Shows(Right, 1) {
			t.Errorf("%q is not in the set, or its line is not shown", n)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("diff --git a/x b/x\n@@ -1 +1 @@\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		set, _ := Parse(raw)
		for _, file := range set.Files() {
			if file.Path() == "" {
				t.Fatal("a file without a name")
			}
			for _, h := range file.Hunks {
				for _, line := range append(slices.Clone(h.Added), h.Changed...) {
					if !file.Shows(Right, line) {
						t.Fatalf("changed line %d is not shown by %+v", line, h)
					}
				}
			}
			last := 0
			for line := range 50 {
				if old, ok := file.Before(line + 1); ok && old <= last {
					t.Fatalf("line %d was line %d, after %d", line+1, old, last)
				} else if ok {
					last = old
				}
			}
			if from, to, ok := file.Clamp(Right, 1, 1<<30); ok && (from < 1 || to < from) {
				t.Fatalf("clamped to %d-%d", from, to)
			}
		}
	})
}

func TestBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		patch string
		want  string // for the lines of the new file, in order; - for none
	}{
		"replaced":         {"@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", "1 2 3 4"},
		"inserted":         {"@@ -1,2 +1,3 @@\n a\n+x\n b\n", "1 - 2 3"},
		"removed":          {"@@ -1,3 +1,2 @@\n a\n-b\n c\n", "1 3 4 5"},
		"more than before": {"@@ -1,3 +1,5 @@\n a\n-b\n+x\n+y\n+z\n c\n", "1 2 - - 3 4"},
		"less than before": {"@@ -1,4 +1,3 @@\n a\n-b\n-c\n+x\n d\n", "1 2 4 5"},
		"two hunks":        {"@@ -2,2 +2,3 @@\n b\n+x\n c\n@@ -6,2 +7,1 @@\n-f\n g\n", "1 2 - 3 4 5 7 8"},
		"all gone first":   {"@@ -1,2 +0,0 @@\n-a\n-b\n", "3 4"},
		"two runs":         {"@@ -1,5 +1,5 @@\n-a\n+A\n b\n+x\n c\n-d\n e\n", "1 2 - 3 5 6"},
	} {
		set, err := Parse([]byte("diff --git a/f b/f\n--- a/f\n+++ b/f\n" + c.patch))
		if err != nil {
			t.Fatal(err)
		}
		f, _ := set.File("f")
		var got []string
		for line := range strings.Fields(c.want) {
			word := "-"
			if old, ok := f.Before(line + 1); ok {
				word = strconv.Itoa(old)
			}
			got = append(got, word)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
}
