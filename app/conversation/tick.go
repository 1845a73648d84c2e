package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// Tick is the kind of the tasks for [Handler.Tick], with an [Edit].
const Tick = "tick"

// An Edit is an edit of a card by a person: ticking a box is one.
type Edit struct {
	Comment  int64     `json:"comment"`
	Old, New string    // the texts of the card
	Sender   string    `json:"sender"`
	At       time.Time `json:"at"`
}

// Tick records the boxes of the card that a person ticked. A tick counts only if nothing but boxes changed, if the boxes
// are those of the card, and if the person may answer. After any edit it asks for a review, which writes the card again
// with the ticks that count.
func (h *Handler) Tick(ctx context.Context, e queue.Task) error {
	var edit Edit
	if err := json.Unmarshal(e.Data, &edit); err != nil {
		return fmt.Errorf("read the edit of a card: %w", err)
	}
	gh, err := h.App.Client(ctx, e.Installation, e.RepoID, e.Owner, e.Repo)
	if err != nil {
		return err
	}
	clients := publish.Clients{REST: gh.REST, GraphQL: gh.GraphQL}
	ours, ok, err := publish.Sticky(ctx, clients, publish.Head{Owner: e.Owner, Repo: e.Repo, Number: e.Number}, checks.CardName)
	if err != nil {
		return err
	}
	if !ok || ours.ID != edit.Comment {
		return nil // the card of another App, or one that was deleted
	}
	t := &execution{h: h, gh: gh, e: e, request: Request{Comment: edit.Comment, Sender: edit.Sender, At: edit.At}, key: "tick-" + strings.ToLower(e.ID)}
	if t.pull, err = pull.Read(ctx, gh.REST, e.RepoID, e.Owner, e.Repo, e.Number); err != nil {
		return err
	}
	if t.last, err = h.Ledger.LastReview(ctx, e.Repository(), e.Number); err != nil {
		return err
	}
	mayRead := false
	if t.who, mayRead, err = people.Find(ctx, gh, t.pull, edit.Sender); err != nil {
		return err
	}
	guardrails, err := h.Files.Guardrails(ctx, e.Installation, e.Owner)
	if err != nil {
		return err
	}
	t.who.Agent = guardrails.Accept.Agents.Listed(edit.Sender)
	refused := false
	if mayRead {
		if refused, err = t.tick(ctx, edit); err != nil {
			return err
		}
	}
	var reviews []queue.Request
	if t.pull.Open {
		reviews = append(reviews, e.Review("the card was edited"))
	}
	if !t.handled(ctx) {
		if err := h.Submit(ctx, ledger.Delivery{}, reviews, nil, t.events); err != nil {
			return err
		}
	}
	if !refused {
		return nil
	}
	q := publish.Question{Owner: e.Owner, Repo: e.Repo, Number: e.Number, Key: "tick-" + plain(edit.Sender), Comment: edit.Comment}
	return publish.Answer(ctx, clients, q, checks.Escape("@"+edit.Sender)+": a box is ticked by people who may write to this repository or own the code. The card is as it was.")
}

// handled reports whether an earlier attempt at this edit has recorded its boxes.
func (t *execution) handled(ctx context.Context) bool {
	said, err := t.discussion(ctx)
	return err == nil && said.Sources[t.key]
}

// tick records the changed boxes. refused is true if the person may not tick them.
func (t *execution) tick(ctx context.Context, edit Edit) (refused bool, err error) {
	said, err := t.discussion(ctx)
	if err != nil {
		return false, err
	}
	for _, change := range boxesChanged(edit.Old, edit.New, said.Asked) {
		q := change.question
		_, who, err := t.ownersOfQuestion(ctx, q)
		if err != nil {
			return refused, err
		}
		if who.Agent || !who.Write && !who.Owns {
			zerolog.Ctx(ctx).Info().Str("sender", edit.Sender).Str("question", q.ID).Msg("a tick does not count: the person may not answer")
			refused = true
			continue
		}
		boxes := map[int]bool{}
		for _, n := range said.Ticked[q.ID] {
			boxes[n] = true
		}
		tick := record.Tick{Question: q.ID, Who: who.Login, Source: t.key, At: edit.At}
		for _, n := range slices.Sorted(maps.Keys(change.boxes)) {
			if overtaken(said.Ticks, q.ID, n, edit.At) {
				continue
			}
			tick.Changed = append(tick.Changed, n)
			if boxes[n] = change.boxes[n]; !boxes[n] {
				delete(boxes, n)
			}
		}
		tick.Boxes = slices.Sorted(maps.Keys(boxes))
		if err := t.record(record.RequirementTicked, tick); err != nil {
			return refused, err
		}
	}
	return refused, nil
}

// overtaken reports whether a later edit of a box is recorded already.
func overtaken(ticks []record.Tick, question string, box int, at time.Time) bool {
	return slices.ContainsFunc(ticks, func(t record.Tick) bool {
		return t.Question == question && slices.Contains(t.Changed, box) && t.At.After(at)
	})
}

// A boxChange is what an edit changes about the boxes of one question.
type boxChange struct {
	question record.Question
	boxes    map[int]bool // whether it is ticked now, by its number from 0
}

var (
	boxLine      = regexp.MustCompile(`^- \[([ xX])\] (.*)$`)
	questionLine = regexp.MustCompile(`^\*\*(Q[1-9][0-9]?)\*\* · `)
)

// boxesChanged compares two texts of a card. It returns nothing if they differ in more than marks of boxes, or if the
// boxes are not those of the questions: then somebody edited the text before.
func boxesChanged(before, after string, asked []record.Question) (list []boxChange) {
	was, is := lines(before), lines(after)
	if len(was) != len(is) {
		return nil
	}
	var q record.Question
	n := 0
	for i := range was {
		if m := questionLine.FindStringSubmatch(was[i]); m != nil && was[i] == is[i] {
			q, _ = (&record.Requirements{Questions: asked}).Find(m[1])
			n = 0
			continue
		}
		old, now := boxLine.FindStringSubmatch(was[i]), boxLine.FindStringSubmatch(is[i])
		expected := old != nil && n < len(q.Answers) && old[2] == checks.Escape(q.Answers[n])
		if was[i] != is[i] {
			if !expected || now == nil || now[2] != old[2] {
				return nil
			}
			if len(list) == 0 || list[len(list)-1].question.ID != q.ID {
				list = append(list, boxChange{q, map[int]bool{}})
			}
			list[len(list)-1].boxes[n] = now[1] != " "
		}
		if expected {
			n++
		}
	}
	return list
}

// lines splits a comment. GitHub's editor ends lines as Windows does.
func lines(body string) []string {
	return strings.Split(strings.TrimRight(strings.ReplaceAll(body, "\r\n", "\n"), " \n"), "\n")
}

var notPlain = regexp.MustCompile(`[^a-z0-9-]+`)

// plain makes a part of a key of a login.
func plain(login string) string {
	s := notPlain.ReplaceAllString(strings.ToLower(login), "-")
	return s[:min(len(s), 60)]
}
