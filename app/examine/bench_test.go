package examine

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
)

// BenchmarkLargeChange examines a change that brings 400 files of 37 KB, once as the repository's own code and once as
// vendored code.
func BenchmarkLargeChange(b *testing.B) {
	for _, folder := range []string{"src", "vendor/example.com/lib"} {
		b.Run(folder, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			tree := files{}
			for i := range 400 {
				tree[fmt.Sprintf("%s/part%d/file%d.js", folder, i%20, i)] = program(r, 37<<10)
			}
			repo, commits := histories(b, []files{{"README": "x\n"}, tree})
			e := Examiner{Scanners: builtIn()}
			b.ResetTimer()
			for b.Loop() {
				ex, err := e.Examine(b.Context(), Change{Repo: repo, Base: commits[0], Head: commits[1]}, policy.Default(), nil, nil)
				if err != nil {
					b.Fatal(err)
				}
				for _, run := range ex.Runs {
					if run.Err != nil {
						b.Errorf("%s: %v", run.Scanner, scanners.Reason(run.Err))
					}
				}
			}
			b.SetBytes(400 * 37 << 10)
		})
	}
}

// program returns made-up source code of about n bytes. It has the words on which many rules for secrets begin.
func program(r *rand.Rand, n int) string {
	words := strings.Fields("token key api secret client password value config request response index buffer callback state node auth access session handler object")
	word := func() string { return words[r.IntN(len(words))] }
	var text strings.Builder
	for text.Len() < n {
		switch r.IntN(4) {
		case 0:
			fmt.Fprintf(&text, "function %s%d(%s, %s) {\n", word(), r.IntN(1000), word(), word())
		case 1:
			fmt.Fprintf(&text, "  if (%s.%s === %q) return this.%s[%d];\n", word(), word(), word(), word(), r.IntN(1000))
		case 2:
			fmt.Fprintf(&text, "  const %s = require(%q);\n", word(), "./"+word()+"/"+word())
		default:
			fmt.Fprintf(&text, "  %s.%s(%s.%s, () => %s + %d);\n}\n", word(), word(), word(), word(), word(), r.IntN(100))
		}
	}
	return text.String()
}
