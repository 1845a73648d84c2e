package design

import (
	"bytes"
	"path"
	"strings"
)

// undo is where the part of a migration begins that takes it back, and where the other part begins again, by language.
var undo = map[language][2]*lazyRegexp{
	ruby:       {rex(`(?m)^\s*def (self\.)?down\b`), rex(`(?m)^\s*def (self\.)?(up|change)\b`)},
	python:     {rex(`(?m)^(async )?def downgrade\b`), rex(`(?m)^(async )?def upgrade\b`)},
	csharp:     {rex(`\bvoid Down\(`), rex(`\bvoid Up\(`)},
	php:        {rex(`\bfunction down\(`), rex(`\bfunction up\(`)},
	javascript: {rex(`\b(exports\.down\b|(async\s+)?function\s+down\b|(const|let|var)\s+down\b|(async\s+)?down\s*(\(|:\s*(async\s*)?(function|\()))`), rex(`\b(exports\.up\b|(async\s+)?function\s+up\b|(const|let|var)\s+up\b|(async\s+)?up\s*(\(|:\s*(async\s*)?(function|\()))`)},
	golang:     {rex(`(?m)^func \w*[dD]own\w*\(`), rex(`(?m)^func \w*[uU]p\w*\(`)},
}

func undoOf(l language) *[2]*lazyRegexp {
	if u, ok := undo[l]; ok {
		return &u
	}
	return nil
}

// forward returns the code without the part that takes the migration back.
func (s *source) forward() []byte {
	if u := undoOf(s.language); u != nil {
		return blankBetween(s.code(), u[0], u[1])
	}
	return s.code()
}

// read returns the tables that a pattern of alternatives finds. A match may have groups "table", "created", "none" (it
// ends the table), "column", "kind" and "of" (the table that a column names itself).
func (s *source) read(text []byte, re *lazyRegexp) (tables []table) {
	names := re.SubexpNames()
	current := -1
	for _, at := range re.FindAllSubmatchIndex(text, -1) {
		groups := map[string]string{}
		for i, name := range names {
			if name != "" && at[2*i] >= 0 {
				groups[strings.TrimRight(name, "0123456789")] = string(text[at[2*i]:at[2*i+1]])
			}
		}
		line := s.lineAt(at[0])
		_, created := groups["created"]
		switch {
		case groups["none"] != "":
			current = -1
		case groups["of"] != "":
			tables = append(tables, table{name: groups["of"], line: line, columns: []column{{groups["column"], groups["kind"], line}}})
		case groups["table"] != "":
			tables = append(tables, table{name: groups["table"], line: line, created: created})
			current = len(tables) - 1
		case groups["column"] != "" && current >= 0:
			tables[current].columns = append(tables[current].columns, column{groups["column"], groups["kind"], line})
		}
	}
	return tables
}

var (
	railsMigrationFile = rex(`(^|/)db/([\w/]*_)?migrate/|(^|/)db/post_migrate/`)
	railsSteps         = rex(`(?m)\b(?P<none>drop_table|remove_column|remove_columns|remove_reference|change_column_null|create_join_table|execute)\b` +
		`|\b(?P<created>create_table)[ (]+[:"'](?P<table1>[\w.]+)` +
		`|\bchange_table[ (]+[:"'](?P<table2>[\w.]+)` +
		`|\badd_column[ (]+[:"'](?P<of1>[\w.]+)["']?,\s*[:"'](?P<column1>\w+)["']?,\s*[:"'](?P<kind1>\w+)` +
		`|\badd_(?:reference|belongs_to)[ (]+[:"'](?P<of2>[\w.]+)["']?,\s*[:"'](?P<column2>\w+)` +
		`|^[ \t]*\w+\.(?P<kind2>string|text|citext|inet|date|datetime|integer|bigint|boolean|decimal|float|jsonb?|binary|uuid|references|belongs_to|column|encrypted)[ (]+[:"'](?P<column3>\w+)`)
)

// railsMigration reads migrations of Ruby on Rails.
func railsMigration(s *source) {
	if !s.is(ruby) || !railsMigrationFile.MatchString(s.path) {
		return
	}
	tables := s.read(s.forward(), railsSteps)
	for i := range tables {
		for j, c := range tables[i].columns {
			if tenantKey.MatchString(c.name+"_id") && (c.kind == "" || c.kind == "references" || c.kind == "belongs_to") {
				tables[i].columns[j].name += "_id"
			}
		}
	}
	s.addTables(tables)
}

