package requirements

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/checks"
)

// YourAnswer is the text of an answer in a command that people copy. It is long enough for one.
const YourAnswer = "[explain in one sentence what is decided]"

// maxDrift is how many differences from the model a card names.
const maxDrift = 3

// Card returns the card that shows an outcome. The caller adds addresses, notes and a mention.
func (o Outcome) Card() checks.Card {
	card := checks.Card{Off: o.Off, Unread: o.Unread}
	for _, q := range o.Questions {
		card.Questions = append(card.Questions, q.Card())
		if q.State == open && len(card.Commands) == 0 {
			card.Snippet = q.Snippet
			card.Commands = []string{
				"/secbydesign answer " + q.ID + " " + YourAnswer,
				"/secbydesign not-useful " + q.ID + " noise",
				"/secbydesign ask champion",
				"/secbydesign why " + q.ID,
			}
		}
	}
	for _, f := range o.Facts {
		if f.Mode != ask {
			continue
		}
		card.Facts = append(card.Facts, f.Annotation())
		if f.Covered != "" {
			card.Covered = append(card.Covered, f.Markdown())
		}
	}
	for i, d := range o.Drift {
		if i == maxDrift {
			card.Notes = append(card.Notes, fmt.Sprintf("%d more differences from the threat model; `secbydesign model check` lists them.", len(o.Drift)-i))
			break
		}
		card.Notes = append(card.Notes, checks.WithCode(d.Message))
		if card.Snippet == "" {
			card.Snippet = d.Snippet
		}
	}
	if len(o.Questions) == 0 {
		card.Why = o.why()
	}
	return card
}

// why says in one sentence of Markdown why nothing is asked.
func (o Outcome) why() string {
	for _, q := range o.Others {
		if q.State == stateRecorded {
			return "Facts are recorded without a question: " + checks.Escape(q.Because) + "."
		}
	}
	if len(o.Others) > 0 {
		return "What is new is answered by evidence or by an earlier decision."
	}
	return ""
}

// Card returns the question as a card shows it.
func (q Question) Card() checks.CardQuestion {
	out := checks.CardQuestion{
		ID: q.ID, Topic: q.Topic, Component: q.Component, Text: q.Text, ASVS: q.ASVS, LinkName: q.LinkName, Link: q.Link,
		PavedRoad: q.PavedRoad, Open: q.State == open,
	}
	if !out.Open {
		out.Closed = q.closed()
		return out
	}
	for _, p := range q.Places {
		out.Places = append(out.Places, checks.Spot{Path: p.Path, Line: p.Line})
	}
	for i, text := range q.Answers {
		out.Boxes = append(out.Boxes, checks.CardBox{Text: text, Ticked: slices.Contains(q.Ticked, i)})
	}
	if q.Because != "" {
		out.Notes = append(out.Notes, "Asked again: "+checks.WithCode(q.Because)+".")
	}
	for _, n := range q.Ticked {
		if n >= 0 && n < len(q.Answers) {
			out.Notes = append(out.Notes, fmt.Sprintf("Chosen: %s. Finish it with one sentence: %s",
				checks.Escape(strings.TrimRight(q.Answers[n], " …:,")), checks.Code("/secbydesign answer "+q.ID+" "+YourAnswer)))
		}
	}
	for _, a := range q.Advice {
		out.Notes = append(out.Notes, fmt.Sprintf("Advice by %s (%s): %s", checks.Escape("@"+a.Who), checks.Escape(a.Role), checks.Escape(a.Text)))
	}
	return out
}

// closed says who or what answered the question.
func (q Question) closed() string {
	because := checks.WithCode(q.Because)
	switch {
	case q.Decision != "" && because != "":
		return because + " (" + checks.Code(q.Decision) + ")"
	case q.State == stateRecorded:
		return "not asked: " + because
	}
	return cmp.Or(because, q.State)
}

// Markdown shows a fact that nobody has to answer for, as Markdown.
func (f Fact) Markdown() string {
	place := f.Path
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d", f.Path, f.Line)
	}
	return checks.Code(cmp.Or(f.Name, f.Key)) + " in " + checks.Code(place) + ": " + checks.WithCode(f.Covered)
}

// Annotation returns the fact as one of the check's lines.
func (f Fact) Annotation() checks.Annotation {
	message := cmp.Or(f.Name, f.Key) + " in " + f.Component
	if f.Covered != "" {
		message += ". Nobody is asked: " + f.Covered
	}
	return checks.Annotation{
		Path: f.Path, StartLine: max(1, f.Line), EndLine: max(1, f.Line, f.EndLine), Level: "notice",
		Title: strings.TrimSpace(f.Signal + " " + f.Title), Message: message,
	}
}
