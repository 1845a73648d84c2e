package simulation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// quiet waits until the App has nothing left to do. It fails if the App asks GitHub nothing for so long, or does not get so
// far in six times that.
func (w *world) quiet(within time.Duration) error {
	var deadline time.Time
	last := time.Now().Add(6 * within)
	for settled, asked := 0, int64(-1); ; {
		if now := w.requests.Load(); now != asked && time.Now().Before(last) {
			asked, deadline = now, time.Now().Add(within)
		}
		w.github.Settle()
		left, err := w.left()
		if err == nil && left == "" {
			if settled++; settled == 2 {
				return nil
			}
		} else {
			settled = 0
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("the App does not get quiet: %s", left), err)
		}
		select {
		case <-w.app.done:
			if w.app.unstarted() {
				if err := w.start(); err != nil {
					return err
				}
				continue
			}
			return fmt.Errorf("the App ended: %w", errors.Join(errors.New("unasked"), w.app.err))
		case <-w.ctx.Done():
			return context.Cause(w.ctx)
		case <-time.After(40 * time.Millisecond):
		}
	}
}

// left says what the App still has to do; empty for nothing.
func (w *world) left() (string, error) {
	var jobs, pulls int
	err := w.db.ask(`SELECT (SELECT count(*) FROM river_job WHERE state IN ('available', 'pending', 'running', 'retryable')
		OR state = 'scheduled' AND scheduled_at < `+w.db.soon()+`), (SELECT count(*) FROM pulls WHERE reviewed < generation)`, &jobs, &pulls)
	if err != nil || jobs+pulls == 0 {
		return "", err
	}
	return fmt.Sprintf("%d jobs, %d pull requests", jobs, pulls), nil
}

// heal ends all faults, and lets people and GitHub do what they would do then.
func (w *world) heal(seed int) error {
	w.repair()
	if err := w.mode("ok"); err != nil {
		return err
	}
	w.relay.clear()
	w.waiting.Wait()
	w.github.ClearFaults()
	w.permit()
	w.unsuspend()
	for _, account := range []string{"acme", "globex", "initech"} {
		w.install(account)
	}
	select {
	case <-w.app.done: // it may end at its start, when it finds the disk full
		if err := w.start(); err != nil {
			return err
		}
	default:
	}
	if seed%2 == 1 {
		if err := w.redeliver(seed); err != nil {
			return err
		}
	}
	if err := w.quiet(*patience); err != nil {
		return err
	}
	if err := w.recover(); err != nil {
		return err
	}
	for _, p := range w.pulls {
		if p.n > 0 && p.missed && !p.repo.gone {
			w.push(p, seed, false)
		}
	}
	if err := w.quiet(*patience); err != nil {
		return err
	}
	return w.rerunIncomplete()
}

// recover starts the App again and waits until it has searched for what GitHub could not hand over, and for pull requests
// of which GitHub sent no event.
func (w *world) recover() error {
	const searched = `SELECT coalesce(max(done), 0) FROM recovery_run`
	var before, now int
	if err := errors.Join(w.db.ask(searched, &before), w.restart()); err != nil {
		return err
	}
	for deadline := time.Now().Add(*patience); now <= before; {
		if time.Now().After(deadline) {
			return errors.New("the App does not search for lost deliveries after its start")
		}
		w.pause(40 * time.Millisecond)
		if err := w.db.ask(searched, &now); err != nil {
			return err
		}
	}
	return nil
}

// rerunIncomplete presses "Re-run" on the checks that say themselves that they are not complete.
func (w *world) rerunIncomplete() error {
	for range 4 {
		asked := false
		for _, p := range w.pulls {
			if p.n == 0 || p.repo.gone || !p.open {
				continue
			}
			if run := verdict(p); strings.Contains(run.Title, "ncomplete") {
				asked, p.again[p.head] = true, true
				w.github.Rerequest(run.ID, "mona")
			}
		}
		if err := w.quiet(*patience); err != nil || !asked {
			return err
		}
	}
	return nil
}

// redeliver sends every delivery again that the App did not take, in any order, as a person can by GitHub's button.
func (w *world) redeliver(seed int) error {
	for range 20 {
		taken, lost := map[string]bool{}, []string{}
		for _, d := range w.github.Deliveries() {
			taken[d.GUID] = taken[d.GUID] || d.StatusCode/100 == 2
		}
		for _, d := range w.github.Deliveries() {
			if !taken[d.GUID] {
				taken[d.GUID] = true
				lost = append(lost, d.GUID)
			}
		}
		if len(lost) == 0 {
			return nil
		}
		seeded(seed).Shuffle(len(lost), func(i, j int) { lost[i], lost[j] = lost[j], lost[i] })
		for _, guid := range lost {
			if w.github.Redeliver(guid) == http.StatusServiceUnavailable {
				w.pause(300 * time.Millisecond)
			}
		}
	}
	return errors.New("there are deliveries that the App does not take")
}

