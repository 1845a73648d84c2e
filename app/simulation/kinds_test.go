package simulation

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// A kind is a kind of step. To add a fault, add one to kinds.
type kind struct {
	name   string
	weight int    // how often it is chosen, compared with the others
	where  string // where it is injected, in words
	role   role
	do     func(w *world, s step) outcome
}

// A role is the part that a kind has in a schedule.
type role int

const (
	sudden  role = iota // a fault that begins at once
	ordered             // a fault of one of the next requests or deliveries
	person              // somebody does something; the first number of a step is that of a pull request
)

// An outcome says what happens after a step that waited for a request.
type outcome struct {
	abort bool         // the request is not carried out
	then  func() error // is called when the request goes on; nil for nothing
}

var kinds []kind // filled in by init, since steps refer to it

func kindOf(name string) *kind {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return nil
	}
	return &kinds[i]
}

func init() { kinds = slices.Concat(people(), github(), deliveries(), installations(), machines()) }

// act is a kind for something that a person does to a pull request that is open to them.
func act(name string, weight int, do func(w *world, p *pull, s step)) kind {
	return kind{name, weight, "GitHub, by a person", person, func(w *world, s step) outcome {
		p := w.pulls[s.a%pullsAtMost]
		switch {
		case p.repo.gone:
		case p.n == 0:
			w.push(p, s.b, false)
			p.open = true
			p.n = p.repo.OpenPull("Change", "", "main", p.name, "mona", false)
		default:
			do(w, p, s)
		}
		return outcome{}
	}}
}

// push puts a commit on the branch of a pull request; with force it replaces all others.
func (w *world) push(p *pull, seed int, force bool) {
	first := 1000 * (1 + slices.Index(w.pulls[:], p))
	p.edit(seeded(seed), first)
	message := fmt.Sprintf("commit %d of %s", p.made, p.name) // equal commits would share their verdict
	parent, before := p.repo.base, p.base
	if n := len(p.shas); n > 0 && !force {
		parent, before = p.shas[n-1], p.commits[n-1]
	}
	if force {
		p.commits, p.shas = []tree{p.tip()}, nil
	}
	p.head = p.repo.Commit(p.name, parent, message, p.tip().Changes(before))
	p.shas = append(p.shas, p.head)
	p.heads[p.head] = p.truth()
	if w.scannerBroken {
		w.unscanned = append(w.unscanned, headOf{p, p.head})
	}
	if p.n > 0 {
		p.repo.SyncPull(p.n)
	}
}

func people() []kind {
	return []kind{
		act("open", 6, func(w *world, p *pull, s step) {
			p.missed = p.missed || w.installed["acme"] == 0
			w.push(p, s.b, false)
		}),
		act("push", 14, func(w *world, p *pull, s step) { w.push(p, s.b, false) }),
		act("squash", 4, func(w *world, p *pull, s step) { w.push(p, s.b, true) }),
		act("reply", 4, func(w *world, p *pull, s step) {
			threads := p.repo.Threads(p.n)
			if len(threads) == 0 {
				return
			}
			t := threads[s.b%len(threads)]
			if p.replies[t.ID] != "" {
				return
			}
			owner, name := w.github.NameOf(p.repo.Repo)
			p.replies[t.ID] = fmt.Sprintf("I think %d.", s.b)
			w.github.Reply(owner, name, p.n, t.ID, "mona", p.replies[t.ID])
		}),
		act("note", 2, func(w *world, p *pull, s step) {
			owner, name := w.github.NameOf(p.repo.Repo)
			text := fmt.Sprintf("About this: %d.", s.b)
			p.notes[text] = true
			w.github.Note(owner, name, p.n, "mona", text)
		}),
		act("close", 2, func(w *world, p *pull, _ step) {
			if owner, name := w.github.NameOf(p.repo.Repo); p.open {
				p.open = false
				p.again[p.head] = true
				w.github.ClosePull(owner, name, p.n, "mona", false)
			}
		}),
		act("reopen", 3, func(w *world, p *pull, _ step) {
			if owner, name := w.github.NameOf(p.repo.Repo); !p.open {
				p.open = true
				w.github.ReopenPull(owner, name, p.n, "mona")
			}
		}),
		act("draft", 2, func(w *world, p *pull, _ step) {
			owner, name := w.github.NameOf(p.repo.Repo)
			p.draft = !p.draft
			p.again[p.head] = true
			w.github.SetDraft(owner, name, p.n, "mona", p.draft)
		}),
		act("rerun", 3, func(w *world, p *pull, _ step) {
			for _, run := range p.repo.CheckRuns(p.head) {
				if run.Name == checks.Name {
					p.again[p.head] = true
					w.github.Rerequest(run.ID, "mona")
					return
				}
			}
		}),
	}
}

