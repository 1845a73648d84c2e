package mirror

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// oddNames are names that git allows and that programs often handle wrongly.
var oddNames = []string{
	"-rf", "--output=x", `quo"te`, "new\nline", "tab\tname", `back\slash`, "sp ace", "latin1-\xe9", "bad-\xff\xfe", "emoji-\U0001f600",
	":(exclude)*", ":!x", "*", "a => b", "{a => b}", "b/ diff --git a/x b/x", "$(touch x)", "`x`", "\x01\x1b[31m", "dir/-x/\"y\"",
}

func TestDiffKinds(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	text := strings.Repeat("one line of some length\n", 30)
	other := strings.Repeat("7", 40)
	base := b.commit(t, "refs/heads/main", nil,
		put("modified", "a\nb\nc\n"), put("deleted", "gone\n"), put("old name", text), put("old name 2", "2"+text),
		put("mode", "#!\n"), put("becomes link", "target\n"), putMode("120000", "becomes file", "modified"),
		putMode("120000", "link", "modified"), submodule("module", strings.Repeat("6", 40)), put("binary", "\x00\x01"), put("crlf", "a\r\nb\r\n"))
	head := b.commit(t, "refs/pull/1/head", []string{base},
		put("modified", "a\nB\nc\n"), remove("deleted"), rename("old name", "new name"), remove("old name 2"), put("new name 2", "2"+text+"more\n"),
		putMode("100755", "mode", "#!\n"), putMode("120000", "becomes link", "modified"), put("becomes file", "f\n"),
		putMode("120000", "link", "../../etc/passwd"), submodule("module", other), put("binary", "\x00\x02"), put("added", "new\n"), put("empty", ""), put("crlf", "a\r\nc\r\n"))
	r := openMirror(t, s, "r", Limits{})
	fetch(t, r, 1, base, head)
	d, err := r.Diff(t.Context(), base, head)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		kind             Kind
		old, new         string
		regular, isBlobs bool
		binary           bool
	}
	want := []row{
		{Added, "", "added", true, true, false},
		{TypeChanged, "becomes file", "becomes file", true, true, false},
		{TypeChanged, "becomes link", "becomes link", false, true, false},
		{Modified, "binary", "binary", true, true, true},
		{Modified, "crlf", "crlf", true, true, false},
		{Deleted, "deleted", "", false, false, false},
		{Added, "", "empty", true, true, false},
		{Modified, "link", "link", false, true, false},
		{ModeChanged, "mode", "mode", true, true, false},
		{Modified, "modified", "modified", true, true, false},
		{Modified, "module", "module", false, true, false},
		{Renamed, "old name", "new name", true, true, false},
		{Renamed, "old name 2", "new name 2", true, true, false},
	}
	var got []row
	for _, c := range d.Changes {
		got = append(got, row{c.Kind, c.OldPath, c.NewPath, c.Regular(), c.NewBlob != "", c.Binary})
		if (c.OldPath == "") != (c.OldBlob == "") || (c.NewPath == "") != (c.NewMode == "") {
			t.Errorf("half a side: %+v", c)
		}
	}
	slices.SortFunc(got, func(a, b row) int { return strings.Compare(a.old+a.new, b.old+b.new) })
	slices.SortFunc(want, func(a, b row) int { return strings.Compare(a.old+a.new, b.old+b.new) })
	if !slices.Equal(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
	for _, part := range []string{"@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", "rename from old name\nrename to new name\n", "similarity index 100%\n",
		"old mode 100644\nnew mode 100755\n", "Binary files a/binary and b/binary differ\n", "+Subproject commit " + other, "-b\r\n+c\r\n"} {
		if !strings.Contains(string(d.Patch), part) {
			t.Errorf("the patch does not hold %q", part)
		}
	}
	if t.Failed() {
		t.Logf("%s", d.Patch)
	}
	if d.Truncated != "" {
		t.Error(d.Truncated)
	}
}

