package catalog

import (
	"regexp"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
)

// TestEveryAdapterSaysHowItIsSilenced checks that each adapter names its markers and ignore files, or says why there
// are none, and that each marker can be found: its patterns compile, and its words are in lower case.
func TestEveryAdapterSaysHowItIsSilenced(t *testing.T) {
	t.Parallel()
	for _, s := range All(Options{}) {
		info := s.Info()
		has := info.Suppressions
		if some := len(has.Markers)+len(has.Files) > 0; some == (has.None != "") {
			t.Errorf("%s: say in Info.Suppressions with which markers or files the tree could silence it, or in None why there are none", info.Name)
		}
		for _, glob := range has.Files {
			if !doublestar.ValidatePattern(glob) {
				t.Errorf("%s: %q is no glob", info.Name, glob)
			}
		}
		for _, m := range has.Markers {
			pattern, err := regexp.Compile(m.Pattern)
			if err != nil || pattern.NumSubexp() != 3 {
				t.Errorf("%s: %q: %v; it has to have three groups", info.Name, m.Pattern, err)
			}
			for _, other := range []string{m.Prose, m.Rules, m.Wide} {
				if _, err := regexp.Compile(other); err != nil {
					t.Errorf("%s: %q: %v", info.Name, other, err)
				}
			}
			if len(m.Words) == 0 {
				t.Errorf("%s: %q has no words", info.Name, m.Pattern)
			}
			for _, word := range m.Words {
				if word == "" || word != strings.ToLower(word) {
					t.Errorf("%s: %q is no word in lower case", info.Name, word)
				}
			}
			if m.Form != "" && strings.Count(m.Form, "%s") != 1 {
				t.Errorf("%s: the form %q has no place for rules", info.Name, m.Form)
			}
		}
	}
}
