package strictyaml_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/app/strictyaml/strictyamltest"
)

// A colour is one of the words that the files of these tests may say.
type colour string

// read reads a file with one key for each kind of value, and lists what it holds, each with its place.
func read(text string) (list []string, err error) {
	r := &strictyaml.Reader{File: "f.yml"}
	say := func(at strictyaml.Place, format string, args ...any) {
		list = append(list, fmt.Sprintf("%d:%d ", at.Line, at.Column)+fmt.Sprintf(format, args...))
	}
	err = r.Document([]byte(text), func(root strictyaml.Value) {
		r.Object(root, "the file", "`version: 1`", strictyaml.Fields{
			"version": r.Version,
			"title": func(v strictyaml.Value) {
				if s, ok := r.Text(v, "title", "\"A book\""); ok {
					say(v.Place, "title %s", s)
				}
			},
			"note": func(v strictyaml.Value) {
				if s, ok := r.Text(v, "note", ""); ok {
					say(v.Place, "note %s", s)
				}
			},
			"urgent": func(v strictyaml.Value) { say(v.Place, "urgent %v", r.Boolean(v, "urgent")) },
			"count":  func(v strictyaml.Value) { say(v.Place, "count %d", r.Integer(v, "count", 2, 9)) },
			"colour": func(v strictyaml.Value) {
				say(v.Place, "colour %s", strictyaml.OneOf(r, v, "colour", []colour{"red", "green", "blue"}))
			},
			"within": func(v strictyaml.Value) { r.Duration(v, "within"); say(v.Place, "within") },
			"paths": func(v strictyaml.Value) {
				r.Texts(v, "paths", "[src/**]", func(at strictyaml.Place, s string) { say(at, "path %s", s) })
			},
			"sizes": func(v strictyaml.Value) {
				ok := r.Each(v, "sizes", "{small: 3}", func(e strictyaml.Entry) {
					say(e.Place, "size %s", e.Key)
					say(e.Value.Place, "of %d", r.Integer(e.Value, "a size", 2, 9))
				})
				say(v.Place, "sizes %v", ok)
			},
			"boxes": func(v strictyaml.Value) { // mappings in a mapping, of any names
				r.Each(v, "boxes", "{a: {}}", func(e strictyaml.Entry) {
					r.Each(e.Value, "a box", "{}", func(strictyaml.Entry) {})
				})
			},
		})
	})
	return list, err
}

func TestEachKindOfValueIsReadWithItsPlace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"plain text":              {"title: A book\n", []string{"1:8 title A book"}},
		"text in quotes":          {"title: 'A: book'\n", []string{"1:8 title A: book"}},
		"text of several lines":   {"title: |\n  A\n  book\n", []string{"1:8 title A\nbook\n"}},
		"empty text":              {"title: \"\"\n", []string{"1:8 title "}},
		"true":                    {"urgent: true\n", []string{"1:9 urgent true"}},
		"false":                   {"urgent: false\n", []string{"1:9 urgent false"}},
		"the least number":        {"count: 2\n", []string{"1:8 count 2"}},
		"the largest number":      {"count: 9\n", []string{"1:8 count 9"}},
		"one of several words":    {"colour: blue\n", []string{"1:9 colour blue"}},
		"a time":                  {"within: 5m\n", []string{"1:9 within"}},
		"a list in brackets":      {"paths: [a, b]\n", []string{"1:9 path a", "1:12 path b"}},
		"a list with dashes":      {"paths:\n  - a\n  - b\n", []string{"2:5 path a", "3:5 path b"}},
		"an empty list":           {"paths: []\n", nil},
		"a mapping in braces":     {"sizes: {small: 3, large: 8}\n", []string{"1:9 size small", "1:16 of 3", "1:19 size large", "1:26 of 8", "1:8 sizes true"}},
		"a mapping of several":    {"sizes:\n  small: 3\n  large: 8\n", []string{"2:3 size small", "2:10 of 3", "3:3 size large", "3:10 of 8", "2:3 sizes true"}},
		"a mapping of one":        {"sizes:\n  small: 3\n", []string{"2:3 size small", "2:10 of 3", "2:3 sizes true"}},
		"an empty mapping":        {"sizes: {}\n", []string{"1:8 sizes true"}},
		"the order of the file":   {"count: 3\ntitle: b\nversion: 1\nnote: c\n", []string{"1:8 count 3", "2:8 title b", "4:7 note c"}},
		"a byte order mark":       {"\ufefftitle: b\n", []string{"1:8 title b"}},
		"lines that end as CRLF":  {"count: 3\r\ntitle: b\r\n", []string{"1:8 count 3", "2:8 title b"}},
		"a key in quotes":         {"\"title\": b\n", []string{"1:10 title b"}},
		"a quoted key in braces":  {"{\"title\":b}\n", []string{"1:10 title b"}},
		"a single quoted key too": {"{'title':b}\n", []string{"1:10 title b"}},
		"the whole file in one":   {"{title: b, count: 3}\n", []string{"1:9 title b", "1:19 count 3"}},
		"comments":                {"# first\ncount: 3 # the third\n# last\n", []string{"2:8 count 3"}},
		"a line before the file":  {"---\ncount: 3\n", []string{"2:8 count 3"}},
		"a comment before a line": {"# first\n---\ncount: 3\n", []string{"3:8 count 3"}},
		"a tab behind text":       {"count: 3\t# c\ntitle: b\n", []string{"1:8 count 3", "2:8 title b"}},
		"a tab in an empty line":  {"count: 3\n\t\ntitle: b\n", []string{"1:8 count 3", "3:8 title b"}},
		"columns are characters":  {"{title: öäü, count: 3}\n", []string{"1:9 title öäü", "1:21 count 3"}},
		"a replacement character": {"title: a\ufffdb\n", []string{"1:8 title a\ufffdb"}},
		"two stars in quotes":     {"paths: ['**', \"*\"]\n", []string{"1:9 path **", "1:15 path *"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := read(tt.text)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%q\ngot  %q, %v\nwant %q", tt.text, got, err, tt.want)
			}
		})
	}
}

