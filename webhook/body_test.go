package webhook

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var flood = flag.Int("flood", 3, "megabytes of each forged delivery in TestForgedFlood and BenchmarkForgedFlood")

var floodSecret = []byte("the secret")

// pipes is a listener with connections in memory, so that a synctest bubble can wait for them.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// served returns a handler that serves on a listener until the end of the test.
func served(t testing.TB, l net.Listener) (h *Handler, accepted *atomic.Int64) {
	accepted = &atomic.Int64{}
	h = &Handler{
		Dir: t.TempDir(), Secrets: [][]byte{[]byte("an older one"), floodSecret},
		Accept: func(context.Context, Delivery) error { accepted.Add(1); return nil },
	}
	server := &http.Server{Handler: h, ReadTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return h, accepted
}

// head is the head of a delivery's request.
func head(length int, signature string) string {
	return fmt.Sprintf("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nX-GitHub-Event: ping\r\nX-GitHub-Delivery: g\r\nX-Hub-Signature-256: sha256=%s\r\n\r\n", length, signature)
}

var forged = strings.Repeat("ab", 32)

// signed returns a whole request of about this many bytes.
func signed(size int) []byte {
	body := []byte(`{"zen":"` + strings.Repeat("z", size) + `"}`)
	mac := hmac.New(sha256.New, floodSecret)
	mac.Write(body)
	return append([]byte(head(len(body), fmt.Sprintf("%x", mac.Sum(nil)))), body...)
}

// send writes a request and reads its status.
func send(c net.Conn, request []byte) (int, error) {
	wrote := make(chan struct{})
	go func() { defer close(wrote); _, _ = c.Write(request) }()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	<-wrote
	return resp.StatusCode, resp.Body.Close()
}

// TestSlowSender checks that a body that does not end cannot keep a connection.
func TestSlowSender(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{make(chan net.Conn), make(chan struct{})}
		h, _ := served(t, l)
		c := l.dial()
		defer c.Close()
		began := time.Now()
		sender := make(chan struct{})
		defer func() { <-sender }()
		go func() {
			defer close(sender)
			_, _ = io.WriteString(c, head(1000, forged))
			for range 1000 {
				if _, err := io.WriteString(c, "x"); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusBadRequest {
			t.Errorf("got %v %v, want 400", resp, err)
		}
		if took := time.Since(began); took != receiveTime {
			t.Errorf("it took %s, want %s", took, receiveTime)
		}
		_, _ = io.Copy(io.Discard, c)
		if took := time.Since(began); took > receiveTime+lingerTime+time.Second {
			t.Errorf("the connection was kept for %s", took)
		}
		if h.bodies.memory != 0 {
			t.Errorf("%d bytes are still held", h.bodies.memory)
		}
	})
}

// TestStalledBodiesMakeRoom occupies all files with bodies that do not end. A signed body that arrives later must
// wait no longer than the time for which one of them certainly keeps its file.
func TestStalledBodiesMakeRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{make(chan net.Conn), make(chan struct{})}
		h, accepted := served(t, l)
		const size = 2 << 20
		request := append([]byte(head(size, forged)), make([]byte, size-1)...)
		for range 3 * maxFiles {
			c := l.dial()
			defer c.Close()
			go func() { _, _ = c.Write(request) }()
		}
		synctest.Wait()
		if h.bodies.files != maxFiles {
			t.Fatalf("%d bodies have files, want %d", h.bodies.files, maxFiles)
		}
		began := time.Now()
		for i, size := range []int{100, size} {
			c := l.dial()
			defer c.Close()
			if status, err := send(c, signed(size)); status != http.StatusAccepted || err != nil {
				t.Errorf("signed delivery of %d bytes: %d %v, want 202", size, status, err)
			}
			if took := time.Since(began); took > time.Duration(i)*fileTime {
				t.Errorf("signed delivery of %d bytes took %s", size, took)
			}
		}
		if accepted.Load() != 2 {
			t.Errorf("%d accepted, want 2", accepted.Load())
		}
		time.Sleep(receiveTime + lingerTime + time.Second)
		synctest.Wait()
		if h.bodies.files != 0 || h.bodies.memory != 0 || h.bodies.inside.Len() != 0 {
			t.Errorf("left: %d files, %d bytes, %d bodies", h.bodies.files, h.bodies.memory, h.bodies.inside.Len())
		}
	})
}

