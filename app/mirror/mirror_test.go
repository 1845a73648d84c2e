package mirror

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners/programtest"
)

func token(s string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return s, nil }
}

func TestFetchDiffAndBlobsCostOneFetchEach(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	var files, changed []edit
	for i := range 40 {
		files = append(files, put(fmt.Sprintf("d%d/f%d", i%7, i), strings.Repeat(fmt.Sprintf("line %d\n", i), 50)))
		if i%2 == 0 {
			changed = append(changed, put(fmt.Sprintf("d%d/f%d", i%7, i), fmt.Sprintf("new %d\n", i)))
		}
	}
	base := b.commit(t, "refs/heads/main", nil, files...)
	head := b.commit(t, "refs/pull/1/head", []string{base}, changed...)
	r := openMirror(t, s, "r", Limits{})

	requests := func(what string, most int64, f func()) {
		t.Helper()
		before, sent := s.requests.Load(), s.bytes.Load()
		f()
		n := s.requests.Load() - before
		t.Logf("%s: %d requests, %d bytes", what, n, s.bytes.Load()-sent)
		if n > most {
			t.Errorf("%s made %d requests, want at most %d", what, n, most)
		}
	}
	var d *Diff
	var oids []string
	diff := func() {
		var err error
		if d, err = r.Diff(t.Context(), base, head); err != nil {
			t.Fatal(err)
		}
	}
	// One fetch consists of two requests, one for the server's capabilities and one for the pack, and of up to
	// two more if the server asks for the token first.
	requests("fetch", 3, func() { fetch(t, r, 1, base, head) })
	requests("fetch again", 0, func() { fetch(t, r, 1, base, head) })
	requests("diff", 3, diff)
	requests("diff again", 0, diff)
	if len(d.Changes) != 20 {
		t.Errorf("got %d changes, want 20", len(d.Changes))
	}
	for _, c := range d.Changes {
		oids = append(oids, c.NewBlob)
	}
	requests("changed blobs", 0, func() { readBlobs(t, r, oids...) })
	tree := strings.Fields(b.git(t, "", "ls-tree", "-r", "--format=%(objectname)", base))
	requests("all other blobs", 3, func() { readBlobs(t, r, tree...) })
	requests("all blobs again", 0, func() { readBlobs(t, r, tree...) })
	if got := readBlobs(t, r, oids[0], oids[0]); !strings.HasPrefix(got[oids[0]], "new ") {
		t.Errorf("got blob %q", got[oids[0]])
	}
}

