package ledger

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
)

// migrations are the steps of both engines.
//
//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrations embed.FS

// The folders of the steps of each engine. The number of its newest one is the version of its schema, which must be the
// same in both: code compares it.
const (
	sqliteMigrations   = "migrations/sqlite"
	postgresMigrations = "migrations/postgres"
)

// newestMigration returns the schema version of this program, given the folder of an engine.
func newestMigration(folder string) (version int64, err error) {
	steps, err := fs.Glob(migrations, folder+"/*.sql")
	if err != nil || len(steps) == 0 {
		return 0, err
	}
	return goose.NumericComponent(slices.Max(steps))
}

// migrate brings both schemas up to date, this program's and River's, and returns the version of the first. The
// caller holds the lock, because neither goose nor rivermigrate takes one.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, folder string, driver riverdriver.Driver[*sql.Tx]) (version int64, err error) {
	sub, err := fs.Sub(migrations, folder)
	if err != nil {
		return 0, err
	}
	ours, err := goose.NewProvider(dialect, db, sub)
	if err != nil {
		return 0, fmt.Errorf("read migrations: %w", err)
	}
	rivers, err := rivermigrate.New(driver, nil)
	if err != nil {
		return 0, fmt.Errorf("read River's migrations: %w", err)
	}

	have, know, err := ours.GetVersions(ctx)
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	if have > know {
		return 0, fmt.Errorf("%w: its schema has version %d, this program knows %d", ErrNewerSchema, have, know)
	}
	have, err = riverVersion(ctx, driver.GetExecutor())
	if err != nil {
		return 0, fmt.Errorf("read version of River's schema: %w", err)
	}
	if known := rivers.AllVersions(); have > int64(known[len(known)-1].Version) {
		return 0, fmt.Errorf("%w: River's schema has version %d, this program knows %d", ErrNewerSchema, have, known[len(known)-1].Version)
	}

	if _, err := rivers.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return 0, fmt.Errorf("migrate River's schema: %w", err)
	}
	if _, err := ours.Up(ctx); err != nil {
		return 0, fmt.Errorf("migrate schema: %w", err)
	}
	return know, nil
}

// riverVersion returns the version of River's schema, or 0 if there is none yet. For a newer schema, River's own
// migrator only reports that it does not find the version.
func riverVersion(ctx context.Context, exec riverdriver.Executor) (version int64, err error) {
	exists, err := exec.TableExists(ctx, &riverdriver.TableExistsParams{Table: "river_migration"})
	if err != nil || !exists {
		return 0, err
	}
	applied, err := exec.MigrationGetByLine(ctx, &riverdriver.MigrationGetByLineParams{Line: riverdriver.MigrationLineMain})
	if err != nil {
		return 0, err
	}
	for _, m := range applied {
		version = max(version, int64(m.Version))
	}
	return version, nil
}
