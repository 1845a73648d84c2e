package main

import (
	"context"
	"fmt"
	"os"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/policy"
)

type configCommand struct {
	Check    configCheck    `cmd:"" help:"Report every mistake of a policy, with file, line and column."`
	Explain  configExplain  `cmd:"" help:"Show each effective value, the layer and line it comes from, and what was refused."`
	Rehearse configRehearse `cmd:"" help:"Show what a proposed policy would have done to past pull requests."`
	Schema   configSchema   `cmd:"" help:"Print the JSON Schema of the policy, for editors."`
}

type policyFiles struct {
	File     string   `arg:"" optional:"" default:".secbydesign.yml" help:"The policy of the repository."`
	Org      string   `name:"org-policy" placeholder:"FILE" help:"The organisation's policy, with its guardrails."`
	Scanners []string `name:"scanner" placeholder:"NAME" help:"A scanner of the operator's settings file, which a policy may name."`
}

func (c policyFiles) files() app.PolicyFiles {
	return app.PolicyFiles{File: c.File, Organisation: c.Org, Scanners: c.Scanners}
}

type (
	configCheck   struct{ policyFiles }
	configExplain struct {
		policyFiles
		Path string `placeholder:"FILE" help:"Say who owns this file of the repository in the current folder, and which line says so."`
	}
	configSchema struct{}
)

func (c *configCheck) Run() error { return misused(app.CheckPolicy(os.Stdout, c.files())) }
func (c *configExplain) Run(ctx context.Context) error {
	if c.Path != "" {
		return misused(app.ExplainOwner(ctx, os.Stdout, ".", c.Path, c.files()))
	}
	return misused(app.ExplainPolicy(os.Stdout, c.files()))
}

func (c *configSchema) Run() error {
	_, err := os.Stdout.Write(policy.Schema())
	return err
}

// misused prints an error and returns the exit code for wrong settings. It prints errors in a file in the format
// that editors understand, one per line.
func misused(err error) error {
	if err == nil {
		return nil
	}
	fmt.Fprintln(os.Stderr, app.Shown(err))
	return exit(2)
}
