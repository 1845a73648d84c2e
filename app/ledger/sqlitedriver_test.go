package ledger

import (
	"database/sql"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// riverJobs are jobs with and without each of the fields that may be missing.
func riverJobs() (jobs []*riverdriver.JobInsertFastParams) {
	at := time.Date(2026, 3, 29, 1, 59, 59, 999_600_000, time.FixedZone("", 3600))
	for i, change := range []func(*riverdriver.JobInsertFastParams){
		func(*riverdriver.JobInsertFastParams) {},
		func(j *riverdriver.JobInsertFastParams) { j.UniqueKey, j.UniqueStates = nil, 0 },
		func(j *riverdriver.JobInsertFastParams) { j.UniqueKey = []byte{} },
		func(j *riverdriver.JobInsertFastParams) { j.CreatedAt, j.ScheduledAt = &at, &at },
		func(j *riverdriver.JobInsertFastParams) {
			j.Metadata = []byte(`{"n": 12345678901, "trace": "é \u0001"}`)
		},
		func(j *riverdriver.JobInsertFastParams) { j.Tags = []string{"a", "b"} },
		func(j *riverdriver.JobInsertFastParams) { j.State = rivertype.JobStateScheduled },
	} {
		job := &riverdriver.JobInsertFastParams{
			EncodedArgs: fmt.Appendf(nil, `{"repo_id":%d}`, i), Kind: "review", MaxAttempts: 30, Priority: 2, Queue: "default", State: rivertype.JobStateAvailable,
			Tags: []string{}, UniqueKey: fmt.Appendf(nil, "key %d", i), UniqueStates: 0b11110001,
		}
		change(job)
		jobs = append(jobs, job)
	}
	return jobs
}

// TestInsertedAsByRiver compares the rows of jobs with those that River's own statement inserts.
func TestInsertedAsByRiver(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "on Postgres River's own driver inserts")
	rowsOf := func(driver func(l *Ledger) riverdriver.Driver[*sql.Tx]) (rows []string) {
		l := openNew(t)
		before := time.Now().Add(-time.Second)
		var results []*riverdriver.JobInsertFastResult
		err := l.Tx(t.Context(), func(tx *sql.Tx) (err error) {
			results, err = driver(l).UnwrapExecutor(tx).JobInsertFastMany(t.Context(), &riverdriver.JobInsertFastManyParams{Jobs: riverJobs()})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, res := range results {
			stored, err := l.ReadDriver().GetExecutor().JobGetByID(t.Context(), &riverdriver.JobGetByIDParams{ID: res.Job.ID})
			if err != nil || res.UniqueSkippedAsDuplicate {
				t.Fatal(err, res.UniqueSkippedAsDuplicate)
			}
			got, want := *res.Job, *stored
			got.UniqueStates = want.UniqueStates
			got.CreatedAt, got.ScheduledAt = got.CreatedAt.UTC().Round(time.Millisecond), got.ScheduledAt.UTC().Round(time.Millisecond)
			if string(got.UniqueKey) == string(want.UniqueKey) {
				got.UniqueKey = want.UniqueKey // nil or empty
			}
			got.Metadata = want.Metadata // white space
			if !reflect.DeepEqual(got, want) {
				t.Errorf("job %d was returned as\n%+v\nand is stored as\n%+v", i, got, want)
			}
		}
		list, err := l.read.QueryContext(t.Context(), `
			SELECT concat_ws('|', hex(args), attempt, attempted_at IS NULL, attempted_by IS NULL, errors IS NULL, finalized_at IS NULL, kind, max_attempts, hex(jsonb_remove(metadata, $1)),
				priority, queue, state, hex(tags), typeof(tags), hex(unique_key), unique_key IS NULL, coalesce(unique_states, 'none'), typeof(created_at), typeof(scheduled_at)),
				CAST(created_at AS TEXT), CAST(scheduled_at AS TEXT) FROM river_job ORDER BY id`, `$."`+nonce(t)+`"`)
		if err != nil {
			t.Fatal(err)
		}
		defer list.Close()
		for list.Next() {
			var row, created, scheduled string
			if err := list.Scan(&row, &created, &scheduled); err != nil {
				t.Fatal(err)
			}
			for _, at := range []string{created, scheduled} {
				is, err := time.Parse("2006-01-02 15:04:05.000", at)
				if err != nil {
					t.Error(err)
				}
				if is.After(before) {
					at = "now"
				}
				row += "|" + at
			}
			rows = append(rows, row)
		}
		if err := list.Err(); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	want := rowsOf(func(l *Ledger) riverdriver.Driver[*sql.Tx] { return l.engine.driver().(sqliteDriver).Driver })
	got := rowsOf(func(l *Ledger) riverdriver.Driver[*sql.Tx] { return l.engine.driver() })
	if len(want) != len(riverJobs()) || !reflect.DeepEqual(got, want) {
		t.Errorf("the rows are\n%s\nand by River\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// nonce returns the name of the member that River's statement adds to the metadata.
func nonce(t *testing.T) (name string) {
	t.Helper()
	with, err := riverdriver.UniqueInsertMetadataWithNonce([]byte(`{}`), "x")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(with), `"`)[1]
}

// TestInsertedOnce inserts jobs that are there already, in each state, beside new ones.
func TestInsertedOnce(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "on Postgres River's own driver inserts")
	for state, unfinished := range map[rivertype.JobState]bool{
		rivertype.JobStateAvailable: true, rivertype.JobStateRunning: true, rivertype.JobStateScheduled: true, rivertype.JobStateRetryable: true,
		rivertype.JobStateCompleted: false, rivertype.JobStateCancelled: false, rivertype.JobStateDiscarded: false,
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			l := openNew(t)
			insert := func(jobs ...*riverdriver.JobInsertFastParams) (results []*riverdriver.JobInsertFastResult) {
				err := l.Tx(t.Context(), func(tx *sql.Tx) (err error) {
					results, err = l.engine.driver().UnwrapExecutor(tx).JobInsertFastMany(t.Context(), &riverdriver.JobInsertFastManyParams{Jobs: jobs})
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				return results
			}
			jobs := riverJobs()
			first := insert(jobs[0])[0].Job.ID
			err := l.Tx(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.ExecContext(t.Context(), `UPDATE river_job SET state = $1, finalized_at = CASE WHEN $2 THEN NULL ELSE created_at END`, string(state), unfinished)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			again := insert(jobs[4], jobs[0], jobs[5])
			if len(again) != 3 || again[0].UniqueSkippedAsDuplicate || again[2].UniqueSkippedAsDuplicate {
				t.Fatalf("new jobs count as known ones: %+v", again)
			}
			got := again[1]
			if got.UniqueSkippedAsDuplicate != unfinished || (got.Job.ID == first) != unfinished {
				t.Errorf("the job counts as known: %v; its id is %d, and was %d", got.UniqueSkippedAsDuplicate, got.Job.ID, first)
			}
			if unfinished && got.Job.State != state {
				t.Errorf("the known job is returned in state %s", got.Job.State)
			}
		})
	}
}
