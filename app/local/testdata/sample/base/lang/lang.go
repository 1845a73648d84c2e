// Package lang names languages.
package lang

import "golang.org/x/text/language"

// Of gives the language of a tag.
func Of(tag string) language.Tag {
	t, _ := language.Parse(tag)
	return t
}
