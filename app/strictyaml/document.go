package strictyaml

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// A Source is a file to read. File names it in messages; Text is its content, and may be nil.
type Source struct {
	File string
	Text []byte
}

// normal returns the text as it is read: without a byte order mark, and with the line ends of Unix.
func (s Source) normal() string {
	return strings.ReplaceAll(string(bytes.TrimPrefix(s.Text, []byte("\ufeff"))), "\r\n", "\n")
}

// A Document is what a file holds as YAML: either its root, or the problems for which it cannot be read.
// What the values mean is not checked yet. It is plain data, so that another process can read the file.
type Document struct {
	Source   `json:"-"`
	Root     *Node    `json:",omitempty"`
	Problems Problems `json:",omitempty"`
}

// A Parser reads files as YAML, and returns a document for each of them, in the same order. An error means that
// nothing is known about the files; a file that is not valid is no error. A parser may be used by several goroutines at once.
type Parser func(context.Context, []Source) ([]Document, error)

// Here is the [Parser] of this process. It returns no error.
func Here(_ context.Context, files []Source) ([]Document, error) {
	list := make([]Document, len(files))
	for i, f := range files {
		list[i] = Parse(f)
	}
	return list, nil
}

// Parse reads a file as YAML in this process.
func Parse(s Source) Document {
	r := Reader{File: s.File}
	var d Document
	if text := s.normal(); len(s.Text) > maxSize+len("\ufeff") || len(text) > maxSize {
		r.Problem(Start, "the file is larger than %d KiB; make it smaller", maxSize>>10)
	} else if r.plainText(text); len(r.Problems) == 0 {
		d.Root = r.parse(text)
	}
	d.Problems = r.Problems.inOrder(s.normal())
	d, err := d.Of(s)
	if err != nil {
		return s.Refused("the file cannot be read as YAML; write it in a simpler way")
	}
	return d
}

// Refused returns the document of a file that cannot be read, with one problem at its start.
func (s Source) Refused(message string) Document {
	return Document{Source: s, Problems: Problems{{s.File, 1, 1, message}}}
}

// The most of one document that is believed. The text of a file bounds its tree, since there are no aliases.
const (
	maxMessage = 2000 // bytes of a problem
	maxLevels  = 1000 // levels of lists and mappings; 256 KiB of indented mappings have 720
)

var errImpossible = errors.New("a document cannot be that of its file")

// Of returns the document as that of a file. It takes a document that an untrusted process made: places are moved into the
// text, and the error is not nil for a document that the text cannot have.
func (d Document) Of(s Source) (Document, error) {
	if (d.Root == nil) != (len(d.Problems) > 0) || len(d.Problems) > maxProblems {
		return Document{}, errImpossible
	}
	text := s.normal()
	for i := range d.Problems {
		p := &d.Problems[i]
		if p.File = s.File; len(p.Message) > maxMessage || !utf8.ValidString(p.Message) {
			return Document{}, errImpossible
		}
	}
	d.Source, d.Problems = s, d.Problems.inOrder(text)
	check := &checker{lines: strings.Count(text, "\n") + 1, widest: len(text) + 1, nodes: maxTokens, bytes: 2*len(text) + 100}
	if d.Root != nil && !check.node(d.Root, maxLevels) {
		return Document{}, errImpossible
	}
	return d, nil
}

// A checker checks a tree, and counts what it may still have.
type checker struct {
	lines, widest int
	nodes, bytes  int
}

func (c *checker) node(n *Node, levels int) bool {
	if n == nil {
		return true
	}
	c.nodes--
	n.Place = c.within(n.Place)
	nested := n.Kind == Sequence || n.Kind == Mapping
	if n.Kind < Null || n.Kind > Other || !c.text(n.Text) || levels == 0 || c.nodes < 0 || len(n.Items) > 0 && !nested || n.Float != n.Float {
		return false
	}
	for i := range n.Items {
		item := &n.Items[i]
		c.nodes--
		item.Place = c.within(item.Place)
		if c.nodes < 0 || !c.text(item.Key) || !c.node(item.Value, levels-1) {
			return false
		}
	}
	return true
}

func (c *checker) text(s string) bool {
	c.bytes -= len(s)
	return c.bytes >= 0 && utf8.ValidString(s)
}

