package gitleaks

import (
	"github.com/secbydesign/secbydesign/scanners"
)

const (
	why       = "Anyone who can read the repository, now or later, can use it."
	helpToken = "**Revoke it where it was issued**, then issue a new one. " +
		"Removing the line is not enough, the commit keeps it. " +
		"Let the program read the new one from its environment or a secret store."
	helpKey = "**Make a new key pair and withdraw this one** wherever its public half is trusted (hosts, certificates, signatures). " +
		"Removing the file is not enough, the commit keeps it. " +
		"Keep the new key in a secret store."
	helpPassword = "**Change this password on the server.** " +
		"Removing the line is not enough, the commit keeps it. " +
		"Let the program read the new one from its environment or a secret store."
	helpURL = "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/removing-sensitive-data-from-a-repository"
)

// describe returns a finding with the fields that all findings of a rule in a file share.
func describe(rule, name string) scanners.Finding {
	t := textOf(rule)
	f := scanners.Finding{
		Rule:     rule,
		Severity: severity(rule, name),
		Title:    t.title,
		Message:  t.message,
		Why:      why,
		Help:     helpToken,
		HelpURL:  helpURL,
		CWE:      "CWE-798", // use of hard-coded credentials
	}
	switch rule {
	case "private-key", "pkcs12-file":
		f.Help = helpKey
	case urlPassword, connectionPassword, configPassword, credentialsFile, "hashicorp-tf-password", "nuget-config-password", "planetscale-password", "curl-auth-user":
		f.Help = helpPassword
	}
	return f
}

// severity weighs a rule by how sure it is, and by the kind of file: keys of tests open nothing, and in
// documents nearly all matches of the vague rules are examples.
func severity(rule, name string) scanners.Severity {
	switch {
	case rule == configPassword:
		return scanners.Low
	case rule == "generic-api-key" && isMadeUp(name):
		return scanners.Note
	case rule == "generic-api-key" && prose(name):
		return scanners.Low
	case (rule == "private-key" || rule == "pkcs12-file" || vagueness(rule) > 0) && isMadeUp(name):
		return scanners.Low
	case rule == urlPassword, rule == connectionPassword:
		if prose(name) {
			return scanners.Low
		}
		return scanners.High
	case rule == credentialsFile:
		return scanners.High
	case vagueness(rule) > 0:
		return scanners.Medium
	}
	return scanners.High
}
