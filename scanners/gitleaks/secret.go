package gitleaks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/report"

	"github.com/secbydesign/secbydesign/scanners/internal/budget"
)

// The library's work for one text grows with matches times lines, and for some rules with
// matches times the length of their line, so a hostile file of a megabyte can keep it busy
// for an hour, and it looks at its context only between rules. Long texts are therefore
// searched in windows that overlap, which bounds a step to a few seconds. A secret belongs
// to the window that shows the bytes ahead of it and the bytes from its start on to behind,
// so no edge cuts it; only a longer one can be missed.
const (
	window = 32 << 10
	ahead  = 2 << 10
	behind = 10 << 10
	stride = window - ahead - behind
)

// A secret is one match: bytes from (inclusive) to (exclusive) of the file. A match of the
// file's name alone is empty.
type secret struct {
	rule     string
	from, to int
}

func (s secret) wholeFile() bool { return s.to == 0 }

// search gives all matches in the order of their places. It stops early when ctx is done
// or there are more than maxSecrets; with an error, when the time is over.
func search(ctx context.Context, d *detect.Detector, path, raw string, meter *budget.Meter) ([]secret, error) {
	var found []secret
	var spent error
	for start := 0; ; start += stride {
		end := min(start+window, len(raw))
		low, high := start+ahead, start+ahead+stride
		if start == 0 {
			low = 0
		}
		if end == len(raw) {
			high = end + 1
		}
		piece := raw[start:end]
		matches := d.DetectContext(ctx, detect.Fragment{Raw: piece, FilePath: path})
		if err := ctx.Err(); err != nil {
			return nil, err // matches of some rules only
		}
		var lines []int
		if len(matches) > 0 {
			lines = newlines(piece)
		}
		for _, m := range matches {
			s, err := locate(d, piece, lines, m)
			if err != nil {
				return nil, err
			}
			s.from += start
			s.to += start
			if low <= s.from && s.from < high {
				found = append(found, s)
			}
		}
		if end == len(raw) || len(found) > maxSecrets {
			break
		}
		if spent = meter.Err(); spent != nil {
			break
		}
	}
	slices.SortFunc(found, func(a, b secret) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to), cmp.Compare(a.rule, b.rule))
	})
	return slices.Compact(found), spent
}

// locate finds the very bytes of the secret. The library tells where the match of the
// rule begins, which may be lines before the secret: line from 0, and column from 1 on the
// first line, from 2 on the others, as it counts the newline in front.
func locate(d *detect.Detector, piece string, lines []int, m report.Finding) (secret, error) {
	pattern := d.Config.Rules[m.RuleID].Regex
	if pattern == nil {
		return secret{rule: m.RuleID}, nil
	}
	at := m.StartColumn - 1
	if m.StartLine > 0 {
		at += lines[m.StartLine-1]
	}
	// The library trims newlines from the match, but not from its place.
	skip := strings.Index(piece[at:], m.Match)
	if skip < 0 {
		return secret{}, fmt.Errorf("rule %s: no match where the library says", m.RuleID)
	}
	from, to := at+skip, at+skip+len(m.Match)
	if groups := pattern.FindStringSubmatchIndex(m.Match); !fragmentary(m.RuleID) {
		for i := 2; i < len(groups); i += 2 {
			if groups[i] >= 0 && m.Match[groups[i]:groups[i+1]] == m.Secret {
				from, to = from+groups[i], from+groups[i+1]
				break
			}
		}
	}
	// Some rules end in the middle of a word, whose rest is as secret.
	for n := 0; n < longestRest && to < len(piece) && inWord(piece[to]); n++ {
		to++
	}
	return secret{m.RuleID, from, to}, nil
}

// longestRest bounds what is added to a match.
const longestRest = 1 << 10

func inWord(c byte) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// A text is a file with its secrets, cut ones and shown ones.
type text struct {
	raw     string
	lines   []int // where the newlines are
	secrets []secret
	values  []string // the distinct secrets themselves
}

func newText(raw string, secrets []secret) text {
	t := text{raw: raw, secrets: secrets}
	if len(secrets) == 0 {
		return t
	}
	t.lines = newlines(raw)
	for _, s := range secrets {
		if !s.wholeFile() {
			t.values = append(t.values, raw[s.from:s.to])
		}
	}
	slices.Sort(t.values)
	t.values = slices.Compact(t.values)
	return t
}

func newlines(s string) []int {
	var at []int
	for i := range len(s) {
		if s[i] == '\n' {
			at = append(at, i)
		}
	}
	return at
}

