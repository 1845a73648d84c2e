package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/local"
)

type reviewCommand struct {
	Dir    string `arg:"" optional:"" placeholder:"DIR" help:"Folder of the git repository. Default: the working folder."`
	Repo   string `placeholder:"DIR" help:"The same, as a flag."`
	Base   string `placeholder:"REV" help:"What to compare with; the default branch unless set."`
	Head   string `default:"worktree" placeholder:"REV" help:"What to review: a revision, or worktree for the files as they are."`
	Format string `default:"text" placeholder:"FORMAT" help:"text, json, sarif or markdown."`
	FailOn string `default:"low" placeholder:"SEVERITY" help:"Exit with 1 for a new finding of this severity or worse: low, medium, high, critical or never."`
	All    bool   `help:"Show also what was there before and what is fixed."`
	Org    string `name:"org-policy" placeholder:"FILE" help:"The organisation's policy, with its guardrails; none unless set."`

	app.ScannerSettings
}

func (c *reviewCommand) Run(ctx context.Context) error {
	done, err := app.Temporary("")
	if err != nil {
		fmt.Fprintln(os.Stderr, "secbydesign review:", app.Shown(err))
		return exit(local.Misused)
	}
	defer done()
	if c.Dir != "" && c.Repo != "" {
		fmt.Fprintln(os.Stderr, "secbydesign review: the folder is named twice: leave out --repo")
		return exit(local.Misused)
	}
	options, err := app.Local(local.Options{
		Repo: cmp.Or(c.Dir, c.Repo, "."), Base: c.Base, Head: c.Head, Format: c.Format, FailOn: c.FailOn, All: c.All, OrgPolicy: c.Org,
	}, c.ScannerSettings, os.Stdout, os.Stderr)
	code := local.Misused
	if err == nil {
		code, err = local.Review(ctx, os.Stdout, options)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "secbydesign review:", app.Shown(err))
	}
	if code != local.Passed {
		return exit(code)
	}
	return nil
}
