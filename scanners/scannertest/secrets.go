package scannertest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

const (
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
)

// kinds maps a kind to a function that makes secrets that look real but are useless. The prefixes
// are assembled from pieces, so that scanners do not report this file.
var kinds = map[string]func(*rand.Rand) string{
	"AWS_KEY":    func(r *rand.Rand) string { return "AK" + "IA" + random(r, 16, upper+"234567") },
	"GITHUB_PAT": func(r *rand.Rand) string { return "gh" + "p_" + random(r, 36, upper+lower+digits) },
	"SLACK_TOKEN": func(r *rand.Rand) string {
		return "xo" + "xb-" + random(r, 12, digits) + "-" + random(r, 12, digits) + "-" + random(r, 24, upper+lower+digits)
	},
	"HEX": func(r *rand.Rand) string { return random(r, 40, "abcdef"+digits) },
	"BASE64": func(r *rand.Rand) string {
		return base64.StdEncoding.EncodeToString([]byte(random(r, 30, upper+lower+digits)))
	},
	"JWT": func(r *rand.Rand) string {
		encode := base64.RawURLEncoding.EncodeToString
		return encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
			encode([]byte(`{"sub":"`+random(r, 20, digits)+`"}`)) + "." + random(r, 43, upper+lower+digits)
	},
	// GitHub's installation tokens since 2026, of 520 characters.
	"GITHUB_APP": func(r *rand.Rand) string {
		token := "gh" + "s_" + random(r, 6, digits) + "_" + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) +
			"." + random(r, 130, upper+lower+digits+"-_") + "."
		return token + random(r, 520-len(token)-1, upper+lower+digits+"-_") + random(r, 1, lower)
	},
	"PRIVATE_KEY": func(r *rand.Rand) string {
		edge := func(word string) string { return "-----" + word + " RSA PRIVATE" + " KEY-----" }
		lines := []string{edge("BEGIN")}
		for range 12 {
			lines = append(lines, random(r, 64, upper+lower+digits+"+/"))
		}
		return strings.Join(append(lines, edge("END")), "\n")
	},
}

func random(r *rand.Rand, n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// Secret returns the secret that replaces the placeholder {{name}}. A name is a kind (AWS_KEY,
// GITHUB_PAT, GITHUB_APP, SLACK_TOKEN, HEX, BASE64, JWT, PRIVATE_KEY), optionally with a colon and a
// word to distinguish several of one kind. The secret is the same on every call. Secret panics if
// the kind is unknown.
func Secret(name string) string {
	kind, _, _ := strings.Cut(name, ":")
	makeOne, ok := kinds[kind]
	if !ok {
		panic(fmt.Sprintf("no secret of the kind %q", kind))
	}
	return makeOne(rand.New(rand.NewChaCha8(sha256.Sum256([]byte(name)))))
}

var placeholder = regexp.MustCompile(`(?m)^([ \t]*)(.*?)\{\{([A-Z0-9_]+(?::\w+)?)\}\}`)

// Expand replaces {{NAME}} by secrets (see [Secret]) and returns the lines of the secrets. The
// lines of a private key are indented like the line of its placeholder.
func Expand(text string) (expanded string, secrets []string) {
	for {
		m := placeholder.FindStringSubmatchIndex(text)
		if m == nil {
			return text, secrets
		}
		indent, secret := text[m[2]:m[3]], Secret(text[m[6]:m[7]])
		for line := range strings.Lines(secret) {
			if !strings.HasPrefix(line, "-----") { // the first and last line of a private key are not secret
				secrets = append(secrets, strings.TrimSuffix(line, "\n"))
			}
		}
		text = text[:m[5]] + strings.ReplaceAll(secret, "\n", "\n"+indent) + text[m[1]:]
	}
}
