package conversation

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/command"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// This file executes the commands about questions on the design. voice.go has those that ask for advice and give it.

// yourAnswer is the text of an answer in a command that people copy.
const yourAnswer = "[explain in one sentence what is decided]"

// discussion reads what was said about the design of the pull request, as of its last review.
func (t *execution) discussion(ctx context.Context) (*record.Discussion, error) {
	if t.said != nil {
		return t.said, nil
	}
	d := record.Discussion{}
	events, err := t.h.Ledger.Events(ctx, ledger.Filter{RepoID: t.e.RepoID, Owner: t.e.Owner, Repo: t.e.Repo, Number: t.e.Number})
	if err != nil {
		return nil, fmt.Errorf("read what was said about the design: %w", err)
	}
	for _, e := range events {
		if err := d.Take(e.ID, e.Kind, e.At, e.Number, e.Data); err != nil {
			return nil, err
		}
	}
	d.Update(t.last.Requirements)
	t.said = &d
	return t.said, nil
}

// question returns the question with an id. If there is none, it answers that and returns false.
func (t *execution) question(ctx context.Context, line string, c command.Command, id string) (record.Question, bool, error) {
	said, err := t.discussion(ctx)
	if err != nil {
		return record.Question{}, false, err
	}
	all := record.Requirements{Questions: said.Asked}
	q, ok := all.Find(id)
	switch {
	case ok:
		return q, true, nil
	case t.busy && time.Since(t.request.At) < patienceForReview:
		return q, false, queue.Snooze{Until: time.Now().Add(2 * time.Second), Reason: "the review that would know the question is not finished"}
	}
	hint := " No question is open here."
	if open := all.Open(); len(open) > 0 {
		hint = fmt.Sprintf(" Open are: %s.", questionNames(open))
	}
	return q, false, t.refuse(ctx, line, id+" is no question of this pull request."+hint, c, "")
}

func questionNames(list []record.Question) string {
	var ids []string
	for _, q := range list {
		ids = append(ids, q.ID)
	}
	return strings.Join(ids, ", ")
}

// ownersOfQuestion returns the owners of the component that a question is about, and the person. Of a component without
// owners nobody is an owner.
func (t *execution) ownersOfQuestion(ctx context.Context, q record.Question) ([]string, ownership.Person, error) {
	owners, who := q.Owners, t.who
	var err error
	switch {
	case len(owners) > 0:
		who, err = people.Owns(ctx, t.gh, t.e.Owner, t.who, owners)
	case len(q.Places) > 0:
		owners, who, err = t.ownersOf(ctx, q.Places[0].Path)
	}
	who.Owns = who.Owns && len(owners) > 0
	return owners, who, err
}

// answerQuestion records an answer, or says why not. A person who may not decide has spoken, if the change is theirs.
func (t *execution) answerQuestion(ctx context.Context, line string, c command.Command) error {
	q, ok, err := t.question(ctx, line, c, c.Questions[0])
	if !ok || err != nil {
		return err
	}
	owners, who, err := t.ownersOfQuestion(ctx, q)
	if err != nil {
		return err
	}
	if !who.Write && !who.Owns {
		return t.spoke(line, c, q, owners)
	}
	said, err := t.discussion(ctx)
	if err != nil {
		return err
	}
	again := slices.ContainsFunc(said.Answers, func(a record.Answer) bool { return a.Question == q.ID && a.Who != "" })
	if q.State != record.Open && !again {
		t.say(line, q.ID+" needs no answer: "+strings.TrimSuffix(q.Because, ".")+".", "")
		return nil
	}
	a := record.Answer{
		ID:       t.answerID(q.ID),
		Question: q.ID, Topic: q.Topic, Component: q.Component, Signals: q.Signals, Keys: q.Keys, Text: c.Reason, How: "command",
		Who: who.Login, Owner: who.Owns, Author: who.Author, Source: t.key, Stage: q.Stage,
	}
	if boxes := said.Ticked[q.ID]; len(boxes) == 1 && boxes[0] < len(q.Answers) {
		a.How, a.Text = "box", chosen(q.Answers[boxes[0]], c.Reason)
	}
	if err := t.record(record.RequirementAnswered, a); err != nil {
		return err
	}
	said.Answers = append(said.Answers, a)
	t.reason = orRescan(t.reason, "answered")
	t.done(publish.Done, "%s is answered (`%s`). The decision holds for %s of %s.", q.ID, a.ID, checks.Code(q.Topic), componentName(q.Component))
	return nil
}

