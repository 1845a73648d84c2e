package baseline

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// removed returns the protections that the head lacks and the base had, as ordinary findings. An ordinary finding that
// the head has and the base did not stands for a protection that the head lacks: there, a line turns it off.
//
// A file can hold several objects of one identity. A protection is removed only if fewer of them have it. Then those
// that lack it at both ends are paired, and what remains at the head are the objects that lost it.
func (g *group) removed(in Input) (found []scanners.Finding) {
	lost := map[string]int{} // how many protections, by the path at the base
	for _, f := range g.guardedBase {
		if f.Protection == scanners.Kept {
			lost[f.Path]++
		}
	}
	if len(lost) == 0 {
		return nil
	}
	for _, f := range g.guardedHead {
		if f.Protection == scanners.Kept {
			lost[path(f, in.Renames)]--
		}
	}
	g.elsewhere(in, lost)
	off := map[string]int{}
	for _, f := range g.head {
		off[path(f, in.Renames)]++
	}
	for _, f := range g.base {
		off[f.Path]--
	}
	for p, n := range off {
		lost[p] -= max(n, 0)
	}

	now, heads := missing(g.guardedHead, func(f scanners.Finding) string { return in.spot(f, false) })
	_, bases := missing(g.guardedBase, func(f scanners.Finding) string { return in.spot(f, true) })
	for i, j := range nearest(heads, bases) {
		p := path(now[i], in.Renames)
		if j >= 0 || lost[p] <= 0 {
			continue
		}
		lost[p]--
		now[i].Protection = scanners.Problem
		found = append(found, now[i])
	}
	return found
}

// elsewhere takes those protections from lost that another file of the folder has at the head, and of which it held
// nothing at the base. In Terraform, one resource can protect another, and a folder is a module: a bucket's access block
// that moves to another file still protects the bucket.
func (g *group) elsewhere(in Input, lost map[string]int) {
	held := map[string]bool{}
	for _, f := range g.guardedBase {
		held[f.Path] = true
	}
	for _, f := range g.guardedHead {
		now := path(f, in.Renames)
		if f.Protection != scanners.Kept || held[now] || !inModule(now) {
			continue
		}
		for _, was := range slices.Sorted(maps.Keys(lost)) {
			if lost[was] > 0 && folder(was) == folder(now) && inModule(was) {
				lost[was]--
				break
			}
		}
	}
}

// inModule reports whether a file belongs to a Terraform module.
func inModule(path string) bool {
	return strings.HasSuffix(path, ".tf") || strings.HasSuffix(path, ".tofu") || strings.HasSuffix(path, ".tf.json")
}

// missing returns the objects of a list that lack the protection, in the order of their places, and their positions.
func missing(list []scanners.Finding, spot func(scanners.Finding) string) (lack []scanners.Finding, at []position) {
	for _, f := range list {
		if f.Protection == scanners.Missing {
			lack = append(lack, f)
		}
	}
	slices.SortFunc(lack, compare)
	for _, f := range lack {
		at = append(at, position{spot(f), f.Line, f.Column})
	}
	return lack, at
}

// choose returns the list that a finding belongs to.
func choose(f scanners.Finding, problems, guarded *[]scanners.Finding) *[]scanners.Finding {
	if f.Protection != scanners.Problem {
		return guarded
	}
	return problems
}

// An object is a finding about a protection whose identity the other side does not have in that file.
type object struct {
	of *comparison
	scanners.Finding
}

// A ruleIn is a rule in a file, by its path at the head.
type ruleIn struct{ rule, path string }

// unprotected adds the protections that an object lost together with its name, see [renaming]. The identity holds the
// name, so the two findings are of different groups; their messages are equal but for the name.
func (in Input) unprotected(matches []*comparison) {
	had, lacks := in.alone(matches)
	places := slices.SortedFunc(maps.Keys(had), func(a, b ruleIn) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.rule, b.rule)) })
	for _, p := range places {
		if len(lacks[p]) > 0 {
			in.Change.within(p.path, func(r *renaming) { r.unprotected(had[p], lacks[p]) })
		}
	}
}

// alone returns the objects that had a protection, and those that lack it.
func (in Input) alone(matches []*comparison) (had, lacks map[ruleIn][]object) {
	had, lacks = map[ruleIn][]object{}, map[ruleIn][]object{}
	for _, m := range matches {
		before, now := map[string]bool{}, map[string]bool{} // paths at the head
		for _, f := range m.guardedBase {
			before[in.Change.at(f.Path)] = true
		}
		for _, f := range m.guardedHead {
			now[f.Path] = true
		}
		for _, f := range m.guardedBase {
			if p := (ruleIn{f.Rule, in.Change.at(f.Path)}); f.Protection == scanners.Kept && !now[p.path] {
				had[p] = append(had[p], object{m, f})
			}
		}
		for _, f := range m.guardedHead {
			if p := (ruleIn{f.Rule, f.Path}); f.Protection == scanners.Missing && !before[p.path] {
				lacks[p] = append(lacks[p], object{m, f})
			}
		}
	}
	return had, lacks
}

func (r *renaming) unprotected(had, lacks []object) {
	lost := map[saying]int{}
	for _, f := range had {
		if unit := r.base.at(f.Line); unit >= 0 && r.to[unit] >= 0 && len(r.around(unit)) > 0 {
			lost[saying{r.to[unit], r.rename(f.Message, r.around(unit))}]++
		}
	}
	for _, f := range lacks {
		s := saying{r.head.at(f.Line), f.Message}
		if lost[s] <= 0 {
			continue
		}
		lost[s]--
		f.Protection = scanners.Problem
		f.of.fresh = append(f.of.fresh, scanners.Result{Finding: f.Finding, State: scanners.New})
	}
}

// within calls f with the renaming of a file, if it is known. Only f may use it.
func (c *Change) within(head string, f func(*renaming)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.renaming(head); r != nil {
		f(r)
	}
}
