// Package tally keeps account of the findings and questions of teams: what is on a team's list, and the observations
// from which its figures are computed. It is pure: an event changes subjects in a [Store].
//
// A subject is one thing in a repository that has a life of its own: a finding in a pull request, a finding on a branch,
// a decision, a question. What a subject adds to the observations is a function of the subject alone. So an event
// reads subjects, changes them, and the difference of what they add before and after is what is counted.
//
// tally.go has the frame, finding.go findings, decision.go decisions, design.go questions.
package tally

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

// A Key identifies a subject in one repository.
type Key struct {
	Kind   string
	Number int // of the pull request; 0 for a subject that outlives it
	Name   string
}

// Kinds of subjects.
const (
	Pull     = "pull"     // what concerns a pull request as a whole; without a name
	Shown    = "shown"    // a finding that was shown in a pull request; its name is the fingerprint
	Debt     = "debt"     // a finding that was merged; number 0, its name is the fingerprint
	Decision = "decision" // number 0, its name is "A-…", and it is about a fingerprint
	Question = "question" // its name is "Q1", and it is about a component and a topic
	Topic    = "topic"    // of a component; number 0
)

// A Store holds the subjects and the observations of one repository.
type Store interface {
	// Load returns the stored form of a subject; nil if there is none.
	Load(Key) ([]byte, error)

	// Of lists the subjects of a kind in a pull request, and About those of a kind about something, in any order.
	Of(kind string, number int) (map[Key][]byte, error)
	About(kind, about string) (map[Key][]byte, error)

	// Save stores a subject. teams are those on whose list it is; before are those on whose list it was.
	Save(key Key, about string, data []byte, before, teams []string) error

	// Add adds observations of a team; n may be negative.
	Add(team string, o record.Observation) error
}

// An Event is an event of the ledger, as far as it matters here.
type Event struct {
	ID     int64
	At     time.Time
	Kind   string
	Number int
	Head   string
	Data   []byte
}

// A Change is the effect of one event.
type Change func(*work) error

// Apply makes the change in a store. Equal histories make equal stores.
func (c Change) Apply(store Store) error {
	w := &work{store: store, sums: map[sum]int64{}}
	if err := c(w); err != nil {
		return err
	}
	return w.flush()
}

// Kinds lists the kinds of events that have an effect.
func Kinds() []string {
	return []string{
		record.Finished, record.Merged, record.MergedOpen, record.NotUseful, record.Assigned,
		record.DecisionMade, record.DecisionConfirmed, record.DecisionEnded,
		record.RequirementAsked, record.RequirementAnswered, record.RequirementReopened, record.RequirementMerged,
		record.RequirementOpinion, record.VoiceAsked, record.RequirementAdvice,
	}
}

// Of returns the change of an event, or nil if it has none or cannot be read.
func Of(e Event) Change {
	switch e.Kind {
	case record.Finished:
		if r, err := record.ReadReview(e.ID, e.At, e.Head, e.Data); err == nil {
			return reviewed(e, r)
		}
	case record.Merged:
		return ownership(e, merged)
	case record.MergedOpen:
		return ownership(e, mergedOpen)
	case record.Assigned:
		return ownership(e, assigned)
	case record.NotUseful:
		if o, err := record.ReadOpinion(e.ID, e.Data); err == nil && o.Counts() {
			return notUseful(e, o)
		}
	case record.DecisionMade, record.DecisionConfirmed, record.DecisionEnded:
		if s, err := record.ReadStep(e.ID, e.Kind, e.At, e.Data); err == nil {
			return decided(s)
		}
	}
	return designOf(e)
}

// ownership returns the change of an event with data of type T.
func ownership[T any](e Event, do func(*work, Event, T) error) Change {
	data, err := record.ReadOwnership[T](e.ID, e.Data)
	if err != nil {
		return nil
	}
	return func(w *work) error { return do(w, e, data) }
}

