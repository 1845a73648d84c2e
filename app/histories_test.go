package app_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secbydesign/secbydesign/app/apptest"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

var histories = flag.Int("histories", 3, "how many random git histories to play")

// A history is the model of one pull request: a line of commits on a base.
type history struct {
	rng     *rand.Rand
	branch  string
	base    apptest.Tree
	baseSHA string
	commits []apptest.Tree
	nextID  int
	made    int // commits so far

	shown   map[int]int // most of each leak at a head that was reviewed
	replies map[string]string
}

// message returns a different text for every commit. Git counts time in seconds, so equal commits of
// two histories, or of one that goes back and forth within a second, would be one commit: its
// verdict would be there before its review.
func (h *history) message() string {
	h.made++
	return fmt.Sprintf("commit %d of %s", h.made, h.branch)
}

func (h *history) tip() apptest.Tree {
	if len(h.commits) == 0 {
		return h.base
	}
	return h.commits[len(h.commits)-1]
}

func (h *history) path(t apptest.Tree) string {
	paths := slices.Sorted(maps.Keys(t))
	paths = slices.DeleteFunc(paths, func(p string) bool { return !strings.HasSuffix(p, ".py") })
	if len(paths) == 0 {
		return ""
	}
	return paths[h.rng.IntN(len(paths))]
}

// step changes the history as a developer might, and names what it did.
func (h *history) step() string {
	t := h.tip().Clone()
	p := h.path(t)
	at := 0
	if p != "" {
		at = h.rng.IntN(len(t[p]) + 1)
	}
	var leaking []int
	for i, l := range t[p] {
		if apptest.Leaked(l) > 0 {
			leaking = append(leaking, i)
		}
	}
	pick := func() int { return leaking[h.rng.IntN(len(leaking))] }
	// A secret of the base that is written once more in its file is no news: it is known already.
	fresh := slices.DeleteFunc(slices.Clone(leaking), func(i int) bool { return h.base.Leaks()[apptest.Leaked(t[p][i])] > 0 })
	did := ""
	switch k := h.rng.IntN(12); {
	case p == "" || k == 0:
		h.nextID++
		t[fmt.Sprintf("new%d.py", h.nextID)] = []string{"begin = 1", apptest.Leak(h.nextID)}
		did = "add a file with a leak"
	case k <= 2:
		h.nextID++
		t[p] = slices.Insert(t[p], at, apptest.Leak(h.nextID))
		did = "add a leak"
	case k == 3:
		t[p] = slices.Insert(t[p], 0, "# a comment", "# of two lines")
		did = "move lines down"
	case k == 4 && len(leaking) > 0:
		i := pick()
		t[p][i] = strings.Repeat(" ", 1+h.rng.IntN(8)) + strings.TrimLeft(t[p][i], " ")
		did = "indent a leak"
	case k == 5:
		for i := 1; ; i++ {
			if to := fmt.Sprintf("renamed%d.py", i); t[to] == nil {
				t[to] = t[p]
				delete(t, p)
				break
			}
		}
		did = "rename a file"
	case k == 6 && len(leaking) > 0:
		i := pick()
		t[p] = slices.Delete(t[p], i, i+1)
		did = "take a leak out"
	case k == 7 && len(fresh) > 0:
		t[p] = append(t[p], strings.TrimLeft(t[p][fresh[h.rng.IntN(len(fresh))]], " "))
		did = "copy a leak"
	case k == 8 && len(h.commits) > 1:
		h.commits = []apptest.Tree{h.tip()}
		return "squash"
	case k == 9:
		h.base = h.base.Clone()
		h.base[fmt.Sprintf("main%d.txt", len(h.base))] = []string{"from main"}
		for i, c := range h.commits {
			c = c.Clone()
			for path, lines := range h.base {
				if strings.HasSuffix(path, ".txt") {
					c[path] = lines
				}
			}
			h.commits[i] = c
		}
		h.baseSHA = ""
		return "rebase"
	case k == 10 && len(h.commits) > 1:
		h.commits = h.commits[:len(h.commits)-1]
		return "drop the last commit"
	default:
		t[p] = append(t[p], fmt.Sprintf("x = %d", h.rng.IntN(1000)))
		did = "change something else"
	}
	h.commits = append(h.commits, t)
	return did
}

