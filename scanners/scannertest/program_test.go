package scannertest

import (
	"errors"
	"strings"
	"testing"
)

// TestSilentAt has a parser that skips what it does not understand, and one that does not.
func TestSilentAt(t *testing.T) {
	t.Parallel()
	const output = "scanned 2 files\na.c:1: bad\n\na.c:2: bad\n"
	read := func(strict bool) func(string) (int, error) {
		return func(text string) (n int, err error) {
			for line := range strings.Lines(text) {
				switch {
				case strings.HasPrefix(line, "a.c:"):
					n++
				case strict && strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "scanned"):
					err = errors.New("not understood")
				}
			}
			return n, err
		}
	}
	if line := silentAt(output, 2, read(false)); line != 2 {
		t.Errorf("the first line that is skipped in silence is %d, want 2", line)
	}
	if line := silentAt(output, 2, read(true)); line != 0 {
		t.Errorf("line %d is said to be skipped in silence", line)
	}
}
