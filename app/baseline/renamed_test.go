package baseline

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// grepped returns the findings of a scanner that reports lines with a word, and takes the line for the identity.
func grepped(path, text, word string) (found []scanners.Finding) {
	for n, line := range strings.Split(text, "\n") {
		if strings.Contains(line, word) {
			found = append(found, scanners.Finding{Rule: "r", Path: path, Line: n + 1, EndLine: n + 1, Identity: line, Severity: scanners.Medium})
		}
	}
	return found
}

func retold(path, base, head string) []string {
	in := Input{Base: grepped(path, base, "bad"), Head: grepped(path, head, "bad")}
	Seal(in.Base)
	Seal(in.Head)
	in.Change = NewChange(map[string][]byte{path: []byte(head)}, map[string][]byte{path: []byte(base)}, nil)
	var list []string
	for _, r := range Compare(grep, in) {
		list = append(list, fmt.Sprintf("%s %d", r.State, r.Line))
	}
	// Of one line, the order is that of the digests.
	slices.SortStableFunc(list, func(a, b string) int {
		return cmp.Or(cmp.Compare(a[len(a)-1], b[len(b)-1]), cmp.Compare(a, b))
	})
	return list
}

// TestTheSameSaidOtherwise changes what says nothing in the line of an old finding. The twins say something else.
func TestTheSameSaidOtherwise(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, path, base, head string
		want                   []string
	}{
		{"a comment", "a.go", "func f() {\n\tbad(x)\n}\n", "func f() {\n\tbad(x) // #nosec G401 -- why\n}\n", []string{"unchanged 2"}},
		{"a comment less", "a.go", "func f() {\n\tbad(x) // #nosec G401 -- why\n}\n", "func f() {\n\tbad(x)\n}\n", []string{"unchanged 2"}},
		{"another comment", "a.py", "def f():\n    bad(x)  # one\n", "def f():\n    bad(x)  # two\n", []string{"unchanged 2"}},
		{"a comment outside of functions", "a.py", "import a\nbad(x)\nmore()\n", "import a\nbad(x)  # noqa: S1\nmore()\n", []string{"unchanged 2"}},
		{"quotes", "a.py", "def f():\n    bad('x')\n", "def f():\n    bad(\"x\")\n", []string{"unchanged 2"}},
		{"white space within", "a.js", "function f() {\n  bad(x,y)\n}\n", "function f() {\n  bad( x, y );\n}\n", []string{"unchanged 2"}},
		{"quotes that may be left out", "a.yml", "a:\n  b: bad\n", "a:\n  b: \"bad\"\n", []string{"unchanged 2"}},
		{"a comment, and another name", "a.py", "def f():\n    a()\n    b()\n    bad(x)\n", "def g():\n    a()\n    b()\n    bad(x)  # nosec\n", []string{"unchanged 4"}},
		{"a comment at one of two", "a.go", "func f() {\n\tbad(x)\n\tbad(x)\n}\n", "func f() {\n\tbad(x)\n\tbad(x) // why\n}\n", []string{"unchanged 2", "unchanged 3"}},
		{"a file without blocks", "a.yml", "- bad\n- b\n", "- 'bad'\n- b\n", []string{"unchanged 1"}},

		{"another argument", "a.go", "func f() {\n\tbad(x)\n}\n", "func f() {\n\tbad(y)\n}\n", []string{"absent 2", "new 2"}},
		{"another text", "a.go", "func f() {\n\tbad(\"x # y\")\n}\n", "func f() {\n\tbad(\"x # z\")\n}\n", []string{"absent 2", "new 2"}},
		{"a copy with a comment", "a.go", "func f() {\n\tbad(x)\n}\n", "func f() {\n\tbad(x)\n\tbad(x) // why\n}\n", []string{"unchanged 2", "new 3"}},
		{"two copies with comments", "a.go", "func f() {\n\tbad(x)\n}\n", "func f() {\n\tbad(x) // one\n\tbad(x) // two\n}\n", []string{"unchanged 2", "new 3"}},
		{"in another function", "a.go", "func f() {\n\tbad(x)\n}\n\nfunc g() {\n\ta()\n}\n", "func f() {\n\ta()\n}\n\nfunc g() {\n\tbad(x) // why\n}\n", []string{"absent 2", "new 6"}},
		{"a text for a variable", "a.go", "func f() {\n\tbad(\"x\")\n}\n", "func f() {\n\tbad(x)\n}\n", []string{"absent 2", "new 2"}},
		{"a file of no known kind", "a.txt", "bad # a\n", "bad # b\n", []string{"absent 1", "new 1"}},
	} {
		if got := retold(test.path, test.base, test.head); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// The lines of a finding are the same, and so is all around them, but not what it is about: that is another problem.
func TestTheSameLinesForAnotherReason(t *testing.T) {
	t.Parallel()
	text := map[string][]byte{"a.yml": []byte("jobs:\n  a:\n    steps:\n      - run: bad\n")}
	f := scanners.Finding{Rule: "r", Path: "a.yml", Line: 4, EndLine: 4, Identity: "one"}
	g := f
	g.Identity = "two"
	got := Compare(grep, Input{Base: []scanners.Finding{f}, Head: []scanners.Finding{g}, Change: NewChange(text, text, nil)})
	if want := []string{"absent a.yml:4 one:1", "new a.yml:4 two:1"}; !slices.Equal(describe(got), want) {
		t.Errorf("%q, want %q", describe(got), want)
	}
}

// What the second comparison pairs, it takes from both sides: whatever is edited, the numbers add up, no state depends
// on the order of the input, and a name or a comment alone never makes a new finding.
func TestRetoldAddsUp(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		text := func(comments, names bool) string {
			var b strings.Builder
			for i := range 1 + r.IntN(4) {
				name := fmt.Sprint("f", i)
				if names {
					name = fmt.Sprint("g", i)
				}
				fmt.Fprintf(&b, "def %s():\n", name)
				for range r.IntN(5) {
					b.WriteString([]string{"    bad(1)", "    bad(2)", "    good(1)", "    good(2)"}[r.IntN(4)])
					if comments && r.IntN(2) == 0 {
						b.WriteString("  # nosec")
					}
					b.WriteString("\n")
				}
			}
			return b.String()
		}
		base, head := text(true, false), text(true, r.IntN(2) == 0)
		before, after := grepped("a.py", base, "bad"), grepped("a.py", head, "bad")
		change := func() *Change {
			return NewChange(map[string][]byte{"a.py": []byte(head)}, map[string][]byte{"a.py": []byte(base)}, nil)
		}
		got := Compare(grep, Input{Base: before, Head: after, Change: change()})
		if count(got, scanners.New)+count(got, scanners.Unchanged) != len(after) || count(got, scanners.Absent)+count(got, scanners.Unchanged) != len(before) {
			t.Errorf("base %q, head %q: %q", base, head, describe(got))
		}
		for _, list := range [][]scanners.Finding{before, after} {
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
		if again := Compare(grep, Input{Base: before, Head: after, Change: change()}); !slices.Equal(describe(again), describe(got)) {
			t.Errorf("in another order %q, first %q", describe(again), describe(got))
		}
		commented := strings.ReplaceAll(strings.ReplaceAll(base, "  # nosec", ""), ")\n", ")  # why\n")
		if list := retold("a.py", base, commented); slices.ContainsFunc(list, func(s string) bool { return !strings.HasPrefix(s, "unchanged") }) {
			t.Errorf("%q with other comments: %q", base, list)
		}
	})
}

