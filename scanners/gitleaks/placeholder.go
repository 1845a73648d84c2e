package gitleaks

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
)

var (
	// template matches text that a program replaces by the value: ${NAME}, $NAME, $(command), {name}, {{ name }},
	// <name>, %s, %NAME%, @NAME@, [name], *** and ... .
	template = lazy.MustCompile(`\$\{|\$\(|\$[A-Za-z_]|\{[^}]*\}|<[^>]*>|^<|>$|%[svq]|%\(|%[A-Za-z_]{3,}%|^@\w+@$|^\[[^\]]*\]$|\*{3}|\.\.\.|…|^%d$|__[A-Z]`)

	// reference matches values that say where a secret is kept.
	reference = lazy.MustCompile(`(?i)^(?:[!&*]|\w+:/?/|file:|env:|vault:|ssm:|arn:|op:|ref\+|secretref:|secretsmanager|keyring:|aws-sm:|gcp-sm:|sm:|@microsoft\.keyvault|enc[:(\[{]|encrypted:|\{cipher\}|\{aes|ej\[|/|\./|~/|[A-Z]:\\)`)

	// hashed matches digests of passwords, which are made to be stored.
	hashed = lazy.MustCompile(`^\$(?:2[abxy]?|1|5|6|y|argon2\w*|pbkdf2[\w-]*|scrypt|apr1)\$|^\{(?:bcrypt|noop|sha|ssha|pbkdf2|scrypt|argon2)[\w@-]*\}|^(?i:pbkdf2|argon2|bcrypt|scrypt|sha\d+|md5|scram-sha-\d+)[:$_]`)

	letterRun = lazy.MustCompile(`[a-z]+`)
	camelCase = lazy.MustCompile(`([a-z])([A-Z])`)
)

// common are the words of which values in examples and in programs for developers are made.
var common = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(`
		a abc abcd abcdef access account admin administrator adminadmin amqp an and any api apikey app application auth bar basic baz blah bob alice bogus
		change changed changeit changeme cipher client code credential credentials cred creds credmode data database db dbpass dbpassword dbuser
		default demo dev develop development docker dont dummy empty enter environment env example examples fake field fill fixme foo foobar for
		from generate generated get give goes guest hash here hello hidden host id in input insert invalid is it jdbc john doe key keys letmein local
		localhost login manager mariadb masked master me mine minio mock mongo mongodb my mypass mypassword mysecret mysql
		name never new no oauth cfg config conf self args opts options settings params props process getenv environ os none nopass not nothing null nil number of on off old only optional or oracle our own pass passphrase passwd password passwords pg
		placeholder please postgres postgresql private prod production provide public put pw pwd qux qwerty qwertz rabbit rabbitmq random real redacted
		redis remove removed replace replaceme replaceit required root sa safe sample samples secret secrets secure service sentinel server set shh some someone
		somepass something somepassword staging stage strong stub super supersecret sysadmin system temp temporary test tested tester testing testpass testpassword tests text the this tbd tiger scott to todo
		token tokens topsecret toor true false try type undefined unknown unset up update use used user username users usr value values var variable very welcome with word world write
		wrong x xx xxx xxxx y yes you your yourpassword yourself z zzz string str int bool boolean char varchar nullable object array bytes visible
		validators controller component model label title message error min max length maximum minimum hint tooltip description attribute attributes`) {
		words[w] = true
	}
	return words
}()

// unleet undoes the usual replacements of letters by digits, as in p4ssw0rd.
var unleet = strings.NewReplacer("0", "o", "3", "e", "4", "a", "5", "s", "@", "a", "$", "s", "1", "i", "!", "i")

// placeholder reports whether a value stands for a password instead of being one: a template, a reference, or
// nothing but common words, with digits at their end or in place of letters. So are the names it goes with.
func placeholder(value string, names ...string) bool {
	value = strings.TrimSpace(value)
	if len(value) < 4 || template.MatchString(value) || reference.MatchString(value) || hashed.MatchString(value) || repetitive(value) {
		return true
	}
	for _, name := range names {
		if strings.EqualFold(name, value) {
			return true
		}
	}
	return onlyCommon(value)
}

// onlyCommon reports whether a value has no words but common ones.
func onlyCommon(value string) bool {
	spaced := strings.ToLower(camelCase.ReplaceAllString(value, "$1 $2"))
	bare := strings.TrimRight(spaced, "0123456789!@#$%^&*?._-+= ")
	if bare == "" {
		return onlyDigits(value)
	}
	if common[unleet.Replace(bare)] || common[strings.ReplaceAll(bare, " ", "")] {
		return true
	}
	words := letterRun.FindAllString(bare, -1)
	return !strings.ContainsAny(strings.Trim(bare, "0123456789"), "0123456789") && // none between letters
		len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !common[w] })
}

// onlyDigits reports whether a value is a number, or punctuation.
func onlyDigits(value string) bool { return strings.Trim(value, "0123456789.,:_-+*#?!= ") == "" }

// sampleWords are words that no random text has.
var sampleWords = lazy.MustCompile(`(?i)example|sample|placeholder|redacted|change_?me|replace[_-]?me|dummy|your[_-]|notreal|not-a-real|xxxx|insert[_-]`)

// sample reports whether a text of a provider's own form was written by hand, as in documents.
func sample(value string) bool {
	return sampleWords.MatchString(value) || template.MatchString(value) && strings.ContainsAny(value, "<>{}.*") || repetitive(value)
}

// repetitive reports whether a text has a run that no random text has: one character six times, a group of up to
// eight again and again, or eight characters in the order of the alphabet or of the digits, also of every second
// character. So has abcd1234efgh5678.
func repetitive(value string) bool {
	const same, ordered, again = 6, 8, 12
	for period := 1; period <= 8; period++ {
		longest := max(again, 2*period)
		if period == 1 {
			longest = same
		}
		if run(value, period, func(a, b byte) bool { return a == b })+period-1 >= longest {
			return true
		}
	}
	up := func(a, b byte) bool { return b == a+1 || a == '9' && b == '0' }
	down := func(a, b byte) bool { return a == b+1 || a == '0' && b == '9' }
	return run(value, 1, up) >= ordered || run(value, 1, down) >= ordered || run(value, 2, up) >= 2*ordered-4 || mostlyOrdered(value, up)
}

// run returns the length of the longest run in which next holds for each character and the one that is step places
// after it.
func run(value string, step int, next func(a, b byte) bool) (longest int) {
	length := 1
	for i := step; i < len(value); i++ {
		if length++; !next(value[i-step], value[i]) {
			length = 1
		}
		longest = max(longest, length)
	}
	return longest
}

// mostlyOrdered reports whether four of five characters are in runs of at least four in their order.
func mostlyOrdered(value string, next func(a, b byte) bool) bool {
	const least = 12
	in, length := 0, 1
	for i := 1; i <= len(value); i++ {
		if i < len(value) && next(value[i-1], value[i]) {
			length++
			continue
		}
		if length >= 4 {
			in += length
		}
		length = 1
	}
	return len(value) >= least && in*5 >= len(value)*4
}

// plain returns the text that a value in base64 encodes, or "".
func plain(value string) string {
	value = strings.TrimRight(strings.Trim(value, `"' `), "=")
	b, err := base64.RawStdEncoding.DecodeString(value)
	if err != nil {
		return ""
	}
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c > '~' {
			return ""
		}
	}
	return string(b)
}
