package design

import (
	"go/ast"
	"go/token"
	"strings"
)

const rolePermission = "role-permission"

const rightWords = `read|write|admin|manage|view|create|update|delete|edit|list|owner|member|user|guest|moderator|maintain|approve|publish|access|grant|impersonate|super|staff|billing|support|audit|export|invite|can_`

var (
	// roleType is the name of a type whose members are rights.
	roleType = rex(`(?:Permission|Permissions|PermissionType|PermissionName|Role|Roles|RoleName|RoleType|UserType|Privilege|Privileges|Scope|Scopes|Authority|Authorities|AuthoritiesConstants|PermissionEnum|RoleEnum|UserRoles?|AccessLevel)$|^(?:PERMISSIONS?|ROLES?|SCOPES?|PRIVILEGES?)$|_(?:PERMISSIONS?|ROLES?|SCOPES?|PRIVILEGES?)$`)

	// notRights are types with such names that are about something else.
	notRights = rex(`(?i)(?:openidconnect|oidc|options|visibility|person|message|chat|conversation|aria|speaker|node|replica|replication|instance|semantic|window|menu|text|button|element|landmark|dialog|turn|llm|prompt|content|media|camera|notification|location|file|layer|server|cluster|peer|raft|broker|dependency|variable|symbol|lexical|block|module|service|bean|di|injection|provider|config|configuration|setting|settings|search|filter|metric|cache|log|logging|event|feature|theme|style|css|selector|view|route|transaction|test|build|compile|target|package|import|request|rule|sync|lock|hook|icon|color|ui|layout|parameter|param|time|date|discount|price|tax|author|contributor|column|field|cell|address|contact|phone|actor|cast|crew|character|game|trace|span|instrumentation|resource|execution|thread|job|task|schema|query|storage|memory|allocation|wiki|code|lsp|token(?:type)|syntax|highlight|os|android|ios|browser|device|system|native|push|platform|mic|microphone|clipboard|accessibility|alert|sharing|link|expression|binding|annotation|issue|label)_?(?:permission|role|scope|type|privilege)s?(?:type|name|enum)?$|^(?:scope|scopes)type$|_to_|^openidconnect`)

	rightWord  = rex(`(?i:(?:^|[^a-z])(?:` + rightWords + `|[a-z]+:[a-z]))|[a-z](?:Read|Write|Admin|Manage|View|Create|Update|Delete|Edit|Owner|Member|User|Guest|Approve|Publish|Access)`)
	rightPath  = rex(`(?i)auth|user|account|permission|security|acl|rbac|role|member|tenant`)
	deviceWord = rex(`(?i)^(?:location(?:always|wheninuse)?|camera|microphone|bluetooth|geolocation)$`)
	modelRoles = rex(`(?i)^(?:user|assistant|system|tool|function|developer|model|human|ai|unknown|data)$`)

	braceTypes = rex(`(?m)^[ \t]*(?:@\w+\s+)?(?:export\s+|public\s+|private\s+|internal\s+|protected\s+|pub(?:\([a-z]+\))?\s+|static\s+|final\s+|sealed\s+|const\s+|declare\s+|default\s+)*(?:enum(?:\s+class|\s+struct)?|class|object|interface|struct)\s+(\w+)[^{};]{0,200}\{`)
	objectRole = rex(`(?m)^[ \t]*(?:export\s+)?const\s+(\w+)\s*(?::\s*[^=\n]+)?=\s*(?:Object\.freeze\(\s*)?\{`)
	listRole   = rex(`(?m)^[ \t]*(?:export\s+)?const\s+(\w+)\s*(?::\s*[^=\n]+)?=\s*\[`)
	unionRole  = rex(`(?m)^[ \t]*(?:export\s+)?type\s+(\w+)\s*=\s*((?:\s*\|?\s*['"][\w:.*-]+['"]\s*)+)`)
	pythonRole = rex(`(?m)^([ \t]*)class\s+(\w+)\s*\(([^)\n]*)\)\s*:[ \t]*\n`)
	djangoPerm = rex(`(?m)^\s+permissions\s*=\s*[\[(]((?:[^()\[\]]|\([^()]*\))*)[\])]`)
	railsRole  = rex(`(?m)^\s*enum\s+(?::?\(?:?)(role|roles|permission|permissions|access_level)\s*(?:=>|:|,)\s*(?:%i\[|%w\[|\{|\[)`)
	sqlRole    = rex(`(?i)\bCREATE\s+TYPE\s+(?:\w+\.)?["]?(\w*(?:role|permission|privilege|scope)s?)["]?\s+AS\s+ENUM\s*\(([^)]*)\)`)
	sqlAdded   = rex(`(?i)\bALTER\s+TYPE\s+(?:\w+\.)?["]?(\w*(?:role|permission|privilege|scope)s?)["]?\s+ADD\s+VALUE\s+(?:IF\s+NOT\s+EXISTS\s+)?'([^']+)'`)

	enumMember   = rex(`(?m)^[ \t]*(?:case\s+)?(?:#?\[[^\]\n]*\]\s*)?(\w+)[ \t]*(?:=[ \t]*([^,;\n]+)|\([^)\n]*\)?)?[ \t]*(?:[,;{]|$)`)
	constMember  = rex(`(?m)^[ \t]*(?:public\s+|internal\s+)?(?:static\s+final\s+String|const\s+string|static\s+readonly\s+string|const\s+val|static\s+readonly|public\s+const)\s+(\w+)\s*(?::\s*String\s*)?=\s*([^;\n]+)`)
	objectMember = rex(`(?m)^[ \t]*['"]?([\w:.-]+)['"]?[ \t]*:[ \t]*(['"\x60][^'"\x60\n]*['"\x60]|\d+)[ \t]*(?:as const)?[ \t]*(?:,|$|\})`)
	aString      = rex(`['"]([\w:.*/-]+)['"]`)
	aWord        = rex(`:?["']?(\w+)["']?`)
	pythonMember = rex(`(?m)^[ \t]+([A-Za-z]\w*)\s*(?::\s*[\w.\[\]]+\s*)?=\s*([^\n]+)`)
)

