package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// This file is the act about the design: questions, answers, and the memory of both.

// A question is one question of a card.
type question struct {
	id, topic string
	open      bool
	line      string // its first line, without Markdown
}

// A question begins a line of the card; an open one has boxes.
var questionLine = regexp.MustCompile(`^\*\*(Q\d+)\*\* · ([a-z]+) · `)

// questions reads the card of a pull request. The list is nil if there is none.
func questions(gh *fakegithub.Server, number int) (list []question) {
	for _, k := range gh.IssueComments(owner, name, number) {
		if checks.StickyName(k.Body) != checks.CardName || k.Minimized != "" {
			continue
		}
		for line := range strings.Lines(k.Body) {
			if m := questionLine.FindStringSubmatch(line); m != nil {
				list = append(list, question{id: m[1], topic: m[2], line: unmark.Replace(strings.TrimSpace(line))})
			} else if strings.HasPrefix(line, "- [") && len(list) > 0 {
				list[len(list)-1].open = true
			}
		}
	}
	return list
}

// open lists the topics of the open questions, sorted.
func open(list []question) (topics []string) {
	for _, q := range list {
		if q.open {
			topics = append(topics, q.topic)
		}
	}
	slices.Sort(topics)
	return topics
}

const invoices = `"""Invoices of a customer."""

from flask import Blueprint, jsonify

from shop.store import find_invoice

invoices = Blueprint("invoices", __name__)


@invoices.get("/invoices/<int:number>")
def show_invoice(number):
    return jsonify(find_invoice(number))
`

const invoicesTest = `"""Tests of the invoices."""


def test_invoice_needs_login(client):
    response = client.get("/invoices/7")
    assert response.status_code == 401


def test_invoice_of_nobody(client, login):
    response = client.get("/invoices/0", headers=login)
    assert response.status_code == 404
`

const invoicesTestLater = `"""Tests of the invoices."""


def test_invoice_of_nobody(client, login):
    response = client.get("/invoices/0", headers=login)
    assert response.status_code == 404
`

const database = `services:
  invoices-db:
    image: postgres:17.2
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/invoices-db
    secrets: [invoices-db]
secrets:
  invoices-db:
    file: /run/secrets/invoices-db
`

// designPolicy is the part of the policy of the demo's repository that the act needs: stores are asked about.
const designPolicy = `version: 1
ownership: {security: ["@acme/security"]}
rules:
  design/datastore: {mode: comment, reason: "we want to know what is kept where"}
`

// storeAnswer answers the question about the store.
const storeAnswer = "invoices only, kept for ten years on encrypted disks"

// A scenery is what a step of the act works on.
type scenery struct {
	w      *World
	repo   *fakegithub.Repo
	number int // of the present pull request
}

// A designStep is a step and the topics that are open after it. The open and closed questions are those of the pull
// request that the step leaves behind.
type designStep struct {
	title, next string
	do          func(*scenery)
	open        []string
	closed      int
}

var designSteps = []designStep{
	{
		title: `Ida opens a draft: "Show invoices". It adds a route without login and a database.`,
		next:  "a draft with a new route and a new database",
		do: func(s *scenery) {
			s.repo.CommitAs("ida", "invoices", s.repo.Tip("main"), "Show invoices", map[string]string{"shop/invoices.py": invoices, "deploy/compose.yaml": database})
			s.number = s.repo.OpenPull("Show invoices", "Customers see their invoices.", "main", "invoices", "ida", true)
		},
		open: []string{"access", "data"},
	},
	{
		title: `Ida answers: one question by a test that expects 401, the other by a command.`,
		next:  "a test that expects 401, and an answer",
		do: func(s *scenery) {
			for _, q := range questions(s.w.GitHub, s.number) {
				if q.open && q.topic == "data" {
					s.w.GitHub.Note(owner, name, s.number, "ida", "/secbydesign answer "+q.id+" "+storeAnswer)
				}
			}
			s.repo.CommitAs("ida", "invoices", "", "Test that invoices need login", map[string]string{"tests/test_invoices.py": invoicesTest})
			s.repo.SyncPull(s.number)
		},
		closed: 2,
	},
	{
		title: `The pull request is merged. Weeks later Otto opens "Clean up the tests", which removes that test.`,
		next:  "a later pull request that removes the test",
		do: func(s *scenery) {
			s.w.GitHub.SetDraft(owner, name, s.number, "ida", false)
			s.repo.MergePull(s.number, "ida")
			s.repo.CommitAs("otto", "cleanup", s.repo.Tip("main"), "Clean up the tests", map[string]string{"tests/test_invoices.py": invoicesTestLater})
			s.number = s.repo.OpenPull("Clean up the tests", "", "main", "cleanup", "otto", false)
		},
		open: []string{"access"},
	},
}

