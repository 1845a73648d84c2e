package tally

import (
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
)

// A decree is a decision with what is counted about it.
type decree struct {
	Decision decision.Decision `json:"decision"`
	Owners   []string          `json:"owners,omitempty"` // of its finding, when it was made
	At       int64             `json:"at"`
	Counts   int64             `json:"counts,omitempty"` // since when nobody has to confirm it
	Ended    int64             `json:"ended,omitempty"`
	Why      string            `json:"why,omitempty"`
	Renewals int               `json:"renewals,omitempty"` // earlier decisions that left the finding with the team
}

// corrected is how soon after it was made a decision that ends counts as a mistake.
const corrected = 24 * time.Hour

func (d decree) about() string    { return d.Decision.Fingerprint }
func (d decree) owners() []string { return d.Owners }
func (decree) listed() bool       { return false }

func (d decree) observe() (list []record.Observation) {
	early := d.Ended != 0 && d.Ended-d.At < corrected.Milliseconds()
	if d.Counts == 0 || early || !promises(d.Decision.Verb) {
		return nil
	}
	day, class := dayOf(d.Counts), d.Decision.Class
	if class == "" {
		class = "none"
	}
	list = observed(day, record.ObsReason, class, 0)
	if d.Decision.Verb == "accept" {
		list = append(list, observed(day, record.ObsAccepted, d.Decision.Severity.String(), 0)...)
		list = append(list, observed(day, record.ObsRenewals, "", int64(d.Renewals))...)
	}
	return list
}

// whole returns the decision with the fields that JSON leaves out.
func (d decree) whole() decision.Decision {
	out := d.Decision
	out.At, out.Ended = time.UnixMilli(d.At).UTC(), d.Why
	if d.Ended != 0 {
		out.EndedAt = time.UnixMilli(d.Ended).UTC()
	}
	return out
}

// decided takes a step in the life of a decision.
func decided(s decision.Step) Change {
	return func(w *work) error {
		key := Key{Decision, 0, s.Of()}
		before, known, err := load[decree](w, key)
		if err != nil {
			return err
		}
		var was *decision.Decision
		if known {
			d := before.whole()
			was = &d
		}
		is, ok := decision.Take(was, s)
		if !ok {
			return nil
		}
		after := before
		after.Decision, after.At, after.Why = is, is.At.UnixMilli(), is.Ended
		if is.Ended != "" {
			after.Ended = is.EndedAt.UnixMilli()
		}
		if is.Needs == 0 && is.Ended == "" && after.Counts == 0 {
			after.Counts = s.At.UnixMilli()
		}
		if !known {
			if after.Owners, err = ownersOfFinding(w, is); err != nil {
				return err
			}
			if after.Renewals, err = renewals(w, is); err != nil {
				return err
			}
			err = save(w, key, nil, after)
		} else {
			err = save(w, key, &before, after)
		}
		if err != nil {
			return err
		}
		return ruled(w, is)
	}
}

// ruled brings the findings of a decision up to date.
func ruled(w *work, d decision.Decision) error {
	key := Key{Shown, d.Number, d.Fingerprint}
	s, ok, err := load[shown](w, key)
	if err != nil {
		return err
	}
	if ok {
		after := s
		if err := after.rule(w, key); err != nil {
			return err
		}
		if err := save(w, key, &s, after); err != nil {
			return err
		}
	}
	key = Key{Debt, 0, d.Fingerprint}
	before, ok, err := load[debt](w, key)
	if err != nil || !ok {
		return err
	}
	after := before
	if err := after.rule(w, key.Name); err != nil {
		return err
	}
	return save(w, key, &before, after)
}

// rule sets the decision in force that was made about the finding in its pull request.
func (s *shown) rule(w *work, key Key) error {
	r, err := rulingOf(w, key.Name, func(d decision.Decision) bool { return d.Rule == s.Rule && d.Number == key.Number })
	s.Verb, s.Decided = "", 0
	if r != nil && r.Ended == 0 {
		s.Verb, s.Decided = r.Verb, r.Counts
	}
	return err
}

// rule sets the ruling about the finding: a decision made in its pull request, or in another about the same file.
func (d *debt) rule(w *work, fingerprint string) (err error) {
	d.Ruling, err = rulingOf(w, fingerprint, func(is decision.Decision) bool {
		return is.Rule == d.Rule && (is.Number == d.Number || is.Path == d.Path)
	})
	return err
}

func ownersOfFinding(w *work, d decision.Decision) ([]string, error) {
	s, ok, err := load[shown](w, Key{Shown, d.Number, d.Fingerprint})
	if err != nil || ok {
		return s.Owners, err
	}
	owes, _, err := load[debt](w, Key{Debt, 0, d.Fingerprint})
	return owes.Owners, err
}

// renewals counts the earlier decisions of which a new one is a renewal.
func renewals(w *work, d decision.Decision) (int, error) {
	list, err := all[decree](w.store.About(Decision, d.Fingerprint))
	if err != nil {
		return 0, err
	}
	var earlier []decision.Decision
	for _, k := range list {
		earlier = append(earlier, k.is.whole())
	}
	return d.Before(earlier), nil
}

// A ruling is the newest decision about a finding that counts, or the newest that did.
type ruling struct {
	ID       string   `json:"id"`
	Verb     string   `json:"verb"`
	By       []string `json:"by,omitempty"`
	Class    string   `json:"class,omitempty"`
	Until    int64    `json:"until,omitempty"` // its last day; 0 for no end
	Counts   int64    `json:"counts"`
	Ended    int64    `json:"ended,omitempty"`
	Renewals int      `json:"renewals,omitempty"`
}

// lastDay returns the last day on which it counts, or [record.NoEnd].
func (r ruling) lastDay() int64 {
	last := int64(record.NoEnd)
	if r.Until != 0 {
		last = r.Until
	}
	if r.Ended != 0 {
		last = min(last, dayOf(r.Ended)-1)
	}
	return last
}

// rulingOf returns the ruling about a finding among some of the decisions about it; nil if there never was one.
func rulingOf(w *work, fingerprint string, among func(decision.Decision) bool) (*ruling, error) {
	list, err := all[decree](w.store.About(Decision, fingerprint))
	if err != nil {
		return nil, err
	}
	var best *decree
	for _, k := range list {
		d := k.is
		if d.Counts == 0 || !among(d.Decision) {
			continue
		}
		if best == nil || newer(d, *best) {
			best = &d
		}
	}
	if best == nil {
		return nil, nil
	}
	r := &ruling{
		ID: best.Decision.ID, Verb: best.Decision.Verb, By: best.Decision.By, Class: best.Decision.Class,
		Counts: best.Counts, Ended: best.Ended, Renewals: best.Renewals,
	}
	if !best.Decision.Until.IsZero() {
		r.Until = DayOf(best.Decision.Until)
	}
	return r, nil
}

// newer reports whether a counts before b: one that has not ended, then the later one.
func newer(a, b decree) bool {
	if (a.Ended == 0) != (b.Ended == 0) {
		return a.Ended == 0
	}
	if a.At != b.At {
		return a.At > b.At
	}
	return a.Decision.ID > b.Decision.ID
}
