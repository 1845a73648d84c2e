package decisionfile

import (
	"fmt"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/scanners"
)

// A Tightening is what a file changes about a decision of the ledger.
type Tightening struct {
	Ended    string             // why the decision ends; empty if it does not
	Until    time.Time          // the new last day; zero for no change
	Severity *scanners.Severity // the new severity; nil for no change
}

// None reports whether nothing changes.
func (t Tightening) None() bool { return t.Ended == "" && t.Until.IsZero() && t.Severity == nil }

// Compare returns what a file changes about the decision that it is about: of both, the stricter one counts. The error
// says, in one sentence without a full stop, why the file is not about that decision; then it changes nothing.
func (f File) Compare(d decision.Decision) (t Tightening, err error) {
	for _, field := range []struct{ name, theirs, ours string }{
		{"id", f.ID, d.ID}, {"verb", f.Verb, d.Verb}, {"finding", f.Fingerprint, d.Fingerprint}, {"rule", f.Rule, d.Rule}, {"path", f.Path, d.Path},
	} {
		if field.theirs != field.ours {
			return t, fmt.Errorf("its %s is not that of the recorded decision, so it counts for nothing; `secbydesign decisions export` writes it again", field.name)
		}
	}
	if d.Ended != "" {
		return t, nil
	}
	t.Ended = f.Ended
	if !f.Until.IsZero() && (d.Until.IsZero() || f.Until.Before(d.Until)) {
		t.Until = f.Until
	}
	if f.Severity < d.Severity {
		s := f.Severity
		t.Severity = &s
	}
	return t, nil
}