// chosen joins a box and its sentence.
func chosen(box, sentence string) string {
	if start, ok := strings.CutSuffix(box, "…"); ok {
		return start + sentence
	}
	return box + ": " + sentence
}

func componentName(name string) string {
	if name == "." || name == "" {
		return "the repository's root"
	}
	return checks.Code(name)
}

// answerID derives the id of an answer from the comment that gives it, so that a comment which is read twice gives no
// second one.
func (t *execution) answerID(question string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%d\x00%d\x00%s", t.e.RepoID, strings.ToLower(t.e.Owner+"/"+t.e.Repo), t.request.Comment, t.line, question))
	return "D-" + base32.StdEncoding.EncodeToString(sum[:5])
}

// spoke records the words of the author of the change, who may not decide. Nobody else without the right is heard.
func (t *execution) spoke(line string, c command.Command, q record.Question, owners []string) error {
	whose := "people who may write to this repository"
	if len(owners) > 0 {
		whose += " or own the code"
	}
	if !t.who.Author {
		t.say(line, "Only "+whose+" answer that.", "")
		return nil
	}
	if err := t.record(record.RequirementAdvice, record.Advice{Question: q.ID, Text: c.Reason, Who: t.who.Login, Role: "author", Source: t.key}); err != nil {
		return err
	}
	t.reason = orRescan(t.reason, "spoken")
	t.replies = append(t.replies, fmt.Sprintf("Your words stand beside %s, which stays open: only %s decide it. They write %s.",
		q.ID, whose, checks.Code(command.Command{Verb: command.Answer, Questions: []string{q.ID}, Reason: yourAnswer}.Line())))
	return nil
}

// notUsefulQuestion records that a question is of no use. It stays open.
func (t *execution) notUsefulQuestion(line string, c command.Command, q record.Question) error {
	if !t.who.Write && !t.who.Author {
		t.say(line, "Only the author and people who may write to this repository are asked for their opinion.", "")
		return nil
	}
	err := t.record(record.RequirementOpinion, record.QuestionOpinion{
		Question: q.ID, Topic: q.Topic, Component: q.Component, Signals: q.Signals, Reason: c.Code, Text: c.Reason,
		Who: t.who.Login, Write: t.who.Write, Author: t.who.Author, Source: t.key,
	})
	t.done(publish.Done, "Recorded for the topic %s as %s. %s stays as it is.", checks.Code(q.Topic), c.Code, q.ID)
	return err
}

// maxShown bounds what an answer lists of facts.
const maxShown = 10

// whyQuestion describes where a question comes from.
func (t *execution) whyQuestion(ctx context.Context, q record.Question) error {
	said, err := t.discussion(ctx)
	if err != nil {
		return err
	}
	lines := []string{fmt.Sprintf("**%s** · %s · %s: %s", q.ID, checks.Escape(q.Topic), componentName(q.Component), checks.WithCode(q.Text))}
	lines = append(lines, "It is "+checks.Escape(q.State)+because(q)+"."+standards(q.Topic))
	var facts []string
	for _, f := range t.facts() {
		if id := f.Signal + " " + f.Key; !slices.Contains(q.Keys, id) && !slices.ContainsFunc(q.Keys, func(k string) bool { return strings.HasPrefix(k, id) }) {
			continue
		}
		facts = append(facts, factLine(f))
	}
	lines = append(lines, "What is new there:\n\n"+listed(facts, "- the change no longer has it, or it is listed in an earlier review"))
	var shadow []string
	for _, f := range t.facts() {
		if f.Mode == "shadow" && f.Component == q.Component && !slices.Contains(q.Keys, f.Signal+" "+f.Key) {
			shadow = append(shadow, factLine(f))
		}
	}
	if len(shadow) > 0 {
		lines = append(lines, "Also new in the component, and not asked about:\n\n"+listed(shadow, ""))
	}
	for _, a := range said.Answers {
		if a.Question == q.ID && a.Who != "" {
			lines = append(lines, fmt.Sprintf("`%s` by %s: %s", a.ID, checks.Escape("@"+a.Who), checks.Escape(a.Text)))
		}
	}
	for _, a := range said.Advice {
		if a.Question == q.ID {
			lines = append(lines, fmt.Sprintf("Advice by %s (%s): %s", checks.Escape("@"+a.Who), checks.Escape(a.Role), checks.Escape(a.Text)))
		}
	}
	t.replies = append(t.replies, strings.Join(lines, "\n\n"))
	return nil
}

