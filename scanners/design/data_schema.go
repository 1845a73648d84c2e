package design

import (
	"strings"
	"unicode"
)

// A table is one that a migration or a schema makes. It is only a holder of new columns if it was there before.
type table struct {
	name    string
	line    int
	created bool
	columns []column
}

type column struct {
	name, kind string
	line       int
}

// addTables adds the facts of tables: that they are there, whose rows they separate, and what is personal in them.
func (s *source) addTables(tables []table) {
	for _, t := range tables {
		name := tableName(t.name)
		if name == "" || passing.MatchString(name) {
			continue
		}
		if t.created {
			s.add("new-table", name, t.line, with("table", name))
		}
		for _, c := range t.columns {
			s.addColumn(name, c)
		}
	}
}

func (s *source) addColumn(table string, c column) {
	name := snake(strings.Trim(c.name, "`\"[]"))
	key := table + "." + name
	kind := strings.ToLower(c.kind)
	switch {
	case tenantKey.MatchString(name) && !ownTable(table, name):
		s.add("tenant-key", key, c.line, with("table", table), with("column", name))
	case isPersonal(name, kind):
		s.add("pii-field", key, c.line, with("table", table), with("column", name))
	}
}

var (
	tenantKey = rex(`^(tenant|org|organi[sz]ation|workspace)_(id|uuid|guid)$`)

	// passing are names of tables that hold the rows of another one while a migration runs.
	passing = rex(`(^|_)(tmp|temp|temporary|bak|backup|old|new|rebuild|rebuilt|copy)(_|$)|^#`)
)

// ownTable reports whether a table holds the tenants themselves, where the column is the key.
func ownTable(table, column string) bool {
	tenant := column[:strings.LastIndexByte(column, '_')]
	return table == tenant || table == tenant+"s"
}

// tableName returns a table's name in snake case, without quotes and the common schemas.
func tableName(name string) string {
	name = strings.NewReplacer("`", "", `"`, "", "[", "", "]", "").Replace(strings.TrimSpace(name))
	for _, prefix := range []string{"public.", "dbo."} {
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			name = name[len(prefix):]
		}
	}
	return snake(name)
}

// snake makes snake_case of CamelCase and of words with hyphens.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case unicode.IsUpper(r):
			afterLower := i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]))
			beforeLower := i > 0 && i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1])
			if afterLower || beforeLower {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToLower(r))
		case r == '-' || r == ' ':
			b.WriteByte('_')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// personal are names of columns with data of a person, or with what a person proves the identity with.
var personal = rex(`^(` + strings.Join([]string{
	`(\w+_)?e_?mail(_?address)?`,
	`(\w+_)?phone(_?(number|no))?`, `mobile(_(phone|number|no))?`, `telephone`, `cell_phone`, `fax(_number)?`,
	`ssn`, `social_security(_(number|no))?`, `tax_(id|number)`, `national_id(_number)?`, `passport(_\w+)?`, `driver'?s?_licen[cs]e(_\w+)?`,
	`birth_?(date|day|year|place)`, `date_of_birth`, `dob`,
	`(first|last|middle|full|given|family|maiden|legal)_?name`, `surname`,
	`street(_?(name|address|line|number|\d))*`, `(home|postal|billing|shipping|mailing|street|residential)_address(_\w+)?`, `address_?line_?\d?`,
	`(\w+_)?(postal_?code|post_?code|zip_?code)`,
	`iban`, `bank_account(_number)?`, `account_number`, `routing_number`, `(credit_)?card_(number|no|cvv|cvc)`, `cvv2?`, `cvc`,
	`(\w+_)?ip_?addr(ess)?`, `(client|remote|last|login|current_sign_in|last_sign_in)_ip`, `latitude|longitude|geo_?location`,
	`gender`, `sexual_orientation`, `ethnicity`, `religion`, `nationality`, `marital_status`,
	`diagnosis`, `medical_\w+`, `blood_type`, `salary`, `(annual|monthly|net|gross)_income`,
	`(\w+_)?(password|passwd|passphrase)(_(hash|digest|salt|hint))?`, `((hashed|encrypted|crypted)_)?password`,
	`(\w+_)?(api_?key|secret_?key|private_?key|signing_key|client_secret|signing_secret|webhook_secret|shared_secret|[mht]?otp_secret|mfa_secret|recovery_codes?)(_(hash|digest|encrypted))?`,
	`((access|refresh|auth|api|session|reset|reset_password|password_reset|bearer|id|login|verification|confirmation|invitation|invite|device|push|oauth|remember|remember_me|bot|personal_access|magic_link)_)?token(_(hash|digest|encrypted|secret))?`,
}, "|") + `)$`)

var (
	dates    = rex(`birth|dob`)
	amounts  = rex(`salary|income|phone|mobile|ssn|latitude|longitude|card|account|birth|tax|national|zip|post|cvv|cvc|gender`)
	flagType = rex(`bool|^bit$|^tinyint`)
	dateType = rex(`^(sa\.|models\.|types\.)?(date|time|interval)`)
	intType  = rex(`^(sa\.|models\.)?(small|big|tiny|medium|positive|positivesmall|positivebig)?(int|serial|number|numeric|decimal|float|double)|foreign_?key|references|belongs_?to`)

	// mailWords come before "email" in names of settings and texts, not of addresses.
	mailWords = rex(`^(send|notify|notify_by|enable|disable|allow|is|has|can|should|use|require|verified|confirm|skip|template|welcome|marketing|by)_`)
)

// isPersonal reports whether a column of a type, in lower case, holds personal data. Switches, dates of events and
// references do not.
func isPersonal(name, kind string) bool {
	if len(name) > 60 || !personal.MatchString(name) || mailWords.MatchString(name) {
		return false
	}
	switch {
	case flagType.MatchString(kind):
		return false
	case dateType.MatchString(kind):
		return dates.MatchString(name)
	case intType.MatchString(kind):
		return amounts.MatchString(name)
	}
	return true
}