// open counts the findings of each leak that are open: those at the head, or one if only the
// history holds it. What the base holds is not new.
func (h *history) open() map[int]int {
	base, out := h.base.Leaks(), map[int]int{}
	for id, n := range h.tip().Leaks() {
		if n > base[id] {
			out[id] = n - base[id]
		}
	}
	for _, c := range h.commits {
		for id := range c.Leaks() {
			if base[id] == 0 && h.tip().Leaks()[id] == 0 {
				out[id] = 1
			}
		}
	}
	return out
}

// TestRandomHistories plays random histories of pull requests and holds after every push that there is one thread for
// each distinct finding, that the threads of fixed findings and only they are resolved, and that no word of a person is
// lost.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"README.md": "x\n", policyFile: "version: 1\ncomments: {limit: 50}\n"})
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i := range *histories {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := s.play(i); err != nil {
				t.Errorf("history %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

const policyFile = ".secbydesign.yml"

func (s *stage) play(seed int) error {
	h := &history{
		rng: rand.New(rand.NewPCG(uint64(seed), 3)), branch: fmt.Sprint("h", seed), shown: map[int]int{}, replies: map[string]string{},
		base:   apptest.Tree{"old.py": {"begin = 1", apptest.Leak(1), "end = 1"}, "README.md": {"x"}, policyFile: {"version: 1", "comments: {limit: 50}"}},
		nextID: 1,
	}
	main := "main" + h.branch
	var did []string
	push := func() string {
		if h.baseSHA == "" {
			h.baseSHA = s.repo.Commit(main, s.base, h.message(), h.base.Changes(nil))
		}
		parent, before := h.baseSHA, h.base
		for _, c := range h.commits {
			parent = s.repo.Commit(h.branch, parent, h.message(), c.Changes(before))
			before = c
		}
		return parent
	}
	for len(h.commits) == 0 { // a rebase is no beginning
		did = append(did, h.step())
	}
	push()
	n := s.repo.OpenPull("History", "", main, h.branch, "mona", false)
	for range 7 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, err := s.Verdict(ctx, "acme", "shop", n)
		cancel()
		if err != nil {
			return fmt.Errorf("after %v: %w", did, err)
		}
		if err := h.check(s, n); err != nil {
			return fmt.Errorf("after %v: %w", did, err)
		}
		for range 1 + h.rng.IntN(3) {
			did = append(did, h.step())
		}
		push()
		s.repo.SyncPull(n)
		did = append(did, "push")
	}
	return nil
}

func (h *history) check(s *stage, n int) error {
	for id, count := range h.tip().Leaks() {
		h.shown[id] = max(h.shown[id], count-h.base.Leaks()[id])
	}
	open, threads := map[string]int{}, map[string]int{}
	for _, t := range s.GitHub.Threads("acme", "shop", n) {
		first := t.Comments[0]
		fingerprint, _, ok := checks.Mark(first.Body)
		if !ok {
			return fmt.Errorf("a comment without its marker: %q", first.Body)
		}
		key, _, _ := strings.Cut(fingerprint, ":")
		threads[key]++
		if !t.Resolved && first.Minimized == "" {
			open[key]++
		}
		if reply := h.replies[t.ID]; reply != "" && (len(t.Comments) < 2 || t.Comments[1].Body != reply) {
			return fmt.Errorf("the reply in thread %s is lost", t.ID)
		}
		if h.replies[t.ID] == "" && h.rng.IntN(3) == 0 {
			h.replies[t.ID] = fmt.Sprintf("I think %d.", h.rng.IntN(1000))
			s.GitHub.Reply("acme", "shop", n, t.ID, "mona", h.replies[t.ID])
		}
	}
	for id := range h.replies {
		if !slices.ContainsFunc(s.GitHub.Threads("acme", "shop", n), func(t fakegithub.Thread) bool { return t.ID == id }) {
			return fmt.Errorf("thread %s is gone with its reply", id)
		}
	}
	want := h.open()
	for id := 1; id <= h.nextID; id++ {
		key := apptest.LeakKey(id)
		switch {
		case h.tip().Leaks()[id] > 0 && open[key] != want[id],
			open[key] > want[id], // what is only in the history of a file that is gone has no thread
			h.shown[id] > 0 && open[key] != want[id]:
			return fmt.Errorf("leak %d has %d open threads, want %d", id, open[key], want[id])
		case threads[key] > max(h.shown[id], 1):
			return fmt.Errorf("leak %d has %d threads, want at most %d", id, threads[key], max(h.shown[id], 1))
		}
		delete(open, key)
	}
	if len(open) > 0 {
		return fmt.Errorf("threads for nothing: %v", open)
	}
	return nil
}
