package confined

import (
	"context"
	"errors"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// A failure is an error on its way through a pipe.
type failure struct {
	Kind   string   `json:",omitempty"` // missing, incomplete, late, cancelled, or empty for another error
	Text   string   // for the operator; of a missing program, the hint
	Reason string   `json:",omitempty"` // of an incomplete scan
	Paths  [][]byte `json:",omitempty"`
	Notice bool     `json:",omitempty"`
}

// stale is the kind of an error of a process that sees older data of the operator than this one.
const stale = "stale"

// The most bytes of texts, and the most paths, of an error that comes from the process.
const (
	maxErrorText  = 16 << 10
	maxErrorPaths = 100_000
)

func failureOf(err error) *failure {
	var missing *scanners.MissingError
	var incomplete *scanners.IncompleteError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errStale):
		return &failure{Kind: stale, Text: err.Error()}
	case errors.As(err, &incomplete):
		f := &failure{Kind: "incomplete", Reason: incomplete.Reason, Notice: incomplete.Notice}
		for _, path := range incomplete.Paths {
			f.Paths = append(f.Paths, []byte(path))
		}
		if incomplete.Err != nil {
			f.Text = incomplete.Err.Error()
		}
		return f
	case errors.As(err, &missing):
		return &failure{Kind: "missing", Text: missing.Hint}
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{Kind: "late", Text: err.Error()}
	case errors.Is(err, context.Canceled):
		return &failure{Kind: "cancelled", Text: err.Error()}
	}
	return &failure{Text: err.Error()}
}

// remoteError is an error of the process without a type of its own.
type remoteError struct {
	text string
	is   error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.is }

// err returns the error that the failure describes, with its texts cut to what a reader takes in.
func (f *failure) err() error {
	if f == nil {
		return nil
	}
	text := sentence(f.Text)
	switch f.Kind {
	case "incomplete":
		e := &scanners.IncompleteError{Reason: sentence(f.Reason), Notice: f.Notice}
		if e.Reason == "" {
			e.Reason = scanners.Reason(errors.New(""))
		}
		if text != "" {
			e.Err = errors.New(text)
		}
		if len(f.Paths) <= maxErrorPaths { // otherwise it is not known which
			for _, path := range f.Paths {
				e.Paths = append(e.Paths, string(path))
			}
		}
		return e
	case "missing":
		return &scanners.MissingError{Hint: text}
	case "late":
		return &remoteError{text, context.DeadlineExceeded}
	case "cancelled":
		return &remoteError{text, context.Canceled}
	}
	return &remoteError{text: text}
}

// sentence cuts a text of the process, and makes it valid.
func sentence(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxErrorText)], "\uFFFD")
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
			return -1
		}
		return c
	}, s)
}
