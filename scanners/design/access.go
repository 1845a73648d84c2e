package design

import (
	"bytes"
	"slices"
	"sort"
	"strings"
	"sync"
)

// accessDetectors find the facts of this group: who gets in, what they may do, and what runs with their input.
var accessDetectors = []detector{goSinks, accessFacts}

// accessFacts reads one file for all parts of the group that are no Go.
func accessFacts(s *source) {
	v := &sinkView{source: s}
	v.sinks()
	v.roles()
	v.policies()
	v.browser()
	v.evidence()
	v.controlled()
}

// A sinkView is a file as patterns read it. All its texts have the same offsets and lines.
type sinkView struct {
	*source
	bareCode []byte // see skeleton
	starts   []int  // of lines
	known    map[*sinkSafety]bool
	searched map[string]bool // keys of first uses, which count once in a file
}

// skeleton returns the code with blanks in place of the content of its strings.
func (v *sinkView) skeleton() []byte {
	if v.bareCode == nil {
		v.bareCode = withoutStrings(v.code(), v.language)
	}
	return v.bareCode
}

// at returns the line of an offset, from 1. It is not ok on a line that is too long.
func (v *sinkView) at(offset int) (line int, ok bool) {
	if v.starts == nil {
		v.starts = []int{0}
		for i, b := range v.text {
			if b == '\n' {
				v.starts = append(v.starts, i+1)
			}
		}
	}
	line = sort.SearchInts(v.starts, offset+1)
	end := len(v.text)
	if line < len(v.starts) {
		end = v.starts[line]
	}
	return line, end-v.starts[line-1] <= maxSinkLine
}

const (
	// maxSinkLine is the length of the longest line that is read, in bytes: a longer one is data, or minified.
	maxSinkLine = 4000

	// maxSinks bounds the facts of one pattern in one file: more are a table, and no decisions.
	maxSinks = 200

	// sinkChunk is how much is read at once, in bytes. A pattern may look to the end of it for each match.
	sinkChunk = 64 << 10

	// maxSinkCall is how much of a call is read, in bytes.
	maxSinkCall = 2000
)

// withoutStrings returns code with blanks in place of the content of its strings.
func withoutStrings(code []byte, l language) []byte {
	rule, ok := syntaxes[l]
	if !ok {
		return code
	}
	out := bytes.Clone(code)
	for i := 0; i < len(code); {
		end, _ := rule.token(code, i)
		for j := i + 1; j < end-1; j++ {
			if out[j] != '\n' && out[j] != '\r' {
				out[j] = ' '
			}
		}
		i = end
	}
	return out
}

// call returns the code from an offset to the end of the brackets that open next; the rest of the line if none do. A
// statement goes on to its semicolon.
func (v *sinkView) call(start, from int, statement bool) string {
	depth, bare := 0, v.skeleton()
	end := min(len(bare), start+maxSinkCall)
	for i := from; i < end; i++ {
		switch bare[i] {
		case '(', '{', '[':
			depth++
		case ')', '}', ']':
			if depth--; depth < 0 || depth == 0 && !statement {
				return string(v.code()[start : i+1])
			}
		case ';':
			if depth <= 0 {
				return string(v.code()[start:i])
			}
		case '\n':
			if depth == 0 && !statement {
				return string(v.code()[start:i])
			}
		}
	}
	return string(v.code()[start:end])
}

// A sink is a place where a language calls what a signal is about.
type sink struct {
	rule  string
	in    []language
	words []string // one of them is in each file with the sink; it makes other files cheap
	re    *lazyRegexp

	// strings makes the pattern match in strings, too. Otherwise it sees none of their contents.
	strings bool

	imports *lazyRegexp // of the code; nil for no condition
	unless  *lazyRegexp // of the code; nil for no condition
	path    *lazyRegexp // nil for no condition
	notPath *lazyRegexp // nil for no condition

	name      string      // the key; empty for the first named group with text, or the match
	arg       *lazyRegexp // of the call: its first group is added to the key
	prefix    string      // of the key
	statement bool        // the call goes on to its semicolon
	skip      *lazyRegexp // of the call: it is no fact
	onlyIf    *lazyRegexp // of the call: other ones are no fact
	safe      []sinkSafety
	once      bool // at most one fact in a file
	search    bool // the base's files are searched for what makes the key
	quoted    bool // with its quotes
}

// A sinkSafety is evidence in a call, or in the whole file, that answers the question.
type sinkSafety struct {
	all  []*lazyRegexp
	file bool
	says string
}

// languageSinks are the sinks of each language. They are compiled at the first use.
var languageSinks = sync.OnceValue(func() map[language][]sink {
	all := map[language][]sink{}
	for _, k := range slices.Concat(identitySinks(), loginSinks(), tokenSinks(), cookieSinks(), passwordSinks(), uploadSinks(),
		archiveSinks(), modelSinks(), jobSinks(), processSinks(), objectSinks(), evalSinks(), xmlSinks(), nativeSinks()) {
		for _, l := range k.in {
			all[l] = append(all[l], k)
		}
	}
	return all
})

// sinks adds the facts of the file's language.
func (v *sinkView) sinks() {
	list := languageSinks()[v.language]
	for i := range list {
		if k := &list[i]; k.fits(v.source) {
			v.sink(k)
		}
	}
}

