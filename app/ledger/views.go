package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/tally"
	"github.com/secbydesign/secbydesign/scanners"
)

// The views are tables that answer frequent questions, so that nobody reads the whole history for them. They are
// derived from the events up to views.upto. Every transaction that appends an event also brings the views up to
// it. If another version of this program has appended events without doing so, those are applied first.
const (
	// viewsVersion is the version of the code that derives the views. At the start, views of another version are
	// rebuilt.
	viewsVersion = 3

	// viewsSchema is the schema version that introduced the views.
	viewsSchema = 7

	// maxUsed bounds how many findings of one review count towards the use of rules, because each is a row that
	// one transaction writes; see [Ledger.Tx].
	maxUsed = 200

	// viewsAtOnce is how many events one transaction applies when views are rebuilt.
	viewsAtOnce = 100
)

// viewTables are the tables that hold views.
var viewTables = []string{
	"view_decisions", "view_counted", "view_rule_pulls", "view_rule_findings", "view_rule_days", "view_requirements",
	"view_team_subjects", "view_team_about", "view_team_lists", "view_team_days", "view_teams",
	"view_noise_verdicts", "view_noise_states", "view_noise_versions",
	"view_lessons", "view_lesson_fixes", "view_campaigns", "view_campaign_findings",
}

// viewed lists, for SQL, the kinds of events from which views are derived.
var viewed = "('" + strings.Join(slices.Concat(
	[]string{record.Finished, record.DecisionMade, record.DecisionConfirmed, record.DecisionEnded, record.DecisionTightened, record.NotUseful},
	requirementKinds, noiseKinds, lessonKinds, campaignKinds, tally.Kinds(),
), "', '") + "')"

// A change is the effect of one event on the views.
type change interface {
	apply(ctx context.Context, tx *sql.Tx, repo Repo, e Event) error
}

// changes are the effects of one event on several views.
type changes []change

func (list changes) apply(ctx context.Context, tx *sql.Tx, repo Repo, e Event) error {
	for _, c := range list {
		if err := c.apply(ctx, tx, repo, e); err != nil {
			return err
		}
	}
	return nil
}

