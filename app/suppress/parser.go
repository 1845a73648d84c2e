package suppress

import (
	"context"
	"unicode/utf8"
)

// A Parser reads an ignore file as [Entries] does. Several goroutines may use it at once.
type Parser func(ctx context.Context, file, text string) ([]Entry, error)

// library lists the ignore files that a library reads. The others have an entry on each line.
var library = []string{".trivyignore.yaml", ".snyk", "osv-scanner.toml", ".checkov.yaml", ".checkov.yml"}

// Possible reports whether entries that an untrusted process read can be those of a text.
func Possible(list []Entry, text string) bool {
	size := 0
	for _, e := range list {
		if e.Line < 0 || e.Line > len(text)+1 || e.At > len(text)+1 || e.At < 0 || len(e.Also) > 1 {
			return false
		}
		for _, s := range append([]string{e.Text, e.Tool, e.ID, e.Path, e.Write, e.End}, e.Also...) {
			if size += len(s); size > maxEntryTexts || !utf8.ValidString(s) {
				return false
			}
		}
	}
	return true
}

// maxEntryTexts bounds the texts of all entries of a file, in bytes: each is in the file, or short.
const maxEntryTexts = 64 * maxIgnoreFile
