package design

import (
	"regexp"
	"sync"
)

// A lazyRegexp is a regular expression that is compiled when it is first used. There are hundreds of them, and the
// program also starts for what needs none: once for each scanner in a sandbox. A lazyRegexp may be used by several
// goroutines at once. A text that does not compile panics, so a test compiles all.
type lazyRegexp struct {
	text     string
	compiled func() *regexp.Regexp
}

// rex returns the lazyRegexp of a text in the syntax of package regexp.
func rex(text string) *lazyRegexp {
	return &lazyRegexp{text, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
}

func (l *lazyRegexp) Find(b []byte) []byte                   { return l.compiled().Find(b) }
func (l *lazyRegexp) FindAllIndex(b []byte, n int) [][]int   { return l.compiled().FindAllIndex(b, n) }
func (l *lazyRegexp) FindAllString(s string, n int) []string { return l.compiled().FindAllString(s, n) }
func (l *lazyRegexp) FindAllStringSubmatch(s string, n int) [][]string {
	return l.compiled().FindAllStringSubmatch(s, n)
}
func (l *lazyRegexp) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return l.compiled().FindAllStringSubmatchIndex(s, n)
}
func (l *lazyRegexp) FindAllSubmatch(b []byte, n int) [][][]byte {
	return l.compiled().FindAllSubmatch(b, n)
}
func (l *lazyRegexp) FindAllSubmatchIndex(b []byte, n int) [][]int {
	return l.compiled().FindAllSubmatchIndex(b, n)
}
func (l *lazyRegexp) FindIndex(b []byte) []int             { return l.compiled().FindIndex(b) }
func (l *lazyRegexp) FindString(s string) string           { return l.compiled().FindString(s) }
func (l *lazyRegexp) FindStringIndex(s string) []int       { return l.compiled().FindStringIndex(s) }
func (l *lazyRegexp) FindStringSubmatch(s string) []string { return l.compiled().FindStringSubmatch(s) }
func (l *lazyRegexp) FindStringSubmatchIndex(s string) []int {
	return l.compiled().FindStringSubmatchIndex(s)
}
func (l *lazyRegexp) FindSubmatch(b []byte) [][]byte     { return l.compiled().FindSubmatch(b) }
func (l *lazyRegexp) FindSubmatchIndex(b []byte) []int   { return l.compiled().FindSubmatchIndex(b) }
func (l *lazyRegexp) Match(b []byte) bool                { return l.compiled().Match(b) }
func (l *lazyRegexp) MatchString(s string) bool          { return l.compiled().MatchString(s) }
func (l *lazyRegexp) ReplaceAll(src, repl []byte) []byte { return l.compiled().ReplaceAll(src, repl) }
func (l *lazyRegexp) ReplaceAllFunc(src []byte, repl func([]byte) []byte) []byte {
	return l.compiled().ReplaceAllFunc(src, repl)
}
func (l *lazyRegexp) ReplaceAllString(src, repl string) string {
	return l.compiled().ReplaceAllString(src, repl)
}
func (l *lazyRegexp) ReplaceAllStringFunc(src string, repl func(string) string) string {
	return l.compiled().ReplaceAllStringFunc(src, repl)
}
func (l *lazyRegexp) Split(s string, n int) []string { return l.compiled().Split(s, n) }
func (l *lazyRegexp) SubexpIndex(name string) int    { return l.compiled().SubexpIndex(name) }
func (l *lazyRegexp) SubexpNames() []string          { return l.compiled().SubexpNames() }

// String returns the text, without compiling it.
func (l *lazyRegexp) String() string { return l.text }