func TestMistakesAreReportedAtTheirPlace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		// Values of another kind than the wanted one.
		"a number for text":            {"title: 5", `1:8: title must be text such as "A book", not the number 5`},
		"a number where all text does": {"note: 5", "1:7: note must be text, not the number 5"},
		"a list for text":              {"title: [a]", `1:8: title must be text such as "A book", not a list`},
		"a mapping for text":           {"title: {a: b}", `1:8: title must be text such as "A book", not a mapping`},
		"a mapping of one for text":    {"title:\n  a: b", `2:3: title must be text such as "A book", not a mapping`},
		"a mapping of two for text":    {"title:\n  a: b\n  c: d", `2:3: title must be text such as "A book", not a mapping`},
		"a truth for text":             {"title: true", `1:8: title must be text such as "A book", not true`},
		"nothing for text":             {"title:\nnote: a", `1:1: title must be text such as "A book"; nothing is written here`},
		"null for text":                {"title: null", `1:1: title must be text such as "A book"; nothing is written here`},
		"infinity for text":            {"title: .inf", `1:8: title must be text such as "A book", not the number .inf`},
		"no number for text":           {"title: .nan", `1:8: title must be text such as "A book", not the number .nan`},
		"text for a truth":             {"urgent: 'yes'", `1:9: urgent must be true or false, not the text "yes"`},
		"text of lines for a truth":    {"urgent: |\n  yes", `1:9: urgent must be true or false, not the text "yes"`},
		"text for a number":            {"count: many", `1:8: count must be a number from 2 to 9, not the text "many"`},
		"a fraction for a number":      {"count: 2.5", "1:8: count must be a number from 2 to 9, not the number 2.5"},
		"too small a number":           {"count: 1", "1:8: count must be from 2 to 9, not 1"},
		"too large a number":           {"count: 10", "1:8: count must be from 2 to 9, not 10"},
		"a number beyond all numbers":  {"count: 18446744073709551615", "1:8: count must be from 2 to 9, not 18446744073709551615"},
		"nothing for a number":         {"count:", "1:1: count must be a number from 2 to 9; nothing is written here"},
		"a word nearly right":          {"colour: grene", `1:9: unknown colour "grene", did you mean "green"?`},
		"another word":                 {"colour: magenta", `1:9: unknown colour "magenta"; known here: red, green and blue`},
		"a list for a word":            {"colour: [red]", "1:9: colour must be one of red, green and blue, not a list"},
		"a number for a time":          {"within: 5", "1:9: within must be text such as 60s, not the number 5"},
		"no time":                      {"within: soon", `1:9: within must be a time such as 60s or 5m, not "soon"`},
		"no time at all":               {"within: 0s", `1:9: within must be a time such as 60s or 5m, not "0s"`},
		"time that runs backwards":     {"within: -5s", `1:9: within must be a time such as 60s or 5m, not "-5s"`},
		"text for a list":              {"paths: a", `1:8: paths must be a list such as [src/**], not the text "a"`},
		"nothing for a list":           {"paths:", "1:1: paths must be a list such as [src/**]; nothing is written here"},
		"a number in a list":           {"paths: [a, 5]", "1:12: each element of paths must be text, not the number 5"},
		"nothing in a list":            {"paths:\n  - a\n  -\n  - c", "3:3: each element of paths must be text; nothing is written here"},
		"null in a list in brackets":   {"paths: [a, null]", "1:10: each element of paths must be text; nothing is written here"},
		"a list for a mapping":         {"sizes: [a]", "1:8: sizes must be a mapping such as {small: 3}, not a list"},
		"nothing for a mapping":        {"sizes:", "1:1: sizes must be a mapping such as {small: 3}; nothing is written here"},
		"text for a value of one":      {"sizes: {small: a}", `1:16: a size must be a number from 2 to 9, not the text "a"`},
		"nothing for a value of one":   {"sizes:\n  small:\n", "2:3: a size must be a number from 2 to 9; nothing is written here"},
		"text for the file":            {"title", "1:1: the file must be a mapping such as `version: 1`, not the text \"title\""},
		"a list for the file":          {"- a\n- b", "1:1: the file must be a mapping such as `version: 1`, not a list"},

		// Keys.
		"an unknown key":            {"colur: red", `1:1: unknown key "colur", did you mean "colour"?`},
		"an unknown key of its own": {"version: 1\nfrobnicate: 2", `2:1: unknown key "frobnicate"; known here: boxes, colour, count, note, paths, sizes, title, urgent, version and within`},
		"a key that is there twice": {"count: 3\ntitle: b\ncount: 4", `3:1: "count" is there already in line 1; remove one of them`},
		"the same key in quotes":    {"sizes: {a: 3, \"a\": 4}", `1:15: "a" is there already in line 1; remove one of them`},
		"a list for a key":          {"sizes:\n  [a]: 3", "2:6: a key must be plain text"},
		"a mapping for a key":       {"sizes:\n  {a: b}: 3", "2:9: a key must be plain text"},

		// The version.
		"another version":       {"version: 2", "1:10: version 2 is not known here; write `version: 1`"},
		"a version in quotes":   {"version: '1'", `1:10: version must be the number 1, not the text "1"`},
		"a version of nothing":  {"version:", "1:1: version must be the number 1; nothing is written here"},
		"a fraction of version": {"version: 1.0", "1:10: version must be the number 1, not the number 1.0"},

		// The file as a whole.
		"an empty file":              {"", "1:1: the file is empty; delete it or write `version: 1`"},
		"only comments":              {"# a\n# b\n", "1:1: the file is empty; delete it or write `version: 1`"},
		"only one comment":           {"# a\n", "1:1: the file is empty; delete it or write `version: 1`"},
		"only the line before":       {"---\n", "1:1: the file is empty; delete it or write `version: 1`"},
		"two documents":              {"count: 3\n---\ncount: 3\n", "2:1: remove this line and what follows; the file must be one YAML document"},
		"two lines before":           {"---\n---\ncount: 3\n", "2:1: remove this line and what follows; the file must be one YAML document"},
		"the end of a document":      {"count: 3\n...\n", "2:1: remove this line and what follows; the file must be one YAML document"},
		"the end at the beginning":   {"...\ncount: 3\n", "1:1: remove this line and what follows; the file must be one YAML document"},
		"a list that ends the file":  {"paths: [", "1:8: this bracket is never closed; add the closing one"},
		"several, in order of place": {"sizes: {a: 1, b: 'x'}\ncount: 1\nurgent: 3", "1:12: a size must be from 2 to 9, not 1\nf.yml:1:18: a size must be a number from 2 to 9, not the text \"x\"\nf.yml:2:8: count must be from 2 to 9, not 1\nf.yml:3:9: urgent must be true or false, not the number 3"},

		// What an editor does not show.
		"not UTF-8":                 {"count: 3\ntitle: a\xffb\xff\n", "2:9: this is not UTF-8 text; save the file as UTF-8"},
		"UTF-16":                    {"\xff\xfec\x00o\x00", "1:1: this is not UTF-8 text; save the file as UTF-8"},
		"a control character":       {"title: ab\x00c\n", "1:10: there is a control character (U+0000) here; remove it"},
		"an escape, and another":    {"title: \x1b\nnote: \x07\n", "1:8: there is a control character (U+001B) here; remove it\nf.yml:2:7: there is a control character (U+0007) here; remove it"},
		"a lone carriage return":    {"count: 3\rtitle: b\n", "1:9: there is a control character (U+000D) here; remove it"},
		"a tab that indents":        {"sizes:\n\tsmall: 3\n", "2:1: a tab cannot indent YAML; use spaces"},
		"a tab behind spaces":       {"sizes:\n  \tsmall: 3\n", "2:3: a tab cannot indent YAML; use spaces"},
		"tabs are reported once":    {"sizes:\n\t\tsmall: 3\n\tlarge: 3\n", "2:1: a tab cannot indent YAML; use spaces\nf.yml:3:1: a tab cannot indent YAML; use spaces"},
		"a control behind the text": {"title: 'öä\x7f'\n", "1:11: there is a control character (U+007F) here; remove it"},

		// Parts of YAML that are not taken.
		"an anchor":             {"title: &a b\n", "1:8: put quotes around text that begins with &; YAML anchors are not taken here"},
		"an alias":              {"title: *a\n", "1:8: put quotes around text that begins with *; YAML aliases are not taken here"},
		"two stars":             {"paths: [**]\n", "1:9: put quotes around text that begins with *; YAML aliases are not taken here"},
		"two aliases":           {"paths: [*a, *b]\n", "1:9: put quotes around text that begins with *; YAML aliases are not taken here\nf.yml:1:13: put quotes around text that begins with *; YAML aliases are not taken here"},
		"a tag":                 {"title: !a b\n", "1:8: put quotes around text that begins with !; YAML tags are not taken here"},
		"a merge key":           {"sizes:\n  <<: 3\n", "2:3: write the keys out; YAML merge keys (<<) are not taken here"},
		"an explicit key":       {"? title\n: b\n", "1:1: write the key without ?; keys are plain text here"},
		"a directive":           {"%YAML 1.2\n---\ncount: 3\n", "1:1: remove this line; YAML directives (%) are not taken here"},
		"no space in braces":    {"sizes: {small:3}\n", "1:14: put a space after the colon"},
		"no space after a word": {"sizes: {a:b, 'c': 3}\n", "1:10: put a space after the colon"},

		// What is no YAML.
		"an at sign":                {"title: @a\n", "1:8: put quotes around text that begins with @ or `"},
		"a quote that stays open":   {"title: \"a\n", "1:8: this quote is never closed; add the closing quote"},
		"a list that stays open":    {"paths: [a\ncount: 3\n", "2:1: a bracket is not closed above, or a comma is missing; add it"},
		"a brace that stays open":   {"sizes: {\n", "1:8: this bracket is never closed; add the closing one"},
		"two colons in one line":    {"title: a: b\n", "1:8: there is a second colon in this line; put quotes around the text or begin a new line"},
		"an odd indentation":        {"sizes:\n  a:\n      b: 3\n    c: 3\n", "4:5: this does not fit what is before it; check the indentation, the colons, and quotes around text that begins with { or ["},
		"a key without a colon":     {"count: 3\nsizes\n  small: 3\n", "2:1: a key needs a colon and a space after it; check this line and the next"},
		"a last key without one":    {"count: 3\ntitle\n", "2:1: a key needs a colon and a space after it; check this line and the next"},
		"a bracket that opens not":  {"paths: ]\n", "1:8: this bracket was never opened; remove it or put quotes around the text"},
		"a list behind its key":     {"paths: - a\n", "1:8: begin the list on its own line, or write it in brackets"},
		"something else altogether": {"title: \"\\q\"\n", "1:10: this is not valid YAML (found unknown escape character 'q')"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(tt.text)
			got := ""
			if err != nil {
				strictyamltest.CheckProblems(t, []byte(tt.text), err)
				got = strings.TrimPrefix(err.Error(), "f.yml:")
			}
			if got != tt.want {
				t.Errorf("%q\ngot  %s\nwant %s", tt.text, got, tt.want)
			}
		})
	}
}

