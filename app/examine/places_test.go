package examine

import (
	"bytes"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
)

// A files is a tree by its paths.
type files = map[string]string

// histories puts the trees into one repository, and returns their commits in order. It starts git twice, however many
// there are.
func histories(t testing.TB, trees []files) (*mirror.Repo, []string) {
	t.Helper()
	dir := t.TempDir()
	git := func(in []byte, args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
		cmd.Stdin = bytes.NewReader(in)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	git(nil, "init", "-q")
	var in bytes.Buffer
	for i, tree := range trees {
		fmt.Fprintf(&in, "commit refs/heads/x\nmark :%d\ncommitter x <x@example.com> 1700000000 +0000\ndata 0\ndeleteall\n", i+1)
		for _, path := range slices.Sorted(maps.Keys(tree)) {
			fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(tree[path]), tree[path])
		}
	}
	fmt.Fprintf(&in, "done\n")
	git(in.Bytes(), "fast-import", "--quiet", "--done", "--export-marks="+dir+"/marks")
	commits := make([]string, len(trees))
	for line := range strings.Lines(git(nil, "rev-list", "--reverse", "x")) {
		commits = append(commits[1:], strings.TrimSpace(line))
	}
	repo, err := mirror.OpenLocal(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return repo, commits
}

// builtIn are the scanners that need nothing but this program.
func builtIn() []scanners.Scanner {
	return slices.DeleteFunc(catalog.All(catalog.Options{}), func(s scanners.Scanner) bool { return s.Info().Program != "" })
}

// A swap is a text with a problem and the same without it, in a file that is in two folders or under two
// names.
type swap struct {
	name      string
	here, too string // the two files
	bad, good string
}

func tf(kind, name, body string) string {
	return fmt.Sprintf("resource %q %q {\n  name = \"x\"\n  tags = { team = \"shop\" }\n%s\n}\n", kind, name, body)
}

func inTF(name, kind, bad, good string) swap {
	return swap{"terraform " + name, "env/dev/main.tf", "env/prod/main.tf", tf(kind, "x", bad), tf(kind, "x", good)}
}

func inDocker(name, bad, good string) swap {
	at := "FROM alpine:3.20\nWORKDIR /app\nCOPY . /app\n%s\nUSER app\nCMD [\"/app/run\"]\n"
	return swap{"dockerfile " + name, "dev/Dockerfile", "prod/Dockerfile", fmt.Sprintf(at, bad), fmt.Sprintf(at, good)}
}

func deployment(name, pod, container string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: " + name + "\nspec:\n  template:\n    spec:\n" + pod +
		"      containers:\n        - name: web\n          image: nginx:1.27\n" + container
}

func inPod(name, bad, good string) swap {
	return swap{"kubernetes " + name, "east/web.yaml", "west/web.yaml", deployment("web", bad, ""), deployment("web", good, "")}
}

func inContainer(name, bad, good string) swap {
	return swap{"kubernetes " + name, "east/web.yaml", "west/web.yaml", deployment("web", "", bad), deployment("web", "", good)}
}

func inCompose(name, bad, good string) swap {
	at := "services:\n  web:\n    image: nginx:1.27\n    restart: always\n"
	return swap{"compose " + name, "east/compose.yaml", "west/compose.yaml", at + bad, at + good}
}

func inWorkflow(name, bad, good string) swap {
	return swap{"workflow " + name, ".github/workflows/a.yml", ".github/workflows/b.yml", bad, good}
}

const (
	onPush   = "on: push\npermissions: {}\n"
	onTarget = "on: pull_request_target\npermissions: {contents: read}\n"
	onPull   = "on: pull_request\npermissions: {contents: read}\n"
	checkout = "jobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4.1.0\n        with: {ref: \"${{ github.event.pull_request.head.sha }}\"}\n      - run: make test\n"
)

func job(step string) string {
	return "jobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n" + step
}

var swaps = []swap{
	inTF("aws ingress", "aws_security_group", "  ingress {\n    from_port = 22\n    to_port = 22\n    protocol = \"tcp\"\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }", "  ingress {\n    from_port = 22\n    to_port = 22\n    protocol = \"tcp\"\n    cidr_blocks = [\"10.0.0.0/8\"]\n  }"),
	inTF("aws ingress, the whole block", "aws_security_group", "  ingress {\n    from_port = 22\n    to_port = 22\n    protocol = \"tcp\"\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }", ""),
	inTF("aws rule", "aws_security_group_rule", "  type = \"ingress\"\n  from_port = 3389\n  to_port = 3389\n  protocol = \"tcp\"\n  cidr_blocks = [\"0.0.0.0/0\"]", "  type = \"ingress\"\n  from_port = 3389\n  to_port = 3389\n  protocol = \"tcp\"\n  cidr_blocks = [\"10.0.0.0/24\"]"),
	inTF("gcp ingress", "google_compute_firewall", "  source_ranges = [\"0.0.0.0/0\"]\n  allow {\n    protocol = \"tcp\"\n    ports = [\"22\"]\n  }", "  source_ranges = [\"10.0.0.0/8\"]\n  allow {\n    protocol = \"tcp\"\n    ports = [\"22\"]\n  }"),
	inTF("azure ingress", "azurerm_network_security_rule", "  direction = \"Inbound\"\n  access = \"Allow\"\n  protocol = \"Tcp\"\n  source_address_prefix = \"*\"\n  destination_port_range = \"22\"", "  direction = \"Inbound\"\n  access = \"Allow\"\n  protocol = \"Tcp\"\n  source_address_prefix = \"10.0.0.0/8\"\n  destination_port_range = \"22\""),
	inTF("database firewall", "azurerm_mssql_firewall_rule", "  start_ip_address = \"0.0.0.0\"\n  end_ip_address = \"255.255.255.255\"", "  start_ip_address = \"10.0.0.1\"\n  end_ip_address = \"10.0.0.2\""),
	inTF("public database", "aws_db_instance", "  publicly_accessible = true", "  publicly_accessible = false"),
	inTF("encryption", "aws_ebs_volume", "  encrypted = false", "  encrypted = true"),
	inTF("access block", "aws_s3_bucket_public_access_block", "  block_public_acls = false", "  block_public_acls = true"),
	inTF("acl", "aws_s3_bucket", "  acl = \"public-read\"", "  acl = \"private\""),
	inTF("container access", "azurerm_storage_container", "  container_access_type = \"blob\"", "  container_access_type = \"private\""),
	inTF("rotation", "aws_kms_key", "  enable_key_rotation = false", "  enable_key_rotation = true"),
	inTF("metadata", "aws_instance", "  metadata_options {\n    http_tokens = \"optional\"\n  }", "  metadata_options {\n    http_tokens = \"required\"\n  }"),
	inTF("plain http", "azurerm_app_service", "  https_only = false", "  https_only = true"),
	inTF("tls", "azurerm_storage_account", "  min_tls_version = \"TLS1_0\"", "  min_tls_version = \"TLS1_2\""),
	inTF("audit log", "aws_cloudtrail", "  enable_logging = false", "  enable_logging = true"),
	inTF("abac", "google_container_cluster", "  enable_legacy_abac = true", "  enable_legacy_abac = false"),
	inTF("admin policy", "aws_iam_policy", "  policy = jsonencode({ Statement = [{ Effect = \"Allow\", Action = \"*\", Resource = \"*\" }] })", "  policy = jsonencode({ Statement = [{ Effect = \"Allow\", Action = \"s3:*\", Resource = \"*\" }] })"),
	inTF("password", "aws_db_instance", "  password = \"Zebra77Kite\"", "  password = var.password"),
	inTF("members", "google_storage_bucket_iam_member", "  role = \"roles/storage.objectViewer\"\n  member = \"allUsers\"", "  role = \"roles/storage.objectViewer\"\n  member = \"user:a@example.com\""),
	inTF("eks endpoint", "aws_eks_cluster", "  vpc_config {\n    public_access_cidrs = [\"0.0.0.0/0\"]\n  }", "  vpc_config {\n    public_access_cidrs = [\"10.0.0.0/8\"]\n  }"),

	{"dockerfile no user", "dev/Dockerfile", "prod/Dockerfile", "FROM alpine:3.20\nCOPY . /app\nCMD [\"/app/run\"]\n", "FROM alpine:3.20\nCOPY . /app\nUSER app\nCMD [\"/app/run\"]\n"},
	{"dockerfile root", "Dockerfile.dev", "Dockerfile.prod", "FROM alpine:3.20\nCOPY . /app\nUSER root\n", "FROM alpine:3.20\nCOPY . /app\nUSER app\n"},
	{"dockerfile floating", "dev/Dockerfile", "prod/Dockerfile", "FROM alpine:latest\nUSER app\nCOPY . /app\n", "FROM alpine:3.20\nUSER app\nCOPY . /app\n"},
	inDocker("add", "ADD https://example.com/x.tgz /x", "ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://example.com/x.tgz /x"),
	inDocker("secret", "ENV DB_PASSWORD=Zebra77Kite", "ENV DB_USER=app"),
	inDocker("pipe", "RUN curl -fsSL https://example.com/i.sh | sh", "RUN ./i.sh"),
	inDocker("certificates", "RUN curl -k https://example.com/x -o /x", "RUN curl https://example.com/x -o /x"),
	inDocker("unsigned", "RUN apt-get install -y --allow-unauthenticated x", "RUN apt-get install -y x"),
	inDocker("sudo", "RUN sudo make", "RUN make"),
	inDocker("ssh", "EXPOSE 22", "EXPOSE 8080"),
	inDocker("mode", "RUN chmod 777 /app", "RUN chmod 755 /app"),
	inDocker("copied mode", "COPY --chmod=777 a /a", "COPY --chmod=755 a /a"),

	inPod("network", "      hostNetwork: true\n", "      hostNetwork: false\n"),
	inPod("pid", "      hostPID: true\n", ""),
	inPod("path", "      volumes:\n        - name: a\n          hostPath: {path: /etc}\n", "      volumes:\n        - name: a\n          emptyDir: {}\n"),
	inContainer("privileged", "          securityContext:\n            privileged: true\n", "          securityContext:\n            privileged: false\n"),
	inContainer("privileged, the whole block", "          securityContext:\n            privileged: true\n", ""),
	inContainer("escalation", "          securityContext:\n            allowPrivilegeEscalation: true\n", "          securityContext:\n            allowPrivilegeEscalation: false\n"),
	inContainer("root", "          securityContext:\n            runAsUser: 0\n", "          securityContext:\n            runAsUser: 1000\n"),
	inContainer("capability", "          securityContext:\n            capabilities: {add: [SYS_ADMIN]}\n", "          securityContext:\n            capabilities: {add: [CHOWN]}\n"),
	inContainer("seccomp", "          securityContext:\n            seccompProfile: {type: Unconfined}\n", "          securityContext:\n            seccompProfile: {type: RuntimeDefault}\n"),
	inContainer("secret", "          env:\n            - name: DB_PASSWORD\n              value: Zebra77Kite\n", "          env:\n            - name: DB_USER\n              value: app\n"),
	{"kubernetes image", "dev/web.yaml", "prod/web.yaml", strings.Replace(deployment("web", "", ""), "nginx:1.27", "nginx", 1), deployment("web", "", "")},
	{"kubernetes role", "dev/r.yaml", "prod/r.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: ops\nrules:\n  - apiGroups: [\"*\"]\n    resources: [\"*\"]\n    verbs: [\"*\"]\n", "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: ops\nrules:\n  - apiGroups: [\"*\"]\n    resources: [\"pods\"]\n    verbs: [\"*\"]\n"},
	{"kubernetes binding", "dev/r.yaml", "prod/r.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: ops\nroleRef:\n  name: cluster-admin\nsubjects:\n  - kind: Group\n    name: system:authenticated\n", "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: ops\nroleRef:\n  name: cluster-admin\nsubjects:\n  - kind: Group\n    name: ops\n"},

	inCompose("privileged", "    privileged: true\n", "    privileged: false\n"),
	inCompose("network", "    network_mode: host\n", "    network_mode: bridge\n"),
	inCompose("capability", "    cap_add:\n      - SYS_ADMIN\n", "    cap_add:\n      - CHOWN\n"),
	inCompose("unconfined", "    security_opt:\n      - seccomp:unconfined\n", ""),
	inCompose("path", "    volumes:\n      - /:/host\n", "    volumes:\n      - ./a:/a\n"),
	inCompose("socket", "    volumes:\n      - /var/run/docker.sock:/var/run/docker.sock\n", ""),
	inCompose("port", "    ports:\n      - 5432:5432\n", "    ports:\n      - 127.0.0.1:5432:5432\n"),
	inCompose("secret", "    environment:\n      DB_PASSWORD: Zebra77Kite\n", "    environment:\n      DB_PASSWORD: ${DB_PASSWORD}\n"),
	{"compose image", "docker-compose.dev.yml", "docker-compose.prod.yml", "services:\n  web:\n    image: nginx\n    restart: always\n", "services:\n  web:\n    image: nginx:1.27\n    restart: always\n"},

	inWorkflow("trigger", onTarget+checkout, onPull+checkout),
	inWorkflow("no permissions", "on: pull_request_target\n"+job("      - run: echo\n"), "on: pull_request\n"+job("      - run: echo\n")),
	inWorkflow("write-all", "on: push\npermissions: write-all\n"+job("      - run: make\n"), "on: push\npermissions: read-all\n"+job("      - run: make\n")),
	inWorkflow("write-all of a job", onPush+"jobs:\n  build:\n    permissions: write-all\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n", onPush+job("      - run: make\n")),
	inWorkflow("unpinned action", onPush+job("      - uses: some/action@v1\n"), onPush+job("      - uses: some/action@0123456789abcdef0123456789abcdef01234567\n")),
	inWorkflow("untrusted input", "on: issues\npermissions: {}\n"+job("      - run: echo \"${{ github.event.issue.title }}\"\n"), "on: issues\npermissions: {}\n"+job("      - run: echo \"${{ github.event.issue.number }}\"\n")),
	inWorkflow("self-hosted", onPull+"jobs:\n  build:\n    runs-on: self-hosted\n    steps:\n      - run: make\n", onPull+job("      - run: make\n")),
	inWorkflow("all secrets", onPush+job("      - run: ./deploy\n        env: {ALL: \"${{ toJSON(secrets) }}\"}\n"), onPush+job("      - run: ./deploy\n        env: {ONE: \"${{ secrets.ONE }}\"}\n")),
	inWorkflow("unsecure commands", "on: push\npermissions: {}\nenv: {ACTIONS_ALLOW_UNSECURE_COMMANDS: true}\n"+job("      - run: make\n"), onPush+job("      - run: make\n")),
	inWorkflow("download", onPush+job("      - run: curl http://example.com/i.sh | sh\n"), onPush+job("      - run: ./i.sh\n")),
	inWorkflow("condition", onPush+"jobs:\n  build:\n    if: ${{ github.ref == 'x' }} && true\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n", onPush+job("      - run: make\n")),
	inWorkflow("image", onPush+"jobs:\n  build:\n    container: node:latest\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n", onPush+"jobs:\n  build:\n    container: node:22\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n"),
}

// like returns a swap by its name.
func like(name string) swap {
	return swaps[slices.IndexFunc(swaps, func(s swap) bool { return s.name == name })]
}

// findings returns the findings of the built-in scanners, as "state path:line rule".
func findings(t *testing.T, repo *mirror.Repo, base, head string) (list []string) {
	t.Helper()
	e := Examiner{Scanners: append(builtIn(), newGrep("grep", "eval(", scanners.ScopeFile))}
	ex, err := e.Examine(t.Context(), Change{Repo: repo, Base: base, Head: head}, policy.Default(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gatesOf(t, ex, policy.Default()) {
		for _, run := range g.Runs {
			if run.Err != nil {
				t.Errorf("%s: %v", run.Scanner, run.Err)
			}
		}
		for _, f := range g.Findings {
			list = append(list, fmt.Sprintf("%s %s:%d %s/%s", f.State, f.Path, f.Line, f.Scanner, f.Rule))
		}
	}
	slices.Sort(list)
	return list
}

// TestAFixPaysForNothing narrows a file and opens a similar one in the same change, both ways. The problem that came is
// new, and the one that went is fixed: neither is unchanged.
func TestAFixPaysForNothing(t *testing.T) {
	t.Parallel()
	var trees []files
	for _, s := range swaps {
		trees = append(trees, files{s.here: s.bad, s.too: s.good}, files{s.here: s.good, s.too: s.bad})
	}
	repo, commits := histories(t, trees)
	clean := 0
	for i, s := range swaps {
		for _, way := range [][2]int{{0, 1}, {1, 0}} {
			base, head := commits[2*i+way[0]], commits[2*i+way[1]]
			got := findings(t, repo, base, head)
			opened, closed := s.too, s.here
			if way[0] == 1 {
				opened, closed = closed, opened
			}
			has := func(what string) bool {
				return slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, what) })
			}
			if !has("new ") {
				clean++
			}
			if !has("new "+opened) || !has("absent "+closed) || has("new "+closed) {
				t.Errorf("%s: %q", s.name, got)
			}
		}
	}
	t.Logf("%d of %d changes are clean", clean, 2*len(swaps))
}