func (c *checker) within(p Place) Place {
	return Place{min(max(p.Line, 1), c.lines), min(max(p.Column, 1), c.widest)}
}

// A Kind is the kind of a node.
type Kind int

// The kinds. Other is what nothing here takes, such as a number without end.
const (
	Null  Kind = iota // nothing is written
	Text              // on one line, or in quotes
	Block             // after | or >
	Boolean
	Integer
	Float
	Endless // a number that is infinite, or none
	Sequence
	Mapping
	Other
)

// A Node is a value in a document.
type Node struct {
	Kind  Kind
	Text  string  `json:",omitempty"` // the text; of a boolean or a number, what is written
	True  bool    `json:",omitempty"` // of a boolean
	Int   int     `json:",omitempty"` // of an integer; one that does not fit is the least one
	Float float64 `json:",omitempty"` // of a float
	Items []Item  `json:",omitempty"` // of a list or a mapping
	Place Place   // where a problem with it is reported
}

// An Item is an element of a list, or a key of a mapping with its value.
type Item struct {
	Key   string `json:",omitempty"` // of a mapping
	Odd   bool   `json:",omitempty"` // the key is not plain text
	Value *Node  `json:",omitempty"` // nil if nothing is written
	Place Place  // of the key, or of the dash of an element; in brackets, of the list
}

// nodeOf returns a node of the library as one of ours. Its depth is bounded by [Reader.simple] and the size of a file.
func nodeOf(n ast.Node) *Node {
	if n == nil {
		return nil
	}
	out := &Node{Kind: Other, Place: PlaceOf(n.GetToken())}
	switch n := n.(type) {
	case *ast.NullNode:
		out.Kind = Null
	case *ast.StringNode:
		out.Kind, out.Text = Text, n.Value
	case *ast.LiteralNode:
		out.Kind, out.Text = Block, n.Value.Value
	case *ast.BoolNode:
		out.Kind, out.Text, out.True = Boolean, n.Token.Value, n.Value
	case *ast.IntegerNode:
		out.Kind, out.Text, out.Int = Integer, n.Token.Value, number(n)
	case *ast.FloatNode:
		out.Kind, out.Text, out.Float = Float, n.Token.Value, min(max(n.Value, -math.MaxFloat64), math.MaxFloat64)
	case *ast.InfinityNode, *ast.NanNode:
		out.Kind, out.Text = Endless, n.GetToken().Value
	case *ast.SequenceNode:
		out.Kind, out.Items = Sequence, elements(n)
	case *ast.MappingNode:
		// The token of a mapping without braces is a colon in its middle.
		if !n.IsFlowStyle && len(n.Values) > 0 {
			out.Place = PlaceOf(n.Values[0].Key.GetToken())
		}
		out.Kind, out.Items = Mapping, fields(n)
	case *ast.MappingValueNode:
		out.Kind, out.Items, out.Place = Mapping, fields(n), PlaceOf(n.Key.GetToken())
	}
	out.Text = strings.ToValidUTF8(out.Text, "\ufffd")
	return out
}

func elements(n *ast.SequenceNode) (items []Item) {
	for i, value := range n.Values {
		item := Item{Value: nodeOf(value), Place: PlaceOf(n.Start)}
		if i < len(n.Entries) && n.Entries[i] != nil { // lists without brackets have them
			item.Place = PlaceOf(n.Entries[i].Start)
		}
		items = append(items, item)
	}
	return items
}

func fields(n ast.MapNode) (items []Item) {
	for it := n.MapRange(); it.Next(); {
		item := Item{Value: nodeOf(it.Value()), Place: PlaceOf(it.Key().GetToken())}
		if scalar, ok := it.Key().(ast.ScalarNode); ok {
			item.Key = strings.ToValidUTF8(scalar.GetToken().Value, "\ufffd")
		} else {
			item.Odd = true
		}
		items = append(items, item)
	}
	return items
}

// number returns the value of n, or a value that nobody could have written.
func number(n *ast.IntegerNode) int {
	switch v := n.Value.(type) {
	case int64:
		return int(v)
	case uint64:
		if v <= math.MaxInt {
			return int(v)
		}
	}
	return math.MinInt
}
