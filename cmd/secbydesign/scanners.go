package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/secbydesign/secbydesign/app"
)

type scannersCommand struct {
	app.ScannerSettings
	DataDir  string `env:"SECBYDESIGN_DATA_DIR" placeholder:"DIR" help:"The server's folder with the database, to show which rules people find noisy too."`
	Database string `name:"database-url" env:"SECBYDESIGN_DATABASE_URL" placeholder:"URL" help:"sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME; a file in the data folder unless set. It is only read, also while the server runs."`
}

func (c *scannersCommand) Run(ctx context.Context) error {
	err := app.ListScanners(ctx, os.Stdout, c.ScannerSettings)
	if err == nil && c.DataDir+c.Database != "" {
		err = app.ListNoise(ctx, os.Stdout, c.DataDir, c.Database, time.Now())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "secbydesign scanners:", app.Shown(err))
		return exit(2)
	}
	return nil
}