// errUnsettled means that a pull request does not show the questions that it should.
var errUnsettled = errors.New("the card does not show what it should")

// playDesign plays the act. first is the number of its first step.
func playDesign(ctx context.Context, w *World, repo *fakegithub.Repo, o Options, enter <-chan struct{}, first int) error {
	repo.SetPermission("ida", "write")
	repo.SetPermission("otto", "write")
	s := &scenery{w: w, repo: repo}
	for i, step := range designSteps {
		if !o.Once {
			await(ctx, w, o, enter, step.next)
			if ctx.Err() != nil {
				return nil
			}
		}
		fmt.Fprintf(o.Out, "\n%d. %s\n", first+i, step.title)
		step.do(s)
		err := s.settled(ctx, step)
		if err != nil && (o.Once || !errors.Is(err, errUnsettled)) { // with a page, people may have answered meanwhile
			return fmt.Errorf("step %d: %w", first+i, err)
		}
		s.show(o.Out)
		if !o.Once {
			fmt.Fprintf(o.Out, "\n   See it at %s/%s/%s/pull/%d\n", w.GitHub.URL(), owner, name, s.number)
		}
	}
	return nil
}

// settled waits until the head has its verdict and its check of the design, and the card its questions.
func (s *scenery) settled(ctx context.Context, step designStep) error {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.w.shown(wait, s.number); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		list := questions(s.w.GitHub, s.number)
		topics := open(list)
		if _, done := s.w.design(s.number); done && slices.Equal(topics, step.open) && len(list)-len(topics) == step.closed {
			return nil
		}
		select {
		case <-wait.Done():
			return fmt.Errorf("%w: %q are open, %d closed; want %q and %d", errUnsettled, topics, len(list)-len(topics), step.open, step.closed)
		case <-tick.C:
		}
	}
}

// shown waits until the head has its verdict and its check of the design, which is written after the card.
func (w *World) shown(ctx context.Context, number int) error {
	if _, err := w.Verdict(ctx, owner, name, number); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, done := w.design(number); done {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the check of the design: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// design returns the check of the design on the head of a pull request, and whether it is completed.
func (w *World) design(number int) (fakegithub.CheckRun, bool) {
	for _, run := range w.GitHub.CheckRuns(owner, name, w.GitHub.Pull(owner, name, number).HeadSHA) {
		if run.Name == checks.RequirementsCheck {
			return run, run.Status == "completed"
		}
	}
	return fakegithub.CheckRun{}, false
}

// show prints the check, the card and where the questions are.
func (s *scenery) show(w io.Writer) {
	run, _ := s.w.design(s.number)
	fmt.Fprintf(w, "   check   %-27s %-8s %s\n", run.Name, run.Conclusion, run.Title)
	for _, a := range run.Annotations {
		fmt.Fprintf(w, "   line    %-27s %s\n", fmt.Sprintf("%s:%d", a.Path, a.StartLine), unmark.Replace(a.Title))
	}
	showQuestions(w, s.w.GitHub, s.number)
}

// showQuestions prints the card of a pull request.
func showQuestions(w io.Writer, gh *fakegithub.Server, number int) {
	for _, q := range questions(gh, number) {
		state := "closed"
		if q.open {
			state = "open"
		}
		fmt.Fprintf(w, "   card    %-6s %s\n", state, q.line)
	}
}
