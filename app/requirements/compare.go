package requirements

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// maxFacts bounds how many facts of one change are looked at further. No person reads as many.
const maxFacts = 2000

// maxEqual is how many equal facts are tried as the origin of one that moved.
const maxEqual = 20

// A fact is a new fact of the change.
type fact struct {
	scanners.Finding
	signal    design.Signal
	component string
	mode      string
	nth       int // of equal ones in the file, or in the change, that are at the head; from 1

	covered  string // why nobody has to answer: plain text without a full stop; empty for an open one
	decision string // the decision that covers it
	how      string // command, box, evidence or model, if it is covered
	ours     bool   // an answer in this pull request covers it
	proof    scanners.Finding
	says     string // what the proof says
}

// open reports whether somebody has to answer.
func (f *fact) open() bool { return f.covered == "" && f.mode == ask }

// id is how decisions name the fact: "DS-01 POST /invoices", with the file for a key that means something only there.
func (f *fact) id() string {
	s := f.signal.ID + " "
	if f.signal.PerFile {
		s += f.Path + ":"
	}
	s += f.Fact.Key
	if f.signal.EachTime && f.nth > 1 {
		s += " (" + strconv.Itoa(f.nth) + ")"
	}
	return s
}

// name is how a question names the fact.
func (f *fact) name() string { return cmp.Or(f.Fact.Name, f.Fact.Key) }

// A comparison holds both sides of a change without the files that are unread.
type comparison struct {
	in         Input
	head, base []scanners.Finding
	before     map[string]bool // paths at the base
	kept       map[string]bool // paths at the base of files that the head still has
}

func compare(in Input) *comparison {
	c := &comparison{in: in, before: map[string]bool{}, kept: map[string]bool{}}
	for _, ch := range in.Changes {
		if ch.OldPath != "" {
			c.before[ch.OldPath] = true
			c.kept[ch.OldPath] = ch.NewPath != ""
		}
	}
	unread := unreadOf(in)
	for _, f := range in.Head {
		if f.Fact != nil && !unread(f.Path) && !unread(c.origin(f.Path)) {
			c.head = append(c.head, f)
		}
	}
	gone := map[string]bool{} // paths at the base whose file at the head is unread
	for head, base := range in.Origins {
		gone[base] = gone[base] || unread(head)
	}
	for _, f := range in.Base {
		if f.Fact != nil && !unread(f.Path) && !gone[f.Path] {
			c.base = append(c.base, f)
		}
	}
	slices.SortStableFunc(c.head, byPlace)
	slices.SortStableFunc(c.base, byPlace)
	return c
}

// unreadOf returns a function that reports whether the facts of a file are unknown.
func unreadOf(in Input) func(path string) bool {
	files := map[string]bool{}
	var folders []string
	for _, path := range in.Unread {
		if files[path] = true; strings.HasSuffix(path, "/") {
			folders = append(folders, path)
		}
	}
	return func(path string) bool {
		return files[path] || slices.ContainsFunc(folders, func(f string) bool { return strings.HasPrefix(path, f) })
	}
}

// origin returns the path at the base of a file at the head.
func (c *comparison) origin(path string) string { return cmp.Or(c.in.Origins[path], path) }

// identity is what makes two facts equal.
type identity struct{ rule, key, path string }

func identify(s design.Signal, f scanners.Finding, path string) identity {
	id := identity{rule: f.Rule, key: f.Fact.Key}
	if s.PerFile {
		id.path = path
	}
	return id
}

