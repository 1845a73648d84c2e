// Package yamlpos reads untrusted YAML into values that know their place.
//
// Aliases are shared, not copied, and merge keys are resolved at each lookup, so that a bomb of aliases
// stays as small as its text. The parser is the one that Kubernetes uses; it bounds nesting
// and takes time in proportion to the text. Parsers with better messages do not.
package yamlpos

import (
	"bytes"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// A SyntaxError reports the line on which a text is not valid YAML.
type SyntaxError struct{ Line int }

func (e *SyntaxError) Error() string { return "not valid YAML" }

// A TooMuchError reports the line on which a document becomes too much to be read.
type TooMuchError struct{ Line int }

func (e *TooMuchError) Error() string { return "too much for one YAML document" }

const (
	// maxWeight bounds the memory that the parser uses for one document, see [Heavy]: some 200 MB. The
	// largest documents of real projects have a tenth of this weight.
	maxWeight = 500_000

	// maxWork is how many values may be read from one document, counting each time that an alias makes
	// the same value appear again.
	maxWork = 10_000_000
)

// A Document is one document of a file. Lines with --- separate documents.
type Document struct {
	Line int // the number of its first line, from 1
	Text []byte
}

// Documents splits a file without parsing it, so that a broken document does not affect the others.
func Documents(content []byte) iter.Seq[Document] {
	return func(yield func(Document) bool) {
		start, first, line := 0, 1, 0
		for at := 0; at < len(content); {
			end := len(content)
			if i := bytes.IndexByte(content[at:], '\n'); i >= 0 {
				end = at + i + 1
			}
			line++
			if text := content[at:end]; bytes.HasPrefix(text, []byte("---")) && (len(text) == 3 || strings.IndexByte(" \t\r\n", text[3]) >= 0) {
				if !yield(Document{first, content[start:at]}) {
					return
				}
				// The marker stays: a value may follow it on its line.
				start, first = at, line
			}
			at = end
		}
		yield(Document{first, content[start:]})
	}
}

// A Kind is the kind of a value.
type Kind int

// The kinds. Other is null, or any other value without content.
const (
	Other Kind = iota
	Scalar
	Map
	List
)

// A Node is one value. All its methods may be called on nil, which stands for a missing value.
type Node struct {
	Kind    Kind
	Line    int    // where it begins
	Text    string // the text of a scalar
	Quoted  bool   // a scalar that is certainly a string
	Tag     string // a tag of the application's own, such as !reset; empty for those of YAML
	Entries []Entry
	Items   []*Node

	// Column and EndColumn are the place of a plain scalar on one line; otherwise they are 0.
	Column, EndColumn int
	merged            []*Node // the maps merged into a map by the key <<
	work              *int    // what is left of maxWork, for all nodes of a document
}

// Spent reports whether maxWork is used up for this node's document. Then all nodes of the document
// behave as missing values.
func (n *Node) Spent() bool { return n != nil && n.work != nil && *n.work < 0 }

// spend counts the work of reading this many values, and reports whether there was enough work left.
func (n *Node) spend(values int) bool {
	if n.work == nil {
		return true
	}
	if *n.work >= 0 {
		*n.work -= 1 + values
	}
	return *n.work >= 0
}

// An Entry is a key with its value.
type Entry struct {
	Key   string
	Line  int // the line of the key
	Value *Node
}

// Get returns the value under a path of keys, or nil.
func (n *Node) Get(keys ...string) *Node {
	for _, key := range keys {
		n = n.entry(key, map[*Node]bool{})
	}
	return n
}

// entry searches each merged map only once, because maps may be shared in exponentially many ways.
func (n *Node) entry(key string, seen map[*Node]bool) *Node {
	if n == nil || n.Kind != Map || seen[n] || !n.spend(len(n.Entries)) {
		return nil
	}
	for i := len(n.Entries) - 1; i >= 0; i-- {
		if n.Entries[i].Key == key {
			return n.Entries[i].Value
		}
	}
	seen[n] = true
	for _, m := range n.merged {
		if v := m.entry(key, seen); v != nil {
			return v
		}
	}
	return nil
}

// Pairs returns the entries of a map, and after them those of the maps that are merged into it. A key
// may appear more than once; its first entry counts.
func (n *Node) Pairs() []Entry { return n.pairs(map[*Node]bool{}) }

func (n *Node) pairs(seen map[*Node]bool) []Entry {
	if n == nil || seen[n] || !n.spend(len(n.Entries)) {
		return nil
	}
	seen[n] = true
	out := slices.Clone(n.Entries)
	for _, m := range n.merged {
		out = append(out, m.pairs(seen)...)
	}
	return out
}

// List returns the items, or nil if the node is not a list.
func (n *Node) List() []*Node {
	if n == nil || !n.spend(len(n.Items)) {
		return nil
	}
	return n.Items
}

// String returns the text of a scalar, or "".
func (n *Node) String() string {
	if n == nil || n.Kind != Scalar {
		return ""
	}
	return n.Text
}

// True reports whether the node is the boolean true, in one of the spellings of YAML 1.1, which
// Kubernetes reads.
func (n *Node) True() bool { return n.oneOf("true", "yes", "on") }

// False reports whether the node is the boolean false, in the same way. A missing value is not false.
func (n *Node) False() bool { return n.oneOf("false", "no", "off") }

func (n *Node) oneOf(words ...string) bool {
	if n == nil || n.Kind != Scalar || n.Quoted {
		return false
	}
	for _, w := range words {
		if strings.EqualFold(n.Text, w) {
			return true
		}
	}
	return false
}

// Parse reads one document. The error is a [*SyntaxError] or a [*TooMuchError]; a document without a
// value is nil.
func Parse(d Document) (*Node, error) {
	text := strings.ReplaceAll(string(d.Text), "\r\n", "\n")
	if line := Heavy(text, maxWeight); line > 0 {
		return nil, &TooMuchError{Line: d.Line + line - 1}
	}
	work := maxWork
	r := reader{lines: linesOf(text, d.Line), anchors: map[*yaml.Node]*Node{}, work: &work}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, &SyntaxError{Line: r.line(lineOf(err))}
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return r.node(doc.Content[0]), nil
}

// A line is a line as the parser counts them. More characters end a line for the parser than for git and
// GitHub (https://yaml.org/spec/1.1/#b-char).
type line struct {
	text   string
	number int  // the number of the line of the file, as git counts, that it is in
	whole  bool // it is all of that line
}

func linesOf(text string, first int) (list []line) {
	list = make([]line, 0, strings.Count(text, "\n")+1)
	for s := range strings.SplitSeq(text, "\n") {
		if !strings.ContainsAny(s, otherBreaks) { // nearly always
			list = append(list, line{s, first, true})
		} else {
			for part := range splitSeq(s) {
				list = append(list, line{part, first, false})
			}
		}
		first++
	}
	return list
}

// otherBreaks are the characters that end a line for the parser, but not for git.
const otherBreaks = "\r\u0085\u2028\u2029"

// splitSeq iterates over the parts of a line between otherBreaks.
func splitSeq(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			i := strings.IndexAny(s, otherBreaks)
			if i < 0 {
				yield(s)
				return
			}
			if !yield(s[:i]) {
				return
			}
			_, size := utf8.DecodeRuneInString(s[i:])
			s = s[i+size:]
		}
	}
}

