package app_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/secbydesign/secbydesign/app"
)

func TestPolicyCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("good.yml", "version: 1\ngates: {secrets: {mode: off}}\nscanners: {gosec: {enabled: true}}\n")
	bad := file("bad.yml", "version: 1\ngate: {}\n")
	custom := file("custom.yml", "version: 1\nscanners: {ours: {enabled: true}}\n")
	org := file("org.yml", "version: 1\nguardrails: {gates: {secrets: {at_least: comment}}}\n")

	for _, test := range []struct {
		files      app.PolicyFiles
		said, want string
	}{
		{app.PolicyFiles{File: good}, good + " is valid.\n", ""},
		{app.PolicyFiles{File: good, Organisation: org}, good + " is valid.\n" + org + " is valid.\n", ""},
		{app.PolicyFiles{File: bad}, "", bad + `:2:1: unknown key "gate", did you mean "gates"?`},
		{app.PolicyFiles{File: good, Organisation: bad}, "", bad + ":2:1: "},
		{app.PolicyFiles{File: custom}, "", "unknown scanner"},
		{app.PolicyFiles{File: custom, Scanners: []string{"ours"}}, custom + " is valid.\n", ""},
		{app.PolicyFiles{File: good + "x"}, "", "no such file"},
	} {
		var b bytes.Buffer
		err := app.CheckPolicy(&b, test.files)
		if b.String() != test.said || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %q, %v", test.files, b.String(), err)
		}
	}

	var b bytes.Buffer
	if err := app.ExplainPolicy(&b, app.PolicyFiles{File: good, Organisation: org}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"organisation, " + org + ":2, see refused\n", "off is too mild", good + ":2:25"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if err := app.ExplainPolicy(&b, app.PolicyFiles{File: bad}); err == nil {
		t.Error("a bad file was explained")
	}
}

// TestPolicyOfAnOrganisationAlone is checked and explained where no repository is.
func TestPolicyOfAnOrganisationAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("org.yml", []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const none = "There is no .secbydesign.yml here, so the layers below it hold.\n"
	alone := app.PolicyFiles{File: ".secbydesign.yml", Organisation: "org.yml"}
	var b bytes.Buffer
	if err := app.CheckPolicy(&b, alone); err != nil || b.String() != none+"org.yml is valid.\n" {
		t.Errorf("check: %q, %v", b.String(), err)
	}
	b.Reset()
	if err := app.ExplainPolicy(&b, alone); err != nil || !strings.HasPrefix(b.String(), none+"\ngates\n") {
		t.Errorf("explain: %q, %v", b.String(), err)
	}
	// Where no other is named, the file that is not there is the one to check.
	if err := app.CheckPolicy(&b, app.PolicyFiles{File: ".secbydesign.yml"}); err == nil {
		t.Error("nothing is valid")
	}
	if err := app.CheckPolicy(&b, app.PolicyFiles{File: "other.yml", Organisation: "org.yml"}); err == nil {
		t.Error("a file that was named and is not there is valid")
	}
}

// TestPolicyThatIsNoFile is refused at once: a clone may hold a pipe, on which a reader waits.
func TestPolicyThatIsNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(syscall.Mkfifo("pipe.yml", 0o600), os.Symlink("/dev/zero", "device.yml"), os.Mkdir("folder.yml", 0o700), os.WriteFile("large.yml", nil, 0o600), os.Truncate("large.yml", 1<<40)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pipe.yml", "device.yml", "folder.yml", "large.yml"} {
		for command, run := range map[string]func(io.Writer, app.PolicyFiles) error{"check": app.CheckPolicy, "explain": app.ExplainPolicy} {
			if err := run(io.Discard, app.PolicyFiles{File: name}); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s %s: %v", command, name, err)
			}
		}
	}
}
