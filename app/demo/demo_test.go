package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app"
)

func TestMain(m *testing.M) {
	app.SandboxHelper()
	os.Exit(m.Run())
}

// recorded matches the id of a decision.
var recorded = regexp.MustCompile(`A-[A-Z2-7]{8}`)

type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) { o.mu.Lock(); defer o.mu.Unlock(); return o.b.Write(p) }
func (o *output) String() string              { o.mu.Lock(); defer o.mu.Unlock(); return o.b.String() }

// nobody is an input that is no terminal.
func nobody(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestThePage plays the demo by the buttons of its page alone, decides about a finding there, and is answered.
func TestThePage(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, done := &output{}, make(chan error, 1)
	go func() { done <- Run(ctx, Options{Listen: "127.0.0.1:0", In: nobody(t), Out: out}) }()
	until := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
			select {
			case err := <-done:
				t.Fatalf("the demo ended: %v\n%s", err, out)
			default:
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: not in %s\n%s", what, patience, out)
			}
		}
	}
	waiting := func(n int) func() bool {
		return func() bool { return strings.Count(out.String(), "or the button on the page") == n }
	}
	until("the first push", waiting(1))
	page := regexp.MustCompile(`http://\S+/pull/1`).FindString(out.String())
	get := func() string {
		t.Helper()
		resp, err := http.Get(page)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	press := func(path string, form url.Values) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, page+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	id := regexp.MustCompile(`F-[A-Z2-7]{8}`).FindString(get())
	press("/comments", url.Values{"body": {fmt.Sprintf("/secbydesign fp %s because the key opens nothing, it was made up for this demo", id)}})
	until("the decision is answered", func() bool { return recorded.MatchString(get()) })
	press("/next", nil)
	until("the second push", waiting(2))
	press("/next", nil)
	for n := range len(decisionSteps) + len(designSteps) + 1 {
		until("the next step", waiting(n+3))
		press("/next", nil)
	}
	until("the end", func() bool { return strings.Contains(out.String(), "The page stays at") })
	if strings.Contains(get(), "Next: ") {
		t.Error("there is a button for a step that does not exist")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestWithoutATerminal checks that the demo ends by itself where nobody watches.
func TestWithoutATerminal(t *testing.T) {
	t.Parallel()
	out := &output{}
	if err := Run(t.Context(), Options{In: nobody(t), Out: out}); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, "3. Mona") || !strings.Contains(s, "7 findings are open (1 critical, 5 high, 1 medium). They are in 6 threads in the diff.") || !strings.Contains(s, "9. The pull request is merged.") || !strings.Contains(s, "check   secbydesign                 success  No open findings; 1 accepted") || !strings.Contains(s, "Same-change resolution ") || strings.Contains(s, "Press Enter") || strings.Contains(s, "The page stays") {
		t.Error(s)
	}
}

// TestATakenPort names the flag that helps.
func TestATakenPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = Run(t.Context(), Options{Listen: l.Addr().String(), In: nobody(t), Out: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "--listen 127.0.0.1:0") {
		t.Error(err)
	}
}
