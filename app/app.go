// Package app is the program: it builds the parts, connects them, serves and drains.
//
// A tour, from the bottom up. Package scanners says what a finding is, and each folder in it is one scanner. Package
// webhook turns GitHub's deliveries into intents. Package checks turns findings into the content of a pull request, and
// checks/publish writes it. None of the three imports another, except that checks uses the findings of scanners.
//
// Everything meets here. A delivery becomes a row of the ledger (app/ledger) and a job of the queue (app/queue) in one
// transaction, before it is answered. A worker takes the job and reviews the pull request (app/review):
//
//   - It asks GitHub about it (app/pull, with the tokens of app/installation), fetches both sides
//     of the change (app/mirror), and reads the policy at the base (app/policyfiles, app/policy). YAML, Markdown and other
//     formats that need a library are parsed in processes that have no credentials (app/confined, reading.go).
//   - It runs the scanners over both sides (app/examine), in such processes, too, and finds what is new (app/baseline).
//   - It judges the new findings (app/judge): by the policy, by people's decisions (app/decision), by the
//     suppressions in the code (app/suppress), and by what is known of the rules (app/insight).
//   - It explains weaknesses that the owners of a file have not met before (app/lesson), shows the verdict on the
//     pull request, and records it (app/record, which defines what is stored).
//
// A comment with a command (app/command) is a job too (app/conversation): it looks up the author (app/people), checks
// what the author may decide (app/ownership), and stores the decision in the ledger before it answers and the pull
// request is reviewed again. On an issue, before there is any code, app/plan keeps a checklist of the design, and on one
// issue of each team app/digest keeps what the team has to decide. The findings of a tool that runs elsewhere are sent
// by its workflow (app/upload), kept in the ledger, and part of the next review.
//
// What GitHub could not hand over is found again (app/recovery): at each start and every hour its log of deliveries is
// read, and open pull requests without a verdict are reviewed.
//
// What the events mean for the teams that own the code, their lists and the observations behind their figures, is kept by
// app/tally as events are recorded; app/insight has the formulas.
//
// Package app/local reviews a folder on this machine by the same steps, without GitHub and a database,
// and app/rehearsal shows what another policy would have decided in the reviews that are stored.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/confined"
	"github.com/secbydesign/secbydesign/app/conversation"
	"github.com/secbydesign/secbydesign/app/digest"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/plan"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/review"
	"github.com/secbydesign/secbydesign/app/tracing/otlp"
	"github.com/secbydesign/secbydesign/app/upload"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
	"github.com/secbydesign/secbydesign/scanners/visible"
	"github.com/secbydesign/secbydesign/webhook"
)

// drain is how long running reviews may take to finish when the program is asked to stop. A review that is still
// running then is cancelled, has [queue.Options].StopGrace to return, and is done again by the next process. Last
// of all the traces are sent: all together at most 22 seconds. Kubernetes waits 30 seconds before it kills.
const (
	drain     = 14 * time.Second
	flushTime = 2 * time.Second
)

// uploads is how many documents of up to 100 MB are read at a time.
const uploads = 2

// app holds the parts of one running program.
type app struct {
	config       Config
	log          zerolog.Logger
	metrics      *metrics
	traces       *otlp.Exporter // nil if nobody collects them
	identity     identity
	ledger       *ledger.Ledger
	github       *installation.App
	reviewer     *review.Reviewer
	conversation *conversation.Handler
	plans        *plan.Handler
	digests      *digest.Handler
	queue        *queue.Queue
	content      *confined.Pool
	comments     reading // in processes of its own, since GitHub waits for the answer
	scanners     []scanners.Scanner
	webhook      *webhook.Handler
	uploads      *upload.Handler
}

// Logger makes the program's logger.
func Logger(c Config, w io.Writer) zerolog.Logger {
	if c.Console {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly} // it quotes characters that control a terminal
	} else {
		w = shown{w}
	}
	return zerolog.New(w).Level(c.LogLevel).With().Timestamp().Logger()
}

// shown escapes hidden characters in lines of JSON: a path in a log must do nothing to the reader's terminal.
type shown struct{ io.Writer }

