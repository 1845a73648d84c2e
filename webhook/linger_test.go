package webhook_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/webhook"
	"github.com/secbydesign/secbydesign/webhook/webhooktest"
)

// TestPlainClientReadsTheAnswer sends refused requests the way simple clients do: they read nothing before they
// have sent everything.
func TestPlainClientReadsTheAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&webhook.Handler{
		Secrets: [][]byte{secret}, Accept: func(context.Context, webhook.Delivery) error { return nil },
	})
	t.Cleanup(server.Close)
	large := []byte(`{"zen":"` + strings.Repeat("z", 30<<20) + `"}`)
	small := large[:1<<20]
	tests := map[string]struct {
		body    []byte
		chunked bool
		change  func(http.Header)
		want    int
	}{
		"signed, too large":              {large, false, nil, 413},
		"signed, too large, no length":   {large, true, nil, 413},
		"unsigned, large":                {large, false, func(h http.Header) { h.Del("X-Hub-Signature-256") }, 401},
		"unsigned, no length":            {large, true, func(h http.Header) { h.Del("X-Hub-Signature-256") }, 401},
		"SHA-1 alone":                    {small, false, func(h http.Header) { h.Del("X-Hub-Signature-256"); h.Set("X-Hub-Signature", "sha1=00") }, 401},
		"malformed signature":            {small, false, func(h http.Header) { h.Set("X-Hub-Signature-256", "sha256=xyz") }, 401},
		"two signatures":                 {small, false, func(h http.Header) { h.Add("X-Hub-Signature-256", h.Get("X-Hub-Signature-256")) }, 401},
		"false signature":                {small, false, func(h http.Header) { h.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("ab", 32)) }, 401},
		"says gzip, and is signed as is": {small, true, func(h http.Header) { h.Set("Content-Encoding", "gzip") }, 400}, // it ends within the string
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := webhooktest.Request(server.URL, "ping", guid, secret, tt.body)
			if tt.change != nil {
				tt.change(r.Header)
			}
			if tt.chunked {
				r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
			}
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := r.Write(conn); err != nil {
				t.Fatalf("the request could not be sent to its end: %v", err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), r)
			if err != nil {
				t.Fatalf("no answer could be read: %v", err)
			}
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.want {
				t.Errorf("answered %d %q %v, want %d", resp.StatusCode, text, err, tt.want)
			}
		})
	}
}

// TestAnswerComesBeforeTheBody checks that a client refused because of its headers need not send the body.
func TestAnswerComesBeforeTheBody(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&webhook.Handler{
		Secrets: [][]byte{secret}, Accept: func(context.Context, webhook.Delivery) error { return nil },
	})
	t.Cleanup(server.Close)
	for name, tt := range map[string]struct {
		head string
		want int
	}{
		"unsigned":         {"Content-Length: 1000\r\n", 401},
		"too large":        {fmt.Sprintf("Content-Length: %d\r\nX-Hub-Signature-256: sha256=%s\r\n", webhook.MaxBody+1, strings.Repeat("ab", 32)), 413},
		"asks to continue": {fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\nX-Hub-Signature-256: sha256=%s\r\n", webhook.MaxBody+1, strings.Repeat("ab", 32)), 413},
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+tt.head+"\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != tt.want {
			t.Errorf("%s: %v %v, want %d", name, resp, err, tt.want)
		} else if text, err := io.ReadAll(resp.Body); err != nil || len(text) == 0 {
			t.Errorf("%s: the answer ends with %v after %q", name, err, text)
		}
		_ = conn.Close()
	}
}

// TestConnectionIsKept checks that a client may reuse the connection after an answer to a body that was read to
// its end.
func TestConnectionIsKept(t *testing.T) {
	t.Parallel()
	var connections int
	server := httptest.NewUnstartedServer(&webhook.Handler{
		Secrets: [][]byte{secret}, Accept: func(context.Context, webhook.Delivery) error { return nil },
	})
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections++
		}
	}
	server.Start()
	for _, size := range []int{10, 1 << 20, 5 << 20} {
		for _, key := range [][]byte{secret, []byte("false")} {
			body := append(append([]byte(`{"zen":"`), bytes.Repeat([]byte("z"), size)...), `"}`...)
			resp, err := server.Client().Do(webhooktest.Request(server.URL, "ping", guid, key, body))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
	server.Close()
	if connections != 1 {
		t.Errorf("%d connections were made, want 1", connections)
	}
}
