package baseline

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/secbydesign/secbydesign/scanners"
)

var gitleaks = scanners.Info{Name: "gitleaks", Gate: scanners.Secrets}

// at makes a finding from "path:line identity".
func at(s string) scanners.Finding {
	position, identity, _ := strings.Cut(s, " ")
	path, line, _ := strings.Cut(position, ":")
	f := scanners.Finding{Rule: "key", Path: path, Identity: identity}
	fmt.Sscan(line, &f.Line)
	f.EndLine = f.Line
	return f
}

func all(ss ...string) []scanners.Finding {
	var found []scanners.Finding
	for _, s := range ss {
		found = append(found, at(s))
	}
	return found
}

// describe formats results as "state path:line identity:ordinal".
func describe(results []scanners.Result) []string {
	var lines []string
	for _, r := range results {
		_, ordinal, _ := strings.Cut(r.Fingerprint, ":")
		lines = append(lines, fmt.Sprintf("%s %s:%d %s:%s", r.State, r.Path, r.Line, r.Identity, ordinal))
	}
	return lines
}

// knownAt makes a Known from "path:line identity:ordinal".
func knownAt(s string) Known {
	i := strings.LastIndex(s, ":")
	f := at(s[:i])
	return Known{Fingerprint: key("gitleaks", f) + s[i:], Path: f.Path, Line: f.Line}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		head, base, history []string
		renames             map[string]string
		known               []string
		want                []string
	}{
		"nothing":          {},
		"new":              {head: []string{"a:3 x"}, want: []string{"new a:3 x:1"}},
		"absent":           {base: []string{"a:3 x"}, want: []string{"absent a:3 x:1"}},
		"moved":            {head: []string{"a:9 x"}, base: []string{"a:3 x"}, want: []string{"unchanged a:9 x:1"}},
		"another text":     {head: []string{"a:3 y"}, base: []string{"a:3 x"}, want: []string{"absent a:3 x:1", "new a:3 y:1"}},
		"renamed":          {head: []string{"b:3 x"}, base: []string{"a:3 x"}, want: []string{"unchanged b:3 x:1"}},
		"copied in a file": {head: []string{"a:3 x", "a:10 x"}, base: []string{"a:9 x"}, want: []string{"new a:3 x:1", "unchanged a:10 x:2"}},
		"copied to a file": {head: []string{"a:3 x", "b:3 x"}, base: []string{"b:3 x"}, want: []string{"new a:3 x:1", "unchanged b:3 x:2"}},
		"renamed, copied":  {head: []string{"a:3 x", "b:3 x"}, base: []string{"old:3 x"}, renames: map[string]string{"b": "old"}, want: []string{"new a:3 x:1", "unchanged b:3 x:2"}},
		"names exchanged":  {head: []string{"a:1 x", "b:1 x", "b:2 x"}, base: []string{"a:1 x", "a:2 x"}, renames: map[string]string{"a": "b", "b": "a"}, want: []string{"new a:1 x:1", "unchanged b:1 x:2", "unchanged b:2 x:3"}},
		"one of two fixed": {head: []string{"a:8 x"}, base: []string{"a:3 x", "a:9 x"}, want: []string{"absent a:3 x:2", "unchanged a:8 x:1"}},

		"leaked in history":        {history: []string{"a:3 x"}, want: []string{"new a:3 x:1"}},
		"in history and at head":   {head: []string{"b:1 x"}, history: []string{"a:3 x"}, want: []string{"new b:1 x:1"}},
		"in history and at base":   {base: []string{"b:1 x"}, history: []string{"a:3 x"}, want: []string{"absent b:1 x:1"}},
		"often in history":         {history: []string{"z:3 x", "a:3 x", "a:4 x"}, want: []string{"new z:3 x:1"}},
		"several kinds in history": {history: []string{"z:3 x", "a:3 y", "a:4 x"}, want: []string{"new a:3 y:1", "new z:3 x:1"}},

		"equal ones by place":      {head: []string{"b:1 x", "a:7 x", "a:3 x"}, want: []string{"new a:3 x:1", "new a:7 x:2", "new b:1 x:3"}},
		"known in the same file":   {head: []string{"a:3 x", "b:3 x"}, known: []string{"b:3 x:1"}, want: []string{"new a:3 x:2", "new b:3 x:1"}},
		"known on the next line":   {head: []string{"a:3 x", "a:9 x"}, known: []string{"a:8 x:1", "a:2 x:2"}, want: []string{"new a:3 x:2", "new a:9 x:1"}},
		"first of two is fixed":    {head: []string{"a:9 x"}, known: []string{"a:3 x:1", "a:9 x:2"}, want: []string{"new a:9 x:2"}},
		"known under the old name": {head: []string{"a:3 x", "b:3 x"}, renames: map[string]string{"b": "old"}, known: []string{"old:3 x:1"}, want: []string{"new a:3 x:2", "new b:3 x:1"}},
		"known under the new name": {head: []string{"a:3 x", "b:3 x"}, renames: map[string]string{"b": "old"}, known: []string{"b:3 x:1"}, want: []string{"new a:3 x:2", "new b:3 x:1"}},
		"known in two places":      {head: []string{"a:3 x", "b:3 x"}, known: []string{"b:3 x:1", "a:3 x:1"}, want: []string{"new a:3 x:1", "new b:3 x:2"}},
		"known in a lost file":     {head: []string{"a:3 x", "b:3 x"}, known: []string{"z:3 x:7", "y:1 x:4"}, want: []string{"new a:3 x:4", "new b:3 x:7"}},
		"known and gone":           {head: []string{"a:3 y"}, known: []string{"a:3 x:1"}, want: []string{"new a:3 y:1"}},
		"known is in history now":  {history: []string{"a:3 x"}, known: []string{"a:3 x:5"}, want: []string{"new a:3 x:5"}},
		"known came to the base":   {head: []string{"a:3 x"}, base: []string{"a:3 x"}, known: []string{"a:3 x:2"}, want: []string{"unchanged a:3 x:2"}},
		"new before unchanged":     {head: []string{"a:3 x", "b:3 x"}, base: []string{"a:3 x"}, known: []string{"a:3 x:1"}, want: []string{"unchanged a:3 x:2", "new b:3 x:1"}},
		"unchanged takes no known": {head: []string{"a:3 x", "b:3 x", "c:3 x"}, base: []string{"a:3 x"}, known: []string{"b:3 x:1", "c:3 x:2"}, want: []string{"unchanged a:3 x:3", "new b:3 x:1", "new c:3 x:2"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := Input{Head: all(test.head...), Base: all(test.base...), History: all(test.history...), Renames: test.renames}
			for _, k := range test.known {
				in.Known = append(in.Known, knownAt(k))
			}
			if got := describe(Compare(gitleaks, in)); !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// The format is frozen: these are in the comments of pull requests.
func TestFingerprintIsFrozen(t *testing.T) {
	t.Parallel()
	f := scanners.Finding{Rule: "aws-access-token", Path: "a.go", Line: 3, EndLine: 3, Identity: "key :=\t'5f3a'\r\n", Commit: "c"}
	got := Compare(gitleaks, Input{Head: []scanners.Finding{f}})
	want := []scanners.Result{{
		Finding: f, Scanner: "gitleaks", Gate: scanners.Secrets, State: scanners.New,
		Fingerprint: "2pczey6azt6khvsf7iw4ncxpri:1",
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestForeignKnownsCountForNothing(t *testing.T) {
	t.Parallel()
	k := key("gitleaks", at("a:1 x"))
	in := Input{Head: all("a:1 x")}
	for _, fingerprint := range []string{"", ":", k, k + ":", k + ":0", k + ":-2", k + ":02", k + ":+2", k + ":2 ", k + ":2:2", k + ":99999999999999999999", "x:2", strings.ToUpper(k) + ":2"} {
		in.Known = append(in.Known, Known{Fingerprint: fingerprint, Path: "a", Line: 1})
	}
	if got := describe(Compare(gitleaks, in)); !slices.Equal(got, []string{"new a:1 x:1"}) {
		t.Errorf("got %q", got)
	}
}

func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	f := scanners.Finding{Rule: "r", Identity: "a b"}
	k := key("s", f)
	for name, other := range map[string]string{
		"scanner":  key("t", f),
		"rule":     key("s", scanners.Finding{Rule: "q", Identity: "a b"}),
		"identity": key("s", scanners.Finding{Rule: "r", Identity: "ab"}),
		"border":   key("sr", scanners.Finding{Identity: "a b"}),
	} {
		if k == other {
			t.Errorf("%s does not count", name)
		}
	}
	for _, identity := range []string{" a b", "a\r\n\tb\r\n", "a\u00a0b", "a  \n\n b ", "a \rb", "\u2003a\u0085b"} {
		if k != key("s", scanners.Finding{Rule: "r", Identity: identity, Path: "p", Line: 7, Message: "m"}) {
			t.Errorf("%q is another identity", identity)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{"", " ", "a b", "\ta\r\nb\r", "\u00a0\u0085\u2028", "\xff \xa0\x85", "a\x00b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Normalise(s)
		if again := Normalise(got); again != got {
			t.Errorf("%q becomes %q, and that %q", s, got, again)
		}
		if crlf := Normalise(strings.ReplaceAll(s, "\n", "\r\n")); crlf != got {
			t.Errorf("%q becomes %q, with CRLF %q", s, got, crlf)
		}
		if indented := Normalise("\t " + strings.ReplaceAll(s, "\n", "\n    ") + "\n"); indented != got {
			t.Errorf("%q becomes %q, indented %q", s, got, indented)
		}
		if letters(got) != letters(strings.ReplaceAll(s, "\r", "")) {
			t.Errorf("%q becomes %q, which is more than white space", s, got)
		}
		for i, r := range got {
			if unicode.IsSpace(r) && (r != ' ' || i == 0 || i == len(got)-1 || got[i+1] == ' ') {
				t.Errorf("%q becomes %q", s, got)
			}
		}
	})
}

// letters returns s without white space.
func letters(s string) string {
	var b strings.Builder
	for _, r := range s {
		if !unicode.IsSpace(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func TestNearest(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	places := func() []position {
		ps := make([]position, random.IntN(12))
		for i := range ps {
			ps[i] = position{string(rune('a' + random.IntN(2))), random.IntN(30), random.IntN(3)}
		}
		return ps
	}
	for range 2000 {
		a, b := places(), places()
		partner := nearest(a, b)

		// A comparison of all with all finds pairs of the same distances.
		var got, want []int64
		taken := map[int]bool{}
		for i, j := range partner {
			if j >= 0 {
				if taken[j] || a[i].path != b[j].path {
					t.Fatalf("%v and %v: %v", a, b, partner)
				}
				taken[j] = true
				got = append(got, distance(a[i], b[j]))
			}
		}
		doneA, doneB := map[int]bool{}, map[int]bool{}
		for {
			var bestA, bestB int
			best := int64(-1)
			for i := range a {
				for j := range b {
					if d := distance(a[i], b[j]); !doneA[i] && !doneB[j] && a[i].path == b[j].path && (best < 0 || d < best) {
						bestA, bestB, best = i, j, d
					}
				}
			}
			if best < 0 {
				break
			}
			doneA[bestA], doneB[bestB] = true, true
			want = append(want, best)
		}
		slices.Sort(got)
		if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Fatalf("%v and %v: got distances %v, want %v", a, b, got, want)
		}
	}
	many := make([]position, 20000)
	for i := range many {
		many[i] = position{"a", i, 0}
	}
	if partner := nearest(many, many); partner[7] != 7 || partner[19999] != 19999 {
		t.Error("equal lists are not paired as they are")
	}
}

// A field that compare leaves out would let the order of the input through.
func TestOrderCountsEveryField(t *testing.T) {
	t.Parallel()
	kind := reflect.TypeFor[scanners.Finding]()
	for i := range kind.NumField() {
		if kind.Field(i).Name == "Fact" {
			continue // facts are compared elsewhere
		}
		var f scanners.Finding
		switch field := reflect.ValueOf(&f).Elem().Field(i); {
		case field.CanInt():
			field.SetInt(1)
		case field.Kind() == reflect.Slice:
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		default:
			field.SetString("x")
		}
		if compare(scanners.Finding{}, f) >= 0 || compare(f, scanners.Finding{}) <= 0 {
			t.Errorf("%s does not count", kind.Field(i).Name)
		}
	}
}

// Between ends that are apart nothing moves, and a secret is the same in its file alone.
func TestApart(t *testing.T) {
	t.Parallel()
	const one, two = "def one():\n  x\n  bad\n", "def two():\n  y\n  bad\n"
	for name, test := range map[string]struct{ base, head, code, secret []string }{
		"the same":         {[]string{"a.py", one}, []string{"a.py", "import x\n" + one}, []string{"unchanged a.py:4:1"}, []string{"unchanged a.py:4:1"}},
		"another function": {[]string{"a.py", one}, []string{"a.py", two}, []string{"new a.py:3:1", "absent a.py:3:2"}, []string{"unchanged a.py:3:1"}},
		"another name":     {[]string{"a.py", one}, []string{"a.py", "def uno():\n  x\n  bad\n"}, []string{"new a.py:3:1", "absent a.py:3:2"}, []string{"unchanged a.py:3:1"}},
		"another file":     {[]string{"a.py", one}, []string{"b.py", one}, []string{"absent a.py:3:2", "new b.py:3:1"}, []string{"absent a.py:3:2", "new b.py:3:1"}},
	} {
		if got := compared(grep, Input{Apart: true}, test.base, test.head); !slices.Equal(got, test.code) {
			t.Errorf("%s: %q, want %q", name, got, test.code)
		}
		if got := compared(gitleaks, Input{Apart: true}, test.base, test.head); !slices.Equal(got, test.secret) {
			t.Errorf("%s, a secret: %q, want %q", name, got, test.secret)
		}
	}
}