// answer is a kind for what GitHub answers to the next requests.
func answer(name string, weight int, fault func(s step) fakegithub.Fault) kind {
	return kind{name, weight, "an answer of GitHub (API or git)", ordered, func(w *world, s step) outcome {
		f := fault(s)
		f.Skip = s.a % 12
		if f.Count == 0 {
			f.Count = 1 + s.b%3
		}
		w.github.Fail(f)
		return outcome{}
	}}
}

func github() []kind {
	return []kind{
		answer("500", 3, func(step) fakegithub.Fault { return status(500, `{"message":"Server Error"}`) }),
		answer("502", 3, func(step) fakegithub.Fault { return fakegithub.BadGateway("", "", 0, false) }),
		answer("502-after-the-write", 5, func(step) fakegithub.Fault { return fakegithub.BadGateway(http.MethodPost, "/repos/**", 0, true) }),
		answer("502-after-the-edit", 3, func(step) fakegithub.Fault { return fakegithub.BadGateway(http.MethodPatch, "/repos/**", 0, true) }),
		answer("502-after", 3, func(step) fakegithub.Fault { return fakegithub.BadGateway("", "", 0, true) }),
		answer("secondary-limit-403", 2, func(step) fakegithub.Fault { return fakegithub.SecondaryLimit("", "", 403, 1, time.Second) }),
		answer("secondary-limit-429", 2, func(step) fakegithub.Fault { return fakegithub.SecondaryLimit("", "", 429, 1, 0) }),
		answer("secondary-limit-long", 1, func(step) fakegithub.Fault { return fakegithub.SecondaryLimit("", "", 429, 1, 3*time.Second) }),
		answer("primary-limit", 2, func(step) fakegithub.Fault { return fakegithub.PrimaryLimit("", "", 1, time.Now().Add(3*time.Second)) }),
		answer("slow", 2, func(s step) fakegithub.Fault {
			return fakegithub.Slow("", "", 0, time.Duration(s.b%900)*time.Millisecond)
		}),
		answer("late-write", 3, func(s step) fakegithub.Fault {
			return fakegithub.Unanswered(http.MethodPost, "/repos/**", 1, time.Duration(s.b)*time.Microsecond%requestTime, s.b%2 == 0)
		}),
		answer("late", 2, func(s step) fakegithub.Fault {
			return fakegithub.Unanswered("", "", 1, time.Duration(s.b)*time.Microsecond%requestTime, s.b%2 == 0)
		}),
		answer("cut-before", 3, func(step) fakegithub.Fault { return fakegithub.ConnectionReset("", "", 0, false) }),
		answer("cut-after", 3, func(step) fakegithub.Fault { return fakegithub.ConnectionReset("", "", 0, true) }),
		answer("cut-in-the-answer", 3, func(step) fakegithub.Fault { return fakegithub.Broken("", "", 0) }),
		answer("401", 3, func(step) fakegithub.Fault { return status(401, `{"message":"Bad credentials"}`) }),
	}
}

func status(code int, body string) fakegithub.Fault {
	return fakegithub.Fault{Status: code, Header: map[string]string{"Content-Type": "application/json"}, Body: body}
}

// delivery is a kind for what happens to the next delivery.
func delivery(name string, weight int, fault func(w *world, s step, deliver func() int) int) kind {
	return kind{name, weight, "a delivery on its way to the App", ordered, func(w *world, s step) outcome {
		w.relay.order(func(deliver func() int) int { return fault(w, s, deliver) })
		return outcome{}
	}}
}

