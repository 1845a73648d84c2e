package blocks

import (
	"fmt"
	"strings"
	"testing"
)

// outline returns the lines of a file by the block that they are in: "1-3 name".
func outline(path, text string) (kind Kind, list string) {
	d := Divide(path, []byte(text))
	last, from := -1, 0
	n := strings.Count(text, "\n") + 1
	for line := 1; line <= n+1; line++ {
		at := -1
		if line <= n {
			at = d.At(line)
		}
		if at == last {
			continue
		}
		if last >= 0 {
			list += fmt.Sprintf("%d-%d %s\n", from, line-1, d.Names[last])
		}
		last, from = at, line
	}
	return d.Kind, list
}

func TestDivide(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ path, text, want string }{
		"resources": {"a/main.tf", "locals {\n  a = 1\n}\n\n  resource \"x\" \"y\" {\n  a = {\n    b = \"}\"\n  }\n  }\n# end\nresource x z { a = \"${b}\" }\n",
			"1-3 locals\n5-9 resource x y\n11-11 resource x z\n"},
		"a heredoc":                   {"a.tf", "resource \"x\" \"y\" {\n  a = <<E\nresource \"x\" \"z\" {\nE\n}\nmodule \"m\" {\n}\n", "1-5 resource x y\n6-7 module m\n"},
		"brackets that close nothing": {"a.tf", "\n\xe8\n)0000\na ) }\nb \"c\" {\n}\n", "5-6 b c\n"},
		"resources that moved": {"a.tf", "resource \"x\" \"b\" {\n}\nmoved {\n  from = x.a # so\n  to   = x.b[\"k\"]\n}\nmoved { # so\n  to = x.a\n  from = y.z\n}\nresource \"x\" \"c\" {\n}\n",
			"1-2 resource y z\n3-6 moved\n7-10 moved\n11-12 resource x c\n"},
		"a move that says nothing": {"a.tf", "resource \"x\" \"b\" {\n}\nresource \"x\" \"a\" {\n}\nmoved {\n  from = x.a\n  to = x.b\n}\nmoved {\n  from = x.b\n  to = module.m.x.a\n}\nmoved {\n  from = x.c\n",
			"1-2 resource x b\n3-4 resource x a\n5-8 moved\n9-12 moved\n13-14 moved\n"},
		"moves in a circle":     {"a.tf", "resource \"x\" \"a\" {\n}\nmoved {\n  from = x.b\n  to = x.a\n}\nmoved {\n  from = x.a\n  to = x.b\n}\n", "1-2 resource x b\n3-6 moved\n7-10 moved\n"},
		"a resource not closed": {"a.tf", "resource \"x\" \"y\" {\n  a = [\n", "1-2 resource x y\n"},
		"stages": {"x/Dockerfile.prod", "ARG v=1\nFROM a:1 AS Build\nRUN x\nfrom --platform=x reg:80/b@sha256:00\nRUN <<E\nFROM c\nE\nUSER x\n",
			"2-3 stage as build\n4-8 stage reg:80/b\n"},
		"services": {"compose.yaml", "x: &x\n  a: 1\nservices:\n  a:\n    image: b\n  c: {image: d}\nvolumes:\n  v: {}\n", "4-5 services a\n6-6 services c\n"},
		"jobs":     {".github/workflows/a.yml", "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: y\n  b:\n    uses: c\n", "3-6 jobs a\n7-8 jobs b\n"},
		"objects": {"all.yml", "# first\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n}\n---\nkind: Pod\napiVersion: v1\nmetadata: {generateName: b-}\n---\nother: 1\n",
			"1-4 object Pod n a \n5-8 object Pod   b-\n10-10 other\n"},
		"a list of objects": {"all.yml", "apiVersion: v1\nkind: List\nitems:\n- kind: Pod\n  metadata: {name: a}\n- kind: Pod\n  metadata: {name: b}\n", "4-5 object Pod  a \n6-7 object Pod  b \n"},
		"a template":        {"all.yml", "apiVersion: v1\nkind: Pod\nmetadata: {{ x }\n", ""},
		"another map":       {"values.yaml", "a: 1\nb:\n  c: 2\n", "1-1 a\n2-3 b\n"},
		"a playbook":        {"site.yml", "- name: one\n  hosts: all\n- hosts: some\n", "1-2 item one\n3-3 item \n"},
		"a signature in lines": {"a.py", "class A:\n    def one(\n        self,\n    ):\n        eval(x)\n# so\n        y\n    def two(self):\n        pass\n",
			"1-1 class A:\n2-7 def one(\n8-9 def two(self):\n"},
		"CloudFormation": {"stack.yaml", "Resources:\n  A:\n    Type: B\n  C:\n    Type: D\n", "2-3 Resources A\n4-5 Resources C\n"},
		"Python": {"a.py", "import os\n\nclass A(B):\n    x = 1\n\n    def one(self):\n        if (x):\n            y(z)\n\n    def two(self):\n        pass\n    last = 1\nprint(1)\n",
			"1-1 import os\n3-4 class A(B):\n6-8 def one(self):\n10-11 def two(self):\n12-12 class A(B):\n13-13 print(1)\n"},
		"Go":         {"a.go", "func a(x int) error {\n\tif err := b(); err != nil {\n\t\treturn err\n\t}\n}\n\nvar x = 1\n", "1-5 func a(x int) error {\n7-7 var x = 1\n"},
		"C#":         {"A.cs", "class A\n{\n  void One(string s)\n  {\n    Use(s);\n  }\n  int x;\n}\n", "1-2 class A\n3-6 void One(string s)\n7-8 class A\n"},
		"JavaScript": {"a.js", "app.get('/', (req, res) => {\n  res.send(1);\n});\nfunction b() {\n  return 1;\n}\n", "1-3 app.get('/', (req, res) => {\n4-6 function b() {\n"},
		"Ruby":       {"a.rb", "class A\n  def one\n    eval(x)\n  end\n\n  def two(a)\n    x\n  end\nend\n", "1-1 class A\n2-4 def one\n6-8 def two(a)\n9-9 class A\n"},
		"shell":      {"a.sh", "set -e\none() {\n  eval x\n}\none\n", "1-1 set -e\n2-4 one() {\n5-5 one\n"},
		"binary":     {"a.py", "a\x00b\n", ""},
		"nothing":    {"a.tf", "", ""},
	} {
		if _, got := outline(test.path, test.text); got != test.want {
			t.Errorf("%s:\n%swant:\n%s", name, got, test.want)
		}
	}
}

