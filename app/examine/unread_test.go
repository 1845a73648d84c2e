package examine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
	"github.com/secbydesign/secbydesign/scanners/osv"
	"github.com/secbydesign/secbydesign/scanners/osv/osvtest"
)

// An ill is a file with a problem, and what makes it unreadable for its scanner when it is added.
type ill struct {
	scanner, path, moved string // the file, and another name for it
	far, other           string // a file in another folder, with a problem of its own
	text, breaks         string
}

// ills hold one file for each built-in scanner that reads a format. actionlint reports what it cannot read.
var ills = []ill{
	{
		"terraform", "old/elb.tf", "old/lb.tf", "azure/new.tf", tf("azurerm_storage_container", "x", "  container_access_type = \"blob\""),
		tf("aws_security_group_rule", "ssh", "  type = \"ingress\"\n  from_port = 22\n  to_port = 22\n  protocol = \"tcp\"\n  cidr_blocks = [\"0.0.0.0/0\"]"), "resource {\n",
	},
	{"kubernetes", "old/web.yaml", "old/shop.yaml", "new/role.yaml", clusterAdmin, deployment("web", "      hostNetwork: true\n", ""), "  - x\n ]\n"},
	{
		"compose", "old/compose.yaml", "old/compose.dev.yaml", "new/compose.yaml", "services:\n  db:\n    image: nginx:1.27\n    network_mode: host\n",
		"services:\n  web:\n    image: nginx:1.27\n    restart: always\n    privileged: true\n", "  - x\n ]\n",
	},
	{
		"dockerfile", "old/Dockerfile", "old/Dockerfile.dev", "new/Dockerfile", "FROM busybox:1.37\nUSER app\nEXPOSE 22\n",
		"FROM alpine:3.20\nWORKDIR /app\nCOPY . /app\nRUN chmod 777 /app\nUSER app\nCMD [\"/app/run\"]\n", "ENV A\n",
	},
	{
		"workflows", ".github/workflows/a.yml", ".github/workflows/b.yml", ".github/workflows/c.yml", "on: push\npermissions: {}\nenv: {ACTIONS_ALLOW_UNSECURE_COMMANDS: true}\n" + job("      - run: ./deploy\n"),
		"on: push\npermissions: write-all\n" + job("      - run: make\n"), "# \xff\n",
	},
	{
		"osv", "old/package-lock.json", "", "new/package-lock.json", `{"name": "y", "lockfileVersion": 3, "packages": {"node_modules/acme-template": {"version": "1.0.1"}}}` + "\n",
		`{"name": "x", "lockfileVersion": 3, "packages": {"node_modules/acme-template": {"version": "1.0.0"}}}` + "\n", "}\n",
	},
	{"gitleaks", "old/keys.txt", "", "new/keys.txt", secret(-1), secret(0), manySecrets(1010)},
}

const clusterAdmin = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: ops\nroleRef:\n  name: cluster-admin\nsubjects:\n  - kind: Group\n    name: system:authenticated\n"

// secret returns a line with a made-up token of a form that is a rule's.
func secret(n int) string {
	const digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	var token strings.Builder
	for i := range 36 {
		n = n*1103515245 + 12345 + i
		token.WriteByte(digits[(n>>8&0xffff)%len(digits)])
	}
	return "ghp" + "_" + token.String() + "\n"
}

func manySecrets(n int) string {
	var text strings.Builder
	for i := range n {
		text.WriteString(secret(i + 1))
	}
	return text.String()
}

