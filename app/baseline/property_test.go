package baseline

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// A tree is files of lines. A line that begins with a capital is a problem; there are few
// different ones, so that equal ones are common.
type tree map[string][]string

func (t tree) clone() tree {
	c := tree{}
	for path, lines := range t {
		c[path] = slices.Clone(lines)
	}
	return c
}

// scan returns the problems. Like a scanner, it reports the line as it stands.
func (t tree) scan() []scanners.Finding {
	var found []scanners.Finding
	for _, path := range slices.Sorted(maps.Keys(t)) {
		for i, line := range t[path] {
			if text := strings.TrimSpace(line); text != "" && strings.ToUpper(text[:1]) == text[:1] {
				found = append(found, scanners.Finding{Rule: "rule", Path: path, Line: i + 1, EndLine: i + 1, Identity: line, Message: text})
			}
		}
	}
	return found
}

func randomLine(r *rand.Rand) string {
	return []string{"x", "y = 1", "", "Leak 1", "Leak 2", "Leak  3"}[r.IntN(6)]
}

func randomTree(r *rand.Rand) tree {
	t := tree{}
	for i := range 1 + r.IntN(4) {
		lines := make([]string, r.IntN(12))
		for j := range lines {
			lines[j] = randomLine(r)
		}
		t[fmt.Sprintf("f%d", i)] = lines
	}
	return t
}

// shuffleHarmlessly makes changes that must not matter, and returns the renames.
func shuffleHarmlessly(r *rand.Rand, t tree) (tree, map[string]string) {
	after, renames := tree{}, map[string]string{}
	for path, lines := range t {
		lines = slices.Clone(lines)
		for range r.IntN(4) {
			lines = slices.Insert(lines, r.IntN(len(lines)+1), "other")
		}
		if r.IntN(3) == 0 {
			r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		}
		for i := range lines {
			lines[i] = strings.Repeat("\t", r.IntN(3)) + strings.ReplaceAll(lines[i], " ", strings.Repeat(" ", 1+r.IntN(2))) + []string{"", "\r"}[r.IntN(2)]
		}
		to := path
		if r.IntN(3) == 0 {
			to = "renamed/" + path
			renames[to] = path
		}
		after[to] = lines
	}
	return after, renames
}

// edit changes anything.
func edit(r *rand.Rand, t tree) tree {
	after, _ := shuffleHarmlessly(r, t)
	for path, lines := range after {
		for range r.IntN(4) {
			if i := r.IntN(len(lines) + 1); r.IntN(2) == 0 || i == len(lines) {
				lines = slices.Insert(lines, i, randomLine(r))
			} else {
				lines = slices.Delete(lines, i, i+1)
			}
		}
		after[path] = lines
	}
	return after
}

func count(results []scanners.Result, state scanners.State) int {
	n := 0
	for _, r := range results {
		if r.State == state {
			n++
		}
	}
	return n
}

func shown(results []scanners.Result) []Known {
	var known []Known
	for _, r := range results {
		if r.State == scanners.New {
			known = append(known, Known{r.Fingerprint, r.Path, r.Line})
		}
	}
	return known
}

// forAll runs a property on many random inputs; a failed test reports the seed of its input.
func forAll(t *testing.T, property func(t *testing.T, r *rand.Rand)) {
	t.Parallel()
	for seed := range uint64(400) {
		property(t, rand.New(rand.NewPCG(seed, 0)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestSameHasNothingNew(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		found := randomTree(r).scan()
		results := Compare(gitleaks, Input{Head: found, Base: found, History: found})
		if len(results) != len(found) || count(results, scanners.Unchanged) != len(found) {
			t.Errorf("%q", describe(results))
		}
	})
}

func TestHarmlessChangesMakeNothingNew(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		base := randomTree(r)
		head, renames := shuffleHarmlessly(r, base)
		between, _ := shuffleHarmlessly(r, base)
		results := Compare(gitleaks, Input{Head: head.scan(), Base: base.scan(), History: between.scan(), Renames: renames})
		if len(results) != len(base.scan()) || count(results, scanners.Unchanged) != len(results) {
			t.Errorf("base %q, head %q: %q", base, head, describe(results))
		}
		for _, result := range results {
			if _, ok := head[result.Path]; !ok {
				t.Errorf("unchanged at %s, which the head does not have", result.Path)
			}
		}
	})
}

