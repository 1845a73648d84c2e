package tool

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-version"

	"github.com/secbydesign/secbydesign/scanners"
)

// A program is an installed program, with the files that it needs.
type program struct {
	path    string   // absolute, as it was found on the PATH
	real    string   // the same without symbolic links
	folders []string // PATH inside the sandbox
	reads   []string // what it and its interpreter must be able to read, in addition to the system's files
}

// find looks up the program, and the other programs that it runs, on the operator's PATH.
func (s *Scanner) find() (program, error) {
	p := program{}
	for i, name := range append([]string{s.adapter.Program}, s.adapter.Needs...) {
		path, err := exec.LookPath(name)
		if i == 0 && errors.Is(err, exec.ErrNotFound) && s.adapter.Alternative != "" {
			path, err = exec.LookPath(s.adapter.Alternative)
		}
		if errors.Is(err, exec.ErrDot) || err == nil && !filepath.IsAbs(path) {
			return program{}, fmt.Errorf("PATH has a relative folder with %s in it, which is not safe to start: write absolute folders in PATH", name)
		}
		real, err2 := filepath.EvalSymlinks(path)
		if err != nil || err2 != nil {
			return program{}, &scanners.MissingError{Hint: s.adapter.Install}
		}
		if i == 0 {
			p.path, p.real = path, real
		}
		p.need(path, real, 0)
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if !slices.Contains(p.folders, dir) {
			p.folders = append(p.folders, dir)
		}
	}
	return p, nil
}

// need adds what one program needs: its file; the folder it is installed in, if that holds nothing
// else; and its interpreter, if it is a script.
func (p *program) need(path, real string, depth int) {
	const chain = 4 // an interpreter may be a script
	if depth > chain {
		return
	}
	p.folders = append(p.folders, filepath.Dir(path))
	p.reads = append(p.reads, real)
	if dir := installation(path); dir != "" {
		p.reads = append(p.reads, dir)
	}
	if dir := installation(real); dir != "" {
		p.reads = append(p.reads, dir)
	}
	interpreter := shebang(real)
	if interpreter == "" {
		return
	}
	found, err := exec.LookPath(interpreter)
	if err != nil || !filepath.IsAbs(found) {
		return // the program will fail, and say so
	}
	if real, err := filepath.EvalSymlinks(found); err == nil {
		p.need(found, real, depth+1)
	}
}

// stat writes the sizes and times of everything that the program reads: its file, the programs that it
// needs, and the folder it is installed in, which changes when a plug-in is added, removed or replaced.
func (p *program) stat(to io.Writer, more []string) {
	for _, path := range slices.Concat(p.reads, more) {
		if stat, err := os.Stat(path); err == nil {
			fmt.Fprintf(to, "%q %d %d\n", path, stat.Size(), stat.ModTime().UnixNano())
		}
	}
}

// installation returns the folder that holds all of a program and nothing else: node_modules, a virtual
// environment of Python, or a prefix with bin and lib. It returns "" if there is no such folder. It never
// returns the home folder or a folder that contains it.
func installation(path string) string {
	dir := filepath.Dir(path)
	if i := strings.Index(dir+"/", "/node_modules/"); i >= 0 {
		return dir[:i] + "/node_modules"
	}
	prefix := filepath.Dir(dir)
	if name := filepath.Base(dir); name != "bin" && name != "sbin" || strings.HasPrefix(filepath.Base(prefix), ".") {
		return "" // such as ~/.local
	}
	if stat, err := os.Stat(filepath.Join(prefix, "lib")); err != nil || !stat.IsDir() {
		return ""
	}
	home, err := os.UserHomeDir()
	if err == nil && (prefix == home || strings.HasPrefix(home+"/", prefix+"/")) || prefix == "/" {
		return ""
	}
	return prefix
}

// shebang returns the interpreter that a script names in its first line, or "". If that is env, it
// returns the program that env has to start.
func shebang(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	line, err := bufio.NewReaderSize(io.LimitReader(f, 256), 256).ReadString('\n')
	words := strings.Fields(strings.TrimPrefix(line, "#!"))
	if err != nil || !strings.HasPrefix(line, "#!") || len(words) == 0 {
		return ""
	}
	if filepath.Base(words[0]) == "env" {
		for _, w := range words[1:] {
			if !strings.HasPrefix(w, "-") && !strings.Contains(w, "=") {
				return w
			}
		}
	}
	return words[0]
}

// versions caches the version of a program for as long as its file is the same.
type versions struct {
	mu      sync.Mutex
	key     versionKey
	version string
	err     error
}

type versionKey struct {
	path string
	size int64
	time time.Time
}

// Version implements [scanners.Scanner]. It asks the program once, for as long as its file stays
// the same.
func (s *Scanner) Version(ctx context.Context) (string, error) {
	p, err := s.find()
	if err != nil {
		return "", err
	}
	stat, err := os.Stat(p.path)
	if err != nil {
		return "", &scanners.MissingError{Hint: s.adapter.Install}
	}
	if _, err := s.adapter.folder(ctx); err != nil {
		return "", err
	}
	s.version.mu.Lock()
	defer s.version.mu.Unlock()
	key := versionKey{p.path, stat.Size(), stat.ModTime()}
	if s.version.key == key {
		return s.version.version, s.version.err
	}
	v, err := s.askVersion(ctx, p)
	if ctx.Err() == nil {
		s.version.key, s.version.version, s.version.err = key, v, err
	}
	return v, err
}

// builtVersion returns the version that the go tool recorded in a Go program, or "". Programs built by
// go install often know no other version.
func builtVersion(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return ""
	}
	return versionPattern.FindString(info.Main.Version)
}

var versionPattern = regexp.MustCompile(`\d+\.\d+(?:\.\d+)*(?:[-+][0-9A-Za-z.]+)?`)

func (s *Scanner) askVersion(ctx context.Context, p program) (string, error) {
	a := s.adapter
	if a.Digest {
		return digest(p.path)
	}
	a.Args = func(Run) []string { return a.Version }
	a.Found, a.Partial, a.OwnFiles, a.Stdin = nil, nil, nil, ""
	a.Inputs = nil
	asking := &Scanner{adapter: a, runner: s.runner}
	w, err := asking.newWorkplace(ctx, "", scanners.Target{Scope: scanners.ScopeFile})
	if err != nil {
		return "", err
	}
	defer w.remove()
	out, _, err := asking.start(ctx, p, w)
	var none *noSandboxError
	switch {
	case errors.As(err, &none):
		return "", errors.New(scanners.Reason(err))
	case err != nil:
		return "", fmt.Errorf("%s does not print its version: %s", a.name(), scanners.Reason(err))
	}
	text := string(out.Text) + "\n" + string(out.Stderr)
	if _, after, ok := strings.Cut(text, a.VersionPrefix); ok && a.VersionPrefix != "" {
		text, _, _ = strings.Cut(after, "\n")
	}
	found := cmp.Or(versionPattern.FindString(text), builtVersion(p.path))
	if found == "" {
		return "", fmt.Errorf("the version that %s prints cannot be parsed", a.name())
	}
	if a.Oldest != "" {
		have, err := version.NewVersion(found)
		if err != nil || have.Core().LessThan(version.Must(version.NewVersion(a.Oldest))) {
			return "", fmt.Errorf("%s %s is too old: version %s or newer is needed. %s", a.name(), found, a.Oldest, a.Install)
		}
	}
	return found, nil
}

// digest returns the version of a program with [Adapter.Digest] set: the digest of its file.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read", path)
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("%s cannot be read", path)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)[:6]), nil
}