// hostile holds texts that nest, repeat or end too early.
func hostile(n int) map[string]string {
	list := map[string]string{}
	for _, piece := range []string{"{", "[", "(", "a {\n", "\"${", "<<E\n", "- ", "? ", "&a *a ", "a: ", "FROM a\n", "RUN \\\n", "RUN <<E\n", "---\n", "services:\n a:\n", "jobs: {a: {\n", "def a(b):\n", "a(b) {\n", "}\n", " ", "\t", "\n", "\r", "\xff", "é", "f(: "} {
		list[piece] = strings.Repeat(piece, n/len(piece))
	}
	deep := ""
	for i := range 1000 {
		deep += strings.Repeat(" ", i) + "f():\n"
	}
	list["stairs"] = deep
	return list
}

func TestDivideTakesAnything(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"a.tf", "Dockerfile", "a.yaml", "a.py"} {
		for name, text := range hostile(1 << 14) {
			d := Divide(path, []byte(text))
			for line := -1; line < 100; line++ {
				if at := d.At(line); at >= len(d.Names) || at < -1 {
					t.Errorf("%s %q: line %d is in block %d of %d", path, name, line, at, len(d.Names))
				}
			}
		}
	}
}

func FuzzDivide(f *testing.F) {
	for _, text := range hostile(64) {
		f.Add("a.tf", text)
		f.Add("Dockerfile", text)
		f.Add("a.yml", text)
		f.Add("a.go", text)
	}
	f.Fuzz(func(t *testing.T, path, text string) {
		d := Divide(path, []byte(text))
		for line := range strings.Count(text, "\n") + 3 {
			if at := d.At(line); at >= len(d.Names) || at < -1 {
				t.Errorf("line %d is in block %d of %d", line, at, len(d.Names))
			}
		}
	})
}

// BenchmarkDivide shows that the time grows with the text.
func BenchmarkDivide(b *testing.B) {
	piece := map[string]string{
		"a.tf": "resource \"x\" \"y%d\" {\n  a = [1, 2]\n}\n", "Dockerfile": "FROM a:%d\nRUN make && make install\nUSER x\n",
		"a.yaml": "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a%d}\n", "a.py": "def a%d(x):\n    if x:\n        return y(x)\n",
	}
	for _, path := range []string{"a.tf", "Dockerfile", "a.yaml", "a.py"} {
		for _, n := range []int{1000, 2000, 4000} {
			var text strings.Builder
			for i := range n {
				fmt.Fprintf(&text, piece[path], i)
			}
			b.Run(fmt.Sprintf("%s/%d", path, n), func(b *testing.B) {
				for b.Loop() {
					Divide(path, []byte(text.String()))
				}
			})
		}
	}
}
