package webhook

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// pruned compares a text with what is left of it: package json must take both for the same.
func pruned(t *testing.T, text []byte) {
	t.Helper()
	left, ok := prune(text, wantedBy(reflect.TypeFor[payload]()))
	if want := json.Valid(text) && strings.HasPrefix(strings.TrimLeft(string(text), " \t\r\n"), "{"); ok != want {
		t.Fatalf("one JSON object: %v, want %v: %q", ok, want, text)
	}
	if !ok {
		return
	}
	var whole, part payload
	wholeErr, partErr := json.Unmarshal(text, &whole), json.Unmarshal(left, &part)
	if (wholeErr == nil) != (partErr == nil) || !reflect.DeepEqual(whole, part) {
		t.Fatalf("%q\nis %+v, %v\nand its rest %q\nis %+v, %v", text, whole, wholeErr, left, part, partErr)
	}
}

var pruneCases = []string{
	``, `{`, `{}`, ` {} `, `{}x`, `[]`, `{"action":"opened"}`, `{"action":"a","ACTION":"b","Action":7}`, `{"act\u0069on":"c"}`, `{"åction":1}`,
	`{"ſender":{"login":"x"}}`, `{"sender":{"login":"x","Login":"y","type":null,"more":[1,{"a":"}"}]},"SENDER":{"login":"z"}}`,
	`{"sender":7}`, `{"sender":[{"login":"x"}]}`, `{"pull_request":{"head":{"sha":"a","repo":null},"base":{"sha":1}},"number":1e400}`,
	`{"check_run":{"id":5,"head_sha":"x","pull_requests":[{"number":1,"base":{"repo":{"id":2}}}],"check_suite":{"head_branch":null}}}`,
	`{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":1e}`, `{"a":-0.5E+3}`, `{"a":.5}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"\u123"}`, "{\"a\":\"\n\"}", `{"a":tru}`, `{"a":nulll}`,
	`{"a":[1,]}`, `{"a":[,1]}`, `{"a":{,}}`, `{"a":{"b":1,}}`, `{"a":[1}`, `{"a":{"b":1]}`, `{"a" 1}`, `{"a":1 "b":2}`, `{"a":1,}`, `{a:1}`, `{"changes":{"base":{"ref":{"from":"x"}}}}`,
	`{"repositories":[{"id":1,"full_name":"a/b"}],"deleted":true,"ref":"x"}`, `{"":1}`, "{\"\xff\":1,\"action\":\"\xff\"}", `{"a":"\"}","action":"x"}`, "{\"a\":1\x00}",
}

// TestPrune holds that leaving out what is not read changes nothing.
func TestPrune(t *testing.T) {
	t.Parallel()
	for _, text := range pruneCases {
		pruned(t, []byte(text))
	}
	for _, depth := range []int{maxNesting - 2, maxNesting - 1, maxNesting, maxNesting + 1, 1 << 20} {
		pruned(t, []byte(`{"a":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+`}`))
		pruned(t, []byte(`{"a":`+strings.Repeat("[", depth)))
		pruned(t, []byte(`{"sender":{"x":`+strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth)+`}}`))
	}
	files, err := filepath.Glob("testdata/deliveries/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pruned(t, text)
		if left, ok := prune(text, wantedBy(reflect.TypeFor[payload]())); ok && strings.Contains(file, "pull_request.opened") && len(left) > len(text)/3 {
			t.Errorf("%s: %d of %d bytes are left", file, len(left), len(text))
		}
	}
}

func FuzzPrune(f *testing.F) {
	for _, text := range pruneCases {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { pruned(t, text) })
}
