package lockfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// text joins lines, each without the indentation of the test.
func text(lines ...string) []byte { return []byte(strings.Join(lines, "\n") + "\n") }

// show returns "name version" of each package, with the groups and the origin if there are any.
func show(list []Package) (out []string) {
	for _, p := range list {
		s := p.Name + " " + cmp.Or(p.Version, "?")
		if len(p.Groups) > 0 {
			s += fmt.Sprint(" ", p.Groups)
		}
		out = append(out, s+[]string{"", " elsewhere", " local"}[p.Origin])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func compare(t *testing.T, read Reader, content []byte, want ...string) {
	t.Helper()
	found, err := read(content)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := show(found); !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestOriginOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]Origin{
		"": Registry, "^1.2.0": Registry, "1.0.0 - 2": Registry, ">=1 <2": Registry, "latest": Registry, "*": Registry, "npm:^1.0.0": Registry,
		"https://registry.npmjs.org/a/-/a-1.0.0.tgz":                                         Registry,
		"https://npm.acme.test/repository/all/@acme/a/-/a-1.0.0.tgz":                         Registry,
		"https://pkgs.dev.azure.com/acme/_packaging/feed/npm/registry/a/-/a-1.tgz":           Registry,
		"https://npm.pkg.github.com/download/@acme/a/1.0.0/0123":                             Registry,
		"https://registry.example.test/a/download/a-1.0.0.tgz":                               Registry,
		"https://files.pythonhosted.org/packages/aa/bb/a-1.0.tar.gz":                         Registry,
		"https://cdn.acme.test/a-1.0.0.tgz":                                                  Elsewhere,
		"https://codeload.github.com/acme/a/tar.gz/0123456789abcdef0123456789abcdef01234567": Elsewhere,
		"https://github.com/acme/a.git":                                                      Elsewhere,
		"https://git.acme.test/npm/-/a.git":                                                  Elsewhere,
		"git+ssh://git@github.com/acme/a.git#0123":                                           Elsewhere,
		"git@github.com:acme/a.git":                                                          Elsewhere,
		"github:acme/a#main":                                                                 Elsewhere, "acme/a": Elsewhere, "acme/a#v1": Elsewhere, "bitbucket:acme/a": Elsewhere,
		"file:../a": Local, "file:a-1.0.0.tgz": Local, "link:./a": Local, "portal:../a": Local, "workspace:*": Local, "./a": Local, "../a": Local,
		"/srv/a": Local, "~/a": Local,
	} {
		if got := originOf(address); got != want {
			t.Errorf("%q: got %d, want %d", address, got, want)
		}
	}
}

func TestPackageLock(t *testing.T) {
	t.Parallel()
	t.Run("workspaces", func(t *testing.T) {
		t.Parallel()
		compare(t, PackageLock, text(`{"lockfileVersion": 3, "packages": {`,
			`"": {"name": "shop", "version": "1.0.0", "workspaces": ["libs/*"]},`,
			`"node_modules/@shop/money": {"resolved": "libs/money", "link": true},`,
			`"node_modules/shop-tax": {"resolved": "../tax", "link": true},`,
			`"../tax": {"version": "2.0.0", "license": "MIT"},`,
			`"libs/money": {"name": "@shop/money", "version": "1.1.0", "dependencies": {"half": "^1"}},`,
			`"libs/plain": {"version": "1.2.0", "dev": true},`,
			`"libs/money/node_modules/half": {"version": "1.4.0", "resolved": "https://registry.npmjs.org/half/-/half-1.4.0.tgz"},`,
			`"node_modules/half": {"version": "2.0.0", "devOptional": true},`,
			`"node_modules/outer/node_modules/@deep/one": {"version": "3.0.0", "inBundle": true, "resolved": false},`,
			`"node_modules/alias": {"name": "@real/name", "version": "4.0.0"}}}`),
			"@shop/money ? local", "shop-tax ? local", "tax 2.0.0 local", "@shop/money 1.1.0 local", "plain 1.2.0 [dev] local",
			"half 1.4.0", "half 2.0.0 [dev optional]", "@deep/one 3.0.0 [bundled]", "@real/name 4.0.0")
	})
	t.Run("addresses", func(t *testing.T) {
		t.Parallel()
		compare(t, PackageLock, text(`{"lockfileVersion": 2, "packages": {`,
			`"node_modules/forked": {"version": "1.0.0", "resolved": "git+ssh://git@github.com/acme/forked.git#0123"},`,
			`"node_modules/vendored": {"version": "1.0.0", "resolved": "file:vendor/vendored-1.0.0.tgz"},`,
			`"node_modules/hosted": {"version": "1.0.0", "resolved": "https://dl.acme.test/hosted.tgz"},`,
			`"node_modules/mirrored": {"version": "1.0.0", "resolved": "https://npm.acme.test/api/npm/all/mirrored/-/mirrored-1.0.0.tgz"}},`,
			`"dependencies": {"forked": {"version": "git+ssh://x"}}}`),
			"forked 1.0.0 elsewhere", "vendored 1.0.0 local", "hosted 1.0.0 elsewhere", "mirrored 1.0.0")
	})
	t.Run("version 1", func(t *testing.T) {
		t.Parallel()
		compare(t, PackageLock, text(`{"lockfileVersion": 1, "dependencies": {`,
			`"near": {"version": "file:libs/near"}, "forked": {"version": "github:acme/forked#0123", "from": "github:acme/forked"},`,
			`"hosted": {"version": "https://dl.acme.test/hosted.tgz", "dev": true}, "alias": {"version": "npm:@real/name@1.0.0"},`,
			`"plain": {"version": "1.0.0", "optional": true, "dependencies": {"inner": {"version": "2.0.0", "bundled": true}}}}}`),
			"near ? local", "forked ? elsewhere", "hosted ? [dev] elsewhere", "@real/name 1.0.0", "plain 1.0.0 [optional]", "inner 2.0.0")
	})
}

func TestYarn(t *testing.T) {
	t.Parallel()
	t.Run("1", func(t *testing.T) {
		t.Parallel()
		compare(t, Yarn, text("# yarn lockfile v1", "", `"@acme/one@^1.0.0", "@acme/one@^1.1.0":`, `  version "1.2.0"`, `  resolved "https://registry.yarnpkg.com/@acme/one/-/one-1.2.0.tgz#0"`,
			"  dependencies:", `    near "file:./x"`, "", `"near@file:./libs/near":`, `  version "1.0.0"`, "", `"forked@git+https://github.com/acme/forked.git#main":`, `  version "1.0.0"`,
			"", `short@acme/short:`, `  version "1.0.0"`, "", `"hosted@https://dl.acme.test/hosted.tgz":`, `  version "1.0.0"`, "", `"alias@npm:real@^1.0.0":`, `  version "1.3.0"`),
			"@acme/one 1.2.0", "near 1.0.0 local", "forked 1.0.0 elsewhere", "short 1.0.0 elsewhere", "hosted 1.0.0 elsewhere", "real 1.3.0")
	})
	t.Run("berry", func(t *testing.T) {
		t.Parallel()
		compare(t, Yarn, text("__metadata:", "  version: 8", "  cacheKey: 10", "", `"shop@workspace:.":`, "  version: 0.0.0-use.local", `  resolution: "shop@workspace:."`, "  languageName: unknown", "  linkType: soft",
			"", `"@shop/money@workspace:^, @shop/money@workspace:libs/money":`, "  version: 0.0.0-use.local", `  resolution: "@shop/money@workspace:libs/money"`, "  linkType: soft",
			"", `"near@portal:../near::locator=shop%40workspace%3A.":`, "  version: 0.0.0-use.local", `  resolution: "near@portal:../near::locator=shop%40workspace%3A."`,
			"", `"packed@file:./packed.tgz::locator=shop%40workspace%3A.":`, "  version: 1.0.0", `  resolution: "packed@file:./packed.tgz#./packed.tgz::hash=0&locator=shop%40workspace%3A."`, "  linkType: hard",
			"", `"forked@github:acme/forked":`, "  version: 1.0.0", `  resolution: "forked@https://github.com/acme/forked.git#commit=0123"`, "  linkType: hard",
			"", `"alias@npm:real@^1.0.0":`, "  version: 1.3.0", `  resolution: "real@npm:1.3.0"`, "  linkType: hard",
			"", `"fixed@patch:fixed@npm%3A2.0.0#~/.yarn/patches/fixed.patch":`, "  version: 2.0.0", `  resolution: "fixed@patch:fixed@npm%3A2.0.0#~/.yarn/patches/fixed.patch::version=2.0.0&hash=0"`, "  linkType: hard",
			"", `"@acme/one@npm:^1.0.0, @acme/one@npm:^1.2.0":`, "  version: 1.2.0", `  resolution: "@acme/one@npm:1.2.0"`, "  linkType: hard"),
			"shop 0.0.0-use.local local", "@shop/money 0.0.0-use.local local", "near 0.0.0-use.local local", "packed 1.0.0 local", "forked 1.0.0 elsewhere",
			"real 1.3.0", "fixed 2.0.0", "@acme/one 1.2.0")
	})
}

func TestPnpm(t *testing.T) {
	t.Parallel()
	t.Run("9", func(t *testing.T) {
		t.Parallel()
		compare(t, Pnpm, text("lockfileVersion: '9.0'", "importers:", "  .:", "    dependencies:", "      '@shop/money': {specifier: 'workspace:*', version: link:libs/money}", "packages:",
			"  '@acme/one@1.2.0':", "    resolution: {integrity: sha512-x}", "  '@shop/ui@file:libs/ui':", "    resolution: {directory: libs/ui, type: directory}",
			"  packed@file:packed.tgz:", "    resolution: {integrity: sha512-x, tarball: file:packed.tgz}", "    version: 1.0.0",
			"  forked@https://codeload.github.com/acme/forked/tar.gz/0123:", "    resolution: {tarball: https://codeload.github.com/acme/forked/tar.gz/0123}", "    version: 1.0.0",
			"  cloned@git+https://git.acme.test/cloned.git#0123:", "    resolution: {commit: '0123', repo: https://git.acme.test/cloned.git, type: git}", "    version: 1.0.0",
			"  dots.in.name@4.6.2:", "    resolution: {integrity: sha512-x}", "  mirrored@1.0.0:", "    resolution: {integrity: sha512-x, tarball: https://npm.acme.test/mirrored/-/mirrored-1.0.0.tgz}"),
			"@acme/one 1.2.0", "packed 1.0.0 local", "forked 1.0.0 elsewhere", "cloned 1.0.0 elsewhere", "dots.in.name 4.6.2", "mirrored 1.0.0")
	})
	t.Run("6 and 5", func(t *testing.T) {
		t.Parallel()
		compare(t, Pnpm, text("lockfileVersion: '6.0'", "packages:", "  /@acme/one@1.2.0(react@17.0.0):", "    resolution: {integrity: x}", "    dev: true", "  /plain/1.0.0_react@17.0.0:", "    resolution: {integrity: x}",
			"  file:libs/ui:", "    resolution: {directory: libs/ui, type: directory}", "    name: '@shop/ui'", "    version: 1.0.0",
			"  github.com/acme/forked/0123:", "    resolution: {tarball: https://codeload.github.com/acme/forked/tar.gz/0123}", "    name: forked", "    version: 1.0.0",
			"  registry.acme.test/inner/2.0.0:", "    resolution: {integrity: x}", "  /peers@3.0.0(@acme/one@1.2.0)(react@17.0.0):", "    resolution: {integrity: x}"),
			"@acme/one 1.2.0 [dev]", "peers 3.0.0", "plain 1.0.0", "@shop/ui 1.0.0 local", "forked 1.0.0 elsewhere", "inner 2.0.0")
	})
	t.Run("two documents", func(t *testing.T) {
		t.Parallel()
		compare(t, Pnpm, text("lockfileVersion: '9.0'", "packages:", "  one@1.0.0:", "    resolution: {integrity: x}", "---", "lockfileVersion: '9.0'", "packages:", "  two@1.0.0:", "    resolution: {integrity: x}"), "one 1.0.0", "two 1.0.0")
	})
}

func TestBun(t *testing.T) {
	t.Parallel()
	compare(t, Bun, text("{", `  "lockfileVersion": 1, // a comment`, `  "workspaces": {"": {"name": "shop",}, "libs/money": {"name": "@shop/money",},},`, `  "packages": {`,
		`    "@shop/money": ["@shop/money@workspace:libs/money"],`, `    "@acme/one": ["@acme/one@1.2.0", "", {"peerDependencies": {"x": "*"},}, "sha512-,}x=="],`,
		`    "forked": ["forked@github:acme/forked#0123", {}, "acme-forked-0123"],`, `    "near": ["near@link:../near", {}],`, `    "packed": ["packed@file:packed.tgz", {}],`,
		`    "hosted": ["hosted@https://dl.acme.test/hosted.tgz", {}, ""],`, `    "outer/half": ["half@1.4.0", "https://npm.acme.test/half/-/half-1.4.0.tgz", {}, "sha512-x"],`, `    "alias": ["real@2.0.0", "", {}, "x"],`, "  },", "}"),
		"@shop/money ? local", "@acme/one 1.2.0", "forked ? elsewhere", "near ? local", "packed ? local", "hosted ? elsewhere", "half 1.4.0", "real 2.0.0")
	for _, bad := range []string{`{"packages": {"a": []}}`, `{"packages": {"a": [1]}}`, `{`, `/*`, `null`, `"`} {
		if _, err := Bun([]byte(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestRequirements(t *testing.T) {
	t.Parallel()
	content := text("# shop", "-r base.txt", "--requirement=more.txt", "-c limits.txt", "--index-url https://pypi.acme.test/simple", "Acme_Web.Kit[x, y] == 1.2 ; python_version > '3' # old", "two==1.0,!=1.1", "range>=1.0,<2", "any",
		"star==1.*", "compatible~=1.4", "local==1.0+cu118", "hashed==1.0 \\", "    --hash=sha256:aaaa \\", "    --hash=sha256:bbbb", "paren (==1.0)", "exact===1.0", "epoch==1!2.0",
		"-e ./libs/money", "-e git+https://github.com/acme/forked.git@main#egg=forked", "./libs/ui", "../ui", "libs/ui/pkg.whl", "file:///srv/x", "git+ssh://git@github.com/acme/x.git", "https://dl.acme.test/x-1.0.tar.gz",
		"near @ file:///srv/near", "forked @ git+https://github.com/acme/forked.git@v1", "hosted @ https://dl.acme.test/hosted-1.0.whl ; python_version > '3'", "${NAME}==1.0", "url @ https://files.pythonhosted.org/packages/url-1.0.tar.gz")
	compare(t, Requirements, content, "Acme_Web.Kit 1.2", "two 1.0", "range ?", "any ?", "star ?", "compatible ?", "local 1.0+cu118", "hashed 1.0", "paren 1.0", "exact 1.0", "epoch 1!2.0",
		"near ? local", "forked ? elsewhere", "hosted ? elsewhere", "url ?")
	if got, want := Included(content), []string{"base.txt", "more.txt", "limits.txt"}; !slices.Equal(got, want) {
		t.Errorf("included %q, want %q", got, want)
	}
	pins, err := Requirements(content)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pins {
		if want := slices.Contains([]string{"Acme_Web.Kit", "local", "paren", "epoch"}, p.Name); p.Pin != want {
			t.Errorf("%s: pinned %t, want %t", p.Name, p.Pin, want)
		}
	}
	compare(t, OnlyRequirements, content, show(pins)...)
	compare(t, OnlyRequirements, text("The shop has to sell.", "sell==1.0"))
	compare(t, OnlyRequirements, text("1. Login", "any"))
	compare(t, OnlyRequirements, text("{%- if x == 'y' %}", "two==1.0", "{%- endif %}", "{{ name }}==1.0"), "two 1.0")
	compare(t, Requirements, text("Some words here", "sell==1.0"), "sell 1.0")
}

func TestPython(t *testing.T) {
	t.Parallel()
	t.Run("poetry", func(t *testing.T) {
		t.Parallel()
		compare(t, Poetry, text("[[package]]", `name = "plain"`, `version = "1.0"`, `groups = ["main", "dev"]`, "[[package]]", `name = "test"`, `version = "1.0"`, `groups = ["test"]`,
			"[[package]]", `name = "near"`, `version = "1.0"`, "develop = true", "[package.source]", `type = "directory"`, `url = "libs/near"`,
			"[[package]]", `name = "packed"`, `version = "1.0"`, "[package.source]", `type = "file"`, `url = "packed.whl"`,
			"[[package]]", `name = "forked"`, `version = "1.0"`, "[package.source]", `type = "git"`, `url = "https://github.com/acme/forked.git"`, `resolved_reference = "0123"`,
			"[[package]]", `name = "hosted"`, `version = "1.0"`, "[package.source]", `type = "url"`, `url = "https://dl.acme.test/hosted.tar.gz"`,
			"[[package]]", `name = "indexed"`, `version = "1.0"`, "optional = true", "[package.source]", `type = "legacy"`, `url = "https://pypi.acme.test/simple"`, `reference = "acme"`),
			"plain 1.0", "test 1.0 [test]", "near 1.0 local", "packed 1.0 local", "forked 1.0 elsewhere", "hosted 1.0 elsewhere", "indexed 1.0 [optional]")
	})
	t.Run("uv", func(t *testing.T) {
		t.Parallel()
		source := func(name, source string) string {
			return "[[package]]\nname = \"" + name + "\"\nversion = \"1.0\"\nsource = { " + source + " }\n"
		}
		compare(t, UV, text("version = 1", source("plain", `registry = "https://pypi.org/simple"`), source("indexed", `registry = "https://pypi.acme.test/simple"`), source("shop", `virtual = "."`), source("member", `virtual = "libs/member"`),
			source("core", `editable = "libs/core"`), source("near", `directory = "../near"`), source("packed", `path = "packed.whl"`), source("forked", `git = "https://github.com/acme/forked?rev=main#0123"`),
			source("hosted", `url = "https://dl.acme.test/hosted.tar.gz"`), source("theirs", `url = "https://files.pythonhosted.org/packages/theirs.tar.gz"`), "[[package]]", `name = "dynamic"`, `source = { editable = "." }`),
			"plain 1.0", "indexed 1.0", "shop 1.0 local", "member 1.0 local", "core 1.0 local", "near 1.0 local", "packed 1.0 local", "forked 1.0 elsewhere", "hosted 1.0 elsewhere", "theirs 1.0", "dynamic ? local")
	})
	t.Run("pdm", func(t *testing.T) {
		t.Parallel()
		compare(t, PDM, text("[metadata]", `lock_version = "4.5.0"`, "[[package]]", `name = "plain"`, `version = "1.0"`, `groups = ["default"]`, "[[package]]", `name = "test"`, `version = "1.0"`, `groups = ["test"]`,
			"[[package]]", `name = "near"`, `version = "1.0"`, "editable = true", `path = "./libs/near"`, `groups = ["default"]`, "[[package]]", `name = "forked"`, `version = "1.0"`, `git = "https://github.com/acme/forked.git"`, `revision = "0123"`, `groups = ["default"]`,
			"[[package]]", `name = "hosted"`, `version = "1.0"`, `url = "https://dl.acme.test/hosted.whl"`, `groups = ["default"]`),
			"plain 1.0", "test 1.0 [test]", "near 1.0 local", "forked 1.0 elsewhere", "hosted 1.0 elsewhere")
	})
	t.Run("pylock", func(t *testing.T) {
		t.Parallel()
		compare(t, Pylock, text(`lock-version = "1.0"`, "[[packages]]", `name = "plain"`, `version = "1.0"`, `index = "https://pypi.org/simple"`, "[[packages]]", `name = "near"`, `version = "1.0"`, `directory = { path = "libs/near", editable = true }`,
			"[[packages]]", `name = "forked"`, `version = "1.0"`, `vcs = { type = "git", url = "https://github.com/acme/forked.git", commit-id = "0123" }`, "[[packages]]", `name = "hosted"`, `version = "1.0"`, `archive = { url = "https://dl.acme.test/hosted.tar.gz" }`,
			"[[packages]]", `name = "packed"`, `version = "1.0"`, `archive = { path = "packed.whl" }`),
			"plain 1.0", "near 1.0 local", "forked 1.0 elsewhere", "hosted 1.0 elsewhere", "packed 1.0 local")
	})
	t.Run("pipenv", func(t *testing.T) {
		t.Parallel()
		compare(t, Pipfile, text(`{"_meta": {"sources": []}, "default": {"plain": {"version": "==1.0", "index": "pypi"}, "near": {"editable": true, "path": "./libs/near", "version": "==1.0"},`,
			`"forked": {"git": "https://github.com/acme/forked.git", "ref": "0123", "version": "==1.0"}, "hosted": {"file": "https://dl.acme.test/hosted.whl", "version": "==1.0"}, "loose": {"version": "*"}},`,
			`"develop": {"test": {"version": "==2.0"}}, "docs": {"paper": {"version": "==3.0"}}}`),
			"plain 1.0", "near 1.0 local", "forked 1.0 elsewhere", "hosted 1.0 elsewhere", "test 2.0 [dev]", "paper 3.0 [docs]")
	})
}

func TestJVM(t *testing.T) {
	t.Parallel()
	dependency := func(group, artifact, version string) string {
		return "<dependency><groupId>" + group + "</groupId><artifactId>" + artifact + "</artifactId>" + version + "</dependency>"
	}
	t.Run("modules", func(t *testing.T) {
		t.Parallel()
		compare(t, POM, text("<project><groupId>test.shop</groupId><artifactId>shop</artifactId><version>1.0</version>", "<modules><module>money</module><module>libs/tax/</module><module>old/pom.xml</module></modules><dependencies>",
			dependency("test.shop", "money", "<version>2.0</version>"), dependency("${project.groupId}", "core", "<version>${project.version}</version>"), dependency("test.shop", "far", "<version>0.9</version>"),
			dependency("test.other", "money", "<version>1.0</version>"), dependency("test.other", "jar", "<version>1.0</version><scope>system</scope>"), "</dependencies></project>"),
			"test.shop:money 2.0 local", "test.shop:core 1.0 local", "test.shop:far 0.9", "test.other:money 1.0", "test.other:jar 1.0 [system] local")
	})
	t.Run("a member", func(t *testing.T) {
		t.Parallel()
		compare(t, POM, text("<project><parent><groupId>test.shop</groupId><artifactId>shop</artifactId><version>1.0</version></parent><artifactId>web</artifactId><dependencies>",
			dependency("test.shop", "money", "<version>${project.parent.version}</version>"), dependency("test.other", "a", "<version>1.0</version>"), "</dependencies></project>"),
			"test.shop:money 1.0 local", "test.other:a 1.0")
	})
	t.Run("a parent from a registry", func(t *testing.T) {
		t.Parallel()
		compare(t, POM, text("<project><parent><groupId>test.framework</groupId><artifactId>starter</artifactId><version>2.0</version><relativePath/></parent><artifactId>web</artifactId><dependencies>",
			dependency("test.framework", "web", "<version>2.0</version>"), dependency("test.framework", "own", "<version>${project.version}</version>"), "</dependencies></project>"), "test.framework:web 2.0", "test.framework:own 2.0")
		compare(t, POM, text("<project><parent><groupId>test.framework</groupId><artifactId>starter</artifactId><version>2.0</version></parent><artifactId>web</artifactId><dependencies>",
			dependency("test.framework", "web", "<version>2.0</version>"), "</dependencies></project>"), "test.framework:web 2.0")
		compare(t, POM, text("<project><parent><groupId>test.shop</groupId><artifactId>shop</artifactId><version>2.0</version><relativePath>../pom.xml</relativePath></parent><artifactId>web</artifactId><dependencies>",
			dependency("test.shop", "money", "<version>2.0</version>"), "</dependencies></project>"), "test.shop:money 2.0 local")
	})
	t.Run("versions", func(t *testing.T) {
		t.Parallel()
		compare(t, POM, text("<project><groupId>g</groupId><artifactId>a</artifactId><version>1</version><properties><one>1.1</one></properties><dependencyManagement><dependencies>",
			dependency("o", "one", "<version>${one}</version>"), dependency("o", "bom", "<version>5</version><type>pom</type><scope>import</scope>"), "</dependencies></dependencyManagement><dependencies>",
			dependency("o", "one", ""), dependency("o", "managed", ""), dependency("o", "range", "<version>[1.0,3.0)</version>"), dependency("o", "below", "<version>(,2.0]</version>"), dependency("o", "exact", "<version>[1.5]</version>"),
			dependency("o", "latest", "<version>LATEST</version>"), dependency("o", "unknown", "<version>${unknown}</version>"), "</dependencies><profiles><profile><id>x</id><properties><two>2.2</two></properties><dependencies>", dependency("o", "two", "<version>${two}</version><scope>test</scope>"),
			"</dependencies></profile></profiles></project>"),
			"o:one 1.1", "o:managed ?", "o:range ?", "o:below ?", "o:exact 1.5", "o:latest ?", "o:two 2.2 [test]")
	})
	t.Run("charsets", func(t *testing.T) {
		t.Parallel()
		body := "<project><name>caf\xe9</name><dependencies>" + dependency("o", "a", "<version>1.0</version>") + "</dependencies></project>"
		for _, head := range []string{`<?xml version="1.0" encoding="ISO-8859-1"?>`, `<?xml version='1.0' encoding='latin1'?>`, `<?xml version="1.0" encoding="windows-1252"?>`, `<?xml version="1.0" encoding="Cp1252"?>`, `<?xml version="1.0" encoding="UTF-8"?>`, ""} {
			compare(t, POM, text(head, body), "o:a 1.0")
		}
		// It was decoded already, by its mark.
		compare(t, POM, text(`<?xml version="1.0" encoding="UTF-16"?>`, strings.ReplaceAll(body, "\xe9", "é")), "o:a 1.0")
		if _, err := POM(text(`<?xml version="1.0" encoding="EBCDIC"?>`, body)); err == nil {
			t.Error("an unknown charset is read")
		}
	})
	t.Run("gradle", func(t *testing.T) {
		t.Parallel()
		compare(t, Gradle, text("# This is a Gradle generated file", "o:a:1.0=runtimeClasspath,testRuntimeClasspath", "o:b:2.0:linux=x", "empty=", "broken"), "o:a 1.0", "o:b 2.0:linux")
	})
}

func TestDotNet(t *testing.T) {
	t.Parallel()
	compare(t, NuGetLock, text(`{"version": 1, "dependencies": {"net8.0": {"Acme.Json": {"type": "Direct", "requested": "[1.0, )", "resolved": "1.0"},`, `"shop.money": {"type": "Project", "dependencies": {"Acme.Json": "[1.0, )"}},`,
		`"Acme.Inner": {"type": "CentralTransitive", "resolved": "2.0"}}}}`), "Acme.Json 1.0", "shop.money ? local", "Acme.Inner 2.0")
	compare(t, NuGetProject, text("\ufeff<Project Sdk=\"Microsoft.NET.Sdk\">", "<PropertyGroup><AcmeVersion>1.4.0</AcmeVersion></PropertyGroup>", "<ItemGroup>", `<PackageVersion Include="Acme.Json" Version="1.0.0" />`, `<PackageVersion Include="Acme.Exact" Version="[1.0.0]" />`,
		`<PackageVersion Include="Acme.Range" Version="[1.0,2.0)" />`, `<PackageVersion Include="Acme.Float" Version="1.*" />`, `<PackageReference Include="Acme.Property" Version="$(AcmeVersion)" />`, `<PackageReference Include="Acme.Unknown" Version="$(Other)" />`,
		`<PackageReference Include="Acme.Inner"><Version>2.0.0-rc.1</Version><PrivateAssets>all</PrivateAssets></PackageReference>`, `<PackageReference Include="Acme.Central" />`, `<PackageReference Update="Acme.Json" VersionOverride="1.1.0" />`,
		`<GlobalPackageReference Include="Acme.Global" Version="3.0.0" />`, `<PackageReference Include="$(Computed)" Version="1.0" />`, `<ProjectReference Include="..\money\Money.csproj" />`, "</ItemGroup></Project>"),
		"Acme.Json 1.0.0", "Acme.Exact 1.0.0", "Acme.Range ?", "Acme.Float ?", "Acme.Property 1.4.0", "Acme.Unknown ?", "Acme.Inner 2.0.0-rc.1", "Acme.Central ?", "Acme.Json 1.1.0", "Acme.Global 3.0.0")
	compare(t, NuGetConfig, text(`<?xml version="1.0" encoding="utf-8"?>`, "<packages>", `<package id="Acme.Json" version="1.0.0" targetFramework="net48" />`, `<package id="Acme.Build" version="2.0.0" developmentDependency="true" />`, "</packages>"), "Acme.Json 1.0.0", "Acme.Build 2.0.0 [dev]")
}

func TestOthers(t *testing.T) {
	t.Parallel()
	t.Run("go", func(t *testing.T) {
		t.Parallel()
		compare(t, GoMod, text("module test/shop", "go 1.22", "toolchain go1.23.0", "require (", "test/plain v1.0.0", "test/near v1.0.0", "test/forked v1.0.0 // indirect", "test/old v1.0.0", ")", "replace test/near => ./libs/near", "replace test/forked => test/fork v1.1.0",
			"replace test/old v0.9.0 => ../old", "replace test/absent => ../absent"), "test/plain 1.0.0", "./libs/near ? local", "test/fork 1.1.0", "test/old 1.0.0")
	})
	t.Run("cargo", func(t *testing.T) {
		t.Parallel()
		entry := func(name, source string) string {
			return "[[package]]\nname = \"" + name + "\"\nversion = \"1.0.0\"\n" + source + "\n"
		}
		compare(t, Cargo, text("version = 4", entry("member", `dependencies = ["plain"]`), entry("plain", `source = "registry+https://github.com/rust-lang/crates.io-index"`), entry("sparse", `source = "sparse+https://index.crates.io/"`),
			entry("inner", `source = "registry+https://crates.acme.test/index"`), entry("forked", `source = "git+https://github.com/acme/forked?branch=main#0123"`), entry("path", `source = "path+file:///srv/path"`)),
			"member 1.0.0 local", "plain 1.0.0", "sparse 1.0.0", "inner 1.0.0", "forked 1.0.0 elsewhere", "path 1.0.0 elsewhere")
	})
	t.Run("bundler", func(t *testing.T) {
		t.Parallel()
		compare(t, Gemfile, text("GIT", "  remote: https://github.com/acme/forked.git", "  revision: 0123", "  specs:", "    forked (1.0.0)", "", "PATH", "  remote: engines/money", "  specs:", "    money (0.1.0)", "      plain", "", "GEM", "  remote: https://rubygems.org/", "  specs:",
			"    plain (1.0.0)", "      inner (>= 1)", "    native (1.2.0-x86_64-linux)", "    pre (2.0.0.rc1)", "", "PLATFORMS", "  ruby", "", "DEPENDENCIES", "  money!", "", "CHECKSUMS", "  plain (1.0.0) sha256=x", "", "BUNDLED WITH", "   2.5.0"),
			"forked 1.0.0 elsewhere", "money 0.1.0 local", "plain 1.0.0", "native 1.2.0", "pre 2.0.0.rc1")
	})
	t.Run("composer", func(t *testing.T) {
		t.Parallel()
		compare(t, Composer, text(`{"packages": [{"name": "acme/plain", "version": "v1.0.0", "source": {"type": "git"}, "dist": {"type": "zip"}, "notification-url": "https://packagist.org/downloads/"},`,
			`{"name": "shop/money", "version": "1.0.0", "dist": {"type": "path", "url": "libs/money"}}, {"name": "acme/branch", "version": "dev-main"}, {"name": "acme/line", "version": "2.1.x-dev"}, {"name": "acme/root", "version": "9999999-dev"},`,
			`{"name": "acme/forked", "version": "1.0.0", "source": {"type": "git", "url": "https://github.com/us/forked.git"}, "dist": {"type": "zip"}}, {"name": "acme/cloned", "version": "1.0.0", "source": {"type": "hg", "url": "https://hg.acme.test/cloned"}}],`, `"packages-dev": [{"name": "acme/test", "version": "1.0.0"}]}`),
			"acme/plain v1.0.0", "shop/money 1.0.0 local", "acme/branch ?", "acme/line 2.1.9999999", "acme/root ?", "acme/forked 1.0.0", "acme/cloned 1.0.0 elsewhere", "acme/test 1.0.0 [dev]")
	})
	t.Run("pub", func(t *testing.T) {
		t.Parallel()
		compare(t, Pub, text("packages:", "  plain:", `    dependency: "direct main"`, "    description: {name: plain, url: \"https://pub.dev\"}", "    source: hosted", `    version: "1.0.0"`, "  near:", `    dependency: "direct dev"`, "    description: {path: \"../near\", relative: true}",
			"    source: path", `    version: "1.0.0"`, "  forked:", "    dependency: transitive", "    description: {url: \"https://github.com/acme/forked.git\", resolved-ref: \"0123\"}", "    source: git", `    version: "1.0.0"`, "  flutter:", "    description: flutter", "    source: sdk", `    version: "0.0.0"`),
			"plain 1.0.0", "near 1.0.0 [dev] local", "forked 1.0.0 elsewhere", "flutter 0.0.0 local")
	})
	t.Run("mix", func(t *testing.T) {
		t.Parallel()
		compare(t, Mix, text("%{", `  "plain": {:hex, :plain, "1.0.0", "aa", [:mix], [{:inner, "~> 1.0", [hex: :inner]}], "hexpm", "bb"},`, `  "renamed": {:hex, :real_name, "2.0.0", "aa", [:mix], [], "hexpm", "bb"},`, `  "ours": {:hex, :ours, "1.0.0", "aa", [:mix], [], "hexpm:acme", "bb"},`,
			`  "forked": {:git, "https://github.com/acme/forked.git", "0123", [branch: "main"]},`, "}"), "plain 1.0.0", "real_name 2.0.0", "ours 1.0.0 elsewhere", "forked 0123 elsewhere")
	})
	t.Run("swift", func(t *testing.T) {
		t.Parallel()
		compare(t, Swift, text(`{"pins": [{"identity": "nio", "kind": "remoteSourceControl", "location": "https://github.com/acme/nio.git", "state": {"revision": "0123", "version": "2.0.0"}},`,
			`{"identity": "branch", "kind": "remoteSourceControl", "location": "git@github.com:acme/branch.git", "state": {"branch": "main", "revision": "0123"}},`, `{"identity": "near", "kind": "localSourceControl", "location": "/srv/near", "state": {"version": "1.0.0"}}], "version": 2}`),
			"github.com/acme/nio 2.0.0", "github.com/acme/branch ?")
		compare(t, Swift, text(`{"object": {"pins": [{"package": "nio", "repositoryURL": "https://github.com/acme/nio", "state": {"branch": null, "version": "1.9.0"}}]}, "version": 1}`), "github.com/acme/nio 1.9.0")
	})
}
