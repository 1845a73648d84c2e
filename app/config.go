package app

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/confined"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/tracing/otlp"
	"github.com/secbydesign/secbydesign/scanners/catalog"
	"github.com/secbydesign/secbydesign/scanners/osv"
)

// Settings are what an operator sets, as flags or as environment variables of the same names. All are strings here, so
// that [Settings.Config] can report every mistake at once.
type Settings struct {
	Listen    string `env:"SECBYDESIGN_LISTEN" default:":8080" placeholder:"ADDR" help:"Address to serve on."`
	Metrics   string `name:"metrics-listen" env:"SECBYDESIGN_METRICS_LISTEN" placeholder:"ADDR" help:"Address to serve /metrics on, and nowhere else; with the rest unless set."`
	PublicURL string `env:"SECBYDESIGN_PUBLIC_URL" placeholder:"URL" help:"Address under which GitHub and people reach this server."`
	DataDir   string `env:"SECBYDESIGN_DATA_DIR" default:"data" placeholder:"DIR" help:"Folder for the database, the mirrors and temporary files."`
	Database  string `name:"database-url" env:"SECBYDESIGN_DATABASE_URL" placeholder:"URL" help:"sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME; a file in the data folder unless set."`
	Init      bool   `help:"Start even if the database is missing, empty or older than at the last start."`
	Role      string `env:"SECBYDESIGN_ROLE" default:"all" placeholder:"ROLE" help:"all, or only web, or only worker."`
	Workers   string `env:"SECBYDESIGN_WORKERS" default:"4" placeholder:"N" help:"Reviews at one time."`
	FetchMB   string `name:"fetch-mb" env:"SECBYDESIGN_FETCH_MB" default:"1024" placeholder:"N" help:"Most megabytes that one fetch of a repository may bring. A change over it is incomplete."`

	GitHubURL         string `name:"github-url" env:"SECBYDESIGN_GITHUB_URL" default:"https://github.com" placeholder:"URL" help:"GitHub, or your GitHub Enterprise Server."`
	AppID             string `name:"github-app-id" env:"SECBYDESIGN_GITHUB_APP_ID" placeholder:"ID" help:"The App's id."`
	PrivateKey        string `name:"github-private-key" env:"SECBYDESIGN_GITHUB_PRIVATE_KEY" placeholder:"PEM" help:"The App's private key. Use the variable or the file: everybody on the machine can read a flag."`
	PrivateKeyFile    string `name:"github-private-key-file" env:"SECBYDESIGN_GITHUB_PRIVATE_KEY_FILE" placeholder:"FILE" help:"File with the App's private key."`
	WebhookSecret     string `name:"github-webhook-secret" env:"SECBYDESIGN_GITHUB_WEBHOOK_SECRET" placeholder:"SECRET" help:"The App's webhook secret; several, separated by commas, while rotating. Use the variable or the file: everybody on the machine can read a flag."`
	WebhookSecretFile string `name:"github-webhook-secret-file" env:"SECBYDESIGN_GITHUB_WEBHOOK_SECRET_FILE" placeholder:"FILE" help:"File with the webhook secret."`

	ScannerSettings

	ClockOffset string `env:"SECBYDESIGN_CLOCK_OFFSET" placeholder:"DURATION" help:"Moves the App's clock, such as 72h or 30d: for rehearsals against a stand-in for GitHub on this machine only."`

	LogLevel  string `env:"SECBYDESIGN_LOG_LEVEL" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat string `env:"SECBYDESIGN_LOG_FORMAT" default:"json" placeholder:"FORMAT" help:"json or console."`
}

// A Config holds checked [Settings].
type Config struct {
	Listen    string
	Metrics   string // address of /metrics; empty means with the rest
	PublicURL string // without a slash at its end; may be empty
	DataDir   string // absolute
	Database  string
	Init      bool // accept the database in its present state
	Web       bool // serve HTTP
	Work      bool // review pull requests
	Workers   int

	FetchBytes int64 // most bytes that one fetch may bring; 0 is the default

	GitHubURL      string
	AppID          int64
	PrivateKey     []byte // checked
	WebhookSecrets [][]byte

	Catalog catalog.Options

	Clock *clock.Clock // nil for the machine's

	// Content are the processes that read the content of pull requests; nil for processes of its own. Several programs
	// with the same settings of scanners can share them.
	Content *confined.Pool

	// Comments are the processes that read comments with commands, for which GitHub waits; nil for one of its own, see
	// [NewComments].
	Comments *confined.Pool
	Traces   bool // export traces as the variables of OpenTelemetry say

	LogLevel zerolog.Level
	Console  bool

	WritePace time.Duration // pause between two writes to GitHub

	RecoverEvery time.Duration // time between two searches for lost deliveries; 0 means an hour

	Simulated Simulated
}

// Simulated is how a simulation differs from a server. The zero value is a server.
type Simulated struct {
	Transport http.RoundTripper // to GitHub; nil for the program's own

	// The program's own pauses take too long for thousands of simulated reviews. Each is the program's own if it is 0.
	FirstPause time.Duration // see [queue.Options]
	Heartbeat  time.Duration // see [queue.Options]
	LeaseTTL   time.Duration // see [queue.Options]
	LimitWait  time.Duration // see [installation.Options]

	RequestTime time.Duration // of GitHub, see [installation.Options]
}

// maxFetchMB is 100 GB, more than GitHub lets a repository grow to.
const maxFetchMB = 100 << 10

// Config checks the settings. The error has one line for each mistake, which begins with the name of the variable.
func (s Settings) Config() (Config, error) {
	var wrong mistakes
	c := Config{Init: s.Init, Console: s.LogFormat == "console"}
	s.addresses(&c, &wrong)
	s.work(&c, &wrong)
	s.app(&c, &wrong)
	s.clock(&c, &wrong)

	var options map[string]error
	c.Catalog, options = s.options(osv.DefaultURL, c.DataDir)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		wrong.add(name, "%v", options[name])
	}

	var err error
	if c.Traces, err = otlp.Wanted(os.Getenv); err != nil {
		wrong = append(wrong, err)
	}
	if c.LogLevel, err = zerolog.ParseLevel(s.LogLevel); err != nil || s.LogLevel == "" {
		wrong.add("LOG_LEVEL", "is %q: write debug, info, warn or error", s.LogLevel)
	}
	if s.LogFormat != "json" && s.LogFormat != "console" {
		wrong.add("LOG_FORMAT", "is %q: write json or console", s.LogFormat)
	}
	return c, errors.Join(wrong...)
}

// mistakes holds what is wrong with the settings.
type mistakes []error

// add records a mistake in the variable SECBYDESIGN_name.
func (m *mistakes) add(name, format string, args ...any) {
	*m = append(*m, fmt.Errorf("SECBYDESIGN_%s "+format, append([]any{name}, args...)...))
}

// addresses reads where the program listens, and where its users and GitHub are.
func (s Settings) addresses(c *Config, wrong *mistakes) {
	c.Listen = s.Listen
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		wrong.add("LISTEN", "is %q: write HOST:PORT or :PORT", s.Listen)
	}
	c.Metrics = s.Metrics
	if _, _, err := net.SplitHostPort(s.Metrics); s.Metrics != "" && err != nil {
		wrong.add("METRICS_LISTEN", "is %q: write HOST:PORT or :PORT", s.Metrics)
	}
	c.PublicURL = strings.TrimSuffix(s.PublicURL, "/")
	if c.PublicURL != "" {
		if err := webAddress(c.PublicURL); err != nil {
			wrong.add("PUBLIC_URL", "%v", err)
		}
	}
	c.GitHubURL = strings.TrimSuffix(s.GitHubURL, "/")
	if err := webAddress(c.GitHubURL); err != nil {
		wrong.add("GITHUB_URL", "%v", err)
	}
	if u, err := url.Parse(c.GitHubURL); err == nil && !loopback(u.Hostname()) {
		c.WritePace = installation.WritePace // an address on this machine is a stand-in, which does not mind
	}
}

// work reads where data is kept and what this process does.
func (s Settings) work(c *Config, wrong *mistakes) {
	var err error
	if c.DataDir, c.Database, err = database(s.DataDir, s.Database); err != nil {
		*wrong = append(*wrong, err)
	}
	if s.DataDir != "" {
		if err := writable(c.DataDir); err != nil {
			wrong.add("DATA_DIR", "%v", err)
		}
	}
	switch s.Role {
	case "all", "web", "worker":
		c.Web, c.Work = s.Role != "worker", s.Role != "web"
	default:
		wrong.add("ROLE", "is %q: write all, web or worker", s.Role)
	}
	if c.Workers, err = strconv.Atoi(s.Workers); err != nil || c.Workers < 1 || c.Workers > 1000 {
		wrong.add("WORKERS", "is %q: write a number from 1 to 1000", s.Workers)
	}
	if s.FetchMB != "" {
		n, err := strconv.ParseInt(s.FetchMB, 10, 64)
		if err != nil || n < 1 || n > maxFetchMB {
			wrong.add("FETCH_MB", "is %q: write a number from 1 to %d", s.FetchMB, maxFetchMB)
		}
		c.FetchBytes = n << 20
	}
}

// clock reads how far the App's clock is moved. An acceptance on GitHub must not end or last by another date than the
// one that people read, so only a stand-in on this machine may be used with a moved clock.
func (s Settings) clock(c *Config, wrong *mistakes) {
	if s.ClockOffset == "" {
		return
	}
	offset, err := duration(s.ClockOffset)
	if err != nil {
		wrong.add("CLOCK_OFFSET", "is %q: write a duration such as 72h or 30d", s.ClockOffset)
		return
	}
	if u, err := url.Parse(c.GitHubURL); err != nil || !loopback(u.Hostname()) {
		wrong.add("CLOCK_OFFSET", "moves the clock, and SECBYDESIGN_GITHUB_URL is no address of this machine: unset it, or name a stand-in such as http://127.0.0.1:8081")
		return
	}
	c.Clock = clock.At(offset)
}

// duration parses a duration of Go, or a number of days such as 30d.
func duration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 64)
		if err == nil && (n > maxDays || n < -maxDays) {
			err = strconv.ErrRange
		}
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}

// maxDays is about 274 years; a [time.Duration] holds 292.
const maxDays = 100_000

// app reads the identity of the GitHub App and its secrets. A process that takes no deliveries needs no
// webhook secret.
func (s Settings) app(c *Config, wrong *mistakes) {
	var err error
	switch c.AppID, err = strconv.ParseInt(s.AppID, 10, 64); {
	case s.AppID == "":
		wrong.add("GITHUB_APP_ID", "is not set: it is on the App's settings page")
	case err != nil || c.AppID <= 0:
		wrong.add("GITHUB_APP_ID", "is not the App's id, a number: it is on the App's settings page")
	}
	key, err := wordOrFile(s.PrivateKey, s.PrivateKeyFile)
	switch {
	case err != nil:
		wrong.add("GITHUB_PRIVATE_KEY_FILE", "%v", err)
	case key == "":
		wrong.add("GITHUB_PRIVATE_KEY", "is not set: make a private key on the App's settings page, and set it or SECBYDESIGN_GITHUB_PRIVATE_KEY_FILE")
	}
	// Some ways of setting variables cannot hold line breaks.
	c.PrivateKey = []byte(strings.ReplaceAll(key, `\n`, "\n"))
	if _, err := installation.ParseKey(c.PrivateKey); key != "" && err != nil {
		if s.PrivateKey == "" {
			wrong.add("GITHUB_PRIVATE_KEY_FILE", "names a file whose text %v", err)
		} else {
			wrong.add("GITHUB_PRIVATE_KEY", "%v", err)
		}
	}
	secrets, err := wordOrFile(s.WebhookSecret, s.WebhookSecretFile)
	if err != nil {
		wrong.add("GITHUB_WEBHOOK_SECRET_FILE", "%v", err)
	}
	for _, secret := range strings.Split(secrets, ",") {
		if secret = strings.TrimSpace(secret); secret != "" {
			c.WebhookSecrets = append(c.WebhookSecrets, []byte(secret))
		}
	}
	if len(c.WebhookSecrets) == 0 && err == nil && c.Web {
		wrong.add("GITHUB_WEBHOOK_SECRET", "is not set: without one, anybody could send deliveries")
	}
}

// database returns the data folder and the address of the database.
func database(dir, url string) (string, string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil || dir == "" {
		err = fmt.Errorf("SECBYDESIGN_DATA_DIR is %q: write the path of a folder", dir)
	}
	if url == "" {
		return abs, "sqlite:" + filepath.Join(abs, "secbydesign.db"), err
	}
	if _, wrong := ledger.Where(url); wrong != nil {
		err = errors.Join(err, fmt.Errorf("SECBYDESIGN_DATABASE_URL: %w", wrong))
	}
	return abs, url, err
}

// writable returns an error if dir cannot be used as the data folder. It creates nothing that stays: dir may be absent,
// and then the folder that it will be created in is checked.
func writable(dir string) error {
	at := dir
	info, err := os.Stat(at)
	for errors.Is(err, os.ErrNotExist) && at != filepath.Dir(at) {
		at = filepath.Dir(at)
		info, err = os.Stat(at)
	}
	if err == nil && !info.IsDir() {
		return fmt.Errorf("is %q, and %q is no folder: name a folder that this user may write to", dir, at)
	}
	if err == nil {
		err = probe(at)
	}
	if err != nil {
		return fmt.Errorf("is %q: this program cannot write to %q (%w); name a folder that its user may write to", dir, at, reason(err))
	}
	return nil
}

// probe creates and removes a file.
func probe(dir string) error {
	f, err := os.CreateTemp(dir, ".secbydesign-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// reason returns the system's words for what is wrong with a file, without its name.
func reason(err error) error {
	var failed *os.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// wordOrFile returns a setting that may be in a file. The value itself takes precedence. The errors do not name the
// file: the secret itself may have been pasted in place of a path.
func wordOrFile(word, file string) (string, error) {
	if word != "" || file == "" {
		return word, nil
	}
	b, err := os.ReadFile(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", errors.New("names a file that does not exist")
	case err != nil:
		return "", errors.New("names a file that cannot be read")
	case strings.TrimSpace(string(b)) == "":
		return "", errors.New("names a file that is empty")
	}
	return strings.TrimSpace(string(b)), nil
}

// webAddress reports mistakes in a base address. Plain http is for this machine only, since tokens travel on it.
func webAddress(s string) error {
	u, err := url.Parse(s)
	switch {
	case strings.Contains(s, "@"): // the part before it may be a password, so it is not repeated
		return errors.New("must be an address without user, query and fragment")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("is %q: write an address that begins with https://", s)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("must be an address without user, query and fragment")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("is %q: plain http is allowed for this machine only, write https://", s)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
