package tally

import (
	"slices"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// Entry returns the entry of a listed subject on a team's list. ok is false if there is nothing to do now. The entry
// lacks the repository.
func Entry(key Key, data []byte, now time.Time) (e record.Entry, ok bool, err error) {
	switch key.Kind {
	case Debt:
		var d debt
		if err := decode(key, data, &d); err != nil {
			return e, false, err
		}
		e, ok = d.entry(key.Name, DayOf(now))
		return e, ok, nil
	case Question:
		var q question
		if err := decode(key, data, &q); err != nil {
			return e, false, err
		}
		e = record.Entry{
			State: record.EntryQuestion, Number: key.Number, ID: key.Name, Title: q.Text, Component: q.Component, Topic: q.Topic,
			Owners: slices.Clone(q.Owners), Since: timeOf(first(q.Asked, q.Left)),
		}
		return e, q.Left != 0, nil
	}
	return e, false, nil
}

func (d debt) entry(fingerprint string, today int64) (record.Entry, bool) {
	state := d.state(today)
	e := record.Entry{
		State: state, Number: d.Number, ID: scanners.ID(fingerprint), Fingerprint: fingerprint, Rule: d.Rule, Title: d.Title, Severity: d.Severity,
		CWE: d.CWE, Path: d.Path, Line: d.Line, Owners: slices.Clone(d.Owners), Since: timeOf(first(d.First, d.Since)),
	}
	if r := d.Ruling; r != nil && state != record.EntryOpen {
		e.Decision, e.By, e.Class, e.Renewals = r.ID, slices.Clone(r.By), r.Class, r.Renewals
		if r.Until != 0 {
			e.Until = time.Unix(r.Until*24*60*60, 0).UTC()
		}
	}
	return e, state != ""
}

// state returns the state of the finding on a day; empty if the team has nothing to do.
func (d debt) state(today int64) string {
	r := d.Ruling
	switch {
	case d.Gone != 0 || !d.matters():
		return ""
	case r == nil:
		return record.EntryOpen
	case r.lastDay() >= today && r.Ended == 0:
		return map[string]string{"accept": record.EntryAccepted, "defer": record.EntryDeferred}[r.Verb]
	case promises(r.Verb):
		return record.EntryExpired
	}
	return record.EntryOpen
}

// first returns the earlier of two times of which 0 means not known.
func first(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func timeOf(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
