package tool

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/cwe"
)

// Rules hold what we know about a program's rules and the program does not say itself, by rule id.
type Rules map[string]Rule

// A Rule is what we know about one rule. For empty fields, what the program says is used.
type Rule struct {
	Severity                       *scanners.Severity
	CWE, Title, Message, Why, Help string
}

// ReadRules reads the file rules.yaml of an adapter. It panics if the file is wrong, because the file is
// part of this program.
func ReadRules(text []byte) (rules Rules) {
	in := yaml.NewDecoder(bytes.NewReader(text))
	in.KnownFields(true)
	if err := in.Decode(&rules); err != nil {
		panic(fmt.Errorf("read rules: %w", err))
	}
	return rules
}

// Names returns the ids, sorted.
func (r Rules) Names() []string { return slices.Sorted(maps.Keys(r)) }

// complete fills in the fields that the parser left empty, and overrides those that the adapter's Rules set.
func (a Adapter) complete(f *scanners.Finding) {
	rule := a.Rules[f.Rule]
	if rule.Severity != nil {
		f.Severity = *rule.Severity
	}
	f.CWE, f.Message = cmp.Or(rule.CWE, f.CWE), cmp.Or(rule.Message, f.Message)
	f.Title, f.Why, f.Help = cmp.Or(rule.Title, f.Title, f.Rule), cmp.Or(rule.Why, f.Why), cmp.Or(rule.Help, f.Help)
	f.Title = strings.TrimSuffix(f.Title, ".")
	ours := f.Help != "" || f.HelpURL != ""
	cwe.Explain(f)
	switch {
	case !ours && a.MissingHint != "":
		f.Help = "Change it so that it follows the rule " + f.Rule + " of your organisation."
	case f.Help == "" && f.HelpURL != "":
		f.Help = "The page about this rule, linked below, describes the fix."
	}
}
