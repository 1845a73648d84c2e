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

// program is the git program and the limits for running it.
type program struct {
	path   string
	limits Limits
}

// call is one run of git.
type call struct {
	args    []string
	dir     string      // the directory to run it in; required
	env     []string    // added to the environment of every call
	config  [][2]string // added to the configuration of every call
	in      string      // standard input
	files   int64       // largest file it may write; 0 means no limit
	memory  int64       // memory it may use; 0 means no limit. Linux only
	secrets []string    // text that must never appear in an error
}

// output runs git and returns its standard output.
func (p program) output(ctx context.Context, c call) ([]byte, error) {
	var out []byte
	err := p.run(ctx, c, func(in io.Writer, stdout io.Reader) error {
		// In a goroutine, because git may print before it has read all input.
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

// run starts git, calls talk with its standard input and output, and waits for it to exit. If ctx ends, or talk
// fails, it kills git and its children. talk must read all output.
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
	// A separate process group, because git's children do the work and would outlive it.
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
	// A broken pipe means that git has exited: its error message has the reason.
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
		return said // even if git itself continued after it
	case talkErr != nil && (!died || waitErr == nil):
		return talkErr
	case waitErr != nil:
		return said
	}
	return nil
}

// environment builds the environment from nothing, so that neither the operator's settings nor the repository's
// can make git run a program, ask a question or use another address.
func environment(c call, l Limits) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=/dev/null", // no .netrc
		"LC_ALL=C",       // this package parses error messages
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_LITERAL_PATHSPECS=1",
		// Use the objects themselves, not replacements that the repository defines.
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_GRAFT_FILE=/dev/null/none", // git would read /dev/null itself and then print advice
	}
	env = append(env, c.env...)
	config := append([][2]string{
		{"safe.directory", "*"}, // ownership does not matter, because nothing of the repository runs
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
		{"diff.renameLimit", "1000"}, // git's default since 2.34
		{"diff.suppressBlankEmpty", "false"},
	}, c.config...)
	// In the environment rather than by -c: every user of the machine can read arguments.
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(config)))
	for i, kv := range config {
		n := strconv.Itoa(i)
		env = append(env, "GIT_CONFIG_KEY_"+n+"="+kv[0], "GIT_CONFIG_VALUE_"+n+"="+kv[1])
	}
	return env
}

// offline is the environment of every call that must not use the network. An empty list of protocols would allow
// all of them.
var offline = []string{"GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1"}

// online returns the environment and configuration of a fetch from u, and the secrets in them that must not
// appear in errors.
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
		// Set here and not in the mirror's own configuration: so git accepts missing blobs during a fetch, and
		// never tries to fetch them one by one later.
		{"remote.origin.promisor", "true"},
		{"remote.origin.partialclonefilter", "blob:none"},
		{"fetch.recurseSubmodules", "false"},
		{"fetch.unpackLimit", "1"},
		// Git checks every object against its id in any case. Its stricter check cannot be configured to accept
		// old and harmless mistakes when blobs are left out (seen with 2.39), and then many real repositories
		// could not be fetched at all (psf/requests is one). Its protection against names that leave the tree is
		// not needed: this package rejects them when it reads names.
		{"fetch.fsckObjects", "false"},
		{"http.followRedirects", "false"}, // a redirect would receive the token
		{"http.lowSpeedLimit", "1000"},
		{"http.lowSpeedTime", "60"},
	}
	if ca := os.Getenv("SSL_CERT_FILE"); ca != "" {
		// curl itself does not read this variable; the other programs on the machine do.
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

// gitError is a failure of git. Its text comes from the server or git and may quote the repository: show it to
// the operator, not in the pull request.
type gitError struct {
	op     string
	err    error // nil if git exited successfully
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

// corruptPattern matches the messages with which git reports a damaged repository. It does not include missing
// objects, because they are detected before they are used.
var corruptPattern = regexp.MustCompile(`(?i)not a git repository|packfile|pack-[0-9a-f]+\.(?:pack|idx)|` +
	`corrupt|bad object|cannot read existing object|bad packed object|unable to unpack|inflate:|index file|` +
	`unable to read|could not read [0-9a-f]{40}|could not parse|bad tree|` +
	`unable to find [0-9a-f]{40}|shallow line|shallow file|cannot lock ref|\.lock': File exists|did not send all necessary objects|` +
	`bad (?:numeric |boolean )?config|config(?:uration)? file|repository (?:version|extension)|packed-refs|broken ref|bad ref|multi-pack-index|commit-graph|` +
	`unable to create temporary file|unable to resolve reference|failed to read object|failed to (?:open|stat|write)|mmap failed|not a directory|is a directory`)

// full matches messages about exhausted resources. Then nothing is damaged.
var full = regexp.MustCompile(`(?i)no space left|disk quota|too many open files|cannot allocate|out of memory`)

func (e *gitError) corrupt() bool {
	return corruptPattern.MatchString(e.stderr) && !full.MatchString(e.stderr)
}

// errDamaged means that a commit was here and is no longer. If git cannot unpack a commit, it only reports it as
// missing.
var errDamaged = errors.New("damaged repository")

func isCorrupt(err error) bool {
	var e *gitError
	return errors.Is(err, errDamaged) || errors.As(err, &e) && e.corrupt()
}

// scrub turns git's error output into one harmless line: without secrets, without messages from the server (which
// could look like git's own), and without control characters.
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

// head keeps the first max bytes written to it.
type head struct {
	max int
	b   []byte
}

func (h *head) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), h.max-len(h.b))]...)
	return len(p), nil
}

func (h *head) String() string { return string(h.b) }