// Heavy counts the lines and the marks of YAML in the text. It returns the line, from 1, on which their
// number exceeds most, or 0 if it does not. Each is a value, or a token that the parser keeps for a value,
// and takes up to 400 bytes of the parser's memory.
func Heavy(text string, most int) int {
	if len(text) <= most {
		return 0 // there cannot be more of them than bytes
	}
	weight, line := 0, 1
	for i := range len(text) {
		switch text[i] {
		case '\n':
			weight++
			line++
		case '\r', ',', '[', '{', '&', '*', '!', 0xC2, 0xE2: // the last two begin the other line ends
			weight++
		case ':', '-', '?':
			if i+1 == len(text) || strings.IndexByte(" \t\r\n", text[i+1]) >= 0 {
				weight++
			}
		}
		if weight > most {
			return line
		}
	}
	return 0
}

var errorLine = regexp.MustCompile(`\bline ([0-9]+):`)

// lineOf reads the line from an error's text. The library reports it only there.
func lineOf(err error) int {
	if m := errorLine.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return n
		}
	}
	return 1
}

// A reader converts one document to nodes.
type reader struct {
	lines   []line
	anchors map[*yaml.Node]*Node // a nil value means that the node is being read, so an alias to it would contain itself
	work    *int
}

// line returns the file's number for a line that the parser reports.
func (r *reader) line(n int) int { return r.lines[min(max(n, 1), len(r.lines))-1].number }

func (r *reader) node(n *yaml.Node) *Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Anchor == "" {
		return r.fresh(n)
	}
	if made, ok := r.anchors[n]; ok {
		if made == nil {
			return &Node{Line: r.line(n.Line)}
		}
		return made
	}
	r.anchors[n] = nil
	r.anchors[n] = r.fresh(n)
	return r.anchors[n]
}

func (r *reader) fresh(n *yaml.Node) *Node {
	out := &Node{Line: r.line(n.Line), work: r.work}
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		out.Tag = n.Tag
	}
	switch n.Kind {
	case yaml.MappingNode:
		out.Kind = Map
		for i := 0; i+1 < len(n.Content); i += 2 {
			r.put(out, n.Content[i], r.node(n.Content[i+1]))
		}
	case yaml.SequenceNode:
		out.Kind = List
		for _, item := range n.Content {
			out.Items = append(out.Items, r.node(item))
		}
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			break
		}
		out.Kind, out.Text = Scalar, n.Value
		out.Quoted = n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
		r.place(out, n.Line, n.Column)
	}
	return out
}

func (r *reader) put(to *Node, key *yaml.Node, value *Node) {
	if key.Tag == "!!merge" {
		if value.Kind == List {
			to.merged = append(to.merged, value.Items...)
		} else {
			to.merged = append(to.merged, value)
		}
		return
	}
	to.Entries = append(to.Entries, Entry{Key: key.Value, Line: r.line(key.Line), Value: value})
}

// place sets the columns of a plain scalar, if its text is where the parser reports it.
func (r *reader) place(n *Node, line, column int) {
	const longest = 1000 // longer lines get no columns; a file of one line has many values on it
	if n.Quoted || n.Text == "" || line < 1 || line > len(r.lines) || column < 1 || !r.lines[line-1].whole || len(r.lines[line-1].text) > longest {
		return
	}
	text := []rune(r.lines[line-1].text)
	if column-1 <= len(text) && strings.HasPrefix(string(text[column-1:]), n.Text) {
		n.Column, n.EndColumn = column, column+utf8.RuneCountInString(n.Text)
	}
}
