package app_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

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
		if !strings.Contains(err.Error(), "SECBYDESIGN_"+name+" ") {
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