// changeOf parses an event and returns its change, or nil if no view depends on its kind. It takes time, so it is
// called before the transaction where possible. An event that cannot be parsed changes nothing: its content is
// unknown, and it must not block all the others.
func changeOf(e Event) change {
	var list changes
	for _, of := range []func(Event) change{ruleOf, noiseOf, requirementOf, teamOf, lessonOf, campaignOf} {
		if c := of(e); c != nil {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

// ruleOf returns the change of an event to the views of rules and decisions.
func ruleOf(e Event) change {
	switch e.Kind {
	case record.Finished:
		if r, err := record.ReadReview(e.ID, e.At, e.Head, e.Data); err == nil {
			return useOf(r)
		}
	case record.DecisionMade, record.DecisionConfirmed, record.DecisionEnded, record.DecisionTightened:
		if s, err := record.ReadStep(e.ID, e.Kind, e.At, e.Data); err == nil {
			return taken{s}
		}
	case record.NotUseful:
		if o, err := record.ReadOpinion(e.ID, e.Data); err == nil {
			return opinion{o}
		}
	}
	return nil
}

// view brings the views up to an event that was just appended and whose change is c.
func view(ctx context.Context, tx *sql.Tx, e Event, c change) error {
	var missed bool
	err := tx.QueryRowContext(ctx, `
		SELECT EXISTS (SELECT 1 FROM events WHERE id > (SELECT upto FROM views) AND id < $1 AND kind IN `+viewed+`)`, e.ID).Scan(&missed)
	switch {
	case err != nil:
		return fmt.Errorf("read how far the views are: %w", err)
	case missed:
		for more := true; more; {
			if more, err = catchUp(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	}
	return take(ctx, tx, e, c)
}

// take applies the change of one event.
func take(ctx context.Context, tx *sql.Tx, e Event, c change) error {
	if c != nil {
		repo, err := Repo{e.RepoID, e.Owner, e.Repo}.key(ctx, tx)
		if err != nil {
			return err
		}
		if err := c.apply(ctx, tx, repo, e); err != nil {
			return fmt.Errorf("keep the views of event %d: %w", e.ID, err)
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE views SET upto = $1`, e.ID); err != nil {
		return fmt.Errorf("note how far the views are: %w", err)
	}
	return nil
}

// catchUp applies some of the events that the views lack, and reports whether there may be more.
func catchUp(ctx context.Context, tx *sql.Tx) (more bool, err error) {
	events, err := viewedEvents(ctx, tx, func(string) string { return `e.id > (SELECT upto FROM views) ORDER BY e.id LIMIT $1` }, viewsAtOnce)
	if err != nil {
		return false, err
	}
	for _, e := range events {
		if err := take(ctx, tx, e, changeOf(e)); err != nil {
			return false, err
		}
	}
	return len(events) == viewsAtOnce, nil
}

// bringUp brings what is computed from the events up to date, when the ledger is opened: the views and the chain.
func (l *Ledger) bringUp(ctx context.Context) error {
	if err := l.bringUpViews(ctx); err != nil {
		return err
	}
	return l.adoptUnchained(ctx)
}

// bringUpViews applies all events that the views lack, in several transactions with room for other writers in between.
// It first empties views of another version.
func (l *Ledger) bringUpViews(ctx context.Context) error {
	err := l.Tx(ctx, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, `SELECT version FROM views`).Scan(&version); err != nil || version == viewsVersion {
			return err
		}
		for _, table := range viewTables {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE views SET version = $1, upto = 0`, viewsVersion)
		return err
	})
	for more := true; more && err == nil; {
		err = l.Tx(ctx, func(tx *sql.Tx) (err error) {
			more, err = catchUp(ctx, tx)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("bring the views up to date: %w", err)
	}
	return nil
}

// Rebuild derives all views of the database at url again from its events, and reports whether they differ from the
// stored ones. Servers may use the database meanwhile: they read the stored views until the last transaction, which
// compares, and replaces the views that differ.
func Rebuild(ctx context.Context, url string) (changed bool, err error) {
	l, err := Open(ctx, url)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if changed, err = l.rebuild(ctx); err != nil {
		return false, fmt.Errorf("rebuild the views: %w", err)
	}
	return changed, nil
}

func (l *Ledger) rebuild(ctx context.Context) (changed bool, err error) {
	err = l.Tx(ctx, func(tx *sql.Tx) error { return l.shadow(ctx, tx) })
	for more := true; more && err == nil; {
		err = l.shadowTx(ctx, func(tx *sql.Tx) (err error) {
			more, err = catchUp(ctx, tx)
			return err
		})
	}
	if err != nil {
		return false, err
	}
	err = l.shadowTx(ctx, func(tx *sql.Tx) (err error) {
		if changed, err = l.replaceViews(ctx, tx); err != nil {
			return err
		}
		return l.engine.drop(ctx, tx)
	})
	return changed, err
}

// shadow begins a rebuild: it creates empty copies of the views, which lack all events.
func (l *Ledger) shadow(ctx context.Context, tx *sql.Tx) error {
	if err := l.engine.shadow(ctx, tx); err != nil {
		return err
	}
	_, shadow := l.engine.names("views")
	_, err := tx.ExecContext(ctx, `INSERT INTO `+shadow+` VALUES (1, $1, 0)`, viewsVersion)
	return err
}

// shadowTx is like [Ledger.Tx] with the copies of the views in their place.
func (l *Ledger) shadowTx(ctx context.Context, do func(tx *sql.Tx) error) error {
	return l.Tx(ctx, func(tx *sql.Tx) error {
		if err := l.engine.shadowed(ctx, tx); err != nil {
			return err
		}
		return do(tx)
	})
}

// replaceViews brings the shadows up to the newest event and writes those that differ from the stored views in their
// place. It reports whether one did.
func (l *Ledger) replaceViews(ctx context.Context, tx *sql.Tx) (changed bool, err error) {
	for more := true; more; {
		if more, err = catchUp(ctx, tx); err != nil {
			return false, err
		}
	}
	for _, table := range viewTables {
		stored, shadow := l.engine.names(table)
		var differs bool
		if err := tx.QueryRowContext(ctx, `
			SELECT (SELECT count(*) FROM `+stored+`) <> (SELECT count(*) FROM `+shadow+`)
			OR EXISTS (SELECT * FROM `+stored+` EXCEPT SELECT * FROM `+shadow+`)`).Scan(&differs); err != nil {
			return false, err
		}
		if !differs {
			continue
		}
		changed = true
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+stored); err != nil {
			return false, err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO `+stored+` SELECT * FROM `+shadow); err != nil {
			return false, err
		}
	}
	stored, shadow := l.engine.names("views")
	_, err = tx.ExecContext(ctx, `UPDATE `+stored+` AS s SET version = made.version, upto = made.upto FROM `+shadow+` AS made`)
	return changed, err
}

// adoptViews derives the views of a repository again if some were stored under its name before its id was known.
func adoptViews(ctx context.Context, tx *sql.Tx, id int64, owner, repo string, own bool) error {
	var some bool
	for _, table := range viewTables {
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+table+` WHERE repo_id = 0 AND owner = $1 AND repo = $2)`, owner, repo).Scan(&some); err != nil || some {
			if err != nil {
				return err
			}
			break
		}
	}
	if !some {
		return nil
	}
	for _, table := range viewTables {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE repo_id = 0 AND owner = $1 AND repo = $2 OR $3 AND repo_id = $4`, owner, repo, own, id); err != nil {
			return err
		}
	}
	if !own {
		return nil
	}
	events, err := viewedEvents(ctx, tx, func(repoID string) string { return repoID + ` = $1 AND e.id <= (SELECT upto FROM views)` }, id)
	if err != nil {
		return err
	}
	for _, e := range events {
		if c := changeOf(e); c != nil {
			if err := c.apply(ctx, tx, Repo{ID: id}, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// viewedEvents reads events from which views are derived, the oldest first. where returns the condition, given
// the SQL expression for the repository id. The kind is an expression, since by its index SQLite would sort the whole
// history for each part of it.
func viewedEvents(ctx context.Context, tx *sql.Tx, where func(repoID string) string, args ...any) ([]Event, error) {
	from, repoID := Reader{schema: viewsSchema}.source()
	rows, err := tx.QueryContext(ctx, `
		SELECT e.id, e.at, e.kind, `+repoID+`, e.owner, e.repo, e.number, e.head, e.data FROM `+from+`
		WHERE e.kind || '' IN `+viewed+` AND `+where(repoID), args...)
	if err != nil {
		return nil, fmt.Errorf("read events for the views: %w", err)
	}
	defer rows.Close()
	var events []Event
	for rows.Next() {
		var e Event
		var at int64
		var data string
		if err := rows.Scan(&e.ID, &at, &e.Kind, &e.RepoID, &e.Owner, &e.Repo, &e.Number, &e.Head, &data); err != nil {
			return nil, fmt.Errorf("read events for the views: %w", err)
		}
		e.At, e.Data = time.UnixMilli(at).UTC(), json.RawMessage(data)
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read events for the views: %w", err)
	}
	slices.SortFunc(events, func(a, b Event) int { return cmp.Compare(a.ID, b.ID) })
	return events, nil
}

// used describes how one review uses rules and decisions.
type used struct {
	rules   map[string][]string // shown fingerprints, by rule
	counted []string            // ids of the decisions that count
}

func useOf(r record.Review) used {
	u := used{rules: map[string][]string{}}
	n := 0
	for _, f := range r.Findings {
		if f.State != scanners.New {
			continue
		}
		if f.Decided != "" && !f.AcceptedInCode() && !slices.Contains(u.counted, f.Decided) {
			u.counted = append(u.counted, f.Decided)
		}
		if !f.Shown || r.Silent {
			continue
		}
		if _, known := u.rules[f.Rule]; !known {
			u.rules[f.Rule] = nil
		}
		if n < maxUsed && !slices.Contains(u.rules[f.Rule], f.Fingerprint) {
			n++
			u.rules[f.Rule] = append(u.rules[f.Rule], f.Fingerprint)
		}
	}
	return u
}

func (u used) apply(ctx context.Context, tx *sql.Tx, repo Repo, e Event) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM view_counted WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND number = $4`, repo.ID, repo.Owner, repo.Name, e.Number); err != nil {
		return err
	}
	for _, id := range u.counted {
		if _, err := tx.ExecContext(ctx, `INSERT INTO view_counted VALUES ($1, $2, $3, $4, $5)`, repo.ID, repo.Owner, repo.Name, e.Number, id); err != nil {
			return err
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(u.rules)) {
		d := days{}
		today := dayOf(e.At)
		d.of(today).firstAt = millis(e.At)
		if err := d.showPull(ctx, tx, repo, rule, e.Number, today); err != nil {
			return err
		}
		for _, fingerprint := range u.rules[rule] {
			if err := d.showFinding(ctx, tx, repo, rule, fingerprint, today, 0); err != nil {
				return err
			}
		}
		if err := d.write(ctx, tx, repo, rule); err != nil {
			return err
		}
	}
	return nil
}

// opinion is the change of an event by which somebody marks a finding as not useful.
type opinion struct{ record.Opinion }

func (o opinion) apply(ctx context.Context, tx *sql.Tx, repo Repo, e Event) error {
	if !o.Counts() {
		return nil
	}
	d := days{}
	if err := d.showFinding(ctx, tx, repo, o.Rule, o.Fingerprint, 0, dayOf(e.At)); err != nil {
		return err
	}
	return d.write(ctx, tx, repo, o.Rule)
}

// dayOf counts days from 1970, UTC.
func dayOf(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// days are amounts to add to the daily sums of a rule.
type days map[int64]*daySum

type daySum struct {
	firstAt                  int64
	pulls, findings, useless int
}

func (d days) of(day int64) *daySum {
	if d[day] == nil {
		d[day] = &daySum{}
	}
	return d[day]
}

// showPull records that a rule was shown in a pull request on the day today.
func (d days) showPull(ctx context.Context, tx *sql.Tx, repo Repo, rule string, number int, today int64) error {
	var was int64
	err := tx.QueryRowContext(ctx, `
		SELECT day FROM view_rule_pulls WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND rule = $4 AND number = $5`,
		repo.ID, repo.Owner, repo.Name, rule, number).Scan(&was)
	if err != nil && !errors.Is(err, sql.ErrNoRows) || was >= today {
		return ignoreNoRows(err)
	}
	if err == nil {
		d.of(was).pulls--
	}
	d.of(today).pulls++
	_, err = tx.ExecContext(ctx, `
		INSERT INTO view_rule_pulls VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (repo_id, owner, repo, rule, number) DO UPDATE SET day = excluded.day`,
		repo.ID, repo.Owner, repo.Name, rule, number, today)
	return err
}

// showFinding records the days on which a finding was shown, and marked as not useful; 0 means not.
func (d days) showFinding(ctx context.Context, tx *sql.Tx, repo Repo, rule, fingerprint string, shown, useless int64) error {
	var was [2]int64
	err := tx.QueryRowContext(ctx, `
		SELECT day, useless_day FROM view_rule_findings WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND rule = $4 AND fingerprint = $5`,
		repo.ID, repo.Owner, repo.Name, rule, fingerprint).Scan(&was[0], &was[1])
	if ignoreNoRows(err) != nil {
		return err
	}
	is := [2]int64{max(was[0], shown), max(was[1], useless)}
	if err == nil && is == was {
		return nil
	}
	d.count(was, -1)
	d.count(is, 1)
	_, err = tx.ExecContext(ctx, `
		INSERT INTO view_rule_findings VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (repo_id, owner, repo, rule, fingerprint) DO UPDATE SET day = excluded.day, useless_day = excluded.useless_day`,
		repo.ID, repo.Owner, repo.Name, rule, fingerprint, is[0], is[1])
	return err
}

// count adds a finding to the sums (n is 1), or removes it (n is -1). finding holds the day on which it was shown
// and the day on which it was marked as not useful. The mark counts on the earlier day, so that a query counts it
// only if its period contains both.
func (d days) count(finding [2]int64, n int) {
	if finding[0] > 0 {
		d.of(finding[0]).findings += n
		if finding[1] > 0 {
			d.of(min(finding[0], finding[1])).useless += n
		}
	}
}

func (d days) write(ctx context.Context, tx *sql.Tx, repo Repo, rule string) error {
	for _, day := range slices.Sorted(maps.Keys(d)) {
		s := d[day]
		if *s == (daySum{}) {
			continue
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO view_rule_days (repo_id, owner, repo, rule, day, first_at, pulls, findings, useless)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (rule, repo_id, owner, repo, day) DO UPDATE SET
				first_at = CASE
					WHEN excluded.first_at = 0 THEN view_rule_days.first_at
					WHEN view_rule_days.first_at = 0 OR excluded.first_at < view_rule_days.first_at THEN excluded.first_at
					ELSE view_rule_days.first_at END,
				pulls = view_rule_days.pulls + excluded.pulls,
				findings = view_rule_days.findings + excluded.findings,
				useless = view_rule_days.useless + excluded.useless`,
			repo.ID, repo.Owner, repo.Name, rule, day, s.firstAt, s.pulls, s.findings, s.useless)
		if err != nil {
			return err
		}
	}
	return nil
}

// taken is the change of an event that makes, confirms or ends a decision.
type taken struct{ decision.Step }

func (t taken) apply(ctx context.Context, tx *sql.Tx, repo Repo, e Event) error {
	var before *decision.Decision
	row := tx.QueryRowContext(ctx, `SELECT `+decisionColumns+` FROM view_decisions WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND id = $4`,
		repo.ID, repo.Owner, repo.Name, t.Of())
	switch d, err := scanDecision(row.Scan); {
	case err == nil:
		before = &d
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	after, ok := decision.Take(before, t.Step)
	if !ok {
		return nil
	}
	data, err := json.Marshal(after)
	if err != nil {
		return err
	}
	var endedAt int64
	if after.Ended != "" {
		endedAt = millis(after.EndedAt)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO view_decisions (repo_id, owner, repo, id, number, content, made, at, ended, ended_at, data)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (repo_id, owner, repo, id) DO UPDATE SET ended = excluded.ended, ended_at = excluded.ended_at, data = excluded.data`,
		repo.ID, repo.Owner, repo.Name, after.ID, after.Number, decision.Content(after.Fingerprint), e.ID, millis(after.At), after.Ended, endedAt, string(data))
	return err
}

const decisionColumns = `data, at, ended, ended_at`

// A scanner copies the columns of a row into dest.
type scanner func(dest ...any) error

func scanDecision(scan scanner) (d decision.Decision, err error) {
	var data string
	var at, endedAt int64
	var ended string
	if err := scan(&data, &at, &ended, &endedAt); err != nil {
		return d, err
	}
	if err := json.Unmarshal([]byte(data), &d); err != nil {
		return d, fmt.Errorf("read a decision: %w", err)
	}
	d.At, d.Ended = time.UnixMilli(at).UTC(), ended
	if endedAt != 0 {
		d.EndedAt = time.UnixMilli(endedAt).UTC()
	}
	return d, nil
}

func ignoreNoRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}
