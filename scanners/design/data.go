package design

// dataDetectors find the facts of this group.
var dataDetectors = []detector{
	// Data: tables and their columns.
	sqlSchema, embeddedSQL, railsMigration, djangoMigration, alembicMigration, efMigration, prismaSchema, liquibaseXML, liquibaseYAML,
	laravelMigration, scriptMigration, protoFields,

	// Secrets and cryptography.
	secretNames, secretStores, cryptography, weakTLS, plaintextHops,

	// Outbound and third parties.
	goHosts, scriptHosts, configuredHosts, thirdPartyScripts, dependencies,

	// Governance.
	inlineSuppressions, ignoreFiles, guardrails, designDocuments,
}

// blank returns the text with blanks in place of the parts between each match of from and the next match of to, or the
// end. Lines keep their numbers and offsets.
func blankBetween(text []byte, from, to *lazyRegexp) []byte {
	if !from.Match(text) {
		return text
	}
	out := append([]byte(nil), text...)
	for at := 0; at < len(out); {
		start := from.FindIndex(out[at:])
		if start == nil {
			break
		}
		begin, end := at+start[0], len(out)
		if stop := to.FindIndex(out[at+start[1]:]); stop != nil {
			end = at + start[1] + stop[0]
		}
		for i := begin; i < end; i++ {
			if out[i] != '\n' && out[i] != '\r' {
				out[i] = ' '
			}
		}
		at = max(end, at+start[1])
	}
	return out
}

// A stringAt is a string in a file: the offsets of its content.
type stringAt struct{ start, end int }

// literals returns the strings of the file in the order of the text. Prefixes of the language, such as f or @, are not
// part of them.
func (s *source) literals() (list []stringAt) {
	rule, ok := syntaxes[s.language]
	if !ok {
		return nil
	}
	text := s.code()
	for i := 0; i < len(text); {
		end, _ := rule.token(text, i)
		if end-i > 1 {
			mark := 1
			if rule.triples && (has(text, i, `"""`) || has(text, i, `'''`)) {
				mark = 3
			}
			if i+mark <= end-mark {
				list = append(list, stringAt{i + mark, end - mark})
			}
		}
		i = max(end, i+1)
	}
	return list
}

// product returns the code without the tests that Rust keeps in the same file.
func (s *source) product() []byte {
	if s.is(rust) {
		if at := rustTests.FindIndex(s.code()); at != nil {
			return s.code()[:at[0]]
		}
	}
	return s.code()
}

var rustTests = rex(`(?m)^\s*#\[cfg\((?:all\()?test\b`)