// A turn is one file, or several, before and after.
type turn struct {
	name       string
	base, head files
}

func one(path, base, head string) (files, files) { return files{path: base}, files{path: head} }

func worse(name, path, base, head string) turn {
	a, b := one(path, base, head)
	return turn{name, a, b}
}

func ingress(from, to int, sources string) string {
	return tf("aws_security_group", "x", fmt.Sprintf("  ingress {\n    from_port = %d\n    to_port = %d\n    protocol = \"tcp\"\n    cidr_blocks = [%s]\n  }", from, to, sources))
}

const everywhere = `"0.0.0.0/0"`

func granted(role, member string) string {
	return tf("google_storage_bucket_iam_member", "x", fmt.Sprintf("  role = %q\n  member = %q", role, member))
}

func attribute(kind, name, value string) string { return tf(kind, "x", "  "+name+" = "+value) }

func contained(security string) string {
	return deployment("web", "", "          securityContext:\n"+security)
}

func mounted(path string, readOnly bool) string {
	return deployment("web", "      volumes:\n        - name: a\n          hostPath: {path: "+path+"}\n",
		fmt.Sprintf("          volumeMounts:\n            - {name: a, mountPath: /a, readOnly: %v}\n", readOnly))
}

func composed(rest string) string { return "services:\n  web:\n    image: nginx:1.27\n" + rest }