// A subject is one of the types that are stored.
type subject interface {
	about() string                 // empty for nothing that [Store.About] needs to find
	owners() []string              // as written; empty for unowned
	listed() bool                  // it is on the lists of its owners
	observe() []record.Observation // each with N = 1
}

// work collects what one event adds.
type work struct {
	store Store
	sums  map[sum]int64
}

type sum struct {
	team string
	o    record.Observation // N is 0
}

// load reads a subject; ok is false if there is none.
func load[T subject](w *work, key Key) (s T, ok bool, err error) {
	data, err := w.store.Load(key)
	if err != nil || data == nil {
		return s, false, err
	}
	return s, true, decode(key, data, &s)
}

func decode(key Key, data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read the %s %q: %w", key.Kind, key.Name, err)
	}
	return nil
}

// A kept is a stored subject with its key.
type kept[T subject] struct {
	key Key
	is  T
}

// all decodes a result of a [Store], in the order of the keys.
func all[T subject](found map[Key][]byte, err error) (list []kept[T], _ error) {
	if err != nil {
		return nil, err
	}
	for _, key := range slices.SortedFunc(maps.Keys(found), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), strings.Compare(a.Name, b.Name))
	}) {
		one := kept[T]{key: key}
		if err := decode(key, found[key], &one.is); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// save stores a subject in place of before, which is nil if there was none, and counts the difference.
func save[T subject](w *work, key Key, before *T, after T) error {
	var was []string
	if before != nil {
		w.count((*before).owners(), (*before).observe(), -1)
		was = listOf(*before)
	}
	return store(w, key, was, after)
}

// renew is like save, but what was counted for before remains: after is another life of the subject.
func renew[T subject](w *work, key Key, before, after T) error {
	return store(w, key, listOf(before), after)
}

func store[T subject](w *work, key Key, was []string, after T) error {
	w.count(after.owners(), after.observe(), 1)
	data, err := json.Marshal(after)
	if err != nil {
		return err
	}
	return w.store.Save(key, after.about(), data, was, listOf(after))
}

// listOf returns the teams on whose list a subject is.
func listOf(s subject) []string {
	if !s.listed() {
		return nil
	}
	return teams(s.owners())
}

// teams returns owners in lower case, each once and sorted; one empty name for none.
func teams(owners []string) []string {
	if len(owners) == 0 {
		return []string{""}
	}
	var list []string
	for _, o := range owners {
		list = append(list, strings.ToLower(o))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// count counts observations for their owners and for everyone.
func (w *work) count(owners []string, list []record.Observation, n int64) {
	for _, o := range list {
		o.N = 0
		w.sums[sum{record.Everyone, o}] += n
		if o.Key == record.ObsOwned {
			continue
		}
		for _, team := range teams(owners) {
			w.sums[sum{team, o}] += n
		}
	}
}

// flush adds the sums to the store, in an order that does not depend on chance.
func (w *work) flush() error {
	keys := slices.SortedFunc(maps.Keys(w.sums), func(a, b sum) int {
		return cmp.Or(strings.Compare(a.team, b.team), cmp.Compare(a.o.Day, b.o.Day), strings.Compare(a.o.Key, b.o.Key),
			strings.Compare(a.o.About, b.o.About), cmp.Compare(a.o.Value, b.o.Value))
	})
	for _, k := range keys {
		if n := w.sums[k]; n != 0 {
			k.o.N = n
			if err := w.store.Add(k.team, k.o); err != nil {
				return err
			}
		}
	}
	return nil
}

// DayOf counts days from 1970, UTC.
func DayOf(t time.Time) int64 { return dayOf(t.UnixMilli()) }

// dayOf is [DayOf] of a time in milliseconds.
func dayOf(ms int64) int64 { return ms / (24 * 60 * 60 * 1000) }

// observed returns a list of one.
func observed(day int64, key, about string, value int64) []record.Observation {
	return []record.Observation{{Day: day, Key: key, About: about, Value: value}}
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