func TestDiffOfNothingTreesAndTheEmptyTree(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	first := b.commit(t, "refs/heads/main", nil, put("f", "1\n"))
	second := b.commit(t, "refs/heads/main", []string{first}, put("f", "2\n"))
	r := openMirror(t, s, "r", Limits{})
	fetch(t, r, 1, first, second)
	tree := func(c string) string { return b.git(t, "", "rev-parse", c+"^{tree}") }
	for _, test := range []struct {
		base, head string
		changes    int
	}{
		{first, first, 0}, {tree(first), tree(first), 0}, {r.EmptyTree(), r.EmptyTree(), 0},
		{first, tree(second), 1}, {tree(first), tree(second), 1},
		{r.EmptyTree(), second, 1}, {second, r.EmptyTree(), 1},
	} {
		d, err := r.Diff(t.Context(), test.base, test.head)
		if err != nil || len(d.Changes) != test.changes || (len(d.Patch) > 0) != (test.changes > 0) {
			t.Errorf("%.8s..%.8s: %+v, %v", test.base, test.head, d, err)
		}
	}
	if _, err := r.Diff(t.Context(), first, strings.Repeat("1", 40)); !errors.Is(err, ErrGone) {
		t.Errorf("diff with a commit that is not here: %v", err)
	}
	for _, bad := range []string{"--output=x", "HEAD", "", first[:10], strings.ToUpper(first), first + "\n"} {
		if _, err := r.Diff(t.Context(), first, bad); err == nil {
			t.Errorf("diff takes %q", bad)
		}
	}
}

