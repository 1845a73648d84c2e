package local

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/requirements"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
	"github.com/secbydesign/secbydesign/scanners/visible"
)

// askDesign finds out what the change has to answer about its design. The one who runs the review is taken for
// somebody who may change the threat model.
func (v *view) askDesign(ctx context.Context, repo *mirror.Repo) error {
	ex := v.examination
	if ex.Facts.Run.Scanner == "" {
		return nil
	}
	in := requirements.Input{
		Head: ex.Facts.Head, Base: ex.Facts.Base, Origins: ex.Facts.Origins, Unread: ex.Facts.Unread,
		Removed: ex.Removed, Policy: v.policy, Owners: v.owners.Of, Named: v.owners.Named, Now: time.Now(),
		Added: func(path string, line int) bool {
			f, ok := ex.Patch.File(path)
			return ok && f.Adds(line)
		},
	}
	var failed error
	in.KnownAtBase = func(texts []string) (map[string]bool, bool) {
		known, complete, err := repo.Contains(ctx, v.MergeBase, design.Production, texts)
		failed = err
		return known, complete && err == nil
	}
	for _, ch := range ex.Diff.Changes {
		in.Changes = append(in.Changes, requirements.Change{OldPath: ch.OldPath, NewPath: ch.NewPath})
	}
	var err error
	if in.Model, err = v.model(ctx, repo, v.Base, "the base"); err != nil {
		return err
	}
	if ex.ChangesModel() {
		if in.Proposed, err = v.model(ctx, repo, v.change.Head, "this change"); err != nil {
			return err
		}
	}
	v.asked = requirements.Ask(in)
	return failed
}

// model reads the threat model of a commit or tree; nil for none, and for one with problems, which become notices.
func (v *view) model(ctx context.Context, repo *mirror.Repo, rev, of string) (*threatmodel.Model, error) {
	m, problems, err := examine.ThreatModel(ctx, repo, rev, examine.Parsers{})
	if len(problems) > 0 {
		p := problems[0]
		v.notices = append(v.notices, fmt.Sprintf("The threat model of %s counts for nothing: %s:%d:%d: %s", of, p.File, p.Line, p.Column, p.Message))
	}
	return m, err
}

// questions lists the questions, and then what nobody is asked about, with ids.
func (v view) questions() []requirements.Question {
	list := slices.Clone(v.asked.Questions)
	for _, q := range v.asked.Others {
		q.ID = "Q" + strconv.Itoa(len(list)+1)
		list = append(list, q)
	}
	return list
}

type jsonRequirements struct {
	Questions []jsonQuestion `json:"questions"`
	Facts     []jsonFact     `json:"facts"`
	Unread    []string       `json:"unread,omitempty"` // files of which no fact is known
}

type jsonQuestion struct {
	ID        string      `json:"id"`
	Signal    string      `json:"signal"` // "DS-01", the one that the text asks about
	Signals   []string    `json:"signals"`
	Topic     string      `json:"topic"`
	Component string      `json:"component"`
	Text      string      `json:"text"`
	ASVS      []string    `json:"asvs"`
	Places    []jsonPlace `json:"places"`
	State     string      `json:"state"` // open, answered, covered or recorded
	Because   string      `json:"because"`
	Decision  string      `json:"decision,omitempty"`
	Reopens   string      `json:"reopens,omitempty"`
	Answers   []string    `json:"answers"`
	Link      string      `json:"link,omitempty"`
	PavedRoad string      `json:"paved_road,omitempty"`
	Owners    []string    `json:"owners,omitempty"`
}

type jsonPlace struct {
	Path string `json:"path"`
	Line int    `json:"line"`
}

type jsonFact struct {
	Signal    string `json:"signal"`
	Key       string `json:"key"`
	Path      string `json:"path"`
	Line      int    `json:"line"`
	Component string `json:"component"`
	Mode      string `json:"mode"`              // ask, shadow or record
	Covered   string `json:"covered,omitempty"` // by which decision or evidence
}

func (v view) jsonRequirements() jsonRequirements {
	out := jsonRequirements{Questions: []jsonQuestion{}, Facts: []jsonFact{}}
	for _, q := range v.questions() {
		one := jsonQuestion{
			ID: q.ID, Signals: list(q.Signals), Topic: q.Topic, Component: visible.Name(q.Component), Text: q.Text, ASVS: list(q.ASVS), Places: []jsonPlace{},
			State: q.State, Because: q.Because, Decision: q.Decision, Reopens: q.Reopens, Answers: list(q.Answers), Link: q.Link, PavedRoad: q.PavedRoad, Owners: q.Owners,
		}
		if len(q.Signals) > 0 {
			one.Signal = q.Signals[0]
		}
		for _, p := range q.Places {
			one.Places = append(one.Places, jsonPlace{visible.Name(p.Path), p.Line})
		}
		out.Questions = append(out.Questions, one)
	}
	for _, f := range v.asked.Facts {
		out.Facts = append(out.Facts, jsonFact{f.Signal, f.Key, visible.Name(f.Path), f.Line, visible.Name(f.Component), f.Mode, f.Covered})
	}
	for _, path := range v.asked.Unread {
		out.Unread = append(out.Unread, visible.Name(path))
	}
	return out
}

