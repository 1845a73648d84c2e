package demo

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// Options say how to run the demo.
type Options struct {
	Once bool // print the outcome and end, rather than serve the page

	// Listen is the address of the page. If it is empty, the page is at [Address], but only if In is a terminal:
	// where nobody watches, the demo ends like one with Once.
	Listen string
	In     *os.File // for pressing Enter between the steps, if it is a terminal
	Out    io.Writer
}

// Address is where the page is, unless [Options] say otherwise.
const Address = "127.0.0.1:8090"

// patience bounds the wait for one review; it takes about a second.
const patience = 2 * time.Minute

const (
	owner = "acme"
	name  = "shop"
)

// Run plays the demo. It fails when a pull request does not end as it should.
func Run(ctx context.Context, o Options) error {
	dir, err := os.MkdirTemp("", "secbydesign-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	terminal := term.IsTerminal(int(o.In.Fd()))
	o.Once = o.Once || o.Listen == "" && !terminal
	address := cmp.Or(o.Listen, Address)
	if o.Once {
		address = ""
	}
	w, err := NewWorld(dir, address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("another program uses the address %s: choose one that is free, such as `secbydesign demo --listen 127.0.0.1:0`", address)
	}
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
	enter := make(chan struct{})
	if terminal {
		go readLines(o.In, enter)
	}
	err = play(ctx, w, o, enter)
	if err == nil && !o.Once && ctx.Err() == nil {
		fmt.Fprintf(o.Out, "\nThe page stays at %s/%s/%s/pull/1 until you press Ctrl-C.\n", w.GitHub.URL(), owner, name)
		<-ctx.Done()
	}
	if err = errors.Join(err, w.Stop()); err != nil {
		return fmt.Errorf("%w\nthe end of the App's log:\n%s", err, logs)
	}
	return nil
}

// readLines sends a value for every line, until there are no more.
func readLines(in io.Reader, lines chan<- struct{}) {
	for scan := bufio.NewScanner(in); scan.Scan(); {
		lines <- struct{}{}
	}
}

// await returns when a person asks for the next push, by the Enter key or the page's button, or when ctx ends.
func await(ctx context.Context, w *World, o Options, enter <-chan struct{}, next string) {
	pressed := make(chan struct{})
	w.GitHub.SetNext(&fakegithub.NextStep{Label: "Next: " + next, Do: func() { close(pressed) }})
	defer w.GitHub.SetNext(nil)
	fmt.Fprint(o.Out, "   Press Enter, or the button on the page, for the next step. ")
	select {
	case <-enter:
	case <-pressed:
		fmt.Fprintln(o.Out)
	case <-ctx.Done():
	}
}

func play(ctx context.Context, w *World, o Options, enter <-chan struct{}) error {
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
		err := w.shown(wait, number)
		cancel()
		if err != nil {
			return err
		}
		open, resolved := show(o.Out, w.GitHub, number)
		if o.Once && (open != step.open || resolved != step.resolved) { // with a page, people may have decided meanwhile
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
		if !o.Once && i+1 < len(steps) {
			await(ctx, w, o, enter, steps[i+1].message)
			if ctx.Err() != nil {
				return nil
			}
		}
	}
	if err := playDecision(ctx, w, repo, o, enter, len(steps)+1); err != nil || ctx.Err() != nil {
		return err
	}
	if err := playDesign(ctx, w, repo, o, enter, len(steps)+len(decisionSteps)+1); err != nil || ctx.Err() != nil {
		return err
	}
	return playOutcomes(ctx, w, repo, o, enter, len(steps)+len(decisionSteps)+len(designSteps)+1)
}

// unmark removes the Markdown of a headline, for a terminal.
var unmark = strings.NewReplacer("**", "", "`", "", `\`, "", "&#8203;", "")

// show prints the checks and threads of the pull request, and counts the threads.
func show(w io.Writer, gh *fakegithub.Server, number int) (open, resolved int) {
	head := gh.Pull(owner, name, number).HeadSHA
	shown := map[string]bool{} // of several runs of a check the newest counts
	for _, run := range gh.CheckRuns(owner, name, head) {
		if shown[run.Name] {
			continue
		}
		shown[run.Name] = true
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
		kind := strings.TrimSuffix(c.Author, "[bot]") + ":"
		switch checks.StickyName(c.Body) {
		case checks.Summary:
			kind = "summary"
		case checks.CardName:
			continue
		}
		headline, _, _ := strings.Cut(c.Body, "\n")
		fmt.Fprintf(w, "   %s %s\n", kind, unmark.Replace(headline))
	}
	showQuestions(w, gh, number)
	return open, resolved
}

// A logTail keeps the end of a log, in case something goes wrong. It may be written to by several goroutines.
type logTail struct {
	mu    sync.Mutex
	lines []string // guarded by mu
}

func (l *logTail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	if len(l.lines) > 50 {
		l.lines = l.lines[1:]
	}
	return len(p), nil
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}
