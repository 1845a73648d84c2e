package gitleaks

import (
	"path"
	"strings"

	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/regexp"

	"github.com/secbydesign/secbydesign/scanners"
)

// ownRules are rules that the library does not have yet.
var ownRules = []config.Rule{{
	// Since 2026 GitHub issues installation tokens that carry their own claims: "ghs_", the App's id
	// and a JSON Web Token, some 520 characters. The library's rule github-app-token matches only 36
	// letters and digits.
	// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
	RuleID:      "github-app-installation-token",
	Description: "Found a GitHub App installation token, which opens the repositories of its installation.",
	Regex:       regexp.MustCompile(`\bghs_[0-9]+_[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}`),
	Keywords:    []string{"ghs_"},
}}

// withOwnRules adds ownRules to the library's rules.
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

// vagueness ranks rules that match the same text: the rule with the lowest rank is the most
// specific. Rules that recognize a secret by its context, and rules for tokens that have often
// expired, are wrong more often than the rest, which recognize a provider's own format.
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

// fragmentary reports whether the rule's groups match only a part of the secret.
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

// describe returns a finding with the fields that all findings of a rule in a file share.
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
		f.Severity = scanners.Low // in documents, nearly all matches are examples
	}
	if rule == "private-key" || rule == "pkcs12-file" {
		f.Help = helpKey
	}
	return f
}
