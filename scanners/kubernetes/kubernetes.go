// Package kubernetes finds settings in Kubernetes manifests that let attackers take over the node
// or the cluster.
//
// It checks only what is written: it reports neither missing settings nor values that a template
// fills in. A document that is not valid YAML is skipped if it is a template, such as one of Helm,
// or not a known Kubernetes object; otherwise it makes the scan incomplete. Nothing in the tree
// configures this scanner.
//
//	rule                  Trivy, Checkov                               CIS Kubernetes 1.8
//	privileged-container  AVD-KSV-0017, CKV_K8S_16                     5.2.2
//	host-namespace        AVD-KSV-0008 to 0010, CKV_K8S_17 to 19       5.2.3 to 5.2.5
//	sensitive-host-path   AVD-KSV-0006, AVD-KSV-0023, CKV_K8S_27       5.2.12
//	privilege-escalation  AVD-KSV-0001, CKV_K8S_20                     5.2.6
//	root-user             AVD-KSV-0012, 0105, CKV_K8S_23, CKV_K8S_40   5.2.7
//	dangerous-capability  AVD-KSV-0005, 0022, 0120, CKV_K8S_25, 39     5.2.9
//	seccomp-unconfined    AVD-KSV-0104, CKV_K8S_31                     5.7.2
//	floating-image        AVD-KSV-0013, CKV_K8S_14
//	secret-in-env         CKV_K8S_35                                   5.4.1
//	rbac-wildcard         AVD-KSV-0044 to 0046, CKV_K8S_49             5.1.3
//	rbac-broad-binding    AVD-KSV-0111, AVD-KSV-0122, CKV_K8S_42       5.1.1, 5.1.5
package kubernetes

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// version is incremented with every change to the findings.
const version = "2"

// maxSize is the size of the largest file that is read, in megabytes. The largest manifests of real
// projects have some 5.
const maxSize = 8

var info = scanners.Info{
	Name:   "kubernetes",
	Gate:   scanners.Infrastructure,
	Scopes: []scanners.Scope{scanners.ScopeFile},
	About:  "Kubernetes manifests that give the node or the cluster away",
	URL:    "https://kubernetes.io/docs/concepts/security/",
	Files:  []string{"**/*.yml", "**/*.yaml"},

	Suppressions: scanners.Suppressions{None: markers.BuiltIn},
}

// Scanner checks manifests. The zero value is ready.
type Scanner struct{}

// Info implements [scanners.Scanner].
func (Scanner) Info() scanners.Info { return info }

// Version implements [scanners.Scanner]. It never fails.
func (Scanner) Version(context.Context) (string, error) { return version, nil }

// Scan implements [scanners.Scanner].
func (Scanner) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	return infra.Files(ctx, info, maxSize, t, checkFile)
}

// known matches, before parsing, a document whose kind is checked: most YAML is something else.
var known = regexp.MustCompile(`(?m)^[\s"'{,-]*kind["']?\s*:\s*["']?(Pod|PodTemplate|Deployment|StatefulSet|DaemonSet|ReplicaSet|ReplicationController|Job|CronJob|Rollout|Role|ClusterRole|RoleBinding|ClusterRoleBinding)\b`)

// template matches what template languages put into YAML.
var template = regexp.MustCompile(`\{\{|\{%|<%|\$\{|\(\(`)

func checkFile(ctx context.Context, f scanners.File) ([]scanners.Finding, error) {
	c := checker{path: f.Path}
	var failed error
	for d := range yamlpos.Documents(f.Content) {
		if ctx.Err() != nil {
			return c.found, ctx.Err()
		}
		if !known.Match(d.Text) {
			continue
		}
		object, err := yamlpos.Parse(d)
		var bad *yamlpos.SyntaxError
		var much *yamlpos.TooMuchError
		switch {
		case errors.As(err, &much):
			failed = infra.TooMuch(much.Line)
		case errors.As(err, &bad) && failed == nil && bytes.Contains(d.Text, []byte("apiVersion")) && !template.Match(d.Text):
			failed = &infra.PlaceError{Line: bad.Line, Why: "not valid YAML"}
		case err == nil:
			c.object(object, true)
			if object.Spent() {
				failed = infra.TooMuch(d.Line)
			}
		}
		if len(c.found) > infra.MaxFindings {
			break // it reports no more
		}
	}
	return c.found, failed
}

// A checker collects the findings of one file.
type checker struct {
	path  string
	found []scanners.Finding
	name  string // the name of the current object, for messages and identities
}

// add adds a finding about the current object.
func (c *checker) add(r infra.Rule, line int, message string, identity ...string) *scanners.Finding {
	c.found = append(c.found, r.At(c.path, line, line, message, append([]string{c.name}, identity...)...))
	return &c.found[len(c.found)-1]
}

// replace adds a fix that replaces the value n by text.
func (c *checker) replace(f *scanners.Finding, n *yamlpos.Node, text string) {
	if n.Column > 0 {
		f.Fixes = infra.Replace(c.path, n.Line, n.Column, n.EndColumn, text)
	}
}

func (c *checker) object(n *yamlpos.Node, lists bool) {
	kind := n.Get("kind").String()
	if n.Get("apiVersion").String() == "" {
		return
	}
	c.name = kind
	for _, part := range []string{"namespace", "name"} {
		if text := n.Get("metadata", part).String(); text != "" {
			c.name += " " + infra.Name(text)
		}
	}
	switch kind {
	case "List":
		for _, item := range n.Get("items").List() {
			if lists { // nested lists could share their items without end
				c.object(item, false)
			}
		}
	case "Pod":
		c.pod(n.Get("spec"))
	case "PodTemplate":
		c.pod(n.Get("template", "spec"))
	case "CronJob":
		c.pod(n.Get("spec", "jobTemplate", "spec", "template", "spec"))
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "Rollout":
		c.pod(n.Get("spec", "template", "spec"))
	case "Role", "ClusterRole":
		c.role(n.Get("rules"))
	case "RoleBinding", "ClusterRoleBinding":
		c.binding(n)
	}
}

