package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// reviewed returns a ledger with reviews of the last 90 days, in 50 repositories of one organisation. Each review
// shows two findings of ten rules, and every tenth comes with a decision and an opinion.
func reviewed(b *testing.B, n int) (*Ledger, time.Time) {
	b.Helper()
	l, err := Open(b.Context(), "sqlite:"+b.TempDir()+"/l.db")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	for from := 0; from < n; from += 500 {
		err := l.Tx(b.Context(), func(tx *sql.Tx) error {
			for i := from; i < min(n, from+500); i++ {
				id := int64(1 + i%50)
				at := now.AddDate(0, 0, -89).Add(time.Duration(i) * (89 * 24 * time.Hour) / time.Duration(n))
				e := Event{At: at, RepoID: id, Owner: "acme", Repo: fmt.Sprint("shop", id), Number: 1 + i/200, Head: "h"}
				if i < 50 {
					if err := l.Name(b.Context(), tx, id, "acme", e.Repo); err != nil {
						return err
					}
				}
				for _, one := range eventsOf(b, i) {
					e.Kind, e.Data = one.kind, one.data
					if err := l.RecordTx(b.Context(), tx, e); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return l, now
}

type written struct {
	kind string
	data json.RawMessage
}

func eventsOf(b *testing.B, i int) (list []written) {
	add := func(kind string, v any) {
		data, err := json.Marshal(v)
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, written{kind, data})
	}
	var r record.Review
	for j := range 2 {
		r.Findings = append(r.Findings, record.Finding{
			Fingerprint: fmt.Sprintf("%026d:1", i+j), Rule: fmt.Sprint("gosec/G", (i+j)%10), Path: "a.go", State: scanners.New, Shown: true,
		})
	}
	add(record.Started, struct{}{})
	add(record.Finished, r)
	if f := r.Findings[0]; i%10 == 0 {
		add(record.DecisionMade, record.DecisionStep{Decision: &decision.Decision{ID: fmt.Sprint("A-", i), Verb: "accept", Fingerprint: f.Fingerprint, Rule: f.Rule, Path: f.Path, Number: 1 + i/200}})
		add(record.NotUseful, record.Opinion{Fingerprint: f.Fingerprint, Rule: f.Rule, Write: true})
	}
	return list
}

// BenchmarkReviewLedger measures the ledger's reads and writes for one review: they must take as long after
// 100,000 reviews as after 100.
func BenchmarkReviewLedger(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint("reviews=", n), func(b *testing.B) {
			l, now := reviewed(b, n)
			ctx, repo := b.Context(), Repo{ID: 7, Owner: "acme", Name: "shop7"}
			since := now.AddDate(0, 0, -90)
			steps := []struct {
				name string
				do   func(ctx context.Context, i int) error
			}{
				{"history", func(ctx context.Context, _ int) error {
					_, err := l.Events(ctx, Filter{RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name, Number: 1})
					return err
				}},
				{"decisions", func(ctx context.Context, _ int) error {
					_, err := l.Decisions(ctx, repo, Which{Contents: []string{fmt.Sprintf("%026d", 6), fmt.Sprintf("%026d", 56)}})
					return err
				}},
				{"rule", func(ctx context.Context, _ int) error {
					_, err := l.RuleUse(ctx, "acme", "gosec/G3", since, since)
					return err
				}},
				{"rules", func(ctx context.Context, _ int) error {
					_, err := l.RulesShown(ctx, "acme", "gosec", since)
					return err
				}},
				{"last", func(ctx context.Context, _ int) error {
					_, err := l.LastReview(ctx, repo, 1)
					return err
				}},
				{"record", func(ctx context.Context, i int) error {
					return l.Record(ctx, Event{At: now, Kind: record.Finished, RepoID: 7, Owner: "acme", Repo: "shop7", Number: 2_000_000 + i, Head: "h", Data: eventsOf(b, i+1)[1].data})
				}},
			}
			for _, s := range steps {
				b.Run(s.name, func(b *testing.B) {
					for i := 0; b.Loop(); i++ {
						if err := s.do(ctx, i); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}
