package osv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
)

// A stand is an OSV service with the advisories of testdata. It selects advisories by the package's
// name and leaves it to the scanner to decide which versions are affected.
type stand struct {
	*httptest.Server
	advisories map[string][]byte
	byPackage  map[string][]reference

	mu     sync.Mutex
	asked  []string // "POST 3", "GET ID"
	names  []string // of packages
	odd    func(w http.ResponseWriter, r *http.Request) bool
	scan   Scanner
	pauses []time.Duration
	now    time.Time
}

func newStand(t testing.TB) *stand {
	t.Helper()
	st := &stand{advisories: map[string][]byte{}, byPackage: map[string][]reference{}, now: time.Date(2026, 1, 1, 10, 59, 0, 0, time.UTC)}
	files, err := filepath.Glob("testdata/advisories/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no advisories")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a := parse(t, string(text))
		st.advisories[a.ID] = text
		for _, one := range a.Affected {
			ecosystem, _, _ := strings.Cut(one.Package.Ecosystem, ":")
			key := ecosystem + " " + one.Package.Name
			st.byPackage[key] = append(st.byPackage[key], reference{ID: a.ID, Modified: "2026-01-02T03:04:05Z"})
		}
	}
	st.Server = httptest.NewServer(st)
	t.Cleanup(st.Close)
	service := newService(st.URL, nil)
	service.now = func() time.Time { st.mu.Lock(); defer st.mu.Unlock(); return st.now }
	service.pause = func(_ context.Context, d time.Duration) error { st.pauses = append(st.pauses, d); return nil }
	st.scan = Scanner{service}
	return st
}

func (st *stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	st.mu.Lock()
	odd := st.odd
	st.mu.Unlock()
	if odd != nil && odd(w, r) {
		return
	}
	if r.Method == http.MethodGet {
		id := strings.TrimPrefix(r.URL.Path, "/v1/vulns/")
		st.note("GET " + id)
		if _, err := w.Write(st.advisories[id]); err != nil {
			return
		}
		return
	}
	var said struct{ Queries []query }
	if err := json.NewDecoder(r.Body).Decode(&said); err != nil || r.URL.Path != "/v1/querybatch" || len(said.Queries) > batch {
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	st.note(fmt.Sprint("POST ", len(said.Queries)))
	results := make([]map[string]any, len(said.Queries))
	for i, q := range said.Queries {
		st.mu.Lock()
		st.names = append(st.names, q.Package.Name)
		st.mu.Unlock()
		results[i] = map[string]any{"vulns": st.byPackage[q.Package.Ecosystem+" "+q.Package.Name]}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"results": results})
}

func (st *stand) note(what string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.asked = append(st.asked, what)
}

// took returns the requests since the last call, sorted.
func (st *stand) took() []string {
	st.mu.Lock()
	defer st.mu.Unlock()
	asked := slices.Sorted(slices.Values(st.asked))
	st.asked = nil
	return asked
}

// A service and a folder with the same advisories lead to the same findings.
func TestServiceAndFolderAgree(t *testing.T) {
	t.Parallel()
	files := seeds(t)
	slices.SortFunc(files, func(a, b scanners.File) int { return strings.Compare(a.Path, b.Path) })
	got, want := places(scan(t, newStand(t).scan, files...)), places(scan(t, offline(t), files...))
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("from finding %d on: got %q, want %q", i, got[min(i, len(got)):], want[min(i, len(want)):])
		}
	}
	if len(want) < 30 {
		t.Errorf("only %d findings", len(want))
	}
}

func TestQuestionsAreAskedOnce(t *testing.T) {
	t.Parallel()
	st := newStand(t)
	base := file("requirements.txt", "acme-web-kit==1.2", "safe==1.0")
	head := file("requirements.txt", "acme-web-kit==1.2", "safe==1.0", "acme-sql==1.5")
	steps := []struct {
		what string
		file scanners.File
		wait time.Duration
		want []string
	}{
		{"first", base, 0, []string{"GET GHSA-2222-3333-0011", "GET PYSEC-2026-11", "POST 2"}},
		{"again", base, 0, nil},
		{"what the change adds, in the next hour of the clock", head, 30 * time.Minute, []string{"GET PYSEC-2026-12", "POST 1"}},
		{"after an hour", base, 31 * time.Minute, []string{"POST 2"}}, // the advisories did not change
	}
	for _, step := range steps {
		st.mu.Lock()
		st.now = st.now.Add(step.wait)
		st.mu.Unlock()
		scan(t, st.scan, step.file)
		if got := st.took(); !slices.Equal(got, step.want) {
			t.Errorf("%s: asked %q, want %q", step.what, got, step.want)
		}
	}
}

