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
		Why:  "Root in a privileged container has all rights on the host. An attacker who gets into the container owns the host.",
		Help: "Remove `privileged`, or set it to `false`. Add only the capabilities (`cap_add`) or `devices` that the program needs.",
		URL:  "https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities", CWE: "CWE-250", Source: "CIS Docker 5.5",
	}
	hostNamespace = infra.Rule{
		ID: "host-namespace", Severity: scanners.Medium, Title: "Container shares a namespace of the host",
		Why:  "The container can see and reach the host's own network, processes or memory, and so those of other containers.",
		Help: "Remove the key. If the service needs ports of the host, publish them with `ports`.",
		URL:  reference, CWE: "CWE-653", Source: "CIS Docker 5.10, 5.16, 5.17 and 5.31",
	}
	hostPath = infra.Rule{
		ID: "sensitive-host-path", Severity: scanners.High, Title: "Sensitive path of the host in a container",
		Why:  "An attacker who gets into the container can take over the host through this path. If it is the socket of a container engine, a read-only mount does not help.",
		Help: "Remove the mount. If the program has to talk to Docker, put a proxy between them that lets only the necessary requests pass.",
		URL:  "https://docs.docker.com/engine/security/#docker-daemon-attack-surface", CWE: "CWE-668", Source: "CIS Docker 5.6 and 5.32",
	}
	capability = infra.Rule{
		ID: "dangerous-capability", Severity: scanners.High, Title: "Dangerous capability added",
		Why:  "A process with this capability can leave its container.",
		Help: "Remove it from `cap_add`. Set `cap_drop: [ALL]` and add only what the program fails without.",
		URL:  "https://docs.docker.com/engine/security/#linux-kernel-capabilities", CWE: "CWE-250", Source: "CIS Docker 5.4",
	}
	unconfined = infra.Rule{
		ID: "unconfined", Severity: scanners.Medium, Title: "Security profile of a container switched off",
		Why:  "Docker's default profile blocks system calls and files through which containers attack the host's kernel.",
		Help: "Remove the line. Docker's default profile suits nearly every program.",
		URL:  "https://docs.docker.com/engine/security/seccomp/", CWE: "CWE-693", Source: "CIS Docker 5.2 and 5.22",
	}
	publishedDatabase = infra.Rule{
		ID: "published-database", Severity: scanners.Medium, Title: "Database on all network interfaces",
		Why:  "Docker opens published ports in spite of the host's firewall, so everybody who reaches the host reaches the database.",
		Help: "Remove the port: other services of this file reach the database without it. To reach it from this machine only, publish `127.0.0.1:5432:5432` with your port.",
		URL:  "https://docs.docker.com/engine/network/port-publishing/", CWE: "CWE-668", Source: "CIS Docker 5.14",
	}
	secret = infra.Rule{
		ID: "secret-in-env", Severity: scanners.Low, Title: "Password written into a compose file",
		Why:  "Everybody who can read the repository can read it, and it is the same wherever this file is used.",
		Help: "Change the password where it is used. Then use a secret (`secrets:` with a file), or a variable without a default, as in `${DB_PASSWORD:?}`.",
		URL:  "https://docs.docker.com/compose/how-tos/use-secrets/", CWE: "CWE-798",
	}
	image = infra.Rule{
		ID: "floating-image", Severity: scanners.Note, Title: "Image without a version",
		Why:  "Another image can run tomorrow without a change of this file.",
		Help: "Name a version, best with its digest: `image: name:1.2.3@sha256:…`.",
		URL:  "https://docs.docker.com/build/building/best-practices/#pin-base-image-versions", CWE: "CWE-1357", Source: "CIS Docker 5.28",
	}
)

// These rules are about settings that a change removes.
var (
	readOnlyRemoved = infra.Rule{
		ID: "writable-root", Severity: scanners.Low, Title: "Read-only root filesystem removed",
		Why:  "An attacker who gets into the container can now change its programs and put others there.",
		Help: "Put `read_only: true` back. If the program has to write somewhere, add a `tmpfs` or a volume for that folder.",
		URL:  reference + "#read_only", CWE: "CWE-732", Source: "CIS Docker 5.13",
	}
	dropRemoved = infra.Rule{
		ID: "capabilities-kept", Severity: scanners.Low, Title: "Capabilities no longer dropped",
		Why:  "The container has Docker's default capabilities again, which few programs need and attackers use.",
		Help: "Put `cap_drop: [ALL]` back, and add with `cap_add` what the program fails without.",
		URL:  reference + "#cap_drop", CWE: "CWE-250", Source: "CIS Docker 5.4",
	}
	noNewPrivilegesRemoved = infra.Rule{
		ID: "privilege-escalation", Severity: scanners.Low, Title: "Protection against privilege escalation removed",
		Why:  "A process can now get more rights than its parent, for example through a setuid program.",
		Help: "Put `security_opt: [\"no-new-privileges:true\"]` back.",
		URL:  reference + "#security_opt", CWE: "CWE-250", Source: "CIS Docker 5.26",
	}
	userRemoved = infra.Rule{
		ID: "root-user", Severity: scanners.Low, Title: "Container user removed",
		Why:  "The container now runs as the user of its image, which is root for most images.",
		Help: "Put the `user` back, for example `user: \"1000:1000\"`.",
		URL:  reference + "#user", CWE: "CWE-250", Source: "CIS Docker 4.1",
	}
)