// maxBody is how much of a type is read, in bytes.
const maxBody = 60_000

// pageFile is a file of a user interface.
var pageFile = rex(`(?i)(^|/)(components?|pages|views|ui)/|\.(tsx|jsx|vue|svelte)$`)

// A right is a member of a type of rights.
type right struct {
	name   string
	offset int
}

// roles adds the members of types of roles, permissions and scopes.
func (v *sinkView) roles() {
	if !v.concerns(rolePermission) || sinkScripts.MatchString(v.path) || !holdsAny(v.text, []string{"ole", "ermission", "cope", "rivilege", "uthorit", "AccessLevel", "ROLE", "PERMISSION", "SCOPE", "UserType"}) {
		return
	}
	switch v.language {
	case golang:
		v.goRoles()
	case python:
		v.pythonRoles()
	case javascript, java, csharp, rust, php:
		v.braceRoles()
	case ruby:
		v.lists(railsRole, aWord)
	case sql:
		v.sqlRoles()
	case other:
		if strings.HasSuffix(v.path, ".prisma") {
			v.braceRoles()
		}
	}
}

// rights adds the members of one type. Members of a type that is about something else are left out.
func (v *sinkView) rights(name string, members []right) {
	if !roleType.MatchString(name) || notRights.MatchString(name) || len(members) == 0 {
		return
	}
	words, talkers := 0, 0
	for _, m := range members {
		if bare := strings.Replace(m.name, name, "", 1); rightWord.MatchString(bare) || rightWord.MatchString(v.rest(m.offset)) && !strings.HasSuffix(name, "Type") {
			words++
		}
		if modelRoles.MatchString(m.name) {
			talkers++
		}
		if deviceWord.MatchString(m.name) {
			return // what a person lets an app use on a device
		}
	}
	scope := strings.Contains(strings.ToLower(name), "scope")
	strict := strings.HasSuffix(name, "Type") || !rightPath.MatchString(v.path)
	if talkers == len(members) || words == 0 && strict || scope && 2*words < len(members) {
		return
	}
	seen := map[string]bool{}
	for _, m := range members {
		if seen[m.name] {
			continue // a value that is named like its member
		}
		seen[m.name] = true
		if line, ok := v.at(m.offset); ok {
			key := name + "." + m.name
			if v.language == golang && strings.Contains(m.name, name) {
				key = m.name // as other packages write it
			}
			v.add(rolePermission, key, line)
		}
	}
}

