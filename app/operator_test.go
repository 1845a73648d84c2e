package app_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app"
)

// get returns the status and the text of an answer.
func get(t *testing.T, url string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return exchange(t, req)
}

// exchange sends a request, and returns the status and the text of its answer.
func exchange(t *testing.T, req *http.Request) (status int, text string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// TestCredentialsAreTriedAtTheStart checks that a server with credentials that GitHub refuses is not ready and says
// why once, and that it is ready with the right ones.
func TestCredentialsAreTriedAtTheStart(t *testing.T) {
	t.Parallel()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	s := newStage(t, map[string]string{"a.txt": "1\n"})
	right := s.Settings
	for name, tt := range map[string]struct {
		change func(*app.Settings)
		want   string
	}{
		"key of another App": {func(c *app.Settings) {
			c.PrivateKey = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(other)}))
		}, "does not accept the private key"},
		"id of another App": {func(c *app.Settings) { c.AppID = "123456" }, "knows no App with the id 123456"},
	} {
		s.restart(func() { s.Settings = right; tt.change(&s.Settings) })
		s.until(name+" is refused", func() bool {
			status, text := get(t, s.Address()+"/readyz")
			return status == http.StatusServiceUnavailable && strings.Contains(text, tt.want)
		})
		if n := strings.Count(s.logs.String(), tt.want); n != 1 {
			t.Errorf("%s: said %d times in the log", name, n)
		}
		if s.metric("secbydesign_github_app_confirmed", "") != 0 {
			t.Errorf("%s: the metric says that GitHub confirmed it", name)
		}
	}
	s.restart(func() { s.Settings = right })
	s.until("it is ready", func() bool { status, _ := get(t, s.Address()+"/readyz"); return status == http.StatusOK })
	if s.metric("secbydesign_github_app_confirmed", "") != 1 {
		t.Error("the metric says that GitHub did not confirm it")
	}
}

// TestADataFolderThatCannotBeUsed checks that it is reported by its own name, together with other mistakes.
func TestADataFolderThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	locked := filepath.Join(dir, "locked")
	must(t, os.Mkdir(locked, 0o500))
	for name, folder := range map[string]string{"a file": file, "within a file": filepath.Join(file, "data"), "not writable": locked, "in one that is not writable": filepath.Join(locked, "a/b")} {
		if os.Geteuid() == 0 && strings.Contains(name, "not writable") {
			folder = "/proc/" + filepath.Base(folder) // where even root can create nothing
		}
		_, err := app.Settings{Listen: ":1", DataDir: folder, Role: "king"}.Config()
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("SECBYDESIGN_DATA_DIR is %q", folder)) || !strings.Contains(err.Error(), "SECBYDESIGN_ROLE") ||
			strings.Contains(err.Error(), "DATABASE_URL") {
			t.Errorf("%s: %v", name, err)
		}
	}
	fresh := filepath.Join(dir, "a/b")
	if _, err := (app.Settings{DataDir: fresh}).Config(); strings.Contains(err.Error(), "DATA_DIR") {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(fresh)); err == nil {
		t.Error("the check created a folder")
	}
}

// TestLogAtInfo checks what an operator reads at the usual level: one line at the start, one when GitHub knows
// the App, and one a review, with a duration that has a unit.
func TestLogAtInfo(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.txt": "1\n"})
	s.until("it is ready", func() bool { status, _ := get(t, s.Address()+"/readyz"); return status == http.StatusOK })
	must(t, s.Stop())
	log := &safeBuffer{}
	must(t, s.Start(context.Background(), zerolog.New(log).Level(zerolog.InfoLevel)))
	s.until("GitHub knows the App", func() bool { return strings.Contains(log.String(), "GitHub knows the App") })
	n := s.open("topic", map[string]string{"a.txt": "2\n"})
	s.reviewed(n)
	var said []string
	for scan := bufio.NewScanner(strings.NewReader(log.String())); scan.Scan(); {
		var line map[string]any
		must(t, json.Unmarshal(scan.Bytes(), &line))
		said = append(said, fmt.Sprint(line["level"], " ", line["message"]))
		switch line["message"] {
		case "serving":
			for _, key := range []string{"version", "data", "app", "github", "address"} {
				if line[key] == nil {
					t.Errorf("the first line does not name %s: %v", key, line)
				}
			}
		case "reviewed":
			if took, _ := line["took"].(string); !strings.HasSuffix(took, "s") || line["repo"] != "acme/shop" || line["verdict"] == nil {
				t.Errorf("a review: %v", line)
			}
		}
	}
	var kept []string
	for _, line := range said {
		// Warnings are about the sandbox, where this machine has none; and the search at the start may see a pull request
		// before its delivery has come.
		if !strings.HasPrefix(line, "warn") && line != "info open pull requests without a verdict are reviewed" {
			kept = append(kept, line)
		}
	}
	if got := strings.Join(kept, "\n"); got != "info GitHub knows the App\ninfo serving\ninfo reviewed" {
		t.Errorf("the log says\n%s", got)
	}
}

// TestMetricsApart checks that with an address of their own the metrics are there and nowhere else, and nothing else
// is there.
func TestMetricsApart(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.txt": "1\n"})
	for _, want := range []string{"secbydesign_build_info{go=", `secbydesign_review_failures_total{then="retried"} 0`, `secbydesign_scan_processes_restarted_total{reason="crashed"} 0`, "secbydesign_findings_unowned_total 0", "secbydesign_findings_new_total 0", "secbydesign_queue_oldest_seconds"} {
		if _, text := get(t, s.Address()+"/metrics"); !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	apart := free.Addr().String()
	must(t, free.Close())
	s.restart(func() { s.Settings.Metrics = apart })
	if status, _ := get(t, s.Address()+"/metrics"); status != http.StatusNotFound {
		t.Errorf("the address of the webhook answers %d", status)
	}
	if status, text := get(t, "http://"+apart+"/metrics"); status != http.StatusOK || !strings.Contains(text, "secbydesign_queue_oldest_seconds") {
		t.Errorf("the address of the metrics answers %d", status)
	}
	if status, _ := get(t, "http://"+apart+"/healthz"); status != http.StatusNotFound {
		t.Errorf("the address of the metrics answers %d to other requests", status)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
