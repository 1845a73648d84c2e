// Package design reads facts about the architecture from single files: routes, stores, hosts that are called, rights
// that are granted. A fact is no problem. What a change adds is asked about while the design is still cheap to
// change, see package app/requirements.
//
// A fact is a pair (signal, key). The signals are in signals.json, with the question to ask, and the topics in
// topics.json. The detectors of a group of signals are in one file each; source.go holds what they share: the
// parsed file, its language, and which files are no architecture.
//
// There are two kinds of facts: those of a signal, and evidence that answers a question (evidence.go). A fact's
// finding has the name of the signal or of the kind of evidence as its rule, the severity note, and no texts.
//
// Numbers of requirements are those of OWASP ASVS 5.0.0 (https://github.com/OWASP/ASVS, CC BY-SA 4.0); links go to the
// OWASP Cheat Sheet Series.
package design

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// version rises with every change to the facts.
const version = "1"

var info = scanners.Info{
	Name:   "design",
	Gate:   scanners.Requirements,
	Scopes: []scanners.Scope{scanners.ScopeFile},
	Facts:  true,
	About:  "changes of the architecture that need a decision",
	Suppressions: scanners.Suppressions{
		None: "A fact is no finding: a comment or file in the tree cannot hide it. Decisions and the threat model answer the questions.",
	},
	URL: "https://owasp.org/www-project-application-security-verification-standard/",
}

// Scanner reads facts. The zero value is ready.
type Scanner struct {
	controls map[string][]string
}

// Info implements [scanners.Scanner].
func (Scanner) Info() scanners.Info { return info }

// Version implements [scanners.Scanner]. It never fails.
func (Scanner) Version(context.Context) (string, error) { return version, nil }

// WithControls implements [scanners.Controlled].
func (Scanner) WithControls(names map[string][]string) scanners.Scanner {
	return Scanner{controls: names}
}

// Rules implements [scanners.Ruled]: a digest of the names of controls.
func (s Scanner) Rules(context.Context) (string, error) {
	if len(s.controls) == 0 {
		return "", nil
	}
	text, err := json.Marshal(s.controls) // keys are sorted
	if err != nil {
		return "", fmt.Errorf("read the names of controls: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Scan implements [scanners.Scanner]. A file that is not valid in its language has the facts that were read before the
// mistake; it is no error, since a scanner of the language reports it.
func (s Scanner) Scan(ctx context.Context, t scanners.Target) (found []scanners.Finding, err error) {
	for _, f := range t.Files {
		if ctx.Err() != nil {
			return found, context.Cause(ctx)
		}
		src := newSource(f, s.controls)
		if src == nil {
			continue
		}
		for _, detect := range detectors() {
			detect(src)
		}
		found = append(found, src.found...)
	}
	slices.SortStableFunc(found, func(a, b scanners.Finding) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Identity, b.Identity))
	})
	return found, nil
}

// detectors returns all detectors. Each adds the facts of some signals, or evidence, for the files that it knows.
func detectors() []detector {
	return slices.Concat(entryDetectors, accessDetectors, dataDetectors, platformDetectors)
}

// A detector adds the facts that it finds in a file.
type detector func(*source)

// add adds a fact at a line, from 1. Options change it further. A signal that must not fire in this file, because the
// file is a test for example, is left out.
func (s *source) add(rule, key string, line int, options ...option) {
	if !s.concerns(rule) || strings.TrimSpace(key) == "" {
		return
	}
	f := scanners.Finding{
		Rule: rule, Severity: scanners.Note, Path: s.path, Line: line, EndLine: line, Identity: key,
		Fact: &scanners.Fact{Key: clean(key), Text: digest(s.line(line))},
	}
	for _, o := range options {
		o(&f)
	}
	s.found = append(s.found, f)
}

// An option changes a fact.
type option func(*scanners.Finding)

// named sets how a question names the fact.
func named(name string) option { return func(f *scanners.Finding) { f.Fact.Name = clean(name) } }

// closed says by which evidence at the place itself the question is answered, see [scanners.Fact].
func closed(because string) option { return func(f *scanners.Finding) { f.Fact.Closed = because } }

// with sets a value of [scanners.Fact.Data].
func with(name, value string) option {
	return func(f *scanners.Finding) {
		data := maps.Clone(f.Fact.Data)
		if data == nil {
			data = map[string]string{}
		}
		data[name] = clean(value)
		f.Fact.Data = data
	}
}

// maxKey bounds a key, in bytes.
const maxKey = 200

// clean makes one line of text, without runs of white space.
func clean(text string) string {
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "\uFFFD")
	if len(text) > maxKey {
		text = strings.ToValidUTF8(text[:maxKey], "")
	}
	return text
}

// maxLine is longer than lines that people write, in bytes.
const maxLine = 4096

// digest returns a name for the text of a line without its white space; empty for an empty line, and for one that is
// too long: a file of one line has thousands of facts on it.
func digest(line string) string {
	if len(line) > maxLine {
		return ""
	}
	line = strings.Join(strings.Fields(line), "")
	if line == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(line))
	return hex.EncodeToString(sum[:8])
}
