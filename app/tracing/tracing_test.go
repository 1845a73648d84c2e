package tracing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// recording returns a context with a span, and the spans that have ended.
func recording(t *testing.T) (context.Context, *tracetest.SpanRecorder) {
	r := tracetest.NewSpanRecorder()
	ctx, _ := sdk.NewTracerProvider(sdk.WithSpanProcessor(r)).Tracer(Scope).Start(t.Context(), "review")
	return ctx, r
}

func TestErrorsStayOutside(t *testing.T) {
	t.Parallel()
	ctx, ended := recording(t)
	over, cancel := context.WithCancel(ctx)
	cancel()
	for _, tt := range []struct {
		ctx  context.Context
		err  error
		want string
	}{
		{ctx, errors.New("read private/place.py: token ghs_x"), "_OTHER"},
		{ctx, fmt.Errorf("fetch: %w", context.DeadlineExceeded), "timeout"},
		{over, errors.New("private/place.py"), "cancelled"},
		{ctx, nil, ""},
	} {
		got := Step(tt.ctx, "fetch", func(context.Context) error { return tt.err })
		if !errors.Is(got, tt.err) {
			t.Errorf("the error became %v", got)
		}
		last := ended.Ended()[len(ended.Ended())-1]
		if text := fmt.Sprint(last.Attributes(), last.Events(), last.Status()); strings.Contains(text, "private") {
			t.Errorf("the span holds the error: %s", text)
		}
		failed, kind := last.Status().Code == codes.Error, ""
		for _, a := range last.Attributes() {
			if a.Key == "error.type" {
				kind = a.Value.AsString()
			}
		}
		if failed != (tt.err != nil) || kind != tt.want {
			t.Errorf("%v: failed %v, kind %q, want %q", tt.err, failed, kind, tt.want)
		}
	}
}

func TestParentSurvivesText(t *testing.T) {
	t.Parallel()
	ctx, _ := recording(t)
	want := trace.SpanContextFromContext(ctx)
	got := trace.SpanContextFromContext(Under(t.Context(), Parent(ctx)))
	if got.TraceID() != want.TraceID() || got.SpanID() != want.SpanID() || !got.IsRemote() || !got.IsSampled() {
		t.Errorf("%v became %v", want, got)
	}
	for _, bad := range []string{"", "x", "00-0-0-0", "00-00000000000000000000000000000000-0000000000000000-01"} {
		if trace.SpanContextFromContext(Under(ctx, bad)).IsValid() {
			t.Errorf("%q is a parent", bad)
		}
	}
	if Parent(t.Context()) != "" || ID(t.Context()) != "" {
		t.Error("a context without a span has a parent")
	}
}

// TestNothingWithoutSpan checks that a step without a trace does its work and makes no span.
func TestNothingWithoutSpan(t *testing.T) {
	t.Parallel()
	done := false
	if err := Step(t.Context(), "fetch", func(ctx context.Context) error {
		done = true
		if trace.SpanContextFromContext(ctx).IsValid() {
			t.Error("there is a span")
		}
		return nil
	}); err != nil || !done {
		t.Error(done, err)
	}
}

func BenchmarkNoTrace(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = Step(b.Context(), "fetch", func(context.Context) error { return nil })
	}
}
