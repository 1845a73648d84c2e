package design

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// A sample is a folder testdata/samples/SLUG/NAME with the files of one tree, and a file "facts": a line for each fact
// of the signal or evidence, "PATH:LINE KEY", with " (closed)" at its end for one that is answered at its place. The
// list is empty for a negative sample. A sample may have two sides, see sampleFacts. Files whose names would confuse tools have ".txt" at their end.
func TestSamples(t *testing.T) {
	t.Parallel()
	positive, negative := map[string]int{}, map[string]int{}
	samples, err := filepath.Glob("testdata/samples/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range samples {
		rule := filepath.Base(filepath.Dir(dir))
		want, err := os.ReadFile(filepath.Join(dir, "facts"))
		if err != nil {
			t.Fatal(err)
		}
		if len(strings.TrimSpace(string(want))) > 0 {
			positive[rule]++
		} else {
			negative[rule]++
		}
		t.Run(rule+"/"+filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			lines := sampleFacts(t, dir, rule)
			slices.Sort(lines)
			wanted := strings.Split(strings.TrimSpace(string(want)), "\n")
			slices.Sort(wanted)
			if got := strings.Join(lines, "\n"); got != strings.TrimSpace(strings.Join(wanted, "\n")) {
				t.Errorf("found\n%s\nwant\n%s", got, strings.Join(wanted, "\n"))
			}
		})
	}
	for _, s := range Signals() {
		if positive[s.Slug] < 3 || negative[s.Slug] < 3 {
			t.Errorf("%s has %d positive and %d negative samples, want three of each", s.Slug, positive[s.Slug], negative[s.Slug])
		}
	}
}

// sample reads the files of a sample.
func sample(t *testing.T, dir string) (files []scanners.File) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil || rel == "facts" {
			return err
		}
		content, err := os.ReadFile(name)
		files = append(files, scanners.File{Path: strings.TrimSuffix(filepath.ToSlash(rel), ".txt"), Content: content})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestSignals(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, topic := range Topics() {
		known[topic.Name] = true
		if n := len(topic.Answers); n < 2 || n > 4 {
			t.Errorf("topic %s has %d answers, want two to four", topic.Name, n)
		}
	}
	if len(Signals()) != 65 || len(known) != 22 {
		t.Errorf("%d signals and %d topics, want 65 and 22", len(Signals()), len(known))
	}
	for i, s := range Signals() {
		if want := fmt.Sprintf("DS-%02d", i+1); s.ID != want {
			t.Errorf("signal %d is %s, want %s", i, s.ID, want)
		}
		if !known[s.Topic] || !slices.Contains([]string{"A", "B", "C"}, s.Tier) || !slices.Contains([]string{"ask", "shadow", "record"}, s.Launch) {
			t.Errorf("%s: topic %q, tier %q, launch %q", s.ID, s.Topic, s.Tier, s.Launch)
		}
		if asks := s.Tier != "C"; asks && s.Question == "" {
			t.Errorf("%s has no question", s.ID)
		}
		for _, p := range Proofs(s.Slug) {
			if p.Kind == "" || p.Reach == "" || p.Says == "" {
				t.Errorf("%s has an incomplete proof: %+v", s.ID, p)
			}
		}
	}
}

func TestWithoutComments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		language   language
		text, want string
	}{
		{golang, "a // b\nc /* d\n e */ f", "a     \nc     \n      f"},
		{golang, "\"// no\" `/* no */` 'x' // y", "\"// no\" `/* no */` 'x'     "},
		{javascript, "it's // b\n", "it's     \n"},
		{python, "a = '#x' # y\n\"\"\"# z\"\"\"", "a = '#x'    \n\"\"\"# z\"\"\""},
		{yaml, "a: b#c # d", "a: b#c    "},
		{sql, "x -- y\n'--'", "x     \n'--'"},
		{markdown, "# x", "# x"},
	}
	for _, tt := range tests {
		if got := string(withoutComments([]byte(tt.text), tt.language)); got != tt.want {
			t.Errorf("%s: %q became %q, want %q", tt.language, tt.text, got, tt.want)
		}
	}
}
