package design

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
)

// keysOf returns the keys of the facts of a rule in one file.
func keysOf(t *testing.T, rule, path, text string) (keys []string) {
	t.Helper()
	found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: path, Content: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Rule == rule {
			keys = append(keys, f.Fact.Key)
		}
	}
	return keys
}

// TestPackages checks the list of packages: each name is in one category, and in a form that manifests have.
func TestPackages(t *testing.T) {
	t.Parallel()
	var all map[string]map[string][]string
	if err := json.Unmarshal(packagesJSON, &all); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, c := range categories {
		if len(all[c.name]) != 8 {
			t.Errorf("%s has %d ecosystems, want 8", c.name, len(all[c.name]))
		}
		if _, ok := Of(c.rule); !ok {
			t.Errorf("%s has an unknown signal %s", c.name, c.rule)
		}
		for ecosystem, names := range all[c.name] {
			for _, name := range names {
				if before := seen[ecosystem+name]; before != "" {
					t.Errorf("%s %s is in %s and in %s", ecosystem, name, before, c.name)
				}
				seen[ecosystem+name] = c.name
				if ecosystem == "maven" && strings.Count(name, ":") != 1 && !strings.HasSuffix(name, "*") {
					t.Errorf("%s is no group:artifact", name)
				}
				if i := strings.IndexByte(name, '*'); i >= 0 && i < len(name)-1 {
					t.Logf("%s %s: the star must be at the end", ecosystem, name)
				}
			}
		}
	}
}

// TestVersionsOfPackages checks that another version of a package is the same fact.
func TestVersionsOfPackages(t *testing.T) {
	t.Parallel()
	const rule = "dep-third-party-service"
	tests := []struct{ path, a, b string }{
		{"go.mod", "module m\nrequire github.com/stripe/stripe-go/v79 v79.1.0\n", "module m\nrequire github.com/stripe/stripe-go/v82 v82.0.0\n"},
		{"package.json", `{"dependencies": {"stripe": "17.0.0"}}`, `{"dependencies": {"stripe": "^18.0.0"}}`},
		{"pyproject.toml", "[project]\ndependencies = ['sentry_sdk==1']\n", "[tool.poetry.dependencies]\nsentry-sdk = '^2'\n"},
		{"Gemfile", "gem 'stripe', '~> 12'\n", "gem \"stripe\", \"~> 13\"\n"},
		{"pom.xml", "<project><dependencies><dependency><groupId>com.stripe</groupId><artifactId>stripe-java</artifactId><version>1</version></dependency></dependencies></project>", "<project><dependencies><dependency><groupId>com.stripe</groupId><artifactId>stripe-java</artifactId></dependency></dependencies></project>"},
	}
	for _, tt := range tests {
		a, b := keysOf(t, rule, tt.path, tt.a), keysOf(t, rule, tt.path, tt.b)
		if len(a) != 1 || !slices.Equal(a, b) {
			t.Errorf("%s: %q and %q, want one equal fact", tt.path, a, b)
		}
	}
}

// TestVendors checks the text by which a second package of a service is no new service.
func TestVendors(t *testing.T) {
	t.Parallel()
	tests := []struct{ path, text, want string }{
		{"package.json", `{"dependencies": {"@sentry/nestjs": "8"}}`, `"@sentry/`},
		{"package.json", `{"dependencies": {"@aws-sdk/client-s3": "3"}}`, `"@aws-sdk/client-s3"`},
		{"package.json", `{"dependencies": {"stripe": "17"}}`, `"stripe"`},
		{"Gemfile", "gem 'sentry-sidekiq'\n", "gem 'sentry-"},
		{"go.mod", "module m\nrequire github.com/stripe/stripe-go/v79 v79.1.0\n", "github.com/stripe/stripe-go"},
		{"build.gradle", "dependencies {\n  implementation 'io.sentry:sentry-spring:8.0'\n}\n", "io.sentry"},
		{"requirements.txt", "stripe==11.0\n", "stripe="},
		{"Cargo.toml", "[dependencies]\nsentry-tracing = '1'\n", "sentry-"},
	}
	for _, tt := range tests {
		found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: tt.path, Content: []byte(tt.text)}}})
		if err != nil || len(found) != 1 || found[0].Fact.Data["search"] != tt.want {
			t.Errorf("%s: %+v, want one fact with the text %s", tt.text, found, tt.want)
		}
	}
}

