package examine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// renames say how the thing is called in each kind of file of swaps, and how it is called afterwards.
var renames = []struct{ scanner, from, to string }{
	{"terraform ", `"x" {`, `"shop_data" {`},
	{"dockerfile ", "FROM alpine:3.20\n", "FROM alpine:3.20 AS run\n"},
	{"kubernetes ", "  name: web\n", "  name: shop\n"},
	{"kubernetes ", "  name: web\n", "  name: web\n  namespace: prod\n"},
	{"kubernetes ", "  name: web\n", "  namespace: prod\n  name: shop-web\n"},
	{"kubernetes ", "        - name: web\n", "        - name: main\n"},
	{"kubernetes ", "        - name: DB_PASSWORD\n", "        - name: ADMIN_PASSWORD\n"},
	{"kubernetes ", "  name: ops\n", "  name: operators\n"},
	{"compose ", "  web:\n", "  site:\n"},
	{"workflow ", "  build:\n", "  compile:\n"},
}

// news returns the findings that are not unchanged.
func news(list []string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return strings.HasPrefix(s, "unchanged ") })
}

// TestANewNameIsNoNews gives another name to the thing that each of swaps is about.
func TestANewNameIsNoNews(t *testing.T) {
	t.Parallel()
	type change struct{ name, path, base, head string }
	var changes []change
	for _, s := range swaps {
		for _, r := range renames {
			if head := strings.Replace(s.bad, r.from, r.to, 1); strings.HasPrefix(s.name, r.scanner) && head != s.bad {
				changes = append(changes, change{fmt.Sprintf("%s, %q", s.name, strings.TrimSpace(r.to)), s.here, s.bad, head})
			}
		}
	}
	var trees []files
	for _, c := range changes {
		trees = append(trees, files{c.path: c.base}, files{c.path: c.head})
	}
	repo, commits := histories(t, trees)
	wrong := 0
	for i, c := range changes {
		if got := findings(t, repo, commits[2*i], commits[2*i+1]); len(got) == 0 || len(news(slices.Clone(got))) > 0 {
			wrong++
			t.Errorf("%s: %q", c.name, got)
		}
	}
	t.Logf("%d of %d new names are news", wrong, len(changes))
}

// pod returns an object with containers, each "name line".
func pod(name string, containers ...string) string {
	text := "apiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name + "\nspec:\n  containers:\n"
	for _, c := range containers {
		name, line, _ := strings.Cut(c, " ")
		text += "    - name: " + name + "\n      image: shop/app:1.2\n      securityContext:\n        " + line + "\n"
	}
	return text
}

const bad, good = "privileged: true", "terminationMessagePath: /dev/log"

// volume returns a resource with an attribute.
func volume(kind, name, line string) string {
	return fmt.Sprintf("resource %q %q {\n  availability_zone = \"eu-central-1a\"\n  size = 40\n  %s\n}\n", kind, name, line)
}

func steps(job, permission string, steps ...string) string {
	return "  " + job + ":\n    runs-on: ubuntu-latest\n" + permission + "    steps:\n      - run: make\n" + strings.Join(steps, "")
}

const floating, fixed = "      - uses: acme/tool@v2\n", "      - uses: acme/tool@0123456789abcdef0123456789abcdef01234567\n"

