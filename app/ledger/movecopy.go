package ledger

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A copyText is a table in the text form of COPY: https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.2
// It holds one row at a time in memory.
type copyText struct {
	rows    *sql.Rows
	columns []moveColumn
	buf     bytes.Buffer
}

// Read implements [io.Reader].
func (c *copyText) Read(p []byte) (int, error) {
	for c.buf.Len() == 0 {
		if !c.rows.Next() {
			if err := c.rows.Err(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
		values := make([]any, len(c.columns))
		into := make([]any, len(values))
		for i := range values {
			into[i] = &values[i]
		}
		if err := c.rows.Scan(into...); err != nil {
			return 0, err
		}
		if err := c.row(values); err != nil {
			return 0, err
		}
	}
	return c.buf.Read(p)
}

// row writes one row.
func (c *copyText) row(values []any) error {
	for i, v := range values {
		if i > 0 {
			c.buf.WriteByte('\t')
		}
		if v == nil {
			c.buf.WriteString(`\N`)
			continue
		}
		text, err := literal(c.columns[i].kind, v)
		if err != nil {
			return fmt.Errorf("column %s: %w", c.columns[i].name, err)
		}
		_, _ = copyEscapes.WriteString(&c.buf, text)
	}
	c.buf.WriteByte('\n')
	return nil
}

var copyEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// literal writes a value as Postgres reads it for a type.
func literal(kind string, v any) (string, error) {
	text := ""
	switch v := v.(type) {
	case bool:
		text = strconv.FormatBool(v)
	case int64:
		text = strconv.FormatInt(v, 10)
		switch kind {
		case "bool":
			text = strconv.FormatBool(v != 0)
		case "bit":
			text = fmt.Sprintf("%08b", v)
		}
	case string:
		text = v
	case []byte:
		text = string(v)
	default:
		return "", fmt.Errorf("it holds a value of the kind %T", v)
	}
	if kind == "bytea" {
		return `\x` + hex.EncodeToString([]byte(text)), nil
	}
	text = Storable(text)
	switch kind {
	case "jsonb":
		text = storableJSON(text)
	case "_text", "_varchar", "_jsonb":
		var err error
		if text, err = arrayLiteral(kind, storableJSON(text)); err != nil {
			return "", err
		}
	}
	return text, nil
}

// storableJSON replaces the escaped NUL, which a document in Postgres cannot hold
// (https://www.postgresql.org/docs/15/datatype-json.html).
func storableJSON(text string) string { return escapedNUL.Replace(text) }

var escapedNUL = strings.NewReplacer(`\\`, `\\`, `\u0000`, `\uFFFD`)

// arrayLiteral writes a JSON array as an array of Postgres: of strings, or of documents.
// https://www.postgresql.org/docs/15/arrays.html#ARRAYS-IO
func arrayLiteral(kind, text string) (string, error) {
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return "", fmt.Errorf("it holds no list: %w", err)
	}
	var b strings.Builder
	for i, element := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		s := string(element)
		if kind != "_jsonb" {
			if err := json.Unmarshal(element, &s); err != nil {
				return "", fmt.Errorf("it holds a list of something else than text: %w", err)
			}
		}
		b.WriteString(`"` + arrayEscapes.Replace(s) + `"`)
	}
	return "{" + b.String() + "}", nil
}

var arrayEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
