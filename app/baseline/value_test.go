package baseline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
)

// leaked finds words that begin with "K-" and end with "-K", each with its line as identity, as a scanner of secrets
// does. A commit is that of a version in between.
func leaked(path, commit, text string) (found []scanners.Finding) {
	lines := strings.Split(text, "\n")
	offset := 0
	for {
		from := strings.Index(text[offset:], "K-")
		if from < 0 {
			return found
		}
		from += offset
		to := from + strings.Index(text[from:], "-K") + 2
		place := func(at int) (line, column int) {
			begin := strings.LastIndexByte(text[:at], '\n') + 1
			return strings.Count(text[:at], "\n") + 1, utf8.RuneCountInString(text[begin:at]) + 1
		}
		f := scanners.Finding{Rule: "key", Path: path, Commit: commit, Severity: scanners.High}
		f.Line, f.Column = place(from)
		f.EndLine, f.EndColumn = place(to)
		f.Identity = strings.Join(lines[f.Line-1:f.EndLine], "\n")
		found, offset = append(found, f), to
	}
}

// TestASecretIsItsValue changes the text around a secret: the value was leaked before.
func TestASecretIsItsValue(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		base, head, between string
		want                string
	}{
		"quotes":                    {"a = 'K-1-K'", `a = "K-1-K"`, "", "unchanged a:1"},
		"a comment":                 {"a = K-1-K", "ä = K-1-K # old", "", "unchanged a:1"},
		"a name":                    {"a = K-1-K", "\nb: K-1-K", "", "unchanged a:2"},
		"another value":             {"a = K-1-K", "a = K-2-K", "", "absent a:1, new a:1"},
		"one of two":                {"a = K-1-K\nb = K-2-K", "a: K-1-K\nb: K-3-K", "", "absent a:2, new a:2, unchanged a:1"},
		"changed places":            {"a = K-1-K\nb = K-2-K", "a: K-2-K\nb: K-1-K", "", "unchanged a:1, unchanged a:2"},
		"twice in the file":         {"a = K-1-K", "a = K-1-K\nb: K-1-K", "", "unchanged a:1, unchanged a:2"},
		"many lines":                {"a: K-1\n 2-K", "a:\n    K-1\n    2-K", "", "unchanged a:2"},
		"many lines as one":         {"a: K-1\n2-K", `a: "K-1\n2-K"`, "", "unchanged a:1"},
		"added and removed":         {"", "", "a = K-1-K", "new a:1"},
		"other quotes for a while":  {"a = K-1-K", "", `a = "K-1-K"`, "absent a:1"},
		"other quotes, then others": {"", "a: K-1-K", `a = "K-1-K"`, "new a:1"},
		"put in and replaced":       {"", "a: K-2-K", `a = "K-1-K"`, "new a:1, new a:1"},
	} {
		in := Input{Base: leaked("a", "", test.base), Head: leaked("a", "", test.head), History: leaked("a", "c0", test.between)}
		in.Change = NewChange(map[string][]byte{"a": []byte(test.head)}, map[string][]byte{"a": []byte(test.base)}, nil)
		in.Versions = map[Version][]byte{{"a", "c0"}: []byte(test.between)}
		if got := states(Compare(gitleaks, in)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func states(results []scanners.Result) string {
	var list []string
	for _, r := range results {
		list = append(list, fmt.Sprintf("%s %s:%d", r.State, r.Path, r.Line))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// TestASecretInAnotherFile moves secrets between files, with another text around them.
func TestASecretInAnotherFile(t *testing.T) {
	t.Parallel()
	compare := func(info scanners.Info, renames map[string]string, base, head map[string]string) string {
		in := Input{Renames: renames}
		before, after := map[string][]byte{}, map[string][]byte{}
		for path, text := range base {
			before[path], in.Base = []byte(text), append(in.Base, leaked(path, "", text)...)
		}
		for path, text := range head {
			after[path], in.Head = []byte(text), append(in.Head, leaked(path, "", text)...)
		}
		in.Change = NewChange(after, before, renames)
		return states(Compare(info, in))
	}
	moved := map[string]string{"a": "x = 1", "b": `b: "K-1-K"`}
	if got := compare(gitleaks, nil, map[string]string{"a": "a = K-1-K", "b": "y"}, moved); got != "unchanged b:1" {
		t.Errorf("moved: %s", got)
	}
	if got := compare(gitleaks, nil, map[string]string{"a": "a = K-1-K"}, map[string]string{"a": "a = K-1-K", "b": `b: "K-1-K"`}); got != "new b:1, unchanged a:1" {
		t.Errorf("copied: %s", got)
	}
	if got := compare(gitleaks, map[string]string{"c": "a"}, map[string]string{"a": "a = K-1-K"}, map[string]string{"c": "a: K-1-K\nb: K-1-K"}); got != "unchanged c:1, unchanged c:2" {
		t.Errorf("renamed: %s", got)
	}
	if got := compare(grep, nil, map[string]string{"a": "a = K-1-K"}, map[string]string{"a": `a = "K-1-K"`}); got != "absent a:1, new a:1" {
		t.Errorf("not a secret: %s", got)
	}
}

// TestTheValueOfManySecrets takes a file of many through the comparison.
func TestTheValueOfManySecrets(t *testing.T) {
	t.Parallel()
	var before, after strings.Builder
	const n = 1000
	for i := range n {
		fmt.Fprintf(&before, "a%d = K-%d-K\n", i, i)
		fmt.Fprintf(&after, "a%d: K-%d-K # more\n", i, i)
	}
	in := Input{Base: leaked("a", "", before.String()), Head: leaked("a", "", after.String())}
	in.Change = NewChange(map[string][]byte{"a": []byte(after.String())}, map[string][]byte{"a": []byte(before.String())}, nil)
	results := Compare(gitleaks, in)
	if i := slices.IndexFunc(results, func(r scanners.Result) bool { return r.State != scanners.Unchanged }); len(results) != n || i >= 0 {
		t.Errorf("%d results, not all unchanged", len(results))
	}
}
