package ownership_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hmarr/codeowners"

	"github.com/secbydesign/secbydesign/app/ownership"
)

// TestCodeownersSyntax holds what GitHub documents about the file, line by line.
// https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#example-of-a-codeowners-file
func TestCodeownersSyntax(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file, path, want string
	}{
		{"everything", "* @global-owner1 @global-owner2", "a/b/c.go", "@global-owner1 @global-owner2"},
		{"the last match wins", "* @all\n*.js @js-owner #This is an inline comment.", "web/a.js", "@js-owner"},
		{"the first match does not", "*.js @js-owner\n* @all", "web/a.js", "@all"},
		{"an address of mail", "*.go docs@example.com", "a.go", ""},
		{"a team", "*.txt @octo-org/octocats", "x/y.txt", "@octo-org/octocats"},
		{"a folder at the root", "/build/logs/ @doctocat", "build/logs/a/b.log", "@doctocat"},
		{"a folder at the root, elsewhere", "/build/logs/ @doctocat", "x/build/logs/b.log", ""},
		{"not recursive", "docs/* docs@example.com @docs", "docs/getting-started.md", "@docs"},
		{"not recursive, deeper", "docs/* @docs", "docs/build-app/troubleshooting.md", ""},
		{"a folder anywhere", "apps/ @octocat", "x/apps/y/z.go", "@octocat"},
		{"a folder anywhere is no file", "apps/ @octocat", "x/apps", ""},
		{"a folder of the root", "/docs/ @doctocat", "docs/a/b", "@doctocat"},
		{"another folder of the root", "/scripts/ @doctocat @octocat", "scripts/a.sh", "@doctocat @octocat"},
		{"two stars before", "**/logs @octocat", "deeply/nested/logs/a", "@octocat"},
		{"two stars before, at the root", "**/logs @octocat", "logs/a", "@octocat"},
		{"two stars between", "/a/**/b @octocat", "a/x/y/b", "@octocat"},
		{"two stars for nothing", "/a/**/b @octocat", "a/b", "@octocat"},
		{"two stars after", "/a/** @octocat", "a/x/y", "@octocat"},
		{"two stars after are no file", "/a/** @octocat", "a", ""},
		{"cleared", "/apps/ @octocat\n/apps/github", "apps/github/x.go", ""},
		{"cleared, beside", "/apps/ @octocat\n/apps/github", "apps/gitlab/x.go", "@octocat"},
		{"another owner below", "/apps/ @octocat\n/apps/github @doctocat", "apps/github", "@doctocat"},
		{"no negation", "* @all\n!*.go @nobody", "a.go", "@all"},
		{"no classes", "* @all\n[ab].go @nobody", "a.go", "@all"},
		{"no escaped hash", "* @all\n\\#a.go @nobody", "#a.go", "@all"},
		{"case counts", "/Docs/ @docs", "docs/a", ""},
		{"an escaped space", "/with\\ space/ @space", "with space/a", "@space"},
		{"one character", "/a?c @abc", "abc", "@abc"},
		{"one character is no slash", "/a?c @abc", "a/c", ""},
		{"braces are themselves", "/{a,b}/ @braces", "a/x", ""},
		{"braces are themselves, and match", "/{a,b}/ @braces", "{a,b}/x", "@braces"},
		{"letters of all languages", "/größe/ @size", "größe/x.go", "@size"},
		{"routes of web frameworks", "/routes/$lang.tsx @web", "routes/$lang.tsx", "@web"},
		{"a word that is no owner is left out", "*.go nobody @octocat", "a.go", "@octocat"},
		{"only words that are no owners: the line does not count", "* @all\n*.go nobody", "a.go", "@all"},
		{"a user of an enterprise", "* @mona_acme", "a.go", "@mona_acme"},
	} {
		o, _ := ownership.Parse(tt.file)
		if got := strings.Join(o.Of(tt.path), " "); got != tt.want {
			t.Errorf("%s: %s is owned by %q, want %q", tt.name, tt.path, got, tt.want)
		}
	}
}

// TestAsTheLibraryMatches compares patterns with the library hmarr/codeowners, where that takes them.
func TestAsTheLibraryMatches(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 13))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	compared := 0
	for range 20_000 {
		var pattern strings.Builder
		pattern.WriteString(pick("", "/", "**/"))
		for i := range 1 + random.IntN(3) {
			if i > 0 {
				pattern.WriteString("/")
			}
			pattern.WriteString(pick("a", "b", "ab", "*", "a*", "*.go", "?", "**"))
		}
		pattern.WriteString(pick("", "", "/"))
		var names []string
		for range 1 + random.IntN(4) {
			names = append(names, pick("a", "b", "ab", "x.go", "c"))
		}
		path, line := strings.Join(names, "/"), pattern.String()+" @x"
		theirs, err := codeowners.ParseFile(strings.NewReader(line))
		if err != nil || strings.Contains(pattern.String(), "**/**") || strings.HasSuffix(pattern.String(), "**/") {
			continue // neighbouring stars mean one or two folders there; GitHub does not say which
		}
		rule, err := theirs.Match(path)
		if err != nil {
			t.Fatal(err)
		}
		ours, _ := ownership.Parse(line)
		if got := ours.Of(path) != nil; got != (rule != nil) {
			t.Errorf("%q matches %q: %t, and for the library %t", pattern.String(), path, got, rule != nil)
		}
		compared++
	}
	if compared < 10_000 {
		t.Errorf("only %d patterns were compared", compared)
	}
}

// TestCodeownersOfFiveMegabytes has GitHub's limit, and a large file below it.
func TestCodeownersOfFiveMegabytes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := 0; b.Len() < 5<<20; i++ {
		fmt.Fprintf(&b, "/services/team-%d/ @acme/team-%d unknown-owner-%d\n", i, i, i)
	}
	o, problems := ownership.Parse(b.String())
	if o.Of("services/team-7/a.go") != nil || len(problems) != 1 || !strings.Contains(problems[0], "it is not read") {
		t.Errorf("5 MB: %q, %q", o.Of("services/team-7/a.go"), problems)
	}
	text := b.String()[:2<<20]
	text = text[:strings.LastIndex(text, "\n")]
	o, problems = ownership.Parse(text)
	if got := o.Of("services/team-7/a.go"); !slices.Equal(got, []string{"@acme/team-7"}) || len(problems) > 0 {
		t.Errorf("2 MB with unknown owners: %q, %q", got, problems)
	}
}