// verdict returns the newest verdict on the head of a pull request.
func verdict(p *pull) fakegithub.CheckRun {
	for _, run := range p.repo.CheckRuns(p.head) {
		if run.Name == checks.Name {
			return run
		}
	}
	return fakegithub.CheckRun{}
}

// check compares what GitHub shows with the truth.
func (w *world) check() []string {
	for _, p := range w.pulls {
		if p.n == 0 || p.repo.gone {
			continue
		}
		wrong := slices.Concat(p.checkRuns(w.setup), p.checkThreads(), p.checkWords())
		for _, s := range wrong {
			w.wrong = append(w.wrong, fmt.Sprintf("%s#%d (open: %t): %s", p.repo.FullName(), p.n, p.open, s))
		}
	}
	return w.wrong
}

// checkRuns holds that nothing is in progress, that no head passed by mistake, and that the newest one has one verdict
// that is true.
func (p *pull) checkRuns(setup int) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for sha, is := range p.heads {
		for _, run := range p.repo.CheckRuns(sha) {
			if run.Status != "completed" {
				say("%s is %s at %.10s, the head is %.10s", run.Name, run.Status, sha, p.head)
			}
			if run.Name == checks.Name && run.Conclusion == "success" && len(is) > 0 {
				say("%.10s is a success with %d findings: %q", sha, len(is), run.Title)
			}
		}
	}
	if !p.open {
		return wrong
	}
	is, run := p.heads[p.head], verdict(p)
	if want := is.conclusion(setup, p.draft); run.Conclusion != want {
		say("the verdict is %q %q, want %s with %v", run.Conclusion, run.Title, want, is)
	} else if m := count.FindStringSubmatch(run.Title); len(is) > 0 && (m == nil || m[1] != fmt.Sprint(len(is))) {
		say("the verdict is %q, want %d findings", run.Title, len(is))
	}
	runs := 0
	for _, run := range p.repo.CheckRuns(p.head) {
		if run.Name == checks.Name {
			runs++
		}
	}
	if runs > 1 && !p.again[p.head] {
		say("%d verdicts at %.10s", runs, p.head)
	}
	return wrong
}

var (
	count = regexp.MustCompile(`\b(\d+) (?:new )?finding`)
	mark  = regexp.MustCompile(`Mark (\d+)\.`)
)

// problemOf returns which problem a thread is about.
func (p *pull) problemOf(t fakegithub.Thread) (problem, error) {
	body := t.Comments[0].Body
	if m := mark.FindStringSubmatch(body); m != nil {
		var id int
		_, err := fmt.Sscan(m[1], &id)
		return problem{false, id}, err
	}
	fingerprint, _, ok := checks.Mark(body)
	key, _, _ := strings.Cut(fingerprint, ":")
	for _, is := range p.heads {
		for about := range is {
			if ok && about.secret && keyOf.of(about.id) == key {
				return about, nil
			}
		}
	}
	return problem{}, fmt.Errorf("thread %s is about nothing that was pushed: %.200q", t.ID, body)
}

// checkThreads holds that each finding has one thread, and that those of open findings, and only they, are open.
func (p *pull) checkThreads() (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	all, open := map[problem]int{}, map[problem]int{}
	for _, t := range p.repo.Threads(p.n) {
		about, err := p.problemOf(t)
		if err != nil {
			say("%v", err)
			continue
		}
		all[about]++
		if !t.Resolved && t.Comments[0].Minimized == "" {
			open[about]++
		}
	}
	is := p.heads[p.head]
	for about, n := range all {
		if n > 1 {
			say("%v has %d threads", about, n)
		}
		if want := min(1, int(is[about])); p.open && open[about] != want {
			say("%v has %d open threads, want %d", about, open[about], want)
		}
	}
	for about, where := range is {
		if p.open && where == atHead && all[about] == 0 {
			say("%v has no thread", about)
		}
	}
	return wrong
}

// checkWords holds that no word of a person is lost, and that the App has one comment at most.
func (p *pull) checkWords() (wrong []string) {
	threads := p.repo.Threads(p.n)
	for id, text := range p.replies {
		if !slices.ContainsFunc(threads, func(t fakegithub.Thread) bool {
			return t.ID == id && slices.ContainsFunc(t.Comments, func(c fakegithub.ReviewComment) bool { return c.Body == text })
		}) {
			wrong = append(wrong, fmt.Sprintf("the reply %q is lost", text))
		}
	}
	ours, notes := 0, map[string]bool{}
	for _, c := range p.repo.IssueComments(p.n) {
		notes[c.Body] = true
		if strings.Contains(c.Body, "<!-- secbydesign:v1") && c.Minimized == "" {
			ours++
		}
	}
	for text := range p.notes {
		if !notes[text] {
			wrong = append(wrong, fmt.Sprintf("the comment %q is lost", text))
		}
	}
	if ours > 1 {
		wrong = append(wrong, fmt.Sprintf("%d comments of the App", ours))
	}
	return wrong
}