func TestCopiesAreNew(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		base := randomTree(r)
		base["f0"] = append(base["f0"], "Leak 1")
		head, renames := shuffleHarmlessly(r, base)
		n := r.IntN(5)
		for range n {
			path := slices.Sorted(maps.Keys(head))[r.IntN(len(head))]
			head[path] = slices.Insert(head[path], r.IntN(len(head[path])+1), "Leak 1")
		}
		results := Compare(gitleaks, Input{Head: head.scan(), Base: base.scan(), Renames: renames})
		if count(results, scanners.New) != n || count(results, scanners.Absent) != 0 {
			t.Errorf("%d copies: %q", n, describe(results))
		}
	})
}

func TestOrderOfInputDoesNotMatter(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		base := randomTree(r)
		head, renames := shuffleHarmlessly(r, edit(r, base))
		first := Compare(gitleaks, Input{Head: head.scan(), Base: base.scan(), Renames: renames})
		in := Input{Head: edit(r, head).scan(), Base: base.scan(), History: head.scan(), Renames: renames, Known: shown(first)}
		want := Compare(gitleaks, in)
		in.Head, in.Base, in.Known = slices.Clone(in.Head), slices.Clone(in.Base), slices.Clone(in.Known)
		r.Shuffle(len(in.Head), func(i, j int) { in.Head[i], in.Head[j] = in.Head[j], in.Head[i] })
		r.Shuffle(len(in.Base), func(i, j int) { in.Base[i], in.Base[j] = in.Base[j], in.Base[i] })
		r.Shuffle(len(in.Known), func(i, j int) { in.Known[i], in.Known[j] = in.Known[j], in.Known[i] })
		before := slices.Clone(in.Head)
		if got := Compare(gitleaks, in); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %q\nwant %q", describe(got), describe(want))
		}
		if !reflect.DeepEqual(before, in.Head) {
			t.Error("the input was changed")
		}
	})
}

// A pull request lives on: whatever is pushed, names are unique, all that is known and
// still new keeps a name, and the numbers add up.
func TestNamesOverManyPushes(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		base := randomTree(r)
		head := base.clone()
		var known []Known
		for range 5 {
			head = edit(r, head)
			in := Input{Head: head.scan(), Base: base.scan(), Known: known}
			results := Compare(gitleaks, in)

			names, fresh := map[string]bool{}, map[string]bool{}
			perKey, knownPerKey, keptPerKey := map[string]int{}, map[string]int{}, map[string]int{}
			for _, result := range results {
				if names[result.Fingerprint] {
					t.Errorf("%s twice in %q", result.Fingerprint, describe(results))
				}
				names[result.Fingerprint] = true
				if result.State == scanners.New {
					fresh[result.Fingerprint] = true
					perKey[key("gitleaks", result.Finding)]++
				}
			}
			for _, k := range known {
				name, _, _ := strings.Cut(k.Fingerprint, ":")
				knownPerKey[name]++
				if fresh[k.Fingerprint] {
					keptPerKey[name]++
				}
			}
			for k, n := range knownPerKey {
				if keptPerKey[k] != min(n, perKey[k]) {
					t.Errorf("%d known, %d new, %d kept: %q", n, perKey[k], keptPerKey[k], describe(results))
				}
			}
			if count(results, scanners.New)+count(results, scanners.Unchanged) != len(in.Head) ||
				count(results, scanners.Absent)+count(results, scanners.Unchanged) != len(in.Base) {
				t.Errorf("%d at the head, %d at the base: %q", len(in.Head), len(in.Base), describe(results))
			}
			again := Compare(gitleaks, Input{Head: in.Head, Base: in.Base, Known: shown(results)})
			if !reflect.DeepEqual(shown(again), shown(results)) {
				t.Errorf("again: %q\nfirst: %q", describe(again), describe(results))
			}
			known = shown(results)
		}
	})
}

// One of two equal findings is fixed: the other keeps its name.
func TestTheOneThatStaysKeepsItsName(t *testing.T) {
	forAll(t, func(t *testing.T, r *rand.Rand) {
		head := tree{"a": {}, "b": {}}
		for range 3 + r.IntN(5) {
			path := []string{"a", "b"}[r.IntN(2)]
			head[path] = append(head[path], "x", "x", "x", "Leak 1")
		}
		first := Compare(gitleaks, Input{Head: head.scan()})
		gone := first[r.IntN(len(first))]
		head[gone.Path][gone.Line-1] = "fixed"
		second := Compare(gitleaks, Input{Head: head.scan(), Known: shown(first)})
		want := slices.DeleteFunc(slices.Clone(first), func(r scanners.Result) bool { return r.Fingerprint == gone.Fingerprint })
		if !reflect.DeepEqual(second, want) {
			t.Errorf("got  %q\nwant %q", describe(second), describe(want))
		}
	})
}
