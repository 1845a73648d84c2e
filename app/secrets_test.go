package app_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/secbydesign/secbydesign/app/demo"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// Every test of the whole program ends with a search for every secret that it used: in the program's log at the level
// debug, in all files of its data folder, in its database, and in what it wrote to GitHub.

// pieceSize is the length of the pieces of secrets that are searched for, so that a secret that was cut is found too.
const pieceSize = 16

// A secretSearch finds pieces of secrets in texts.
type secretSearch struct {
	begins [1 << 16]bool // by the first two bytes of a piece
	pieces map[string]string
}

// add adds a secret in the forms in which it may appear. What is before from is no secret: others have it too. The name is
// for the report.
func (s *secretSearch) add(name, secret string, from int) {
	const git = "x-access-token:"
	encoded := func(n int) int { return (n + 2) / 3 * 4 } // the first character of base64 that depends on nothing before n
	for form, text := range map[string]string{
		"": secret[from:], " in hexadecimal": hex.EncodeToString([]byte(secret[from:])), " in an address": url.QueryEscape(secret[from:]),
		" in base64": base64.StdEncoding.EncodeToString([]byte(secret))[encoded(from):],
		" for git":   base64.StdEncoding.EncodeToString([]byte(git + secret))[encoded(len(git)+from):],
	} {
		text = strings.TrimRight(text, "=")
		for at := 0; at+pieceSize <= len(text); at += pieceSize {
			s.piece(text[at:at+pieceSize], name+form)
		}
	}
}

func (s *secretSearch) piece(text, name string) {
	if s.pieces == nil {
		s.pieces = map[string]string{}
	}
	s.begins[int(text[0])<<8|int(text[1])] = true
	s.pieces[text] = name
}

// find lists the names of the secrets in a text.
func (s *secretSearch) find(text []byte) (found []string) {
	for i := 0; i+pieceSize <= len(text); i++ {
		if !s.begins[int(text[i])<<8|int(text[i+1])] {
			continue
		}
		if name, ok := s.pieces[string(text[i:i+pieceSize])]; ok && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return found
}

// searchFor returns a search for the secrets of a program's settings, and those that its GitHub gave it.
func searchFor(w *demo.World) *secretSearch {
	s := &secretSearch{}
	for _, secret := range strings.Split(w.Settings.WebhookSecret, ",") {
		s.add("the webhook secret", secret, 0)
	}
	for line := range strings.Lines(w.Settings.PrivateKey) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-") {
			s.add("the private key", line, 0)
		}
	}
	for _, secret := range w.GitHub.Credentials() {
		// Of a JSON web token, and of a token in that form, the last part is secret; the others are the same for many.
		s.add("a token of GitHub", secret, strings.LastIndexByte(secret, '.')+1)
	}
	if u, err := url.Parse(w.Settings.Database); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			s.add("the password of the database", password, 0)
		}
	}
	return s
}

// search lists where the search finds a secret: in the log, below the data folder, in the database.
func search(t *testing.T, s *secretSearch, log, dir, database string) (found []string) {
	note := func(where string, names []string) {
		for _, name := range names {
			found = append(found, where+" holds "+name)
		}
	}
	note("the log", s.find([]byte(log)))
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // the program may remove files meanwhile
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // the program may remove files meanwhile
		}
		note(strings.TrimPrefix(path, dir), s.find(text))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if strings.HasPrefix(database, "postgres") {
		note("the database", s.find(rowsOf(t, database)))
	}
	return found
}

// rowsOf returns all rows of all tables of a Postgres database, as text.
func rowsOf(t *testing.T, address string) (text []byte) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal("cannot connect to the database of the test")
	}
	defer conn.Close(t.Context())
	strs := func(query string) (list []string) {
		rows, err := conn.Query(t.Context(), query)
		if err == nil {
			list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		if err != nil {
			t.Fatal(query, err)
		}
		return list
	}
	for _, table := range strs(`SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`) {
		for _, row := range strs(`SELECT t::text FROM ` + table + ` t`) {
			text = append(append(text, row...), '\n')
		}
	}
	return text
}

// noSecrets fails the test if a secret is where none belongs. The program must have ended.
func noSecrets(t *testing.T, w *demo.World, log *safeBuffer) {
	s := searchFor(w)
	found := search(t, s, log.String(), w.Settings.DataDir, "")
	for _, write := range w.GitHub.WrittenCredentials() {
		found = append(found, write+" holds a token of GitHub")
	}
	for _, f := range found {
		t.Error(f)
	}
}

