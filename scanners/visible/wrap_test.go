package visible

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 10, ""},
		{"one two three", 8, "one two|three"},
		{"a finding F-ABCD-EFGH is new", 14, "a finding|F-ABCD-EFGH is|new"},
		{"run --fail-on high again", 10, "run|--fail-on|high again"},
		{"call `secbydesign review --base main` now", 20, "call|`secbydesign review --base main`|now"},
		{"one ` alone is no command", 11, "one ` alone|is no|command"},
		{"path/to/a/file-with-a-long-name.go:12", 10, "path/to/a/file-with-a-long-name.go:12"},
		{"two\nparagraphs", 80, "two|paragraphs"},
		{"\x1b[1mbold\x1b[0m and not", 12, "\x1b[1mbold\x1b[0m and not"},
		{"日本 日本", 5, "日本|日本"},
		{"a  b", 10, "a b"},
	} {
		if got := strings.Join(Wrap(tt.text, tt.width), "|"); got != tt.want {
			t.Errorf("%q at %d: %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}
