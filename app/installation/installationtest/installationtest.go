// Package installationtest connects an App to the stand-in for GitHub, for tests.
package installationtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"sync"
	"testing"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

var key = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// New starts a stand-in for GitHub and returns it with an App that knows it. The id, address and key of o are set
// here. The stand-in ends with the test.
func New(t *testing.T, o installation.Options) (*fakegithub.Server, *installation.App) {
	t.Helper()
	k, err := key()
	if err != nil {
		t.Fatal(err)
	}
	gh, err := fakegithub.New(fakegithub.Options{Dir: t.TempDir(), AppID: 1, PublicKey: &k.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	if err := gh.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gh.Close)
	o.AppID, o.URL = 1, gh.URL()
	o.Key = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})
	app, err := installation.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return gh, app
}
