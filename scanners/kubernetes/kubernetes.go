// Package kubernetes finds settings in Kubernetes manifests that let attackers take over the node
// or the cluster.
//
// It checks only what is written, except for settings that a change removes; it ignores values that a template
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
//	secret-in-manifest    Kubernetes' good practices for Secrets       5.4.1
//	rbac-wildcard         AVD-KSV-0044 to 0046, CKV_K8S_49             5.1.3
//	rbac-broad-binding    AVD-KSV-0111, AVD-KSV-0122, CKV_K8S_42       5.1.1, 5.1.5
//
// These are reported only where a change removes the setting, and so are root-user, privilege-escalation and
// seccomp-unconfined:
//
//	writable-root         AVD-KSV-0014, CKV_K8S_22                     5.7.3
//	capabilities-kept     AVD-KSV-0003, CKV_K8S_37                     5.2.10
//	service-account-token  AVD-KSV-0036, CKV_K8S_38                     5.1.6
//	pod-security                                                       5.2.1
package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
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
const version = "3"

// maxSize is the size of the largest file that is read, in megabytes. The largest manifests of real
// projects have some 5.
const maxSize = 8

var info = scanners.Info{
	Name:   "kubernetes",
	Gate:   scanners.Infrastructure,
	Scopes: []scanners.Scope{scanners.ScopeFile},
	About:  "Kubernetes manifests that expose the node or the cluster",
	URL:    "https://kubernetes.io/docs/concepts/security/",
	Files:  []string{"**/*.yml", "**/*.yaml", "**/*.json"},

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
	// Most JSON is something else, and may be larger than any manifest.
	t.Files = slices.DeleteFunc(slices.Clone(t.Files), func(f scanners.File) bool { return isJSON(f.Path) && !isObject(f.Content) })
	return infra.Files(ctx, info, maxSize, t, checkFile)
}

func isJSON(path string) bool { return strings.HasSuffix(path, ".json") }

// isObject reports whether JSON is an object of Kubernetes.
func isObject(content []byte) bool {
	var object struct{ APIVersion, Kind string }
	return (workload.Match(content) || shaped.Match(content) || holder.Match(content) || guard.Match(content)) && json.Unmarshal(content, &object) == nil && object.APIVersion != "" && object.Kind != ""
}

// These match, before parsing, a document that is checked: most YAML is something else.
var (
	// workload matches the kinds that Kubernetes itself runs, and its rights.
	workload = regexp.MustCompile(key + `kind["']?\s*:\s*["']?(Pod|PodTemplate|Deployment|StatefulSet|DaemonSet|ReplicaSet|ReplicationController|Job|CronJob|Rollout|Role|ClusterRole|RoleBinding|ClusterRoleBinding)(List)?\b`)

	// shaped matches other kinds that may have a template of a pod, such as DeploymentConfig and those of Knative.
	shaped = regexp.MustCompile(key + `containers["']?\s*:`)

	// holder matches objects that hold settings, and a setting that may be a password.
	holder = regexp.MustCompile(key + `kind["']?\s*:\s*["']?(Secret|ConfigMap)\b`)
	named  = regexp.MustCompile(`(?i)(pass|passw(?:or)?d|passphrase|psw|pwd|pw|secret|token|key|auth)["']?\s*:`)

	// guard matches other objects with a setting that protects pods.
	guard = regexp.MustCompile(key + `kind["']?\s*:\s*["']?(ServiceAccount|Namespace)\b`)

	// schema matches definitions of kinds, which describe containers and are large.
	schema = regexp.MustCompile(key + `kind["']?\s*:\s*["']?CustomResourceDefinition\b`)
)

// key matches what precedes the first key of a line, or a key in braces.
const key = `(?m)(?:^|[{,])[\s"'{,-]*`

// template matches what template languages put into YAML.
var template = regexp.MustCompile(`\{\{|\{%|<%|\$\{|\(\(`)

// filled matches what a template fills in with more than a word.
var filled = regexp.MustCompile(`\{\{-?\s*(include|toYaml|template|with|if|range|tpl)\b|[cC]ontext["']?\s*:\s*["']?\{\{`)

