package webhook

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// lingerTime and lingerBytes bound how much is read and discarded after an answer.
	lingerTime  = 10 * time.Second
	lingerBytes = 4 * MaxBody
)

// Linger lets a client receive an answer that is sent before its body was read. Most clients read nothing before
// they have sent everything, and treat a connection that closes meanwhile as an error. So Linger sends the answer
// at once, and then reads and discards the rest of the body, within bounds. It holds the answer of next in memory
// until next returns, so the answer should be short.
func Linger(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex() // otherwise the server reads on before it sends an answer
		body := &watchedBody{ReadCloser: r.Body}
		r.Body = body
		a := &heldAnswer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(a, r)

		w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
		if !body.ended {
			w.Header().Set("Connection", "close")
		}
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body.Bytes()) // the client may have disconnected
		if body.ended || !body.begun && r.Header.Get("Expect") != "" {
			return // the client sends nothing more
		}
		_ = control.Flush()
		_ = control.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, body, lingerBytes)
	})
}

// A watchedBody records whether it was read, and whether to its end.
type watchedBody struct {
	io.ReadCloser
	begun, ended bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.begun = true
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.ended = true
	}
	return n, err
}

// A heldAnswer holds the status and the body of an answer until they are sent.
type heldAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *heldAnswer) WriteHeader(status int)      { a.status = status }
func (a *heldAnswer) Write(p []byte) (int, error) { return a.body.Write(p) }
func (a *heldAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
