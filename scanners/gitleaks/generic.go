package gitleaks

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
)

// Names of files in which machines write what they computed: hashes, ids and minified code. The rule for keys
// without a form of their own is not for them.
var computed = []string{
	"**/*.lock", "**/*.lockb", "**/*.lock.json", "**/*.lock.hcl", "**/*.lock.yaml", "**/*.lock.yml", "**/*-lock.json", "**/*-lock.yaml", "**/*-lock.yml",
	"**/*.lockfile", "**/Package.resolved", "**/Cartfile.resolved", "**/packages.lock.json", "**/npm-shrinkwrap.json",
	"**/*.sum", "**/*.sha256", "**/*.sha512", "**/*.sha1", "**/*.md5", "**/*SHA256SUMS*", "**/*SHA512SUMS*", "**/checksums.*", "**/.yarn/releases/**", "**/.yarn/plugins/**",
	"**/*.min.js", "**/*.min.mjs", "**/*.min.css", "**/*-min.js", "**/*.map", "**/*.bundle.js", "**/*.chunk.js",
	"**/*.csproj", "**/*.vbproj", "**/*.fsproj", "**/*.vcxproj", "**/*.vcxproj.filters", "**/*.sln", "**/*.slnx", "**/*.shproj", "**/*.wixproj", "**/*.wxs",
	"**/*.pbxproj", "**/*.xcscheme", "**/*.xib", "**/*.storyboard", "**/*.iml", "**/*.uproject", "**/*.uplugin", "**/*.unity", "**/*.prefab", "**/*.asset", "**/*.meta",
	"**/*.resx", "**/*.po", "**/*.pot", "**/*.xlf", "**/*.xliff", "**/*.arb", "**/*.strings", "**/*.ipynb_checkpoints/**", "**/*.snap", "**/*.svg",
	"**/keybindings.json", "**/*keybinding*.json", "**/*keymap*", "**/contracts/**/*.json", "**/.pnp.cjs", "**/.pnp.js", "**/.secrets.baseline", "**/*.baseline", "**/*baseline.json",
}

func isComputed(name string) bool {
	for _, pattern := range computed {
		if doublestar.MatchUnvalidated(pattern, name) {
			return true
		}
	}
	return false
}

// farOut is the length of a line, in bytes, from which on code is for machines.
const farOut = 1000

var (
	// version matches a number of a version, a tag with one, or a date, and what follows it.
	versionForm = lazy.MustCompile(`^[v^~=<>]{0,3}\d{1,4}\.(?:\d{1,8}|[x*])(?:\.(?:\d{1,8}|[x*])){0,2}(?:[-+._][0-9A-Za-z.+_-]*)?$|^v?20\d\d[-._]?[01]\d[-._]?[0-3]\d(?:[-._T][0-9A-Za-z.:_-]*)?$`)

	uuidForm    = lazy.MustCompile(`(?i)^\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?$`)
	algorithm   = lazy.MustCompile(`(?i)(?:sha\d{1,3}|md5|blake\w*|crc32)[-:=_]?$`)
	hexadecimal = lazy.MustCompile(`^(?:0x)?[0-9a-fA-F]+$`)

	// hashName matches names of computed values: hashes, ids of objects, public halves of keys.
	hashName = lazy.MustCompile(`(?i)(?:hashed[\w-]*|sha-?\d{0,3}|md5|hash(?:es)?|checksum|digest|integrity|fingerprint|thumbprint|etag|commit|revision|rev|version|\bref|signature|public[_-]?(?:key)?|pub[_-]?key|verif\w*[_-]?key|cert(?:ificate)?|x509|known_?hosts|host_?key|guid|uuid|session_?id|cache[_-]?key|sort[_-]?key)[\s"'_-]*(?:id|value|hex)?[\s"']*$`)

	// openName matches names of keys that are made to be shown.
	openName = lazy.MustCompile(`(?i)(?:public|publishable|site|vapid[_-]?public)[_-]?key[\s"']*$`)

	// publicKey matches the public half of a key, a certificate, or the beginning of such in base64.
	publicKey = lazy.MustCompile(`^(?:AAAAB3NzaC1|AAAAC3NzaC1|AAAAE2VjZHNh|AAAAG[nN]NrL|age1|ssh-|MII[A-Za-z0-9+/]{2,4}(?:ANBgkqhkiG|CCA)|MIIBCgKCAQEA|MIICCgKCAgEA|pk_(?:live|test)_|MFkwEwYHKoZIzj0|MHYwEAYHKoZIzj0|MCowBQYDK2Vw|LS0tLS1CRUdJTiBDRVJU|LS0tLS1CRUdJTiBQVUJMSUM|LS0tLS1CRUdJTiBTU0gg)`)

	shortcut   = lazy.MustCompile(`(?i)^(?:(?:ctrl|control|cmd|command|alt|option|opt|shift|meta|super|win|mod|primary|fn|hyper)[+-])+\S+$`)
	assignment = lazy.MustCompile(`^[A-Za-z_][A-Za-z_0-9]*={1,2}[A-Za-z_][A-Za-z_0-9.]*$`)
	identifier = lazy.MustCompile(`^(?:[A-Za-z_][A-Za-z_]*\.)+[A-Za-z_]\w*(?:\(.*)?$|^X509[A-Za-z]*$|^(?:[a-z]+|[A-Z][a-z]+)(?:[A-Z][a-z]+)*(?:V?\d{1,2}|X509|OAuth2|SHA\d+|MD5|S3|EC2|Base64|B64|UTF8|Utf8)(?:[A-Z][a-z]+)*$`)
	wordPart   = lazy.MustCompile(`^[A-Za-z]+\d{0,2}$|^\d{1,4}$|^v\d+$|^[a-z]\d$`)
	keyWord    = lazy.MustCompile(`(?i)^(?:secret|secrets|password|passwd|token|tokens|key|keys|id|ids|name|credential|credentials|auth|apikey|cert|path|file|url|arn|role)$`)
)

