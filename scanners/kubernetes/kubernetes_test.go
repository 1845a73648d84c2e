package kubernetes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/scannertest"
)

func scan(t *testing.T, path, content string) (problems []string, all []scanners.Finding) {
	t.Helper()
	return scannertest.Problems(t, Scanner{}, path, content)
}

// pod returns a pod with one context for itself, on line 4, and one for each container, from line 6 on.
func pod(ofPod string, containers ...string) string {
	b := "apiVersion: v1\nkind: Pod\nspec:\n  securityContext: {" + ofPod + "}\n"
	for i, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		if i < len(containers) {
			b += "  " + list + ":\n  - {name: c" + fmt.Sprint(i) + ", image: \"a:1\", securityContext: {" + containers[i] + "}}\n"
		}
	}
	return b
}

// What a container sets takes precedence over what its pod sets.
func TestEffectiveContext(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		content string
		want    []string
	}{
		{pod("runAsUser: 0", "runAsUser: 1000"), nil},
		{pod("runAsUser: 0", "runAsUser: 1000", "runAsUser: 1001", "runAsUser: 1002"), nil},
		{pod("runAsUser: 0, runAsNonRoot: false", "runAsNonRoot: true"), nil},
		{pod("runAsNonRoot: false", "runAsUser: 1000"), nil},
		{pod("runAsNonRoot: false", "runAsNonRoot: true", "runAsUser: 7"), nil},
		{pod("runAsUser: 1000", "runAsNonRoot: false"), nil},
		{pod("runAsUser: 1000", ""), nil},
		{pod("", ""), nil},
		{pod("runAsUser: 0", "runAsUser: 1000", ""), []string{"root-user@4"}},
		{pod("runAsUser: 0", "runAsUser: 1000", "runAsUser: 1000", "allowPrivilegeEscalation: false"), []string{"root-user@4"}},
		{pod("runAsNonRoot: false", ""), []string{"root-user@4"}},
		{pod("runAsUser: 0"), []string{"root-user@4"}}, // a patch
		{pod("runAsUser: 1000", "runAsUser: 0"), []string{"root-user@6"}},
		{pod("runAsNonRoot: true", "runAsNonRoot: false"), []string{"root-user@6"}},
		{pod("runAsNonRoot: true", "", "runAsUser: 0"), []string{"root-user@8"}},
		{pod("", "runAsUser: 0"), []string{"root-user@6"}},
		{pod("seccompProfile: {type: Unconfined}", "seccompProfile: {type: RuntimeDefault}"), nil},
		{pod("seccompProfile: {type: Unconfined}", "seccompProfile: {type: RuntimeDefault}", "runAsUser: 1"), []string{"seccomp-unconfined@4"}},
		{pod("seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}"), []string{"seccomp-unconfined@6"}},
		{pod("seccompProfile: {type: Localhost, localhostProfile: a}", ""), nil},
		{pod("privileged: true, allowPrivilegeEscalation: true", "runAsUser: 1"), nil}, // a pod has no such settings
	} {
		if got, _ := scan(t, "pod.yaml", test.content); !slices.Equal(got, test.want) {
			t.Errorf("got %q, want %q\n%s", got, test.want, test.content)
		}
	}
}

// A protection is that of the pod if the pod sets it, and that of each container otherwise.
func TestProtections(t *testing.T) {
	t.Parallel()
	state := func(content string) string {
		_, found := scan(t, "pod.yaml", content)
		var out []string
		for _, f := range found {
			if f.Rule == "root-user" || f.Rule == "privilege-escalation" {
				_, container, _ := strings.Cut(f.Identity, " ")
				out = append(out, fmt.Sprintf("%s %s %s", f.Rule, container, []string{"problem", "kept", "missing"}[f.Protection]))
			}
		}
		slices.Sort(out)
		return strings.ReplaceAll(strings.Join(out, ", "), "  ", " ")
	}
	const open = "privilege-escalation c0 missing"
	for content, want := range map[string]string{
		pod("runAsNonRoot: true", ""):                open + ", root-user kept",
		pod("runAsUser: 1000", "runAsNonRoot: true"): open + ", root-user kept",
		pod("", ""):                                            open + ", root-user missing, root-user c0 missing",
		pod("", "runAsNonRoot: true"):                          open + ", root-user c0 kept",
		pod("", "runAsUser: 7", ""):                            open + ", privilege-escalation c1 missing, root-user missing, root-user c0 kept, root-user c1 missing",
		pod("runAsUser: 0", "runAsUser: 7"):                    open,
		pod("runAsUser: 0", ""):                                open + ", root-user problem",
		pod("runAsUser: 1", "allowPrivilegeEscalation: false"): "privilege-escalation c0 kept, root-user kept",
		pod("runAsUser: 1", "allowPrivilegeEscalation: true"):  "privilege-escalation c0 problem, root-user kept",
		pod("runAsUser: 1", "privileged: true"):                "root-user kept",
		"apiVersion: v1\nkind: Pod\nspec: {volumes: []}\n":     "",
		"apiVersion: a/v1\nkind: Service\nspec: {template: {spec: {containers: [{image: a}]}}}": "privilege-escalation missing, root-user missing",
	} {
		if got := state(content); got != want {
			t.Errorf("got %q\nwant %q\n%s", got, want, content)
		}
	}
}

