package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/local"
	"github.com/secbydesign/secbydesign/app/threatmodel"
)

type modelCommand struct {
	Init   modelInit   `cmd:"" help:"Draft a threat model from the repository: its components, stores, hosts, secrets and owners."`
	Check  modelCheck  `cmd:"" help:"Report every mistake of the threat model, with file, line and column, and what the code no longer has."`
	Show   modelShow   `cmd:"" help:"Draw the data flows."`
	Schema modelSchema `cmd:"" help:"Print the JSON Schema of the threat model, for editors."`
	Export modelExport `cmd:"" help:"Write the threat model in the format of another tool."`
	Import modelImport `cmd:"" help:"Make a threat model from the file of another tool."`
}

type modelSource struct {
	Repo string `default:"." placeholder:"DIR" help:"Folder of the git repository."`
	Head string `default:"worktree" placeholder:"REV" help:"What to read: a revision, or worktree for the files as they are."`
}

func (s modelSource) source() app.ModelSource { return app.ModelSource{Repo: s.Repo, Head: s.Head} }

type (
	modelInit struct {
		modelSource
		Write bool `help:"Write the file .secbydesign/threat-model.yml, if there is none."`
	}
	modelCheck struct{ modelSource }
	modelShow  struct {
		modelSource
		Format string `default:"mermaid" placeholder:"FORMAT" help:"mermaid, svg or text."`
	}
	modelSchema struct{}
	modelExport struct {
		modelSource
		Format string `default:"otm" placeholder:"FORMAT" help:"otm, tmlibrary or threagile."`
	}
	modelImport struct {
		File   string `arg:"" help:"The file of the other tool; /dev/stdin for standard input."`
		Format string `default:"otm" placeholder:"FORMAT" help:"otm."`
		Repo   string `default:"." placeholder:"DIR" help:"Folder of the git repository."`
		Write  bool   `help:"Write the file .secbydesign/threat-model.yml, if there is none."`
	}
)

func (c *modelInit) Run(ctx context.Context) error {
	return modelled("init", func() error { return app.InitModel(ctx, os.Stdout, c.source(), c.Write) })
}

func (c *modelCheck) Run(ctx context.Context) error {
	return modelled("check", func() error { return app.CheckModel(ctx, os.Stdout, os.Stderr, c.source()) })
}

func (c *modelShow) Run(ctx context.Context) error {
	return modelled("show", func() error { return app.ShowModel(ctx, os.Stdout, c.source(), c.Format) })
}

func (c *modelSchema) Run() error {
	_, err := os.Stdout.Write(threatmodel.Schema())
	return err
}

func (c *modelExport) Run(ctx context.Context) error {
	return modelled("export", func() error { return app.ExportModel(ctx, os.Stdout, os.Stderr, c.source(), c.Format) })
}

func (c *modelImport) Run() error {
	return modelled("import", func() error {
		folder := ""
		if c.Write {
			folder = c.Repo
		}
		return app.ImportModel(os.Stdout, os.Stderr, c.File, c.Format, folder)
	})
}

// modelled runs a command, prints its error and returns the exit code: 1 for mistakes of the model, 2 for all else.
func modelled(name string, run func() error) error {
	done, err := app.Temporary("")
	if err == nil {
		defer done()
		err = run()
	}
	var problems app.ModelProblems
	switch {
	case err == nil:
		return nil
	case errors.As(err, &problems):
		fmt.Fprintln(os.Stderr, app.Shown(problems))
		return exit(1)
	}
	fmt.Fprintf(os.Stderr, "secbydesign model %s: %s\n", name, app.Shown(err))
	return exit(local.Misused)
}
