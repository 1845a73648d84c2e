package lazy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestEachCompiles compiles the expressions that are written in package scanners and below, since a malformed one would
// only panic when it is used.
func TestEachCompiles(t *testing.T) {
	t.Parallel()
	files := map[string][]*ast.File{} // by folder
	set := token.NewFileSet()
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == "testdata":
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		files[filepath.Dir(path)] = append(files[filepath.Dir(path)], file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	compiled := 0
	for _, list := range files {
		constants := constantsOf(list)
		for _, file := range list {
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				function, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || function.Sel.Name != "MustCompile" {
					return true
				}
				if of, ok := function.X.(*ast.Ident); !ok || of.Name != "lazy" {
					return true
				}
				text, ok := valueOf(call.Args[0], constants)
				if !ok {
					t.Errorf("%v: an expression that is no constant: compile it with package regexp", set.Position(call.Pos()))
				} else if _, err := regexp.Compile(text); err != nil {
					t.Errorf("%v: %v", set.Position(call.Pos()), err)
				}
				compiled++
				return true
			})
		}
	}
	if compiled < 100 {
		t.Errorf("%d expressions were found", compiled)
	}
}

// constantsOf returns the expressions of the constants of a package.
func constantsOf(files []*ast.File) map[string]ast.Expr {
	constants := map[string]ast.Expr{}
	for _, file := range files {
		for _, d := range file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, s := range group.Specs {
				spec := s.(*ast.ValueSpec)
				for i, value := range spec.Values {
					constants[spec.Names[i].Name] = value
				}
			}
		}
	}
	return constants
}

// valueOf returns the text of a constant expression.
func valueOf(e ast.Expr, constants map[string]ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.ParenExpr:
		return valueOf(e.X, constants)
	case *ast.BinaryExpr:
		left, ok := valueOf(e.X, constants)
		right, also := valueOf(e.Y, constants)
		return left + right, ok && also && e.Op == token.ADD
	case *ast.Ident:
		value, ok := constants[e.Name]
		if !ok {
			return "", false
		}
		return valueOf(value, constants)
	}
	return "", false
}

func TestMethods(t *testing.T) {
	t.Parallel()
	e := MustCompile(`a(b+)`)
	same := regexp.MustCompile(`a(b+)`)
	for _, s := range []string{"", "abb", "xabxabb", "ba"} {
		for _, pair := range [][2]any{
			{e.MatchString(s), same.MatchString(s)},
			{e.FindString(s), same.FindString(s)},
			{e.FindStringIndex(s), same.FindStringIndex(s)},
			{e.FindStringSubmatch(s), same.FindStringSubmatch(s)},
			{e.FindStringSubmatchIndex(s), same.FindStringSubmatchIndex(s)},
			{e.FindAllString(s, 1), same.FindAllString(s, 1)},
			{e.FindAllStringIndex(s, -1), same.FindAllStringIndex(s, -1)},
			{e.FindAllStringSubmatch(s, -1), same.FindAllStringSubmatch(s, -1)},
			{e.FindAllStringSubmatchIndex(s, -1), same.FindAllStringSubmatchIndex(s, -1)},
			{e.ReplaceAllString(s, "$1"), same.ReplaceAllString(s, "$1")},
			{e.ReplaceAllStringFunc(s, strings.ToUpper), same.ReplaceAllStringFunc(s, strings.ToUpper)},
		} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Errorf("%q: %v, not %v", s, pair[0], pair[1])
			}
		}
	}
}
