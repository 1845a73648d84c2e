package mirror

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// program is git and how much of it we take.
type program struct {
	path   string
	limits Limits
}

// call is one run of git.
type call struct {
	args    []string
	dir     string      // where to run it; required
	env     []string    // beside that of every call
	config  [][2]string // beside that of every call
	in      string      // standard input
	files   int64       // largest file it may write; 0 is no limit
	memory  int64       // that it may take; 0 is no limit. Linux only
	secrets []string    // never to be seen in an error
}

// output runs git and returns what it prints.
func (p program) output(ctx context.Context, c call) ([]byte, error) {
	var out []byte
	err := p.run(ctx, c, func(in io.Writer, stdout io.Reader) error {
		// In a goroutine, because git may print before it has read all.
		wrote := make(chan error, 1)
		go func() {
			_, err := io.WriteString(in, c.in)
			wrote <- errors.Join(err, in.(io.Closer).Close())
		}()
		var err error
		if out, err = io.ReadAll(io.LimitReader(stdout, p.limits.OutputBytes+1)); err != nil {
			return err
		}
		if int64(len(out)) > p.limits.OutputBytes {
			return fmt.Errorf("%w: git %s printed more than %d bytes", ErrTooLarge, c.args[0], p.limits.OutputBytes)
		}
		return <-wrote
	})
	return out, err
}

// run starts git, lets talk speak with it, and waits for it. When ctx ends, or talk
// fails, git and its children are killed. Talk has to read all that git prints.
func (p program) run(ctx context.Context, c call, talk func(in io.Writer, out io.Reader) error) error {
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	path := p.path
	if path == "" {
		path = "git"
	}
	cmd := exec.CommandContext(running, path, c.args...)
	cmd.Dir = c.dir
	cmd.Env = environment(c, p.limits)
	stderr := &head{max: 16 << 10}
	cmd.Stderr = stderr
	// A group of its own, because git's children do the work and would outlive it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("git %s: %w", c.args[0], err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("git %s: %w", c.args[0], err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("git %s: %w", c.args[0], err)
	}
	if c.files > 0 {
		if err := limitFiles(cmd.Process.Pid, c.files); err != nil {
			cancel()
			_ = cmd.Wait()
			return fmt.Errorf("git %s: limit its files: %w", c.args[0], err)
		}
	}
	if c.memory > 0 {
		if err := limitMemory(cmd.Process.Pid, c.memory); err != nil {
			cancel()
			_ = cmd.Wait()
			return fmt.Errorf("git %s: limit its memory: %w", c.args[0], err)
		}
	}

	talkErr := talk(in, out)
	// A broken pipe means that git has ended: what it says in the end is the reason.
	died := errors.Is(talkErr, io.EOF) || errors.Is(talkErr, io.ErrUnexpectedEOF) || errors.Is(talkErr, syscall.EPIPE)
	if talkErr != nil && !died {
		cancel()
	}
	_ = in.Close()
	waitErr := cmd.Wait()

	said := &gitError{op: c.args[0], err: waitErr, stderr: scrub(stderr.String(), c.secrets)}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("git %s: %w", c.args[0], context.Cause(ctx))
	case said.corrupt():
		return said // also when git itself made light of it
	case talkErr != nil && (!died || waitErr == nil):
		return talkErr
	case waitErr != nil:
		return said
	}
	return nil
}

// environment is made from nothing, so that neither the operator's settings nor a
// repository's can make git run a program, ask a question or go elsewhere.
func environment(c call, l Limits) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=/dev/null", // no .netrc
		"LC_ALL=C",       // errors are read by this package
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_LITERAL_PATHSPECS=1",
		// Objects are what they are, not what the repository would like them replaced by.
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_GRAFT_FILE=/dev/null/none", // /dev/null itself would be read, and the reader advised
	}
	env = append(env, c.env...)
	config := append([][2]string{
		{"safe.directory", "*"}, // who owns a repository does not matter when nothing of it runs
		{"core.hooksPath", "/dev/null"},
		{"core.fsmonitor", "false"},
		{"core.attributesFile", "/dev/null"},
		{"core.excludesFile", "/dev/null"},
		{"core.bigFileThreshold", strconv.FormatInt(l.BlobBytes, 10)}, // larger ones count as binary
		{"credential.helper", ""},
		{"protocol.ext.allow", "never"},
		{"submodule.recurse", "false"},
		{"gc.auto", "0"},
		{"maintenance.auto", "false"},
		{"diff.renameLimit", "1000"}, // git's own since 2.34
		{"diff.suppressBlankEmpty", "false"},
	}, c.config...)
	// By the environment and not by -c: arguments can be read by every user of the machine.
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(config)))
	for i, kv := range config {
		n := strconv.Itoa(i)
		env = append(env, "GIT_CONFIG_KEY_"+n+"="+kv[0], "GIT_CONFIG_VALUE_"+n+"="+kv[1])
	}
	return env
}

