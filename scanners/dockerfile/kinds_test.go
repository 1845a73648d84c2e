package dockerfile

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// scan returns what the scanner reports about a file.
func scan(t *testing.T, path, content string) []scanners.Finding {
	t.Helper()
	found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: path, Content: []byte(content)}}})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return found
}

// has reports whether there is a problem with the rule.
func has(found []scanners.Finding, rule string) bool {
	return slices.ContainsFunc(found, func(f scanners.Finding) bool { return f.Rule == rule && f.Protection == scanners.Problem })
}

func TestNamesOfDockerfiles(t *testing.T) {
	t.Parallel()
	const image = "# syntax=docker/dockerfile:1\nARG V=12\nFROM --platform=linux/amd64 debian:12 AS run\nRUN chmod 777 /srv\nUSER app\n"
	for _, name := range []string{
		"Dockerfile", "dockerfile", "DOCKERFILE", "Containerfile", "containerfile", "deploy/Dockerfile-web", "Dockerfile_debug", "Dockerfile.alpine", "dockerfile.arm64",
		"web.Dockerfile", "web-dockerfile", "web_Dockerfile", "Containerfile-test", "api.containerfile", "Dockerfile.go", "Dockerfile.py", "Dockerfile.txt",
	} {
		if !info.Matches(name) || !has(scan(t, name, image), "world-writable") {
			t.Errorf("%s is not scanned", name)
		}
	}
	for _, name := range []string{"Dockerfile.md", "dockerfile-lint.yml", "Dockerfile.dockerignore", "Dockerfile-notes.html", "dockerfile.json"} {
		if found := scan(t, name, image); len(found) > 0 {
			t.Errorf("%s: %+v", name, found)
		}
	}
	for _, name := range []string{"mydockerfile", "Dockerfiles", "docker/file", "dockerfile2"} {
		if info.Matches(name) {
			t.Errorf("%s matches", name)
		}
	}
	// Code and scripts of such names are no Dockerfiles.
	for name, content := range map[string]string{
		"dockerfile.py":       "from os import path\nRUN = 'chmod 777 /srv'\n",
		"dockerfile.go":       "package x\n\nconst d = `\nFROM debian:12\nRUN chmod 777 /srv\nENV a\n`\n",
		"update-dockerfile":   "#!/bin/sh\ncat <<EOF\nFROM debian:12\nRUN chmod 777 /srv\nEOF\n",
		"dockerfile.sql":      "SELECT a\nFROM b\n",
		"dockerfile.test.js":  "import x from 'x'\nconst a = `\nFROM debian\nRUN chmod 777 /srv\n`\n",
		"Dockerfile.fragment": "RUN chmod 777 /srv\n",
	} {
		if found := scan(t, name, content); len(found) > 0 {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

func TestPipedDownload(t *testing.T) {
	t.Parallel()
	const get = "curl -fsSL https://get.example.org/setup"
	for _, run := range []string{
		get + " | bash", get + " | bash -s", get + " | bash -s -- --yes", get + " | bash -", get + " | sh -eux", get + " | bash -o pipefail -s 1.2", get + " | /bin/bash",
		get + " | bash /dev/stdin --channel 9.0", get + " | sh /dev/fd/0", get + " | bash /proc/self/fd/0 x", get + " | bash -x /dev/stdin",
		get + " | python3 -", get + " | python3 - --version 1", get + " | python3 -u", get + " | python3 -W ignore /dev/stdin", get + " | perl - App::cpanminus", get + " | node", get + " | ruby",
		get + " | sudo -E bash -", get + " | sudo -u app bash", get + " | sudo -H -u app -- bash", get + " | env A=b bash", get + " | env -u A bash -s", get + " | timeout 60 sh", get + " | nice -n 5 sh", get + " | gosu app bash", "su-exec app sh -c '" + get + " | sh'",
		"bash < <(" + get + ")", "bash -s stable < <(" + get + ")", `bash <<< "$(` + get + `)"`, "bash <(" + get + ")", `sh -c "$(` + get + `)"`, "eval \"$(" + get + ")\"",
		get + " | gunzip | sh", get + " | tee /x | bash",
		`bash -c "` + get + ` | sh"`, `bash -o pipefail -c "` + get + ` | sh"`, `bash -lc '` + get + ` | bash -s'`, `bash -euo pipefail -c '` + get + ` | sh'`, `sh -ec "` + get + ` | sh"`,
		`su -c '` + get + ` | sh' app`, `su app -c '` + get + ` | sh'`, `su - app --command="` + get + ` | sh"`, `su -l app -s /bin/bash -c "` + get + ` | sh"`, `runuser -l app -c '` + get + ` | sh'`,
		`sudo -u app bash -c "` + get + ` | sh"`, `eval "` + get + ` | sh"`, `sh -c "bash -c '` + get + ` | sh'"`, `bash -c "cd /tmp && ` + get + ` --version=$V | sh"`,
		`["bash", "-o", "pipefail", "-c", "` + get + ` | sh"]`, `["/bin/sh", "-c", "` + get + ` | sh"]`, `["bash", "-euxo", "pipefail", "-c", "` + get + ` | bash /dev/stdin"]`,
	} {
		if !has(scan(t, "Dockerfile", "FROM a:1\nRUN "+run+"\nUSER app\n"), "piped-download") {
			t.Errorf("%s is not found", run)
		}
	}
	for _, run := range []string{
		"bash ./check.sh < <(" + get + ")", "cat < <(" + get + ")", `grep a <<< "$(` + get + `)"`, "bash < /x",
		get + " | bash ./check.sh", get + " | bash -c 'cat > /x'", get + " | python3 -c 'import sys'", get + " | python3 -m json.tool", get + " | perl -ne print", get + " | perl -pe 's/a/b/'",
		get + " | ruby -e 1", get + " | node -e 1", get + " | node --eval 1", get + " | tar xz", get + " | bash /opt/check.sh -s", get + " | su app", get + " | timeout 5 cat", get + " | sudo tee /etc/x",
		`bash -c "` + get + ` -o /x && sha256sum -c x && sh /x"`, `bash -o pipefail -c "` + get + ` | tar xz"`, `bash /x -c "` + get + ` | sh"`, `echo "` + get + ` | sh"`, `su app -c 'cat /x | sh'`,
		`["echo", "-c", "` + get + ` | sh"]`, `bash -c "curl http://localhost/x | sh"`,
	} {
		if has(scan(t, "Dockerfile", "FROM a:1\nRUN "+run+"\nUSER app\n"), "piped-download") {
			t.Errorf("%s is found", run)
		}
	}
}

func TestRootUser(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		"FROM a:1\nRUN x\n", "FROM a:1\nCOPY x /x\n", "FROM a:1\nADD x /x\n", "FROM a:1\nCMD [\"x\"]\n", "FROM a:1\nENTRYPOINT x\n", "FROM a:1\nUSER root\n", "FROM a:1\nUSER 0:0\n",
		"FROM a:1 AS b\nRUN x\nFROM b\n", "FROM a:1\nRUN x\nUSER \"root\"\n", "FROM a:1\nUSER app\nRUN x\nUSER root\n",
		"FROM a:1\nARG U=root\nUSER $U\n", "FROM a:1\nARG U=root\nUSER ${U}\n", "FROM a:1\nENV U=0\nUSER ${U}:${U}\n", "ARG U=root\nFROM a:1\nARG U\nUSER $U\n", "FROM a:1\nUSER ${U:-root}\n",
		"FROM a:1\nARG N=root\nARG U=$N\nUSER $U\n", "FROM a:1 AS b\nENV U=root\nFROM b\nUSER $U\n", "FROM a:1\nARG U=app\nENV U=root\nUSER $U\n", "FROM a:1\nARG I=0\nARG G=1000\nUSER ${I}:${G}\n",
	} {
		if !has(scan(t, "Dockerfile", content), "root-user") {
			t.Errorf("%q is not found", content)
		}
	}
	for _, content := range []string{
		"FROM opensuse/tumbleweed:20261101\n", "ARG V=3\nFROM a:$V\n", "FROM a:1\nLABEL a=b\nENV c=d\n", "FROM a:1 AS b\nFROM b\n", "FROM a:1\nRUN x\nUSER app\n", "FROM a:1\nRUN x\nUSER 1000:0\n",
		"FROM a:1\nARG U=app\nUSER $U\n", "FROM a:1\nARG U\nUSER $U\n", "FROM a:1\nUSER $U\n", "ARG U=root\nFROM a:1\nUSER $U\n", "FROM a:1\nARG U=root\nENV U=app\nUSER $U\n", "FROM a:1\nUSER ${U:-app}\n",
		"FROM a:1 AS b\nARG U=root\nRUN x\nFROM c:1\nRUN x\nUSER $U\n", "FROM a:1\nONBUILD RUN x\n", "FROM scratch\nCOPY x /x\n", "FROM a:nonroot\nCOPY x /x\n",
		"FROM a:1\nARG U=root\nUSER app\n", "FROM a:1\nARG U=app\nUSER $U\nARG U=root\n",
	} {
		if has(scan(t, "Dockerfile", content), "root-user") {
			t.Errorf("%q is found", content)
		}
	}
}

// The rule root-user says nothing of images whose base image is in a variable. What a change removes is still known.
func TestUserAsProtection(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]scanners.Protection{
		"ARG B\nFROM $B\nRUN x\nUSER app\n": scanners.Kept,
		"FROM a:1\nRUN x\nUSER 1000\n":      scanners.Kept,
		"FROM a:1\nARG U\nUSER $U\n":        scanners.Kept,
		"FROM a:1 AS b\nUSER app\nFROM b\n": scanners.Kept,
		"ARG B\nFROM $B\nRUN x\n":           scanners.Missing,
		"ARG B\nFROM ${B}:1\nCMD x\n":       scanners.Missing,
		"FROM a:1\nRUN x\n":                 scanners.Problem,
	} {
		found := scan(t, "Dockerfile", content)
		if len(found) != 1 || found[0].Protection != want || found[0].Rule != "root-user" || found[0].Identity != "the image" {
			t.Errorf("%q: %+v", content, found)
		}
	}
	for _, content := range []string{"FROM $B\n", "FROM scratch\nCOPY x /\n", "FROM a:nonroot\nRUN x\n"} {
		if found := scan(t, "Dockerfile", content); len(found) > 0 {
			t.Errorf("%q: %+v", content, found)
		}
	}
}

func TestSecretsByTheNamesOfPrograms(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"REGISTRY_PSW", "DB_PWD", "PGPASSWORD", "MYSQL_PWD", "SSHPASS", "REDISCLI_AUTH", "LDAP_BINDPW", "VNC_PW", "OPENAI_APIKEY"} {
		for _, line := range []string{"ARG " + name + "=k3Yw0rd9x", "ENV " + name + "=k3Yw0rd9x", "ENV " + name + " k3Yw0rd9x"} {
			if !has(scan(t, "Dockerfile", "FROM a:1\n"+line+"\nUSER app\n"), "secret-in-image") {
				t.Errorf("%s is not found", line)
			}
		}
	}
	for _, line := range []string{"ENV PWD=k3Yw0rd9x", "ENV OLDPWD=/srv", "ENV APP_PWD=/srv", `ENV APP_PWD=C:\\app`, "ENV INIT_PWD=x9", "ARG DB_PWD", "ARG DB_PWD=", "ENV DB_PWD=$X", "ENV COMPASS=k3Yw0rd9x", "ENV BYPASS=k3Yw0rd9x"} {
		if found := scan(t, "Dockerfile", "FROM a:1\n"+line+"\nUSER app\n"); has(found, "secret-in-image") {
			t.Errorf("%s: %+v", line, found)
		}
	}
}

// Words of a file may not cost more than their length.
func TestVariablesStaySmall(t *testing.T) {
	t.Parallel()
	content := "FROM a:1\nARG A=aaaaaaaaaaaaaaaaaaaa\n" + strings.Repeat("ARG A=$A$A$A$A\n", 2000) + "ARG B=" + strings.Repeat("${A:-", 1<<12) + "\nUSER $A\n"
	if found := scan(t, "Dockerfile", content); has(found, "root-user") {
		t.Errorf("got %+v", found)
	}
}
