package gitleaks

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/scannertest"
)

// random returns made-up text that begins with a provider's prefix.
func random(prefix string, n int) string {
	text := strings.ReplaceAll(scannertest.Secret("GITHUB_PAT:"+prefix)+scannertest.Secret("GITHUB_PAT:2"+prefix)+scannertest.Secret("GITHUB_PAT:3"+prefix), "gh"+"p_", "")
	return prefix + text[:n]
}

func hexadecimals(prefix string, n int) string {
	return prefix + (scannertest.Secret("HEX:"+prefix) + scannertest.Secret("HEX:2"+prefix))[:n]
}

// A spoken case is the content of a file and what is found in it: rules with their severities, or nothing.
type spoken struct {
	path, content string
	want          string
}

func check(t *testing.T, cases map[string]spoken) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range scan(t, file(c.path, c.content)) {
				got = append(got, f.Severity.String()+" "+f.Rule)
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestProvidersWithoutARuleOfTheLibrary(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		random("sk-ant-"+"oat01-", 88):                          "anthropic-oauth-token",
		random("sk-ant-"+"ort01-", 88):                          "anthropic-oauth-token",
		random("gs"+"k_", 52):                                   "groq-api-key",
		random("xa"+"i-", 80):                                   "xai-api-key",
		random("r8"+"_", 37):                                    "replicate-api-token",
		hexadecimals("lsv2"+"_pt_", 32) + hexadecimals("_", 10): "langsmith-api-key",
		random("pc"+"sk_", 5) + random("_", 63):                 "pinecone-api-key",
		random("sb_"+"secret_", 22) + random("_", 8):            "supabase-secret-key",
		hexadecimals("sb"+"p_", 40):                             "supabase-access-token",
		random("dck"+"r_pat_", 27):                              "docker-access-token",
		hexadecimals("sk-or-"+"v1-", 64):                        "openrouter-api-key",
		random("nva"+"pi-", 64):                                 "nvidia-api-key",
		random("AccountKey"+"=", 86) + "==":                     "azure-storage-account-key",
	}
	for token, rule := range tests {
		for _, content := range []string{"a: " + token + "\n", "x = '" + token + "'", `{"k":"` + token + `"}`} {
			found := scan(t, scanners.File{Path: "n.txt", Content: []byte(content)})
			if len(found) != 1 || found[0].Rule != rule {
				t.Errorf("%.60s: found %+v, want %s", content, found, rule)
			}
		}
		// A name with the prefix is no token.
		short := token[:len(token)/3]
		if found := scan(t, scanners.File{Path: "n.txt", Content: []byte("a: " + short + "\n")}); len(found) > 0 && found[0].Rule == rule {
			t.Errorf("%s: found %+v", short, found)
		}
	}
}

