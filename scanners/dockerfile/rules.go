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
		Why:  "A flaw of the program or of the container's runtime then gives the attacker root.",
		Help: "Create a user in the last stage and switch to it: `RUN useradd --system app` and `USER app`.",
		URL:  practices + "#user", CWE: "CWE-250", Source: "CIS Docker 4.1",
		Aliases: []string{"AVD-DS-0002", "CKV_DOCKER_3", "CKV_DOCKER_8"},
	}
	userRemoved = infra.Rule{
		ID: "root-user", Severity: scanners.Low, Title: "USER removed",
		Why:  "A flaw of the program or of the container's runtime then gives the attacker root.",
		Help: "Put the `USER` instruction back into the last stage.",
		URL:  practices + "#user", CWE: "CWE-250", Source: "CIS Docker 4.1",
		Aliases: root.Aliases,
	}
	image = infra.Rule{
		ID: "floating-image", Severity: scanners.Note, Title: "Base image without a version",
		Why:  "The same Dockerfile then builds something else tomorrow, unseen.",
		Help: "Name a version, best with its digest: `FROM name:1.2.3@sha256:…`.",
		URL:  practices + "#pin-base-image-versions", CWE: "CWE-1357", Source: "CIS Docker 4.2 and 4.7",
		Aliases: []string{"AVD-DS-0001", "CKV_DOCKER_7"},
	}
	add = infra.Rule{
		ID: "unverified-add", Severity: scanners.Medium, Title: "Download without a checksum",
		Why:  "Whoever controls the server or the way to it decides what is in the image.",
		Help: "Give the checksum: `ADD --checksum=sha256:… URL FILE`.",
		URL:  "https://docs.docker.com/reference/dockerfile/#add---checksum", CWE: "CWE-494", Source: "CIS Docker 4.9",
		Aliases: []string{"AVD-DS-0005", "CKV_DOCKER_4"},
	}
	secret = infra.Rule{
		ID: "secret-in-image", Severity: scanners.High, Title: "Secret in an image",
		Why:  "It stays in the image's layers and history, and everybody who can pull the image can read it.",
		Help: "**Change it where it is used**, then hand it in as a build secret (`RUN --mount=type=secret,…`) or when the container starts.",
		URL:  "https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/", CWE: "CWE-798", Source: "CIS Docker 4.10",
		Aliases: []string{"AVD-DS-0031", "CKV2_DOCKER_17"},
	}
	piped = infra.Rule{
		ID: "piped-download", Severity: scanners.Low, Title: "Downloaded script is run unseen",
		Why:  "Whoever controls the server or the way to it runs commands in the build.",
		Help: "Download a fixed version to a file, compare its checksum with `sha256sum --check`, then run it.",
		URL:  practices + "#run", CWE: "CWE-494", Source: "CIS Docker 4.11",
	}
	insecure = infra.Rule{
		ID: "certificate-check-off", Severity: scanners.High, Title: "Certificates are not checked",
		Why:  "Anybody on the way can put something else in the place of what is downloaded.",
		Help: "Remove the option. Where the server has a certificate of your own authority, add that to the image: `COPY ca.crt /usr/local/share/ca-certificates/` and `RUN update-ca-certificates`.",
		URL:  practices, CWE: "CWE-295", Source: "CIS Docker 4.11",
		Aliases: []string{"CKV2_DOCKER_12", "CKV2_DOCKER_13", "CKV2_DOCKER_14", "CKV2_DOCKER_2", "CKV2_DOCKER_3", "CKV2_DOCKER_4", "CKV2_DOCKER_5", "CKV2_DOCKER_6"},
	}
	unsigned = infra.Rule{
		ID: "unsigned-packages", Severity: scanners.High, Title: "Signatures of packages are not checked",
		Why:  "Anybody on the way can put something else in the place of a package.",
		Help: "Remove the option, and add the key of the repository that needs one.",
		URL:  practices + "#apt-get", CWE: "CWE-347", Source: "CIS Docker 4.11",
		Aliases: []string{"CKV2_DOCKER_10", "CKV2_DOCKER_11", "CKV2_DOCKER_7", "CKV2_DOCKER_8", "CKV2_DOCKER_9"},
	}
	sudo = infra.Rule{
		ID: "sudo", Severity: scanners.Low, Title: "Command run with sudo",
		Why:  "An image with a working sudo gives root to whoever gets into its containers.",
		Help: "Run what needs root before the `USER` instruction, without sudo, and leave sudo out of the image.",
		URL:  practices + "#user", CWE: "CWE-250", Aliases: []string{"AVD-DS-0010", "CKV2_DOCKER_1"},
	}
	ssh = infra.Rule{
		ID: "ssh-port", Severity: scanners.Medium, Title: "SSH in a container",
		Why:  "It is a second way in, with keys and updates that nobody looks after.",
		Help: "Remove the SSH server and the port; `docker exec` gives a shell to those who may have one.",
		URL:  "https://docs.docker.com/reference/cli/docker/container/exec/", CWE: "CWE-1188", Source: "CIS Docker 5.7",
		Aliases: []string{"AVD-DS-0004", "CKV_DOCKER_1"},
	}
	writable = infra.Rule{
		ID: "world-writable", Severity: scanners.Medium, Title: "Files that everybody may write",
		Why:  "Every process in the container can change them, whatever user it runs as.",
		Help: "Give them to the user who needs them (`--chown`), with a mode such as 755 or 644.",
		URL:  "https://rules.sonarsource.com/docker/RSPEC-2612/", CWE: "CWE-732", // Sonar's S2612
	}
)
