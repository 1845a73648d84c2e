package osv

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners/osv/osvtest"
)

// The texts name the package, so that the findings of two packages differ, and the commands are those of
// the program that wrote the file.
func TestTexts(t *testing.T) {
	t.Parallel()
	s := offline(t)
	yarn := []string{`"@acme/one@npm:^1.0.0":`, "  version: 1.0.0", `  resolution: "@acme/one@npm:1.0.0"`, "", `"acme-template@npm:^2.0.0":`, "  version: 2.4.0", `  resolution: "acme-template@npm:2.4.0"`}
	tests := map[string]struct {
		path        string
		lines       []string
		title, help string // of the first finding
	}{
		"npm": {"package-lock.json", []string{`{"packages": {"node_modules/acme-template": {"version": "2.4.0"}}}`}, "Known vulnerability in acme-template 2.4.0",
			"Upgrade acme-template to 2.5.0 or newer, for instance with `npm install acme-template@2.5.0`. This problem is fixed in 2.4.1; 2.5.0 also fixes the others that are known. If another package requires it, `npm explain acme-template` names that one. Upgrade it instead."},
		"yarn 1": {"yarn.lock", []string{"acme-template@^2.0.0:", `  version "2.4.0"`}, "Known vulnerability in acme-template 2.4.0",
			"Upgrade acme-template to 2.5.0 or newer, for instance with `yarn upgrade acme-template@2.5.0`. This problem is fixed in 2.4.1; 2.5.0 also fixes the others that are known. If another package requires it, `yarn why acme-template` names that one. Upgrade it instead."},
		"yarn berry": {"yarn.lock", append([]string{"__metadata:", "  version: 8", ""}, yarn...), "Known vulnerability in acme-template 2.4.0",
			"Upgrade acme-template to 2.5.0 or newer, for instance with `yarn up acme-template@2.5.0`. This problem is fixed in 2.4.1; 2.5.0 also fixes the others that are known. If another package requires it, `yarn why acme-template` names that one. Upgrade it instead."},
		"go":        {"go.mod", []string{"module x", "require example.com/acme/router v1.2.0"}, "Known vulnerability in example.com/acme/router 1.2.0", "Upgrade example.com/acme/router to 1.4.0 or newer, for instance with `go get example.com/acme/router@v1.4.0`. Run `go mod tidy` afterwards. If another package requires it, `go mod why -m example.com/acme/router` names that one. Upgrade it instead."},
		"pip":       {"requirements.txt", []string{"acme-web-kit==1.1"}, "Known vulnerability in acme-web-kit 1.1", "Upgrade acme-web-kit to 1.2.3 or newer."},
		"no fix":    {"bun.lock", []string{`{"packages": {"@acme/parser": ["@acme/parser@1.2.0", "", {}, "x"]}}`}, "Known vulnerability in @acme/parser 1.2.0", "No fixed version is known. Replace the package, or check whether this project uses the vulnerable part, and record the answer here."},
		"malicious": {"requirements.txt", []string{"acme-helper"}, "Malicious package acme-helper", "Remove it. Treat each machine that installed it as compromised, and replace every secret that was readable there."},
	}
	for name, test := range tests {
		found := scan(t, s, file(test.path, test.lines...))
		if len(found) == 0 {
			t.Errorf("%s: nothing found", name)
			continue
		}
		if f := found[0]; f.Title != test.title || f.Help != test.help {
			t.Errorf("%s: got %q, %q", name, f.Title, f.Help)
		}
	}
}

// GitHub ends a range that has no fix by the newest affected version it knows.
func TestLastKnownAffected(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	record := func(id, events, specific string) []byte {
		return []byte(`{"id":"` + id + `","affected":[{"package":{"ecosystem":"npm","name":"pp"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}` + events + `]}],"database_specific":` + specific + `}]}`)
	}
	osvtest.Export(t, filepath.Join(dir, "npm"), map[string][]byte{
		"1.json": record("X-1", "", `{"last_known_affected_version_range":"< 0.20.2"}`),
		"2.json": record("X-2", "", `{"last_known_affected_version_range":"<= 0.20.2"}`),
		"3.json": record("X-3", "", `{"source":"https://example.test"}`),
		"4.json": record("X-4", `,{"fixed":"1.0.0"}`, `{"last_known_affected_version_range":"<= 0.1.0"}`),
		"5.json": record("X-5", "", `["odd"]`),
		"6.json": record("X-6", "", `{"last_known_affected_version_range":">= 1, <= 2"}`),
	})
	s := New(Options{Dir: dir})
	for version, want := range map[string]string{
		"0.20.1": "X-1 X-2 X-3 X-4 X-5 X-6",
		"0.20.2": "X-2 X-3 X-4 X-5 X-6",
		"0.20.3": "X-3 X-4 X-5 X-6",
		"1.0.0":  "X-3 X-5 X-6",
	} {
		var rules []string
		for _, f := range scan(t, s, file("package-lock.json", `{"packages": {"node_modules/pp": {"version": "`+version+`"}}}`)) {
			rules = append(rules, f.Rule)
		}
		slices.Sort(rules)
		if got := strings.Join(rules, " "); got != want {
			t.Errorf("%s: got %s, want %s", version, got, want)
		}
	}
}
