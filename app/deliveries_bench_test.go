package app_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/demo"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/webhook/webhooktest"
)

// These are the servers that the benchmarks of deliveries compare: one that verifies signatures and does nothing else,
// which is the limit, and the App in its roles on each database. Each benchmark starts its servers one after another in
// one process, beside the senders, so that all have the same cores. deploy/bench/README.md says how to read the results.
var deliveryServers = []string{"bare", "sqlite-web", "sqlite-all", "postgres-web", "postgres-all"}

// A hook is a server to which deliveries are sent.
type hook struct {
	url    string
	secret []byte
	body   []byte
	next   atomic.Int64
	client *http.Client
}

const senders = 64

// startHook starts one of the servers. stored counts the deliveries that it keeps.
func startHook(b *testing.B, kind string) (h *hook, stored func() int) {
	body, err := os.ReadFile("../webhook/testdata/deliveries/pull_request.opened.json")
	if err != nil {
		b.Fatal(err)
	}
	// GitHub's deliveries of pull requests have about 25 kB.
	user := `{"login": "mira-okafor", "id": 40117709, "node_id": "U_kgDOAmQh7Q", "type": "User", "site_admin": false}`
	body = bytes.Replace(body, []byte(`"labels": []`), []byte(`"labels": [`+strings.Repeat(user+", ", 200)+user+`]`), 1)
	h = &hook{body: body, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}}
	b.Cleanup(h.client.CloseIdleConnections)
	if kind == "bare" {
		h.secret = []byte("a secret")
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			mac := hmac.New(sha256.New, h.secret)
			mac.Write(body)
			sum, _ := hex.DecodeString(r.Header.Get("X-Hub-Signature-256")[len("sha256="):])
			if err != nil || !hmac.Equal(sum, mac.Sum(nil)) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.WriteHeader(http.StatusAccepted)
		}))
		b.Cleanup(server.Close)
		h.url = server.URL
		return h, nil
	}
	w, err := demo.NewWorld(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.GitHub.Close)
	engine, role, _ := strings.Cut(kind, "-")
	w.Settings.Role, w.Settings.Workers, w.Settings.Database = role, "4", databaseOn(b, engine)
	if err := w.Start(context.Background(), zerolog.New(io.Discard).Level(zerolog.InfoLevel)); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := w.Stop(); err != nil {
			b.Error("stop:", err)
		}
	})
	w.GitHub.CreateOrg("acme")
	w.GitHub.CreateRepo("acme", "shop", true)
	w.GitHub.Install("acme")
	w.GitHub.Settle()
	h.url, h.secret = w.Address()+"/webhook", []byte(w.Settings.WebhookSecret)
	count := func() int {
		l, err := ledger.OpenReader(context.Background(), w.Settings.Database)
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		n, err := l.Deliveries(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	before := count()
	return h, func() int { return count() - before }
}

// one sends a delivery about a pull request that no other is about.
func (h *hook) one(b *testing.B) time.Duration {
	n := h.next.Add(1)
	body := bytes.Replace(h.body, []byte(`"number": 318`), fmt.Appendf(nil, `"number": %d`, 1000+n), 2)
	r := webhooktest.Request(h.url, "pull_request", fmt.Sprintf("guid-%d", n), h.secret, body)
	began := time.Now()
	resp, err := h.client.Do(r)
	if err != nil {
		b.Error(err)
		return 0
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusAccepted {
		b.Errorf("delivery %d: %d %s", n, resp.StatusCode, text)
	}
	return time.Since(began)
}

func (h *hook) check(b *testing.B, stored func() int) {
	if stored == nil {
		return
	}
	if got := stored(); got != int(h.next.Load()) {
		b.Errorf("%d deliveries are stored, and %d were accepted", got, h.next.Load())
	}
}

// BenchmarkDeliveries shows how many deliveries a second each server takes from 64 senders that send the next one when
// the last is answered, how long each takes, and the CPU time of all processes for each, in which the senders and the
// server of the database have their parts. Each one that was answered with success is stored.
func BenchmarkDeliveries(b *testing.B) {
	for _, kind := range deliveryServers {
		b.Run(kind, func(b *testing.B) {
			h, stored := startHook(b, kind)
			h.one(b)
			var next atomic.Int64
			times := make([]time.Duration, b.N)
			var all sync.WaitGroup
			cpu := cpuTime(b, strconv.Itoa(os.Getpid()))
			b.ResetTimer()
			for range senders {
				all.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						times[i] = h.one(b)
					}
				})
			}
			all.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
			b.ReportMetric(float64((cpuTime(b, strconv.Itoa(os.Getpid()))-cpu).Microseconds())/float64(b.N), "cpu-µs/delivery")
			reportTimes(b, times)
			h.check(b, stored)
		})
	}
}

// BenchmarkDeliveryLatency shows how long a delivery takes at 200 a second.
func BenchmarkDeliveryLatency(b *testing.B) {
	for _, kind := range deliveryServers {
		b.Run(kind, func(b *testing.B) {
			h, stored := startHook(b, kind)
			h.one(b)
			times := make([]time.Duration, b.N)
			tick := time.NewTicker(time.Second / 200)
			defer tick.Stop()
			var all sync.WaitGroup
			b.ResetTimer()
			for i := range times {
				<-tick.C
				all.Go(func() { times[i] = h.one(b) })
			}
			all.Wait()
			b.StopTimer()
			reportTimes(b, times)
			h.check(b, stored)
		})
	}
}

func reportTimes(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
}
