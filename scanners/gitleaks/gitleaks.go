// Package gitleaks finds secrets with the rules of gitleaks (https://github.com/gitleaks/gitleaks),
// in process.
//
// Nothing in the tree configures this scanner. It never reads .gitleaks.toml or .gitleaksignore,
// and it ignores the comment gitleaks:allow: a secret that was allowed at the base is found there
// too, so it is unchanged and not shown, while a secret allowed only by the change under review is
// new.
//
// Besides the library's rules there are rules of our own (rules.go, connection.go, configfile.go). Matches that are no
// secrets, such as versions, hashes and placeholders, are left out (noise.go, generic.go, placeholder.go).
package gitleaks

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/zricethezav/gitleaks/v8/detect"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/budget"
)

const (
	// version is the version of the library in go.mod.
	version = "8.30.1"

	// maxText is the size of the largest text that is searched; the rules search some 2 MB of
	// source per second.
	maxText = 10 << 20

	// maxSecrets is the most secrets reported for one file. A file with more is a dump, and more
	// findings would not help the reader.
	maxSecrets = 1000

	// describing is the extra time to describe the secrets that were found before the time for
	// searching ran out.
	describing = 2 * time.Second

	// decodeDepth is how many encodings, one in another, are decoded: the default of gitleaks' own command.
	decodeDepth = 5

	// sniff is how many bytes decide whether a file is binary. git takes as many
	// (https://git-scm.com/docs/gitattributes, "diff").
	sniff = 8000
)

var info = scanners.Info{
	Name:   "gitleaks",
	Gate:   scanners.Secrets,
	Scopes: []scanners.Scope{scanners.ScopeFile, scanners.ScopeRange},
	About:  "Passwords, keys and tokens in files, also in versions that were removed again",
	URL:    "https://github.com/gitleaks/gitleaks",
	Config: []string{".gitleaks.toml", ".gitleaksignore"},

	Suppressions: scanners.Suppressions{
		Markers: []scanners.Marker{{
			Words: []string{"gitleaks:allow"}, Pattern: `(?:(#|//|/\*|<!--|--|;)[^#/]*?)?(gitleaks:allow)\b(.*)`, Rules: `^`, Why: " ",
		}},
		Files: []string{"**/.gitleaksignore", "**/.gitleaks.toml"},
	},
}

// detector compiles the rules, which takes some 50 ms and 15 MB. The result is then only read: its
// methods used here modify only a count of bytes and are safe for concurrent use. The rules are
// compiled once per process, because the library reads them through viper's global state.
var detector = sync.OnceValues(func() (*detectors, error) {
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return nil, fmt.Errorf("read the rules of gitleaks: %w", err)
	}
	c := withOwnRules(d.Config)
	both := &detectors{detect.NewDetector(c), detect.NewDetector(c)}
	for _, d := range []*detect.Detector{both.Detector, both.decoding} {
		d.IgnoreGitleaksAllow = true
		d.MaxDecodeDepth, d.MaxArchiveDepth = 0, 0
	}
	both.decoding.MaxDecodeDepth = decodeDepth
	return both, nil
})

// detectors have the same rules. The second also reads what is encoded, which takes half as long again.
type detectors struct {
	*detect.Detector
	decoding *detect.Detector
}

// of returns the detector for a text.
func (d *detectors) of(text string) *detect.Detector {
	if mayEncode(text) {
		return d.decoding
	}
	return d.Detector
}

// mayEncode reports whether a text may have an encoded secret: an escape such as %3D or \u003d, or a long word with
// letters of both cases and digits, or of hexadecimals.
func mayEncode(text string) bool {
	const shortest = 20
	length, upper, lower, digit, high := 0, false, false, false, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == 'U' && i+2 < len(text) && text[i+1] == '+' && hexDigit(text[i+2]):
			return true
		case 'a' <= c && c <= 'z':
			lower, high = true, high || c > 'f'
		case 'A' <= c && c <= 'Z':
			upper, high = true, high || c > 'F'
		case '0' <= c && c <= '9':
			digit = true
		case c == '+', c == '/', c == '-', c == '_':
			high = true
		case c == '%' && i+2 < len(text) && hexDigit(text[i+1]) && hexDigit(text[i+2]):
			return true
		case c == '\\' && i+1 < len(text) && (text[i+1] == 'u' || text[i+1] == 'U'):
			return true
		default:
			length, upper, lower, digit, high = 0, false, false, false, false
			continue
		}
		if length++; length >= shortest && digit && (upper && lower || !high) {
			return true
		}
	}
	return false
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// Scanner finds secrets. The zero value is ready.
type Scanner struct{}

