package judge

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// gates makes the runs agree on what is new, groups them by gate, applies the policy to their results and to the runs that did not finish, and merges
// the findings that several scanners report.
func (c Case) gates() ([]checks.Gate, quieted, error) {
	c.Runs = c.agreed()
	var out []checks.Gate
	quiet := quieted{of: map[string]Quiet{}}
	for _, name := range scanners.Gates() {
		g := checks.Gate{Name: name, Block: c.Policy.Gate(name).Mode == policy.Block, Blocking: map[string]string{}}
		for _, run := range c.Pending {
			if run.Gate == name {
				g.Pending = append(g.Pending, run.Scanner)
			}
		}
		for _, run := range c.Runs {
			if run.Gate != name {
				continue
			}
			if err := c.add(&g, run, &quiet); err != nil {
				return nil, quiet, err
			}
		}
		if len(g.Runs)+len(g.Pending) > 0 {
			out = append(out, g)
		}
	}
	merge(out, order(c.Runs), c.Known)
	return out, quiet, nil
}

// add applies the policy to one run.
func (c Case) add(g *checks.Gate, run scanners.Run, quiet *quieted) error {
	g.Runs = append(g.Runs, run)
	if run.Err != nil {
		within := func(pattern string) bool { return c.Within == nil || c.Within(run.Scanner, pattern) }
		if key, ok := c.Policy.MayBlock(g.Name, run.Scanner, within); ok {
			g.Blocking[run.Scanner] = fmt.Sprintf("%s is %s (%s)", key, policy.Block, c.Policy.Origin(key))
		}
	}
	for _, r := range run.Results {
		mode, err := c.mode(g.Name, run.Version, r, quiet)
		if err != nil {
			return err
		}
		if mode == policy.Off {
			continue
		}
		g.Findings = append(g.Findings, checks.Finding{Result: r, Comment: mode >= policy.Comment, Block: mode == policy.Block, Quiet: quiet.of[r.Fingerprint].Kind})
	}
	return nil
}

// order returns the position of each scanner among the runs.
func order(runs []scanners.Run) map[string]int {
	at := map[string]int{}
	for i, run := range runs {
		at[run.Scanner] = i
	}
	return at
}

// merge merges findings of the same problem, see [baseline.Same], into one that names the others. The loudest one
// stays, then one that is shown already, so that its thread stays, then that of the first scanner.
func merge(list []checks.Gate, order map[string]int, known []baseline.Known) {
	shown := map[string]bool{}
	for _, k := range known {
		shown[k.Fingerprint] = true
	}
	var all []*checks.Finding
	for i := range list {
		for j := range list[i].Findings {
			all = append(all, &list[i].Findings[j])
		}
	}
	first := func(yes bool) int {
		if yes {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b *checks.Finding) int {
		return cmp.Or(
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(first(a.Block), first(b.Block)), cmp.Compare(first(a.Comment), first(b.Comment)),
			cmp.Compare(first(shown[a.Fingerprint]), first(shown[b.Fingerprint])),
			cmp.Compare(order[a.Scanner], order[b.Scanner]),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Fingerprint, b.Fingerprint),
		)
	})
	gone := map[*checks.Finding]bool{}
	for from := 0; from < len(all); {
		to := from
		for to < len(all) && all[to].Path == all[from].Path {
			to++
		}
		same := newTwins(all[from:to])
		for i, kept := range all[from:to] {
			if same.gone[i] {
				continue
			}
			for _, j := range same.take(i) {
				gone[all[from+j]] = true
				kept.Also = append(kept.Also, all[from+j].RuleID())
			}
			slices.Sort(kept.Also)
			kept.Also = slices.Compact(kept.Also)
		}
		from = to
	}
	for i := range list {
		var left []checks.Finding
		for j := range list[i].Findings {
			if f := &list[i].Findings[j]; !gone[f] {
				left = append(left, *f)
			}
		}
		list[i].Findings = left
	}
}
