package catalog

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/osv"
)

var growth = flag.String("growth", "", "measure the shapes of large files whose names hold this word, or all of them")

// How much one scanner may use for one file.
const (
	mostCPU    = 10 * time.Second
	mostMemory = 256 << 20
)

// A shape is a kind of large file: a front, followed by pieces.
type shape struct {
	scanner string
	path    string
	name    string
	front   string
	piece   func(i int) string
	back    string
}

func (s shape) String() string { return s.scanner + " " + path.Base(s.path) + " " + s.name }

// most is the size of the largest file that its scanner accepts.
func (s shape) most() int {
	switch name := path.Base(s.path); {
	case s.scanner == "workflows" || s.scanner == "actionlint" || name == "go.mod" || name == "pom.xml" || name == "w.yml":
		return 512 << 10
	case s.scanner == "terraform" || s.scanner == "dockerfile" || s.scanner == "compose":
		return 1 << 20
	case s.scanner == "kubernetes":
		return 8 << 20
	}
	return 10 << 20
}

func (s shape) file(size int) scanners.File {
	var b strings.Builder
	b.WriteString(s.front)
	for i := 0; b.Len() < size-200; i++ {
		if i > 0 && strings.HasSuffix(s.back, "}") {
			b.WriteByte(',')
		}
		b.WriteString(s.piece(i))
	}
	b.WriteString(s.back)
	return scanners.File{Path: s.path, Content: []byte(b.String())}
}

// allKeywords returns the keywords of many rules of gitleaks, in the form that the rules' patterns begin with.
func allKeywords() string {
	var b strings.Builder
	for _, word := range strings.Fields("adafruit adobe age algolia airtable alibaba asana atlassian authress beamer bitbucket bittrex clojars cloudflare codecov cohere coinbase confluent contentful databricks datadog discord doppler droneci dropbox duffel dynatrace easypost etsy facebook fastly finicity finnhub flickr flutterwave frameio freshbooks gcp gitlab gitter gocardless grafana harness hashicorp heroku hubspot infracost intercom jfrog kraken kucoin launchdarkly linear linkedin lob mailchimp mailgun mapbox mattermost messagebird netlify newrelic nytimes okta openai plaid planetscale postman prefect pulumi rapidapi readme rubygems scalingo sendbird sendgrid sentry shippo shopify sidekiq slack snyk square squarespace stripe sumologic telegram travis trello twilio twitch twitter typeform vault yandex zendesk") {
		b.WriteString(word + "_key=" + word + ".token ")
	}
	return b.String()
}

func same(text string) func(int) string { return func(int) string { return text } }

// numbered returns a function that replaces each # in text by the number.
func numbered(text string) func(int) string {
	return func(i int) string { return strings.ReplaceAll(text, "#", strconv.Itoa(i)) }
}

