package gitleaks

import (
	"encoding/base64"
	"encoding/json"
	"path"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
)

// A match is what a rule found. It may be no secret, see [match.noise].
type match struct {
	secret
	path    string
	raw     string // the whole file
	begin   int    // the byte of the file where the rule's match begins
	context string // the text that the rule matched, decoded
	value   string // the secret in it, decoded, and with the rest of its last word
	literal string // the fixed text that the rule matches, if it matches nothing else
}

// name returns what the match has before its secret: the name of a variable, and an operator.
func (m match) name() string {
	if !m.decoded {
		return m.raw[m.begin:max(m.begin, m.from)]
	}
	if i := strings.Index(m.context, m.value); i >= 0 {
		return m.context[:i]
	}
	return ""
}

// noise reports whether a match is no secret. For rules that know a provider's form, only the value decides. For the
// others, the name in front of it and the kind of the file count too.
func (m match) noise() bool {
	if m.wholeFile() {
		return false
	}
	switch m.rule {
	case "private-key":
		return !hasKey(m.context)
	case "generic-api-key":
		return m.decoded || m.genericNoise()
	case "kubernetes-secret-yaml":
		return m.decoded || m.sealed() || m.emptySecret()
	case "curl-auth-header", "curl-auth-user", "hashicorp-tf-password", "nuget-config-password":
		return m.decoded || m.credentialNoise()
	case urlPassword, connectionPassword:
		return m.connectionNoise()
	case credentialsFile:
		return m.decoded || placeholder(strings.Trim(m.value, `"'`))
	case configPassword:
		return m.decoded || m.configNoise()
	case "jwt", "jwt-base64":
		return publicToken(m.value)
	case "gcp-api-key":
		// Google says that these name the project to its servers and are no secret.
		// https://firebase.google.com/docs/projects/api-keys
		base := path.Base(m.path)
		return base == "google-services.json" || base == "GoogleService-Info.plist" || sample(m.value)
	}
	return m.literal != "" && len(m.value) <= len(m.literal) || sample(m.value)
}

var (
	pemLabel  = lazy.MustCompile(`-----(?:BEGIN|END)[ A-Z0-9_-]*-----`)
	pemHeader = lazy.MustCompile(`(?m)^[\s"'#/*]*(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|X-[\w-]+): .*$`)
	pemJoin   = lazy.MustCompile("[\"'`]\\s*[+.,\\\\&]?\\s*[\"'`]|\\\\[nrt]|\\\\|(?m:^[ \\t]*(?:#|//|\\*|>|\\|)+[ \\t]*)|[\"'`\\s+]")
	pemBody   = lazy.MustCompile(`[A-Za-z0-9+/]{40,}`)
)

// hasKey reports whether there is base64 between the two labels of a key, and not only code or words.
// https://www.rfc-editor.org/rfc/rfc7468#section-3
func hasKey(text string) bool {
	text = pemLabel.ReplaceAllString(text, "\n")
	text = pemHeader.ReplaceAllString(text, "")
	for _, body := range pemBody.FindAllString(pemJoin.ReplaceAllStringFunc(text, joined), -1) {
		distinct := map[rune]bool{}
		for _, c := range body {
			distinct[c] = true
		}
		if len(distinct) >= 8 && (len(body) >= 200 || !sampleWords.MatchString(body)) {
			return true
		}
	}
	return false
}

// joined removes what stands between two lines of a key. A plus sign in a line belongs to the key.
func joined(s string) string {
	if s == "+" {
		return s
	}
	return ""
}

// publicToken reports whether a JSON Web Token opens nothing: it expired long ago, or everybody has it, as that of
// jwt.io, those of Supabase for local work, and Supabase's key for anonymous visitors.
func publicToken(token string) bool {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return false
	}
	var claims struct {
		Iss, Role, Name string
		Exp             float64
	}
	if json.Unmarshal(b, &claims) != nil {
		return false
	}
	const longAgo = 1735689600 // 2025-01-01: a scan has no clock
	return claims.Exp > 0 && claims.Exp < longAgo || claims.Iss == "supabase-demo" || claims.Role == "anon" || claims.Name == "John Doe"
}

// sealed reports whether the value is that of a SealedSecret: only its cluster can read it.
// https://github.com/bitnami-labs/sealed-secrets#overview
func (m match) sealed() bool {
	const near = 64 << 10
	before, after := m.raw[max(0, m.from-near):m.from], m.raw[m.from:min(len(m.raw), m.to+near)]
	if i := strings.LastIndex(before, "\n---"); i >= 0 {
		before = before[i:]
	}
	if i := strings.Index(after, "\n---"); i >= 0 {
		after = after[:i]
	}
	if !strings.Contains(before, "SealedSecret") && !strings.Contains(after, "SealedSecret") {
		return false
	}
	return cipher.MatchString(m.value)
}

// cipher matches the beginning of a sealed value: the length of the session key (512 bytes), in base64.
var cipher = lazy.MustCompile(`(?:^|[\s"':])Ag[A-D][A-Za-z0-9+/]{40}`)

// emptySecret reports whether an entry of a Kubernetes Secret encodes a placeholder.
func (m match) emptySecret() bool {
	key, value, _ := strings.Cut(m.value, ":")
	text := plain(strings.Trim(value, " \t\r\n|>-+\"'"))
	return openEntry.MatchString(key) || text != "" && encodedPlaceholder(text)
}

// openEntry matches names of entries of a Secret that are no secret themselves.
var openEntry = lazy.MustCompile(`(?i)(?:user(?:[-_.]?name)?|name|host(?:name)?|port|database|db|e?-?mail|endpoint|region|ca(?:[-_.]?cert)?\.?(?:crt|pem)?|tls\.crt)$`)

var credentialPair = lazy.MustCompile(`^["']?([^:"']*)["']?:["']?(.*?)["']?$`)

// credentialNoise reports whether the value of a rule that goes by the text around it is a placeholder.
func (m match) credentialNoise() bool {
	value := strings.Trim(m.value, `"'`)
	if pair := credentialPair.FindStringSubmatch(value); pair != nil && m.rule == "curl-auth-user" {
		return placeholder(pair[2], pair[1])
	}
	if text := plain(value); strings.Contains(text, ":") {
		return encodedPlaceholder(text)
	}
	return placeholder(value)
}

var sentence = lazy.MustCompile(`^[A-Za-z]+(?:[-_ ][A-Za-z]+){3,}`)

// encodedPlaceholder reports whether a text that was in base64 is a placeholder, or a user and one.
func encodedPlaceholder(text string) bool {
	text = strings.TrimSpace(text)
	if user, password, pair := strings.Cut(text, ":"); pair {
		return placeholder(password, user)
	}
	return placeholder(text) || sentence.MatchString(text)
}
