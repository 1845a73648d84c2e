package tally_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger"
)

// TestLedgerKeepsTheSame writes random histories to a database, each in the repositories of its own organisation, which
// is then renamed. Lists and sums are those of the stores in memory; a rebuild changes nothing; damage is repaired.
func TestLedgerKeepsTheSame(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "l.db")
	l, err := ledger.Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const histories = storedHistories
	var all []*history
	for seed := range uint64(histories) {
		h := newHistory(t, 100_000+seed, 16)
		all = append(all, h)
		if err := l.Tx(ctx, func(tx *sql.Tx) error { return h.write(l, tx, int64(seed)) }); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		t.Helper()
		compared := 0
		for seed, h := range all {
			compared += h.agrees(l, int64(seed), when)
		}
		if compared < histories {
			t.Errorf("%s: only %d entries and sums were compared", when, compared)
		}
	}
	check("as written")
	if changed, err := ledger.Rebuild(ctx, url); err != nil || changed {
		t.Errorf("rebuilt: changed %v, %v", changed, err)
	}
	check("rebuilt")
	db, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, damage := range []string{
		`DELETE FROM view_team_lists WHERE team = '@acme/web'`,
		`UPDATE view_team_days SET n = n + 1 WHERE team = '*'`,
		`UPDATE view_team_subjects SET data = '{}' WHERE kind = 'debt'`,
		`DELETE FROM view_teams`,
	} {
		if _, err := db.ExecContext(ctx, damage); err != nil {
			t.Fatal(err)
		}
	}
	if changed, err := ledger.Rebuild(ctx, url); err != nil || !changed {
		t.Errorf("rebuilt after damage: changed %v, %v", changed, err)
	}
	check("repaired")
}

// of returns the id, the owner and the name of a repository of the history with a number.
func of(seed, repo int64, renamed bool) (id int64, owner, name string) {
	id, owner, name = 2*seed+repo, fmt.Sprint("org", seed), fmt.Sprint("shop", repo)
	if renamed {
		owner, name = fmt.Sprint("Renamed", seed), "new"+name
	}
	return id, owner, name
}

// write writes the events. Some lack the id of their repository, in some histories until it is known; in the middle the
// repositories move to another organisation.
func (h *history) write(l *ledger.Ledger, tx *sql.Tx, seed int64) error {
	named, renamed := len(h.events)/3*int(seed%2), len(h.events)/2
	name := func(renamed bool) error {
		for _, repo := range h.repos {
			id, owner, name := of(seed, repo, renamed)
			if err := l.Name(h.t.Context(), tx, id, owner, name); err != nil {
				return err
			}
		}
		return nil
	}
	for i, e := range h.events {
		if i == named {
			if err := name(false); err != nil {
				return err
			}
		}
		if i == renamed {
			if err := name(true); err != nil {
				return err
			}
		}
		out := ledger.Event{At: e.At, Kind: e.Kind, Number: e.Number, Head: e.Head, Data: e.Data}
		out.RepoID, out.Owner, out.Repo = of(seed, e.repo, i >= renamed)
		if i < named || i%4 == 0 {
			out.RepoID = 0
		}
		if err := l.RecordTx(h.t.Context(), tx, out); err != nil {
			return err
		}
	}
	return nil
}

// agrees compares the database with stores in memory, and returns how much there was.
func (h *history) agrees(l *ledger.Ledger, seed int64, when string) (n int) {
	h.t.Helper()
	ctx := h.t.Context()
	now := h.at.AddDate(0, 0, 9)
	repos := h.take()
	_, org, _ := of(seed, 1, true)
	teams, err := l.Teams(ctx, strings.ToUpper(org))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, team := range everybody {
		entries, err := l.TeamList(ctx, org, strings.ToUpper(team), now)
		if err != nil {
			h.t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			if e.Owner != strings.ToLower(org) || !strings.HasPrefix(e.Repo, "newshop") {
				h.t.Errorf("history %d, %s: an entry is in %s/%s", seed, when, e.Owner, e.Repo)
			}
			e.RepoID -= 2 * seed
			got = append(got, line(e))
		}
		slices.Sort(got)
		if want := list(h.t, repos, team, now); !slices.Equal(got, want) {
			h.t.Fatalf("history %d, %s: the list of %q is\n%q\nwant\n%q", seed, when, team, got, want)
		}
		sums, err := l.TeamObservations(ctx, org, team, now.AddDate(0, 0, -20))
		if err != nil {
			h.t.Fatal(err)
		}
		if want := observations(repos, team, day(now)-20); !reflect.DeepEqual(sums, want) {
			h.t.Fatalf("history %d, %s: %q has\n%v\nwant\n%v", seed, when, team, sums, want)
		}
		if known := slices.Contains(teams, team); team != "*" && known != (len(observations(repos, team, 0))+len(got) > 0) {
			h.t.Errorf("history %d, %s: %q is a team: %v", seed, when, team, known)
		}
		n += len(got) + len(sums)
	}
	return n
}
