package webhook

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
)

// A delivery has about 25 kB, and [payload] has few of its members. encoding/json reads the whole text twice, which
// takes longer than everything else that a delivery needs. So unmarshal first removes the other members, in one pass.

// unmarshal is [json.Unmarshal] for a type whose members are want.
func unmarshal(body []byte, want members, v any) error {
	if small, ok := skim(body, want); ok {
		body = small
	}
	return json.Unmarshal(body, v)
}

// members are the members of a struct by their names in lower case, with the members of the structs among them, and nil
// for all others.
type members map[string]members

// payloadMembers are the members of a payload.
var payloadMembers = membersOf(reflect.TypeFor[payload]())

func membersOf(t reflect.Type) members {
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil
	}
	list := members{}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue // its members are visible too
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		list[strings.ToLower(name)] = membersOf(f.Type)
	}
	return list
}

// skim returns a JSON object without the members that are not wanted. ok is false if body is not exactly one JSON object,
// or is one that is nested very deeply.
func skim(body []byte, want members) (small []byte, ok bool) {
	s := skimmer{in: body, out: make([]byte, 0, 4<<10)}
	s.space()
	if s.peek() != '{' || !s.object(want, 0) {
		return nil, false
	}
	s.space()
	return s.out, s.at == len(s.in)
}

// maxDepth is how deeply values may be nested. The deliveries of GitHub need less than ten.
const maxDepth = 1000

// A skimmer reads in and copies what is wanted to out. Its methods read one element at in[at:], and return false if none
// is there.
type skimmer struct {
	in, out []byte
	at      int
}

// peek returns the next byte, or 0 at the end.
func (s *skimmer) peek() byte {
	if s.at < len(s.in) {
		return s.in[s.at]
	}
	return 0
}

func (s *skimmer) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

func (s *skimmer) space() { s.at = passSpace(s.in, s.at) }

// object reads an object, and copies the members that are wanted.
func (s *skimmer) object(want members, depth int) bool {
	if !s.take('{') || depth > maxDepth {
		return false
	}
	s.out = append(s.out, '{')
	s.space()
	first := true
	for !first || s.peek() != '}' {
		s.space()
		key := s.at
		if !s.text() {
			return false
		}
		name := s.in[key:s.at]
		s.space()
		if !s.take(':') {
			return false
		}
		s.space()
		inner, wanted := want.find(name)
		if wanted {
			if s.out[len(s.out)-1] != '{' {
				s.out = append(s.out, ',')
			}
			s.out = append(append(s.out, name...), ':')
		}
		if !s.member(inner, wanted, depth+1) {
			return false
		}
		first = false
		s.space()
		if !s.take(',') {
			break
		}
	}
	s.out = append(s.out, '}')
	return s.take('}')
}

// find returns the members of the member with a name in quotes. encoding/json compares names without case, so one that
// is not plain counts as wanted.
func (m members) find(name []byte) (inner members, wanted bool) {
	for _, c := range name {
		if c == '\\' || c >= 0x80 {
			return nil, true
		}
	}
	inner, wanted = m[string(name[1:len(name)-1])]
	if !wanted && len(bytes.TrimFunc(name, func(c rune) bool { return c < 'A' || c > 'Z' })) > 0 {
		inner, wanted = m[strings.ToLower(string(name[1:len(name)-1]))]
	}
	return inner, wanted
}

// member reads the value of a member, and copies it if it is wanted.
func (s *skimmer) member(inner members, wanted bool, depth int) bool {
	if wanted && inner != nil && s.peek() == '{' {
		return s.object(inner, depth)
	}
	from := s.at
	if !s.value(depth) {
		return false
	}
	if wanted {
		s.out = append(s.out, s.in[from:s.at]...)
	}
	return true
}

// value reads a value without copying it.
func (s *skimmer) value(depth int) bool {
	end := pass(s.in, s.at, depth)
	if end < 0 {
		return false
	}
	s.at = end
	return true
}

// text reads a string in quotes.
func (s *skimmer) text() bool {
	if !s.take('"') {
		return false
	}
	end := passText(s.in, s.at)
	if end < 0 {
		return false
	}
	s.at = end
	return true
}