// What a template fills in may protect.
func TestTemplatesLackNothing(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		"apiVersion: v1\nkind: Pod\nspec:\n  securityContext: \"{{ .Values.securityContext }}\"\n  containers: [{name: a, image: \"a:1\"}]\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: \"{{ include \\\"name\\\" . }}\"}\nspec:\n  containers: [{name: a, image: \"a:1\"}]\n",
	} {
		if _, found := scan(t, "pod.yaml", content); len(found) > 0 {
			t.Errorf("%q: %+v", content, found)
		}
	}
}

func TestControlPlaneOfKubeadm(t *testing.T) {
	t.Parallel()
	const static = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME, namespace: kube-system, labels: {component: NAME, tier: control-plane}}\nspec:\n  hostNetwork: true\n"
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		if got, _ := scan(t, "manifests/"+name+".yaml", strings.ReplaceAll(static, "NAME", name)); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
	content := strings.ReplaceAll(static, "NAME", "etcd")
	for name, other := range map[string]string{
		"another name":      strings.ReplaceAll(static, "NAME", "agent"),
		"another namespace": strings.ReplaceAll(content, "kube-system", "shop"),
		"another kind":      strings.ReplaceAll(strings.ReplaceAll(content, "kind: Pod", "kind: Deployment"), "spec:\n  hostNetwork: true", "spec: {template: {spec: {hostNetwork: true}}}"),
		"no label":          strings.ReplaceAll(content, "tier: control-plane", "tier: x"),
		"processes":         strings.ReplaceAll(content, "hostNetwork", "hostPID"),
	} {
		if got, _ := scan(t, "a.yaml", other); len(got) != 1 || !strings.HasPrefix(got[0], "host-namespace@") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	const object = `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "a:1", "securityContext": {"privileged": true}}]}}}}`
	for name, content := range map[string]string{
		"one line": object, "lines": strings.ReplaceAll(object, ", ", ",\n"), "CRLF": strings.ReplaceAll(object, ", ", ",\r\n"), "tabs": strings.ReplaceAll(object, " ", "\n\t\t"), "kind first": strings.Replace(strings.Replace(object, `"apiVersion": "apps/v1", `, "", 1), `"metadata"`, `"apiVersion": "apps/v1", "metadata"`, 1),
	} {
		if got, _ := scan(t, "a.json", content); len(got) != 1 || !strings.HasPrefix(got[0], "privileged-container@") {
			t.Errorf("%s: %q", name, got)
		}
	}
	// Other JSON may be broken, or larger than any manifest.
	for name, content := range map[string]string{
		"broken": object[:len(object)-1], "comments": "// c\n" + object, "list": "[" + object + "]", "no version": strings.Replace(object, "apiVersion", "version", 1), "inner": `{"a": ` + object + `}`,
		"large": `{"kind": "Pod", "a": [` + strings.Repeat("1, ", 4<<20) + "1]}",
	} {
		if got, _ := scan(t, "a.json", content); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	form := map[string]string{
		"secret-in-env@3":      "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: \"a:1\", env: [{name: NAME, value: VALUE}]}]}\n",
		"secret-in-manifest@3": "apiVersion: v1\nkind: ConfigMap\ndata: {NAME: VALUE}\n",
		"secret-in-manifest@4": "apiVersion: v1\nkind: Secret\ntype: Opaque\nstringData: {NAME: VALUE}\n",
	}
	for want, text := range form {
		for _, pair := range []string{"DB_PASSWORD Wr4ngl3rs", "db-password Wr4ngl3rs", "PGPASSWORD Wr4ngl3rs", "apiKey 9f3ab1c77de0", "admin_pwd Wr4ngl3rs", "password Wr4ngl3rs"} {
			name, value, _ := strings.Cut(pair, " ")
			content := strings.NewReplacer("NAME", name, "VALUE", value).Replace(text)
			if got, _ := scan(t, "deploy/a.yaml", content); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %q, want %q", pair, got, want)
			}
			for _, path := range []string{"examples/a.yaml", "test/a.yaml", "config/samples/a.yaml", "overlays/dev/a.yaml"} {
				if got, _ := scan(t, path, content); len(got) > 0 {
					t.Errorf("%s: %s: %q", path, pair, got)
				}
			}
		}
		for _, pair := range []string{
			"DB_PASSWORD changeme", "DB_PASSWORD \"\"", "DB_PASSWORD $(OTHER)", "DB_PASSWORD ${DB_PASSWORD}", "DB_PASSWORD postgres", "DB_PASSWORD <password>", "DB_PASSWORD your-password", "DB_PASSWORD_FILE Wr4ngl3rs",
			"DB_USER Wr4ngl3rs", "TOKEN_TTL 3600", "DB_PASSWORD \"{{ .Values.password }}\"", "DB_PASSWORD \"ENC[AES256_GCM_data]\"", "db-password db-password",
		} {
			name, value, _ := strings.Cut(pair, " ")
			if got, _ := scan(t, "deploy/a.yaml", strings.NewReplacer("NAME", name, "VALUE", value).Replace(text)); len(got) > 0 {
				t.Errorf("%s: %q", pair, got)
			}
		}
	}
}
