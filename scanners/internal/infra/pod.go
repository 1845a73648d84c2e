package infra

import "github.com/secbydesign/secbydesign/scanners/internal/yamlpos"

// PodSpec returns what an object says about the pods that it makes, or nil.
func PodSpec(n *yamlpos.Node, kind string) *yamlpos.Node {
	switch kind {
	case "Pod":
		return n.Get("spec")
	case "PodTemplate":
		return n.Get("template", "spec")
	case "CronJob":
		return n.Get("spec", "jobTemplate", "spec", "template", "spec")
	}
	if spec := n.Get("spec", "jobTargetRef", "template", "spec"); spec != nil { // ScaledJob of KEDA
		return spec
	}
	return n.Get("spec", "template", "spec")
}
