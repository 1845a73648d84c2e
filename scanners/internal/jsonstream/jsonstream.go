// Package jsonstream walks through untrusted JSON documents of any length. It holds one value at a
// time, bounds the memory for it, and reports errors in one sentence that names the place.
package jsonstream

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	// MaxValue is the size of the largest object or text that is read, because each
	// has to be held in memory whole.
	MaxValue = 16 << 20

	// maxDepth is how deep a document may be nested. Formats need some 20.
	maxDepth = 500
)

var errTooLarge = fmt.Errorf("one value is larger than %d MB", MaxValue>>20)

// A Stream walks through a JSON document without holding all of it: only the value that
// [Stream.Decode] reads is in memory, one at a time.
type Stream struct {
	json *json.Decoder
	in   *window
	path []string // the path of the current value, for messages
}

// New returns a Stream that reads from r.
func New(r io.Reader) (*Stream, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	switch mark, _ := b.Peek(3); {
	case len(mark) == 3 && string(mark) == "\xEF\xBB\xBF":
		_, _ = b.Discard(3)
	case len(mark) >= 2 && (string(mark[:2]) == "\xFF\xFE" || string(mark[:2]) == "\xFE\xFF"):
		return nil, errors.New("it is UTF-16 text; write it as UTF-8")
	}
	in := &window{r: b, limit: MaxValue}
	return &Stream{json: json.NewDecoder(in), in: in}, nil
}

// A window is a reader that returns an error at a limit. The limit moves on with each value. It bounds
// the memory of the decoder, which reads until a value is complete.
type window struct {
	r           io.Reader
	read, limit int64
}

func (w *window) Read(p []byte) (int, error) {
	room := w.limit - w.read
	if room <= 0 {
		return 0, errTooLarge
	}
	n, err := w.r.Read(p[:min(int64(len(p)), room)])
	w.read += int64(n)
	return n, err
}

// Offset returns how many bytes have been decoded.
func (s *Stream) Offset() int64 { return s.json.InputOffset() }

func (s *Stream) move() { s.in.limit = s.json.InputOffset() + MaxValue }

func (s *Stream) token() (json.Token, error) {
	s.move()
	t, err := s.json.Token()
	if err != nil {
		return nil, s.fail(err)
	}
	return t, nil
}

// Decode reads the next value into v.
func (s *Stream) Decode(v any) error {
	s.move()
	if err := s.json.Decode(v); err != nil {
		return s.fail(err)
	}
	return nil
}

// Object calls f for each key of the next value, an object; f must read the key's value. Null
// has no keys.
func (s *Stream) Object(f func(key string) error) error {
	if open, err := s.open('{', "an object"); !open || err != nil {
		return err
	}
	for s.json.More() {
		t, err := s.token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return s.Wrong("has a key that is no text")
		}
		if len(s.path) > 0 {
			key = "." + key
		}
		s.path = append(s.path, key)
		if err := f(strings.TrimPrefix(key, ".")); err != nil {
			return err
		}
		s.path = s.path[:len(s.path)-1]
	}
	_, err := s.token()
	return err
}

// Array calls f for each element of the next value, an array; f must read the element. Null has no
// elements.
func (s *Stream) Array(f func(i int) error) error {
	_, err := s.List(f)
	return err
}

// List is [Stream.Array], and also reports whether there was a list. It returns false for null.
func (s *Stream) List(f func(i int) error) (listed bool, err error) {
	if open, err := s.open('[', "a list"); !open || err != nil {
		return false, err
	}
	for i := 0; s.json.More(); i++ {
		s.path = append(s.path, "["+strconv.Itoa(i)+"]")
		if err := f(i); err != nil {
			return true, err
		}
		s.path = s.path[:len(s.path)-1]
	}
	_, err = s.token()
	return true, err
}

func (s *Stream) open(want json.Delim, name string) (bool, error) {
	t, err := s.token()
	if err != nil || t == nil {
		return false, err
	}
	if t != want {
		return false, s.Wrong("is " + kind(t) + " and not " + name)
	}
	return true, nil
}

// Skip skips the next value.
func (s *Stream) Skip() error {
	for depth := 0; ; {
		t, err := s.token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxDepth {
				return s.Wrong("is nested too deeply")
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// Pass skips the next value, which must not be larger than [MaxValue]. It is three times as fast as
// [Stream.Skip].
func (s *Stream) Pass() error { return s.Decode(new(ignored)) }

type ignored struct{}

func (*ignored) UnmarshalJSON([]byte) error { return nil }

// End returns an error if anything but white space follows the document.
func (s *Stream) End() error {
	s.move()
	switch _, err := s.json.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, errTooLarge):
		return s.fail(err)
	}
	return fmt.Errorf("something follows the document at byte %d; write one document to one file", s.json.InputOffset())
}

// An InvalidError says in one sentence what is wrong with a document, and where. It quotes
// only keys, and shortens them.
type InvalidError string

func (e InvalidError) Error() string { return string(e) }

func (s *Stream) where() string {
	if len(s.path) == 0 {
		return "the document"
	}
	// Keys are untrusted input.
	var b strings.Builder
	for _, p := range s.path[:min(len(s.path), 12)] {
		p = strconv.Quote(p[:min(len(p), 60)])
		b.WriteString(p[1 : len(p)-1])
		if b.Len() > 120 {
			b.WriteString("…")
			break
		}
	}
	return b.String()
}

// Wrong returns an error about the current value. Its text is the value's name, followed by what.
func (s *Stream) Wrong(what string) error { return InvalidError(s.where() + " " + what) }

// fail rewrites an error of the decoder in our words.
func (s *Stream) fail(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	at := fmt.Sprintf(" (byte %d)", s.json.InputOffset())
	switch {
	case errors.Is(err, errTooLarge):
		return InvalidError(s.where() + at + ": " + errTooLarge.Error())
	case errors.Is(err, io.EOF) && s.in.read == 0:
		return InvalidError("the document is empty")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return InvalidError("the document ends in the middle of " + s.where() + at)
	case errors.As(err, &syntax):
		return InvalidError(s.where() + at + " is not valid JSON: " + syntax.Error())
	case errors.As(err, &kind):
		field := s.where()
		if kind.Field != "" {
			field += "." + kind.Field
		}
		what, _, _ := strings.Cut(kind.Value, " ")
		return InvalidError(field + " is not of the type that the format has there, but: " + what)
	}
	return fmt.Errorf("read %s: %w", s.where(), err)
}

func kind(t json.Token) string {
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			return "a list"
		}
		return "an object"
	case string:
		return "text"
	case bool:
		return "true or false"
	}
	return "a number"
}
