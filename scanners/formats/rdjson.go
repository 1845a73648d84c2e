package formats

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/jsonstream"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
)

// The parts of reviewdog's diagnostic format that this package reads. It is the JSON form of a
// protocol buffer: names may be in camel case or snake case, and values of an enumeration may be
// words or numbers.
// https://github.com/reviewdog/reviewdog/blob/master/proto/rdf/reviewdog.proto

type rdDiagnostic struct {
	Message     string          `json:"message"`
	Location    rdLocation      `json:"location"`
	Severity    json.RawMessage `json:"severity"`
	Source      rdSource        `json:"source"`
	Code        rdCode          `json:"code"`
	Suggestions []struct {
		Range rdRange `json:"range"`
		Text  string  `json:"text"`
	} `json:"suggestions"`
	Related  []rdRelated `json:"relatedLocations"`
	Related2 []rdRelated `json:"related_locations"`
}

type rdSource struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

type rdCode struct {
	Value string `json:"value"`
	URL   string `json:"url"`
}

type rdLocation struct {
	Path  string  `json:"path"`
	Range rdRange `json:"range"`
}

type rdRelated struct {
	Message  string     `json:"message"`
	Location rdLocation `json:"location"`
}

type rdRange struct {
	Start rdPosition  `json:"start"`
	End   *rdPosition `json:"end"`
}

type rdPosition struct {
	Line   int `json:"line"`
	Column int `json:"column"` // bytes of UTF-8
}

// region converts the range. Its end is exclusive; a range without an end is empty, and one without
// columns is whole lines.
func (r rdRange) region() untrusted.Region {
	at := untrusted.Region{Line: r.Start.Line, EndLine: r.Start.Line, Column: r.Start.Column, EndColumn: r.Start.Column}
	if r.End != nil {
		at.EndLine, at.EndColumn = cmp.Or(r.End.Line, r.Start.Line), r.End.Column
	}
	return at
}

func (r *report) rdSeverity(raw ...json.RawMessage) scanners.Severity {
	for _, s := range raw {
		switch strings.Trim(string(s), `"`) {
		case "ERROR", "1":
			return scanners.High
		case "WARNING", "2":
			return scanners.Medium
		case "INFO", "3":
			return scanners.Low
		}
	}
	return r.Default
}

func (r *report) diagnostic(d rdDiagnostic, source rdSource, severity json.RawMessage) bool {
	in := item{
		rule: cmp.Or(d.Code.Value, d.Source.Name, source.Name, r.Tool), message: d.Message, url: d.Code.URL,
		severity: r.rdSeverity(d.Severity, severity), path: d.Location.Path, at: d.Location.Range.region(), unit: untrusted.Bytes,
		cwe: untrusted.CWE(d.Code.Value),
	}
	if untrusted.Advisory(d.Code.Value) {
		in.aliases = []string{d.Code.Value}
	}
	for _, l := range append(d.Related, d.Related2...)[:min(len(d.Related)+len(d.Related2), 50)] {
		if path, err := r.tree.Name(l.Location.Path); err == nil {
			at := r.tree.Place(path, l.Location.Range.region(), untrusted.Bytes)
			in.flow = append(in.flow, scanners.Step{Path: path, Line: at.Line, Message: untrusted.Sentence(l.Message, 300)})
		}
	}
	for _, s := range d.Suggestions[:min(len(d.Suggestions), 5)] {
		path, err := r.tree.Name(d.Location.Path)
		if err != nil || len(s.Text) > 16<<10 {
			continue
		}
		at := s.Range.region()
		if at.Column == 0 && at.EndColumn == 0 { // whole lines
			if _, ok := r.tree.Exact(path, at, untrusted.Bytes); !ok {
				continue
			}
			if s.Text != "" && !strings.HasSuffix(s.Text, "\n") {
				s.Text += "\n"
			}
		} else if exact, ok := r.tree.Exact(path, at, untrusted.Bytes); ok {
			at = exact
		} else {
			continue
		}
		in.fixes = append(in.fixes, scanners.Fix{Title: "Take the suggestion of " + untrusted.Title(d.Source.Name, source.Name, r.Tool, "the tool"), Edits: []scanners.Edit{{
			Path: path, Line: at.Line, EndLine: at.EndLine, Column: at.Column, EndColumn: at.EndColumn, Text: s.Text,
		}}})
	}
	return r.add(in)
}

func readRDJSON(r *report, in io.Reader) error {
	s, err := jsonstream.New(in)
	if err != nil {
		return err
	}
	// The source may follow its diagnostics, so they are collected until the end.
	var source rdSource
	var severity json.RawMessage
	var waiting []rdDiagnostic
	known, kept := false, 0
	err = s.Object(func(key string) error {
		switch key {
		case "source":
			return s.Decode(&source)
		case "severity":
			return s.Decode(&severity)
		case "diagnostics":
			known = true
			return s.Array(func(int) error {
				if r.full = r.full || len(waiting) >= r.Limit || kept > maxReport; r.full {
					return s.Pass()
				}
				var d rdDiagnostic
				before := s.Offset()
				if err := s.Decode(&d); err != nil {
					return err
				}
				kept += int(s.Offset() - before)
				waiting = append(waiting, d)
				return nil
			})
		}
		return s.Skip()
	})
	for _, d := range waiting {
		r.diagnostic(d, source, severity)
	}
	switch {
	case err != nil:
		return err
	case !known:
		return errors.New(`it has no "diagnostics"`)
	}
	return s.End()
}

func readRDJSONL(r *report, in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, jsonstream.MaxValue)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\xef\xbb\xbf")))
		if len(line) == 0 {
			continue
		}
		var d rdDiagnostic
		if err := json.Unmarshal(line, &d); err != nil {
			return fmt.Errorf("line %d is not a diagnostic: %s", n, jsonError(err))
		}
		if !r.diagnostic(d, rdSource{}, nil) {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return nil
}

// jsonError describes the error without quoting the document.
func jsonError(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		what, _, _ := strings.Cut(kind.Value, " ")
		return kind.Field + " is not of the type that the format has there, but: " + what
	}
	return err.Error()
}
