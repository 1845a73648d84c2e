package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// TestCommandLine checks what is accepted, and that a mistake is answered in two lines on standard error alone.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"version": "", "review": "", "review DIR": "", "review --repo DIR": "", "review --fail-on HIGH": "", "help review": "", "help": "",
		"--version":                           "secbydesign ",
		"review --help":                       "Default: worktree.",
		"demo --help":                         "127.0.0.1:8090.",
		"review --nope":                       "!secbydesign: unknown flag --nope\nSee `secbydesign review --help`.\n",
		"review a b":                          "!secbydesign: unexpected argument b\nSee `secbydesign review --help`.\n",
		"review --base":                       "!secbydesign: --base needs a value\nSee `secbydesign review --help`.\n",
		"revew":                               "!there is no command revew",
		"config":                              "!secbydesign: name a command: check, explain, rehearse, schema\nSee `secbydesign config --help`.\n",
		"config nope":                         "!there is no command nope",
		"model":                               "!secbydesign: name a command: init, check, show, schema, export, import\nSee `secbydesign model --help`.\n",
		"model show":                          "",
		"audit":                               "!secbydesign: name a command: verify, export\nSee `secbydesign audit --help`.\n",
		"audit verify --data DIR --head HASH": "", "audit verify --file FILE --part": "", "audit export --database URL --org acme --since 2026-01-31 --repo acme/shop": "",
		"decisions": "!secbydesign: name a command: export, import, schema\nSee `secbydesign decisions --help`.\n",
		"decisions export --format openvex --repo acme/shop": "", "decisions import DIR --repo acme/shop --rev origin/main --dry-run": "",
		"model import":      "!secbydesign: expected \"<file>\"",
		"":                  "!secbydesign: name a command: serve, review, demo,",
		"serve --workers":   "!secbydesign: --workers needs a value",
		"review --all=much": "!secbydesign: --all",
	} {
		var out, errs bytes.Buffer
		func() {
			defer func() { _ = recover() }() // kong goes on after an exit that returns
			_, err := newParser(t.Context(), &out, &errs, func(int) { panic("exit") }).Parse(strings.Fields(line))
			if err != nil {
				misuse(&errs, err)
			}
		}()
		mistake, failed := strings.CutPrefix(want, "!")
		switch {
		case !failed && (errs.Len() > 0 || !strings.Contains(out.String(), want)):
			t.Errorf("%q: %q, and %q on stderr; want %q", line, out.String(), errs.String(), want)
		case failed && (out.Len() > 0 || !strings.Contains(errs.String(), mistake) || strings.Count(errs.String(), "\n") != 2):
			t.Errorf("%q: %q, and %q on stderr; want %q there", line, out.String(), errs.String(), mistake)
		}
	}
}

func TestSecretFlags(t *testing.T) {
	t.Parallel()
	got := secretFlags([]string{"serve", "--github-private-key=x", "--github-private-key-file=f", "--github-webhook-secret", "x"})
	if want := []string{"--github-private-key", "--github-webhook-secret"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
