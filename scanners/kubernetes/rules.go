package kubernetes

import (
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

const (
	standards = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"
	rbac      = "https://kubernetes.io/docs/concepts/security/rbac-good-practices/"
)

// The sections are those of the CIS Kubernetes Benchmark 1.8.
var (
	privileged = infra.Rule{
		ID: "privileged-container", Severity: scanners.High, Title: "Privileged container",
		Why:  "A privileged container can do all that root can on the node, so whoever gets into it owns the node.",
		Help: "Leave `privileged` out, or set it to `false`, and add the single capabilities that the program needs.",
		URL:  standards, CWE: "CWE-250", Source: "CIS Kubernetes 5.2.2", Aliases: []string{"AVD-KSV-0017", "CKV_K8S_16"},
	}
	hostNamespace = infra.Rule{
		ID: "host-namespace", Severity: scanners.Medium, Title: "Pod shares a namespace of the node",
		Why:  "The containers see and reach what belongs to the node and to other pods.",
		Help: "Leave the key out, or set it to `false`. Only agents of the node itself need it.",
		URL:  standards, CWE: "CWE-653", Source: "CIS Kubernetes 5.2.3 to 5.2.5",
		Aliases: []string{"AVD-KSV-0008", "AVD-KSV-0009", "AVD-KSV-0010", "CKV_K8S_17", "CKV_K8S_18", "CKV_K8S_19"},
	}
	hostPath = infra.Rule{
		ID: "sensitive-host-path", Severity: scanners.High, Title: "Sensitive path of the node in a pod",
		Why:  "Whoever gets into a container of the pod can take over the node through it.",
		Help: "Use a volume of another kind. Where an agent must read the node, mount the narrowest folder, with `readOnly: true`.",
		URL:  "https://kubernetes.io/docs/concepts/storage/volumes/#hostpath", CWE: "CWE-668", Source: "CIS Kubernetes 5.2.12",
		Aliases: []string{"AVD-KSV-0006", "AVD-KSV-0023", "CKV_K8S_27"},
	}
	escalation = infra.Rule{
		ID: "privilege-escalation", Severity: scanners.Medium, Title: "Privilege escalation is allowed",
		Why:  "A process can get more rights than its parent, through setuid programs for example.",
		Help: "Set `allowPrivilegeEscalation: false`.",
		URL:  standards, CWE: "CWE-250", Source: "CIS Kubernetes 5.2.6", Aliases: []string{"AVD-KSV-0001", "CKV_K8S_20"},
	}
	root = infra.Rule{
		ID: "root-user", Severity: scanners.Medium, Title: "Container runs as root",
		Why:  "A flaw of the container's runtime or of a mount then gives root on the node.",
		Help: "Set `runAsNonRoot: true` and a `runAsUser` other than 0, and let the image work with it.",
		URL:  standards, CWE: "CWE-250", Source: "CIS Kubernetes 5.2.7",
		Aliases: []string{"AVD-KSV-0012", "AVD-KSV-0105", "CKV_K8S_23", "CKV_K8S_40"},
	}
	capability = infra.Rule{
		ID: "dangerous-capability", Severity: scanners.High, Title: "Dangerous capability added",
		Why:  "With this capability a process can leave its container.",
		Help: "Remove it from `capabilities.add`; drop `ALL` and add only what the program fails without.",
		URL:  standards, CWE: "CWE-250", Source: "CIS Kubernetes 5.2.9",
		Aliases: []string{"AVD-KSV-0005", "AVD-KSV-0022", "AVD-KSV-0120", "CKV_K8S_25", "CKV_K8S_39"},
	}
	seccomp = infra.Rule{
		ID: "seccomp-unconfined", Severity: scanners.Medium, Title: "System calls are not filtered",
		Why:  "The filter keeps flaws of the kernel out of reach.",
		Help: "Set the `seccompProfile` to `type: RuntimeDefault`.",
		URL:  "https://kubernetes.io/docs/tutorials/security/seccomp/", CWE: "CWE-693", Source: "CIS Kubernetes 5.7.2",
		Aliases: []string{"AVD-KSV-0104", "CKV_K8S_31"},
	}
	image = infra.Rule{
		ID: "floating-image", Severity: scanners.Low, Title: "Image without a version",
		Why:  "What runs changes without a change here, and nobody can tell what ran.",
		Help: "Name a version, best with its digest: `image: name:1.2.3@sha256:…`.",
		URL:  "https://kubernetes.io/docs/concepts/containers/images/#image-names", CWE: "CWE-1357",
		Aliases: []string{"AVD-KSV-0013", "CKV_K8S_14"},
	}
	secret = infra.Rule{
		ID: "secret-in-env", Severity: scanners.Medium, Title: "Secret written into a manifest",
		Why:  "Everybody who can read the repository or the pod's description can read it.",
		Help: "Put it into a Secret and refer to that with `valueFrom.secretKeyRef`. **Change it where it is used**: the commit keeps it.",
		URL:  "https://kubernetes.io/docs/concepts/security/secrets-good-practices/", CWE: "CWE-798", Source: "CIS Kubernetes 5.4.1",
		Aliases: []string{"CKV_K8S_35"},
	}
	wildcard = infra.Rule{
		ID: "rbac-wildcard", Severity: scanners.High, Title: "Role that may do everything",
		Why:  "Whoever holds the role, or one token of its holders, owns everything it covers.",
		Help: "Name the resources and the verbs that are needed.",
		URL:  rbac, CWE: "CWE-269", Source: "CIS Kubernetes 5.1.3",
		Aliases: []string{"AVD-KSV-0044", "AVD-KSV-0045", "AVD-KSV-0046", "CKV_K8S_49"},
	}
	binding = infra.Rule{
		ID: "rbac-broad-binding", Severity: scanners.Critical, Title: "Rights for everybody",
		Why:  "Rights that a group of everybody or a default account has are rights of every attacker who gets a foot in.",
		Help: "Make a service account for the one program that needs the rights, and bind a role with these rights only.",
		URL:  rbac, CWE: "CWE-269", Source: "CIS Kubernetes 5.1.1 and 5.1.5",
		Aliases: []string{"AVD-KSV-0111", "AVD-KSV-0122", "CKV_K8S_42"},
	}
)