func TestFetchDeepensOnlyWhenNeeded(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	var chain []string
	for i := range 6 {
		chain = append(chain, b.commit(t, "refs/heads/main", chain[max(0, i-1):i], put("f", fmt.Sprint(i))))
	}
	r := openMirror(t, s, "r", Limits{})
	fetch(t, r, 1, chain[5])
	if err := r.need(t.Context(), chain[4]); !errors.Is(err, ErrGone) {
		t.Fatalf("depth 1 brought the parent: %v", err)
	}
	fetch(t, r, 4, chain[5])
	if err := r.need(t.Context(), chain[2]); err != nil {
		t.Fatal(err)
	}
	before := s.requests.Load()
	fetch(t, r, 4, chain[5])
	fetch(t, r, 2, chain[4])
	if n := s.requests.Load() - before; n != 0 {
		t.Errorf("fetching what is here made %d requests", n)
	}
	got, err := r.Commits(t.Context(), chain[2], chain[5])
	if err != nil || !slices.Equal(got, chain[3:]) {
		t.Errorf("Commits = %v, %v; want %v", got, err, chain[3:])
	}
	var short *ShallowError
	got, err = r.Commits(t.Context(), r.EmptyTree(), chain[5])
	if err == nil {
		t.Errorf("Commits since the empty tree = %v, want an error", got)
	}
	other := b.commit(t, "refs/heads/other", nil, put("f", "x"))
	fetch(t, r, 1, other)
	got, err = r.Commits(t.Context(), other, chain[5])
	if !errors.As(err, &short) || !slices.Equal(short.Commits, chain[2:3]) || !slices.Equal(got, chain[2:]) {
		t.Errorf("Commits over the boundary = %v, %v", got, err)
	}
	if _, err := r.MergeBase(t.Context(), other, chain[5]); !errors.Is(err, ErrNoMergeBase) {
		t.Errorf("MergeBase of unrelated commits: %v", err)
	}
	if got, err := r.MergeBase(t.Context(), chain[3], chain[5]); err != nil || got != chain[3] {
		t.Errorf("MergeBase = %s, %v", got, err)
	}
	// The boundary moves up when a commit in the middle is fetched with less depth; commits beyond it must still
	// be known.
	if err := os.WriteFile(r.shallowFile(), []byte(chain[4]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	versions, err := r.Versions(t.Context(), chain[3:])
	if err != nil || len(versions) != 3 {
		t.Errorf("Versions above a moved boundary = %v, %v", versions, err)
	}
	if got, err := r.Commits(t.Context(), chain[2], chain[5]); err != nil || !slices.Equal(got, chain[3:]) {
		t.Errorf("Commits above a moved boundary = %v, %v", got, err)
	}
}

func TestFetchErrors(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	main := b.commit(t, "refs/heads/main", nil, put("f", "1"))
	s.repo(t, "empty")
	gone := strings.Repeat("12", 20)
	var tests = []struct {
		name   string
		repo   string
		token  string
		status int
		want   Want
		err    error
	}{
		{name: "commit force-pushed away", repo: "r", want: Want{SHAs: []string{gone}}, err: ErrGone},
		{name: "ref that holds something else", repo: "r", want: Want{SHAs: []string{gone}, Refs: []string{"refs/heads/main"}}, err: ErrGone},
		{name: "one of two is gone", repo: "r", want: Want{SHAs: []string{main, gone}}, err: ErrGone},
		{name: "no such ref", repo: "r", want: Want{Refs: []string{"refs/pull/9/head"}}, err: ErrGone},
		{name: "empty repository", repo: "empty", want: Want{SHAs: []string{gone}}, err: ErrGone},
		{name: "no such repository", repo: "none", want: Want{SHAs: []string{main}}, err: ErrNotFound},
		{name: "wrong token", repo: "r", token: "ghs_wrong", want: Want{SHAs: []string{main}}, err: ErrForbidden},
		{name: "suspended", repo: "r", status: 403, want: Want{SHAs: []string{main}}, err: ErrForbidden},
		{name: "moved", repo: "r", status: 301, want: Want{SHAs: []string{main}}, err: ErrNotFound},
		{name: "down", repo: "r", status: 502, want: Want{SHAs: []string{main}}},
		{name: "abbreviated id", repo: "r", want: Want{SHAs: []string{main[:12]}}},
		{name: "option as id", repo: "r", want: Want{SHAs: []string{"--upload-pack=touch"}}},
		{name: "option as ref", repo: "r", want: Want{Refs: []string{"--upload-pack=touch"}}},
		{name: "refspec as ref", repo: "r", want: Want{Refs: []string{"refs/heads/main:refs/x"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s.status.Store(int64(test.status))
			defer s.status.Store(0)
			remote := s.remote(test.repo)
			if test.token != "" {
				remote.Token = token(test.token)
			}
			r, err := (&Store{Dir: t.TempDir()}).Open(t.Context(), test.repo, remote)
			if err != nil {
				t.Fatal(err)
			}
			err = r.Fetch(t.Context(), test.want)
			t.Log(err)
			if err == nil || test.err != nil && !errors.Is(err, test.err) {
				t.Fatalf("got %v, want %v", err, test.err)
			}
			for _, other := range []error{ErrGone, ErrNotFound, ErrForbidden, ErrTooLarge} {
				if other != test.err && errors.Is(err, other) {
					t.Errorf("%v is also %q", err, other)
				}
			}
			if strings.Contains(err.Error(), "ghs_") {
				t.Errorf("token in %v", err)
			}
		})
	}
}

func TestFetchTakesTheRefWhenTheIDIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	head := b.commit(t, "refs/pull/7/head", nil, put("f", "1"))
	r := openMirror(t, s, "r", Limits{})
	if err := r.Fetch(t.Context(), Want{Refs: []string{"refs/pull/7/head"}}); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Resolve(t.Context(), "refs/pull/7/head"); err != nil || got != head {
		t.Errorf("Resolve = %s, %v; want %s", got, err, head)
	}
	for _, rev := range []string{"--all", "-h", "", "nothing", "a\nb"} {
		if got, err := r.Resolve(t.Context(), rev); err == nil {
			t.Errorf("Resolve(%q) = %s", rev, got)
		}
	}
}

func TestMalformedTreesAreRefusedAndOldBlundersAreNot(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	good := b.commit(t, "refs/heads/main", nil, put("f", "1\n"))
	blob, err := hex.DecodeString(b.git(t, "x", "hash-object", "-w", "--stdin"))
	if err != nil {
		t.Fatal(err)
	}
	tree := func(mode, name string) string {
		return b.git(t, mode+" "+name+"\x00"+string(blob), "hash-object", "-w", "-t", "tree", "--literally", "--stdin")
	}
	r := openMirror(t, s, "r", Limits{})
	for _, name := range []string{".git", ".GIT", "..", ".", "../x", "a//b", "/etc/passwd"} {
		bad := b.git(t, "", "commit-tree", "-p", good, "-m", "bad", tree("100644", name))
		fetch(t, r, 2, bad)
		if d, err := r.Diff(t.Context(), good, bad); err == nil {
			t.Errorf("%q: diff takes it: %+v", name, d.Changes)
		}
		if v, err := r.Versions(t.Context(), []string{bad}); err == nil {
			t.Errorf("%q: versions take it: %+v", name, v)
		}
	}
	old := b.git(t, fmt.Sprintf("tree %s\nparent %s\nauthor a <a@example.com> 1300000000 +51800\ncommitter a <a> 1300000000 +51800\n\nm\n",
		tree("0100644", "f"), good), "hash-object", "-w", "-t", "commit", "--literally", "--stdin")
	// Attributes and submodules have no effect here, so they must not prevent a review either.
	odd := b.commit(t, "refs/pull/1/head", []string{good}, put(".gitattributes", "* "+strings.Repeat("x", 5000)+"\nf -diff\n"),
		put(".gitmodules", "[submodule \"../../x\"]\n\tpath = -x\n\turl = --upload-pack=touch\n"), put("f", "2\n"))
	for name, head := range map[string]string{"old": old, "odd": odd} {
		fetch(t, r, 1, head)
		if d, err := r.Diff(t.Context(), good, head); err != nil || !strings.Contains(string(d.Patch), "\n-1\n") {
			t.Errorf("%s but harmless: %+v, %v", name, d, err)
		}
	}
}

func TestConcurrentFetches(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	base := b.commit(t, "refs/heads/main", nil, put("f", "0\n"))
	var heads []string
	for i := range 6 {
		heads = append(heads, b.commit(t, fmt.Sprintf("refs/pull/%d/head", i), []string{base}, put("f", fmt.Sprintf("%d\n", i+1))))
	}
	dir := t.TempDir()
	var all sync.WaitGroup
	for _, head := range append(heads, heads...) {
		all.Go(func() {
			// One Store each, as several processes would have.
			r, err := (&Store{Dir: dir}).Open(t.Context(), "r", s.remote("r"))
			if err != nil {
				t.Error(err)
				return
			}
			if err := r.Fetch(t.Context(), Want{SHAs: []string{base, head}}); err != nil {
				t.Error(err)
				return
			}
			if d, err := r.Diff(t.Context(), base, head); err != nil || len(d.Changes) != 1 {
				t.Errorf("diff: %v", err)
			}
		})
	}
	all.Wait()
	// Two for the commits and two for the blobs of each.
	if n := s.requests.Load(); n > 6*(2+2) {
		t.Errorf("%d requests for 6 heads: fetches did not see each other's work", n)
	}
}

func TestDamagedMirrorIsRebuilt(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	base := b.commit(t, "refs/heads/main", nil, put("f", strings.Repeat("a\n", 2000)))
	head := b.commit(t, "refs/pull/1/head", []string{base}, put("f", "b\n"))
	var tests = []struct {
		name   string
		damage func(t *testing.T, dir string)
	}{
		{"truncated packs", func(t *testing.T, dir string) {
			packs, _ := filepath.Glob(dir + "/objects/pack/*.pack")
			if len(packs) == 0 {
				t.Fatal("no packs")
			}
			for _, p := range packs {
				// Packs are read-only, and must stay so for git to accept them.
				if err := errors.Join(os.Chmod(p, 0o600), os.Truncate(p, 40)); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"overwritten packs", func(t *testing.T, dir string) {
			overwrite(t, dir, func(byte) byte { return 0 })
		}},
		{"truncated indexes", func(t *testing.T, dir string) {
			packs, _ := filepath.Glob(dir + "/objects/pack/*.idx")
			for _, p := range packs {
				if err := errors.Join(os.Chmod(p, 0o600), os.Truncate(p, 40)); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"no HEAD", func(t *testing.T, dir string) {
			if err := os.Remove(dir + "/HEAD"); err != nil {
				t.Fatal(err)
			}
		}},
		{"nonsense in shallow", func(t *testing.T, dir string) {
			if err := os.WriteFile(dir+"/shallow", []byte("nonsense\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"lock left behind by a kill", func(t *testing.T, dir string) {
			if err := os.WriteFile(dir+"/shallow.lock", nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"deleted", func(t *testing.T, dir string) {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := openMirror(t, s, "r", Limits{})
			fetch(t, r, 1, base, head)
			want, err := r.Diff(t.Context(), base, head)
			if err != nil {
				t.Fatal(err)
			}
			test.damage(t, r.remote.files.dir())
			got, err := r.Diff(t.Context(), base, head)
			if err != nil || string(got.Patch) != string(want.Patch) {
				t.Errorf("diff after damage: %v", err)
			}
			test.damage(t, r.remote.files.dir())
			readBlobs(t, r, want.Changes[0].NewBlob)
			test.damage(t, r.remote.files.dir())
			fetch(t, r, 1, base, head)
			next := b.commit(t, "refs/pull/2/head", []string{base}, put("g", test.name))
			fetch(t, r, 2, base, next)
		})
	}
}

func overwrite(t *testing.T, dir string, change func(byte) byte) {
	t.Helper()
	packs, _ := filepath.Glob(dir + "/objects/pack/*.pack")
	for _, p := range packs {
		content, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for i := 12; i < len(content)-20; i++ { // between header and checksum
			content[i] = change(content[i])
		}
		if err := errors.Join(os.Remove(p), os.WriteFile(p, content, 0o400)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDamageThatGitCallsMissing(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	base := b.commit(t, "refs/heads/main", nil, put("f", "1\n"))
	head := b.commit(t, "refs/pull/1/head", []string{base}, put("f", "2\n"))
	r := openMirror(t, s, "r", Limits{})
	fetch(t, r, 1, base, head)
	overwrite(t, r.remote.files.dir(), func(c byte) byte { return ^c })
	if _, err := r.Diff(t.Context(), base, head); err != nil {
		t.Error(err)
	}
}

func TestOversizedMirrorIsReplaced(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	r := openMirror(t, s, "r", Limits{MirrorPacks: 3})
	first := b.commit(t, "refs/heads/0", nil, put("f", "first"))
	fetch(t, r, 1, first)
	for i := range 5 {
		fetch(t, r, 1, b.commit(t, fmt.Sprintf("refs/heads/%d", i+1), nil, put("f", fmt.Sprint(i))))
	}
	packs, _ := filepath.Glob(r.remote.files.dir() + "/objects/pack/*.pack")
	if len(packs) > 7 {
		t.Errorf("%d packs are left", len(packs))
	}
	if got, ok, err := r.ReadFile(t.Context(), first, "f"); err != nil || !ok || string(got) != "first" {
		t.Errorf("what was fetched first: %q, %v, %v", got, ok, err)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	head := b.commit(t, "refs/heads/main", nil, put("f", "1"))
	store := &Store{Dir: t.TempDir()}
	r, err := store.Open(t.Context(), "r", s.remote("r"))
	if err != nil {
		t.Fatal(err)
	}
	fetch(t, r, 1, head)
	if n, err := store.Prune(t.Context(), time.Hour); n != 0 || err != nil {
		t.Errorf("pruned %d mirrors that were just used, %v", n, err)
	}
	_, leave, err := r.remote.files.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := store.Prune(t.Context(), 0); n != 0 || err != nil {
		t.Errorf("pruned %d mirrors that are in use, %v", n, err)
	}
	leave()
	if n, err := store.Prune(t.Context(), 0); n != 1 || err != nil {
		t.Errorf("pruned %d mirrors, %v; want 1", n, err)
	}
	if n, err := store.Prune(t.Context(), 0); n != 0 || err != nil {
		t.Errorf("pruned %d mirrors that are not there, %v", n, err)
	}
	if _, ok, err := r.ReadFile(t.Context(), head, "f"); !ok || err != nil {
		t.Errorf("after prune: %v, %v", ok, err)
	}
}

func TestKeysStayInTheFolder(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, key := range []string{"../../etc", "/etc/passwd", "..", ".", "a/b", "a-b", "a.b", "A/b", "a\x00b", "a\nb", "-rf", strings.Repeat("x", 5000)} {
		dir := t.TempDir()
		root := filepath.Join(dir, "mirrors")
		if _, err := (&Store{Dir: root}).Open(t.Context(), key, Remote{URL: "https://github.com/o/r"}); err != nil {
			t.Errorf("%q: %v", key, err)
		}
		if outside, _ := os.ReadDir(dir); len(outside) != 1 {
			t.Errorf("%q leads outside of the folder: %v", key, outside)
		}
		name := mirrorName(key)
		if other, ok := seen[name]; ok {
			t.Errorf("%q and %q have one mirror", key, other)
		}
		seen[name] = key
		if name != filepath.Base(name) || strings.HasPrefix(name, "-") {
			t.Errorf("%q becomes %q", key, name)
		}
	}
}

func TestRemoteURLs(t *testing.T) {
	t.Parallel()
	for raw, ok := range map[string]bool{
		"https://github.com/o/r.git":      true,
		"http://127.0.0.1:80/o/r":         true,
		"http://localhost/o/r":            true,
		"http://[::1]:9/o/r":              true,
		"http://github.com/o/r":           false,
		"http://127.0.0.1.example.com/":   false,
		"https://x:secret@github.com/o/r": false,
		"https://secret@github.com/o/r":   false,
		"https://github.com/o/r?secret":   false,
		"ssh://git@github.com/o/r":        false,
		"git@github.com:o/r":              false,
		"file:///etc":                     false,
		"ext::sh -c touch% /tmp/x":        false,
		"/etc":                            false,
		"--upload-pack=touch":             false,
		"https://github.com/%zz?secret":   false,
		"":                                false,
	} {
		_, err := (&Store{Dir: t.TempDir()}).Open(t.Context(), "k", Remote{URL: raw})
		if (err == nil) != ok {
			t.Errorf("%q: %v", raw, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("secret in %v", err)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	if v, err := Check(t.Context(), ""); err != nil || v == "" {
		t.Errorf("Check = %q, %v", v, err)
	}
	if _, err := Check(t.Context(), "/nonexistent/git"); err == nil {
		t.Error("a git that is not there is accepted")
	}
	old := filepath.Join(t.TempDir(), "git")
	programtest.Write(t, old, "#!/bin/sh\necho git version 2.30.1\n")
	if _, err := Check(t.Context(), old); err == nil {
		t.Error("git 2.30 is accepted")
	}
}
