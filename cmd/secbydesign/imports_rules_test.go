package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
)

// A source is one Go file.
type source struct {
	path, folder string // "app/pull/pull.go", "app/pull"
	test         bool
	syntax       *ast.File
}

// violations lists where a tree breaks the rules, one sentence each.
func violations(t *testing.T, tree fs.FS) []string {
	t.Helper()
	found := unlisted(t, tree)
	packages := map[string][]source{}
	for _, s := range sources(t, tree) {
		found = append(found, checkArrows(s)...)
		if !s.test {
			found = append(found, checkPowers(s)...)
			packages[s.folder] = append(packages[s.folder], s)
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		found = append(found, checkPackage(folder, packages[folder])...)
	}
	for _, folder := range pure {
		found = append(found, reached(packages, folder)...)
	}
	return found
}

// reached lists the powers that a pure package reaches through other packages of this module that it imports.
func reached(packages map[string][]source, from string) (found []string) {
	by := map[string]string{from: ""} // the package through which each is first reached
	queue := []string{from}
	for len(queue) > 0 {
		folder := queue[0]
		queue = queue[1:]
		for _, s := range packages[folder] {
			for _, p := range importsOf(s) {
				if to, ours := strings.CutPrefix(p, module+"/"); ours {
					if _, seen := by[to]; !seen {
						by[to] = folder
						queue = append(queue, to)
					}
				} else if folder != from && slices.Contains(outside, p) {
					var way []string
					for at := folder; at != from; at = by[at] {
						way = append([]string{at}, way...)
					}
					found = append(found, fmt.Sprintf("%s is pure and must not reach %s, by %s", from, p, strings.Join(way, " and ")))
				}
			}
		}
	}
	return found
}

// roomViolations compares the imports among the packages of the app with the table.
func roomViolations(packages map[string][]source, table map[string][]string) (found []string) {
	name := func(room string) string { return path.Join("app", room) }
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		room := strings.Trim(strings.TrimPrefix(folder, "app"), "/")
		allowed, known := table[room]
		if !known {
			found = append(found, folder+" is not in the table of rooms")
			continue
		}
		imported := map[string]bool{}
		for _, s := range packages[folder] {
			for _, p := range importsOf(s) {
				to, ours := strings.CutPrefix(p, module+"/app")
				if !ours {
					continue
				}
				to = strings.TrimPrefix(to, "/")
				if imported[to] {
					continue
				}
				if imported[to] = true; !slices.Contains(allowed, to) {
					found = append(found, fmt.Sprintf("%s must not import %s: %s", folder, name(to), s.path))
				}
			}
		}
		for _, to := range allowed {
			if !imported[to] {
				found = append(found, fmt.Sprintf("%s does not import %s, as the table of rooms says", folder, name(to)))
			}
		}
	}
	for room := range table {
		if _, there := packages[name(room)]; !there && len(packages) > 1 {
			found = append(found, "the table of rooms has "+name(room)+", which is not there")
		}
	}
	return found
}

func unlisted(t *testing.T, tree fs.FS) (found []string) {
	t.Helper()
	entries, err := fs.ReadDir(tree, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(top, name) && !ignored(tree, name) {
			found = append(found, name+" is not one of the folders and files that stand at the top")
		}
	}
	return found
}

// ignored reports whether .gitignore lists a name at the top.
func ignored(tree fs.FS, name string) bool {
	// A tree without the file ignores nothing.
	patterns, _ := fs.ReadFile(tree, ".gitignore")
	return slices.ContainsFunc(strings.Fields(string(patterns)), func(pattern string) bool {
		ok, err := path.Match(strings.Trim(pattern, "/"), name)
		return ok && err == nil
	})
}

func sources(t *testing.T, tree fs.FS) (all []source) {
	t.Helper()
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || ignored(tree, name)) {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
		if err != nil {
			return err
		}
		all = append(all, source{name, path.Dir(name), strings.HasSuffix(name, "_test.go"), syntax})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func checkArrows(s source) (found []string) {
	from, _, _ := strings.Cut(s.folder, "/")
	allowed, ok := arrows[from]
	if !ok {
		return []string{fmt.Sprintf("%s: %s is no place for Go", s.path, from)}
	}
	for _, imported := range importsOf(s) {
		ours, ok := strings.CutPrefix(imported, module)
		if !ok {
			continue
		}
		to, _, _ := strings.Cut(strings.TrimPrefix(ours, "/"), "/")
		if to == "" {
			to = module
		}
		if to != from && !slices.Contains(allowed, to) {
			found = append(found, fmt.Sprintf("%s: %s must not import %s", s.path, from, to))
		}
	}
	return found
}

func importsOf(s source) (paths []string) {
	for _, i := range s.syntax.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			panic(err) // the parser has read it
		}
		paths = append(paths, p)
	}
	return paths
}

// within reports whether the file is, or is in, one of the places.
func within(s source, places []string) bool {
	return slices.ContainsFunc(places, func(p string) bool {
		return s.path == p || s.folder == p || strings.HasPrefix(s.folder, p+"/")
	})
}

// outside lists the packages that give access to the outside world, and starters the functions that start a program.
var (
	outside  = []string{"database/sql", "net", "net/http", "os", "os/exec"}
	starters = []string{"os.StartProcess", "syscall.Exec", "syscall.ForkExec", "syscall.StartProcess", "unix.Exec"}
)

