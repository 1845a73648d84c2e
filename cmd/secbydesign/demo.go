package main

import (
	"context"
	"os"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/demo"
)

type demoCommand struct {
	Once   bool   `help:"Print what happened, and end."`
	Listen string `default:"127.0.0.1:8090" placeholder:"ADDR" help:"Address of the page that shows the pull request."`
}

func (c *demoCommand) Run(ctx context.Context) error {
	done, err := app.Temporary("")
	if err != nil {
		return err
	}
	defer done()
	return demo.Run(ctx, demo.Options{Once: c.Once, Listen: c.Listen, In: os.Stdin, Out: os.Stdout})
}
