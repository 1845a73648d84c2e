package otlp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestWanted(t *testing.T) {
	t.Parallel()
	const to = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
	for _, tt := range []struct {
		env  string
		want bool
		err  string
	}{
		{"", false, ""},
		{to, true, ""},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:4318/v1/traces", true, ""},
		{to + " OTEL_SDK_DISABLED=true", false, ""},
		{to + " OTEL_TRACES_EXPORTER=none", false, ""},
		{to + " OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", true, ""},
		{to + " OTEL_TRACES_EXPORTER=zipkin", false, "OTEL_TRACES_EXPORTER is"},
		{to + " OTEL_EXPORTER_OTLP_PROTOCOL=grpc", false, "OTEL_EXPORTER_OTLP_PROTOCOL is"},
		{to + " OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf", true, ""},
		{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", false, ""},
	} {
		env := map[string]string{}
		for _, pair := range strings.Fields(tt.env) {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		got, err := Wanted(func(name string) string { return env[name] })
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
			t.Errorf("%s: %v, %v", tt.env, got, err)
		}
	}
}

// TestNothingWithoutExporter checks that a program that exports nothing needs no case of its own.
func TestNothingWithoutExporter(t *testing.T) {
	t.Parallel()
	for _, e := range []*Exporter{nil, {}} {
		_, span := e.Tracer().Start(t.Context(), "delivery")
		if span.IsRecording() || span.SpanContext().IsValid() {
			t.Error("it records")
		}
		span.End()
		e.Shutdown(t.Context())
	}
}

func TestErrorsHoldNoAddress(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		errors.New(`traces export: Post "https://me:pass@host:4318/v1/traces?token=secret": connection refused`),
		fmt.Errorf("traces export: failed to send to https://host/v1/traces?token=secret: 401 Unauthorized (%w)", errors.New("body: your token is\nsecret")),
		context.DeadlineExceeded,
	} {
		if got := plain(err); strings.Contains(got, "secret") || strings.Contains(got, "pass") || got == "" {
			t.Errorf("%q", got)
		}
	}
	if got := plain(errors.New(strings.Repeat("x", 10_000))); len(got) > 300 {
		t.Errorf("%d bytes", len(got))
	}
}
