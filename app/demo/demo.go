package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// Options say how to run the demo.
type Options struct {
	Once   bool // print the outcome and end, rather than serve the page
	Listen string
	In     *os.File // for pressing Enter between the steps, if it is a terminal
	Out    io.Writer
}

// patience bounds the wait for one review; it takes about a second.
const patience = 2 * time.Minute

const (
	owner = "acme"
	name  = "shop"
)

// Run plays the demo. It fails when the pull request does not end as it should.
func Run(ctx context.Context, o Options) error {
	dir, err := os.MkdirTemp("", "secbydesign-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	address := o.Listen
	if o.Once {
		address = ""
	}
	w, err := NewWorld(dir, address)
	if err != nil {
		return err
	}
	defer w.GitHub.Close()
	if w.Settings.OSVDir, err = advisories(filepath.Join(dir, "osv")); err != nil {
		return err
	}
	w.Settings.OSVURL = ""
	logs := &logTail{}
	if err := w.Start(ctx, zerolog.New(logs)); err != nil {
		return err
	}
	err = play(ctx, w, o)
	if err == nil && !o.Once {
		fmt.Fprintf(o.Out, "\nThe page stays at %s/%s/%s/pull/1 until you press Ctrl-C.\n", w.GitHub.URL(), owner, name)
		<-ctx.Done()
	}
	if err = errors.Join(err, w.Stop()); err != nil {
		return fmt.Errorf("%w\nthe end of the App's log:\n%s", err, logs)
	}
	return nil
}

func play(ctx context.Context, w *World, o Options) error {
	repo, head := scene(w.GitHub)
	var number int
	for i, step := range steps {
		fmt.Fprintf(o.Out, "\n%d. %s\n", i+1, step.title)
		if number == 0 {
			number = repo.OpenPull("Take payments", "Customers can pay by card.", "main", "payments", "mona", false)
		} else {
			repo.Commit("payments", step.parent(head), step.message, step.files)
			repo.SyncPull(number)
		}
		wait, cancel := context.WithTimeout(ctx, patience)
		_, err := w.Verdict(wait, owner, name, number)
		cancel()
		if err != nil {
			return err
		}
		open, resolved := show(o.Out, w.GitHub, number)
		if open != step.open || resolved != step.resolved {
			return fmt.Errorf("step %d ends with %d open and %d resolved threads, want %d and %d", i+1, open, resolved, step.open, step.resolved)
		}
		if i == 0 {
			first := w.GitHub.Threads(owner, name, number)[0]
			w.GitHub.Reply(owner, name, number, first.ID, "mona", "Thank you, I did not see that.")
			fmt.Fprintf(o.Out, "   mona answers in the first thread\n")
			if !o.Once {
				fmt.Fprintf(o.Out, "\n   See it at %s/%s/%s/pull/%d\n", w.GitHub.URL(), owner, name, number)
			}
		}
		if !o.Once && i+1 < len(steps) && term.IsTerminal(int(o.In.Fd())) {
			fmt.Fprint(o.Out, "   Press Enter for the next push. ")
			_, _ = bufio.NewReader(o.In).ReadString('\n')
		}
	}
	return nil
}

// unmark removes the Markdown of a headline, for a terminal.
var unmark = strings.NewReplacer("**", "", "`", "", `\`, "")

// show prints the checks and threads of the pull request, and counts the threads.
func show(w io.Writer, gh *fakegithub.Server, number int) (open, resolved int) {
	head := gh.Pull(owner, name, number).HeadSHA
	for _, run := range gh.CheckRuns(owner, name, head) {
		fmt.Fprintf(w, "   check   %-27s %-8s %s\n", run.Name, run.Conclusion, run.Title)
	}
	for _, t := range gh.Threads(owner, name, number) {
		first := t.Comments[0]
		state := "open"
		if first.Minimized == "resolved" || t.Resolved {
			state = "resolved"
			resolved++
		} else {
			open++
		}
		place := t.Path
		if t.Line > 0 {
			place = fmt.Sprintf("%s:%d", t.Path, t.Line)
		}
		headline, _, _ := strings.Cut(first.Body, "\n")
		fmt.Fprintf(w, "   thread  %-32s %-8s %s\n", place, state, unmark.Replace(headline))
	}
	for _, c := range gh.IssueComments(owner, name, number) {
		headline, _, _ := strings.Cut(c.Body, "\n")
		fmt.Fprintf(w, "   summary %s\n", unmark.Replace(headline))
	}
	return open, resolved
}

// A logTail keeps the end of a log, in case something goes wrong.
type logTail struct{ lines []string }

func (l *logTail) Write(p []byte) (int, error) {
	l.lines = append(l.lines, string(p))
	if len(l.lines) > 50 {
		l.lines = l.lines[1:]
	}
	return len(p), nil
}

func (l *logTail) String() string { return strings.Join(l.lines, "") }
