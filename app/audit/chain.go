package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Genesis is the hash before the first line of an organisation.
const Genesis = "0000000000000000000000000000000000000000000000000000000000000000"

// Digest returns the SHA-256 of data in lower-case hex digits.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Seal puts a line at its place in the chain of its organisation. It returns the JSON of the line without its hash, and
// the hash, which is the SHA-256 of that JSON.
func Seal(l Line, seq int64, prev string) (text []byte, hash string, err error) {
	l.Seq, l.PrevHash, l.Hash = seq, prev, ""
	if text, err = marshal(l); err != nil {
		return nil, "", err
	}
	return text, Digest(text), nil
}

// marshal returns JSON that tools such as jq write in the same way.
func marshal(l Line) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return nil, fmt.Errorf("write line of event %d: %w", l.ID, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// hashAfter is the field before which the hash stands in an exported line.
const hashAfter = `,"org":`

// Export returns the JSON of a line with its hash. text is that of [Seal].
func Export(text []byte, hash string) []byte {
	at := bytes.Index(text, []byte(hashAfter))
	if at < 0 {
		return text
	}
	return []byte(string(text[:at]) + `,"hash":"` + hash + `"` + string(text[at:]))
}

// without returns an exported line without its hash, and the hash.
func without(exported []byte) (text []byte, hash string, ok bool) {
	const field = `,"hash":"`
	at := bytes.Index(exported, []byte(field))
	if at < 0 {
		return nil, "", false
	}
	end := at + len(field) + len(Genesis)
	if end >= len(exported) || exported[end] != '"' || !bytes.HasPrefix(exported[end+1:], []byte(hashAfter)) {
		return nil, "", false
	}
	return []byte(string(exported[:at]) + string(exported[end+1:])), string(exported[at+len(field) : end]), true
}

// A Problem is one sign that a chain is not what was written.
type Problem struct {
	Org   string
	Seq   int64 // 0 if it concerns no line
	Event int64 // 0 if it concerns no event
	Line  int   // of the file, from 1; 0 if there is no file
	What  string
}

// String returns one sentence without a full stop.
func (p Problem) String() string {
	var at []string
	if p.Line > 0 {
		at = append(at, fmt.Sprintf("line %d", p.Line))
	}
	if p.Org != "" {
		at = append(at, p.Org)
	}
	if p.Seq > 0 {
		at = append(at, fmt.Sprintf("entry %d", p.Seq))
	}
	if p.Event > 0 {
		at = append(at, fmt.Sprintf("event %d", p.Event))
	}
	if len(at) == 0 {
		return p.What
	}
	return strings.Join(at, ", ") + ": " + p.What
}

// A Row is a line as it is stored.
type Row struct {
	Org   string
	Seq   int64
	Event int64
	Prev  string
	Hash  string
	Text  []byte // the JSON without the hash
}

// A State is what is known of one organisation's chain after some of its lines.
type State struct {
	Org     string
	First   int64 // the number of the first line
	Length  int64 // the number of the last line
	Hash    string
	Adopted int
	Seen    bool // the hash that was asked for is among them
}

// A Checker checks the chains of organisations, line by line. Its zero value is ready. It is not for several goroutines.
type Checker struct {
	Part bool   // lines may be missing, as in an export of one repository
	Kept string // a hash that somebody kept; empty for none

	Problems []Problem
	orgs     map[string]*State
	order    []string
}

// States returns what is known of each organisation, in the order of their first lines.
func (c *Checker) States() []State {
	var list []State
	for _, org := range c.order {
		list = append(list, *c.orgs[org])
	}
	return list
}

// State returns what is known of one organisation; ok is false if it has no line.
func (c *Checker) State(org string) (s State, ok bool) {
	if found := c.orgs[org]; found != nil {
		return *found, true
	}
	return State{}, false
}

// Row checks the next line of an organisation. stored is the event that it is about as the ledger has it; nil if it is
// gone. known is false where there is no ledger to compare with.
func (c *Checker) Row(row Row, stored *Event, known bool, fileLine int) {
	if c.orgs == nil {
		c.orgs = map[string]*State{}
	}
	problem := func(format string, args ...any) {
		c.Problems = append(c.Problems, Problem{row.Org, row.Seq, row.Event, fileLine, fmt.Sprintf(format, args...)})
	}
	s := c.orgs[row.Org]
	if s == nil {
		s = &State{Org: row.Org, First: row.Seq, Hash: Genesis}
		if c.Part {
			s.Length, s.Hash = row.Seq-1, row.Prev
		}
		c.orgs[row.Org] = s
		c.order = append(c.order, row.Org)
	}
	c.place(s, row, problem)
	var l Line
	switch err := json.Unmarshal(row.Text, &l); {
	case Digest(row.Text) != row.Hash:
		problem("the line was edited: its hash is not the stored one")
	case err != nil:
		problem("the line cannot be read")
	default:
		if l.Org != row.Org || l.Seq != row.Seq || l.ID != row.Event || l.PrevHash != row.Prev {
			problem("the line stands at another place than the one it was written for (entry %d of %s, event %d)", l.Seq, l.Org, l.ID)
		}
		if known {
			if what := differs(l, stored); what != "" {
				problem("%s", what)
			}
		}
		if l.Adopted {
			s.Adopted++
		}
	}
	s.Length, s.Hash = row.Seq, row.Hash
	s.Seen = s.Seen || row.Hash == c.Kept
}

// place checks that a line follows the one before it.
func (c *Checker) place(s *State, row Row, problem func(string, ...any)) {
	switch next := s.Length + 1; {
	case row.Seq > next && c.Part:
	case row.Seq == next+1:
		problem("the entry before it, %d, is missing", next)
	case row.Seq > next:
		problem("the entries before it, %d to %d, are missing", next, row.Seq-1)
	case row.Seq < next:
		problem("it is out of order: it comes after entry %d", s.Length)
	case row.Prev != s.Hash:
		problem("it does not follow entry %d: that one, or this one, was replaced", s.Length)
	}
}

// differs says in which way an event is not what its line says; empty if it is.
func differs(l Line, e *Event) string {
	if e == nil {
		return "the event was removed"
	}
	var parts []string
	for _, part := range []struct {
		name string
		same bool
	}{
		{"kind", e.Kind == l.Kind},
		{"time", e.At.UTC().Truncate(time.Millisecond).Equal(l.TS)},
		{"repository", e.Owner+"/"+e.Repo == l.Repo && e.RepoID == l.RepoID},
		{"pull request", e.Number == l.Number},
		{"commit", e.Head == l.Head},
		{"installation", e.Installation == l.Installation},
		{"data", Digest(e.Data) == l.Data},
	} {
		if !part.same {
			parts = append(parts, part.name)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "the event was edited: its " + strings.Join(parts, ", its ") + " is not what was recorded"
}

// Head compares the chain of an organisation, after its last line, with the length and the hash that are kept apart from it.
func (c *Checker) Head(org string, length int64, hash string) {
	s, ok := c.State(org)
	problem := func(format string, args ...any) {
		c.Problems = append(c.Problems, Problem{Org: org, What: fmt.Sprintf(format, args...)})
	}
	switch {
	case !ok:
		problem("all %d entries were removed", length)
	case s.Length < length:
		problem("the chain ends with entry %d, and the head says %d: the last entries were removed, or the head was forged", s.Length, length)
	case s.Length > length:
		problem("the chain ends with entry %d, and the head says %d: entries were added by hand, or the head was forged", s.Length, length)
	case s.Hash != hash:
		problem("the hash of the last entry, %d, is not that of the head: the entry was replaced, or the head was forged", length)
	}
}

// Finish checks that the hash that somebody kept is in one of the chains.
func (c *Checker) Finish() {
	if c.Kept == "" {
		return
	}
	for _, s := range c.orgs {
		if s.Seen {
			return
		}
	}
	c.Problems = append(c.Problems, Problem{What: "the kept head " + c.Kept + " is not in the chain: the entry it belongs to was removed or changed since"})
}