func deliveries() []kind {
	return []kind{
		delivery("delivery-dropped", 4, func(*world, step, func() int) int { return http.StatusBadGateway }),
		delivery("delivery-unanswered", 3, func(_ *world, _ step, deliver func() int) int { // sent again at the end
			deliver()
			return http.StatusGatewayTimeout
		}),
		delivery("delivery-doubled", 3, func(_ *world, _ step, deliver func() int) int {
			other := make(chan int)
			go func() { other <- deliver() }()
			return min(deliver(), <-other)
		}),
		// Others come first.
		{"delivery-late", 5, "a delivery on its way to the App", ordered, func(w *world, s step) outcome {
			already := map[string]bool{}
			for _, d := range w.github.Deliveries() {
				already[d.GUID] = true
			}
			w.relay.order(func(func() int) int {
				w.waiting.Go(func() {
					w.pause(time.Duration(50+s.b%1500) * time.Millisecond)
					for _, d := range w.github.Deliveries() {
						if !already[d.GUID] && d.StatusCode == http.StatusGatewayTimeout {
							w.github.Redeliver(d.GUID)
							return
						}
					}
				})
				return http.StatusGatewayTimeout
			})
			return outcome{}
		}},
	}
}

// pause waits, or until the world ends.
func (w *world) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.ctx.Done():
	}
}

// later calls f after a while, or when the world ends.
func (w *world) later(d time.Duration, f func()) {
	w.waiting.Go(func() {
		w.pause(d)
		f()
	})
}

func (w *world) miss(of *repo) {
	for _, p := range w.pulls {
		p.missed = p.missed || of == nil || p.repo == of
	}
}

func installations() []kind {
	where := "GitHub, by an owner"
	some := func(w *world, s step) *repo { return w.repos[s.a%len(w.repos)] }
	return []kind{
		{"rename", 4, where, sudden, func(w *world, s step) outcome {
			if r := some(w, s); !r.gone {
				r.Rename(fmt.Sprintf("renamed%d", s.b))
			}
			return outcome{}
		}},
		{"transfer", 3, where, sudden, func(w *world, s step) outcome {
			if r := some(w, s); !r.gone {
				r.Transfer([]string{"globex", "acme"}[s.b%2])
				if setup := w.setup & subscribed; setup == 0 {
					w.miss(r) // the App hears of it when it next asks
				}
			}
			return outcome{}
		}},
		{"transfer-out-of-reach", 2, where, sudden, func(w *world, s step) outcome {
			if r := some(w, s); !r.gone {
				r.Transfer("initech")
				w.miss(r)
			}
			return outcome{}
		}},
		{"delete", 1, where, sudden, func(w *world, s step) outcome {
			if r := some(w, s); !r.gone && s.b%2 == 0 {
				r.gone = true
				r.Remove()
			}
			return outcome{}
		}},
		{"suspend", 2, where, sudden, func(w *world, s step) outcome {
			if id := w.installed["acme"]; id != 0 && !w.suspended {
				w.github.Suspend(id)
				w.suspended = true
			}
			return outcome{}
		}},
		{"unsuspend", 2, where, sudden, func(w *world, s step) outcome { w.unsuspend(); return outcome{} }},
		{"uninstall", 2, where, sudden, func(w *world, s step) outcome {
			if id := w.installed["acme"]; id != 0 {
				w.miss(nil)
				w.github.Uninstall(id)
				w.installed["acme"], w.suspended = 0, false
			}
			return outcome{}
		}},
		{"install", 2, where, sudden, func(w *world, s step) outcome { w.install("acme"); return outcome{} }},
		{"permission-removed", 2, where, sudden, func(w *world, s step) outcome {
			left := map[string]string{"metadata": "read", "contents": "read", "members": "read", "checks": "write", "pull_requests": "write"}
			delete(left, []string{"contents", "checks", "pull_requests"}[s.a%3])
			w.github.SetPermissions(left)
			return outcome{}
		}},
		{"permissions-restored", 2, where, sudden, func(w *world, s step) outcome { w.permit(); return outcome{} }},
	}
}

func (w *world) unsuspend() {
	if w.suspended {
		w.github.Unsuspend(w.installed["acme"])
		w.suspended = false
	}
}

func (w *world) install(account string) {
	if w.installed[account] == 0 {
		w.installed[account] = w.github.Install(account)
	}
}

func (w *world) permit() {
	w.github.SetPermissions(map[string]string{"metadata": "read", "contents": "read", "members": "read", "checks": "write", "pull_requests": "write"})
}

