package infra

import (
	"path"
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
	secretWords = []string{"password", "passwd", "passphrase", "pass", "psw", "secret", "token", "apikey", "secretkey"}
	keyWords    = []string{"api", "private", "secret", "encryption", "signing", "master", "auth", "account", "storage", "app"}
	openWords   = []string{
		"public", "allow", "allowed", "disable", "disabled", "enable", "enabled", "use", "require", "show", "hide", "csrf", "cancellation",
		"max", "min", "pull",
	}

	// secretEnds are the ends of words that a writer did not separate, as in PGPASSWORD and SSHPASS. Words such as
	// COMPASS and BYPASS end in pass too.
	secretEnds = regexp.MustCompile(`(password|passwd|passphrase|apikey|clientsecret|appsecret|secretkey|accesstoken|authtoken|bindpw)$|^(ssh|db|smtp|ftp|root|user|admin)pass$`)

	// otherSecrets are names of passwords that say so by the manual of their program only.
	otherSecrets = []string{"REDISCLI_AUTH", "NEO4J_AUTH"}

	// oldFolders precede PWD in the names of folders that a shell keeps.
	oldFolders = []string{"old", "last", "prev", "previous", "init", "initial", "start", "current", "orig", "original", "my", "host"}
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
	switch last := w[len(w)-1]; {
	case slices.Contains(secretWords, last), secretEnds.MatchString(last), slices.Contains(otherSecrets, name):
		return true
	case last == "pwd": // PWD by itself is a folder
		return len(w) > 1 && !slices.Contains(oldFolders, w[len(w)-2])
	case last == "pw":
		return len(w) > 1
	case last != "key" || len(w) < 2:
		return false
	}
	if w[len(w)-2] == "access" { // AWS_ACCESS_KEY is a name, AWS_SECRET_ACCESS_KEY is not
		return len(w) > 2 && w[len(w)-3] == "secret"
	}
	return slices.Contains(keyWords, w[len(w)-2])
}

var (
	// reference matches text that refers to a value stored elsewhere.
	reference = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:|^[./~]|^[A-Za-z]:\\|^(?i:projects/|refs?\+|<|\[|\*|%|@)|^ENC\[|[$]|\{\{|<%|__[A-Z]`)

	// constant matches a value that names itself, as in API_KEY=API_KEY_VALUE.
	constant = regexp.MustCompile(`^[A-Z]+(_[A-Z]+)+$`)

	// placeholder matches values that nobody takes for a secret.
	placeholder = regexp.MustCompile(`(?i)change.?(me|it|this)|example|placeholder|replace|redacted|dummy|fake|mock|insert|to.?be|fill.?in|secret.?here|not.?(a|used|needed|required)|your|todo|fixme|^x+$|^(true|false|yes|no|on|off|none|null|nil|undefined|default|empty|unset|disabled|enabled|n/a|test(ing)?|value)$|^[0-9]{1,3}$`)
)

// SecretValue reports whether the value of a variable with a secret's name is a secret, and not
// a reference to one or a placeholder.
func SecretValue(value string) bool {
	value = strings.TrimSpace(value)
	return distinct(value) > 2 && !reference.MatchString(value) && !constant.MatchString(value) && !placeholder.MatchString(value)
}

// distinct counts the different bytes of a text. A value of zeros, or of x and a dash, is a placeholder.
func distinct(s string) (n int) {
	seen := [256]bool{}
	for i := range len(s) {
		if !seen[s[i]] {
			seen[s[i]] = true
			n++
		}
	}
	return n
}

// usual are passwords that the documentation of many programs starts with.
var usual = regexp.MustCompile(`(?i)^(?:my|some|super|very)?[-_]?(pass(word|wd|phrase)?|secret|token|key|root|admin(istrator)?|user|guest|test|dev(elop(ment)?)?|local(dev|host)?|demo|sample|postgres(ql)?|mysql|mariadb|mongo(db)?|redis|rabbit(mq)?|minio|keycloak|wordpress|app|db|database|none|[a-z])([-_./]?(pass(word|wd)?|secret|token|key|admin|user|root|test|dev|local|demo|db))*[-_]?[0-9]{0,4}$|^[0-9]{1,6}$|^12345[0-9]*$`)

// Words are words that a reader of a file knows, such as the names of a program and its user.
type Words map[string]bool

// Add adds words.
func (w Words) Add(list ...string) {
	for _, s := range list {
		if s = bare(s); s != "" {
			w[s] = true
		}
	}
}

func bare(s string) string { return strings.Join(words(strings.ToLower(s)), "") }

// Has reports whether a value is one of the words, spelled in any way.
func (w Words) Has(value string) bool { return w[bare(value)] }

// Usual reports whether the value of a variable is a well-known first password, such as postgres or
// password123, or only repeats the variable's name. It is weak, but nobody learns it from the file.
func Usual(name, value string) bool {
	value = strings.TrimSpace(value)
	return usual.MatchString(value) || bare(value) == bare(name)
}

// ImageNames returns the words by which people call the program of an image.
func ImageNames(image string) []string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	return strings.FieldsFunc(image, func(r rune) bool { return r == '/' || r == '-' || r == '_' })
}

// sample matches names of files and folders that hold tests, samples and the set-up of one developer's
// machine.
var sample = regexp.MustCompile(`(?i)(^|[-_.])(tests?|testing|testdata|fixtures?|examples?|samples?|demos?|e2e|mocks?|specs?|dev|develop|development|local|devcontainer|ci|sandbox|tutorials?|quickstarts?|playground)([-_.]|$)`)

// Sample reports whether a file is a test, a sample, or for a developer's own machine, so that its passwords
// protect nothing.
func Sample(name string) bool {
	for step := range strings.SplitSeq(path.Clean(name), "/") {
		if sample.MatchString(step) {
			return true
		}
	}
	return false
}
