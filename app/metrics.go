package app

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/secbydesign/secbydesign/app/confined"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/recovery"
	"github.com/secbydesign/secbydesign/app/review"
	"github.com/secbydesign/secbydesign/scanners"
)

// metrics are the metrics at GET /metrics. No label has values that an outsider can choose.
type metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec
	reviews    *prometheus.CounterVec
	seconds    prometheus.Histogram
	requests   *prometheus.CounterVec
	scans      *prometheus.CounterVec
	scanned    *prometheus.CounterVec
	scanTime   *prometheus.HistogramVec
	uploads    *prometheus.CounterVec
	failed     *prometheus.CounterVec
	found      prometheus.Counter
	unowned    prometheus.Counter
	restarts   *prometheus.CounterVec
	lost       *prometheus.CounterVec
	unjudged   prometheus.Counter

	verdictTime  prometheus.Histogram
	commentTime  prometheus.Histogram
	calls        *prometheus.CounterVec
	callTime     *prometheus.HistogramVec
	transactions *prometheus.CounterVec
	quotas       *quotas
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secbydesign_webhook_deliveries_total", Help: "Deliveries by event, action and outcome: accepted, duplicate, or the reason why one was ignored or refused.",
		}, []string{"event", "action", "outcome"}),
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secbydesign_reviews_total", Help: "Reviews that were finished, by verdict.",
		}, []string{"verdict"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "secbydesign_review_seconds", Help: "Time from the start of a review to its verdict.", Buckets: prometheus.ExponentialBuckets(0.25, 2, 12),
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secbydesign_github_requests_total", Help: "Requests to GitHub by method and status; status 0 is no answer.",
		}, []string{"method", "status"}),
	}
	m.scans = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "secbydesign_scans_total", Help: "Looks of a scanner at a change, by outcome: complete, incomplete, or skipped because its program is missing.",
	}, []string{"scanner", "outcome"})
	m.scanned = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "secbydesign_scanned_total", Help: "Files and trees that a scanner scanned; those whose content was scanned before are not counted.",
	}, []string{"scanner"})
	m.scanTime = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "secbydesign_scan_seconds", Help: "Time that a scanner took for one change.", Buckets: prometheus.ExponentialBuckets(0.01, 4, 9),
	}, []string{"scanner"})
	m.uploads = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "secbydesign_uploads_total", Help: "Results that workflows sent, by the status of the answer.",
	}, []string{"status"})
	m.failed = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "secbydesign_review_failures_total", Help: "Reviews that failed, by what follows: retried, or given_up after a day.",
	}, []string{"then"})
	for _, then := range []string{"retried", "given_up"} { // so that a rate is known before the first
		m.failed.WithLabelValues(then)
	}
	m.found = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "secbydesign_findings_new_total", Help: "New findings of pull requests; each counts once for its pull request.",
	})
	m.unowned = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "secbydesign_findings_unowned_total", Help: "New findings in files that nobody owns; each counts once for its pull request.",
	})
	m.restarts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "secbydesign_scan_processes_restarted_total",
		Help: "Ends of processes that read the content of pull requests, by reason: served and grown are in order, the others are not.",
	}, []string{"reason"})
	for _, reason := range confined.Reasons() { // so that a rate is known before the first
		m.restarts.WithLabelValues(reason)
	}
	m.lost = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "secbydesign_deliveries_recovered_total", Help: "Deliveries that GitHub could not hand over and that were found again, by what was done: read, unneeded, collapsed with others, redelivered, or gone.",
	}, []string{"outcome"})
	for _, outcome := range recovery.Outcomes() {
		m.lost.WithLabelValues(outcome)
	}
	m.unjudged = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "secbydesign_pulls_recovered_total", Help: "Open pull requests whose head had no verdict and was not waiting for one, and that were found without a delivery.",
	})
	m.since()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "secbydesign_build_info", Help: "Always 1; the labels say which program this is.",
		ConstLabels: prometheus.Labels{"version": Version(), "go": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.deliveries, m.reviews, m.seconds, m.requests, m.scans, m.scanned, m.scanTime, m.uploads, m.failed, m.found, m.unowned, m.restarts, m.lost, m.unjudged, build,
		m.verdictTime, m.commentTime, m.calls, m.callTime, m.transactions, m.quotas,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// restart counts a process that has ended and is replaced when one is needed.
func (m *metrics) restart(reason string) {
	if reason != confined.Closed {
		m.restarts.WithLabelValues(reason).Inc()
	}
}

func (m *metrics) delivery(event, action, outcome string) {
	m.deliveries.WithLabelValues(event, action, outcome).Inc()
}

func (m *metrics) review(ctx context.Context, r review.Measurement) {
	m.reviews.WithLabelValues(string(r.Verdict)).Inc()
	observe(ctx, m.seconds, r.Took)
	if r.Waited > 0 {
		observe(ctx, m.verdictTime, r.Waited)
	}
}

// owners counts new findings, and those of them that nobody owns.
func (m *metrics) owners(found, unowned int) {
	m.found.Add(float64(found))
	m.unowned.Add(float64(unowned))
}

// recovered counts lost deliveries by what was done about them.
func (m *metrics) recovered(outcome string, n int) { m.lost.WithLabelValues(outcome).Add(float64(n)) }

// pullsFound counts open pull requests whose head had no verdict.
func (m *metrics) pullsFound(n int) { m.unjudged.Add(float64(n)) }

func (m *metrics) scan(ctx context.Context, run scanners.Run) {
	outcome := "complete"
	switch {
	case run.Idle:
		return
	case run.Skipped != "":
		outcome = "skipped"
	case run.Err != nil:
		outcome = "incomplete"
	}
	m.scans.WithLabelValues(run.Scanner, outcome).Inc()
	m.scanned.WithLabelValues(run.Scanner).Add(float64(run.Scanned))
	observe(ctx, m.scanTime.WithLabelValues(run.Scanner), run.Duration)
}

func (m *metrics) exchange(e installation.Exchange) {
	m.requests.WithLabelValues(e.Method, strconv.Itoa(e.Status)).Inc()
	m.call(e.Kind, e.Operation, outcomeOf(e.Status), e.Duration)
	m.quotas.add(e.Installation, e.Quota)
}

// failure counts a review that failed.
func (m *metrics) failure(last bool) {
	then := "retried"
	if last {
		then = "given_up"
	}
	m.failed.WithLabelValues(then).Inc()
}

func (m *metrics) handler() http.Handler {
	// Exemplars exist only in the format OpenMetrics, which Prometheus asks for.
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// A backlog collects what waits in the queue, when it is asked.
type backlog struct {
	read        func(context.Context) (ledger.Backlog, error)
	first       func(context.Context) (time.Duration, error) // the oldest review
	depth       *prometheus.Desc
	oldest      *prometheus.Desc
	unfinished  *prometheus.Desc
	confirmed   *prometheus.Desc
	isConfirmed func() bool
}

// state registers the metrics that are read from the parts of a when somebody asks for them.
func (m *metrics) state(a *app) {
	m.registry.MustRegister(newBacklog(a.ledger.Backlog, a.ledger.OldestReview, func() bool {
		_, confirmed := a.identity.state()
		return confirmed
	}))
}

func newBacklog(read func(context.Context) (ledger.Backlog, error), first func(context.Context) (time.Duration, error), confirmed func() bool) *backlog {
	return &backlog{
		read: read, first: first, isConfirmed: confirmed,
		depth:      prometheus.NewDesc("secbydesign_queue_jobs", "Jobs that are not done: waiting for a worker, running, or delayed to a later time.", []string{"queue", "state"}, nil),
		oldest:     prometheus.NewDesc("secbydesign_queue_oldest_seconds", "How long the job that waits longest has waited for a worker; 0 if none waits.", nil, nil),
		unfinished: prometheus.NewDesc("secbydesign_review_oldest_unfinished_seconds", "Age of the oldest review that was asked for and is not done, whether it waits, runs or is delayed; 0 if there is no such review.", nil, nil),
		confirmed:  prometheus.NewDesc("secbydesign_github_app_confirmed", "1 once GitHub has confirmed the App's credentials, else 0.", nil, nil),
	}
}

// Describe implements [prometheus.Collector].
func (b *backlog) Describe(to chan<- *prometheus.Desc) {
	to <- b.depth
	to <- b.oldest
	to <- b.unfinished
	to <- b.confirmed
}

// Collect implements [prometheus.Collector]. While the database cannot be read, what it would say is left out.
func (b *backlog) Collect(to chan<- prometheus.Metric) {
	confirmed := 0.0
	if b.isConfirmed() {
		confirmed = 1
	}
	to <- prometheus.MustNewConstMetric(b.confirmed, prometheus.GaugeValue, confirmed)

	ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
	defer cancel()
	now, err := b.read(ctx)
	if err != nil {
		return
	}
	first, err := b.first(ctx)
	if err != nil {
		return
	}
	to <- prometheus.MustNewConstMetric(b.unfinished, prometheus.GaugeValue, first.Seconds())
	to <- prometheus.MustNewConstMetric(b.oldest, prometheus.GaugeValue, now.Oldest.Seconds())
	for _, j := range now.Jobs {
		to <- prometheus.MustNewConstMetric(b.depth, prometheus.GaugeValue, float64(j.Count), j.Queue, j.State)
	}
}

// backlogTimeout is shorter than Prometheus waits for an answer, which is 10 seconds unless set otherwise.
const backlogTimeout = 3 * time.Second

func (m *metrics) upload(status int) {
	m.uploads.WithLabelValues(strconv.Itoa(status)).Inc()
}
