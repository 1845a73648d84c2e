package fakegithub

import (
	"slices"
	"strings"
	"sync"
)

// credentials are the secrets that the stand-in has handed out or accepted, for tests that search for them.
type credentials struct {
	mu      sync.Mutex
	list    []string // guarded by mu
	written []string // guarded by mu; the writes that hold one
}

// maxCredentials bounds the list: a test with more repositories than that searches for some of their tokens.
const maxCredentials = 500

func (c *credentials) add(secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) < maxCredentials && !slices.Contains(c.list, secret) {
		c.list = append(c.list, secret)
	}
}

// note remembers a write whose body holds a credential.
func (c *credentials) note(method, path string, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := string(body)
	for _, secret := range c.list {
		if strings.Contains(text, secret) {
			c.written = append(c.written, method+" "+path)
			return
		}
	}
}

// Credentials lists the tokens of installations and of jobs that were made so far, and the App's own JSON web tokens that
// were accepted.
func (s *Server) Credentials() []string {
	s.credentials.mu.Lock()
	defer s.credentials.mu.Unlock()
	return slices.Clone(s.credentials.list)
}

// WrittenCredentials lists the writes of the App that held one of [Server.Credentials] in their body.
func (s *Server) WrittenCredentials() []string {
	s.credentials.mu.Lock()
	defer s.credentials.mu.Unlock()
	return slices.Clone(s.credentials.written)
}
