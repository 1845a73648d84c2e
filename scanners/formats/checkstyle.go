package formats

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
)

// readCheckstyle reads <checkstyle><file name><error line severity message source/></file></checkstyle>.
//
// Columns are left out: some tools count bytes, some count characters, and Checkstyle itself counts
// a tab as eight characters. The reader accepts only XML's five predefined entities and opens no
// files or URLs.
func readCheckstyle(r *report, in io.Reader) error {
	d := xml.NewDecoder(&bounded{in, maxReport})
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		return nil, errors.New("it is not UTF-8 text; have the tool write that")
	}
	file, depth, seen := "", 0, false
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line, column := d.InputPos()
			return fmt.Errorf("line %d, column %d: %s", line, column, strings.TrimPrefix(xmlError(err), "XML syntax error "))
		}
		switch t := t.(type) {
		case xml.StartElement:
			depth++
			switch {
			case depth == 1 && t.Name.Local != "checkstyle":
				return fmt.Errorf("it begins with <%s> and not with <checkstyle>", untrusted.Sentence(t.Name.Local, 40))
			case depth == 1:
				seen = true
			case depth == 2 && t.Name.Local == "file":
				file = attribute(t, "name")
			case depth == 3 && t.Name.Local == "error":
				if !r.checkstyle(file, t) {
					return nil
				}
			case depth > 20:
				return errors.New("it is nested too deeply")
			}
		case xml.EndElement:
			depth--
		}
	}
	switch {
	case !seen:
		return errors.New("it is empty")
	case depth != 0:
		return errors.New("it ends too early")
	}
	return nil
}

func (r *report) checkstyle(file string, t xml.StartElement) bool {
	in := item{path: file, rule: attribute(t, "source"), message: attribute(t, "message"), severity: r.Default}
	switch attribute(t, "severity") {
	case "ignore":
		return true
	case "error":
		in.severity = scanners.High
	case "warning":
		in.severity = scanners.Medium
	case "info":
		in.severity = scanners.Low
	}
	if n, err := strconv.Atoi(attribute(t, "line")); err == nil {
		in.at.Line = n
	}
	if in.rule == "" {
		in.rule = r.Tool
	}
	in.cwe = untrusted.CWE(in.rule)
	return r.add(in)
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// xmlError describes the error with at most a short quote of the document.
func xmlError(err error) string {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return untrusted.Sentence(syntax.Msg, 100)
	}
	return err.Error()
}
