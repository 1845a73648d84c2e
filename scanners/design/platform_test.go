package design

import (
	"context"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// platformFacts returns the facts of a file as "rule key".
func platformFacts(t *testing.T, path, text string) (list []string) {
	t.Helper()
	found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: path, Content: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		list = append(list, f.Rule+" "+f.Fact.Key)
	}
	return list
}

// Content of a pull request that is made to be expensive.
func TestPlatformHostile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ path, text string }{
		"nested HCL":     {"main.tf", `resource "a" "b" { c = ` + strings.Repeat("[", 100_000) + "}"},
		"nested blocks":  {"main.tf", `resource "a" "b" ` + strings.Repeat("{\nx ", 100_000)},
		"one long RUN":   {"Dockerfile", "FROM a\nRUN " + strings.Repeat("curl x | ", 100_000)},
		"many RUNs":      {"Dockerfile", "FROM a\n" + strings.Repeat("RUN curl https://x.test/a | sh\n", 30_000)},
		"bomb":           {"docker-compose.yml", "a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\nservices: {x: {ports: *d, volumes: *d}}\n"},
		"nested lists":   {"k8s.yaml", "kind: List\napiVersion: v1\nitems:\n- " + strings.Repeat("[", 50_000)},
		"braces":         {"chart/templates/a.yaml", "kind: Service\napiVersion: v1\n" + strings.Repeat("{{", 400_000)},
		"long workflow":  {".github/workflows/w.yml", "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n" + strings.Repeat("      - run: echo ${{ secrets.A }}\n", 10_000)},
		"invalid UTF-8":  {"main.tf", "resource \"aws_s3_bucket\" \"\xff\xfe\" {}\n"},
		"UTF-16":         {"Dockerfile", "\xff\xfeF\x00R\x00O\x00M\x00"},
		"colons":         {"compose.yml", "services:\n  a:\n    ports: ['" + strings.Repeat(":", 1_000_000) + "']\n"},
		"cloudformation": {"t.json", `{"Resources":{"a":{"Type":"AWS::S3::Bucket","Properties":` + strings.Repeat(`{"a":`, 20_000)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			platformFacts(t, tt.path, tt.text)
		})
	}
}

func FuzzPlatform(f *testing.F) {
	for _, s := range []struct{ path, text string }{
		{"main.tf", "resource \"aws_db_instance\" \"a\" {\n  policy = jsonencode({Statement=[{Effect=\"Allow\"}]})\n}"},
		{"Dockerfile", "FROM a AS b\nRUN curl https://x | sh\nUSER root"},
		{"compose.yml", "services: {db: {image: postgres, ports: ['1:2']}}"},
		{"a.yaml", "kind: Ingress\napiVersion: v1\nspec: {rules: [{host: '{{ .a }}'}]}"},
		{".github/workflows/w.yml", "on: pull_request_target\njobs: {a: {runs-on: self-hosted, steps: [{uses: a/b@c}]}}"},
		{"serverless.yml", "functions: {a: {events: [{http: GET /}]}}"},
		{"Chart.yaml", "apiVersion: v2\nname: a\ndependencies: [{name: redis}]"},
	} {
		f.Add(s.path, s.text)
	}
	f.Fuzz(func(t *testing.T, path, text string) {
		for _, fact := range platformFacts(t, path, text) {
			if strings.ContainsAny(fact, "\n\r") {
				t.Errorf("a fact has more than one line: %q", fact)
			}
		}
	})
}
