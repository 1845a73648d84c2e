package apptest

import (
	"maps"
	"testing"

	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

func TestLeaks(t *testing.T) {
	t.Parallel()
	tree := Tree{"a.py": {"x = 1", Leak(7), "    " + Leak(7)}, "b.py": {Leak(12), "# key"}}
	if got, want := tree.Leaks(), map[int]int{7: 2, 12: 1}; !maps.Equal(got, want) {
		t.Errorf("the tree holds %v, want %v", got, want)
	}
	if LeakKey(7) == LeakKey(12) {
		t.Error("two leaks have the same key")
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	before := Tree{"same": {"a"}, "other": {"a", "b"}, "gone": {"a"}}
	after := before.Clone()
	delete(after, "gone")
	after["other"][1] = "c"
	after["new"] = []string{"d"}
	want := map[string]string{"gone": fakegithub.Delete, "other": "a\nc\n", "new": "d\n"}
	if got := after.Changes(before); !maps.Equal(got, want) {
		t.Errorf("the changes are %q, want %q", got, want)
	}
}
