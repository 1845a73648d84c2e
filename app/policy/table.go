package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// A spec is one entry of the table of keys.go: a mapping with fields, a mapping with names, both,
// a list, or a value with a function that reads it.
type spec struct {
	about         string // for editors
	name, example string // of a mapping, for the message about a value of another type; name defaults to its key

	fields map[string]*spec // keys that are known
	needs  []need           // the required ones
	names  *names           // other keys, each with a value as in each
	each   *spec
	most   int // keys, or elements; 0 for any number

	list *spec // of elements

	read   func(r *reader, v strictyaml.Value) (data any, ok bool)
	schema schema
}

// A need is a required key, and the message if it is missing.
type need struct{ key, message string }

// walk reads the value of an entry of the table. at is where a missing key is reported.
func (r *reader) walk(s *spec, at strictyaml.Place, key Key, v strictyaml.Value) {
	switch {
	case s.read != nil:
		if data, ok := s.read(r, v); ok {
			r.values = append(r.values, Value{Key: key, Data: data, Origin: r.origin(v.Place)})
		}
		return
	case s.list != nil:
		if !v.Is(strictyaml.Sequence) {
			r.Problem(v.Place, "%s must be %s%s", s.name, s.example, v.Instead())
			return
		}
		for i, element := range v.Elements() {
			if s.most > 0 && i == s.most {
				r.Problem(element.Place, "there are more than %d entries in %s; remove some", s.most, s.name)
				return
			}
			r.walk(s.list, element.Place, key.with(strconv.Itoa(i)), element)
		}
		return
	}
	said, name := map[string]bool{}, s.name
	if name == "" {
		name = strictyaml.Printable(key[len(key)-1], 40)
	}
	ok := r.Each(v, name, s.example, func(e strictyaml.Entry) {
		if said[e.Key] = true; s.most > 0 && len(said) == s.most+1 {
			r.Problem(e.Place, "there are more than %d entries in %s; let fewer match more", s.most, name)
		}
		if field, ok := s.fields[e.Key]; ok {
			r.walk(field, e.Place, key.with(e.Key), e.Value)
			return
		}
		if s.names == nil {
			r.Unknown(e.Place, "key", e.Key, slices.Sorted(maps.Keys(s.fields)))
			return
		}
		// The value of a wrong name is checked all the same, unless the name may be a misspelt field.
		if s.names.check(r, e) || s.fields == nil {
			r.walk(s.each, e.Place, key.with(e.Key), e.Value)
		}
	})
	if !ok {
		return
	}
	for _, n := range s.needs {
		if !said[n.key] && n.message != "" {
			r.Problem(at, "%s", n.message)
		}
	}
}

// A Key is where a value is: "gates", "secrets", "mode".
type Key []string

func (k Key) with(s string) Key { return append(slices.Clip(k), s) }

// String joins the parts with dots, and quotes those that could not be read back.
func (k Key) String() string {
	parts := make([]string, len(k))
	for i, p := range k {
		if parts[i] = p; p == "" || strings.ContainsAny(p, ". \"'\\*?{}[]@/:") {
			parts[i] = `"` + strictyaml.Printable(p, 100) + `"`
		}
	}
	return strings.Join(parts, ".")
}

// id returns the key in a form for maps. No name holds the control character.
func (k Key) id() string { return strings.Join(k, "\x00") }

// An Origin is where a value was written.
type Origin struct {
	Layer        string // one of [Defaults], [Organisation], [Repository]
	File         string // empty for the defaults
	Line, Column int
}

// String returns a text for users: "organisation, acme/.github/.secbydesign.yml:4".
func (o Origin) String() string {
	if o.File == "" {
		return "built-in default"
	}
	return fmt.Sprintf("%s, %s:%d", o.Layer, o.File, o.Line)
}

func (r *reader) origin(at strictyaml.Place) Origin {
	return Origin{File: r.File, Line: at.Line, Column: at.Column}
}

// A schema is a JSON Schema, or a part of one.
type schema map[string]any

func words[T ~string](list []T) (out []any) {
	for _, w := range list {
		out = append(out, string(w))
	}
	return out
}

// SchemaURL names the schema for editors.
const SchemaURL = "https://raw.githubusercontent.com/secbydesign/secbydesign/main/app/policy/schema.json"

// Schema returns a JSON Schema (2020-12) of the file. [Parse] accepts what the schema accepts, except for globs with
// unclosed brackets, duplicate keys, and unknown names of scanners.
func Schema() []byte {
	s := table.toSchema()
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = SchemaURL
	s["title"] = "The policy of secbydesign: " + File
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // it is made of texts and numbers
	}
	return append(b, '\n')
}

func (s *spec) toSchema() schema {
	out := maps.Clone(s.schema)
	if out == nil {
		out = schema{}
	}
	if s.about != "" {
		out["description"] = s.about
	}
	switch {
	case s.read != nil:
		return out
	case s.list != nil:
		out["type"], out["items"] = "array", s.list.toSchema()
		if s.most > 0 {
			out["maxItems"] = s.most
		}
		return out
	}
	out["type"] = "object"
	if len(s.fields) > 0 {
		properties := schema{}
		for key, field := range s.fields {
			properties[key] = field.toSchema()
		}
		out["properties"] = properties
	}
	for _, n := range s.needs {
		required, _ := out["required"].([]any)
		out["required"] = append(required, n.key)
	}
	out["additionalProperties"] = false
	if s.most > 0 {
		out["maxProperties"] = s.most
	}
	if s.names != nil {
		out["additionalProperties"] = s.each.toSchema()
		if out["propertyNames"] = s.names.schema; len(s.fields) > 0 {
			out["propertyNames"] = schema{"anyOf": []any{schema{"enum": words(slices.Sorted(maps.Keys(s.fields)))}, s.names.schema}}
		}
	}
	return out
}
