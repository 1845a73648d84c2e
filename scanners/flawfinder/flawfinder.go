// Package flawfinder finds dangerous calls in C and C++ with Flawfinder
// (https://dwheeler.com/flawfinder).
//
// Flawfinder matches words without understanding the code, so its risk levels 5 to 3 (of 0 to 5)
// become severities one step lower than they sound, and lower levels are left out. Nothing in the
// tree configures this scanner, and the comment "flawfinder: ignore" has no effect.
package flawfinder

import (
	"bytes"
	"encoding/csv"
	"io"
	"regexp"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// New returns the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:  "flawfinder",
			Gate:  scanners.Code,
			About: "Dangerous calls in C and C++, such as unbounded copies and formats",
			URL:   "https://dwheeler.com/flawfinder",
			Files: []string{"**/*.{c,h,cc,cpp,cxx,c++,hh,hpp,hxx,ec,ecp,pgc}"},

			Suppressions: scanners.Suppressions{Markers: []scanners.Marker{{ // https://dwheeler.com/flawfinder/flawfinder.pdf, "Flawfinder: ignore"
				Words: []string{"flawfinder", "its4", "rats"}, Pattern: `(?i)(//|/\*)\s*((?:flawfinder|its4|rats):\s*ignore)\b(.*)`, Rules: `^`, Why: " ",
			}}},
		},
		Oldest:  "2.0.11", // rule ids
		Install: "Install Flawfinder: https://github.com/david-a-wheeler/flawfinder#installation",
		Args: func(r tool.Run) []string {
			return append([]string{"--csv", "--dataonly", "--quiet", "--neverignore", "--minlevel=3", "--"}, r.Files...)
		},
		Parse: parse,
	})
}

var severities = map[string]scanners.Severity{"5": scanners.High, "4": scanners.Medium, "3": scanners.Low}

// numbers matches the list of CWEs in a warning.
var numbers = regexp.MustCompile(`\s*\(CWE-[^)]*\)`)

func parse(out *tool.Report) {
	rows, err := csv.NewReader(bytes.NewReader(out.Text)).ReadAll()
	if err == nil && len(rows) == 0 {
		err = io.ErrUnexpectedEOF // there is always a header
	}
	out.Fail(err)
	for n, row := range rows {
		v := map[string]string{}
		for i, name := range rows[0] {
			v[name] = row[i]
		}
		if n == 0 {
			continue
		}
		out.Add(scanners.Finding{
			Rule: v["RuleId"], Severity: severities[v["Level"]], Path: v["File"], Line: out.Number(v["Line"]),
			Title: "Dangerous call of " + v["Name"], Message: v["Name"] + ": " + numbers.ReplaceAllString(v["Warning"], ""),
			Help: v["Suggestion"], HelpURL: v["HelpUri"], CWE: tool.CWE(v["CWEs"]),
		})
	}
}
