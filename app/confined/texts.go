package confined

import (
	"context"
	"errors"
	"time"
)

// A file that is not scanned but read, such as one of YAML, goes to a process as a text with its name.

// textsLimit is how long reading some texts may take. Each is of a few hundred kilobytes at most.
const textsLimit = 20 * time.Second

type textsRequest struct {
	Names [][]byte
	Sizes []int
}

// Texts has a task that [Texts] made done in a process, in one call for all texts, and decodes its answer, which is
// untrusted, into answer. names and texts have the same length. An error that [*EndedError.ByContent] is about, and an
// error of the task, may come from the texts themselves. Several goroutines may call it at once.
func (p *Pool) Texts(ctx context.Context, task string, names []string, texts [][]byte, answer any) error {
	r := textsRequest{Sizes: make([]int, len(texts))}
	for i, text := range texts {
		r.Names, r.Sizes[i] = append(r.Names, []byte(names[i])), len(text)
	}
	limited, cancel := context.WithTimeout(ctx, textsLimit)
	defer cancel()
	failed, err := p.do(limited, request{task: task, data: r, body: texts}, answer)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return &EndedError{Why: Stuck}
	}
	return errors.Join(failed, err)
}

// Texts makes the task that reads some texts, for [Pool.Texts].
func Texts(read func(ctx context.Context, names []string, texts [][]byte) (any, error)) Task {
	return func(ctx context.Context, c *Call) (any, error) {
		var r textsRequest
		if _, err := c.Request(&r); err != nil {
			return nil, err
		}
		if len(r.Names) != len(r.Sizes) {
			return nil, errors.New("a request has names without texts")
		}
		names, texts, rest := make([]string, len(r.Names)), make([][]byte, len(r.Names)), c.Body
		for i, size := range r.Sizes {
			if size < 0 || size > len(rest) {
				return nil, errors.New("the texts are shorter than their sizes say")
			}
			names[i], texts[i], rest = string(r.Names[i]), rest[:size:size], rest[size:]
		}
		return read(ctx, names, texts)
	}
}

// ByContent reports whether what the process read may have ended it. Otherwise the machine, or this program, did.
func (e *EndedError) ByContent() bool {
	switch e.Why {
	case Crashed, Overflowed, Exhausted, Killed, Stuck, Garbled:
		return true
	}
	return false
}
