package strictyaml

import (
	"slices"
)

// A Value is the value of a key, or an element of a list. Its place is where a problem with it is reported: the place
// of the key if there is no value.
type Value struct {
	Node *Node // nil if nothing was written
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
	if !v.Is(Mapping) {
		r.Problem(v.Place, "%s must be a mapping such as %s%s", name, example, v.Instead())
		return false
	}
	first := map[string]Place{}
	for _, item := range v.Node.Items {
		at := item.Place
		if item.Odd {
			r.Problem(at, "a key must be plain text")
			continue
		}
		e := Entry{Key: item.Key, Place: at}
		if before, ok := first[e.Key]; ok {
			r.Problem(at, "%s is there already in line %d; remove one of them", Quote(e.Key), before.Line)
			continue
		}
		first[e.Key] = at
		e.Value = ValueOf(item.Value, at)
		f(e)
	}
	return true
}

// Texts calls f for the elements of a list of texts.
func (r *Reader) Texts(v Value, name, example string, f func(at Place, s string)) {
	if !v.Is(Sequence) {
		r.Problem(v.Place, "%s must be a list such as %s%s", name, example, v.Instead())
		return
	}
	for _, element := range v.Elements() {
		if s, ok := r.Text(element, "each element of "+name, ""); ok {
			f(element.Place, s)
		}
	}
}

// Elements returns the elements of a list; nil for any other value.
func (v Value) Elements() (list []Value) {
	if !v.Is(Sequence) {
		return nil
	}
	for _, item := range v.Node.Items {
		list = append(list, ValueOf(item.Value, item.Place))
	}
	return list
}

// Text reads text; name and example are for the message, and the example may be empty.
func (r *Reader) Text(v Value, name, example string) (string, bool) {
	if v.Is(Text) || v.Is(Block) {
		return v.Node.Text, true
	}
	if example != "" {
		example = " such as " + example
	}
	r.Problem(v.Place, "%s must be text%s%s", name, example, v.Instead())
	return "", false
}

// Boolean reads true or false.
func (r *Reader) Boolean(v Value, name string) bool {
	if !v.Is(Boolean) {
		r.Problem(v.Place, "%s must be true or false%s", name, v.Instead())
		return false
	}
	return v.Node.True
}

// Integer reads a number from least to most.
func (r *Reader) Integer(v Value, name string, least, most int) int {
	if !v.Is(Integer) {
		r.Problem(v.Place, "%s must be a number from %d to %d%s", name, least, most, v.Instead())
		return least
	}
	i := v.Node.Int
	if i < least || i > most {
		r.Problem(v.Place, "%s must be from %d to %d, not %s", name, least, most, Printable(v.Node.Text, 40))
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

// ValueOf returns a node with its place, or with the given place if nothing is written.
func ValueOf(n *Node, otherwise Place) Value {
	if n == nil || n.Kind == Null {
		return Value{n, otherwise}
	}
	return Value{n, n.Place}
}

// Is reports whether something of the kind is written.
func (v Value) Is(k Kind) bool { return v.Node != nil && v.Node.Kind == k }

// Instead returns the end of the message about a value of the wrong type: what was written instead.
func (v Value) Instead() string {
	if v.Node == nil {
		return "; nothing is written here"
	}
	switch v.Node.Kind {
	case Null:
		return "; nothing is written here"
	case Mapping:
		return ", not a mapping"
	case Sequence:
		return ", not a list"
	case Text, Block:
		return ", not the text " + Quote(v.Node.Text)
	case Boolean:
		return ", not " + Printable(v.Node.Text, 40)
	case Integer, Float, Endless:
		return ", not the number " + Printable(v.Node.Text, 40)
	}
	return ""
}
