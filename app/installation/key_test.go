package installation

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestKeysThatAreNone checks that each common mistake with the private key has its own sentence.
func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := x509.MarshalECPrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	ec8, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	in := func(kind string, b []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})
	}
	for name, tt := range map[string]struct {
		text []byte
		want string // empty for a valid key
	}{
		"PKCS#1":            {pkcs1(), ""},
		"PKCS#8":            {pkcs8(), ""},
		"white space":       {append([]byte("\n\n"), append(pkcs1(), "\n \n"...)...), ""},
		"a word":            {[]byte("hunter2"), "is not a private key"},
		"nothing":           {nil, "is not a private key"},
		"public":            {in("PUBLIC KEY", public), "is a public key"},
		"public, PKCS#1":    {in("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key().PublicKey)), "is a public key"},
		"certificate":       {in("CERTIFICATE", []byte("x")), "is a certificate"},
		"curve":             {in("EC PRIVATE KEY", ec), "is no RSA key"},
		"curve, PKCS#8":     {in("PRIVATE KEY", ec8), "is no RSA key"},
		"OpenSSH":           {in("OPENSSH PRIVATE KEY", []byte("openssh-key-v1")), "is no RSA key"},
		"encrypted, PKCS#8": {in("ENCRYPTED PRIVATE KEY", []byte("x")), "passphrase"},
		"encrypted, PKCS#1": {pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("x")}), "passphrase"},
		"cut off":           {in("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key())[:400]), "is damaged"},
	} {
		_, err := ParseKey(tt.text)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the text is repeated: %v", name, err)
		}
	}
}

// TestCredentialsThatAreRefused checks the sentence for each refusal, and that an absent GitHub is none.
func TestCredentialsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status  int
		message string
		want    string // empty for no refusal
	}{
		"wrong key":   {401, "A JSON web token could not be decoded", "does not accept the private key"},
		"wrong id":    {404, "Integration not found", "knows no App with the id 4711"},
		"late clock":  {401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued", "clock"},
		"early clock": {401, "'Expiration time' claim ('exp') is too far in the future", "clock"},
		"no GitHub":   {404, "", "does not answer like GitHub"},
		"away":        {502, "Bad gateway", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(`{"message":"` + tt.message + `"}`))
			}))
			defer server.Close()
			a, err := New(Options{AppID: appID, Key: pkcs1(), URL: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = a.Self(context.Background())
			var refused *Refused
			switch {
			case err == nil:
				t.Error("no error")
			case errors.As(err, &refused) != (tt.want != ""), !strings.Contains(err.Error(), tt.want):
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