func TestPasswordsInAddresses(t *testing.T) {
	t.Parallel()
	const pw = "Kq82-nvPw"
	check(t, map[string]spoken{
		"Go's MySQL driver":    {"main.go", `db, err := sql.Open("mysql", "shop:` + pw + `@tcp(db.example.com:3306)/shop")`, "high connection-string-password"},
		"IPv6":                 {"main.go", `"shop:` + pw + `@tcp([2001:db8::1]:3306)/shop"`, "high connection-string-password"},
		"postgres":             {"a.py", `DB = "postgres://shop:` + pw + `@db.example.org/shop"`, "high url-password"},
		"a driver's name":      {"a.py", `DB = 'postgresql+asyncpg://shop:` + pw + `@10.1.2.3:5432/shop'`, "high url-password"},
		"environment":          {".env", "DATABASE_URL=mysql://shop:" + pw + "@db.example.com/shop\n", "high url-password"},
		"MongoDB":              {"a.js", `connect("mongodb+srv://shop:` + pw + `@cluster0.ab1cd.mongodb.net/shop?retryWrites=true")`, "high url-password"},
		"a broker":             {"a.rb", `url: "amqps://shop:` + pw + `@mq.example.com/vhost"`, "high url-password"},
		"no user":              {"a.yml", "url: redis://:" + pw + "@cache.example.com:6379/0\n", "high url-password"},
		"an at sign":           {"a.py", `"postgres://shop:Kq82@nvPw@db.example.org/shop"`, "high url-password"},
		"escaped":              {"a.py", `"postgres://shop:Kq82%40nvPw@db.example.org/shop"`, "high url-password"},
		"git over https":       {"ci.sh", "git clone https://deploy:" + pw + "@git.example.com/a.git\n", "high url-password"},
		"an index of packages": {"pip.conf", "[global]\nindex-url = https://deploy:" + pw + "@pypi.example.com/simple\n", "high url-password"},
		"jdbc":                 {"a.java", `"jdbc:mysql://db.example.com:3306/shop?user=shop&password=` + pw + `"`, "high connection-string-password"},
		"jdbc, password first": {"a.java", `"jdbc:postgresql://db.example.com/shop?password=` + pw + `&user=shop"`, "high connection-string-password"},
		"jdbc of SQL Server":   {"a.java", `"jdbc:sqlserver://db.example.com:1433;databaseName=a;user=sa;password=` + pw + `;encrypt=true"`, "high connection-string-password"},
		"jdbc of Oracle":       {"a.java", `"jdbc:oracle:thin:shop/` + pw + `@db.example.com:1521:XE"`, "high connection-string-password"},
		"ADO.NET":              {"a.cs", `"Server=tcp:db.example.com,1433;Database=shop;User Id=shop;Password=` + pw + `;Encrypt=True"`, "high connection-string-password"},
		"ADO.NET, short":       {"web.config", `<add connectionString="Data Source=db.example.com;uid=shop;pwd=` + pw + `" />`, "high connection-string-password"},
		"ADO.NET, odd signs":   {"a.cs", `"Server=db.example.com;User Id=shop;Password=Xk9*mQ(2w!;"`, "high connection-string-password"},
		"libpq":                {"a.go", `"host=db.example.com port=5432 user=shop password=` + pw + ` dbname=shop"`, "high connection-string-password"},
		"in a document":        {"README.md", "postgres://shop:" + pw + "@db.example.org/shop\n", "low url-password"},
		"the token's own rule": {"a.sh", "git clone https://x:{{GITHUB_PAT}}@github.com/a/b\n", "high github-pat"},
		"host has a template":  {"a.yml", "url: postgres://shop:" + pw + "@db.${ENV}.example.com/shop\n", "high url-password"},
		"a comment":            {"a.py", "# was postgres://shop:" + pw + "@db.example.org/shop\n", "high url-password"},
		"two in one line":      {"a.txt", "amqp://a:" + pw + "1@a.example.com,amqp://a:" + pw + "2@b.example.com\n", "high url-password, high url-password"},
	})
}

