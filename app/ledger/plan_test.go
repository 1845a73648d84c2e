package ledger

import (
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// planOf returns how SQLite carries out a query with so many parameters: what it reads, and by which index.
func planOf(t *testing.T, l *Ledger, query string, parameters int) (plan string) {
	t.Helper()
	pgtest.SQLiteOnly(t, "it is about its plans")
	t.Helper()
	args := make([]any, parameters)
	for i := range args {
		args[i] = 1
	}
	rows, err := l.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "\n"
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
