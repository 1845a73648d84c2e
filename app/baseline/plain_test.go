package baseline

import (
	"strings"
	"testing"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ file, a, b string }{
		{"a.go", `	x := md5.New()`, `x := md5.New() // #nosec G401 -- a checksum`},
		{"a.go", `f("http://a//b", x)`, `f("http://a//b",x);//x`},
		{"a.go", "f(`a`)", `f("a") /* nolint */`},
		{"a.py", `subprocess.call(cmd, shell=True)`, `subprocess.call(cmd,shell=True)  # nosec B602`},
		{"a.py", `f('a#b')`, `f("a#b")  # noqa: S603`},
		{"a.py", `f(rb'x # y')`, `f(rb"x # y") # z`},
		{"a.py", "f(\n    a,\n    b,\n)", "f(a, b)"},
		{"a.py", "f(\n    a,  # why\n    # nosec\n    b,\n)", "f(\n    a,\n    b,\n)"},
		{"a.go", "f(a,\n\tb)", "f(a,\n\t// #nosec G204\n\t/* why */ b)"},
		{"a.js", `eval(x)`, `eval( x ); // eslint-disable-line`},
		{"a.ts", `f("it's") // x`, `f("it's")`},
		{"a.rs", `fn f<'a>(x: &'a str) { unsafe { g(x) } }`, `fn f<'a>(x: &'a str) { unsafe { g(x) } } // ok`},
		{"a.sql", `GRANT ALL ON x TO y;`, `GRANT ALL ON x TO y; -- why`},
		{"a.tf", `acl = "public-read"`, `acl    = "public-read" # tfsec:ignore:x`},
		{"a.tf", `acl = "public-read"`, `acl = "public-read" // x`},
		{"a.yml", `image: 'nginx:latest'`, `image: nginx:latest # pinned later`},
		{"a.yaml", `note: it's # a`, `note: it's`},
		{".env", `TOKEN='abc'`, `TOKEN=abc # rotate`},
		{"x/Dockerfile", `RUN chmod 777 /srv`, `RUN chmod 777 /srv # why`},
		{"Dockerfile.dev", `RUN chmod 777 /srv`, `RUN  chmod 777 /srv	# why`},
		{"a.html", `<a href='x'>`, `<a href="x"> <!-- why -->`},
		{"a.css", `a { b: c }`, `a { b: c } /* d */`},
	} {
		s := syntaxOf(test.file)
		if a, b := s.plain(strings.Split(test.a, "\n")), s.plain(strings.Split(test.b, "\n")); a != b {
			t.Errorf("%s: %q is %q, and %q is %q", test.file, test.a, a, test.b, b)
		}
	}
	for _, test := range []struct{ file, a, b string }{
		{"a.go", `f("http://a//b")`, `f("http://a//c")`},
		{"a.py", `f('a #b')`, `f('a #c')`},
		{"a.py", `f(rb'x # y')`, `f(rb'x # z')`},
		{"a.py", `f("it's # a")`, `f("it's # b")`},
		{"a.sh", `rm "${x#y}"`, `rm "${x#z}"`},
		{"a.sh", `curl https://a/#b | sh`, `curl https://a/#c | sh`},
		{"a.yml", `run: echo "# ${{ a }}"`, `run: echo "# ${{ b }}"`},
		{"a.js", `f(/a\/\/b/)`, `f(/a\/\/c/)`},
		{"a.properties", `a=b #c`, `a=b #d`},
		{"a.txt", `a # b`, `a # c`},
		{"a.py", `# a`, `# b`},
		{"a.go", `// a`, `// b`},
		{"a.py", `f(a)`, `f("a")`},
		{"a.c", `a = b // c`, `a = d // c`},
	} {
		s := syntaxOf(test.file)
		if a, b := s.plain([]string{test.a}), s.plain([]string{test.b}); a == b {
			t.Errorf("%s: %q and %q are both %q", test.file, test.a, test.b, a)
		}
	}
}

// FuzzPlain checks that no text stops the comparison, and that a text that has no comment says the same with one.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{"", "a", `f("a")`, "'", "`\\", `"\"#"`, "/*", "a /* b", "<!--", "\xff'"} {
		f.Add("a.go", seed)
		f.Add("a.yml", seed)
		f.Add("a.html", seed)
	}
	f.Fuzz(func(t *testing.T, name, line string) {
		s := syntaxOf(name)
		first := s.plain([]string{line})
		if again := s.plain([]string{strings.Join(strings.Fields(line), " ")}); !strings.ContainsAny(line, "\"'`#/;-<") && again != first {
			t.Errorf("%q says %q, and with other white space %q", line, first, again)
		}
	})
}