var (
	djangoMigrationFile = rex(`(^|/)migrations/\w+\.py$`)
	djangoSteps         = rex(`migrations\.(?P<created>CreateModel)\(\s*(?:name=)?["'](?P<table1>\w+)["']` +
		`|migrations\.AddField\(\s*(?:model_name=)?["'](?P<of1>\w+)["'],\s*(?:name=)?["'](?P<column1>\w+)["'],\s*(?:field=)?[\w.]*?(?P<kind1>\w+)\(` +
		`|(?P<none>migrations\.(?:Alter|Remove|Delete|Rename|Run|AddIndex|AddConstraint|Separate)\w*\()` +
		`|\(\s*["'](?P<column2>\w+)["'],\s*[\w.]*?(?P<kind2>\w+)\(`)

	alembicSteps = rex(`\bop\.(?P<created>create_table)\(\s*["'](?P<table1>\w+)["']` +
		`|\bop\.batch_alter_table\(\s*["'](?P<table2>\w+)["']` +
		`|\bop\.add_column\(\s*["'](?P<of1>\w+)["'],\s*(?:sa\.)?Column\(\s*(?:name=)?["'](?P<column1>\w+)["'],\s*(?:\w+\.)*(?P<kind1>\w+)\b` +
		`|(?P<none>\bop\.(?:drop|alter|create_index|execute|create_foreign|create_unique|rename)\w*\()` +
		`|\bColumn\(\s*["'](?P<column2>\w+)["'],\s*(?:\w+\.)*(?P<kind2>\w+)\b`)
)

// djangoMigration reads migrations of Django.
func djangoMigration(s *source) {
	if !s.is(python) || !djangoMigrationFile.MatchString(s.path) || !bytes.Contains(s.text, []byte("django")) {
		return
	}
	var kept []table
	for _, t := range s.read(s.code(), djangoSteps) {
		if strings.HasPrefix(t.name, "Historical") || strings.HasPrefix(strings.ToLower(t.name), "historical") {
			continue
		}
		for i, c := range t.columns {
			if (c.kind == "ForeignKey" || c.kind == "OneToOneField") && tenantKey.MatchString(c.name+"_id") {
				t.columns[i] = column{c.name + "_id", "uuid", c.line}
			}
		}
		// AddField has the model in lower case.
		t.name = strings.ToLower(t.name)
		kept = append(kept, t)
	}
	s.addTables(kept)
}

// alembicMigration reads migrations of Alembic.
func alembicMigration(s *source) {
	if s.is(python) && bytes.Contains(s.text, []byte("def upgrade")) && bytes.Contains(s.text, []byte("alembic")) {
		s.addTables(s.read(s.forward(), alembicSteps))
	}
}

var efSteps = rex(`migrationBuilder\.(?P<created>CreateTable)\(\s*name:\s*"(?P<table1>\w+)"` +
	`|migrationBuilder\.AddColumn<(?P<kind1>[\w.\[\]]+)\??>\(\s*name:\s*"(?P<column1>\w+)",\s*(?:schema:\s*"\w+",\s*)?table:\s*"(?P<of1>\w+)"` +
	`|(?P<none>migrationBuilder\.\w+[<(])` +
	`|\b(?P<column2>\w+)\s*=\s*table\.Column<(?P<kind2>[\w.\[\]]+)`)

// efMigration reads migrations of Entity Framework.
func efMigration(s *source) {
	if s.is(csharp) && bytes.Contains(s.text, []byte("migrationBuilder.")) {
		s.addTables(s.read(s.forward(), efSteps))
	}
}

var (
	prismaModel = rex(`^\s*model\s+(\w+)\s*\{`)
	prismaField = rex(`^\s*(\w+)\s+(String|Int|BigInt|Float|Decimal|DateTime|Boolean|Json|Bytes)\b`)
	prismaMap   = rex(`@map\("(\w+)"\)`)
	prismaTable = rex(`^\s*@@map\("(\w+)"\)`)
)

// prismaSchema reads the models of Prisma.
func prismaSchema(s *source) {
	if path.Ext(s.path) != ".prisma" {
		return
	}
	var tables []table
	open := false
	for i, text := range strings.Split(string(s.text), "\n") {
		text, _, _ = strings.Cut(text, "//")
		last := len(tables) - 1
		switch {
		case prismaModel.MatchString(text):
			tables = append(tables, table{name: prismaModel.FindStringSubmatch(text)[1], line: i + 1, created: true})
			open = true
		case strings.TrimSpace(text) == "}":
			open = false
		case open && prismaTable.MatchString(text):
			tables[last].name = prismaTable.FindStringSubmatch(text)[1]
		case open && prismaField.MatchString(text):
			m := prismaField.FindStringSubmatch(text)
			if mapped := prismaMap.FindStringSubmatch(text); mapped != nil {
				m[1] = mapped[1]
			}
			tables[last].columns = append(tables[last].columns, column{m[1], m[2], i + 1})
		}
	}
	s.addTables(tables)
}

