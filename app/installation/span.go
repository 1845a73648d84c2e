package installation

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/secbydesign/secbydesign/app/tracing"
)

// spanOf begins the span of one request to GitHub. It has the template of the route and not the path, which may name files
// and branches. GitHub is sent nothing of it.
// https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client
func spanOf(req *http.Request, operation, template string) (context.Context, trace.Span) {
	ctx, span := tracing.Start(req.Context(), operation, trace.WithSpanKind(trace.SpanKindClient))
	if !span.IsRecording() {
		return ctx, span
	}
	span.SetAttributes(semconv.HTTPRequestMethodKey.String(req.Method), semconv.ServerAddress(req.URL.Hostname()))
	if template == "" {
		span.SetName("GraphQL " + operation)
		span.SetAttributes(semconv.GraphQLOperationTypeKey.String(operation))
		return ctx, span
	}
	span.SetAttributes(semconv.URLTemplate(template))
	if parts := strings.Split(req.URL.Path, "/repos/"); len(parts) == 2 && strings.HasPrefix(template, "/repos/{owner}/{repo}") {
		names := strings.SplitN(parts[1], "/", 3)
		span.SetAttributes(semconv.VCSOwnerName(names[0]), semconv.VCSRepositoryName(names[1]))
	}
	return ctx, span
}

// endSpan ends the span of a request that got resp or err. A status of 400 and more is an error, by the convention.
func endSpan(ctx context.Context, span trace.Span, resp *http.Response, err error) {
	if resp != nil && span.IsRecording() {
		span.SetAttributes(semconv.HTTPResponseStatusCode(resp.StatusCode))
		if resp.StatusCode >= http.StatusBadRequest {
			span.SetStatus(codes.Error, "")
		}
	}
	tracing.End(ctx, span, err)
}
