package installation

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// etags makes h answer each path with its text in texts, or with 304 if the client knows it. It returns how often
// h gave each answer.
func etags(h *hub, texts func(path, auth string) string) (full, short *int) {
	full, short = new(int), new(int)
	h.api = func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/access_tokens") { // of another installation
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"ghs_other","expires_at":%q}`, time.Now().Add(time.Hour).Format(time.RFC3339))
			return
		}
		text := texts(r.URL.Path, r.Header.Get("Authorization"))
		tag := fmt.Sprintf(`"%d-%.20s"`, len(text), text)
		w.Header().Set("ETag", tag)
		h.mu.Lock()
		defer h.mu.Unlock()
		if r.Header.Get("If-None-Match") == tag {
			*short++
			if *short < 3 {
				w.Header().Set("X-RateLimit-Remaining", "99")
			}
			w.WriteHeader(http.StatusNotModified)
			return
		}
		*full++
		w.Header().Set("X-RateLimit-Remaining", "100")
		w.Header().Set("Link", `<https://api.github.com/x?page=2>; rel="next"`)
		fmt.Fprint(w, text)
	}
	return full, short
}

func read(t *testing.T, c *Client, path string) (string, *http.Response) {
	t.Helper()
	resp, err := c.HTTP.Get(c.REST.BaseURL.String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	return string(b), resp
}

func TestAnswersAreAskedForOnce(t *testing.T) {
	t.Parallel()
	text := "one"
	h := &hub{}
	full, short := etags(h, func(path, _ string) string { return path + " " + text })
	_, c := open(t, h)
	for i := range 3 {
		got, resp := read(t, c, "a")
		if got != "/a one" || resp.Header.Get("Link") == "" {
			t.Errorf("time %d: %q, Link %q", i, got, resp.Header.Get("Link"))
		}
		if want := map[bool]string{true: "100", false: "99"}[i == 0]; resp.Header.Get("X-RateLimit-Remaining") != want {
			t.Errorf("time %d: remaining %s, want %s", i, resp.Header.Get("X-RateLimit-Remaining"), want)
		}
	}
	// Headers of the limit that GitHub does not send are not invented.
	if _, resp := read(t, c, "a"); resp.Header.Get("X-RateLimit-Remaining") != "" {
		t.Errorf("remaining %s of an earlier answer", resp.Header.Get("X-RateLimit-Remaining"))
	}
	if got, _ := read(t, c, "b"); got != "/b one" {
		t.Error(got)
	}
	text = "two"
	if got, _ := read(t, c, "a"); got != "/a two" {
		t.Errorf("after a change: %q", got)
	}
	if *full != 3 || *short != 3 {
		t.Errorf("%d full and %d short answers, want 3 and 3", *full, *short)
	}
}

func TestAnswersStayWithTheirInstallation(t *testing.T) {
	t.Parallel()
	h := &hub{}
	full, short := etags(h, func(string, string) string { return "same" })
	a, c := open(t, h)
	other, err := a.Client(t.Context(), inst+1, 0, "acme", "shop")
	if err != nil {
		t.Fatal(err)
	}
	repo, err := a.Client(t.Context(), inst, 0, "acme", "other")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Client{c, other, repo} {
		read(t, c, "a")
	}
	if *full != 3 || *short != 0 {
		t.Errorf("%d full and %d short answers, want 3 and 0", *full, *short)
	}
	a.Forget(inst)
	for _, c := range []*Client{c, other, repo} {
		read(t, c, "a")
	}
	if *full != 5 || *short != 1 {
		t.Errorf("after Forget: %d full and %d short answers, want 5 and 1", *full, *short)
	}
	if want := 3 * (&keptAnswer{body: []byte("same")}).cost(); a.cache.size != want {
		t.Errorf("size is %d, want %d", a.cache.size, want)
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	h := &hub{}
	full, _ := etags(h, func(path, _ string) string {
		switch path {
		case "/largest":
			return strings.Repeat("x", maxCached)
		case "/larger":
			return strings.Repeat("x", maxCached+1)
		}
		return path + strings.Repeat("y", 300<<10)
	})
	a, c := open(t, h, func(o *Options) { o.CacheBytes = 1<<20 + 10<<10 })
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { read(t, c, fmt.Sprint(i)) })
	}
	wg.Wait()
	if n := a.cache.kept.Len(); n != 3 || a.cache.size > a.cache.max || a.cache.size < 900<<10 {
		t.Errorf("keeps %d answers of %d bytes", n, a.cache.size)
	}
	for path, want := range map[string]int{"largest": 1, "larger": 2} {
		before := *full
		for range 2 {
			if got, _ := read(t, c, path); strings.Trim(got, "x") != "" || len(got) < maxCached {
				t.Errorf("%s: %d bytes", path, len(got))
			}
		}
		if n := *full - before; n != want {
			t.Errorf("%s: %d full answers, want %d", path, n, want)
		}
	}
}

func TestCacheTurnedOff(t *testing.T) {
	t.Parallel()
	h := &hub{}
	full, short := etags(h, func(string, string) string { return "same" })
	_, c := open(t, h, func(o *Options) { o.CacheBytes = -1 })
	read(t, c, "a")
	read(t, c, "a")
	if *full != 2 || *short != 0 {
		t.Errorf("%d full and %d short answers, want 2 and 0", *full, *short)
	}
}
