package app_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// TestMigrate moves an installation from SQLite to Postgres, with reviews that were done, a decision, a review and a command
// that wait. The App goes on at Postgres as if nothing had happened.
func TestMigrate(t *testing.T) {
	t.Parallel()
	to := pgtest.Database(t)
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	decided := s.open("decided", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.becomes(decided, "failure", "1 new finding")
	s.said(decided, "hubot", "/secbydesign accept "+s.id(decided)+" until=30d"+because, "is accepted until")
	s.becomes(decided, "success", "1 accepted")
	open := s.open("open", map[string]string{"b.py": "b = 1\n" + leak(2)})
	s.becomes(open, "failure", "1 new finding")
	id := s.id(open)

	role := s.Settings.Role
	s.restart(func() { s.Settings.Role = "web" })
	waits := s.open("waits", map[string]string{"c.py": "c = 1\n" + leak(3)})
	s.GitHub.Note("acme", "shop", open, "hubot", "/secbydesign accept "+id+" until=30d"+because)
	s.GitHub.Settle()
	before := s.look(decided)
	var said strings.Builder
	s.restart(func() {
		file := filepath.Join(t.TempDir(), "url")
		must(t, os.WriteFile(file, []byte(to+"\n"), 0o600))
		must(t, app.Migrate(t.Context(), &said, app.Migration{DataDir: s.Settings.DataDir, ToFile: file}))
		s.Settings.Database, s.Settings.Role = to, role
	})
	for _, want := range []string{"river_job", "acme: ", "same heads of the chains", "SECBYDESIGN_DATABASE_URL"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it says\n%s\nwant %q in it", &said, want)
		}
	}

	s.becomes(waits, "failure", "1 new finding")
	s.becomes(open, "success", "1 accepted")
	if after := s.look(decided); !reflect.DeepEqual(before, after) {
		t.Errorf("a pull request that was reviewed before has changed from\n%v\nto\n%v", before, after)
	}
	s.push(decided, "decided", map[string]string{"d.py": "d = 1\n"})
	s.becomes(decided, "success", "1 accepted")
	for _, n := range []int{decided, open, waits} {
		s.noDuplicates(n)
	}
	if whole, text := s.verify(app.Audit{DataDir: s.Settings.DataDir, Database: to}); !whole || !strings.Contains(text, "acme: whole") {
		t.Errorf("the record is not whole at Postgres:\n%s", text)
	}

	// Nobody goes on with the file by mistake.
	must(t, s.Stop())
	s.Settings.Database = ""
	start := func() error {
		must(t, s.Start(context.Background(), zerolog.New(s.logs)))
		resp, err := http.Get(s.Address() + "/healthz")
		if err != nil {
			return errors.Join(err, s.Stop())
		}
		return resp.Body.Close()
	}
	if err := start(); err == nil || !strings.Contains(err.Error(), "went to the Postgres database") {
		t.Errorf("a start on the file says %v", err)
	}
	s.Settings.Database = to
	must(t, start())
}

// TestMigrateRefuses gives the command what it cannot use. The errors show no password.
func TestMigrateRefuses(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	must(t, os.WriteFile(empty, nil, 0o600))
	for name, tt := range map[string]struct {
		m    app.Migration
		says string
	}{
		"no target":       {app.Migration{}, "SECBYDESIGN_MIGRATE_TO"},
		"no file":         {app.Migration{ToFile: "postgres://u:hunter2@h/d"}, "--to-file names a file that does not exist"},
		"an empty file":   {app.Migration{ToFile: empty}, "--to-file names a file that is empty"},
		"no source":       {app.Migration{To: "postgres://u:hunter2@127.0.0.1:1/d"}, "there is no database at "},
		"the wrong way":   {app.Migration{From: "postgres://u:hunter2@h/d", To: "sqlite:x"}, "from SQLite to Postgres only"},
		"another scheme":  {app.Migration{From: "mysql://u:hunter2@h/d", To: "postgres://h/d"}, "SECBYDESIGN_DATABASE_URL"},
		"no scheme":       {app.Migration{From: "sqlite:", To: "postgres://h/d"}, "SECBYDESIGN_DATABASE_URL"},
		"a target's name": {app.Migration{To: "secbydesign:hunter2@h/d"}, "there is no database at "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.m.DataDir = t.TempDir()
			err := app.Migrate(t.Context(), &strings.Builder{}, tt.m)
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

func TestHasPassword(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": false, "postgres://h/d": false, "postgres://u@h/d": false, "postgres://u:p@h/d": true, "postgres://h/d?user=u&password=p": true,
		"postgres://u:%zz@h/d": true,
	} {
		if got := app.HasPassword(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
