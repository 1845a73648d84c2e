// Command secbydesign turns security gates into pull-request feedback: a self-hosted GitHub
// App, and the same review on the command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/local"
)

// commands are the subcommands, each in its own file.
type commands struct {
	Serve     serveCommand     `cmd:"" help:"Run the App: receive webhooks and review pull requests."`
	Review    reviewCommand    `cmd:"" help:"Review a git repository on this machine, without GitHub."`
	Demo      demoCommand      `cmd:"" help:"Show the whole App at work against a built-in stand-in for GitHub."`
	Config    configCommand    `cmd:"" help:"Check, explain and rehearse a policy, .secbydesign.yml."`
	Model     modelCommand     `cmd:"" help:"Draft, check, draw and convert the threat model, .secbydesign/threat-model.yml."`
	Record    recordCommand    `cmd:"" help:"Rebuild the tables about what was recorded."`
	Outcomes  outcomesCommand  `cmd:"" help:"Show the figures of a team, or of all teams of an organisation together."`
	Decisions decisionsCommand `cmd:"" help:"Export and import what people decided, as files and as OpenVEX."`
	Audit     auditCommand     `cmd:"" help:"Verify and export the chained record of what people decided."`
	Migrate   migrateCommand   `cmd:"" help:"Move the data of an installation from SQLite to Postgres. Exits with 1 if nothing was moved."`
	Scanners  scannersCommand  `cmd:"" help:"List the scanners, and whether each is ready."`
	Version   versionCommand   `cmd:"" help:"Print the version."`
	Help      helpCommand      `cmd:"" help:"Show what a command does and its flags."`

	PrintVersion kong.VersionFlag `name:"version" help:"Print the version."`
}

// newParser returns the parser of the command line. Its texts go to out and errs; exit ends the program.
func newParser(ctx context.Context, out, errs io.Writer, exit func(int)) *kong.Kong {
	return kong.Must(&commands{}, kong.Name("secbydesign"), kong.Description("Security gates as pull-request feedback."),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Writers(out, errs), kong.Exit(exit),
		kong.Vars{"version": "secbydesign " + app.Version()}, kong.ValueFormatter(withDefault))
}

// withDefault adds a flag's default to its help, since a placeholder stands where kong would show it.
func withDefault(v *kong.Value) string {
	help := kong.DefaultHelpValueFormatter(v)
	if v.Default == "" || v.IsBool() {
		return help
	}
	return strings.TrimSpace(help) + " Default: " + v.Default + "."
}

// noValue matches kong's message for a flag at the end of the line.
var noValue = regexp.MustCompile(`^(--[a-z-]+): expected .* but got "EOL".*`)

// misuse reports an invalid command line in two lines.
func misuse(w io.Writer, err error) {
	var wrong *kong.ParseError
	call, said := "secbydesign", noValue.ReplaceAllString(app.Shown(err), "$1 needs a value")
	if errors.As(err, &wrong) && wrong.Context != nil {
		at := wrong.Context.Selected()
		if at == nil {
			at = wrong.Context.Model.Node
		} else {
			call = strings.TrimSuffix(at.FullPath(), " [<dir>]")
		}
		if len(at.Children) > 0 { // its subcommands are what was expected
			var names []string
			for _, child := range at.Children {
				names = append(names, child.Name)
			}
			said = strings.Replace(said, "unexpected argument", "there is no command", 1)
			if strings.HasPrefix(said, "expected one of") {
				said = "name a command: " + strings.Join(names, ", ")
			}
		}
	}
	fmt.Fprintf(w, "secbydesign: %s\nSee `%s --help`.\n", said, call)
}

// exit is an error that only carries the exit code.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func main() {
	app.SandboxHelper()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	call, err := newParser(ctx, os.Stdout, os.Stderr, os.Exit).Parse(os.Args[1:])
	if err != nil {
		misuse(os.Stderr, err)
		os.Exit(local.Misused)
	}
	var code exit
	if err := call.Run(); errors.As(err, &code) {
		os.Exit(int(code))
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "secbydesign:", app.Shown(err))
		os.Exit(1)
	}
}
