package patch

import (
	"fmt"
	"strings"
	"testing"
)

// shop is a file in which "?" marks the finding and "*" a line that the change touches. The mark
// is the first character of a line.
func marked(text string) (f *File, line int, content []byte) {
	f = &File{NewPath: "x"}
	var b strings.Builder
	for i, l := range strings.Split(strings.TrimPrefix(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(l, "?"):
			line = i + 1
		case strings.HasPrefix(l, "*"):
			f.Hunks = append(f.Hunks, Hunk{NewStart: i + 1, NewLines: 1, Changed: []int{i + 1}})
		}
		if l != "" {
			l = l[1:]
		}
		b.WriteString(l + "\n")
	}
	return f, line, []byte(b.String())
}

func TestCause(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"same function, though another change is nearer": {`
*package a

 func f(id string) {
*	id = raw
 	a()
 	b()
 	c()
?	query(id)
 }

*func g() {
 }
`, "4 in the block"},
		"the innermost block wins over the nearer line of the function": {`
 def f(request):
     if request.a:
*        x = request.a
         log(x)
         log(x)
         log(x)
         log(x)
?        run(x)
     done()
*    again()
`, "3 in the block"},
		"the heading of a function that itself is the place": {`
*import os

*x = 1

?def f(request):
     a = request.a
     b = a
*    return b

 def g():
     pass
`, "8 in the block"},
		"braces on lines of their own": {`
 static int
 f(char *name)
 {
*    char buf[8];
     int a;
     int b;
     int c;
?    strcpy(buf, name);
 }
 int
*g(void)
 {
 }
`, "4 in the block"},
		"a preprocessor line in a function": {`
 int f(char *s) {
*    s = 0;
 #if A
     a();
?    strcpy(b, s);
 #endif
     return 0;
 }
*int g(void);
`, "2 in the block"},
		"the parameters of a function over several lines": {`
 function f(
     a,
*    b = "x",
 ) {
     one();
     two();
?    eval(b);
 }

*function g() {}
`, "3 in the block"},
		"YAML": {`
 jobs:
   a:
     steps:
       - run: a
*  b:
*    permissions: write-all
     steps:
       - run: x
       - run: y
?      - uses: z
   c:
*    x: 1
`, "6 in the block"},
		"another function only: the nearest": {`
*def a():
     pass

 def f():
?    run()

 def g():
     pass

*def h():
     pass
`, "1 nearest"},
		"a flat file": {`
*a==1
 b==1
 c==1
?d==1
 e==1
*f==1
`, "6 nearest"},
		"equally near: the one before": {`
*a
 b
?c
 d
*e
`, "1 nearest"},
	} {
		f, line, text := marked(c.text)
		if got := describe(f, line, text); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
		// Without the text no blocks are known, but there is still an answer.
		if got := describe(f, line, nil); !strings.HasSuffix(got, " nearest") {
			t.Errorf("%s: without the text: %s", name, got)
		}
		crlf := []byte(strings.ReplaceAll(string(text), "\n", "\r\n"))
		if got := describe(f, line, crlf); got != c.want {
			t.Errorf("%s, with CRLF: got %s, want %s", name, got, c.want)
		}
	}
}

func describe(f *File, line int, text []byte) string {
	at, same, ok := f.Cause(line, text)
	switch {
	case !ok:
		return "no"
	case same:
		return fmt.Sprint(at, " in the block")
	}
	return fmt.Sprint(at, " nearest")
}

// TestCauseOfWhatIsTakenAway has a change that removes the line that prevented a problem.
func TestCauseOfWhatIsTakenAway(t *testing.T) {
	t.Parallel()
	set, err := Parse([]byte(`diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,4 +1,3 @@
 def f(name):
-    name = clean(name)
     a()
     b()
diff --git a/b.py b/b.py
--- a/b.py
+++ b/b.py
@@ -7,3 +7,2 @@
 x
 y
-z
diff --git a/c.py b/c.py
--- a/c.py
+++ b/c.py
@@ -1,1 +0,0 @@
-z
`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"a.py": "2 nearest", "b.py": "8 nearest", "c.py": "no"} {
		f, _ := set.File(path)
		if got := describe(f, 40, nil); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

// FuzzCause checks that the answer is always a line that can carry a comment.
func FuzzCause(f *testing.F) {
	f.Add([]byte(sample), "a\n\tb\n{\n", 3)
	f.Fuzz(func(t *testing.T, raw []byte, text string, line int) {
		set, _ := Parse(raw)
		for _, file := range set.Files() {
			if at, _, ok := file.Cause(line, []byte(text)); ok && !file.Shows(Right, at) {
				t.Fatalf("line %d of %+v cannot carry a comment", at, file)
			}
		}
	})
}