var (
	laravelSteps = rex(`Schema::(?:connection\([^)]*\)->)?(?P<created>create)\(\s*["'](?P<table1>\w+)["']` +
		`|Schema::(?:connection\([^)]*\)->)?table\(\s*["'](?P<table2>\w+)["']` +
		`|(?P<none>Schema::\w+\(|->(?:dropColumn|renameColumn)\()` +
		`|\$\w+->(?P<kind2>string|char|text|mediumText|longText|integer|bigInteger|unsignedBigInteger|boolean|date|dateTime|timestamp|decimal|float|double|json|jsonb|uuid|foreignId|foreignUuid|ipAddress|binary|point)\(\s*["'](?P<column2>\w+)["'][^;\n]*`)

	knexSteps = rex(`\.(?P<created>createTable|createTableIfNotExists)\(\s*["'\x60](?P<table1>\w+)["'\x60]` +
		`|\bschema\s*\.(?:alterTable|table)\(\s*["'\x60](?P<table2>\w+)["'\x60]` +
		`|\bnew Table\(\s*\{\s*(?P<created3>name):\s*["'\x60](?P<table3>\w+)["'\x60]` +
		`|\baddColumn\(\s*["'\x60](?P<of1>\w+)["'\x60],\s*(?:new TableColumn\(\s*\{\s*name:\s*)?["'\x60](?P<column1>\w+)["'\x60](?:,\s*\{?\s*type:\s*(?P<kind1>[\w.'"]+))?` +
		`|(?P<none>\.(?:dropTable|dropTableIfExists|renameTable|dropColumn|removeColumn|dropColumns)\()` +
		`|\b(?:t|table|tbl|builder)\s*\.(?P<kind2>string|text|integer|bigInteger|boolean|date|datetime|timestamp|decimal|float|json|jsonb|uuid|enum|enu|binary)\(\s*["'\x60](?P<column2>\w+)["'\x60]` +
		`|\bname:\s*["'\x60](?P<column4>\w+)["'\x60],\s*type:\s*["'\x60](?P<kind4>\w+)` +
		`|(?P<column5>\w+):\s*\{\s*(?:\w+:\s*\w+,\s*)*type:\s*(?:Sequelize|DataTypes|DataType)\.(?P<kind5>\w+)`)

	// Drizzle's schema: the property's name counts unless the call names the column.
	drizzleSteps = rex(`\b(?P<created>pgTable|mysqlTable|sqliteTable|createTable)\(\s*["'\x60](?P<table1>\w+)["'\x60]` +
		`|\b\w+:\s*(?P<kind2>text|varchar|char|integer|bigint|boolean|timestamp|date|uuid|jsonb?|numeric|inet|serial|real|point)\(\s*["'\x60](?P<column2>\w+)["'\x60]` +
		`|\b(?P<column3>\w+):\s*(?P<kind3>text|varchar|char|integer|bigint|boolean|timestamp|date|uuid|jsonb?|numeric|inet|serial|real|point)\(`)
)

// laravelMigration reads migrations of Laravel.
func laravelMigration(s *source) {
	if s.is(php) && bytes.Contains(s.text, []byte("Schema::")) && bytes.Contains(s.text, []byte("Migration")) {
		text := alterations.ReplaceAllFunc(s.forward(), func(m []byte) []byte { return bytes.Repeat([]byte(" "), len(m)) })
		s.addTables(s.read(text, laravelSteps))
	}
}

// alterations change a column that is there already.
var alterations = rex(`[^;\n]*->change\(\)`)

// scriptMigration reads migrations of Knex, TypeORM and Sequelize, and the schema of Drizzle.
func scriptMigration(s *source) {
	if !s.is(javascript) {
		return
	}
	switch {
	case bytes.Contains(s.text, []byte("drizzle-orm")):
		s.addTables(s.read(s.code(), drizzleSteps))
	case s.has("knex", "Knex", "queryInterface", "ueryRunner"):
		s.addTables(s.read(s.forward(), knexSteps))
	}
}
