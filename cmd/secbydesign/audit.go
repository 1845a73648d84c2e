package main

import (
	"context"
	"os"

	"github.com/secbydesign/secbydesign/app"
)

type auditCommand struct {
	Verify auditVerify `cmd:"" help:"Check that no recorded decision was changed, removed, added or moved. Exits with 1 if one was."`
	Export auditExport `cmd:"" help:"Write the recorded decisions as JSON lines: who, when, why, on which facts, by which line of the policy."`
}

// serverData says where the data of a server are.
type serverData struct {
	DataDir  string `env:"SECBYDESIGN_DATA_DIR" default:"data" aliases:"data" placeholder:"DIR" help:"The server's folder with the database."`
	Database string `name:"database-url" env:"SECBYDESIGN_DATABASE_URL" aliases:"database" placeholder:"URL" help:"sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME; a file in the data folder unless set. The server may run meanwhile."`
}

type auditVerify struct {
	serverData
	Org  string `placeholder:"NAME" help:"Only this organisation."`
	Head string `placeholder:"HASH" help:"A head that was printed earlier and kept elsewhere: it must still be in the chain."`
	File string `placeholder:"FILE" help:"Verify this exported file alone, without the database."`
	Part bool   `help:"The file is an export of one repository or of some time: entries may be missing in it."`
}

type auditExport struct {
	serverData
	Org   string `placeholder:"NAME" help:"Only this organisation."`
	Repo  string `placeholder:"OWNER/NAME" help:"Only this repository."`
	Since string `placeholder:"DAY" help:"Only from this day on, such as 2026-01-31."`
}

func (c *auditVerify) Run(ctx context.Context) error {
	whole, err := app.VerifyAudit(ctx, os.Stdout, app.Audit{
		DataDir: c.DataDir, Database: c.Database, Org: c.Org, Head: c.Head, File: c.File, Part: c.Part,
	})
	if err == nil && !whole {
		return exit(1)
	}
	return misused(err)
}

func (c *auditExport) Run(ctx context.Context) error {
	return misused(app.ExportAudit(ctx, os.Stdout, app.Audit{DataDir: c.DataDir, Database: c.Database, Org: c.Org, Repo: c.Repo, Since: c.Since}))
}
