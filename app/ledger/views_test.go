package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// dump returns the rows of all views.
func dump(t *testing.T, l *Ledger) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, table := range viewTables {
		rows, err := l.read.QueryContext(t.Context(), `SELECT * FROM `+table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			row, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			out[table] = append(out[table], fmt.Sprint(row...))
		}
		rows.Close()
		slices.Sort(out[table])
	}
	return out
}

// A history writes random events, and tracks the names of repositories.
type history struct {
	t     *testing.T
	r     *rand.Rand
	l     *Ledger
	names map[int64][2]string
	at    time.Time
	made  []string // ids of decisions
}

func (h *history) pick(list ...string) string { return list[h.r.IntN(len(list))] }

func (h *history) write(id int64, kind string, number int, data any) {
	b, err := json.Marshal(data)
	if err != nil {
		h.t.Fatal(err)
	}
	e := Event{At: h.at, Kind: kind, RepoID: id, Owner: h.names[id][0], Repo: h.names[id][1], Number: number, Head: "h", Data: b}
	if h.r.IntN(4) == 0 {
		e.RepoID = 0 // as older versions wrote it
	}
	if err := h.l.Record(h.t.Context(), e); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) step() {
	ids := slices.Sorted(maps.Keys(h.names))
	id := ids[h.r.IntN(len(ids))]
	number := 1 + h.r.IntN(4)
	h.at = h.at.Add(time.Duration(h.r.IntN(40)) * time.Hour)
	finding := func() record.Finding {
		return record.Finding{
			Fingerprint: h.pick("a:1", "a:2", "b:1", "c:1"), Rule: h.pick("gosec/G1", "gosec/G2", "osv/CVE-1"), Path: h.pick("a.go", "b.go"),
			State: scanners.State(h.pick("new", "new", "unchanged")), Shown: h.r.IntN(3) > 0,
			CWE: h.pick("", "CWE-89", "CWE-79"), Owners: []string{h.pick("@acme/a", "@Acme/b", "@globex/a", "@mona", "x@y.example")},
		}
	}
	switch h.r.IntN(13) {
	case 9:
		m := record.Merge{Into: "main", Default: true}
		for range h.r.IntN(3) {
			m.Fixed = append(m.Fixed, finding())
		}
		h.write(id, record.Merged, number, m)
	case 10:
		rule := finding().Rule
		kind := h.pick(record.RuleDemoted, record.RuleRestored)
		state := map[string]string{record.RuleDemoted: h.pick(record.NoiseObserved, record.NoiseSilent)}[kind]
		h.write(id, kind, number, record.RuleChange{Rule: rule, State: state, Version: h.pick("", "1", "2"), Verdicts: h.r.IntN(9), Why: "w"})
	case 11:
		switch c := h.pick("C-AAAAAAAA", "C-BBBBBBBB"); h.pick("start", "end", "met", "merge") {
		case "start":
			h.write(id, record.CampaignStarted, number, record.Campaign{ID: c, Team: "@acme/a", Until: h.at.AddDate(0, 0, h.r.IntN(90))})
		case "end":
			h.write(id, record.CampaignEnded, number, record.CampaignEnd{ID: c})
		case "met":
			f := finding()
			f.State, f.Campaigns = scanners.Unchanged, []string{c}
			h.write(id, record.Finished, number, record.Review{Findings: []record.Finding{f}})
		default:
			h.write(id, record.Merged, number, record.Merge{Gone: []record.Finding{finding()}, Fixed: []record.Finding{finding()}})
		}
	case 12:
		f := finding()
		h.write(id, record.LessonShown, number, record.Lessons{List: record.LessonsOf(f.CWE, "", "acme", f.Owners)})
	case 8:
		q := record.Question{ID: h.pick("Q1", "Q2"), Topic: h.pick("access", "public"), Component: "api", Author: h.pick("mona", "Ted")}
		switch kind := h.pick(requirementKinds...); kind {
		case record.RequirementAnswered:
			h.write(id, kind, number, record.Answer{ID: h.pick("D-1", "D-2", "D-3"), Topic: q.Topic, Component: "api", Who: "mona"})
		case record.VoiceAsked:
			h.write(id, kind, number, record.Voice{Role: "champion", Who: []string{h.pick("@Anna", "@ben")}})
		case record.RequirementMerged:
			q.Reopens = h.pick("", "D-1")
			fallthrough
		default:
			h.write(id, kind, number, q)
		}
	case 0, 1, 2, 3:
		var r record.Review
		if h.r.IntN(3) == 0 {
			r.Context = &record.Context{Scanners: []record.Scanner{{Name: h.pick("gosec", "osv"), State: record.Ran, Version: h.pick("", "1", "2")}}}
		}
		for range h.r.IntN(5) {
			f := finding()
			if h.r.IntN(3) == 0 && len(h.made) > 0 {
				f.Decided = h.pick(append(h.made, "a.go:3")...)
			}
			r.Findings = append(r.Findings, f)
		}
		h.write(id, record.Finished, number, r)
	case 4:
		f := finding()
		h.write(id, record.NotUseful, number, record.Opinion{Fingerprint: f.Fingerprint, Rule: f.Rule, Who: h.pick("Mona", "ted", "eve"), Write: h.r.IntN(3) > 0, Author: h.r.IntN(3) == 0})
	case 5:
		f := finding()
		d := decision.Decision{ID: fmt.Sprint("A-", h.r.IntN(9)), Verb: h.pick("accept", "fp"), Fingerprint: f.Fingerprint, Rule: f.Rule, Number: number, Needs: h.r.IntN(3), Asked: "mona"}
		h.made = append(h.made, d.ID)
		h.write(id, record.DecisionMade, number, record.DecisionStep{Decision: &d, Who: "mona"})
	case 6:
		if len(h.made) > 0 {
			h.write(id, h.pick(record.DecisionConfirmed, record.DecisionEnded), number, record.DecisionStep{ID: h.pick(h.made...), Who: h.pick("ted", "eve", "", "secbydesign[bot]"), Why: "w"})
		}
	case 7:
		h.rename(id, [2]string{h.pick("acme", "globex"), fmt.Sprint("shop", h.r.IntN(9))})
	}
}