// TestDialects checks that a migration is the same facts in each language.
func TestDialects(t *testing.T) {
	t.Parallel()
	tests := []struct{ path, text string }{
		{"m/1.sql", "create table if not exists public.user_devices (id serial, push_token text, seen_at timestamptz);"},
		{"m/2.sql", "CREATE TABLE `user_devices` (`id` int, `push_token` varchar(64) NOT NULL, PRIMARY KEY (`id`), KEY `k` (`push_token`)) ENGINE=InnoDB;"},
		{"m/3.sql", "CREATE TABLE [dbo].[UserDevices] ([Id] INT, [PushToken] NVARCHAR(64))\nGO\n"},
		{"db/migrate/1_a.rb", "class A < ActiveRecord::Migration[8.0]\n  def change\n    create_table :user_devices do |t|\n      t.string :push_token\n    end\n  end\nend\n"},
		{"alembic/versions/1.py", "from alembic import op\ndef upgrade():\n    op.create_table('user_devices', sa.Column('push_token', sa.Text()))\n"},
		{"Migrations/1.cs", `migrationBuilder.CreateTable(name: "UserDevices", columns: table => new { PushToken = table.Column<string>(nullable: true) });`},
		{"prisma/schema.prisma", "model UserDevices {\n  pushToken String\n}\n"},
		{"db/changelog.yaml", "databaseChangeLog:\n- changeSet:\n    changes:\n    - createTable:\n        tableName: user_devices\n        columns:\n        - column: {name: push_token, type: text}\n"},
		{"db/changelog.xml", `<databaseChangeLog><changeSet><createTable tableName="user_devices"><column name="push_token" type="text"/></createTable></changeSet></databaseChangeLog>`},
		{"database/migrations/1.php", "<?php class A extends Migration { function up() { Schema::create('user_devices', function ($table) { $table->string('push_token'); }); } }"},
		{"migrations/1.js", "exports.up = (knex) => knex.schema.createTable('user_devices', (t) => { t.string('push_token'); });"},
		{"src/schema.ts", "import { pgTable, text } from 'drizzle-orm/pg-core';\nexport const d = pgTable('user_devices', { token: text('push_token') });"},
		{"src/migrations/1.ts", "await queryRunner.query('CREATE TABLE \"user_devices\" (\"id\" uuid, \"push_token\" text)');"},
		{"internal/db/schema.go", "package db\n\nconst schema = `CREATE TABLE user_devices (id integer, push_token text)`\n"},
		{"migrations/2.js", "await queryInterface.createTable('user_devices', { push_token: { type: Sequelize.STRING } });"},
		{"src/migrations/2.ts", "await queryRunner.createTable(new Table({ name: 'user_devices', columns: [{ name: 'push_token', type: 'varchar' }] }));"},
	}
	for _, tt := range tests {
		if got := keysOf(t, "new-table", tt.path, tt.text); !slices.Equal(got, []string{"user_devices"}) {
			t.Errorf("%s: tables %q", tt.path, got)
		}
		if got := keysOf(t, "pii-field", tt.path, tt.text); !slices.Equal(got, []string{"user_devices.push_token"}) {
			t.Errorf("%s: fields %q", tt.path, got)
		}
	}
}