func TestNoPasswordsInAddresses(t *testing.T) {
	t.Parallel()
	quiet := map[string]spoken{}
	for _, content := range []string{
		"postgres://shop:Kq82-nvPw@localhost:5432/shop", "postgres://shop:Kq82-nvPw@127.0.0.1/shop", "postgres://shop:Kq82-nvPw@[::1]:5432/shop",
		"postgres://shop:Kq82-nvPw@db:5432/shop", "postgres://shop:Kq82-nvPw@host.docker.internal/shop", "amqp://a:Kq82-nvPw@rabbitmq/", "redis://:Kq82-nvPw@0.0.0.0",
		"postgres://shop:${DB_PASSWORD}@db.example.com/shop", "postgres://shop:$DB_PASSWORD@db.example.com/shop", "postgres://shop:$(cat pw)@db.example.com/shop",
		"postgres://%s:%s@db.example.com/shop", "postgres://shop:{password}@db.example.com/shop", "postgres://shop:{{ password }}@db.example.com/shop",
		"postgres://shop:<password>@db.example.com/shop", "postgres://shop:[password]@db.example.com/shop", "postgres://shop:***@db.example.com/shop", "postgres://shop:xxxxxxxx@db.example.com/shop",
		"postgres://user:password@db.example.com/shop", "mysql://user:pass@db.example.com", "https://user:pass@example.com/", "https://username:password@example.com", "https://foo:bar@example.com",
		"https://admin:admin@example.com", "https://user:p4ssw0rd@example.com", "https://USER:PASS@example.com", "https://user:s3cr3t@example.com", "https://x-access-token:${{ github.token }}@github.com/a/b",
		"postgres://postgres:postgres@db.example.com/shop", "mongodb://root:example@mongo.example.com", "mongodb://user:myPassword123@cluster0.example.mongodb.net",
		"https://oauth2:YOUR_TOKEN@gitlab.com/a.git", "https://user:changeme@example.com", "postgres://scott:tiger@192.168.0.199/test",
		"https://example.com:8080/a@b", "https://example.com/a:b@c", "http://example.com/?next=http://a:b", "mailto:a:b@example.com", "git@github.com:acme/a.git", "npm:@acme/a@1.0.0",
		`"^https?://([^:]+):([^@]+)@(.*)$"`, `'://' + user + ':' + password + '@' + host`, "https://:@example.com", "https://user:@example.com", "image: registry.example.com:5000/a@sha256:0123",
		`"shop:%s@tcp(db.example.com:3306)/shop"`, `"root:root@tcp(db.example.com:3306)/shop"`, `"shop:Kq82-nvPw@tcp(mysql:3306)/shop"`, `"shop:Kq82-nvPw@tcp(127.0.0.1:3306)/shop"`, `user + ":" + pw + "@tcp(" + host + ")"`,
		"jdbc:mysql://localhost/shop?user=a&password=Kq82-nvPw", "jdbc:mysql://db.example.com/shop?user=a&password=${PASSWORD}", "jdbc:mysql://db.example.com/shop?user=root&password=root",
		"https://example.com/login?user=a&password=secret", "https://example.com/reset?password=", "https://example.com/docs?pwd=...",
		`"Server=localhost;Password=Kq82-nvPw"`, `"Server=.;Password=Kq82-nvPw"`, `"Server=(localdb)\\mssqllocaldb;Password=Kq82-nvPw"`, `"Server=db.example.com;Password={your_password}"`,
		"host=localhost password=Kq82-nvPw", "connect(host=db.example.com, password=cfg.db.password)", "https://${TOKEN}:x-oauth-basic@github.com/a/b", "host=db.example.com user=a password=%s", `"Server=db.example.com;Integrated Security=true"`, "password=Kq82-nvPw\nhost=db.example.com\n",
	} {
		quiet[content] = spoken{"src/app.go", content + "\n", ""}
	}
	for _, path := range []string{"app_test.go", "tests/a.py", "src/test/java/A.java", "spec/a_spec.rb", "a.test.ts", "examples/a.py", ".env.example", "config.sample.yml", "fixtures/a.json", "web/__tests__/a.js", "src/Shop.Tests/A.cs"} {
		quiet[path] = spoken{path, "postgres://shop:Kq82-nvPw@db.example.org/shop\n", ""}
	}
	check(t, quiet)
}