// attack opens connections that each send a forged delivery without its last byte. When it returns, they have
// sent as much as the server lets them. finish sends the rest, and counts the statuses.
func attack(t testing.TB, address string, connections, size int) (finish func() map[int]int) {
	body := make([]byte, 1<<20)
	conns := make([]net.Conn, connections)
	sent := make([]atomic.Int64, connections)
	var senders sync.WaitGroup
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = c
		t.Cleanup(func() { _ = c.Close() })
		senders.Go(func() {
			_, _ = io.WriteString(c, head(size, forged))
			for left := size - 1; left > 0; {
				n, err := c.Write(body[:min(len(body), left)])
				sent[i].Add(int64(n))
				if left -= n; err != nil {
					return
				}
			}
		})
	}
	for before := int64(-1); ; {
		now := int64(0)
		for i := range sent {
			now += sent[i].Load()
		}
		if now == before {
			break
		}
		before = now
		time.Sleep(50 * time.Millisecond)
	}
	return func() map[int]int {
		statuses := map[int]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, c := range conns {
			all.Go(func() {
				go func() { senders.Wait(); _, _ = c.Write([]byte{0}) }()
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				status := 0
				if err == nil {
					status = resp.StatusCode
				}
				mu.Lock()
				defer mu.Unlock()
				statuses[status]++
			})
		}
		all.Wait()
		return statuses
	}
}

// TestForgedFlood sends 100 large deliveries with a false signature. It checks that they get no more than the
// available room, and that signed ones of every size are accepted meanwhile.
func TestForgedFlood(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h, accepted := served(t, l)
	finish := attack(t, l.Addr().String(), 100, *flood<<20)
	sizes := []int{100, 20_000, 900_000, 2 << 20, 24 << 20}
	for _, size := range sizes {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if status, err := send(c, signed(size)); status != http.StatusAccepted || err != nil {
			t.Errorf("signed delivery of %d bytes: %d %v, want 202", size, status, err)
		}
		_ = c.Close()
	}
	if int(accepted.Load()) != len(sizes) {
		t.Errorf("%d accepted, want %d", accepted.Load(), len(sizes))
	}
	for status, n := range finish() {
		if status != http.StatusUnauthorized && status != http.StatusServiceUnavailable && status != http.StatusBadRequest && status != 0 {
			t.Errorf("%d forged deliveries were answered %d", n, status)
		}
	}
	h.bodies.mu.Lock()
	defer h.bodies.mu.Unlock()
	if peak := h.bodies.peak; peak > maxMemory || peak < maxMemory/2 {
		t.Errorf("%d bytes were held at once, want no more than %d, and about that", peak, maxMemory)
	}
	if left, err := os.ReadDir(h.Dir); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v %v", left, err)
	}
}

// TestEveryBodyIsTheSame sends bodies with sizes around each change of storage, with and without a length. It
// checks that the verified and parsed data equal the sent data, also where the buffer had an earlier, larger body.
func TestEveryBodyIsTheSame(t *testing.T) {
	t.Parallel()
	var all bodies
	for _, size := range []int{0, 1, firstPiece - 1, firstPiece, firstPiece + 1, filePiece - 1, filePiece, filePiece + 1,
		smallBody - 1, smallBody, smallBody + 1, smallBody + filePiece, 3*smallBody + 7, MaxBody, MaxBody + 1,
		filePiece/2 + 1, filePiece / 2, filePiece / 4, filePiece/4 + 1, 0} {
		sent := make([]byte, size)
		for i := range sent {
			sent[i] = byte(i * 7 / 3)
		}
		for _, length := range []int64{int64(size), -1} {
			macs := newMACs([][]byte{floodSecret})
			b := all.enter(http.NewResponseController(nil), t.TempDir(), macs)
			err := b.receive(&oneByOne{bytes.NewReader(sent), 12_345}, length)
			if size > MaxBody {
				if err != errTooLarge {
					t.Errorf("%d bytes: %v, want too large", size, err)
				}
				b.leave()
				continue
			}
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			mac := hmac.New(sha256.New, floodSecret)
			mac.Write(sent)
			text, release, err := b.bytes()
			if err != nil || !bytes.Equal(text, sent) || !hmac.Equal(mac.Sum(nil), macs[0].Sum(nil)) {
				t.Errorf("%d bytes with length %d: %v, or not the same", size, length, err)
			}
			release()
			b.leave()
			b.leave()
		}
	}
	if all.memory != 0 || all.files != 0 || all.inside.Len() != 0 {
		t.Errorf("left: %d bytes, %d files, %d bodies", all.memory, all.files, all.inside.Len())
	}
}

// oneByOne limits each read to most bytes.
type oneByOne struct {
	io.Reader
	most int
}

func (r *oneByOne) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), r.most)]) }
