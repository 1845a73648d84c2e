package main

import (
	"context"
	"fmt"
	"os"

	"github.com/secbydesign/secbydesign/app"
)

type scannersCommand struct{ app.ScannerSettings }

func (c *scannersCommand) Run(ctx context.Context) error {
	if err := app.ListScanners(ctx, os.Stdout, c.ScannerSettings); err != nil {
		fmt.Fprintln(os.Stderr, "secbydesign scanners:", app.Shown(err))
		return exit(2)
	}
	return nil
}
