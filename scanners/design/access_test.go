package design

import (
	"context"
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
	const size = 1 << 20
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