func TestPasswordsInConfiguration(t *testing.T) {
	t.Parallel()
	const low = "low config-password"
	check(t, map[string]spoken{
		"Spring":              {"src/main/resources/application.yml", "spring:\n  datasource:\n    username: shop\n    password: Win-ter99\n", low},
		"Spring, a profile":   {"src/main/resources/application-prod.properties", "spring.datasource.password=Win-ter99\r\n", low},
		".NET":                {"appsettings.Production.json", "{\n  \"Smtp\": {\n    \"Password\": \"Win-ter99\"\n  }\n}\n", low},
		"one line of JSON":    {"config.json", `{"host": "db", "dbPassword": "Win-ter99"}`, low},
		"environment":         {".env", "DB_PASSWORD=Win-ter99\n", low},
		"exported":            {"deploy/prod.env", "export MYSQL_ROOT_PASSWORD='Win-ter99' # old\n", low},
		"Rails":               {"config/database.yml", "production:\n  password: Win-ter99\n", low},
		"TOML":                {"config.toml", "[db]\npassword = \"Win-ter99\"\n", low},
		"INI":                 {"app.ini", "[database]\nPASSWD = Win-ter99\n", low},
		"Ansible":             {"group_vars/all.yml", "ansible_become_pass: Win-ter99\n", low},
		"Helm":                {"values.yaml", "postgresql:\n  auth:\n    postgresPassword: Win-ter99\n", low},
		"the specific rule":   {"config.yml", "password: {{GITHUB_PAT}}\n", "high github-pat"},
		"the rule for keys":   {"config.yml", "password: \"{{HEX}}\"\n", "medium generic-api-key"},
		"digits for letters":  {"config.yml", "password: s3cr3t-Pw1\n", low},
		"a known one":         {"config.yml", "password: hunter2\n", low},
		"netrc":               {".netrc", "machine registry.example.com login deploy password Win-ter99-x\n", "high credentials-file-password"},
		"netrc, many lines":   {".netrc", "machine registry.example.com\n  login deploy\n  password Win-ter99-x\n", "high credentials-file-password"},
		"pypirc":              {".pypirc", "[pypi]\nusername = deploy\npassword = Win-ter99-x\n", "high credentials-file-password"},
		"pgpass":              {".pgpass", "# host\ndb.example.com:5432:shop:shop:Win-ter99-x\n", "high credentials-file-password"},
		"npmrc":               {".npmrc", "//npm.example.com/:_password=V2luLXRlcjk5LXg=\n", "high credentials-file-password"},
		"two of two programs": {"config.yml", "a:\n  password: Win-ter99\nb:\n  password: Sum-mer77\n", low + ", " + low},
	})
}

func TestNoPasswordsInConfiguration(t *testing.T) {
	t.Parallel()
	quiet := map[string]spoken{}
	for _, line := range []string{
		"password:", `password: ""`, "password: ''", "password: null", "password: ~", "password: true", "password: 12345678", "password: password", "password: changeme", "password: change-me", "password: secret", "password: admin123",
		"password: ${DB_PASSWORD}", "password: ${DB_PASSWORD:-Win-ter99}", "password: $DB_PASSWORD", "password: '{{ vault_password }}'", "password: <your password>", "password: \"<password>\"", "password: %DB_PASSWORD%", "password: '#{DB_PASSWORD}#'", "password: __DB_PASSWORD__",
		"password: !vault |", "password: ENC[AES256_GCM,data:Tr5x,iv:a]", "password: ENC(Tr5x9Qw2==)", "password: '{cipher}Tr5x9Qw2'", "password: vault:secret/data/db#password", "password: op://prod/db/password", "password: ref+vault://a/b", "password: env:DB_PASSWORD", "password: arn:aws:secretsmanager:a", "password: /run/secrets/db", "password: file:/run/secrets/db",
		"password: $2b$12$Tr5x9Qw2Tr5x9Qw2", "password: '{bcrypt}$2a$10$Tr5x9'", "password: pbkdf2_sha256$26000$Tr5x",
		"password: Enter your password", "password: \"Passwort eingeben\"", "password: Required", "password: string", "password: text", "passwordPolicy: Win-ter99", "password_min_length: 12", "passwordFile: Win-ter99", "password_field: user9pw", "forgotPassword: Win-ter99", "reset_password: Win-ter99", "newPassword: Win-ter99", "passwordLabel: Win-ter99",
		"- password", "# password: Win-ter99 in words of more", "compass: Win-ter99", "bypass: Win-ter99", "PWD=/home/a/Win-ter99", "show_password: on-hover1", "password: dbPassword", "password: my-secret-pw", "password: test1234", "password: postgres", "password: [a, b]", "password: {a: b}", "password: *anchor", "password: &anchor",
	} {
		quiet[line] = spoken{"config.yml", "db:\n  user: shop\n  " + line + "\n", ""}
	}
	const line = "  password: Win-ter99\n"
	for _, path := range []string{
		"src/a.yml", "locales/en.yml", "src/i18n/de/config.yml", "config/locales/en.yml", "messages_de.properties", "openapi.yml", "config/schema.yml", "docs/config.yml", "tests/config.yml", "config.example.yml", ".env.example", ".env.test", "config/test.yml", "application-test.yml",
		"docker-compose.yml", "compose.prod.yaml", ".github/workflows/config.yml", "src/test/resources/application.yml", "package.json", "fixtures/config.yml", "README.md", "terraform.tfvars.json",
	} {
		quiet[path] = spoken{path, "a:\n" + line, ""}
	}
	quiet["an object of Kubernetes"] = spoken{"config.yaml", "apiVersion: v1\nkind: Secret\nstringData:\n" + line, ""}
	quiet["a file of Compose"] = spoken{"stack/prod.yml", "services:\n  db:\n    environment:\n  " + line, ""}
	quiet["a schema"] = spoken{"config.json", `{"$schema": "https://json-schema.org/draft-07/schema", "password": "Win-ter99"}`, ""}
	quiet["netrc with a variable"] = spoken{".netrc", "machine a.example.com login a password ${TOKEN}\n", ""}
	quiet["npmrc with a variable"] = spoken{".npmrc", "//npm.example.com/:_authToken=${NPM_TOKEN}\n", ""}
	quiet["pypirc with a sample"] = spoken{".pypirc", "[pypi]\nusername = __token__\npassword = <your token>\n", ""}
	check(t, quiet)
}

