package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/secbydesign/secbydesign/app/ledger"
)

// A Migration says what to move where.
type Migration struct {
	DataDir string
	From    string // sqlite:PATH; the database in DataDir if empty
	To      string // postgres://…
	ToFile  string // a file with the text of To
}

// Migrate moves the data of an installation to another database, and prints what it moved. The error is a sentence for
// the user of the command; it contains no password.
func Migrate(ctx context.Context, w io.Writer, m Migration) error {
	to, err := wordOrFile(m.To, m.ToFile)
	switch {
	case err != nil:
		return fmt.Errorf("--to-file %w", err)
	case to == "":
		return errors.New("say where the data go with SECBYDESIGN_MIGRATE_TO or SECBYDESIGN_MIGRATE_TO_FILE: postgres://USER:PASSWORD@HOST:PORT/NAME of an empty database")
	}
	_, from, err := database(m.DataDir, m.From)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(from, "sqlite:") {
		return errors.New("--from must be sqlite:PATH: data are moved from SQLite to Postgres only")
	}
	report, err := ledger.Move(ctx, from, to)
	if err != nil {
		return err
	}
	where, err := ledger.Where(to)
	if err != nil {
		return err
	}
	return writeMoved(w, report, strings.TrimPrefix(from, "sqlite:"), where)
}

func writeMoved(w io.Writer, report ledger.MoveReport, from, to string) error {
	out := bufio.NewWriter(w)
	rows := int64(0)
	for _, t := range report.Tables {
		rows += t.Rows
		if t.Rows > 0 {
			fmt.Fprintf(out, "%-24s %9d\n", t.Name, t.Rows)
		}
	}
	for _, c := range report.Chains {
		fmt.Fprintf(out, "%s: %s, head %s\n", Shown(errors.New(c.Org)), entries(c), c.Hash)
	}
	if len(report.Problems) > 0 {
		fmt.Fprintf(out, "The record of decisions was not whole before the move, and was moved as it is: see `secbydesign audit verify`.\n")
	}
	if report.Before {
		fmt.Fprintln(out, "An earlier move had copied everything, and was only not finished.")
	}
	fmt.Fprintf(out, "%d rows of %d tables are in %s: counted on both sides, with the same heads of the chains of decisions.\n", rows, len(report.Tables), to)
	fmt.Fprintf(out, "Set SECBYDESIGN_DATABASE_URL to it, and start the server. %s stays as it is; a server refuses to start on it.\n", from)
	return out.Flush()
}

// HasPassword reports whether a database URL contains a password.
func HasPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return strings.Contains(text, "@")
	}
	_, set := u.User.Password()
	return set || u.Query().Has("password")
}