// fresh returns the facts of signals that the change adds: those at the head less those at the base, each as often as
// it occurs. A fact that was answered at its place at the base, and is not at the head, is new.
func (c *comparison) fresh() []*fact {
	head, base := map[identity][]scanners.Finding{}, map[identity][]scanners.Finding{}
	var order []identity
	for _, f := range c.head {
		if s, ok := design.Of(f.Rule); ok && !c.left(s, f) {
			id := identify(s, f, c.origin(f.Path))
			if head[id] == nil {
				order = append(order, id)
			}
			head[id] = append(head[id], f)
		}
	}
	for _, f := range c.base {
		if s, ok := design.Of(f.Rule); ok {
			id := identify(s, f, f.Path)
			if base[id] == nil && head[id] == nil {
				order = append(order, id)
			}
			base[id] = append(base[id], f)
		}
	}
	var added []*fact
	var lost []scanners.Finding
	for _, id := range order {
		s, _ := design.Of(id.rule)
		for i, f := range c.surplus(head[id], base[id]) {
			if i > 0 && f.Fact.Data["table"] != "" {
				break // one table, written for several databases
			}
			added = append(added, &fact{Finding: f, signal: s, nth: len(base[id]) + 1 + i})
		}
		if n := len(base[id]) - len(head[id]); n > 0 {
			lost = append(lost, c.missing(base[id], head[id], n)...)
		}
	}
	added, lost = c.moved(added, lost)
	added = c.wider(c.relisted(renamed(added, lost), lost))
	slices.SortStableFunc(added, func(a, b *fact) int { return byPlace(a.Finding, b.Finding) })
	return added
}

// left reports whether a fact does not count at all: a design document that the base has, or a host of the team's own.
func (c *comparison) left(s design.Signal, f scanners.Finding) bool {
	if f.Fact.Data["added-only"] == "true" && c.before[c.origin(f.Path)] {
		return true
	}
	host := f.Fact.Data["host"]
	if host == "" && (s.Slug == "outbound-host" || s.Slug == "third-party-script") {
		host = f.Fact.Key
	}
	return host != "" && ownHost(c.in.Policy.OwnHosts, host)
}

// ownHost reports whether a host is one of the team's own.
func ownHost(own []string, host string) bool {
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	for _, o := range own {
		if rest, ok := strings.CutPrefix(o, "*"); ok && strings.HasSuffix(host, rest) || o == host {
			return true
		}
	}
	return false
}

// surplus returns the facts at the head that are more than those at the base, which are equal to them. Those that the
// base cannot have come last: on lines that the change adds, then with another text, then in another file.
func (c *comparison) surplus(head, base []scanners.Finding) []scanners.Finding {
	isOpen := func(f scanners.Finding) bool { return f.Fact.Closed == "" }
	open, openBefore := filter(head, isOpen), len(filter(base, isOpen))
	more := max(0, len(open)-openBefore)
	out := slices.Clone(c.likelyOld(open, base)[len(open)-more:])
	if rest := len(head) - len(base) - more; rest > 0 {
		closed := filter(head, func(f scanners.Finding) bool { return !isOpen(f) })
		rest = min(rest, len(closed))
		out = append(out, c.likelyOld(closed, base)[len(closed)-rest:]...)
	}
	return out
}

// likelyOld sorts facts of the head, those that the base most likely has first.
func (c *comparison) likelyOld(head, base []scanners.Finding) []scanners.Finding {
	if len(base) == 0 || len(head) < 2 {
		return head
	}
	type spot struct{ path, text string }
	lines, files := map[spot]bool{}, map[string]bool{}
	for _, f := range base {
		lines[spot{f.Path, f.Fact.Text}] = true
		files[f.Path] = true
	}
	rank := func(f scanners.Finding) int {
		path, n := c.origin(f.Path), 0
		if c.in.Added != nil && c.in.Added(f.Path, f.Line) {
			n += 4
		}
		if !lines[spot{path, f.Fact.Text}] {
			n++
		}
		if !files[path] {
			n++
		}
		return n
	}
	head = slices.Clone(head)
	slices.SortStableFunc(head, func(a, b scanners.Finding) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), byPlace(a, b))
	})
	return head
}

// missing returns n of the facts at the base that the head does not have.
func (c *comparison) missing(base, head []scanners.Finding, n int) []scanners.Finding {
	have := map[string]int{}
	for _, f := range head {
		have[c.origin(f.Path)+"\x00"+f.Fact.Text]++
	}
	var gone, rest []scanners.Finding
	for _, f := range base {
		if k := f.Path + "\x00" + f.Fact.Text; have[k] > 0 {
			have[k]--
			rest = append(rest, f)
		} else {
			gone = append(gone, f)
		}
	}
	return append(gone, rest...)[:n]
}

