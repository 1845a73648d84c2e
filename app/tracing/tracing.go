// Package tracing follows a delivery to the verdict that it leads to: its spans begin where GitHub's delivery is stored,
// and continue in the process that reviews the pull request.
//
// A span is made by the tracer of the span in the context, so nothing is global. If no traces are exported, no context has
// a span, and everything here does nothing, at the cost of one look into the context. Package tracing/otlp exports.
//
// A span holds names of repositories, numbers and revisions. It never holds the text of an error, a path of a file or an
// address: those may repeat what only the readers of a repository may see.
package tracing

import (
	"context"
	"errors"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
)

// Scope is the name of the tracer, which OpenTelemetry calls the instrumentation scope.
const Scope = "github.com/secbydesign/secbydesign"

// Start begins a span below the one in ctx. Without one in ctx the span does nothing. The caller ends it, see [End].
func Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer(Scope).Start(ctx, name, options...)
}

// Step runs do within a span, and returns its error.
func Step(ctx context.Context, name string, do func(context.Context) error) error {
	ctx, span := Start(ctx, name)
	err := do(ctx)
	End(ctx, span, err)
	return err
}

// End ends a span. If err is not nil the span failed; it holds the kind of the error and never its text. ctx is the
// context of the work, whose end may be the reason.
func End(ctx context.Context, span trace.Span, err error) {
	if err != nil && span.IsRecording() {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(kind(ctx, err)))
	}
	span.End()
}

// kind returns one of few words for an error.
func kind(ctx context.Context, err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled), ctx.Err() != nil:
		return "cancelled"
	}
	return "_OTHER" // the convention for an error without a name of its own
}

// Subject returns the attributes for a pull request. Zero values are left out.
// https://opentelemetry.io/docs/specs/semconv/registry/attributes/vcs/
func Subject(owner, repo string, number int, head string) trace.SpanStartEventOption {
	var list []attribute.KeyValue
	for _, a := range []attribute.KeyValue{semconv.VCSOwnerName(owner), semconv.VCSRepositoryName(repo), semconv.VCSRefHeadRevision(head)} {
		if a.Value.AsString() != "" {
			list = append(list, a)
		}
	}
	if number != 0 {
		list = append(list, semconv.VCSChangeID(strconv.Itoa(number)))
	}
	return trace.WithAttributes(list...)
}

// ID returns the id of the trace in ctx if its spans are exported, else an empty string.
func ID(ctx context.Context) string {
	if c := trace.SpanContextFromContext(ctx); c.IsSampled() {
		return c.TraceID().String()
	}
	return ""
}

// Parent returns the span in ctx in the form of the header traceparent, which [Under] reads. It is empty without a span.
// https://www.w3.org/TR/trace-context/#traceparent-header
func Parent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// Under returns a context whose spans continue the trace of parent, made by [Parent]. If parent is empty or invalid, spans
// begin a new trace.
func Under(ctx context.Context, parent string) context.Context {
	ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
}