// TestNothingIsReadOfAFileThatIsNotYAML: the reader of a file sees all of it or nothing.
func TestNothingIsReadOfAFileThatIsNotYAML(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"count: 3\n\ttitle: b\n", "count: 3\ntitle: *b\n", "count: 3\ntitle: 'b\n", "count: 3\n---\ntitle: b\n"} {
		if got, err := read(text); err == nil || got != nil {
			t.Errorf("%q: read %q, %v", text, got, err)
		}
	}
}

// TestWhatIsWrongIsNotRead: the second of two equal keys, and a mapping that is none.
func TestWhatIsWrongIsNotRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"title: a\ntitle: b\n":         {"1:8 title a"},
		"sizes: {a: 3, a: 4}\n":        {"1:9 size a", "1:12 of 3", "1:8 sizes true"},
		"sizes: [a]\n":                 {"1:8 sizes false"},
		"urgent: 5\n":                  {"1:9 urgent false"},
		"paths: [a, 5, c]\ntitle: 5\n": {"1:9 path a", "1:15 path c"},
	} {
		if got, err := read(text); err == nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestGlobs(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", strictyaml.MaxGlob)
	for glob, want := range map[string]string{
		"src/**":                            "",
		"**/*.{js,ts}":                      "",
		"a.b/..c":                           "",
		"src!":                              "",
		"a,b":                               "",
		long:                                "",
		"{a,b}{c,d}{e,f}":                   "",
		strings.Repeat(",", 31):             "",
		"{" + long[:30] + "}":               "",
		"{" + strings.Repeat(",", 30) + "}": "",

		"":                                  "the pattern is empty; remove it",
		long + "a":                          "the pattern is longer than 256 characters; make it shorter",
		"{a,b}{c,d}{e,f}{g,h}":              "the pattern has too many alternatives in braces; write several patterns instead",
		"{" + strings.Repeat(",", 31) + "}": "the pattern has too many alternatives in braces; write several patterns instead",
		"!src":                              "a pattern cannot begin with !; list only what it should match",
		"/src/a":                            `write the pattern "/src/a" without the leading /`,
		"./src/a":                           `write the pattern "./src/a" without the leading ./`,
		"src/":                              `write "src/**" to match all that is in the folder`,
		"a/../b":                            `the pattern "a/../b" cannot match; write it without . and ..`,
		"a/./b":                             `the pattern "a/./b" cannot match; write it without . and ..`,
		"src/[a":                            `the pattern "src/[a" is not complete; close its brackets or put \ before them`,
		"src/{a,b":                          `the pattern "src/{a,b" is not complete; close its brackets or put \ before them`,
	} {
		r := &strictyaml.Reader{File: "f.yml"}
		ok := r.Glob(strictyaml.Place{Line: 3, Column: 4}, glob)
		var problems []string
		for _, p := range r.Problems {
			problems = append(problems, p.String())
		}
		wanted := []string{"f.yml:3:4: " + want}
		if want == "" {
			wanted = nil
		}
		if ok != (want == "") || !slices.Equal(problems, wanted) {
			t.Errorf("%.40q: %v, %q, want %q", glob, ok, problems, wanted)
		}
	}
}

// numbered repeats a text with a number in it.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestLimits holds what keeps a small file from taking long.
func TestLimits(t *testing.T) {
	t.Parallel()
	deep := "1:28: this is nested too deeply; nothing here needs more than a few levels"
	for name, tt := range map[string]struct{ text, want string }{
		"the largest file":           {"count: 3\n#" + strings.Repeat("x", 256<<10-10), ""},
		"a file larger by one byte":  {"count: 3\n#" + strings.Repeat("x", 256<<10-9), "1:1: the file is larger than 256 KiB; make it smaller"},
		"a large file that is wrong": {strings.Repeat("\x00", 256<<10+1), "1:1: the file is larger than 256 KiB; make it smaller"},
		"the most entries":           {"paths: [" + strings.Repeat("a,", 9_998) + "]", ""},
		"one entry more":             {"paths: [" + strings.Repeat("a,", 9_998) + "a]", "1:20006: the file has too many entries; make it smaller"},
		"comments are no entries":    {strings.Repeat("#\n", 30_000) + "count: 3", ""},
		"twenty lists in lists":      {"paths: " + strings.Repeat("[", 20) + strings.Repeat("]", 20), "1:9: each element of paths must be text, not a list"},
		"one list more":              {"paths: " + strings.Repeat("[", 21) + strings.Repeat("]", 21), deep},
		"lists without an end":       {"paths: " + strings.Repeat("[", 200_000), deep},
		"twenty mappings":            {"sizes: " + strings.Repeat("{a: ", 20) + "1" + strings.Repeat("}", 20), "1:12: a size must be a number from 2 to 9, not a mapping"},
		"one mapping more":           {"sizes: " + strings.Repeat("{a: ", 21) + "1" + strings.Repeat("}", 21), "1:88: this is nested too deeply; nothing here needs more than a few levels"},
		"lists beside each other":    {"boxes: {" + numbered("k%d: {}, ", 30) + "}", ""},
		"twenty dashes in one line":  {"paths:\n " + strings.Repeat("- ", 20) + "a", "2:4: each element of paths must be text, not a list"},
		"one dash more":              {"paths:\n " + strings.Repeat("- ", 21) + "a", "2:42: this is nested too deeply; nothing here needs more than a few levels"},
		"dashes without an end":      {strings.Repeat("- ", 100_000), "1:41: this is nested too deeply; nothing here needs more than a few levels"},
		"many keys":                  {"count: 3\n" + strings.Repeat("a: 1\n", 7000), "6667:4: the file has too many entries; make it smaller"},
		"thirty lines with dashes":   {"paths:\n" + strings.Repeat("- a\n", 30), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(tt.text)
			got := ""
			if err != nil {
				strictyamltest.CheckProblems(t, []byte(tt.text), err)
				got = strings.TrimPrefix(err.Error(), "f.yml:")
			}
			if got != tt.want {
				t.Errorf("got  %.300s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestALongListOfMistakesIsCut: nobody reads more than a hundred, and the last says how many are missing.
func TestALongListOfMistakesIsCut(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		100: `f.yml:101:1: unknown key "zzzzz99"`,
		101: "f.yml:101:1: from here on there are 2 more problems; fix the ones above first",
		250: "f.yml:101:1: from here on there are 151 more problems; fix the ones above first",
	} {
		_, err := read("version: 1\n" + numbered("zzzzz%d: 1\n", n))
		strictyamltest.CheckProblems(t, []byte(strings.Repeat(strings.Repeat("x", 10)+"\n", n+1)), err)
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != 100 || !strings.HasPrefix(lines[99], want) {
			t.Errorf("%d mistakes: %d lines, the last is %q", n, len(lines), lines[len(lines)-1])
		}
	}
}

// TestPlacesStayInsideTheFile: an annotation elsewhere would be refused.
func TestPlacesStayInsideTheFile(t *testing.T) {
	t.Parallel()
	r := &strictyaml.Reader{File: "f.yml"}
	err := r.Document([]byte("count: 3\ntitle: ö\n"), func(strictyaml.Value) {
		for _, at := range []strictyaml.Place{{9, 9}, {2, 10}, {2, 9}, {0, 0}, {-1, 5}, {1, 2}} {
			r.Problem(at, "%d:%d", at.Line, at.Column)
		}
	})
	const want = "f.yml:1:1: 0:0\nf.yml:1:2: 1:2\nf.yml:1:5: -1:5\nf.yml:2:9: 2:10\nf.yml:2:9: 2:9\nf.yml:3:1: 9:9"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// TestQuotedTextIsShortAndPrintable: a message goes to logs and to pages.
func TestQuotedTextIsShortAndPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a":                          `"a"`,
		"":                           `""`,
		"a\nb\x1b\u202e":             `"a\nb\x1b\u202e"`,
		strings.Repeat("ö", 40):      `"` + strings.Repeat("ö", 40) + `"`,
		strings.Repeat("ö", 41):      `"` + strings.Repeat("ö", 39) + `…"`,
		strings.Repeat("\x00", 1000): `"` + strings.Repeat(`\x00`, 39) + `…"`,
	} {
		if got := strictyaml.Quote(text); got != want {
			t.Errorf("%.50q is quoted as %s, want %s", text, got, want)
		}
	}
}

func TestWordsOfAList(t *testing.T) {
	t.Parallel()
	for want, words := range map[string][]string{"": nil, "a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := strictyaml.List(words, "or"); got != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	known := []string{"secrets", "code", "off", "comment"}
	for word, want := range map[string]string{
		"secret": "secrets", "SECRETS": "secrets", "scerets": "secrets", "cod": "code", "on": "", "of": "off",
		"commemt": "comment", "sexxxts": "", "kode": "code", "coe": "code", "comode": "code", "": "", "x": "", "requirements": "", strings.Repeat("c", 100_000): "",
	} {
		if want != "" {
			want = fmt.Sprintf(", did you mean %q?", want)
		}
		if got := strictyaml.DidYouMean(word, known); got != want {
			t.Errorf("%.20q: %q, want %q", word, got, want)
		}
	}
}
