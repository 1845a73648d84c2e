// Package webhooktest creates deliveries like those of GitHub.
package webhooktest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// Request returns a delivery of the event with this body, signed with the secret. A client can send it, or a
// handler can serve it. It panics if url is not a URL.
func Request(url, event, guid string, secret, body []byte) *http.Request {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		panic("webhooktest: " + err.Error())
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "GitHub-Hookshot/webhooktest")
	r.Header.Set("X-GitHub-Delivery", guid)
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return r
}
