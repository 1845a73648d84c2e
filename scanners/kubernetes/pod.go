package kubernetes

import (
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// pod checks a pod. A pod of the control plane may use the network of its node.
func (c *checker) pod(spec *yamlpos.Node, controlPlane bool) {
	for _, key := range []string{"hostNetwork", "hostPID", "hostIPC"} {
		if v := spec.Get(key); v.True() && (!controlPlane || key != "hostNetwork") {
			what := map[string]string{"hostNetwork": "network", "hostPID": "process", "hostIPC": "IPC"}[key]
			c.add(hostNamespace, v.Line, c.name+" shares the node's "+what+" namespace ("+key+").", key)
		}
	}
	for _, v := range spec.Get("volumes").List() {
		if p := v.Get("hostPath", "path"); infra.HostPath(p.String()) {
			f := c.add(hostPath, p.Line, c.name+" mounts "+infra.Name(p.String())+" of the node.", p.String())
			f.Extents = infra.PathExtents(p.String(), writable(spec, v.Get("name").String()))
		}
	}
	var all []container
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		for _, n := range spec.Get(list).List() {
			if n != nil {
				all = append(all, container{infra.Name(n.Get("name").String()), n, n.Get("securityContext")})
			}
		}
	}
	c.users(spec, all)
	c.seccomp(spec, all)
	for _, one := range all {
		c.container(one)
	}
	if len(all) > 0 {
		c.kept(spec.Get("automountServiceAccountToken").False(), tokenRemoved, spec.Line, "mounts the token of its service account again.", "")
	}
}

// A container is one of a pod.
type container struct {
	name    string
	node    *yamlpos.Node
	context *yamlpos.Node // its securityContext
}

func (c *checker) container(one container) {
	who := c.who(one.name)
	if img := one.node.Get("image"); img != nil {
		// If the image has the object's own name, a build tool such as Skaffold fills it in.
		if what, floating := infra.Floating(img.String()); floating && !strings.HasSuffix(c.name, " "+img.String()) {
			c.add(image, img.Line, who+" runs an image with "+what+".", one.name)
		}
	}
	known := infra.Words{}
	known.Add(append(infra.ImageNames(one.node.Get("image").String()), one.name)...)
	for _, env := range one.node.Get("env").List() {
		if name := env.Get("name").String(); !infra.SecretName(name) {
			known.Add(env.Get("value").String())
		}
	}
	for _, env := range one.node.Get("env").List() {
		variable, value := env.Get("name").String(), env.Get("value")
		if c.isSecret(variable, value.String(), known) {
			c.add(secret, value.Line, who+" has a literal value for "+infra.Name(variable)+".", one.name, variable)
		}
	}
	if v := one.context.Get("privileged"); v.True() {
		c.replace(c.add(privileged, v.Line, who+" is privileged.", one.name), v, "false")
	}
	for _, v := range one.context.Get("capabilities", "add").List() {
		if name := infra.Capability(v.String()); name != "" {
			c.add(capability, v.Line, who+" gets the capability "+name+".", one.name, name).Extents = infra.CapabilityExtents(one.name, name)
		}
	}
	c.escalates(one)

	line := func(n *yamlpos.Node) int {
		if n != nil {
			return n.Line
		}
		return one.node.Line
	}
	readOnly := one.context.Get("readOnlyRootFilesystem")
	c.kept(readOnly.True(), readOnlyRemoved, line(readOnly), "no longer has a read-only root filesystem.", one.name)
	drop := one.context.Get("capabilities", "drop")
	all := slices.ContainsFunc(drop.List(), func(v *yamlpos.Node) bool { return strings.EqualFold(v.String(), "ALL") })
	c.kept(all, dropRemoved, line(drop), "no longer drops all capabilities.", one.name)
}

func (c *checker) escalates(one container) {
	v := one.context.Get("allowPrivilegeEscalation")
	switch {
	case one.context.Get("privileged").True(): // the same, and more
	case v.True():
		c.replace(c.add(escalation, v.Line, c.who(one.name)+" may gain privileges.", one.name), v, "false")
	case v.False():
		c.kept(true, escalationAllowed, v.Line, "", one.name)
	default:
		c.kept(false, escalationAllowed, one.node.Line, "may gain privileges: allowPrivilegeEscalation is no longer false.", one.name)
	}
}

// A state is what a security context says about one setting.
type state int

const (
	unset  state = iota
	safe         // a line protects
	unsafe       // a line removes the protection
)

// inherited checks a setting that a pod sets for its containers, and each container for itself. What a container
// sets takes precedence. It calls report for each context that removes the protection of a container, and says
// which context protects.
func (c *checker) inherited(spec *yamlpos.Node, all []container, of func(context *yamlpos.Node) state, report func(context *yamlpos.Node, container string), removed infra.Rule, message string) {
	pod := spec.Get("securityContext")
	ofPod := of(pod)
	inherits := slices.ContainsFunc(all, func(one container) bool { return of(one.context) == unset })
	if ofPod == unsafe && (len(all) == 0 || slices.ContainsFunc(all, func(one container) bool { return of(one.context) != safe })) {
		report(pod, "")
	}
	if ofPod == safe || ofPod == unset && inherits {
		c.kept(ofPod == safe, removed, spec.Line, message, "")
	}
	for _, one := range all {
		switch is := of(one.context); {
		case is == unsafe:
			report(one.context, one.name)
		case ofPod == unset && one.name != "":
			c.kept(is == safe, removed, one.node.Line, message, one.name)
		}
	}
}

// users checks as which user the containers run.
func (c *checker) users(spec *yamlpos.Node, all []container) {
	podUser := spec.Get("securityContext", "runAsUser")
	of := func(context *yamlpos.Node) state {
		user, nonRoot := context.Get("runAsUser"), context.Get("runAsNonRoot")
		switch {
		case user.String() == "0":
			return unsafe
		case user != nil, nonRoot.True():
			return safe
		case nonRoot.False() && (podUser == nil || podUser.String() == "0"):
			return unsafe
		}
		return unset
	}
	report := func(context *yamlpos.Node, container string) {
		who, extent := c.who(container), scanners.Extent{Of: "root in " + container, To: 1}
		v := context.Get("runAsUser")
		message := " runs as user 0."
		if v == nil {
			v, message = context.Get("runAsNonRoot"), " may run as root."
		} else {
			extent.To = 2
		}
		c.add(root, v.Line, who+message, container).Extents = []scanners.Extent{extent}
	}
	c.inherited(spec, all, of, report, userRemoved, "may run as root: no line forbids it any more.")
}

// seccomp checks which system calls the containers may use.
func (c *checker) seccomp(spec *yamlpos.Node, all []container) {
	of := func(context *yamlpos.Node) state {
		switch context.Get("seccompProfile", "type").String() {
		case "":
			return unset
		case "Unconfined":
			return unsafe
		}
		return safe
	}
	report := func(context *yamlpos.Node, container string) {
		v := context.Get("seccompProfile", "type")
		c.replace(c.add(unfiltered, v.Line, c.who(container)+" runs without a seccomp profile.", container), v, "RuntimeDefault")
	}
	c.inherited(spec, all, of, report, seccompRemoved, "no longer has a seccomp profile.")
}

// writable reports whether a container can write to a volume of its pod.
func writable(spec *yamlpos.Node, volume string) bool {
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		for _, container := range spec.Get(list).List() {
			for _, mount := range container.Get("volumeMounts").List() {
				if mount.Get("name").String() == volume && !mount.Get("readOnly").True() {
					return true
				}
			}
		}
	}
	return false
}
