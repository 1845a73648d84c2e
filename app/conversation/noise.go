package conversation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
)

// rate marks a rule whose verdicts this comment changes.
func (t *execution) rate(rule string) {
	if !slices.Contains(t.rated, rule) {
		t.rated = append(t.rated, rule)
	}
}

// measure has the noise meter decide about the rules that the comment rated, once its events are stored. If that fails,
// the next review that finds something by one of the rules does it.
func (t *execution) measure(ctx context.Context) {
	now := t.h.Clock.Now()
	at := ledger.Event{At: now, Installation: t.e.Installation, RepoID: t.e.RepoID, Owner: t.e.Owner, Repo: t.e.Repo, Number: t.e.Number, Head: t.pull.Head}
	for _, rule := range t.rated {
		_, err := t.h.Ledger.MeasureRule(ctx, at, rule, "",
			func(s record.RuleState, version string, count func(time.Time) (record.Verdicts, error)) (record.RuleChange, string, error) {
				return insight.MeasureRule(s, version, now, count)
			})
		if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Str("rule", rule).Msg("cannot measure how noisy a rule is")
		}
	}
}

// maxQuiet is how many quiet rules a status names.
const maxQuiet = 10

// quietRules lists the rules that are quiet in the repository, as Markdown; empty if there are none.
func (t *execution) quietRules(ctx context.Context) (string, error) {
	states, err := t.h.Ledger.RuleStates(ctx, t.e.Owner, t.e.Repo)
	if err != nil || len(states) == 0 {
		return "", err
	}
	lines := []string{"**Quiet here**", ""}
	for i, s := range states {
		if i == maxQuiet {
			lines = append(lines, fmt.Sprintf("- and %d more", len(states)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("- %s, %d of %d were not useful, since %s", checks.Code(s.Rule), s.Verdicts.NotUseful, s.Verdicts.All, s.Since.Format(time.DateOnly)))
	}
	return strings.Join(lines, "\n"), nil
}
