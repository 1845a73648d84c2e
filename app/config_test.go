package app_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app"
)

// TestMistakesAreReportedTogether checks that every mistake is reported by name, and that no secret is repeated.
func TestMistakesAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := app.Settings{
		Listen: "here", GitHubURL: "ftp://u:hunter2@host", PublicURL: "http://example.com", Role: "king", Workers: "0", FetchMB: "much", ScannerSettings: app.ScannerSettings{Sandbox: "perhaps", SettingsFile: "nowhere", OSVURL: "https://u:hunter2@host", OSVDir: "here"},
		AppID: "hunter2", WebhookSecretFile: "hunter2", PrivateKeyFile: "hunter2", LogLevel: "loud", LogFormat: "xml", Database: "mysql:x",
	}.Config()
	if err == nil {
		t.Fatal("no mistake is reported")
	}
	for _, name := range []string{"LISTEN", "GITHUB_URL", "PUBLIC_URL", "ROLE", "WORKERS", "FETCH_MB", "SANDBOX", "SETTINGS_FILE", "OSV_DIR", "GITHUB_APP_ID", "GITHUB_WEBHOOK_SECRET_FILE", "GITHUB_PRIVATE_KEY_FILE", "LOG_LEVEL", "LOG_FORMAT", "DATABASE_URL", "DATA_DIR"} {
		if !strings.Contains(err.Error(), "SECBYDESIGN_"+name+" ") && !strings.Contains(err.Error(), "SECBYDESIGN_"+name+": ") {
			t.Errorf("%s is not reported:\n%v", name, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret is repeated:\n%v", err)
	}
}

// TestLogHoldsNothingHidden in either format, whatever the name of a file.
func TestLogHoldsNothingHidden(t *testing.T) {
	t.Parallel()
	const path = "a\x1b[8m\u009b8m\u202e.go"
	for _, console := range []bool{false, true} {
		var b bytes.Buffer
		log := app.Logger(app.Config{Console: console}, &b)
		log.Warn().Str("path", path).Err(errors.New(path)).Msg("not read")
		out := regexp.MustCompile("\x1b\\[[0-9]+m").ReplaceAllString(b.String(), "") // the colours of the console
		if !strings.Contains(out, "not read") || strings.ContainsAny(out, "\x1b\u009b\u202e") {
			t.Errorf("console %v: %q", console, out)
		}
	}
}

// TestClockOffset: only with a stand-in on this machine may the clock be moved.
func TestClockOffset(t *testing.T) {
	t.Parallel()
	const elsewhere = "SECBYDESIGN_CLOCK_OFFSET moves the clock, and SECBYDESIGN_GITHUB_URL is no address of this machine"
	for _, tt := range []struct {
		offset, github string
		want           time.Duration
		mistake        string // empty if it is allowed
	}{
		{"", "https://github.com", 0, ""},
		{"", "http://127.0.0.1:1", 0, ""},
		{"72h", "http://127.0.0.1:8081", 72 * time.Hour, ""},
		{"72h", "http://localhost:8081", 72 * time.Hour, ""},
		{"72h", "http://[::1]:8081/", 72 * time.Hour, ""},
		{"31d", "https://127.0.0.2", 31 * 24 * time.Hour, ""},
		{"-90m", "http://127.0.0.1:1", -90 * time.Minute, ""},
		{"72h", "https://github.com", 0, elsewhere},
		{"0s", "https://github.com", 0, elsewhere},
		{"72h", "https://ghe.example.com", 0, elsewhere},
		{"72h", "https://127.0.0.1.example.com", 0, elsewhere},
		{"72h", "https://127.0.0.1@example.com", 0, elsewhere},
		{"72h", "://", 0, elsewhere},
		{"72", "http://127.0.0.1:1", 0, "SECBYDESIGN_CLOCK_OFFSET is \"72\": write a duration such as 72h or 30d"},
		{"soon", "https://github.com", 0, "SECBYDESIGN_CLOCK_OFFSET is \"soon\": write"},
		{"1000000d", "http://127.0.0.1:1", 0, "SECBYDESIGN_CLOCK_OFFSET is \"1000000d\": write"},
	} {
		c, err := app.Settings{ClockOffset: tt.offset, GitHubURL: tt.github, Role: "king"}.Config()
		if err == nil || !strings.Contains(err.Error(), "SECBYDESIGN_ROLE is") {
			t.Fatalf("the other mistakes are not reported: %v", err)
		}
		if got := strings.Contains(err.Error(), "CLOCK_OFFSET"); got != (tt.mistake != "") || !strings.Contains(err.Error(), tt.mistake) {
			t.Errorf("%q with %s: %v", tt.offset, tt.github, err)
		}
		if got := c.Clock.Offset(); got != tt.want {
			t.Errorf("%q with %s moves the clock by %s", tt.offset, tt.github, got)
		}
		if len(regexp.MustCompile("(?m)^SECBYDESIGN_CLOCK_OFFSET").FindAllString(err.Error(), -1)) > 1 {
			t.Errorf("more than one sentence: %v", err)
		}
	}
}
