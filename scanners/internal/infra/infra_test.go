package infra

import (
	"strings"
	"testing"
)

func TestSecretName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"PASSWORD", "DB_PASSWORD", "dbPassword", "POSTGRES_PASSWORD", "MYSQL_ROOT_PASSWD", "API_KEY", "apiKey", "APIKEY", "AWS_SECRET_ACCESS_KEY",
		"GITHUB_TOKEN", "JWT_SECRET", "SECRET_KEY_BASE", "client-secret", "ENCRYPTION_KEY", "DB_PWD", "REGISTRY_PSW", "PGPASSWORD", "SSHPASS", "MYSQL_PWD", "BIND_PW", "REDISCLI_AUTH", "DBPassword", "smtp_pass", "PRIVATE_KEY", "SSH_PASSPHRASE",
	} {
		if !SecretName(name) {
			t.Errorf("%s is none", name)
		}
	}
	for _, name := range []string{
		"", "_", "PASSWORD_FILE", "PASSWORD_MIN_LENGTH", "TOKEN_URL", "TOKEN_TTL", "SECRET_NAME", "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "PUBLIC_KEY",
		"ALLOW_EMPTY_PASSWORD", "REQUIRE_TOKEN", "KEY", "CACHE_KEY", "PASSENGER", "COMPASS_MODE", "TOKENIZER", "SSL_KEYSTORE_CREDENTIALS", "MONKEY", "CSRF_TOKEN",
		"PWD", "OLDPWD", "OLD_PWD", "INIT_PWD", "PW", "BYPASS", "MAX_TOKEN", "IMAGE_PULL_SECRET", "AUTH",
	} {
		if SecretName(name) {
			t.Errorf("%s is one", name)
		}
	}
}

func TestSecretValue(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"hunter2", "password", "Tr0ub4dor&3", "minio123", " nextcloud ", "aB3+/=="} {
		if !SecretValue(value) {
			t.Errorf("%q is none", value)
		}
	}
	for _, value := range []string{
		"", "  ", "1", "true", "none", "$PASSWORD", "${PASSWORD}", "x-${y}", "{{ .Values.password }}", "<password>", "<%= p %>", "%PASSWORD%", "changeme", "CHANGE-ME",
		"your-token-here", "example", "xxxxxx", "****", "/run/secrets/x", "./x", "vault:secret/data/x", "arn:aws:secretsmanager:eu:1:secret:x", "file:x", "API_KEY_VALUE", "__TOKEN__", "test", "REPLACE_ME", "0000000000000000", "xxxx-xxxx", "aaa",
	} {
		if SecretValue(value) {
			t.Errorf("%q is one", value)
		}
	}
}

func TestUsual(t *testing.T) {
	t.Parallel()
	known := Words{}
	known.Add("shop-keeper", "ledger", "", "--")
	for _, value := range []string{"postgres", "password", "Password123", "root", "admin", "supersecret", "mysecretpassword", "somewordpress", "guest", "secret", "123456", "1234", "minioadmin", "db_password", "shopkeeper", "Ledger", " admin "} {
		if !Usual("DB_PASSWORD", value) && !known.Has(value) {
			t.Errorf("%q is a secret", value)
		}
	}
	for _, value := range []string{"hunter2", "Tr0ub4dor&3", "S3cr3tPg", "correcthorsebattery", "9f3ab1c77de0", "passw0rd!x9", "ledgers", "rootbeer", "adminQ7x", "!!#&!%"} {
		if Usual("DB_PASSWORD", value) || known.Has(value) {
			t.Errorf("%q is none", value)
		}
	}
	if got := strings.Join(ImageNames("ghcr.io:443/acme/grafana-oss:1.2@sha256:0"), " "); got != "ghcr.io:443 acme grafana oss" {
		t.Errorf("got %q", got)
	}
}

func TestSample(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"docker-compose.test.yml", "tests/compose.yml", "a/examples/b.yaml", "compose.dev.yaml", "docker-compose-local.yml", ".devcontainer/compose.yml", "config/samples/a.yaml", "e2e/a.yml", "ci/compose.yml"} {
		if !Sample(name) {
			t.Errorf("%s is none", name)
		}
	}
	for _, name := range []string{"docker-compose.yml", "deploy/prod.yml", "latest/a.yml", "contest/compose.yml", "devices/compose.yml", "localisation/a.yml", "social/compose.yml", "special/a.yaml"} {
		if Sample(name) {
			t.Errorf("%s is one", name)
		}
	}
}

func TestFloating(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"nginx": "no tag", "library/nginx": "no tag", "localhost:5000/nginx": "no tag", "ghcr.io/a/b": "no tag", "nginx:latest": "the tag latest",
		"localhost:5000/a/b:latest": "the tag latest",
		"nginx:1":                   "", "localhost:5000/nginx:1": "", "nginx@sha256:00": "", "nginx:latest@sha256:00": "", "": "", "${IMAGE}": "", "$IMAGE:latest": "",
		"IMAGE_NAME": "", "{{ image }}": "", "<image>": "", "nginx:latest-alpine": "", "a b": "",
	} {
		if got, floating := Floating(image); floating != (want != "") || floating && got != want {
			t.Errorf("%q: got %q, %v, want %q", image, got, floating, want)
		}
	}
}

func TestHostPathAndCapability(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/etc", "/etc/", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/var/lib/kubelet", "//var/run/docker.sock", "/run/user/1/docker.sock", "/var/../etc", `\\.\pipe\docker_engine`} {
		if !HostPath(path) {
			t.Errorf("%s is harmless", path)
		}
	}
	for _, path := range []string{"", "/run/docker.sock.d", "/etc/localtime", "/var/log", "./docker.sock.d", "docker.sock", "/etcetera", "//data"} {
		if HostPath(path) {
			t.Errorf("%s gives the host away", path)
		}
	}
	if Capability("cap_sys_admin") != "SYS_ADMIN" || Capability("NET_BIND_SERVICE") != "" {
		t.Error("capabilities")
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	if got := Name("a.b\n<img src=x>@here `x`"); got != "a.b??img?src=x?@here??x?" {
		t.Errorf("got %q", got)
	}
	if got := Name(strings.Repeat("x", 200)); len(got) > 90 {
		t.Errorf("%d bytes", len(got))
	}
}
