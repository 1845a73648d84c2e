// Package cppcheck finds uses of memory and files in C and C++ that are undefined, with Cppcheck
// (https://cppcheck.sourceforge.io).
//
// Cppcheck has rules for style, speed and correctness as well. Reported are those whose violation lets an attacker read
// or change memory, or crash the program: the rules of rules.yaml. Files that are scanned together see each other's
// headers. Nothing in the tree configures this scanner, and the comment cppcheck-suppress has no effect.
package cppcheck

import (
	_ "embed"
	"encoding/xml"
	"slices"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

//go:embed rules.yaml
var rules []byte

// New returns the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:      "cppcheck",
			Gate:      scanners.Code,
			About:     "Undefined uses of memory and files in C and C++, such as a use after free",
			URL:       "https://cppcheck.sourceforge.io",
			Files:     []string{"**/*.{c,cc,cpp,cxx,c++,h,hh,hpp,hxx}"},
			CrossFile: true,

			Suppressions: scanners.Suppressions{Markers: []scanners.Marker{{ // https://cppcheck.sourceforge.io/manual.html#inline-suppressions
				Words: []string{"cppcheck-suppress"}, Pattern: `(//|/\*)\s*(cppcheck-suppress(?:-(?:begin|end|file|macro))?)\b(.*)`,
				Rules: `^[\s\[]*[A-Za-z_]+([\s,]+[A-Za-z_]+)*`, Form: " %s", Join: ",", Why: " ; ",
			}}},
		},
		Oldest:        "1.85", // names of the rules and their CWE
		VersionPrefix: "Cppcheck ",
		Install:       "Install Cppcheck: https://cppcheck.sourceforge.io",
		Args: func(r tool.Run) []string {
			return append([]string{"--xml", "--output-file=" + r.Report, "--quiet", "--enable=warning"}, r.Files...)
		},
		Parse: parse,
		Rules: tool.ReadRules(rules),
	})
}

// unread are the rules by which Cppcheck says that it could not read a file.
var unread = []string{"syntaxError", "internalAstError", "internalError", "cppcheckError", "unknownMacro"}

type place struct {
	File   string `xml:"file,attr"`
	Line   int    `xml:"line,attr"`
	Column int    `xml:"column,attr"`
	Info   string `xml:"info,attr"`
}

func parse(out *tool.Report) {
	var doc struct {
		XMLName xml.Name `xml:"results"`
		Errors  []struct {
			ID       string  `xml:"id,attr"`
			Severity string  `xml:"severity,attr"`
			Message  string  `xml:"msg,attr"`
			CWE      string  `xml:"cwe,attr"`
			Places   []place `xml:"location"`
		} `xml:"errors>error"`
	}
	out.Fail(xml.Unmarshal(out.Text, &doc))
	for _, e := range doc.Errors {
		switch {
		case len(e.Places) == 0 || !slices.Contains(unread, e.ID) && !out.Knows(e.ID):
		case slices.Contains(unread, e.ID):
			out.Unread("C or C++", e.Places[0].File, e.Places[0].Line)
		default:
			at := e.Places[0]
			out.Add(scanners.Finding{
				Rule: e.ID, Severity: tool.Severity(e.Severity), CWE: tool.CWE(e.CWE), Path: at.File, Line: at.Line,
				Message: e.Message, Flow: flow(e.Places),
			})
		}
	}
}

// flow returns the steps to the problem. Cppcheck lists the last one first.
func flow(places []place) (steps []scanners.Step) {
	if len(places) < 2 {
		return nil
	}
	for _, p := range slices.Backward(places) {
		steps = append(steps, scanners.Step{Path: p.File, Line: p.Line, Message: p.Info})
	}
	return steps
}
