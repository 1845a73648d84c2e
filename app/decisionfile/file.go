// Package decisionfile reads and writes decisions about findings as files of a repository, .secbydesign/decisions/A-….yml.
// It is pure.
//
// The ledger holds the truth. A file can only make a decision stricter: end it, end it earlier, or lower the severity up
// to which it counts. So a file that somebody changed lets nothing through.
package decisionfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/scanners"
)

const (
	// Folder is the folder of the files in a repository.
	Folder = ".secbydesign/decisions"

	// MaxFiles is how many files of a repository are read.
	MaxFiles = 500

	// maxSize bounds a file, in bytes.
	maxSize = 32 << 10

	// maxText bounds a text in a file, in characters.
	maxText = 10_000
)

// A File is a decision as a file has it. Its fields are those of [decision.Decision].
type File struct {
	ID, Verb, Fingerprint, Rule, Path string
	Severity                          scanners.Severity
	Until                             time.Time // zero for no end
	Reason, Class, Ticket, Code       string
	Ended                             string // why it no longer counts; empty while it does
}

var (
	idForm          = regexp.MustCompile(`^A-[A-Z2-7]{8}$`)
	fingerprintForm = regexp.MustCompile(`^[0-9A-Za-z+/=_-]{1,128}(:[0-9]{1,9})?$`)
	ruleForm        = regexp.MustCompile(`^[^\s/]{1,100}/\S{1,200}$`)
	verbs           = []string{"accept", "defer", "fp", "not-affected"}
	classes         = []string{"emergency", "deadline", "technical", "business"}
	codes           = []string{
		"component_not_present", "vulnerable_code_not_present", "vulnerable_code_not_in_execute_path",
		"vulnerable_code_cannot_be_controlled_by_adversary", "inline_mitigations_already_exist",
	}
)

// Name returns the name of the file of a decision, without its folder.
func Name(id string) string { return id + ".yml" }

// IDOf returns the id of the decision whose file has a name; ok is false for other files.
func IDOf(name string) (id string, ok bool) {
	id, ok = strings.CutSuffix(name, ".yml")
	return id, ok && idForm.MatchString(id)
}

// Of returns the file of a decision.
func Of(d decision.Decision) File {
	return File{
		ID: d.ID, Verb: d.Verb, Fingerprint: d.Fingerprint, Rule: d.Rule, Path: d.Path, Severity: d.Severity, Until: d.Until,
		Reason: d.Reason, Class: d.Class, Ticket: d.Ticket, Code: d.Code, Ended: d.Ended,
	}
}

// Write returns the text of a file. [Parse] reads the same from it.
func (f File) Write() []byte {
	var b bytes.Buffer
	b.WriteString("# A decision about a finding. It may be made stricter here: end it, end it earlier, or lower the severity.\n")
	b.WriteString("version: 1\n")
	field := func(key, text string) {
		if text == "" {
			return
		}
		var quoted bytes.Buffer
		enc := json.NewEncoder(&quoted) // JSON's texts are YAML's
		enc.SetEscapeHTML(false)
		if err := enc.Encode(text); err == nil {
			fmt.Fprintf(&b, "%s: %s", key, quoted.String())
		}
	}
	field("id", f.ID)
	field("verb", f.Verb)
	field("finding", f.Fingerprint)
	field("rule", f.Rule)
	field("path", f.Path)
	fmt.Fprintf(&b, "severity: %s\n", f.Severity)
	if !f.Until.IsZero() {
		fmt.Fprintf(&b, "until: %q\n", f.Until.Format(time.DateOnly))
	}
	field("reason", f.Reason)
	field("class", f.Class)
	field("code", f.Code)
	field("ticket", f.Ticket)
	field("ended", f.Ended)
	return b.Bytes()
}

// Parse reads a file of this name, which may have its folder before it. The error is [strictyaml.Problems].
func Parse(name string, text []byte) (File, error) {
	return Read(strictyaml.Parse(strictyaml.Source{File: name, Text: text}))
}

// Read is [Parse] for a file that was read as YAML before, by a [strictyaml.Parser].
func Read(d strictyaml.Document) (File, error) {
	r := &reader{Reader: strictyaml.Reader{File: d.File}}
	if len(d.Text) > maxSize {
		r.Problem(strictyaml.Start, "the file is larger than %d KiB; make it smaller", maxSize>>10)
		return File{}, r.Problems
	}
	if err := r.Read(d, r.file); err != nil {
		return File{}, err
	}
	if r.out.ID == "" { // a file without content
		r.Problem(strictyaml.Start, "the file is empty; `secbydesign decisions export` writes one")
		return File{}, r.Problems
	}
	return r.out, nil
}

