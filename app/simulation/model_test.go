package simulation

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/secbydesign/secbydesign/app/apptest"
)

// A tree is the model of one commit. Secrets are in files .py, for the scanner that is built in, and marks in files .txt,
// for the scanner that is a program.
type tree = apptest.Tree

// A problem is what a scanner finds in a tree.
type problem struct {
	secret bool
	id     int
}

func (p problem) line() string {
	if p.secret {
		return apptest.Leak(p.id)
	}
	return fmt.Sprintf("bad %d", p.id)
}

// problemsOf lists the problems of a tree. Each is in one place at most.
func problemsOf(t tree) map[problem]bool {
	found := map[problem]bool{}
	for path, lines := range t {
		for _, l := range lines {
			var p problem
			if p.secret = strings.HasSuffix(path, ".py"); p.secret {
				p.id = apptest.Leaked(l)
			} else {
				_, _ = fmt.Sscanf(l, "bad %d", &p.id)
			}
			if p.id > 0 {
				found[p] = true
			}
		}
	}
	return found
}

// keys are the parts of fingerprints that all copies of a secret share, by the secret's id.
type keys struct {
	mu   sync.Mutex
	made map[int]string
}

var keyOf = keys{made: map[int]string{}}

func (k *keys) of(id int) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.made[id] == "" {
		k.made[id] = apptest.LeakKey(id)
	}
	return k.made[id]
}

// A place is where a new problem is: at the head, or only in the history of the branch.
type place int

const (
	atHead place = iota + 1
	inHistory
)

// A truth is what a review of one head has to find.
type truth map[problem]place

// conclusion is that of the verdict.
func (t truth) conclusion(setup int, draft bool) string {
	result := "success"
	for p := range t {
		if p.secret && setup&blocking != 0 && !draft {
			return "failure"
		}
		result = "neutral"
	}
	return result
}

// A branch is the model of the commits of a pull request.
type branch struct {
	base    tree
	commits []tree
	shas    []string // of the commits
	made    int      // commits so far
	ids     int      // problems so far
}

func (b *branch) tip() tree {
	if len(b.commits) == 0 {
		return b.base
	}
	return b.commits[len(b.commits)-1]
}

// edit adds a commit, as a developer might. first is the number of its first problem, so that no two pull requests have
// the same ones. Each commit changes a file for each scanner, so that none of them knows all of it from before.
func (b *branch) edit(rng *rand.Rand, first int) {
	t := b.tip().Clone()
	b.made++
	t["rev.py"] = []string{fmt.Sprintf("rev = %d", first+b.made)}
	t["rev.txt"] = []string{fmt.Sprintf("revision %d", first+b.made)}
	for range 1 + rng.IntN(3) {
		b.change(t, rng, first)
	}
	b.commits = append(b.commits, t)
}

func (b *branch) change(t tree, rng *rand.Rand, first int) {
	paths := slices.DeleteFunc(slices.Sorted(maps.Keys(t)), func(p string) bool { return strings.HasPrefix(p, ".") || strings.HasPrefix(p, "rev.") })
	path := paths[rng.IntN(len(paths))]
	at := rng.IntN(len(t[path]) + 1)
	switch rng.IntN(6) {
	case 0, 1: // a problem more
		b.ids++
		t[path] = slices.Insert(t[path], at, problem{strings.HasSuffix(path, ".py"), first + b.ids}.line())
	case 2: // in a file of its own
		b.ids++
		p := problem{rng.IntN(2) == 0, first + b.ids}
		t[fmt.Sprintf("new%d%s", b.ids, map[bool]string{true: ".py", false: ".txt"}[p.secret])] = []string{"begin", p.line()}
	case 3: // one less
		for i, l := range t[path] {
			if strings.HasPrefix(l, "key") || strings.HasPrefix(l, "bad ") {
				t[path] = slices.Delete(t[path], i, i+1)
				break
			}
		}
	case 4: // lines move
		t[path] = slices.Insert(t[path], 0, "# a comment", "# of two lines")
	case 5:
		t[path] = append(t[path], fmt.Sprintf("x = %d", rng.IntN(1000)))
	}
}

// truth is what is new: at the tip, and secrets also in the commits before it.
func (b *branch) truth() truth {
	old, out := problemsOf(b.base), truth{}
	for i, c := range b.commits {
		for p := range problemsOf(c) {
			switch {
			case old[p]:
			case i == len(b.commits)-1:
				out[p] = atHead
			case p.secret:
				out[p] = inHistory
			}
		}
	}
	return out
}

// sorted lists the problems of a truth.
func (t truth) sorted() []problem {
	return slices.SortedFunc(maps.Keys(t), func(a, b problem) int { return cmp.Compare(a.id, b.id) })
}
