package threatmodel

import "slices"

// Words that a model may use. Sensitivity, exposure and tier are those of the OWASP Threat Model Library, version 1.0.2
// (https://github.com/OWASP/www-project-threat-model-library, MIT).
var (
	exposures     = []string{"internal", "external"}
	tiers         = []string{"mission_critical", "business_critical", "important", "non_critical"}
	classes       = []string{"public", "internal", "confidential", "restricted"}
	sensitivities = []string{"pii", "phi", "fin", "ip", "cred", "biz", "gov", "pci", "op"}
	kinds         = []string{"service", "job", "ui", "library", "function", "datastore", "queue", "external"}
	statuses      = []string{Open, Decided, Implemented, NotApplicable, AcceptedRisk}
)

// The statuses of a decision.
const (
	Open          = "open"
	Decided       = "decided"
	Implemented   = "implemented"
	NotApplicable = "not_applicable"
	AcceptedRisk  = "accepted_risk"
)

// A topic is what is asked about a component, with the categories of STRIDE that it concerns. The names are those of
// package scanners/design.
type topic struct{ name, stride string }

var topics = []topic{
	{"access", "SE"},
	{"public", "SE"},
	{"authn", "S"},
	{"token", "SE"},
	{"roles", "E"},
	{"tenancy", "IE"},
	{"data", "I"},
	{"crypto", "IT"},
	{"secrets", "IS"},
	{"external", "ITD"},
	{"files", "TDE"},
	{"dangerous", "TE"},
	{"exposure", "IDE"},
	{"privilege", "E"},
	{"browser", "TI"},
	{"tls", "IT"},
	{"pipeline", "TE"},
	{"supply", "T"},
	{"component", "STRIDE"},
	{"control", "STIDE"},
	{"exception", "R"},
	{"design", "STRIDE"},
}

// Topics lists the topics that a decision may be about.
func Topics() []string { return topicNames() }

func topicNames() []string {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.name
	}
	return names
}

var strideNames = map[rune]string{
	'S': "Spoofing", 'T': "Tampering", 'R': "Repudiation", 'I': "Information disclosure", 'D': "Denial of service",
	'E': "Elevation of privilege",
}

// stride returns the categories of a topic.
func stride(name string) (list []string) {
	i := slices.IndexFunc(topics, func(t topic) bool { return t.name == name })
	if i < 0 {
		return nil
	}
	for _, letter := range topics[i].stride {
		list = append(list, strideNames[letter])
	}
	return list
}
