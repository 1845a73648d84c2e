package app

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/review"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

var update = flag.Bool("update", false, "write testdata/metrics.txt")

// sampled returns metrics that each have a sample.
func sampled() *metrics {
	m, ctx := newMetrics(), context.Background()
	m.delivery("pull_request", "opened", "accepted")
	m.review(ctx, review.Measurement{Verdict: checks.Verdict("clean"), Took: time.Second, Waited: 2 * time.Second})
	m.comment(ctx, time.Second)
	m.exchange(installation.Exchange{Method: http.MethodGet, Kind: installation.REST, Operation: "GET /app", Status: 200, Quota: installation.Quota{
		Resource: "core", Limit: 5000, Remaining: 4000, Reset: time.Now().Add(time.Hour),
	}})
	m.scan(ctx, scanners.Run{Scanner: "gitleaks", Scanned: 1})
	m.fetch(ctx, time.Second, nil)
	m.upload(http.StatusAccepted)
	m.registry.MustRegister(newBacklog(
		func(context.Context) (ledger.Backlog, error) {
			return ledger.Backlog{Jobs: []ledger.JobCount{{Queue: "default", State: "waiting", Count: 1}}}, nil
		},
		func(context.Context) (time.Duration, error) { return time.Second, nil }, func() bool { return true },
	))
	return m
}

// TestMetricNames compares the names, types, labels and descriptions of all metrics with a list, because dashboards and
// alerts of others rely on them. With -update it writes the list.
func TestMetricNames(t *testing.T) {
	t.Parallel()
	m := sampled()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var list bytes.Buffer
	found := map[string]bool{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "secbydesign_") {
			continue // of Go and the process, which their libraries define
		}
		found[f.GetName()] = true
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		fmt.Fprintf(&list, "%s %s {%s}\n\t%s\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ","), f.GetHelp())
		checkName(t, f)
	}
	described := make(chan *prometheus.Desc)
	go func() { m.registry.Describe(described); close(described) }()
	for d := range described {
		_, rest, _ := strings.Cut(d.String(), `fqName: "`)
		if name, _, _ := strings.Cut(rest, `"`); strings.HasPrefix(name, "secbydesign_") && !found[name] {
			t.Errorf("%s has no sample in this test: give it one in sampled", name)
		}
	}
	const file = "testdata/metrics.txt"
	if *update {
		if err := os.WriteFile(file, list.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := list.String(); got != string(want) {
		t.Errorf("the metrics are not those of %s. Others rely on names: keep them, or run with -update.\n%s", file, got)
	}
}

// checkName checks the conventions: https://prometheus.io/docs/practices/naming/
func checkName(t *testing.T, f *dto.MetricFamily) {
	name := f.GetName()
	if counter := f.GetType() == dto.MetricType_COUNTER; counter != strings.HasSuffix(name, "_total") {
		t.Errorf("%s is a %s: a counter, and nothing else, ends in _total", name, f.GetType())
	}
	if f.GetType() == dto.MetricType_HISTOGRAM && !strings.HasSuffix(name, "_seconds") {
		t.Errorf("the histogram %s does not end in its unit", name)
	}
	if !strings.HasSuffix(f.GetHelp(), ".") {
		t.Errorf("the description of %s is no sentence: %q", name, f.GetHelp())
	}
}

func value(t *testing.T, m *metrics, name string, labels ...string) float64 {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			var has []string
			for _, l := range s.GetLabel() {
				has = append(has, l.GetName()+"="+l.GetValue())
			}
			if f.GetName() == name && slices.Equal(has, labels) {
				return s.GetGauge().GetValue() + s.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// TestRateLimits checks that many installations make one series for each resource, with the lowest value.
func TestRateLimits(t *testing.T) {
	t.Parallel()
	m, now := newMetrics(), time.Now()
	m.quotas.now = func() time.Time { return now }
	end := now.Add(time.Hour)
	add := func(installed int64, resource string, limit, left int, end time.Time) {
		m.quotas.add(installed, installation.Quota{Resource: resource, Limit: limit, Remaining: left, Reset: end})
	}
	for i := range int64(100) {
		add(i, "core", 5000, 5000-int(i), end)
	}
	add(7, "core", 15000, 30, end)
	add(7, "core", 15000, 31, end) // an answer that was overtaken
	add(8, "graphql", 5000, 4000, end)
	add(9, "invented by the server", 10, 9, end)
	add(9, "core", 0, -1, end)           // not reported
	add(9, "core", 5000, 1, time.Time{}) // not reported when it ends
	const left, used = "secbydesign_github_rate_limit_remaining", "secbydesign_github_rate_limit_used_ratio"
	for _, tt := range []struct {
		name, resource string
		want           float64
	}{{left, "core", 30}, {used, "core", 1 - 30.0/15000}, {left, "graphql", 4000}, {left, "other", 9}, {left, "invented by the server", -1}} {
		if got := value(t, m, tt.name, "resource="+tt.resource); got != tt.want {
			t.Errorf("%s of %s is %g, want %g", tt.name, tt.resource, got, tt.want)
		}
	}
	now = end
	if got := value(t, m, left, "resource=core"); got != -1 {
		t.Errorf("after the period %g is left", got)
	}
	if len(m.quotas.known) != 0 {
		t.Errorf("%d periods that are over are still kept", len(m.quotas.known))
	}
}

func TestOutcomesOfCalls(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{0: "unanswered", 200: "ok", 304: "ok", 403: "refused", 404: "refused", 429: "limited", 500: "failed", 502: "failed", 999: "failed"} {
		if got := outcomeOf(status); got != want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
	}
	m := newMetrics()
	m.fetch(t.Context(), time.Second, fmt.Errorf("fetch: %w", mirror.ErrTooLarge))
	m.fetch(t.Context(), time.Second, context.DeadlineExceeded)
	for _, outcome := range []string{"refused", "failed"} {
		if got := value(t, m, "secbydesign_github_calls_total", "kind=git", "operation=fetch", "outcome="+outcome); got != 1 {
			t.Errorf("%s: %g", outcome, got)
		}
	}
}
