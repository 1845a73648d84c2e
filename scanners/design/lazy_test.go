package design

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A lazyRegexp is compiled when it is first used, so each that the code names is compiled here.
func TestRegexpsCompile(t *testing.T) {
	t.Parallel()
	set, compiled := token.NewFileSet(), 0
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	check := func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if name, ok := call.Fun.(*ast.Ident); !ok || name.Name != "rex" && name.Name != "rexes" {
			return true
		}
		for _, arg := range call.Args {
			text, ok := constantText(arg)
			if !ok {
				continue // a text of the code, such as the parameter of rexes
			}
			if _, err := regexp.Compile(text); err != nil {
				t.Errorf("%s: %v", set.Position(arg.Pos()), err)
			}
			compiled++
		}
		return true
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, check)
	}
	if compiled < 500 {
		t.Errorf("%d expressions were found, want all", compiled)
	}
}

// constantText returns the text of literals that are joined by plus signs.
func constantText(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		v := constant.MakeFromLiteral(e.Value, e.Kind, 0)
		return constant.StringVal(v), v.Kind() == constant.String
	case *ast.BinaryExpr:
		left, ok := constantText(e.X)
		right, also := constantText(e.Y)
		return left + right, ok && also
	}
	return "", false
}