// moved drops the facts that the change only moves: another file lost one of the same signal with the same key or, for
// a signal that need not be decided each time, with the same line.
func (c *comparison) moved(added []*fact, lost []scanners.Finding) (kept []*fact, left []scanners.Finding) {
	byKey, byText := map[[2]string][]int{}, map[[2]string][]int{}
	for i, f := range lost {
		k, t := [2]string{f.Rule, f.Fact.Key}, [2]string{f.Rule, f.Fact.Text}
		byKey[k] = append(byKey[k], i)
		byText[t] = append(byText[t], i)
	}
	used := make([]bool, len(lost))
	take := func(from map[[2]string][]int, k [2]string, f *fact) bool {
		for len(from[k]) > 0 && used[from[k][0]] {
			from[k] = from[k][1:]
		}
		for _, i := range from[k][:min(len(from[k]), maxEqual)] {
			if !used[i] && lost[i].Path != c.origin(f.Path) && (lost[i].Fact.Closed == "" || f.Fact.Closed != "") {
				used[i] = true
				return true
			}
		}
		return false
	}
	for _, f := range added {
		sameLine := !f.signal.EachTime && f.Fact.Text != ""
		if take(byKey, [2]string{f.Rule, f.Fact.Key}, f) || sameLine && take(byText, [2]string{f.Rule, f.Fact.Text}, f) {
			continue
		}
		kept = append(kept, f)
	}
	for i, f := range lost {
		if !used[i] {
			left = append(left, f)
		}
	}
	return kept, left
}

// relisted drops the entries of a list that silences a scanner if the list lost as many: the fingerprint of a finding
// changes with its line. Comments in the code are not in such a list: they stand where they silence.
func (c *comparison) relisted(added []*fact, lost []scanners.Finding) []*fact {
	more := map[string]int{}
	for _, f := range added {
		if f.Fact.Data["list"] == "true" {
			more[c.origin(f.Path)]++
		}
	}
	for _, f := range lost {
		if f.Fact.Data["list"] == "true" {
			more[f.Path]--
		}
	}
	return filter(added, func(f *fact) bool { return f.Fact.Data["list"] != "true" || more[c.origin(f.Path)] > 0 })
}

// renamed drops the facts of signals in which a new name is no news if as many old ones disappear.
func renamed(added []*fact, lost []scanners.Finding) []*fact {
	more := map[string]int{}
	for _, f := range added {
		more[f.Rule]++
	}
	for _, f := range lost {
		more[f.Rule]--
	}
	return filter(added, func(f *fact) bool { return !f.signal.Renames || more[f.Rule] > 0 })
}

// defaultToken is the kind of evidence of a job whose token has the rights of the repository's default.
const defaultToken = "evidence-default-token"

// wider drops the rights of a workflow's token that only narrow it: the jobs had those of the default before.
func (c *comparison) wider(added []*fact) []*fact {
	byDefault := map[[2]string]bool{}
	for _, f := range c.base {
		if f.Rule == defaultToken {
			byDefault[[2]string{f.Path, f.Fact.Key}] = true
		}
	}
	return filter(added, func(f *fact) bool {
		jobs := f.Fact.Data["jobs"]
		if f.Rule != "ci-token-write" || jobs == "" {
			return true
		}
		return slices.ContainsFunc(strings.Split(jobs, ","), func(job string) bool {
			return !byDefault[[2]string{c.origin(f.Path), strings.TrimSpace(job)}]
		})
	})
}

func byPlace(a, b scanners.Finding) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Fact.Key, b.Fact.Key),
		cmp.Compare(a.Fact.Text, b.Fact.Text), cmp.Compare(a.Fact.Closed, b.Fact.Closed))
}

func filter[T any](list []T, keep func(T) bool) (out []T) {
	for _, e := range list {
		if keep(e) {
			out = append(out, e)
		}
	}
	return out
}