// rest returns the line's text from an offset.
func (v *sinkView) rest(offset int) string {
	code := v.code()
	return string(code[offset:until(code[:min(len(code), offset+200)], offset, '\n')])
}

func (v *sinkView) body(open int, l, r byte) (from, to int) {
	depth, bare := 0, v.skeleton()
	for i := open; i < len(bare) && i < open+maxBody; i++ {
		switch bare[i] {
		case l:
			depth++
		case r:
			if depth--; depth == 0 {
				return open + 1, i
			}
		}
	}
	return open, open
}

// top returns the matches of a pattern in the first level of a body.
func (v *sinkView) top(from, to int, re *lazyRegexp, split bool) (members []right) {
	flat := append([]byte(nil), v.code()[from:to]...)
	bare, depth := v.skeleton()[from:to], 0
	for i, b := range bare {
		switch b {
		case '(', '{', '[':
			depth++
		case ')', '}', ']':
			depth--
		case ',':
			if split && depth == 0 {
				flat[i] = '\n' // one member a line, also for members on one line
			}
		default:
			if depth > 0 && b != '\n' {
				flat[i] = ' '
			}
		}
	}
	for _, m := range findAll(re, flat) {
		members = append(members, right{string(flat[m[2]:m[3]]), from + m[2]})
	}
	return members
}

func (v *sinkView) braceRoles() {
	for _, m := range findAll(braceTypes, v.code()) {
		name, header := string(v.code()[m[2]:m[3]]), string(v.code()[m[0]:m[1]])
		if !roleType.MatchString(name) {
			continue
		}
		from, to := v.body(m[1]-1, '{', '}')
		switch {
		case strings.Contains(header, "enum"):
			if semicolon := strings.IndexByte(string(v.skeleton()[from:to]), ';'); semicolon >= 0 && v.language == java {
				to = from + semicolon
			}
			v.rights(name, membersOnly(v.top(from, to, enumMember, true)))
		case !strings.Contains(header, "interface") && !strings.Contains(header, "struct"):
			v.rights(name, v.top(from, to, constMember, false))
		}
	}
	if v.language != javascript {
		return
	}
	for _, m := range findAll(objectRole, v.code()) {
		if name := string(v.code()[m[2]:m[3]]); roleType.MatchString(name) {
			from, to := v.body(m[1]-1, '{', '}')
			v.rights(name, v.top(from, to, objectMember, true))
		}
	}
	v.lists(listRole, aString)
	if pageFile.MatchString(v.path) {
		return // a page lists again what the service knows
	}
	for _, m := range findAll(unionRole, v.code()) {
		v.rights(string(v.code()[m[2]:m[3]]), v.texts(m[4], m[5], aString))
	}
}

// membersOnly leaves out words of the language that look like members.
func membersOnly(all []right) (kept []right) {
	for _, r := range all {
		switch r.name {
		case "public", "private", "fn", "function", "impl", "use", "return", "override", "fun", "static", "const", "val", "map", "derive":
		default:
			kept = append(kept, r)
		}
	}
	return kept
}

func (v *sinkView) lists(list, member *lazyRegexp) {
	for _, m := range findAll(list, v.code()) {
		name := string(v.code()[m[2]:m[3]])
		if v.language == ruby {
			name = "Role"
		}
		open := v.code()[m[1]-1]
		from, to := v.body(m[1]-1, open, map[byte]byte{'[': ']', '{': '}'}[open])
		v.rights(name, v.texts(from, to, member))
	}
}

