package app_test

import (
	"testing"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// TestThroughAPooler runs the App through a pgbouncer in transaction mode, where no session is one's own: without LISTEN,
// prepared statements and locks of a session.
func TestThroughAPooler(t *testing.T) {
	t.Parallel()
	at := pgtest.Pooler(t, pgtest.Database(t))
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	s.restart(func() { s.Settings.Database = at })
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.becomes(n, "failure", "1 new finding")
	s.said(n, "hubot", "/secbydesign accept "+s.id(n)+" until=30d"+because, "is accepted until")
	s.becomes(n, "success", "1 accepted")
	s.push(n, "change", map[string]string{"b.py": "b = 1\n" + leak(2)})
	s.becomes(n, "failure", "1 new finding")
	s.restart(func() {})
	s.repo.Commit("change", s.base, "rewritten", map[string]string{"a.py": "a = 1\n" + leak(1)}) // the secret must leave the history
	s.repo.SyncPull(n)
	s.becomes(n, "success", "1 accepted")
	s.noDuplicates(n)
	if whole, text := s.verify(app.Audit{DataDir: s.Settings.DataDir, Database: at}); !whole {
		t.Errorf("the record is not whole:\n%s", text)
	}
}

// TestMigrateThroughAPooler moves an installation through a pgbouncer.
func TestMigrateThroughAPooler(t *testing.T) {
	t.Parallel()
	direct := pgtest.Database(t)
	at := pgtest.Pooler(t, direct)
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.reviewed(n)
	s.want(n, "neutral", "a.py:2 open")
	s.restart(func() {
		must(t, app.Migrate(t.Context(), t.Output(), app.Migration{DataDir: s.Settings.DataDir, To: at}))
		s.Settings.Database = direct
	})
	s.repo.Commit("change", s.base, "rewritten", map[string]string{"b.py": "b = 1\n"})
	s.repo.SyncPull(n)
	s.reviewed(n)
	s.want(n, "success", "a.py settled")
	s.noDuplicates(n)
}
