package recovery

import (
	"cmp"
	"slices"
	"time"

	"github.com/secbydesign/secbydesign/webhook"
)

// An Entry is one attempt of GitHub to deliver an event, as its log lists it. The log does not contain the number of the
// pull request.
type Entry struct {
	ID                 int64
	GUID               string // the same for all attempts of a delivery
	Event, Action      string
	Installation, Repo int64 // 0 if the event has none
	At                 time.Time
	OK                 bool // it was answered with success
}

// A Place is a repository, or an installation if Repo is 0, about which something was lost.
type Place struct {
	Installation, Repo int64
	Newest             Entry // of what was lost
}

// A Batch is what was lost about one place and has to be read in full, the oldest first.
type Batch struct {
	Place
	Entries []Entry // one for each delivery: its newest attempt, with the time of its first
}

// A Backlog is what the log of deliveries leaves to do. Every list begins with the newest.
type Backlog struct {
	Deliveries int // in the log; several attempts count once
	Ignored    int // of which the event and the action alone show that they need nothing
	Known      int // recorded by this program
	Answered   int // not recorded, but answered with success: they needed nothing, as far as the log shows
	Lost       int // all others

	// Pulls is how many of the lost ones are about the head, base or state of an open pull request. They ask for nothing by
	// themselves, because each hour's list of open pull requests shows it all.
	Pulls int

	Merges  []Place // repositories in which pull requests were closed; the Repo of each is different
	Groups  []Place // repositories in which a merge queue may wait
	Pushes  []Place // installations in which a policy may have changed; Repo is 0
	Batches []Batch // what has to be read to know what it is about

	Together []Entry // the lost ones that are in no batch
}

// How old a lost request of a merge queue may be. A queue gives up after the time that the repository's owner chose, of
// which 60 minutes is the default and 360 the most.
// https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
const (
	groupAge = 6 * time.Hour
	suiteAge = time.Hour
)

// maxSuites bounds the repositories that are asked for merge groups only because a check suite was requested, which every
// push does.
const maxSuites = 20

// around is how long before and after a delivery that was answered and is not recorded others are doubted as well.
const around = time.Hour

// Sort sorts the log to what matters. known are the GUIDs of the recorded deliveries. With fresh the ledger has no
// earlier reading: what was answered before was answered by another program or for another ledger, and is left alone.
//
// A delivery that was answered with success and is not recorded may have needed nothing, as most comments do, which are
// not recorded. But if one that is always recorded is missing, somebody else answered at that time, or the ledger was
// restored from a backup; then everything that was answered around it counts as lost. Sort is a pure function; the order
// of the entries does not matter.
func Sort(entries []Entry, known map[string]bool, fresh bool) Backlog {
	var b Backlog
	var now time.Time
	var lost, doubtful []Entry
	var from, to time.Time // of the deliveries that were answered and should have been recorded
	for _, d := range merge(entries) {
		b.Deliveries++
		if now.Before(d.At) {
			now = d.At
		}
		switch {
		case known[d.GUID]:
			b.Known++
		case !webhook.Used(d.Event, d.Action) || d.Event == "ping":
			b.Ignored++
		case !d.OK:
			lost = append(lost, d)
		case fresh:
			b.Answered++
		default:
			doubtful = append(doubtful, d)
			if alwaysRecorded(d.Event, d.Action) {
				if from.IsZero() || d.At.Before(from) {
					from = d.At
				}
				if to.Before(d.At) {
					to = d.At
				}
			}
		}
	}
	for _, d := range doubtful {
		if from.IsZero() || d.At.Before(from.Add(-around)) || d.At.After(to.Add(around)) {
			b.Answered++
			continue
		}
		lost = append(lost, d)
	}
	b.add(lost, now)
	return b
}

// merge returns one entry for each delivery, the newest first: its newest attempt, which is in the log for longest, with
// the time of its first. It is OK if any attempt was.
func merge(entries []Entry) []Entry {
	byGUID := map[string]Entry{}
	newest := map[string]Entry{}
	for _, e := range entries {
		d, seen := byGUID[e.GUID]
		if !seen {
			byGUID[e.GUID], newest[e.GUID] = e, e
			continue
		}
		if newestFirst(e, newest[e.GUID]) < 0 {
			newest[e.GUID] = e
			d.ID = e.ID
		}
		d.OK = d.OK || e.OK
		if e.At.Before(d.At) {
			d.At = e.At
		}
		byGUID[e.GUID] = d
	}
	list := make([]Entry, 0, len(byGUID))
	for _, d := range byGUID {
		list = append(list, d)
	}
	slices.SortFunc(list, newestFirst)
	return list
}

func newestFirst(a, b Entry) int {
	return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID), cmp.Compare(b.GUID, a.GUID))
}

// alwaysRecorded reports whether every valid delivery of an event and action is recorded when it is received. Of the
// other ones most are ignored for what they contain.
func alwaysRecorded(event, action string) bool {
	switch event {
	case "pull_request":
		return action != "edited"
	case "merge_group", "repository", "installation", "installation_repositories":
		return true
	}
	return false
}

// add sorts what was lost by what has to be done about it.
func (b *Backlog) add(lost []Entry, now time.Time) {
	slices.SortFunc(lost, newestFirst)
	b.Lost = len(lost)
	batches := map[Place]int{}
	suites := 0
	for _, d := range lost {
		if toRead(d) {
			b.addToBatch(batches, d)
			continue
		}
		b.Together = append(b.Together, d)
		at := Place{Installation: d.Installation, Repo: d.Repo, Newest: d}
		switch d.Event {
		case "pull_request":
			if d.Action == "closed" {
				b.Merges = addPlace(b.Merges, at)
			} else {
				b.Pulls++
			}
		case "push":
			at.Repo = 0
			b.Pushes = addPlace(b.Pushes, at)
		case "merge_group":
			if now.Sub(d.At) <= groupAge {
				b.Groups = addPlace(b.Groups, at)
			}
		case "check_suite":
			if n := len(b.Groups); now.Sub(d.At) <= suiteAge && suites < maxSuites {
				b.Groups = addPlace(b.Groups, at)
				suites += len(b.Groups) - n
			}
		}
	}
	for i := range b.Batches {
		slices.Reverse(b.Batches[i].Entries)
	}
}

// pullSince reports whether a delivery about an open pull request was lost since a time, to the second; false for the zero
// time.
func (b *Backlog) pullSince(at time.Time) bool {
	return !at.IsZero() && slices.ContainsFunc(b.Together, func(d Entry) bool {
		return d.Event == "pull_request" && d.Action != "closed" && !d.At.Before(at.Truncate(time.Second))
	})
}

// toRead reports whether the payload of a delivery has to be read: nothing else shows what it is about.
func toRead(d Entry) bool {
	switch d.Event {
	case "pull_request", "push", "merge_group":
		return false
	case "check_suite":
		return d.Action != "requested"
	}
	return true
}

// addPlace adds a place, unless the list has it.
func addPlace(list []Place, p Place) []Place {
	if slices.ContainsFunc(list, func(other Place) bool { return other.Installation == p.Installation && other.Repo == p.Repo }) {
		return list
	}
	return append(list, p)
}

func (b *Backlog) addToBatch(at map[Place]int, d Entry) {
	key := Place{Installation: d.Installation, Repo: d.Repo}
	i, ok := at[key]
	if !ok {
		i = len(b.Batches)
		at[key] = i
		b.Batches = append(b.Batches, Batch{Place: Place{Installation: d.Installation, Repo: d.Repo, Newest: d}})
	}
	b.Batches[i].Entries = append(b.Batches[i].Entries, d)
}
