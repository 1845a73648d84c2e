package catalog

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// FuzzOutput checks that no output of any program makes its parser panic, or leads to a finding that is not
// in the tree.
func FuzzOutput(f *testing.F) {
	var programs []*tool.Scanner
	for _, s := range All(Options{}) {
		p, ok := s.(*tool.Scanner)
		if !ok {
			continue
		}
		outputs, err := filepath.Glob(filepath.Join("..", p.Info().Name, "testdata", "*", "output*"))
		if err != nil || len(outputs) == 0 {
			f.Fatalf("%s has no recorded output (%v)", p.Info().Name, err)
		}
		for _, name := range outputs {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint(len(programs)), text)
		}
		programs = append(programs, p)
	}
	const path, lines = "main.tf", 3
	content := []byte(strings.Repeat("größe = 1\n", lines))
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, path), content, 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, which uint, text []byte) {
		p := programs[which%uint(len(programs))]
		// Any path that the program reports may mean this file.
		for _, name := range []string{"src/app.py", "web/server.js", "deploy/all.yaml", "infra/main.tf", "src/greet.c"} {
			text = []byte(strings.ReplaceAll(string(text), name, path))
		}
		target := scanners.Target{Scope: p.Info().Scopes[0], Dir: dir, Files: []scanners.File{{Path: path, Content: content}}}
		found, err := p.Read(tool.Output{Text: text, Tree: "/tree"}, target)
		var incomplete *scanners.IncompleteError
		if err != nil && (!errors.As(err, &incomplete) || strings.Contains(err.Error(), "panic")) {
			t.Fatalf("%s: %v", p.Info().Name, err)
		}
		for _, x := range found {
			if x.Path != path || x.Line < 0 || x.EndLine < x.Line || x.EndLine > lines {
				t.Errorf("%s: %s, lines %d to %d", p.Info().Name, x.Path, x.Line, x.EndLine)
			}
		}
	})
}
