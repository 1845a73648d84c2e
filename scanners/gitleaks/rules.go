package gitleaks

import (
	"path"
	"strings"

	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/regexp"

	"github.com/secbydesign/secbydesign/scanners"
)

// ownRules are what the library's rules do not know yet.
var ownRules = []config.Rule{{
	// Since 2026 GitHub gives installation tokens that carry their own claims: "ghs_", the App's id
	// and a JSON Web Token, some 520 characters. The library's rule github-app-token takes 36 letters
	// and digits.
	// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
	RuleID:      "github-app-installation-token",
	Description: "Found a GitHub App installation token, which opens the repositories of its installation.",
	Regex:       regexp.MustCompile(`\bghs_[0-9]+_[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}`),
	Keywords:    []string{"ghs_"},
}}

// withOwnRules adds them to the library's.
func withOwnRules(c config.Config) config.Config {
	for _, r := range ownRules {
		c.Rules[r.RuleID] = r
		c.OrderedRules = append(c.OrderedRules, r.RuleID)
		for _, k := range r.Keywords {
			c.Keywords[k] = struct{}{}
		}
	}
	return c
}

// vagueness ranks rules for the case that several match the same text: the lowest has
// the most to say. The rules that know a secret by what stands around it, and those for
// tokens that often open nothing any more, are wrong more often than the rest, which know
// a provider's own form.
func vagueness(rule string) int {
	switch rule {
	case "generic-api-key":
		return 3
	case "curl-auth-header", "curl-auth-user", "hashicorp-tf-password", "kubernetes-secret-yaml", "nuget-config-password":
		return 2
	case "jwt", "jwt-base64":
		return 1
	default:
		return 0
	}
}

// fragmentary tells the rules whose groups hold only a part of the secret.
func fragmentary(rule string) bool {
	return rule == "jwt-base64" || rule == "microsoft-teams-webhook"
}

const (
	why       = "Whoever can read the repository, now or later, can use it."
	helpToken = "**Revoke it where it was issued**, then issue a new one. " +
		"Removing the line is not enough, the commit keeps it. " +
		"Let the program read the new one from its environment or a secret store."
	helpKey = "**Make a new key pair and withdraw this one** wherever its public half is trusted (hosts, certificates, signatures). " +
		"Removing the file is not enough, the commit keeps it. " +
		"Keep the new key in a secret store."
	helpURL = "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/removing-sensitive-data-from-a-repository"
)

// prose reports whether a file is written for readers, by the end of its name.
func prose(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".md", ".markdown", ".rst", ".adoc", ".asciidoc":
		return true
	}
	return false
}

// describe gives what is the same for all findings of a rule in a file.
func describe(rule, description, name string) scanners.Finding {
	f := scanners.Finding{
		Rule:     rule,
		Severity: scanners.High,
		Title:    "Committed secret: " + strings.ReplaceAll(rule, "-", " "),
		Message:  strings.TrimSuffix(description, ".") + ".",
		Why:      why,
		Help:     helpToken,
		HelpURL:  helpURL,
		CWE:      "CWE-798", // use of hard-coded credentials
	}
	if vagueness(rule) > 0 {
		f.Severity = scanners.Medium
	}
	if rule == "generic-api-key" && prose(name) {
		f.Severity = scanners.Low // nearly all that look like one in a document are examples
	}
	if rule == "private-key" || rule == "pkcs12-file" {
		f.Help = helpKey
	}
	return f
}
