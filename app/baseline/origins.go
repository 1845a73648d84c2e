package baseline

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Origins corrects git's renames by the names of the files. Git compares the text alone, and so would let files change
// places: of two folders that were renamed at once, git takes for dev the file with the text that dev had. Origins
// pairs an added file with the removed file whose name is most alike, if half of their lines are alike. Everything else
// is as git says. The files of each end are by path, with nil if the text is not known.
func Origins(head, base map[string][]byte, renames map[string]string) map[string]string {
	left := map[string][]string{} // words of the paths
	byName := map[string][]string{}
	for p := range base {
		if _, stays := head[p]; !stays {
			left[p] = pathWords(p)
			name := p[strings.LastIndexByte(p, '/')+1:]
			byName[name] = append(byName[name], p)
		}
	}
	// If there are too many names to compare, only files of one name are compared.
	const most, bytesPerLine = maxEffort * 10, 16
	all, words := slices.Sorted(maps.Keys(left)), 0
	for _, list := range left {
		words += len(list)
	}
	names := 0 // words that were compared
	type option struct {
		now, was string
		alike    float64
		git      bool
	}
	var options []option
	changed, work := false, &effort{}
	for _, now := range slices.Sorted(maps.Keys(renames)) {
		git, mine := renames[now], pathWords(now)
		best := option{now, git, dice(mine, pathWords(git)), true}
		options = append(options, best)
		candidates := all
		if words*len(renames) > most {
			candidates = byName[now[strings.LastIndexByte(now, '/')+1:]]
		}
		for _, was := range candidates {
			if names += len(mine) + len(left[was]); names > most {
				break
			}
			score := dice(mine, left[was])
			if score <= best.alike || head[now] == nil || base[was] == nil || !work.spend((len(head[now])+len(base[was]))/bytesPerLine) {
				continue
			}
			if alike(meaningful(base[was]), meaningful(head[now])) {
				options, changed = append(options, option{now, was, score, false}), true
			}
		}
	}
	if !changed {
		return renames
	}
	slices.SortStableFunc(options, func(a, b option) int {
		switch {
		case a.alike != b.alike:
			return cmp.Compare(b.alike, a.alike)
		case a.git != b.git && a.git:
			return -1
		case a.git != b.git:
			return 1
		}
		return cmp.Or(cmp.Compare(a.now, b.now), cmp.Compare(a.was, b.was))
	})
	out, taken := map[string]string{}, map[string]bool{}
	for _, o := range options {
		if _, done := out[o.now]; !done && !taken[o.was] {
			out[o.now], taken[o.was] = o.was, true
		}
	}
	return out
}

// pathWords returns the words of a path.
func pathWords(path string) []string {
	return strings.FieldsFunc(strings.ToLower(path), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// dice returns how alike two lists are, from 0 to 1.
func dice(a, b []string) float64 {
	if len(a)+len(b) == 0 {
		return 0
	}
	return 2 * float64(common(a, b)) / float64(len(a)+len(b))
}

// meaningful returns the lines of a text that have a letter or a digit.
func meaningful(text []byte) (lines []string) {
	for line := range strings.Lines(string(text)) {
		if line = squeeze(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