// rename gives a repository a name that no other one has.
func (h *history) rename(id int64, name [2]string) {
	for _, other := range h.names {
		if other == name {
			return
		}
	}
	h.names[id] = name
	err := h.l.Tx(h.t.Context(), func(tx *sql.Tx) error { return h.l.Name(h.t.Context(), tx, id, name[0], name[1]) })
	if err != nil {
		h.t.Fatal(err)
	}
}

// TestRebuiltIsKept checks on random histories that the stored views equal those rebuilt from the events, and
// that they agree with the events.
func TestRebuiltIsKept(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		h := &history{t: t, r: rand.New(rand.NewPCG(seed, 1)), l: openNew(t), names: map[int64][2]string{}, at: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
		for id := range int64(3) {
			h.rename(id+1, [2]string{"acme", fmt.Sprint("first", id)})
		}
		for range 150 {
			h.step()
		}
		ctx := t.Context()
		for _, owner := range []string{"acme", "Globex", "nobody"} {
			since, recent := h.at.AddDate(0, 0, -60), h.at.AddDate(0, 0, -30)
			for _, rule := range []string{"gosec/G1", "gosec/G2", "osv/CVE-1"} {
				kept, err := h.l.RuleUse(ctx, owner, rule, since, recent)
				folded, errFold := h.l.foldRuleUse(ctx, owner, rule, since, recent)
				if err != nil || errFold != nil || !reflect.DeepEqual(kept, folded) {
					t.Fatalf("history %d, %s in %s: kept %+v, %v; the events say %+v, %v", seed, rule, owner, kept, err, folded, errFold)
				}
			}
			kept, err := h.l.RulesShown(ctx, owner, "gosec", since)
			folded, errFold := h.l.foldRulesShown(ctx, owner, "gosec", since)
			slices.Sort(kept)
			slices.Sort(folded)
			if err != nil || errFold != nil || !slices.Equal(kept, folded) {
				t.Fatalf("history %d, in %s: kept %q, %v; the events say %q, %v", seed, owner, kept, err, folded, errFold)
			}
		}
		for id := range h.names {
			h.decisionsAgree(ctx, Repo{ID: id})
			h.verdictsAgree(ctx, Repo{ID: id})
		}
		before, url := dump(t, h.l), urlOf(h.l)
		if changed, err := Rebuild(ctx, url); err != nil || changed {
			t.Errorf("history %d: rebuilt, the views are others: %v, %v", seed, changed, err)
		}
		if after := dump(t, h.l); !reflect.DeepEqual(before, after) {
			t.Fatalf("history %d: kept\n%s\nrebuilt\n%s", seed, lines(before), lines(after))
		}
		h.damage()
		if changed, err := Rebuild(ctx, url); err != nil || !changed {
			t.Errorf("history %d: rebuilt after damage: %v, %v", seed, changed, err)
		}
		h.step() // the views are kept from there on
		if changed, err := Rebuild(ctx, url); err != nil || changed {
			t.Errorf("history %d: rebuilt again: %v, %v", seed, changed, err)
		}
	}
}

