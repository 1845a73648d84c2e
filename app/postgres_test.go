package app_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// TestServesOnPostgres: the App reviews, talks and records on Postgres, and every command that reads the database works
// beside it, with the database's address alone.
func TestServesOnPostgres(t *testing.T) {
	t.Parallel()
	at := pgtest.Database(t)
	s := newStageOn(t, at, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "failure", "1 new finding")
	s.said(n, "hubot", "/secbydesign accept "+s.id(n)+" until=30d"+because, "is accepted until")
	s.becomes(n, "success", "1 accepted")
	s.reviewed(n)
	s.noDuplicates(n)

	ctx, dir := t.Context(), t.TempDir()
	for name, test := range map[string]struct {
		run  func(w io.Writer) error
		want string
	}{
		"audit verify": {func(w io.Writer) error {
			_, err := app.VerifyAudit(ctx, w, app.Audit{DataDir: dir, Database: at})
			return err
		}, "acme: whole, 1 entry"},
		"audit export": {func(w io.Writer) error { return app.ExportAudit(ctx, w, app.Audit{DataDir: dir, Database: at}) }, `"actor":"hubot"`},
		"decisions export": {func(w io.Writer) error {
			return app.ExportDecisions(ctx, w, app.DecisionsAsked{DataDir: dir, Database: at, Repo: "acme/shop", Format: "jsonl"})
		}, "hubot"},
		"outcomes": {func(w io.Writer) error {
			return app.ShowOutcomes(ctx, w, app.OutcomesQuery{Org: "acme", DataDir: dir, Database: at})
		}, "fewer than 5"},
		"scanners": {func(w io.Writer) error { return app.ListNoise(ctx, w, dir, at, time.Now()) }, ""},
		"record rebuild": {func(w io.Writer) error {
			changed, err := app.RebuildRecord(ctx, w, dir, at)
			if changed {
				t.Error("the tables were wrong")
			}
			return err
		}, "Nothing was different"},
	} {
		var b bytes.Buffer
		if err := test.run(&b); err != nil || !strings.Contains(b.String(), test.want) {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
	}
	s.restart(func() {})
	s.push(n, "change", map[string]string{"a.py": "a = 2\n" + mild(1)})
	s.reviewed(n)
	s.noDuplicates(n)
	if password := s.Settings.Database[strings.Index(at, "secbydesign:")+len("secbydesign:") : strings.Index(at, "@")]; strings.Contains(s.logs.String(), password) {
		t.Error("the log has the password of the database")
	}
}

// TestDatabaseURLIsNotShown: settings that cannot be used are reported without a password.
func TestDatabaseURLIsNotShown(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://u:hunter2/x@host/db":             "SECBYDESIGN_DATABASE_URL: the database URL cannot be read",
		"postgres://u:hunter2@host/db?sslmode=never": "SECBYDESIGN_DATABASE_URL: the database URL cannot be used",
		"mysql://u:hunter2@host/db":                  "SECBYDESIGN_DATABASE_URL: a database URL looks like",
	} {
		_, err := app.Settings{DataDir: t.TempDir(), Database: url}.Config()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}
