package threatmodel_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/secbydesign/secbydesign/app/threatmodel"
)

// asJSON returns YAML as JSON; days stay text.
func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var dated func(*yaml.Node)
	dated = func(n *yaml.Node) {
		if n.Tag == "!!timestamp" {
			n.Tag = "!!str"
		}
		for _, c := range n.Content {
			dated(c)
		}
	}
	dated(&node)
	var value any
	if err := node.Decode(&value); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if value, err = jsonschema.UnmarshalJSON(bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	return value
}

// spoil changes one place of a document so that it is wrong: it adds a key, removes a required one, or puts another type.
func (c chooser) spoil(v any) {
	switch v := v.(type) {
	case map[string]any:
		keys := []string{}
		for _, k := range []string{"system", "zones", "data", "components", "flows", "decisions", "roles", "secrets", "crypto", "covers", "hosts"} {
			if _, ok := v[k]; ok {
				keys = append(keys, k)
			}
		}
		if len(keys) > 0 && c.IntN(4) > 0 {
			k := pick(c, keys)
			if c.IntN(6) == 0 {
				v[k] = pick(c, []any{"text", json.Number("5"), true, map[string]any{"id": "x"}})
				if k == "system" {
					v[k] = []any{}
				}
				return
			}
			c.spoil(v[k])
			return
		}
		c.spoilObject(v)
	case []any:
		if len(v) > 0 {
			i := c.IntN(len(v))
			if _, text := v[i].(string); text {
				v[i] = pick(c, []any{json.Number("5"), nil, []any{}, ""})
				return
			}
			c.spoil(v[i])
			return
		}
	}
}

func (c chooser) spoilObject(v map[string]any) {
	for _, required := range []string{"id", "kind", "class", "trust", "from", "to", "topic", "status", "component", "version", "name", "use"} {
		if _, ok := v[required]; ok && c.IntN(3) == 0 {
			if c.IntN(2) == 0 {
				delete(v, required)
			} else {
				v[required] = pick(c, []any{"No Word!", json.Number("500"), nil, []any{"a"}, false})
				if _, isName := v["allows"]; required == "name" && !isName || required == "use" {
					v[required] = nil
				}
			}
			return
		}
	}
	v["unknown"] = "x"
}

// TestSchemaAndParseAgree holds that the schema takes what Parse takes, and that neither takes a model with a mistake of
// form.
func TestSchemaAndParseAgree(t *testing.T) {
	t.Parallel()
	s := compiled(t, threatmodel.Schema())
	refused := 0
	for seed := range uint64(400) {
		c := newChooser(seed)
		value := asJSON(t, c.model().Format())
		if err := s.Validate(value); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		before, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		c.spoil(value)
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(text, before) {
			continue
		}
		_, problems := threatmodel.Parse(one(string(text)))
		if err := s.Validate(value); err == nil || len(problems) == 0 {
			t.Fatalf("seed %d:\n%s\nschema: %v\nproblems: %s", seed, text, err, lines(problems))
		}
		refused++
	}
	if refused < 200 {
		t.Errorf("%d refused: the test says little", refused)
	}
	if err := s.Validate(asJSON(t, []byte(driftModel))); err != nil {
		t.Error(err)
	}
}

func TestSchemaFile(t *testing.T) {
	t.Parallel()
	golden(t, "../schema.json", threatmodel.Schema())
}