func TestOddNames(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	base := b.commit(t, "refs/heads/main", nil, put("f", "1\n"))
	var edits []edit
	for _, name := range oddNames {
		edits = append(edits, put(name, "content of "+name))
	}
	head := b.commit(t, "refs/pull/1/head", []string{base}, edits...)
	r := openMirror(t, s, "r", Limits{})
	fetch(t, r, 2, base, head)
	d, err := r.Diff(t.Context(), base, head)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Sorted(slices.Values(oddNames))
	var got, versions []string
	for _, c := range d.Changes {
		got = append(got, c.NewPath)
		if text := readBlobs(t, r, c.NewBlob)[c.NewBlob]; text != "content of "+c.NewPath {
			t.Errorf("%q holds %q", c.NewPath, text)
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	all, err := r.Versions(t.Context(), []string{head})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		versions = append(versions, v.Path)
	}
	if slices.Sort(versions); !slices.Equal(versions, want) {
		t.Errorf("versions %q\nwant %q", versions, want)
	}
	for _, name := range oddNames {
		text, ok, err := r.ReadFile(t.Context(), head, name)
		if err != nil || !ok || string(text) != "content of "+name {
			t.Errorf("ReadFile(%q) = %q, %v, %v", name, text, ok, err)
		}
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	head := b.commit(t, "refs/heads/main", nil, put("f", "text\n"), put("empty", ""), put("d/f", "x"), putMode("120000", "link", "f"),
		putMode("120000", "dlink", "d"), submodule("module", strings.Repeat("6", 40)), put("large", strings.Repeat("x", 2000)))
	r := openMirror(t, s, "r", Limits{BlobBytes: 1000})
	fetch(t, r, 1, head)
	for _, test := range []struct {
		path, content string
		ok            bool
		err           error
	}{
		{"f", "text\n", true, nil}, {"empty", "", true, nil}, {"d/f", "x", true, nil},
		{"none", "", false, nil}, {"d/none", "", false, nil}, {"f/", "", false, nil}, {"d/", "", false, nil},
		{"dlink/f", "", false, nil}, {"/f", "", false, nil}, {"./f", "", false, nil},
		{"link", "", false, ErrNotFile}, {"d", "", false, ErrNotFile}, {"module", "", false, ErrNotFile}, {"large", "", false, ErrTooLarge},
	} {
		text, ok, err := r.ReadFile(t.Context(), head, test.path)
		if string(text) != test.content || ok != test.ok || !errors.Is(err, test.err) {
			t.Errorf("ReadFile(%q) = %q, %v, %v", test.path, text, ok, err)
		}
	}
	for _, path := range []string{"", "a\x00b", "../f", "d/../f"} {
		if _, ok, err := r.ReadFile(t.Context(), head, path); ok {
			t.Errorf("ReadFile(%q) = %v, %v", path, ok, err)
		}
	}
	if _, _, err := r.ReadFile(t.Context(), strings.Repeat("1", 40), "f"); !errors.Is(err, ErrGone) {
		t.Errorf("ReadFile at a commit that is not here: %v", err)
	}
}

func TestLargeInput(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	long := strings.Repeat("x", 1<<20)
	huge := strings.Repeat("\n", 12<<20)
	var many []edit
	for i := range 3000 {
		many = append(many, put(fmt.Sprintf("d%d/f%d", i%50, i), fmt.Sprintf("%d\n", i)))
	}
	base := b.commit(t, "refs/heads/main", nil, put("long", long+"\n"+long+"\n"), put("huge", huge))
	head := b.commit(t, "refs/pull/1/head", []string{base}, append(many, put("long", long+"\n"+long+"y\n"), put("huge", huge+"y"))...)
	r := openMirror(t, s, "r", Limits{BlobBytes: 5 << 20})
	fetch(t, r, 1, base, head)
	d, err := r.Diff(t.Context(), base, head)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Changes) != 3002 || d.Truncated != "" {
		t.Errorf("%d changes, %q", len(d.Changes), d.Truncated)
	}
	var oids []string
	for _, c := range d.Changes {
		oids = append(oids, c.NewBlob)
		if c.Binary != (c.NewPath == "huge") {
			t.Errorf("%s: binary is %v", c.NewPath, c.Binary)
		}
	}
	if !bytes.Contains(d.Patch, []byte("\n+"+long+"y\n")) || bytes.Count(d.Patch, []byte("\ndiff --git ")) != 3001 {
		t.Error("the patch is not whole")
	}
	before := s.requests.Load()
	nils, n := 0, 0
	err = r.Blobs(t.Context(), oids, func(_ string, size int64, content []byte) error {
		n++
		if content == nil {
			nils++
			if size != 12<<20+1 {
				t.Errorf("size %d", size)
			}
		}
		return nil
	})
	if err != nil || n != 3002 || nils != 1 {
		t.Errorf("%d blobs, %d without content, %v", n, nils, err)
	}
	if n := s.requests.Load() - before; n != 0 {
		t.Errorf("reading what the diff had fetched made %d requests", n)
	}

	r.git.limits.PatchBytes = 10_000
	d, err = r.Diff(t.Context(), base, head)
	if err != nil || d.Truncated == "" || len(d.Changes) != 3002 || len(d.Patch) > 10_000 || !bytes.HasSuffix(d.Patch, []byte("\n")) {
		t.Errorf("patch over the limit: %d bytes, %d changes, %q, %v", len(d.Patch), len(d.Changes), d.Truncated, err)
	}
	r.git.limits.Files = 100
	d, err = r.Diff(t.Context(), base, head)
	if err != nil || d.Truncated == "" || len(d.Changes) != 3002 || d.Patch != nil {
		t.Errorf("files over the limit: %+v, %v", d.Truncated, err)
	}
}

func TestFetchOverTheLimit(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	noise := make([]byte, 3<<20) // does not compress
	x := uint32(1)
	for i := range noise {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		noise[i] = byte(x)
	}
	base := b.commit(t, "refs/heads/main", nil, put("f", "1\n"))
	head := b.commit(t, "refs/pull/1/head", []string{base}, put("noise", string(noise)), put("f", "2\n"))
	r := openMirror(t, s, "r", Limits{FetchBytes: 1 << 20})
	fetch(t, r, 1, base, head)
	if limitFiles(os.Getpid(), 1<<40) == nil { // as on every Linux
		d, err := r.Diff(t.Context(), base, head)
		if err != nil || d.Truncated == "" || len(d.Changes) != 2 || d.Patch != nil {
			t.Errorf("diff: %+v, %v", d, err)
		}
		oid := b.git(t, "", "rev-parse", head+":noise")
		err = r.Blobs(t.Context(), []string{oid}, func(string, int64, []byte) error { return nil })
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("blobs: %v", err)
		}
		left, _ := os.ReadDir(r.remote.files.dir() + "/objects/pack")
		for _, f := range left {
			if strings.HasPrefix(f.Name(), "tmp_") {
				t.Errorf("%s is left behind", f.Name())
			}
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	root := b.commit(t, "refs/heads/main", nil, put("f", "0\n"), put("g", "0\n"))
	added := b.commit(t, "refs/pull/1/head", []string{root}, put("secret", "key\n"), put("f", "1\n"), putMode("120000", "link", "f"))
	main2 := b.commit(t, "refs/heads/main", []string{root}, put("main", "main\n"), put("g", "main\n"))
	removed := b.commit(t, "refs/pull/1/head", []string{added}, remove("secret"), remove("link"), putMode("100755", "f", "1\n"))
	merge := b.commit(t, "refs/pull/1/head", []string{removed, main2}, put("main", "main\n"), put("g", "evil merge\n"))
	again := b.commit(t, "refs/pull/1/head", []string{merge}, put("secret", "key\n"))
	r := openMirror(t, s, "r", Limits{})
	fetch(t, r, 5, again)

	blob := func(rev string) string { return b.git(t, "", "rev-parse", rev) }
	got, err := r.Versions(t.Context(), []string{added, removed, merge, again})
	if err != nil {
		t.Fatal(err)
	}
	want := []Version{
		{added, "f", blob(added + ":f")},
		{added, "secret", blob(added + ":secret")},
		{merge, "g", blob(merge + ":g")},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	got, err = r.Versions(t.Context(), []string{root})
	if err != nil || len(got) != 2 {
		t.Errorf("a root brings %v, %v", got, err)
	}
	if got, err := r.Versions(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("no commits bring %v, %v", got, err)
	}

	r = openMirror(t, s, "r", Limits{})
	fetch(t, r, 2, again)
	var short *ShallowError
	got, err = r.Versions(t.Context(), []string{merge, again})
	if !errors.As(err, &short) || !slices.Equal(short.Commits, []string{merge}) {
		t.Errorf("at the boundary: %v", err)
	}
	if want := []Version{{again, "secret", blob(again + ":secret")}}; !slices.Equal(got, want) {
		t.Errorf("at the boundary: got %v, want %v", got, want)
	}
	if _, err := r.Versions(t.Context(), []string{added}); !errors.Is(err, ErrGone) {
		t.Errorf("a commit that is not here: %v", err)
	}
}

func TestBlobs(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	head := b.commit(t, "refs/heads/main", nil, put("f", "1\n"), put("g", ""), put("h", "3"))
	r := openMirror(t, s, "r", Limits{})
	fetch(t, r, 1, head)
	oid := func(path string) string { return b.git(t, "", "rev-parse", head+":"+path) }
	stop := errors.New("stop")
	var order []string
	err := r.Blobs(t.Context(), []string{oid("h"), oid("g"), oid("h"), oid("f")}, func(oid string, _ int64, content []byte) error {
		order = append(order, oid)
		if content == nil {
			t.Error("content of an empty file is nil")
		}
		if len(order) == 2 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || !slices.Equal(order, []string{oid("h"), oid("g")}) {
		t.Errorf("%v, %v", order, err)
	}
	for _, bad := range []string{strings.Repeat("1", 40), head, head[:10], "--batch", ""} {
		if err := r.Blobs(t.Context(), []string{bad}, func(string, int64, []byte) error { return nil }); err == nil {
			t.Errorf("Blobs takes %q", bad)
		}
	}
	if err := r.Blobs(t.Context(), nil, nil); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(":100644 100755 aa bb R085\x00a\x00b\x00:000000 100644 00 cc A\x00x\x001\t2\t\x00a\x00b\x00-\t-\tx\x00\x00diff --git a/x b/x\n"))
	f.Add([]byte("c0ffee\x00::100644 100644 100755 aa bb cc MM\x00f\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := bufio.NewReader(bytes.NewReader(raw))
		if changes, err := parseRaw(in); err == nil {
			_ = parseNumstat(in, changes)
		}
		versions, err := parseVersions(string(raw))
		for _, v := range versions {
			if err == nil && (v.Path == "" && v.Commit == "") {
				t.Errorf("%+v", v)
			}
		}
		if cut := wholeFiles(raw); !bytes.HasPrefix(raw, cut) {
			t.Errorf("%q is not the beginning of %q", cut, raw)
		}
	})
}
