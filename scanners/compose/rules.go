package compose

import (
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

const reference = "https://docs.docker.com/reference/compose-file/services/"

// The sections are from the CIS Docker Benchmark 1.6.0. Trivy has no rules for compose files.
var (
	privileged = infra.Rule{
		ID: "privileged-container", Severity: scanners.High, Title: "Privileged container",
		Why:  "A privileged container can do all that root can on the host, so whoever gets into it owns the host.",
		Help: "Leave `privileged` out, or set it to `false`, and add single capabilities or devices instead.",
		URL:  "https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities", CWE: "CWE-250", Source: "CIS Docker 5.5",
	}
	hostNamespace = infra.Rule{
		ID: "host-namespace", Severity: scanners.Medium, Title: "Container shares a namespace of the host",
		Why:  "The container sees and reaches what belongs to the host and to other containers.",
		Help: "Leave the key out, and publish the ports that are needed.",
		URL:  reference, CWE: "CWE-653", Source: "CIS Docker 5.10, 5.16, 5.17 and 5.31",
	}
	hostPath = infra.Rule{
		ID: "sensitive-host-path", Severity: scanners.High, Title: "Sensitive path of the host in a container",
		Why:  "Whoever gets into the container can take over the host through it; a read-only mount of Docker's socket does not change that.",
		Help: "Remove the mount. A program that must talk to Docker can do so through a proxy that lets only harmless requests pass.",
		URL:  "https://docs.docker.com/engine/security/#docker-daemon-attack-surface", CWE: "CWE-668", Source: "CIS Docker 5.6 and 5.32",
	}
	capability = infra.Rule{
		ID: "dangerous-capability", Severity: scanners.High, Title: "Dangerous capability added",
		Why:  "With this capability a process can leave its container.",
		Help: "Remove it from `cap_add`; set `cap_drop: [ALL]` and add only what the program fails without.",
		URL:  "https://docs.docker.com/engine/security/#linux-kernel-capabilities", CWE: "CWE-250", Source: "CIS Docker 5.4",
	}
	unconfined = infra.Rule{
		ID: "unconfined", Severity: scanners.Medium, Title: "Container without its confinement",
		Why:  "The profile keeps flaws of the kernel out of reach.",
		Help: "Remove the line: Docker's default profile suits nearly every program.",
		URL:  "https://docs.docker.com/engine/security/seccomp/", CWE: "CWE-693", Source: "CIS Docker 5.2 and 5.22",
	}
	published = infra.Rule{
		ID: "published-database", Severity: scanners.Medium, Title: "Database on all network interfaces",
		Why:  "Docker opens published ports past the host's firewall, so everybody who reaches the host reaches the database.",
		Help: "Leave the port out, since other services reach it without; or publish it to this machine only, as in `127.0.0.1:5432:5432`.",
		URL:  "https://docs.docker.com/engine/network/port-publishing/", CWE: "CWE-668", Source: "CIS Docker 5.14",
	}
	secret = infra.Rule{
		ID: "secret-in-env", Severity: scanners.Low, Title: "Password written into a compose file",
		Why:  "Everybody who can read the repository can read it, and it is the same wherever this file runs.",
		Help: "Use a secret (`secrets:` with a file), or a variable without a default, as in `${DB_PASSWORD:?}`.",
		URL:  "https://docs.docker.com/compose/how-tos/use-secrets/", CWE: "CWE-798",
	}
	image = infra.Rule{
		ID: "floating-image", Severity: scanners.Low, Title: "Image without a version",
		Why:  "What runs changes without a change here, and nobody can tell what ran.",
		Help: "Name a version, best with its digest: `image: name:1.2.3@sha256:…`.",
		URL:  "https://docs.docker.com/build/building/best-practices/#pin-base-image-versions", CWE: "CWE-1357", Source: "CIS Docker 5.28",
	}
)
