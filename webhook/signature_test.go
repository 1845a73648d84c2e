package webhook

import (
	"strings"
	"testing"
)

// The vector is GitHub's.
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
func TestSignatureOfGitHubsDocumentation(t *testing.T) {
	t.Parallel()
	const header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	s, ok := parseSignature([]string{header})
	if !ok {
		t.Fatal("the header was not understood")
	}
	body, secret := []byte("Hello, World!"), []byte("It's a Secret to Everybody")
	for name, test := range map[string]struct {
		body    []byte
		secrets [][]byte
		want    bool
	}{
		"only secret":   {body, [][]byte{secret}, true},
		"first secret":  {body, [][]byte{secret, []byte("new")}, true},
		"last secret":   {body, [][]byte{[]byte("new"), nil, secret}, true},
		"other secret":  {body, [][]byte{[]byte("new")}, false},
		"no secret":     {body, nil, false},
		"changed body":  {[]byte("Hello, World?"), [][]byte{secret}, false},
		"longer body":   {[]byte("Hello, World!\n"), [][]byte{secret}, false},
		"secret and LF": {body, [][]byte{append(secret[:len(secret):len(secret)], '\n')}, false},
	} {
		if got := matches(s, test.body, test.secrets); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func matches(s signature, body []byte, secrets [][]byte) bool {
	macs := newMACs(secrets)
	for _, mac := range macs {
		mac.Write(body)
	}
	return s.matches(macs)
}

// TestOneSignature checks that a delivery with two signatures is rejected.
func TestOneSignature(t *testing.T) {
	t.Parallel()
	one := "sha256=" + strings.Repeat("ab", 32)
	for _, headers := range [][]string{nil, {""}, {one, one}, {one, "sha256=x"}, {"x", one}, {one + "," + one}, {"sha1=" + one}, {one + " "}} {
		if _, ok := parseSignature(headers); ok {
			t.Errorf("%q was understood", headers)
		}
	}
	if _, ok := parseSignature([]string{one}); !ok {
		t.Errorf("%q was not understood", one)
	}
}

func FuzzSignature(f *testing.F) {
	f.Add("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", []byte("Hello, World!"))
	f.Add("sha256="+strings.Repeat("0", 64), []byte{})
	f.Add("sha1=7571", []byte(nil))
	f.Add("sha256=", []byte("x"))
	secrets := [][]byte{[]byte("nobody can guess this one"), nil}
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		s, ok := parseSignature([]string{header})
		if ok && len(header) != len("sha256=")+64 {
			t.Errorf("understood %q", header)
		}
		if matches(s, body, secrets) {
			t.Errorf("%q signs %q", header, body)
		}
	})
}