// TestSecretsAreFound plants each secret, whole and cut, in each place, and checks that the search finds it there.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.want(n, "neutral", "a.py:2 open")
	s.reviewed(n)
	job := s.GitHub.JobToken(audience, s.repo.PushClaims("main", codeqlFile))
	all := s.GitHub.Credentials()
	var tokens, webTokens int
	for _, secret := range all {
		if strings.HasPrefix(secret, "ghs_") {
			tokens++
		} else {
			webTokens++
		}
	}
	if tokens == 0 || webTokens < 2 || !slices.Contains(all, job) {
		t.Fatalf("the stand-in names %d tokens of installations and %d JSON web tokens", tokens, webTokens)
	}
	w := *s.World
	w.Settings.Database = "postgres://me:an-invented-password@127.0.0.1/x"
	find := searchFor(&w)
	lines := strings.Split(strings.TrimSpace(w.Settings.PrivateKey), "\n")
	for name, secret := range map[string]string{
		"the webhook secret": w.Settings.WebhookSecret, "the private key": lines[len(lines)/2], "a token of GitHub": all[0],
		"the password of the database": "an-invented-password",
	} {
		for form, text := range map[string]string{
			"whole": secret, "in quotes": fmt.Sprintf(`{"x":%q}`, secret), "in base64": base64.StdEncoding.EncodeToString([]byte(secret)),
			"end":     secret[max(0, len(secret)-40):],
			"for git": "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+secret)),
		} {
			if form == "for git" && name != "a token of GitHub" {
				continue
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "deep", "down")
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("before\x00"+text+"\x00after"), 0o600); err != nil {
				t.Fatal(err)
			}
			if found := search(t, find, "a line\n"+text+"\n", dir, ""); len(found) < 2 || !strings.Contains(strings.Join(found, "\n"), "the log holds "+name) || !strings.Contains(strings.Join(found, "\n"), "/deep/down holds "+name) {
				t.Errorf("%s, %s: found %q", name, form, found)
			}
		}
	}
	if found := search(t, find, "nothing", t.TempDir(), ""); len(found) != 0 {
		t.Errorf("found %q in nothing", found)
	}
}

// TestNoSecretsAnywhere gives a program secrets of all kinds, lets it meet failures of GitHub, wrong requests and a
// collector of traces that fails, and searches for the secrets everywhere: also with Postgres, if there is one.
func TestNoSecretsAnywhere(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			w, repo, addr, log := world(t)
			w.Settings.WebhookSecret += ",another-webhook-secret-for-a-rotation"
			w.Settings.LogLevel, w.Settings.PublicURL = "debug", audience
			if engine == "postgres" {
				at, err := url.Parse(pgtest.Database(t))
				if err != nil {
					t.Fatal("the address of the test's database cannot be read")
				}
				if _, has := at.User.Password(); !has { // its server trusts this machine
					at.User = url.UserPassword(at.User.Username(), "an-invented-password-of-a-database")
				}
				w.Settings.Database = at.String()
			}
			var mu sync.Mutex
			var outside []byte // what others were sent
			keep := func(b []byte) { mu.Lock(); defer mu.Unlock(); outside = append(outside, b...) }
			collector := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				keep(b)
				http.Error(rw, "not today, "+r.Header.Get("Authorization"), http.StatusForbidden)
			}))
			defer collector.Close()
			const credential = "credential-for-the-collector"
			settings := w.Settings
			settings.Listen = addr
			p := startWith(t, settings, log, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_EXPORTER_OTLP_HEADERS=Authorization="+credential, "OTEL_BSP_SCHEDULE_DELAY=50")
			defer p.kill()
			w.GitHub.Install("acme")
			s := &stage{World: w, t: t, repo: repo, logs: log}
			s.base = repo.Commit("main", "", "base", map[string]string{codeqlFile: codeqlText, "app.js": handler(query(1)), "a.py": "a = 1\n"})

			for _, f := range []fakegithub.Fault{
				{Path: "/acme/shop.git/**", Status: 403, Body: "no", Count: 1}, {Path: "/acme/shop.git/**", Reset: true, Count: 1},
				{Method: "POST", Path: "/repos/*/*/check-runs", Status: 500, Body: `{"message":"oops"}`, Count: 1},
				{Method: "POST", Path: "/app/installations/*/access_tokens", Status: 401, Body: `{"message":"Bad credentials"}`, Skip: 1, Count: 1},
			} {
				w.GitHub.Fail(f)
			}
			n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
			s.want(n, "neutral", "a.py:2 open")
			s.GitHub.Note("acme", "shop", n, "mona", "/secbydesign status")
			job := w.GitHub.JobToken(audience, repo.PushClaims("main", codeqlFile))
			ask := func(method, path, authorization, body string) {
				req, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", authorization)
				req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString([]byte(w.Settings.WebhookSecret[:16])))
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				b, _ := io.ReadAll(resp.Body)
				keep(b)
			}
			tip := repo.Tip("main")
			ask("POST", "/api/v1/repos/acme/shop/sarif?commit_sha="+tip, "Bearer "+job, codeql("javascript-typescript", "app.js", query(1)))
			ask("POST", "/api/v1/repos/acme/shop/sarif?commit_sha="+tip, "Bearer "+job[:len(job)-8]+"wrongend", "{}")
			ask("POST", "/api/v1/repos/acme/other/sarif", "Bearer "+job, "{}")
			ask("POST", "/webhook", "Bearer "+job, `{"zen":"x"}`)
			ask("GET", "/metrics", "Bearer "+job, "")
			ask("GET", "/readyz", "Bearer "+job, "")
			ask("GET", "/nowhere", "Bearer "+job, "")
			s.GitHub.Settle()
			s.until("the command is answered", func() bool { return len(w.GitHub.IssueComments("acme", "shop", n)) > 2 })
			p.kill()

			find := searchFor(w)
			find.add("the credential for the collector", credential, 0)
			found := search(t, find, log.String(), w.Settings.DataDir, w.Settings.Database)
			mu.Lock()
			defer mu.Unlock()
			for _, name := range find.find(outside) {
				found = append(found, "an answer or a trace holds "+name)
			}
			for _, f := range found {
				t.Error(f)
			}
			if len(outside) == 0 || !strings.Contains(log.String(), "asked GitHub") || len(w.GitHub.Credentials()) < 4 {
				t.Error("the test has not used what it searches for")
			}
		})
	}
}