func (s shown) Write(line []byte) (int, error) {
	if _, err := s.Writer.Write(visible.JSON(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// Run serves until ctx ends, and then drains. A nil error means that it stopped in order.
func Run(ctx context.Context, c Config, log zerolog.Logger) error {
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("SECBYDESIGN_LISTEN: %w", err)
	}
	if c.Work {
		about, safe := sandboxReport(c.Catalog.Sandbox)
		level := zerolog.DebugLevel
		if !safe {
			level = zerolog.WarnLevel
		}
		log.WithLevel(level).Msg(about)
	}
	return Serve(ctx, c, log, listener)
}

// Serve is [Run] on a listener, which it closes.
func Serve(ctx context.Context, c Config, log zerolog.Logger, listener net.Listener) (err error) {
	defer listener.Close()
	var apart net.Listener // for the metrics
	if c.Metrics != "" {
		if apart, err = net.Listen("tcp", c.Metrics); err != nil {
			return fmt.Errorf("SECBYDESIGN_METRICS_LISTEN: %w", err)
		}
		defer apart.Close()
	}
	a, err := build(ctx, c, log)
	if err != nil && errors.Is(err, context.Cause(ctx)) {
		log.Info().Msg("stopped at the start")
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()

	if c.Work {
		if err := a.queue.Start(ctx); err != nil {
			return fmt.Errorf("start workers: %w", err)
		}
		if err := a.reviewer.Retry(ctx); err != nil {
			log.Warn().Err(err).Msg("what was too large for other limits is not reviewed again")
		}
		if err := errors.Join(a.reviewer.LookForMissed(ctx), a.conversation.Schedule(ctx)); err != nil {
			log.Warn().Err(err).Msg("merges that were missed, or warnings of decisions by older versions, wait for the next start")
		}
	}
	prepared := a.prepare(ctx)
	defer func() { <-prepared }()
	background, end := context.WithCancel(ctx)
	confirmed := a.confirm(background)
	defer func() { end(); <-confirmed }()
	if c.Work {
		recovered := a.recover(background)
		defer func() { end(); <-recovered }()
	}
	limits := standard()
	server, metrics := a.server(a.routes(), limits), a.server(a.metricsRoutes(), limits)
	failed := make(chan error, 2)
	if apart != nil {
		go func() { failed <- metrics.Serve(bounded(apart, limits)) }()
	}
	go func() { failed <- server.Serve(bounded(listener, limits)) }()
	if c.Clock.Offset() != 0 {
		log.Warn().Stringer("by", c.Clock.Offset()).Msg("SECBYDESIGN_CLOCK_OFFSET moves the clock: dates are not those of this machine")
	}
	log.Info().Str("version", Version()).Str("data", c.DataDir).Int64("app", c.AppID).Str("github", c.GitHubURL).
		Str("address", listener.Addr().String()).Msg("serving")

	select {
	case err = <-failed:
	case <-ctx.Done():
		log.Info().Msg("draining")
	}
	return errors.Join(ignore(err, http.ErrServerClosed), a.stop(ctx, server, metrics))
}

// stop lets running requests and reviews end. It has to go on after ctx has ended.
func (a *app) stop(ctx context.Context, servers ...*http.Server) (err error) {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	for _, s := range servers {
		err = errors.Join(err, s.Shutdown(stop))
	}
	if a.config.Work {
		err = errors.Join(err, a.queue.Stop(stop))
	}
	flush, end := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer end()
	a.traces.Shutdown(flush)
	return err
}

// prepare prepares scanners, and the process that reads comments, in the background, so that the first reviews and commands
// do not wait for it. It closes the channel when it is done.
func (a *app) prepare(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if a.config.Web {
			if err := a.comments.pool.Check(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn().Err(err).Msg("comments with commands are not answered until a process can be started")
			}
		}
		for _, sc := range a.scanners {
			if !a.config.Work {
				break
			}
			if p, ok := sc.(scanners.Preparer); ok && ctx.Err() == nil {
				p.Prepare(ctx)
			}
		}
	}()
	return done
}

func ignore(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}

// build makes the parts and connects them.
func build(ctx context.Context, c Config, log zerolog.Logger) (*app, error) {
	a := &app{config: c, log: log, metrics: newMetrics()}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("SECBYDESIGN_DATA_DIR: %w", err)
	}
	if _, err := mirror.Check(ctx, ""); err != nil {
		return nil, err
	}
	var err error
	if c.Traces {
		if a.traces, err = otlp.New(ctx, Version(), log); err != nil {
			return nil, err
		}
	}
	a.github, err = installation.New(installation.Options{
		AppID: c.AppID, Key: c.PrivateKey, URL: c.GitHubURL, Version: Version(), WritePace: c.WritePace, Observe: a.exchange, Shared: a.sharedLimits(),
		Transport: c.Simulated.Transport, LimitWait: c.Simulated.LimitWait, RequestTime: c.Simulated.RequestTime,
	})
	if err != nil {
		return nil, fmt.Errorf("SECBYDESIGN_GITHUB_PRIVATE_KEY: %w", err)
	}
	open := ledger.Open
	if c.Init {
		log.Warn().Msg("--init is set: a missing or older database is accepted without a warning; leave --init out from now on")
		open = ledger.Init
	}
	if a.ledger, err = open(ctx, c.Database); err != nil {
		return nil, fmt.Errorf("SECBYDESIGN_DATABASE_URL: %w", err)
	}
	a.ledger.Clock, a.ledger.Observe = c.Clock, a.metrics.transaction
	if a.content = c.Content; a.content == nil {
		if a.content, err = NewContent(ctx, c, a.metrics.restart); err != nil {
			return nil, errors.Join(err, a.ledger.Close())
		}
	}
	if a.comments.pool = c.Comments; c.Comments == nil {
		a.comments.pool = NewComments(c, a.metrics.restart)
	}
	mirrors := &mirror.Store{Dir: filepath.Join(c.DataDir, "mirrors"), Limits: mirror.Limits{FetchBytes: c.FetchBytes}, Observe: a.metrics.fetch}
	all, err := a.content.Scanners(c.Catalog)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	a.scanners = all
	read := reading{a.content}
	parsers := examine.Parsers{YAML: read.yaml, Catalogs: read.catalogs}
	files := &policyfiles.Files{App: a.github, Mirrors: mirrors, Ledger: a.ledger, YAML: read.yaml}
	a.reviewer = &review.Reviewer{
		App: a.github, AppID: c.AppID, Ledger: a.ledger, Mirrors: mirrors, Files: files, Clock: c.Clock,
		Examiner: &examine.Examiner{Scanners: all, Known: a.ledger.Results, Keep: a.ledger.SaveResults, Program: Version(), Divide: a.content.Divide, Observe: a.metrics.scan},
		Parsers:  parsers, Ignores: read.ignores,
		Externals: upload.Externals{Ledger: a.ledger, Here: names(all), Known: catalog.Names()},
		Observe:   a.metrics.review, ObserveComment: a.metrics.comment,
		Directory: &people.Directory{}, ObserveOwners: a.metrics.owners,
	}
	a.conversation = &conversation.Handler{App: a.github, Mirrors: mirrors, Ledger: a.ledger, Files: files, Clock: c.Clock, Parsers: parsers, Outcomes: a.outcomes}
	a.plans = &plan.Handler{App: a.github, Ledger: a.ledger, Files: files}
	a.reviewer.Planned = a.plans.Inherited
	a.digests = &digest.Handler{
		App: a.github, Ledger: a.ledger, Files: files, Clock: c.Clock, Teams: a.ledger.Teams, List: a.ledger.TeamList, Outcomes: a.outcomes,
	}
	a.queue, err = queue.New(a.ledger, queue.Options{
		Workers: c.Workers, Work: reviewOwned(a.reviewer.Review), Task: taskOwned(a.task), Logger: log, Failed: a.metrics.failure, Clock: c.Clock, Tracer: a.traces.Tracer(),
		FirstPause: c.Simulated.FirstPause, Heartbeat: c.Simulated.Heartbeat, LeaseTTL: c.Simulated.LeaseTTL,
		Folder: filepath.Join(c.DataDir, "workers"), Settle: cmp.Or(c.Simulated.RequestTime, installation.RequestTime),
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open queue: %w", err), a.close())
	}
	a.metrics.state(a)
	a.reviewer.Submit, a.conversation.Submit, a.digests.Submit = a.queue.SubmitWith, a.queue.SubmitWith, a.queue.SubmitWith
	a.uploads = &upload.Handler{
		App: a.github, Mirrors: mirrors, Ledger: a.ledger, Submit: a.queue.Submit, Slots: make(chan struct{}, uploads), Read: a.content.SARIF,
		Taken: append(catalog.Names(), names(all)...), Observe: a.metrics.upload,
	}
	if c.PublicURL != "" {
		a.uploads.Verifier = upload.NewVerifier(upload.Issuer(a.github.WebURL()), c.PublicURL)
	}
	a.webhook = &webhook.Handler{Secrets: c.WebhookSecrets, Accept: a.accept, Observe: a.metrics.delivery, Dir: c.DataDir}
	if err := a.webhook.Check(); c.Web && err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

// close closes what the program has opened.
func (a *app) close() error {
	if a.content != a.config.Content {
		a.content.Close()
	}
	if a.comments.pool != nil && a.comments.pool != a.config.Comments {
		a.comments.pool.Close()
	}
	return a.ledger.Close()
}

func names(list []scanners.Scanner) (names []string) {
	for _, s := range list {
		names = append(names, s.Info().Name)
	}
	return names
}

// exchange counts every request to GitHub, and logs it at the level debug.
func (a *app) exchange(e installation.Exchange) {
	a.metrics.exchange(e)
	a.log.Debug().Int64("installation", e.Installation).Str("method", e.Method).Str("path", e.Path).
		Int("status", e.Status).Stringer("took", e.Duration.Round(time.Millisecond)).AnErr("error", e.Err).Msg("asked GitHub")
}
