package strictyaml

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// A Value is the value of a key, or an element of a list. Its place is where a problem with it is reported: the place
// of the key if there is no value.
type Value struct {
	Node ast.Node // nil if nothing was written
	Place
}

// An Entry is one key of a mapping; its own place is that of the key.
type Entry struct {
	Key   string
	Value Value
	Place
}

// Fields maps the known keys to functions that read their values.
type Fields map[string]func(Value)

// Object reads a mapping of which all keys are known. The name and the example are for the message about a value of
// another type. It reports whether v is a mapping.
func (r *Reader) Object(v Value, name, example string, known Fields) bool {
	return r.Each(v, name, example, func(e Entry) {
		if read, ok := known[e.Key]; ok {
			read(e.Value)
			return
		}
		var keys []string
		for k := range known {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		r.Unknown(e.Place, "key", e.Key, keys)
	})
}

// Each calls f for the keys of a mapping, in the order of the file.
func (r *Reader) Each(v Value, name, example string, f func(Entry)) bool {
	if !IsMapping(v.Node) {
		r.Problem(v.Place, "%s must be a mapping such as %s%s", name, example, Instead(v.Node))
		return false
	}
	first := map[string]Place{}
	for it := v.Node.(ast.MapNode).MapRange(); it.Next(); {
		key, at := it.Key(), PlaceOf(it.Key().GetToken())
		scalar, ok := key.(ast.ScalarNode)
		if !ok {
			r.Problem(at, "a key must be plain text")
			continue
		}
		e := Entry{Key: scalar.GetToken().Value, Place: at}
		if before, ok := first[e.Key]; ok {
			r.Problem(at, "%s is there already in line %d; remove one of them", Quote(e.Key), before.Line)
			continue
		}
		first[e.Key] = at
		e.Value = ValueOf(it.Value(), at)
		f(e)
	}
	return true
}

// Texts calls f for the elements of a list of texts.
func (r *Reader) Texts(v Value, name, example string, f func(at Place, s string)) {
	seq, ok := v.Node.(*ast.SequenceNode)
	if !ok {
		r.Problem(v.Place, "%s must be a list such as %s%s", name, example, Instead(v.Node))
		return
	}
	for i, n := range seq.Values {
		at := PlaceOf(seq.Start)
		if i < len(seq.Entries) && seq.Entries[i] != nil { // lists without brackets have them
			at = PlaceOf(seq.Entries[i].Start)
		}
		element := ValueOf(n, at)
		if s, ok := r.Text(element, "each element of "+name, ""); ok {
			f(element.Place, s)
		}
	}
}

// Text reads text; name and example are for the message, and the example may be empty.
func (r *Reader) Text(v Value, name, example string) (string, bool) {
	switch n := v.Node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	if example != "" {
		example = " such as " + example
	}
	r.Problem(v.Place, "%s must be text%s%s", name, example, Instead(v.Node))
	return "", false
}

// Boolean reads true or false.
func (r *Reader) Boolean(v Value, name string) bool {
	b, ok := v.Node.(*ast.BoolNode)
	if !ok {
		r.Problem(v.Place, "%s must be true or false%s", name, Instead(v.Node))
		return false
	}
	return b.Value
}

// Integer reads a number from least to most.
func (r *Reader) Integer(v Value, name string, least, most int) int {
	n, ok := v.Node.(*ast.IntegerNode)
	if !ok {
		r.Problem(v.Place, "%s must be a number from %d to %d%s", name, least, most, Instead(v.Node))
		return least
	}
	i := Number(n)
	if i < least || i > most {
		r.Problem(v.Place, "%s must be from %d to %d, not %s", name, least, most, Printable(n.Token.Value, 40))
	}
	return i
}

// Unknown reports a word that is not known, with the known one that may be meant.
func (r *Reader) Unknown(at Place, kind, word string, known []string) {
	hint := DidYouMean(word, known)
	if hint == "" {
		hint = "; known here: " + List(known, "and")
	}
	r.Problem(at, "unknown %s %s%s", kind, Quote(word), hint)
}

// ValueOf returns a node with its place, or with the given place if there is no node.
func ValueOf(n ast.Node, otherwise Place) Value {
	at := otherwise
	switch n := n.(type) {
	case nil, *ast.NullNode:
	case *ast.MappingNode:
		// The token of a mapping without braces is a colon in its middle.
		at = PlaceOf(n.GetToken())
		if !n.IsFlowStyle && len(n.Values) > 0 {
			at = PlaceOf(n.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		at = PlaceOf(n.Key.GetToken())
	default:
		at = PlaceOf(n.GetToken())
	}
	return Value{n, at}
}

// IsMapping reports whether a node is a mapping.
func IsMapping(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// Instead returns the end of the message about a value of the wrong type: what was written instead.
func Instead(n ast.Node) string {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return "; nothing is written here"
	case *ast.MappingNode, *ast.MappingValueNode:
		return ", not a mapping"
	case *ast.SequenceNode:
		return ", not a list"
	case *ast.StringNode:
		return ", not the text " + Quote(n.Value)
	case *ast.LiteralNode:
		return ", not the text " + Quote(n.Value.Value)
	case *ast.BoolNode:
		return ", not " + Printable(n.Token.Value, 40)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return ", not the number " + Printable(n.GetToken().Value, 40)
	}
	return ""
}
