package app

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// These tests speak with a server over plain connections, as an attacker would. They wait for what the server does, and
// measure no time.

// serve serves a handler within limits until the end of the test, and returns its address. Without a handler it serves all
// routes that need no parts of the program.
func serve(t *testing.T, h http.Handler, change func(*serving)) (addr string) {
	t.Helper()
	limits := standard()
	change(&limits)
	a := &app{log: zerolog.Nop(), metrics: newMetrics()}
	if h == nil {
		h = a.routes()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := a.server(h, limits)
	var wait sync.WaitGroup
	wait.Go(func() { _ = server.Serve(bounded(l, limits)) })
	t.Cleanup(func() { _ = server.Close(); wait.Wait() })
	return l.Addr().String()
}

// dial opens a connection whose reads and writes fail when the test would hang.
func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

// closes reports what comes until the server closes the connection.
func closes(t *testing.T, conn net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(conn)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Errorf("the server keeps the connection, after %q", b)
	}
	return string(b)
}

// TestEverythingIsBounded checks that no limit of the real servers is missing.
func TestEverythingIsBounded(t *testing.T) {
	t.Parallel()
	limits := reflect.ValueOf(standard())
	for i := range limits.NumField() {
		if limits.Field(i).IsZero() {
			t.Errorf("%s has no limit", limits.Type().Field(i).Name)
		}
	}
	server := (&app{}).server(http.NotFoundHandler(), standard())
	if server.ReadHeaderTimeout <= 0 || server.ReadTimeout <= 0 || server.WriteTimeout <= 0 || server.IdleTimeout <= 0 || server.MaxHeaderBytes <= 0 {
		t.Errorf("a time or size is without limit: %+v", server)
	}
	if server.Protocols.HTTP2() || server.Protocols.UnencryptedHTTP2() {
		t.Error("the server speaks HTTP/2, whose streams have no limits here")
	}
}

const short = 150 * time.Millisecond

// TestSlowSenders sends a header that never ends, a body that never comes, and nothing after an answer.
func TestSlowSenders(t *testing.T) {
	t.Parallel()
	body := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, err)
	})
	for name, tt := range map[string]struct {
		change func(*serving)
		text   string
		want   string
	}{
		"nothing at all":          {func(s *serving) { s.header = short }, "", ""},
		"a header without end":    {func(s *serving) { s.header = short }, "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ", ""},
		"a body that stops":       {func(s *serving) { s.body = short }, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf", "i/o timeout"},
		"a chunk that stops":      {func(s *serving) { s.body = short }, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhalf", "i/o timeout"},
		"silence after an answer": {func(s *serving) { s.idle = short }, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "<nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, body, tt.change)
			conn := dial(t, addr)
			send(t, conn, tt.text)
			if got := closes(t, conn); !strings.Contains(got, tt.want) {
				t.Errorf("answered %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("one byte now and then", func(t *testing.T) {
		t.Parallel()
		addr := serve(t, body, func(s *serving) { s.header = short })
		conn := dial(t, addr)
		send(t, conn, "GET / HTTP/1.1\r\n")
		for range 10_000 {
			if _, err := io.WriteString(conn, "A: b\r\n"); err != nil {
				return // closed although something came all the time
			}
			time.Sleep(short / 5)
		}
		t.Error("a header may take for ever")
	})
}

// TestSlowReader asks for a large answer and reads none of it.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		piece := make([]byte, 1<<20)
		for range 1024 { // more than the system's buffers take
			if _, err := w.Write(piece); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}), func(s *serving) { s.answer = short })
	conn := dial(t, addr)
	send(t, conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	select {
	case err := <-failed:
		if err == nil {
			t.Error("the whole answer was sent to nobody")
		}
	case <-time.After(time.Minute):
		t.Error("the handler waits for ever")
	}
}

func TestLargeHeader(t *testing.T) {
	t.Parallel()
	addr := serve(t, nil, func(*serving) {})
	conn := dial(t, addr)
	go func() { // the server may stop reading before the end
		_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Large: "+strings.Repeat("a", 1<<20)+"\r\n\r\n")
	}()
	if got := closes(t, conn); !strings.HasPrefix(got, "HTTP/1.1 431 ") {
		t.Errorf("answered %q", got[:min(len(got), 100)])
	}
}

// TestBodyWhereNoneBelongs sends large bodies to every address that takes none, as a simple client does: it reads nothing
// before it has sent everything, and must get an answer all the same.
func TestBodyWhereNoneBelongs(t *testing.T) {
	t.Parallel()
	addr := serve(t, nil, func(*serving) {})
	large := strings.Repeat("x", 5<<20)
	for _, target := range []string{"GET /healthz", "GET /metrics", "POST /healthz", "POST /nowhere", "PUT /metrics"} {
		for framing, message := range map[string]string{
			"Content-Length: 5242880":    large,
			"Transfer-Encoding: chunked": "500000\r\n" + large + "\r\n0\r\n\r\n",
		} {
			t.Run(target+" "+framing, func(t *testing.T) {
				t.Parallel()
				conn := dial(t, addr)
				send(t, conn, target+" HTTP/1.1\r\nHost: a\r\n"+framing+"\r\n\r\n"+message)
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal("no answer could be read:", err)
				}
				text, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge || string(text) != "This address takes no body.\n" || !resp.Close {
					t.Errorf("answered %d %q, close %v, %v", resp.StatusCode, text, resp.Close, err)
				}
			})
		}
	}
	for target, want := range map[string]int{"GET /healthz": 200, "POST /healthz": 405, "GET /nowhere": 404} {
		conn := dial(t, addr)
		send(t, conn, target+" HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nsmall")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != want {
			t.Errorf("%s with a small body: %v, %v", target, resp, err)
		}
	}
}

// TestConnectionsAreBounded opens more connections than may be served. The last one is served when another has closed.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 3
	addr := serve(t, nil, func(s *serving) { s.connections = most })
	const ask = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
	var held []net.Conn
	for range most {
		conn := dial(t, addr)
		send(t, conn, ask)
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	waiting := dial(t, addr)
	send(t, waiting, ask)
	answered := make(chan error, 1)
	go func() {
		_, err := http.ReadResponse(bufio.NewReader(waiting), nil)
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatal("one too many is served:", err)
	case <-time.After(2 * short): // it may be served late, and never early
	}
	held[0].Close()
	if err := <-answered; err != nil {
		t.Error("the one that waited is not served:", err)
	}
}

// TestNoHTTP2 speaks HTTP/2 without asking, as no client of ours does.
func TestNoHTTP2(t *testing.T) {
	t.Parallel()
	addr := serve(t, nil, func(s *serving) { s.header, s.idle = short, short })
	conn := dial(t, addr)
	send(t, conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	if got := closes(t, conn); got != "" && !strings.HasPrefix(got, "HTTP/1.1 ") {
		t.Errorf("answered %q", got)
	}
}

// TestPanicStaysInside checks that the answer of a request that fails says nothing of why.
func TestPanicStaysInside(t *testing.T) {
	t.Parallel()
	log := make(sent, 10)
	a := &app{log: zerolog.New(log)}
	addr := serve(t, a.caught(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the password is hunter2") })), func(*serving) {})
	resp, err := http.Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusInternalServerError || strings.Contains(string(text), "hunter2") || len(log) != 1 || !strings.Contains(<-log, "a request failed") {
		t.Errorf("answered %d %q, logged %d lines", resp.StatusCode, text, len(log))
	}
}

// sent passes on the lines of a log.
type sent chan string

func (s sent) Write(line []byte) (int, error) {
	s <- string(line)
	return len(line), nil
}