func TestWhatIsNoSecret(t *testing.T) {
	t.Parallel()
	value := scannertest.Secret("BASE64")
	sealed := "AgB" + random("", 100) + random("", 90)
	body := random("", 64) + "\n" + random("x", 63)
	check(t, map[string]spoken{
		"sealed":                    {"s.yaml", "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec:\n  encryptedData:\n    password: " + sealed + "\n    token: " + sealed + "\n", ""},
		"sealed, as JSON":           {"s.json", `{"kind": "SealedSecret", "spec": {"encryptedData": {"api_key": "` + sealed + `"}}}`, ""},
		"sealed, the kind last":     {"s.yaml", "spec:\n  encryptedData:\n    api_key: " + sealed + "\nkind: SealedSecret\n", ""},
		"beside a sealed one":       {"s.yaml", "kind: SealedSecret\nspec:\n  encryptedData:\n    api_key: " + sealed + "\n---\nkind: ConfigMap\ndata:\n  api_key: \"{{HEX}}\"\n", "medium generic-api-key"},
		"not sealed, but called so": {"s.yaml", "# SealedSecret\napi_key: \"{{HEX}}\"\n", "medium generic-api-key"},
		"pods":                      {"ios/Podfile.lock", "SPEC CHECKSUMS:\n  AppAuth: {{HEX}}\n  GTMAppAuth: {{HEX:2}}\n", ""},
		"other locks":               {"Cargo.lock", "auth_token = \"{{HEX}}\"\n", ""},
		"a token in a lock":         {"Cargo.lock", "source = \"git+https://{{GITHUB_PAT}}@github.com/a/b\"\n", "high github-pat"},
		"shortcuts":                 {"keybindings.json", `[{"key": "ctrl+shift+down", "command": "a"}, {"key": "ctrl+alt+pagedown"}]`, ""},
		"shortcuts elsewhere":       {"settings.json", `{"key": "cmd+shift+f12"}`, ""},
		"minified":                  {"web/app.min.js", `var a={apiKey:"{{HEX}}"};`, ""},
		"a long line of code":       {"web/app.js", strings.Repeat("function a(b){return b+1};", 60) + `var a={apiKey:"{{HEX}}"};` + strings.Repeat("function a(b){return b+1};", 60), ""},
		"a line of code":            {"web/app.js", `var a={apiKey:"{{HEX}}"};`, "medium generic-api-key"},
		"labels of keys":            {"pem.h", "#define BEGIN_RSA \"-----BEGIN RSA PRIVATE" + " KEY-----\"\n#define END_RSA   \"-----END RSA PRIVATE" + " KEY-----\"\n#define BEGIN_EC  \"-----BEGIN EC PRIVATE" + " KEY-----\"\n", ""},
		"labels in code":            {"a.java", "text = text.replace(\"-----BEGIN PRIVATE" + " KEY-----\", \"\")\n    .replaceAll(\"\\\\s+\", \"\")\n    .replace(\"-----END PRIVATE" + " KEY-----\", \"\");\n", ""},
		"a key left out":            {"a.yml", "key: |\n  -----BEGIN RSA PRIVATE" + " KEY-----\n  MIIEpAIBAAKCAQEA...\n  ... and so on, many more lines of it, which are not here ...\n  -----END RSA PRIVATE" + " KEY-----\n", ""},
		"a key of one letter":       {"a.yml", "-----BEGIN RSA PRIVATE" + " KEY-----\n" + strings.Repeat(strings.Repeat("X", 64)+"\n", 4) + "-----END RSA PRIVATE" + " KEY-----\n", ""},
		"a key in a string":         {"a.js", "k = '-----BEGIN EC PRIVATE" + " KEY-----\\n" + strings.ReplaceAll(body, "\n", "\\n") + "\\n-----END EC PRIVATE" + " KEY-----'", "high private-key"},
		"a key in pieces":           {"a.go", "k = \"-----BEGIN EC PRIVATE" + " KEY-----\\n\" +\n\t\"" + strings.ReplaceAll(body, "\n", "\\n\" +\n\t\"") + "\\n-----END EC PRIVATE" + " KEY-----\"", "high private-key"},
		"a key in a comment":        {"a.sh", "# -----BEGIN EC PRIVATE" + " KEY-----\n# " + strings.ReplaceAll(body, "\n", "\n# ") + "\n# -----END EC PRIVATE" + " KEY-----\n", "high private-key"},
		"a short key":               {"k", "-----BEGIN PRIVATE" + " KEY-----\n" + random("MC4CAQAwBQYDK2VwBCIEI", 43) + "\n-----END PRIVATE" + " KEY-----\n", "high private-key"},
		"an encrypted key":          {"k", "-----BEGIN RSA PRIVATE" + " KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n" + body + "\n-----END RSA PRIVATE" + " KEY-----\n", "high private-key"},
		"a key of a test":           {"src/test/resources/k.pem", "{{PRIVATE_KEY}}\n", "low private-key"},
		"the fixed text alone":      {"a.py", `PREFIX = "bedrock-api-key-` + `YmVkcm9jay5hbWF6b25hd3MuY29t"`, ""},
		"the fixed text and more":   {"a.py", `k = "bedrock-api-key-` + `YmVkcm9jay5hbWF6b25hd3MuY29t` + random("", 60) + `"`, "high aws-amazon-bedrock-api-key-short-lived"},

		"an image":                    {"web.yaml", "    - image: acme/wrongsecrets:1.13.5-no-vault\n", ""},
		"an image of a registry":      {"fly.toml", "image = \"docker.io/acme/token-service:2.0.1-k8s-vault\"\n", ""},
		"an image without a version":  {"web.yaml", "  image: registry.example.com:5000/acme/auth-secret:main-3f2a9c1b7d\n", ""},
		"a base image":                {"Dockerfile", "FROM acme/secrets:1.13.5-alpine3.19 AS build\n", ""},
		"a version of a package":      {"build.gradle", "implementation 'com.acme:secret-client:1.24.7-RELEASE'\n", ""},
		"a version of another":        {"package.json", `{"react-auth-kit": "4.0.2-alpha.11", "next-auth": "5.0.0-beta.25", "token-lib": "^12.10.3"}`, ""},
		"a digest":                    {"web.yaml", "  image: acme/auth@sha256:{{HEX}}{{HEX:2}}\n", ""},
		"a hash":                      {"a.yml", "auth_checksum: {{HEX}}\ntoken_sha256: \"{{HEX:3}}\"\nkey_fingerprint: '{{HEX:4}}'\nsecret_hash = \"{{HEX:5}}\"\n", ""},
		"a public key":                {"a.yml", "auth_public: MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE" + random("", 80) + "==\nssh_key: \"AAAAB3NzaC1yc2EAAAADAQABAAABgQ" + random("", 100) + "\"\npublic_key: " + random("", 43) + "=\n", ""},
		"a certificate":               {"a.yml", "auth-certificate: " + random("MIIDdzCCAl", 100) + "\nclient-key-cert: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk" + random("", 90) + "\n", ""},
		"a key of an extension":       {"manifest.json", `{"key": "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA` + random("", 60) + `"}`, ""},
		"a publishable key":           {"a.ts", "stripePublishableKey: 'pk_live_" + random("", 40) + "'\nconst siteKey = '6L" + random("", 38) + "'\n", ""},
		"a version by its hash":       {"a.json", `{"secretVersion": "{{HEX}}"}`, ""},
		"a vault of Ansible":          {"a.yml", "db_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  {{HEX}}{{HEX:2}}\n", ""},
		"a cipher of eyaml":           {"hiera.yaml", "db_password: ENC[PKCS7,MIIBeQ" + random("", 60) + "]\n", ""},
		"a cipher of EJSON":           {"config.ejson", `{"api_key": "EJ[1:` + random("", 43) + `=:` + random("x", 32) + `:` + random("y", 28) + `=]"}`, ""},
		"an id of a project":          {"App.csproj", "<ProjectTypeGuids key=\"1b2c3d4e-5f60-4718-92a3-b4c5d6e7f809\" />\n<UserSecretsToken>1b2c3d4e-5f60-4718-92a3-b4c5d6e7f809</UserSecretsToken>\n", ""},
		"a name of a secret":          {"Jenkinsfile", "[envVar: 'SECRET_ID', vaultKey: 'inf-vsqt-01-secret-id']\n[vaultKey: 'inf-db-02-api-token']\n", ""},
		"names in code":               {"a.py", "f(self, state, key, passive=attributes.PASSIVE_NO_INITIALIZE)\nuse(keyfunc, ignore_attribute=ignore_attribute)\n", ""},
		"a sample":                    {"a.py", "AWS = 'AK" + "IAEXAMPLEEXAMPLEQ7'\nGH = 'gh" + "p_EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE12'\n", ""},
		"repeated":                    {"a.py", "T = 'gh" + "p_abcabcabcabcabcabcabcabcabcabcabcabc'\nS = 'https://hooks.slack.com/services/" + "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX'\n", ""},
		"in order":                    {"a.py", "T = 'gh" + "p_1234567890abcdefghij1234567890abcdef'\n", ""},
		"in order, in pieces":         {"a.py", "api_key = 'abcd1234efgh5678ijkl9012'\napi_key = 'a1b2c3d4e5f6g7h8i9j0'\n", ""},
		"a list of known hashes":      {".secrets.baseline", "\"hashed_secret\": \"{{HEX}}\"\n", ""},
		"a sentence in base64":        {"a.yml", "base64-secret: " + base64.StdEncoding.EncodeToString([]byte("my-secret-key-which-should-be-changed-in-production")) + "\n", ""},
		"a word in base64":            {"a.yml", "auth_key: " + base64.StdEncoding.EncodeToString([]byte("mypassword")) + "\n", ""},
		"a user in a Secret":          {"s.yaml", "apiVersion: v1\nkind: Secret\ndata:\n  username: " + base64.StdEncoding.EncodeToString([]byte("shopkeeper")) + "\n", ""},
		"an old token":                {"a.js", "t = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"admin","exp":1539595979}`)) + "." + random("", 43) + "'", ""},
		"a new token":                 {"a.js", "t = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"admin","exp":1939595979}`)) + "." + random("", 43) + "'", "medium jwt"},
		"cut off":                     {"a.gradle", "token = \"9cbaf023786cd7...\"\n", ""},
		"a password of words, base64": {"config.json", `{"auths": {"r.example.com": {"auth": "` + base64.StdEncoding.EncodeToString([]byte("username:password")) + `"}}}`, ""},
		"a Secret of words":           {"s.yaml", "apiVersion: v1\nkind: Secret\ndata:\n  pass: " + base64.StdEncoding.EncodeToString([]byte("changeme123")) + "\n", ""},
		"a Secret":                    {"s.yaml", "apiVersion: v1\nkind: Secret\ndata:\n  pass: " + value + "\n", "medium kubernetes-secret-yaml"},
		"a key of a test, by name":    {"src/a_test.py", "api_key = \"{{HEX}}\"\n", "note generic-api-key"},
		"curl on this machine":        {"a.sh", "curl -u elastic:secret https://localhost:9200\n", ""},
		"curl":                        {"a.sh", "curl -u deploy:Kq82-nvPw https://a.example.com\n", "medium curl-auth-user"},
		"a token of everybody":        {"a.js", "t = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"1234567890","name":"John Doe","iat":1516239022}`)) + "." + random("", 43) + "'", ""},
		"a token":                     {"a.js", "t = '{{JWT}}'", "medium jwt"},
		"Firebase":                    {"app/google-services.json", `{"current_key": "` + random("AI"+"zaSy", 33) + `"}`, ""},
		"a key in hexadecimals":       {"a.py", "api_key = \"{{HEX}}\"\n", "medium generic-api-key"},
	})
}

// escaped writes every character by its number, as JSON may.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		fmt.Fprintf(&b, "\\u%04x", r)
	}
	return b.String()
}

func TestEncodedSecrets(t *testing.T) {
	t.Parallel()
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	pat := scannertest.Secret("GITHUB_PAT")
	tests := map[string]spoken{
		"base64":             {"a.txt", "a: b\nblob: " + encode("token="+pat) + "\n", "high github-pat"},
		"base64, alone":      {"a.txt", encode(pat), "high github-pat"},
		"base64, last":       {"a.txt", "x\ny " + encode("t="+pat), "high github-pat"},
		"base64 of base64":   {"a.txt", "x = '" + encode(encode("t="+pat)) + "'\n", "high github-pat"},
		"percent":            {"a.txt", "u = /p?q=" + url.QueryEscape("a/b c&token="+pat) + "\n", "high github-pat"},
		"escapes":            {"a.txt", "t = '" + escaped(pat) + "'\n", "high github-pat"},
		"hexadecimals":       {"a.txt", "t = '" + hex.EncodeToString([]byte(pat)) + "'\n", "high github-pat"},
		"a key":              {"kubeconfig", "client-key-data: " + encode(scannertest.Secret("PRIVATE_KEY")) + "\n", "high private-key"},
		"an address":         {"s.yaml", "url: " + encode("postgres://shop:Kq82-nvPw@db.example.com/shop") + "\n", "high url-password"},
		"only a name":        {"a.txt", "blob: " + encode("api_key = \"abcdef\"; name = Win-ter99") + "\n", ""},
		"a vague key":        {"a.txt", "blob: " + encode("api_key = \""+scannertest.Secret("HEX")+"\"") + "\n", ""},
		"a configuration":    {"config.yml", "blob: " + encode("password: Win-ter99") + "\n", ""},
		"a plain one beside": {"a.txt", encode("nothing to see here") + " " + pat + "\n", "high github-pat"},
	}
	check(t, tests)

	found := scan(t, scanners.File{Path: "a.txt", Content: []byte("ä\nblob: " + encode("token="+pat) + " # x\n")})
	if got, want := place(found[0]), "github-pat@2.7-2.71"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if strings.Contains(found[0].Identity, "Z2") || !strings.HasPrefix(found[0].Identity, "blob: ") {
		t.Errorf("identity %q", found[0].Identity)
	}
}
