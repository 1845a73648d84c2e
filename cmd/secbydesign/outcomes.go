package main

import (
	"context"
	"os"

	"github.com/secbydesign/secbydesign/app"
)

type outcomesCommand struct {
	Org      string `required:"" placeholder:"ORG" help:"The organisation, or the person whose repositories are meant."`
	Team     string `placeholder:"TEAM" help:"@ORG/TEAM, or \"unowned\"; all teams together unless set."`
	Since    string `default:"90d" placeholder:"PERIOD" help:"How far back, in days or weeks: 90d, 12w."`
	Format   string `default:"text" placeholder:"FORMAT" help:"text, markdown or json."`
	DataDir  string `name:"data-dir" aliases:"data" env:"SECBYDESIGN_DATA_DIR" default:"data" placeholder:"DIR" help:"The server's folder with the database."`
	Database string `name:"database-url" aliases:"database" env:"SECBYDESIGN_DATABASE_URL" placeholder:"URL" help:"sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME; a file in the data folder unless set. It is only read, also while the server runs."`
}

func (c *outcomesCommand) Run(ctx context.Context) error {
	return misused(app.ShowOutcomes(ctx, os.Stdout, app.OutcomesQuery{
		Org: c.Org, Team: c.Team, Since: c.Since, Format: c.Format, DataDir: c.DataDir, Database: c.Database,
	}))
}
