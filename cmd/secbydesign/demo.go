package main

import (
	"context"
	"os"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/demo"
)

type demoCommand struct {
	Once   bool   `help:"Print what happens, and end. Default where there is no terminal, unless --listen is set."`
	Listen string `placeholder:"ADDR" help:"Address of the page that shows the pull request. Default: 127.0.0.1:8090."`
}

func (c *demoCommand) Run(ctx context.Context) error {
	done, err := app.Temporary("")
	if err != nil {
		return err
	}
	defer done()
	return demo.Run(ctx, demo.Options{Once: c.Once, Listen: c.Listen, In: os.Stdin, Out: os.Stdout})
}
