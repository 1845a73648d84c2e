package local

import (
	"os"
	"strings"
	"testing"
)

// TestPartialClones reviews clones without blobs and without trees, with their remote and without it.
func TestPartialClones(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{"blob:none", "tree:0"} {
		for _, away := range []bool{false, true} {
			f := newFolder(t, map[string]string{"dir/b.py": "x = 1\n", "a.py": "y = 1\n"})
			f.git("config", "uploadpack.allowFilter", "true")
			f.git("config", "uploadpack.allowAnySHA1InWant", "true")
			f.commit(map[string]string{"dir/b.py": "x = 1\n" + leak, "a.py": "y = 2\n"})
			clone := f.clone("--filter="+filter, "--branch=change")
			if away {
				if err := os.Rename(f.dir, f.dir+".away"); err != nil {
					t.Fatal(err)
				}
			}
			code, out, err := clone.review(func(o *Options) { o.Format, o.Base = "text", "origin/main" })
			if err != nil {
				out = err.Error()
			}
			const advice = "`git fetch --refetch --no-filter`"
			switch {
			case !away && (code != Failed || !strings.Contains(out, "dir/b.py:2")):
				t.Errorf("%s: code %d\n%s", filter, code, out)
			case away && filter == "blob:none" && (code != Unfinished || !strings.Contains(out, "dir/b.py") || !strings.Contains(out, advice)):
				t.Errorf("%s, away: code %d\n%s", filter, code, out)
			case away && filter == "tree:0" && (code != Misused || !strings.Contains(out, "partial clone") || !strings.Contains(out, advice)):
				t.Errorf("%s, away: code %d\n%s", filter, code, out)
			}
		}
	}
}

// TestOneAbsentFile is reviewed without it, and names it.
func TestOneAbsentFile(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"a.py": "x = 1\n", "b.py": "x = 1\n"})
	f.commit(map[string]string{"a.py": "x = 1\n" + leak, "b.py": "lost = 2\n"})
	lost := f.output("rev-parse", "HEAD:b.py")
	if err := os.Remove(f.dir + "/.git/objects/" + lost[:2] + "/" + lost[2:]); err != nil {
		t.Fatal(err)
	}
	code, out, err := f.review(func(o *Options) { o.Format, o.Head = "text", "HEAD" })
	if err != nil || code != Failed || !strings.Contains(out, "a.py:2") || !strings.Contains(strings.Join(strings.Fields(out), " "), "Not in this clone, so not scanned: b.py. The repository is damaged: `git fsck`") {
		t.Errorf("code %d, %v\n%s", code, err, out)
	}
}