func (t *execution) facts() []record.Fact {
	if t.last.Requirements == nil {
		return nil
	}
	return t.last.Requirements.Facts
}

func because(q record.Question) string {
	if q.Because == "" {
		return ""
	}
	return ": " + checks.WithCode(strings.TrimSuffix(q.Because, "."))
}

// standards names the requirements of a topic.
func standards(topic string) string {
	for _, one := range design.Topics() {
		if one.Name == topic && len(one.ASVS) > 0 {
			return " The decision is one that OWASP ASVS asks to record: v5.0.0-" + strings.Join(one.ASVS, ", v5.0.0-") + "."
		}
	}
	return ""
}

func factLine(f record.Fact) string {
	place := f.Path
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d", f.Path, f.Line)
	}
	s := fmt.Sprintf("- `%s` %s at %s", f.Signal, checks.Code(f.Key), checks.Code(place))
	if f.Covered != "" {
		s += ", covered: " + checks.WithCode(f.Covered)
	}
	return s
}

func listed(lines []string, none string) string {
	if len(lines) == 0 {
		return none
	}
	if n := len(lines) - maxShown; n > 0 {
		lines = append(slices.Clone(lines[:maxShown]), fmt.Sprintf("- and %d more", n))
	}
	return strings.Join(lines, "\n")
}

// openQuestions lists the open questions for a status; empty if there are none.
func (t *execution) openQuestions(ctx context.Context) (string, error) {
	said, err := t.discussion(ctx)
	if err != nil {
		return "", err
	}
	var lines []string
	for _, q := range (&record.Requirements{Questions: said.Asked}).Open() {
		state := ""
		if slices.ContainsFunc(said.Answers, func(a record.Answer) bool { return a.Question == q.ID && a.Who != "" }) {
			state = " (answered just now)"
		}
		lines = append(lines, fmt.Sprintf("- **%s** · %s · %s: %s%s", q.ID, checks.Escape(q.Topic), componentName(q.Component), checks.WithCode(q.Text), state))
	}
	if len(lines) == 0 {
		return "", nil
	}
	return "Open questions about the design, which block nothing:\n\n" + strings.Join(lines, "\n"), nil
}

// questions carries out a command for the questions that it names. done is true if it names nothing else.
func (t *execution) questions(ctx context.Context, line string, c command.Command) (done bool, err error) {
	for _, id := range c.Questions {
		one := c
		one.IDs, one.Questions = nil, []string{id}
		q, ok, err := t.question(ctx, line, one, id)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if c.Verb == command.Why {
			err = t.whyQuestion(ctx, q)
		} else {
			err = t.notUsefulQuestion(line, c, q)
		}
		if err != nil {
			return false, err
		}
	}
	return len(c.Questions) > 0 && len(c.IDs) == 0, nil
}

// offerQuestion is offer for the commands about questions; "" if none would work.
func (t *execution) offerQuestion(ctx context.Context, c command.Command) (string, error) {
	said, err := t.discussion(ctx)
	if err != nil {
		return "", err
	}
	open := (&record.Requirements{Questions: said.Asked}).Open()
	switch c.Verb {
	case command.Ask:
		return t.offerAsk(ctx, c)
	case command.Voice:
		role, err := t.role(ctx)
		if err != nil || role == "" {
			return "", err
		}
		if c.Reason == "" {
			c.Reason = "[your advice in one sentence]"
		}
		if _, known := (&record.Requirements{Questions: said.Asked}).Find(strings.Join(c.Questions, "")); !known {
			c.Questions = nil
		}
		return c.Line(), nil
	case command.Plan:
		return "", nil
	}
	if i := slices.IndexFunc(open, func(q record.Question) bool { return slices.Contains(c.Questions, q.ID) }); i >= 0 {
		open = open[i:]
	}
	if len(open) == 0 {
		return "", nil
	}
	if _, who, err := t.ownersOfQuestion(ctx, open[0]); err != nil || c.Verb == command.Answer && !who.Write && !who.Owns && !who.Author {
		return "", err
	}
	if c.Verb == command.NotUseful && !t.who.Write && !t.who.Author {
		return "", nil
	}
	c.IDs, c.Questions = nil, []string{open[0].ID}
	switch {
	case c.Verb == command.Answer && len([]rune(c.Reason)) < command.MinAnswer:
		c.Reason = yourAnswer
	case c.Verb == command.NotUseful && c.Code == "":
		c.Code = "noise"
	}
	return c.Line(), nil
}
