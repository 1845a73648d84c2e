package simulation

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// A relay is the way of deliveries to the App, on which they are lost, doubled or late.
type relay struct {
	world  *world
	server *httptest.Server
	client *http.Client

	mu   sync.Mutex
	next []func(deliver func() int) int // what happens to the next deliveries; guarded by mu
}

func newRelay(w *world) *relay {
	r := &relay{world: w, client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}}
	r.server = httptest.NewServer(r)
	return r
}

func (r *relay) url() string { return r.server.URL }

func (r *relay) close() {
	r.server.Close()
	r.client.CloseIdleConnections()
}

// order adds a fault for one of the next deliveries.
func (r *relay) order(fault func(deliver func() int) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = append(r.next, fault)
}

func (r *relay) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = nil
}

func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, "read body", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	var fault func(func() int) int
	if len(r.next) > 0 {
		fault, r.next = r.next[0], r.next[1:]
	}
	r.mu.Unlock()
	deliver := func() int { return r.pass(req, body) }
	status := 0
	if fault != nil {
		status = fault(deliver)
	} else {
		status = deliver()
	}
	w.WriteHeader(status)
}

// pass delivers to the App that runs now, and returns the status of its answer. The answer of one that was killed in the
// meantime does not count.
func (r *relay) pass(req *http.Request, body []byte) int {
	r.mu.Lock()
	to := r.world.app
	r.mu.Unlock()
	if to == nil || to.dead() {
		return http.StatusBadGateway
	}
	out, err := http.NewRequestWithContext(req.Context(), http.MethodPost, to.url, bytes.NewReader(body))
	if err != nil {
		return http.StatusBadGateway
	}
	out.Header = req.Header.Clone()
	resp, err := r.client.Do(out)
	if err != nil {
		return http.StatusBadGateway
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if to.dead() {
		return http.StatusBadGateway
	}
	return resp.StatusCode
}
