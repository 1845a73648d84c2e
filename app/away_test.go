package app_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/webhook/webhooktest"
)

// TestDatabaseGoesAway takes the database away while the App serves. A delivery must not be answered 202, the App must
// not be ready, and after a restart a partial record must not pass for the whole.
func TestDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		damage  func(t *testing.T, path string) (end func())
		back    bool   // at the end, without a restart
		logged  string // while it runs
		restart string // what the next start says; with "?" it may also start, with all that it accepted
	}{
		"deleted": {
			damage:  func(t *testing.T, p string) func() { must(t, os.Remove(p)); return nil },
			logged:  "was removed while the program runs. Stop the program, restore the backup of",
			restart: "is missing, but there was a database before. Restore its backup",
		},
		"emptied": {
			damage:  func(t *testing.T, p string) func() { must(t, os.Truncate(p, 0)); return nil },
			logged:  "was emptied while the program runs",
			restart: "?", // SQLite has all of it in its log, and may put it back when the App stops
		},
		"replaced": {
			damage: func(t *testing.T, p string) func() {
				must(t, os.Remove(p))
				must(t, os.WriteFile(p, nil, 0o600))
				return nil
			},
			logged:  "was replaced while the program runs",
			restart: "not the one that was there before",
		},
		"its log is deleted": {
			damage:  func(t *testing.T, p string) func() { must(t, os.Remove(p+"-wal")); return nil },
			logged:  "-wal was removed while the program runs",
			restart: "?",
		},
		"locked": {
			damage: func(t *testing.T, p string) func() {
				db, err := sql.Open("sqlite", "file:"+p+"?_txlock=exclusive&_pragma=busy_timeout(10000)")
				must(t, err)
				tx, err := db.BeginTx(context.Background(), nil)
				must(t, err)
				return func() { must(t, errors.Join(tx.Rollback(), db.Close())) }
			},
			back: true, logged: "cannot be written to now",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, map[string]string{"a.txt": "1\n"})
			path := filepath.Join(s.Settings.DataDir, "secbydesign.db")
			n := 0
			client := &http.Client{Timeout: 5 * time.Second} // half of what GitHub waits
			status := func(r *http.Request) (int, string) {
				t.Helper()
				resp, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				text, err := io.ReadAll(resp.Body)
				must(t, err)
				if resp.StatusCode == http.StatusServiceUnavailable && r.Method == http.MethodPost && resp.Header.Get("Retry-After") == "" {
					t.Error("it does not say when to send the delivery again")
				}
				return resp.StatusCode, string(text)
			}
			deliver := func() int {
				t.Helper()
				n++
				code, _ := status(webhooktest.Request(s.Address()+"/webhook", "ping", fmt.Sprint("guid-", n), []byte(s.Settings.WebhookSecret), []byte("{}")))
				return code
			}
			ready := func() int {
				t.Helper()
				r, err := http.NewRequest(http.MethodGet, s.Address()+"/readyz", nil)
				must(t, err)
				code, text := status(r)
				if strings.Contains(text, path) {
					t.Errorf("it shows others where the database is: %s", text)
				}
				return code
			}
			if deliver() != 202 || ready() != 200 {
				t.Fatal("it is not ready at the beginning")
			}
			s.GitHub.Settle()
			l, err := ledger.OpenReader(t.Context(), "sqlite:"+path)
			must(t, err)
			before, err := l.Deliveries(t.Context())
			must(t, errors.Join(err, l.Close()))
			end := tt.damage(t, path)
			for range 3 {
				if code := deliver(); code != 503 {
					t.Errorf("delivery: %d, want 503", code)
				}
			}
			s.until("it is not ready", func() bool { return ready() == 503 })
			if !strings.Contains(s.logs.String(), tt.logged) {
				t.Errorf("the log does not say %q", tt.logged)
			}
			if strings.Contains(s.logs.String(), "worker died") {
				t.Error("the log says that a worker died, and none did")
			}
			if end != nil {
				end()
			}
			if tt.back {
				s.until("it is ready again", func() bool { return ready() == 200 && deliver() == 202 })
				return
			}
			_ = s.Stop() // may fail, since it cannot write
			start := func() error {
				if err := s.Start(context.Background(), zerolog.New(s.logs).Level(zerolog.DebugLevel)); err != nil {
					return err
				}
				resp, err := http.Get(s.Address() + "/healthz")
				if err != nil {
					return errors.Join(err, s.Stop())
				}
				return resp.Body.Close()
			}
			switch err := start(); {
			case tt.restart == "?" && err == nil:
				l, err := ledger.OpenReader(t.Context(), "sqlite:"+path)
				must(t, err)
				if got, err := l.Deliveries(t.Context()); err != nil || got < before {
					t.Errorf("it started with %d of %d deliveries, %v", got, before, err)
				}
				must(t, l.Close())
			case tt.restart == "?" && strings.Contains(err.Error(), "--init"):
			case err == nil || !strings.Contains(err.Error(), tt.restart) || !strings.Contains(err.Error(), "--init"):
				t.Errorf("the next start says %v, want %q and what to do", err, tt.restart)
			}
			_ = s.Stop()
			s.Settings.Init = true
			if err := start(); err != nil {
				t.Errorf("with --init: %v", err)
			} else if deliver() != 202 || ready() != 200 {
				t.Error("it is not ready with --init")
			}
		})
	}
}
