// Package lang names languages.
package lang

import "golang.org/x/text/language"

// English is the default.
var English = language.Make("en")

// Of gives the language of a tag.
func Of(tag string) language.Tag {
	return parse(tag)
}

func parse(tag string) language.Tag {
	t, _ := language.Parse(tag)
	return t
}
