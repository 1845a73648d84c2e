package design

import (
	"path"
	"slices"
	"strings"

	"github.com/DataDog/go-sqllexer"
)

var (
	// reversal are names of files that undo a migration.
	reversal = rex(`(?i)(^|[._/-])(down|undo|rollback|revert)([._/-]|$)|^U[0-9][\w.]*__`)

	// Sections of files that hold both directions: goose, dbmate, sql-migrate, MyBatis.
	sqlDown = rex(`(?im)^--[ \t]*(\+goose[ \t]+down|migrate:down|\+migrate[ \t]+down|//[ \t]*@undo)\b.*$`)
	sqlUp   = rex(`(?im)^--[ \t]*(\+goose[ \t]+up|migrate:up|\+migrate[ \t]+up)\b.*$`)

	definesTables = rex(`(?i)\b(create|alter)\s+(or\s+replace\s+|unlogged\s+|global\s+|local\s+)?(temp\s+|temporary\s+)?table\b|\bcreate\s+policy\b|\brow\s+level\s+security\b`)
)

// sqlSchema reads the tables and columns of SQL.
func sqlSchema(s *source) {
	if !s.is(sql) || reversal.MatchString(path.Base(s.path)) || reversal.MatchString(path.Base(path.Dir(s.path))) || !definesTables.Match(s.text) {
		return
	}
	s.addSQL(string(blankBetween(s.text, sqlDown, sqlUp)), 1)
}

// embeddedSQL reads SQL in the strings of programs, where it is a migration or makes the tables of a small program.
func embeddedSQL(s *source) {
	if !s.is(golang, javascript, python, java, csharp, php, rust, ruby) || !s.has("TABLE ", "table ", "POLICY ", "policy ") || !definesTables.Match(s.text) {
		return
	}
	text := s.code()
	if up := undoOf(s.language); up != nil {
		text = blankBetween(text, up[0], up[1])
	}
	for _, l := range s.literals() {
		if body := text[l.start:l.end]; l.end-l.start > 20 && definesTables.Match(body) {
			s.addSQL(string(body), s.lineAt(l.start))
		}
	}
}

func (s *source) addSQL(text string, line int) {
	p := sqlParser{
		tokens:  sqlTokens(text, line, 0),
		created: map[string]bool{}, dropped: map[string]bool{}, gone: map[string]bool{}, renamed: map[string]string{},
	}
	p.run()
	s.addTables(p.kept())
}

// A sqlToken is a word, a string or a mark of SQL, without white space and comments.
type sqlToken struct {
	text string
	line int
	word bool
}

// sqlTokens splits SQL of any common dialect. Bodies in dollar quotes, as of DO blocks, are split too, once.
func sqlTokens(text string, line, depth int) (list []sqlToken) {
	dialect := sqllexer.DBMSPostgres
	if strings.Contains(text, "`") {
		dialect = sqllexer.DBMSMySQL
	}
	lexer := sqllexer.New(strings.ToValidUTF8(text, "?"), sqllexer.WithDBMS(dialect))
	for {
		t := lexer.Scan()
		if t.Type == sqllexer.EOF || t.Value == "" {
			return list
		}
		switch t.Type {
		case sqllexer.SPACE, sqllexer.COMMENT, sqllexer.MULTILINE_COMMENT, sqllexer.ERROR:
		case sqllexer.DOLLAR_QUOTED_STRING, sqllexer.DOLLAR_QUOTED_FUNCTION:
			if depth == 0 && definesTables.MatchString(t.Value) {
				body := t.Value[strings.IndexByte(t.Value[1:], '$')+2:]
				list = append(list, sqlToken{";", line, false})
				list = append(list, sqlTokens(body, line, 1)...)
			}
		case sqllexer.STRING, sqllexer.INCOMPLETE_STRING, sqllexer.NUMBER:
			list = append(list, sqlToken{"'", line, false})
		case sqllexer.PUNCTUATION, sqllexer.OPERATOR, sqllexer.UNKNOWN, sqllexer.WILDCARD:
			if !strings.Contains("[]`", t.Value) {
				list = append(list, sqlToken{t.Value, line, false})
			}
		default:
			list = append(list, sqlToken{strings.Trim(t.Value, "`\""), line, true})
		}
		line += strings.Count(t.Value, "\n")
	}
}

type sqlParser struct {
	tokens  []sqlToken
	at      int
	tables  []table
	created map[string]bool
	dropped map[string]bool   // after they were created
	gone    map[string]bool   // dropped at any time, or renamed to another name
	renamed map[string]string // from, to
}

type sqlName struct {
	name string
	line int
}

// is reports whether the next tokens are these words, and consumes them if so.
func (p *sqlParser) is(words ...string) bool {
	for i, w := range words {
		if p.at+i >= len(p.tokens) || !strings.EqualFold(p.tokens[p.at+i].text, w) {
			return false
		}
	}
	p.at += len(words)
	return true
}

func (p *sqlParser) next() sqlToken {
	if p.at >= len(p.tokens) {
		return sqlToken{}
	}
	p.at++
	return p.tokens[p.at-1]
}

func (p *sqlParser) peek() sqlToken {
	if p.at >= len(p.tokens) {
		return sqlToken{}
	}
	return p.tokens[p.at]
}

// run reads all statements. Those that it does not know are passed over word by word.
func (p *sqlParser) run() {
	for p.at < len(p.tokens) {
		switch {
		case p.is("CREATE"):
			p.create()
		case p.is("ALTER", "TABLE"):
			p.alter()
		case p.is("DROP", "TABLE"):
			p.is("IF", "EXISTS")
			name := p.name().name
			p.gone[name], p.dropped[name] = true, p.created[name]
		default:
			p.at++
		}
	}
}

