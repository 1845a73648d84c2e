package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"
)

// sqliteDriver is River's driver for SQLite, which inserts new jobs in half of the time. River's own statement takes
// all jobs as one JSON document, and SQLite parses and writes each job of it a dozen times. Here each job is the
// parameters of a statement that is kept compiled.
type sqliteDriver struct{ *riversqlite.Driver }

func newDriver(db *sql.DB) riverdriver.Driver[*sql.Tx] { return sqliteDriver{riversqlite.New(db)} }

// UnwrapExecutor returns an executor on the connection of tx.
func (d sqliteDriver) UnwrapExecutor(tx *sql.Tx) riverdriver.ExecutorTx {
	return sqliteExecutor{d.Driver.UnwrapExecutor(tx), tx}
}

// UnwrapTx returns the transaction of an executor.
func (d sqliteDriver) UnwrapTx(exec riverdriver.ExecutorTx) *sql.Tx {
	if ours, ok := exec.(sqliteExecutor); ok {
		return ours.tx
	}
	return d.Driver.UnwrapTx(exec)
}

type sqliteExecutor struct {
	riverdriver.ExecutorTx
	tx *sql.Tx
}

// JobInsertFastMany inserts jobs. A job that is there already is left to River's statement, which reads it.
func (e sqliteExecutor) JobInsertFastMany(ctx context.Context, params *riverdriver.JobInsertFastManyParams) (results []*riverdriver.JobInsertFastResult, err error) {
	if params.Schema != "" {
		return e.ExecutorTx.JobInsertFastMany(ctx, params)
	}
	for _, job := range params.Jobs {
		row, err := e.insert(ctx, job)
		if err != nil {
			return nil, err
		}
		if row != nil {
			results = append(results, &riverdriver.JobInsertFastResult{Job: row})
			continue
		}
		rest, err := e.ExecutorTx.JobInsertFastMany(ctx, &riverdriver.JobInsertFastManyParams{Jobs: []*riverdriver.JobInsertFastParams{job}})
		if err != nil {
			return nil, err
		}
		results = append(results, rest...)
	}
	return results, nil
}

// insert inserts a job, and returns its row without UniqueStates. It returns nil, and has done nothing, if the job is there
// already, or if it has an id.
func (e sqliteExecutor) insert(ctx context.Context, job *riverdriver.JobInsertFastParams) (*rivertype.JobRow, error) {
	if job.ID != nil {
		return nil, nil
	}
	now := time.Now().UTC()
	row := &rivertype.JobRow{
		CreatedAt: *cmp.Or(job.CreatedAt, &now), ScheduledAt: *cmp.Or(job.ScheduledAt, &now), EncodedArgs: job.EncodedArgs, Errors: []rivertype.AttemptError{},
		Kind: job.Kind, MaxAttempts: job.MaxAttempts, Metadata: orEmpty(job.Metadata), Priority: job.Priority, Queue: job.Queue, State: job.State,
		Tags: job.Tags, UniqueKey: job.UniqueKey,
	}
	tags, err := json.Marshal(job.Tags)
	if err != nil {
		return nil, fmt.Errorf("encode the tags of a job: %w", err)
	}
	var key, states any // NULL, as in River's statement, for a job that need not be unique
	if len(job.UniqueKey) > 0 {
		key = job.UniqueKey
	}
	if job.UniqueStates != 0 {
		states = int64(job.UniqueStates)
	}
	res, err := e.tx.ExecContext(ctx, `
		INSERT INTO river_job (args, created_at, kind, max_attempts, metadata, priority, queue, scheduled_at, state, tags, unique_key, unique_states)
		VALUES (jsonb($1), $2, $3, $4, jsonb($5), $6, $7, $8, $9, jsonb($10), $11, $12)
		ON CONFLICT DO NOTHING`,
		string(orEmpty(job.EncodedArgs)), riverTime(row.CreatedAt), job.Kind, job.MaxAttempts, string(row.Metadata), job.Priority, job.Queue,
		riverTime(row.ScheduledAt), string(job.State), string(tags), key, states)
	inserted, err := one(res, err)
	if err != nil || !inserted {
		return nil, err
	}
	row.ID, err = res.LastInsertId()
	return row, err
}

func orEmpty(object []byte) []byte {
	if len(object) == 0 {
		return []byte("{}")
	}
	return object
}

// riverTime is a time as River stores it in SQLite, where texts are compared.
func riverTime(t time.Time) string {
	return t.UTC().Round(time.Millisecond).Format("2006-01-02 15:04:05.000")
}
