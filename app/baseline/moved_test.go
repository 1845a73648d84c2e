package baseline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

func ports(from, to int) []scanners.Extent { return []scanners.Extent{{Of: "tcp", From: from, To: to}} }

var grep = scanners.Info{Name: "grep", Gate: scanners.Code}

// texts returns the files of one end, and the findings in them: the lines that hold "bad".
func texts(files ...string) (map[string][]byte, []scanners.Finding) {
	all := map[string][]byte{}
	var found []scanners.Finding
	for i := 0; i < len(files); i += 2 {
		all[files[i]] = []byte(files[i+1])
		for n, line := range strings.Split(files[i+1], "\n") {
			if strings.Contains(line, "bad") {
				found = append(found, scanners.Finding{Rule: "r", Path: files[i], Line: n + 1, EndLine: n + 1, Identity: "bad", Severity: scanners.Medium})
			}
		}
	}
	return all, found
}

func compared(info scanners.Info, in Input, base, head []string) []string {
	before, a := texts(base...)
	after, b := texts(head...)
	in.Base, in.Head, in.Change = append(in.Base, a...), append(in.Head, b...), NewChange(after, before, in.Renames)
	var list []string
	for _, r := range Compare(info, in) {
		_, ordinal, _ := strings.Cut(r.Fingerprint, ":")
		s := fmt.Sprintf("%s %s:%d:%s", r.State, r.Path, r.Line, ordinal)
		if r.Worse {
			s += " worse"
		}
		list = append(list, s)
	}
	return list
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	const one, two, good = "def one():\n  x\n  bad\n", "def two():\n  y\n  bad\n", "def two():\n  y\n"
	knownAs := func(path string, ordinal int) []Known {
		return []Known{{fingerprint(key("grep", scanners.Finding{Rule: "r", Identity: "bad"}), ordinal), path, 3}}
	}
	for name, test := range map[string]struct {
		in         Input
		base, head []string
		want       []string
	}{
		"another function":              {base: []string{"a.py", one + good}, head: []string{"a.py", "def one():\n  x\n" + two}, want: []string{"absent a.py:3:2", "new a.py:5:1"}},
		"another file":                  {base: []string{"a.py", one, "b.py", good}, head: []string{"a.py", "def one():\n  x\n", "b.py", two}, want: []string{"absent a.py:3:2", "new b.py:3:1"}},
		"the function moved":            {base: []string{"a.py", one, "b.py", good}, head: []string{"a.py", "y = 1\n", "b.py", good + one}, want: []string{"unchanged b.py:5:1"}},
		"the file moved":                {in: Input{Renames: map[string]string{"c.py": "a.py"}}, base: []string{"a.py", one + good}, head: []string{"c.py", one + good}, want: []string{"unchanged c.py:3:1"}},
		"one function came":             {base: []string{"a.py", one}, head: []string{"a.py", two + one}, want: []string{"new a.py:3:1", "unchanged a.py:6:2"}},
		"the file is empty":             {base: []string{"a.py", one, "b.py", "z\n"}, head: []string{"a.py", "", "b.py", "z\n" + one}, want: []string{"unchanged b.py:4:1"}},
		"known, and its file is there":  {in: Input{Known: knownAs("a.py", 1)}, base: []string{"a.py", good}, head: []string{"a.py", good + "# more\n", "b.py", two}, want: []string{"new b.py:3:2"}},
		"known, and its file is gone":   {in: Input{Known: knownAs("c.py", 4)}, base: []string{"a.py", good}, head: []string{"a.py", good, "b.py", two}, want: []string{"new b.py:3:4"}},
		"known in the file":             {in: Input{Known: knownAs("b.py", 4)}, base: []string{"b.py", good}, head: []string{"b.py", two}, want: []string{"new b.py:3:4"}},
		"known as unchanged meanwhile":  {in: Input{Known: knownAs("b.py", 4)}, base: []string{"b.py", two}, head: []string{"b.py", two}, want: []string{"unchanged b.py:3:4"}},
		"two of two, one of them moved": {base: []string{"a.py", one, "b.py", two}, head: []string{"b.py", two + one}, want: []string{"unchanged b.py:3:1", "unchanged b.py:6:2"}},
	} {
		if got := compared(grep, test.in, test.base, test.head); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	// A secret is the same one wherever it is.
	if got := compared(gitleaks, Input{}, []string{"a.py", one, "b.py", good}, []string{"a.py", "def one():\n  x\n", "b.py", two}); !slices.Equal(got, []string{"unchanged b.py:3:1"}) {
		t.Errorf("a secret: %q", got)
	}
	// A finding in files that are not known stays in its file.
	in := Input{Base: all("a:3 x", "b:3 y"), Head: all("a:9 x", "c:3 y")}
	if got := describe(Compare(grep, in)); !slices.Equal(got, []string{"unchanged a:9 x:1", "absent b:3 y:1", "new c:3 y:1"}) && !slices.Equal(got, []string{"unchanged a:9 x:1", "absent b:3 y:2", "new c:3 y:1"}) {
		t.Errorf("nothing is known: %q", got)
	}
}

func TestDegrees(t *testing.T) {
	t.Parallel()
	at := func(line int, severity scanners.Severity, from, to int, identity string) scanners.Finding {
		return scanners.Finding{Rule: "r", Path: "a", Line: line, Severity: severity, Identity: identity, Extents: ports(from, to)}
	}
	const low, high = scanners.Low, scanners.High
	type list = []scanners.Finding
	for name, test := range map[string]struct {
		base, head list
		regraded   bool
		want       string
	}{
		"the same":                  {list{at(1, low, 1, 5, "x")}, list{at(1, low, 1, 5, "x")}, false, "unchanged 1"},
		"more":                      {list{at(1, low, 1, 5, "x")}, list{at(1, low, 1, 6, "x")}, false, "worse 1"},
		"less":                      {list{at(1, low, 1, 5, "x")}, list{at(1, low, 2, 5, "x")}, false, "unchanged 1"},
		"more severe":               {list{at(1, low, 1, 5, "x")}, list{at(1, high, 1, 5, "x")}, false, "worse 1"},
		"more severe by a new tool": {list{at(1, low, 1, 5, "x")}, list{at(1, high, 1, 5, "x")}, true, "unchanged 1"},
		"more by a new tool":        {list{at(1, low, 1, 5, "x")}, list{at(1, low, 1, 6, "x")}, true, "worse 1"},
		"exchanged":                 {list{at(1, low, 1, 5, "x"), at(9, low, 7, 7, "x")}, list{at(1, low, 7, 7, "x"), at(9, low, 1, 5, "x")}, false, "unchanged 1, unchanged 9"},
		"one of two":                {list{at(1, low, 1, 5, "x"), at(9, low, 7, 7, "x")}, list{at(1, low, 1, 5, "x"), at(9, low, 7, 8, "x")}, false, "unchanged 1, worse 9"},
		"less, under another text":  {list{at(1, low, 1, 5, "x")}, list{at(1, low, 2, 3, "y")}, false, "unchanged 1"},
		"more, under another text":  {list{at(1, low, 1, 5, "x")}, list{at(1, low, 2, 6, "y")}, false, "absent 1, new 1"},
		"in two parts":              {list{at(1, low, 1, 5, "x")}, list{at(1, low, 1, 1, "y"), at(2, low, 3, 3, "z")}, false, "unchanged 1, unchanged 2"},
		"beside it":                 {list{at(1, low, 1, 5, "x")}, list{at(1, low, 1, 5, "x"), at(2, low, 1, 1, "y")}, false, "unchanged 1, new 2"},
	} {
		var got []string
		for _, r := range Compare(grep, Input{Base: test.base, Head: test.head, Regraded: test.regraded}) {
			state := string(r.State)
			if r.Worse {
				state = "worse"
			}
			got = append(got, fmt.Sprint(state, " ", r.Line))
		}
		if s := strings.Join(got, ", "); s != test.want {
			t.Errorf("%s: %s, want %s", name, s, test.want)
		}
	}
}

// The search for moved findings ends, whatever changes.
func TestTheSearchIsBounded(t *testing.T) {
	t.Parallel()
	e := &effort{}
	c := manyMoved(2000)
	groups := group{key: "k", base: c.Base, head: c.Head}
	groups.compare(c, e)
	if e.lines > maxEffort+10_000 {
		t.Errorf("%d lines were compared", e.lines)
	}
}

// manyMoved is a change of so many functions that left so many files for as many others.
func manyMoved(n int) Input {
	base, head := map[string][]byte{}, map[string][]byte{}
	var in Input
	for i := range n {
		text := fmt.Appendf(nil, "def f%d():\n  x%d\n  bad\n", i, i)
		was, now := fmt.Sprintf("a%d.py", i), fmt.Sprintf("b%d.py", i)
		base[was], head[now] = text, text
		f := scanners.Finding{Rule: "r", Line: 3, EndLine: 3, Identity: "bad"}
		f.Path = was
		in.Base = append(in.Base, f)
		f.Path = now
		in.Head = append(in.Head, f)
	}
	in.Change = NewChange(head, base, nil)
	return in
}

func BenchmarkMoved(b *testing.B) {
	for _, n := range []int{500, 1000, 2000, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				Compare(grep, manyMoved(n))
			}
		})
	}
}

