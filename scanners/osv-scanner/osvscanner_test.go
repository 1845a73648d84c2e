package osvscanner

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// OSV-Scanner takes a member of the workspace for the registry's package of that name.
func TestOwnPackagesAreLeftOut(t *testing.T) {
	t.Parallel()
	s := New(&tool.Runner{}, t.TempDir()).(*tool.Scanner)
	const tree = "/tree"
	lock := `{"packages": {"node_modules/own": {"resolved": "libs/own", "link": true}, "libs/own": {"name": "own", "version": "1.0.0"}, "node_modules/theirs": {"version": "1.0.0"}}}`
	vulnerable := func(name string) map[string]any {
		return map[string]any{
			"package": map[string]any{"name": name, "version": "1.0.0"}, "vulnerabilities": []any{map[string]any{"id": "MAL-2026-1", "summary": "Malicious code"}},
			"groups": []any{map[string]any{"ids": []string{"MAL-2026-1"}, "aliases": []string{"MAL-2026-1"}}},
		}
	}
	text, err := json.Marshal(map[string]any{"results": []any{map[string]any{
		"source": map[string]any{"path": filepath.Join(tree, "package-lock.json")}, "packages": []any{vulnerable("own"), vulnerable("theirs")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Read(tool.Output{Text: text, Tree: tree}, scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: "package-lock.json", Content: []byte(lock)}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Identity != "theirs" {
		t.Errorf("found %+v", found)
	}
}
