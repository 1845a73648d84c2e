package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

var errNoiseStop = errors.New("stop")

// noiseCount counts the verdicts on a rule.
func noiseCount(t *testing.T, l *Ledger, repo Repo, rule, version string, since time.Time) (v record.Verdicts) {
	t.Helper()
	_, err := l.MeasureRule(t.Context(), Event{RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name}, rule, version,
		func(_ record.RuleState, _ string, count func(time.Time) (record.Verdicts, error)) (c record.RuleChange, kind string, err error) {
			v, err = count(since)
			return c, "", err
		})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// verdictsAgree counts the verdicts of a repository from its raw events, slowly, and compares them with the views.
func (h *history) verdictsAgree(ctx context.Context, repo Repo) {
	h.t.Helper()
	type verdict struct {
		notUseful    bool
		who, by      string
		number       int
		at           time.Time
		rule, finger string
	}
	events, err := h.l.Events(ctx, Filter{RepoID: repo.ID})
	if err != nil {
		h.t.Fatal(err)
	}
	shown, latest := map[string]bool{}, map[string]verdict{}
	decisions := map[string]decision.Decision{}
	for _, e := range events {
		say := func(rule, finger, who, by string, notUseful bool) {
			name := rule + " " + finger
			if _, known := latest[name]; shown[name] && (who != "" || !known) {
				latest[name] = verdict{notUseful, strings.ToLower(who), by, e.Number, e.At, rule, finger}
			}
		}
		switch e.Kind {
		case record.Finished:
			r, err := review(e)
			if err != nil {
				h.t.Fatal(err)
			}
			for _, f := range r.Findings {
				shown[f.Rule+" "+f.Fingerprint] = shown[f.Rule+" "+f.Fingerprint] || f.Shown && f.State == scanners.New
			}
		case record.NotUseful:
			o, err := record.ReadOpinion(e.ID, e.Data)
			if err != nil {
				h.t.Fatal(err)
			}
			if o.Write {
				say(o.Rule, o.Fingerprint, o.Who, "", true)
			}
		case record.Merged:
			m, err := record.ReadOwnership[record.Merge](e.ID, e.Data)
			if err != nil {
				h.t.Fatal(err)
			}
			for _, f := range m.Fixed {
				say(f.Rule, f.Fingerprint, "", "", false)
			}
		case record.DecisionMade, record.DecisionConfirmed, record.DecisionEnded:
			s, err := record.ReadStep(e.ID, e.Kind, e.At, e.Data)
			if err != nil {
				h.t.Fatal(err)
			}
			var before *decision.Decision
			if d, known := decisions[s.Of()]; known {
				before = &d
			}
			if d, ok := decision.Take(before, s); ok {
				decisions[d.ID] = d
			}
			d, known := decisions[s.Of()]
			name := d.Rule + " " + d.Fingerprint
			switch {
			case !known:
			case e.Kind == record.DecisionEnded:
				if (s.Who == "ted" || s.Who == "eve") && latest[name].by == d.ID {
					delete(latest, name)
				}
			case d.Ended == "" && d.Needs == 0:
				say(d.Rule, d.Fingerprint, d.Asked, d.ID, d.Verb == "fp")
			}
		}
	}
	for _, rule := range []string{"gosec/G1", "gosec/G2", "osv/CVE-1"} {
		for _, days := range []int{10, 60, 1000} {
			since := h.at.AddDate(0, 0, -days)
			var want record.Verdicts
			people, pulls := map[string]bool{}, map[int]bool{}
			for _, v := range latest {
				if v.rule != rule || v.at.Before(since) {
					continue
				}
				if want.All++; v.notUseful {
					want.NotUseful++
					people[v.who], pulls[v.number] = true, true
				}
			}
			want.People, want.Pulls = len(people), len(pulls)
			if got := noiseCountAll(h.t, h.l, repo, rule, since); got != want {
				h.t.Fatalf("%v, %s in %d days: kept %+v; the events say %+v", repo, rule, days, got, want)
			}
		}
	}
}

// noiseCountAll counts the verdicts on all versions.
func noiseCountAll(t *testing.T, l *Ledger, repo Repo, rule string, since time.Time) (v record.Verdicts) {
	t.Helper()
	key, err := repo.key(t.Context(), l.read)
	if err == nil {
		err = l.read.QueryRowContext(t.Context(), noiseCountQuery, key.ID, key.Owner, key.Name, rule, millis(since), "").Scan(&v.All, &v.NotUseful, &v.People, &v.Pulls)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// noisy writes events of one repository.
type noisy struct {
	t    *testing.T
	l    *Ledger
	repo Repo
	at   time.Time
}

func (n *noisy) write(number int, kind string, data any) {
	n.t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		n.t.Fatal(err)
	}
	n.at = n.at.Add(time.Minute)
	e := Event{At: n.at, Kind: kind, RepoID: n.repo.ID, Owner: n.repo.Owner, Repo: n.repo.Name, Number: number, Head: "h", Data: b}
	if err := n.l.Record(n.t.Context(), e); err != nil {
		n.t.Fatal(err)
	}
}

// show has a review show so many findings of gosec/G1, by one version of gosec.
func (n *noisy) show(number, findings int, version string) {
	n.t.Helper()
	r := record.Review{Context: &record.Context{Scanners: []record.Scanner{{Name: "gosec", State: record.Ran, Version: version}}}}
	for i := range findings {
		r.Findings = append(r.Findings, record.Finding{Fingerprint: fmt.Sprint("f:", i), Rule: "gosec/G1", State: scanners.New, Shown: true})
	}
	n.write(number, record.Finished, r)
}

func (n *noisy) opinion(number, finding int, who string, write bool) {
	n.t.Helper()
	n.write(number, record.NotUseful, record.Opinion{Fingerprint: fmt.Sprint("f:", finding), Rule: "gosec/G1", Who: who, Write: write})
}

func openNoisy(t *testing.T) *noisy {
	return &noisy{t: t, l: openNew(t), repo: Repo{ID: 7, Owner: "acme", Name: "shop"}, at: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
}

// TestEachFindingHasOneVerdict is about what counts.
func TestEachFindingHasOneVerdict(t *testing.T) {
	t.Parallel()
	made := func(n *noisy, id, verb, who string, needs int) {
		d := decision.Decision{ID: id, Verb: verb, Fingerprint: "f:1", Rule: "gosec/G1", Number: 1, Needs: needs, Asked: who}
		n.write(1, record.DecisionMade, record.DecisionStep{Decision: &d, Who: who})
	}
	ended := func(n *noisy, id, who string) {
		n.write(1, record.DecisionEnded, record.DecisionStep{ID: id, Who: who})
	}
	for name, tt := range map[string]struct {
		happens func(*noisy)
		want    record.Verdicts
	}{
		"nothing":                       {func(*noisy) {}, record.Verdicts{}},
		"one opinion":                   {func(n *noisy) { n.opinion(1, 1, "ted", true) }, record.Verdicts{All: 1, NotUseful: 1, People: 1, Pulls: 1}},
		"of somebody who may not write": {func(n *noisy) { n.opinion(1, 1, "eve", false) }, record.Verdicts{}},
		"100 times": {func(n *noisy) {
			for range 100 {
				n.opinion(1, 1, "ted", true)
			}
		}, record.Verdicts{All: 1, NotUseful: 1, People: 1, Pulls: 1}},
		"of two people on one finding": {func(n *noisy) { n.opinion(1, 1, "ted", true); n.opinion(1, 1, "ben", true) }, record.Verdicts{All: 1, NotUseful: 1, People: 1, Pulls: 1}},
		"in other letters":             {func(n *noisy) { n.opinion(1, 1, "Ted", true); n.opinion(1, 2, "ted", true) }, record.Verdicts{All: 2, NotUseful: 2, People: 1, Pulls: 1}},
		"on a finding that nobody saw": {func(n *noisy) { n.opinion(1, 77, "ted", true) }, record.Verdicts{}},
		"a false positive":             {func(n *noisy) { made(n, "A-1", "fp", "ted", 0) }, record.Verdicts{All: 1, NotUseful: 1, People: 1, Pulls: 1}},
		"one that waits":               {func(n *noisy) { made(n, "A-1", "fp", "ted", 1) }, record.Verdicts{}},
		"one that was confirmed": {func(n *noisy) {
			made(n, "A-1", "fp", "ted", 1)
			n.write(1, record.DecisionConfirmed, record.DecisionStep{ID: "A-1", Who: "ben"})
		}, record.Verdicts{All: 1, NotUseful: 1, People: 1, Pulls: 1}},
		"one that was revoked":      {func(n *noisy) { made(n, "A-1", "fp", "ted", 0); ended(n, "A-1", "ben") }, record.Verdicts{}},
		"one whose code is gone":    {func(n *noisy) { made(n, "A-1", "fp", "ted", 0); ended(n, "A-1", "") }, record.Verdicts{All: 1, NotUseful: 1, People: 1, Pulls: 1}},
		"accepted":                  {func(n *noisy) { made(n, "A-1", "accept", "ted", 0) }, record.Verdicts{All: 1}},
		"accepted after an opinion": {func(n *noisy) { n.opinion(1, 1, "ted", true); made(n, "A-1", "accept", "ben", 0) }, record.Verdicts{All: 1}},
		"an opinion after that":     {func(n *noisy) { made(n, "A-1", "accept", "ben", 0); n.opinion(1, 1, "ted", true) }, record.Verdicts{All: 1, NotUseful: 1, People: 1, Pulls: 1}},
		"and the acceptance is ended": {func(n *noisy) {
			made(n, "A-1", "accept", "ben", 0)
			n.opinion(1, 1, "ted", true)
			ended(n, "A-1", "ben")
		}, record.Verdicts{All: 1, NotUseful: 1, People: 1, Pulls: 1}},
		"fixed before the merge": {func(n *noisy) {
			n.write(1, record.Merged, record.Merge{Fixed: []record.Finding{{Fingerprint: "f:1", Rule: "gosec/G1"}}})
		}, record.Verdicts{All: 1}},
		"fixed, but not wanted before": {func(n *noisy) {
			n.opinion(1, 1, "ted", true)
			n.write(1, record.Merged, record.Merge{Fixed: []record.Finding{{Fingerprint: "f:1", Rule: "gosec/G1"}}})
		}, record.Verdicts{All: 1, NotUseful: 1, People: 1, Pulls: 1}},
		"on the former version": {func(n *noisy) { n.opinion(1, 1, "ted", true); n.show(1, 5, "2.0"); n.opinion(1, 2, "ben", true) }, record.Verdicts{All: 1, NotUseful: 1, People: 1, Pulls: 1}},
	} {
		n := openNoisy(t)
		n.show(1, 5, "1.0")
		tt.happens(n)
		version := "1.0"
		if name == "on the former version" {
			version = ""
		}
		if got := noiseCount(t, n.l, n.repo, "gosec/G1", version, time.Time{}); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// TestAStateChangesOnce has many processes measure a rule at the same time.
func TestAStateChangesOnce(t *testing.T) {
	t.Parallel()
	n := openNoisy(t)
	if err := n.l.Tx(t.Context(), func(tx *sql.Tx) error { return n.l.Name(t.Context(), tx, 7, "acme", "shop") }); err != nil {
		t.Fatal(err)
	}
	n.show(1, 30, "1.0")
	for i := range 24 {
		n.opinion(1, i, fmt.Sprint("p", i%2), true)
	}
	demote := func(s record.RuleState, version string, count func(time.Time) (record.Verdicts, error)) (record.RuleChange, string, error) {
		v, err := count(time.Time{})
		if s.State != record.NoiseShown || err != nil || version != "1.0" || v.NotUseful != 24 || v.People != 2 {
			return record.RuleChange{}, "", err
		}
		return record.RuleChange{Rule: s.Rule, State: record.NoiseSilent, Verdicts: v.All, NotUseful: v.NotUseful, People: v.People, Version: version, Why: "24 of 24."}, record.RuleDemoted, nil
	}
	other, err := Open(t.Context(), urlOf(n.l))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var wait sync.WaitGroup
	for i := range 20 {
		l := []*Ledger{n.l, other}[i%2]
		wait.Go(func() {
			s, err := l.MeasureRule(t.Context(), Event{At: n.at, RepoID: 7, Owner: "acme", Repo: "shop", Number: i}, "gosec/G1", "", demote)
			if err != nil || s.State != record.NoiseSilent || s.Times != 1 || !s.Since.Equal(n.at) {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
	wait.Wait()
	events, err := n.l.Events(t.Context(), Filter{Kind: record.RuleDemoted})
	if err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
	for _, owner := range []string{"", "Acme"} {
		list, err := n.l.RuleStates(t.Context(), owner, "")
		if err != nil || len(list) != 1 || list[0].Rule != "gosec/G1" || list[0].Verdicts != (record.Verdicts{All: 24, NotUseful: 24, People: 2}) || list[0].RepoID != 7 {
			t.Errorf("of %q: %+v, %v", owner, list, err)
		}
	}
	rules, err := n.l.RuleNoise(t.Context(), "ACME", n.at.Add(-time.Hour))
	if want := (record.RuleNoise{Rule: "gosec/G1", Repos: 1, Verdicts: record.Verdicts{All: 24, NotUseful: 24, People: 2, Pulls: 1}}); err != nil || len(rules) != 1 || rules[0] != want {
		t.Errorf("in the organisation: %+v, %v", rules, err)
	}
	if rules, err := n.l.RuleNoise(t.Context(), "acme", n.at.Add(time.Hour)); err != nil || len(rules) != 0 {
		t.Errorf("after that: %+v, %v", rules, err)
	}
	if list, err := n.l.RuleStates(t.Context(), "globex", ""); err != nil || len(list) != 0 {
		t.Errorf("of another: %+v, %v", list, err)
	}
	// What cannot be decided changes nothing.
	if _, err := n.l.MeasureRule(t.Context(), Event{RepoID: 7, Owner: "acme", Repo: "shop"}, "gosec/G1", "", func(record.RuleState, string, func(time.Time) (record.Verdicts, error)) (record.RuleChange, string, error) {
		return record.RuleChange{}, "", errNoiseStop
	}); !errors.Is(err, errNoiseStop) {
		t.Error(err)
	}
}

// TestNoiseIsReadByIndex holds that no query of a review reads a whole table.
func TestNoiseIsReadByIndex(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	for _, q := range []struct {
		query, index string
		args         int
	}{
		{noiseCountQuery, "USING COVERING INDEX view_noise_verdicts_at (repo_id=? AND owner=? AND repo=? AND rule=? AND at>?)", 6},
		{noiseStateQuery, "USING PRIMARY KEY (repo_id=? AND owner=? AND repo=? AND rule=?)", 4},
		{noiseListQuery, "USING INDEX view_noise_states_state (state=?)", 2},
	} {
		plan := planOf(t, l, q.query, q.args)
		if strings.Contains(plan, "SCAN") || !strings.Contains(plan, q.index) {
			t.Errorf("%s\nis planned as\n%s", q.query, plan)
		}
	}
}