func built(run string) string {
	return "FROM alpine:3.20\nCOPY . /app\nRUN " + run + "\nUSER app\nCMD [\"/app/run\"]\n"
}

func bound(who, role string) string {
	return "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: ops\nroleRef:\n  name: " + role + "\nsubjects:\n  - kind: Group\n    name: " + who + "\n"
}

func privileged(permissions, condition, more string) string {
	return "on: pull_request_target\npermissions: " + permissions + "\n" + strings.Replace(checkout, "    runs-on", condition+"    runs-on", 1) + more
}

// turns are changes for the worse; the other way round nothing is new.
var turns = []turn{
	worse("more ports", "main.tf", ingress(22, 22, everywhere), ingress(22, 60000, everywhere)),
	worse("some more ports", "main.tf", ingress(22, 22, everywhere), ingress(20, 22, everywhere)),
	worse("all ports", "main.tf", ingress(22, 22, everywhere), ingress(0, 65535, everywhere)),
	worse("all protocols", "main.tf", ingress(0, 65535, everywhere), strings.Replace(ingress(0, 0, everywhere), `"tcp"`, `"-1"`, 1)),
	worse("version 6 too", "main.tf", ingress(22, 22, everywhere), ingress(22, 22, everywhere+`, "::/0"`)),
	worse("everybody", "main.tf", ingress(22, 22, `"10.1.2.0/24"`), ingress(22, 22, everywhere)),
	worse("another port", "main.tf", ingress(22, 22, everywhere), ingress(22, 22, everywhere)+strings.Replace(ingress(3389, 3389, everywhere), `"x" {`, `"y" {`, 1)),
	worse("ports of gcp", "main.tf", tf("google_compute_firewall", "x", "  source_ranges = [\"0.0.0.0/0\"]\n  allow {\n    protocol = \"tcp\"\n    ports = [\"22\"]\n  }"), tf("google_compute_firewall", "x", "  source_ranges = [\"0.0.0.0/0\"]\n  allow {\n    protocol = \"tcp\"\n    ports = [\"22-9000\"]\n  }")),
	worse("write", "main.tf", attribute("aws_s3_bucket", "acl", `"public-read"`), attribute("aws_s3_bucket", "acl", `"public-read-write"`)),
	worse("read by everybody", "main.tf", attribute("aws_s3_bucket_acl", "acl", `"authenticated-read"`), attribute("aws_s3_bucket_acl", "acl", `"public-read"`)),
	worse("list", "main.tf", attribute("azurerm_storage_container", "container_access_type", `"blob"`), attribute("azurerm_storage_container", "container_access_type", `"container"`)),
	worse("older TLS", "main.tf", attribute("azurerm_storage_account", "min_tls_version", `"TLS1_1"`), attribute("azurerm_storage_account", "min_tls_version", `"TLS1_0"`)),
	worse("a role that writes", "main.tf", granted("roles/storage.objectViewer", "allUsers"), granted("roles/storage.admin", "allUsers")),
	worse("without signing in", "main.tf", granted("roles/storage.objectViewer", "allAuthenticatedUsers"), granted("roles/storage.objectViewer", "allUsers")),
	worse("no condition", "main.tf",
		"data \"aws_iam_policy_document\" \"x\" {\n  statement {\n    actions = [\"*\"]\n    resources = [\"*\"]\n    condition {\n      test = \"Bool\"\n      variable = \"aws:MultiFactorAuthPresent\"\n      values = [\"true\"]\n    }\n  }\n}\n",
		"data \"aws_iam_policy_document\" \"x\" {\n  statement {\n    actions = [\"*\"]\n    resources = [\"*\"]\n  }\n}\n"),

	worse("a mode for all", "Dockerfile", built("chmod 757 /app"), built("chmod 777 /app")),
	worse("a mode for a tree", "Dockerfile", built("chmod 777 /app"), built("chmod -R 777 /app")),
	worse("a mode for more files", "Dockerfile", built("chmod 777 /app"), built("chmod 777 /app /etc")),
	worse("a mode where there was a good one", "Dockerfile", built("chmod 755 /app"), built("chmod 777 /app")),
	worse("a copied mode for more files", "Dockerfile", "FROM alpine:3.20\nCOPY --chmod=777 a /x/\nUSER app\n", "FROM alpine:3.20\nCOPY --chmod=777 a b /x/\nUSER app\n"),
	worse("no user", "Dockerfile", built("make"), strings.Replace(built("make"), "USER app\n", "", 1)),

	worse("all capabilities", "web.yaml", contained("            capabilities: {add: [SYS_ADMIN]}\n"), contained("            capabilities: {add: [ALL]}\n")),
	worse("one capability more", "web.yaml", contained("            capabilities: {add: [SYS_ADMIN]}\n"), contained("            capabilities: {add: [SYS_ADMIN, SYS_PTRACE]}\n")),
	worse("root for sure", "web.yaml", contained("            runAsNonRoot: false\n"), contained("            runAsUser: 0\n")),
	worse("a folder above", "web.yaml", mounted("/etc", true), mounted("/", true)),
	worse("a folder to write to", "web.yaml", mounted("/etc", true), mounted("/etc", false)),
	worse("a second path", "web.yaml", mounted("/etc", true), strings.Replace(mounted("/etc", true), "      containers", "        - name: b\n          hostPath: {path: /root}\n      containers", 1)),
	worse("more people", "web.yaml", bound("system:serviceaccounts", "edit"), bound("system:authenticated", "edit")),
	worse("a stronger role", "web.yaml", bound("system:authenticated", "edit"), bound("system:authenticated", "cluster-admin")),
	worse("all groups", "web.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a}\nrules:\n  - apiGroups: [\"\"]\n    resources: [\"*\"]\n    verbs: [\"*\"]\n", "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a}\nrules:\n  - apiGroups: [\"*\"]\n    resources: [\"*\"]\n    verbs: [\"*\"]\n"),

	worse("all capabilities of a service", "compose.yaml", composed("    cap_add: [SYS_ADMIN]\n"), composed("    cap_add: [ALL]\n")),
	worse("one capability more of a service", "compose.yaml", composed("    cap_add: [SYS_ADMIN]\n"), composed("    cap_add: [SYS_ADMIN, SYS_PTRACE]\n")),
	worse("the host to write to", "compose.yaml", composed("    volumes: [\"/:/host:ro\"]\n"), composed("    volumes: [\"/:/host\"]\n")),
	worse("the whole host", "compose.yaml", composed("    volumes: [\"/etc:/host\"]\n"), composed("    volumes: [\"/:/host\"]\n")),
	worse("the host to write to, in long", "compose.yaml", composed("    volumes: [{type: bind, source: /etc, target: /a, read_only: true}]\n"), composed("    volumes: [{type: bind, source: /etc, target: /a}]\n")),
	worse("one port more", "compose.yaml", composed("    ports: [\"5432:5432\"]\n"), composed("    ports: [\"5432:5432\", \"6379:6379\"]\n")),

	worse("write instead of read", ".github/workflows/a.yml", privileged("{contents: read}", "", ""), privileged("{contents: write}", "", "")),
	worse("write everything", ".github/workflows/a.yml", privileged("{contents: write}", "", ""), privileged("write-all", "", "")),
	worse("one permission more", ".github/workflows/a.yml", privileged("{contents: write}", "", ""), privileged("{contents: write, packages: write}", "", "")),
	worse("a secret at hand", ".github/workflows/a.yml", privileged("{contents: write}", "", ""), privileged("{contents: write}", "", "        env: {KEY: \"${{ secrets.KEY }}\"}\n")),
	worse("no condition any more", ".github/workflows/a.yml", privileged("{contents: read}", "    if: contains(github.event.pull_request.labels.*.name, 'ok')\n", ""), privileged("{contents: read}", "", "")),
	worse("it is run", ".github/workflows/a.yml", strings.Replace(privileged("{contents: read}", "", ""), "make test", "echo", 1), privileged("{contents: read}", "", "")),
	worse("a branch", ".github/workflows/a.yml", onPush+job("      - uses: some/action@v1\n"), onPush+job("      - uses: some/action@main\n")),
	worse("for targets too", ".github/workflows/a.yml", onPull+"jobs:\n  build:\n    runs-on: self-hosted\n    steps:\n      - run: make\n", "on: [pull_request, pull_request_target]\npermissions: {contents: read}\njobs:\n  build:\n    runs-on: self-hosted\n    steps:\n      - run: make\n"),
	worse("one event more", ".github/workflows/a.yml", "on: workflow_run\n"+job("      - run: echo\n"), "on: [workflow_run, pull_request_target]\n"+job("      - run: echo\n")),
	worse("a token that writes", ".github/workflows/a.yml", onTarget+job("      - run: echo \"${{ github.event.pull_request.title }}\"\n"), strings.Replace(onTarget, "read", "write", 1)+job("      - run: echo \"${{ github.event.pull_request.title }}\"\n")),
	worse("outsiders", ".github/workflows/a.yml", onPull+job("      - run: echo \"${{ github.event.pull_request.title }}\"\n"), onTarget+job("      - run: echo \"${{ github.event.pull_request.title }}\"\n")),
}

