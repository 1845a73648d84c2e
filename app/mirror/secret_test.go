package mirror

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners/programtest"
)

// tokenForms are the forms in which the token could become visible.
var tokenForms = []string{testToken, base64.StdEncoding.EncodeToString([]byte("x-access-token:" + testToken))}

func tellsToken(text []byte) bool {
	for _, form := range tokenForms {
		if bytes.Contains(text, []byte(form)) {
			return true
		}
	}
	return false
}

// processes returns the argv and environment of every process whose environment names dir.
func processes(dir string) (argv, environ [][]byte) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		env, err := os.ReadFile(p + "/environ")
		if err != nil || !bytes.Contains(env, []byte(dir)) {
			continue // ended, or of another user
		}
		line, _ := os.ReadFile(p + "/cmdline")
		argv, environ = append(argv, line), append(environ, env)
	}
	return argv, environ
}

func TestTokenIsSeenByGitAlone(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	base := b.commit(t, "refs/heads/main", nil, put("f", "1\n"))
	head := b.commit(t, "refs/pull/1/head", []string{base}, put("f", "2\n"))

	// A git that records how it is called.
	log := filepath.Join(t.TempDir(), "log")
	wrapper := filepath.Join(t.TempDir(), "git")
	text := fmt.Sprintf("#!/bin/sh\n{ echo \"argv: $*\"; env | sed 's/^/env: /'; } >> %s\nexec git \"$@\"\n", log)
	programtest.Write(t, wrapper, text)
	store := &Store{Dir: t.TempDir(), Git: wrapper}
	var running atomic.Int64
	s.during = func(http.ResponseWriter, *http.Request) bool {
		argv, _ := processes(store.Dir)
		running.Add(int64(len(argv)))
		for _, line := range argv {
			if tellsToken(line) {
				t.Errorf("token in the arguments of %q", line)
			}
		}
		return false
	}
	r, err := store.Open(t.Context(), "r", s.remote("r"))
	if err != nil {
		t.Fatal(err)
	}
	fetch(t, r, 1, base, head)
	if _, err := r.Diff(t.Context(), base, head); err != nil {
		t.Fatal(err)
	}
	err = r.Fetch(t.Context(), Want{SHAs: []string{strings.Repeat("1", 40)}})
	if err == nil || tellsToken([]byte(err.Error())) {
		t.Errorf("error of a failed fetch: %v", err)
	}
	if _, err := os.Stat("/proc/self/environ"); err == nil && running.Load() < 3 {
		t.Errorf("saw %d processes of git while it fetched", running.Load())
	}

	calls, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	inEnv, fetching := false, false
	for line := range strings.Lines(string(calls)) {
		if args, ok := strings.CutPrefix(line, "argv: "); ok {
			fetching = strings.HasPrefix(args, "fetch ")
			if tellsToken([]byte(line)) {
				t.Errorf("token in the arguments: %s", line)
			}
		} else if tellsToken([]byte(line)) {
			inEnv = true
			if !fetching {
				t.Errorf("token in the environment of a git that does not fetch: %s", line)
			}
		}
		for _, name := range []string{"SSH_AUTH_SOCK=", "GIT_SSH", "GIT_EXTERNAL_DIFF", "GIT_ASKPASS=", "GOPATH="} {
			if strings.HasPrefix(line, "env: "+name) {
				t.Errorf("passed on: %s", line)
			}
		}
	}
	if !inEnv {
		t.Error("the token is nowhere, the test shows nothing")
	}
	err = filepath.WalkDir(store.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if tellsToken(content) {
			t.Errorf("token in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestTokenIsNotInErrors(t *testing.T) {
	t.Parallel()
	// A git that prints everything it knows.
	loud := filepath.Join(t.TempDir(), "git")
	programtest.Write(t, loud, "#!/bin/sh\ncat >/dev/null\nenv >&2\nprintf 'remote: \\033[31mfatal: bad object\\nfatal: \\033[31mred' >&2\nexit 128\n")
	_, config, secrets := online(mustURL(t, "https://github.com/o/r"), testToken)
	_, err := program{path: loud, limits: Limits{}.withDefaults()}.output(t.Context(),
		call{args: []string{"fetch"}, dir: t.TempDir(), config: config, secrets: secrets})
	var said *gitError
	if !errors.As(err, &said) || !strings.Contains(said.stderr, "***") {
		t.Fatalf("got %v, the test shows nothing", err)
	}
	if tellsToken([]byte(said.stderr)) || strings.Contains(said.stderr, "\x1b") || said.corrupt() {
		t.Errorf("said %q", said.stderr)
	}
	if len(err.Error()) > 1000 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

func TestTokenDoesNotFollowARedirect(t *testing.T) {
	t.Parallel()
	var visited atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited.Add(1) }))
	defer other.Close()
	s := serve(t)
	s.during = func(w http.ResponseWriter, req *http.Request) bool {
		http.Redirect(w, req, other.URL+req.URL.RequestURI(), http.StatusMovedPermanently)
		return true
	}
	r := openMirror(t, s, "r", Limits{})
	if err := r.Fetch(t.Context(), Want{SHAs: []string{strings.Repeat("1", 40)}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("fetch: %v", err)
	}
	if visited.Load() != 0 {
		t.Error("git followed a redirect to another host")
	}
}

func TestEndOfContextKillsGitAndItsChildren(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		limits Limits
		want   error
	}{
		{"cancelled", Limits{}, context.Canceled},
		{"out of time", Limits{FetchTime: 500 * time.Millisecond}, context.DeadlineExceeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			release := make(chan struct{})
			var r *Repo
			var children atomic.Int64
			s.during = func(http.ResponseWriter, *http.Request) bool {
				argv, _ := processes(r.remote.files.dir())
				children.Add(int64(len(argv)))
				if test.want == context.Canceled {
					cancel()
				}
				<-release
				return true
			}
			defer close(release) // before the server closes, which waits for its requests
			r = openMirror(t, s, "r", test.limits)
			if err := r.Fetch(ctx, Want{SHAs: []string{strings.Repeat("1", 40)}}); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if _, err := os.Stat("/proc/self/environ"); err != nil {
				return
			}
			if children.Load() < 2 {
				t.Errorf("saw %d processes, want git and its child", children.Load())
			}
			// Git's child would end by itself after http.lowSpeedTime, a minute.
			for end := time.Now().Add(20 * time.Second); ; {
				left, _ := processes(r.remote.files.dir())
				if len(left) == 0 {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("still running: %q", left)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}

func TestWaitingForALockEndsWithTheContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path, alone)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lock(ctx, path, shared); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	unlock()
	one, err := lock(ctx, path, shared)
	if err != nil {
		t.Fatal(err)
	}
	defer one()
	two, err := lock(ctx, path, shared)
	if err != nil {
		t.Fatal(err)
	}
	defer two()
	if _, ok, err := tryLock(path, alone); ok || err != nil {
		t.Errorf("alone beside others: %v, %v", ok, err)
	}
}