func TestRulesOfAServiceAreTheHour(t *testing.T) {
	t.Parallel()
	st := newStand(t)
	first, err := st.scan.Rules(context.Background())
	if err != nil || !strings.HasSuffix(first, "2026-01-01T10") {
		t.Errorf("got %q, %v", first, err)
	}
	st.now = st.now.Add(time.Minute)
	if second, _ := st.scan.Rules(context.Background()); second == first {
		t.Error("the next hour has the same rules")
	}
}

func TestBatchesAndNames(t *testing.T) {
	t.Parallel()
	st := newStand(t)
	packages := map[string]any{}
	for i := range batch + 5 {
		packages[fmt.Sprintf("node_modules/n%d", i)] = map[string]any{"version": "1.0.0"}
	}
	hostile := `"}],"queries":[<script>` + "\u2028\n%00/../"
	lock, _ := json.Marshal(map[string]any{"dependencies": map[string]any{hostile: map[string]any{"version": "1"}}})
	many, _ := json.Marshal(map[string]any{"packages": packages})
	scan(t, st.scan, scanners.File{Path: "package-lock.json", Content: many})
	if got := st.took(); !slices.Equal(got, []string{"POST 1000", "POST 5"}) {
		t.Errorf("asked %q", got)
	}
	st.names = nil
	scan(t, st.scan, scanners.File{Path: "package-lock.json", Content: lock})
	if !slices.Equal(st.names, []string{hostile}) {
		t.Errorf("asked for %q", st.names)
	}
}

// A package without a version has many advisories that say nothing about it.
func TestOnlyMaliceIsFetchedWithoutAVersion(t *testing.T) {
	t.Parallel()
	st := newStand(t)
	if found := scan(t, st.scan, file("requirements.txt", "acme-web-kit>=1.0", "acme-helper")); len(found) != 1 {
		t.Errorf("found %+v", found)
	}
	if got := st.took(); !slices.Equal(got, []string{"GET MAL-2026-0011", "POST 2"}) {
		t.Errorf("asked %q", got)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	st := newStand(t)
	endless := false
	st.odd = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		var said struct{ Queries []query }
		_ = json.NewDecoder(r.Body).Decode(&said)
		st.note(fmt.Sprintf("POST %d %q", len(said.Queries), said.Queries[0].Page))
		var results []map[string]any
		for _, q := range said.Queries {
			switch {
			case endless:
				results = append(results, map[string]any{"next_page_token": "more"})
			case q.Package.Name == "acme-sql" && q.Page == "":
				results = append(results, map[string]any{"next_page_token": "tok/en"})
			case q.Package.Name == "acme-sql":
				results = append(results, map[string]any{"vulns": []reference{{ID: "PYSEC-2026-12"}}})
			default:
				results = append(results, map[string]any{})
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"results": results})
		return true
	}
	found := scan(t, st.scan, file("requirements.txt", "acme-sql==1.5", "safe==1.0"))
	if got := st.took(); len(found) != 1 || !slices.Equal(got, []string{"GET PYSEC-2026-12", `POST 1 "tok/en"`, `POST 2 ""`}) {
		t.Errorf("found %+v, asked %q", found, got)
	}
	endless = true
	_, err := st.scan.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{file("requirements.txt", "other==1")}})
	if got := reason(t, err); !strings.Contains(got, "in another format") || len(st.took()) != maxPages {
		t.Errorf("got %q", got)
	}
}