func shapes() (list []shape) {
	add := func(scanner, path, front string, pieces map[string]func(int) string) {
		for name, piece := range pieces {
			front, back, _ := strings.Cut(front, "\x00")
			list = append(list, shape{scanner, path, name, front, piece, back})
		}
	}
	yaml := map[string]func(int) string{
		"items": same("- x\n"), "anchors": numbered("- &a# x\n"), "aliases": func(i int) string {
			if i == 0 {
				return "- &a x\n"
			}
			return "- *a\n"
		},
		"flow": same("[a,a,a,a],"), "maps": numbered("- {a: #, b: c}\n"), "keys": numbered("k#: x\n"), "equal keys": same("k: x\n"),
		"merges": func(i int) string {
			if i == 0 {
				return "- &m0 {a: b}\n"
			}
			return fmt.Sprintf("- &m%d {<<: *m%d}\n", i, i-1)
		},
		"bomb": func(i int) string {
			if i == 0 {
				return "- &b0 x\n"
			}
			return fmt.Sprintf("- &b%d [*b%d, *b%d, *b%d, *b%d]\n", i, i-1, i-1, i-1, i-1)
		},
		"brackets": same("["), "braces": same("{a: "), "dashes": same("- "), "questions": same("? "), "comments": same("# c\n"), "tags": same("- !t x\n"),
		"returns": same("- x\r"), "long line": same("x"), "quoted": same("- \"x\\n\"\n"), "empty lines": same("\n"), "blocks": same("- |\n  x\n"),
		"block text": func(i int) string {
			if i == 0 {
				return "- |\n"
			}
			return "  x\n"
		},
		"quotes": same("'"), "spaces": same(" "), "colons": same(": "), "commas": same(","), "tabs": same("\t"), "percents": same("%\n"),
		"indented": func(i int) string { return strings.Repeat(" ", i%1000) + "- a:\n" },
	}
	pod := "apiVersion: v1\nkind: Pod\n"
	add("kubernetes", "pod.yaml", pod+"x:\n", yaml)
	add("kubernetes", "pod.yaml", "", map[string]func(int) string{
		"documents":         same("---\napiVersion: v1\nkind: Pod\n"),
		"markers":           same("---\n"),
		"empty kinds":       same("kind: Pod\n---\n"),
		"documents, found":  numbered("---\napiVersion: v1\nkind: Pod\nmetadata: {name: n#}\nspec: {hostPID: true, hostIPC: true}\n"),
		"broken documents":  same("---\napiVersion: v1\nkind: Pod\nspec: [\n"),
		"documents, anchor": numbered("---\napiVersion: v1\nkind: Pod\nx: [&a# x, *a#]\n"),
	})
	add("kubernetes", "pod.yaml", pod+"spec:\n  containers:\n", map[string]func(int) string{
		"containers": numbered("  - {name: c#, image: a, securityContext: {privileged: true}}\n"),
	})
	merges := func(i int) string {
		if i == 0 {
			return "  - &m0 {name: c}\n"
		}
		return fmt.Sprintf("  - &m%d {<<: *m%d}\n", i, i-1)
	}
	add("kubernetes", "pod.yaml", pod+"spec:\n  containers:\n", map[string]func(int) string{
		"merged containers": merges,
		"shared containers": func(i int) string {
			if i == 0 {
				return "  - &c\n    name: c\n    env:\n" + strings.Repeat("    - {name: x, value: y}\n", 10000)
			}
			return "  - *c\n"
		},
	})
	add("kubernetes", "pod.yaml", "apiVersion: v1\nkind: List\nitems:\n", map[string]func(int) string{
		"list": numbered("- {apiVersion: v1, kind: Pod, spec: {hostPID: true}}\n"),
	})
	add("osv", "pnpm-lock.yaml", "lockfileVersion: '6.0'\npackages:\n", map[string]func(int) string{
		"equal packages": same("  /p@1.0.0: {resolution: {integrity: x}}\n"), "map": numbered("  /p#@1.0.0: {}\n"),
		"spelled keys": numbered("  ? &a# /p@1.0.0\n  : {}\n"), "maps in a list": numbered("  - {a: #}\n"), "keys of a package": func(i int) string {
			if i == 0 {
				return "  /p@1.0.0:\n"
			}
			return fmt.Sprintf("    k%d: 1\n", i)
		},
	})
	add("compose", "compose.yaml", "services:\n", yaml)
	add("compose", "compose.yaml", "services:\n", map[string]func(int) string{
		"services": numbered("  s#: {privileged: true, image: a, ports: ['5432:5432'], volumes: ['/:/x']}\n"),
		"shared": func(i int) string {
			if i == 0 {
				return "  a: &a {privileged: true, cap_add: [" + strings.Repeat("ALL, ", 2000) + "]}\n"
			}
			return fmt.Sprintf("  s%d: *a\n", i)
		},
	})
	add("compose", "compose.yaml", "", map[string]func(int) string{"documents": same("---\nservices: {a: {privileged: true}}\n")})
	for _, scanner := range []string{"workflows", "actionlint"} {
		jobs := "on: pull_request_target\njobs:\n"
		add(scanner, ".github/workflows/w.yml", jobs, yaml)
		add(scanner, ".github/workflows/w.yml", jobs, map[string]func(int) string{
			"jobs":        numbered("  j#: {runs-on: x}\n"),
			"chained":     numbered("  j#: {runs-on: x, needs: [j1, j2, j3], steps: [{uses: a/b@main}]}\n"),
			"expressions": numbered("  j#:\n    runs-on: x\n    steps:\n    - run: echo ${{ github.event.issue.title }}${{ github.event.issue.body }}\n"),
		})
		steps := jobs + "  j:\n    runs-on: x\n    steps:\n"
		add(scanner, ".github/workflows/w.yml", steps, map[string]func(int) string{"steps": same("    - run: echo ${{ github.event.issue.title }}\n")})
		add(scanner, ".github/workflows/w.yml", steps+"    - run: |\n", map[string]func(int) string{
			"script":        same("        echo ${{ github.event.issue.title }}\n"),
			"plain script":  same("        curl http://a.example | sh\n"),
			"open":          same("        ${{\n"),
			"commands":      same("        echo ::set-env name=a::b\n"),
			"one long line": same("        ${{ github.event.issue.title }}"),
		})
		add(scanner, ".github/workflows/w.yml", steps+"    - run: \"x\"\n      if: ", map[string]func(int) string{"condition": same("a == b && "), "not": same("!")})
	}
	add("terraform", "main.tf", "", map[string]func(int) string{
		"resources":      numbered("resource \"aws_s3_bucket\" \"b#\" {\n  acl = \"public-read\"\n}\n"),
		"empty":          numbered("resource \"a\" \"b#\" {}\n"),
		"attributes":     numbered("a# = 1\n"),
		"comments":       same("# c\n"),
		"heredocs":       numbered("a# = <<E\nx\nE\n"),
		"strings":        numbered("a# = \"${b}\"\n"),
		"ingress":        numbered("resource \"aws_security_group\" \"b#\" {\n  ingress {\n    from_port = 22\n to_port = 22\n protocol = \"tcp\"\n cidr_blocks = [\"0.0.0.0/0\"]\n  }\n}\n"),
		"policies":       numbered("resource \"aws_iam_policy\" \"b#\" {\n  policy = jsonencode({ Statement = [{ Effect = \"Allow\", Action = \"*\", Resource = \"*\" }] })\n}\n"),
		"labels":         func(i int) string { return "a " },
		"semicolons":     same(";"),
		"letters":        same("x"),
		"blocks in line": same("a {}"),
	})
	add("terraform", "main.tf", "resource \"aws_security_group\" \"b\" {\n", map[string]func(int) string{
		"equal blocks": same("  ingress {\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }\n"), "dynamic": same("  dynamic \"ingress\" {\n content {\n cidr_blocks = [\"0.0.0.0/0\"]\n } \n }\n"),
		"open blocks": same("  ingress {\n"),
	})
	const rule = "  ingress {\n from_port = each.value\n to_port = each.value\n protocol = \"tcp\"\n cidr_blocks = [\"0.0.0.0/0\"]\n }\n"
	add("terraform", "main.tf", "resource \"aws_security_group\" \"b\" {\n  for_each = toset([\"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\"])\n", map[string]func(int) string{
		"each": same(rule), "each dynamic": same("  dynamic \"ingress\" {\n for_each = [1, 2, 3, 4]\n content {\n  from_port = each.value\n } \n }\n"),
	})
	add("terraform", "main.tf", "", map[string]func(int) string{
		"each resource":  numbered("resource \"aws_security_group\" \"b#\" {\n  for_each = toset([\"1\", \"2\", \"3\", \"4\"])\n" + strings.Repeat(rule, 10) + "}\n"),
		"chain of moves": func(i int) string { return fmt.Sprintf("moved {\n  from = x.a%d\n  to = x.a%d\n}\n", i, i+1) },
		"companions":     numbered("resource \"aws_s3_bucket\" \"b#\" {}\nresource \"aws_s3_bucket_versioning\" \"b#\" {\n  bucket = aws_s3_bucket.b#.id\n}\n"),
	})
	add("terraform", "main.tf", "a = [", map[string]func(int) string{
		"list": same("1,"), "text list": same("\"a\","), "brackets": same("["), "objects": same("{a=1},"), "calls": same("f(1),"), "sums": same("1+"), "dots": same("a."), "indexes": same("a[0]"), "splats": same("a.*.b"),
		"conditions": same("a?b:"), "parens": same("("), "minus": same("-"), "ors": same("a||"), "fors": same("[for x in y : x],"), "quoted": same("\"a$${b}\","),
	})
	add("terraform", "main.tf", "a = <<E\n", map[string]func(int) string{"heredoc": same("x\n"), "heredoc, templates": same("${a}\n"), "heredoc, escapes": same("$${a}\n"), "one heredoc line": same("${a}")})
	add("terraform", "main.tf", "resource \"aws_iam_policy\" \"b\" {\n  policy = <<E\n", map[string]func(int) string{"JSON": same("[{\n"), "JSON list": same("1,\n")})
	add("dockerfile", "Dockerfile", "FROM a:1\n", map[string]func(int) string{
		"runs": same("RUN curl http://a.example | sh\n"), "comments": same("# c\n"), "empty lines": same("\n"), "variables": numbered("ENV A#=b\n"), "args": numbered("ARG A#=b\n"),
		"secrets": numbered("ENV PASSWORD#=hunter2hunter2\n"), "heredocs": same("RUN <<E\necho\nE\n"), "copies": same("COPY a b\n"), "users": same("USER root\n"), "ports": same("EXPOSE 22\n"),
		"onbuild": same("ONBUILD RUN sudo x\n"), "labels": same("LABEL a=b\n"), "adds": same("ADD http://a.example/x y\n"), "shells": same("SHELL [\"sh\"]\n"), "JSON": same("RUN [\"a\", \"b\"]\n"),
	})
	add("dockerfile", "Dockerfile", "FROM a:1\nRUN ", map[string]func(int) string{
		"continuations": same("a \\\n"), "ands": same("a && "), "subshells": same("$("), "parens": same("("), "quotes": same("\""), "long line": same("x"), "semicolons": same("a;"), "pipes": same("a|"),
		"commented continuations": same("\\\n# c\n"), "heredoc starts": numbered("<<E# "), "words": same("a "),
	})
	add("dockerfile", "Dockerfile", "FROM a:1\nENV ", map[string]func(int) string{"pairs": numbered("A#=b "), "equals": same("="), "escaped": same("A=\\")})
	add("dockerfile", "Dockerfile", "FROM a:1\nRUN <<E\n", map[string]func(int) string{"heredoc": same("curl http://a.example | sh\n")})
	add("dockerfile", "Dockerfile", "", map[string]func(int) string{
		"stages": numbered("FROM a:1 AS s#\nUSER root\n"), "stages of stages": func(i int) string {
			if i == 0 {
				return "FROM a AS s0\n"
			}
			return fmt.Sprintf("FROM s%d AS s%d\n", i-1, i)
		},
	})
	add("gitleaks", "a.txt", "", map[string]func(int) string{
		"keys in a line": same("api_key="), "keys": same("api_key=\n"), "secrets": numbered("api_key = \"zK3x9Qm4Tt7Lw#pB8v\"\n"), "secrets in a line": numbered("api_key=\"zK3x9Qm4Tt7Lw#pB8v\","), "letters": same("x"),
		"lines": same("\n"), "words": same("the quick brown fox "), "base64": func(i int) string { return fmt.Sprintf("%x", uint64(i)*0x9E3779B97F4A7C15) },
		"headers": same("-----BEGIN RSA PRIVATE KEY-----\n"), "headers in a line": same("-----BEGIN RSA PRIVATE KEY-----"), "keywords": same("password secret token api key aws akia github gitlab slack stripe twilio "),
		"tokens": same("ghp_ AKIA xoxb- sk_live_ eyJ AIza glpat- npm_ "), "code": numbered("func f#(a int) (b string) { return token(a) }\n"), "quotes": same("key='"), "equal signs": same("key=="), "colons": same("secret:"), "spaces": same("password = "),
		"allowed in a line": numbered("api_key=\"zK3x9clientQm4Tt7Lw#pB\","), "allowed": numbered("api_key=\"zK3x9clientQm4Tt7Lw#pB\",\n"), "long secrets": numbered("-----BEGIN RSA PRIVATE KEY-----\n#" + strings.Repeat("aB3dE6gH9jK2mN5p", 600) + "\n-----END RSA PRIVATE KEY-----\n"),
		"all keywords": same(allKeywords()), "jwt": same("eyJhbGciOi.eyJ"), "curl": same("curl -u a:b "), "urls": same("https://hooks.slack.com/services/"),
	})
	locks := map[string]map[string]func(int) string{
		"Cargo.lock\n": {"packages": numbered("[[package]]\nname = \"p#\"\nversion = \"1.0.0\"\n\n"), "tables": numbered("[t#]\n"), "metadata": numbered("[metadata.t#]\n"), "array tables": numbered("[[t#]]\n"), "one array": same("[[t]]\n"), "equal tables": same("[t]\n"), "package tables": numbered("[[package]]\n[package.t#]\n"), "keys": numbered("k#=1\n"), "empty packages": same("[[package]]\n"), "comments": same("#\n"), "deep tables": numbered("[a.b.c.d.t#]\n"), "values": same("a=[]\n"),
			"dependencies": func(i int) string {
				if i == 0 {
					return "[[package]]\nname = \"p\"\nversion = \"1.0.0\"\ndependencies = [\n"
				}
				return fmt.Sprintf("\"p%d\",\n", i)
			}},
		"poetry.lock\n": {"packages": numbered("[[package]]\nname = \"p#\"\nversion = \"1.0.0\"\n\n"), "tables": numbered("[t#]\n"), "groups": numbered("[[package]]\nname = \"p\"\n[package.dependencies]\na# = \"1\"\n"), "inline": numbered("a# = {b = 1}\n")},
		"uv.lock\n": {"packages": numbered("[[package]]\nname = \"p#\"\nversion = \"1.0.0\"\n\n"), "tables": numbered("[t#]\n"), "dependencies": func(i int) string {
			if i == 0 {
				return "[[package]]\nname = \"p\"\nversion = \"1.0.0\"\ndependencies = [\n"
			}
			return fmt.Sprintf("{ name = \"p%d\" },\n", i)
		}},
		"package-lock.json\n{\"lockfileVersion\":3,\"packages\":{\x00}}":     {"packages": numbered("\"node_modules/p#\":{\"version\":\"1.0.0\"}\n"), "nested": same("\"a\":{\"b\":"), "empty": numbered("\"p#\":{}"), "values": numbered("\"p#\":{\"a\":[1,1,1,1,1,1,1,1]}"), "equal": same("\"p\":{}")},
		"package-lock.json\n{\"lockfileVersion\":1,\"dependencies\":{\x00}}": {"old packages": numbered("\"p#\":{\"version\":\"1.0.0\"}\n"), "old nested": same("\"a\":{\"dependencies\":{")},
		"package-lock.json\n": {"brackets": same("["), "braces": same("{\"a\":")},
		"yarn.lock\np@1:\n":   {"quotes below": same("  \"\n"), "fields": numbered("  f# \"x\"\n")},
		"yarn.lock\n":         {"packages": numbered("p#@^1.0.0:\n  version \"1.0.0\"\n\n"), "headers": numbered("p#@^1.0.0:\n"), "comments": same("#\n"), "one header": numbered("p#@1, "), "lines": same("\n"), "quotes": same("\"\n")},
		"pnpm-lock.yaml\nlockfileVersion: '6.0'\npackages:\n": {"packages": numbered("  /p#@1.0.0:\n    resolution: {integrity: x}\n")},
		"pnpm-lock.yaml\n":                   yaml,
		"a-requirements.txt\n":               {"packages": numbered("p#==1.0.0\n"), "comments": same("#\n"), "continuations": same("a \\\n"), "hashes": same("a==1 --hash=sha256:ab\n"), "one line": same("a==1 "), "includes": same("-r x\n"), "markers": same("a==1; python_version<'3'\n"), "lines": same("\n"), "brackets": same("["), "semicolons": same(";")},
		"Pipfile.lock\n{\"default\":{\x00}}": {"packages": numbered("\"p#\":{\"version\":\"==1.0.0\"}\n")},
		"Gemfile.lock\nGEM\n  remote: https://rubygems.org/\n  specs:\n":           {"packages": numbered("    p# (1.0.0)\n"), "dependencies": numbered("      p# (~> 1)\n"), "sections": same("GEM\n"), "lines": same("\n"), "parens": same("    ((((\n")},
		"composer.lock\n{\"packages\":[\x00]}":                                     {"packages": numbered("{\"name\":\"a/p#\",\"version\":\"1.0.0\"}\n")},
		"gradle.lockfile\n":                                                        {"packages": numbered("a:p#:1.0.0=classpath\n"), "lines": same("\n"), "commas": same("a:b:1=c,"), "colons": same(":")},
		"packages.lock.json\n{\"version\":1,\"dependencies\":{\"net6.0\":{\x00}}}": {"packages": numbered("\"p#\":{\"type\":\"Direct\",\"resolved\":\"1.0.0\"}\n")},
		"go.mod\nmodule m\n":                                                       {"packages": numbered("require a.example/p# v1.0.0\n"), "replacements": numbered("require a.example/p# v1.0.0\nreplace a.example/p# => a.example/q# v1.0.0\n"), "comments": same("//\n"), "versions": same("go 1.20\n"), "parens": same("require (\n"), "retracts": same("retract v1.0.0\n"), "excludes": numbered("exclude a.example/p v1.0.#\n"), "tokens": same("a ")},
		"pom.xml\n<project><dependencies>\x00</dependencies></project>": {"packages": numbered("<dependency><groupId>g</groupId><artifactId>p#</artifactId><version>1</version></dependency>\n"), "nested": same("<a>"), "properties": numbered("<dependency><groupId>g</groupId><artifactId>p#</artifactId><version>${a}</version></dependency>\n"), "entities": same("&amp;"), "comments": same("<!-- -->"), "text": same("x"),
			"managed": func(i int) string {
				return fmt.Sprintf("</dependencies><dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>p%d</artifactId><version>1</version></dependency></dependencies></dependencyManagement><dependencies>", i)
			}},
		"pom.xml\n<project><properties>\x00</properties></project>":        {"property names": numbered("<p#>1</p#>\n")},
		"bun.lock\n{\"packages\":{\x00}}":                                  {"packages": numbered("\"p#\":[\"p#@1.0.0\",\"\",{},\"x\"],\n"), "values": numbered("\"p#\":[\"p@1\",1,1,1,1,1,1,1],"), "commas": same(","), "comments": same("//\n"), "quotes": same("\"\"")},
		"pdm.lock\n":                                                       {"packages": numbered("[[package]]\nname = \"p#\"\nversion = \"1.0.0\"\n\n"), "groups": numbered("[[package]]\ngroups = [\"a#\"]\n")},
		"pylock.toml\n":                                                    {"packages": numbered("[[packages]]\nname = \"p#\"\nversion = \"1.0.0\"\n\n"), "wheels": numbered("[[packages]]\nwheels = [{url = \"a#\"}]\n"), "folders": numbered("[[packages]]\ndirectory = {a# = 1}\n")},
		"pubspec.lock\npackages:\n":                                        {"packages": numbered("  p#: {version: \"1.0.0\", source: hosted}\n")},
		"mix.lock\n%{\n":                                                   {"packages": numbered("  \"p#\": {:hex, :p#, \"1.0.0\"},\n"), "quotes": same("\""), "braces": same("{:hex, ")},
		"Package.resolved\n{\"pins\":[\x00]}":                              {"packages": numbered("{\"location\":\"https://a.example/p#\",\"state\":{\"version\":\"1.0.0\"}}\n")},
		"packages.config\n<packages>\x00</packages>":                       {"packages": numbered("<package id=\"p#\" version=\"1.0.0\"/>\n"), "nested": same("<a>")},
		"a.csproj\n<Project><ItemGroup>\x00</ItemGroup></Project>":         {"packages": numbered("<PackageReference Include=\"p#\" Version=\"1.0.0\"/>\n"), "computed": numbered("<PackageReference Include=\"p#\" Version=\"$(a)$(a)$(a)\"/>\n"), "nested": same("<Version>")},
		"a.fsproj\n<Project><PropertyGroup>\x00</PropertyGroup></Project>": {"properties": numbered("<p#>1</p#>\n")},
		"requirements/a.txt\n":                                             {"packages": numbered("p#==1.0.0\n"), "clauses": same("a==1,"), "templates": same("{%\n")},
		".github/workflows/w.yml\njobs:\n  j:\n    steps:\n":               {"uses": numbered("    - uses: a/b@v#\n"), "broken": same("- uses: \"\n")},
	}
	for head, pieces := range locks {
		name, front, _ := strings.Cut(head, "\n")
		add("osv", name, front, pieces)
	}
	slices.SortFunc(list, func(a, b shape) int { return cmp.Compare(a.String(), b.String()) })
	return list
}

