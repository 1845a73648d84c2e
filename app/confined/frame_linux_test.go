package confined

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestFrames: a frame arrives as it was written, one after another, and the end between two is the end.
func TestFrames(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	for _, body := range []string{"", "one", strings.Repeat("x", 1<<20)} {
		if err := writeFrame(&b, order{ID: 7, Op: "do", Task: body[:min(len(body), 3)]}, []byte(body), []byte("!")); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"!", "one!", strings.Repeat("x", 1<<20) + "!"} {
		var o order
		body, err := readFrame(&b, &o, maxSentHead, maxSentBody)
		if err != nil || string(body) != want || o.ID != 7 {
			t.Fatalf("got %.20q %+v %v", body, o, err)
		}
	}
	if _, err := readFrame(&b, &order{}, 1, 1); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// FuzzReply checks that no bytes that a process may write make this process panic, reserve memory that did not arrive,
// or believe something that cannot be shown.
func FuzzReply(f *testing.F) {
	add := func(head any, body string) {
		var b bytes.Buffer
		if err := writeFrame(&b, head, []byte(body)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	add(reply{Op: "ready", Build: "x"}, "")
	add(reply{ID: 1, Op: "done", Data: json.RawMessage(`{"Found":[{"Rule":"r","Path":"a","Line":1,"EndLine":1,"Severity":"high","Raw":{"path":"YQ=="},"Fixes":[{"Edits":[{"Path":"a","Line":1}]}]}]}`)}, "")
	add(reply{ID: 1, Op: "done", Err: &failure{Kind: "incomplete", Reason: "x", Paths: [][]byte{[]byte("a")}}}, "")
	add(reply{ID: 1, Op: "ask", Ask: 1, Data: json.RawMessage(`{"Fetch":{"Method":"GET","Path":"/v1/vulns/GO-1"}}`)}, "")
	add(reply{}, "a body")
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("\x03\xff\xff\xff\x00\x00\x00\x00{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r reply
		if body, err := readFrame(bytes.NewReader(b), &r, maxReceivedHead, 0); err != nil || len(body) > 0 {
			return
		}
		if err := r.Err.err(); err != nil {
			if text := err.Error(); len(text) > 3*maxErrorText || strings.ContainsRune(text, 0) {
				t.Errorf("the error %.100q", text)
			}
		}
		p := &process{calls: map[uint64]*pending{1: {done: make(chan reply, 1)}}}
		_ = p.heed(r)
		var q question
		if json.Unmarshal(r.Data, &q) == nil && q.Fetch != nil && q.Fetch.allowed() && !strings.HasPrefix(q.Fetch.Path, "/v1/") {
			t.Errorf("may fetch %q", q.Fetch.Path)
		}
		var a scanAnswer
		if json.Unmarshal(r.Data, &a) != nil {
			return
		}
		found, _ := believed(findings(a.Found), text("a", "x"))
		for _, one := range found {
			if one.Path != "a" || one.Commit != "" || one.Line < 0 || one.EndLine < 0 || strings.Contains(one.Help, "<!--") || one.Severity < 0 || one.Severity > 4 {
				t.Errorf("believed %+v", one)
			}
		}
	})
}

// TestAllowed: the scanner of packages can ask the service for advisories and for nothing else.
func TestAllowed(t *testing.T) {
	t.Parallel()
	for f, want := range map[[2]string]bool{
		{"POST", "/v1/querybatch"}: true, {"GET", "/v1/vulns/GHSA-aaaa-bbbb-cccc"}: true, {"GET", "/v1/vulns/PYSEC-2021-1"}: true,
		{"POST", "/v1/query"}: false, {"GET", "/v1/vulns/../admin"}: false, {"GET", "/v1/vulns/a?x=1"}: false, {"GET", "/v1/vulns/a/b"}: false,
		{"DELETE", "/v1/vulns/a"}: false, {"POST", "@evil.example/v1/querybatch"}: false, {"GET", ".evil.example/v1/vulns/a"}: false, {"GET", ""}: false,
	} {
		if got := (fetch{Method: f[0], Path: f[1]}).allowed(); got != want {
			t.Errorf("%s %s: %v", f[0], f[1], got)
		}
	}
}

// TestTrace: what a panic says, which may be of the content, does not reach the log.
func TestTrace(t *testing.T) {
	t.Parallel()
	const said = "panic: at A-SECRET\n\ngoroutine 1 [running]:\npanic({0x1, 0x2})\n\t/usr/local/go/src/runtime/panic.go:860 +0x13a\n" +
		"example.com/m.f(0x1)\n\t/home/me/m/scanners/x/x.go:57 +0xc9c\nmain.main()\n\tA-SECRET/y.go\n"
	if got := trace([]byte(said)); got != "x/x.go:57" {
		t.Errorf("got %q", got)
	}
}
