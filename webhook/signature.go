package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// A signature is GitHub's HMAC-SHA256 of the raw body. It does not cover the headers.
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
type signature [sha256.Size]byte

// parseSignature reads the header X-Hub-Signature-256. The older X-Hub-Signature (SHA-1)
// is never asked for.
func parseSignature(header string) (s signature, ok bool) {
	digits, ok := strings.CutPrefix(header, "sha256=")
	if !ok || len(digits) != hex.EncodedLen(len(s)) {
		return s, false
	}
	_, err := hex.Decode(s[:], []byte(digits))
	return s, err == nil
}

// matches reports whether one of the secrets signed the body.
func (s signature) matches(body []byte, secrets [][]byte) bool {
	for _, secret := range secrets {
		// An empty key is known to everybody, so it proves nothing even if Check was
		// not asked.
		if len(secret) == 0 {
			continue
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		if hmac.Equal(mac.Sum(nil), s[:]) {
			return true
		}
	}
	return false
}
