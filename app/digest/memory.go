package digest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxKeys bounds how many entries a memory has.
const maxKeys = 10_000

// A memory is what is kept of a digest until the next time. Its digest is compared with that of one week before, at
// least: so what got better stays to be read for a week.
type memory struct {
	Week   string   `json:"week"`   // of Last
	Last   Snapshot `json:"last"`   // the first one of this week
	Before Snapshot `json:"before"` // the first one of the week before
}

func readMemory(data json.RawMessage) (m memory, err error) {
	if len(data) == 0 {
		return memory{}, nil
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return memory{}, fmt.Errorf("read what the digest was: %w", err)
	}
	return m, nil
}

// base returns what a digest is compared with. It is empty for the first one.
func (m memory) base() Snapshot {
	if m.Before.At.IsZero() {
		return m.Last
	}
	return m.Before
}

// turn begins a week, if it is a new one: what was last is what was before.
func (m memory) turn(now time.Time, s Snapshot) memory {
	if w := week(now); w != m.Week {
		m.Before, m.Last, m.Week = m.Last, s, w
	}
	return m
}

// with adds the entries of a snapshot, so that one that comes and goes within a week is counted.
func (m memory) with(s Snapshot) memory {
	m.Last.Keys = merged(m.Last.Keys, s.Keys)
	if !m.Before.At.IsZero() {
		m.Before.Keys = merged(m.Before.Keys, s.Keys)
	}
	return m
}

func merged(a, b []string) []string {
	all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
	return all[:min(len(all), maxKeys)]
}

// has reports whether an entry of a repository was shown.
func (m memory) has(repo string) bool {
	is := func(key string) bool {
		rest, ok := cutFold(key, repo)
		return ok && (strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "#"))
	}
	return slices.ContainsFunc(m.Last.Keys, is) || slices.ContainsFunc(m.Before.Keys, is)
}

// cutFold is [strings.CutPrefix] without case.
func cutFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}
