package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// This file is the last act: what the record says of the organisation afterwards.

// tooFew is how a figure from fewer than five observations is shown, and resolution the figure that the merge makes.
const (
	tooFew     = "fewer than 5"
	resolution = "Same-change resolution"
)

// playOutcomes merges the first pull request, in which everything was fixed, and prints the figures of all teams. step
// is the number of the act.
func playOutcomes(ctx context.Context, w *World, repo *fakegithub.Repo, o Options, enter <-chan struct{}, step int) error {
	if !o.Once {
		await(ctx, w, o, enter, "a merge, and the figures of the teams")
		if ctx.Err() != nil {
			return nil
		}
	}
	fmt.Fprintf(o.Out, "\n%d. Mona merges her pull request. The record of all this gives figures of teams, never of people.\n", step)
	repo.MergePull(1, "mona")
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for merged := time.Now(); ; {
		var text bytes.Buffer
		if err := app.ShowOutcomes(wait, &text, app.OutcomesQuery{Org: owner, DataDir: w.Settings.DataDir}); err != nil {
			return err
		}
		// With a page, people may have decided meanwhile, so that the merge makes no figure.
		if enough := !o.Once && time.Since(merged) > 5*time.Second; showFigures(o.Out, text.String(), enough) {
			return nil
		}
		select {
		case <-wait.Done():
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("the merge of pull request 1 is not in the figures:\n%s", text.String())
		case <-tick.C:
		}
	}
}

// showFigures prints the figures that have enough observations. Unless always is set, it prints nothing and returns false
// while the merge is not among them.
func showFigures(w io.Writer, text string, always bool) bool {
	text, _, _ = strings.Cut(text, "\n\nAcross teams") // a demo has too few of them
	var lines []string
	few, known := 0, always
	for _, line := range strings.Split(text, "\n") {
		switch {
		case strings.Contains(line, tooFew):
			few++
		case strings.TrimSpace(line) != "":
			known = known || strings.HasPrefix(line, resolution)
			lines = append(lines, "   "+line)
		}
	}
	if !known {
		return false
	}
	fmt.Fprintf(w, "%s\n   %d more figures have fewer than five observations. `secbydesign outcomes` shows all, also of one team.\n", strings.Join(lines, "\n"), few)
	return true
}