// name reads a name with its schema.
func (p *sqlParser) name() sqlName {
	mark := ""
	for p.peek().text == "#" {
		mark = p.next().text
	}
	t := p.next()
	if !t.word {
		return sqlName{"", t.line}
	}
	name := t.text
	for strings.HasSuffix(name, ".") || p.peek().text == "." {
		p.is(".")
		if !p.peek().word {
			break
		}
		name = strings.TrimSuffix(name, ".") + "." + strings.TrimPrefix(p.next().text, ".")
	}
	return sqlName{mark + strings.NewReplacer("`", "", `"`, "").Replace(name), t.line}
}

var sqlModifiers = []string{"OR", "REPLACE", "GLOBAL", "LOCAL", "UNLOGGED", "FOREIGN", "COLUMN", "ROW"}

func (p *sqlParser) create() {
	for slices.Contains(sqlModifiers, strings.ToUpper(p.peek().text)) {
		p.at++
	}
	if !p.is("TABLE") { // also TEMPORARY TABLE, EXTERNAL TABLE
		return
	}
	p.is("IF", "NOT", "EXISTS")
	name := p.name()
	if name.name == "" || strings.EqualFold(p.peek().text, "PARTITION") || strings.HasPrefix(name.name, "#") {
		return
	}
	t := table{name: name.name, line: name.line, created: true}
	if p.is("(") {
		t.columns = p.columns()
	}
	p.created[t.name], p.dropped[t.name] = true, false
	p.tables = append(p.tables, t)
}

var sqlConstraints = []string{
	"PRIMARY", "FOREIGN", "UNIQUE", "CONSTRAINT", "CHECK", "KEY", "INDEX", "EXCLUDE", "LIKE", "PERIOD", "FULLTEXT", "SPATIAL", "PARTITION",
}

// columns reads a list of columns after its opening parenthesis.
func (p *sqlParser) columns() (list []column) {
	depth, begins := 1, true
	for p.at < len(p.tokens) && depth > 0 {
		t := p.next()
		switch {
		case t.text == "(":
			depth++
		case t.text == ")":
			depth--
		case t.text == ";":
			return list
		case t.text == "," && depth == 1:
			begins = true
			continue
		case begins && t.word && !slices.Contains(sqlConstraints, strings.ToUpper(t.text)):
			list = append(list, column{t.text, p.kind(), t.line})
		}
		begins = false
	}
	return list
}

// kind returns the type that comes next, with its length.
func (p *sqlParser) kind() string {
	t := p.peek()
	if !t.word {
		return ""
	}
	return t.text
}

// alter reads the rest of ALTER TABLE.
func (p *sqlParser) alter() {
	p.is("IF", "EXISTS")
	p.is("ONLY")
	name := p.name()
	if name.name == "" {
		return
	}
	t := table{name: name.name, line: name.line}
	depth, adding := 0, false
	for p.at < len(p.tokens) {
		word := p.peek()
		switch upper := strings.ToUpper(word.text); {
		case upper == ";" || upper == "GO" || depth == 0 && slices.Contains([]string{"CREATE", "INSERT", "UPDATE", "SELECT", "END", "BEGIN"}, upper) ||
			upper == "ALTER" && p.at+1 < len(p.tokens) && strings.EqualFold(p.tokens[p.at+1].text, "TABLE"):
			p.tables = append(p.tables, t)
			return
		case upper == "(":
			depth++
		case upper == ")":
			depth--
		case depth == 0 && (p.is("RENAME", "TO") || p.is("RENAME", "AS")):
			p.renamed[name.name], p.gone[name.name] = p.name().name, true
			continue
		case depth == 0 && (p.is("ENABLE", "ROW", "LEVEL", "SECURITY") || p.is("FORCE", "ROW", "LEVEL", "SECURITY")):
			continue
		case depth == 0 && upper == "ADD":
			p.at++
			adding = true
			t.columns = append(t.columns, p.added()...)
			continue
		case depth == 0 && upper == "," && adding:
			p.at++
			if first := strings.ToUpper(p.peek().text); !slices.Contains(sqlActions, first) {
				t.columns = append(t.columns, p.added()...)
			}
			continue
		case depth == 0 && slices.Contains(sqlActions, upper):
			adding = false
		}
		p.at++
	}
	p.tables = append(p.tables, t)
}

var sqlActions = []string{"ADD", "DROP", "ALTER", "MODIFY", "CHANGE", "RENAME", "SET", "VALIDATE", "DISABLE", "ENABLE", "OWNER", "ENGINE", "CONVERT"}

// added reads what comes after ADD.
func (p *sqlParser) added() []column {
	p.is("COLUMN")
	p.is("IF", "NOT", "EXISTS")
	if p.is("(") {
		return p.columns()
	}
	t := p.peek()
	if !t.word || slices.Contains(sqlConstraints, strings.ToUpper(t.text)) {
		return nil
	}
	p.at++
	return []column{{t.text, p.kind(), t.line}}
}

// kept returns the tables that are there at the end. A table that is filled from an old one and gets its name is not
// new: it is the way to change a table in SQLite.
func (p *sqlParser) kept() (list []table) {
	for _, t := range p.tables {
		to, renamed := p.renamed[t.name]
		switch {
		case renamed && p.gone[to], !renamed && t.created && p.dropped[t.name]:
			continue
		case renamed:
			t.name = to
		}
		list = append(list, t)
	}
	return list
}
