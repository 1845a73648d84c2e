package kubernetes

import (
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

const (
	standards = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"
	rbac      = "https://kubernetes.io/docs/concepts/security/rbac-good-practices/"
	contexts  = "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/"
	secrets   = "https://kubernetes.io/docs/concepts/security/secrets-good-practices/"
)

// The sections are those of the CIS Kubernetes Benchmark 1.8.
var (
	privileged = infra.Rule{
		ID: "privileged-container", Severity: scanners.High, Title: "Privileged container",
		Why:  "Root in a privileged container has all rights on the node. An attacker who gets into the container owns the node.",
		Help: "Remove `privileged`, or set it to `false`, and add only the capabilities that the program needs.",
		URL:  standards, CWE: "CWE-250", Source: "CIS Kubernetes 5.2.2", Aliases: []string{"AVD-KSV-0017", "CKV_K8S_16"},
	}
	hostNamespace = infra.Rule{
		ID: "host-namespace", Severity: scanners.Medium, Title: "Pod shares a namespace of the node",
		Why:  "The containers can see and reach the node's own network, processes or memory, and so those of other pods.",
		Help: "Remove the key, or set it to `false`. Only agents that manage the node need it.",
		URL:  standards, CWE: "CWE-653", Source: "CIS Kubernetes 5.2.3 to 5.2.5",
		Aliases: []string{"AVD-KSV-0008", "AVD-KSV-0009", "AVD-KSV-0010", "CKV_K8S_17", "CKV_K8S_18", "CKV_K8S_19"},
	}
	hostPath = infra.Rule{
		ID: "sensitive-host-path", Severity: scanners.High, Title: "Sensitive path of the node in a pod",
		Why:  "An attacker who gets into a container of the pod can take over the node through this path.",
		Help: "Use a volume of another kind. If an agent has to read files of the node, mount only their folder, with `readOnly: true`.",
		URL:  "https://kubernetes.io/docs/concepts/storage/volumes/#hostpath", CWE: "CWE-668", Source: "CIS Kubernetes 5.2.12",
		Aliases: []string{"AVD-KSV-0006", "AVD-KSV-0023", "CKV_K8S_27"},
	}
	escalation = infra.Rule{
		ID: "privilege-escalation", Severity: scanners.Medium, Title: "Privilege escalation is allowed",
		Why:  "A process can get more rights than its parent, for example through a setuid program.",
		Help: "Set `allowPrivilegeEscalation: false`.",
		URL:  standards, CWE: "CWE-250", Source: "CIS Kubernetes 5.2.6", Aliases: []string{"AVD-KSV-0001", "CKV_K8S_20"},
	}
	root = infra.Rule{
		ID: "root-user", Severity: scanners.Medium, Title: "Container runs as root",
		Why:  "If an attacker breaks out of a container that runs as root, the attacker is root on the node.",
		Help: "Set `runAsNonRoot: true` and a `runAsUser` other than 0, with which the image has to work.",
		URL:  standards, CWE: "CWE-250", Source: "CIS Kubernetes 5.2.7",
		Aliases: []string{"AVD-KSV-0012", "AVD-KSV-0105", "CKV_K8S_23", "CKV_K8S_40"},
	}
	capability = infra.Rule{
		ID: "dangerous-capability", Severity: scanners.High, Title: "Dangerous capability added",
		Why:  "A process with this capability can leave its container.",
		Help: "Remove it from `capabilities.add`. Drop `ALL` and add only what the program fails without.",
		URL:  standards, CWE: "CWE-250", Source: "CIS Kubernetes 5.2.9",
		Aliases: []string{"AVD-KSV-0005", "AVD-KSV-0022", "AVD-KSV-0120", "CKV_K8S_25", "CKV_K8S_39"},
	}
	unfiltered = infra.Rule{
		ID: "seccomp-unconfined", Severity: scanners.Medium, Title: "System calls are not filtered",
		Why:  "The filter blocks system calls through which containers attack the node's kernel.",
		Help: "Set the `seccompProfile` to `type: RuntimeDefault`.",
		URL:  "https://kubernetes.io/docs/tutorials/security/seccomp/", CWE: "CWE-693", Source: "CIS Kubernetes 5.7.2",
		Aliases: []string{"AVD-KSV-0104", "CKV_K8S_31"},
	}
	image = infra.Rule{
		ID: "floating-image", Severity: scanners.Note, Title: "Image without a version",
		Why:  "Another image can run tomorrow without a change of this file.",
		Help: "Name a version, best with its digest: `image: name:1.2.3@sha256:…`.",
		URL:  "https://kubernetes.io/docs/concepts/containers/images/#image-names", CWE: "CWE-1357",
		Aliases: []string{"AVD-KSV-0013", "CKV_K8S_14"},
	}
	secret = infra.Rule{
		ID: "secret-in-env", Severity: scanners.Medium, Title: "Password written into a manifest",
		Why:  "Everybody who can read the repository, or the description of the pod, can read it.",
		Help: "**Change it where it is used**, because the commit keeps it. Then put it into a Secret and refer to that with `valueFrom.secretKeyRef`.",
		URL:  secrets, CWE: "CWE-798", Source: "CIS Kubernetes 5.4.1",
		Aliases: []string{"CKV_K8S_35"},
	}
	secretData = infra.Rule{
		ID: "secret-in-manifest", Severity: scanners.Low, Title: "Password written into a manifest",
		Why:  "Everybody who can read the repository can read it, and it is the same wherever this file is used.",
		Help: "**Change it where it is used**, because the commit keeps it. Then make the Secret outside of the repository, or encrypt it with SOPS or Sealed Secrets.",
		URL:  secrets, CWE: "CWE-798", Source: "CIS Kubernetes 5.4.1",
	}
	wildcard = infra.Rule{
		ID: "rbac-wildcard", Severity: scanners.High, Title: "Role with all rights",
		Why:  "An attacker who gets one token of somebody with this role controls everything that the role covers.",
		Help: "Name the resources and the verbs that are needed.",
		URL:  rbac, CWE: "CWE-269", Source: "CIS Kubernetes 5.1.3",
		Aliases: []string{"AVD-KSV-0044", "AVD-KSV-0045", "AVD-KSV-0046", "CKV_K8S_49"},
	}
	binding = infra.Rule{
		ID: "rbac-broad-binding", Severity: scanners.Critical, Title: "Rights for everybody",
		Why:  "Every attacker who gets into one pod, or only reaches the API server, has these rights too.",
		Help: "Make a service account for the one program that needs the rights, and bind the role to that account only.",
		URL:  rbac, CWE: "CWE-269", Source: "CIS Kubernetes 5.1.1 and 5.1.5",
		Aliases: []string{"AVD-KSV-0111", "AVD-KSV-0122", "CKV_K8S_42"},
	}
)

// These rules are about settings that a change removes.
var (
	userRemoved = infra.Rule{
		ID: "root-user", Severity: scanners.Medium, Title: "Protection against running as root removed",
		Why:  root.Why,
		Help: "Put `runAsNonRoot: true` back, or a `runAsUser` other than 0.",
		URL:  contexts, CWE: "CWE-250", Source: root.Source, Aliases: root.Aliases,
	}
	seccompRemoved = infra.Rule{
		ID: "seccomp-unconfined", Severity: scanners.Medium, Title: "Filter of system calls removed",
		Why:  unfiltered.Why,
		Help: "Put the `seccompProfile` with `type: RuntimeDefault` back.",
		URL:  unfiltered.URL, CWE: "CWE-693", Source: unfiltered.Source, Aliases: unfiltered.Aliases,
	}
	escalationAllowed = infra.Rule{
		ID: "privilege-escalation", Severity: scanners.Medium, Title: "Protection against privilege escalation removed",
		Why:  escalation.Why,
		Help: "Put `allowPrivilegeEscalation: false` back. Without it, Kubernetes allows it.",
		URL:  contexts, CWE: "CWE-250", Source: escalation.Source, Aliases: escalation.Aliases,
	}
	readOnlyRemoved = infra.Rule{
		ID: "writable-root", Severity: scanners.Low, Title: "Read-only root filesystem removed",
		Why:  "An attacker who gets into the container can now change its programs and put others there.",
		Help: "Put `readOnlyRootFilesystem: true` back. If the program has to write somewhere, mount an `emptyDir` there.",
		URL:  contexts, CWE: "CWE-732", Source: "CIS Kubernetes 5.7.3", Aliases: []string{"AVD-KSV-0014", "CKV_K8S_22"},
	}
	dropRemoved = infra.Rule{
		ID: "capabilities-kept", Severity: scanners.Low, Title: "Capabilities no longer dropped",
		Why:  "The container has the default capabilities again, which few programs need and attackers use.",
		Help: "Put `capabilities: {drop: [ALL]}` back, and add what the program fails without.",
		URL:  standards, CWE: "CWE-250", Source: "CIS Kubernetes 5.2.10", Aliases: []string{"AVD-KSV-0003", "CKV_K8S_37"},
	}
	tokenRemoved = infra.Rule{
		ID: "service-account-token", Severity: scanners.Low, Title: "Service account's token mounted again",
		Why:  "An attacker who gets into a container can use the token to call the API server.",
		Help: "Put `automountServiceAccountToken: false` back, unless the program calls the API server.",
		URL:  "https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/", CWE: "CWE-668", Source: "CIS Kubernetes 5.1.6",
		Aliases: []string{"AVD-KSV-0036", "CKV_K8S_38"},
	}
	admissionRemoved = infra.Rule{
		ID: "pod-security", Severity: scanners.Medium, Title: "Security standard of a namespace removed",
		Why:  "Kubernetes now accepts privileged pods in this namespace.",
		Help: "Put the label `pod-security.kubernetes.io/enforce: baseline` or `restricted` back.",
		URL:  "https://kubernetes.io/docs/concepts/security/pod-security-admission/", CWE: "CWE-693", Source: "CIS Kubernetes 5.2.1",
	}
)
