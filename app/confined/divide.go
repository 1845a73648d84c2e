package confined

import (
	"context"
	"slices"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/scanners/blocks"
)

type divideRequest struct{ Path []byte }

// Divide is [blocks.Divide] in a process of the pool. It divides code here, where only indentation counts and lines are
// read one by one. A file that ends its process is not divided: a problem that moves within it may then look new.
func (p *Pool) Divide(ctx context.Context, name string, content []byte) blocks.Division {
	whole := blocks.Division{Kind: blocks.Whole}
	if blocks.KindOf(name) == blocks.Code {
		return blocks.Divide(name, content)
	}
	var got blocks.Division
	failed, err := p.do(ctx, request{task: "divide", data: divideRequest{[]byte(name)}, body: [][]byte{content}}, &got)
	if failed != nil || err != nil {
		zerolog.Ctx(ctx).Warn().AnErr("failed", failed).Err(err).Msg("a file could not be divided into blocks")
		return whole
	}
	wrong := func(i int) bool { return i < -1 || i >= len(got.Names) }
	if got.Kind != blocks.Whole && got.Kind != blocks.KindOf(name) || len(got.Of) > len(content)+1 || slices.ContainsFunc(got.Of, wrong) {
		return whole
	}
	return got
}

func divide(_ context.Context, c *Call) (any, error) {
	var r divideRequest
	if _, err := c.Request(&r); err != nil {
		return nil, err
	}
	return blocks.Divide(string(r.Path), c.Body), nil
}
