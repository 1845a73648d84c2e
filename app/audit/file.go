package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds a line of a file, in bytes. The data of an event comes from one comment, which has at most 64 KB.
const maxLine = 4 << 20

// File checks an exported file line by line. The error is one of reading.
func (c *Checker) File(r io.Reader) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 64<<10), maxLine)
	n := 0
	for in.Scan() {
		n++
		text, hash, ok := without(in.Bytes())
		var l Line
		if err := json.Unmarshal(text, &l); !ok || err != nil {
			c.Problems = append(c.Problems, Problem{Line: n, What: "this is no line of an export, or its form was changed"})
			continue
		}
		c.Row(Row{Org: l.Org, Seq: l.Seq, Event: l.ID, Prev: l.PrevHash, Hash: hash, Text: text}, nil, false, n)
	}
	if err := in.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			c.Problems = append(c.Problems, Problem{Line: n + 1, What: fmt.Sprintf("the line is longer than %d bytes", maxLine)})
			return nil
		}
		return fmt.Errorf("read line %d: %w", n+1, err)
	}
	if n == 0 {
		c.Problems = append(c.Problems, Problem{What: "the file is empty"})
	}
	return nil
}
