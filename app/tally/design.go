package tally

import (
	"cmp"

	"github.com/secbydesign/secbydesign/app/record"
)

// A question on the design in one pull request. Times are in milliseconds; 0 means not.
type question struct {
	Owners    []string `json:"owners,omitempty"`
	Component string   `json:"component"`
	Topic     string   `json:"topic"`
	Text      string   `json:"text,omitempty"`
	Asked     int64    `json:"asked,omitempty"`
	Early     bool     `json:"early,omitempty"`    // it was asked first about a plan, a document or a draft
	Answered  int64    `json:"answered,omitempty"` // by a person
	Useless   int64    `json:"useless,omitempty"`
	Left      int64    `json:"left,omitempty"` // open when the pull request was merged, and since
}

func (q question) about() string    { return topicName(q.Component, q.Topic) }
func (q question) owners() []string { return q.Owners }
func (q question) listed() bool     { return q.Left != 0 }

func (q question) observe() (list []record.Observation) {
	if q.Asked == 0 {
		return nil
	}
	list = observed(dayOf(q.Asked), record.ObsAsked, "", truth(q.Early))
	switch rule := "requirements/" + q.Topic; {
	case q.Useless != 0:
		list = append(list, observed(dayOf(q.Useless), record.ObsVerdict, rule, 1)...)
	case q.Answered != 0:
		list = append(list, observed(dayOf(q.Answered), record.ObsVerdict, rule, 0)...)
	}
	return list
}

// A topic of a component.
type topic struct {
	Owners  []string `json:"owners,omitempty"`
	Seen    int64    `json:"seen"`
	Covered bool     `json:"covered"`
}

func (topic) about() string      { return "" }
func (t topic) owners() []string { return t.Owners }
func (topic) listed() bool       { return false }

func (t topic) observe() []record.Observation {
	return observed(dayOf(t.Seen), record.ObsTopic, "", truth(t.Covered))
}

func topicName(component, topic string) string { return component + "\x00" + topic }

// designOf returns the change of an event about the design; nil for none.
func designOf(e Event) Change {
	switch e.Kind {
	case record.RequirementAsked:
		return design(e, asked)
	case record.RequirementAnswered:
		return design(e, answered)
	case record.RequirementReopened:
		return design(e, func(w *work, e Event, q record.Question) error {
			return cover(w, e, q.Component, q.Topic, q.Owners, false)
		})
	case record.RequirementMerged:
		return design(e, func(w *work, e Event, q record.Question) error {
			return leave(w, e, q.ID, q.Component, q.Topic, q.Owners)
		})
	case record.RequirementOpinion:
		return design(e, func(w *work, e Event, o record.QuestionOpinion) error {
			if !o.Write || o.Author {
				return nil
			}
			return change(w, Key{Question, e.Number, o.Question}, func(q *question) { q.Useless = cmp.Or(q.Useless, e.At.UnixMilli()) })
		})
	case record.VoiceAsked:
		return design(e, voiceAsked)
	case record.RequirementAdvice:
		return design(e, advised)
	}
	return nil
}

func design[T any](e Event, do func(*work, Event, T) error) Change {
	data, err := record.ReadRequirement[T](e.ID, e.Data)
	if err != nil {
		return nil
	}
	return func(w *work) error { return do(w, e, data) }
}

func asked(w *work, e Event, q record.Question) error {
	key := Key{Question, e.Number, q.ID}
	before, known, err := load[question](w, key)
	if err != nil || known && before.Asked != 0 {
		return err
	}
	after := before
	after.Owners, after.Component, after.Topic, after.Text = q.Owners, q.Component, q.Topic, q.Text
	after.Asked, after.Early = e.At.UnixMilli(), q.Stage == "plan" || q.Stage == "document" || q.Stage == "draft"
	if known {
		return save(w, key, &before, after)
	}
	return save(w, key, nil, after)
}

// answered takes an answer: to its question, to those about the same that earlier merges left open, and for the topic.
func answered(w *work, e Event, a record.Answer) error {
	var owners []string
	if a.Question != "" {
		key := Key{Question, e.Number, a.Question}
		q, known, err := load[question](w, key)
		if err != nil {
			return err
		}
		if owners = q.Owners; known && a.Who != "" {
			after := q
			after.Answered = cmp.Or(after.Answered, e.At.UnixMilli())
			if err := save(w, key, &q, after); err != nil {
				return err
			}
		}
	}
	same, err := all[question](w.store.About(Question, topicName(a.Component, a.Topic)))
	if err != nil {
		return err
	}
	for _, k := range same {
		if k.is.Left == 0 {
			continue
		}
		after := k.is
		after.Left = 0
		if err := save(w, k.key, &k.is, after); err != nil {
			return err
		}
	}
	return cover(w, e, a.Component, a.Topic, owners, true)
}

// leave takes a question that was open when the pull request was merged.
func leave(w *work, e Event, id, component, topic string, owners []string) error {
	key := Key{Question, e.Number, id}
	before, known, err := load[question](w, key)
	if err != nil {
		return err
	}
	after := before
	after.Component, after.Topic = cmp.Or(before.Component, component), cmp.Or(before.Topic, topic)
	after.Left = cmp.Or(before.Left, e.At.UnixMilli())
	if len(owners) > 0 {
		after.Owners = owners
	}
	if known {
		return save(w, key, &before, after)
	}
	return save(w, key, nil, after)
}

// reviewedDesign takes what a review found out about the topics of components.
func reviewedDesign(w *work, e Event, r record.Review) error {
	if r.Requirements == nil {
		return nil
	}
	for _, q := range r.Requirements.Questions {
		if q.State == record.Recorded || q.Component == "" && q.Topic == "" {
			continue
		}
		if err := cover(w, e, q.Component, q.Topic, q.Owners, q.State != record.Open); err != nil {
			return err
		}
	}
	return nil
}

// cover records whether a topic of a component is covered; owners are those it had if there are none.
func cover(w *work, e Event, component, about string, owners []string, covered bool) error {
	key := Key{Topic, 0, topicName(component, about)}
	before, known, err := load[topic](w, key)
	if err != nil {
		return err
	}
	after := topic{Owners: owners, Seen: e.At.UnixMilli(), Covered: covered}
	if len(owners) == 0 {
		after.Owners = before.Owners
	}
	if known {
		return save(w, key, &before, after)
	}
	return save(w, key, nil, after)
}

// voiceAsked notes since when the security team has been asked in a pull request.
func voiceAsked(w *work, e Event, v record.Voice) error {
	if v.Role != record.Security {
		return nil
	}
	key := Key{Pull, e.Number, ""}
	before, known, err := load[pull](w, key)
	if err != nil {
		return err
	}
	after := before
	after.Waiting = cmp.Or(before.Waiting, e.At.UnixMilli())
	if known {
		return save(w, key, &before, after)
	}
	return save(w, key, nil, after)
}

// advised counts how long an answer of the security team took.
func advised(w *work, e Event, a record.Advice) error {
	if a.Role != record.Security {
		return nil
	}
	key := Key{Pull, e.Number, ""}
	before, known, err := load[pull](w, key)
	if err != nil || !known || before.Waiting == 0 {
		return err
	}
	after := before
	after.Waiting = 0
	w.count(before.Owners, observed(DayOf(e.At), record.ObsAdvice, "", record.Coarse((e.At.UnixMilli()-before.Waiting)/1000)), 1)
	return save(w, key, &before, after)
}
