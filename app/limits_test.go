package app

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
)

// TestLimitsOfTwoProcesses has two Apps on one database. GitHub limits one of them, and the other does not ask it either.
func TestLimitsOfTwoProcesses(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var limiting atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/access_tokens") {
			w.WriteHeader(http.StatusCreated)
			_ = json.NewEncoder(w).Encode(map[string]any{"token": "ghs_x", "expires_at": time.Now().Add(time.Hour)})
			return
		}
		asked.Add(1)
		if limiting.Load() {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = w.Write([]byte("{}"))
	}))
	defer server.Close()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	url := "sqlite:" + filepath.Join(t.TempDir(), "db")
	client := func(id int64) *installation.Client {
		l, err := ledger.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		a := &app{ledger: l}
		gh, err := installation.New(installation.Options{
			AppID: 1, URL: server.URL, Shared: a.sharedLimits(),
			Key: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		})
		if err != nil {
			t.Fatal(err)
		}
		c, err := gh.Client(t.Context(), id, 0, "acme", "shop")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	get := func(c *installation.Client) error {
		_, _, err := c.REST.Repositories.Get(t.Context(), "acme", "shop")
		return err
	}
	one, other, elsewhere := client(7), client(7), client(8)
	limiting.Store(true)
	var first, second *installation.RateLimited
	if err := get(one); !errors.As(err, &first) || !first.Secondary {
		t.Fatalf("the first: %v", err)
	}
	limiting.Store(false)
	before := asked.Load()
	if err := get(other); !errors.As(err, &second) || !second.Secondary || second.Until.Sub(first.Until).Abs() > time.Second || asked.Load() != before {
		t.Errorf("the other: %v, GitHub was asked %d times", err, asked.Load()-before)
	}
	if err := get(elsewhere); err != nil {
		t.Errorf("another installation: %v", err)
	}
}
