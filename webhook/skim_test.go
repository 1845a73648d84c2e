package webhook

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// checkSkim checks that skimming changes neither what is accepted nor what is read.
func checkSkim(t *testing.T, body []byte) {
	t.Helper()
	small, ok := skim(body, payloadMembers)
	isObject := json.Valid(body) && strings.HasPrefix(strings.TrimLeft(string(body), " \t\r\n"), "{")
	if ok && !isObject {
		t.Fatalf("%q is no JSON object, and skimmed to %q", body, small)
	}
	if !ok && isObject && strings.Count(string(body), "[")+strings.Count(string(body), "{") < maxDepth {
		t.Fatalf("%q is a JSON object, and refused", body)
	}
	var want, got payload
	wantErr, gotErr := json.Unmarshal(body, &want), unmarshal(body, payloadMembers, &got)
	if (wantErr == nil) != (gotErr == nil) {
		t.Fatalf("%q: %v, and after skimming to %q %v", body, wantErr, small, gotErr)
	}
	if wantErr == nil && !reflect.DeepEqual(want, got) {
		t.Fatalf("%q\nis   %+v\nwant %+v", body, got, want)
	}
}

func skimSeeds(t testing.TB) (list [][]byte) {
	t.Helper()
	files, err := filepath.Glob("testdata/deliveries/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no deliveries", err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, body)
	}
	for _, text := range []string{
		``, `{}`, ` {} `, `{}x`, `{},`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `[]`, `{"a":[]}`, `{"a":[1,]}`, `{"a":[1 2]}`, `{"a":[,1]}`,
		`{"action":"opened","Action":"closed"}`, `{"ACTION":"x"}`, `{"act\u0069on":"x"}`, `{"actıon":"x"}`, `{"sender":{"Login":"a","login":"b","x":1}}`,
		`{"chec\u212a_run":{"id":1}}`, `{"chec` + "\u212a" + `_run":{"id":1}}`, `{"ſender":{"login":"a"}}`,
		`{"sender":null}`, `{"sender":[]}`, `{"sender":"x"}`, `{"pull_request":{"number":1e2}}`, `{"pull_request":{"number":1}, "pull_request":{"state":"x"}}`,
		`{"a":01}`, `{"a":-}`, `{"a":-0}`, `{"a":1.}`, `{"a":.1}`, `{"a":1e}`, `{"a":1E+1}`, `{"a":1e-05}`, `{"a":tru}`, `{"a":truex}`, `{"a":nul}`, `{"a":+1}`, `{"a":0x1}`,
		`{"a":"\q"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"\uD800"}`, "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", "{\"action\":\"\xff\"}", `{"a":"`, `{"a":"\`, `{"a":"\u`, `{`, `{"`,
		`{"check_run":{"head_sha":"a","id":2,"check_suite":{"head_branch":"b","id":3},"pull_requests":[{"number":1,"x":[{}]}]}}`,
		"{\"a\":1\v}", "\ufeff{}", `{"changes":{"body":{"from":"x"},"title":1}}`, `{"a":{"action":"x"}}`,
		`{"a":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `,"action":"x"}`, `{"a":` + strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000) + `}`,
		`{"a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
	} {
		list = append(list, []byte(text))
	}
	return list
}

// TestSkim compares with a decoder that reads everything: deliveries, odd documents, and each of them cut and damaged.
func TestSkim(t *testing.T) {
	t.Parallel()
	for _, body := range skimSeeds(t) {
		checkSkim(t, body)
		step := 1 + len(body)/25
		for i := 0; i < len(body); i += step {
			checkSkim(t, body[:i])
			for _, c := range []byte("\"\\}]:,0 \x00") {
				damaged := bytes.Clone(body)
				damaged[i] = c
				checkSkim(t, damaged)
			}
		}
	}
}

func FuzzSkim(f *testing.F) {
	for _, body := range skimSeeds(f) {
		f.Add(body)
	}
	f.Fuzz(checkSkim)
}

// BenchmarkRead reads a delivery of the size that GitHub's have, as the program does and without skimming.
func BenchmarkRead(b *testing.B) {
	body, err := os.ReadFile("testdata/deliveries/pull_request.opened.json")
	if err != nil {
		b.Fatal(err)
	}
	user := `{"login": "mira-okafor", "id": 40117709, "node_id": "U_kgDOAmQh7Q", "type": "User", "site_admin": false}`
	body = bytes.Replace(body, []byte(`"labels": []`), []byte(`"labels": [`+strings.Repeat(user+", ", 200)+user+`]`), 1)
	for name, read := range map[string]func(p *payload) error{
		"skimmed": func(p *payload) error { return unmarshal(body, payloadMembers, p) },
		"whole":   func(p *payload) error { return json.Unmarshal(body, p) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				var p payload
				if err := read(&p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
