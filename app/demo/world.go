// Package demo shows the whole App at work on one machine: the real program against the
// built-in stand-in for GitHub, with real webhooks, real git and a real pull request.
package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/confined"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// A World is the App and a stand-in for GitHub that send requests to each other.
type World struct {
	GitHub   *fakegithub.Server
	Settings app.Settings
	Clock    *clock.Clock   // of the App; nil for the one of the settings
	Content  *confined.Pool // of the App; nil for processes of its own
	Comments *confined.Pool // likewise

	RecoverEvery time.Duration // time between two searches for lost deliveries; 0 for the App's
	WritePace    time.Duration // pause between two writes to GitHub; 0 for that of the App, which does not pause for a stand-in

	address string
	stop    context.CancelFunc
	stopped chan error
}

// viewer is who looks at the pages, and may write there.
const viewer = "mona"

// secret signs the deliveries of a world, which never leave the machine.
var secret = []byte("a secret of the demo")

// NewWorld makes a stand-in on the address (empty for a free one) with its state in dir, and
// the App's settings for it: the scanners that are built in, and no network. The App is not running
// yet.
func NewWorld(dir, address string) (*World, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make the App's key: %w", err)
	}
	gh, err := fakegithub.New(fakegithub.Options{
		Dir: filepath.Join(dir, "github"), AppID: 1, PublicKey: &key.PublicKey, WebhookSecret: secret, Viewer: viewer,
	})
	if err != nil {
		return nil, err
	}
	if err := gh.Start(address); err != nil {
		return nil, err
	}
	settings := app.Settings{
		Listen: "127.0.0.1:0", DataDir: filepath.Join(dir, "data"), Role: "all", Workers: "2", GitHubURL: gh.URL(),
		AppID: "1", WebhookSecret: string(secret), LogLevel: "info", LogFormat: "json",
		ScannerSettings: app.ScannerSettings{Sandbox: "auto", BuiltIn: true, OSVURL: "off"},
		PrivateKey:      string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	}
	return &World{GitHub: gh, Settings: settings}, nil
}

// requestTime is more than the stand-in takes for a request, and less than GitHub may.
const requestTime = 3 * time.Second

// Start starts the App.
func (w *World) Start(ctx context.Context, log zerolog.Logger) error {
	config, err := w.Settings.Config()
	if err != nil {
		return err
	}
	if w.Clock != nil {
		config.Clock = w.Clock
	}
	config.Content, config.Comments = w.Content, w.Comments
	config.RecoverEvery = w.RecoverEvery
	config.Simulated.RequestTime = requestTime
	config.WritePace = cmp.Or(w.WritePace, config.WritePace)
	l, err := net.Listen("tcp", config.Listen)
	if err != nil {
		return err
	}
	w.address = "http://" + l.Addr().String()
	w.GitHub.SetWebhookURL(w.address + "/webhook")
	ctx, w.stop = context.WithCancel(ctx)
	w.stopped = make(chan error, 1)
	go func() { w.stopped <- app.Serve(ctx, config, log, l) }()
	return nil
}

// Address returns the address on which the App serves, once it is started.
func (w *World) Address() string { return w.address }

// Stop drains the App, and returns its error. The stand-in goes on.
func (w *World) Stop() error {
	if w.stop == nil {
		return nil
	}
	w.stop()
	w.stop = nil
	return <-w.stopped
}

// Verdict waits until the head of a pull request has its verdict.
func (w *World) Verdict(ctx context.Context, owner, repo string, number int) (fakegithub.CheckRun, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		head := w.GitHub.Pull(owner, repo, number).HeadSHA
		for _, run := range w.GitHub.CheckRuns(owner, repo, head) {
			if run.Name == checks.Name {
				if run.Status == "completed" {
					return run, nil
				}
				break // the newest counts
			}
		}
		select {
		case err := <-w.stopped:
			w.stopped <- err
			return fakegithub.CheckRun{}, errors.Join(errors.New("the App stopped"), err)
		case <-ctx.Done():
			return fakegithub.CheckRun{}, fmt.Errorf("wait for the verdict on %.10s: %w", head, ctx.Err())
		case <-tick.C:
		}
	}
}
