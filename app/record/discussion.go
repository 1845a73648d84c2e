package record

import (
	"slices"
	"time"
)

// A Discussion is what was said about the design of one pull request. It is derived from events, the oldest first, by
// [Discussion.Take].
type Discussion struct {
	Asked    []Question       // in the order in which they were shown first
	Ticked   map[string][]int // boxes, by question
	Answers  []Answer
	Advice   []Advice
	Voices   []Voice
	Opinions []QuestionOpinion
	Reopened map[string]bool // decisions
	Left     map[string]bool // questions that were open when it was merged
	Sources  map[string]bool // comments and edits that ticked boxes
}

// Take adds an event. It ignores those of other kinds.
func (d *Discussion) Take(id int64, kind string, at time.Time, number int, data []byte) error {
	switch kind {
	case RequirementAsked:
		return take(id, data, d.ask)
	case RequirementTicked:
		return take(id, data, func(t Tick) {
			if d.Ticked == nil {
				d.Ticked, d.Sources = map[string][]int{}, map[string]bool{}
			}
			d.Ticked[t.Question], d.Sources[t.Source] = t.Boxes, true
		})
	case RequirementAnswered:
		return take(id, data, func(a Answer) {
			a.At, a.Number = at, number
			d.Answers = append(d.Answers, a)
		})
	case RequirementAdvice:
		return take(id, data, func(a Advice) { d.Advice = append(d.Advice, a) })
	case VoiceAsked:
		return take(id, data, func(v Voice) { d.Voices = append(d.Voices, v) })
	case RequirementOpinion:
		return take(id, data, func(o QuestionOpinion) { d.Opinions = append(d.Opinions, o) })
	case RequirementReopened:
		return take(id, data, func(q Question) {
			if d.Reopened == nil {
				d.Reopened = map[string]bool{}
			}
			d.Reopened[q.Reopens] = true
		})
	case RequirementMerged:
		return take(id, data, func(q Question) {
			if d.Left == nil {
				d.Left = map[string]bool{}
			}
			d.Left[q.ID] = true
		})
	}
	return nil
}

func take[T any](id int64, data []byte, add func(T)) error {
	v, err := ReadRequirement[T](id, data)
	if err == nil {
		add(v)
	}
	return err
}

// ask adds a question, or replaces what is known of it.
func (d *Discussion) ask(q Question) {
	if i := slices.IndexFunc(d.Asked, func(old Question) bool { return old.ID == q.ID }); i >= 0 {
		d.Asked[i] = q
		return
	}
	d.Asked = append(d.Asked, q)
}

// Update brings the questions up to those of a review.
func (d *Discussion) Update(r *Requirements) {
	if r == nil {
		return
	}
	for _, q := range r.Questions {
		d.ask(q)
	}
}

// Open lists the open questions of a review; none for nil.
func (r *Requirements) Open() (list []Question) {
	if r == nil {
		return nil
	}
	for _, q := range r.Questions {
		if q.State == Open {
			list = append(list, q)
		}
	}
	return list
}

// Find returns the question with an id; false if there is none.
func (r *Requirements) Find(id string) (Question, bool) {
	if r == nil {
		return Question{}, false
	}
	for _, q := range r.Questions {
		if q.ID == id {
			return q, true
		}
	}
	return Question{}, false
}

// The states of a question.
const (
	Open     = "open"
	Answered = "answered"
	Covered  = "covered"
	Recorded = "recorded" // it is not asked
)
