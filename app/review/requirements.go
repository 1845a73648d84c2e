package review

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/requirements"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// A designed is what a review found out about the design of a change, and shows about it.
type designed struct {
	card    checks.Card
	outcome requirements.Outcome
	said    record.Discussion // before this review
	author  string            // whom the questions ask
	voice   *record.Voice     // who is asked for advice now; nil for nobody

	unread  bool // the facts could not be read: the card stays as it is
	nothing bool // the change concerns no design, and never did: there is neither card nor check
}

// discussion reads what was said about the design of a pull request from its events.
func discussion(events []ledger.Event) (d record.Discussion, err error) {
	for _, e := range events {
		if err := d.Take(e.ID, e.Kind, e.At, e.Number, e.Data); err != nil {
			return d, err
		}
	}
	for _, e := range slices.Backward(events) {
		if e.Kind != record.Finished {
			continue
		}
		last, err := record.ReadReview(e.ID, e.At, e.Head, e.Data)
		if err == nil && last.Requirements == nil {
			continue // its facts could not be read, or an older version made it
		}
		if err == nil {
			d.Update(last.Requirements)
		}
		break
	}
	return d, nil
}

// design asks what the change has to answer about its design.
func (r *Reviewer) design(ctx context.Context, gh *installation.Client, p pull.Pull, c examine.Change, pol policy.Policy, ex examine.Examination, events []ledger.Event, owners *ownership.Map) (d designed, err error) {
	if !pol.Wants(design.Scanner{}.Info().Name, scanners.Requirements) || pol.Gate(scanners.Requirements).Mode == policy.Off {
		d.card.Off = true
		return d, nil
	}
	if d.said, err = discussion(events); err != nil {
		return d, err
	}
	if ex.Facts.Run.Err != nil && len(ex.Facts.Unread) == 0 {
		d.unread = true
		return d, nil
	}
	if ex.Facts.Run.Scanner == "" { // there was nothing to scan, or this server has no such scanner
		d.nothing = true
		return d, nil
	}
	in, notes, err := r.input(ctx, gh, p, c, pol, ex, owners, &d)
	if err != nil {
		return d, err
	}
	if d.outcome, err = r.asked(ctx, in); err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("the questions on the design could not be made")
		d.unread = true
		return d, nil
	}
	if d.outcome.Off {
		d.card.Off = true
		return d, nil
	}
	if d.nothing = concernsNothing(d, notes); d.nothing {
		return d, nil
	}
	d.complete(p, in)
	if d.voice, err = r.voice(ctx, p, pol, d); err != nil {
		return d, err
	}
	d.card = cardOf(d, in, p, func(path string, line int) string { return link(r.App.WebURL(), p, path, line) })
	d.card.Notes = append(notes.notes, d.card.Notes...)
	d.card.Facts = append(notes.annotations, d.card.Facts...)
	return d, nil
}

// asked calls [requirements.Ask], or what a test has in place of it. A fault in it must not cost the verdict.
func (r *Reviewer) asked(ctx context.Context, in requirements.Input) (out requirements.Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if r.ask != nil {
		return r.ask(in), nil
	}
	out = requirements.Ask(in)
	return out, context.Cause(ctx)
}

// input gathers everything that the questions depend on.
func (r *Reviewer) input(ctx context.Context, gh *installation.Client, p pull.Pull, c examine.Change, pol policy.Policy, ex examine.Examination, owners *ownership.Map, d *designed) (in requirements.Input, notes modelNotes, err error) {
	agents := pol.Guardrails.Accept.Agents
	d.author = addressee(agents, p)
	now := r.Clock.Now()
	in = requirements.Input{
		Head: ex.Facts.Head, Base: ex.Facts.Base, Origins: ex.Facts.Origins, Unread: ex.Facts.Unread,
		Number: p.Number, Added: added(ex), Removed: ex.Removed, Policy: pol,
		Asked: d.said.Asked, Advice: d.said.Advice, Ticked: d.said.Ticked,
		KnownAtBase: r.knownAtBase(ctx, c),
		Bot:         asksNobody(agents, p), Draft: p.Draft, Now: now,
	}
	if ex.Diff != nil {
		for _, ch := range ex.Diff.Changes {
			in.Changes = append(in.Changes, requirements.Change{OldPath: ch.OldPath, NewPath: ch.NewPath})
		}
	}
	if in.Model, in.Proposed, notes, err = r.models(ctx, gh, p, c, d.author, ex.ChangesModel()); err != nil {
		return in, notes, err
	}
	if in.Answers, err = r.Ledger.Answers(ctx, p.Repository()); err != nil {
		return in, notes, err
	}
	if in.Today, err = r.Ledger.Asked(ctx, d.author, now.UTC().Truncate(24*time.Hour), p.Repository(), p.Number); err != nil {
		return in, notes, err
	}
	left, err := r.Ledger.LeftOpen(ctx, p.Repository(), d.author)
	if err != nil {
		return in, notes, err
	}
	in.Tired = map[string]bool{}
	for about, merges := range left {
		in.Tired[about] = merges >= tiredAfter
	}
	if r.Planned != nil {
		if in.Planned, err = r.Planned(ctx, gh, p); err != nil {
			return in, notes, err
		}
	}
	if owners != nil {
		in.Owners, in.Named = owners.Of, owners.Named
	}
	return in, notes, nil
}

