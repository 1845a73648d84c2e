package confined

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
)

// Scanners are the scanners of a catalogue, whose content is read in the processes of a pool. Their other methods, which
// see no content, run here.
type Scanners struct {
	pool    *Pool
	options json.RawMessage
	asked   Answerer
}

// Scanners returns the scanners of a catalogue. Its options must not have a folder that is not in [Options.Reads].
func (p *Pool) Scanners(o catalog.Options) ([]scanners.Scanner, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("write the settings of scanners: %w", err)
	}
	s := &Scanners{pool: p, options: text, asked: newAdvisories(o.OSV).answer}
	o.Tools, o.Elsewhere = p.options.Tools, s.part
	return s.Wrap(catalog.All(o)), nil
}

// Wrap returns scanners that scan in the pool instead of the given ones. A scanner that is a program is returned as it is:
// it runs in a sandbox of its own, and its output is read in the pool because of [catalog.Options].
func (s *Scanners) Wrap(all []scanners.Scanner) []scanners.Scanner {
	out := make([]scanners.Scanner, len(all))
	for i, one := range all {
		out[i] = one
		if one.Info().Program == "" {
			out[i] = &scanner{Scanner: one, from: s}
		}
	}
	return out
}

// A scanner scans in a process of a pool.
type scanner struct {
	scanners.Scanner
	from     *Scanners
	controls map[string][]string
}

// A scanRequest is a scan, or a question for notices. The contents of the files are the body, one after another.
type scanRequest struct {
	Options  json.RawMessage
	Scanner  string
	Controls map[string][]string `json:",omitempty"`
	Rules    string              // what the scanner here says about its rules
	Scope    scanners.Scope
	Files    []scanFile
	Notices  bool
}

type scanFile struct {
	Path         []byte
	Blob, Commit string
	Size         int // -1 for content that is nil
}

type scanAnswer struct {
	Found   []rawFinding
	Notices []string
}

// Scan implements [scanners.Scanner].
func (s *scanner) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	if t.Scope == scanners.ScopeTree {
		return nil, fmt.Errorf("scan with %s: a built-in scanner of trees has no way into a process", s.Info().Name)
	}
	answer, failed, err := s.ask(ctx, t.Scope, t.Files, false)
	if err != nil {
		return nil, err
	}
	found, refused := believed(findings(answer.Found), t)
	return found, errors.Join(refused, failed)
}

// Rules implements [scanners.Ruled].
func (s *scanner) Rules(ctx context.Context) (string, error) {
	if ruled, ok := s.Scanner.(scanners.Ruled); ok {
		return ruled.Rules(ctx)
	}
	return "", nil
}

// Notices implements [scanners.Noticer].
func (s *scanner) Notices(ctx context.Context, files []scanners.File) []string {
	if _, ok := s.Scanner.(scanners.Noticer); !ok {
		return nil
	}
	answer, failed, err := s.ask(ctx, scanners.ScopeFile, files, true)
	if err = errors.Join(failed, err); err != nil {
		return []string{s.Info().Name + " could not say which files it knows too little about. " + scanners.Reason(err)}
	}
	return plainNotices(answer.Notices)
}

// WithControls implements [scanners.Controlled].
func (s *scanner) WithControls(names map[string][]string) scanners.Scanner {
	controlled, ok := s.Scanner.(scanners.Controlled)
	if !ok {
		return s
	}
	return &scanner{Scanner: controlled.WithControls(names), from: s.from, controls: names}
}

func (s *scanner) ask(ctx context.Context, scope scanners.Scope, files []scanners.File, notices bool) (answer scanAnswer, failed, err error) {
	r := scanRequest{Options: s.from.options, Scanner: s.Info().Name, Controls: s.controls, Scope: scope, Notices: notices}
	if r.Rules, err = s.Rules(ctx); err != nil {
		return answer, nil, err
	}
	body := make([][]byte, len(files))
	for i, f := range files {
		body[i] = f.Content
		size := len(f.Content)
		if f.Content == nil {
			size = -1
		}
		r.Files = append(r.Files, scanFile{[]byte(f.Path), f.Blob, f.Commit, size})
	}
	q := request{task: "scan", data: r, body: body}
	if r.Scanner == "osv" {
		q.answer = s.from.asked
	}
	failed, err = s.from.pool.do(ctx, q, &answer)
	return answer, failed, explained(err)
}