// renamings are changes in which something gets another name. want are the findings that are not unchanged.
var renamings = []struct {
	name, path, base, head string
	want                   []string
}{
	{"an object and its containers", "p.yaml", pod("shop", "shop "+bad, "side "+good), pod("store", "store "+bad, "aside "+good), nil},
	{"two objects", "p.yaml", pod("a", "x "+bad) + "---\n" + pod("b", "y "+good), pod("c", "x "+bad) + "---\n" + pod("d", "y "+good), nil},
	{"a service of two", "compose.yaml", "services:\n" + service("a", "    privileged: true\n") + service("b", ""), "services:\n" + strings.Replace(service("a", "    privileged: true\n"), "  a:", "  c:", 1) + service("b", ""), nil},
	{"a service in one line", "compose.yaml", "services:\n  a: {image: x/y:1, privileged: true}\n  b: {image: x/z:1}\n", "services:\n  c: {image: x/y:1, privileged: true}\n  b: {image: x/z:1}\n", nil},
	{"a job of two alike", ".github/workflows/a.yml", jobs(steps("a", "", floating), steps("b", "", floating)), jobs(steps("c", "", floating), steps("b", "", floating)), nil},
	{"both jobs of two alike", ".github/workflows/a.yml", jobs(steps("a", "", floating), steps("b", "", floating)), jobs(steps("c", "", floating), steps("d", "", floating)), nil},
	{"a step", ".github/workflows/a.yml", jobs(steps("a", "", "      - id: one\n        uses: acme/tool@v2\n")), jobs(steps("a", "", "      - id: two\n        uses: acme/tool@v2\n")), nil},
	{"a job, and another line of it", ".github/workflows/a.yml", jobs(steps("a", "", floating)), jobs(steps("b", "", floating, "      - run: echo\n")), nil},
	{"a job and where it is", ".github/workflows/a.yml", jobs(steps("a", "    permissions: write-all\n"), steps("b", "", fixed, fixed)), jobs(steps("b", "", fixed, fixed), steps("c", "    permissions: write-all\n")), nil},
	{"a resource of two", "a.tf", volume("aws_ebs_volume", "a", "encrypted = false") + volume("aws_ebs_volume", "b", "encrypted = false"), volume("aws_ebs_volume", "a", "encrypted = false") + volume("aws_ebs_volume", "c", "encrypted = false"), nil},
	{"a resource of one line", "a.tf", "resource \"aws_s3_bucket\" \"a\" {\n  acl = \"public-read\"\n}\n", "resource \"aws_s3_bucket\" \"b\" {\n  acl = \"public-read\"\n}\n", nil},
	{"a stage and its image", "Dockerfile", "FROM node:20 AS build\nRUN chmod 777 /srv\nRUN make\nFROM debian:12\nUSER app\n", "FROM golang:1.25 AS compile\nRUN chmod 777 /srv\nRUN make\nFROM debian:12\nUSER app\n", nil},
	{"a stage without a version", "Dockerfile", "FROM node:latest AS build\nRUN make\nFROM debian:12\nUSER app\n", "FROM node:latest AS compile\nRUN make\nFROM debian:12\nUSER app\n", nil},
	{"an entry of another template", "stack.yaml", "Resources:\n  A:\n    Type: X\n    Note: eval(1)\n    More: 1\n", "Resources:\n  B:\n    Type: X\n    Note: eval(1)\n    More: 1\n", nil},

	{"a second copy of an object", "p.yaml", pod("a", "x "+bad), pod("a", "x "+bad) + "---\n" + pod("b", "x "+bad), []string{"new p.yaml:21 kubernetes/privileged-container"}},
	{"an object and a copy of it", "p.yaml", pod("a", "x "+bad), pod("b", "x "+bad) + "---\n" + pod("c", "x "+bad), []string{"new p.yaml:21 kubernetes/privileged-container"}},
	{"a second copy of a container", "p.yaml", pod("a", "x "+bad), pod("a", "x "+bad, "y "+bad), []string{"new p.yaml:14 kubernetes/privileged-container"}},
	{"one container for another", "p.yaml", pod("a", "x "+bad, "y "+good), pod("a", "x "+good, "y "+bad), []string{"absent p.yaml:10 kubernetes/privileged-container", "new p.yaml:14 kubernetes/privileged-container"}},
	{"one container for another of a renamed object", "p.yaml", pod("a", "x "+bad, "y "+good), pod("b", "x "+good, "y "+bad), []string{"absent p.yaml:10 kubernetes/privileged-container", "new p.yaml:14 kubernetes/privileged-container"}},
	{"one container renamed, for another", "p.yaml", pod("a", "x "+bad, "y "+good), pod("a", "z "+good, "y "+bad), []string{"absent p.yaml:10 kubernetes/privileged-container", "new p.yaml:14 kubernetes/privileged-container"}},
	{"one container for another, in another order", "p.yaml", pod("a", "x "+bad, "y "+good), pod("a", "y "+bad, "x "+good), []string{"absent p.yaml:10 kubernetes/privileged-container", "new p.yaml:10 kubernetes/privileged-container"}},
	{"one object renamed, for another", "p.yaml", pod("a", "x "+bad) + "---\n" + pod("b", "y "+good), pod("c", "x "+good) + "---\n" + pod("b", "y "+bad), []string{"absent p.yaml:10 kubernetes/privileged-container", "new p.yaml:21 kubernetes/privileged-container"}},
	{"a second copy of a job", ".github/workflows/a.yml", jobs(steps("a", "", floating)), jobs(steps("a", "", floating), steps("b", "", floating)), []string{"new .github/workflows/a.yml:13 workflows/unpinned-action"}},
	{"one job for another", ".github/workflows/a.yml", jobs(steps("a", "", floating), steps("b", "", fixed)), jobs(steps("c", "", fixed), steps("b", "", floating)), []string{"absent .github/workflows/a.yml:8 workflows/unpinned-action", "new .github/workflows/a.yml:13 workflows/unpinned-action"}},
	{"a job, and another action", ".github/workflows/a.yml", jobs(steps("a", "", floating)), jobs(steps("b", "", "      - uses: acme/other@v2\n")), []string{"absent .github/workflows/a.yml:8 workflows/unpinned-action", "new .github/workflows/a.yml:8 workflows/unpinned-action"}},
	{"a second copy of a resource", "a.tf", volume("aws_ebs_volume", "a", "encrypted = false"), volume("aws_ebs_volume", "a", "encrypted = false") + volume("aws_ebs_volume", "b", "encrypted = false"), []string{"new a.tf:9 terraform/encryption-off"}},
	{"one resource for another", "a.tf", volume("aws_ebs_volume", "a", "encrypted = false") + volume("aws_ebs_volume", "b", "encrypted = true"), volume("aws_ebs_volume", "c", "encrypted = true") + volume("aws_ebs_volume", "b", "encrypted = false"), []string{"absent a.tf:4 terraform/encryption-off", "new a.tf:9 terraform/encryption-off"}},
	{"a resource of another type", "a.tf", volume("aws_ebs_volume", "a", "encrypted = false"), volume("aws_efs_file_system", "a", "encrypted = false"), []string{"absent a.tf:4 terraform/encryption-off", "new a.tf:4 terraform/encryption-off"}},
	{"a resource in the place of one that differs", "a.tf", tf("aws_db_instance", "a", "  engine = \"mysql\"\n  username = \"a\"\n  port = 3306\n  instance_class = \"x\"\n  publicly_accessible = true"), "resource \"aws_db_instance\" \"b\" {\n  engine = \"postgres\"\n  identifier = \"b\"\n  port = 5432\n  instance_class = \"y\"\n  publicly_accessible = true\n}\n", []string{"absent a.tf:8 terraform/public-database", "new a.tf:6 terraform/public-database"}},
	{"a resource, and more ports", "a.tf", ingress(22, 22, everywhere), strings.Replace(ingress(22, 60000, everywhere), `"x"`, `"y"`, 1), []string{"new a.tf:8 terraform/aws-open-ingress"}},
	{"another image without a version", "Dockerfile", "FROM node:latest\nRUN make\nUSER app\n", "FROM python:latest\nRUN make\nUSER app\n", []string{"absent Dockerfile:1 dockerfile/floating-image", "new Dockerfile:1 dockerfile/floating-image"}},
	{"a service, and another image", "compose.yaml", "services:\n  a:\n    image: x/y:1\n    privileged: true\n    restart: always\n", "services:\n  b:\n    image: z/w:3\n    privileged: true\n    read_only: true\n", []string{"absent compose.yaml:4 compose/privileged-container", "new compose.yaml:4 compose/privileged-container"}},
}

