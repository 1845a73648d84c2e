package checks

import (
	"strings"
	"testing"
)

func TestDigestTeam(t *testing.T) {
	t.Parallel()
	marker := DigestMarker("@Acme/Payments")
	for body, want := range map[string]string{
		"text\n\n" + marker:                         "@acme/payments",
		"text\r\n\r\n" + marker + "\r\n":            "@acme/payments",
		marker:                                      "@acme/payments",
		DigestMarker("@mona"):                       "@mona",
		"> " + marker:                               "",
		marker + "\n\nmore":                         "",
		"text " + marker:                            "",
		"<!-- secbydesign:v1 digest=acme/x -->":     "",
		"<!-- secbydesign:v1 digest=@a/b --> -->":   "",
		"<!-- secbydesign:v1 digest=@a/b>x -->":     "",
		strings.ToUpper(DigestMarker("@acme/core")): "",
	} {
		if got := DigestTeam(body); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
	if StickyName("x\n"+marker) != "" {
		t.Error("the marker is that of a comment, too")
	}
}
