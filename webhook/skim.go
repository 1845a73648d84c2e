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
	if s.peek() != '{' || !s.object(want, true, 0) {
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

func (s *skimmer) space() {
	for s.at < len(s.in) && (s.in[s.at] == ' ' || s.in[s.at] == '\n' || s.in[s.at] == '\t' || s.in[s.at] == '\r') {
		s.at++
	}
}

// object reads an object. If keep is set, it copies the members that are wanted.
func (s *skimmer) object(want members, keep bool, depth int) bool {
	if !s.take('{') || depth > maxDepth {
		return false
	}
	if keep {
		s.out = append(s.out, '{')
	}
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
		inner, wanted := members(nil), false
		if keep {
			if inner, wanted = want.find(name); wanted {
				if s.out[len(s.out)-1] != '{' {
					s.out = append(s.out, ',')
				}
				s.out = append(append(s.out, name...), ':')
			}
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
	if keep {
		s.out = append(s.out, '}')
	}
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
		return s.object(inner, true, depth)
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
	switch s.peek() {
	case '{':
		return s.object(nil, false, depth)
	case '[':
		return s.array(depth)
	case '"':
		return s.text()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

func (s *skimmer) array(depth int) bool {
	if !s.take('[') || depth > maxDepth {
		return false
	}
	s.space()
	if s.take(']') {
		return true
	}
	for {
		s.space()
		if !s.value(depth + 1) {
			return false
		}
		s.space()
		if !s.take(',') {
			return s.take(']')
		}
	}
}

func (s *skimmer) word(w string) bool {
	if !bytes.HasPrefix(s.in[s.at:], []byte(w)) {
		return false
	}
	s.at += len(w)
	return true
}

// text reads a string in quotes.
func (s *skimmer) text() bool {
	if !s.take('"') {
		return false
	}
	for i, c := range s.in[s.at:] {
		switch {
		case c == '"':
			s.at += i + 1
			return true
		case c < ' ':
			return false
		case c == '\\':
			s.at += i + 1
			return s.escape() && s.rest()
		}
	}
	return false
}

// rest reads a string from its middle.
func (s *skimmer) rest() bool {
	for s.at < len(s.in) {
		c := s.in[s.at]
		s.at++
		switch {
		case c == '"':
			return true
		case c < ' ':
			return false
		case c == '\\':
			if !s.escape() {
				return false
			}
		}
	}
	return false
}

// escape reads what follows a backslash.
func (s *skimmer) escape() bool {
	c := s.peek()
	s.at++
	if c != 'u' {
		return strings.IndexByte(`"\/bfnrt`, c) >= 0
	}
	for range 4 {
		if c := s.peek() | 0x20; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
		s.at++
	}
	return true
}

func (s *skimmer) digits() bool {
	from := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > from
}

// number reads a number. https://www.rfc-editor.org/rfc/rfc8259#section-6
func (s *skimmer) number() bool {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		return s.digits()
	}
	return true
}
