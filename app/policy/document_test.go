package policy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/decisionfile"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/app/threatmodel"
)

// TestDocumentsTravel: a document of each sample is the same after a way through JSON, as between two processes, and says
// the same.
func TestDocumentsTravel(t *testing.T) {
	t.Parallel()
	var samples []string
	for _, pattern := range []string{"testdata/*.yml", "testdata/*/*.yml", "../threatmodel/testdata/*.yml", "../threatmodel/testdata/*/*.yml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, found...)
	}
	if len(samples) < 20 {
		t.Fatalf("only %d samples", len(samples))
	}
	for _, name := range samples {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source := strictyaml.Source{File: "f.yml", Text: text}
		here := strictyaml.Parse(source)
		sent, err := json.Marshal(here)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got strictyaml.Document
		if err := json.Unmarshal(sent, &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		there, err := got.Of(source)
		if err != nil || !reflect.DeepEqual(there, here) {
			t.Errorf("%s is another document after its way: %v", name, err)
		}
		want, wantErr := policy.Parse("f.yml", text)
		layer, layerErr := policy.Read(there)
		if !reflect.DeepEqual(layer, want) || !reflect.DeepEqual(layerErr, wantErr) {
			t.Errorf("%s as a policy: %+v %v\nwant %+v %v", name, layer, layerErr, want, wantErr)
		}
		model, problems := threatmodel.Read([]strictyaml.Document{there})
		wantModel, wantProblems := threatmodel.Parse(map[string][]byte{"f.yml": text})
		if !reflect.DeepEqual(model, wantModel) || !reflect.DeepEqual(problems, wantProblems) {
			t.Errorf("%s as a model: %+v %v\nwant %+v %v", name, model, problems, wantModel, wantProblems)
		}
	}
}

// TestImpossibleDocuments: a document is believed only if its file can be like that.
func TestImpossibleDocuments(t *testing.T) {
	t.Parallel()
	source := strictyaml.Source{File: "f.yml", Text: []byte("version: 1\n")}
	deep := strings.Repeat(`{"Kind":7,"Items":[{"Value":`, 1200) + `{"Kind":1}` + strings.Repeat(`}]}`, 1200)
	for name, answer := range map[string]string{
		"nothing":            `{}`,
		"a root and a fault": `{"Root":{"Kind":1,"Text":"x"},"Problems":[{"Message":"x"}]}`,
		"deep":               `{"Root":` + deep + `}`,
		"wide":               `{"Root":{"Kind":7,"Items":[{}` + strings.Repeat(`,{}`, 30_000) + `]}}`,
		"a long text":        `{"Root":{"Kind":1,"Text":"` + strings.Repeat("x", 1000) + `"}}`,
		"a long message":     `{"Problems":[{"Message":"` + strings.Repeat("x", 3000) + `"}]}`,
		"an unknown kind":    `{"Root":{"Kind":99}}`,
		"a text with items":  `{"Root":{"Kind":1,"Items":[{"Key":"a"}]}}`,
		"many problems":      `{"Problems":[{"Message":"x"}` + strings.Repeat(`,{"Message":"x"}`, 200) + `]}`,
	} {
		var d strictyaml.Document
		if err := json.Unmarshal([]byte(answer), &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := d.Of(source); err == nil {
			t.Errorf("%s is believed: %.300v", name, got)
		}
	}
	var d strictyaml.Document
	if err := json.Unmarshal([]byte(`{"Problems":[{"File":"/etc/passwd","Line":900,"Column":-3,"Message":"x"}]}`), &d); err != nil {
		t.Fatal(err)
	}
	got, err := d.Of(source)
	if want := (strictyaml.Problem{File: "f.yml", Line: 2, Column: 1, Message: "x"}); err != nil || len(got.Problems) != 1 || got.Problems[0] != want {
		t.Errorf("a place outside of the file: %+v %v", got.Problems, err)
	}
}

// FuzzDocument checks that no answer of a process, and no text, makes a reader panic, and that problems are in the file.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{"version: 1\ngates: {secrets: {mode: off}}\n", "a: [", "- x\n- [1, 2.5, .inf, true]\n", "version: 1\nzones:\n  - id: a\n    trust: 7\n"} {
		sent, err := json.Marshal(strictyaml.Parse(strictyaml.Source{Text: []byte(text)}))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(sent, []byte(text))
	}
	f.Add([]byte(`{"Root":{"Kind":8,"Items":[{"Key":"version"},{"Key":"gates","Value":{"Kind":7,"Items":[{}]}},{"Odd":true}]}}`), []byte("x\n"))
	f.Fuzz(func(t *testing.T, answer, text []byte) {
		var d strictyaml.Document
		if json.Unmarshal(answer, &d) != nil {
			return
		}
		source := strictyaml.Source{File: "f.yml", Text: text}
		d, err := d.Of(source)
		if err != nil {
			return
		}
		lines := strings.Count(string(text), "\n") + 1
		for _, p := range d.Problems {
			if p.Line < 1 || p.Line > lines || p.File != "f.yml" {
				t.Errorf("%+v is not in the file", p)
			}
		}
		if layer, err := policy.Read(d); err == nil {
			policy.Merge(layer, layer).Explain()
		}
		_, _ = threatmodel.Read([]strictyaml.Document{d})
		_, _ = decisionfile.Read(d)
	})
}