// deepParsers are the functions that parse, with a library or to any depth, what the author of a change may have written.
var deepParsers = []string{
	"blocks.Divide", "command.Find", "decisionfile.Parse", "goldmark.New", "ownership.ParseCatalog", "ownership.ParseCatalogs", "parser.Parse",
	"policy.Parse", "sarif.Read", "strictyaml.Here", "strictyaml.Parse", "suppress.Entries", "threatmodel.Parse", "toml.NewDecoder", "toml.Unmarshal",
	"yaml.NewDecoder", "yaml.Unmarshal",
}

func checkPowers(s source) (found []string) {
	say := func(format string, args ...any) {
		found = append(found, s.path+" "+fmt.Sprintf(format, args...))
	}
	for _, p := range importsOf(s) {
		if p == "os/exec" && !within(s, startsPrograms) {
			say("must not start programs (os/exec)")
		}
		if slices.Contains(outside, p) && slices.Contains(pure, s.folder) {
			say("is pure and must not import %s", p)
		}
	}
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && slices.Contains(starters, x.Name+"."+n.Sel.Name) && !within(s, startsPrograms) {
				say("must not start programs (%s.%s)", x.Name, n.Sel.Name)
			}
			if x, ok := n.X.(*ast.Ident); ok && slices.Contains(deepParsers, x.Name+"."+n.Sel.Name) && !within(s, parsesDeep) {
				say("must not parse content beside the credentials (%s.%s)", x.Name, n.Sel.Name)
			}
			service, ok := n.X.(*ast.SelectorExpr)
			write := ok && slices.Contains(writers[service.Sel.Name], n.Sel.Name)
			if write && !within(s, writesToGitHub) && (service.Sel.Name != "Apps" || !within(s, actsAsTheApp)) {
				say("must not write to GitHub (%s.%s)", service.Sel.Name, n.Sel.Name)
			}
			if n.Sel.Name == "Mutate" && !within(s, writesToGitHub) {
				say("must not write to GitHub (Mutate)")
			}
		case *ast.CallExpr:
			f, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || f.Sel.Name != "NewRequest" || len(n.Args) != 3 || within(s, writesToGitHub) {
				break
			}
			// http.NewRequest is for other servers, on which nothing of GitHub's depends.
			if x, ok := f.X.(*ast.Ident); ok && x.Name == "http" {
				break
			}
			if method, ok := n.Args[0].(*ast.BasicLit); !ok || strings.Trim(method.Value, "\"`") != "GET" {
				say("must not write to GitHub (NewRequest %s)", methodOf(n.Args[0]))
			}
		}
		return true
	})
	return found
}

func methodOf(arg ast.Expr) string {
	if lit, ok := arg.(*ast.BasicLit); ok {
		return strings.Trim(lit.Value, "\"`")
	}
	return "with a method that is not spelled out"
}

// writers maps go-github's services to those of their methods that do more than read.
var writers = func() map[string][]string {
	reads := []string{"Get", "List", "Compare", "Download", "Find", "Is", "Has", "Check"}
	all := map[string][]string{}
	client := reflect.TypeFor[github.Client]()
	for i := range client.NumField() {
		service := client.Field(i)
		if !strings.HasSuffix(service.Type.String(), "Service") || service.Name == "Search" {
			continue
		}
		for j := range service.Type.NumMethod() {
			method := service.Type.Method(j).Name
			if !slices.ContainsFunc(reads, func(p string) bool { return strings.HasPrefix(method, p) }) {
				all[service.Name] = append(all[service.Name], method)
			}
		}
	}
	return all
}()

func checkPackage(folder string, files []source) (found []string) {
	comments := 0
	globals := map[string]bool{}
	for _, s := range files {
		if s.syntax.Doc != nil {
			comments++
		}
		for _, d := range s.syntax.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, spec := range g.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						globals[name.Name] = true
					}
				}
			}
		}
	}
	if comments != 1 {
		found = append(found, fmt.Sprintf("%s has %d package comments, want 1", folder, comments))
	}
	for _, s := range files {
		for _, d := range s.syntax.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if f.Name.Name == "init" && f.Recv == nil {
				found = append(found, s.path+" must not have an init function")
			}
			for _, name := range changes(f) {
				if globals[name] {
					found = append(found, fmt.Sprintf("%s must not change %s, which is global", s.path, name))
				}
			}
		}
	}
	return found
}

// changes returns the names that f changes but does not declare: by assignment to them or to their elements, ++,
// delete or clear. A name that f declares anywhere counts as declared in all of f.
func changes(f *ast.FuncDecl) (names []string) {
	own := map[string]bool{}
	declare := func(exprs ...ast.Expr) {
		for _, e := range exprs {
			if x, ok := e.(*ast.Ident); ok {
				own[x.Name] = true
			}
		}
	}
	change := func(e ast.Expr) {
		if x := root(e); x != nil {
			names = append(names, x.Name)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field: // parameters, results and the receiver
			for _, name := range n.Names {
				declare(name)
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				declare(name)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				declare(n.Key, n.Value)
			}
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if n.Tok == token.DEFINE {
					declare(e)
				} else {
					change(e)
				}
			}
		case *ast.IncDecStmt:
			change(n.X)
		case *ast.CallExpr:
			if fun, ok := n.Fun.(*ast.Ident); ok && (fun.Name == "delete" || fun.Name == "clear") && len(n.Args) > 0 {
				change(n.Args[0])
			}
		}
		return true
	})
	return slices.DeleteFunc(names, func(name string) bool { return own[name] })
}

// root returns the x of x, x.y, x[i], *x and their combinations, or nil.
func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.ParenExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	}
	return nil
}
