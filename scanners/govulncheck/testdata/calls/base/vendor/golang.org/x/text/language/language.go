// Package language stands for the real one, which is too large for a test.
package language

// A Tag is the name of a language.
type Tag struct{ name string }

// Parse reads a tag.
func Parse(s string) (Tag, error) { return Tag{s}, nil }

// Make reads a tag that is known to be right.
func Make(s string) Tag { return Tag{s} }
