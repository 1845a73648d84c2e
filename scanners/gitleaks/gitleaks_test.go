package gitleaks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/scannertest"
)

func scan(t *testing.T, files ...scanners.File) []scanners.Finding {
	t.Helper()
	found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func file(path, content string) scanners.File {
	expanded, _ := scannertest.Expand(content)
	return scanners.File{Path: path, Content: []byte(expanded)}
}

// place formats a finding as rule@line.column-line.column.
func place(f scanners.Finding) string {
	return fmt.Sprintf("%s@%d.%d-%d.%d", f.Rule, f.Line, f.Column, f.EndLine, f.EndColumn)
}

func TestPlacesAreExact(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content string
		want    []string
	}{
		"first line":               {"a = '{{AWS_KEY}}'\nb\n", []string{"aws-access-token@1.6-1.26"}},
		"first and only":           {"a = '{{AWS_KEY}}'", []string{"aws-access-token@1.6-1.26"}},
		"at the very start":        {"{{AWS_KEY}}\n", []string{"aws-access-token@1.1-1.21"}},
		"after an empty line":      {"\n{{AWS_KEY}}\n", []string{"aws-access-token@2.1-2.21"}},
		"later line":               {"x\ny\n  a = '{{AWS_KEY}}'\nb\n", []string{"aws-access-token@3.8-3.28"}},
		"last without newline":     {"x\ny\na = '{{AWS_KEY}}'", []string{"aws-access-token@3.6-3.26"}},
		"CRLF":                     {"x\r\ny\r\na = '{{AWS_KEY}}'\r\nb\r\n", []string{"aws-access-token@3.6-3.26"}},
		"CRLF right at the secret": {"x\r\n{{AWS_KEY}}\r\n{{AWS_KEY:2}}\r\n", []string{"aws-access-token@2.1-2.21", "aws-access-token@3.1-3.21"}},
		"characters, not bytes":    {"x\nä€🔑 '{{AWS_KEY}}'", []string{"aws-access-token@2.6-2.26"}},
		"two on one line":          {"x\n{{AWS_KEY}} {{GITHUB_PAT}}\n", []string{"aws-access-token@2.1-2.21", "github-pat@2.22-2.62"}},
		"the same one twice":       {"{{AWS_KEY}}\n{{AWS_KEY}}\n", []string{"aws-access-token@1.1-1.21", "aws-access-token@2.1-2.21"}},
		"secret, not its name":     {"x\napi_key = \"{{HEX}}\"\n", []string{"generic-api-key@2.12-2.52"}},
		"lines before the secret":  {"curl -v \\\n  -H \"Authorization: Bearer {{HEX}}\" \\\n  u\n", []string{"curl-auth-header@2.29-2.69"}},
		"word goes on":             {"{{GITHUB_PAT}}Rest\n", []string{"github-pat@1.1-1.45"}},
		"many lines":               {"x\n{{PRIVATE_KEY}}\ny\n", []string{"private-key@2.1-15.30"}},
		"many lines at the end":    {"x\n  {{PRIVATE_KEY}}", []string{"private-key@2.3-15.32"}},
		"most specific rule":       {"api_key = \"{{GITHUB_PAT}}\"\n", []string{"github-pat@1.12-1.52"}},
		"specific in a header":     {"curl -H \"Authorization: token {{GITHUB_PAT}}\" u", []string{"github-pat@1.31-1.71"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range scan(t, file("a.txt", test.content)) {
				got = append(got, place(f))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	t.Run("many lines in CRLF", func(t *testing.T) {
		t.Parallel()
		f := file("key", "x\n{{PRIVATE_KEY}}\ny\n")
		f.Content = []byte(strings.ReplaceAll(string(f.Content), "\n", "\r\n"))
		if got := scan(t, f); len(got) != 1 || place(got[0]) != "private-key@2.1-15.30" {
			t.Errorf("got %+v", got)
		}
	})
}

// A file of many windows has the same places as a file of one.
func TestPlacesDoNotDependOnWindows(t *testing.T) {
	t.Parallel()
	for _, filler := range []string{"just some words on a line\n", "words without an end, "} {
		var b strings.Builder
		var want []string
		for i := 0; b.Len() < farRight+window; i++ {
			for b.Len() < i*4999 {
				b.WriteString(filler)
			}
			line, column := strings.Count(b.String(), "\n")+1, b.Len()-strings.LastIndex(b.String(), "\n")
			end := column + 20
			if end > farRight {
				column, end = 0, 0
			}
			want = append(want, fmt.Sprintf("aws-access-token@%d.%d-%d.%d", line, column, line, end))
			b.WriteString(scannertest.Secret(fmt.Sprint("AWS_KEY:", i)) + " ")
		}
		// Private keys across the beginning and the end of a window.
		for _, edge := range []int{0, window} {
			edge += (b.Len()/stride + 2) * stride
			b.WriteString(strings.Repeat("x\n", (edge-b.Len()-200)/2))
			line := strings.Count(b.String(), "\n") + 2
			want = append(want, fmt.Sprintf("private-key@%d.1-%d.30", line, line+13))
			b.WriteString("\n" + scannertest.Secret("PRIVATE_KEY") + "\n")
		}
		// A name before the beginning of a window, its value after it.
		edge := (b.Len()/stride+2)*stride + 2
		name := "\napi_key = '"
		pad := edge - b.Len() - len(name)
		b.WriteString(strings.Repeat("x\n", pad/2) + strings.Repeat(" ", pad%2))
		line := strings.Count(b.String(), "\n") + 2
		want = append(want, fmt.Sprintf("generic-api-key@%d.12-%d.52", line, line))
		b.WriteString(name + scannertest.Secret("HEX") + "'\n" + strings.Repeat("x\n", window))

		var got []string
		found := scan(t, scanners.File{Path: "long.txt", Content: []byte(b.String())})
		for _, f := range found {
			got = append(got, place(f))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%.10q: got %d: %q\nwant %d: %q", filler, len(got), got, len(want), want)
		}
		for i, f := range found {
			if len(f.Identity) > 3*near {
				t.Errorf("identity %d has %d bytes", i, len(f.Identity))
			}
		}
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	one := func(content string) string {
		t.Helper()
		found := scan(t, file("a.txt", content))
		if len(found) == 0 {
			t.Fatalf("nothing found in %q", content)
		}
		return strings.Join(strings.Fields(found[0].Identity), " ")
	}
	same := [][2]string{
		{"key = '{{AWS_KEY}}'", "\n\n\tkey = '{{AWS_KEY}}'\n"},
		{"a\n{{PRIVATE_KEY}}\n", "a\n      {{PRIVATE_KEY}}\n"},
		{"{{AWS_KEY}} {{GITHUB_PAT:1}}", "{{AWS_KEY}} {{GITHUB_PAT:2}}"}, // the secret beside it is another finding
	}
	for _, pair := range same {
		if a, b := one(pair[0]), one(pair[1]); a != b {
			t.Errorf("%q and %q differ: %q, %q", pair[0], pair[1], a, b)
		}
	}
	different := [][2]string{
		{"key = '{{AWS_KEY:1}}'", "key = '{{AWS_KEY:2}}'"},
		{"key = '{{AWS_KEY}}'", "old = '{{AWS_KEY}}'"},
		{"{{GITHUB_PAT}}a", "{{GITHUB_PAT}}b"},
		{"{{PRIVATE_KEY:1}}", "{{PRIVATE_KEY:2}}"},
	}
	for _, pair := range different {
		if a, b := one(pair[0]), one(pair[1]); a == b {
			t.Errorf("%q and %q are the same: %q", pair[0], pair[1], a)
		}
	}

	secret := scannertest.Secret("AWS_KEY")
	if got, want := one("key = '{{AWS_KEY}}' # {{AWS_KEY}}, {{GITHUB_PAT}}"), "key = '"+digest(secret)+"' # *, *"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := one("key = '{{AWS_KEY}}' # {{HEX}} "+strings.Repeat("y", near)+" {{HEX:1}}"), "key = '"+digest(secret)+"' # * "+strings.Repeat("y", near); !strings.HasPrefix(want, got) {
		t.Errorf("got %q, want the beginning of %q", got, want)
	}
	if len(digest(secret)) != 4 {
		t.Errorf("digest %q has more than 16 bits", digest(secret))
	}
}

// A token that the library's rule matches only in part must not be in an identity.
func TestTokensThatRulesKnowInPart(t *testing.T) {
	t.Parallel()
	hex := func(n, from int) string { return scannertest.Secret(fmt.Sprint("HEX:", from))[:n] }
	id := func(n int) string {
		return hex(8, n) + "-" + hex(4, n+1) + "-" + hex(4, n+2) + "-" + hex(4, n+3) + "-" + hex(12, n+4)
	}
	tests := map[string]string{
		"jwt-base64": "x = ZXlKaGJHY2lPaU" + hex(40, 1) + hex(40, 2) + "\n",
		"microsoft-teams-webhook": "x = https://acme.webhook.office.com/webhookb2/" + id(10) + "@" + id(20) +
			"/IncomingWebhook/" + hex(32, 3) + "/" + id(30) + "\n",
		"slack-legacy-workspace-token":           "x = xox" + "a-2-514930271-38205716492-3729401658203-" + hex(20, 5) + "\n",
		"aws-amazon-bedrock-api-key-short-lived": "x = bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t" + hex(40, 4) + "\n",
	}
	for rule, content := range tests {
		found := scan(t, file("a.txt", content))
		if len(found) != 1 || found[0].Rule != rule {
			t.Errorf("%s: found %+v", rule, found)
			continue
		}
		if identity := found[0].Identity; len(identity) != len("x = 0123") {
			t.Errorf("%s: identity %q", rule, identity)
		}
	}
}

// The groups of a rule select the secret. If a rule has several, or a named one, somebody must
// check whether the first matching group is the whole secret (see fragmentary).
func TestRulesWithSeveralGroupsAreKnown(t *testing.T) {
	t.Parallel()
	d, err := detector()
	if err != nil {
		t.Fatal(err)
	}
	var odd []string
	for name, rule := range d.Config.Rules {
		if rule.Regex != nil && rule.Regex.NumSubexp() > 1 {
			odd = append(odd, name)
		}
	}
	slices.Sort(odd)
	want := []string{
		"atlassian-api-token", "curl-auth-header", "curl-auth-user", "dropbox-long-lived-api-token", "facebook-access-token",
		"heroku-api-key-v2", "jwt-base64", "kubernetes-secret-yaml", "lob-api-key", "lob-pub-api-key", "microsoft-teams-webhook",
		"sonar-api-token", "sourcegraph-access-token",
	}
	if !slices.Equal(odd, want) {
		t.Errorf("got %q, want %q", odd, want)
	}
}

func TestBinariesAreKnownByName(t *testing.T) {
	t.Parallel()
	key := scannertest.Secret("AWS_KEY")
	found := scan(t,
		scanners.File{Path: "tool", Content: []byte("\x7fELF\x00" + key)},
		scanners.File{Path: "certs/site.p12", Content: []byte("\x30\x82\x00" + key)},
		scanners.File{Path: "late", Content: []byte(strings.Repeat(" ", sniff) + "\x00" + key)},
	)
	if found := scan(t, scanners.File{Path: "ci.env", Content: []byte(strings.Repeat("NAME=value\n", 20) + "\x00\nKEY=" + key + "\n")}); len(found) != 1 {
		t.Errorf("a NUL in a text hides its secret: %+v", found)
	}
	if len(found) != 2 || place(found[0]) != "pkcs12-file@0.0-0.0" || found[0].Path != "certs/site.p12" || found[1].Path != "late" {
		t.Errorf("found %+v", found)
	}
}

func TestHostileContent(t *testing.T) {
	t.Parallel()
	key := scannertest.Secret("AWS_KEY")
	tests := map[string]struct {
		content string
		want    int
	}{
		"empty":                    {"", 0},
		"newlines":                 {strings.Repeat("\n", 1<<16), 0},
		"a line of a megabyte":     {strings.Repeat("x ", 1<<19) + key, 1},
		"a word of a megabyte":     {strings.Repeat("x", 1<<20) + " " + key, 1},
		"invalid UTF-8":            {"\xff\xfe\xc3 key = '" + key + "' \xf0\x28\x8c\x28\n", 1},
		"grows in lower case":      {strings.Repeat("İȺ", 1000) + " " + key, 1},
		"carriage returns":         {strings.Repeat("\r", 1000) + key + "\r", 1},
		"a private key, no end":    {"-----BEGIN PRIVATE" + " KEY-----\n" + strings.Repeat("QUJD\n", 100) + "'" + key + "'\n-----END PUBLIC" + " KEY-----", 2},
		"template in its own name": {"api_key = ${api_key}", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if found := scan(t, scanners.File{Path: "a.txt", Content: []byte(test.content)}); len(found) != test.want {
				t.Errorf("found %d, want %d: %.300v", len(found), test.want, found)
			}
		})
	}
}

func TestWhatIsNotSearchedIsNamed(t *testing.T) {
	t.Parallel()
	key := scannertest.Secret("AWS_KEY")
	large := []byte(strings.Repeat("0123456 ", maxText/8) + "\n" + key)
	files := []scanners.File{
		{Path: "small.txt", Content: []byte(key)},
		{Path: "dump.txt", Content: []byte(strings.Repeat(key+"\n", maxSecrets+1))},
		{Path: "l1.txt", Content: large}, {Path: "l2.txt", Content: large}, {Path: "l3.txt", Content: large},
		{Path: "package-lock.json", Content: large},                    // the library never searches these
		{Path: "core", Content: append(make([]byte, sniff), large...)}, // nor do we search a binary
	}
	found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: files})
	var incomplete *scanners.IncompleteError
	if !errors.As(err, &incomplete) {
		t.Fatalf("got %v", err)
	}
	want := `Not searched completely for secrets: "dump.txt" (more than 1000 secrets, the first 1000 are reported), ` +
		`"l1.txt" (larger than 10 MB), "l2.txt" (larger than 10 MB) and 1 more; keep such files out of the repository, or split them.`
	if incomplete.Reason != want {
		t.Errorf("got reason  %s\nwant reason %s", incomplete.Reason, want)
	}
	if len(found) != maxSecrets+1 || found[maxSecrets].Path != "small.txt" {
		t.Errorf("found %d", len(found))
	}
}

func TestPanicOfTheLibraryIsAnError(t *testing.T) {
	t.Parallel()
	// No detector is the simplest one that panics.
	_, err := scanFile(context.Background(), nil, file("a.txt", "x"), nil)
	var g gaps
	g.add("a.txt", err)
	want := `Not searched completely for secrets: "a.txt" (the scanner failed on it); keep such files out of the repository, or split them.`
	if got := scanners.Reason(g.err()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	found, err := Scanner{}.Scan(ctx, scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{file("a", "{{AWS_KEY}}")}})
	if !errors.Is(err, context.Canceled) || len(found) > 0 {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestTreesAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := (Scanner{}).Scan(context.Background(), scanners.Target{Scope: scanners.ScopeTree, Dir: "/"}); err == nil {
		t.Error("no error")
	}
}

func TestSeveralScansAtOnce(t *testing.T) {
	t.Parallel()
	want := scan(t, file("a", "{{AWS_KEY}}"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{file("a", "{{AWS_KEY}}")}})
			if err != nil || !reflect.DeepEqual(found, want) {
				t.Errorf("got %v, %v", found, err)
			}
		})
	}
	wg.Wait()
}

