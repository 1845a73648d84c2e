package confined

import (
	"fmt"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
)

// A rawFinding is a finding on its way through a pipe. JSON cannot hold text that is not valid UTF-8, but paths and lines
// of a tree can be such text, and a finding's fingerprint depends on every byte.
type rawFinding struct {
	scanners.Finding
	Raw map[string][]byte `json:",omitempty"` // texts that are not valid UTF-8, by the names that exact uses
}

// exact calls do for each text of a finding that has to arrive as it is, with a name.
func exact(f *scanners.Finding, do func(name string, text *string)) {
	do("path", &f.Path)
	do("identity", &f.Identity)
	for i := range f.Extents {
		do(fmt.Sprint("extent ", i), &f.Extents[i].Of)
	}
	for i := range f.Flow {
		do(fmt.Sprint("step ", i), &f.Flow[i].Path)
	}
	for i := range f.Fixes {
		for j := range f.Fixes[i].Edits {
			do(fmt.Sprint("edit ", i, " ", j), &f.Fixes[i].Edits[j].Path)
		}
	}
	if f.Fact != nil {
		do("key", &f.Fact.Key)
	}
}

func rawFindings(found []scanners.Finding) []rawFinding {
	out := make([]rawFinding, len(found))
	for i, f := range found {
		out[i].Finding = f
		exact(&f, func(name string, text *string) {
			if !utf8.ValidString(*text) {
				if out[i].Raw == nil {
					out[i].Raw = map[string][]byte{}
				}
				out[i].Raw[name] = []byte(*text)
			}
		})
	}
	return out
}

func findings(raw []rawFinding) []scanners.Finding {
	var found []scanners.Finding
	for _, r := range raw {
		if len(r.Raw) > 0 {
			exact(&r.Finding, func(name string, text *string) {
				if b, ok := r.Raw[name]; ok {
					*text = string(b)
				}
			})
		}
		found = append(found, r.Finding)
	}
	return found
}
