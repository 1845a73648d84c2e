package design

import (
	"bytes"
	"path"
	"strings"
)

var (
	testStart  = rex(`(?m)^[ \t]*(?:(?:it|test|specify|scenario|example)(?:\.\w+)*\s*\(|(?:it|test|specify|scenario|example)\s+['"]|(?:async\s+)?def\s+test\w*|func\s+Test\w*|t\.Run\(|@Test\b|@ParameterizedTest\b|\[(?:Fact|Theory|Test|TestMethod)\b|(?:public\s+)?function\s+test\w*|#\[(?:tokio::)?test\])`)
	refusal    = rex(`\b(?:401|403)\b|(?i:forbidden|unauthori[sz]ed|permission_?denied|access_?denied|not_?permitted|assert_no_permission|is_?denied)`)
	namedRight = rex(`\b(\w*(?:Permissions?|Roles?|Privileges?|Scopes?|Authorit(?:y|ies)|AuthoritiesConstants)\w*)\.([A-Za-z]\w*)\b`)
	goRight    = rex(`\b(?:\w+\.)?((?:Role|Permission|Scope|Privilege)[A-Z]\w*|[A-Z]\w*(?:Role|Permission|Scope|Privilege))\b`)
	tenantTest = rex(`(?i)\b\w*(?:other|another|different|foreign|cross|second|wrong)[ _-]?(?:tenant|org(?:ani[sz]ation)?|workspace|account|team)\w*`)
	notFound   = rex(`\b(?:401|403|404)\b|(?i:forbidden|unauthori[sz]ed|not_?found|permission_?denied|access_?denied|to_?be_?empty|does_?not_?exist)`)

	rowPolicy    = rex(`(?is)\bCREATE\s+POLICY\s+["\w]+\s+ON\s+["]?(?:\w+["]?\.["]?)?(\w+)["]?([^;]{0,800})`)
	rowSecurity  = rex(`(?i)\bALTER\s+TABLE\s+(?:IF\s+EXISTS\s+|ONLY\s+)*["]?(?:\w+["]?\.["]?)?(\w+)["]?\s+(?:ENABLE|FORCE)\s+ROW\s+LEVEL\s+SECURITY`)
	tenantColumn = rex(`(?i)\b((?:tenant|org|organi[sz]ation|workspace)_id)\b`)
	tenantFilter = rex(`\bacts_as_tenant\b|\bmulti_tenant\b|\bdefault_scope\b[^\n]*(?i:tenant|organi[sz]ation|workspace)|\bTenant(?:Aware|Scoped)?(?:Manager|QuerySet|Model|Mixin)\b|\bHasQueryFilter\([^\n]*(?i:tenant|organi[sz]ation|workspace)|\bBelongsToTenant\b|\baddGlobalScope\([^\n]*(?i:tenant|organi[sz]ation)|@TenantId\b|@Filter\([^\n]*(?i:tenant)|\bcurrent_setting\(\s*['"][\w.]*(?i:tenant|org)[\w.]*['"]`)

	mitigation = rex(`(?m)@mitigates[ \t]+([^\n]*?[ \t]against[ \t][^\n]*?[ \t]with[ \t][^\n]*?)[ \t]*(?:\*/|-->)?[ \t]*\r?$`)
)

// evidence adds what answers questions of this group.
func (v *sinkView) evidence() {
	if v.class == test {
		v.testEvidence()
		return
	}
	if v.class != production {
		return
	}
	v.limits()
	v.tenants()
	if holdsAny(v.text, []string{"@mitigates"}) {
		for _, m := range findAll(mitigation, v.text) {
			if line, ok := v.at(m[0]); ok {
				v.add(Mitigation, string(v.text[m[2]:m[3]]), line)
			}
		}
	}
}

