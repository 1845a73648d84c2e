package main

import (
	"fmt"

	"github.com/secbydesign/secbydesign/app"
)

type versionCommand struct{}

func (*versionCommand) Run() error {
	_, err := fmt.Println("secbydesign", app.Version())
	return err
}
