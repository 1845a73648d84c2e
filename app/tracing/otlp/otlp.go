// Package otlp sends the spans of package tracing to a collector, by OTLP over HTTP, as the standard variables of
// OpenTelemetry say (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
//
// A collector that is away or slow costs spans and never a review: spans wait in a bounded queue, and those that have no
// room are dropped.
package otlp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/secbydesign/secbydesign/app/tracing"
)

// Wanted reports whether the variables ask for traces. The error names a variable and says what to write.
func Wanted(getenv func(string) string) (bool, error) {
	const common, traces = "OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"
	endpoint := cmp.Or(getenv(traces+"ENDPOINT"), getenv(common+"ENDPOINT"))
	if endpoint == "" || getenv("OTEL_SDK_DISABLED") == "true" {
		return false, nil
	}
	switch e := getenv("OTEL_TRACES_EXPORTER"); e {
	case "", "otlp":
	case "none":
		return false, nil
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER is %q: write otlp or none", e)
	}
	for _, name := range []string{traces + "PROTOCOL", common + "PROTOCOL"} {
		switch p := getenv(name); p {
		case "":
			continue
		case "http/protobuf":
			return true, nil
		default:
			return false, fmt.Errorf("%s is %q: write http/protobuf, and the address that the collector has for it, which often ends in :4318", name, p)
		}
	}
	return true, nil
}

// An Exporter makes tracers and sends what they record. Its zero value and nil make tracers that do nothing.
type Exporter struct {
	provider *sdk.TracerProvider
	sender   *sender
}

// New returns an exporter as the variables of the process say; ask [Wanted] first. It connects to nothing. Problems with
// the collector are logged, at most once a minute.
func New(ctx context.Context, version string, log zerolog.Logger) (*Exporter, error) {
	client, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("export traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(semconv.ServiceName("secbydesign"), semconv.ServiceVersion(version)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	s := &sender{SpanExporter: client, log: log}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return &Exporter{sdk.NewTracerProvider(sdk.WithBatcher(s), sdk.WithResource(about)), s}, nil
}

// Tracer returns a tracer for the first span of a trace. It is never nil.
func (e *Exporter) Tracer() trace.Tracer {
	if e == nil || e.provider == nil {
		return noop.Tracer{}
	}
	return e.provider.Tracer(tracing.Scope)
}

// Shutdown sends what is recorded, and returns when ctx ends at the latest. What is not sent by then is lost.
func (e *Exporter) Shutdown(ctx context.Context) {
	if e == nil || e.provider == nil {
		return
	}
	ended := context.AfterFunc(ctx, e.sender.cancel) // which ends a call that the collector does not answer
	if err := e.provider.Shutdown(ctx); err != nil {
		e.sender.report(err)
	}
	ended()
	e.sender.cancel()
	e.sender.calls.Wait()
}

// A sender reports errors to the program's log, where the library would print them, and can be cancelled.
type sender struct {
	sdk.SpanExporter
	log    zerolog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	calls  sync.WaitGroup

	mu   sync.Mutex
	last time.Time // guarded by mu; of the last report
}

// ExportSpans never returns an error: it has reported it.
func (s *sender) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	s.calls.Add(1)
	defer s.calls.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	if err := s.SpanExporter.ExportSpans(ctx, spans); err != nil {
		s.report(err)
	}
	return nil
}

// between two reports, so that a collector that is away does not fill the log.
const between = time.Minute

func (s *sender) report(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.IsZero() && time.Since(s.last) < between {
		return
	}
	s.last = time.Now()
	s.log.Warn().Str("error", plain(err)).Msg("traces cannot be sent to OTEL_EXPORTER_OTLP_ENDPOINT; reviews go on without them")
}

// address finds addresses in an error: one of a collector may hold a token. answer finds what the collector said, which
// is not of this program's making.
var address, answer = regexp.MustCompile(`https?://[^\s"]+`), regexp.MustCompile(`(?s) \(body: .*`)

func plain(err error) string {
	s := address.ReplaceAllString(answer.ReplaceAllString(err.Error(), ""), "the collector")
	return s[:min(len(s), 300)]
}
