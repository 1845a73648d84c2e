package compose

import (
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/scannertest"
)

func scan(t *testing.T, path, content string) (problems []string, all []scanners.Finding) {
	t.Helper()
	return scannertest.Problems(t, Scanner{}, path, content)
}

func TestInterpolate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "a": "a", "$$a": "$a", "a$": "a$", "$": "$", "$1": "$1", "${": "${", "${}": unknown, "$A": unknown, "${A}": unknown, "$A/b": unknown + "/b", "${A}${B}": unknown + unknown,
		"${A:-x}": "x", "${A-x}": "x", "${A:-}": "", "${A:?x}": unknown, "${A?x}": unknown, "${A:+x}": unknown, "${A+x}": unknown, "${A:-${B:-y}}z": "yz", "${A:-$B}": unknown, "${A:-a:b}:c": "a:b:c",
		"${A:-{x}}": "{x}", "x${A:-a}$${B}": "xa${B}", "$A_1-": unknown + "-",
	} {
		if got, _ := interpolate(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	deep := strings.Repeat("${A:-", 1<<16)
	if got, _ := interpolate(deep + strings.Repeat("}", 1<<16)); got != unknown {
		t.Errorf("deep: got %q", got[:min(len(got), 40)])
	}
	if _, names := interpolate("$A ${B} ${C:-$D}"); !slices.Equal(names, []string{"A", "B", "D"}) {
		t.Errorf("names %q", names)
	}
}

func TestPublishedPorts(t *testing.T) {
	t.Parallel()
	for _, port := range []string{
		`"5432:5432"`, `5433:5432`, `"${PORT}:5432"`, `"${PORT_9:-6000}:5432"`, `"${P-6000}:5432"`, `"$P:5432"`, `"${P:?say it}:5432"`, `"1${P}:5432"`, `"6000:${INNER:-5432}"`, `"0.0.0.0:6000:5432"`,
		`"[::]:6000:5432"`, `":::6000:5432"`, `"${BIND:-0.0.0.0}:6000:5432"`, `"${BIND:-[::]}:6000:5432/tcp"`, `"5430-5435:5430-5435"`, `"6000-6005:5430-5435"`, `"0.0.0.0::5432"`, `"${MYSQL8_PORT:-3306}:3306"`,
		`"[0:0:0:0:0:0:0:0]:5432:5432"`, `"1-65535:1-65535"`, `"${HOST_PORT}:5432"`, `"${IP:-}:6000:5432"`, `"5432:5432/TCP"`, `"${BIND_PORT_1}:5432"`,
		`{target: 5432, published: 5432}`, `{target: "5432", published: "6000"}`, `{target: 5432, published: "${P}", host_ip: 0.0.0.0}`, `{target: 5432, published: "6000-6005", protocol: tcp}`,
		`{target: 5432, published: "${P:-6000}", host_ip: "${H:-::}", mode: host}`, `{target: "${T:-5432}", published: 1}`,
	} {
		if got, _ := scan(t, "compose.yml", "services:\n  a:\n    image: a:1\n    ports:\n      - "+port+"\n"); !slices.Equal(got, []string{"published-database@5"}) {
			t.Errorf("%s: %q", port, got)
		}
	}
	for _, port := range []string{
		`"5432"`, `5432`, `"127.0.0.1:5432:5432"`, `"[::1]:5432:5432"`, `"::1:5432:5432"`, `"127.0.0.1::5432"`, `"10.0.0.5:5432:5432"`, `"localhost:5432:5432"`, `"${BIND}:5432:5432"`, `"${BIND:-127.0.0.1}:5432:5432"`,
		`"${DB_BIND:-127.0.0.1:5432}:5432"`, `"${BIND_ADDRESS}:5432"`, `"${DB_HOST}:5432"`, `"${DB_LISTEN:?}:5432"`, `"5432:5432/udp"`, `"8080:80"`, `"5432:8080"`, `"${P}:${T}"`, `"${ALL}"`, `"5000-5010:5000-5010"`,
		`{target: 5432}`, `{target: 5432, published: "6000", host_ip: 127.0.0.1}`, `{target: 5432, published: "6000", host_ip: "${H}"}`, `{target: 5432, published: 6000, protocol: udp}`, `!reset "5432:5432"`,
	} {
		if got, _ := scan(t, "compose.yml", "services:\n  a:\n    image: a:1\n    ports:\n      - "+port+"\n"); len(got) > 0 {
			t.Errorf("%s: %q", port, got)
		}
	}
}

func TestMounts(t *testing.T) {
	t.Parallel()
	for _, volume := range []string{
		"/var/run/docker.sock:/var/run/docker.sock", "/run/user/1001/docker.sock:/var/run/docker.sock:ro", "//var/run/docker.sock:/var/run/docker.sock", "${SOCK:-/var/run/docker.sock}:/x",
		"${SOCK-/run/podman/podman.sock}:/var/run/docker.sock:z", "$XDG_RUNTIME_DIR/docker.sock:/var/run/docker.sock", "${XDG_RUNTIME_DIR:-/run/user/1000}/podman/podman.sock:/x", "${SOCK}:/var/run/docker.sock",
		"${SOCK:?name it}:/run/podman/podman.sock:ro", "/etc:/host/etc", "/:/rootfs:ro,rslave", "/var/../etc/:/x", "~/.docker/run/docker.sock:/x", "//./pipe/docker_engine://./pipe/docker_engine",
		"{type: bind, source: /run/containerd/containerd.sock, target: /x}", "{type: bind, source: \"${SOCK:-/var/run/docker.sock}\", target: /x, read_only: true}", "{type: bind, source: \"${SOCK}\", target: /var/run/docker.sock}",
		`{type: npipe, source: '\\.\pipe\docker_engine', target: '\\.\pipe\docker_engine'}`,
	} {
		if got, _ := scan(t, "compose.yml", "services:\n  a:\n    image: a:1\n    volumes:\n      - "+volume+"\n"); !slices.Equal(got, []string{"sensitive-host-path@5"}) {
			t.Errorf("%s: %q", volume, got)
		}
	}
	for _, volume := range []string{
		"/run/docker.sock", "/var/run/docker.sock", "/etc", "/", "data:/etc", "data:/var/run/docker.sock", "./etc:/etc", "${DATA}:/etc", "${DATA:-./data}:/var/run", "${DATA:-data}:/x", "/etc/localtime:/etc/localtime:ro",
		"{type: volume, source: data, target: /etc}", "{type: tmpfs, target: /run}", "{type: bind, source: \"${X}\", target: /etc}", "!reset /:/x", `C:\data:/x`,
	} {
		if got, _ := scan(t, "compose.yml", "services:\n  a:\n    image: a:1\n    volumes:\n      - "+volume+"\n"); len(got) > 0 {
			t.Errorf("%s: %q", volume, got)
		}
	}
}

func TestResetValues(t *testing.T) {
	t.Parallel()
	const values = `services:
  a:
    image: TAG a
    privileged: TAG true
    pid: TAG host
    cap_add: TAG [SYS_ADMIN]
    security_opt: TAG ["seccomp:unconfined"]
    volumes: TAG
      - /:/x
    ports: TAG ["5432:5432"]
    environment: TAG
      DB_PASSWORD: k3Yw0rd9x
  b: TAG
    privileged: true
`
	if got, _ := scan(t, "compose.yml", strings.ReplaceAll(values, "TAG", "!reset")); len(got) > 0 {
		t.Errorf("!reset: %q", got)
	}
	want := []string{"floating-image@3", "privileged-container@4", "host-namespace@5", "dangerous-capability@6", "unconfined@7", "sensitive-host-path@9", "published-database@10", "secret-in-env@12", "privileged-container@14"}
	if got, _ := scan(t, "compose.yml", strings.ReplaceAll(values, "TAG", "!override")); !slices.Equal(got, want) {
		t.Errorf("!override: got %q\nwant %q", got, want)
	}
	for _, content := range []string{
		"services: !reset\n  a: {privileged: true}\n", "services:\n  a:\n    cap_add:\n      - !reset SYS_ADMIN\n", "services:\n  a:\n    environment:\n      DB_PASSWORD: !reset k3Yw0rd9x\n",
		"services:\n  a:\n    environment:\n      - !reset DB_PASSWORD=k3Yw0rd9x\n", "services:\n  a:\n    build:\n      args: !reset {DB_PASSWORD: k3Yw0rd9x}\n", "services:\n  a:\n    volumes:\n      - type: bind\n        source: !reset /etc\n        target: /x\n",
	} {
		if got, _ := scan(t, "compose.yml", content); len(got) > 0 {
			t.Errorf("%q: %q", content, got)
		}
	}
}

func TestVariablesWithDefaults(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"privileged: ${P:-true}": "privileged-container@3", "privileged: \"true\"": "privileged-container@3", "network_mode: ${MODE:-host}": "host-namespace@3", "cap_add: [\"${C:-SYS_ADMIN}\"]": "dangerous-capability@3",
		"security_opt: [\"seccomp=${S:-unconfined}\"]": "unconfined@3",
		"privileged: ${P:-false}":                      "", "privileged: ${P}": "", "network_mode: ${MODE:-bridge}": "", "cap_add: [\"$C\"]": "", "image: a:${TAG}": "", "image: ${IMAGE}": "", "image: a:${TAG:-latest}": "", "image: a:${TAG:-1.2}": "",
	} {
		if got, _ := scan(t, "compose.yml", "services:\n  a:\n    "+line+"\n"); strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	const service = "services:\n  a:\n    image: a:1\n    "
	for _, lines := range []string{
		"environment: {POSTGRES_PASSWORD: hunter2butlonger}", "environment: [MYSQL_ROOT_PASSWORD=Wr4ngl3r]", "environment: {POSTGRES_PASSWORD: \"${POSTGRES_PASSWORD:-Wr4ngl3r!}\"}", "environment: [\"DB_PASS=${DB_PASS-Wr4ngl3r}\"]",
		"environment: {PGPASSWORD: Wr4ngl3r}", "environment: {DB_PASSWORD: \"Wr4$$gl3r\"}", "environment: {JWT_SECRET: 8f2a91c3d7e64b05}", "environment: [\"REDISCLI_AUTH=Wr4ngl3r\"]", "build: {args: {NPM_TOKEN: Wr4ngl3r77}}",
		"build: {args: [ADMIN_PASSWORD=Wr4ngl3r]}",
	} {
		if got, _ := scan(t, "deploy/compose.yml", service+lines+"\n"); !slices.Equal(got, []string{"secret-in-env@4"}) {
			t.Errorf("%s: %q", lines, got)
		}
		for _, path := range []string{"docker-compose.test.yml", "docker-compose.dev.yml", "examples/a/compose.yml", "tests/compose.yml", "e2e/docker-compose.yaml", ".devcontainer/docker-compose.yml", "compose.local.yaml"} {
			if got, _ := scan(t, path, service+lines+"\n"); len(got) > 0 {
				t.Errorf("%s: %s: %q", path, lines, got)
			}
		}
	}
	for _, value := range []string{
		"", "\"\"", "changeme", "change_me", "postgres", "password", "root", "admin", "secret", "example", "your-password", "${DB_PASSWORD}", "$DB_PASSWORD", "\"${DB_PASSWORD:?say it}\"", "\"${DB_PASSWORD:-}\"", "\"${DB_PASSWORD:-postgres}\"",
		"\"${DB_PASSWORD:-${OTHER}}\"", "\"x${DB_PASSWORD}\"", "/run/secrets/db", "<password>", "xxxxxxxx", "db_password", "DB_PASSWORD", "password123", "test", "dev", "minioadmin", "\"{{ password }}\"", "!reset null", "null",
	} {
		if got, _ := scan(t, "compose.yml", service+"environment:\n      DB_PASSWORD: "+value+"\n"); len(got) > 0 {
			t.Errorf("%s: %q", value, got)
		}
	}
	for _, lines := range []string{
		"environment: {DB_USER: shopkeeper, DB_PASSWORD: shopkeeper}", "environment: [POSTGRES_DB=ledger, POSTGRES_PASSWORD=ledger]", "environment: {GF_PASSWORD: grafana}\n    hostname: grafana", "environment: {A_PASSWORD: a}",
	} {
		if got, _ := scan(t, "compose.yml", service+lines+"\n"); len(got) > 0 {
			t.Errorf("%s: %q", lines, got)
		}
	}
	if got, _ := scan(t, "compose.yml", "services:\n  a:\n    image: registry:5000/acme/grafana-oss:1\n    environment: {GF_PASSWORD: grafana}\n"); len(got) > 0 {
		t.Errorf("the name of the image: %q", got)
	}
	for _, lines := range []string{"environment: {DB_PASSWORD_FILE: Wr4ngl3r}", "environment: [DB_PASSWORD]", "environment: {DB_USER: Wr4ngl3r}", "environment: {ALLOW_EMPTY_PASSWORD: \"yes\"}", "labels: {DB_PASSWORD: Wr4ngl3r}"} {
		if got, _ := scan(t, "compose.yml", service+lines+"\n"); len(got) > 0 {
			t.Errorf("%s: %q", lines, got)
		}
	}
}

func TestProtections(t *testing.T) {
	t.Parallel()
	state := func(line, rule string) (is scanners.Protection) {
		_, found := scan(t, "compose.yml", "services:\n  a:\n    image: a:1\n    "+line+"\n")
		for _, f := range found {
			if f.Rule == rule {
				is = f.Protection
			}
		}
		return is
	}
	for rule, lines := range map[string][]string{
		"writable-root":        {"read_only: true", "read_only: ${RO:-true}", "read_only: yes"},
		"capabilities-kept":    {"cap_drop: [ALL]", "cap_drop: [all]", "cap_drop: [CAP_ALL]", "cap_drop: [NET_RAW, ALL]"},
		"privilege-escalation": {"security_opt: [no-new-privileges]", "security_opt: [\"no-new-privileges:true\"]", "security_opt: [no-new-privileges=true]"},
		"root-user":            {"user: app", "user: 1000:1000", "user: \"${UID}:${GID}\"", "user: \"${UID:-1000}\"", "user: 1000"},
	} {
		for _, line := range lines {
			if state(line, rule) != scanners.Kept {
				t.Errorf("%s: %s is not kept", line, rule)
			}
		}
		if state("command: x", rule) != scanners.Missing || state("extends: {service: b}", rule) != scanners.Problem {
			t.Errorf("%s: what no line sets is missing, unless another service may set it", rule)
		}
	}
	for line, rule := range map[string]string{
		"read_only: false": "writable-root", "cap_drop: [NET_RAW]": "capabilities-kept", "security_opt: [\"no-new-privileges:false\"]": "privilege-escalation", "user: root": "root-user", "user: \"0:0\"": "root-user",
		"user: ${UID:-0}": "root-user", "cap_drop: !reset [ALL]": "capabilities-kept",
	} {
		if state(line, rule) != scanners.Missing {
			t.Errorf("%s: %s is not missing", line, rule)
		}
	}
}
