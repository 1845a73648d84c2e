package threatmodel_test

import (
	"bytes"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/secbydesign/secbydesign/app/threatmodel"
)

// compiled returns a JSON Schema.
func compiled(t testing.TB, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("https://example.com/schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("https://example.com/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func schemaFile(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return compiled(t, text)
}

func validate(t testing.TB, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}

// TestOTMRoundTrip holds that the import of an export gives the same model, and that the export has what the format
// requires.
func TestOTMRoundTrip(t *testing.T) {
	t.Parallel()
	s := schemaFile(t, "testdata/otm.schema.json")
	for seed := range uint64(250) {
		m := newChooser(seed).model()
		text, _ := m.ExportOTM()
		if err := validate(t, s, text); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		got, losses, err := threatmodel.ImportOTM(text)
		if err != nil || len(losses) > 0 || !reflect.DeepEqual(got, m) {
			t.Fatalf("seed %d: %v %v\n%s\ngot  %+v\nwant %+v", seed, err, losses, text, got, m)
		}
	}
}

func TestOTMExport(t *testing.T) {
	t.Parallel()
	text, losses := sample(t).ExportOTM()
	golden(t, "shop.otm.json", text)
	want := []string{"OTM has no place for paths, owners, authentication, secrets, cryptography, hosts, resources, sensitivity and retention, fields, protocols, roles, what decisions cover and prove: they are kept as attributes, which other tools may drop."}
	if !slices.Equal(losses, want) {
		t.Errorf("%q", losses)
	}
}

// TestOTMOfAnotherTool imports a file that another tool wrote, in YAML.
func TestOTMOfAnotherTool(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/foreign.otm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, losses, err := threatmodel.ImportOTM(text)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "foreign.yml", m.Format())
	golden(t, "foreign.losses", []byte(strings.Join(losses, "\n")+"\n"))
}

func TestOTMThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":           {"", "has no otmVersion"},
		"text":              {"hello", "must not be a string"},
		"a list":            {"[1]", "must not be a array"},
		"half of JSON":      {`{"otmVersion": `, "unexpected end of JSON input"},
		"broken YAML":       {"a: [", "neither JSON nor YAML"},
		"another version":   {`{"otmVersion": "7.0"}`, `version "7.0" is not known here`},
		"a number for text": {`{"otmVersion": "0.2.0", "project": {"name": 5}}`, "project.name must not be a number"},
		"UTF-16":            {"\xff\xfe{\x00", "UTF-16"},
		"too large":         {strings.Repeat(" ", 5<<20), "larger than 4 MiB"},
		"deep nesting":      {`{"otmVersion": "0.2.0", "project": ` + strings.Repeat("[", 100_000), "exceeded max depth"},
		"a billion laughs": {"otmVersion: 0.2.0\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n" +
			"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n", "excessive aliasing"},
		"a changed model": {`{"otmVersion": "0.2.0", "project": {"id": "a", "name": "a", "attributes": {"secbydesign:model": "1", "exposure": "everywhere"}}}`, `it was changed so that it is no valid model: unknown exposure "everywhere"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, _, err := threatmodel.ImportOTM([]byte(tt.text))
			if m != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzImportOTM(f *testing.F) {
	for _, name := range []string{"testdata/shop.otm.json", "testdata/foreign.otm.yaml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"otmVersion":"0.2.0","components":[{"id":"a","parent":{"component":"b"}},{"id":"b","parent":{"component":"a"}},{"id":"A"}],"dataflows":[{"source":"a","destination":"A"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, _, err := threatmodel.ImportOTM(text)
		if (m == nil) == (err == nil) {
			t.Fatalf("%v, %v", m, err)
		}
		if m == nil {
			return
		}
		if _, problems := threatmodel.Parse(one(string(m.Format()))); len(problems) > 0 {
			t.Fatalf("%s\n%s", m.Format(), lines(problems))
		}
		again, _ := m.ExportOTM()
		if got, _, err := threatmodel.ImportOTM(again); err != nil || !bytes.Equal(got.Format(), m.Format()) {
			t.Fatalf("%v\n%s\nwant\n%s", err, got.Format(), m.Format())
		}
	})
}
