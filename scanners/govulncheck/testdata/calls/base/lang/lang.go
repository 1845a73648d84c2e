// Package lang names languages.
package lang

import "golang.org/x/text/language"

// English is the default.
var English = language.Make("en")
