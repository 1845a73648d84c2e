package publish

import (
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/checks"
)

// TestASiblingIsNamedWithinTheLimits checks GitHub's limits for a summary and a title.
func TestASiblingIsNamedWithinTheLimits(t *testing.T) {
	t.Parallel()
	const n = 1 << 31
	r := &Run{siblings: []int{n}, others: map[int]*github.CheckRun{n: {Status: github.String("completed"), Conclusion: github.String("failure")}}}
	c := r.worst(checks.Check{Conclusion: checks.Neutral, Title: strings.Repeat("t", 300), Summary: strings.Repeat("s", checks.MaxSummary)})
	if len(c.Summary) > 65535 || !strings.HasPrefix(c.Summary, "> Pull request #2147483648 has the same commit") {
		t.Errorf("%d bytes: %.100s", len(c.Summary), c.Summary)
	}
	if title := output(c).GetTitle(); len(title) > maxTitle || !strings.HasPrefix(title, "#2147483648, which has the same commit, has the result failure.") {
		t.Errorf("the title is %q", title)
	}
}
