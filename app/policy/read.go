package policy

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// A value is what was written for a key, or as an element of a list. Its place is where to
// tell a problem with it: that of the key when nothing was written.
type value struct {
	node ast.Node
	place
}

// An entry is one key of a mapping; its own place is that of the key.
type entry struct {
	key   string
	value value
	place
}

// fields says what to do with the value of each key that is known.
type fields map[string]func(value)

// object reads a mapping of which all keys are known. The name and the example are for the
// message to somebody who wrote something else; it reports whether it was a mapping.
func (r *reader) object(v value, name, example string, known fields) bool {
	return r.each(v, name, example, func(e entry) {
		if read, ok := known[e.key]; ok {
			read(e.value)
			return
		}
		var keys []string
		for k := range known {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		r.unknown(e.place, "key", e.key, keys)
	})
}

// each calls f for the keys of a mapping, in the order of the file.
func (r *reader) each(v value, name, example string, f func(entry)) bool {
	if !isMapping(v.node) {
		r.problem(v.place, "%s must be a mapping such as %s%s", name, example, instead(v.node))
		return false
	}
	first := map[string]place{}
	for it := v.node.(ast.MapNode).MapRange(); it.Next(); {
		key, at := it.Key(), placeOf(it.Key().GetToken())
		scalar, ok := key.(ast.ScalarNode)
		if !ok {
			r.problem(at, "a key must be plain text")
			continue
		}
		e := entry{key: scalar.GetToken().Value, place: at}
		if before, ok := first[e.key]; ok {
			r.problem(at, "%s is there already in line %d; remove one of them", quote(e.key), before.line)
			continue
		}
		first[e.key] = at
		e.value = valueOf(it.Value(), at)
		f(e)
	}
	return true
}

// texts calls f for the elements of a list of texts.
func (r *reader) texts(v value, name, example string, f func(at place, s string)) {
	seq, ok := v.node.(*ast.SequenceNode)
	if !ok {
		r.problem(v.place, "%s must be a list such as %s%s", name, example, instead(v.node))
		return
	}
	for i, n := range seq.Values {
		at := placeOf(seq.Start)
		if i < len(seq.Entries) && seq.Entries[i] != nil { // lists without brackets have them
			at = placeOf(seq.Entries[i].Start)
		}
		element := valueOf(n, at)
		if s, ok := r.text(element, "each element of "+name, ""); ok {
			f(element.place, s)
		}
	}
}

func (r *reader) text(v value, name, example string) (string, bool) {
	switch n := v.node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	if example != "" {
		example = " such as " + example
	}
	r.problem(v.place, "%s must be text%s%s", name, example, instead(v.node))
	return "", false
}

func (r *reader) boolean(v value, name string) bool {
	b, ok := v.node.(*ast.BoolNode)
	if !ok {
		r.problem(v.place, "%s must be true or false%s", name, instead(v.node))
		return false
	}
	return b.Value
}

func (r *reader) integer(v value, name string, least, most int) int {
	n, ok := v.node.(*ast.IntegerNode)
	if !ok {
		r.problem(v.place, "%s must be a number from %d to %d%s", name, least, most, instead(v.node))
		return least
	}
	i := number(n)
	if i < least || i > most {
		r.problem(v.place, "%s must be from %d to %d, not %s", name, least, most, printable(n.Token.Value, 40))
	}
	return i
}

// unknown tells that a word is none of those known.
func (r *reader) unknown(at place, kind, word string, known []string) {
	hint := didYouMean(word, known)
	if hint == "" {
		hint = "; known here: " + list(known, "and")
	}
	r.problem(at, "unknown %s %s%s", kind, quote(word), hint)
}

// valueOf finds the place of a value: of what is written, else the one that is given.
func valueOf(n ast.Node, otherwise place) value {
	at := otherwise
	switch n := n.(type) {
	case nil, *ast.NullNode:
	case *ast.MappingNode:
		// The token of a mapping without braces is a colon in its middle.
		at = placeOf(n.GetToken())
		if !n.IsFlowStyle && len(n.Values) > 0 {
			at = placeOf(n.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		at = placeOf(n.Key.GetToken())
	default:
		at = placeOf(n.GetToken())
	}
	return value{n, at}
}

func isMapping(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// instead ends the message about a value of the wrong type with what was written.
func instead(n ast.Node) string {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return "; nothing is written here"
	case *ast.MappingNode, *ast.MappingValueNode:
		return ", not a mapping"
	case *ast.SequenceNode:
		return ", not a list"
	case *ast.StringNode:
		return ", not the text " + quote(n.Value)
	case *ast.LiteralNode:
		return ", not the text " + quote(n.Value.Value)
	case *ast.BoolNode:
		return ", not " + printable(n.Token.Value, 40)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return ", not the number " + printable(n.GetToken().Value, 40)
	}
	return ""
}
