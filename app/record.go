package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/secbydesign/secbydesign/app/ledger"
)

// RebuildRecord rebuilds the tables that the server derives from its events. changed reports whether they differed from
// the events. The error is a sentence for the user of the command.
func RebuildRecord(ctx context.Context, w io.Writer, dataDir, url string) (changed bool, err error) {
	reader, err := openReader(ctx, dataDir, url)
	if err != nil {
		return false, err
	}
	if err := reader.Close(); err != nil {
		return false, err
	}
	if _, url, err = database(dataDir, url); err != nil {
		return false, err
	}
	if changed, err = ledger.Rebuild(ctx, url); err != nil {
		return false, err
	}
	said := "The tables were rebuilt from the events. Nothing was different."
	if changed {
		said = "The tables were rebuilt from the events. Something was different and is right now; please report it."
	}
	_, err = fmt.Fprintln(w, said)
	return changed, err
}

// openReader opens the database of a server for reading.
func openReader(ctx context.Context, dataDir, url string) (*ledger.Reader, error) {
	_, url, err := database(dataDir, url)
	if err != nil {
		return nil, err
	}
	l, err := ledger.OpenReader(ctx, url)
	file, _ := ledger.Where(url)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no database %s: say with --database-url or --data-dir where that of the server is", file)
	case errors.Is(err, ledger.ErrNoLedger):
		return nil, fmt.Errorf("%s is not a database of this program that can be read: say with --database-url or --data-dir where that of the server is", file)
	case errors.Is(err, ledger.ErrNewerSchema):
		return nil, fmt.Errorf("%s was written by a newer version of this program: use the version that serves", file)
	}
	return l, err
}