// Info implements [scanners.Scanner].
func (Scanner) Info() scanners.Info { return info }

// Version implements [scanners.Scanner]. It never fails.
func (Scanner) Version(context.Context) (string, error) { return version, nil }

// Scan implements [scanners.Scanner]. Findings are sorted by path, line, column and rule. Binary files
// are not searched. A text over 10 MB, a text on which the library fails or takes too long, or one with
// more than 1000 secrets makes the scan incomplete; the other findings are still returned.
func (Scanner) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	if !info.Has(t.Scope) {
		return nil, fmt.Errorf("scan with gitleaks: it has no scope %q", t.Scope)
	}
	d, err := detector()
	if err != nil {
		return nil, err
	}
	var found []scanners.Finding
	var gaps gaps
	for _, f := range t.Files {
		meter := budget.Start()
		in, err := scanFile(ctx, d, f, meter)
		meter.Stop()
		found = append(found, in...)
		if ctx.Err() != nil {
			break
		}
		gaps.add(f.Path, err)
	}
	// The sort is stable, because all columns of a very long line are 0.
	slices.SortStableFunc(found, func(a, b scanners.Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Commit, b.Commit))
	})
	return found, cmp.Or(ctx.Err(), gaps.err())
}

func scanFile(ctx context.Context, d *detectors, f scanners.File, meter *budget.Meter) (found []scanners.Finding, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	for _, a := range d.Config.Allowlists {
		if a.PathAllowed(f.Path) {
			return nil, nil // the library checks this too, but only after the limits below
		}
	}
	raw := ""
	if !binary(f.Content) {
		if len(f.Content) > maxText {
			return nil, errTooLarge
		}
		raw = string(f.Content)
	}
	// A binary file is checked without its content, by the rules about names.
	secrets, err := search(ctx, d, f.Path, raw, meter)
	if len(secrets) > maxSecrets {
		secrets, err = secrets[:maxSecrets], errTooMany
	}
	text := newText(raw, secrets)
	meter.More(describing)
	for _, s := range text.distinct() {
		if over := meter.Err(); over != nil {
			return found, cmp.Or(err, over)
		}
		finding := describe(s.rule, f.Path)
		finding.Path, finding.Commit = f.Path, f.Commit
		if s.wholeFile() {
			finding.Identity = digest(string(f.Content))
		} else {
			finding.Line, finding.Column = text.place(s.from)
			finding.EndLine, finding.EndColumn = text.place(s.to)
			if finding.Column == 0 || finding.EndColumn == 0 {
				finding.Column, finding.EndColumn = 0, 0
			}
			finding.Identity = text.identity(s)
		}
		found = append(found, finding)
	}
	return found, err
}

// binary reports whether the content is not text. A single NUL makes a file binary for git, but hides nothing here.
func binary(content []byte) bool {
	head := content[:min(len(content), sniff)]
	odd := 0
	for _, c := range head {
		if c < ' ' && (c < '\t' || c > '\r') && c != 0x1b {
			odd++
		}
	}
	return bytes.IndexByte(head, 0) >= 0 && odd*50 > len(head)
}

var (
	errTooLarge = errors.New("larger than 10 MB")
	errTooMany  = errors.New("more than 1000 secrets, the first 1000 are reported")
)

// gaps collects the files that were not searched completely.
type gaps struct {
	named []string
	paths []string
	errs  []error
}

func (g *gaps) add(path string, err error) {
	if err == nil {
		return
	}
	why := "the scanner failed on it"
	if errors.Is(err, errTooLarge) || errors.Is(err, errTooMany) || errors.Is(err, budget.ErrSpent) {
		why = err.Error()
	}
	g.named = append(g.named, fmt.Sprintf("%q (%s)", path, why))
	g.paths = append(g.paths, path)
	g.errs = append(g.errs, fmt.Errorf("scan %q: %w", path, err))
}

func (g *gaps) err() error {
	if len(g.errs) == 0 {
		return nil
	}
	return &scanners.IncompleteError{
		Reason: "Not searched completely for secrets: " + scanners.Some(g.named, 3) + "; keep such files out of the repository, or split them.",
		Err:    errors.Join(g.errs...),
		Paths:  g.paths,
	}
}
