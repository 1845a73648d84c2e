package decision

import "time"

// A Warning is the moment at which its owner hears that a decision ends in some days.
type Warning struct {
	Days int
	At   time.Time
}

// warnDays are how many days before its last day a decision is warned of, the first warning first.
func warnDays() []int { return []int{14, 3} }

// Warnings lists the warnings of a decision that counts since the time from: none for one without a last day, and only
// those that come after from. A decision of ten days has one, of two days none.
func (d Decision) Warnings(from time.Time) (list []Warning) {
	if d.Until.IsZero() {
		return nil
	}
	for _, days := range warnDays() {
		if at := d.Until.AddDate(0, 0, -days); at.After(from) {
			list = append(list, Warning{Days: days, At: at})
		}
	}
	return list
}

// Due reports whether a warning of the decision is right at a time. It is not if the decision does not count, if the
// moment has not come, or if it is so late that the next warning, or the end, says more.
func (d Decision) Due(w Warning, now time.Time) bool {
	if d.Ended != "" || d.Needs > 0 || d.expired(now) || now.Before(w.At) {
		return false
	}
	for _, other := range d.Warnings(w.At) {
		if !now.Before(other.At) {
			return false
		}
	}
	return true
}