// damage deletes, changes or adds a row.
func (h *history) damage() {
	statement := []string{
		`DELETE FROM view_decisions WHERE made = (SELECT max(made) FROM view_decisions)`,
		`UPDATE view_rule_days SET findings = findings + 1`,
		`INSERT INTO view_counted VALUES (99, '', '', 1, 'A-22222222')`,
	}[h.r.IntN(3)]
	if _, err := h.l.write.ExecContext(h.t.Context(), statement); err != nil {
		h.t.Fatal(err)
	}
}

// TestNobodySeesHalfARebuild holds that readers and writers of the database use the stored views until a rebuild ends.
func TestNobodySeesHalfARebuild(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h := &history{t: t, r: rand.New(rand.NewPCG(1, 2)), l: openNew(t), names: map[int64][2]string{}, at: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	h.rename(1, [2]string{"acme", "first"})
	h.rename(2, [2]string{"acme", "second"})
	h.rename(3, [2]string{"acme", "third"})
	for range 150 {
		h.step()
	}
	before := dump(t, h.l)
	other, err := Open(ctx, urlOf(h.l))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Tx(ctx, func(tx *sql.Tx) error { return other.shadow(ctx, tx) }); err != nil {
		t.Fatal(err)
	}
	if err := other.shadowTx(ctx, func(tx *sql.Tx) error { _, err := catchUp(ctx, tx); return err }); err != nil {
		t.Fatal(err)
	}
	if after := dump(t, h.l); !reflect.DeepEqual(before, after) {
		t.Fatalf("in the middle of a rebuild others read\n%s\ninstead of\n%s", lines(after), lines(before))
	}
	for range 30 {
		h.step()
	}
	before = dump(t, h.l)
	var changed bool
	err = other.shadowTx(ctx, func(tx *sql.Tx) (err error) { changed, err = other.replaceViews(ctx, tx); return err })
	if after := dump(t, h.l); err != nil || changed || !reflect.DeepEqual(before, after) {
		t.Errorf("it differs, though all was kept: %v, %v\n%s\ninstead of\n%s", changed, err, lines(after), lines(before))
	}
}

func lines(tables map[string][]string) string {
	var b strings.Builder
	for _, table := range viewTables {
		b.WriteString(table + "\n" + strings.Join(tables[table], "\n") + "\n")
	}
	return b.String()
}

// decisionsAgree compares the stored decisions of a repository with its events.
func (h *history) decisionsAgree(ctx context.Context, repo Repo) {
	h.t.Helper()
	var steps []decision.Step
	var last = map[int]map[string]bool{} // decisions that count, by pull request
	events, err := h.l.Events(ctx, Filter{RepoID: repo.ID})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range events {
		switch e.Kind {
		case record.DecisionMade, record.DecisionConfirmed, record.DecisionEnded:
			s, err := record.ReadStep(e.ID, e.Kind, e.At, e.Data)
			if err != nil {
				h.t.Fatal(err)
			}
			steps = append(steps, s)
		case record.Finished:
			r, err := review(e)
			if err != nil {
				h.t.Fatal(err)
			}
			last[e.Number] = map[string]bool{}
			for _, f := range r.Findings {
				if f.State == scanners.New && strings.HasPrefix(f.Decided, "A-") {
					last[e.Number][f.Decided] = true
				}
			}
		}
	}
	folded := decision.Fold(steps)
	kept, err := h.l.Decisions(ctx, repo, Which{IDs: h.made})
	if err != nil || len(kept) != len(folded) || len(kept) > 0 && !reflect.DeepEqual(kept, folded) {
		h.t.Fatalf("kept %+v, %v; the events say %+v", kept, err, folded)
	}
	for _, id := range h.made {
		var want []int
		for _, n := range slices.Sorted(maps.Keys(last)) {
			if last[n][id] {
				want = append(want, n)
			}
		}
		if got, err := h.l.Counted(ctx, repo, id); err != nil || !slices.Equal(got, want) {
			h.t.Fatalf("%s counts in %v, %v; the events say %v", id, got, err, want)
		}
	}
	for _, content := range []string{"a", "b"} {
		got, err := h.l.Decisions(ctx, repo, Which{Contents: []string{content}})
		want := slices.DeleteFunc(slices.Clone(folded), func(d decision.Decision) bool { return decision.Content(d.Fingerprint) != content })
		if err != nil || len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
			h.t.Fatalf("about %s: %+v, %v; the events say %+v", content, got, err, want)
		}
	}
}