func checkFile(ctx context.Context, f scanners.File) ([]scanners.Finding, error) {
	c := checker{path: f.Path}
	content := f.Content
	if isJSON(f.Path) {
		content = bytes.ReplaceAll(content, []byte("\t"), []byte(" ")) // YAML has no tabs, and texts in JSON have none
	}
	var failed error
	for d := range yamlpos.Documents(content) {
		if ctx.Err() != nil {
			return c.all(), ctx.Err()
		}
		known := workload.Match(d.Text)
		other := shaped.Match(d.Text) && !schema.Match(d.Text) || holder.Match(d.Text) && named.Match(d.Text) || guard.Match(d.Text)
		if !known && !other {
			continue
		}
		object, err := yamlpos.Parse(d)
		var bad *yamlpos.SyntaxError
		var much *yamlpos.TooMuchError
		switch {
		case err != nil && !known:
		case errors.As(err, &much):
			failed = infra.TooMuch(much.Line)
		case errors.As(err, &bad) && failed == nil && bytes.Contains(d.Text, []byte("apiVersion")) && !template.Match(d.Text):
			failed = &infra.PlaceError{Line: bad.Line, Why: "not valid YAML"}
		case err == nil:
			c.template = filled.Match(d.Text)
			c.object(object, "", "")
			if object.Spent() {
				failed = infra.TooMuch(d.Line)
			}
		}
		if len(c.found) > infra.MaxFindings {
			break // it reports no more
		}
	}
	return c.all(), failed
}

// A checker collects the findings of one file.
type checker struct {
	path  string
	found []scanners.Finding
	name  string // the name of the current object, for messages and identities

	protections []scanners.Finding // see [scanners.Protection]
	template    bool               // a template fills in parts of the document
}

func (c *checker) all() []scanners.Finding { return append(c.found, c.protections...) }

// kept says whether a line sets what protects the pod, or one of its containers.
func (c *checker) kept(is bool, r infra.Rule, line int, message, container string) {
	if !is && c.template {
		return // the template may set it
	}
	c.protections = append(c.protections, r.Kept(is, c.path, line, c.who(container)+" "+message, c.name, container))
}

// who returns how messages name a container, or the current object if the name is empty.
func (c *checker) who(container string) string {
	if container == "" {
		return c.name
	}
	return "Container " + container + " of " + c.name
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

// object checks an object. In a list, version and kind are those that its items have if they say none.
func (c *checker) object(n *yamlpos.Node, version, kind string) {
	inList := kind != ""
	if k := n.Get("kind").String(); k != "" {
		kind = k
	}
	if v := n.Get("apiVersion").String(); v != "" {
		version = v
	}
	if version == "" || kind == "" {
		return
	}
	c.name = kind
	for _, part := range []string{"namespace", "name"} {
		if text := n.Get("metadata", part).String(); text != "" {
			c.name += " " + infra.Name(text)
		}
	}
	switch kind {
	case "Role", "ClusterRole":
		c.role(n.Get("rules"))
	case "RoleBinding", "ClusterRoleBinding":
		c.binding(n)
	case "ConfigMap":
		c.settings(n.Get("data"))
	case "ServiceAccount":
		c.kept(n.Get("automountServiceAccountToken").False(), tokenRemoved, n.Line, "gives its token to its pods again.", "")
	case "Namespace":
		level := n.Get("metadata", "labels", "pod-security.kubernetes.io/enforce").String()
		c.kept(level == "baseline" || level == "restricted", admissionRemoved, n.Line, "no longer enforces a security standard for its pods.", "")
	case "Secret":
		c.settings(n.Get("stringData"))
	default:
		if of, ok := strings.CutSuffix(kind, "List"); ok {
			if of == "" {
				of = "-" // its items say their kinds
			}
			for _, item := range n.Get("items").List() {
				if !inList { // nested lists could share their items without end
					c.object(item, version, of)
				}
			}
			return
		}
		c.pod(infra.PodSpec(n, kind), controlPlane(n))
	}
}

// controlPlane reports whether an object is one of the static pods with which kubeadm runs the control plane.
// They need the network of the node
// (https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/).
func controlPlane(n *yamlpos.Node) bool {
	switch n.Get("metadata", "name").String() {
	case "kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd":
		return n.Get("kind").String() == "Pod" && n.Get("metadata", "namespace").String() == "kube-system" && n.Get("metadata", "labels", "tier").String() == "control-plane"
	}
	return false
}

// settings checks the data of an object that holds settings.
func (c *checker) settings(data *yamlpos.Node) {
	known := infra.Words{}
	for _, e := range data.Pairs() {
		if !infra.SecretName(e.Key) {
			known.Add(e.Value.String())
		}
	}
	for _, e := range data.Pairs() {
		value := e.Value.String()
		if !strings.Contains(value, "\n") && c.isSecret(e.Key, value, known) {
			c.add(secretData, e.Line, c.name+" has a literal value for "+infra.Name(e.Key)+".", e.Key)
		}
	}
}

// isSecret reports whether a variable of this name and value is a password that the file gives away. One of the
// known words is a default of the program.
func (c *checker) isSecret(name, value string, known infra.Words) bool {
	return infra.SecretName(name) && infra.SecretValue(value) && !infra.Usual(name, value) && !known.Has(value) && !infra.Sample(c.path)
}
