package webhook

import (
	"reflect"
	"strings"
)

// A delivery has about 25 kB, of which we read a few hundred bytes, and package json looks at each of them
// twice. So what is not read is left out first, in one pass that also tells whether the whole is JSON.

// wanted says which members of an object are read. nil stands for any value as a whole.
type wanted map[string]wanted // by name in lower case

// wantedBy gives what package json would read into a value of this type.
func wantedBy(t reflect.Type) wanted {
	if t.Kind() != reflect.Struct {
		return nil
	}
	w := wanted{}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous || !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		w[strings.ToLower(name)] = wantedBy(f.Type)
	}
	return w
}

// member tells whether a member is read, and what of it. As for package json, upper and lower case are the
// same; names that are not plain are left to it.
func (w wanted) member(name []byte) (of wanted, read bool) {
	var buffer [64]byte
	lower := buffer[:0]
	for _, c := range name {
		switch {
		case c == '\\' || c >= 0x80:
			return nil, true
		case len(lower) == len(buffer):
			return nil, false
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		lower = append(lower, c)
	}
	of, read = w[string(lower)]
	return of, read
}

// prune gives an object without what is not wanted of it. It reports false for what is not one JSON object.
func prune(text []byte, w wanted) ([]byte, bool) {
	p := &pruner{text: text}
	p.space()
	ok := p.next() == '{' && p.object(w)
	p.space()
	return p.out, ok && p.at == len(text)
}

// maxNesting is package json's.
const maxNesting = 10_000

type pruner struct {
	text  []byte
	at    int
	depth int // of the objects that are open, of which something is wanted
	out   []byte
}

// next gives the next byte, 0 at the end.
func (p *pruner) next() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *pruner) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

// object passes an object, and keeps what is wanted of it.
func (p *pruner) object(w wanted) bool {
	p.depth++
	defer func() { p.depth-- }()
	p.at++
	p.space()
	p.out = append(p.out, '{')
	if p.next() == '}' {
		p.at++
		p.out = append(p.out, '}')
		return true
	}
	for first := true; ; {
		begin := p.at
		name, ok := p.name()
		if !ok {
			return false
		}
		of, read := w.member(name)
		if read {
			if !first {
				p.out = append(p.out, ',')
			}
			first = false
			p.out = append(p.out, p.text[begin:p.at]...)
		}
		begin = p.at
		switch {
		case read && of != nil && p.next() == '{':
			ok = p.object(of)
		default:
			if ok = p.value(); ok && read {
				p.out = append(p.out, p.text[begin:p.at]...)
			}
		}
		if !ok {
			return false
		}
		p.space()
		switch p.next() {
		case ',':
			p.at++
			p.space()
		case '}':
			p.at++
			p.out = append(p.out, '}')
			return true
		default:
			return false
		}
	}
}

// value passes a value of any kind. It does not call itself: nobody knows how deep it is.
func (p *pruner) value() bool {
	var open []byte // the brackets
	for {
		begun := false
		switch c := p.next(); c {
		case '"':
			if !p.string() {
				return false
			}
		case '{', '[':
			if p.depth+len(open) >= maxNesting {
				return false
			}
			p.at++
			p.space()
			if p.next() == c+2 { // the other bracket
				p.at++
				break
			}
			open, begun = append(open, c), true
			if c == '{' {
				if _, ok := p.name(); !ok {
					return false
				}
			}
		case 't':
			if !p.word("true") {
				return false
			}
		case 'f':
			if !p.word("false") {
				return false
			}
		case 'n':
			if !p.word("null") {
				return false
			}
		default:
			if !p.number() {
				return false
			}
		}
		for !begun {
			if len(open) == 0 {
				return true
			}
			p.space()
			bracket := open[len(open)-1]
			switch p.next() {
			case ',':
				p.at++
				p.space()
				if bracket == '{' {
					if _, ok := p.name(); !ok {
						return false
					}
				}
				begun = true
			case bracket + 2:
				p.at++
				open = open[:len(open)-1]
			default:
				return false
			}
		}
	}
}

// name passes the name of a member, up to its value.
func (p *pruner) name() (name []byte, ok bool) {
	begin := p.at
	if p.next() != '"' || !p.string() {
		return nil, false
	}
	name = p.text[begin+1 : p.at-1]
	p.space()
	if p.next() != ':' {
		return nil, false
	}
	p.at++
	p.space()
	return name, true
}

func (p *pruner) word(word string) bool {
	if !strings.HasPrefix(string(p.text[p.at:min(len(p.text), p.at+len(word))]), word) {
		return false
	}
	p.at += len(word)
	return true
}

func (p *pruner) string() bool {
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			return true
		case c < ' ':
			return false
		case c != '\\':
		case i+1 < len(p.text) && strings.IndexByte(`"\/bfnrt`, p.text[i+1]) >= 0:
			i++
		case i+5 < len(p.text) && p.text[i+1] == 'u' && hexadecimal(p.text[i+2:i+6]):
			i += 5
		default:
			return false
		}
	}
	return false
}

func hexadecimal(digits []byte) bool {
	for _, c := range digits {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

func (p *pruner) number() bool {
	if p.next() == '-' {
		p.at++
	}
	if p.next() == '0' {
		p.at++
	} else if !p.digits() {
		return false
	}
	if p.next() == '.' {
		p.at++
		if !p.digits() {
			return false
		}
	}
	if c := p.next(); c == 'e' || c == 'E' {
		p.at++
		if c := p.next(); c == '+' || c == '-' {
			p.at++
		}
		return p.digits()
	}
	return true
}

// digits passes at least one.
func (p *pruner) digits() bool {
	begin := p.at
	for '0' <= p.next() && p.next() <= '9' {
		p.at++
	}
	return p.at > begin
}
