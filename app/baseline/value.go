package baseline

import (
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// A Version is a version of a file that neither head nor base has.
type Version struct{ Path, Commit string }

// A leak is a secret as its value: what was leaked stays leaked, whatever text is around it. Values are only
// compared, and never leave this package.
type leak struct{ rule, value string }

// values reads the secrets of one scanner from the texts.
type values struct {
	in    Input
	lines map[source][]string
}

// A source is one version of one file.
type source struct {
	Version
	base bool
}

// of returns the secret of a finding. It is not ok if the text or the exact place is not known.
func (v *values) of(f scanners.Finding, base bool) (leak, bool) {
	if f.Line < 1 || f.Column < 1 || f.EndColumn < 1 {
		return leak{}, false
	}
	lines := v.text(source{Version{f.Path, f.Commit}, base})
	end := max(f.EndLine, f.Line)
	if end > len(lines) {
		return leak{}, false
	}
	var b strings.Builder
	for n := f.Line; n <= end; n++ {
		line := []rune(lines[n-1])
		from, to := 0, len(line)
		if n == f.Line {
			from = min(f.Column-1, to)
		}
		if n == end {
			to = min(f.EndColumn-1, to)
		}
		b.WriteString(string(line[from:max(from, to)]))
	}
	value := bare.Replace(strings.Join(strings.Fields(b.String()), ""))
	return leak{f.Rule, value}, value != ""
}

// bare removes quotes, and the line ends of a key that is written as one line.
var bare = strings.NewReplacer(`\n`, "", `\r`, "", `"`, "", `'`, "", "`", "")

func (v *values) text(s source) []string {
	lines, ok := v.lines[s]
	if !ok {
		var content []byte
		switch {
		case s.Commit != "":
			content = v.in.Versions[s.Version]
		case v.in.Change == nil:
		case s.base:
			content = v.in.Change.base[s.Path]
		default:
			content = v.in.Change.head[s.Path]
		}
		lines = strings.Split(string(content), "\n")
		v.lines[s] = lines
	}
	return lines
}

// sameValues finds secrets whose text changed and whose value did not: other quotes, another name, a comment. A
// finding at the head is unchanged if its file had the same rule and value at the base, or if the base lost one in
// another file. A finding in a version in between is none if an end has the value.
func (in Input) sameValues(matches []*comparison) {
	if !slices.ContainsFunc(matches, func(m *comparison) bool { return len(m.fresh) > 0 }) {
		return
	}
	old := newLeaks(in, matches)
	for _, anywhere := range []bool{false, true} {
		for _, m := range matches {
			var left []scanners.Result
			var leftAt []string
			for i, r := range m.fresh {
				switch l, ok := old.of(r.Finding, false); {
				case ok && r.Commit != "" && old.ends[l]:
				case ok && r.Commit == "" && !r.Worse && old.has(l, path(r.Finding, in.Renames), anywhere):
					r.State = scanners.Unchanged
					m.same = append(m.same, r)
				default:
					left, leftAt = append(left, r), append(leftAt, m.freshAt[i])
				}
			}
			m.fresh, m.freshAt = left, leftAt
		}
	}
	old.remove(matches)
}

// leaks are the secrets that are no news.
type leaks struct {
	values
	gone   map[leak][]*lost         // at the base and, in this text, not at the head
	inFile map[string]map[leak]bool // at the base, by path
	ends   map[leak]bool            // at the base or the head
}

// A lost finding is one of the base that has no partner yet.
type lost struct {
	of    *comparison
	index int // in gone
	taken bool
}

func newLeaks(in Input, matches []*comparison) *leaks {
	old := &leaks{values{in, map[source][]string{}}, map[leak][]*lost{}, map[string]map[leak]bool{}, map[leak]bool{}}
	for _, m := range matches {
		for i, r := range m.gone {
			if l, ok := old.of(r.Finding, true); ok {
				old.gone[l] = append(old.gone[l], &lost{of: m, index: i})
			}
		}
		for _, f := range m.base {
			l, ok := old.of(f, true)
			if !ok {
				continue
			}
			old.ends[l] = true
			if old.inFile[f.Path] == nil {
				old.inFile[f.Path] = map[leak]bool{}
			}
			old.inFile[f.Path][l] = true
		}
		for _, f := range m.head {
			if l, ok := old.of(f, false); ok {
				old.ends[l] = true
			}
		}
	}
	return old
}

// has reports whether the base has the secret in this file, or has lost it anywhere. A lost one counts once.
func (old *leaks) has(l leak, path string, anywhere bool) bool {
	i := slices.IndexFunc(old.gone[l], func(g *lost) bool { return !g.taken && (anywhere || g.of.gone[g.index].Path == path) })
	if i >= 0 {
		old.gone[l][i].taken = true
	}
	return i >= 0 || old.inFile[path][l]
}

// remove takes what was found again from the findings that are gone.
func (old *leaks) remove(matches []*comparison) {
	taken := map[*comparison]map[int]bool{}
	for _, list := range old.gone {
		for _, g := range list {
			if g.taken && taken[g.of] == nil {
				taken[g.of] = map[int]bool{}
			}
			if g.taken {
				taken[g.of][g.index] = true
			}
		}
	}
	for _, m := range matches {
		for i := len(m.gone) - 1; i >= 0; i-- {
			if taken[m][i] {
				m.gone, m.goneAt = slices.Delete(m.gone, i, i+1), slices.Delete(m.goneAt, i, i+1)
			}
		}
	}
}
