package webhook

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkForgedFlood sends a large delivery (-flood sets its megabytes) with a well-formed but false signature
// over each of 100 connections. It compares a server that reads a whole body before it verifies it with this one:
// memory, and the longest wait of another request.
//
// The resident memory is that of the process, which includes the senders.
func BenchmarkForgedFlood(b *testing.B) {
	for _, bench := range []struct {
		name    string
		handler func(testing.TB) http.Handler
	}{
		{"read-all", func(testing.TB) http.Handler { return http.HandlerFunc(readAll) }},
		{"bounded", func(t testing.TB) http.Handler {
			return &Handler{Dir: t.TempDir(), Secrets: [][]byte{floodSecret}, Accept: nil}
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var worst time.Duration
			var peak float64
			for b.Loop() {
				mux := http.NewServeMux()
				mux.Handle("/webhook", bench.handler(b))
				mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
				server := httptest.NewServer(mux)
				resident(b)
				before := resident(b)
				done, stopped := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(stopped)
					for {
						began := time.Now()
						resp, err := server.Client().Get(server.URL + "/healthz")
						if err != nil {
							b.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, resp.Body)
						_ = resp.Body.Close()
						worst = max(worst, time.Since(began))
						select {
						case <-done:
							return
						case <-time.After(10 * time.Millisecond):
						}
					}
				}()
				attack(b, server.Listener.Addr().String(), 100, *flood<<20)()
				close(done)
				<-stopped
				peak = max(peak, resident(b)-before)
				server.CloseClientConnections()
				server.Close()
			}
			b.ReportMetric(peak, "peak-MB")
			b.ReportMetric(float64(worst.Microseconds())/1000, "worst-healthz-ms")
		})
	}
}

// readAll verifies deliveries in the former way.
func readAll(w http.ResponseWriter, r *http.Request) {
	s, ok := parseSignature(r.Header.Values("X-Hub-Signature-256"))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	macs := newMACs([][]byte{floodSecret})
	macs[0].Write(body)
	if !ok || err != nil || !s.matches(macs) {
		http.Error(w, "no", http.StatusUnauthorized)
	}
}

// resident returns the peak memory of the process since the last call, in megabytes.
func resident(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("the memory of a process is read from /proc: ", err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Skip("the peak of a process's memory cannot be reset: ", err)
	}
	return kb / 1024
}
