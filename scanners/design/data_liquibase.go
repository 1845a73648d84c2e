package design

import (
	"bytes"
	stdxml "encoding/xml"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// liquibaseXML reads change logs of Liquibase in XML.
func liquibaseXML(s *source) {
	if !strings.HasSuffix(s.path, ".xml") || !bytes.Contains(s.text, []byte("databaseChangeLog")) {
		return
	}
	var tables []table
	var open string // the change that columns belong to
	reversed := 0
	s.elements(func(e stdxml.StartElement, line int) {
		switch e.Name.Local {
		case "rollback":
			reversed++
		case "createTable", "addColumn":
			if open = e.Name.Local; reversed == 0 {
				tables = append(tables, table{name: attribute(e, "tableName"), line: line, created: open == "createTable"})
			}
		case "column":
			if open != "" && reversed == 0 && len(tables) > 0 {
				last := &tables[len(tables)-1]
				last.columns = append(last.columns, column{attribute(e, "name"), attribute(e, "type"), line})
			}
		}
	}, func(name string) {
		switch name {
		case "rollback":
			reversed--
		case open:
			open = ""
		}
	})
	s.addTables(tables)
}

// elements reads XML up to its first mistake. Line is that of the element's end.
func (s *source) elements(start func(stdxml.StartElement, int), end func(string)) {
	d := stdxml.NewDecoder(bytes.NewReader(s.text))
	d.Strict = false
	d.CharsetReader = nil
	for {
		t, err := d.RawToken()
		if err != nil {
			return
		}
		switch t := t.(type) {
		case stdxml.StartElement:
			start(t, s.lineAt(int(max(0, d.InputOffset()-1))))
		case stdxml.EndElement:
			end(t.Name.Local)
		}
	}
}

func attribute(e stdxml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// liquibaseYAML reads change logs of Liquibase in YAML and JSON.
func liquibaseYAML(s *source) {
	if !s.is(yaml, jsonText) || !bytes.Contains(s.text, []byte("databaseChangeLog")) {
		return
	}
	var tables []table
	for _, doc := range s.yaml() {
		for _, item := range doc.Get("databaseChangeLog").List() {
			for _, change := range item.Get("changeSet", "changes").List() {
				for _, kind := range []string{"createTable", "addColumn"} {
					if c := change.Get(kind); c != nil {
						tables = append(tables, liquibaseTable(c, kind == "createTable"))
					}
				}
			}
		}
	}
	s.addTables(tables)
}

func liquibaseTable(c *yamlpos.Node, created bool) table {
	t := table{name: c.Get("tableName").String(), line: c.Line, created: created}
	for _, item := range c.Get("columns").List() {
		if col := item.Get("column"); col != nil {
			t.columns = append(t.columns, column{col.Get("name").String(), col.Get("type").String(), col.Line})
		}
	}
	return t
}

var (
	protoBlock = rex(`\b(?:(message|enum|service|oneof|extend)\s+(\w+)\s*\{|option\b[^;{]*\{|\brpc\b[^;{]*\{)|[{}]|\b(string|bytes)\s+(\w+)\s*=\s*\d+`)
)

// protoFields reads the text fields of messages of Protocol Buffers.
func protoFields(s *source) {
	if !s.is(protobuf) {
		return
	}
	var stack []string
	text := s.code()
	for _, at := range protoBlock.FindAllSubmatchIndex(text, -1) {
		match := text[at[0]:at[1]]
		switch {
		case match[0] == '}':
			stack = stack[:max(0, len(stack)-1)]
		case match[len(match)-1] == '{':
			name := ""
			if at[2] >= 0 && string(text[at[2]:at[3]]) == "message" {
				name = string(text[at[4]:at[5]])
			}
			stack = append(stack, name)
		case at[8] >= 0:
			s.addProtoField(stack, string(text[at[8]:at[9]]), s.lineAt(at[0]))
		}
	}
}

// protoSearches are messages that carry what a caller searches by, and proofs that pass through once.
var protoSearches = rex(`(Filter|Query|Search\w*|(Get|List|Lookup|Find|Login|Verify|Check|Exists|Refresh|Exchange|Revoke)\w*Request)$`)

func (s *source) addProtoField(stack []string, field string, line int) {
	for i := len(stack) - 1; i >= 0; i-- {
		if message := stack[i]; message != "" {
			if !protoSearches.MatchString(message) && isPersonal(snake(field), "string") {
				s.add("pii-field", message+"."+snake(field), line, with("table", message), with("column", snake(field)))
			}
			return
		}
	}
}
