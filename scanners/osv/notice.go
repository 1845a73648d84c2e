package osv

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/secbydesign/secbydesign/scanners"
)

// unknown names lockfiles that no reader knows. They are named, so that nobody takes them for scanned.
var unknown = []string{
	"Podfile.lock", "bun.lockb", "deno.lock", "conan.lock", "paket.lock", "stack.yaml.lock", "cabal.project.freeze", "rebar.lock", "renv.lock",
	"shard.lock", "pixi.lock", "conda-lock.yml", "Cartfile.resolved", "MODULE.bazel.lock", "maven_install.json",
}

// Notices implements [scanners.Noticer]: it names files whose packages were not looked up although nothing
// failed.
func (s Scanner) Notices(_ context.Context, files []scanners.File) (notices []string) {
	var unread []string
	blind := map[string][]string{} // files by ecosystem without advisories
	var ecosystems []string
	changed := map[string]bool{}
	for _, f := range files {
		changed[f.Path] = true
	}
	included := map[string]bool{}
	for _, f := range files {
		if slices.Contains(unknown, path.Base(f.Path)) && !installed(f.Path) {
			unread = append(unread, fmt.Sprintf("%q", f.Path))
		}
		format := formatOf(f.Path)
		if format == nil {
			continue
		}
		if e := format.ecosystem; s.source != nil && !s.source.knows(e) {
			if blind[e] == nil {
				ecosystems = append(ecosystems, e)
			}
			blind[e] = append(blind[e], fmt.Sprintf("%q", f.Path))
		}
		if format.includes != nil && len(f.Content) <= format.max {
			for _, name := range format.includes(f.Content) {
				if at := path.Join(path.Dir(f.Path), name); changed[at] && formatOf(at) == nil {
					included[at] = true
				}
			}
		}
	}
	slices.Sort(ecosystems)
	for _, e := range ecosystems {
		what := "packages"
		if e == actions {
			what = "actions"
		}
		notices = append(notices, fmt.Sprintf("There are no advisories for %s here, so the %s in %s were not looked up. The operator can put %q into the folder of advisories.",
			e, what, scanners.Some(blind[e], 3), e+"/all.zip"))
	}
	if len(unread) > 0 {
		notices = append(notices, "Lockfiles of this format are not read, so their packages were not looked up: "+scanners.Some(unread, 3)+".")
	}
	for _, f := range files {
		if included[f.Path] {
			notices = append(notices, fmt.Sprintf("%q was not scanned although a requirements file includes it. Rename it so that its name has \"requirements\" in it.", f.Path))
		}
	}
	return notices
}
