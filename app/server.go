package app

import (
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/netutil"

	"github.com/secbydesign/secbydesign/webhook"
)

// serving bounds everything that an untrusted client could prolong or multiply.
type serving struct {
	header, body, answer, idle time.Duration
	headerBytes                int
	connections                int
}

// standard are the limits of every server of this program. The handlers of deliveries and uploads set deadlines of their
// own for a body, which count instead of these.
func standard() serving {
	return serving{
		header: 10 * time.Second,
		body:   60 * time.Second, // 25 MB from a slow sender
		answer: 60 * time.Second, // until a slow reader has all of it
		idle:   2 * time.Minute,

		headerBytes: 64 << 10, // GitHub sends less than 2 kB

		// A connection costs a file and at most some 20 kB until its body is verified. Without a bound, connections that do
		// nothing would take the files that git and the database need. Further ones wait in the system's queue.
		connections: 2000,
	}
}

// server returns a server within limits. It speaks HTTP/1.1 only: without TLS no client speaks HTTP/2, and its streams
// would be a second thing to bound.
func (a *app) server(routes http.Handler, limits serving) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           routes,
		ReadHeaderTimeout: limits.header,
		ReadTimeout:       limits.body,
		WriteTimeout:      limits.answer,
		IdleTimeout:       limits.idle,
		MaxHeaderBytes:    limits.headerBytes,
		Protocols:         protocols,
		ErrorLog:          stdlog.New(connectionLog{a.log}, "", 0),
	}
}

// bounded returns a listener with at most as many connections at a time as limits say.
func bounded(l net.Listener, limits serving) net.Listener {
	return netutil.LimitListener(l, limits.connections)
}

// A connectionLog passes on what the HTTP library reports about single connections, as a line of the program's log.
type connectionLog struct{ log zerolog.Logger }

func (l connectionLog) Write(line []byte) (int, error) {
	l.log.Debug().Str("about", string(line)).Msg("a connection failed")
	return len(line), nil
}

// maxNoBody is how many bytes a request may bring for which no body is defined.
const maxNoBody = 4 << 10

// bodyless answers 413 to a request with a body that is larger than nothing should be, and lets its sender read the
// answer, see [webhook.Linger].
func bodyless(next http.Handler) http.Handler {
	return webhook.Linger(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tooLarge(r) {
			say(w, http.StatusRequestEntityTooLarge, "This address takes no body.")
			return
		}
		next.ServeHTTP(w, r)
	}))
}

func tooLarge(r *http.Request) bool {
	if r.ContentLength > maxNoBody {
		return true
	}
	for left := maxNoBody + 1; r.Body != nil && left > 0; {
		n, err := r.Body.Read(make([]byte, left))
		left -= n
		if err != nil {
			return false // the end, or the sender went away
		}
		if left == 0 {
			return true
		}
	}
	return false
}

// caught answers 500 to a request whose handler panics. What it says is in the log alone.
func (a *app) caught(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				panic(v) // the way to end a connection
			default:
				a.log.Error().Str("panic", fmt.Sprint(v)).Bytes("stack", debug.Stack()).Msg("a request failed")
				say(w, http.StatusInternalServerError, "Something failed; the log says what.")
			}
		}()
		next.ServeHTTP(w, r)
	})
}
