package checks

import (
	"regexp"
	"strings"
)

// The format is frozen: the issue with a team's digest is found by it.
var digestMarker = regexp.MustCompile(`(?:\A|\n)<!-- secbydesign:v1 digest=(@[A-Za-z0-9._/-]+) -->\z`)

// DigestMarker returns the last line of the issue with the digest of a team, or of a person.
func DigestMarker(team string) string {
	return "<!-- secbydesign:v1 digest=" + strings.ToLower(team) + " -->"
}

// DigestTeam returns the team from the marker in the last line of an issue, or "" for any other issue. The caller has to
// check who wrote it.
func DigestTeam(body string) string {
	m := digestMarker.FindStringSubmatch(strings.TrimRight(strings.ReplaceAll(body, "\r\n", "\n"), " \n"))
	if m == nil {
		return ""
	}
	return m[1]
}
