package baseline

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/blocks"
)

// A renaming leads from the units of one version of a file to those of the other. Units are partners if the units
// around them are, and if they have one name, or if the name of one is gone, that of the other was not there before,
// and the rest of their lines is alike.
type renaming struct {
	a, b       *file // base and head
	base, head *outline
	to         []int  // the partner at the head, by the unit at the base; -1 for none
	renamed    []bool // the partner has another name
	syntax     syntax
	work       *effort
}

// renaming returns the partners in the file that is at path head at the head, or nil if they are not known.
func (c *Change) renaming(head string) *renaming {
	if r, ok := c.renamings[head]; ok {
		return r
	}
	c.renamings[head] = nil
	was := c.from(head)
	a, b := c.file(side{was, true}), c.file(side{head, false})
	if a == nil || b == nil || a.Kind != b.Kind || a.Kind == blocks.Whole {
		return nil
	}
	r := &renaming{a: a, b: b, base: outlined(a, c.base[was]), head: outlined(b, c.head[head]), syntax: syntaxOf(head), work: &c.work}
	r.to, r.renamed = make([]int, len(r.base.units)), make([]bool, len(r.base.units))
	for i := range r.to {
		r.to[i] = -1
	}
	if t := c.pair(head); t != nil {
		for i, j := range t.fromBase {
			r.to[i] = j
		}
	}
	r.match()
	c.renamings[head] = r
	return r
}

// A nest is where units are siblings: in one unit, and in one list of it.
type nest struct {
	parent int // at the head
	list   string
}

// match finds the partners: of blocks first, then of the items in them, then of the items in those.
func (r *renaming) match() {
	came := map[nest][]int{}
	for j, u := range r.head.units {
		came[nest{u.parent, u.list}] = append(came[nest{u.parent, u.list}], j)
	}
	var levels [][]int // of units at the base
	depth := make([]int, len(r.base.units))
	for i, u := range r.base.units {
		if u.parent >= 0 {
			depth[i] = depth[u.parent] + 1
		}
		if depth[i] == len(levels) {
			levels = append(levels, nil)
		}
		levels[depth[i]] = append(levels[depth[i]], i)
	}
	for _, level := range levels {
		left := map[nest][]int{}
		var order []nest
		for _, i := range level {
			u := r.base.units[i]
			n := nest{-1, u.list}
			if u.parent >= 0 {
				if n.parent = r.to[u.parent]; n.parent < 0 {
					continue
				}
			}
			if left[n] == nil {
				order = append(order, n)
			}
			left[n] = append(left[n], i)
		}
		for _, n := range order {
			r.siblings(left[n], came[n])
		}
	}
}

// siblings finds the partners among the units of one nest.
func (r *renaming) siblings(left, came []int) {
	taken := map[int]bool{}
	for _, i := range left {
		if r.to[i] >= 0 {
			taken[r.to[i]] = true
		}
	}
	// by pairs, in their order, those for which the key is the same and not empty.
	by := func(renamed bool, key func(u unit) string) {
		open := map[string][]int{}
		for _, j := range came {
			if k := key(r.head.units[j]); !taken[j] && k != "" {
				open[k] = append(open[k], j)
			}
		}
		for _, i := range left {
			if k := key(r.base.units[i]); r.to[i] < 0 && len(open[k]) > 0 {
				r.to[i], r.renamed[i] = open[k][0], renamed
				taken[open[k][0]] = true
				open[k] = open[k][1:]
			}
		}
	}
	by(false, func(u unit) string { return u.name })
	if r.a.Kind == blocks.Code {
		by(false, func(u unit) string { return r.syntax.plain([]string{u.name}) })
	}
	by(true, func(u unit) string {
		if text := u.unnamed(r.a.Kind); text != "" || len(u.rest) > 0 {
			return u.kind(r.a.Kind) + "\x00" + text + "\x00" + strings.Join(u.rest, "\n")
		}
		return ""
	})
	r.closest(left, came, taken)
}

// closest makes partners of the units that are left, the most alike first.
func (r *renaming) closest(left, came []int, taken map[int]bool) {
	const most = 50 // units of each version
	left = slices.DeleteFunc(slices.Clone(left), func(i int) bool { return r.to[i] >= 0 })
	came = slices.DeleteFunc(slices.Clone(came), func(j int) bool { return taken[j] })
	type option struct {
		i, j  int
		alike float64
	}
	var options []option
	for _, i := range left[:min(len(left), most)] {
		for _, j := range came[:min(len(came), most)] {
			u, v := r.base.units[i], r.head.units[j]
			if len(u.rest) == 0 || len(v.rest) == 0 || u.kind(r.a.Kind) != v.kind(r.a.Kind) || !r.work.spend(len(u.rest)+len(v.rest)) {
				continue
			}
			if alike(u.rest, v.rest) {
				options = append(options, option{i, j, dice(u.rest, v.rest)})
			}
		}
	}
	slices.SortStableFunc(options, func(a, b option) int { return cmp.Compare(b.alike, a.alike) })
	for _, o := range options {
		if r.to[o.i] < 0 && !taken[o.j] {
			r.to[o.i], r.renamed[o.i], taken[o.j] = o.j, true, true
		}
	}
}

// kind returns what does not change with the name of a unit: the type of a resource, or the key above an entry.
func (u unit) kind(kind blocks.Kind) string {
	switch {
	case u.parent >= 0 || kind == blocks.Code:
		return ""
	case kind == blocks.Terraform:
		return u.name[:max(strings.LastIndexByte(u.name, ' '), 0)]
	}
	word, _, more := strings.Cut(u.name, " ")
	if !more {
		return ""
	}
	return word
}

// unnamed returns the first line of a unit without the name.
func (u unit) unnamed(kind blocks.Kind) string {
	if kind == blocks.Code {
		return ""
	}
	return replaceWord(u.head, u.name[strings.LastIndexByte(u.name, ' ')+1:], "")
}

// around returns the unit at the base, and those around it, whose partners have other names.
func (r *renaming) around(unit int) (list []int) {
	for i := unit; i >= 0; i = r.base.units[i].parent {
		if r.renamed[i] {
			list = append(list, i)
		}
	}
	return list
}

// rename returns a line of the base with the names that the units around it have at the head.
func (r *renaming) rename(line string, units []int) string {
	for _, i := range units {
		u, v := r.base.units[i], r.head.units[r.to[i]]
		old, now := strings.Split(u.name, " "), strings.Split(v.name, " ")
		if r.a.Kind == blocks.Code || len(old) != len(now) || r.a.Kind == blocks.Stages && old[1] != "as" {
			continue // an image is no mere name
		}
		for k := range old {
			if old[k] != "" && now[k] != "" {
				line = replaceWord(line, old[k], now[k])
			}
		}
	}
	return line
}

// replaceWord replaces a word of a line, in any letter case.
func replaceWord(line, old, now string) string {
	if old == now || old == "" {
		return line
	}
	part := func(i int) bool {
		return i >= 0 && i < len(line) && (isWord(line[i]) || line[i] == '_' || line[i] == '-')
	}
	var b strings.Builder
	for i := 0; i < len(line); {
		if end := i + len(old); end <= len(line) && strings.EqualFold(line[i:end], old) && !part(i-1) && !part(end) {
			b.WriteString(now)
			i = end
			continue
		}
		b.WriteByte(line[i])
		i++
	}
	return b.String()
}

// isWord reports whether c is a letter or a digit.
func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}