func TestRenamed(t *testing.T) {
	t.Parallel()
	var trees []files
	for _, c := range renamings {
		trees = append(trees, files{c.path: c.base}, files{c.path: c.head})
	}
	repo, commits := histories(t, trees)
	for i, c := range renamings {
		all := findings(t, repo, commits[2*i], commits[2*i+1])
		if got := news(slices.Clone(all)); len(all) == 0 || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, all, c.want)
		}
	}
}

// TestScannersAgreeOnWhatIsOld has a resource of another type in the place of one, with the same token. So the line has
// no new problem for the scanner of Terraform either, for which the resource is another one. In another module it has.
func TestScannersAgreeOnWhatIsOld(t *testing.T) {
	t.Parallel()
	const locals = "locals {\n  a = 1\n}\n"
	resource := func(kind string) string {
		return tf(kind, "x", "  password = \"ghp_a1B2c3D4e5a1B2c3D4e5a1B2c3D4e5f6G7h8\"")
	}
	repo, commits := histories(t, []files{
		{"dev/main.tf": resource("aws_db_instance"), "prod/main.tf": locals},
		{"dev/main.tf": resource("aws_docdb_cluster"), "prod/main.tf": locals},
		{"dev/main.tf": "# dev\n", "prod/main.tf": locals + resource("aws_db_instance")},
	})
	isNew := func(s string) bool { return strings.HasPrefix(s, "new ") }
	if got := findings(t, repo, commits[0], commits[1]); len(got) == 0 || slices.ContainsFunc(got, isNew) {
		t.Errorf("in one place: %q", got)
	}
	if got := findings(t, repo, commits[0], commits[2]); !slices.ContainsFunc(got, isNew) {
		t.Errorf("in another module: %q", got)
	}
}