// TestWorseIsNew changes the degree of a problem: a worse problem is new, and a milder one is not.
func TestWorseIsNew(t *testing.T) {
	t.Parallel()
	var trees []files
	for _, s := range turns {
		trees = append(trees, s.base, s.head)
	}
	repo, commits := histories(t, trees)
	clean := 0
	for i, s := range turns {
		isNew := func(s string) bool { return strings.HasPrefix(s, "new ") }
		if got := findings(t, repo, commits[2*i], commits[2*i+1]); !slices.ContainsFunc(got, isNew) {
			clean++
			t.Errorf("%s: nothing is new: %q", s.name, got)
		}
		if got := findings(t, repo, commits[2*i+1], commits[2*i]); slices.ContainsFunc(got, isNew) {
			t.Errorf("%s, the other way round: %q", s.name, got)
		}
	}
	t.Logf("%d of %d changes are clean", clean, len(turns))
}

func service(name, rest string) string {
	return "  " + name + ":\n    image: example/" + name + ":1\n    restart: always\n" + rest
}

func jobs(list ...string) string {
	return "on: push\npermissions: {}\njobs:\n" + strings.Join(list, "")
}

func named(name, rest string) string {
	return "  " + name + ":\n    runs-on: ubuntu-latest\n" + rest + "    steps:\n      - run: make " + name + "\n"
}

