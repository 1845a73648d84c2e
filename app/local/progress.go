package local

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/secbydesign/secbydesign/scanners"
)

// progress says which scanners a review still waits for. Its methods may be called from several goroutines.
type progress struct {
	say func(string)

	mu      sync.Mutex
	waiting []string // guarded by mu
	all     int
}

func newProgress(o Options) *progress {
	p := &progress{say: o.Progress, waiting: namesOf(o.Scanners), all: len(o.Scanners)}
	if p.say == nil {
		p.say = func(string) {}
	}
	p.say("Comparing the two sides …")
	return p
}

// scanned is called at the end of each scanner's run.
func (p *progress) scanned(_ context.Context, run scanners.Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = slices.DeleteFunc(p.waiting, func(name string) bool { return name == run.Scanner })
	if len(p.waiting) == 0 {
		p.say("Comparing what was found …")
		return
	}
	list := strings.Join(p.waiting[:min(3, len(p.waiting))], ", ")
	if n := len(p.waiting) - 3; n > 0 {
		list += fmt.Sprintf(" and %d more", n)
	}
	p.say(fmt.Sprintf("Scanning, %d of %d done; waiting for %s …", p.all-len(p.waiting), p.all, list))
}

func (p *progress) end() { p.say("") }
