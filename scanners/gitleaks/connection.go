package gitleaks

import (
	"net/netip"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/zricethezav/gitleaks/v8/config"
	libregexp "github.com/zricethezav/gitleaks/v8/regexp"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
)

// The rules for passwords in addresses. Their ids have a part after "#" that is not shown, see [public].
const (
	urlPassword        = "url-password"
	connectionPassword = "connection-string-password"
)

func connectionRules() []config.Rule {
	return []config.Rule{{
		// https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1
		RuleID:   urlPassword + "#generic",
		Regex:    libregexp.MustCompile("://[^\\s/?#:@'\"`<>\\\\|]{0,100}:([^\\s/?#'\"`\\\\|]{1,200})@[^\\s/?#@'\"`<>\\\\,;)|]{1,253}"),
		Keywords: []string{"://"},
	}, {
		// https://github.com/go-sql-driver/mysql#dsn-data-source-name
		RuleID:   connectionPassword + "#generic-mysql",
		Regex:    libregexp.MustCompile("[^\\s:'\"`/=]{0,100}:([^\\s'\"`]{1,200})@tcp6?\\([^)\\s'\"`]{1,253}\\)"),
		Keywords: []string{"@tcp(", "@tcp6("},
	}, {
		// https://jdbc.postgresql.org/documentation/use/#connection-parameters
		RuleID:   connectionPassword + "#generic-query",
		Regex:    libregexp.MustCompile("://[^\\s'\"`<>\\\\]{1,400}?[?&;](?i:password|passwd|pwd)=([^\\s&;'\"`<>\\\\)]{1,200})"),
		Keywords: []string{"password=", "passwd=", "pwd="},
	}, {
		// https://docs.oracle.com/en/database/oracle/oracle-database/23/jjdbc/data-sources-and-URLs.html
		RuleID:   connectionPassword + "#generic-oracle",
		Regex:    libregexp.MustCompile("jdbc:oracle:\\w+:[^\\s/'\"`]{1,100}/([^\\s'\"`/]{1,200})@[^\\s'\"`]{1,253}"),
		Keywords: []string{"jdbc:oracle:"},
	}, {
		// https://learn.microsoft.com/en-us/dotnet/framework/data/adonet/connection-string-syntax
		// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE
		RuleID:   connectionPassword + "#generic-pairs",
		Regex:    libregexp.MustCompile("(?i)\\b(?:password|pwd)[ \\t]?=[ \\t]?([^;,\\s'\"`<>&\\\\)]{1,200})"),
		Keywords: []string{"password=", "password =", "pwd=", "pwd ="},
	}}
}

// Paths of tests, examples and documents, where passwords are made up.
var madeUp = []string{
	"**/{test,tests,testing,__tests__,spec,specs,testdata,test-data,test_data,fixture,fixtures,__fixtures__,mock,mocks,__mocks__,e2e,cypress,cassettes,integration-test*,dockerTest,testFixtures,*Test,*Tests,*.Tests,*.Test,unittests}/**",
	"**/{example,examples,sample,samples,demo,demos,quickstart,tutorial,tutorials}/**",
	"**/*_test.*", "**/*_tests.*", "**/*_spec.*", "**/*.test.*", "**/*.tests.*", "**/*.spec.*", "**/test_*.*", "**/tests.py", "**/conftest.py",
	"**/*Test.{java,kt,scala,groovy,cs,php,swift}", "**/*Tests.{java,kt,cs,swift}", "**/*IT.java", "**/*Spec.{scala,groovy,kt}",
	"**/*.{example,sample,template,dist,tpl,tmpl,default,j2,erb}", "**/*.{example,sample,template,dist}.*", "**/*[-_.]{example,sample}", "**/*{example,sample}.{env,yml,yaml,json,properties,ini,toml,conf,cfg}",
	"**/.env.{test,testing,ci,mock,local.example}", "**/*.mock", "**/localhost*.{key,pem,p12,pfx}", "**/*snakeoil*", "**/*[-_.]test.{yml,yaml,properties,json,ini,toml,conf,env}", "**/test.{yml,yaml,properties,json,ini,toml,env}",
}

// isMadeUp reports whether a file is a test, an example or a template.
func isMadeUp(name string) bool {
	for _, pattern := range madeUp {
		if doublestar.MatchUnvalidated(pattern, name) {
			return true
		}
	}
	return false
}

// connectionNoise reports whether the password in an address is none, or is one for the developer's own machine.
func (m match) connectionNoise() bool {
	if isMadeUp(m.path) || isComputed(m.path) {
		return true
	}
	user, host, ok := m.server()
	odd := inCode
	if m.rule == connectionPassword {
		odd = isCall
	}
	return !ok || placeholder(m.value, user) || odd(m.value) || own(host) || placeholderAccount(user, m.value)
}

