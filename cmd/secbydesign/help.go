package main

import (
	"os"

	"github.com/alecthomas/kong"

	"github.com/secbydesign/secbydesign/app/local"
)

type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The command, such as review."`
}

// Run shows the help of the command that is named, as --help does.
func (c *helpCommand) Run(k *kong.Kong) error {
	if _, err := k.Parse(append(c.Command, "--help")); err != nil {
		misuse(os.Stderr, err)
		return exit(local.Misused)
	}
	return nil
}
