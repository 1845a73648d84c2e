package fakegithub

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// A Fault is an unusual answer to a request. The server plays the first fault that matches the
// request and is not used up.
type Fault struct {
	Method string // "": any
	// Path is a [path.Match] pattern of the path without /api/v3 (so "/repos/*/*/check-runs",
	// "/graphql", "/acme/shop.git/info/refs"); one that ends in "/**" matches all below;
	// "": any.
	Path string

	Skip  int // let so many matching requests through first
	Count int // then play so many times; 0: once; negative: for ever

	// After carries the request out and then answers with the fault, as when a gateway
	// times out.
	After bool

	Status int // 0 with Reset: no answer at all; 0 otherwise: only Delay, then the usual answer
	Header map[string]string
	Body   string
	Reset  bool          // cut the connection
	Half   bool          // carry the request out, answer as usual, and cut the connection in the middle of the answer
	Delay  time.Duration // before anything else

	// Late carries the request out so long after it came, even if its sender has gone, and sends no answer. With Reset,
	// the connection is cut at once.
	Late time.Duration

	seen, played int
}

// BadGateway is GitHub's 502. With after, the request is carried out nevertheless.
func BadGateway(method, pattern string, count int, after bool) Fault {
	return Fault{Method: method, Path: pattern, Count: count, After: after, Status: http.StatusBadGateway,
		Header: map[string]string{"Content-Type": "application/json"}, Body: `{"message":"Server Error"}`}
}

// SecondaryLimit is the answer to a client that writes too fast. Status is 403 or 429; retryAfter 0
// leaves the header out.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
func SecondaryLimit(method, pattern string, status, count int, retryAfter time.Duration) Fault {
	h := map[string]string{"Content-Type": "application/json"}
	if retryAfter > 0 {
		h["Retry-After"] = strconv.Itoa(int(retryAfter.Seconds()))
	}
	return Fault{Method: method, Path: pattern, Count: count, Status: status, Header: h,
		Body: `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.","documentation_url":"https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`}
}

// PrimaryLimit is the answer when the hour's requests are used up.
func PrimaryLimit(method, pattern string, count int, reset time.Time) Fault {
	return Fault{Method: method, Path: pattern, Count: count, Status: http.StatusForbidden,
		Header: map[string]string{
			"Content-Type": "application/json", "X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0",
			"X-RateLimit-Used": "5000", "X-RateLimit-Reset": strconv.FormatInt(reset.Unix(), 10), "X-RateLimit-Resource": "core",
		},
		Body: `{"message":"API rate limit exceeded for installation ID 1.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"}`}
}

// Unprocessable is a 422 with the errors errs.
func Unprocessable(method, pattern string, count int, errs ...string) Fault {
	quoted := make([]string, len(errs))
	for i, e := range errs {
		quoted[i] = strconv.Quote(e)
	}
	return Fault{Method: method, Path: pattern, Count: count, Status: http.StatusUnprocessableEntity,
		Header: map[string]string{"Content-Type": "application/json"},
		Body:   fmt.Sprintf(`{"message":"Unprocessable Entity","errors":[%s],"documentation_url":"https://docs.github.com/rest"}`, strings.Join(quoted, ","))}
}

// ConnectionReset cuts the connection. With after, the request is carried out first.
func ConnectionReset(method, pattern string, count int, after bool) Fault {
	return Fault{Method: method, Path: pattern, Count: count, After: after, Reset: true}
}

// Broken answers as usual, but the connection ends in the middle of the answer.
func Broken(method, pattern string, count int) Fault {
	return Fault{Method: method, Path: pattern, Count: count, Half: true}
}

// Slow answers as usual, but late.
func Slow(method, pattern string, count int, delay time.Duration) Fault {
	return Fault{Method: method, Path: pattern, Count: count, Delay: delay}
}

// Unanswered gives no answer, and the request is carried out late: GitHub may do so until it abandons the request. With
// reset, the connection is cut at once.
// https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts
func Unanswered(method, pattern string, count int, late time.Duration, reset bool) Fault {
	return Fault{Method: method, Path: pattern, Count: count, Late: late, Reset: reset, After: true}
}

// Fail orders a fault.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults removes all faults that were ordered.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault returns the fault to play for a request, and counts the request.
func (s *Server) fault(method, p string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Method != "" && f.Method != method || !matches(f.Path, p) {
			continue
		}
		f.seen++
		limit := f.Count
		if limit == 0 {
			limit = 1
		}
		if f.seen <= f.Skip || limit > 0 && f.played >= limit {
			continue
		}
		f.played++
		played := *f
		return &played
	}
	return nil
}

func matches(pattern, p string) bool {
	if pattern == "" {
		return true
	}
	if prefix, all := strings.CutSuffix(pattern, "/**"); all {
		n := strings.Count(prefix, "/")
		parts := strings.SplitN(p, "/", n+2)
		return len(parts) == n+2 && matches(prefix, strings.Join(parts[:n+1], "/"))
	}
	ok, _ := path.Match(pattern, p)
	return ok
}

// answers reports whether the fault is an answer, and not just a delay.
func (f *Fault) answers() bool { return f.Reset || f.Status != 0 || f.Late > 0 }

// play plays the fault and reports whether it answered the request. A fault that only delays does not.
func (f *Fault) play(w http.ResponseWriter, r *http.Request) bool {
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
		}
	}
	switch {
	case f.Late > 0 && !f.Reset:
		<-r.Context().Done()
		return true
	case f.Late > 0: // cut already
		return true
	case f.Reset:
		cut(w)
		return true
	}
	if !f.answers() {
		return false
	}
	for k, v := range f.Header {
		w.Header().Set(k, v)
	}
	w.Header().Set("X-GitHub-Request-Id", requestID())
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(f.Body))
	return true
}

// cut ends a connection without an answer.
func cut(w http.ResponseWriter) {
	hj, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := hj.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset, not an orderly end
	}
	_ = conn.Close()
}

// late waits until a request that is carried out late is due. It returns the request to carry out.
func (f *Fault) late(w http.ResponseWriter, r *http.Request) *http.Request {
	if f == nil || f.Late <= 0 {
		return r
	}
	if f.Reset {
		cut(w)
	}
	time.Sleep(f.Late)
	return r.WithContext(context.WithoutCancel(r.Context()))
}

// write writes the usual answer to a request for which the fault, which may be nil, did not answer.
func (f *Fault) write(w http.ResponseWriter, status int, out []byte) {
	if f == nil || !f.Half {
		w.WriteHeader(status)
		_, _ = w.Write(out)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(out)+1)) // so that even an empty answer is cut
	w.WriteHeader(status)
	_, _ = w.Write(out[:len(out)/2])
	_ = http.NewResponseController(w).Flush() // fails if the client has gone already
	panic(http.ErrAbortHandler)               // cuts the connection
}

func requestID() string {
	b := make([]byte, 10)
	_, _ = rand.Read(b)
	return strings.ToUpper(hex.EncodeToString(b[:2]) + ":" + hex.EncodeToString(b[2:6]) + ":" + hex.EncodeToString(b[6:]))
}