// added returns whether the change adds a line of a file at the head.
func added(ex examine.Examination) func(path string, line int) bool {
	return func(path string, line int) bool {
		f, ok := ex.Patch.File(path)
		return ok && f.Adds(line)
	}
}

// tiredAfter is how many merges of an author may leave a topic of a component open until it is not repeated in that
// author's pull requests.
const tiredAfter = 2

// knownAtBase returns a function that searches the base, see [requirements.Input].
func (r *Reviewer) knownAtBase(ctx context.Context, c examine.Change) func(texts []string) (map[string]bool, bool) {
	return func(texts []string) (map[string]bool, bool) {
		known, complete, err := c.Repo.Contains(ctx, c.Base, design.Production, texts)
		if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("the base could not be searched for what the change names")
			return nil, false
		}
		return known, complete
	}
}

// modelNotes are what a reader has to know about the threat model's files.
type modelNotes struct {
	notes       []string // Markdown
	annotations []checks.Annotation
}

// models reads the threat model at the base, and the one that the change proposes if its author, a login, may write to
// the repository.
func (r *Reviewer) models(ctx context.Context, gh *installation.Client, p pull.Pull, c examine.Change, author string, changed bool) (base, head *threatmodel.Model, notes modelNotes, err error) {
	base, problems, err := examine.ThreatModel(ctx, c.Repo, p.Base, c.Parsers)
	if err != nil {
		return nil, nil, notes, err
	}
	if len(problems) > 0 {
		first := problems[0]
		notes.notes = append(notes.notes, fmt.Sprintf("The threat model of the base counts for nothing until it is valid: %s: %s",
			checks.Code(fmt.Sprintf("%s:%d:%d", first.File, first.Line, first.Column)), checks.Escape(first.Message)))
	}
	if !changed {
		return base, nil, notes, nil
	}
	head, problems, err = examine.ThreatModel(ctx, c.Repo, c.Head, c.Parsers)
	if err != nil {
		return nil, nil, notes, err
	}
	for _, pr := range problems[:min(len(problems), maxProblems)] {
		notes.annotations = append(notes.annotations, checks.Annotation{
			Path: pr.File, StartLine: max(1, pr.Line), EndLine: max(1, pr.Line), Level: "warning",
			Title: "Threat model", Message: fmt.Sprintf("%d:%d: %s", pr.Line, pr.Column, pr.Message),
		})
	}
	if len(problems) > 0 {
		notes.notes = append(notes.notes, fmt.Sprintf("The threat model of this change has %d mistakes, so it answers nothing; `secbydesign model check` lists them.", len(problems)))
	}
	if head == nil {
		return base, nil, notes, nil
	}
	who, _, err := people.Find(ctx, gh, p, author)
	if err != nil {
		return nil, nil, notes, err
	}
	if !who.Write {
		notes.notes = append(notes.notes, "The change of the threat model will count after the merge: its author may not write to this repository.")
		head = nil
	}
	return base, head, notes, nil
}

// maxProblems bounds the annotations on mistakes in the model.
const maxProblems = 20

// addressee is the person whom the questions of a pull request ask: its author, or who started a coding agent. For an
// agent that nobody is known to have started it is the agent.
func addressee(a ownership.Agents, p pull.Pull) string {
	return cmp.Or(a.Starter(p.Author, p.Bot, p.Assignee), p.Author)
}

// asksNobody reports whether a bot opened a pull request, for which nobody can answer.
func asksNobody(a ownership.Agents, p pull.Pull) bool {
	return a.Automated(p.Author, p.Bot) && !a.Coding(p.Author, p.Bot)
}

// concernsNothing reports whether there is nothing to show, now and before.
func concernsNothing(d designed, notes modelNotes) bool {
	o := d.outcome
	asks := slices.ContainsFunc(o.Facts, func(f requirements.Fact) bool { return f.Mode == "ask" || f.Covered != "" && f.Mode != "record" })
	return !asks && len(o.Questions)+len(o.Drift)+len(o.Reopened)+len(d.said.Asked)+len(notes.notes)+len(notes.annotations) == 0
}