// Many equal findings take no more than linear time for their number. The bound is of steps, not of time.
func TestManyRetold(t *testing.T) {
	t.Parallel()
	const many = 5000
	list := func(prefix string) string {
		var b strings.Builder
		b.WriteString("services:\n")
		for i := range many {
			fmt.Fprintf(&b, "  %s%d:\n    image: bad\n    privileged: true\n", prefix, i)
		}
		return b.String()
	}
	base, head := list("a"), list("b")
	find := func(text string) []scanners.Finding {
		found := grepped("compose.yml", text, "bad")
		for i := range found {
			found[i].Identity = text[9:11] + fmt.Sprint(i)
		}
		return found
	}
	in := Input{Base: find(base), Head: find(head), Change: NewChange(map[string][]byte{"compose.yml": []byte(head)}, map[string][]byte{"compose.yml": []byte(base)}, nil)}
	got := Compare(grep, in)
	if count(got, scanners.Unchanged) != many {
		t.Errorf("%d of %d are unchanged", count(got, scanners.Unchanged), many)
	}
	if in.Change.work.lines > 10*many {
		t.Errorf("it took %d steps", in.Change.work.lines)
	}
}

func TestItems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a:\n- name: x\n  b: 1\n- id: y\nc: 1\n":                                                            "a/x 1-2, a/y 3-3",
		"a:\n  - b: 1\n    name: \"x\"\n  - b: 2\nc:\n  - {name: z, d: 1}\n":                                "a/x 1-2, a/ 3-3, c/z 5-5",
		"a:\n  - name: x\n    env:\n      - name: e\n        value: 1\n    d: 1\n\n  # more\n  - name: y\n": "a/x 1-5, env/e 3-4, a/y 8-8",
		"- name: x\n":          "/x 0-0",
		"a: |\n  - no\nb: 1\n": "a/ 1-1",
		"":                     "",
		"-\n- - name: x\n":     "/ 1-1",
	} {
		var got []string
		for _, it := range items(strings.Split(text, "\n")) {
			got = append(got, fmt.Sprintf("%s/%s %d-%d", it.list, it.name, it.from, it.to))
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%q: %s, want %s", text, s, want)
		}
	}
}
