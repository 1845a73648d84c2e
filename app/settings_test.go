package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/local"
	"github.com/secbydesign/secbydesign/scanners/programtest"
)

// TestAGateWithoutGo reviews a change with two programs that only the settings file defines: one scans files, one the
// tree.
func TestAGateWithoutGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		programtest.Write(t, name, text) // some are programs
		return name
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", filepath.Join(dir, "repo"), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	fixme := write("bin/fixme", `#!/bin/sh
for f in "$@"; do
	grep -n FIXME "$f" | while IFS=: read -r line rest; do
		printf '{"message":"Unfinished work.","location":{"path":"%s","range":{"start":{"line":%s}}},"severity":"ERROR","code":{"value":"fixme"}}\n' "$f" "$line"
	done
done
`)
	licence := write("bin/licence", `#!/bin/sh
[ -e LICENSE ] && { echo '<checkstyle/>'; exit 0; }
echo '<checkstyle><file name="README"><error line="1" severity="warning" message="There is no licence." source="no-licence"/></file></checkstyle>'
exit 4
`)
	settings := write("settings.yml", fmt.Sprintf(`
scanners:
  fixme: {command: [%q, "{files}"], format: rdjsonl, scope: file, gate: code, files: ["**/*.txt"], needs: [grep]}
  licence: {command: [%q], format: checkstyle, scope: tree, gate: requirements, found: [4]}
`, fixme, licence))

	write("repo/a.txt", "FIXME old\n")
	write("repo/LICENSE", "free\n")
	write("repo/README", "read me\n")
	git("init", "-q", "-b", "main")
	git("add", "-A")
	git("commit", "-qm", "base")
	write("repo/a.txt", "new\nFIXME old\n")
	write("repo/b.txt", "fine\n  FIXME new\n")
	if err := os.Remove(filepath.Join(dir, "repo/LICENSE")); err != nil {
		t.Fatal(err)
	}

	options, err := app.Local(local.Options{Repo: filepath.Join(dir, "repo"), Base: "main", Head: local.Worktree, Format: "json", FailOn: "low"}, app.ScannerSettings{Sandbox: "auto", SettingsFile: settings}, os.Stdout, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code, err := local.Review(context.Background(), &out, options)
	if err != nil || code != local.Failed {
		t.Fatalf("exit code %d, %v\n%s", code, err, out.String())
	}
	var got struct {
		Scanners []struct{ Name, Gate, Version, State string }
		Findings []struct {
			Scanner, Rule, Path, Severity, State string
			Line                                 int
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range got.Findings {
		found = append(found, fmt.Sprintf("%s %s/%s %s:%d", f.Severity, f.Scanner, f.Rule, f.Path, f.Line))
	}
	if want := "high fixme/fixme b.txt:2\nmedium licence/no-licence README:1"; strings.Join(found, "\n") != want {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(found, "\n"), want)
	}
	ran := 0
	for _, s := range got.Scanners {
		if s.Name == "fixme" && s.Gate == "code" || s.Name == "licence" && s.Gate == "requirements" {
			ran++
			if s.State != "complete" || !strings.HasPrefix(s.Version, "sha256:") {
				t.Errorf("%+v", s)
			}
		}
	}
	if ran != 2 {
		t.Errorf("ran: %+v", got.Scanners)
	}

	var list bytes.Buffer
	if err := app.ListScanners(context.Background(), &list, app.ScannerSettings{Sandbox: "auto", SettingsFile: settings}); err != nil || !strings.Contains(list.String(), "by its operator") {
		t.Errorf("%v\n%s", err, list.String())
	}
	for line := range strings.Lines(list.String()) {
		if len(strings.TrimRight(line, "\n")) > 100 {
			t.Errorf("too wide for a terminal: %s", line)
		}
	}
}

func TestMistakesInTheSettingsFileAreReportedAtTheirPlace(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "settings.yml")
	if err := os.WriteFile(file, []byte("scanners:\n  gitleaks: {command: [x], format: sarif, scope: tree, gate: code}\n  x: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := func(file string) app.ScannerSettings {
		return app.ScannerSettings{Sandbox: "auto", SettingsFile: file}
	}
	_, served := app.Settings{ScannerSettings: app.ScannerSettings{SettingsFile: file}}.Config()
	_, reviewed := app.Local(local.Options{}, settings(file), os.Stdout, os.Stderr)
	listed := app.ListScanners(context.Background(), &bytes.Buffer{}, settings(file))
	for _, err := range []error{served, reviewed, listed} {
		for _, want := range []string{file + ":2:3: the name", file + ":3:3: say the command"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not reported: %v", want, err)
			}
		}
	}
	if err := os.WriteFile(file, []byte("rules: "+file+"/rules\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := app.ListScanners(context.Background(), &bytes.Buffer{}, settings(file)); err == nil || !strings.Contains(err.Error(), "there is no folder of rules") {
		t.Errorf("rules that are not there: %v", err)
	}
	if err := app.ListScanners(context.Background(), &bytes.Buffer{}, settings(file+"x")); err == nil || !strings.Contains(err.Error(), "SECBYDESIGN_SETTINGS_FILE names a file that does not exist") {
		t.Errorf("a file that is not there: %v", err)
	}
}
