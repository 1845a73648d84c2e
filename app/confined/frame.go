package confined

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A frame is one message on a pipe: the lengths of its two parts, four bytes each, most significant first; a JSON value;
// and bytes to which the value gives a meaning.
const frameHeader = 8

// The most bytes of the parts of a frame. What this process sends is bounded by what is read from a repository, see
// package app/examine; what it receives is bounded tightly, because it is untrusted.
const (
	maxSentHead, maxSentBody = 256 << 20, 1 << 30
	maxReceivedHead          = 64 << 20
)

var errFrame = errors.New("a message is larger than allowed")

// writeFrame writes a frame. It must not be called by two goroutines at once.
func writeFrame(w io.Writer, head any, body ...[]byte) error {
	text, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	size := 0
	for _, b := range body {
		size += len(b)
	}
	if len(text) > maxSentHead || size > maxSentBody {
		return errFrame
	}
	start := make([]byte, frameHeader, frameHeader+len(text))
	binary.BigEndian.PutUint32(start, uint32(len(text)))
	binary.BigEndian.PutUint32(start[4:], uint32(size))
	for _, b := range append([][]byte{append(start, text...)}, body...) {
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("write a message: %w", err)
		}
	}
	return nil
}

// readFrame reads a frame into head, and returns its body. io.EOF means that there are no more. A length is no reason to
// reserve memory: that grows with what really arrives.
func readFrame(r io.Reader, head any, maxHead, maxBody int64) (body []byte, err error) {
	var start [frameHeader]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return nil, err
	}
	first, second := int64(binary.BigEndian.Uint32(start[:])), int64(binary.BigEndian.Uint32(start[4:]))
	if first > maxHead || second > maxBody {
		return nil, errFrame
	}
	var text, rest bytes.Buffer
	if _, err := io.CopyN(&text, r, first); err != nil {
		return nil, fmt.Errorf("read a message: %w", err)
	}
	if _, err := io.CopyN(&rest, r, second); err != nil {
		return nil, fmt.Errorf("read a message: %w", err)
	}
	if err := json.Unmarshal(text.Bytes(), head); err != nil {
		return nil, fmt.Errorf("read a message: %w", err)
	}
	return rest.Bytes(), nil
}

// An order goes to the process.
type order struct {
	ID   uint64          // of the call
	Op   string          // do, cancel, or answer
	Task string          `json:",omitempty"` // do
	Data json.RawMessage `json:",omitempty"` // do: the request; answer: the answer
	Ask  uint64          `json:",omitempty"` // answer: the number of the question
	Err  string          `json:",omitempty"` // answer: why there is none
}

// A reply comes from the process, and is untrusted.
type reply struct {
	ID     uint64
	Op     string          // ready, done, or ask
	Build  string          `json:",omitempty"` // ready: which program it is
	Data   json.RawMessage `json:",omitempty"` // done: the answer; ask: the question
	Err    *failure        `json:",omitempty"` // done: why it failed
	Ask    uint64          `json:",omitempty"` // ask: the number of the question
	Memory int64           `json:",omitempty"` // done: how many bytes the process holds
}