func (c *checker) pod(spec *yamlpos.Node) {
	for _, key := range []string{"hostNetwork", "hostPID", "hostIPC"} {
		if v := spec.Get(key); v.True() {
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
	c.context(spec.Get("securityContext"), "")
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		for _, container := range spec.Get(list).List() {
			c.container(container)
		}
	}
}

func (c *checker) container(n *yamlpos.Node) {
	name := infra.Name(n.Get("name").String())
	c.context(n.Get("securityContext"), name)
	if img := n.Get("image"); img != nil {
		// If the image has the object's own name, a build tool such as Skaffold fills it in.
		if what, floating := infra.Floating(img.String()); floating && !strings.HasSuffix(c.name, " "+img.String()) {
			c.add(image, img.Line, "Container "+name+" of "+c.name+" runs an image with "+what+".", name)
		}
	}
	for _, env := range n.Get("env").List() {
		variable, value := env.Get("name").String(), env.Get("value")
		if infra.SecretName(variable) && infra.SecretValue(value.String()) {
			c.add(secret, value.Line, "Container "+name+" of "+c.name+" has a literal value for "+infra.Name(variable)+".", name, variable)
		}
	}
}

// context checks a security context: that of the whole pod if container is empty.
func (c *checker) context(n *yamlpos.Node, container string) {
	who := c.name
	if container != "" {
		who = "Container " + container + " of " + c.name
	}
	if v := n.Get("privileged"); v.True() {
		c.replace(c.add(privileged, v.Line, who+" is privileged.", container), v, "false")
	}
	if v := n.Get("allowPrivilegeEscalation"); v.True() && !n.Get("privileged").True() {
		c.replace(c.add(escalation, v.Line, who+" may gain privileges.", container), v, "false")
	}
	if v := n.Get("runAsUser"); v.String() == "0" {
		c.add(root, v.Line, who+" runs as user 0.", container).Extents = []scanners.Extent{{Of: "root in " + container, To: 2}}
	} else if v := n.Get("runAsNonRoot"); v.False() && n.Get("runAsUser") == nil {
		c.add(root, v.Line, who+" may run as root.", container).Extents = []scanners.Extent{{Of: "root in " + container, To: 1}}
	}
	for _, v := range n.Get("capabilities", "add").List() {
		if name := infra.Capability(v.String()); name != "" {
			c.add(capability, v.Line, who+" gets the capability "+name+".", container, name).Extents = infra.CapabilityExtents(container, name)
		}
	}
	if v := n.Get("seccompProfile", "type"); v.String() == "Unconfined" {
		c.replace(c.add(seccomp, v.Line, who+" runs without a seccomp profile.", container), v, "RuntimeDefault")
	}
}

func (c *checker) role(rules *yamlpos.Node) {
	for _, rule := range rules.List() {
		if has(rule.Get("verbs"), "*") && has(rule.Get("resources"), "*") && (has(rule.Get("apiGroups"), "*") || has(rule.Get("apiGroups"), "")) {
			f := c.add(wildcard, rule.Line, c.name+" allows every verb on every resource.")
			f.Extents = []scanners.Extent{{Of: "groups", To: 1}}
			if has(rule.Get("apiGroups"), "*") {
				f.Extents[0].To = 2
			}
		}
	}
}

// has reports whether text is an item of the list.
func has(list *yamlpos.Node, text string) bool {
	for _, item := range list.List() {
		if item != nil && item.Kind == yamlpos.Scalar && item.Text == text {
			return true
		}
	}
	return false
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

// bound returns the extents of a role binding: who gets the role, ranked by how many they are, and which
// role.
func bound(who, role string) []scanners.Extent {
	level := func(list []string, name string) int { return slices.Index(list, name) + 1 }
	return []scanners.Extent{
		{Of: "who", To: level([]string{"default", "system:serviceaccounts", "system:authenticated", "system:unauthenticated", "system:anonymous"}, who)},
		{Of: "role", To: level([]string{"view", "edit", "admin", "cluster-admin"}, role)},
	}
}

func (c *checker) binding(n *yamlpos.Node) {
	role := n.Get("roleRef", "name").String()
	for _, subject := range n.Get("subjects").List() {
		name := subject.Get("name")
		strong := role == "cluster-admin" || role == "admin" || role == "edit"
		before := len(c.found)
		switch who := name.String(); {
		case who == "system:anonymous", who == "system:unauthenticated" && !harmless(role):
			c.add(binding, name.Line, c.name+" gives "+infra.Name(role)+" to everybody, without signing in.", who, role)
		case who == "system:authenticated" && strong:
			c.add(binding, name.Line, c.name+" gives "+infra.Name(role)+" to everybody who can sign in.", who, role)
		case who == "system:serviceaccounts" && strong:
			c.add(binding, name.Line, c.name+" gives "+infra.Name(role)+" to every service account.", who, role)
		case who == "default" && role == "cluster-admin" && subject.Get("kind").String() == "ServiceAccount":
			c.add(binding, name.Line, c.name+" gives cluster-admin to a default service account, which every pod of the namespace has.",
				who, role, subject.Get("namespace").String())
		}
		if len(c.found) > before {
			c.found[before].Extents = bound(name.String(), role)
		}
	}
}

// harmless reports whether Kubernetes itself grants the role to users who have not signed in
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles).
func harmless(role string) bool {
	return role == "system:public-info-viewer" || role == "system:discovery" || role == "system:basic-user"
}