func builtIn(t *testing.T, name string) scanners.Scanner {
	for _, s := range All(Options{BuiltIn: true, OSV: osv.Options{Dir: t.TempDir()}}) {
		if s.Info().Name == name {
			return s
		}
	}
	t.Fatalf("no scanner %q", name)
	return nil
}

// TestGrowth measures what a large file of each shape costs: each in a separate process, at a quarter, a half
// and all of the size that its scanner accepts. It runs only with -growth, because it takes a quarter of an hour.
func TestGrowth(t *testing.T) {
	if one := os.Getenv("GROWTH_SHAPE"); one != "" {
		size, _ := strconv.Atoi(os.Getenv("GROWTH_SIZE"))
		for _, s := range shapes() {
			if s.String() == one {
				found, err := builtIn(t, s.scanner).Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{s.file(size)}})
				fmt.Printf("%d %s\n", len(found), scanners.Reason(err))
			}
		}
		return
	}
	if *growth == "" {
		t.Skip("asked for with -growth")
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	defer w.Flush()
	for _, s := range shapes() {
		if *growth != "all" && !strings.Contains(s.String(), *growth) {
			continue
		}
		fmt.Fprint(w, s)
		for _, size := range []int{s.most() / 4, s.most() / 2, s.most()} {
			ctx, cancel := context.WithTimeout(t.Context(), 6*mostCPU)
			c := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestGrowth$")
			c.Env = append(os.Environ(), "GROWTH_SHAPE="+s.String(), fmt.Sprint("GROWTH_SIZE=", size-8192), "GOMAXPROCS=1")
			out, err := c.Output()
			cancel()
			said, _, _ := strings.Cut(string(out), "\n")
			cpu, memory := c.ProcessState.UserTime()+c.ProcessState.SystemTime(), int64(0)
			if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
				memory = usage.Maxrss << 10
			}
			fmt.Fprintf(w, "\t%.2fs %dMB", cpu.Seconds(), memory>>20)
			if err != nil || cpu > mostCPU || memory > mostMemory {
				t.Errorf("%v, %d KB: %v, %d MB of memory, %v", s, size>>10, cpu, memory>>20, err)
			}
			if size == s.most() {
				fmt.Fprint(w, "\t", said)
			}
		}
		fmt.Fprintln(w)
		w.Flush()
	}
}

