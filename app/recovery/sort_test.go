package recovery

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/webhook"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestSort(t *testing.T) {
	t.Parallel()
	entry := func(id int, event, action string, repo int64, minutes int, ok bool) Entry {
		return Entry{ID: int64(id), GUID: fmt.Sprint("g", id), Event: event, Action: action, Installation: 1, Repo: repo, At: noon.Add(-time.Duration(minutes) * time.Minute), OK: ok}
	}
	again := func(e Entry, id, minutes int, ok bool) Entry {
		e.ID, e.At, e.OK = int64(id), noon.Add(-time.Duration(minutes)*time.Minute), ok
		return e
	}
	lost := entry(1, "issue_comment", "created", 7, 50, false)
	plain := entry(2, "issue_comment", "created", 7, 40, true)
	tests := map[string]struct {
		entries []Entry
		known   map[string]bool
		fresh   bool
		want    string
	}{
		"nothing": {want: "0 ignored 0 known 0 answered 0 lost"},
		"what needs nothing by event or action": {
			entries: []Entry{entry(1, "check_run", "completed", 7, 1, false), entry(2, "status", "", 7, 2, false), entry(3, "pull_request", "labeled", 7, 3, false), entry(4, "ping", "", 0, 4, false)},
			want:    "4 ignored 0 known 0 answered 0 lost",
		},
		"recorded, although GitHub did not wait for the answer": {
			entries: []Entry{lost}, known: map[string]bool{"g1": true}, want: "0 ignored 1 known 0 answered 0 lost",
		},
		"lost":                      {entries: []Entry{lost}, want: "0 ignored 0 known 0 answered 1 lost read 7: [1]"},
		"delivered again by hand":   {entries: []Entry{lost, again(lost, 9, 5, true)}, want: "0 ignored 0 known 1 answered 0 lost"},
		"failed again by hand":      {entries: []Entry{again(lost, 9, 5, false), lost}, want: "0 ignored 0 known 0 answered 1 lost read 7: [9]"},
		"a smaller id may be newer": {entries: []Entry{again(lost, 0, 5, false), lost}, want: "0 ignored 0 known 0 answered 1 lost read 7: [0]"},
		"answered, as most comments": {
			entries: []Entry{plain}, want: "0 ignored 0 known 1 answered 0 lost",
		},
		"answered by somebody else": {
			entries: []Entry{plain, entry(3, "pull_request", "opened", 8, 45, true), entry(4, "issue_comment", "created", 7, 200, true)},
			want:    "0 ignored 0 known 1 answered 2 lost pulls 1 read 7: [2]",
		},
		"answered before this ledger": {
			entries: []Entry{plain, entry(3, "pull_request", "opened", 8, 45, true), lost}, fresh: true,
			want: "0 ignored 0 known 2 answered 1 lost read 7: [1]",
		},
		"many of one pull request": {
			entries: []Entry{
				entry(1, "pull_request", "opened", 7, 9, false), entry(2, "pull_request", "synchronize", 7, 8, false), entry(3, "pull_request", "edited", 7, 7, false),
				entry(4, "pull_request", "closed", 7, 6, false), entry(5, "pull_request", "closed", 7, 5, false), entry(6, "pull_request", "closed", 8, 4, false),
			},
			want: "0 ignored 0 known 0 answered 6 lost pulls 3 merges 8 7",
		},
		"pushes ask nothing but once for each installation": {
			entries: []Entry{entry(1, "push", "", 7, 9, false), entry(2, "push", "", 8, 8, false)},
			want:    "0 ignored 0 known 0 answered 2 lost pushes 1",
		},
		"a merge queue gives up": {
			entries: []Entry{
				entry(1, "merge_group", "checks_requested", 7, 5*60, false), entry(2, "merge_group", "checks_requested", 8, 7*60, false),
				entry(3, "check_suite", "requested", 9, 30, false), entry(4, "check_suite", "requested", 10, 90, false), entry(5, "ping", "", 0, 0, true),
			},
			want: "1 ignored 0 known 0 answered 4 lost queues 9 7",
		},
		"newest place first, oldest of it first": {
			entries: []Entry{
				entry(1, "issue_comment", "created", 7, 50, false), entry(2, "check_run", "requested_action", 7, 10, false), entry(3, "issue_comment", "created", 8, 20, false),
				entry(4, "installation", "created", 0, 5, false), entry(5, "check_suite", "rerequested", 8, 30, false),
			},
			want: "0 ignored 0 known 0 answered 5 lost read 0: [4] 7: [1 2] 8: [5 3]",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := show(Sort(tt.entries, tt.known, tt.fresh)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func show(b Backlog) string {
	s := fmt.Sprintf("%d ignored %d known %d answered %d lost", b.Ignored, b.Known, b.Answered, b.Lost)
	if b.Pulls > 0 {
		s += fmt.Sprint(" pulls ", b.Pulls)
	}
	for name, list := range map[string][]Place{" merges": b.Merges, " queues": b.Groups} {
		for i, p := range list {
			if i == 0 {
				s += name
			}
			s += fmt.Sprint(" ", p.Repo)
		}
	}
	for _, p := range b.Pushes {
		s += fmt.Sprint(" pushes ", p.Installation)
	}
	for i, batch := range b.Batches {
		if i == 0 {
			s += " read"
		}
		var ids []int64
		for _, e := range batch.Entries {
			ids = append(ids, e.ID)
		}
		s += fmt.Sprint(" ", batch.Repo, ": ", ids)
	}
	return s
}

// randomLog makes a log with several attempts of some deliveries, in which ids are no order.
func randomLog(rng *rand.Rand) (log []Entry, known map[string]bool) {
	kinds := [][2]string{
		{"pull_request", "opened"}, {"pull_request", "closed"}, {"pull_request", "edited"}, {"pull_request", "labeled"}, {"push", ""}, {"issue_comment", "created"},
		{"issue_comment", "deleted"}, {"check_run", "completed"}, {"check_run", "rerequested"}, {"check_suite", "requested"}, {"check_suite", "rerequested"},
		{"merge_group", "checks_requested"}, {"installation", "created"}, {"installation_repositories", "added"}, {"status", ""}, {"ping", ""}, {"issues", "labeled"},
	}
	known = map[string]bool{}
	for i := range rng.IntN(60) {
		kind := kinds[rng.IntN(len(kinds))]
		e := Entry{GUID: fmt.Sprint("g", i), Event: kind[0], Action: kind[1], Installation: rng.Int64N(3) + 1, Repo: rng.Int64N(4)}
		for range rng.IntN(3) + 1 {
			e.ID, e.At, e.OK = rng.Int64N(1e6), noon.Add(-time.Duration(rng.IntN(600))*time.Minute), rng.IntN(3) == 0
			log = append(log, e)
		}
		known[e.GUID] = rng.IntN(4) == 0
	}
	return log, known
}

// TestSortProperties holds for random logs: nothing that was lost is left out, nothing is done twice, nothing is done
// that is known or needs nothing, and the order of the log does not matter.
func TestSortProperties(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 14))
		log, known := randomLog(rng)
		fresh := rng.IntN(2) == 0
		b := Sort(log, known, fresh)
		if t.Failed() {
			t.FailNow()
		}
		done := map[string]int{}
		for _, e := range b.Together {
			done[e.GUID]++
		}
		for i, batch := range b.Batches {
			if i > 0 && newestFirst(b.Batches[i-1].Newest, batch.Newest) > 0 {
				t.Errorf("seed %d: batch %d is newer than the one before", seed, i)
			}
			for k, e := range batch.Entries {
				done[e.GUID]++
				if k > 0 && e.At.Before(batch.Entries[k-1].At) {
					t.Errorf("seed %d: a batch does not begin with the oldest", seed)
				}
				if e.Repo != batch.Repo || e.Installation != batch.Installation {
					t.Errorf("seed %d: %+v is in the batch of another place", seed, e)
				}
			}
		}
		ok, all := map[string]bool{}, map[string]Entry{}
		for _, e := range log {
			ok[e.GUID] = ok[e.GUID] || e.OK
			all[e.GUID] = e
		}
		for guid, e := range all {
			need := !known[guid] && webhook.Used(e.Event, e.Action) && e.Event != "ping"
			switch {
			case need && !ok[guid] && done[guid] != 1:
				t.Errorf("seed %d: %+v was lost, and is handled %d times", seed, e, done[guid])
			case (!need || fresh && ok[guid]) && done[guid] != 0:
				t.Errorf("seed %d: %+v is handled, and needs nothing", seed, e)
			case need && !fresh && alwaysRecorded(e.Event, e.Action) && done[guid] != 1:
				t.Errorf("seed %d: %+v should have been recorded, and is handled %d times", seed, e, done[guid])
			case done[guid] > 1:
				t.Errorf("seed %d: %+v is handled %d times", seed, e, done[guid])
			}
			if !need || ok[guid] && fresh || done[guid] == 0 {
				continue
			}
			has := func(list []Place, repo int64) bool {
				return slices.ContainsFunc(list, func(p Place) bool { return p.Installation == e.Installation && p.Repo == repo })
			}
			if e.Event == "pull_request" && e.Action == "closed" && !has(b.Merges, e.Repo) {
				t.Errorf("seed %d: the merge %+v is not asked for", seed, e)
			}
			if e.Event == "push" && !has(b.Pushes, 0) {
				t.Errorf("seed %d: the push %+v is not asked for", seed, e)
			}
		}
		if got := b.Ignored + b.Known + b.Answered + b.Lost; got != b.Deliveries || b.Deliveries != len(all) {
			t.Errorf("seed %d: %d of %d deliveries are counted", seed, got, len(all))
		}
		if b.Lost != len(done) {
			t.Errorf("seed %d: %d are lost, and %d handled", seed, b.Lost, len(done))
		}
		rng.Shuffle(len(log), func(i, j int) { log[i], log[j] = log[j], log[i] })
		if other := Sort(log, known, fresh); !reflect.DeepEqual(b, other) {
			t.Errorf("seed %d: in another order of the log it is\n%+v\nand not\n%+v", seed, other, b)
		}
	}
}

