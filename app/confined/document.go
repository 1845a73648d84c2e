package confined

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/sarif"
)

// A document of SARIF that a workflow sends may be long, and names any file of the repository. So the process asks for
// its next part, and for the files that it names.

type sarifRequest struct {
	Root  string
	Limit int
}

type sarifAnswer struct {
	Runs []sarifRun
}

type sarifRun struct {
	sarif.Run
	Found, Accepted []rawFinding // Run.Findings and Run.Suppressed
}

type sarifQuestion struct {
	Part int64  // the offset of the part of the document that is wanted; -1 for none
	Path []byte `json:",omitempty"`
}

// documentPart is how many bytes of a document are sent at a time.
const documentPart = 1 << 20

type sarifFile struct {
	Content []byte
	Known   bool // the content is not nil
	There   bool
}

// maxSarifRuns bounds the runs of a document; package sarif reads no more.
const maxSarifRuns = 1000

// SARIF is [sarif.Read] in a process of the pool. Of the options, Root, Limit and Content count. It calls Content from one
// goroutine at a time.
func (p *Pool) SARIF(ctx context.Context, document io.ReaderAt, o sarif.ReadOptions) ([]sarif.Run, error) {
	var mu sync.Mutex
	known := map[string]bool{} // whether a path is there
	content := func(path string) ([]byte, bool) {
		mu.Lock()
		defer mu.Unlock()
		text, ok := o.Content(path)
		known[path] = ok
		return text, ok
	}
	answer := func(_ context.Context, text json.RawMessage) (any, error) {
		var q sarifQuestion
		if err := json.Unmarshal(text, &q); err != nil {
			return nil, errors.New("not a question")
		}
		if q.Part < 0 {
			text, ok := content(string(q.Path))
			return sarifFile{text, text != nil, ok}, nil
		}
		part := make([]byte, documentPart)
		n, err := document.ReadAt(part, q.Part)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, errors.New("the document cannot be read")
		}
		return part[:n], nil
	}
	var got sarifAnswer
	failed, err := p.do(ctx, request{task: "sarif", data: sarifRequest{o.Root, o.Limit}, answer: answer}, &got)
	var ended *EndedError
	if errors.As(err, &ended) && ended.Why != Closed {
		return nil, &scanners.IncompleteError{Reason: "The SARIF document cannot be used: it could not be read within the limits of memory and depth.", Err: err}
	}
	if err != nil {
		return nil, err
	}
	if len(got.Runs) > maxSarifRuns {
		return nil, &EndedError{Why: Garbled}
	}
	there := func(path, commit string) bool {
		ok, asked := known[path]
		if !asked {
			_, ok = content(path)
		}
		return ok && commit == ""
	}
	var runs []sarif.Run
	for _, r := range got.Runs {
		run := r.Run
		run.Tool, run.Version, run.Category = sentence(run.Tool), sentence(run.Version), sentence(run.Category)
		var one, other error
		run.Findings, one = believedWhere(findings(r.Found), there)
		run.Suppressed, other = believedWhere(findings(r.Accepted), there)
		if errors.Join(one, other) != nil {
			return nil, &EndedError{Why: Garbled}
		}
		runs = append(runs, run)
	}
	return runs, failed
}

func readSARIF(ctx context.Context, c *Call) (any, error) {
	var r sarifRequest
	if _, err := c.Request(&r); err != nil {
		return nil, err
	}
	runs, err := sarif.Read(&documentReader{ctx: ctx, call: c}, sarif.ReadOptions{Root: r.Root, Limit: r.Limit, Content: func(path string) ([]byte, bool) {
		var f sarifFile
		if c.Ask(ctx, sarifQuestion{Part: -1, Path: []byte(path)}, &f) != nil || !f.There {
			return nil, false
		}
		if f.Known && f.Content == nil {
			f.Content = []byte{}
		}
		return f.Content, true
	}})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	out := sarifAnswer{}
	for _, run := range runs {
		one := sarifRun{Found: rawFindings(run.Findings), Accepted: rawFindings(run.Suppressed)}
		run.Findings, run.Suppressed = nil, []scanners.Finding(nil)
		one.Run = run
		out.Runs = append(out.Runs, one)
	}
	return out, err
}

// A documentReader reads the document by asking for it.
type documentReader struct {
	ctx  context.Context
	call *Call
	at   int64
	left []byte
}

func (d *documentReader) Read(b []byte) (int, error) {
	if len(d.left) == 0 {
		if err := d.call.Ask(d.ctx, sarifQuestion{Part: d.at}, &d.left); err != nil {
			return 0, err
		}
		if d.at += int64(len(d.left)); len(d.left) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(b, d.left)
	d.left = d.left[n:]
	return n, nil
}