// endsAt is a context that ends after n calls of its Err.
type endsAt struct {
	context.Context
	n, asked int
}

func (c *endsAt) Err() error {
	if c.asked++; c.asked > c.n {
		return context.Canceled
	}
	return nil
}

// TestScannersEndWithTheirContext ends the context at each moment at which a scanner checks it. From then
// on the scanner must scan nothing more.
func TestScannersEndWithTheirContext(t *testing.T) {
	t.Parallel()
	const files = 5
	seen := map[string]bool{}
	for _, s := range shapes() {
		if seen[s.scanner] {
			continue
		}
		seen[s.scanner] = true
		scanner, target := builtIn(t, s.scanner), scanners.Target{Scope: scanners.ScopeFile}
		for i := range files {
			f := s.file(4_000)
			f.Path = path.Join(path.Dir(s.path), []string{"", "a/", "b/", "c/", "d/"}[i]+path.Base(s.path))
			if strings.HasPrefix(s.path, ".github") {
				f.Path = strings.Replace(s.path, "w.yml", fmt.Sprintf("w%d.yml", i), 1)
			}
			target.Files = append(target.Files, f)
		}
		all := &endsAt{Context: context.Background(), n: 1 << 40}
		_, _ = scanner.Scan(all, target)
		if all.asked < files {
			t.Errorf("%s asks for its context %d times for %d files", s.scanner, all.asked, files)
		}
		for n := range min(all.asked, 7) {
			ctx := &endsAt{Context: context.Background(), n: n}
			if _, err := scanner.Scan(ctx, target); !errors.Is(err, context.Canceled) || ctx.asked-n > 6 {
				t.Errorf("%s, ended at %d of %d, asks %d times more, and gives %v", s.scanner, n, all.asked, ctx.asked-n, err)
			}
		}
	}
}