// TestSortLargeBacklog sorts 7,000 lost deliveries.
func TestSortLargeBacklog(t *testing.T) {
	t.Parallel()
	var log []Entry
	for i := range 7000 {
		e := Entry{ID: int64(i), GUID: fmt.Sprint("g", i), Event: "check_run", Action: "completed", Installation: 1, Repo: int64(i % 30), At: noon.Add(time.Duration(i) * time.Second)}
		switch {
		case i%100 < 3:
			e.Event, e.Action = "pull_request", "synchronize"
		case i%100 == 3:
			e.Event, e.Action = "issue_comment", "created"
		}
		log = append(log, e)
	}
	b := Sort(log, nil, false)
	if b.Ignored != 6720 || b.Pulls != 210 || len(b.Together) != 210 || b.Lost != 280 {
		t.Errorf("%d are ignored, %d are about pull requests, %d are lost", b.Ignored, b.Pulls, b.Lost)
	}
}

func BenchmarkSort(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	var log []Entry
	for i := range 7000 {
		part, _ := randomLog(rng)
		for _, e := range part {
			e.GUID = fmt.Sprint(e.GUID, "-", i)
			log = append(log, e)
		}
		if len(log) >= 7000 {
			break
		}
	}
	for b.Loop() {
		Sort(log[:7000], nil, false)
	}
}
