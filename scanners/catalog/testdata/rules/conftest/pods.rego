package main

import rego.v1

deny contains {
	"msg": sprintf("The pods of %s may run as root.", [input.metadata.name]),
	"id": "pods-as-root",
	"severity": "high",
	"title": "Pods that may run as root",
	"why": "What breaks out of such a container is root on the machine.",
	"help": "Set `runAsNonRoot: true`.",
	"cwe": "CWE-250",
} if {
	input.kind == "Deployment"
	not input.spec.template.spec.securityContext.runAsNonRoot
}

warn_owner contains msg if {
	input.kind == "Deployment"
	not input.metadata.labels.owner
	msg := sprintf("Nobody owns %s.", [input.metadata.name])
}
