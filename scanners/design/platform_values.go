package design

import (
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// valueFiles match the values of a chart of Helm.
var valueFiles = rex(`(^|/)values([._-][^/]*)?\.ya?ml$`)

// helmValues adds what the values of a chart expose.
func helmValues(s *source) {
	if !valueFiles.MatchString(s.path) || s.forOwnMachine() {
		return
	}
	const deep = 4
	for _, n := range s.yaml() {
		s.exposingValues(n, nil, deep)
	}
}

func (s *source) exposingValues(n *yamlpos.Node, at []string, deep int) {
	if deep == 0 || n == nil || n.Kind != yamlpos.Map || n.Get("enabled").False() {
		return
	}
	for _, e := range n.Entries {
		here := append(at[:len(at):len(at)], e.Key)
		name := strings.Join(here, ".")
		switch kind := e.Value.Get("type").String(); {
		case strings.HasSuffix(strings.ToLower(e.Key), "service") && (kind == "LoadBalancer" || kind == "NodePort"):
			s.add("k8s-exposure", "values/"+name+"/"+kind, e.Value.Get("type").Line, valueOptions(e.Value)...)
		case strings.ToLower(e.Key) == "ingress" && e.Value.Get("enabled").True():
			s.add("k8s-exposure", "values/"+name, e.Value.Get("enabled").Line, valueOptions(e.Value)...)
		default:
			s.exposingValues(e.Value, here, deep-1)
		}
	}
}

// valueOptions closes the question about an entry that the values themselves keep inside of a network.
func valueOptions(n *yamlpos.Node) []option {
	for _, a := range n.Get("annotations").Pairs() {
		if internals.MatchString(a.Key + ": " + a.Value.String()) {
			return []option{closed("an annotation keeps it inside the network")}
		}
	}
	for _, key := range []string{"className", "ingressClassName"} {
		if private.MatchString(n.Get(key).String()) {
			return []option{closed("its class is an internal one")}
		}
	}
	if len(n.Get("loadBalancerSourceRanges").List()) > 0 {
		return []option{closed("the service lists the addresses that may call")}
	}
	return nil
}
