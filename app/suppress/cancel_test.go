package suppress

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// endsAt is a context that ends when it is asked for the nth time, and counts how often it is asked.
type endsAt struct {
	context.Context
	n     int64
	asked atomic.Int64
}

func (c *endsAt) Err() error {
	if c.asked.Add(1) > c.n {
		return context.Canceled
	}
	return nil
}

// TestWhatFollowsTheScanEndsWithItsContext ends the context at each moment at which it is read. From then on no more
// than one piece of work is done: one file is read, or a thousand lines.
func TestWhatFollowsTheScanEndsWithItsContext(t *testing.T) {
	t.Parallel()
	const files, lines = 5, 2 * 1000
	var raw strings.Builder
	ex := examine.Examination{Diff: &mirror.Diff{}}
	for i := range files {
		name := fmt.Sprintf("f%d.go", i)
		raw.WriteString(hunks(name, lines))
		ex.Diff.Changes = append(ex.Diff.Changes, mirror.Change{NewPath: name})
	}
	set, err := patch.Parse([]byte(raw.String()))
	if err != nil {
		t.Fatal(err)
	}
	ex.Patch = set
	text := []byte(strings.Repeat("x()\ny() // secbydesign:ignore a/b until 2999-01-01 because x\n", lines/2))
	runs := many(50, false)
	ex.Runs = runs
	gates := judged(t, runs)
	for i := range gates {
		for j := range gates[i].Findings {
			gates[i].Findings[j].Comment = true
		}
	}
	reads := 0
	comments := func(ctx *endsAt) *Set {
		read := func(string) ([]byte, bool) {
			if ctx.asked.Load() > ctx.n {
				reads++
			}
			return text, true
		}
		return &Set{
			head: read, base: read, tip: read, policy: policy.Default(), markers: allMarkers(), infos: map[string]scanners.Info{},
			tree: func() ([]string, bool) { return nil, true },
		}
	}
	for name, do := range map[string]func(ctx *endsAt) error{
		"decide": func(ctx *endsAt) error {
			return comments(ctx).Decide(ctx, ex, gates)
		},
		"suppressions": func(ctx *endsAt) error {
			_, _, err := comments(ctx).Review(ctx, ex)
			return err
		},
		"lines": func(ctx *endsAt) error {
			after := 0
			allMarkers().Find(ctx, "f.go", string(text), func(int) bool {
				if ctx.asked.Load() > ctx.n {
					after++
				}
				return true
			})
			if after > 0 {
				t.Errorf("%d lines are read after the end", after)
			}
			return ctx.Err()
		},
	} {
		all := &endsAt{Context: context.Background(), n: 1 << 40}
		if err := do(all); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		moments := all.asked.Load()
		if moments < 3 {
			t.Errorf("%s asks for its context only %d times", name, moments)
		}
		for n := int64(0); n < moments-1; n += 1 + moments/15 {
			reads = 0
			ctx := &endsAt{Context: context.Background(), n: n}
			if err := do(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.Cause(ctx)) || err == nil {
				t.Fatalf("%s, ended at %d of %d: %v", name, n, moments, err)
			}
			if more := ctx.asked.Load() - n; more > 5 || reads > 3 {
				t.Errorf("%s, ended at %d of %d, goes on: it asks %d times more, and reads %d files", name, n, moments, more, reads)
			}
		}
	}
}
