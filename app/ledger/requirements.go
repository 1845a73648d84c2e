package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

// The kinds of rows of view_requirements.
const (
	rowAnswer = "answer"
	rowAsked  = "asked"
	rowLeft   = "left"
	rowVoice  = "voice"
)

// requirementKinds are the kinds of events from which view_requirements is derived.
var requirementKinds = []string{record.RequirementAnswered, record.RequirementAsked, record.RequirementMerged, record.VoiceAsked}

// requirement is the change of an event about questions on the design.
type requirement struct {
	kind  string
	names []string // a row each
	who   string   // empty where it is the name itself
	ends  string   // the answer that does not count any more; empty for none
}

// requirementOf returns the change of an event, or nil for one that cannot be parsed.
func requirementOf(e Event) change {
	switch e.Kind {
	case record.RequirementAnswered:
		if a, err := record.ReadRequirement[record.Answer](e.ID, e.Data); err == nil && a.ID != "" {
			return requirement{kind: rowAnswer, names: []string{a.ID}, who: a.Who}
		}
	case record.RequirementAsked:
		if q, err := record.ReadRequirement[record.Question](e.ID, e.Data); err == nil {
			return requirement{kind: rowAsked, names: []string{q.ID}, who: q.Author}
		}
	case record.RequirementMerged:
		if q, err := record.ReadRequirement[record.Question](e.ID, e.Data); err == nil {
			return requirement{kind: rowLeft, names: []string{q.ID}, who: q.Author, ends: q.Reopens}
		}
	case record.VoiceAsked:
		if v, err := record.ReadRequirement[record.Voice](e.ID, e.Data); err == nil {
			return requirement{kind: rowVoice, names: v.Who}
		}
	}
	return nil
}

func (r requirement) apply(ctx context.Context, tx *sql.Tx, repo Repo, e Event) error {
	for _, name := range r.names {
		who := r.who
		if r.kind == rowVoice {
			name = strings.ToLower(name)
			who = name
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO view_requirements (repo_id, owner, repo, kind, number, name, author, event, at, data)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
			repo.ID, repo.Owner, repo.Name, r.kind, e.Number, name, strings.ToLower(who), e.ID, millis(e.At), string(e.Data))
		if err != nil {
			return err
		}
	}
	if r.ends == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM view_requirements WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND kind = '`+rowAnswer+`' AND name = $4`,
		repo.ID, repo.Owner, repo.Name, r.ends)
	return err
}

// The queries of this file; a test reads their plans.
const (
	answersQuery = `
		SELECT data, at, number, event FROM view_requirements
		WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND kind = '` + rowAnswer + `' ORDER BY event`

	askedQuery = `
		SELECT count(*) FROM view_requirements
		WHERE author = $1 AND kind = '` + rowAsked + `' AND at >= $2 AND NOT (repo_id = $3 AND owner = $4 AND repo = $5 AND number = $6)`

	leftQuery = `
		SELECT data, number, event FROM view_requirements
		WHERE author = $1 AND kind = '` + rowLeft + `' AND repo_id = $2 AND owner = $3 AND repo = $4 ORDER BY event`

	voiceQuery = `
		SELECT count(*), coalesce(max(at), 0) FROM view_requirements WHERE author = $1 AND kind = '` + rowVoice + `' AND at >= $2`
)

// Answers lists the answers to questions on the design that count in a repository, the oldest first. An answer whose
// evidence a merged pull request removed counts no more.
func (l *Ledger) Answers(ctx context.Context, repo Repo) (list []record.Answer, err error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return nil, err
	}
	rows, err := l.read.QueryContext(ctx, answersQuery, key.ID, key.Owner, key.Name)
	if err != nil {
		return nil, fmt.Errorf("read answers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var data string
		var at, event int64
		var number int
		if err := rows.Scan(&data, &at, &number, &event); err != nil {
			return nil, fmt.Errorf("read answers: %w", err)
		}
		a, err := record.ReadRequirement[record.Answer](event, []byte(data))
		if err != nil {
			return nil, err
		}
		a.At, a.Number = time.UnixMilli(at).UTC(), number
		list = append(list, a)
	}
	return list, rows.Err()
}

// Asked counts the questions on the design that were shown to an author since a time, in other pull requests than this
// one.
func (l *Ledger) Asked(ctx context.Context, author string, since time.Time, repo Repo, number int) (n int, err error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return 0, err
	}
	err = l.read.QueryRowContext(ctx, askedQuery, strings.ToLower(author), millis(since), key.ID, key.Owner, key.Name, number).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count questions: %w", err)
	}
	return n, nil
}

// LeftOpen counts the merged pull requests of an author in which a question was open, by "component topic".
func (l *Ledger) LeftOpen(ctx context.Context, repo Repo, author string) (map[string]int, error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return nil, err
	}
	rows, err := l.read.QueryContext(ctx, leftQuery, strings.ToLower(author), key.ID, key.Owner, key.Name)
	if err != nil {
		return nil, fmt.Errorf("read open decisions: %w", err)
	}
	defer rows.Close()
	pulls, left := map[string]bool{}, map[string]int{}
	for rows.Next() {
		var data string
		var number int
		var event int64
		if err := rows.Scan(&data, &number, &event); err != nil {
			return nil, fmt.Errorf("read open decisions: %w", err)
		}
		q, err := record.ReadRequirement[record.Question](event, []byte(data))
		if err != nil {
			return nil, err
		}
		about := q.Component + " " + q.Topic
		if in := fmt.Sprintf("%s#%d", about, number); !pulls[in] {
			pulls[in] = true
			left[about]++
		}
	}
	return left, rows.Err()
}

// Voices returns in how many pull requests a person or team was asked for advice since a time, and when last; zero for
// never.
func (l *Ledger) Voices(ctx context.Context, who string, since time.Time) (n int, last time.Time, err error) {
	var at int64
	if err := l.read.QueryRowContext(ctx, voiceQuery, strings.ToLower(who), millis(since)).Scan(&n, &at); err != nil {
		return 0, last, fmt.Errorf("count mentions: %w", err)
	}
	if at > 0 {
		last = time.UnixMilli(at).UTC()
	}
	return n, last, nil
}

// A champion is asked in at most so many pull requests in so long.
const (
	voicePeriod = 7 * 24 * time.Hour
	voiceLimit  = 5
)

// NextVoice returns the champion whose turn it is: the one whose last mention is the oldest, of those with fewer than
// five in the last seven days. It is empty if there is none. Nobody is asked about their own change.
func (l *Ledger) NextVoice(ctx context.Context, champions []string, author string, now time.Time) (string, error) {
	best, oldest := "", time.Time{}
	for _, name := range champions {
		if strings.EqualFold(strings.TrimPrefix(name, "@"), author) {
			continue
		}
		n, last, err := l.Voices(ctx, name, now.Add(-voicePeriod))
		if err != nil {
			return "", err
		}
		if n < voiceLimit && (best == "" || last.Before(oldest)) {
			best, oldest = name, last
		}
	}
	return best, nil
}