func function(name, line string) string {
	return "def " + name + "(text):\n    first = read_" + name + "(text)\n    second = clean_" + name + "(first)\n    " + line + "\n    third = write_" + name + "(second)\n    return third\n\n"
}

// The same lines around the call.
func twin(name, line string) string {
	return "def " + name + "(text):\n    first = read(text)\n    second = clean(first)\n    " + line + "\n    third = write(second)\n    return third\n\n"
}

const call, safe = "value = eval(second)", "value = parse(second)"

// shapes are changes that fix a problem and make another, in other shapes than swaps.
var shapes = []turn{
	{"one resource for another", files{"main.tf": strings.Replace(ingress(22, 22, everywhere), `"x" {`, `"a" {`, 1) + strings.Replace(ingress(22, 22, `"10.0.0.0/8"`), `"x" {`, `"b" {`, 1)},
		files{"main.tf": strings.Replace(ingress(22, 22, `"10.0.0.0/8"`), `"x" {`, `"a" {`, 1) + strings.Replace(ingress(22, 22, everywhere), `"x" {`, `"b" {`, 1)}},
	{"a resource of another module", files{"dev/main.tf": ingress(22, 22, everywhere) + "# dev\n", "prod/main.tf": "locals {\n  a = 1\n}\n"},
		files{"dev/main.tf": "# dev\n", "prod/main.tf": "locals {\n  a = 1\n}\n" + ingress(22, 22, everywhere)}},
	{"one service for another", files{"compose.yaml": "services:\n" + service("a", "    privileged: true\n") + service("b", "")}, files{"compose.yaml": "services:\n" + service("a", "") + service("b", "    privileged: true\n")}},
	{"one object for another", files{"all.yaml": deployment("a", "      hostPID: true\n", "") + "---\n" + deployment("b", "", "")}, files{"all.yaml": deployment("a", "", "") + "---\n" + deployment("b", "      hostPID: true\n", "")}},
	{"one object without a name for another", files{"all.yaml": strings.Replace(deployment("a", "      hostPID: true\n", "          command: [one]\n"), "name: a", "generateName: a", 1) + "---\n" + strings.Replace(deployment("b", "", "          command: [two]\n"), "name: b", "generateName: b", 1)},
		files{"all.yaml": strings.Replace(deployment("a", "", "          command: [one]\n"), "name: a", "generateName: a", 1) + "---\n" + strings.Replace(deployment("b", "      hostPID: true\n", "          command: [two]\n"), "name: b", "generateName: b", 1)}},
	{"one job for another", files{".github/workflows/a.yml": jobs(named("a", "    permissions: write-all\n"), named("b", ""))}, files{".github/workflows/a.yml": jobs(named("a", ""), named("b", "    permissions: write-all\n"))}},
	{"one container for another", files{"web.yaml": deployment("web", "", "          securityContext:\n            runAsUser: 0\n        - name: side\n          image: side:1\n")}, files{"web.yaml": deployment("web", "", "        - name: side\n          image: side:1\n          securityContext:\n            runAsUser: 0\n")}},
	{"one input for another", files{".github/workflows/a.yml": onTarget + job("      - run: echo \"${{ github.event.pull_request.title }}\"\n")}, files{".github/workflows/a.yml": onTarget + job("      - run: echo \"${{ github.event.pull_request.body }}\"\n")}},
	{"one stage for another", files{"Dockerfile": "FROM alpine:3.20 AS prod\nCOPY a /a\nUSER app\nFROM alpine:3.20 AS dev\nCOPY b /b\n"}, files{"Dockerfile": "FROM alpine:3.20 AS dev\nCOPY b /b\nUSER app\nFROM alpine:3.20 AS prod\nCOPY a /a\n"}},
	{"one stage of an image for another", files{"Dockerfile": "FROM alpine:3.20\nCOPY a /a\nRUN chmod 777 /app\nFROM alpine:3.20\nCOPY b /b\nUSER app\n"}, files{"Dockerfile": "FROM alpine:3.20\nCOPY a /a\nFROM alpine:3.20\nCOPY b /b\nRUN chmod 777 /app\nUSER app\n"}},
	{"one function for another", files{"a.py": function("one", call) + function("two", safe)}, files{"a.py": function("one", safe) + function("two", call)}},
	{"one function for its twin", files{"a.py": twin("one", call) + twin("two", safe)}, files{"a.py": twin("one", safe) + twin("two", call)}},
	{"one function for a new one", files{"a.py": twin("one", call)}, files{"a.py": twin("one", safe) + twin("two", call)}},
	{"one method for another", files{"A.java": "class A {\n  void one(String s) {\n    use(s);\n    eval(s);\n  }\n\n  void two(String s) {\n    take(s);\n  }\n}\n"}, files{"A.java": "class A {\n  void one(String s) {\n    use(s);\n  }\n\n  void two(String s) {\n    take(s);\n    eval(s);\n  }\n}\n"}},
	{"one method for another, braces below", files{"A.cs": "class A\n{\n  void One(string s)\n  {\n    eval(s);\n    Use(s);\n  }\n\n  void Two(string s)\n  {\n    Take(s);\n  }\n}\n"}, files{"A.cs": "class A\n{\n  void One(string s)\n  {\n    Use(s);\n  }\n\n  void Two(string s)\n  {\n    Take(s);\n    eval(s);\n  }\n}\n"}},
	{"a function that got another name, and another", files{"a.py": function("one", call) + function("two", safe)}, files{"a.py": strings.Replace(function("one", safe), "def one", "def uno", 1) + function("two", call)}},
	{"a short function that got another name, and another", files{"a.py": "def one(x):\n    eval(x)\n" + function("two", safe)}, files{"a.py": "def one_safe(x):\n    parse(x)\n" + function("two", "value = eval(second)")}},
	{"one play for another", files{"site.yml": "- name: one\n  hosts: a\n  vars:\n    a: eval(1)\n- name: two\n  hosts: b\n  vars:\n    a: 1\n"}, files{"site.yml": "- name: one\n  hosts: a\n  vars:\n    a: 1\n- name: two\n  hosts: b\n  vars:\n    a: eval(1)\n"}},
	{"one part of a configuration for another", files{"values.yaml": "dev:\n  a: 1\n  b: eval(1)\nprod:\n  a: 1\n  b: 2\n"}, files{"values.yaml": "dev:\n  a: 1\n  b: 2\nprod:\n  a: 1\n  b: eval(1)\n"}},
	{"a line of another file", files{"dev/a.py": function("one", call), "prod/b.py": function("two", safe)}, files{"dev/a.py": function("one", safe), "prod/b.py": function("two", call)}},
	{"a line of a file's twin", files{"dev/a.py": twin("one", call), "prod/a.py": twin("one", safe)}, files{"dev/a.py": twin("one", safe), "prod/a.py": twin("one", call)}},
	{"a line at the edge of another file", files{"dev/a.py": "import os\neval(os.name)\nprint(1)\n", "prod/b.py": "import os\nprint(2)\n"}, files{"dev/a.py": "import os\nprint(1)\n", "prod/b.py": "import os\neval(os.name)\nprint(2)\n"}},
	{"another file in the place of one", files{"dev/compose.yaml": "services:\n" + service("web", "    privileged: true\n    command: [a, b, c]\n    user: one\n    hostname: dev\n")}, files{"prod/compose.yaml": "services:\n" + service("web", "    privileged: true\n    networks: [x]\n    working_dir: /y\n    init: true\n    tty: true\n    stdin_open: true\n    labels: [z]\n")}},
	{"a service that got another name", files{"dev/compose.yaml": "services:\n" + service("web", "    command: [a]\n    privileged: true\n"), "prod/compose.yaml": "services:\n" + service("db", "")},
		files{"dev/compose.yaml": "services:\n" + strings.Replace(service("web", "    command: [a]\n"), "  web:", "  site:", 1), "prod/compose.yaml": "services:\n" + service("db", "") + service("web", "    command: [a]\n    privileged: true\n")}},
	{"a copy", files{"a.py": function("one", call)}, files{"a.py": function("one", call), "b.py": function("one", call)}},
	{"a copy of a resource", files{"a.tf": ingress(22, 22, everywhere)}, files{"a.tf": ingress(22, 22, everywhere), "b/a.tf": ingress(22, 22, everywhere)}},
	{"a rename beside it", files{"dev/Dockerfile": like("dockerfile no user").bad, "prod/Dockerfile": like("dockerfile no user").good}, files{"test/Dockerfile": like("dockerfile no user").good, "prod/Dockerfile": like("dockerfile no user").bad}},
	{"two folders renamed at once", files{"env/dev/main.tf": ingress(22, 22, everywhere), "env/prod/main.tf": ingress(22, 22, `"10.0.0.0/8"`)}, files{"envs/dev/main.tf": ingress(22, 22, `"10.0.0.0/8"`), "envs/prod/main.tf": ingress(22, 22, everywhere)}},
	{"two files renamed at once", files{"docker-compose.dev.yml": like("compose unconfined").bad, "docker-compose.prod.yml": like("compose unconfined").good}, files{"compose.dev.yml": like("compose unconfined").good, "compose.prod.yml": like("compose unconfined").bad}},
	{"one folder renamed, and one gone", files{"env/dev/main.tf": ingress(22, 22, everywhere), "env/prod/main.tf": ingress(22, 22, `"10.0.0.0/8"`)}, files{"envs/prod/main.tf": ingress(22, 22, everywhere)}},
	{"a user, and a stage more", files{"Dockerfile": "FROM node:20\nCOPY a /a\nCMD [\"a\"]\n"}, files{"Dockerfile": "FROM node:20\nCOPY a /a\nUSER app\nCMD [\"a\"]\nFROM debian:12\nCOPY b /b\n"}},
	{"a user, a name, and a stage more", files{"Dockerfile": "FROM node:20\nCOPY a /a\nCMD [\"a\"]\n"}, files{"Dockerfile": "FROM node:20 AS web\nCOPY a /a\nUSER app\nCMD [\"a\"]\nFROM debian:12\nCOPY b /b\n"}},
	{"a workflow's permissions", files{".github/workflows/a.yml": "on: push\npermissions: write-all\n" + job("      - run: a\n"), ".github/workflows/b.yml": onPush + job("      - run: b\n")}, files{".github/workflows/a.yml": onPush + job("      - run: a\n"), ".github/workflows/b.yml": "on: push\npermissions: write-all\n" + job("      - run: b\n")}},
}

