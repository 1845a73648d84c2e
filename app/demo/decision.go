package demo

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// This file is the act about authority: a team accepts a high finding of its own, and nobody else is asked.

// owners says which files the team owns. The security team is named in the policy of the repository.
const owners = "/deploy/probe.yaml @acme/platform\n"

// probe is the deployment of a program that runs on every machine, with more lines for its container.
func probe(more string) string {
	return `apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: probe
spec:
  selector: {matchLabels: {app: probe}}
  template:
    metadata: {labels: {app: probe}}
    spec:
      containers:
        - name: probe
          image: registry.example.com/probe:2.1.0
` + more
}

// A decisionStep is a step of the act, and a part of the verdict's title after it.
type decisionStep struct {
	title, next string
	do          func(*scenery) error
	verdict     string
}

var decisionSteps = []decisionStep{
	{
		title: `Rosa opens "Watch the disks". Her team, @acme/platform, owns the file; the finding is high.`,
		next:  "a pull request with a high finding in a file that a team owns",
		do: func(s *scenery) error {
			s.repo.CommitAs("rosa", "probe", s.repo.Tip("main"), "Watch the disks", map[string]string{"deploy/probe.yaml": probe(privileged)})
			s.number = s.repo.OpenPull("Watch the disks", "The probe reads their health.", "main", "probe", "rosa", false)
			return nil
		},
		verdict: "1 new finding (1 high)",
	},
	{
		title: `Rosa accepts it for 30 days. She is the author, so it waits for a colleague.`,
		next:  "an acceptance by the author",
		do: func(s *scenery) error {
			id := findingID.FindString(s.w.GitHub.Threads(owner, name, s.number)[0].Comments[0].Body)
			return s.say("rosa", "/secbydesign accept "+id+" until=30d reason=technical because the probe reads the disks of the machine; a narrower right comes with version 3")
		},
		verdict: "1 new finding (1 high)",
	},
	{
		title: `Nils, of the same team, confirms. Nobody of the security team was asked.`,
		next:  "a confirmation by a colleague",
		do: func(s *scenery) error {
			id := ""
			for _, k := range s.w.GitHub.IssueComments(owner, name, s.number) {
				if strings.Contains(k.Body, "waits as") {
					id = decisionID.FindString(k.Body)
				}
			}
			if id == "" { // with a page, somebody may have decided meanwhile
				return errNothingWaits
			}
			return s.say("nils", "/secbydesign confirm "+id)
		},
		verdict: "No open findings; 1 accepted",
	},
}

var (
	findingID  = regexp.MustCompile(`F-[A-Z2-7]{8}`)
	decisionID = regexp.MustCompile(`A-[A-Z2-7]{8}`)

	errNothingWaits = errors.New("no decision waits for a colleague")
)

// say writes a comment.
func (s *scenery) say(login, text string) error {
	s.w.GitHub.Note(owner, name, s.number, login, text)
	return nil
}

// playDecision plays the act. first is the number of its first step.
func playDecision(ctx context.Context, w *World, repo *fakegithub.Repo, o Options, enter <-chan struct{}, first int) error {
	for _, login := range []string{"rosa", "nils"} {
		repo.SetPermission(login, "write")
	}
	w.GitHub.CreateTeam(owner, "platform", "rosa", "nils")
	w.GitHub.CreateTeam(owner, "security", "sina")
	s := &scenery{w: w, repo: repo}
	for i, step := range decisionSteps {
		if !o.Once {
			await(ctx, w, o, enter, step.next)
			if ctx.Err() != nil {
				return nil
			}
		}
		fmt.Fprintf(o.Out, "\n%d. %s\n", first+i, step.title)
		err := step.do(s)
		if err == nil {
			err = s.decided(ctx, step, i)
		}
		if err != nil && (o.Once || ctx.Err() != nil) { // with a page, people may have decided meanwhile
			return fmt.Errorf("step %d: %w", first+i, err)
		}
		show(o.Out, w.GitHub, s.number)
		if !o.Once {
			fmt.Fprintf(o.Out, "\n   See it at %s/%s/%s/pull/%d\n", w.GitHub.URL(), owner, name, s.number)
		}
	}
	s.repo.MergePull(s.number, "rosa")
	return nil
}

// replies counts the App's replies in the conversation.
func (s *scenery) replies() (n int) {
	for _, k := range s.w.GitHub.IssueComments(owner, name, s.number) {
		if strings.Contains(k.Body, "secbydesign:v1 reply=") {
			n++
		}
	}
	return n
}

// decided waits until the verdict has its title, and each command so far its answer.
func (s *scenery) decided(ctx context.Context, step decisionStep, commands int) error {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		run, err := s.w.Verdict(wait, owner, name, s.number)
		if err != nil {
			return err
		}
		if s.replies() >= commands && strings.Contains(run.Title, step.verdict) {
			return nil
		}
		select {
		case <-wait.Done():
			return fmt.Errorf("the check is %q, want %q", run.Title, step.verdict)
		case <-tick.C:
		}
	}
}
