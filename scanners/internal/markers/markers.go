// Package markers holds the markers that several scanners obey, and the reason of those that obey none.
package markers

import "github.com/secbydesign/secbydesign/scanners"

// BuiltIn is the reason why a built-in scanner has no marker of its own.
const BuiltIn = "It is built in, so only comments of ours silence it."

// ESLint silences ESLint, and Oxlint too:
// https://eslint.org/docs/latest/use/configure/rules#comment-descriptions
var ESLint = scanners.Marker{
	Words:   []string{"eslint-disable"},
	Pattern: `(//|/\*)\s*(eslint-disable(?:-next-line|-line)?)\b(.*)`,
	Rules:   `^\s+[@\w/-]*\w(\s*,\s*[@\w/-]+)*`, Wide: `^eslint-disable$`, Form: " %s", Join: ", ", Why: " -- ", Exact: true,
}

// TFSec silences tfsec, and Trivy too.
var TFSec = scanners.Marker{
	Words:   []string{"tfsec:ignore"},
	Pattern: `(#|//)\s*#?(tfsec:ignore):?(.*)`,
	Rules:   `^[\w-]+`, Form: ":%s", Why: " ", Block: true,
}