func TestNoFixPaysInOtherShapes(t *testing.T) {
	t.Parallel()
	var trees []files
	for _, s := range shapes {
		trees = append(trees, s.base, s.head)
	}
	repo, commits := histories(t, trees)
	clean := 0
	for i, s := range shapes {
		if got := findings(t, repo, commits[2*i], commits[2*i+1]); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "new ") }) {
			clean++
			t.Errorf("%s: nothing is new: %q", s.name, got)
		}
	}
	t.Logf("%d of %d changes are clean", clean, len(shapes))
}

func indented(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

// moves are changes that bring nothing new.
var moves = []turn{
	{"a folder of Terraform", files{"dev/main.tf": ingress(22, 22, everywhere)}, files{"env/dev/main.tf": ingress(22, 22, everywhere)}},
	{"a file of Terraform", files{"main.tf": ingress(22, 22, everywhere) + attribute("aws_s3_bucket", "acl", `"public-read"`)}, files{"net.tf": ingress(22, 22, everywhere) + attribute("aws_s3_bucket", "acl", `"public-read"`) + "# more\n"}},
	{"a resource to another file", files{"main.tf": ingress(22, 22, everywhere) + attribute("aws_ebs_volume", "size", "1"), "net.tf": "locals {\n  a = 1\n}\n"}, files{"main.tf": attribute("aws_ebs_volume", "size", "1"), "net.tf": "locals {\n  a = 1\n}\n" + ingress(22, 22, everywhere)}},
	{"a resource to a new file", files{"main.tf": ingress(22, 22, everywhere) + attribute("aws_ebs_volume", "size", "1")}, files{"main.tf": attribute("aws_ebs_volume", "size", "1"), "net.tf": ingress(22, 22, everywhere)}},
	{"a resource, and a line of it", files{"main.tf": ingress(22, 22, everywhere) + attribute("aws_ebs_volume", "size", "1")}, files{"main.tf": attribute("aws_ebs_volume", "size", "1"), "net.tf": strings.Replace(ingress(22, 22, everywhere), "shop", "store", 1)}},
	{"the last resource of a file", files{"main.tf": ingress(22, 22, everywhere), "net.tf": "locals {\n  a = 1\n}\n"}, files{"main.tf": "# nothing\n", "net.tf": "locals {\n  a = 1\n}\n" + ingress(22, 22, everywhere)}},
	{"the order of resources", files{"main.tf": ingress(22, 22, everywhere) + attribute("aws_ebs_volume", "encrypted", "false")}, files{"main.tf": attribute("aws_ebs_volume", "encrypted", "false") + ingress(22, 22, everywhere)}},
	{"indented Terraform", files{"main.tf": ingress(22, 22, everywhere)}, files{"main.tf": indented(ingress(22, 22, everywhere))}},
	{"CRLF", files{"main.tf": ingress(22, 22, everywhere), "Dockerfile": like("dockerfile no user").bad}, files{"main.tf": strings.ReplaceAll(ingress(22, 22, everywhere), "\n", "\r\n"), "Dockerfile": strings.ReplaceAll(like("dockerfile no user").bad, "\n", "\r\n")}},

	{"two folders of Terraform", files{"env/dev/main.tf": ingress(22, 22, everywhere), "env/prod/main.tf": ingress(3389, 3389, everywhere)}, files{"envs/dev/main.tf": ingress(22, 22, everywhere), "envs/prod/main.tf": ingress(3389, 3389, everywhere)}},
	{"a folder of a Dockerfile", files{"dev/Dockerfile": like("dockerfile no user").bad}, files{"docker/dev/Dockerfile": like("dockerfile no user").bad}},
	{"another image", files{"Dockerfile": "FROM node:20\nCOPY . /app\nRUN chmod 777 /app\nCMD [\"x\"]\n"}, files{"Dockerfile": "FROM node:22\nCOPY . /app\nRUN chmod 777 /app\nCMD [\"x\"]\n"}},
	{"another program", files{"Dockerfile": "FROM node:20\nCOPY . /app\nCMD [\"x\"]\n"}, files{"Dockerfile": "FROM python:3.12\nWORKDIR /y\nCMD [\"y\"]\n"}},
	{"a stage's name", files{"Dockerfile": "FROM node:20 AS a\nCOPY . /app\nCMD [\"x\"]\n"}, files{"Dockerfile": "FROM node:20 AS b\nCOPY . /app\nCMD [\"x\"]\n"}},
	{"a stage in front", files{"Dockerfile": "FROM node:20\nCOPY . /app\nCMD [\"x\"]\n"}, files{"Dockerfile": "FROM golang:1.25 AS build\nRUN make\nFROM node:20\nCOPY --from=build /a /app\nCMD [\"x\"]\n"}},
	{"a stage behind", files{"Dockerfile": "FROM golang:1.25 AS build\nRUN make\nCMD [\"x\"]\n"}, files{"Dockerfile": "FROM golang:1.25 AS build\nRUN make\nCMD [\"x\"]\nFROM debian:12\nCOPY --from=build /a /a\nCMD [\"/a\"]\n"}},

	{"a file of an object", files{"dev/web.yaml": deployment("web", "      hostPID: true\n", "")}, files{"k8s/dev/web.yaml": deployment("web", "      hostPID: true\n", "")}},
	{"an object to another file", files{"all.yaml": deployment("web", "      hostPID: true\n", "") + "---\n" + deployment("db", "", ""), "more.yaml": deployment("more", "", "")}, files{"all.yaml": deployment("db", "", ""), "more.yaml": deployment("more", "", "") + "---\n" + deployment("web", "      hostPID: true\n", "")}},
	{"an object to a new file", files{"all.yaml": deployment("web", "      hostPID: true\n", "") + "---\n" + deployment("db", "      hostIPC: true\n", "")}, files{"all.yaml": deployment("db", "      hostIPC: true\n", ""), "web.yaml": deployment("web", "      hostPID: true\n", "")}},
	{"the order of objects", files{"all.yaml": deployment("web", "      hostPID: true\n", "") + "---\n" + deployment("db", "", "")}, files{"all.yaml": deployment("db", "", "") + "---\n" + deployment("web", "      hostPID: true\n", "")}},
	{"another setting of an object", files{"web.yaml": contained("            privileged: true\n")}, files{"web.yaml": contained("            readOnlyRootFilesystem: true\n            privileged: true\n")}},

	{"a service to another file", files{"compose.yaml": "services:\n" + service("a", "    privileged: true\n") + service("b", "")}, files{"compose.yaml": "services:\n" + service("b", ""), "compose.dev.yaml": "services:\n" + service("a", "    privileged: true\n")}},
	{"the order of services", files{"compose.yaml": "services:\n" + service("a", "    privileged: true\n") + service("b", "")}, files{"compose.yaml": "services:\n" + service("b", "") + service("a", "    privileged: true\n")}},
	{"a file of Compose", files{"docker-compose.yml": "services:\n" + service("a", "    privileged: true\n")}, files{"compose.yaml": "services:\n" + service("a", "    privileged: true\n")}},
	{"indented services", files{"compose.yaml": "services:\n" + service("a", "    privileged: true\n")}, files{"compose.yaml": "services:\n" + strings.ReplaceAll(service("a", "    privileged: true\n"), "  ", "    ")}},

	{"a workflow's name", files{".github/workflows/a.yml": onTarget + checkout}, files{".github/workflows/b.yml": onTarget + checkout}},
	{"a job to another workflow", files{".github/workflows/a.yml": jobs(named("a", "    permissions: write-all\n"), named("b", ""))}, files{".github/workflows/a.yml": jobs(named("b", "")), ".github/workflows/c.yml": jobs(named("a", "    permissions: write-all\n"))}},
	{"another step", files{".github/workflows/a.yml": onTarget + checkout}, files{".github/workflows/a.yml": onTarget + checkout + "      - run: echo\n"}},
	{"the workflow's permissions", files{".github/workflows/a.yml": "on: push\npermissions: write-all\n" + job("      - run: a\n")}, files{".github/workflows/a.yml": "name: x\non: [push, workflow_dispatch]\npermissions: write-all\n" + job("      - run: a\n")}},

	{"a function to another file", files{"a.py": function("one", call) + function("two", safe), "b.py": function("three", safe)}, files{"a.py": function("two", safe), "b.py": function("three", safe) + function("one", call)}},
	{"a function to a new file", files{"a.py": function("one", call) + function("two", safe)}, files{"a.py": "from b import one\n" + function("two", safe), "b.py": function("one", call)}},
	{"a short function to another file", files{"a.py": "def one(x):\n    eval(x)\n" + function("two", safe), "b.py": function("three", safe)}, files{"a.py": "from b import one\n" + function("two", safe), "b.py": function("three", safe) + "def one(x):\n    eval(x)\n"}},
	{"a file of code", files{"dev/a.py": function("one", call)}, files{"lib/b.py": function("one", call)}},
	{"a function's name", files{"a.py": function("one", call) + function("two", safe)}, files{"a.py": strings.Replace(function("one", call), "def one", "def uno", 1) + function("two", safe)}},
	{"a short function's name", files{"a.py": "def one(x):\n    eval(x)\n"}, files{"a.py": "def uno(x, y):\n    eval(x)\n"}},
	{"the order of functions", files{"a.py": function("one", call) + function("two", safe)}, files{"a.py": function("two", safe) + function("one", call)}},
	{"lines above", files{"a.py": function("one", call)}, files{"a.py": "import os\n\n" + function("zero", safe) + function("one", call)}},
	{"a line within a function", files{"a.py": function("one", call)}, files{"a.py": strings.Replace(function("one", ""), "    return", "    "+call+"\n    return", 1)}},
	{"a line at the edge", files{"a.py": "import os\neval(os.name)\nprint(1)\nprint(2)\n"}, files{"a.py": "import os\nprint(1)\nprint(2)\neval(os.name)\n"}},
	{"lines into a function", files{"a.py": "import os\neval(os.name)\nprint(1)\n"}, files{"a.py": "import os\n\ndef main():\n    eval(os.name)\n    print(1)\n\nmain()\n"}},
	{"a part of a function", files{"a.py": "def one(x):\n    a = begin(x)\n    b = more(a)\n    c = most(b)\n    eval(c)\n    d = end(c)\n    return d\n\ndef two(x):\n    return one(x)\n"},
		files{"a.py": "def one(x):\n    return helper(x)\n\ndef helper(x):\n    a = begin(x)\n    b = more(a)\n    c = most(b)\n    eval(c)\n    d = end(c)\n    return d\n\ndef two(x):\n    return one(x)\n"}},
	{"indented code", files{"a.py": function("one", call)}, files{"a.py": "class A:\n" + indented(function("one", call)) + "\n"}},
	{"a method to another class", files{"A.java": "class A {\n  void one(String s) {\n    use(s);\n    eval(s);\n  }\n\n  void two(String s) {\n    take(s);\n  }\n}\n"}, files{"A.java": "class A {\n  void two(String s) {\n    take(s);\n  }\n}\n", "B.java": "class B {\n  void one(String s) {\n    use(s);\n    eval(s);\n  }\n}\n"}},
}

func TestMovesAreNoNews(t *testing.T) {
	t.Parallel()
	var trees []files
	for _, s := range moves {
		trees = append(trees, s.base, s.head)
	}
	repo, commits := histories(t, trees)
	for i, s := range moves {
		got := findings(t, repo, commits[2*i], commits[2*i+1])
		if len(got) == 0 || slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, "unchanged ") }) {
			t.Errorf("%s: %q", s.name, got)
		}
	}
}