func (v *sinkView) texts(from, to int, re *lazyRegexp) (members []right) {
	for _, t := range findAll(re, v.code()[from:to]) {
		if text := string(v.code()[from+t[2] : from+t[3]]); !isNumber(text) {
			members = append(members, right{text, from + t[2]})
		}
	}
	return members
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

func (v *sinkView) sqlRoles() {
	for _, m := range findAll(sqlRole, v.code()) {
		for _, t := range v.texts(m[4], m[5], aString) {
			if line, ok := v.at(t.offset); ok {
				v.add(rolePermission, string(v.code()[m[2]:m[3]])+"."+t.name, line)
			}
		}
	}
	for _, m := range findAll(sqlAdded, v.code()) {
		if line, ok := v.at(m[0]); ok {
			v.add(rolePermission, string(v.code()[m[2]:m[3]])+"."+string(v.code()[m[4]:m[5]]), line)
		}
	}
}

var pythonEnum = rex(`\b(?:Enum|StrEnum|IntEnum|Flag|IntFlag|TextChoices|IntegerChoices|Choices|\w*Enum)\b`)

func (v *sinkView) pythonRoles() {
	code := v.code()
	for _, m := range findAll(pythonRole, code) {
		name := string(code[m[4]:m[5]])
		if !roleType.MatchString(name) || !pythonEnum.Match(code[m[6]:m[7]]) {
			continue
		}
		indent := string(code[m[2]:m[3]])
		to := m[1]
		for to < min(len(code), m[1]+maxBody) {
			end := until(code, to, '\n')
			if line := string(code[to:end]); strings.TrimSpace(line) != "" && !strings.HasPrefix(line, indent+" ") && !strings.HasPrefix(line, indent+"\t") {
				break
			}
			to = min(end+1, len(code))
		}
		v.rights(name, v.pythonMembers(m[1], to))
	}
	for _, m := range findAll(djangoPerm, code) {
		for _, t := range v.texts(m[2], m[3], firstOfPair) {
			if line, ok := v.at(t.offset); ok {
				v.add(rolePermission, "permission "+t.name, line)
			}
		}
	}
}

// firstOfPair is the first text of a pair in brackets.
var firstOfPair = rex(`\(\s*['"](\w+)['"]\s*,`)

// pythonMembers returns the assignments of the first level of a class.
func (v *sinkView) pythonMembers(from, to int) (members []right) {
	code := v.code()[from:to]
	depth := -1
	for _, m := range findAll(pythonMember, code) {
		indent := m[2] - m[0]
		if depth < 0 {
			depth = indent
		}
		value := string(code[m[4]:m[5]])
		if indent != depth || strings.HasPrefix(value, "[") || strings.HasPrefix(value, "{") || strings.HasPrefix(value, "models.") {
			continue
		}
		members = append(members, right{string(code[m[2]:m[3]]), from + m[2]})
	}
	return members
}

// goRoles adds constants of a type of rights: typed ones, those that follow one with iota, and untyped ones whose names
// begin with the word.
func (v *sinkView) goRoles() {
	g := v.goFile()
	for _, d := range g.file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.CONST {
			continue
		}
		members, current := map[string][]right{}, ""
		var order []string
		for _, s := range decl.Specs {
			spec, ok := s.(*ast.ValueSpec)
			if !ok {
				continue
			}
			if id, ok := spec.Type.(*ast.Ident); ok {
				current = id.Name
			} else if len(spec.Values) > 0 {
				current = goConversion(spec.Values[0])
			}
			for _, n := range spec.Names {
				if current != "" && n.Name != "_" {
					if members[current] == nil {
						order = append(order, current)
					}
					members[current] = append(members[current], right{n.Name, g.set.Position(n.Pos()).Offset})
				}
			}
		}
		for _, name := range order {
			v.rights(strings.ToUpper(name[:1])+name[1:], members[name])
		}
	}
}

// goConversion returns the type of a constant that converts its value: Role("admin").
func goConversion(e ast.Expr) string {
	if c, ok := e.(*ast.CallExpr); ok && len(c.Args) == 1 {
		if id, ok := c.Fun.(*ast.Ident); ok {
			return id.Name
		}
	}
	return ""
}
