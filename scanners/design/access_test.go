package design

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// The patterns are compiled at their first use.
func TestAccessPatterns(t *testing.T) {
	t.Parallel()
	for l, list := range languageSinks() {
		for _, k := range list {
			if _, ok := Of(k.rule); !ok {
				t.Errorf("%s: no signal %s", l, k.rule)
			}
		}
	}
	if len(corsRules()) == 0 || len(controlRules()) == 0 {
		t.Error("no rules")
	}
	for pkg, names := range goCalls {
		for name, c := range names {
			if _, ok := Of(c.rule); !ok {
				t.Errorf("%s.%s: no signal %s", pkg, name, c.rule)
			}
		}
	}
}

// FuzzAccess reads any text as any file. The length of its facts is bounded.
func FuzzAccess(f *testing.F) {
	names := []string{
		"a.go", "auth/a.js", "a.py", "a.rb", "a.java", "a.cs", "a.php", "a.rs", "a.sql", "a.yaml", "a.rego", "a.tf", "a.prisma",
		"Dockerfile", "a_test.go", "test/a.spec.ts",
	}
	f.Add(0, "package a\n\nimport \"net/http\"\n\nvar c = http.Cookie{Name: \"a\"}\n")
	f.Add(1, "app.use(cors({ origin: ['*'] })); res.cookie('a', `${b}`)\nexport enum Role { Admin = 'admin' }")
	f.Add(2, "class Role(Enum):\n    ADMIN = 'admin'\n\nrequest.FILES['x']\n")
	f.Add(3, "cookies[:a] = 'b'\nenum :role, { admin: 'admin' }\n")
	f.Add(4, "@Scheduled(cron = \"(\")\nvoid a() {}\nenum Role { A, B; }")
	f.Add(8, "CREATE POLICY a ON b USING (tenant_id = 1);")
	f.Add(13, "FROM a\nUSER b")
	f.Add(14, "package a\nfunc TestA() { RoleAdmin; 403 }")
	f.Fuzz(func(t *testing.T, name int, text string) {
		if name < 0 {
			name = -(name + 1)
		}
		file := scanners.File{Path: names[name%len(names)], Content: []byte(text)}
		found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{file}})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range found {
			if x.Line < 1 || len(x.Fact.Key) > maxKey || x.Fact.Key == "" {
				t.Errorf("%+v", x)
			}
		}
	})
}

// Inputs that make a careless reader slow: each is read in linear time.
func TestHostileAccess(t *testing.T) {
	t.Parallel()
	const size = 256 << 10
	parts := map[string]string{
		"a.java": "@Scheduled(", "b.java": "DocumentBuilderFactory.newInstance(", "a.js": "`\\`\\`\\", "b.js": "cors({ a: {", "c.js": "jwt.sign(",
		"a.py": "class Role(Enum):\n", "b.py": "yaml.load(", "c.py": "class Role(Enum): permissions = ((", "a.go": "package a; import . \"b\";",
		"b.go": "package a\nvar a = http.SetCookie(a, b);", "a.rb": "cookies[", "a.cs": "AddCookie({", "a.sql": "CREATE POLICY a ON b ", "a_test.go": "func TestA(403 RoleAdmin ",
		"a.php": "setcookie('", "a.rs": "Cookie::new(", "Dockerfile": "USER a\n", "a.ts": "type Role = 'a' | ", "b.ts": "const ROLES = [",
	}
	for name, part := range parts {
		content := []byte(strings.Repeat(part, size/len(part)))
		if _, err := (Scanner{}).Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: name, Content: content}}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A team's own names are controls of the kind that the team gives, as whole words, and a declaration is no use.
func TestTeamControls(t *testing.T) {
	t.Parallel()
	text := "from guard import tenant_only\n\ndef tenant_only(f):\n    return f\n\n@tenant_only\ndef a():\n    pass\n\n@tenant_only_x\ndef b():\n    pass\n"
	sc := Scanner{}.WithControls(map[string][]string{"tenancy": {"tenant_only", ""}})
	found, err := sc.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: "a.py", Content: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		if f.Rule == Control {
			got = append(got, fmt.Sprintf("%d %s (%s)", f.Line, f.Fact.Key, f.Fact.Data["kind"]))
		}
	}
	if want := []string{"6 tenancy tenant_only (tenancy)"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A long text is read in parts. Each match has the offsets of the whole text.
func TestFindAllInParts(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a := b()\n\treturn\n", 3*sinkChunk/16) + "exec(c)\n"
	all := findAll(rex(`exec\((\w)\)`), []byte(text))
	if len(all) != 1 || text[all[0][0]:all[0][1]] != "exec(c)" || text[all[0][2]:all[0][3]] != "c" {
		t.Errorf("found %v", all)
	}
}