func TestVersionIsTheOneInGoMod(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "github.com/zricethezav/gitleaks/v8 v"+version+" ") &&
		!strings.Contains(string(mod), "github.com/zricethezav/gitleaks/v8 v"+version+"\n") {
		t.Errorf("go.mod has another version than %s", version)
	}
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{"key = '{{AWS_KEY}}'\r\n", "{{PRIVATE_KEY}}", "curl -u \"a:bcd\" x", "data:\n a: {{BASE64}}\nkind: Secret\n", "api_key={{HEX}}"} {
		seed, _ = scannertest.Expand(seed)
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		lines := strings.Count(string(content), "\n") + 1
		found, err := Scanner{}.Scan(context.Background(), scanners.Target{
			Scope: scanners.ScopeFile, Files: []scanners.File{{Path: "a.yaml", Content: content}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if f.Line < 1 || f.EndLine < f.Line || f.EndLine > lines || f.Column < 1 {
				t.Errorf("%s in %d lines", place(f), lines)
			}
		}
	})
}

// A megabyte each, made to keep the scanner busy: matches that an allowlist rejects by
// their line, so that the limit on secrets does not help.
func BenchmarkHostile(b *testing.B) {
	key := "api_key = '" + scannertest.Secret("HEX") + "'; "
	for name, unit := range map[string]string{
		"text":                    "the quick brown fox jumps over the lazy dog\n",
		"secrets on lines":        key + "\n",
		"secrets on one line":     key,
		"allowed on lines":        key + "--mount=type=secret,\n",
		"allowed on one line":     key + strings.Repeat(" ", 20) + "--mount=type=secret,",
		"nearly keys":             "-----BEGIN PRIVATE" + " KEY-----",
		"nearly secrets in yaml":  "kind: secret data: ",
		"nearly curl":             "curl curl\n",
		"rejected by their order": "AK" + "IA" + strings.Repeat("A", 16) + "\n",
	} {
		content := []byte(strings.Repeat(unit, 1<<20/len(unit)))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: "a.yaml", Content: content}}})
			}
		})
	}
}

