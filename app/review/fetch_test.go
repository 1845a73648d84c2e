package review

import (
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/mirror"
)

// log reads "c:b b:a a" as commits with their parents; an exclamation mark is where the history is cut off.
func log(text string) (list []mirror.Commit) {
	for _, one := range strings.Fields(text) {
		sha, parents, _ := strings.Cut(one, ":")
		c := mirror.Commit{SHA: strings.TrimSuffix(sha, "!"), End: strings.HasSuffix(sha, "!")}
		if parents != "" {
			c.Parents = strings.Split(parents, ",")
		}
		list = append(list, c)
	}
	return list
}

// TestCommitsInBetween separates the commits of a pull request from those of its base.
func TestCommitsInBetween(t *testing.T) {
	for name, c := range map[string]struct {
		log, listed string
		straight    string
		all         bool
		after       string
	}{
		"one behind the other":          {"c:b b:a a:base", "", "a b c", true, "a b c"},
		"no history in common":          {"c:b b:a a", "", "a b c", true, "a b c"},
		"it ends too early":             {"c:b b!", "", "b c", false, "b c"},
		"a merge of the base":           {"d:c c:b,m b:a a:base m:n n:o", "a b c d", "c d", false, "a b c d"},
		"more than is listed":           {"e:d d:c,m c:b b:a a:base m:n n:o", "a b", "d e", false, "a b c d e"},
		"the head merges":               {"c:b,m b:base m:n n:o", "b c", "c", false, "b c"},
		"listed is not here":            {"e:d d:c,m c! m:n n:o", "a b", "d e", false, "a b d e"},
		"what the base has, among them": {"d:c,m m:n n:base c:b b:base", "b c d", "d", false, "b c d"},
	} {
		t.Run(name, func(t *testing.T) {
			got, all := straight(log(c.log), "base")
			if strings.Join(got, " ") != c.straight || all != c.all {
				t.Errorf("straight: %q %v, want %q %v", got, all, c.straight, c.all)
			}
			if got := after(log(c.log), strings.Fields(c.listed), got); !slices.Equal(got, strings.Fields(c.after)) {
				t.Errorf("after: %q, want %q", got, c.after)
			}
		})
	}
}
