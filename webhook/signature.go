package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
)

// A signature is GitHub's HMAC-SHA256 of the raw body. It does not cover the headers.
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
type signature [sha256.Size]byte

// parseSignature parses the header X-Hub-Signature-256, which must occur once: with two it would not be clear
// which one counts. The older X-Hub-Signature (SHA-1) is ignored.
func parseSignature(headers []string) (s signature, ok bool) {
	if len(headers) != 1 {
		return s, false
	}
	digits, ok := strings.CutPrefix(headers[0], "sha256=")
	if !ok || len(digits) != hex.EncodedLen(len(s)) {
		return s, false
	}
	_, err := hex.Decode(s[:], []byte(digits))
	return s, err == nil
}

// newMACs returns one hash for each secret. The caller writes the body to all of them.
func newMACs(secrets [][]byte) (macs []hash.Hash) {
	for _, secret := range secrets {
		// Everybody knows an empty key, so it proves nothing, even if nobody called Check.
		if len(secret) > 0 {
			macs = append(macs, hmac.New(sha256.New, secret))
		}
	}
	return macs
}

// matches reports whether one of the secrets signed the data written to the hashes.
func (s signature) matches(macs []hash.Hash) bool {
	for _, mac := range macs {
		if hmac.Equal(mac.Sum(nil), s[:]) {
			return true
		}
	}
	return false
}