// TestTexts reads the texts of all rules.
func TestTexts(t *testing.T) {
	t.Parallel()
	d, err := detector()
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]bool{}
	for id, rule := range d.Config.Rules {
		if rule.RuleID != id {
			t.Errorf("%s calls itself %s", id, rule.RuleID)
		}
		rules[public(id)] = true
		f := describe(public(id), "a")
		for _, text := range []string{f.Title, f.Message} {
			for _, bad := range []string{"  ", " api", "github", "otential", "Uncovered", "#generic"} {
				if strings.Contains(text, bad) {
					t.Errorf("%s: %q has %q", id, text, bad)
				}
			}
		}
		if !strings.HasSuffix(f.Title, " committed") || !strings.HasSuffix(f.Message, ".") || len(f.Title) > 80 {
			t.Errorf("%s: title %q, message %q", id, f.Title, f.Message)
		}
	}
	for rule := range secretNames {
		if !rules[rule] {
			t.Errorf("there is no rule %s", rule)
		}
	}
	for rule := range ruleTexts {
		if !rules[rule] {
			t.Errorf("there is no rule %s", rule)
		}
	}
	for rule, want := range map[string]string{
		"github-pat":             "GitHub personal access token committed: The file has a GitHub personal access token in it.",
		"npm-access-token":       "npm access token committed: The file has an npm access token in it.",
		"openai-api-key":         "OpenAI API key committed: The file has an OpenAI API key in it.",
		"slack-legacy-bot-token": "Legacy Slack bot token committed: The file has a legacy Slack bot token in it.",
	} {
		if f := describe(rule, "a"); f.Title+": "+f.Message != want {
			t.Errorf("%s: %s: %s", rule, f.Title, f.Message)
		}
	}
}
