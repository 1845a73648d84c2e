package dockerfile

import (
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

const practices = "https://docs.docker.com/build/building/best-practices/"

// The sections are those of the CIS Docker Benchmark 1.6.0.
var (
	root = infra.Rule{
		ID: "root-user", Severity: scanners.Low, Title: "Image runs as root",
		Why:  "If an attacker breaks out of a container that runs as root, the attacker is root on the host.",
		Help: "Create a user in the last stage and switch to it: `RUN useradd --system app` and `USER app`.",
		URL:  practices + "#user", CWE: "CWE-250", Source: "CIS Docker 4.1",
		Aliases: []string{"AVD-DS-0002", "CKV_DOCKER_3", "CKV_DOCKER_8"},
	}
	userRemoved = infra.Rule{
		ID: "root-user", Severity: scanners.Low, Title: "USER removed",
		Why:  "If an attacker breaks out of a container that runs as root, the attacker is root on the host.",
		Help: "Put the `USER` instruction back into the last stage.",
		URL:  practices + "#user", CWE: "CWE-250", Source: "CIS Docker 4.1",
		Aliases: root.Aliases,
	}
	image = infra.Rule{
		ID: "floating-image", Severity: scanners.Note, Title: "Base image without a version",
		Why:  "The same Dockerfile can build something else tomorrow without a change of this file.",
		Help: "Name a version, best with its digest: `FROM name:1.2.3@sha256:…`.",
		URL:  practices + "#pin-base-image-versions", CWE: "CWE-1357", Source: "CIS Docker 4.2 and 4.7",
		Aliases: []string{"AVD-DS-0001", "CKV_DOCKER_7"},
	}
	add = infra.Rule{
		ID: "unverified-add", Severity: scanners.Medium, Title: "Download without a checksum",
		Why:  "An attacker who controls the server, or the network on the way to it, decides what is in the image.",
		Help: "Give the checksum: `ADD --checksum=sha256:… URL FILE`.",
		URL:  "https://docs.docker.com/reference/dockerfile/#add---checksum", CWE: "CWE-494", Source: "CIS Docker 4.9",
		Aliases: []string{"AVD-DS-0005", "CKV_DOCKER_4"},
	}
	secret = infra.Rule{
		ID: "secret-in-image", Severity: scanners.High, Title: "Secret in an image",
		Why:  "It stays in the layers or the history of the image, and everybody who can pull the image can read it.",
		Help: "**Change it where it is used.** Then pass it as a build secret (`RUN --mount=type=secret,id=…`), or as a variable or a file when the container starts.",
		URL:  "https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/", CWE: "CWE-798", Source: "CIS Docker 4.10",
		Aliases: []string{"AVD-DS-0031", "CKV2_DOCKER_17"},
	}
	piped = infra.Rule{
		ID: "piped-download", Severity: scanners.Low, Title: "Downloaded script run without a check",
		Why:  "An attacker who controls the server runs commands in the build, and so decides what is in the image.",
		Help: "Download a fixed version to a file, compare its checksum with `sha256sum --check`, then run it.",
		URL:  practices + "#run", CWE: "CWE-494", Source: "CIS Docker 4.11",
	}
	insecure = infra.Rule{
		ID: "certificate-check-off", Severity: scanners.High, Title: "Certificates are not checked",
		Why:  "An attacker on the network can replace what the build downloads.",
		Help: "Remove the option. If the server has a certificate of your own authority, add the certificate of that authority to the image: `COPY ca.crt /usr/local/share/ca-certificates/` and `RUN update-ca-certificates`.",
		URL:  practices, CWE: "CWE-295", Source: "CIS Docker 4.11",
		Aliases: []string{"CKV2_DOCKER_12", "CKV2_DOCKER_13", "CKV2_DOCKER_14", "CKV2_DOCKER_2", "CKV2_DOCKER_3", "CKV2_DOCKER_4", "CKV2_DOCKER_5", "CKV2_DOCKER_6"},
	}
	unsigned = infra.Rule{
		ID: "unsigned-packages", Severity: scanners.High, Title: "Signatures of packages are not checked",
		Why:  "An attacker on the network, or on a mirror, can replace a package.",
		Help: "Remove the option. If a repository needs a key of its own, add that key.",
		URL:  practices + "#apt-get", CWE: "CWE-347", Source: "CIS Docker 4.11",
		Aliases: []string{"CKV2_DOCKER_10", "CKV2_DOCKER_11", "CKV2_DOCKER_7", "CKV2_DOCKER_8", "CKV2_DOCKER_9"},
	}
	sudo = infra.Rule{
		ID: "sudo", Severity: scanners.Low, Title: "Command run with sudo",
		Why:  "A working sudo in the image gives root to an attacker who gets into a container.",
		Help: "Run what needs root before the `USER` instruction, without sudo. Then remove sudo from the image.",
		URL:  practices + "#user", CWE: "CWE-250", Aliases: []string{"AVD-DS-0010", "CKV2_DOCKER_1"},
	}
	ssh = infra.Rule{
		ID: "ssh-port", Severity: scanners.Medium, Title: "SSH in a container",
		Why:  "An SSH server is a second way into the container, with keys and updates of its own.",
		Help: "Remove the SSH server and the port. `docker exec` and `kubectl exec` open a shell in a running container.",
		URL:  "https://docs.docker.com/reference/cli/docker/container/exec/", CWE: "CWE-1188", Source: "CIS Docker 5.7",
		Aliases: []string{"AVD-DS-0004", "CKV_DOCKER_1"},
	}
	writable = infra.Rule{
		ID: "world-writable", Severity: scanners.Medium, Title: "Files that every user can change",
		Why:  "Every process in the container can change them, whatever its user is.",
		Help: "Give the files to the user that needs them (`chown`, or `COPY --chown`), with a mode such as 755 or 644.",
		URL:  "https://rules.sonarsource.com/docker/RSPEC-2612/", CWE: "CWE-732", // Sonar's S2612
	}
)
