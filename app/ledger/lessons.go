package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// maxLessons bounds how many lessons of one event count, because each is a row that one transaction writes.
const maxLessons = 200

// lessonKinds are the kinds of events from which the views of lessons are derived.
var lessonKinds = []string{record.Finished, record.LessonShown, record.Merged}

// A lessonChange holds what an event says about weaknesses. Who owns a file decides the event's own organisation, see
// [record.LessonsOf].
type lessonChange struct {
	shown []record.Lesson
	fixed []record.Lesson
}

// lessonOf returns the change of an event to the views of lessons, or nil.
func lessonOf(e Event) change {
	var c lessonChange
	switch e.Kind {
	case record.LessonShown:
		if l, err := record.ReadOwnership[record.Lessons](e.ID, e.Data); err == nil {
			c.shown = l.List
		}
	case record.Finished: // of versions that recorded no lessons
		if !bytes.Contains(e.Data, []byte(`"cwe"`)) { // to parse a review takes time
			return nil
		}
		if r, err := record.ReadReview(e.ID, e.At, e.Head, e.Data); err == nil {
			c.shown = lessons(e.Owner, r.Findings, func(f record.Finding) bool { return f.State == scanners.New && f.Shown })
		}
	case record.Merged:
		if m, err := record.ReadOwnership[record.Merge](e.ID, e.Data); err == nil {
			c.fixed = lessons(e.Owner, slices.Concat(m.Fixed, m.Gone), func(record.Finding) bool { return true })
		}
	}
	if len(c.shown)+len(c.fixed) == 0 {
		return nil
	}
	c.shown = c.shown[:min(len(c.shown), maxLessons)]
	c.fixed = c.fixed[:min(len(c.fixed), maxLessons)]
	return c
}

// lessons returns the lessons of some findings, each once.
func lessons(org string, findings []record.Finding, which func(record.Finding) bool) (list []record.Lesson) {
	have := map[record.Lesson]bool{}
	for _, f := range findings {
		if !which(f) {
			continue
		}
		for _, l := range record.LessonsOf(f.CWE, f.Package, org, f.Owners) {
			if !have[l] {
				have[l] = true
				list = append(list, l)
			}
		}
	}
	return list
}

func (c lessonChange) apply(ctx context.Context, tx *sql.Tx, repo Repo, e Event) error {
	for _, s := range c.shown {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO view_lessons (repo_id, owner, repo, team, cwe, number, event, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
			repo.ID, repo.Owner, repo.Name, s.Team, s.CWE, e.Number, e.ID, millis(e.At))
		if err != nil {
			return err
		}
	}
	for _, s := range c.fixed {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO view_lesson_fixes (repo_id, owner, repo, cwe, team, event, number)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
			repo.ID, repo.Owner, repo.Name, s.CWE, s.Team, e.ID, e.Number)
		if err != nil {
			return err
		}
	}
	return nil
}

// The queries of this file; a test reads their plans.
const (
	lessonHereQuery = `
		SELECT event FROM view_lessons WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND team = $4 AND cwe = $5 AND number = $6`

	lessonFirstInTeamQuery = `
		SELECT event FROM view_lessons WHERE team = $1 AND cwe = $2 ORDER BY event LIMIT 1`

	lessonFirstInRepoQuery = `
		SELECT event FROM view_lessons WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND team = $4 AND cwe = $5 ORDER BY event LIMIT 1`

	lessonFixOfTeamQuery = `
		SELECT number FROM view_lesson_fixes WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND cwe = $4 AND team = $5 AND event < $6
		ORDER BY event DESC LIMIT 1`

	lessonFixOfAnyQuery = `
		SELECT number FROM view_lesson_fixes WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND cwe = $4 AND event < $5
		ORDER BY event DESC LIMIT 1`

	lessonsOfTeamQuery = `
		SELECT l.cwe, count(*) AS pulls FROM view_lessons l LEFT JOIN names n ON n.repo_id = l.repo_id AND n.until IS NULL
		WHERE l.team = $1 AND l.at >= $2 AND coalesce(n.owner, l.owner) = $3 GROUP BY l.cwe ORDER BY pulls DESC, l.cwe LIMIT $4`

	lessonFixesOfTeamQuery = `
		SELECT e.owner, e.repo, f.number FROM view_lesson_fixes f LEFT JOIN names n ON n.repo_id = f.repo_id AND n.until IS NULL
		JOIN events e ON e.id = f.event
		WHERE f.team = $1 AND f.cwe = $2 AND coalesce(n.owner, f.owner) = $3 ORDER BY f.event DESC LIMIT 1`
)