// evident adds evidence of one kind for each match in the code, once for each text.
func (v *sinkView) evident(kind string, re *lazyRegexp) {
	seen := map[string]bool{}
	for _, m := range findAll(re, v.code()) {
		key := strings.TrimSpace(string(v.code()[m[0]:m[1]]))
		if line, ok := v.at(m[0]); ok && !seen[key] {
			seen[key] = true
			v.add(kind, key, line)
		}
	}
}

func (v *sinkView) tenants() {
	if v.is(sql, python, ruby, javascript, golang, java, php, csharp) && holdsAny(v.text, []string{"CREATE POLICY", "create policy", "ROW LEVEL SECURITY", "row level security"}) {
		for _, m := range findAll(rowPolicy, v.code()) {
			key := string(v.code()[m[2]:m[3]])
			if c := tenantColumn.FindSubmatch(v.code()[m[4]:m[5]]); c != nil {
				key += "." + strings.ToLower(string(c[1]))
			}
			if line, ok := v.at(m[0]); ok {
				v.add(TenantFilter, key, line)
			}
		}
		for _, m := range findAll(rowSecurity, v.code()) {
			if line, ok := v.at(m[0]); ok {
				v.add(TenantFilter, string(v.code()[m[2]:m[3]]), line)
			}
		}
	}
	if v.is(python, ruby, java, php, csharp, javascript) && holdsAny(v.text, []string{"acts_as_tenant", "multi_tenant", "default_scope", "Tenant", "HasQueryFilter", "addGlobalScope", "@Filter", "current_setting"}) {
		v.evident(TenantFilter, tenantFilter)
	}
}

// testEvidence adds tests that expect a refusal for a role, or across tenants. Both must be in one test.
func (v *sinkView) testEvidence() {
	if strings.HasSuffix(v.path, ".rego") {
		v.add(PolicyTest, path.Dir(v.path), 1)
		return
	}
	if !v.is(golang, javascript, python, ruby, java, csharp, php, rust) {
		return
	}
	if !holdsAny(v.text, []string{"401", "403", "404", "orbidden", "FORBIDDEN", "nauthor", "NAUTHOR", "enied", "DENIED", "ermitted", "otFound", "NOT_FOUND", "o_permission"}) ||
		!holdsAny(v.text, []string{"ole", "ermission", "rivilege", "cope", "uthorit", "tenant", "Tenant", "TENANT", "rg", "orkspace", "ccount", "team", "Team"}) {
		return
	}
	starts := testStart.FindAllIndex(v.code(), 5000)
	for i, s := range starts {
		end := len(v.code())
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		body := v.code()[s[0]:end]
		if refusal.Match(body) {
			v.roleTest(body, s[0])
		}
		if m := tenantTest.FindIndex(heading(body)); m != nil && notFound.Match(body) {
			if line, ok := v.at(s[0] + m[0]); ok {
				v.add(TenantFilter, string(body[m[0]:m[1]]), line)
			}
		}
	}
}

// heading returns the part of a test that has its name.
func heading(body []byte) []byte {
	body = body[:min(len(body), 400)]
	for _, end := range []string{"{", "=>", ":\n", " do\n"} {
		if i := bytes.Index(body, []byte(end)); i >= 0 {
			body = body[:i]
		}
	}
	return body
}

func (v *sinkView) roleTest(body []byte, offset int) {
	seen := map[string]bool{}
	emit := func(key string, at int) {
		if line, ok := v.at(offset + at); ok && !seen[key] {
			seen[key] = true
			v.add(RoleTest, key, line)
		}
	}
	for _, m := range findAll(namedRight, body) {
		if name := string(body[m[2]:m[3]]); !strings.Contains(name, "Exception") && !isLower(name) {
			emit(name+"."+string(body[m[4]:m[5]]), m[2])
		}
	}
	if v.language == golang {
		for _, m := range findAll(goRight, body) {
			emit(string(body[m[2]:m[3]]), m[2])
		}
	}
}

// isLower reports whether a name begins with a small letter: it is a value, and no type.
func isLower(name string) bool { return name != "" && name[0] >= 'a' && name[0] <= 'z' }
