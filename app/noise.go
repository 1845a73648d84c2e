package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/scanners/visible"
)

// ListNoise writes two tables from the database of a server: how noisy people find the rules, and which of them are
// quiet where. A database that is not there yet has nothing to show. The error is a sentence for the user of the command.
func ListNoise(ctx context.Context, w io.Writer, dataDir, url string, now time.Time) (err error) {
	_, file, err := database(cmp.Or(dataDir, "data"), url)
	if err != nil {
		return err
	}
	file, isFile := strings.CutPrefix(file, "sqlite:")
	if _, err := os.Stat(file); isFile && errors.Is(err, fs.ErrNotExist) {
		_, err := fmt.Fprintln(w, "\nThere is no record of reviews yet, so nothing is known about noisy rules.")
		return err
	}
	l, err := openReader(ctx, cmp.Or(dataDir, "data"), url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	rules, err := l.RuleNoise(ctx, "", now.Add(-insight.NoiseWindow))
	if err != nil {
		return err
	}
	states, err := l.RuleStates(ctx, "", "")
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(rules) > 0 {
		fmt.Fprintln(t, "\nRULE\tNOT USEFUL\tRATE\t90 % INTERVAL\tREPOSITORIES")
	}
	for _, r := range rules {
		low, high := insight.Wilson(r.Verdicts.NotUseful, r.Verdicts.All)
		fmt.Fprintf(t, "%s\t%d of %d\t%.0f %%\t%.0f to %.0f %%\t%d\n", visible.Text(r.Rule), r.Verdicts.NotUseful, r.Verdicts.All, 100*insight.NoiseRate(r.Verdicts), 100*low, 100*high, r.Repos)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(states) == 0 {
		_, err := fmt.Fprintln(w, "\nNo rule is quiet because of noise.")
		return err
	}
	fmt.Fprintln(t, "\nQUIET RULE\tREPOSITORY\tSTATE\tNOT USEFUL\tSINCE\tTRIED AGAIN")
	for _, s := range states {
		repo := s.Owner + "/" + s.Repo
		fmt.Fprintf(t, "%s\t%s\t%s\t%d of %d\t%s\t%s\n", visible.Text(s.Rule), visible.Text(repo), s.State, s.Verdicts.NotUseful, s.Verdicts.All,
			s.Since.Format(time.DateOnly), insight.NoiseRetry(s).Format(time.DateOnly))
	}
	return t.Flush()
}
