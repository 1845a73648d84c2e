package main_test

import (
	"flag"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

var updateLinked = flag.Bool("update", false, "write testdata/linked.txt")

// linked lists the modules that are part of the program, on Linux and without C, as it is released.
func linked(t *testing.T) (list []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", `{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}`, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	list = strings.Fields(string(out))
	slices.Sort(list)
	return slices.Compact(list)
}

// TestLinkedModules compares the modules of the program with a list, so that a new one is seen in a review. With -update it
// writes the list.
func TestLinkedModules(t *testing.T) {
	t.Parallel()
	const file = "testdata/linked.txt"
	got := strings.Join(linked(t), "\n") + "\n"
	if *updateLinked {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the program has other modules than %s lists. Is each needed? Then run with -update.\n%s", file, got)
	}
}

// TestDependenciesAreExplained checks that deploy/dependencies.md has a row for each module that this one requires
// directly, and for no other.
func TestDependenciesAreExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, r := range mod.Require {
		if !r.Indirect {
			want = append(want, r.Mod.Path)
		}
	}
	table, err := os.ReadFile("../../deploy/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	inside := linked(t)
	var got []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\| (MIT|BSD-[23]-Clause|Apache-2.0|MPL-2.0|Unlicense) \\| (yes|tests only) \\|$").FindAllStringSubmatch(string(table), -1) {
		got = append(got, row[1])
		if is := slices.Contains(inside, row[1]); is != (row[4] == "yes") {
			t.Errorf("%s: in the program %v, and the table says %s", row[1], is, row[4])
		}
	}
	for _, m := range want {
		if !slices.Contains(got, m) {
			t.Errorf("deploy/dependencies.md does not say what %s is for, and its licence", m)
		}
	}
	for _, m := range got {
		if !slices.Contains(want, m) {
			t.Errorf("deploy/dependencies.md explains %s, which go.mod does not require directly", m)
		}
	}
	if rows := strings.Count(string(table), "\n| `"); rows != len(got) {
		t.Errorf("%d of %d rows are well formed", len(got), rows)
	}
}