// machine returns the kinds that concern the machine of the App, and its scanner.
func machines() []kind {
	list := []kind{
		{"kill-before", 5, "the App, before it sends a request", sudden, func(w *world, s step) outcome {
			return outcome{abort: true, then: errorOf(w.kill(), w.start)}
		}},
		{"kill-after", 5, "the App, after it sent a request", sudden, func(w *world, s step) outcome {
			return outcome{then: errorOf(w.kill(), w.start)}
		}},
		{"kill-and-wait", 2, "the App, at any moment; deliveries meet nobody for a while", sudden, func(w *world, s step) outcome {
			return outcome{abort: s.a%2 == 0, then: errorOf(w.kill(), func() error {
				w.pause(time.Duration(s.b%700) * time.Millisecond)
				return w.start()
			})}
		}},
		{"upgrade", 2, "the App is asked to stop, and another one starts", sudden, func(w *world, s step) outcome { return outcome{then: w.restart} }},
		{"database-locked", 4, "the database, by another process", sudden, func(w *world, s step) outcome {
			return outcome{then: func() error { return w.db.lock(time.Duration(100+s.b%3000) * time.Millisecond) }}
		}},
		{"database-away", 3, "the connections to Postgres; with SQLite a lock", sudden, func(w *world, s step) outcome {
			return outcome{then: func() error { return w.db.away(time.Duration(100+s.b%4000) * time.Millisecond) }}
		}},
		{"clock-forward", 2, "the App's clock", sudden, func(w *world, s step) outcome {
			w.clock.Move(time.Duration(1+s.b%60) * 24 * time.Hour)
			return outcome{}
		}},
		{"clock-back", 2, "the App's clock", sudden, func(w *world, s step) outcome {
			w.clock.Move(-time.Duration(1+s.b%60) * time.Hour)
			return outcome{}
		}},
		{"skew", 2, "GitHub's clock: tokens expire, and signatures of the App with them", sudden, func(w *world, s step) outcome {
			d := []time.Duration{2 * time.Hour, 6 * time.Minute, -2 * time.Hour}[s.a%3]
			w.github.Advance(d)
			w.later(time.Duration(s.b%1000)*time.Millisecond, func() { w.github.Advance(-d) })
			return outcome{}
		}},
		{"disk-full", 3, "the file system of the database and the mirrors", sudden, func(w *world, s step) outcome {
			return outcome{then: func() error { return w.fill(time.Duration(100+s.b%2000) * time.Millisecond) }}
		}},
	}
	for _, mode := range []string{"hang", "fork", "garbage", "cut", "crash", "fail"} {
		list = append(list, kind{"scanner-" + mode, 1, "the scanner that is a program", sudden, func(w *world, s step) outcome {
			return outcome{then: func() error {
				w.repair()
				w.scannerBroken = mode != "fork" // forking alone is no failure
				return w.mode(mode)
			}}
		}})
	}
	return append(list, kind{"scanner-ok", 3, "the scanner that is a program", sudden, func(w *world, s step) outcome {
		return outcome{then: func() error { w.repair(); return w.mode("ok") }}
	}})
}

func errorOf(err error, next func() error) func() error {
	if err != nil {
		return func() error { return err }
	}
	return next
}

// repair checks that no head has passed that the scanner could not scan, before the scanner works again.
func (w *world) repair() {
	for _, h := range w.unscanned {
		if h.pull.repo.gone {
			continue
		}
		for _, run := range h.pull.repo.CheckRuns(h.sha) {
			if run.Conclusion == "success" && (run.Name == checks.Name || run.Name == checks.Name+"/code") {
				w.wrong = append(w.wrong, fmt.Sprintf("%s of %.10s is a success, and the scanner did not work: %q", run.Name, h.sha, run.Title))
			}
		}
		h.pull.again[h.sha] = true
	}
	w.scannerBroken, w.unscanned = false, nil
}

// fill fills the disk for a while.
func (w *world) fill(d time.Duration) error {
	if !w.mounted {
		return nil
	}
	f, err := os.Create(w.filler())
	if err != nil {
		return nil // it is full already
	}
	for piece := 1 << 20; piece > 0; {
		if _, err := io.CopyN(f, zeros{}, int64(piece)); err != nil {
			piece /= 2
		}
	}
	_ = f.Close()
	w.later(d, w.free)
	return nil
}

func (w *world) filler() string { return filepath.Join(w.dir, "data", "filler") }

func (w *world) free() { _ = os.Remove(w.filler()) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