type reader struct {
	strictyaml.Reader
	out File
}

func (r *reader) file(root strictyaml.Value) {
	seen := map[string]bool{}
	fields := strictyaml.Fields{}
	add := func(key string, read func(strictyaml.Value)) {
		fields[key] = func(v strictyaml.Value) {
			seen[key] = true
			read(v)
		}
	}
	add("version", r.Version)
	add("id", func(v strictyaml.Value) {
		r.out.ID = r.form(v, "id", "A-ABCDEFGH", idForm)
		if name := r.File[strings.LastIndex(r.File, "/")+1:]; r.out.ID != "" && name != Name(r.out.ID) {
			r.Problem(v.Place, "the id is not that of the file; name the file %s", Name(r.out.ID))
		}
	})
	add("verb", func(v strictyaml.Value) { r.out.Verb = strictyaml.OneOf(&r.Reader, v, "verb", verbs) })
	add("finding", func(v strictyaml.Value) { r.out.Fingerprint = r.form(v, "finding", "a fingerprint", fingerprintForm) })
	add("rule", func(v strictyaml.Value) { r.out.Rule = r.form(v, "rule", "gosec/G401", ruleForm) })
	add("path", func(v strictyaml.Value) { r.out.Path = r.text(v, "path", "cmd/main.go") })
	add("severity", func(v strictyaml.Value) {
		s, ok := r.Text(v, "severity", "medium")
		if ok && r.out.Severity.UnmarshalText([]byte(s)) != nil {
			r.Problem(v.Place, "severity must be note, low, medium, high or critical, not %s", strictyaml.Quote(s))
		}
	})
	add("until", func(v strictyaml.Value) {
		s, ok := r.Text(v, "until", "2026-12-31")
		day, err := time.Parse(time.DateOnly, s)
		if ok && err != nil {
			r.Problem(v.Place, "until must be a day such as 2026-12-31, not %s", strictyaml.Quote(s))
		}
		r.out.Until = day
	})
	add("reason", func(v strictyaml.Value) { r.out.Reason = r.text(v, "reason", "only tests use it") })
	add("class", func(v strictyaml.Value) { r.out.Class = strictyaml.OneOf(&r.Reader, v, "class", classes) })
	add("code", func(v strictyaml.Value) { r.out.Code = strictyaml.OneOf(&r.Reader, v, "code", codes) })
	add("ticket", func(v strictyaml.Value) { r.out.Ticket = r.text(v, "ticket", "https://example.com/1") })
	add("ended", func(v strictyaml.Value) { r.out.Ended = r.text(v, "ended", "the code was replaced") })
	if !r.Object(root, "a decision", "{version: 1, id: A-ABCDEFGH}", fields) {
		return
	}
	r.complete(seen)
}

// complete reports what is missing.
func (r *reader) complete(seen map[string]bool) {
	for _, key := range []string{"version", "id", "verb", "finding", "rule", "path", "severity"} {
		if !seen[key] {
			r.Problem(strictyaml.Start, "%s is missing; add it", key)
		}
	}
	if (r.out.Verb == "accept" || r.out.Verb == "defer") && !seen["until"] {
		r.Problem(strictyaml.Start, "until is missing; add the last day of the decision")
	}
	if r.out.Verb == "not-affected" && !seen["code"] {
		r.Problem(strictyaml.Start, "code is missing; add one of %s", strictyaml.List(codes, "and"))
	}
}

// text reads a text that is not empty.
func (r *reader) text(v strictyaml.Value, name, example string) string {
	s, ok := r.Text(v, name, example)
	switch {
	case ok && strings.TrimSpace(s) == "":
		r.Problem(v.Place, "%s is empty; write it or remove the key", name)
	case utf8.RuneCountInString(s) > maxText:
		r.Problem(v.Place, "%s is longer than %d characters; make it shorter", name, maxText)
	}
	return s
}

func (r *reader) form(v strictyaml.Value, name, example string, form *regexp.Regexp) string {
	s, ok := r.Text(v, name, example)
	if ok && !form.MatchString(s) {
		r.Problem(v.Place, "%s must be such as %s, not %s", name, example, strictyaml.Quote(s))
		return ""
	}
	return s
}