// complete sets what the record of a question has beyond its text.
func (d *designed) complete(p pull.Pull, in requirements.Input) {
	stage := "ready"
	if p.Draft {
		stage = "draft"
	}
	for i := range d.outcome.Questions {
		q := &d.outcome.Questions[i].Question
		if q.Stage == "" {
			q.Stage = stage
		}
		if before, ok := (&record.Requirements{Questions: d.said.Asked}).Find(q.ID); ok {
			q.Stage = cmp.Or(before.Stage, q.Stage)
		}
		q.Author = d.author
		if len(q.Owners) == 0 && in.Owners != nil && len(q.Places) > 0 {
			q.Owners = in.Owners(q.Places[0].Path)
		}
	}
	for i := range d.outcome.Answered {
		a := &d.outcome.Answered[i]
		if a.ID == "" {
			a.ID = answerID(p, a.Component, a.Topic, slices.Concat(a.Keys, evidenceOf(*a))...)
		}
		a.Stage, a.Source = cmp.Or(a.Stage, stage), cmp.Or(a.Source, p.Head)
	}
}

func evidenceOf(a record.Answer) (list []string) {
	for _, e := range a.Evidence {
		list = append(list, e.Kind+" "+e.Path+" "+e.Key)
	}
	return list
}

// answerID derives the id of an answer from what it is about, so that each review makes the same one.
func answerID(p pull.Pull, component, topic string, about ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%q", p.RepoID, component, topic, append(about, fmt.Sprint(p.Number))))
	return "D-" + base32.StdEncoding.EncodeToString(sum[:5])
}

// showDesign records what a review asks, and then shows it: a question keeps its id whatever happens in between.
func (r *Reviewer) showDesign(ctx context.Context, req queue.Request, p pull.Pull, run *publish.Run, d designed) error {
	switch {
	case d.unread && (len(d.said.Asked) > 0 || run.HasCard()):
		return run.CardUnread(ctx)
	case d.unread, d.nothing && !run.HasCard():
		return nil
	}
	if !d.card.Off {
		if err := r.recordDesign(ctx, req, p, d); err != nil {
			return err
		}
	}
	return run.Card(ctx, d.card)
}

func (r *Reviewer) recordDesign(ctx context.Context, req queue.Request, p pull.Pull, d designed) error {
	was := record.Requirements{Questions: d.said.Asked}
	for _, q := range d.outcome.Questions {
		if _, known := was.Find(q.ID); !known {
			if err := r.record(ctx, req, p.Head, record.RequirementAsked, q.Question); err != nil {
				return err
			}
		}
		if q.Reopens != "" && !d.said.Reopened[q.Reopens] {
			if err := r.record(ctx, req, p.Head, record.RequirementReopened, q.Question); err != nil {
				return err
			}
		}
	}
	for _, a := range d.outcome.Answered {
		if slices.ContainsFunc(d.said.Answers, func(old record.Answer) bool { return old.ID == a.ID }) {
			continue
		}
		if err := r.record(ctx, req, p.Head, record.RequirementAnswered, a); err != nil {
			return err
		}
	}
	if d.voice != nil {
		return r.record(ctx, req, p.Head, record.VoiceAsked, d.voice)
	}
	return nil
}

// recorded returns what the record of a review keeps; nil if the facts are not known or there is nothing.
func (d designed) recorded() *record.Requirements {
	if d.unread || d.card.Off || d.nothing && len(d.outcome.Facts) == 0 {
		return nil
	}
	out := &record.Requirements{}
	for _, q := range d.outcome.Questions {
		out.Questions = append(out.Questions, q.Question)
	}
	for _, f := range d.outcome.Facts {
		out.Facts = append(out.Facts, f.Fact)
	}
	return out
}

// merged records the questions that were open when a pull request was merged, once.
func (r *Reviewer) merged(ctx context.Context, req queue.Request, p pull.Pull, events []ledger.Event) error {
	if !p.Merged {
		return nil
	}
	said, err := discussion(events)
	if err != nil {
		return err
	}
	for _, q := range openQuestions(said) {
		if said.Left[q.ID] {
			continue
		}
		if err := r.record(ctx, req, p.Head, record.RequirementMerged, q); err != nil {
			return err
		}
	}
	return nil
}

// openQuestions lists the questions of a pull request that nobody has answered.
func openQuestions(said record.Discussion) (list []record.Question) {
	for _, q := range said.Asked {
		answered := slices.ContainsFunc(said.Answers, func(a record.Answer) bool { return a.Question == q.ID && a.Who != "" })
		if q.State == record.Open && !answered {
			list = append(list, q)
		}
	}
	return list
}