// TestLargeFilesAreRefused scans one file of each format just above its limit, together with a small one. The
// large file must be refused, by name, before a library reads it.
func TestLargeFilesAreRefused(t *testing.T) {
	t.Parallel()
	all := shapes()
	for name, size := range map[string]int{
		"kubernetes pod.yaml items": 2 << 20, "kubernetes pod.yaml returns": 2 << 20, "kubernetes pod.yaml empty lines": 1 << 20, "kubernetes pod.yaml equal keys": 2 << 20,
		"compose compose.yaml shared": 20 << 10, "compose compose.yaml services": 100 << 10,
		"terraform main.tf list": 900 << 10, "terraform main.tf heredoc, templates": 900 << 10, "terraform main.tf resources": 200 << 10,
		"dockerfile Dockerfile runs": 50 << 10,
		"osv Cargo.lock tables":      6 << 20, "osv poetry.lock inline": 8 << 20, "osv package-lock.json empty": 4 << 20, "osv gradle.lockfile packages": 6 << 20,
		"osv pnpm-lock.yaml equal packages": 1 << 20, "osv pnpm-lock.yaml map": 1200 << 10, "osv pnpm-lock.yaml spelled keys": 1 << 20,
	} {
		i := slices.IndexFunc(all, func(s shape) bool { return s.String() == name })
		if i < 0 {
			t.Errorf("no shape %q", name)
			continue
		}
		s := all[i]
		f := s.file(size)
		_, err := builtIn(t, s.scanner).Scan(t.Context(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{f}})
		var inc *scanners.IncompleteError
		if !errors.As(err, &inc) || !strings.Contains(inc.Reason, strconv.Quote(f.Path)) || s.scanner != "osv" && !slices.Equal(inc.Paths, []string{f.Path}) {
			t.Errorf("%s, %d KB: %v", name, size>>10, err)
		}
	}
}
