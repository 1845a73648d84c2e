package conversation

import (
	"slices"

	"github.com/secbydesign/secbydesign/app/record"
)

// What people decide counts in the order in which they wrote it at GitHub. Comments can reach the App in another order: a
// delivery was lost while the App was away, and is found after newer ones have come. Then the older comment does not undo
// what the newer one said: it is not carried out, and the answer says so.

// before reports whether a comment was written before one that was executed. Comments of the conversation and those of
// reviews are numbered separately, so of two in the same second only those of one kind have an order.
func (r Request) before(c record.Executed) bool {
	if r.Written.IsZero() || c.Written.IsZero() || r.Comment == 0 {
		return false
	}
	if same := r.Written.Equal(c.Written); !same || (r.Thread != 0) != c.InReview {
		return r.Written.Before(c.Written)
	}
	return r.Comment < c.Comment
}

// overtaken reports whether a comment that was written later has decided about the subject already. If so it says that
// the line is not carried out. Otherwise the subject is recorded with the comment. Call it when it is certain that the
// person may decide: a refused comment stops nobody's.
func (t *execution) overtaken(line, subject string) bool {
	for _, c := range t.later {
		if slices.Contains(c.Decided, subject) {
			t.say(line, "This comment reached the App after a later one that decided about "+subject+", and the later one counts. Write it again if it still holds.", "")
			return true
		}
	}
	if !slices.Contains(t.decided, subject) {
		t.decided = append(t.decided, subject)
	}
	return false
}
