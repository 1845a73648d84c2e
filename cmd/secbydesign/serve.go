package main

import (
	"context"
	"fmt"
	"os"

	"github.com/secbydesign/secbydesign/app"
)

type serveCommand struct{ app.Settings }

func (c *serveCommand) Run(ctx context.Context) error {
	config, err := c.Config()
	if err != nil {
		fmt.Fprintf(os.Stderr, "These settings need your attention:\n%s\n", app.Shown(err))
		return exit(2)
	}
	done, err := app.Temporary(config.DataDir)
	if err != nil {
		return err
	}
	defer done()
	return app.Run(ctx, config, app.Logger(config, os.Stderr))
}