// placeholderAccount reports whether a user and a password are those of a document, such as user:p4ss.
func placeholderAccount(user, password string) bool {
	switch strings.ToLower(user) {
	case "user", "username", "usr", "myuser", "foo", "alice", "bob", "someuser", "your-user", "your_user", "uname", "login":
		return len(password) < 8 || onlyCommon(password)
	}
	return template.MatchString(user) && onlyCommon(password)
}

var (
	scheme   = lazy.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*$`)
	hostKey  = lazy.MustCompile(`(?i)(?:^|[;\s"'])(?:server|host|hostaddr|hostname|data source|datasource|addr|address|network address)[ \t]*=[ \t]*(?:tcp:|np:)?([^;\s'"]+)`)
	loginKey = lazy.MustCompile(`(?i)(?:^|[;\s"'])(?:user id|userid|uid|user|username|user name)[ \t]*=[ \t]*([^;\s'"]+)`)
	codeSign = lazy.MustCompile(`[()\[\]{}*^|\\]|=>|->|::|&&`)
	callSign = lazy.MustCompile(`^[\w.]+\(|[\[{]\w*[\]}]?$|\\|=>|->|::|^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$`)
)

// inCode reports whether the value is a piece of code, such as of a regular expression. In an address, most signs of
// code would have to be escaped.
func inCode(value string) bool { return codeSign.MatchString(value) }

// isCall reports whether the value is a call, an index, or a member of an object.
func isCall(value string) bool { return callSign.MatchString(value) }

// server returns the user and the host that a password is for. ok is false if it is for none.
func (m match) server() (user, on string, ok bool) {
	text := m.context
	i := strings.Index(text, m.value)
	if m.decoded && m.rule == connectionPassword || i < 0 {
		return "", "", false
	}
	front, back := text[:i], text[i+len(m.value):]
	switch _, authority, _ := strings.Cut(front, "://"); {
	case m.rule == urlPassword:
		if !m.decoded && !scheme.MatchString(m.raw[max(0, m.begin-40):m.begin]) {
			return "", "", false
		}
		return strings.TrimSuffix(authority, ":"), strings.TrimPrefix(back, "@"), true
	case strings.HasPrefix(back, "@tcp"):
		_, on, _ = strings.Cut(back, "(")
		return strings.TrimSuffix(front, ":"), strings.TrimSuffix(on, ")"), true
	case strings.HasPrefix(front, "jdbc:oracle:"):
		account := front[strings.LastIndexByte(front, ':')+1:]
		return strings.TrimSuffix(account, "/"), strings.TrimLeft(back, "@/"), true
	case authority != "":
		if end := strings.IndexAny(authority, "/?;&"); end >= 0 {
			authority = authority[:end]
		}
		return "", authority[strings.LastIndexByte(authority, '@')+1:], true
	}
	return m.pairs()
}

// pairs returns the user and the host in the text of pairs, such as a connection string of ADO.NET, around the
// password.
func (m match) pairs() (user, on string, ok bool) {
	const near = 400
	const edges = "\r\n\"'`<>{}"
	before, after := m.raw[max(0, m.from-near):m.from], m.raw[m.to:min(len(m.raw), m.to+near)]
	before = before[strings.LastIndexAny(before, edges)+1:]
	if i := strings.IndexAny(after, edges); i >= 0 {
		after = after[:i]
	}
	all := before + m.value + after
	found := hostKey.FindStringSubmatch(all)
	if found == nil {
		return "", "", false
	}
	if who := loginKey.FindStringSubmatch(all); who != nil {
		user = who[1]
	}
	on, _, _ = strings.Cut(found[1], ",")
	on, _, _ = strings.Cut(on, `\`)
	return user, on, true
}

var templates = lazy.MustCompile(`\$?\{+[^}]*\}+|\$\([^)]*\)|\$\w+|%\([^)]*\)\w?|%\w|\[[^\]]*\]$|@\w+@`)

// own reports whether a host is the developer's machine, or a name that only has a meaning in one project, such
// as that of a service of Compose.
func own(address string) bool {
	address = strings.Trim(templates.ReplaceAllString(address, ""), "/")
	if ip, err := netip.ParseAddrPort(address); err == nil {
		return ip.Addr().IsLoopback() || ip.Addr().IsUnspecified()
	}
	if ip, err := netip.ParseAddr(strings.Trim(address, "[]")); err == nil {
		return ip.IsLoopback() || ip.IsUnspecified()
	}
	name, _, _ := strings.Cut(strings.ToLower(address), ":")
	name = strings.Trim(name, ".")
	if name == "" || !strings.Contains(name, ".") {
		return true
	}
	switch {
	case strings.HasSuffix(name, ".localhost"), strings.HasSuffix(name, ".docker.internal"), strings.HasSuffix(name, ".localdomain"):
		return true
	}
	return template.MatchString(name) || strings.ContainsAny(name, "()[]{}*$%^|")
}

// prose reports whether a file is written for readers, by the end of its name.
func prose(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".md", ".markdown", ".mdx", ".rst", ".adoc", ".asciidoc":
		return true
	}
	return false
}
