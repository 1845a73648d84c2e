package main

import (
	"context"
	"os"

	"github.com/secbydesign/secbydesign/app"
)

type configRehearse struct {
	File     string   `arg:"" optional:"" help:"The proposed policy of a repository."`
	Org      string   `name:"org-policy" placeholder:"FILE" help:"The proposed policy of the organisation. What is not named stays as it is."`
	Repo     string   `placeholder:"OWNER/REPO" help:"Only pull requests of this repository, or of this OWNER."`
	Last     int      `default:"50" placeholder:"N" help:"How many pull requests, the newest; 50 unless set."`
	Format   string   `default:"text" placeholder:"FORMAT" help:"text, html (one page to open or attach) or json; text unless set."`
	Scanners []string `name:"scanner" placeholder:"NAME" help:"A scanner of the operator's settings file, which a policy may name."`
	DataDir  string   `env:"SECBYDESIGN_DATA_DIR" default:"data" placeholder:"DIR" help:"The server's folder with the database."`
	Database string   `name:"database-url" env:"SECBYDESIGN_DATABASE_URL" placeholder:"URL" help:"sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME; a file in the data folder unless set. It is only read, also while the server runs."`
}

func (c *configRehearse) Run(ctx context.Context) error {
	return misused(app.RehearsePolicy(ctx, os.Stdout, app.Rehearsal{
		PolicyFiles: app.PolicyFiles{File: c.File, Organisation: c.Org, Scanners: c.Scanners},
		Repo:        c.Repo, Last: c.Last, Format: c.Format, DataDir: c.DataDir, Database: c.Database,
	}))
}