// list returns a list that is not null in JSON.
func list(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

// designRun returns the run of the scanner of facts with the facts that concern somebody as results, and which of them
// are covered by evidence or a decision. ok is false if it did not run.
func (v view) designRun() (run scanners.Run, covered map[string]string, ok bool) {
	run = v.examination.Facts.Run
	if run.Scanner == "" {
		return run, nil, false
	}
	run.Results, covered = nil, map[string]string{}
	asks := map[string]requirements.Question{}
	for _, q := range v.questions() {
		asks[q.Topic+" "+q.Component] = q
	}
	slugs := map[string]design.Signal{}
	for _, s := range design.Signals() {
		slugs[s.ID] = s
	}
	for _, f := range v.asked.Facts {
		s := slugs[f.Signal]
		q, asked := asks[s.Topic+" "+f.Component]
		if f.Mode != "ask" {
			continue
		}
		r := scanners.Result{Scanner: run.Scanner, Gate: run.Gate, State: scanners.New, Fingerprint: factFingerprint(s, f), Finding: scanners.Finding{
			Rule: cmp.Or(s.Slug, "design"), Severity: scanners.Note, Path: f.Path, Line: f.Line, EndLine: max(f.Line, f.EndLine), Title: f.Title,
			Message: cmp.Or(f.Name, f.Key) + " is new in " + component(f.Component) + ".", HelpURL: q.Link,
		}}
		if asked {
			r.Message += " " + strings.ReplaceAll(q.Text, "`", "")
		}
		if f.Covered != "" {
			covered[r.Fingerprint] = f.Covered
		}
		run.Results = append(run.Results, r)
	}
	return run, covered, true
}

// factFingerprint names a fact for readers of SARIF.
func factFingerprint(s design.Signal, f requirements.Fact) string {
	text := f.Signal + "\x00" + f.Key
	if s.PerFile {
		text += "\x00" + f.Path + "\x00" + strconv.Itoa(f.Line)
	}
	sum := sha256.Sum256([]byte(text))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:26] + ":1"
}

// component names a component in a text.
func component(name string) string {
	if name == "." {
		return "the repository's root"
	}
	return name
}

// design writes the questions.
func (p *page) design(v view) {
	for _, q := range v.asked.Questions {
		place := ""
		for i, at := range q.Places {
			if i == 0 {
				place = where(checks.Finding{Result: scanners.Result{Finding: scanners.Finding{Path: at.Path, Line: at.Line}}})
			}
		}
		if n := len(q.Places) - 1; n > 0 {
			place += fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(p, "%s %s%s\n", p.style("1;36", "QUESTION "+q.ID), p.bold(checks.Plain(place)), p.dim("  "+q.Topic+" of "+checks.Plain(component(q.Component))))
		p.wrap("  ", p.bold(checks.Plain(strings.ReplaceAll(q.Text, "`", ""))))
		if q.Because != "" {
			p.wrap("  ", checks.Plain("Asked again: "+strings.ReplaceAll(q.Because, "`", "")+"."))
		}
		for _, a := range q.Answers {
			p.WriteString("  " + p.dim("- "+checks.Plain(a)) + "\n")
		}
		more := cmp.Or(q.PavedRoad, q.Link)
		if len(q.ASVS) > 0 {
			more = strings.TrimSpace(q.ASVS[0] + "  " + more)
		}
		if more != "" {
			p.WriteString("  " + p.dim(checks.Plain(more)) + "\n")
		}
		p.WriteString("\n")
	}
	for _, q := range v.asked.Others {
		p.wrap("", p.dim(checks.Plain(fmt.Sprintf("No question on %s of %s, %s: %s.", q.Topic, component(q.Component), q.State, strings.ReplaceAll(q.Because, "`", "")))))
	}
	if len(v.asked.Others) > 0 {
		p.WriteString("\n")
	}
}

// designMarkdown is the questions as the check of a pull request shows them.
func (v view) designMarkdown() string {
	card := v.asked.Card()
	if v.asked.Off || len(card.Questions)+len(card.Covered) == 0 {
		return ""
	}
	return "\n### Design questions\n\n" + card.Check().Summary
}
