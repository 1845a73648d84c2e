package app_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/rehearsal"
)

// TestRecordOfAnEarlierVersion reads a database that the version before the kept tables wrote, with reviews, a decision
// and an opinion: as it is, and after it was brought up to date. It says what that version said of it.
func TestRecordOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	packed, err := os.Open("testdata/schema6.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	database := filepath.Join(dir, "secbydesign.db")
	if err := os.WriteFile(database, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var want rehearsal.Result
	text, err = os.ReadFile("testdata/schema6.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	file := proposal(t, "version: 1\ngates: {secrets: {mode: block}, code: {mode: block}}\n")
	want.Proposed, want.At = []string{file}, time.Time{}
	for i := range want.Each {
		for j := range want.Each[i].Reasons {
			want.Each[i].Reasons[j].Because = ""
		}
	}
	for _, moment := range []string{"as it was", "brought up to date"} {
		var b bytes.Buffer
		err := app.RehearsePolicy(t.Context(), &b, app.Rehearsal{PolicyFiles: app.PolicyFiles{File: file}, Repo: "acme/shop", Last: 50, Format: "json", DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		var got rehearsal.Result
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		got.At = time.Time{}
		for i := range got.Each {
			for j := range got.Each[i].Reasons { // they name the proposed file
				got.Each[i].Reasons[j].Because = ""
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s, it says\n%+v\nwant\n%+v", moment, got, want)
		}
		l, err := ledger.Open(t.Context(), "sqlite:"+database)
		if err != nil {
			t.Fatal(err)
		}
		repo := ledger.Repo{Owner: "acme", Name: "shop"}
		made, err := l.Events(t.Context(), ledger.Filter{Owner: "acme", Repo: "shop", Kind: record.DecisionMade})
		if err != nil || len(made) != 16 {
			t.Fatalf("%s: %d decisions, %v", moment, len(made), err)
		}
		counted := 0
		for _, e := range made {
			step, err := record.ReadStep(e.ID, e.Kind, e.At, e.Data)
			if err != nil {
				t.Fatal(err)
			}
			id := step.Decision.ID
			decisions, err := l.Decisions(t.Context(), repo, ledger.Which{IDs: []string{id}})
			if err != nil || len(decisions) != 1 || decisions[0].Asked != "hubot" || decisions[0].Ended != "" {
				t.Errorf("%s: %s is %+v, %v", moment, id, decisions, err)
			}
			numbers, err := l.Counted(t.Context(), repo, id)
			last, errLast := l.LastReview(t.Context(), repo, e.Number)
			if counts := len(numbers) == 1 && numbers[0] == e.Number; err != nil || errLast != nil || counts != last.DependsOn(id) {
				t.Errorf("%s: %s counts in %v, %v; the review of #%d says %v, %v", moment, id, numbers, err, e.Number, last.DependsOn(id), errLast)
			}
			counted += len(numbers)
		}
		if counted < 10 {
			t.Errorf("%s: only %d decisions count", moment, counted)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
