package infra

import (
	"regexp"
	"slices"
	"strings"
)

var word = regexp.MustCompile(`[A-Z]+[a-z]*|[a-z]+|[0-9]+`)

// words splits a name at every character that is not a letter or digit, and at capital letters.
func words(name string) []string {
	all := word.FindAllString(name, -1)
	for i := range all {
		all[i] = strings.ToLower(all[i])
	}
	return all
}

var (
	secretWords = []string{"password", "passwd", "passphrase", "pass", "secret", "token", "apikey", "secretkey"}
	keyWords    = []string{"api", "private", "secret", "encryption", "signing", "master", "auth", "account", "storage", "app"}
	openWords   = []string{"public", "allow", "allowed", "disable", "disabled", "enable", "enabled", "use", "require", "show", "hide", "csrf", "cancellation"}
)

// SecretName reports whether a variable of this name holds a secret. The end of the name decides,
// because TOKEN_FILE, PASSWORD_MIN_LENGTH and SECRET_NAME hold no secret.
func SecretName(name string) bool {
	w := words(name)
	if len(w) == 0 || slices.ContainsFunc(w, func(s string) bool { return slices.Contains(openWords, s) }) {
		return false
	}
	if len(w) > 1 && w[len(w)-1] == "base" { // SECRET_KEY_BASE
		w = w[:len(w)-1]
	}
	last := w[len(w)-1]
	if slices.Contains(secretWords, last) {
		return true
	}
	if last != "key" || len(w) < 2 {
		return false
	}
	if w[len(w)-2] == "access" { // AWS_ACCESS_KEY is a name, AWS_SECRET_ACCESS_KEY is not
		return len(w) > 2 && w[len(w)-3] == "secret"
	}
	return slices.Contains(keyWords, w[len(w)-2])
}

var (
	// reference matches text that refers to a value stored elsewhere.
	reference = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:|^[./~]|^(?i:projects/|refs?\+|<|\[|\*|%|@)|[$]|\{\{|<%|__[A-Z]`)

	// constant matches a value that names itself, as in API_KEY=API_KEY_VALUE.
	constant = regexp.MustCompile(`^[A-Z]+(_[A-Z]+)+$`)

	// placeholder matches values that nobody takes for a secret.
	placeholder = regexp.MustCompile(`(?i)change.?(me|it|this)|example|placeholder|replace|redacted|dummy|fake|mock|insert|to.?be|fill.?in|secret.?here|not.?(a|used|needed|required)|your|todo|fixme|^x+$|^(true|false|yes|no|on|off|none|null|nil|undefined|default|empty|unset|disabled|enabled|n/a|test(ing)?|value)$|^[0-9]{1,3}$`)
)

// SecretValue reports whether the value of a variable with a secret's name is a secret, and not
// a reference to one or a placeholder.
func SecretValue(value string) bool {
	value = strings.TrimSpace(value)
	return len(value) > 2 && !reference.MatchString(value) && !constant.MatchString(value) && !placeholder.MatchString(value)
}
