package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/tracing"
)

// waits are the buckets, in seconds, of the times that a person waits: from a second to half a day.
func waits() []float64 {
	return []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 6 * 3600, 12 * 3600}
}

// since makes the metrics of what this program does for a delivery, and of what it asks others for.
func (m *metrics) since() {
	m.verdictTime = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "secbydesign_delivery_to_verdict_seconds", Buckets: waits(),
		Help: "Time from the receipt of the first delivery about the newest head of a pull request, by any replica, to its first verdict.",
	})
	m.commentTime = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "secbydesign_delivery_to_first_comment_seconds", Buckets: waits(),
		Help: "Time from the receipt of the first delivery about the newest head of a pull request, by any replica, to the first comment of its review. Reviews that write no comment are not counted.",
	})
	m.calls = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "secbydesign_github_calls_total",
		Help: "Calls of GitHub by kind (rest, graphql, git), operation (method and template of the route; query or mutation; fetch) and outcome: ok, refused (4xx), limited (429), failed (5xx or another answer), or unanswered.",
	}, []string{"kind", "operation", "outcome"})
	m.callTime = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "secbydesign_github_call_seconds", Help: "Time of a call of GitHub until the header of its answer, or of a fetch until its end, by kind.",
		Buckets: prometheus.ExponentialBuckets(0.02, 3, 8),
	}, []string{"kind"})
	m.transactions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "secbydesign_database_transactions_total",
		Help: "Write transactions by outcome: committed, rolled_back because of what they found, cancelled by the caller, or failed because of the database.",
	}, []string{"outcome"})
	for _, outcome := range []string{ledger.Committed, ledger.RolledBack, ledger.Cancelled, ledger.Failed} { // so that a rate is known before the first
		m.transactions.WithLabelValues(outcome)
	}
	m.quotas = newQuotas()
}

// observe adds a duration to a histogram. If the trace of ctx is exported, the sample names it.
func observe(ctx context.Context, to prometheus.Observer, d time.Duration) {
	if id := tracing.ID(ctx); id != "" {
		if with, ok := to.(prometheus.ExemplarObserver); ok {
			with.ObserveWithExemplar(d.Seconds(), prometheus.Labels{"trace_id": id})
			return
		}
	}
	to.Observe(d.Seconds())
}

// comment counts the time to the first comment.
func (m *metrics) comment(ctx context.Context, waited time.Duration) {
	observe(ctx, m.commentTime, waited)
}

func (m *metrics) call(kind, operation, outcome string, took time.Duration) {
	m.calls.WithLabelValues(kind, operation, outcome).Inc()
	m.callTime.WithLabelValues(kind).Observe(took.Seconds())
}

// outcomeOf returns the outcome of an answer by its status, 0 for no answer.
func outcomeOf(status int) string {
	switch {
	case status == 0:
		return "unanswered"
	case status == 429:
		return "limited"
	case status >= 400 && status < 500:
		return "refused"
	case status >= 100 && status < 400:
		return "ok"
	}
	return "failed"
}

// fetch counts a fetch by git.
func (m *metrics) fetch(_ context.Context, took time.Duration, err error) {
	outcome := "ok"
	switch {
	case err == nil:
	case errors.Is(err, mirror.ErrGone), errors.Is(err, mirror.ErrNotFound), errors.Is(err, mirror.ErrForbidden), errors.Is(err, mirror.ErrTooLarge):
		outcome = "refused"
	default:
		outcome = "failed"
	}
	m.call("git", "fetch", outcome, took)
}

func (m *metrics) transaction(outcome string) { m.transactions.WithLabelValues(outcome).Inc() }

// resources are the rate limits that have a label of their own; the others are "other". GitHub chooses the names.
// https://docs.github.com/en/rest/rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user
func resourceLabel(name string) string {
	switch name {
	case "core", "graphql", "search", "code_search", "integration_manifest", "dependency_snapshots", "code_scanning_upload":
		return name
	}
	return "other"
}

// quotas collects what is left of GitHub's rate limits: for each resource the lowest of all installations, so that the
// number of installations is no number of time series.
type quotas struct {
	left, share *prometheus.Desc
	now         func() time.Time

	mu    sync.Mutex
	known map[quotaKey]installation.Quota // guarded by mu
}

type quotaKey struct {
	installation int64
	resource     string
}

func newQuotas() *quotas {
	return &quotas{
		left:  prometheus.NewDesc("secbydesign_github_rate_limit_remaining", "Requests left in the present period of GitHub's rate limit, by resource: the lowest of all installations that this process has used in it.", []string{"resource"}, nil),
		share: prometheus.NewDesc("secbydesign_github_rate_limit_used_ratio", "Used part of GitHub's rate limit in its present period, from 0 to 1, by resource: the highest of all installations that this process has used in it.", []string{"resource"}, nil),
		now:   time.Now, known: map[quotaKey]installation.Quota{},
	}
}

// add records the answer of GitHub. Answers may overtake each other, so in one period the lowest one counts.
func (q *quotas) add(installed int64, now installation.Quota) {
	if now.Remaining < 0 || now.Reset.IsZero() {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	key := quotaKey{installed, resourceLabel(now.Resource)}
	if was, ok := q.known[key]; ok && was.Reset.Equal(now.Reset) && was.Remaining < now.Remaining {
		return
	}
	q.known[key] = now
}

// Describe implements [prometheus.Collector].
func (q *quotas) Describe(to chan<- *prometheus.Desc) {
	to <- q.left
	to <- q.share
}

// Collect implements [prometheus.Collector]. It forgets the periods that are over.
func (q *quotas) Collect(to chan<- prometheus.Metric) {
	q.mu.Lock()
	defer q.mu.Unlock()
	left, share := map[string]int{}, map[string]float64{}
	for key, quota := range q.known {
		if !quota.Reset.After(q.now()) {
			delete(q.known, key)
			continue
		}
		if n, ok := left[key.resource]; !ok || quota.Remaining < n {
			left[key.resource] = quota.Remaining
		}
		if quota.Limit > 0 {
			share[key.resource] = max(share[key.resource], 1-float64(quota.Remaining)/float64(quota.Limit))
		}
	}
	for resource, n := range left {
		to <- prometheus.MustNewConstMetric(q.left, prometheus.GaugeValue, float64(n), resource)
	}
	for resource, used := range share {
		to <- prometheus.MustNewConstMetric(q.share, prometheus.GaugeValue, min(max(used, 0), 1), resource)
	}
}
