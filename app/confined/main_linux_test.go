package confined

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
)

const testBuild = "the build of the tests"

func TestMain(m *testing.M) {
	catalog.Helper()
	Serve(testBuild, func() map[string]Task {
		tasks := Tasks(func(o catalog.Options) []scanners.Scanner { return append(catalog.All(o), rogues()...) })
		tasks["rogue"] = Texts(rogueReader)
		return tasks
	})
	flag.Parse()
	os.Exit(m.Run())
}

// A rogue is a scanner that misbehaves when it finds its own name in a file. It reports what it was able to do.
type rogue struct {
	name string
	do   func(text string) string
}

func (r rogue) Info() scanners.Info {
	return scanners.Info{Name: r.name, Gate: scanners.Code, Scopes: []scanners.Scope{scanners.ScopeFile}}
}

func (r rogue) Version(context.Context) (string, error) { return "1", nil }

func (r rogue) Scan(_ context.Context, t scanners.Target) (found []scanners.Finding, err error) {
	for _, f := range t.Files {
		said := "well behaved"
		if strings.HasPrefix(string(f.Content), r.name) {
			said = r.do(string(f.Content))
		}
		found = append(found, scanners.Finding{Rule: "said", Path: f.Path, Line: 1, EndLine: 1, Title: "Said", Message: said})
	}
	return found, nil
}

func rogues() (all []scanners.Scanner) {
	for name, do := range map[string]func(string) string{
		"recurses": func(string) string { return strconv.Itoa(recurse(0)) },
		"allocates": func(string) string {
			var all [][]byte
			for {
				b := make([]byte, 64<<20)
				for i := range b {
					b[i] = byte(i)
				}
				all = append(all, b)
				if len(all) > 1<<20 {
					return "all memory is mine"
				}
			}
		},
		"loops": func(string) string {
			for n := 0; ; n++ {
				if n < 0 {
					return "overflowed"
				}
			}
		},
		"panics": func(text string) string { panic("at " + text) },
		"panics elsewhere": func(text string) string {
			go func() { panic("at " + text) }()
			time.Sleep(time.Minute)
			return ""
		},
		"exits": func(string) string { os.Exit(0); return "" },
		"garbles": func(string) string {
			_, _ = os.Stdout.WriteString(strings.Repeat("garbage ", 100))
			time.Sleep(time.Minute)
			return ""
		},
		"kills itself": func(string) string {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			time.Sleep(time.Minute)
			return ""
		},
		"spies": spy,
		"lies":  func(string) string { return "" },
	} {
		all = append(all, rogue{name, do})
	}
	return append(all, liar{})
}

// rogueReader is a reader of texts that misbehaves as the rogue does whose name begins a text. It answers with the sizes.
func rogueReader(_ context.Context, names []string, texts [][]byte) (any, error) {
	var sizes []string
	for i, text := range texts {
		for _, s := range rogues() {
			if r, ok := s.(rogue); ok && strings.HasPrefix(string(text), r.name+" A-SECRET") {
				r.do(string(text))
			}
		}
		sizes = append(sizes, fmt.Sprintf("%x %d", names[i], len(text)))
	}
	return sizes, nil
}

// recurse recurses until n overflows, which is without end for any stack.
func recurse(n int) int {
	if n < 0 {
		return n
	}
	return recurse(n+1) + n
}

// spy tries what its text asks for, one attempt a line, and returns those that succeeded.
func spy(text string) string {
	var done []string
	for _, line := range strings.Split(text, "\n")[1:] {
		what, arg, _ := strings.Cut(line, " ")
		var err error
		switch what {
		case "read":
			_, err = os.ReadFile(arg)
		case "list":
			_, err = os.ReadDir(arg)
		case "write":
			err = os.WriteFile(arg, []byte("x"), 0o600)
		case "dial":
			var c net.Conn
			if c, err = net.DialTimeout("tcp", arg, time.Second); err == nil {
				_ = c.Close()
			}
		case "udp":
			var c net.Conn
			if c, err = net.Dial("udp", arg); err == nil {
				_ = c.Close()
			}
		case "signal":
			pid, _ := strconv.Atoi(arg)
			err = syscall.Kill(pid, 0)
		case "trace":
			pid, _ := strconv.Atoi(arg)
			err = syscall.PtraceAttach(pid)
		case "environment":
			if len(os.Environ()) == 0 {
				err = os.ErrNotExist
			}
		case "files":
			for fd := 3; fd < 100; fd++ {
				var st syscall.Stat_t
				err := syscall.Fstat(fd, &st)
				if kind := st.Mode & syscall.S_IFMT; err == nil && (kind == syscall.S_IFREG || kind == syscall.S_IFDIR || kind == syscall.S_IFSOCK) {
					done = append(done, fmt.Sprintf("file %d of mode %o", fd, st.Mode))
				}
			}
			continue
		}
		if err == nil {
			done = append(done, line)
		}
	}
	return "succeeded: " + strings.Join(done, ", ")
}

// A liar reports findings that cannot be true.
type liar struct{}

func (liar) Info() scanners.Info {
	return scanners.Info{Name: "liar", Gate: scanners.Code, Scopes: []scanners.Scope{scanners.ScopeFile}}
}
func (liar) Version(context.Context) (string, error) { return "1", nil }
func (liar) Scan(_ context.Context, t scanners.Target) ([]scanners.Finding, error) {
	good := scanners.Finding{Rule: "good", Path: t.Files[0].Path, Line: 1, EndLine: 1, Title: "Good", Message: "Good."}
	bad := []func(*scanners.Finding){
		func(f *scanners.Finding) { f.Path = "../../etc/passwd" },
		func(f *scanners.Finding) { f.Path = "/etc/passwd" },
		func(f *scanners.Finding) { f.Path = "another.txt" },
		func(f *scanners.Finding) { f.Commit = strings.Repeat("a", 40) },
		func(f *scanners.Finding) { f.Line, f.EndLine = -1, -1 },
		func(f *scanners.Finding) { f.Line, f.EndLine = 7, 3 },
		func(f *scanners.Finding) { f.Help = "x\n<!-- secbydesign:v1 finding=aaaa -->" },
		func(f *scanners.Finding) { f.HelpURL = "javascript:alert(1)" },
		func(f *scanners.Finding) { f.Message = strings.Repeat("x", maxText+1) },
		func(f *scanners.Finding) { f.Rule = "" },
		func(f *scanners.Finding) { f.Flow = []scanners.Step{{Path: "../x", Line: 1}} },
		func(f *scanners.Finding) {
			f.Fixes = []scanners.Fix{{Edits: []scanners.Edit{{Path: "../x", Line: 1, EndLine: 1}}}}
		},
	}
	found := []scanners.Finding{good}
	for _, spoil := range bad {
		f := good
		spoil(&f)
		found = append(found, f)
	}
	return found, nil
}
