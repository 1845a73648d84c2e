package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/secbydesign/secbydesign/app"
)

type migrateCommand struct {
	DataDir string `name:"data-dir" aliases:"data" env:"SECBYDESIGN_DATA_DIR" default:"data" placeholder:"DIR" help:"The server's folder with the database."`
	From    string `env:"SECBYDESIGN_MIGRATE_FROM" placeholder:"URL" help:"sqlite:PATH; the file in the data folder unless set. The server must not run."`
	To      string `env:"SECBYDESIGN_MIGRATE_TO" placeholder:"URL" help:"postgres://USER:PASSWORD@HOST:PORT/NAME of an empty database. Use the variable or the file: everybody on the machine can read a flag."`
	ToFile  string `name:"to-file" env:"SECBYDESIGN_MIGRATE_TO_FILE" placeholder:"FILE" help:"File with the URL of the empty database."`
}

func (c *migrateCommand) Run(ctx context.Context) error {
	for _, arg := range os.Args {
		if (arg == "--to" || strings.HasPrefix(arg, "--to=")) && app.HasPassword(c.To) {
			fmt.Fprintln(os.Stderr, "--to holds a password, and every user of this machine can read it in the list of processes: set SECBYDESIGN_MIGRATE_TO or SECBYDESIGN_MIGRATE_TO_FILE instead")
			break
		}
	}
	return app.Migrate(ctx, os.Stdout, app.Migration{DataDir: c.DataDir, From: c.From, To: c.To, ToFile: c.ToFile})
}
