package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// withoutQuestion are the topics that no checklist asks about.
var withoutQuestion = []string{"control", "exception", "design"}

// TestQuestions has a plain question for each topic.
func TestQuestions(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, topic := range design.Topics() {
		known[topic.Name] = true
		q := questions[topic.Name]
		if (q == "") != slices.Contains(withoutQuestion, topic.Name) {
			t.Errorf("%s: %q", topic.Name, q)
		}
		if q != "" && (!strings.HasSuffix(q, "?") || len(q) > 90) {
			t.Errorf("%s: %q is no short question", topic.Name, q)
		}
	}
	for name := range questions {
		if !known[name] {
			t.Errorf("%s is no topic", name)
		}
	}
	if got := checks.StickyName(state{}.text()); got != checks.PlanName {
		t.Errorf("the marker is that of %q", got)
	}
}

func TestReadEdit(t *testing.T) {
	t.Parallel()
	list := state{topics: []string{"access"}}.text()
	for name, c := range map[string]struct {
		edited string
		want   Edit
	}{
		"nothing":        {list, Edit{}},
		"other ends":     {strings.ReplaceAll(list, "\n", "\r\n") + "\n", Edit{}},
		"ticked":         {strings.Replace(list, "[ ] **tls**", "[X] **tls**", 1), Edit{Ticked: []string{"tls"}}},
		"unticked":       {strings.Replace(list, "[x]", "[ ]", 1), Edit{Unticked: []string{"access"}}},
		"a word":         {strings.Replace(list, "Who may call it", "Who calls it", 1), Edit{Text: true}},
		"a box less":     {strings.Replace(list, "- [ ] **tls**", "- **tls**", 1), Edit{Text: true}},
		"empty":          {"", Edit{Text: true}},
		"a box in a box": {strings.Replace(list, "- [ ] **tls**", "- [ ] - [x] **tls**", 1), Edit{Text: true}},
	} {
		if got := ReadEdit(list, c.edited); !slices.Equal(got.Ticked, c.want.Ticked) || !slices.Equal(got.Unticked, c.want.Unticked) || got.Text != c.want.Text {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzReadEdit(f *testing.F) {
	list := state{}.text()
	f.Add(list, strings.Replace(list, "[ ]", "[x]", 1))
	f.Add("- [ ] **access** · a\n", "- [x] **access** · a\r\n")
	f.Fuzz(func(t *testing.T, old, edited string) {
		e := ReadEdit(old, edited)
		if e.Text && len(e.Ticked)+len(e.Unticked) > 0 {
			t.Errorf("ticks beside another text: %+v", e)
		}
		for _, topic := range slices.Concat(e.Ticked, e.Unticked) {
			if questions[topic] == "" {
				t.Errorf("%q is no topic", topic)
			}
		}
		if back := ReadEdit(edited, old); back.Text != e.Text || !slices.Equal(back.Ticked, e.Unticked) || !slices.Equal(back.Unticked, e.Ticked) {
			t.Errorf("%+v, and back %+v", e, back)
		}
		if same := ReadEdit(old, old); same.Text || len(same.Ticked)+len(same.Unticked) > 0 {
			t.Errorf("no edit is %+v", same)
		}
	})
}
