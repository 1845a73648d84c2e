package local

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestWhatTheBaseHasIsNotNew builds histories in which one merge base does not say what the branch brings.
func TestWhatTheBaseHasIsNotNew(t *testing.T) {
	t.Parallel()
	type tree = map[string]string
	const stage = "FROM debian:12\nWORKDIR /srv\nCOPY . .\nRUN make\nUSER app\n"
	open := strings.Replace(stage, "RUN make\n", "RUN make\nRUN chmod 777 /srv\n", 1)
	on := func(f folder, branch string, files tree) {
		f.git("checkout", "-q", branch)
		f.commit(files)
	}
	crossed := func(f folder) { // both branches have merged the other once
		on(f, "main", tree{"theirs.txt": leakOf(1)})
		f.git("branch", "old-main")
		on(f, "change", tree{"one.txt": "1\n"})
		f.git("branch", "old-change")
		f.git("checkout", "-q", "main")
		f.git("merge", "-q", "--no-edit", "old-change")
		f.git("checkout", "-q", "change")
		f.git("merge", "-q", "--no-edit", "old-main")
	}
	for _, c := range []struct {
		name string
		do   func(folder)
		want string
	}{
		{"crossed", func(f folder) {
			crossed(f)
			f.commit(tree{"mine.txt": leakOf(2)})
		}, "new mine.txt:1"},
		{"crossed, and gone from the base", func(f folder) {
			crossed(f)
			on(f, "main", tree{"theirs.txt": ""})
			on(f, "change", tree{"mine.txt": leakOf(2)})
		}, "new mine.txt:1"},
		{"crossed, and a secret of the base that was taken back", func(f folder) {
			on(f, "main", tree{"gone.txt": leakOf(3)})
			on(f, "main", tree{"gone.txt": "none\n"})
			crossed(f)
		}, ""},
		{"crossed, and a copy of it", func(f folder) {
			crossed(f)
			f.commit(tree{"mine.txt": leakOf(1)})
		}, "new mine.txt:1"},
		{"picked from the base", func(f folder) {
			on(f, "main", tree{"Dockerfile": open})
			on(f, "change", tree{"b": "b\n"})
			f.git("cherry-pick", "main")
		}, ""},
		{"picked from the base, and a copy", func(f folder) {
			on(f, "main", tree{"Dockerfile": open})
			on(f, "change", tree{"b": "b\n"})
			f.git("cherry-pick", "main")
			f.commit(tree{"Dockerfile": open + strings.ReplaceAll(open, "/srv", "/var")})
		}, "new Dockerfile:11"},
		{"squashed onto the base", func(f folder) {
			f.commit(tree{"first.txt": leakOf(1)})
			f.git("checkout", "-q", "main")
			f.git("merge", "-q", "--squash", "change")
			f.git("commit", "-qm", "squashed")
			on(f, "change", tree{"second.txt": leakOf(2)})
		}, "new second.txt:1"},
		{"squashed onto the base, and taken back", func(f folder) {
			f.commit(tree{"first.txt": leakOf(1)})
			f.git("checkout", "-q", "main")
			f.git("merge", "-q", "--squash", "change")
			f.git("commit", "-qm", "squashed")
			on(f, "change", tree{"first.txt": "none\n"})
		}, ""},
		{"in another stage of the base", func(f folder) {
			on(f, "main", tree{"Dockerfile": strings.ReplaceAll(open, "debian", "alpine") + stage})
			on(f, "change", tree{"Dockerfile": strings.ReplaceAll(stage, "debian", "alpine") + open})
		}, "new Dockerfile:10"},
		{"in another file of the base", func(f folder) {
			on(f, "main", tree{"dev/Dockerfile": open})
			on(f, "change", tree{"prod/Dockerfile": open})
		}, "new prod/Dockerfile:5"},
		{"in both, and worse here", func(f folder) {
			on(f, "main", tree{"Dockerfile": strings.Replace(open, "777", "757", 1)})
			on(f, "change", tree{"Dockerfile": open})
		}, "new Dockerfile:5"},
		{"fixed by the base, and merged without that", func(f folder) {
			on(f, "main", tree{"Dockerfile": open})
			f.git("checkout", "-q", "-B", "change")
			on(f, "main", tree{"Dockerfile": stage})
			on(f, "change", tree{"b": "b\n"})
			f.git("merge", "-q", "--no-edit", "-s", "ours", "main")
		}, "new Dockerfile:5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t, tree{"a.txt": "a\n"})
			c.do(f)
			f.git("checkout", "-q", "change")
			_, out, err := f.review(func(o *Options) { o.FailOn = "low" })
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Verdict  string
				Findings []struct {
					State, Path string
					Line        int
				}
			}
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, g := range got.Findings {
				found = append(found, fmt.Sprintf("%s %s:%d", g.State, g.Path, g.Line))
			}
			if s := strings.Join(found, ", "); s != c.want || got.Verdict == "incomplete" {
				t.Errorf("%s, %q; want %q", got.Verdict, s, c.want)
			}
		})
	}
}

// leakOf returns a line with a token that is like no other.
func leakOf(n int) string {
	return fmt.Sprintf("key = \"ghp_%sf6G7h%d\"\n", strings.Repeat("a1B2c3D4e5", 3), n)
}
