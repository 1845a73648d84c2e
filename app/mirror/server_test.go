package mirror

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// testToken is the token that the server requires. Tests search for it everywhere it must not appear.
const testToken = "ghs_SENTINEL0token"

// server serves the repositories of a folder with git's own smart HTTP program.
type server struct {
	*httptest.Server
	root     string
	requests atomic.Int64
	bytes    atomic.Int64 // of answers
	status   atomic.Int64 // answer everything with this, when not 0

	// during, if not nil, is called for every request before it is answered; true means that it has answered. Set
	// it before the first request.
	during func(http.ResponseWriter, *http.Request) bool
}

func serve(t testing.TB) *server {
	t.Helper()
	core, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{root: t.TempDir()}
	backend := &cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(string(core)), "git-http-backend"),
		Dir:    s.root,
		Env:    append(testEnv(), "GIT_PROJECT_ROOT="+s.root, "GIT_HTTP_EXPORT_ALL=1"),
		Stderr: io.Discard,
		Logger: log.New(io.Discard, "", 0), // some tests kill git during a fetch
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		s.requests.Add(1)
		if s.during != nil && s.during(w, req) {
			return
		}
		if status := int(s.status.Load()); status != 0 {
			http.Error(w, "no", status)
			return
		}
		user, token, _ := req.BasicAuth()
		if user != "x-access-token" || token != testToken {
			w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(&counter{w, &s.bytes}, req)
	}))
	t.Cleanup(s.Close)
	return s
}

type counter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return c.ResponseWriter.Write(p)
}

// repo makes an empty bare repository on the server.
func (s *server) repo(t testing.TB, name string) *builder {
	t.Helper()
	b := &builder{dir: filepath.Join(s.root, name)}
	b.git(t, "", "init", "--quiet", "--bare", b.dir)
	b.git(t, "", "-C", b.dir, "config", "uploadpack.allowFilter", "true")
	b.git(t, "", "-C", b.dir, "config", "uploadpack.allowAnySHA1InWant", "true")
	return b
}

func (s *server) remote(name string) Remote {
	return Remote{URL: s.URL + "/" + name, Token: token(testToken)}
}

func testEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=/dev/null", "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_COMMITTER_DATE=1700000000 +0000"}
}

// builder creates commits in a repository without a work tree.
type builder struct{ dir string }

func (b *builder) git(t testing.TB, in string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	if _, err := os.Stat(b.dir); err == nil {
		cmd.Dir = b.dir
	}
	cmd.Env = testEnv()
	cmd.Stdin = strings.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// edit is a line of input for git fast-import.
type edit string

func put(path, content string) edit { return putMode("100644", path, content) }

func putMode(mode, path, content string) edit {
	return edit(fmt.Sprintf("M %s inline %s\ndata %d\n%s\n", mode, quote(path), len(content), content))
}

func submodule(path, commit string) edit {
	return edit("M 160000 " + commit + " " + quote(path) + "\n")
}

func remove(path string) edit     { return edit("D " + quote(path) + "\n") }
func rename(from, to string) edit { return edit("R " + quote(from) + " " + quote(to) + "\n") }

func quote(path string) string {
	var q strings.Builder
	q.WriteByte('"')
	for _, c := range []byte(path) {
		fmt.Fprintf(&q, `\%03o`, c)
	}
	q.WriteByte('"')
	return q.String()
}

// commit creates a commit on a branch (a full ref name) with the given parents.
func (b *builder) commit(t testing.TB, ref string, parents []string, edits ...edit) string {
	t.Helper()
	var in strings.Builder
	fmt.Fprintf(&in, "reset %s\n\ncommit %s\ncommitter a <a@example.com> 1700000000 +0000\ndata 1\nm\n", ref, ref)
	for i, p := range parents {
		in.WriteString([]string{"from ", "merge "}[min(i, 1)] + p + "\n")
	}
	for _, e := range edits {
		in.WriteString(string(e))
	}
	b.git(t, in.String(), "fast-import", "--quiet", "--force")
	return b.git(t, "", "rev-parse", ref)
}

func openMirror(t testing.TB, s *server, name string, l Limits) *Repo {
	t.Helper()
	r, err := (&Store{Dir: t.TempDir(), Limits: l}).Open(t.Context(), "github.com/o/"+name, s.remote(name))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fetch(t testing.TB, r *Repo, depth int, shas ...string) {
	t.Helper()
	if err := r.Fetch(t.Context(), Want{SHAs: shas, Depth: depth}); err != nil {
		t.Fatal(err)
	}
}

func readBlobs(t testing.TB, r *Repo, oids ...string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := r.Blobs(t.Context(), oids, func(oid string, size int64, content []byte) error {
		if content != nil && int64(len(content)) != size {
			t.Errorf("blob %s has %d bytes, want %d", oid, len(content), size)
		}
		got[oid] = string(content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}