// A service that is unreachable, busy or wrong makes the scan incomplete, never clean.
func TestTroubleWithTheService(t *testing.T) {
	t.Parallel()
	status := func(code int, header ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			return true
		}
	}
	says := func(method, text string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != method {
				return false
			}
			_, _ = io.WriteString(w, text)
			return true
		}
	}
	answer := func(text string) func(http.ResponseWriter, *http.Request) bool { return says(http.MethodPost, text) }
	const away, wrong = "could not be reached", "in another format"
	tests := map[string]struct {
		odd    func(http.ResponseWriter, *http.Request) bool
		want   string
		pauses []time.Duration
	}{
		"500":                   {status(500), away, []time.Duration{time.Second, 2 * time.Second}},
		"503 with a pause":      {status(503, "Retry-After", "7"), away, []time.Duration{7 * time.Second, 7 * time.Second}},
		"429 with a date":       {status(429, "Retry-After", "Thu, 01 Jan 2026 10:59:20 GMT"), away, []time.Duration{20 * time.Second, 20 * time.Second}},
		"429 for an hour":       {status(429, "Retry-After", "3600"), away, nil},
		"429 for ever":          {status(429, "Retry-After", "99999999999999999999"), away, []time.Duration{time.Second, 2 * time.Second}},
		"400":                   {status(400), wrong, nil},
		"404":                   {status(404), wrong, nil},
		"a redirect":            {status(302, "Location", "http://127.0.0.1:1/elsewhere"), wrong, nil},
		"no JSON":               {answer("<html>"), wrong, nil},
		"nothing":               {answer(""), wrong, nil},
		"too few answers":       {answer(`{"results":[]}`), wrong, nil},
		"too many answers":      {answer(`{"results":[{},{},{}]}`), wrong, nil},
		"an id that leads away": {answer(`{"results":[{"vulns":[{"id":"../../x?y#z"}]}]}`), wrong, nil},
		"an empty id":           {answer(`{"results":[{"vulns":[{"id":""}]}]}`), wrong, nil},
		"a long answer":         {answer(`{"results":[{` + strings.Repeat(" ", maxAnswer) + `}]}`), wrong, nil},
		"no advisory":           {says(http.MethodGet, "x"), wrong, nil},
		"another advisory":      {says(http.MethodGet, `{"id":"GHSA-2222-3333-0001"}`), wrong, nil},
		"a long advisory":       {says(http.MethodGet, `{"id":"PYSEC-2026-12"}`+strings.Repeat(" ", maxAdvisory)), wrong, nil},
		"a cut-off answer": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"results":`)
			return true
		}, away, []time.Duration{time.Second, 2 * time.Second}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newStand(t)
			st.odd = test.odd
			found, err := st.scan.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{file("requirements.txt", "acme-sql==1.5")}})
			if got := reason(t, err); !strings.Contains(got, test.want) || strings.Contains(got, st.URL) || len(found) > 0 {
				t.Errorf("found %d, got %q, want %q", len(found), got, test.want)
			}
			if !slices.Equal(st.pauses, test.pauses) {
				t.Errorf("paused %v, want %v", st.pauses, test.pauses)
			}
			// Nothing of it is kept.
			st.odd = nil
			if found := scan(t, st.scan, file("requirements.txt", "acme-sql==1.5")); len(found) != 1 {
				t.Errorf("afterwards found %+v", found)
			}
		})
	}
}

func TestServiceComesBack(t *testing.T) {
	t.Parallel()
	st := newStand(t)
	calls := 0
	st.odd = func(w http.ResponseWriter, _ *http.Request) bool {
		if calls++; calls < attempts {
			w.WriteHeader(http.StatusBadGateway)
		}
		return calls < attempts
	}
	if found := scan(t, st.scan, file("requirements.txt", "acme-sql==1.5")); len(found) != 1 {
		t.Errorf("found %+v", found)
	}
}

func TestServiceThatIsAway(t *testing.T) {
	t.Parallel()
	st := newStand(t)
	st.Close()
	_, err := st.scan.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{file("requirements.txt", "acme-sql==1.5")}})
	if got := reason(t, err); !strings.Contains(got, "could not be reached") {
		t.Errorf("got %q", got)
	}
}

// A slow service ends with the context: no clock is watched, since the answer never comes.
func TestSlowServiceEndsWithTheContext(t *testing.T) {
	t.Parallel()
	st := newStand(t)
	ctx, cancel := context.WithCancel(context.Background())
	st.odd = func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server notices the client's end
		cancel()
		<-r.Context().Done()
		return true
	}
	_, err := st.scan.Scan(ctx, scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{file("requirements.txt", "acme-sql==1.5")}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTooSlowAServiceIsAway(t *testing.T) {
	t.Parallel()
	st := newStand(t)
	st.odd = func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server notices the client's end
		<-r.Context().Done()
		return true
	}
	st.scan.source.(*service).client.Timeout = time.Millisecond
	_, err := st.scan.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{file("requirements.txt", "acme-sql==1.5")}})
	if got := reason(t, err); !strings.Contains(got, "could not be reached") {
		t.Errorf("got %q", got)
	}
}
