package installation

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v4"
)

// ParseKey reads an App's private key: PEM, PKCS#1 or PKCS#8, RSA as GitHub makes it. The error continues a sentence
// whose subject is the setting, and repeats nothing of the text.
func ParseKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("is not a private key: it has to begin with -----BEGIN RSA PRIVATE KEY-----")
	}
	const take = ": take the .pem file that GitHub makes on the App's settings page"
	switch {
	case strings.HasSuffix(block.Type, "PUBLIC KEY"):
		return nil, errors.New("is a public key, and the private key is needed" + take)
	case block.Type == "CERTIFICATE":
		return nil, errors.New("is a certificate, and the App's private key is needed" + take)
	case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, errors.New("is encrypted with a passphrase: remove it, for example with `openssl pkey -in KEY -out KEY.plain`")
	case block.Type == "EC PRIVATE KEY", block.Type == "OPENSSH PRIVATE KEY", notRSA(block):
		return nil, errors.New("is no RSA key, and the keys of GitHub Apps are" + take)
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(bytes.TrimSpace(text))
	if err != nil {
		return nil, errors.New("is damaged: it begins like a private key, and cannot be read" + take)
	}
	return key, nil
}

// notRSA reports whether the block is a valid PKCS#8 key of another algorithm.
func notRSA(block *pem.Block) bool {
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return false
	}
	_, ok := key.(*rsa.PrivateKey)
	return !ok
}
