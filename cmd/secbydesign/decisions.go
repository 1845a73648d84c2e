package main

import (
	"context"
	"os"

	"github.com/secbydesign/secbydesign/app"
)

type decisionsCommand struct {
	Export decisionsExport `cmd:"" help:"Write decisions as JSON lines, as files for a repository, or as an OpenVEX document."`
	Import decisionsImport `cmd:"" help:"Record what the files of a clone's default branch make stricter. Exits with 1 if a file has a mistake."`
	Schema decisionsSchema `cmd:"" help:"Print the JSON Schema of a decision's file, for editors."`
}

type decisionsExport struct {
	serverData
	Repo   string `placeholder:"OWNER/NAME" help:"The repository."`
	Format string `default:"jsonl" placeholder:"FORMAT" help:"jsonl, files (.secbydesign/decisions in --dir) or openvex; jsonl unless set."`
	Dir    string `default:"." placeholder:"DIR" help:"The clone into which files are written."`
	Author string `placeholder:"NAME" help:"The author of an OpenVEX document; the owner of the repository unless set."`
}

type decisionsImport struct {
	serverData
	Clone  string `arg:"" optional:"" default:"." help:"A clone of the repository."`
	Repo   string `placeholder:"OWNER/NAME" help:"The repository that it is a clone of."`
	Rev    string `placeholder:"REV" help:"The default branch, such as origin/main; what origin/HEAD names unless set."`
	DryRun bool   `help:"Only say what would be recorded."`
}

type decisionsSchema struct{}

func (c *decisionsExport) Run(ctx context.Context) error {
	return misused(app.ExportDecisions(ctx, os.Stdout, app.DecisionsAsked{
		DataDir: c.DataDir, Database: c.Database, Repo: c.Repo, Format: c.Format, Dir: c.Dir, Author: c.Author,
	}))
}

func (c *decisionsImport) Run(ctx context.Context) error {
	ok, err := app.ImportDecisions(ctx, os.Stdout, app.DecisionsAsked{
		DataDir: c.DataDir, Database: c.Database, Repo: c.Repo, Dir: c.Clone, Rev: c.Rev, DryRun: c.DryRun,
	})
	if err == nil && !ok {
		return exit(1)
	}
	return misused(err)
}

func (c *decisionsSchema) Run() error {
	_, err := os.Stdout.Write(app.DecisionSchema())
	return err
}
