package gitleaks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/report"

	"github.com/secbydesign/secbydesign/scanners/internal/budget"
	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
)

// The library's work for one text grows with matches times lines, and for some rules with matches
// times the length of their line. So a hostile file of a megabyte can keep it busy for an hour, and
// it checks its context only between rules. Long texts are therefore searched in overlapping
// windows, which bounds each step to a few seconds. A secret is reported by the window that
// contains at least ahead bytes before its start and behind bytes after its start, so no edge cuts
// it; only a secret longer than behind can be missed.
const (
	window = 32 << 10
	ahead  = 2 << 10
	behind = 10 << 10
	stride = window - ahead - behind
)

// A secret is one match: the bytes [from, to) of the file. The range is empty if only the file's
// name matches.
type secret struct {
	rule     string
	from, to int
	decoded  bool // the file has it in base64 or another encoding
}

func (s secret) wholeFile() bool { return s.to == 0 }

// search returns all matches in the order of their places. It stops early if ctx is done or if
// there are more than maxSecrets matches; if the time runs out, it returns an error with the
// matches.
func search(ctx context.Context, d *detectors, path, raw string, meter *budget.Meter) ([]secret, error) {
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
		matches := d.of(piece).DetectContext(ctx, detect.Fragment{Raw: piece, FilePath: path})
		if err := ctx.Err(); err != nil {
			return nil, err // only some rules were applied
		}
		var lines []int
		if len(matches) > 0 {
			lines = newlines(piece)
		}
		for _, m := range matches {
			s, err := locate(d.Detector, piece, lines, m)
			if err != nil {
				return nil, err
			}
			s.from += start
			s.to += start
			s.begin += start
			s.path, s.raw = path, raw
			if low <= s.from && s.from < high && !s.noise() {
				found = append(found, s.secret)
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

// locate finds the exact bytes of the secret. The library reports where the rule's match begins,
// which may be lines before the secret. Its lines count from 0; its columns count from 1 on the
// first line and from 2 on the others, because it counts the preceding newline.
func locate(d *detect.Detector, piece string, lines []int, m report.Finding) (match, error) {
	found := match{secret: secret{rule: public(m.RuleID)}, context: m.Match, value: m.Secret}
	pattern := d.Config.Rules[m.RuleID].Regex
	if pattern == nil {
		return found, nil
	}
	if found.decoded = slices.ContainsFunc(m.Tags, func(tag string) bool { return strings.HasPrefix(tag, "decoded:") }); found.decoded {
		found.from, found.to = encoded(piece, lines, m)
		found.begin = found.from
		return found, nil
	}
	at := offset(lines, m.StartLine, m.StartColumn-1)
	// The library trims newlines from the match but does not adjust its place.
	skip := strings.Index(piece[at:], m.Match)
	if skip < 0 {
		return match{}, fmt.Errorf("rule %s: no match where the library says", m.RuleID)
	}
	from, to := at+skip, at+skip+len(m.Match)
	found.begin = from
	if groups := pattern.FindStringSubmatchIndex(m.Match); !fragmentary(m.RuleID) {
		for i := 2; i < len(groups); i += 2 {
			if groups[i] >= 0 && m.Match[groups[i]:groups[i+1]] == m.Secret {
				from, to = from+groups[i], from+groups[i+1]
				break
			}
		}
	}
	// Some rules stop in the middle of a word, whose rest is secret, too.
	for n := 0; n < longestRest && to < len(piece) && inWord(piece[to]); n++ {
		to++
	}
	found.from, found.to, found.value = from, to, piece[from:to]
	if text, whole := pattern.LiteralPrefix(); whole {
		found.literal = text
	}
	return found, nil
}

// offset returns the byte at a column of a line, both from 0 as the library counts them.
func offset(lines []int, line, column int) int {
	if line > 0 {
		return lines[line-1] + column
	}
	return column
}

// encoded returns the bytes of the text that was decoded to the match. The library knows the end of a match only
// if it is before the last newline.
func encoded(piece string, lines []int, m report.Finding) (from, to int) {
	from = min(max(offset(lines, m.StartLine, m.StartColumn-1), 0), len(piece)-1)
	to = min(offset(lines, m.EndLine, m.EndColumn), len(piece))
	if to <= from {
		to = from + 1
		for to < len(piece) && (inWord(piece[to]) || strings.IndexByte("+/=%", piece[to]) >= 0) {
			to++
		}
	}
	return from, to
}

// longestRest is the most bytes added to a match.
const longestRest = 1 << 10

func inWord(c byte) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// A text is a file with its secrets.
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

// line returns the number, from 0, of the line that contains byte at.
func (t text) line(at int) int { return sort.SearchInts(t.lines, at) }

// bounds returns the range [from, to) of a line's bytes, without the newline.
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

// farRight is the byte of a line from which on columns are reported as 0: counting characters from
// the start of the line takes time for each secret, and nobody uses such columns.
const farRight = 64 << 10

// place returns the line and the column of byte at.
func (t text) place(at int) (line, column int) {
	line = t.line(at)
	from, _ := t.bounds(line)
	if at-from >= farRight {
		return line + 1, 0
	}
	return line + 1, utf8.RuneCountInString(t.raw[from:at]) + 1
}

// distinct returns the secrets, in order, without those that another rule describes better. Of
// rules of the same vagueness that match the same bytes, the first by name is kept. A match of a
// vaguer rule is dropped if a match of a more specific one overlaps it and lies inside it or begins
// on the same line. An overlap alone is not enough, because a private key without an end can span
// half of a file.
func (t text) distinct() []secret {
	var kept []secret
	for _, s := range t.secrets {
		known := slices.ContainsFunc(t.secrets, func(o secret) bool {
			if v, w := vagueness(o.rule), vagueness(s.rule); v != w {
				overlap := o.from < s.to && s.from < o.to
				inside := s.from <= o.from && o.to <= s.to
				return v < w && overlap && (inside || t.line(o.from) == t.line(s.from))
			}
			// Percent encoding leaves most of a text as it is.
			again := s.decoded && !o.decoded && o.rule == s.rule && s.from <= o.from && o.to <= s.to
			return again || o.from == s.from && o.to == s.to && o.rule < s.rule
		})
		if !known {
			kept = append(kept, s)
		}
	}
	return kept
}

// near is how many bytes of the line on each side of a secret belong to its identity. Most lines
// are shorter. In a file that is one line, a change far away must not affect the identity.
const near = 200

// suspect matches a long word. If it has letters and digits, it may be a secret that no rule
// recognizes, or a part of one that a rule leaves out.
var suspect = lazy.MustCompile(`[A-Za-z0-9_+/-]{20,}`)

// identity returns the lines of s without any secret of the file, found there or elsewhere, and
// without words that look like one. It replaces s itself by 16 bits of its digest, so that another
// secret in the same place is another finding. It replaces the others by "*", so that a change to
// them does not make s a new finding.
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
	low, high := max(first, from-near), min(last, to+near) // for words that cross the borders
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
		// Merge cuts that overlap.
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

// digest returns 16 bits of the digest of s without its white space, so that indenting a key of
// many lines does not change it.
func digest(s string) string {
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(s), "")))
	return hex.EncodeToString(sum[:2])
}
