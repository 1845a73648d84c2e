package checks

import (
	"fmt"
	"slices"
	"strings"
)

// maxUnowned is how many files without an owner the summary names.
const maxUnowned = 3

// unownedText says which files of findings nobody owns; empty if somebody owns all, or if that is not known. It is a
// line of the summary, which is edited in place: a pull request says it once.
func (in Input) unownedText(found []Finding) string {
	if in.Unowned == nil {
		return ""
	}
	var paths []string
	for _, f := range found {
		if !slices.Contains(paths, f.Path) && in.Unowned(f.Path) {
			paths = append(paths, f.Path)
		}
	}
	if len(paths) == 0 {
		return ""
	}
	slices.Sort(paths)
	var names []string
	for _, path := range paths[:min(len(paths), maxUnowned)] {
		names = append(names, Code(path))
	}
	more, them := "", "it"
	if n := len(paths) - maxUnowned; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	if len(paths) > 1 {
		them = "them"
	}
	return fmt.Sprintf("No owner: %s%s. Add %s to CODEOWNERS, or set `ownership.default`.", strings.Join(names, ", "), more, them)
}