// line gives the number, from 0, of the line that holds byte at.
func (t text) line(at int) int { return sort.SearchInts(t.lines, at) }

// bounds gives the first byte of a line and the one behind its last.
func (t text) bounds(line int) (from, to int) {
	to = len(t.raw)
	if line > 0 {
		from = t.lines[line-1] + 1
	}
	if line < len(t.lines) {
		to = t.lines[line]
	}
	return from, to
}

// farRight is the byte of a line from which columns are 0: counting characters from the
// start of a line costs its length for each secret, and nobody looks there by column.
const farRight = 64 << 10

// place gives line and column of byte at.
func (t text) place(at int) (line, column int) {
	line = t.line(at)
	from, _ := t.bounds(line)
	if at-from >= farRight {
		return line + 1, 0
	}
	return line + 1, utf8.RuneCountInString(t.raw[from:at]) + 1
}

// distinct gives the secrets without those that another rule knows better: by the same
// bytes, or when this rule is vaguer, by bytes inside of them or on the same line. Not by
// an overlap alone, because a private key without an end can reach over half of a file.
// The order stays.
func (t text) distinct() []secret {
	var kept []secret
	for _, s := range t.secrets {
		known := slices.ContainsFunc(t.secrets, func(o secret) bool {
			if v, w := vagueness(o.rule), vagueness(s.rule); v != w {
				overlap := o.from < s.to && s.from < o.to
				inside := s.from <= o.from && o.to <= s.to
				return v < w && overlap && (inside || t.line(o.from) == t.line(s.from))
			}
			return o.from == s.from && o.to == s.to && o.rule < s.rule
		})
		if !known {
			kept = append(kept, s)
		}
	}
	return kept
}

// near is how much of the line on each side of a secret tells it from others. Most lines
// are shorter; in a file that is one line, a change far away is none of its business.
const near = 200

// suspect is a long word. With letters and digits in it, it may be a secret that no rule
// knows, or the part of one that a rule leaves out.
var suspect = regexp.MustCompile(`[A-Za-z0-9_+/-]{20,}`)

// identity gives the lines of s without any secret of the file, found there or elsewhere,
// and without what looks like one. In the place of s itself are 16 bits of its digest, so
// that another secret in the same place is another finding; of the others nothing remains,
// so that they are none.
func (t text) identity(s secret) string {
	first, _ := t.bounds(t.line(s.from))
	_, last := t.bounds(t.line(s.to))
	from, to := max(first, s.from-near), min(last, s.to+near)

	cuts := []secret{s}
	for _, o := range t.secrets {
		if !o.wholeFile() && o.from < to && from < o.to {
			cuts = append(cuts, o)
		}
	}
	for _, v := range t.values {
		low, high := max(0, from-len(v)), min(len(t.raw), to+len(v))
		for {
			i := strings.Index(t.raw[low:high], v)
			if i < 0 {
				break
			}
			cuts = append(cuts, secret{from: low + i, to: low + i + len(v)})
			low += i + len(v)
		}
	}
	low, high := max(first, from-near), min(last, to+near) // for words across the borders
	for _, w := range suspect.FindAllStringIndex(t.raw[low:high], -1) {
		word := t.raw[low+w[0] : low+w[1]]
		if strings.ContainsAny(word, "0123456789") && strings.Trim(word, "0123456789_+/-") != "" {
			cuts = append(cuts, secret{from: low + w[0], to: low + w[1]})
		}
	}
	slices.SortFunc(cuts, func(a, b secret) int { return cmp.Compare(a.from, b.from) })

	var b strings.Builder
	at := from
	for i := 0; i < len(cuts); {
		// Cuts that overlap are one.
		end, own := cuts[i].to, false
		j := i
		for ; j < len(cuts) && (j == i || cuts[j].from < end); j++ {
			end = max(end, cuts[j].to)
			own = own || cuts[j] == s
		}
		if begin := cuts[i].from; begin < to && at < end {
			if at < begin {
				b.WriteString(t.raw[at:begin])
			}
			if own {
				b.WriteString(digest(t.raw[s.from:s.to]))
			} else {
				b.WriteByte('*')
			}
			at = end
		}
		i = j
	}
	if at < to {
		b.WriteString(t.raw[at:to])
	}
	return b.String()
}

// digest gives 16 bits of what s says without its white space, so that a key of many lines
// may be indented.
func digest(s string) string {
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(s), "")))
	return hex.EncodeToString(sum[:2])
}
