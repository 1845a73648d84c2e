package main

import (
	"context"
	"os"

	"github.com/secbydesign/secbydesign/app"
)

type recordCommand struct {
	Rebuild recordRebuild `cmd:"" help:"Rebuild the tables about the record from its events, and report whether they were right."`
}

type recordRebuild struct {
	DataDir  string `env:"SECBYDESIGN_DATA_DIR" default:"data" placeholder:"DIR" help:"The server's folder with the database."`
	Database string `name:"database-url" env:"SECBYDESIGN_DATABASE_URL" placeholder:"URL" help:"sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME; a file in the data folder unless set."`
}

// Run exits with 1 if the tables were wrong.
func (c *recordRebuild) Run(ctx context.Context) error {
	changed, err := app.RebuildRecord(ctx, os.Stdout, c.DataDir, c.Database)
	if err == nil && changed {
		return exit(1)
	}
	return misused(err)
}