func TestPersonal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, kind string
		want       bool
	}{
		{"email", "text", true},
		{"billing_email", "varchar", true},
		{"email", "boolean", false},
		{"email_verified_at", "timestamp", false},
		{"notify_email", "text", false},
		{"email_template", "text", false},
		{"password_hash", "text", true},
		{"password_changed_at", "datetime", false},
		{"passwordless", "text", false},
		{"birth_date", "date", true},
		{"reset_token", "string", true},
		{"next_page_token", "string", false},
		{"tokens", "integer", false},
		{"access_token_id", "uuid", false},
		{"ip_address", "inet", true},
		{"salary", "numeric(10,2)", true},
		{"api_key", "text", true},
		{"idempotency_key", "text", false},
		{"first_name", "text", true},
		{"file_name", "text", false},
		{strings.Repeat("a_", 40) + "email", "text", false},
	}
	for _, tt := range tests {
		if got := isPersonal(tt.name, tt.kind); got != tt.want {
			t.Errorf("%s %s: %v, want %v", tt.name, tt.kind, got, tt.want)
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{"https://api.vendor.dev/v1", "api.vendor.dev"},
		{"wss://stream.vendor.dev", "stream.vendor.dev"},
		{"https://API.Vendor.dev:8443", "api.vendor.dev"},
		{"https://${region}.ingest.vendor.dev/v1", "ingest.vendor.dev"},
		{"https://%s.vendor.dev", "vendor.dev"},
		{"https://vendor.${tld}", ""},
		{"https://api.vendor.${tld}/v1", ""},
		{"https://localhost:8080", ""},
		{"https://api.example.com", ""},
		{"http://orders.svc.cluster.local", ""},
		{"http://daemon.sock/v1", ""},
		{"http://10.0.0.1/x", ""},
		{"https://json-schema.org/draft", ""},
		{"https://docs.vendor.dev/x", ""},
		{"http://redis", ""},
		{"https://", ""},
	}
	for _, tt := range tests {
		if got := hostOf(tt.text); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestCalls checks the common ways in which programs call a host, each with a near one that does not.
func TestCalls(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path, text string
		want       bool
	}{
		{"a.go", "package a\nimport \"net/http\"\nfunc f() { http.Get(\"https://api.vendor.dev/v1\") }", true},
		{"a.go", "package a\nimport \"net/http\"\nvar c = Config{BaseURL: \"https://api.vendor.dev\"}\nvar _ http.Client", true},
		{"a.go", "package a\nvar u = flag.String(\"api-url\", \"https://api.vendor.dev\", \"where\")", true},
		{"a.go", "package a\nconst UserInfoEndpoint = \"https://api.vendor.dev/me\"", true},
		{"a.go", "package a\nimport \"net/http\"\nvar e = errors.New(\"https://api.vendor.dev\")\nvar _ http.Client", false},
		{"a.go", "package a\nimport \"net/http\"\nfunc f(w http.ResponseWriter) { http.Redirect(w, nil, \"https://www.vendor.dev\", 302) }", false},
		{"a.ts", "const options = { method: 'POST', url: 'https://api.vendor.dev/x' };\naxios.request(options);", true},
		{"a.ts", "const info = { name: 'Vendor', url: 'https://www.vendor.dev' };\naxios.request(o);", false},
		{"a.ts", "const res = await fetch(\n  `https://api.vendor.dev/${id}`,\n);", true},
		{"a.ts", "this.httpService.post('https://api.vendor.dev/x', body)", true},
		{"a.ts", "const BASE = process.env.VENDOR_API_URL ?? 'https://api.vendor.dev';", true},
		{"a.tsx", "export const A = () => <a href='https://www.vendor.dev'>x</a>; fetch('/x');", false},
		{"a.tsx", "useEffect(() => { fetch('https://api.vendor.dev/x'); });", true},
		{"a.py", "import requests\nr = requests.get(f'https://api.vendor.dev/{x}', timeout=3)", true},
		{"a.py", "import httpx\nclass C:\n    base_url = 'https://api.vendor.dev'", true},
		{"a.py", "async with session.get('https://api.vendor.dev') as r:\n    import aiohttp", true},
		{"a.py", "import requests\nHELP_URL = 'https://www.vendor.dev'", false},
		{"a.py", "namespace = 'https://vendor.dev/ns'", false},
		{"a.py", "import requests\ndef f():\n    \"\"\"Example:\n\n    >>> requests.get('https://api.vendor.dev')\n    \"\"\"\n", false},
		{"a.py", "import requests\nq = \"\"\"\nx\n\"\"\"\nrequests.get('https://api.vendor.dev')\n", true},
		{"src/_vendor/a.py", "import requests\nrequests.get('https://api.vendor.dev')", false},
		{"a.rb", "Faraday.new(url: 'https://api.vendor.dev')", true},
		{"app/vendor_client.rb", "class VendorClient < ApiBase\n  BASE_URL = 'https://api.vendor.dev'\nend", true},
		{"a.rb", "uri = URI('https://api.vendor.dev/x')\nNet::HTTP.get(uri)", true},
		{"a.rb", "link_to 'x', 'https://www.vendor.dev'", false},
		{"A.java", "class A { RestTemplate t; void f() { t.getForObject(\"https://api.vendor.dev\", String.class); } }", true},
		{"A.java", "@FeignClient(name = \"v\", url = \"https://api.vendor.dev\") interface A {}", true},
		{"A.java", "class A { @Value(\"${vendor.url:https://api.vendor.dev}\") String url; HttpClient c; }", true},
		{"A.java", "@Schema(example = \"https://www.vendor.dev\") class A { HttpClient c; }", false},
		{"A.cs", "services.AddHttpClient<V>(c => c.BaseAddress = new(\"https://api.vendor.dev\"));", true},
		{"A.cs", "[JsonSchema(\"https://www.vendor.dev\")] class A { HttpClient c; }", false},
		{"a.php", "<?php Http::withToken($t)->post('https://api.vendor.dev/x');", true},
		{"a.php", "<?php $ch = curl_init('https://api.vendor.dev');", true},
		{"a.rs", "let r = reqwest::Client::new()\n    .post(\"https://api.vendor.dev\").send();", true},
		{"a.rs", "#[cfg(test)]\nmod tests { fn f() { reqwest::get(\"https://api.vendor.dev\"); } }", false},
		{"scripts/a.py", "import requests\nrequests.get('https://api.vendor.dev')", false},
		{"config/appsettings.json", "{\"Vendor\": {\"Endpoint\": \"https://api.vendor.dev\"}}", true},
		{"config/appsettings.json", "{\"App\": {\"BaseUrl\": \"https://shop.vendor.dev\"}}", false},
	}
	for _, tt := range tests {
		if got := len(keysOf(t, "outbound-host", tt.path, tt.text)) > 0; got != tt.want {
			t.Errorf("%s %q: %v, want %v", tt.path, tt.text, got, tt.want)
		}
	}
}

// hostileSize is small, so that the test is fast; the time grows with the size.
const hostileSize = maxSize / 64

// TestHostileData gives each kind of file texts that are hard to read. A detector that is not linear needs minutes.
func TestHostileData(t *testing.T) {
	t.Parallel()
	repeat := func(unit string) string { return strings.Repeat(unit, hostileSize/len(unit)-1) }
	texts := []string{
		repeat("CREATE TABLE a (b text);\n"), repeat("CREATE TABLE a("), repeat("ALTER TABLE a ADD b text, "), repeat("DROP TABLE a;CREATE TABLE a(b int);"),
		"CREATE TABLE " + repeat("$a$"), repeat("-- +goose Down\n"), repeat("'\"`"), repeat("\\`"), "CREATE TABLE x" + repeat("(("),
		repeat("https://a.vendor.dev "), repeat(`"https://a.vendor.dev",`), repeat(`fetch("https://`), repeat("process.env.A_SECRET "), repeat("verify=False("),
		repeat("<script src="), repeat("<!--"), repeat("# nosec "), repeat("// nosec\n"), repeat("# A\n"), repeat("{"), repeat("- a: "), repeat("message A { "),
		repeat("<dependency>"), repeat("[a]\n"), repeat("a = ["), repeat("gem 'a'\n"), repeat("do\n"), repeat("op.create_table('a',"), repeat("\xff\xfe"), repeat("model A {\n"),
	}
	paths := []string{
		"a.sql", "a.go", "a.ts", "a.py", "db/migrate/a.rb", "a.java", "a.cs", "a.php", "a.rs", "a.tf", "a.yaml", "application.yml", ".env", "a.html", "a.proto",
		"schema.prisma", "go.mod", "package.json", "pyproject.toml", "Cargo.toml", "Gemfile", "pom.xml", "a.csproj", "changelog.xml", ".trivyignore",
		"CODEOWNERS", ".github/workflows/a.yml", "docs/adr/a.md", "requirements.txt", "gradle/libs.versions.toml", "build.gradle",
	}
	start, most := time.Now(), time.Duration(0)
	for _, text := range texts {
		for _, path := range paths {
			s := newSource(scanners.File{Path: path, Content: []byte(text)}, nil)
			if s == nil {
				continue
			}
			at := time.Now()
			for _, detect := range dataDetectors {
				detect(s)
			}
			if took := time.Since(at); took > most {
				most = took
				t.Logf("%s with %.20q: %v", path, text, took)
			}
		}
	}
	t.Logf("all: %v", time.Since(start))
}

func FuzzData(f *testing.F) {
	f.Add("m.sql", "CREATE TABLE a (b text); DO $$ ALTER TABLE a ADD (c int) $$")
	f.Add("a.go", "package a\nvar u = \"https://a.vendor.dev\" + x")
	f.Add("a.py", "requests.get('https://a.vendor.dev', verify=False)")
	f.Add("a.proto", "message A { string email = 1; }")
	f.Add("pom.xml", "<dependencies><dependency><artifactId>a</artifactId></dependency>")
	f.Add("Cargo.toml", "[dependencies]\nsentry = 1")
	f.Add("schema.prisma", "model A {\n email String\n")
	f.Add("docs/adr/1.md", "# A\n\n## Security\n")
	f.Add(".env", "A_SECRET=op://x")
	f.Add("CODEOWNERS", "/a @b\n/c\n")
	f.Fuzz(func(t *testing.T, path, text string) {
		s := newSource(scanners.File{Path: path, Content: []byte(text)}, nil)
		if s == nil {
			return
		}
		for _, detect := range dataDetectors {
			detect(s)
		}
		for _, fact := range s.found {
			if fact.Line < 1 || fact.Line > 1+strings.Count(text, "\n") || fact.Fact.Key == "" {
				t.Errorf("%s:%d %q is not in the file", path, fact.Line, fact.Fact.Key)
			}
		}
	})
}
