// Command secbydesign turns security gates into pull-request feedback: a self-hosted GitHub
// App, and the same review on the command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/secbydesign/secbydesign/app"
)

// commands are the subcommands, each in its own file.
type commands struct {
	Serve    serveCommand    `cmd:"" help:"Run the App: receive webhooks and review pull requests."`
	Review   reviewCommand   `cmd:"" help:"Review a git repository on this machine, without GitHub."`
	Demo     demoCommand     `cmd:"" help:"Show the whole App at work against a built-in stand-in for GitHub."`
	Config   configCommand   `cmd:"" help:"Check, explain and rehearse a policy, .secbydesign.yml."`
	Record   recordCommand   `cmd:"" help:"Rebuild the tables about what was recorded."`
	Scanners scannersCommand `cmd:"" help:"List the scanners, and whether each is ready."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// exit is an error that only carries the exit code.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func main() {
	app.SandboxHelper()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parser := kong.Must(&commands{}, kong.Name("secbydesign"), kong.Description("Security gates as pull-request feedback."), kong.UsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Exit(func(code int) { os.Exit(min(code, 2)) })) // kong's own code for wrong usage is 80
	call, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	var code exit
	if err := call.Run(); errors.As(err, &code) {
		os.Exit(int(code))
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "secbydesign:", app.Shown(err))
		os.Exit(1)
	}
}
