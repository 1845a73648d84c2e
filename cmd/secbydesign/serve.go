package main

import (
	"context"
	"fmt"
	"os"
	"strings"

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
	log := app.Logger(config, os.Stderr)
	for _, flag := range secretFlags(os.Args) {
		log.Warn().Msgf("%s holds a secret, and every user of this machine can read it in the list of processes: set SECBYDESIGN_%s_FILE instead",
			flag, strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(flag, "--"), "-", "_")))
	}
	return app.Run(ctx, config, log)
}

// secretFlags returns the flags among the arguments whose value is a secret.
func secretFlags(args []string) (flags []string) {
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		if name == "--github-private-key" || name == "--github-webhook-secret" {
			flags = append(flags, name)
		}
	}
	return flags
}
