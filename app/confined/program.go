package confined

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
)

// A program runs in a sandbox that this process starts. What it printed, and what has to be known about the tree before
// it starts, is read in the pool.

type partRequest struct {
	Options json.RawMessage
	Part    catalog.Part
	Files   []scanFile
}

type partAnswer struct {
	catalog.Answer
	Raw    []rawFinding // Answer.Found
	Failed *failure     // Answer.Err
}

// part does one part of a program's scan in the pool.
func (s *Scanners) part(ctx context.Context, p catalog.Part) (catalog.Answer, error) {
	r := request{task: "part"}
	target := scanners.Target{Scope: p.Scope, Dir: p.Dir, Files: p.Files}
	if p.Scope == scanners.ScopeTree {
		r.tree = p.Dir
	}
	data := partRequest{Options: s.options}
	for _, f := range p.Files {
		data.Files = append(data.Files, scanFile{[]byte(f.Path), f.Blob, f.Commit, len(f.Content)})
		r.body = append(r.body, f.Content)
	}
	r.body = append(r.body, p.Output.Text)
	p.Files, p.Dir, p.Output.Text = nil, "", nil
	data.Part = p
	r.data = data

	var answer partAnswer
	failed, err := s.pool.do(ctx, r, &answer)
	if err = errors.Join(failed, explained(err)); err != nil {
		return catalog.Answer{}, err
	}
	out := answer.Answer
	var refused error
	out.Found, refused = believed(findings(answer.Raw), target)
	out.Err = errors.Join(refused, answer.Failed.err())
	out.Inputs, out.Again = named(out.Inputs), named(out.Again)
	return out, nil
}

// named returns the names that are of files or folders below the working folder of a program, and so no options of it.
func named(files []string) []string {
	return slices.DeleteFunc(files, func(name string) bool {
		return !strings.HasPrefix(name, "./") || strings.ContainsRune(name, 0) || slices.Contains(strings.Split(name, "/"), "..")
	})
}

func (k *known) part(ctx context.Context, c *Call) (any, error) {
	var r partRequest
	tree, err := c.Request(&r)
	if err != nil {
		return nil, err
	}
	all, err := k.all(r.Options)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, f := range r.Files {
		size += max(f.Size, 0)
	}
	if size > len(c.Body) {
		return nil, errors.New("the contents are shorter than their sizes say")
	}
	p := r.Part
	if p.Files, err = (scanRequest{Files: r.Files}).files(c.Body[:size]); err != nil {
		return nil, err
	}
	p.Dir, p.Output.Text = tree, c.Body[size:]
	done, err := catalog.Do(ctx, all, p)
	answer := partAnswer{Answer: done, Raw: rawFindings(done.Found), Failed: failureOf(done.Err)}
	answer.Found, answer.Err = nil, nil
	return answer, err
}
