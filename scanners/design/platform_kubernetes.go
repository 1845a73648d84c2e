package design

import (
	"bytes"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

var (
	// manifest matches a document that may be an object of Kubernetes.
	manifest = rex(`(?m)^["']?kind["']?\s*:`)

	// filledIn matches what Helm fills in. A line that holds nothing else steers the template.
	filledIn   = rex(`\{\{[^\n]*?\}\}`)
	filledLine = rex(`(?m)^[ \t]*(?:- )?\{\{[^\n]*\}\}[ \t]*$`)
	blank      = "__"
)

// manifests returns the objects of a file, also those of a template of Helm with blanks in place of what it fills in.
func (s *source) manifests() (list []*yamlpos.Node) {
	if !s.is(yaml) || !manifest.Match(s.text) {
		return nil
	}
	if !bytes.Contains(s.text, []byte("{{")) {
		return s.yaml()
	}
	bare := filledLine.ReplaceAll(s.text, nil)
	bare = filledIn.ReplaceAll(bare, []byte(blank))
	for d := range yamlpos.Documents(bare) {
		if node, err := yamlpos.Parse(d); err == nil && node != nil {
			list = append(list, node)
		}
	}
	return list
}

// kubernetes adds the facts of manifests.
func kubernetes(s *source) {
	if chart(s) {
		return
	}
	for _, n := range s.manifests() {
		s.objects(n, false)
	}
}

// objects adds the facts of an object, or of the objects of a list.
func (s *source) objects(n *yamlpos.Node, inList bool) {
	kind := n.Get("kind").String()
	if strings.HasSuffix(kind, "List") && n.Get("items") != nil && !inList {
		for _, item := range n.Get("items").List() {
			s.objects(item, true)
		}
		return
	}
	o := kubeObject{source: s, node: n, kind: kind, group: n.Get("apiVersion").String(), name: strings.Trim(strings.ReplaceAll(n.Get("metadata", "name").String(), blank, ""), "-. ")}
	if o.group == "" || kind == "" {
		return
	}
	if o.name == "" {
		o.name = componentOf(strings.TrimSuffix(strings.TrimSuffix(s.path, ".yaml"), ".yml"))
	}
	o.exposure()
	o.powers()
	o.rights()
	o.store()
	o.unit()
	if restrictions.MatchString(kind) {
		s.add(NetworkRestriction, o.called(), o.line("metadata", "name"))
	}
}

var restrictions = rex(`^(NetworkPolicy|CiliumNetworkPolicy|CiliumClusterwideNetworkPolicy|GlobalNetworkPolicy|AuthorizationPolicy|SecurityPolicy|BackendPolicy)$`)

// A kubeObject is one object of a manifest.
type kubeObject struct {
	*source
	node              *yamlpos.Node
	kind, group, name string
}

// called is the kind and the name, as far as the file says it.
func (o kubeObject) called() string { return strings.TrimSuffix(o.kind+"/"+o.name, "/") }

// line returns the line of a value, or of the object.
func (o kubeObject) line(keys ...string) int {
	if v := o.node.Get(keys...); v != nil {
		return v.Line
	}
	return o.node.Line
}

// exposure adds what is reached from outside of the cluster.
func (o kubeObject) exposure() {
	spec := o.node.Get("spec")
	switch {
	case o.kind == "Service" && o.group == "v1":
		if t := spec.Get("type").String(); t == "LoadBalancer" || t == "NodePort" {
			o.expose(t, spec.Get("type").Line)
		}
	case o.kind == "Ingress":
		for _, rule := range spec.Get("rules").List() {
			o.expose(hostName(rule.Get("host").String()), rule.Line)
		}
		if len(spec.Get("rules").List()) == 0 && spec.Get("defaultBackend") != nil {
			o.expose("", o.line("metadata", "name"))
		}
	case o.kind == "HTTPRoute" || o.kind == "GRPCRoute" || o.kind == "TLSRoute" || o.kind == "TCPRoute",
		o.kind == "VirtualService" && strings.HasPrefix(o.group, "networking.istio.io/") && !onlyMesh(spec.Get("gateways")):
		hosts := append(spec.Get("hostnames").List(), spec.Get("hosts").List()...)
		for _, host := range hosts {
			o.expose(hostName(host.String()), host.Line)
		}
		if len(hosts) == 0 {
			o.expose("", o.line("metadata", "name"))
		}
	case o.kind == "Gateway" && (strings.HasPrefix(o.group, "gateway.networking.k8s.io/") || strings.HasPrefix(o.group, "networking.istio.io/")),
		(o.kind == "IngressRoute" || o.kind == "IngressRouteTCP") && strings.Contains(o.group, "traefik"),
		o.kind == "Route" && (strings.HasPrefix(o.group, "route.openshift.io/") || o.group == "v1"),
		o.kind == "HTTPProxy" && strings.HasPrefix(o.group, "projectcontour.io/"):
		o.expose(hostName(spec.Get("host").String()), o.line("metadata", "name"))
	}
}

// onlyMesh reports whether a virtual service is for calls inside the mesh alone, as it is without gateways.
func onlyMesh(gateways *yamlpos.Node) bool {
	return !slices.ContainsFunc(gateways.List(), func(g *yamlpos.Node) bool { return g.String() != "mesh" })
}

// hostName returns a host, without what Helm fills in.
func hostName(host string) string { return strings.Trim(strings.ReplaceAll(host, blank, ""), ".-: ") }

func (o kubeObject) expose(what string, line int) {
	var options []option
	if because := o.kept(); because != "" {
		options = append(options, closed(because))
	}
	o.add("k8s-exposure", strings.TrimSuffix(o.called()+"/"+what, "/"), line, options...)
}

var (
	// internals match an annotation, with its value, that keeps an entry inside of a network.
	internals = rex(`(?i)^(.*load-balancer-internal: (true|0\.0\.0\.0/0|.*internal.*)|.*(load-balancer-scheme|/scheme): internal|.*load-balancer-type: internal|.*ingress\.class: .*(internal|private).*|.*internal-load-balancer.*: true|.*address-pool: .*(internal|private).*)$`)
	allowed   = rex(`(?i)(whitelist-source-range|allowlist-source-range|inbound-cidrs|load-balancer-source-ranges)$`)
	private   = rex(`(?i)(^|[-_.])(internal|private)([-_.]|$)`)
)

// kept returns what the object itself says against calls from the internet, or "".
func (o kubeObject) kept() string {
	for _, a := range o.node.Get("metadata", "annotations").Pairs() {
		switch value := a.Value.String(); {
		case internals.MatchString(a.Key + ": " + value):
			return "an annotation keeps it inside the network"
		case allowed.MatchString(a.Key) && value != "" && !everywhere(value):
			return "an annotation lists the addresses that may call"
		}
	}
	spec := o.node.Get("spec")
	if ranges := spec.Get("loadBalancerSourceRanges").List(); len(ranges) > 0 && !slices.ContainsFunc(ranges, func(r *yamlpos.Node) bool { return everywhere(r.String()) }) {
		return "the service lists the addresses that may call"
	}
	names := []string{o.gateway(), spec.Get("ingressClassName").String(), spec.Get("gatewayClassName").String(), spec.Get("loadBalancerClass").String()}
	parents := spec.Get("parentRefs").List()
	for _, p := range parents {
		names = append(names, p.Get("name").String())
	}
	inside := 0
	for _, n := range names {
		if private.MatchString(n) {
			inside++
		}
	}
	if inside > 0 && inside >= len(parents) {
		return "its class or gateway is an internal one"
	}
	return ""
}

// gateway is the name of a gateway, which says which of several it is.
func (o kubeObject) gateway() string {
	if o.kind == "Gateway" {
		return o.name
	}
	return ""
}

// powers adds the rights of pods over their node.
func (o kubeObject) powers() {
	spec := infra.PodSpec(o.node, o.kind)
	add := func(field string, line int) {
		o.add("k8s-privilege", o.called()+":"+field, line)
	}
	for _, key := range []string{"hostNetwork", "hostPID", "hostIPC"} {
		if v := spec.Get(key); v.True() {
			add(key, v.Line)
		}
	}
	for _, v := range spec.Get("volumes").List() {
		if p := v.Get("hostPath", "path"); p != nil {
			add("hostPath "+p.String(), p.Line)
		}
	}
	once := map[string]bool{}
	each := func(field string, line int) {
		if !once[field] {
			once[field] = true
			add(field, line)
		}
	}
	contexts := []*yamlpos.Node{spec.Get("securityContext")}
	for _, list := range []string{"initContainers", "containers"} {
		for _, c := range spec.Get(list).List() {
			contexts = append(contexts, c.Get("securityContext"))
		}
	}
	for _, c := range contexts {
		for _, key := range []string{"privileged", "allowPrivilegeEscalation"} {
			if v := c.Get(key); v.True() {
				each(key, v.Line)
			}
		}
		if v := c.Get("runAsUser"); v.String() == "0" {
			each("runAsUser 0", v.Line)
		}
		for _, v := range c.Get("capabilities", "add").List() {
			if name := strings.TrimPrefix(strings.ToUpper(v.String()), "CAP_"); name != "" && name != "NET_BIND_SERVICE" {
				each("capability "+name, v.Line)
			}
		}
	}
}

var strongRights = rex(`^(\*|secrets|pods/exec|pods/attach|serviceaccounts/token|nodes/proxy|clusterrolebindings|rolebindings)$`)

// rights adds the grants of the cluster's own permissions.
func (o kubeObject) rights() {
	switch o.kind {
	case "Role", "ClusterRole":
		for _, rule := range o.node.Get("rules").List() {
			strong := slices.ContainsFunc(rule.Get("resources").List(), func(n *yamlpos.Node) bool { return strongRights.MatchString(n.String()) }) && len(rule.Get("resourceNames").List()) == 0
			verbs := slices.ContainsFunc(rule.Get("verbs").List(), func(n *yamlpos.Node) bool {
				return slices.Contains([]string{"*", "escalate", "bind", "impersonate"}, n.String())
			})
			if strong || verbs {
				o.add("k8s-rbac", o.called(), rule.Line)
				return
			}
		}
	case "RoleBinding", "ClusterRoleBinding":
		o.add("k8s-rbac", o.called(), o.line("roleRef", "name"), with("role", o.node.Get("roleRef", "name").String()))
	}
}

// generic are parts of a path that name no component.
var generic = rex(`(?i)^(templates?|charts?|helm|files|docker|src|main|rootfs|images?|build|containers?|k8s|kubernetes|manifests|deploy(ments?)?|base|app|apps|statefulset|daemonset|workload|service|svc|ingress|rbac|role(binding)?|clusterrole(binding)?|dockerfile|containerfile)$`)

// componentOf returns the last part of a path that names a component, or "the repository".
func componentOf(name string) string {
	parts := strings.Split(name, "/")
	for _, part := range slices.Backward(parts) {
		if part != "" && !generic.MatchString(part) {
			return part
		}
	}
	return "the repository"
}

// workloads are the kinds of objects that run a program for good.
var workloads = []string{"Deployment", "StatefulSet", "DaemonSet", "DeploymentConfig", "Rollout"}

// unit adds a workload. A patch of one has no selector or no image.
func (o kubeObject) unit() {
	switch {
	case o.kind == "Service" && strings.HasPrefix(o.group, "serving.knative.dev/"):
	case !slices.Contains(workloads, o.kind) || o.node.Get("spec", "selector") == nil:
		return
	}
	containers := infra.PodSpec(o.node, o.kind).Get("containers").List()
	if len(containers) == 0 || containers[0].Get("image").String() == "" || o.imageStore() != "" {
		return
	}
	o.add("new-deployable", o.name, o.line("metadata", "name"), with("kind", strings.ToLower(o.kind)))
}
