package app

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/checks"
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
	m.registry.MustRegister(m.deliveries, m.reviews, m.seconds, m.requests, m.scans, m.scanned, m.scanTime, m.uploads,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) delivery(event, action, outcome string) {
	m.deliveries.WithLabelValues(event, action, outcome).Inc()
}

func (m *metrics) review(v checks.Verdict, took time.Duration) {
	m.reviews.WithLabelValues(string(v)).Inc()
	m.seconds.Observe(took.Seconds())
}

func (m *metrics) scan(run scanners.Run) {
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
	m.scanTime.WithLabelValues(run.Scanner).Observe(run.Duration.Seconds())
}

func (m *metrics) exchange(e installation.Exchange) {
	m.requests.WithLabelValues(e.Method, strconv.Itoa(e.Status)).Inc()
}

func (m *metrics) upload(status int) {
	m.uploads.WithLabelValues(strconv.Itoa(status)).Inc()
}
