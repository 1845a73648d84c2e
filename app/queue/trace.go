package queue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/secbydesign/secbydesign/app/tracing"
)

// A parent is the part of a job's metadata that names the span that asked for the job. It is part of the database format.
type parent struct {
	Trace string `json:"trace,omitempty"` // in the form of [tracing.Parent]
}

// traced returns the metadata of a new job with the span of, unchanged if it is empty.
func traced(of string, metadata json.RawMessage) json.RawMessage {
	var all map[string]json.RawMessage
	if of == "" || json.Unmarshal(metadata, &all) != nil {
		return metadata
	}
	all["trace"] = json.RawMessage(`"` + of + `"`)
	b, err := json.Marshal(all)
	if err != nil {
		return metadata
	}
	return b
}

// retrace records with a job that exists the span of, so that the review of the newest delivery is in the trace of that
// delivery. It does nothing without a span.
func (q *Queue) retrace(ctx context.Context, tx *sql.Tx, row *rivertype.JobRow, of string) error {
	if of == "" {
		return nil
	}
	b, err := json.Marshal(parent{of})
	if err != nil {
		return err
	}
	_, err = q.ledger.Driver().UnwrapExecutor(tx).JobUpdate(ctx, &riverdriver.JobUpdateParams{ID: row.ID, MetadataDoMerge: true, Metadata: b})
	if err != nil {
		return fmt.Errorf("record the trace of a job: %w", err)
	}
	return nil
}

// reread reads again which span asked for a job that is running. It does nothing unless the job had a trace before.
func (q *Queue) reread(ctx context.Context, tx *sql.Tx, row *rivertype.JobRow) error {
	if parentOf(row.Metadata) == "" {
		return nil
	}
	now, err := q.client.JobGetTx(ctx, tx, row.ID)
	if err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	row.Metadata = now.Metadata
	return nil
}

func parentOf(metadata []byte) string {
	var p parent
	if json.Unmarshal(metadata, &p) != nil {
		return "" // of another version of this program; a trace is worth no failure
	}
	return p.Trace
}

// span begins the span of a job, in the trace that its metadata names.
func (q *Queue) span(ctx context.Context, name string, row *rivertype.JobRow, subject trace.SpanStartEventOption) (context.Context, trace.Span) {
	return q.opts.Tracer.Start(tracing.Under(ctx, parentOf(row.Metadata)), name,
		trace.WithSpanKind(trace.SpanKindConsumer), subject,
		trace.WithAttributes(
			semconv.MessagingSystemKey.String("river"), semconv.MessagingOperationTypeProcess,
			semconv.MessagingDestinationName(row.Queue), semconv.MessagingMessageID(fmt.Sprint(row.ID)),
		))
}

// failure returns nil for a job that is only postponed or changes its lane.
func failure(err error) error {
	var snooze Snooze
	if errors.As(err, &snooze) || errors.Is(err, ErrLarge) {
		return nil
	}
	return err
}
