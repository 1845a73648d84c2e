package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/requirements"
	"github.com/secbydesign/secbydesign/checks"
)

// cardOf makes the card that shows an outcome.
func cardOf(d designed, in requirements.Input, p pull.Pull, link func(string, int) string) checks.Card {
	out := d.outcome
	card := checks.Card{Link: link, Unread: in.Unread, Mention: mention(d, in, p)}
	first := ""
	for _, q := range out.Questions {
		card.Questions = append(card.Questions, questionOf(q))
		if q.State == record.Open && first == "" {
			first = q.ID
			card.Snippet = q.Snippet
		}
	}
	for _, f := range out.Facts {
		if f.Mode == "ask" {
			card.Facts = append(card.Facts, annotationOf(f))
		}
		if f.Covered != "" && f.Mode != "record" {
			card.Covered = append(card.Covered, checks.Code(cmp.Or(f.Name, f.Key))+": "+checks.Escape(f.Covered))
		}
	}
	for _, drift := range out.Drift {
		card.Notes = append(card.Notes, checks.Escape(drift.Message))
		if drift.Path != "" && drift.Kind == "contradiction" {
			card.Facts = append(card.Facts, checks.Annotation{
				Path: drift.Path, StartLine: max(1, drift.Line), EndLine: max(1, drift.Line), Level: "warning", Title: "Threat model", Message: drift.Message,
			})
		}
		card.Snippet = cmp.Or(card.Snippet, drift.Snippet)
	}
	if first == "" {
		card.Why = whyNothing(d, in)
		return card
	}
	card.Commands = []string{answerLine(first), prefix + "not-useful " + first + " noise"}
	if len(in.Policy.Champions) > 0 {
		card.Commands = append(card.Commands, prefix+"ask champion")
	}
	card.Commands = append(card.Commands, prefix+"why "+first)
	return card
}

const prefix = "/secbydesign "

// answerLine is a command that people copy, and complete.
func answerLine(question string) string {
	return prefix + "answer " + question + " [your answer in one sentence]"
}

// whyNothing says in a few sentences why no question is open.
func whyNothing(d designed, in requirements.Input) string {
	switch {
	case in.Bot:
		return "Automated accounts are asked nothing; the facts are recorded."
	case len(d.outcome.Questions) > 0:
		return "Every question on the design is answered."
	case slices.ContainsFunc(d.outcome.Facts, func(f requirements.Fact) bool { return f.Mode == "ask" && f.Covered == "" }):
		return "The facts are recorded without a question: enough questions were asked today, or the topic was left open before."
	}
	return "What is new about the design is answered by evidence or an earlier decision."
}

func questionOf(q requirements.Question) checks.CardQuestion {
	out := checks.CardQuestion{
		ID: q.ID, Topic: q.Topic, Component: q.Component, Text: q.Text, ASVS: q.ASVS, Link: q.Link, LinkName: q.LinkName,
		PavedRoad: q.PavedRoad, Open: q.State == record.Open,
	}
	for _, place := range q.Places {
		out.Places = append(out.Places, checks.Spot{Path: place.Path, Line: place.Line})
	}
	for _, a := range q.Advice {
		out.Notes = append(out.Notes, fmt.Sprintf("Advice by %s (%s): %s", checks.Escape("@"+a.Who), a.Role, checks.Escape(a.Text)))
	}
	if !out.Open {
		out.Closed = checks.Escape(cmp.Or(q.Because, q.State))
		return out
	}
	for i, text := range q.Answers {
		ticked := slices.Contains(q.Ticked, i)
		out.Boxes = append(out.Boxes, checks.CardBox{Text: text, Ticked: ticked})
		if ticked {
			out.Notes = append(out.Notes, fmt.Sprintf("Chosen: %s. A box alone decides nothing; finish it with one sentence: %s",
				checks.Escape(strings.TrimRight(text, " …:,")), checks.Code(answerLine(q.ID))))
		}
	}
	return out
}

func annotationOf(f requirements.Fact) checks.Annotation {
	message := cmp.Or(f.Name, f.Key) + " in " + f.Component
	if f.Covered != "" {
		message += ". No question: " + f.Covered
	}
	return checks.Annotation{
		Path: f.Path, StartLine: max(1, f.Line), EndLine: max(1, f.Line, f.EndLine), Level: "notice",
		Title: strings.TrimSpace(f.Signal + " " + f.Title), Message: message,
	}
}

// mention names the people whom the card addresses: the champion who is asked for advice, and the person who started a
// coding agent. It is Markdown that mentions them.
func mention(d designed, in requirements.Input, p pull.Pull) string {
	var parts []string
	if d.author != p.Author && !in.Bot {
		parts = append(parts, fmt.Sprintf("@%s started %s, so the questions go to @%[1]s.", d.author, checks.Code(p.Author)))
	}
	voices := d.said.Voices
	if d.voice != nil {
		voices = append(slices.Clip(voices), *d.voice)
	}
	for _, v := range voices {
		if v.Role == record.Champion && v.By == "" {
			parts = append(parts, fmt.Sprintf("%s, as champion: your advice is welcome, %s records it. Nothing waits for it.",
				strings.Join(v.Who, " "), checks.Code(prefix+"voice [your advice]")))
		}
	}
	return strings.Join(parts, " ")
}
