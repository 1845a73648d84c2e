package baseline

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

var terraform = scanners.Info{Name: "terraform", Gate: scanners.Infrastructure}

// guarded makes findings of "kept path:line object", "missing path:line object" and "off path:line object".
func guarded(list ...string) (found []scanners.Finding) {
	for _, s := range list {
		kind, rest, _ := strings.Cut(s, " ")
		f := at(rest)
		f.Protection = map[string]scanners.Protection{"kept": scanners.Kept, "missing": scanners.Missing, "off": scanners.Problem}[kind]
		found = append(found, f)
	}
	return found
}

func TestProtection(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		base, head, history []string
		renames             map[string]string
		want                []string
	}{
		"removed":                        {base: []string{"kept a:3 x"}, head: []string{"missing a:1 x"}, want: []string{"new a:1 x:1"}},
		"removed in a renamed file":      {base: []string{"kept a:3 x"}, head: []string{"missing b:1 x"}, renames: map[string]string{"b": "a"}, want: []string{"new b:1 x:1"}},
		"removed, another object":        {base: []string{"kept a:3 x"}, head: []string{"missing a:1 y"}},
		"removed, another file":          {base: []string{"kept a:3 x"}, head: []string{"missing b:1 x"}},
		"kept":                           {base: []string{"kept a:3 x"}, head: []string{"kept a:9 x"}},
		"never had":                      {base: []string{"missing a:3 x"}, head: []string{"missing a:3 x"}},
		"put in":                         {base: []string{"missing a:3 x"}, head: []string{"kept a:4 x"}},
		"new object without":             {head: []string{"missing a:3 x"}},
		"new object with":                {head: []string{"kept a:3 x"}},
		"object deleted":                 {base: []string{"kept a:3 x", "missing a:9 y"}},
		"turned off":                     {base: []string{"kept a:3 x"}, head: []string{"off a:3 x"}, want: []string{"new a:3 x:1"}},
		"turned off, said twice":         {base: []string{"kept a:3 x"}, head: []string{"off a:3 x", "missing a:1 x"}, want: []string{"new a:3 x:1"}},
		"was off, line removed":          {base: []string{"off a:3 x"}, head: []string{"missing a:1 x"}, want: []string{"absent a:3 x:1"}},
		"is off before and after":        {base: []string{"off a:3 x"}, head: []string{"off a:3 x"}, want: []string{"unchanged a:3 x:1"}},
		"copied without":                 {base: []string{"kept a:3 x"}, head: []string{"kept a:3 x", "missing a:9 x"}},
		"one of two lost it":             {base: []string{"kept a:3 x", "missing a:20 x"}, head: []string{"missing a:2 x", "missing a:19 x"}, want: []string{"new a:2 x:1"}},
		"the other of two was deleted":   {base: []string{"kept a:3 x", "missing a:20 x"}, head: []string{"missing a:19 x"}},
		"both lost it":                   {base: []string{"kept a:3 x", "kept a:20 x"}, head: []string{"missing a:2 x", "missing a:19 x"}, want: []string{"new a:2 x:1", "new a:19 x:2"}},
		"one lost it, one has it":        {base: []string{"kept a:3 x", "kept a:20 x"}, head: []string{"kept a:3 x", "missing a:19 x"}, want: []string{"new a:19 x:1"}},
		"moved to a file of its module":  {base: []string{"kept m/a.tf:3 x"}, head: []string{"missing m/a.tf:1 x", "kept m/b.tf:1 x"}},
		"moved to another module":        {base: []string{"kept m/a.tf:3 x"}, head: []string{"missing m/a.tf:1 x", "kept n/b.tf:1 x"}, want: []string{"new m/a.tf:1 x:1"}},
		"another of the module gets it":  {base: []string{"kept m/a.tf:3 x", "missing m/b.tf:1 x"}, head: []string{"missing m/a.tf:1 x", "kept m/b.tf:1 x"}, want: []string{"new m/a.tf:1 x:1"}},
		"a new file of no module has it": {base: []string{"kept m/a:3 x"}, head: []string{"missing m/a:1 x", "kept m/b:1 x"}, want: []string{"new m/a:1 x:1"}},
		"only in the history":            {history: []string{"missing a:3 x", "kept a:3 x"}},
		"gone in between, and put back":  {base: []string{"kept a:3 x"}, history: []string{"missing a:3 x"}, head: []string{"kept a:3 x"}},
		"off in between, and put back":   {base: []string{"kept a:3 x"}, history: []string{"off a:3 x"}, head: []string{"kept a:3 x"}, want: []string{"new a:3 x:1"}},
	} {
		in := Input{Base: guarded(test.base...), Head: guarded(test.head...), History: guarded(test.history...), Renames: test.renames}
		if got := describe(Compare(terraform, in)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// The thread of a removed protection stays with it over later pushes, and ends when the protection is back.
func TestARemovedProtectionKeepsItsName(t *testing.T) {
	t.Parallel()
	base := guarded("kept a:3 x", "kept b:3 x")
	first := Compare(terraform, Input{Base: base, Head: guarded("missing a:1 x", "missing b:1 x")})
	moved := Input{Base: base, Head: guarded("missing a:41 x", "kept b:9 x"), Known: shown(first)}
	second := Compare(terraform, moved)
	if len(first) != 2 || len(second) != 1 || second[0].Fingerprint != first[0].Fingerprint || second[0].State != scanners.New {
		t.Fatalf("first %q, second %q", describe(first), describe(second))
	}
	if back := Compare(terraform, Input{Base: base, Head: base, Known: shown(second)}); len(back) != 0 {
		t.Errorf("put back: %q", describe(back))
	}
	off := Compare(terraform, Input{Base: base, Head: guarded("off a:3 x", "kept b:9 x"), Known: shown(second)})
	if len(off) != 1 || off[0].Fingerprint != first[0].Fingerprint || off[0].State != scanners.New {
		t.Errorf("turned off instead: %q", describe(off))
	}
}

// An object that loses its name and its protection at once is the same object.
func TestARenamedObjectLosesItsProtection(t *testing.T) {
	t.Parallel()
	disk := func(name, line string) string {
		return "resource \"disk\" \"" + name + "\" {\n  size = 1\n  zone = 2\n" + line + "}\n"
	}
	const on = "  encrypted = true\n"
	scan := func(text string) (found []scanners.Finding) {
		name := ""
		for i, line := range strings.Split(text, "\n") {
			f := scanners.Finding{Rule: "encryption", Path: "a.tf", Line: i + 1, EndLine: i + 1, Protection: scanners.Kept}
			switch {
			case strings.HasPrefix(line, "resource"):
				name = strings.Split(line, "\"")[3]
				if rest := strings.Split(text, "\n")[i:]; strings.Contains(strings.Join(rest[:4], "\n"), on[:len(on)-1]) {
					continue
				}
				f.Protection = scanners.Missing
			case !strings.HasPrefix(line, on[:11]):
				continue
			}
			f.Identity, f.Message = "disk."+name, "disk."+name+" is no longer encrypted."
			found = append(found, f)
		}
		Seal(found)
		return found
	}
	for name, test := range map[string]struct {
		base, head string
		want       []int // lines of the new findings
	}{
		"renamed":                      {disk("a", on), disk("b", on), nil},
		"removed":                      {disk("a", on), disk("a", ""), []int{1}},
		"renamed and removed":          {disk("a", on), disk("b", ""), []int{1}},
		"renamed, never had":           {disk("a", ""), disk("b", ""), nil},
		"renamed, and put in":          {disk("a", ""), disk("b", on), nil},
		"another one, without":         {disk("a", on), disk("a", on) + disk("b", ""), nil},
		"one for another that differs": {disk("a", on), "resource \"disk\" \"b\" {\n  image = 3\n  tier = 4\n}\n", nil},
		"two renamed, one removed":     {disk("a", on) + disk("b", on), disk("c", on) + disk("d", ""), []int{6}},
	} {
		in := Input{Base: scan(test.base), Head: scan(test.head)}
		in.Change = NewChange(map[string][]byte{"a.tf": []byte(test.head)}, map[string][]byte{"a.tf": []byte(test.base)}, nil)
		var got []int
		for _, r := range Compare(terraform, in) {
			got = append(got, r.Line)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: new on lines %v, want %v", name, got, test.want)
		}
	}
}

// Whatever scanners report about protections, none of it leaves as such, ordinary findings are as they were without,
// and there are no more removed protections in a file than the base had there.
func TestProtectionsStayInside(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		some := func() (list []scanners.Finding) {
			for i := range r.IntN(12) {
				f := at([]string{"a", "b"}[r.IntN(2)] + ":1 " + []string{"x", "y"}[r.IntN(2)])
				f.Line, f.Protection = i+1, scanners.Protection(r.IntN(3))
				list = append(list, f)
			}
			return list
		}
		plain := func(list []scanners.Finding) []scanners.Finding {
			return slices.DeleteFunc(slices.Clone(list), func(f scanners.Finding) bool { return f.Protection != scanners.Problem })
		}
		in := Input{Head: some(), Base: some(), History: some()}
		for i := range in.History {
			in.History[i].Commit = "c"
		}
		got := Compare(terraform, in)
		kept := map[string]int{}
		for _, f := range in.Base {
			if f.Protection == scanners.Kept {
				kept[f.Path+" "+f.Identity]++
			}
		}
		type place struct {
			path string
			line int
		}
		lacks := map[place]bool{}
		for _, f := range in.Head {
			if f.Protection == scanners.Missing {
				lacks[place{f.Path, f.Line}] = true
			}
		}
		var rest []string
		for _, result := range got {
			if result.Protection != scanners.Problem {
				t.Errorf("%v left as %d", describe(got), result.Protection)
			}
			if result.State == scanners.New && result.Commit == "" && lacks[place{result.Path, result.Line}] {
				if kept[result.Path+" "+result.Identity]--; kept[result.Path+" "+result.Identity] < 0 {
					t.Errorf("more was removed than there was: %q", describe(got))
				}
				continue
			}
			rest = append(rest, string(result.State)+result.Path+result.Identity)
		}
		var want []string
		for _, result := range Compare(terraform, Input{Head: plain(in.Head), Base: plain(in.Base), History: plain(in.History)}) {
			want = append(want, string(result.State)+result.Path+result.Identity)
		}
		slices.Sort(rest)
		slices.Sort(want)
		if !reflect.DeepEqual(rest, want) {
			t.Errorf("ordinary ones are %q, want %q", rest, want)
		}
	})
}
