package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/secbydesign/secbydesign/app/apptest"
)

// A spanSeen is a span that a collector received.
type spanSeen struct {
	*trace.Span
	service string // name and process of the program that sent it
}

func (s spanSeen) attribute(name string) string { return attribute(s.Attributes, name) }

func attribute(list []*common.KeyValue, name string) string {
	for _, a := range list {
		if a.Key == name {
			if v, ok := a.Value.Value.(*common.AnyValue_IntValue); ok {
				return fmt.Sprint(v.IntValue)
			}
			return a.Value.GetStringValue()
		}
	}
	return ""
}

// spans is a collector for OTLP over HTTP.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
type spans struct {
	t  *testing.T
	mu sync.Mutex

	list []spanSeen // guarded by mu
	raw  []byte     // guarded by mu; all bodies
}

func (c *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var batch collector.ExportTraceServiceRequest
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Authorization") != "Bearer for-the-collector" || proto.Unmarshal(body, &batch) != nil {
		c.t.Errorf("the collector got %s %s (%v), %d bytes", r.Method, r.URL, err, len(body))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, body...)
	for _, of := range batch.ResourceSpans {
		service := attribute(of.Resource.Attributes, "service.name") + " " + attribute(of.Resource.Attributes, "service.instance.id")
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.list = append(c.list, spanSeen{s, service})
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *spans) all() []spanSeen {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// tree returns the spans of a trace as lines, children below their parents in order of their start, each with its service.
func (c *spans) tree(id []byte) string {
	children := map[string][]spanSeen{}
	for _, s := range c.all() {
		if string(s.TraceId) == string(id) {
			children[string(s.ParentSpanId)] = append(children[string(s.ParentSpanId)], s)
		}
	}
	var out strings.Builder
	var write func(parent, indent string)
	write = func(parent, indent string) {
		list := children[parent]
		slices.SortStableFunc(list, func(a, b spanSeen) int { return int(int64(a.StartTimeUnixNano - b.StartTimeUnixNano)) })
		for _, s := range list {
			fmt.Fprintf(&out, "%s%s (%s)\n", indent, s.Name, s.service)
			write(string(s.SpanId), indent+"  ")
		}
	}
	write("", "")
	return out.String()
}

// TestTraceOfAReview follows one review over two processes: one takes the delivery, the other reviews.
func TestTraceOfAReview(t *testing.T) {
	t.Parallel()
	c := &spans{t: t}
	server := httptest.NewServer(c)
	defer server.Close()
	w, repo, addr, log := world(t)
	env := func(name string) []string {
		return []string{
			"OTEL_EXPORTER_OTLP_ENDPOINT=" + server.URL, "OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer for-the-collector",
			"OTEL_RESOURCE_ATTRIBUTES=service.instance.id=" + name, "OTEL_BSP_SCHEDULE_DELAY=100",
		}
	}
	settings := w.Settings
	settings.Listen, settings.Role = addr, "web"
	web := startWith(t, settings, log, env("web")...)
	defer web.kill()
	w.GitHub.Install("acme")
	s := &stage{World: w, t: t, repo: repo, logs: log}
	s.base = repo.Commit("main", "", "base", map[string]string{"private/place.py": "a = 1\n"})
	n := s.open("change", map[string]string{"private/place.py": "a = 1\n" + leak(1)}) // nobody reviews yet
	settings.Listen, settings.Role = freeAddress(t), "worker"
	worker := startWith(t, settings, log, env("worker")...)
	defer worker.kill()
	s.want(n, "neutral", "private/place.py:2 open")
	s.reviewed(n)

	// A process sends the rest when it stops.
	for _, p := range []*process{web, worker} {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := p.cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	var id []byte
	for _, span := range c.all() {
		if span.Name == "delivery" && span.attribute("github.event") == "pull_request" && span.attribute("github.action") == "opened" {
			id = span.TraceId
		}
	}
	tree := c.tree(id)
	t.Log(tree)
	for _, want := range []string{
		`(?m)^delivery \(secbydesign web\)$`,
		`(?m)^  review \(secbydesign worker\)$`,
		`(?m)^    read \(secbydesign worker\)\n      GET /repos/\{owner\}/\{repo\}/pulls/\{pull_number\} \(`,
		`(?m)^    fetch \(secbydesign worker\)\n      git fetch \(`,
		`(?m)^    examine \(secbydesign worker\)\n`,
		`(?m)^      scan gitleaks \(`,
		`(?m)^    judge \(`,
		`(?m)^    write \((.|\n)*^      POST /repos/\{owner\}/\{repo\}/pulls/\{pull_number\}/reviews \(`,
		`(?m)^    record \(`,
		`GraphQL query \(`,
	} {
		if !regexp.MustCompile(want).MatchString(tree) {
			t.Errorf("the trace has no %s:\n%s", want, tree)
		}
	}
	for _, span := range c.all() {
		if string(span.TraceId) != string(id) {
			continue
		}
		if span.Name == "review" && (span.attribute("vcs.owner.name") != "acme" || span.attribute("vcs.repository.name") != "shop" || span.attribute("vcs.change.id") != fmt.Sprint(n) ||
			span.attribute("vcs.ref.head.revision") != w.GitHub.Pull("acme", "shop", n).HeadSHA) {
			t.Errorf("the review is of %v", span.Attributes)
		}
		if strings.Contains(span.Name, "other") {
			t.Errorf("a call of GitHub has no template: %v", span.Attributes)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, secret := range []string{apptest.Token(1), "place.py", settings.WebhookSecret, "ghs_", "PRIVATE KEY"} {
		if strings.Contains(string(c.raw), secret) {
			t.Errorf("the collector was sent %q", secret)
		}
	}
	if strings.Contains(log.String(), "for-the-collector") {
		t.Error("the log names the credentials for the collector")
	}
}

// TestCollectorAway checks that reviews and the end of the program need no collector.
func TestCollectorAway(t *testing.T) {
	t.Parallel()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done() // takes everything and never answers
	}))
	defer silent.Close()
	for name, endpoint := range map[string]string{"refused": "http://127.0.0.1:1", "silent": silent.URL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, repo, addr, log := world(t)
			settings := w.Settings
			settings.Listen = addr
			p := startWith(t, settings, log, "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint, "OTEL_BSP_SCHEDULE_DELAY=50")
			defer p.kill()
			w.GitHub.Install("acme")
			s := &stage{World: w, t: t, repo: repo, logs: log}
			s.base = repo.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n"})
			n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
			s.want(n, "neutral", "a.py:2 open")
			s.reviewed(n)
			text := s.openMetrics("http://" + addr)
			if !regexp.MustCompile(`secbydesign_delivery_to_verdict_seconds_bucket\{le="[^"]+"\} 1(\.0)? # \{trace_id="[0-9a-f]{32}"\}`).MatchString(text) {
				t.Error("the time to the verdict names no trace")
			}
			for _, name := range []string{"secbydesign_delivery_to_first_comment_seconds_count 1", "secbydesign_delivery_to_verdict_seconds_count 1"} {
				if !strings.Contains(text, name+"\n") {
					t.Errorf("no %s", name)
				}
			}
			if strings.Contains(text, `operation="other"`) || strings.Contains(text, `/other"`) {
				t.Error("a call of GitHub has no template")
			}
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := p.cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, log)
			}
			if !strings.Contains(log.String(), "traces cannot be sent") {
				t.Error("the log does not say that traces are lost")
			}
		})
	}
}

// openMetrics reads the metrics in the format OpenMetrics.
func (s *stage) openMetrics(address string) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, address+"/metrics", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	_, text := exchange(s.t, req)
	return text
}
