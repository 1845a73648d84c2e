package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/secbydesign/secbydesign/app/confined"
	"github.com/secbydesign/secbydesign/app/local"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
	"github.com/secbydesign/secbydesign/scanners/visible"
)

// ListScanners writes the catalogue as a table: the scanners, whether each is ready on this machine, and the version
// that its adapter was tested with. It returns an error for invalid settings.
func ListScanners(ctx context.Context, w io.Writer, settings ScannerSettings) error {
	options, err := settings.local()
	if err != nil {
		return err
	}
	own := map[string]bool{}
	for _, d := range options.Custom {
		own[d.Name] = true
	}
	list := catalog.All(options)
	versions, errs := make([]string, len(list)), make([]error, len(list))
	var group errgroup.Group
	group.SetLimit(max(runtime.NumCPU(), 2))
	for i, s := range list {
		group.Go(func() error {
			versions[i], errs[i] = s.Version(ctx)
			versions[i] = checks.Plain(versions[i]) // a program says what it likes
			return nil
		})
	}
	_ = group.Wait()

	var missing []int
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tGATE\tSCOPE\tVERSION\tTESTED\tREADY")
	for i, s := range list {
		info := s.Info()
		var scopes []string
		for _, scope := range info.Scopes {
			scopes = append(scopes, string(scope))
		}
		version, ready, tested := versions[i], "yes", "built in"
		if errs[i] != nil {
			version, ready = "-", "no"
			missing = append(missing, i)
		}
		switch {
		case own[info.Name]:
			tested = "by its operator"
		case info.Documented:
			tested = "on its documentation"
		case info.Program != "":
			tested = "with the program"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", info.Name, info.Gate, strings.Join(scopes, ", "), version, tested, ready)
	}
	fmt.Fprintf(t, "%s\t%s\t%s\t-\ton SARIF of its form\tby a workflow\n", policy.CodeQL, scanners.Code, scanners.ScopeTree)
	if err := t.Flush(); err != nil {
		return err
	}
	if len(missing) > 0 {
		fmt.Fprint(t, "\nNOT READY\tWHAT IT NEEDS\n")
		for _, i := range missing {
			name := list[i].Info().Name
			for _, line := range lines(visible.Text(errs[i].Error()), hintWidth) {
				fmt.Fprintf(t, "%s\t%s\n", name, line)
				name = ""
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	about, _ := sandboxReport(options.Sandbox)
	_, err = fmt.Fprintf(w, "\n%s\n", visible.Text(about))
	return err
}

// hintWidth is how many columns a hint may take, so that with a name before it the terminal does not have to be wider
// than 100.
const hintWidth = 86

// lines breaks a text between words. A word that is too long, such as an address, stays whole.
func lines(text string, width int) (list []string) {
	for word := range strings.FieldsSeq(text) {
		if last := len(list) - 1; last >= 0 && len(list[last])+1+len(word) <= width {
			list[last] += " " + word
		} else {
			list = append(list, word)
		}
	}
	return list
}

// sandboxReport returns a sentence for the operator about the sandbox of scanner programs, and reports whether there is
// one.
func sandboxReport(mode catalog.Sandbox) (about string, safe bool) {
	kind, err := catalog.ProbeSandbox(mode)
	switch {
	case err != nil:
		return "There is " + err.Error() + ".", false
	case mode == catalog.SandboxOff:
		return "Scanners run WITHOUT a sandbox, because SECBYDESIGN_SANDBOX is off.", false
	}
	return "Scanners run in a sandbox (" + kind + ").", true
}

// SandboxHelper must be the first call of main and of tests that start scanners or the App: see [catalog.Helper] and
// [confined.Serve].
func SandboxHelper() {
	catalog.Helper()
	confined.Serve(Version(), ContentTasks)
}

// Local completes the options of a local review with the program's scanners, its version, and the kind of terminal that
// out is. If errs is a terminal, it shows the progress. It returns an error for invalid settings.
func Local(o local.Options, settings ScannerSettings, out, errs *os.File) (local.Options, error) {
	options, err := settings.local()
	if err != nil {
		return o, err
	}
	o.Scanners, o.Known, o.Version = catalog.All(options), catalog.Names(), Version()
	if fd := int(out.Fd()); term.IsTerminal(fd) {
		// https://no-color.org
		o.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		o.Width, _, _ = term.GetSize(fd)
	}
	if fd := int(errs.Fd()); term.IsTerminal(fd) && os.Getenv("TERM") != "dumb" {
		o.Progress = func(text string) {
			width, _, err := term.GetSize(fd)
			if err != nil {
				width = 80
			}
			fmt.Fprint(errs, "\r\x1b[K"+ansi.Truncate(text, width-1, "…")) // one line, which the next one replaces
		}
	}
	return o, nil
}
