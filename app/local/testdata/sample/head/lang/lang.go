// Package lang names languages.
package lang

import "golang.org/x/text/language"

// Wanted gives the languages that a browser asks for.
func Wanted(header string) []language.Tag {
	tags, _, _ := language.ParseAcceptLanguage(header)
	return tags
}

// Of gives the language of a tag.
func Of(tag string) language.Tag {
	t, _ := language.Parse(tag)
	return t
}