// BenchmarkUnchanged has so many findings in a file to which a line was added.
func BenchmarkUnchanged(b *testing.B) {
	for _, n := range []int{1000, 2000, 4000, 8000} {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "def f%d():\n  x%d\n  bad\n", i, i)
		}
		before, base := texts("a.py", text.String())
		after, head := texts("a.py", "import x\n"+text.String())
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				Compare(grep, Input{Base: slices.Clone(base), Head: slices.Clone(head), Change: NewChange(after, before, nil)})
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	const one, two, other = "a\nb\nc\nbad\n", "a\nb\nc\ngood\n", "x\ny\nz\n"
	for name, test := range map[string]struct {
		base, head []string
		git, want  map[string]string
	}{
		"as git says":         {[]string{"a/x", one}, []string{"b/x", one}, map[string]string{"b/x": "a/x"}, nil},
		"crossed":             {[]string{"env/dev/x", one, "env/prod/x", two}, []string{"envs/dev/x", two, "envs/prod/x", one}, map[string]string{"envs/dev/x": "env/prod/x", "envs/prod/x": "env/dev/x"}, map[string]string{"envs/dev/x": "env/dev/x", "envs/prod/x": "env/prod/x"}},
		"crossed, other text": {[]string{"env/dev/x", one, "env/prod/x", other}, []string{"envs/dev/x", other, "envs/prod/x", one}, map[string]string{"envs/dev/x": "env/prod/x", "envs/prod/x": "env/dev/x"}, nil},
		"one of two is gone":  {[]string{"env/dev/x", one, "env/prod/x", two}, []string{"envs/prod/x", one}, map[string]string{"envs/prod/x": "env/dev/x"}, map[string]string{"envs/prod/x": "env/prod/x"}},
		"one of two stays":    {[]string{"env/dev/x", one, "env/prod/x", two}, []string{"env/prod/x", two, "envs/prod/x", one}, map[string]string{"envs/prod/x": "env/dev/x"}, nil},
		"names say nothing":   {[]string{"a", one, "b", two}, []string{"x", two, "y", one}, map[string]string{"x": "b", "y": "a"}, nil},
		"taken from another":  {[]string{"dev", one, "q", two}, []string{"x/dev", two, "r", one}, map[string]string{"x/dev": "q", "r": "dev"}, map[string]string{"x/dev": "dev"}},
	} {
		base, _ := texts(test.base...)
		head, _ := texts(test.head...)
		if test.want == nil {
			test.want = test.git
		}
		if got := Origins(head, base, test.git); !maps.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// A finding that a scanner reports once for a tree, at the first of its places, is the same when another place comes
// first. Other findings are not.
func TestOnceForATree(t *testing.T) {
	t.Parallel()
	base := "package a\n\nfunc Of() {\n\tweak()\n}\n"
	head := "package a\n\nfunc Wanted() {\n\tweak()\n}\n\nfunc Of() {\n\tweak()\n}\n"
	at := func(line int) []scanners.Finding {
		return []scanners.Finding{{Rule: "GO-1", Path: "a.go", Line: line, Identity: "module"}}
	}
	for once, want := range map[bool][]scanners.State{true: {scanners.Unchanged}, false: {scanners.New, scanners.Absent}} {
		var got []scanners.State
		for _, r := range Compare(scanners.Info{Name: "s", Gate: scanners.Dependencies, Once: once}, Input{
			Head: at(4), Base: at(4), Change: NewChange(map[string][]byte{"a.go": []byte(head)}, map[string][]byte{"a.go": []byte(base)}, nil),
		}) {
			got = append(got, r.State)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("once %v: %v, want %v", once, got, want)
		}
	}
}