// Teach records, once, that a pull request shows findings of weaknesses to teams, and returns how it shows each of them.
// e names the pull request and its head. Of all pull requests that show a weakness to a team, exactly one is the first
// for it, and it stays the first.
func (l *Ledger) Teach(ctx context.Context, e Event, list []record.Lesson) (taught []record.Taught, err error) {
	list = list[:min(len(list), maxLessons)]
	key, err := Repo{e.RepoID, e.Owner, e.Repo}.key(ctx, l.read)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	missing, err := untaught(ctx, l.read, key, e.Number, list)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		if err := l.teach(ctx, e, missing); err != nil {
			return nil, err
		}
	}
	for _, lesson := range list {
		one, err := l.taught(ctx, key, e.Number, lesson)
		if err != nil {
			return nil, fmt.Errorf("read what %s knows of %s: %w", lesson.Team, lesson.CWE, err)
		}
		taught = append(taught, one)
	}
	return taught, nil
}

// teach records lessons of a pull request, unless another process has done it.
func (l *Ledger) teach(ctx context.Context, e Event, list []record.Lesson) error {
	return l.Tx(ctx, func(tx *sql.Tx) error {
		key, err := Repo{e.RepoID, e.Owner, e.Repo}.key(ctx, tx)
		if err != nil {
			return err
		}
		missing, err := untaught(ctx, tx, key, e.Number, list)
		if err != nil || len(missing) == 0 {
			return err
		}
		e.Kind = record.LessonShown
		if e.Data, err = json.Marshal(record.Lessons{List: missing}); err != nil {
			return fmt.Errorf("record lessons: %w", err)
		}
		return l.RecordTx(ctx, tx, e)
	})
}

// untaught returns the lessons that a pull request has not shown yet.
func untaught(ctx context.Context, from querier, key Repo, number int, list []record.Lesson) (missing []record.Lesson, err error) {
	for _, lesson := range list {
		switch _, known, err := lessonEvent(ctx, from, lessonHereQuery, key.ID, key.Owner, key.Name, lesson.Team, lesson.CWE, number); {
		case err != nil:
			return nil, fmt.Errorf("read what was shown: %w", err)
		case !known:
			missing = append(missing, lesson)
		}
	}
	return missing, nil
}

// taught returns how a pull request shows a lesson.
func (l *Ledger) taught(ctx context.Context, key Repo, number int, lesson record.Lesson) (record.Taught, error) {
	t := record.Taught{Lesson: lesson}
	here, _, err := lessonEvent(ctx, l.read, lessonHereQuery, key.ID, key.Owner, key.Name, lesson.Team, lesson.CWE, number)
	if err != nil {
		return t, err
	}
	var first int64
	if lesson.OfOrganisation() {
		first, _, err = lessonEvent(ctx, l.read, lessonFirstInTeamQuery, lesson.Team, lesson.CWE)
	} else {
		first, _, err = lessonEvent(ctx, l.read, lessonFirstInRepoQuery, key.ID, key.Owner, key.Name, lesson.Team, lesson.CWE)
	}
	if err != nil {
		return t, err
	}
	t.First = first == here
	fixed, known, err := lessonEvent(ctx, l.read, lessonFixOfTeamQuery, key.ID, key.Owner, key.Name, lesson.CWE, lesson.Team, here)
	if err == nil && !known {
		fixed, _, err = lessonEvent(ctx, l.read, lessonFixOfAnyQuery, key.ID, key.Owner, key.Name, lesson.CWE, here)
	}
	t.Fixed = int(fixed)
	return t, err
}

// lessonEvent reads one number; known is false if there is no row.
func lessonEvent(ctx context.Context, from querier, query string, args ...any) (n int64, known bool, err error) {
	err = from.QueryRowContext(ctx, query, args...).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return n, err == nil, err
}

// Lessons returns the weaknesses that a team ("@org/team" or "@person") met in the most pull requests of an
// organisation since a time, at most so many, the most frequent first.
func (l *Ledger) Lessons(ctx context.Context, org, team string, since time.Time, most int) (list []record.TeamLesson, err error) {
	org, team = strings.ToLower(org), strings.ToLower(team)
	rows, err := l.read.QueryContext(ctx, lessonsOfTeamQuery, team, millis(since), org, most)
	if err != nil {
		return nil, fmt.Errorf("read the lessons of %s: %w", team, err)
	}
	defer rows.Close()
	for rows.Next() {
		var one record.TeamLesson
		if err := rows.Scan(&one.CWE, &one.Pulls); err != nil {
			return nil, fmt.Errorf("read the lessons of %s: %w", team, err)
		}
		list = append(list, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the lessons of %s: %w", team, err)
	}
	for i := range list {
		one := &list[i]
		err := l.read.QueryRowContext(ctx, lessonFixesOfTeamQuery, team, one.CWE, org).Scan(&one.Owner, &one.Repo, &one.Number)
		if ignoreNoRows(err) != nil {
			return nil, fmt.Errorf("read the fixes of %s: %w", team, err)
		}
	}
	return list, nil
}