// explained returns the error with a sentence for the readers of a pull request.
func explained(err error) error {
	var ended *EndedError
	if errors.As(err, &ended) {
		return ended.incomplete()
	}
	return err
}

// A Catalog makes the scanners of a process, by the settings of a request.
type Catalog func(catalog.Options) []scanners.Scanner

// Tasks returns the tasks of a process, for [Serve]. It scans a line with each scanner that is built in, so that what they
// compile once, which takes a twentieth of a second, is there before a review waits for it.
func Tasks(make Catalog) map[string]Task {
	known := &known{make: make, by: map[string][]scanners.Scanner{}}
	line := scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: "a.py", Content: []byte("a = 1\n")}}}
	for _, s := range make(catalog.Options{BuiltIn: true}) {
		if s.Info().Program == "" {
			_, _ = s.Scan(context.Background(), line) // an error shows again in a review
		}
	}
	return map[string]Task{"scan": known.scan, "part": known.part, "sarif": readSARIF, "divide": divide}
}

// known remembers the scanners of a catalogue, since they remember what they learn.
type known struct {
	make Catalog
	mu   sync.Mutex
	by   map[string][]scanners.Scanner // by the text of their settings
}

func (k *known) all(text json.RawMessage) ([]scanners.Scanner, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if all := k.by[string(text)]; all != nil {
		return all, nil
	}
	var o catalog.Options
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, err
	}
	if o.OSV.URL != "" {
		o.OSV.Client = client(o.OSV.URL)
	}
	o.OSV.Index = asker{}
	all := k.make(o)
	k.by[string(text)] = all
	return all, nil
}

// errStale means that an operator's data changed in a way that the process cannot see.
var errStale = errors.New("the process sees other rules than the server")

func (k *known) scan(ctx context.Context, c *Call) (any, error) {
	var r scanRequest
	if _, err := c.Request(&r); err != nil {
		return nil, err
	}
	all, err := k.all(r.Options)
	if err != nil {
		return nil, err
	}
	ctx = context.WithValue(ctx, callKey{}, c)
	for _, s := range all {
		if s.Info().Name != r.Scanner {
			continue
		}
		if controlled, ok := s.(scanners.Controlled); ok && len(r.Controls) > 0 {
			s = controlled.WithControls(r.Controls)
		}
		if ruled, ok := s.(scanners.Ruled); ok {
			if rules, err := ruled.Rules(ctx); err != nil || rules != r.Rules {
				return nil, errors.Join(errStale, err)
			}
		}
		files, err := r.files(c.Body)
		if err != nil {
			return nil, err
		}
		if n, ok := s.(scanners.Noticer); ok && r.Notices {
			return scanAnswer{Notices: n.Notices(ctx, files)}, nil
		}
		found, err := s.Scan(ctx, scanners.Target{Scope: r.Scope, Files: files})
		return scanAnswer{Found: rawFindings(found)}, err
	}
	return nil, fmt.Errorf("there is no scanner %q", r.Scanner)
}

// files cuts the body into the contents of the files.
func (r scanRequest) files(body []byte) ([]scanners.File, error) {
	files := make([]scanners.File, len(r.Files))
	for i, f := range r.Files {
		files[i] = scanners.File{Path: string(f.Path), Blob: f.Blob, Commit: f.Commit}
		if f.Size < 0 {
			continue
		}
		if f.Size > len(body) {
			return nil, errors.New("the contents are shorter than their sizes say")
		}
		files[i].Content, body = body[:f.Size:f.Size], body[f.Size:]
	}
	return files, nil
}
