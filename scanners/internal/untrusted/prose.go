package untrusted

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sentence turns a tool's text into one line of plain text, at most that many bytes long.
func Sentence(s string, most int) string {
	if len(s) > 4*most {
		s = s[:4*most] // white space and invisible characters will go; there is no need to process a megabyte
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= most {
		return s
	}
	n := most - len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	if space := strings.LastIndexByte(s[:n], ' '); space > n/2 {
		n = space
	}
	return strings.TrimRight(s[:n], " ") + "…"
}

// Title returns the first text that is not empty as a heading: a few words and no full stop.
func Title(texts ...string) string {
	for _, s := range texts {
		s = Sentence(s, 120)
		if short := strings.TrimSuffix(s, "."); short != "" && !strings.HasSuffix(short, ".") {
			s = strings.TrimSpace(short)
		}
		if s != "" {
			return s
		}
	}
	return ""
}

// Stop adds a full stop to a sentence that has no end mark.
func Stop(s string) string {
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?:)") || strings.HasSuffix(s, "…") {
		return s
	}
	return s + "."
}

// The Why and Help of a finding about a secret that another tool found.
const (
	SecretWhy  = "Anybody who can read the repository can read it, now and in its history."
	SecretHelp = "Revoke it where it was issued, put a new one into a secret store, and read it from there at run time."
)

var harmless = strings.NewReplacer("`", "'", "*", "", "<", "‹", ">", "›", "[", "(", "]", ")", "|", "/", `\`, "/",
	"~~", "~", "@", "@\u200b", "#", "#\u200b", "$$", "$", "&", "and", "GH-", "GH\u2011", "__", "_")

// Prose turns a text into one paragraph that reads the same as plain text and as Markdown: it cannot
// format, hide a link behind other words, mention anybody, refer to an issue or open HTML.
func Prose(s string) string {
	s = strings.Join(strings.Fields(harmless.Replace(Sentence(s, 600))), " ")
	for old := ""; old != s; { // replacing in a run of three may leave two
		old, s = s, strings.NewReplacer("~~", "~", "__", "_", "$$", "$").Replace(s)
	}
	if strings.Count(s, "$") > 1 { // Markdown would read a pair as mathematics
		s = strings.ReplaceAll(s, "$", "＄")
	}
	return s
}

// Address returns s as a web address that is safe in a link, or "".
func Address(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(s) > maxAddress {
		return ""
	}
	address := strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", "`", "%60", `\`, "%5C", "*", "%2A", "|", "%7C").Replace(u.String())
	if len(address) > maxAddress { // each character that is no part of an address becomes three to nine
		return ""
	}
	return address
}

// maxAddress is the length of an address in bytes. A longer one is of no use to a reader.
const maxAddress = 1000

// Rule returns the first id that is not empty, made fit for settings and reports.
func Rule(ids ...string) string {
	for _, id := range ids {
		if id = strings.ReplaceAll(Sentence(id, 200), " ", "-"); id != "" {
			return id
		}
	}
	return "unnamed"
}

// Quote makes untrusted text fit for a message: quoted, and at most 80 characters of it.
func Quote(s string) string {
	if utf8.RuneCountInString(s) > 80 {
		s = string([]rune(s)[:79]) + "…"
	}
	return strconv.Quote(s)
}

var (
	cwe      = regexp.MustCompile(`(?i)(?:^|[^a-z0-9])cwe[-_:/ ]{0,2}0*([1-9][0-9]{0,4})(?:$|[^0-9])`)
	advisory = regexp.MustCompile(`^(?:CVE-\d{4}-\d{4,}|GHSA(?:-[0-9a-z]{4}){3}|GO-\d{4}-\d{4,}|RUSTSEC-\d{4}-\d{4}|PYSEC-\d{4}-\d+|MAL-\d{4}-\d+|OSV-\d{4}-\d+)$`)
	secrets  = regexp.MustCompile(`(?i)(?:^|[^a-z])(?:secrets?|credentials?|passwords?|passwd|(?:api|private|access)[-_ ]?keys?|hard-?coded[-_ ](?:keys?|tokens?))(?:$|[^a-z])`)
)

// CWE returns "CWE-89" for a tag such as "external/cwe/cwe-089" or "CWE-89: SQL Injection".
func CWE(s string) string {
	if m := cwe.FindStringSubmatch(s); m != nil {
		return "CWE-" + m[1]
	}
	return ""
}

// Advisory reports whether s is an advisory id that scanners share.
func Advisory(s string) bool { return advisory.MatchString(s) }

// Secret reports whether a rule finds secrets, judging by its weakness and by the words that
// describe it. A message of such a rule may hold the secret.
func Secret(cwe string, words ...string) bool {
	switch cwe {
	case "CWE-798", "CWE-259", "CWE-321", "CWE-540", "CWE-547", "CWE-615":
		return true
	}
	for _, w := range words {
		if secrets.MatchString(w) {
			return true
		}
	}
	return false
}

// Digest returns 16 bits of a hash of s without its white space: enough to distinguish two secrets at
// one place, and too little to guess one.
func Digest(s string) string {
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(s), "")))
	return hex.EncodeToString(sum[:2])
}