// offline is the environment of every call that must not use the network. An empty list
// would allow everything.
var offline = []string{"GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1"}

// online gives the environment and configuration of a fetch from u, and what must not be
// seen of them.
func online(u *url.URL, token string) (env []string, config [][2]string, secrets []string) {
	env = []string{"GIT_ALLOW_PROTOCOL=" + u.Scheme}
	if !loopback(u) {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"} {
			if v, ok := os.LookupEnv(name); ok {
				env = append(env, name+"="+v)
			}
		}
	}
	config = [][2]string{
		{"remote.origin.url", u.String()},
		// Here and not in the mirror's own configuration: git takes blobs that are missing
		// for granted while it fetches, and never tries to get them one by one later.
		{"remote.origin.promisor", "true"},
		{"remote.origin.partialclonefilter", "blob:none"},
		{"fetch.recurseSubmodules", "false"},
		{"fetch.unpackLimit", "1"},
		// Every object is held against its id in any case. Git's stricter check cannot be told
		// to overlook old and harmless blunders when blobs are left out (seen with 2.39), and then
		// many real repositories could not be fetched at all (psf/requests is one). What it
		// would protect from, names that leave the tree, is refused where names are read.
		{"fetch.fsckObjects", "false"},
		{"http.followRedirects", "false"}, // a redirect would take the token along
		{"http.lowSpeedLimit", "1000"},
		{"http.lowSpeedTime", "60"},
	}
	if ca := os.Getenv("SSL_CERT_FILE"); ca != "" {
		// curl on its own does not look there, everything else on the machine does.
		config = append(config, [2]string{"http.sslCAInfo", ca})
	}
	if token != "" {
		// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation
		basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
		config = append(config, [2]string{"http." + u.String() + ".extraHeader", "Authorization: Basic " + basic})
		secrets = []string{token, basic}
	}
	return env, config, secrets
}

// gitError is what git said when it failed. The text is the server's or git's and may
// quote the repository: it is for the operator, not for the pull request.
type gitError struct {
	op     string
	err    error // nil when it ended well
	stderr string
}

func (e *gitError) Error() string {
	const most = 500
	text := e.stderr
	if len(text) > most {
		text = text[:most] + "..."
	}
	status := "damaged repository"
	if e.err != nil {
		status = e.err.Error()
	}
	if text == "" {
		return fmt.Sprintf("git %s: %s", e.op, status)
	}
	return fmt.Sprintf("git %s: %s: %s", e.op, status, text)
}

func (e *gitError) Unwrap() error { return e.err }

// corruptPattern is how git speaks of a repository that is broken. Missing objects are not
// among it: they are looked for before anything is done with them.
var corruptPattern = regexp.MustCompile(`(?i)not a git repository|packfile|pack-[0-9a-f]+\.(?:pack|idx)|` +
	`corrupt|bad object|cannot read existing object|bad packed object|unable to unpack|inflate:|index file|` +
	`unable to read|could not read [0-9a-f]{40}|could not parse|bad tree|` +
	`unable to find [0-9a-f]{40}|shallow line|shallow file|cannot lock ref|\.lock': File exists|did not send all necessary objects|` +
	`bad (?:numeric |boolean )?config|config(?:uration)? file|repository (?:version|extension)|packed-refs|broken ref|bad ref|multi-pack-index|commit-graph|` +
	`unable to create temporary file|unable to resolve reference|failed to read object|failed to (?:open|stat|write)|mmap failed|not a directory|is a directory`)

// full is how git says that there is no room. Nothing is damaged then.
var full = regexp.MustCompile(`(?i)no space left|disk quota|too many open files|cannot allocate|out of memory`)

func (e *gitError) corrupt() bool {
	return corruptPattern.MatchString(e.stderr) && !full.MatchString(e.stderr)
}

// errDamaged is a commit that was here and is not any more. Git calls one that it cannot
// unpack missing, and says nothing else.
var errDamaged = errors.New("damaged repository")

func isCorrupt(err error) bool {
	var e *gitError
	return errors.Is(err, errDamaged) || errors.As(err, &e) && e.corrupt()
}

// scrub makes one harmless line of what git said: no secret, no words of the server
// (which could look like git's own), no control characters.
func scrub(s string, secrets []string) string {
	for _, secret := range secrets {
		s = strings.ReplaceAll(s, secret, "***")
	}
	var lines []string
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "remote:") {
			lines = append(lines, line)
		}
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return ' '
		}
		return c
	}, strings.Join(lines, "; "))
}

// head keeps the beginning of what is written to it.
type head struct {
	max int
	b   []byte
}

func (h *head) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), h.max-len(h.b))]...)
	return len(p), nil
}

func (h *head) String() string { return string(h.b) }
