// Package language stands for the real one, which is too large for a test.
package language

// A Tag is the name of a language.
type Tag struct{ name string }

// Parse reads a tag.
func Parse(s string) (Tag, error) { return Tag{s}, nil }

// ParseAcceptLanguage reads a header of a browser.
func ParseAcceptLanguage(s string) (tag []Tag, q []float32, err error) {
	return []Tag{{s}}, []float32{1}, nil
}