// two returns a file with two things of one kind, each a text of swaps under a name of its own.
func two(kind, first, firstName, second, secondName string) string {
	switch kind {
	case "terraform":
		named := func(text, name string) string { return strings.Replace(text, `"x" {`, fmt.Sprintf("%q {", name), 1) }
		return named(first, firstName) + named(second, secondName)
	case "dockerfile":
		named := func(text, name string) string {
			line, more, _ := strings.Cut(text, "\n")
			return line + " AS " + name + "\n" + more
		}
		return named(first, firstName) + named(second, secondName)
	case "kubernetes":
		named := func(text, name string) string {
			before, after, _ := strings.Cut(text, "\n  name: ")
			_, after, _ = strings.Cut(after, "\n")
			return before + "\n  name: " + name + "\n" + after
		}
		return named(first, firstName) + "---\n" + named(second, secondName)
	case "compose":
		named := func(text, name string) string {
			return strings.Replace(strings.TrimPrefix(text, "services:\n"), "  web:", "  "+name+":", 1)
		}
		return "services:\n" + named(first, firstName) + named(second, secondName)
	}
	head, job, ok := strings.Cut(first, "jobs:\n")
	other, second, _ := strings.Cut(second, "jobs:\n")
	if !ok || head != other {
		return ""
	}
	named := func(text, name string) string { return strings.Replace(text, "  build:", "  "+name+":", 1) }
	return head + "jobs:\n" + named(job, firstName) + named(second, secondName)
}

// TestANewNamePaysForNothing fixes a problem in one thing and makes it in another of the same file, where one of the two
// gets another name. The problem that came is new. A copy under another name is new, too.
func TestANewNamePaysForNothing(t *testing.T) {
	t.Parallel()
	type change struct{ name, path, base, head string }
	var changes []change
	for n, s := range swaps {
		kind, _, _ := strings.Cut(s.name, " ")
		base := two(kind, s.bad, "a", s.good, "b")
		if base == "" {
			continue
		}
		if s.name == "terraform password" { // a copy of a secret that the file has already is no news, see baseline.TestASecretIsItsValue
			continue
		}
		four := []change{
			{s.name + ", the first is renamed", s.here, base, two(kind, s.good, "c", s.bad, "b")},
			{s.name + ", renamed and copied", s.here, base, two(kind, s.bad, "c", s.bad, "b")},
			{s.name + ", the second is renamed", s.here, base, two(kind, s.good, "a", s.bad, "c")},
			{s.name + ", copied and renamed", s.here, base, two(kind, s.bad, "a", s.bad, "c")},
		}
		changes = append(changes, four[2*(n%2):][:2]...) // the others take the time of the tests
	}
	var trees []files
	for _, c := range changes {
		trees = append(trees, files{c.path: c.base}, files{c.path: c.head})
	}
	repo, commits := histories(t, trees)
	for i, c := range changes {
		if got := findings(t, repo, commits[2*i], commits[2*i+1]); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "new ") }) {
			t.Errorf("%s: nothing is new: %q", c.name, got)
		}
	}
	t.Logf("%d changes", len(changes))
}