// TestUnreadableFiles: what a scanner could not read at one side decides on nothing else.
func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	all := catalog.All(catalog.Options{BuiltIn: true, OSV: osv.Options{Dir: osvtest.Folder(t, "../../scanners/osv/testdata/advisories")}})
	for _, x := range ills {
		t.Run(x.scanner, func(t *testing.T) {
			t.Parallel()
			one := all[slices.IndexFunc(all, func(s scanners.Scanner) bool { return s.Info().Name == x.scanner })]
			broken, far := x.text+x.breaks, files{x.far: x.other}
			if x.scanner == "gitleaks" || x.scanner == "osv" {
				broken = x.breaks + x.text // they read what comes before
			}
			with := func(more files) files {
				tree := maps.Clone(far)
				maps.Copy(tree, more)
				return tree
			}
			at := func(name, text string) files {
				if name == "" {
					return nil
				}
				return files{name: text}
			}
			cases := []struct {
				name       string
				base, head files
				complete   bool
				want       []string // paths of new findings
			}{
				{"never broken", files{x.path: x.text}, with(files{x.path: x.text + "\n"}), true, []string{x.far}},
				{"fixed", files{x.path: broken}, with(files{x.path: x.text}), true, []string{x.far, x.path + " old"}},
				{"deleted", files{x.path: broken}, far, true, []string{x.far}},
				{"left alone", files{x.path: broken}, with(files{x.path: broken}), true, []string{x.far}},
				{"broken by the change", files{x.path: x.text}, with(files{x.path: broken}), false, []string{x.far}},
				{"broken on both sides", files{x.path: broken}, with(files{x.path: "\n" + broken}), false, []string{x.far}},
				{"new and broken", files{"README": "x\n"}, with(files{x.path: broken}), false, []string{x.far}},
				{"fixed under another name", files{x.path: broken}, with(at(x.moved, x.text)), true, []string{x.far, x.moved + " old"}},
				{"broken under another name", files{x.path: x.text}, with(at(x.moved, broken)), false, []string{x.far}},
				{"changed, and broken", files{x.path: x.text}, with(files{x.path: strings.ReplaceAll(broken, "true", "false")}), false, []string{x.far}},
			}
			var trees []files
			for _, c := range cases {
				trees = append(trees, c.base, c.head)
			}
			repo, commits := histories(t, trees)
			for i, c := range cases {
				if x.moved == "" && strings.Contains(c.name, "name") {
					continue // it has one name only, or a thousand lines less are another file
				}
				ex, err := (&Examiner{Scanners: []scanners.Scanner{one}}).Examine(t.Context(), Change{Repo: repo, Base: commits[2*i], Head: commits[2*i+1]}, policy.Default(), nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				run := ex.Runs[0]
				// What was read of a file, up to the place where it breaks, may be said.
				part := x.path + " fixed"
				if !c.complete {
					part = cmp.Or(x.moved, x.path)
				}
				got := slices.DeleteFunc(slices.Compact(claimed(run)), func(s string) bool { return s == part || !c.complete && s == x.path })
				slices.Sort(got)
				slices.Sort(c.want)
				want(t, c.name, got, c.want...)
				if (run.Err == nil) != c.complete {
					t.Errorf("%s: the error is %v", c.name, run.Err)
				}
				if reason := scanners.Reason(run.Err); !c.complete && !strings.Contains(reason, x.path) && !strings.Contains(reason, fmt.Sprintf("%q", x.moved)) {
					t.Errorf("%s: the reason names no file: %s", c.name, reason)
				}
			}
		})
	}
}

// TestWhatWasReadIsKept: a file that cannot be read costs no other file its stored result.
func TestWhatWasReadIsKept(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"a": "x\n"}, map[string]string{"a": "bad\n", "b": "bad\n", "odd": "bad\n"})
	g := newGrep("broken", "bad", scanners.ScopeFile)
	odd := &scanners.IncompleteError{Reason: "It is odd.", Paths: []string{"odd"}}
	s := &silent{grep: g, from: 1, err: odd, unread: newUnread(g.info, []error{odd})}
	stored := openLedger(t)
	e := Examiner{Scanners: []scanners.Scanner{s}, Known: stored.Results, Keep: stored.SaveResults}
	for i, scanned := range []int{4, 1} {
		run := examined(t, e, c, policy.Default()).Runs[0]
		want(t, "found", claimed(run), "a", "b")
		if run.Scanned != scanned || run.Err == nil {
			t.Errorf("review %d: scanned %d files, want %d; the error is %v", i, run.Scanned, scanned, run.Err)
		}
	}
}

// TestVendored: by default, code that a package manager wrote is scanned for secrets only, and that is said.
func TestVendored(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"a": "x\n"}, map[string]string{
		"vendor/github.com/x/y.go": "bad\n", "web/node_modules/x/index.js": "bad\n", "app.min.js": "bad\n", "app/vendor/rules.go": "bad\n",
	})
	code, secrets, tree := newGrep("code", "bad", scanners.ScopeFile), newGrep("secrets", "bad", scanners.ScopeFile), newGrep("tree", "bad", scanners.ScopeTree)
	secrets.info.Gate = scanners.Secrets
	e := Examiner{Scanners: []scanners.Scanner{code, secrets, tree}}
	everywhere := []string{"app.min.js", "app/vendor/rules.go", "vendor/github.com/x/y.go", "web/node_modules/x/index.js"}
	for name, tt := range map[string]struct {
		text                string
		code, secrets, tree []string
		notice              string
	}{
		"default":    {"version: 1\n", []string{"app/vendor/rules.go"}, everywhere, []string{"app/vendor/rules.go"}, `"app.min.js" and 2 more`},
		"everything": {"version: 1\npaths: {ignore: []}\n", everywhere, everywhere, everywhere, ""},
		"a list":     {"version: 1\npaths: {ignore: [\"vendor/**\"]}\n", []string{"app.min.js", "app/vendor/rules.go", "web/node_modules/x/index.js"}, []string{"app.min.js", "app/vendor/rules.go", "web/node_modules/x/index.js"}, []string{"app.min.js", "app/vendor/rules.go", "web/node_modules/x/index.js"}, ""},
	} {
		layer, err := policy.Parse(policy.File, []byte(tt.text))
		if err != nil {
			t.Fatal(err)
		}
		ex := examined(t, e, c, policy.Merge(policy.Layer{}, layer))
		for i, paths := range [][]string{tt.code, tt.secrets, tt.tree} {
			want(t, name+" "+ex.Runs[i].Scanner, claimed(ex.Runs[i]), paths...)
		}
		if said := strings.Join(ex.Notices, " "); tt.notice == "" && said != "" || !strings.Contains(said, tt.notice) {
			t.Errorf("%s: the notices are %q", name, said)
		}
	}
}
