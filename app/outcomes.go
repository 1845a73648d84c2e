package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
)

// An OutcomesQuery says which figures to show. Org is required; the zero value of each other field means the default in
// its comment.
type OutcomesQuery struct {
	Org      string
	Team     string // "@org/team", "unowned"; all teams together
	Since    string // "90d" or "12w"; 90 days
	Format   string // text, markdown or json; text
	DataDir  string
	Database string

	Now time.Time // the end of the period; now
}

// ShowOutcomes writes the figures of a team, or of all teams together and their distribution, from the database of a
// server, which may run meanwhile. The error is a sentence for the user of the command.
func ShowOutcomes(ctx context.Context, w io.Writer, q OutcomesQuery) (err error) {
	period, err := periodOf(q.Since)
	if err != nil {
		return err
	}
	team := strings.ToLower(q.Team)
	switch {
	case team == "":
		team = record.Everyone
	case team == "unowned":
		team = ""
	case !insight.IsTeam(team):
		return fmt.Errorf("--team %s is a person, and there are figures of teams only: give @ORG/TEAM, or leave --team out for all together", q.Team)
	}
	if q.Now.IsZero() {
		q.Now = time.Now()
	}
	l, err := openReader(ctx, q.DataDir, q.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	shown, err := measure(ctx, l, q.Org, team, q.Now, period)
	if err != nil {
		return err
	}
	var spreads []insight.Spread
	if team == record.Everyone {
		if spreads, err = spread(ctx, l, q.Org, q.Now, period); err != nil {
			return err
		}
	}
	return writeOutcomes(w, q.Format, shown, spreads)
}

func writeOutcomes(w io.Writer, format string, o insight.Outcomes, spreads []insight.Spread) (err error) {
	switch format {
	case "", "text":
		text := o.Text()
		if spreads != nil {
			text += "\n" + insight.SpreadText(spreads)
		}
		_, err = io.WriteString(w, text)
	case "markdown":
		text := o.Markdown()
		if spreads != nil {
			text += "\n" + insight.SpreadMarkdown(spreads)
		}
		_, err = io.WriteString(w, text)
	case "json":
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		err = out.Encode(struct {
			insight.Outcomes
			Across []insight.Spread `json:"across_teams,omitempty"`
		}{o, spreads})
	default:
		return fmt.Errorf("--format %s is unknown: use text, markdown or json", format)
	}
	return err
}

func measure(ctx context.Context, l *ledger.Reader, org, team string, now time.Time, period time.Duration) (insight.Outcomes, error) {
	from := now.Add(-period)
	list, err := l.TeamObservations(ctx, org, team, from)
	if err != nil {
		return insight.Outcomes{}, err
	}
	return insight.Measure(team, from, now, list), nil
}

// outcomes returns the figures of a team up to now.
func (a *app) outcomes(ctx context.Context, org, team string, now time.Time) (insight.Outcomes, error) {
	return measure(ctx, &a.ledger.Reader, org, team, now, insight.Period)
}

// spread computes the distribution of the figures across the teams of an organisation.
func spread(ctx context.Context, l *ledger.Reader, org string, now time.Time, period time.Duration) ([]insight.Spread, error) {
	teams, err := l.Teams(ctx, org)
	if err != nil {
		return nil, err
	}
	var list []insight.Outcomes
	for _, team := range teams {
		if !insight.IsTeam(team) {
			continue
		}
		o, err := measure(ctx, l, org, team, now, period)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return insight.Spreads(list), nil
}

// maxPeriod is the longest period in days.
const maxPeriod = 3650

// periodOf parses a number of days or weeks; empty means [insight.Period].
func periodOf(s string) (time.Duration, error) {
	if s == "" {
		return insight.Period, nil
	}
	days := 1
	number, ok := strings.CutSuffix(s, "d")
	if !ok {
		number, ok = strings.CutSuffix(s, "w")
		days = 7
	}
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 1 || n > maxPeriod/days {
		return 0, fmt.Errorf("--since %s is no period: give days or weeks, such as 90d or 12w, at most %d days", s, maxPeriod)
	}
	return time.Duration(n*days) * 24 * time.Hour, nil
}