func (k *sink) fits(s *source) bool {
	if !s.concerns(k.rule) || k.path != nil && !k.path.MatchString(s.path) || k.notPath != nil && k.notPath.MatchString(s.path) {
		return false
	}
	return len(k.words) == 0 || holdsAny(s.text, k.words)
}

func holdsAny(text []byte, words []string) bool {
	for _, w := range words {
		if bytes.Contains(text, []byte(w)) {
			return true
		}
	}
	return false
}

func (v *sinkView) sink(k *sink) {
	if k.imports != nil && !k.imports.Match(v.code()) || k.unless != nil && k.unless.Match(v.code()) {
		return
	}
	text := v.skeleton()
	if k.strings {
		text = v.code()
	}
	for _, m := range findAll(k.re, text) {
		if v.hit(k, m) && k.once {
			return
		}
	}
}

// findAll returns the matches of a pattern in linear time: it reads long texts in parts, that end where code of the
// first level begins. A match is in one part.
func findAll(re *lazyRegexp, text []byte) (all [][]int) {
	for start := 0; start < len(text) && len(all) < maxSinks; {
		end := partEnd(text, start)
		for _, m := range re.FindAllSubmatchIndex(text[start:end], maxSinks-len(all)) {
			for i := range m {
				if m[i] >= 0 {
					m[i] += start
				}
			}
			all = append(all, m)
		}
		start = end
	}
	return all
}

func partEnd(text []byte, start int) int {
	if len(text)-start <= sinkChunk {
		return len(text)
	}
	line := 0
	for i := start + sinkChunk - 1; i > start+sinkChunk/2; i-- {
		if text[i] != '\n' {
			continue
		}
		if next := text[i+1]; next != ' ' && next != '\t' && next != '\n' && next != '}' && next != ')' {
			return i + 1
		}
		line = max(line, i+1)
	}
	if line > 0 {
		return line
	}
	return start + sinkChunk
}

// keyOf returns the key of a match: its first named group that is not empty, or all of it.
func keyOf(re *lazyRegexp, text []byte, match []int) (key, literal string) {
	from, to := match[0], match[1]
	for i, name := range re.SubexpNames() {
		if name != "" && match[2*i] >= 0 && match[2*i+1] > match[2*i] {
			from, to = match[2*i], match[2*i+1]
			break
		}
	}
	literal = string(text[from:to])
	return strings.Trim(literal, "( \t\r\n{\"'`,:.=["), literal
}

// hit adds one fact of a sink, and reports whether it is one.
func (v *sinkView) hit(k *sink, match []int) bool {
	code, from, to := v.code(), match[0], match[1]
	for from < to-1 && (code[from] == ' ' || code[from] == '\t' || code[from] == '\n' || code[from] == '\r') {
		from++
	}
	line, ok := v.at(from)
	if !ok {
		return false
	}
	open := to
	if to > from && bytes.IndexByte([]byte("({["), code[to-1]) >= 0 {
		open = to - 1 // the match ends with the call's bracket
	}
	call := v.call(from, open, k.statement)
	if k.skip != nil && k.skip.MatchString(call) || k.onlyIf != nil && !k.onlyIf.MatchString(call) {
		return false
	}
	key, literal := keyOf(k.re, code, match)
	if !k.quoted {
		literal = key
	}
	if k.name != "" {
		key = k.name
	}
	key = k.prefix + key
	if k.arg != nil {
		if m := k.arg.FindStringSubmatch(call); m != nil {
			key += " " + strings.Join(m[1:], "")
		}
	}
	var options []option
	if says := v.safe(k, call); says != "" {
		options = append(options, closed(says))
	}
	if k.search {
		if v.searched[key] {
			return false
		}
		if v.searched == nil {
			v.searched = map[string]bool{}
		}
		v.searched[key] = true
		options = append(options, with("search", literal))
	}
	v.add(k.rule, key, line, options...)
	return true
}

func (v *sinkView) safe(k *sink, call string) string {
	for i := range k.safe {
		s := &k.safe[i]
		if s.file && v.inFile(s) || !s.file && s.in([]byte(call)) {
			return s.says
		}
	}
	return ""
}

// inFile remembers what it found, since a file may have many calls.
func (v *sinkView) inFile(s *sinkSafety) bool {
	found, known := v.known[s]
	if !known {
		found = s.in(v.code())
		if v.known == nil {
			v.known = map[*sinkSafety]bool{}
		}
		v.known[s] = found
	}
	return found
}

func (s *sinkSafety) in(text []byte) bool {
	for _, re := range s.all {
		if !re.Match(text) {
			return false
		}
	}
	return true
}

func rexes(patterns ...string) (all []*lazyRegexp) {
	for _, p := range patterns {
		all = append(all, rex(p))
	}
	return all
}

func langs(l ...language) []language { return l }

// sinkTooling are folders and files of a build: what runs there is no part of the service.
var sinkTooling = rex(`(?i)(^|/)(scripts?|hack|tools?|build|ci|\.github|\.circleci|makefile|gruntfile|gulpfile|webpack|rollup|vite|esbuild|setup\.py|noxfile|fabfile|tasks|release|rakelib|lib/tasks|packaging|buildsrc|build-tools|devtools|dev)(/|\.|$)`)

// sinkScripts is the narrower list, for what is part of a service also in a folder "tools".
var sinkScripts = rex(`(?i)(^|/)(scripts?|hack|ci|\.github|\.circleci|buildsrc|rakelib)(/|$)`)