// genericNoise reports whether a match of the rule for keys without a form of their own is none. Both its name
// and its value count.
func (m match) genericNoise() bool {
	value := strings.Trim(m.value, `"'`)
	return isComputed(m.path) || m.sealed() || m.minified() ||
		madeByMachine(m.name(), value, m.before()) || madeByHand(m.name(), value) || m.imageReference()
}

// madeByMachine reports whether a value is a version, a hash, an id or the public half of a key.
func madeByMachine(name, value, before string) bool {
	label := strings.TrimRight(name, " \t\r\n:=>\"'`|?,")
	return openName.MatchString(label) || versionForm.MatchString(value) || publicKey.MatchString(value) ||
		algorithm.MatchString(strings.TrimRight(before, `"'`)) || strings.HasPrefix(value, "sha256-") || strings.HasPrefix(value, "sha512-") || strings.HasPrefix(value, "sha384-") ||
		hashName.MatchString(label) && (hexadecimal.MatchString(value) || uuidForm.MatchString(value) || len(value) > 40)
}

// madeByHand reports whether a value is a shortcut, a name in code, the name of a secret, or a placeholder.
func madeByHand(name, value string) bool {
	if shortcut.MatchString(value) || assignment.MatchString(value) || sample(value) {
		return true
	}
	if strings.Contains(strings.ToLower(name), "passw") {
		return placeholder(value)
	}
	if text := plain(value); text != "" {
		return encodedPlaceholder(text)
	}
	return identifier.MatchString(value) || nameOfSecret(value) || onlyCommon(value)
}

// nameOfSecret reports whether a value is made of words, such as prod-db-01-api-key, and one of them says what
// it is the name of.
func nameOfSecret(value string) bool {
	parts := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("-_./:=", r) })
	says := false
	for _, p := range parts {
		if !wordPart.MatchString(p) || len(p) > 20 {
			return false
		}
		says = says || keyWord.MatchString(p)
	}
	return len(parts) > 1 && says
}

// before returns the text of the line in front of the value.
func (m match) before() string {
	line := m.raw[max(0, m.from-200):m.from]
	return line[strings.LastIndexByte(line, '\n')+1:]
}

var (
	imageLine = lazy.MustCompile(`(?i)^[\s"'-]*(?:image|from|repository|tag|newTag|container|baseImage|uses|docker_image|image_name)\b`)
	imageName = lazy.MustCompile(`^(?:[A-Za-z0-9.-]+(?::\d+)?/)*[\w.-]+:[\w.-]*$`)
)

// imageReference reports whether the value is the tag of a container image.
func (m match) imageReference() bool {
	before := m.before()
	word := before[strings.LastIndexAny(before, " \t\"'`=(,[")+1:]
	if !imageName.MatchString(word) || strings.Contains(m.value, "=") {
		return false
	}
	return strings.Contains(word, "/") || imageLine.MatchString(before)
}

// minified reports whether the value is in code that a program wrote, by the length of the line.
func (m match) minified() bool {
	switch strings.ToLower(path.Ext(m.path)) {
	case ".js", ".mjs", ".cjs", ".css", ".html", ".htm", ".ipynb":
		from := strings.LastIndexByte(m.raw[max(0, m.from-farOut):m.from], '\n')
		to := strings.IndexByte(m.raw[m.to:min(len(m.raw), m.to+farOut)], '\n')
		return from < 0 && m.from > farOut || to < 0 && len(m.raw)-m.to > farOut
	}
	return false
}
