package fakegithub

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A gitProgram runs git without the machine's own configuration.
type gitProgram struct {
	path, backend string
	env           []string
}

func findGit(home string) (gitProgram, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return gitProgram{}, fmt.Errorf("find git: %w", err)
	}
	out, err := exec.Command(path, "--exec-path").Output()
	if err != nil {
		return gitProgram{}, fmt.Errorf("find git http-backend: %w", err)
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		return gitProgram{}, fmt.Errorf("find git http-backend: %w", err)
	}
	return gitProgram{path: path, backend: backend, env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LC_ALL=C", "TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0",
	}}, nil
}

// run returns the standard output of one git command. An empty dir is for commands that
// need no repository.
func (g gitProgram) run(dir, stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if dir != "" {
		args = append([]string{"--git-dir=" + dir}, args...)
	}
	cmd := exec.CommandContext(ctx, g.path, args...)
	cmd.Env = g.env
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), nil
}

// repoConfig serves partial and single-commit fetches, as GitHub does, and no pushes.
const repoConfig = `[core]
	repositoryformatversion = 0
	bare = true
	quotePath = false
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[http]
	receivepack = false
[gc]
	auto = 0
`

// initRepo makes a bare repository by hand: tests make thousands, and git init is slow.
func initRepo(dir string) error {
	for _, sub := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	for name, content := range map[string]string{"HEAD": "ref: refs/heads/main\n", "config": repoConfig} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Delete as the content of a file in [Repo.Commit] removes the file.
const Delete = "\x00delete"

// Exec in front of the content of a file in [Repo.Commit] makes it executable, Symlink
// makes it a symbolic link to the rest of the content.
const (
	Exec    = "\x00exec:"
	Symlink = "\x00symlink:"
)

// commit writes one commit with fast-import: one process, however many files.
func (g gitProgram) commit(dir, branch, parent, msg, author, committer string, when time.Time, files map[string]string) (string, error) {
	var b strings.Builder
	data := func(s string) { fmt.Fprintf(&b, "data %d\n%s\n", len(s), s) }
	fmt.Fprintf(&b, "commit refs/heads/%s\nmark :1\n", branch)
	for _, one := range [][2]string{{"author", author}, {"committer", committer}} {
		fmt.Fprintf(&b, "%s %s <%s@users.noreply.example> %d +0000\n", one[0], one[1], one[1], when.Unix())
	}
	data(msg)
	if parent != "" {
		fmt.Fprintf(&b, "from %s\n", parent)
	}
	for path, content := range files {
		mode := "100644"
		switch {
		case content == Delete:
			fmt.Fprintf(&b, "D %s\n", quotePath(path))
			continue
		case strings.HasPrefix(content, Exec):
			mode, content = "100755", content[len(Exec):]
		case strings.HasPrefix(content, Symlink):
			mode, content = "120000", content[len(Symlink):]
		}
		fmt.Fprintf(&b, "M %s inline %s\n", mode, quotePath(path))
		data(content)
	}
	b.WriteString("\nget-mark :1\ndone\n")
	out, err := g.run(dir, b.String(), "fast-import", "--quiet", "--force", "--done")
	return strings.TrimSpace(out), err
}

// quotePath writes a path as fast-import reads it, whatever bytes are in it.
func quotePath(p string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(p) {
		switch c := p[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ':
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// serveGit answers git fetch and git clone. Nothing can be pushed.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	owner, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	name, rest, found := strings.Cut(rest, ".git/")
	if !found || strings.Contains(name, "/") {
		http.NotFound(w, r)
		return
	}
	f := s.fault(r.Method, r.URL.Path)
	if f != nil && f.play(w, r) {
		return
	}
	s.mu.Lock()
	repo, moved := s.find(owner, name)
	allowed := s.mayFetch(r, repo)
	to := ""
	if moved && allowed {
		to = s.page("/%s.git/%s", repo.FullName(), rest)
	}
	s.mu.Unlock()
	switch {
	case to != "":
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, to, http.StatusMovedPermanently)
		return
	case !allowed && r.Header.Get("Authorization") == "":
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		http.Error(w, "Repository not found.", http.StatusUnauthorized)
		return
	case !allowed:
		// GitHub answers the same for "no such repository" and "not yours".
		http.Error(w, "remote: Repository not found.", http.StatusNotFound)
		return
	case strings.HasSuffix(rest, "git-receive-pack") || r.URL.Query().Get("service") == "git-receive-pack":
		http.Error(w, "remote: Write access to repository not granted.", http.StatusForbidden)
		return
	}
	if len(r.TransferEncoding) > 0 {
		// CGI needs to know the length, and git sends long requests in chunks.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<20))
		if err != nil {
			http.Error(w, "read body", http.StatusBadRequest)
			return
		}
		r = r.Clone(r.Context())
		r.TransferEncoding, r.ContentLength, r.Body = nil, int64(len(body)), io.NopCloser(bytes.NewReader(body))
	}
	h := &cgi.Handler{
		Path: s.git.backend,
		Root: "/" + owner + "/" + name + ".git",
		Env: append([]string{
			"GIT_PROJECT_ROOT=" + repo.dir, "GIT_HTTP_EXPORT_ALL=1",
			"GIT_PROTOCOL=" + r.Header.Get("Git-Protocol"),
		}, s.git.env...),
		Stderr: new(bytes.Buffer),
	}
	if f == nil || !f.Half {
		h.ServeHTTP(w, r)
		return
	}
	whole := &kept{ResponseWriter: w, status: http.StatusOK}
	h.ServeHTTP(whole, r)
	f.write(w, whole.status, whole.body.Bytes())
}

// kept keeps an answer instead of sending it.
type kept struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }

// mayFetch reports whether the request carries a token that can read the repository.
func (s *Server) mayFetch(r *http.Request, repo *Repo) bool {
	if repo == nil {
		return false
	}
	_, secret, ok := r.BasicAuth()
	if !ok {
		return repo.public && r.Header.Get("Authorization") == ""
	}
	tok := s.findToken(secret)
	if tok == nil || tok.install.suspended {
		return false
	}
	return repo.public || tok.reaches(repo) && tok.allows("contents=read")
}

func (s *Server) findToken(secret string) *token {
	tok := s.tokens[secret]
	if tok == nil || !s.now().Before(tok.expires) || s.installs[tok.install.id] == nil {
		return nil
	}
	return tok
}

// shortID shortens a commit's id for pages.
func shortID(sha string) string {
	if len(sha) > 7 {
		return sha[:7]
	}
	return sha
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }
